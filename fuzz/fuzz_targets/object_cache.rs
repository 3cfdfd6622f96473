//! Operations on an object cache, its local caches and their boxes, on one thread, against plain counts; memory may be
//! refused, and owners end in any order.
#![no_main]

use std::sync::Arc;

use arbitrary::Arbitrary;
use libfuzzer_sys::fuzz_target;
use slab_core::{Counting, Failing, Global, LocalBox, LocalCache, SlabBox, SlabCache, SpinLock};

const SLAB: usize = 1024;

/// From here on values are stored one at a time: more of them only take more time.
const BOXES_MAX: usize = 1024;

type Memory = Arc<Counting<Failing<Global>>>;
type Cache<T> = SlabCache<T, Memory, SpinLock, SLAB>;
type Local<T> = LocalCache<T, Memory, SpinLock, SLAB>;
type Shared<T> = SlabBox<T, SLAB>;

/// What a cache holds: made of a number, which it tells as far as its size allows.
trait Content {
    fn new(number: u64) -> Self;
    fn is(&self, number: u64) -> bool;
}

/// On the heap, so that the sanitizer sees one that is dropped twice or never.
impl Content for Box<u64> {
    fn new(number: u64) -> Self {
        Box::new(number)
    }

    fn is(&self, number: u64) -> bool {
        **self == number
    }
}

impl Content for u8 {
    fn new(number: u64) -> Self {
        number as u8
    }

    fn is(&self, number: u64) -> bool {
        *self == number as u8
    }
}

impl Content for () {
    fn new(_: u64) {}

    fn is(&self, _: u64) -> bool {
        true
    }
}

/// Aligned beyond what an allocator gives unasked.
#[repr(align(128))]
struct Wide([u64; 20]);

impl Content for Wide {
    fn new(number: u64) -> Self {
        Self([number; 20])
    }

    fn is(&self, number: u64) -> bool {
        self.0 == [number; 20] && (&raw const *self).addr() % 128 == 0
    }
}

#[derive(Arbitrary, Debug)]
enum Step {
    Alloc,
    AllocMany(u8),
    AllocUnwritten,
    Own { local: u8, steps: Vec<Own> },
    Drop(u16),
    DropMany { first: u16, every: u8 },
    Free { which: u16, local: u8 },
    TakeOut(u16),
    Change(u16),
    MakeLocal,
    DropLocal(u8),
    Clone,
    CloneOfLocal(u8),
    DropCache,
    Release(u8),
    ReleaseLocal { local: u8, keep: u8 },
}

/// A step with boxes that are lent by a local cache.
#[derive(Arbitrary, Debug)]
enum Own {
    Alloc,
    AllocMany(u8),
    AllocUnwritten,
    Drop(u16),
    TakeOut(u16),
    Change(u16),
    Share(u16),
    FreeShared(u16),
    DropShared(u16),
    Release(u8),
}

#[derive(Arbitrary, Debug)]
struct Run {
    content: u8,
    spare: u8,
    /// The provider refuses each call of this number; never if 0.
    refuse_every: u8,
    steps: Vec<Step>,
    handles_first: bool,
}

struct World<T: Content> {
    memory: Memory,
    caches: Vec<Cache<T>>,
    locals: Vec<Local<T>>,
    boxes: Vec<(u64, Shared<T>)>,
    made: u64,
}

fn chosen<T>(list: &[T], which: u16) -> Option<usize> {
    usize::from(which).checked_rem(list.len())
}

impl<T: Content> World<T> {
    /// `None` if there is no memory for a cache.
    fn new(run: &Run) -> Option<Self> {
        let refusals = Failing::every(Global, usize::from(run.refuse_every));
        let memory = Arc::new(Counting::new(refusals));
        let cache = Cache::with_spare_slabs_in(usize::from(run.spare % 4), memory.clone());
        Some(Self {
            caches: vec![cache.ok()?],
            memory,
            locals: Vec::new(),
            boxes: Vec::new(),
            made: 0,
        })
    }

    fn step(&mut self, step: &Step) {
        match *step {
            Step::Alloc => self.alloc(),
            Step::AllocMany(count) if self.boxes.len() < BOXES_MAX => {
                (0..count).for_each(|_| self.alloc());
            }
            Step::AllocMany(_) => {}
            Step::AllocUnwritten => {
                if let Some(cache) = self.caches.first() {
                    drop(cache.alloc_uninit());
                }
            }
            Step::Own { local, ref steps } => self.own(local, steps),
            Step::Drop(which) => {
                if let Some((number, stored)) = pick(&mut self.boxes, which) {
                    assert!(stored.is(number));
                }
            }
            Step::DropMany { first, every } => {
                let mut at = chosen(&self.boxes, first).unwrap_or(0);
                while at < self.boxes.len() {
                    let (number, stored) = self.boxes.swap_remove(at);
                    assert!(stored.is(number));
                    at += usize::from(every);
                }
            }
            Step::Free { which, local } => {
                if let Some(local) = chosen(&self.locals, local.into())
                    && let Some((number, stored)) = pick(&mut self.boxes, which)
                {
                    assert!(stored.is(number));
                    self.locals[local].free(stored);
                }
            }
            Step::TakeOut(which) => {
                if let Some((number, stored)) = pick(&mut self.boxes, which) {
                    assert!(SlabBox::into_inner(stored).is(number));
                }
            }
            Step::Change(which) => {
                if let Some(at) = chosen(&self.boxes, which) {
                    self.made += 1;
                    let (number, stored) = &mut self.boxes[at];
                    *number = self.made;
                    **stored = T::new(self.made);
                }
            }
            _ => self.change_owners(step),
        }
    }

