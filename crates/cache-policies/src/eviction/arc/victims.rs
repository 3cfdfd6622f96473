//! The victims of ARC on their way into its ghosts: by the rules of the paper, what is inserted after them decides what is
//! forgotten for them.

use super::{Arc, T1, T2};

/// Victims that wait for the insert they went for; past this many, they wait no longer.
pub(super) const PENDING_MAX: usize = 256;

/// An entry that left and is not in its ghost yet.
#[derive(Copy, Clone, Debug)]
pub(super) struct Victim {
    hash: u64,
    weight: u32,
    queue: u8,
}

impl Arc {
    /// Keeps what an eviction took, until it is known what for.
    #[inline(always)]
    pub(super) fn await_insert(&mut self, queue: usize, hash: u64, weight: u32) {
        if self.pending.len() == PENDING_MAX {
            self.give_up_waiting();
        }
        self.pending.push(Victim {
            hash,
            weight,
            queue: queue as u8,
        });
    }

    /// Remembers the victims that an insert of this weight took. Its key was in no ghost.
    #[inline(always)]
    pub(super) fn remember_for_new(&mut self, inserted: u32) {
        let mut sizes = [self.t1_weight(), self.t2_weight];
        if let [victim] = self.pending[..] {
            sizes[usize::from(victim.queue)] += u64::from(victim.weight);
            self.remember_one(victim, sizes, inserted);
            self.pending.clear();
        } else {
            self.remember_more(inserted, sizes);
        }
    }

    #[cold]
    #[inline(never)]
    fn remember_more(&mut self, inserted: u32, mut sizes: [u64; 2]) {
        for victim in &self.pending {
            sizes[usize::from(victim.queue)] += u64::from(victim.weight);
        }
        for at in 0..self.pending.len() {
            let victim = self.pending[at];
            self.remember_one(victim, sizes, inserted);
            sizes[usize::from(victim.queue)] -= u64::from(victim.weight);
        }
        self.pending.clear();
    }

    /// Remembers the first of the victims, the queues having had these sizes with them.
    #[inline(always)]
    fn remember_one(&mut self, victim: Victim, sizes: [u64; 2], inserted: u32) {
        let capacity = self.ledger.capacity();
        let queue = usize::from(victim.queue);
        let once = sizes[T1] + self.ghosts.weight_of(T1);
        let twice = sizes[T2] + self.ghosts.weight_of(T2);
        if once + u64::from(inserted) > capacity {
            if self.ghosts.len_of(T1) > 0 {
                self.ghosts.forget_oldest_in(T1);
            } else if queue == T1 {
                return;
            }
        } else if once + twice >= capacity.saturating_mul(2) && self.ghosts.len_of(T2) > 0 {
            self.ghosts.forget_oldest_in(T2);
        }
        self.ghosts.remember_in(queue, victim.hash, victim.weight);
    }

    /// Remembers the victims, whatever they went for.
    #[inline(never)]
    pub(super) fn remember_all(&mut self) {
        for victim in &self.pending {
            let queue = usize::from(victim.queue);
            self.ghosts.remember_in(queue, victim.hash, victim.weight);
        }
        self.pending.clear();
    }

    /// Remembers victims that no insert followed, within |T1| + |B1| <= c and all together <= 2c.
    #[cold]
    pub(super) fn give_up_waiting(&mut self) {
        self.remember_all();
        let capacity = self.ledger.capacity();
        let once = |arc: &Self| arc.t1_weight() + arc.ghosts.weight_of(T1);
        while once(self) > capacity && self.ghosts.len_of(T1) > 0 {
            self.ghosts.forget_oldest_in(T1);
        }
        let all = |arc: &Self| once(arc) + arc.t2_weight + arc.ghosts.weight_of(T2);
        while all(self) > capacity.saturating_mul(2) && self.ghosts.len_of(T2) > 0 {
            self.ghosts.forget_oldest_in(T2);
        }
    }
}
