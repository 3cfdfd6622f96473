//! LIRS: what was asked for twice within a short time stays, whatever is asked for once in between.
//!
//! The stack S orders by the last request, and the queue Q by the way to the door:
//! ```text
//!  top of S                                          bottom: always LIR
//!     HIR d   LIR a   gone x   HIR e   LIR b   gone y   LIR c   |  HIR f, g: not in S
//!
//!  newest of Q                                     oldest: the next victim
//!     d ----> e ----> f ----> g ---->
//!
//!  requests   d (in S)   becomes LIR; c becomes HIR, newest of Q, and S is pruned: y was below b
//!             x (gone)   comes back as LIR, in the same way
//!             f (not in S)   newest of Q and top of S, still HIR
//! ```
//! There is no list of S. LIR entries are a list of their own, Q is another, what is gone a ghost. HIR entries are numbered
//! as they enter S (their stamps), and a LIR entry has the number of the last one that entered before its last request:
//! ```text
//!  S          HIR d   LIR a   gone x   HIR e   LIR b   gone y   LIR c   |  HIR f   g
//!  stamp        9       8        8       7       6        6       5     |      4   2
//!                                                            floor = 5: in S is what has more
//! ```
//! Pruning is a rise of the floor: `edge` walks through Q after it, and the ghost drops its oldest.

mod config;
mod phantoms;

pub use config::LirsConfig;

use alloc::vec::Vec;

use phantoms::Phantoms;

use crate::any::Parameters;
use crate::error::ConfigError;
use crate::ghost::Ghost;
use crate::hashes::Hashes;
use crate::ledger::{grow, share};
use crate::policy::{Hint, Policy};
use crate::segments::Segments;
use crate::slot::Slot;

/// The hint that the key was in the stack.
const IN_STACK: Hint = Hint::from_bits(1);

/// The LIR entries, by their last requests.
const LIR: usize = 0;
/// The queue Q of the resident HIR entries.
const Q: usize = 1;
/// Entries that are resident for the owner, and for the reference simulator in the stack alone.
const PHANTOMS: usize = 2;

