//! The object cache on one thread: what it takes from the provider and gives back, whatever happens.

use std::alloc::Layout;
use std::cmp::Ordering;
use std::collections::HashSet;
use std::marker::PhantomPinned;
use std::mem::MaybeUninit;
use std::ptr::NonNull;
use std::rc::Rc;
use std::sync::Arc;

use slab_core::{
    Counting, Global, LocalBox, LocalCache, ProvideError, Provider, SlabBox, SlabCache, SpinLock,
};

/// A provider that the test still sees when the cache owns it.
pub(crate) struct Watched<P = Counting<Global>>(pub(crate) Arc<P>);

impl<P> Clone for Watched<P> {
    fn clone(&self) -> Self {
        Self(self.0.clone())
    }
}

impl<P> std::ops::Deref for Watched<P> {
    type Target = P;

    fn deref(&self) -> &P {
        &self.0
    }
}

// SAFETY: every method forwards, and the provider stays in place.
unsafe impl<P: Provider> Provider for Watched<P> {
    fn allocate(&self, layout: Layout) -> Result<NonNull<u8>, ProvideError> {
        self.0.allocate(layout)
    }

    unsafe fn deallocate(&self, block: NonNull<u8>, layout: Layout) {
        // SAFETY: the caller's promises are the ones asked for.
        unsafe { self.0.deallocate(block, layout) }
    }
}

pub(crate) fn watched() -> Watched {
    Watched(Arc::new(Counting::new(Global)))
}

/// A cache of small slabs.
pub(crate) type Small<T, P = Watched, const SLAB: usize = 1024> = SlabCache<T, P, SpinLock, SLAB>;

pub(crate) fn small<T>(spare: usize, memory: &Watched) -> Small<T> {
    Small::with_spare_slabs_in(spare, memory.clone()).expect("there is memory")
}

