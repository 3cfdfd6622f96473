//! Tests of the read path as a whole.

mod bytes;
mod model;
mod panics;
mod stress;
mod threads;

use std::cell::Cell;
use std::sync::Arc;
use std::sync::atomic::{AtomicUsize, Ordering};

use super::{Arena, Found, WriteToken, Writer, grace, pinned};

/// How often values were dropped.
type Drops = Arc<AtomicUsize>;

/// A value that counts its drop.
#[derive(Debug)]
struct Counted {
    key: u64,
    drops: Drops,
}

impl Drop for Counted {
    fn drop(&mut self) {
        self.drops.fetch_add(1, Ordering::Relaxed);
    }
}

/// A hash that spreads numbers.
fn hash(key: u64) -> u64 {
    (key ^ key >> 31).wrapping_mul(0xd6e8_feb8_6659_fd93)
}

/// An arena with so many values, the keys 0 and up.
fn filled(values: u64) -> (Arena<Counted>, WriteToken, Drops) {
    let drops = Drops::default();
    let (arena, mut token) = Arena::new(values as usize);
    for key in 0..values {
        let drops = Arc::clone(&drops);
        arena
            .writer(&mut token)
            .insert(hash(key), Counted { key, drops });
    }
    (arena, token, drops)
}

/// Unlinks a slot without a look at its value.
fn unlink<T>(writer: &mut Writer<'_, T>, slot: u32) {
    pinned(|pin| {
        writer.unlink(pin, slot);
    });
}

/// Reclaims until nothing waits: other tests' threads, which are pinned now and then, may make it.
fn reclaimed<T>(writer: &mut Writer<'_, T>) -> Vec<T> {
    let mut out = Vec::new();
    while writer.retired() > 0 {
        writer.reclaim_all(&mut out);
        std::thread::yield_now();
    }
    out
}

fn has(arena: &Arena<Counted>, key: u64) -> bool {
    let read = |value: &Counted| assert_eq!(value.key, key);
    arena
        .read(hash(key), |value| value.key == key, read)
        .is_some()
}