/// LIRS (S. Jiang, X. Zhang, "LIRS: an efficient low inter-reference recency set replacement policy to improve buffer
/// cache performance", SIGMETRICS 2002).
///
/// An entry is LIR (low inter-reference recency) or HIR (high). The stack S orders by their last requests the LIR
/// entries, and of HIR entries, resident or gone, those asked for after the oldest request of a LIR one. The queue Q
/// holds the resident HIR entries.
///
/// - A new entry becomes LIR if those have room for it, otherwise HIR, on top of S and newest in Q. One whose key is
///   in S becomes LIR.
/// - A hit on a LIR entry brings it to the top of S; on a HIR entry in S, it makes it LIR. Where the LIR entries have no
///   room for one, the oldest of them become HIR, the newest in Q and no longer in S.
/// - A hit on a HIR entry that is not in S makes it the newest in Q and brings it to the top of S. As in the reference
///   simulator, it also takes the room of an entry from the LIR ones, if they are full, as if it were to become LIR.
/// - To evict: the oldest of Q; its key stays in S, if it is there.
/// - All in S together weigh at most `stack` times the capacity; what has been gone the longest leaves S first.
///
/// `hir` times the capacity, rounded down, at least 1, is the share of Q; LIR entries have the rest. A LIR entry that a
/// hit demotes may bring Q over its share although the whole has room; the reference simulator evicts from Q at that
/// hit, as [`Policy::overflow`] does. It also refuses entries heavier than Q's share, which this does not, and has a
/// defect that [`LirsConfig::with_phantoms`] reproduces.
///
/// Calls take constant time amortised: an entry leaves Q and S once each time that it enters. 21 bytes a slot, 4 more
/// once weights differ from 1; a key in S of an entry that is gone takes less than 13, and 5 more once weights differ.
/// The weight of pinned entries counts in the total alone. A pinned entry that was HIR and in S is brought to the top
/// of S when it is unpinned, if it is still there by then.
///
/// ```
/// use cache_policies::{Hint, Lirs, LirsConfig, Policy, Slot};
///
/// let mut lirs = Lirs::new(3, &LirsConfig::default())?;
/// // Two entries become LIR, whatever is asked for once goes through Q.
/// for (slot, hash) in [(0, 10), (1, 11), (2, 12)] {
///     lirs.insert(Slot::new(slot), hash, 1, Hint::NONE);
/// }
/// assert_eq!(lirs.evict(), Some(Slot::new(2)));
/// // 12 comes back soon, becomes LIR, and 10 goes into Q.
/// let hint = lirs.miss(12);
/// lirs.insert(Slot::new(2), 12, 1, hint);
/// assert_eq!(lirs.evict(), Some(Slot::new(0)));
/// # Ok::<(), cache_policies::ConfigError>(())
/// ```
#[derive(Clone, Debug)]
pub struct Lirs {
    /// `LIR`, `Q` and `PHANTOMS`.
    queues: Segments<3>,
    hashes: Hashes,
    /// By slot: of an HIR entry the number of its last entrance into S; of a LIR one the number of entrances before its last
    /// request. So a HIR entry is above a LIR one in S if its stamp is greater.
    stamps: Vec<u32>,
    /// The HIR entries in S that are gone, with their stamps, which ascend but for those of entries that were removed.
    gone: Ghost,
    config: LirsConfig,
    /// How many entrances of HIR entries into S there were.
    entrances: u32,
    /// The stamp of the oldest LIR entry: HIR entries with greater ones are in S. Never falls.
    floor: u32,
    /// All linked HIR entries older than this in Q are not in S; nor are any, if there is none.
    edge: Option<Slot>,
    /// The weight of the linked HIR entries that are in S, phantoms included.
    hir_in_stack: u64,
    /// The shares of the capacity, and the limit of S.
    lir_capacity: u64,
    q_capacity: u64,
    stack_capacity: u64,
    /// The entry of Q that the last request hit.
    reentered: Option<Slot>,
    /// What is in `PHANTOMS`.
    phantoms: Phantoms,
}

impl Lirs {
    /// How many departed keys are remembered.
    #[must_use]
    pub fn ghost_len(&self) -> usize {
        self.gone.len()
    }

    #[inline]
    fn stamp(&self, slot: Slot) -> u32 {
        self.stamps[slot.index()]
    }

    /// Puts a HIR entry on top of S, as far as its stamp says that.
    #[inline]
    fn enter_stack(&mut self, slot: Slot) {
        if self.entrances == u32::MAX {
            // Whoever was in S so far, in this slot, does not count.
            self.stamps[slot.index()] = 0;
            self.renumber();
        }
        self.entrances += 1;
        self.stamps[slot.index()] = self.entrances;
    }

    /// Halves the numbers' range: what entered S more than 2^31 entrances ago is no longer told apart.
    #[cold]
    fn renumber(&mut self) {
        let base = u32::MAX / 2;
        for stamp in &mut self.stamps {
            *stamp = stamp.saturating_sub(base);
        }
        // More entrances ago than S can have keys.
        self.gone = Ghost::new(u64::MAX);
        self.entrances -= base;
        self.floor = self.floor.saturating_sub(base);
        self.edge = self.queues.oldest(Q);
        let in_stack = self
            .queues
            .iter(Q)
            .filter(|slot| self.stamp(*slot) > self.floor);
        let linked = in_stack
            .map(|slot| u64::from(self.queues.weight_of(slot)))
            .sum::<u64>();
        let phantoms = self.phantoms.weight(|slot| self.stamp(slot) > self.floor);
        self.hir_in_stack = linked + phantoms;
    }

    /// A linked HIR entry is the newest in Q now, on top of S.
    #[inline]
    fn counted_in(&mut self, slot: Slot) {
        self.hir_in_stack += u64::from(self.queues.weight_of(slot));
        self.edge = self.edge.or(Some(slot));
    }

