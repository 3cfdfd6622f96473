//! The object cache when memory is refused or the caller's code panics, at every point in turn.

use std::alloc::Layout;
use std::cell::{Cell, RefCell};
use std::panic::{AssertUnwindSafe, catch_unwind};
use std::ptr::NonNull;
use std::rc::Rc;
use std::sync::Arc;

use slab_core::{
    Counting, Failing, Global, LocalBox, LocalCache, ProvideError, Provider, SlabBox, SpinLock,
};

use crate::cache::{Small, Watched, small, watched};

/// A value that tells its number and panics when it is dropped, if it is its turn.
struct Fused {
    number: u64,
    turns: Rc<Turns>,
}

/// Counts the calls of the caller's code; one of them panics.
#[derive(Default)]
struct Turns {
    taken: Cell<u64>,
    explodes_at: Cell<Option<u64>>,
    live: Cell<i64>,
}

impl Turns {
    fn take(&self) {
        let turn = self.taken.replace(self.taken.get() + 1);
        if self.explodes_at.get() == Some(turn) {
            panic!("turn {turn}");
        }
    }

    fn value(self: &Rc<Self>, number: u64) -> Fused {
        self.live.set(self.live.get() + 1);
        Fused {
            number,
            turns: self.clone(),
        }
    }
}

impl Drop for Fused {
    fn drop(&mut self) {
        self.turns.live.set(self.turns.live.get() - 1);
        self.turns.take();
    }
}

type Boxes = Vec<SlabBox<Fused, 512>>;

/// Every call of the cache that runs the caller's code, many times; what is left at the end is dropped by the caller.
fn script(
    cache: &Small<Fused, Watched, 512>,
    local: &LocalCache<Fused, Watched, SpinLock, 512>,
    turns: &Rc<Turns>,
    kept: &RefCell<Boxes>,
) {
    let make = |number| {
        turns.take();
        turns.value(number)
    };
    for round in 0..12 {
        // More than a slab holds, so that slabs fill, empty, and go.
        for number in 0..30 {
            kept.borrow_mut()
                .push(cache.alloc(turns.value(number)).unwrap());
            let made = cache.alloc_with(|| make(number)).unwrap();
            kept.borrow_mut().push(made);
            let own = local.alloc_with(|| make(number)).unwrap();
            kept.borrow_mut().push(own.into_shared());
        }
        let own = local.alloc(turns.value(round)).unwrap();
        let other = local.alloc(turns.value(round)).unwrap();
        drop(own);
        drop(other);
        for n in 0..60 {
            let at = (n * 7 + 3) % kept.borrow().len();
            let stored = kept.borrow_mut().swap_remove(at);
            match n % 3 {
                0 => drop(stored),
                1 => local.free(stored),
                _ => drop(SlabBox::into_inner(stored)),
            }
        }
        cache.release_empty(0);
        local.release_empty(0);
    }
}

/// Counts, values and memory are right after the script was cut short anywhere.
fn check_and_end(
    memory: &Watched,
    cache: Small<Fused, Watched, 512>,
    local: LocalCache<Fused, Watched, SpinLock, 512>,
    turns: &Turns,
    kept: Boxes,
) {
    turns.explodes_at.set(None);
    assert_eq!(turns.live.get(), kept.len() as i64, "each value has a box");
    assert!(kept.iter().all(|it| it.number < 30));
    let slots = cache.stats().slots_per_slab;
    assert_eq!(memory.live_blocks(), 2 + cache.stats().slabs);
    for stored in kept {
        local.free(stored);
    }
    local.release_empty(0);
    cache.release_empty(0);
    assert!(
        cache.stats().slabs <= 1,
        "one that the local cache keeps: {:?}, {slots} slots a slab",
        cache.stats()
    );
    drop((local, cache));
    assert_eq!(turns.live.get(), 0);
    assert_eq!(memory.live_bytes(), 0);
    assert_eq!(Arc::strong_count(&memory.0), 1, "the provider was dropped");
}

