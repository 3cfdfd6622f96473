//! Room: how many blocks each magazine of a rack may hold, out of one cache in bytes.

use super::rack::Rack;
use super::{BLOCKS_MAX, Magazine};

/// What a rack notes of its magazines.
pub(super) struct Ledger {
    /// Bytes of the room of all magazines, without the first block of each.
    room_bytes: usize,
    /// How often a magazine was to grow, and the cache was used up.
    denials: u32,
    /// What each magazine had served when the last interval ended.
    pub(super) requests: Box<[u64]>,
}

/// Denials of room from one search for unused room to the next: a search looks at every magazine.
const DENIALS_A_SEARCH: u32 = 16;

/// The most blocks of `size` bytes that a magazine of a cache of so many bytes may hold.
pub(super) fn capacity_max(cache_bytes: usize, size: usize) -> usize {
    (cache_bytes / size).clamp(1, BLOCKS_MAX)
}

impl Ledger {
    pub(super) fn new(classes: usize) -> Self {
        Self {
            room_bytes: 0,
            denials: 0,
            requests: vec![0; classes].into(),
        }
    }
}

impl Rack {
    /// Makes room for more blocks of `class`: as many again as there is room for, at least one. `false` when the
    /// thread's cache, or the pool's allowance, is used up.
    ///
    /// # Safety
    /// 1. The magazines are the calling thread's for now.
    pub(super) unsafe fn grow(&self, class: usize) -> bool {
        let size = self.core.classes().sizes()[class];
        let magazine = &self.magazines[class];
        // SAFETY: clause 1, here and below.
        unsafe {
            let capacity = magazine.capacity();
            let capacity_max = capacity_max(self.core.cache_bytes(), size);
            let wanted = capacity.max(1).min(capacity_max - capacity);
            let paid = match capacity {
                // The first block is free of charge.
                0 => wanted,
                _ => wanted.min(self.spare_room(class, wanted * size) / size),
            };
            let granted = self.core.allowance().grow(class, size, paid);
            if granted == 0 {
                return false;
            }
            if capacity > 0 {
                self.ledger
                    .with_mut(|ledger| (*ledger).room_bytes += granted * size);
            }
            magazine.set_capacity(capacity + granted);
            self.assert_room();
        }
        true
    }

    /// Bytes of the thread's cache that are not given out. When they are fewer than a block of `class` has, every few
    /// times room of other classes that is not used is taken back for it, up to `wanted` bytes.
    ///
    /// # Safety
    /// 1. The magazines are the calling thread's for now.
    unsafe fn spare_room(&self, class: usize, wanted: usize) -> usize {
        let spare = || {
            // SAFETY: clause 1.
            let used = self
                .ledger
                .with_mut(|ledger| unsafe { (*ledger).room_bytes });
            self.core.cache_bytes().saturating_sub(used)
        };
        if spare() >= self.core.classes().sizes()[class] {
            return spare();
        }
        // SAFETY: clause 1.
        let denials = self.ledger.with_mut(|ledger| unsafe {
            (*ledger).denials = (*ledger).denials.wrapping_add(1);
            (*ledger).denials
        });
        if !denials.is_multiple_of(DENIALS_A_SEARCH) {
            return spare();
        }
        let count = self.magazines.len();
        // Another class first each time.
        let start = denials as usize / DENIALS_A_SEARCH as usize % count;
        for other in (start..count).chain(0..start) {
            if spare() >= wanted {
                break;
            }
            // SAFETY: clause 1; a half of what is unused stays, for blocks that are lent and will come back.
            unsafe {
                let (len, capacity) = (
                    self.magazines[other].len(),
                    self.magazines[other].capacity(),
                );
                let unused = capacity.saturating_sub(len.max(1));
                if other != class && unused > 0 {
                    self.shrink(other, capacity - unused.div_ceil(2));
                }
            }
        }
        spare()
    }

    /// Gives room of a magazine back, but for `capacity` blocks.
    ///
    /// # Safety
    /// 1. The magazines are the calling thread's for now. 2. There are no more blocks in it.
    pub(super) unsafe fn shrink(&self, class: usize, capacity: usize) {
        // SAFETY: clauses 1 and 2.
        let surplus = unsafe { self.take_room(class, capacity) };
        let size = self.core.classes().sizes()[class];
        self.core.allowance().shrink(class, size, surplus);
    }

    /// Leaves a magazine room for `capacity` blocks at most; returns for how many blocks room is reserved besides.
    ///
    /// # Safety
    /// As `shrink`.
    pub(super) unsafe fn take_room(&self, class: usize, capacity: usize) -> usize {
        let magazine = &self.magazines[class];
        // SAFETY: clauses 1 and 2.
        unsafe {
            let before = magazine.capacity();
            if before <= capacity {
                return 0;
            }
            magazine.set_capacity(capacity);
            // The first block was free of charge.
            let charged = before.max(1) - capacity.max(1);
            let size = self.core.classes().sizes()[class];
            self.ledger
                .with_mut(|ledger| (*ledger).room_bytes -= charged * size);
            self.assert_room();
            before - capacity
        }
    }

    /// The ledger tells the room of all magazines, which the thread's cache holds.
    ///
    /// # Safety
    /// 1. The magazines are the calling thread's for now.
    unsafe fn assert_room(&self) {
        if cfg!(debug_assertions) {
            let sizes = self.core.classes().sizes();
            // SAFETY: clause 1.
            let room = |(magazine, size): (&Magazine, &usize)| unsafe {
                magazine.capacity().saturating_sub(1) * size
            };
            let sum: usize = self.magazines.iter().zip(sizes).map(room).sum();
            // SAFETY: clause 1.
            let told = self
                .ledger
                .with_mut(|ledger| unsafe { (*ledger).room_bytes });
            assert!(
                told == sum && sum <= self.core.cache_bytes(),
                "{told} {sum}"
            );
        }
    }
}