    /// A linked entry is about to leave its place in Q.
    #[inline]
    fn step_off(&mut self, slot: Slot) {
        if self.edge == Some(slot) {
            self.edge = self.queues.newer(slot);
        }
        if self.stamp(slot) > self.floor {
            self.hir_in_stack -= u64::from(self.queues.weight_of(slot));
        }
    }

    /// Prunes S up to the oldest LIR entry.
    #[inline]
    fn prune(&mut self) {
        let Some(oldest) = self.queues.oldest(LIR) else {
            return;
        };
        let floor = self.stamp(oldest);
        if floor <= self.floor {
            return;
        }
        while let Some(slot) = self.edge {
            let stamp = self.stamp(slot);
            if stamp > floor {
                break;
            }
            if stamp > self.floor {
                self.hir_in_stack -= u64::from(self.queues.weight_of(slot));
            }
            self.edge = self.queues.newer(slot);
        }
        let pruned = self.floor + 1..=floor;
        let phantoms = self
            .phantoms
            .weight(|slot| pruned.contains(&self.stamp(slot)));
        self.hir_in_stack -= phantoms;
        self.floor = floor;
        while self.gone.oldest_stamp().is_some_and(|stamp| stamp <= floor) {
            self.gone.forget_oldest();
        }
    }

    /// Makes the oldest LIR entries HIR until there is room for this much more; prunes S.
    fn demote_for(&mut self, weight: u64) {
        while self.queues.weight(LIR) + weight > self.lir_capacity {
            let Some(oldest) = self.queues.oldest(LIR) else {
                break;
            };
            self.queues.assign(oldest, Q);
            self.stamps[oldest.index()] = 0;
        }
        self.prune();
    }

    /// Drops from S what is gone, beyond the limit.
    #[inline]
    fn limit_stack(&mut self) {
        let resident = self.queues.weight(LIR) + self.hir_in_stack;
        while self.gone.len() > 0 && resident + self.gone.weight() > self.stack_capacity {
            self.gone.forget_oldest();
        }
    }

    /// A linked entry becomes LIR, on top of S.
    fn promote(&mut self, slot: Slot, weight: u32) {
        self.demote_for(u64::from(weight));
        self.queues.assign(slot, LIR);
        self.stamps[slot.index()] = self.entrances;
        self.prune();
    }

    /// A hit on a linked entry of Q.
    fn hit_hir(&mut self, slot: Slot) {
        let weight = self.queues.weight_of(slot);
        let fits = u64::from(weight) <= self.lir_capacity;
        let in_stack = self.stamp(slot) > self.floor;
        self.step_off(slot);
        if in_stack && fits {
            // Out of Q before the others come in.
            self.queues.assign(slot, LIR);
            self.stamps[slot.index()] = self.entrances;
            self.demote_for(0);
            return;
        }
        self.queues.renew(slot);
        // Not in S for now, so that pruning leaves it alone.
        self.stamps[slot.index()] = 0;
        if !in_stack && fits {
            self.demote_for(u64::from(weight));
        }
        self.enter_stack(slot);
        self.counted_in(slot);
        self.reentered = Some(slot);
    }

    /// A hit on a phantom: it becomes LIR and has its weight again.
    #[cold]
    fn hit_phantom(&mut self, slot: Slot) {
        if let Some(weight) = self.forget_phantom(slot) {
            self.queues.reweigh(slot, weight);
            self.promote(slot, weight);
        }
    }

    /// The weight that a phantom had.
    fn forget_phantom(&mut self, slot: Slot) -> Option<u32> {
        let weight = self.phantoms.take(slot)?;
        if self.stamp(slot) > self.floor {
            self.hir_in_stack -= u64::from(weight);
        }
        Some(weight)
    }

    /// Takes the oldest of Q out; remembers its key if it is in S.
    #[inline]
    fn evict_hir(&mut self, victim: Slot) {
        self.step_off(victim);
        let weight = self.queues.evict(Q, victim);
        self.remember(victim, weight);
        self.limit_stack();
    }