#[test]
fn a_panic_at_any_call_of_the_callers_code_leaves_the_cache_right() {
    for at in 0.. {
        let memory = watched();
        let turns = Rc::new(Turns::default());
        turns.explodes_at.set(Some(at));
        let cache = Small::with_spare_slabs_in(at as usize % 3, memory.clone()).unwrap();
        let local = cache.local().unwrap();
        let kept = RefCell::new(Vec::new());
        let ran = catch_unwind(AssertUnwindSafe(|| script(&cache, &local, &turns, &kept)));
        let calls = turns.taken.get();
        check_and_end(&memory, cache, local, &turns, kept.into_inner());
        assert_eq!(ran.is_err(), calls > at, "turn {at} of {calls}");
        if ran.is_ok() {
            assert!(at > 1000, "the script calls drops and makers: {at}");
            break;
        }
    }
}

/// Stores and frees by all ways; how many values were refused. Each refusal has given the value back and changed
/// nothing.
fn store_and_free(memory: &Watched<Failing<Counting<Global>>>) -> Option<u32> {
    type Failed = Watched<Failing<Counting<Global>>>;
    let cache = Small::<String, Failed, 512>::with_spare_slabs_in(1, memory.clone()).ok()?;
    let local = cache.local();
    let mut refused = u32::from(local.is_err());
    let mut boxes = Vec::new();
    for number in 0..600 {
        let value = number.to_string();
        let slabs = cache.stats().slabs;
        let stored = match &local {
            Ok(local) if number % 3 == 0 => local.alloc(value).map(LocalBox::into_shared),
            Ok(local) if number % 3 == 1 => {
                let made = local.alloc_with(|| value.clone());
                boxes.extend(made.ok().map(|it| (number, it.into_shared())));
                cache.alloc(value)
            }
            _ => cache.alloc(value),
        };
        match stored {
            Ok(stored) => boxes.push((number, stored)),
            Err(error) => {
                refused += 1;
                assert_eq!(error.error(), ProvideError::Exhausted);
                assert_eq!(*error.value(), number.to_string());
                assert_eq!(error.into_value(), number.to_string());
                assert_eq!(cache.stats().slabs, slabs);
            }
        }
        if number % 50 == 49 {
            // Slabs go and are asked for again.
            let later = boxes.split_off(boxes.len() / 3);
            assert!(later.iter().all(|(number, it)| **it == number.to_string()));
            drop(later);
            cache.release_empty(0);
        }
    }
    assert!(boxes.iter().all(|(number, it)| **it == number.to_string()));
    let blocks = 1 + usize::from(local.is_ok()) + cache.stats().slabs;
    drop((local, cache));
    assert!(blocks > 2);
    drop(boxes);
    Some(refused)
}

#[test]
fn a_refusal_at_any_call_gives_the_value_back_and_changes_nothing() {
    for n in 0.. {
        let memory = Watched(Arc::new(Failing::at(Counting::new(Global), n)));
        let refused = store_and_free(&memory);
        assert_eq!(Arc::strong_count(&memory.0), 1, "the provider was dropped");
        let calls = memory.calls();
        if n >= calls {
            assert_eq!(refused, Some(0), "nothing is refused any more");
            assert!(calls > 30, "slabs are made many times: {calls}");
            break;
        }
        match n {
            0 => assert_eq!(refused, None, "the control block comes first"),
            _ => assert!(refused.is_some_and(|refused| refused <= 1), "call {n}"),
        }
    }
}

#[test]
fn a_maker_is_not_called_without_room() {
    let memory = Watched(Arc::new(Failing::since(Counting::new(Global), 2)));
    let cache = Small::<u64, _, 512>::with_spare_slabs_in(0, memory).unwrap();
    let local = cache.local().unwrap();
    let made = Cell::new(0);
    let make = || made.replace(made.get() + 1);
    assert_eq!(cache.alloc_with(make).unwrap_err(), ProvideError::Exhausted);
    assert_eq!(local.alloc_with(make).unwrap_err(), ProvideError::Exhausted);
    assert!(cache.alloc_uninit().is_err() && local.alloc_uninit().is_err());
    assert_eq!(made.get(), 0);
    assert_eq!(cache.stats().slabs, 0);
}