    fn change_owners(&mut self, step: &Step) {
        match *step {
            Step::MakeLocal => {
                if let Some(cache) = self.caches.first() {
                    self.locals.extend(cache.local());
                }
            }
            Step::DropLocal(which) => {
                if let Some(at) = chosen(&self.locals, which.into()) {
                    self.locals.swap_remove(at);
                }
            }
            Step::Clone => self.caches.extend(self.caches.first().cloned()),
            Step::CloneOfLocal(which) => {
                if let Some(at) = chosen(&self.locals, which.into()) {
                    self.caches.push(self.locals[at].cache().clone());
                }
            }
            Step::DropCache => drop(self.caches.pop()),
            Step::Release(keep) => {
                if let Some(cache) = self.caches.first() {
                    let before = cache.stats().slabs;
                    let released = cache.release_empty(usize::from(keep));
                    assert_eq!(before - released, cache.stats().slabs);
                }
            }
            Step::ReleaseLocal { local, keep } => {
                if let Some(at) = chosen(&self.locals, local.into()) {
                    let local = &self.locals[at];
                    let before = local.cache().stats().slabs;
                    let released = local.release_empty(usize::from(keep));
                    assert_eq!(before - released, local.cache().stats().slabs);
                }
            }
            _ => unreachable!("the others leave the owners as they are"),
        }
    }

    fn alloc(&mut self) {
        let Some(cache) = self.caches.first() else {
            return;
        };
        self.made += 1;
        match cache.alloc(T::new(self.made)) {
            Ok(stored) => self.boxes.push((self.made, stored)),
            Err(error) => assert!(error.into_value().is(self.made)),
        }
    }

    /// Lends boxes from one local cache, as long as the steps last; some are shared and stay.
    fn own(&mut self, local: u8, steps: &[Own]) {
        let Some(at) = chosen(&self.locals, local.into()) else {
            return;
        };
        let local = &self.locals[at];
        let (made, boxes) = (&mut self.made, &mut self.boxes);
        let mut own: Vec<(u64, LocalBox<'_, T, SLAB>)> = Vec::new();
        let mut alloc = |own: &mut Vec<_>| {
            *made += 1;
            match local.alloc(T::new(*made)) {
                Ok(stored) => own.push((*made, stored)),
                Err(error) => assert!(error.into_value().is(*made)),
            }
        };
        for step in steps {
            match *step {
                Own::Alloc => alloc(&mut own),
                Own::AllocMany(count) if own.len() < BOXES_MAX => {
                    (0..count).for_each(|_| alloc(&mut own));
                }
                Own::AllocMany(_) => {}
                Own::AllocUnwritten => drop(local.alloc_uninit()),
                Own::Drop(which) => {
                    if let Some((number, stored)) = pick(&mut own, which) {
                        assert!(stored.is(number));
                    }
                }
                Own::TakeOut(which) => {
                    if let Some((number, stored)) = pick(&mut own, which) {
                        assert!(LocalBox::into_inner(stored).is(number));
                    }
                }
                Own::Change(which) => {
                    if let Some(at) = chosen(&own, which) {
                        let (number, stored) = &mut own[at];
                        *number += 1;
                        **stored = T::new(*number);
                    }
                }
                Own::Share(which) => {
                    boxes.extend(
                        pick(&mut own, which)
                            .map(|(number, stored)| (number, stored.into_shared())),
                    );
                }
                Own::FreeShared(which) => {
                    if let Some((number, stored)) = pick(boxes, which) {
                        assert!(stored.is(number));
                        local.free(stored);
                    }
                }
                Own::DropShared(which) => {
                    if let Some((number, stored)) = pick(boxes, which) {
                        assert!(stored.is(number));
                    }
                }
                Own::Release(keep) => {
                    local.release_empty(usize::from(keep));
                }
            }
        }
        assert!(own.iter().all(|(number, stored)| stored.is(*number)));
    }

    fn check(&self) {
        let local = self.locals.first().map(LocalCache::cache);
        let (heaps, boxes) = (self.locals.len(), self.boxes.len());
        let blocks = self.memory.live_blocks();
        match self.caches.first().or(local) {
            Some(cache) => {
                let stats = cache.stats();
                assert_eq!(blocks, 1 + heaps + stats.slabs);
                assert!(stats.slabs * stats.slots_per_slab >= boxes);
            }
            None if boxes == 0 => assert_eq!(blocks, 0),
            // The control block, and no slab without a value.
            None => assert!((2..=1 + boxes).contains(&blocks)),
        }
    }

    /// Takes everything apart, the handles first or the boxes.
    fn end(mut self, handles_first: bool) {
        assert!(self.boxes.iter().all(|(number, stored)| stored.is(*number)));
        if handles_first {
            self.caches.clear();
            self.locals.clear();
            self.check();
        }
        self.boxes.clear();
        self.caches.clear();
        self.locals.clear();
        assert_eq!(
            (self.memory.live_bytes(), self.memory.live_blocks()),
            (0, 0)
        );
        assert_eq!(
            Arc::strong_count(&self.memory),
            1,
            "the provider is dropped"
        );
    }
}

fn pick<T>(list: &mut Vec<T>, which: u16) -> Option<T> {
    chosen(list, which).map(|at| list.swap_remove(at))
}

fn execute<T: Content>(run: &Run) {
    let Some(mut world) = World::<T>::new(run) else {
        return;
    };
    for step in &run.steps {
        world.step(step);
        world.check();
    }
    world.end(run.handles_first);
}

fuzz_target!(|run: Run| match run.content % 4 {
    0 => execute::<Box<u64>>(&run),
    1 => execute::<u8>(&run),
    2 => execute::<()>(&run),
    _ => execute::<Wide>(&run),
});
