//! What may go to another thread, and what may not: decided when this file is compiled.

use std::cell::Cell;
use std::rc::Rc;
use std::sync::MutexGuard;

use slab_core::{
    Arena, ByteSlab, Drain, Global, Handle, IntoIter, Iter, IterMut, Provider, Reservation,
    SecondaryMap, VacantEntry,
};

/// Compiles only if the type does not have the trait: else both impls fit, and the choice of `_` is
/// ambiguous.
macro_rules! refuses {
    ($marker:ident: $($type:ty),+ $(,)?) => {{
        trait Ambiguous<A> {
            fn chosen() {}
        }
        impl<T: ?Sized> Ambiguous<()> for T {}
        impl<T: ?Sized + $marker> Ambiguous<u8> for T {}
        $(<$type as Ambiguous<_>>::chosen();)+
    }};
}

/// Neither `Send` nor `Sync`.
type Neither = Rc<u8>;
/// `Send`, not `Sync`.
type SendOnly = Cell<u8>;
/// `Sync`, not `Send`.
type SyncOnly = MutexGuard<'static, u8>;
/// A provider that is neither `Send` nor `Sync`.
type Local = &'static dyn Provider;

#[test]
fn what_holds_a_value_goes_where_the_value_may() {
    fn send<T: Send>() {}
    fn sync<T: Sync>() {}

    send::<Arena<SendOnly>>();
    send::<IterMut<'_, SendOnly>>();
    send::<Drain<'_, SendOnly>>();
    send::<IntoIter<SendOnly>>();
    send::<VacantEntry<'_, SendOnly>>();
    send::<SecondaryMap<Neither, SendOnly>>();
    send::<Iter<'_, SyncOnly>>();
    sync::<Arena<SyncOnly>>();
    sync::<SecondaryMap<Neither, SyncOnly>>();
    send::<Handle<Neither>>();
    sync::<Handle<Neither>>();

    refuses!(Send: Arena<SyncOnly>, IterMut<'_, SyncOnly>, Drain<'_, SyncOnly>, IntoIter<SyncOnly>);
    refuses!(Send: VacantEntry<'_, SyncOnly>, SecondaryMap<u8, SyncOnly>, Iter<'_, SendOnly>);
    refuses!(Sync: Arena<SendOnly>, Iter<'_, SendOnly>, IterMut<'_, SendOnly>);
    refuses!(Sync: Drain<'_, SendOnly>, IntoIter<SendOnly>, SecondaryMap<u8, SendOnly>);
}

#[test]
fn what_holds_a_provider_goes_where_the_provider_may() {
    refuses!(Send: Arena<u8, Local>, Drain<'_, u8, Local>, IntoIter<u8, Local>);
    refuses!(Send: VacantEntry<'_, u8, Local>, SecondaryMap<u8, u8, Local>);
    refuses!(Send: ByteSlab<Local>, Reservation<'_, Local>);
    refuses!(Sync: Arena<u8, Local>, Drain<'_, u8, Local>, IntoIter<u8, Local>);
    refuses!(Sync: SecondaryMap<u8, u8, Local>, ByteSlab<Local>, Reservation<'_, Local>);
}

#[test]
fn values_are_reached_from_several_threads() {
    let mut arena: Arena<u64, Global> = (0..1000).collect();
    std::thread::scope(|scope| {
        let mut values = arena.iter_mut();
        let (_, first) = values.next().expect("a thousand values");
        scope.spawn(move || {
            for (_, value) in values {
                *value += 1;
            }
        });
        *first += 1;
    });
    let total = std::thread::scope(|scope| {
        let shared = &arena;
        let threads = [0, 1].map(|parity| {
            scope.spawn(move || {
                let values = shared.iter().map(|(_, &value)| value);
                values.filter(|value| value % 2 == parity).sum::<u64>()
            })
        });
        threads
            .into_iter()
            .map(|thread| thread.join().expect("it only reads"))
            .sum::<u64>()
    });
    assert_eq!(total, (1..=1000).sum());
}