thread_local! {
    /// Runs in the next call of a [`Hooked`] provider.
    static HOOK: RefCell<Option<Box<dyn FnOnce()>>> = const { RefCell::new(None) };
}

/// Runs the hook before each call.
struct Hooked(Watched);

fn run_hook() {
    if let Some(hook) = HOOK.with_borrow_mut(Option::take) {
        hook();
    }
}

// SAFETY: the blocks are those of the other provider; the hooks of this file do not unwind.
unsafe impl Provider for Hooked {
    fn allocate(&self, layout: Layout) -> Result<NonNull<u8>, ProvideError> {
        run_hook();
        self.0.allocate(layout)
    }

    unsafe fn deallocate(&self, block: NonNull<u8>, layout: Layout) {
        run_hook();
        // SAFETY: the caller's promises are the ones asked for.
        unsafe { self.0.deallocate(block, layout) }
    }
}

#[test]
fn a_provider_may_use_the_cache_that_calls_it() {
    let memory = watched();
    let hooked = Hooked(memory.clone());
    let cache = Small::<u64, _, 512>::with_spare_slabs_in(0, hooked).unwrap();
    let local = Rc::new(cache.local().unwrap());
    let kept = Rc::new(RefCell::new(Vec::new()));
    let mut ran = 0;
    for n in 0..3000 {
        let (inner, inner_kept) = (local.clone(), kept.clone());
        let hook = move || {
            for _ in 0..n % 7 {
                let stored = inner.alloc(n).unwrap().into_shared();
                inner_kept.borrow_mut().push((n, stored));
            }
            for _ in 0..n % 3 {
                let freed = inner_kept.borrow_mut().pop();
                freed.into_iter().for_each(|(_, it)| inner.free(it));
            }
        };
        HOOK.set(Some(Box::new(hook)));
        let stored = local.alloc(n).unwrap().into_shared();
        kept.borrow_mut().push((n, stored));
        if n % 100 == 99 {
            let freed = kept.take();
            assert!(freed.iter().all(|(n, it)| **it == *n), "each its own slot");
            freed.into_iter().for_each(|(_, it)| local.free(it));
        }
        ran += usize::from(HOOK.take().is_none());
    }
    assert!(ran > 50, "the provider was called often: {ran}");
    kept.take();
    drop((local, cache));
    assert_eq!(memory.live_bytes(), 0);
}

#[test]
fn refusals_in_every_rhythm_leave_nothing_behind() {
    for period in 1..20 {
        let memory = Watched(Arc::new(Failing::every(Counting::new(Global), period)));
        let refused = store_and_free(&memory);
        assert_eq!(refused.is_none(), period == 1);
        assert!(refused.is_none_or(|refused| refused > 0));
        assert_eq!(Arc::strong_count(&memory.0), 1);
    }
}

#[test]
fn a_refused_local_cache_first_takes_back_what_others_freed() {
    let memory = Watched(Arc::new(Failing::since(Counting::new(Global), 102)));
    let cache = Small::<u64, _, 256>::with_spare_slabs_in(0, memory).unwrap();
    let local = cache.local().unwrap();
    let slots = cache.stats().slots_per_slab;
    let mut boxes: Vec<_> = (0..100 * slots)
        .map(|n| local.alloc(n as u64).unwrap().into_shared())
        .collect();
    assert_eq!(local.alloc(1).unwrap_err().into_value(), 1);
    // The slab that a bounded look would reach last.
    drop(boxes.remove(99 * slots - 1));
    assert_eq!(*local.alloc(2).unwrap(), 2);
}