    fn remember(&mut self, slot: Slot, weight: u32) {
        let stamp = self.stamp(slot);
        if stamp > self.floor {
            self.gone
                .remember_stamped(self.hashes.get(slot), weight, stamp);
        }
    }
}

impl Policy for Lirs {
    type Config = LirsConfig;

    fn new(capacity: u64, config: &LirsConfig) -> Result<Self, ConfigError> {
        config.validate()?;
        let mut lirs = Lirs {
            queues: Segments::new(capacity),
            hashes: Hashes::new(),
            stamps: Vec::new(),
            gone: Ghost::new(u64::MAX),
            config: config.clone(),
            entrances: 0,
            floor: 0,
            edge: None,
            hir_in_stack: 0,
            lir_capacity: 0,
            q_capacity: 0,
            stack_capacity: 0,
            reentered: None,
            phantoms: Phantoms::default(),
        };
        lirs.set_capacity(capacity);
        Ok(lirs)
    }

    #[inline]
    fn miss(&mut self, hash: u64) -> Hint {
        match self.gone.take_stamped(hash) {
            Some(stamp) if stamp > self.floor => IN_STACK,
            _ => Hint::NONE,
        }
    }

    #[inline]
    fn insert(&mut self, slot: Slot, hash: u64, weight: u32, hint: Hint) {
        let wide = u64::from(weight);
        let comes_back = hint == IN_STACK && wide <= self.lir_capacity;
        let is_lir = comes_back || self.queues.weight(LIR) + wide <= self.lir_capacity;
        self.queues
            .insert(slot, if is_lir { LIR } else { Q }, weight);
        self.hashes.set(slot, hash);
        if slot.index() >= self.stamps.len() {
            grow(&mut self.stamps, slot, || 0);
        }
        if is_lir {
            self.stamps[slot.index()] = self.entrances;
            self.demote_for(0);
        } else {
            self.enter_stack(slot);
            self.counted_in(slot);
        }
        self.reentered = None;
        self.limit_stack();
    }

    #[inline]
    fn hit(&mut self, slot: Slot, _hash: u64) {
        let linked = self.queues.is_linked(slot);
        self.reentered = None;
        match (self.queues.segment_of(slot), linked) {
            (LIR, true) => {
                self.queues.renew(slot);
                self.stamps[slot.index()] = self.entrances;
                self.prune();
            }
            (LIR, false) => {}
            (Q, true) => self.hit_hir(slot),
            (PHANTOMS, _) => self.hit_phantom(slot),
            (_, _) if self.stamp(slot) > self.floor => self.queues.assign(slot, LIR),
            (_, _) => self.enter_stack(slot),
        }
        self.limit_stack();
    }

    #[inline]
    fn victim(&mut self) -> Option<Slot> {
        let mut queues = [Q, LIR, PHANTOMS].into_iter();
        queues.find_map(|queue| self.queues.oldest(queue))
    }

    #[inline]
    fn evict(&mut self) -> Option<Slot> {
        let Some(victim) = self.queues.oldest(Q) else {
            let victim = self.victim()?;
            self.remove(victim, true);
            return Some(victim);
        };
        self.evict_hir(victim);
        Some(victim)
    }

    #[inline]
    fn overflow(&mut self) -> Option<Slot> {
        while self.queues.weight(Q) > self.q_capacity {
            let victim = self.queues.oldest(Q)?;
            if self.config.phantoms() && self.reentered == Some(victim) {
                let weight = self.queues.weight_of(victim);
                if self.edge == Some(victim) {
                    self.edge = self.queues.newer(victim);
                }
                self.phantoms.add(victim, weight);
                self.queues.assign(victim, PHANTOMS);
                self.queues.reweigh(victim, 0);
                continue;
            }
            self.evict_hir(victim);
            return Some(victim);
        }
        let left = self.phantoms.find(|slot| self.stamp(slot) <= self.floor)?;
        self.remove(left, false);
        Some(left)
    }

