//! Idle blocks that go back to the provider: when asked, when memory is short, when they were not used for long.
//!
//! Blocks are taken a batch at a time, under the locks of where they lie, and destroyed when no lock is held. In between
//! they count as departures.

use std::time::Instant;

use super::{Core, Register};
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
    /// Destroys idle blocks of at least `bytes` in all, or all there are in reach; returns their bytes. When that was
    /// all, the memory of headers that are gone goes back too.
    pub(crate) fn reclaim(&self, bytes: usize) -> usize {
        let freed = self.look_through(bytes).freed;
        if freed < bytes {
            self.source.trim();
        }
        freed
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
        let mut register = self.register.lock();
        let robbery = self.bar(&mut register, |_| true);
        let (mut sum, mut puts) = (0, register.puts);
        // SAFETY: on the register, whose lock is held.
        for rack in register.racks.iter().map(|rack| unsafe { rack.rack() }) {
            if sum >= bytes {
                // Not needed any more: its owner has done without it for nothing but a moment.
                if rack.is_barred_by(robbery) {
                    rack.lift();
                }
                continue;
            }
            let before = into.len();
            let rack_puts = match rack.is_in_reach() {
                // SAFETY: the register's lock is held, and the rack is in reach.
                true => unsafe { rack.rob(bytes - sum, into) },
                false => rack.puts(),
            };
            puts = puts.wrapping_add(rack_puts);
            sum += into[before..].iter().map(Block::capacity).sum::<usize>();
        }
        puts
    }

    /// In a pool with a budget, an idle block of just `bytes` out of a rack: another thread's, which does without its rack
    /// for a while, or this thread's, if that is barred. Its class's request is served with it.
    pub(super) fn steal(&self, bytes: usize) -> Option<Block> {
        let class = self.classes.index(bytes)?;
        let mut register = self.register.lock();
        // Racks that have none are left alone. One fence: with many racks it costs as much as with one.
        self.bar(&mut register, |rack| rack.seems_to_have(class));
        // SAFETY: on the register, whose lock is held.
        let racks = register.racks.iter().map(|rack| unsafe { rack.rack() });
        let mut victims = racks.filter(|rack| rack.seems_to_have(class) && rack.is_in_reach());
        // SAFETY: the register's lock is held, and the rack is in reach.
        victims.find_map(|rack| unsafe { rack.steal(class) })
    }

    /// Takes from the racks of threads that have not ended their intervals of decay for a while what they did not use.
    /// Only in a pool with a budget; returns the bytes freed.
    fn rob_sleepers(&self) -> usize {
        let sleeps = |rack: &Rack| rack.intervals_behind() > 1 && rack.len() > 0;
        let idle = {
            let register = self.register.lock();
            // SAFETY: on the register, whose lock is held.
            let racks = register.racks.iter().map(|rack| unsafe { rack.rack() });
            racks.filter(|rack| sleeps(rack)).map(Rack::len).sum()
        };
        if idle == 0 {
            return 0;
        }
        // The allocator may be anyone's: it is not called under the lock. What comes meanwhile, and finds no room, has
        // its turn when the next interval ends.
        let mut taken = Vec::with_capacity(idle);
        let mut register = self.register.lock();
        self.bar(&mut register, sleeps);
        // SAFETY: on the register, whose lock is held.
        for rack in register.racks.iter().map(|rack| unsafe { rack.rack() }) {
            if sleeps(rack) && rack.is_in_reach() {
                // SAFETY: the register's lock is held, and the rack is in reach.
                unsafe { rack.rob_unused(&mut taken) };
            }
        }
        drop(register);
        self.destroy_idle(&mut taken)
    }

    /// Bars the owners of those racks that are `wanted`, but for the calling thread, and orders this thread against
    /// them: what is barred afterwards, or its own, is in reach while the register is locked. Returns the robbery's number.
    fn bar(&self, register: &mut Register, wanted: impl Fn(&Rack) -> bool) -> u64 {
        register.robberies += 1;
        let number = register.robberies;
        // SAFETY: on the register, whose lock is held by the caller.
        let racks = || register.racks.iter().map(|rack| unsafe { rack.rack() });
        let mut barred = false;
        for rack in racks().filter(|rack| !rack.is_own() && wanted(rack)) {
            barred |= rack.bar(number);
        }
        let fenced = !barred || active(Mutant::BarUnfenced) || self.fence.heavy();
        if !fenced {
            // Nothing may be concluded of these. Those that were barred before stay so: they are robbed without a fence.
            racks()
                .filter(|rack| rack.is_barred_by(number))
                .for_each(Rack::lift);
        }
        number
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

    /// Ends the intervals of decay that are over at `now`, of the depot and of this thread's rack; other threads find by
    /// themselves that their racks' have ended, or, if they sleep, are robbed where there is a budget. Returns the bytes
    /// freed.
    pub(crate) fn maintain(&self, now: Instant) -> usize {
        let intervals = self.decay.end_intervals(now);
        if intervals == 0 {
            return 0;
        }
        if let Some(rack) = magazine::own_rack(self.number) {
            // SAFETY: the thread's own; no foreign code has run since.
            unsafe { rack.as_ref().end_intervals() };
        }
        let mut freed = match self.bounded {
            true => self.rob_sleepers(),
            // Other threads' racks are theirs alone.
            false => 0,
        };
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

#[cfg(all(test, not(buffer_pool_loom)))]
mod tests {
    use std::sync::mpsc;

    use crate::BufferPool;
    use crate::sync::{thread, without_fences};

    /// How many racks are barred.
    fn barred(pool: &BufferPool) -> usize {
        let register = pool.core().register.lock();
        // SAFETY: on the register, whose lock is held.
        let racks = register.racks.iter().map(|rack| unsafe { rack.rack() });
        racks.filter(|rack| rack.is_barred()).count()
    }

    #[test]
    fn who_is_refused_a_fence_lifts_no_bar_of_another() {
        let pool = BufferPool::builder().max_bytes(1 << 20).build();
        thread::scope(|scope| {
            let (told, asleep) = mpsc::channel();
            let sleeper = || {
                let (told, pool) = (told.clone(), &pool);
                let (wake, woken) = mpsc::channel::<()>();
                scope.spawn(move || {
                    drop([pool.acquire(4096), pool.acquire(4096)]);
                    told.send(()).expect("the test waits");
                    woken.recv().expect_err("nothing is ever sent");
                });
                asleep.recv().expect("it tells");
                wake
            };
            let first = sleeper();
            assert_eq!(pool.reclaim(4096), 4096, "with a fence");
            assert_eq!(barred(&pool), 1);
            let second = sleeper();
            let freed = without_fences(|| pool.reclaim(usize::MAX));
            assert_eq!(freed, 4096, "what a fence was for already, and no more");
            assert_eq!(barred(&pool), 1, "the first still is");
            assert_eq!(pool.reclaim(usize::MAX), 8192);
            drop((first, second));
        });
    }
}
