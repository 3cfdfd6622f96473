//! Idle blocks that go back to the provider: when asked, when memory is short, when they were not used for long.
//!
//! Blocks are taken a batch at a time, under the locks of where they lie, and destroyed when no lock is held. In between
//! they count as departures.

use std::time::Instant;

use super::Core;
use crate::block::{Block, Place};
use crate::depot::BATCH;
use crate::magazine::{self, Rack};
use crate::mutant::{Mutant, active};

/// What one look through all idle blocks found.
pub(super) struct Look {
    /// Bytes that went back to the provider.
    pub(super) freed: usize,
    /// Blocks that were put into racks and depot so far. Two fruitless looks with the same number prove that no block
    /// was idle in between: it would lie where the second look found nothing, and was put there before the first.
    pub(super) puts: u64,
}

impl Core {
    /// Destroys idle blocks of at least `bytes` in all, or all there are in reach; returns their bytes.
    pub(crate) fn reclaim(&self, bytes: usize) -> usize {
        self.look_through(bytes).freed
    }

    /// Destroys idle blocks: of the depot, of this thread's rack, with a budget of all threads' racks, in that order,
    /// until they have `bytes`.
    pub(super) fn look_through(&self, bytes: usize) -> Look {
        let mut look = Look { freed: 0, puts: 0 };
        let mut taken = Vec::with_capacity(BATCH);
        for stripe in 0..self.depot.stripes() {
            self.take_all(bytes, &mut look, &mut taken, |bytes, taken| {
                let puts = self.depot.remove(stripe, bytes, taken);
                self.restore_room(taken);
                puts
            });
        }
        self.take_all(bytes, &mut look, &mut taken, |bytes, taken| {
            // Without a budget other threads' racks are theirs alone.
            match self.bounded {
                true => self.rob_all(bytes, taken),
                false => self.empty_own(bytes, taken),
            }
        });
        look
    }

    /// Destroys blocks that `take` gives a batch at a time, with the number of blocks that were put there so far, until
    /// there are no more, or the look has `bytes`.
    fn take_all(
        &self,
        bytes: usize,
        look: &mut Look,
        taken: &mut Vec<Block>,
        take: impl Fn(usize, &mut Vec<Block>) -> u64,
    ) {
        // Ends: a batch that is not full is the last.
        while look.freed < bytes {
            let puts = take(bytes - look.freed, taken);
            let last = taken.len() < taken.capacity();
            look.freed += self.destroy_idle(taken);
            if last {
                look.puts = look.puts.wrapping_add(puts);
                return;
            }
        }
    }

    /// Gives back the room that blocks had in the depot, which they have left. (What a rack loses leaves it its room.)
    fn restore_room(&self, blocks: &[Block]) {
        for block in blocks {
            if let Place::Class(class) = block.place() {
                self.allowance.restore(class.into(), block.capacity(), 1);
            }
        }
    }

    /// Takes up to a batch out of the racks of all threads, which the others then do without for a while.
    fn rob_all(&self, bytes: usize, into: &mut Vec<Block>) -> u64 {
        let register = self.register.lock();
        // SAFETY: on the register, whose lock is held.
        let racks = || register.racks.iter().map(|rack| unsafe { rack.rack() });
        let mut barred = false;
        for rack in racks().filter(|rack| !rack.is_own()) {
            barred |= rack.bar();
        }
        let fenced = !barred || active(Mutant::BarUnfenced) || self.fence.heavy();
        if !fenced {
            racks().for_each(Rack::lift);
        }
        let (mut sum, mut puts) = (0, register.puts);
        for rack in racks() {
            if sum >= bytes {
                break;
            }
            let before = into.len();
            let rack_puts = match rack.is_own() || fenced {
                // SAFETY: the register's lock is held. The thread's own; or barred, with a heavy fence since then, by this
                // thread, or by the one that barred it and had the lock before.
                true => unsafe { rack.rob(bytes - sum, into) },
                false => rack.puts(),
            };
            puts = puts.wrapping_add(rack_puts);
            sum += into[before..].iter().map(Block::capacity).sum::<usize>();
        }
        puts
    }

    /// Takes up to a batch out of the calling thread's rack.
    fn empty_own(&self, bytes: usize, into: &mut Vec<Block>) -> u64 {
        match magazine::own_rack(self.number) {
            // SAFETY: the thread's own, in a pool without a budget; no foreign code has run since.
            Some(rack) => unsafe { rack.as_ref().rob(bytes, into) },
            None => 0,
        }
    }

    /// Destroys blocks that were taken from where they lay idle, and leaves `blocks` empty; returns their bytes.
    pub(crate) fn destroy_idle(&self, blocks: &mut Vec<Block>) -> usize {
        let mut bytes = 0;
        for block in blocks.drain(..) {
            bytes += block.capacity();
            if let Place::Class(class) = block.place() {
                self.counts.classes[usize::from(class)].reclaimed.add(1);
            }
            Self::destroy(block);
            self.depot.departures().end_one();
        }
        bytes
    }

    /// Ends the intervals of decay that are over at `now`; returns the bytes freed.
    pub(crate) fn maintain(&self, now: Instant) -> usize {
        let intervals = self.decay.intervals_ended(now);
        if intervals == 0 {
            return 0;
        }
        if let Some(rack) = magazine::own_rack(self.number) {
            // SAFETY: the thread's own; no foreign code has run since.
            unsafe { rack.as_ref().end_interval(intervals) };
        }
        let mut freed = 0;
        let mut taken = Vec::with_capacity(BATCH);
        for stripe in 0..self.depot.stripes() {
            self.depot.end_interval(stripe, intervals);
            // Ends: each turn takes what is to go, which only grows at the end of an interval.
            loop {
                self.depot.remove_surplus(stripe, &mut taken);
                self.restore_room(&taken);
                if taken.is_empty() {
                    break;
                }
                freed += self.destroy_idle(&mut taken);
            }
        }
        freed
    }

    /// As a call does that is slow anyway.
    #[cold]
    pub(super) fn maintain_now(&self) {
        self.maintain(Instant::now());
    }
}
