//! The caps on idle memory: what magazines may hold and what the depot does hold, together.
//!
//! A magazine reserves room for as many blocks as it may ever hold at once, when it grows; the depot reserves for the
//! blocks that are put there. So the hot path never counts, and the caps are never passed. Reserved room that a
//! magazine does not use is not to be had by others until it shrinks or its thread ends.
//!
//! What lies in a magazine is of use to its thread alone. So that threads that sleep, or only release, leave others
//! something, all magazines together have half of each cap at most, and one growth takes half at most of the bytes
//! that are left of theirs: when large blocks have taken the most, small ones still find room.

use crate::sync::atomic::{AtomicUsize, Ordering};

#[derive(Debug)]
pub(crate) struct Allowance {
    /// Of depot and magazines.
    all: Caps,
    /// Of the magazines among that.
    magazines: Caps,
}

#[derive(Debug)]
struct Caps {
    bytes: Reserved,
    /// One a class.
    blocks: Box<[Reserved]>,
}

/// A number and its limit.
#[derive(Debug)]
struct Reserved {
    limit: usize,
    /// Never above `limit`; not counted when there is none. Relaxed: it bounds a sum, and publishes no memory.
    amount: AtomicUsize,
}

impl Allowance {
    pub(crate) fn new(bytes_max: usize, blocks_max: usize, classes: usize) -> Self {
        Self {
            all: Caps::new(bytes_max, blocks_max, classes),
            magazines: Caps::new(half(bytes_max), half(blocks_max), classes),
        }
    }

    /// Reserves room in the depot for up to `most` blocks of `class`, which have `size` bytes; returns for how many.
    pub(crate) fn reserve(&self, class: usize, size: usize, most: usize) -> usize {
        self.all.reserve(class, size, most)
    }

    /// Gives room for `blocks` of `class` in the depot back.
    pub(crate) fn restore(&self, class: usize, size: usize, blocks: usize) {
        self.all.restore(class, size, blocks);
    }

    /// Reserves room in a magazine, as `reserve` in the depot.
    pub(crate) fn grow(&self, class: usize, size: usize, most: usize) -> usize {
        let most = most.min(half(self.magazines.bytes.left()) / size);
        let leased = self.magazines.reserve(class, size, most);
        let granted = self.all.reserve(class, size, leased);
        self.magazines.restore(class, size, leased - granted);
        granted
    }

    /// Gives room in a magazine back.
    pub(crate) fn shrink(&self, class: usize, size: usize, blocks: usize) {
        self.pass_on(class, size, blocks);
        self.restore(class, size, blocks);
    }

    /// Room in a magazine becomes the depot's, with the blocks that have it.
    pub(crate) fn pass_on(&self, class: usize, size: usize, blocks: usize) {
        self.magazines.restore(class, size, blocks);
    }

    /// Nothing is reserved.
    #[cfg(all(test, not(buffer_pool_loom)))]
    fn is_untouched(&self) -> bool {
        [&self.all, &self.magazines].map(Caps::is_untouched) == [true; 2]
    }
}

impl Caps {
    fn new(bytes_max: usize, blocks_max: usize, classes: usize) -> Self {
        Self {
            bytes: Reserved::new(bytes_max),
            blocks: (0..classes).map(|_| Reserved::new(blocks_max)).collect(),
        }
    }

    fn reserve(&self, class: usize, size: usize, most: usize) -> usize {
        let blocks = self.blocks[class].add_up_to(most, 1);
        let granted = self.bytes.add_up_to(blocks, size);
        self.blocks[class].subtract(blocks - granted, 1);
        granted
    }

    fn restore(&self, class: usize, size: usize, blocks: usize) {
        self.blocks[class].subtract(blocks, 1);
        self.bytes.subtract(blocks, size);
    }

    #[cfg(all(test, not(buffer_pool_loom)))]
    fn is_untouched(&self) -> bool {
        let amounts = self.blocks.iter().chain([&self.bytes]);
        amounts
            .map(|reserved| reserved.amount.load(Ordering::Relaxed))
            .all(|amount| amount == 0)
    }
}

/// Half of a limit; no limit stays none.
fn half(limit: usize) -> usize {
    match limit {
        usize::MAX => usize::MAX,
        limit => limit / 2,
    }
}

impl Reserved {
    fn new(limit: usize) -> Self {
        Self {
            limit,
            amount: AtomicUsize::new(0),
        }
    }

    /// What is not reserved; without a limit, no limit.
    fn left(&self) -> usize {
        match self.limit {
            usize::MAX => usize::MAX,
            // Relaxed: see the field.
            limit => limit - self.amount.load(Ordering::Relaxed),
        }
    }

    /// Adds `unit` as often as fits, up to `most` times; returns how often.
    fn add_up_to(&self, most: usize, unit: usize) -> usize {
        if self.limit == usize::MAX || most == 0 {
            return most;
        }
        // Relaxed: see the field.
        let mut amount = self.amount.load(Ordering::Relaxed);
        // Ends: each failure is another thread's success.
        loop {
            let times = most.min((self.limit - amount) / unit);
            if times == 0 {
                return 0;
            }
            match self.amount.compare_exchange_weak(
                amount,
                amount + times * unit,
                Ordering::Relaxed,
                Ordering::Relaxed,
            ) {
                Ok(_) => return times,
                Err(current) => amount = current,
            }
        }
    }

    fn subtract(&self, times: usize, unit: usize) {
        if self.limit != usize::MAX && times > 0 {
            // Relaxed: see the field.
            let before = self.amount.fetch_sub(times * unit, Ordering::Relaxed);
            debug_assert!(before >= times * unit, "gave back what was not reserved");
        }
    }
}

#[cfg(all(test, not(buffer_pool_loom)))]
mod tests {
    use super::*;

    #[test]
    fn neither_cap_is_passed() {
        let allowance = Allowance::new(1000, 5, 2);
        assert_eq!(allowance.reserve(0, 100, 3), 3);
        assert_eq!(allowance.reserve(0, 100, 3), 2, "five blocks of a class");
        assert_eq!(allowance.reserve(1, 200, 9), 2, "500 bytes are left");
        assert_eq!(allowance.reserve(1, 200, 1), 0);
        allowance.restore(0, 100, 1);
        assert_eq!(allowance.reserve(1, 200, 1), 1);
        allowance.restore(1, 200, 3);
        allowance.restore(0, 100, 4);
        assert!(allowance.is_untouched());
    }

    #[test]
    fn magazines_leave_the_depot_half_and_each_other_something() {
        let allowance = Allowance::new(4096, 5, 2);
        assert_eq!(allowance.grow(0, 512, 9), 2, "half of their 2048 bytes");
        assert_eq!(allowance.grow(1, 1024, 9), 0, "half of what they have left");
        assert_eq!(allowance.grow(1, 64, 9), 2, "two of five blocks of a class");
        assert_eq!(allowance.reserve(0, 512, 9), 3, "the depot has the rest");
        allowance.pass_on(0, 512, 1);
        assert_eq!(allowance.grow(0, 512, 1), 0, "the depot has its room now");
        allowance.restore(0, 512, 4);
        allowance.shrink(0, 512, 1);
        allowance.shrink(1, 64, 2);
        assert!(allowance.is_untouched());
    }

    #[test]
    fn without_caps_nothing_is_counted() {
        let allowance = Allowance::new(usize::MAX, usize::MAX, 1);
        assert_eq!(
            allowance.reserve(0, 1 << 20, usize::MAX / 2),
            usize::MAX / 2
        );
        assert_eq!(allowance.grow(0, 1 << 20, 100), 100);
        assert!(allowance.is_untouched());
    }
}