    fn remove(&mut self, slot: Slot, remember: bool) {
        let linked = self.queues.is_linked(slot);
        let queue = self.queues.segment_of(slot);
        if linked && queue == Q {
            self.step_off(slot);
        }
        self.forget_phantom(slot);
        let (_, weight) = self.queues.remove(slot);
        match queue {
            LIR => self.prune(),
            _ if remember => self.remember(slot, weight),
            _ => {}
        }
        self.limit_stack();
    }

    fn reweigh(&mut self, slot: Slot, weight: u32) {
        let old = self.queues.weight_of(slot);
        self.queues.reweigh(slot, weight);
        if !self.queues.is_linked(slot) {
            return;
        }
        if self.queues.segment_of(slot) == LIR {
            self.demote_for(0);
        } else if self.queues.segment_of(slot) == Q && self.stamp(slot) > self.floor {
            self.hir_in_stack = self.hir_in_stack - u64::from(old) + u64::from(weight);
        }
        self.limit_stack();
    }

    #[inline]
    fn weight_of(&self, slot: Slot) -> u32 {
        self.queues.weight_of(slot)
    }

    fn pin(&mut self, slot: Slot) {
        if self.queues.is_linked(slot) && self.queues.segment_of(slot) == Q {
            self.step_off(slot);
        }
        self.queues.pin(slot);
        self.prune();
    }

    fn unpin(&mut self, slot: Slot) {
        if !self.queues.unpin(slot) {
            return;
        }
        if self.queues.segment_of(slot) == LIR {
            self.stamps[slot.index()] = self.entrances;
            self.demote_for(0);
        } else if self.stamp(slot) > self.floor {
            self.enter_stack(slot);
            self.counted_in(slot);
        }
        self.limit_stack();
    }

    /// LIR entries that have no room any more become HIR at once, and S is cut: time in proportion to those.
    fn set_capacity(&mut self, capacity: u64) {
        self.queues.ledger.set_capacity(capacity);
        let hir = share(capacity, self.config.hir()).max(1);
        self.q_capacity = hir.min(capacity);
        self.lir_capacity = capacity - self.q_capacity;
        self.stack_capacity = share(capacity, self.config.stack());
        self.demote_for(0);
        self.limit_stack();
        // Gives back memory.
        self.gone.set_limit(u64::MAX);
    }

    ledger_answers!(queues.ledger);

    fn check(&self) {
        self.queues.check();
        self.gone.check();
        let linked = |queue| self.queues.iter(queue);
        assert!(
            self.queues.weight(LIR) <= self.lir_capacity,
            "the LIR entries are over their share"
        );
        assert!(
            linked(LIR).map(|slot| self.stamp(slot)).is_sorted(),
            "S orders the LIR entries otherwise than their list"
        );
        if let Some(oldest) = linked(LIR).next() {
            assert!(self.stamp(oldest) <= self.floor, "S is not pruned");
        }
        let in_stack = |slot: &Slot| self.stamp(*slot) > self.floor;
        let stamps = linked(Q).filter(in_stack).map(|slot| self.stamp(slot));
        assert!(
            stamps.is_sorted(),
            "S orders the HIR entries otherwise than Q"
        );
        let before_edge = linked(Q).take_while(|slot| Some(*slot) != self.edge);
        assert!(
            before_edge.into_iter().all(|slot| !in_stack(&slot)),
            "an entry before the edge is in S"
        );
        let hir: u64 = linked(Q)
            .filter(in_stack)
            .map(|slot| u64::from(self.queues.weight_of(slot)))
            .sum();
        let phantoms = self.phantoms.weight(|slot| in_stack(&slot));
        assert_eq!(
            hir + phantoms,
            self.hir_in_stack,
            "the weight of the HIR entries in S differs"
        );
        assert_eq!(self.phantoms.len(), self.queues.len(PHANTOMS));
        assert!(
            self.gone.len() == 0
                || self.queues.weight(LIR) + self.hir_in_stack + self.gone.weight()
                    <= self.stack_capacity,
            "S is over its limit"
        );
    }
}

#[cfg(test)]
mod tests;
