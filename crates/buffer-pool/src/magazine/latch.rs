//! A latch: by which the owner of a rack and those who rob it take turns.
//!
//! ```text
//!   owner                                       robber, with the lock of the pool's register
//!   inside = true                               barred = true
//!   light fence                                 heavy fence
//!   barred? then inside = false, and away       inside? then wait until it is not
//!   ... the magazines ...                       ... the magazines ...
//!   inside = false
//! ```
//!
//! One at least of the two reads what the other wrote, so they are never there both. The owner pays two stores and two
//! loads, none of which is a read-modify-write; a robber pays microseconds (`crate::sync::Fence`).
//!
//! So that robbers pay seldom, a rack that was robbed stays barred, and, being empty, is passed over by the next ones.
//! Its owner uses the depot, where everyone finds blocks without a fence, until it has done so for a while: then it
//! lifts the bar, under the register's lock.

use crate::mutant::{Mutant, active, weaken};
use crate::sync::atomic::{AtomicBool, Ordering};
use crate::sync::{Fence, yield_now};

#[derive(Debug)]
pub(super) struct Latch {
    /// The owner is at the magazines. Written by the owner alone: set before the light fence, cleared with Release, which
    /// pairs with the Acquire of a robber that waits for it.
    inside: AtomicBool,
    /// The owner is to stay out. Written with the register's lock only: set by robbers, cleared by the owner, or by a robber
    /// that set it and touched nothing. So Relaxed: what an owner that finds it cleared must see of robbers who took
    /// something it got by that lock, when it cleared the bar that they had set.
    barred: AtomicBool,
    fence: Fence,
}

/// The owner is inside until this is dropped.
pub(super) struct Held<'a>(&'a Latch);

impl Latch {
    pub(super) fn new(fence: Fence) -> Self {
        Self {
            inside: AtomicBool::new(false),
            barred: AtomicBool::new(false),
            fence,
        }
    }

    /// For the owner, who has somewhere else to go: `None` when it is barred, or inside already, as when an allocator that
    /// the pool calls there uses the pool.
    #[inline(always)]
    pub(super) fn enter(&self) -> Option<Held<'_>> {
        if self.is_inside() {
            return None;
        }
        self.inside.store(true, Ordering::Relaxed);
        if !active(Mutant::LatchUnfenced) {
            self.fence.light();
        }
        // Made first, as it is what leaves again.
        let held = Held(self);
        // Relaxed: see the field.
        (!self.barred.load(Ordering::Relaxed)).then_some(held)
    }

    /// Whether the owner is inside; for the owner.
    #[inline(always)]
    pub(super) fn is_inside(&self) -> bool {
        // Relaxed: the owner's own writes.
        self.inside.load(Ordering::Relaxed)
    }

    /// Bars the owner; returns whether it was not before. For a robber, who calls the heavy fence and `wait` next, or
    /// `lift`. With the register's lock.
    pub(super) fn bar(&self) -> bool {
        let open = !self.is_barred();
        if open {
            self.barred.store(true, Ordering::Relaxed);
        }
        open
    }

    /// With the register's lock, or for the owner, to whom it may be news.
    pub(super) fn is_barred(&self) -> bool {
        self.barred.load(Ordering::Relaxed)
    }

    /// Waits until the owner, barred before the last heavy fence, is outside.
    pub(super) fn wait(&self) {
        if active(Mutant::RobWithoutWaiting) {
            return;
        }
        // Ends: the owner leaves after a few steps. (One of them calls the global allocator: where an array of the depot
        // must grow, which happens a few times in a pool's life.)
        while self.inside.load(Ordering::Acquire) {
            yield_now();
        }
    }

    /// Lets the owner in again. With the register's lock; for the owner, or the robber that set the bar, and then got no
    /// fence: nobody else has relied on it in between.
    pub(super) fn lift(&self) {
        self.barred.store(false, Ordering::Relaxed);
    }
}

impl Drop for Held<'_> {
    #[inline(always)]
    fn drop(&mut self) {
        let release = weaken(Ordering::Release, Mutant::LatchLeaveRelaxed);
        self.0.inside.store(false, release);
    }
}