#[test]
fn boxes_are_thin_and_have_a_niche() {
    assert_eq!(size_of::<SlabBox<[u64; 9]>>(), size_of::<usize>());
    assert_eq!(size_of::<Option<SlabBox<u8>>>(), size_of::<usize>());
    assert_eq!(size_of::<Option<LocalBox<'_, u8>>>(), size_of::<usize>());
    assert_eq!(size_of::<Option<SlabCache<u8>>>(), size_of::<usize>());
}

#[test]
fn everything_goes_back_in_each_order_of_death() {
    // Three owners end in each of six orders: 0 the cache, 1 the local cache, 2 the boxes.
    for order in [
        [0, 1, 2],
        [0, 2, 1],
        [1, 0, 2],
        [1, 2, 0],
        [2, 0, 1],
        [2, 1, 0],
    ] {
        let memory = watched();
        let cache = small::<Vec<u32>>(2, &memory);
        let local = cache.local().unwrap();
        let mut boxes = Vec::new();
        for n in 0..200 {
            boxes.push(cache.alloc(vec![n]).unwrap());
            boxes.push(local.alloc(vec![n]).unwrap().into_shared());
        }
        let (mut cache, mut local) = (Some(cache), Some(local));
        for owner in order {
            assert!(memory.live_bytes() > 0);
            match owner {
                0 => drop(cache.take()),
                1 => drop(local.take()),
                _ => boxes.drain(..).enumerate().for_each(|(n, it)| {
                    assert_eq!(*it, [n as u32 / 2]);
                }),
            }
        }
        assert_eq!(memory.live_blocks(), 0, "{order:?}");
        assert_eq!(memory.live_bytes(), 0, "{order:?}");
        assert_eq!(Arc::strong_count(&memory.0), 1, "the provider was dropped");
    }
}

/// Stores values of any kind, reads them and takes them out again.
fn stores<T: Clone + PartialEq + std::fmt::Debug>(value: &T) {
    let memory = watched();
    let cache: Small<T, Watched, 4096> = Small::with_spare_slabs_in(1, memory.clone()).unwrap();
    let local = cache.local().unwrap();
    let count = cache.stats().slots_per_slab * 2 + 1;
    let mut shared = Vec::new();
    let mut own = Vec::new();
    for _ in 0..count {
        shared.push(cache.alloc(value.clone()).unwrap());
        own.push(local.alloc(value.clone()).unwrap());
    }
    for (shared, own) in shared.iter().zip(&own) {
        assert_eq!(&**shared, value);
        assert_eq!(&**own, value);
        let addresses = [&raw const **shared, &raw const **own];
        assert_ne!(addresses[0].addr(), addresses[1].addr());
        assert!(addresses.iter().all(|at| at.is_aligned()));
    }
    assert_eq!(cache.stats().slabs, 6);
    assert_eq!(SlabBox::into_inner(shared.remove(0)), *value);
    assert_eq!(LocalBox::into_inner(own.remove(0)), *value);
    drop((shared, own));
    drop((local, cache));
    assert_eq!(memory.live_bytes(), 0);
}

#[test]
fn values_of_any_size_and_alignment() {
    #[derive(Clone, PartialEq, Debug)]
    #[repr(align(512))]
    struct Page(u8);
    #[derive(Clone, PartialEq, Debug)]
    #[repr(align(64))]
    struct Nothing;

    stores(&());
    stores(&Nothing);
    stores(&7_u8);
    stores(&[7_u8; 3]);
    stores(&7_u16);
    stores(&7_u128);
    stores(&[7_u8; 1900]);
    stores(&Page(7));
    stores(&String::from("seven"));
}

#[test]
fn a_slot_without_a_value_is_written_or_freed() {
    let memory = watched();
    let cache = small::<Rc<u8>>(0, &memory);
    let local = cache.local().unwrap();
    let value = Rc::new(5);
    drop((cache.alloc_uninit().unwrap(), local.alloc_uninit().unwrap()));
    let mut slot: SlabBox<MaybeUninit<Rc<u8>>, 1024> = cache.alloc_uninit().unwrap();
    MaybeUninit::write(&mut slot, value.clone());
    // SAFETY: the value was written.
    let shared = unsafe { slot.assume_init() };
    let own = local.alloc_uninit().unwrap().write(value.clone());
    assert_eq!((**shared, **own), (5, 5));
    assert_eq!(Rc::strong_count(&value), 3);
    drop((shared, own));
    assert_eq!(Rc::strong_count(&value), 1);
}

#[test]
fn a_box_of_a_value_that_holds_boxes() {
    struct Node {
        below: Option<SlabBox<Node, 1024>>,
    }

    let memory = watched();
    let cache = small::<Node>(1, &memory);
    let mut top = cache.alloc(Node { below: None }).unwrap();
    for _ in 0..300 {
        top = cache.alloc(Node { below: Some(top) }).unwrap();
    }
    assert!(top.below.is_some());
    drop(cache);
    drop(top);
    assert_eq!(memory.live_bytes(), 0);
}

#[test]
fn empty_slabs_go_back_beyond_the_spare_ones() {
    let memory = watched();
    let cache = small::<u64>(3, &memory);
    let local = cache.local().unwrap();
    let slots = cache.stats().slots_per_slab;
    let own: Vec<_> = (0..10 * slots).map(|_| local.alloc(0).unwrap()).collect();
    assert_eq!(cache.stats().slabs, 10);
    drop(own);
    assert_eq!(cache.stats().slabs, 4, "three spare ones and the current");
    assert_eq!(local.release_empty(1), 2);
    assert_eq!(cache.stats().slabs, 2);

    let shared: Vec<_> = (0..10 * slots).map(|_| cache.alloc(0).unwrap()).collect();
    assert_eq!(cache.stats().slabs, 12);
    drop(shared);
    assert_eq!(cache.release_empty(3), 7);
    assert_eq!(cache.stats().slabs, 5);
    assert_eq!(cache.release_empty(0), 3);
    drop(local);
    assert_eq!(cache.release_empty(0), 2);
    assert_eq!(cache.stats().slabs, 0);
}

#[test]
fn slabs_freed_elsewhere_are_found_when_slots_run_out() {
    let memory = watched();
    let cache = small::<u64>(2, &memory);
    let local = cache.local().unwrap();
    let slots = cache.stats().slots_per_slab;
    let first: Vec<_> = (0..4 * slots)
        .map(|_| local.alloc(0).unwrap().into_shared())
        .collect();
    drop(first);
    let second: Vec<_> = (0..4 * slots).map(|_| local.alloc(0).unwrap()).collect();
    assert_eq!(cache.stats().slabs, 4);
    drop(second);

    let first: Vec<_> = (0..4 * slots).map(|_| cache.alloc(0).unwrap()).collect();
    let slabs = cache.stats().slabs;
    drop(first);
    let second: Vec<_> = (0..4 * slots).map(|_| cache.alloc(0).unwrap()).collect();
    assert!(cache.stats().slabs <= slabs);
    drop(second);
}

#[test]
fn slabs_that_others_emptied_go_back_as_slots_are_used() {
    for spare in [0, 2] {
        let memory = watched();
        let cache = small::<u64>(spare, &memory);
        let local = cache.local().unwrap();
        let slots = cache.stats().slots_per_slab;
        // Of some slabs this cache frees a slot itself, so that they are not full.
        let mut burst: Vec<_> = (0..20 * slots)
            .map(|n| Some(local.alloc(n as u64).unwrap().into_shared()))
            .collect();
        for first in burst.iter_mut().step_by(2 * slots) {
            local.free(first.take().unwrap());
        }
        let emptied = std::thread::spawn(move || drop(burst));
        emptied.join().unwrap();
        assert_eq!(cache.stats().slabs, 20, "nobody looked");
        for _ in 0..60 {
            let few: Vec<_> = (0..slots / 2).map(|_| local.alloc(0).unwrap()).collect();
            drop(few);
        }
        assert!(
            cache.stats().slabs <= 2 + spare,
            "{:?} with {spare} to spare",
            cache.stats()
        );
        drop((local, cache));
        assert_eq!(memory.live_bytes(), 0);
    }
}

#[test]
fn what_a_local_cache_leaves_behind_is_used_again() {
    let memory = watched();
    let cache = small::<u64>(2, &memory);
    let slots = cache.stats().slots_per_slab;
    let mut kept = Vec::new();
    for _ in 0..50 {
        let local: LocalCache<_, _, _, 1024> = cache.local().unwrap();
        for n in 0..3 * slots as u64 {
            let it = local.alloc(n).unwrap();
            if n % slots as u64 == 0 && kept.len() < 10 {
                kept.push(it.into_shared());
            }
        }
    }
    assert!(cache.stats().slabs <= 10, "{:?}", cache.stats());
    drop(cache);
    assert!(kept.iter().all(|it| **it % slots as u64 == 0));
    drop(kept);
    assert_eq!(memory.live_bytes(), 0);
}

#[test]
fn a_box_of_another_cache_may_be_given_to_a_local_one() {
    let memory = watched();
    let (left, right) = (small::<u64>(0, &memory), small::<u64>(0, &memory));
    let (mine, theirs) = (left.local().unwrap(), right.local().unwrap());
    for n in 0..1000 {
        mine.free(theirs.alloc(n).unwrap().into_shared());
        mine.free(right.alloc(n).unwrap());
        mine.free(mine.alloc(n).unwrap().into_shared());
    }
    assert_eq!(left.stats().slabs, 1);
    assert_eq!(right.stats().slabs, 2);
}

#[test]
fn boxes_do_what_their_values_do() {
    let cache = SlabCache::<String>::new().unwrap();
    let local = cache.local().unwrap();
    let [a, b] = ["a", "b"].map(|text| cache.alloc(text.into()).unwrap());
    let [c, d] = ["a", "b"].map(|text| local.alloc(text.into()).unwrap());
    assert!(a < b && a != b && a == c.into_shared());
    assert_eq!(d.cmp(&d), Ordering::Equal);
    assert_eq!(
        (format!("{a}"), format!("{d:?}")),
        ("a".into(), "\"b\"".into())
    );
    assert_eq!(format!("{b:p}"), format!("{:p}", &raw const *b));
    let shared: SlabBox<String> = d.into();
    let set = HashSet::from([a, shared]);
    assert!(set.contains(&String::from("b")), "found by its value");
    assert!(!set.contains(&String::from("c")));

    // A box moves, its value does not.
    fn moves<T: Unpin>(_: &T) {}
    let pinned = cache.alloc_with(String::new).unwrap();
    let unmoved = SlabCache::<PhantomPinned>::new().unwrap();
    moves(&unmoved.alloc(PhantomPinned).unwrap());
    moves(&unmoved.local().unwrap().alloc(PhantomPinned).unwrap());
    let at = &raw const *pinned;
    assert_eq!(at, &raw const *SlabBox::into_pin(pinned));
}

#[test]
fn a_freed_slot_is_the_next_to_be_used() {
    let memory = watched();
    let cache = small::<u64>(1, &memory);
    let local = cache.local().unwrap();
    let mut boxes: Vec<_> = (0..500).map(|n| local.alloc(n).unwrap()).collect();
    for n in [400, 3, 77, 250] {
        let freed = boxes.swap_remove(n);
        let place = &raw const *freed;
        drop(freed);
        let next = local.alloc(0).unwrap();
        assert_eq!(&raw const *next, place, "its line is still in the cache");
        boxes.push(next);
    }
}

#[test]
fn slabs_that_are_in_use_fill_up_before_empty_ones() {
    let memory = watched();
    let cache = small::<u64>(3, &memory);
    let local = cache.local().unwrap();
    let slots = cache.stats().slots_per_slab;
    let mut boxes: Vec<_> = (0..4 * slots).map(|_| local.alloc(0).ok()).collect();
    let slab = |stored: &LocalBox<'_, u64, 1024>| (&raw const **stored).addr() / 1024;
    let second = slab(boxes[slots].as_ref().unwrap());
    boxes[slots + 1] = None;
    boxes[..slots].fill_with(|| None);
    // The slot freed last is out of the row; this one takes its place, and the first slab is empty.
    boxes[slots + 2] = None;
    let next: Vec<_> = (0..2).map(|_| local.alloc(0).unwrap()).collect();
    assert!(next.iter().all(|it| slab(it) == second));
    assert_eq!(cache.stats().slabs, 4);
}