#[test]
fn a_panic_in_drop_frees_the_slot_and_keeps_the_counters() {
    struct Bomb(Rc<Cell<u32>>);

    impl Drop for Bomb {
        fn drop(&mut self) {
            self.0.set(self.0.get() + 1);
            panic!("a bomb went off");
        }
    }

    let memory = watched();
    let dropped = Rc::new(Cell::new(0));
    let bomb = || Bomb(dropped.clone());
    let cache = small::<Bomb>(0, &memory);
    let local = cache.local().unwrap();
    for round in 0..100 {
        let (shared, returned) = (cache.alloc(bomb()).unwrap(), local.alloc(bomb()).unwrap());
        let (returned, own) = (returned.into_shared(), local.alloc(bomb()).unwrap());
        let drops: [Box<dyn FnOnce()>; 3] = [
            Box::new(|| drop(shared)),
            Box::new(|| local.free(returned)),
            Box::new(|| drop(own)),
        ];
        for drop in drops {
            assert!(catch_unwind(AssertUnwindSafe(drop)).is_err());
        }
        assert_eq!(dropped.get(), 3 * (round + 1));
    }
    assert_eq!(cache.stats().slabs, 2, "the slots were used again");
    drop(local);
    assert_eq!(
        cache.release_empty(0),
        1,
        "the local cache returned its own"
    );
    assert_eq!(cache.stats().slabs, 0);
    drop(cache);
    assert_eq!(memory.live_bytes(), 0);
}

#[test]
fn a_panic_of_the_maker_leaves_the_slot_free() {
    let memory = watched();
    let cache = small::<u64>(0, &memory);
    let local = cache.local().unwrap();
    for _ in 0..500 {
        let shared = AssertUnwindSafe(|| drop(cache.alloc_with(|| panic!("no value"))));
        assert!(catch_unwind(shared).is_err());
        let own = AssertUnwindSafe(|| drop(local.alloc_with(|| panic!("no value"))));
        assert!(catch_unwind(own).is_err());
    }
    assert_eq!(cache.stats().slabs, 2);
    assert_eq!(*cache.alloc_with(|| 3).unwrap(), 3);
    assert_eq!(*local.alloc_with(|| 4).unwrap(), 4);
}

/// What unsafe code freed twice is noticed in a debug build when the slots are collected, or freed.
#[cfg(debug_assertions)]
#[test]
fn a_slot_freed_twice_is_noticed() {
    use slab_core::StaticRegion;

    static MEMORY: StaticRegion<4096> = StaticRegion::new();

    /// Two boxes of one slot; the second is not to be had without unsafe code.
    fn twice(it: SlabBox<u64, 1024>) -> [SlabBox<u64, 1024>; 2] {
        let raw = SlabBox::into_raw(it);
        // SAFETY: not so, which is what is tested: the box that is dropped second is of a slot that is free. Nothing
        // reads the slot.
        unsafe { [SlabBox::from_raw(raw), SlabBox::from_raw(raw)] }
    }

    let cache = Small::<u64, _, 1024>::with_spare_slabs_in(0, &MEMORY).unwrap();
    let local = cache.local().unwrap();
    let kept = local.alloc(0).unwrap();
    let [first, second] = twice(local.alloc(1).unwrap().into_shared());
    local.free(first);
    let freed = catch_unwind(AssertUnwindSafe(|| local.free(second)));
    let said = *freed.unwrap_err().downcast::<&str>().unwrap();
    assert!(said.contains("freed twice"), "{said}");
    drop(twice(local.alloc(1).unwrap().into_shared()));
    let refilled = catch_unwind(AssertUnwindSafe(|| {
        let boxes = (0..200).map(|_| local.alloc(2)).collect::<Vec<_>>();
        boxes.into_iter().for_each(std::mem::forget);
    }));
    let said = *refilled.unwrap_err().downcast::<String>().unwrap();
    assert!(said.contains("freed twice"), "{said}");
    assert_eq!(*kept, 0);
    // The slab's counts are wrong; nothing more is done with it.
    std::mem::forget(kept);
    std::mem::forget((local, cache));
}