#[test]
fn an_arena_goes_between_threads_where_its_values_may() {
    /// Two impls apply where `T` is `Send` or `Sync`, so that naming none of them is an error then.
    macro_rules! assert_not {
        ($kind:ty, $bound:ident) => {{
            trait Ambiguous<A> {
                fn there() {}
            }
            struct Bounded;
            impl<T: ?Sized> Ambiguous<()> for T {}
            impl<T: ?Sized + $bound> Ambiguous<Bounded> for T {}
            <$kind as Ambiguous<_>>::there();
        }};
    }
    fn both<T: Send + Sync>() {}
    both::<Arena<u64>>();
    both::<Arena<String>>();
    both::<WriteToken>();
    // Not Sync, not Send, and neither.
    type OnlySend = Cell<u8>;
    type OnlySync = std::sync::MutexGuard<'static, u8>;
    assert_not!(Arena<OnlySend>, Sync);
    assert_not!(Arena<OnlySend>, Send);
    assert_not!(Arena<OnlySync>, Sync);
    assert_not!(Arena<OnlySync>, Send);
    assert_not!(Arena<std::rc::Rc<u8>>, Sync);
    assert_not!(Found<'static, OnlySend>, Send);
    assert_not!(super::Pin, Send);
}

#[test]
fn what_is_unlinked_is_not_found_and_can_be_read_by_who_did_it() {
    let (arena, mut token, drops) = filled(3);
    let mut writer = arena.writer(&mut token);
    let slot = writer
        .find(hash(1), |value| value.key == 1)
        .expect("it is there");
    pinned(|pin| {
        let value = writer.unlink(pin, slot);
        assert!(!has(&arena, 1));
        assert_eq!(value.key, 1);
    });
    assert_eq!(
        (
            writer.len(),
            writer.retired(),
            drops.load(Ordering::Relaxed)
        ),
        (2, 1, 0)
    );
    let out = reclaimed(&mut writer);
    assert_eq!(out.iter().map(|value| value.key).collect::<Vec<_>>(), [1]);
    writer.check();
}

#[test]
fn a_replaced_value_is_found_by_its_key_in_another_slot() {
    let (arena, mut token, drops) = filled(2);
    let mut writer = arena.writer(&mut token);
    let slot = writer
        .find(hash(0), |value| value.key == 0)
        .expect("it is there");
    let new = Counted {
        key: 0,
        drops: Arc::clone(&drops),
    };
    let new = pinned(|pin| {
        let (new, old) = writer.replace(pin, slot, new);
        assert_eq!(old.key, 0);
        new
    });
    assert_ne!(new, slot);
    assert_eq!(writer.find(hash(0), |value| value.key == 0), Some(new));
    assert_eq!(writer.len(), 2);
    writer.check();
}

#[test]
fn hits_are_counted_up_to_three_and_taken_once() {
    let (arena, mut token, _) = filled(2);
    for _ in 0..9 {
        assert!(has(&arena, 1));
    }
    pinned(|pin| {
        // Found, and not touched.
        let found = arena.find(pin, hash(0), |value| value.key == 0);
        assert_eq!(
            found.map(|found| (found.slot(), found.into_value().key)),
            Some((0, 0))
        );
    });
    let mut writer = arena.writer(&mut token);
    assert_eq!([0, 1, 1].map(|slot| writer.take_touches(slot)), [0, 3, 0]);
    writer.touch(0);
    assert_eq!(writer.take_touches(0), 1);
}

#[test]
fn nothing_is_reclaimed_while_its_own_thread_is_pinned() {
    let (arena, mut token, drops) = filled(1);
    let mut writer = arena.writer(&mut token);
    let mut out = Vec::new();
    pinned(|pin| {
        let value = writer.unlink(pin, 0);
        writer.reclaim_all(&mut out);
        assert!(out.is_empty());
        assert_eq!((value.key, drops.load(Ordering::Relaxed)), (0, 0));
    });
    assert_eq!(reclaimed(&mut writer).len(), 1);
}

#[test]
fn batches_are_reclaimed_without_being_told_to() {
    let (arena, mut token, _) = filled(4000);
    let mut writer = arena.writer(&mut token);
    let mut out = Vec::new();
    for slot in 0..4000 {
        unlink(&mut writer, slot);
        writer.reclaim(&mut out);
    }
    assert_eq!(out.len() + writer.retired(), 4000);
    // Nothing more is unlinked: all but two batches, and what waits for other tests' threads, is reclaimed in
    // time. A batch is larger where there are many threads.
    while out.len() < 2000 {
        writer.reclaim(&mut out);
        std::thread::yield_now();
    }
    assert_eq!(out.len() + writer.retired(), 4000);
    writer.check();
}

#[test]
fn a_pin_that_lasts_delays_reclamation_and_nothing_else() {
    let (arena, mut token, drops) = filled(100);
    let mut writer = arena.writer(&mut token);
    let mut out = Vec::new();
    pinned(|pin| {
        let first = arena.find(pin, hash(0), |value| value.key == 0);
        let first = first.expect("it is there").into_value();
        for key in 0..2000 {
            unlink(&mut writer, key);
            let drops = Arc::clone(&drops);
            let key = u64::from(key) + 100;
            writer.insert(hash(key), Counted { key, drops });
            writer.reclaim(&mut out);
            assert!(has(&arena, key));
        }
        assert_eq!((out.len(), writer.retired(), writer.len()), (0, 2000, 100));
        assert_eq!(first.key, 0);
    });
    assert_eq!(reclaimed(&mut writer).len(), 2000);
    writer.check();
}

#[test]
fn who_is_refused_a_fence_asks_seldom_and_loses_nothing() {
    let (arena, mut token, _) = filled(4000);
    let mut writer = arena.writer(&mut token);
    let mut out = Vec::new();
    // Batches for which other tests have fenced meanwhile: each lets it ask again from the start.
    let mut batches = 0;
    let refused = grace::refusal::during(|| {
        for slot in 0..4000 {
            unlink(&mut writer, slot);
            let before = out.len();
            writer.reclaim(&mut out);
            batches += u32::from(out.len() > before);
        }
    });
    // At 64 more, and each time that it is twice as many.
    assert!(
        refused <= 8 * (1 + batches),
        "refused {refused} times, {batches} batches"
    );
    out.extend(reclaimed(&mut writer));
    assert_eq!(out.len(), 4000);
    writer.check();
}

#[test]
fn who_fences_without_the_lock_spares_the_writer_a_fence() {
    let (arena, mut token, _) = filled(4000);
    let mut writer = arena.writer(&mut token);
    let mut out = Vec::new();
    // Other tests fence for some batches, and not for all of these.
    let asked = (0..4000).any(|slot| {
        unlink(&mut writer, slot);
        writer.reclaim(&mut out);
        writer.wants_fence()
    });
    assert!(asked, "no batch wants a fence before the next one is full");
    assert!(!writer.wants_fence(), "one batch, one fence");
    assert!(grace::fence());
    let before = out.len();
    let refused = grace::refusal::during(|| {
        while out.len() == before {
            writer.reclaim(&mut out);
            std::thread::yield_now();
        }
    });
    assert_eq!(refused, 0);
}

#[test]
fn an_arena_drops_each_value_once_retired_ones_too() {
    let (arena, mut token, drops) = filled(500);
    let mut writer = arena.writer(&mut token);
    for slot in 0..100 {
        unlink(&mut writer, slot);
    }
    assert_eq!(drops.load(Ordering::Relaxed), 0);
    drop(arena);
    assert_eq!(drops.load(Ordering::Relaxed), 500);
}

#[test]
fn many_values_of_one_hash_crowd_and_leave_again() {
    let (arena, mut token) = Arena::new(100);
    let mut writer = arena.writer(&mut token);
    for round in 0..30 {
        let slots: Vec<u32> = (0..100)
            .map(|key| writer.insert(hash(7), round * 100 + key))
            .collect();
        writer.check();
        for key in round * 100..round * 100 + 100 {
            assert_eq!(
                arena.read(hash(7), |value| *value == key, |value| *value),
                Some(key)
            );
        }
        for slot in slots {
            unlink(&mut writer, slot);
        }
        writer.check();
        writer.reclaim(&mut Vec::new());
    }
    assert_eq!(arena.read(hash(7), |_| true, |_| ()), None);
}

#[test]
#[should_panic(expected = "this token came with another arena")]
fn a_token_of_another_arena_is_refused() {
    let (arena, _token) = Arena::<u64>::new(1);
    let (_other, mut token) = Arena::<u64>::new(1);
    arena.writer(&mut token);
}

#[test]
#[should_panic(expected = "its value was unlinked")]
fn a_slot_is_unlinked_once() {
    let (arena, mut token, _) = filled(2);
    let mut writer = arena.writer(&mut token);
    unlink(&mut writer, 1);
    unlink(&mut writer, 1);
}

#[test]
#[should_panic(expected = "was never in use")]
fn a_slot_that_was_never_in_use_is_refused() {
    let (arena, mut token, _) = filled(2);
    arena.writer(&mut token).take_touches(2);
}
