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
//! There is no list of S. LIR entries are a list of their own. What enters S or Q as HIR gets a number, and numbers ascend;
//! a LIR entry has the number that was given last before its last request:
//! ```text
//!  S          HIR d   LIR a   gone x   HIR e   LIR b   gone y   LIR c   |  HIR f   g
//!  number       9       8        8       7       6        6       5     |      4   2
//!                                                            floor = 5: in S is what has more
//! ```
//! A number is all that changes as an entry leaves Q: its place in Q is the number, an entry below the head of Q is gone,
//! and its key stands with the number from its entrance on, when a miss has just looked for it in the same place. So a
//! miss of an unknown key reads one cache line of the keys and fills one cell, and an eviction touches neither keys nor S.
//!
//! - [`Entries`]: 12 bytes a slot, the state and either the links of a LIR entry or the hash of a HIR one.
//! - [`Queue`]: Q, a ring of slots by number.
//! - [`Numbers`]: a bit for each number, whether it has left S otherwise than from below.
//! - [`Keys`]: the keys in S of HIR entries, resident or gone.

mod aside;
mod bucket;
mod check;
mod config;
mod entries;
mod keys;
mod numbers;
mod phantoms;
mod queue;
mod renumber;
mod stack;
mod state;

pub use config::LirsConfig;

use entries::Entries;
use keys::{Keys, Mixed};
use numbers::Numbers;
use phantoms::Phantoms;
use queue::Queue;
use renumber::FIRST;
use state::State;

use crate::any::Parameters;
use crate::error::ConfigError;
use crate::ledger::{Ledger, share};
use crate::policy::{Hint, Policy};
use crate::slot::Slot;

/// The hint that the key was in the stack.
const IN_STACK: Hint = Hint::from_bits(1);

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
/// - All in S together weigh at most `stack` times the capacity; of what is gone the lowest in S leaves it first, which is
///   what has been gone the longest, unless the owner removed entries from the midst of Q.
///
/// `hir` times the capacity, rounded down, at least 1, is the share of Q; LIR entries have the rest. A LIR entry that a
/// hit demotes may bring Q over its share although the whole has room; the reference simulator evicts from Q at that
/// hit, as [`Policy::overflow`] does. It also refuses entries heavier than Q's share, which this does not, and has a
/// defect that [`LirsConfig::with_phantoms`] reproduces.
///
/// Calls take constant time amortised: an entry leaves Q and S once each time that it enters, and before numbers run out all
/// that are in use are given anew, with a pause of some nanoseconds a slot. 12 bytes a slot, 4 more once weights differ from
/// 1; about 12 bytes for each key in S of an HIR entry, resident or gone, and 4 more once weights differ.
/// The weight of pinned entries counts in the total alone. A pinned entry that was HIR and in S is brought to the top
/// of S when it is unpinned, if it is still there by then. To remove an entry from the midst of Q, or a pinned one, and
/// to remember it may take time in proportion to what has entered S since. There is room for 2^27 HIR entries in S.
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
    ledger: Ledger,
    entries: Entries,
    queue: Queue,
    /// The numbers in S of HIR entries that are in Q or gone, and the keys of those.
    numbers: Numbers,
    keys: Keys,
    /// Up to this number there is room for keys, whatever leaves until then.
    room_end: u32,
    /// The number that cannot be given yet.
    stop: u32,
    /// The number of the oldest LIR entry: HIR entries with greater ones are in S. Never falls, but when all numbers do.
    floor: u32,
    /// The weight of the linked LIR entries.
    lir_weight: u64,
    /// The weight of all that is in S but pinned entries.
    stack_weight: u64,
    /// The weight of all that is resident and neither in Q nor linked as LIR.
    aside_weight: u64,
    /// The shares of the capacity, and the limit of S.
    lir_capacity: u64,
    q_capacity: u64,
    stack_capacity: u64,
    /// The entry of Q that the last request hit.
    reentered: Option<Slot>,
    phantoms: Phantoms,
    config: LirsConfig,
}

impl Lirs {
    /// How many departed keys are remembered. Time in proportion to a 64th of them.
    #[must_use]
    pub fn ghost_len(&self) -> usize {
        let (bottom, head) = (self.numbers.bottom(), self.queue.head());
        self.numbers.count(bottom, head) + self.queue.gone()
    }

    #[inline(always)]
    fn weight_in_queue(&self) -> u64 {
        self.ledger.weight() - self.lir_weight - self.aside_weight
    }

    /// A hit on an entry of Q.
    #[inline(never)]
    fn hit_hir(&mut self, slot: Slot, hash: u64) {
        let state = self.entries.state(slot);
        let weight = u64::from(self.ledger.weight_of(slot));
        let fits = weight <= self.lir_capacity;
        let in_stack = state.is_above(self.floor);
        self.queue.remove(state.number());
        if in_stack {
            self.leave_stack(slot, state.number(), hash);
        }
        if in_stack && fits {
            // Out of Q before the others come in.
            self.stack_weight += weight;
            self.link_lir(slot, weight);
            self.demote_for(0);
            return;
        }
        self.entries.set_state(slot, State::ABSENT);
        self.enter_stack(slot, hash, weight);
        if !in_stack && fits {
            self.demote_for(weight);
        }
        self.reentered = Some(slot);
        self.limit_stack();
    }

    /// The oldest of Q goes; its key stays in S, if it is there.
    #[inline(always)]
    fn evict_hir(&mut self, victim: Slot) {
        let weight = self.ledger.dismiss(victim);
        self.entries.set_state(victim, State::ABSENT);
        let number = self.queue.head();
        self.queue.pop();
        if weight != 1 && self.numbers.contains(number) {
            self.stay_in_stack(number, weight);
        }
        if self.stack_weight > self.stack_capacity {
            self.limit_late();
        }
    }

    /// The limit was lowered, or what is gone weighs more than it did in Q.
    #[cold]
    #[inline(never)]
    fn limit_late(&mut self) {
        self.limit_stack();
    }

    /// Evicts where Q is empty.
    #[cold]
    #[inline(never)]
    fn evict_other(&mut self) -> Option<Slot> {
        let victim = self.victim()?;
        self.remove(victim, true);
        Some(victim)
    }

    /// A new entry becomes LIR.
    #[inline(never)]
    fn insert_lir(&mut self, slot: Slot, weight: u64) {
        self.stack_weight += weight;
        self.link_lir(slot, weight);
        self.demote_for(0);
        self.limit_stack();
    }
}

impl Policy for Lirs {
    type Config = LirsConfig;

    fn new(capacity: u64, config: &LirsConfig) -> Result<Self, ConfigError> {
        config.validate()?;
        let keys = Keys::new(0);
        let mut lirs = Lirs {
            ledger: Ledger::new(capacity),
            entries: Entries::new(),
            queue: Queue::new(FIRST, 16),
            numbers: Numbers::new(FIRST, keys.numbers()),
            keys,
            room_end: FIRST,
            stop: FIRST,
            floor: 0,
            lir_weight: 0,
            stack_weight: 0,
            aside_weight: 0,
            lir_capacity: 0,
            q_capacity: 0,
            stack_capacity: 0,
            reentered: None,
            phantoms: Phantoms::default(),
            config: config.clone(),
        };
        lirs.set_capacity(capacity);
        Ok(lirs)
    }

    #[inline]
    fn miss(&mut self, hash: u64) -> Hint {
        let (numbers, queue) = (&self.numbers, &self.queue);
        let is_gone =
            |number| numbers.contains(number) && (number < queue.head() || queue.is_gone(number));
        let Some(number) = self.keys.take(Mixed::new(hash), is_gone) else {
            return Hint::NONE;
        };
        self.forget(number);
        IN_STACK
    }

    fn reserve(&mut self, slots: usize) {
        self.entries.reserve(slots);
        self.ledger.reserve(slots);
    }

    #[inline]
    fn insert(&mut self, slot: Slot, hash: u64, weight: u32, hint: Hint) {
        self.entries.expect_absent(slot);
        self.ledger.admit(slot, weight);
        self.reentered = None;
        let weight = u64::from(weight);
        let comes_back = hint == IN_STACK && weight <= self.lir_capacity;
        if comes_back || self.lir_weight + weight <= self.lir_capacity {
            self.insert_lir(slot, weight);
        } else {
            self.enter_stack(slot, hash, weight);
            self.limit_stack();
        }
    }

    #[inline(always)]
    fn hit(&mut self, slot: Slot, hash: u64) {
        let state = self.entries.state(slot);
        self.reentered = None;
        if state.is_linked_lir() {
            self.renew_lir(slot);
        } else if state.is_in_queue() {
            self.hit_hir(slot, hash);
        } else {
            self.hit_aside(slot, hash);
        }
    }

    #[inline]
    fn victim(&mut self) -> Option<Slot> {
        let oldest = self.queue.oldest().or_else(|| self.entries.oldest());
        oldest.or_else(|| self.phantom(|_| true))
    }

    #[inline]
    fn evict(&mut self) -> Option<Slot> {
        let Some(victim) = self.queue.oldest() else {
            return self.evict_other();
        };
        self.evict_hir(victim);
        Some(victim)
    }

    #[inline]
    fn overflow(&mut self) -> Option<Slot> {
        while self.weight_in_queue() > self.q_capacity {
            let victim = self.queue.oldest()?;
            if self.config.phantoms() && self.reentered == Some(victim) {
                self.become_phantom(victim);
                continue;
            }
            self.evict_hir(victim);
            return Some(victim);
        }
        let left = self.phantom(|state| !state.is_above(self.floor))?;
        self.remove(left, false);
        Some(left)
    }

    fn remove(&mut self, slot: Slot, remember: bool) {
        let state = self.entries.resident(slot);
        let weight = self.ledger.weight_of(slot);
        if state.is_linked_lir() {
            self.unlink_lir(slot);
        } else if state.is_in_queue() {
            self.queue.remove(state.number());
            if state.is_above(self.floor) && remember {
                self.queue.set_gone(state.number(), true);
                self.stay_in_stack(state.number(), weight);
            } else if state.is_above(self.floor) {
                self.leave_stack(slot, state.number(), self.entries.stowed(slot));
            }
        } else {
            self.remove_aside(slot, weight, remember);
        }
        self.entries.set_state(slot, State::ABSENT);
        self.ledger.dismiss(slot);
        self.prune();
        self.limit_stack();
    }

    fn reweigh(&mut self, slot: Slot, weight: u32) {
        let state = self.entries.resident(slot);
        let old = u64::from(self.ledger.reweigh(slot, weight));
        let weight = u64::from(weight);
        if state.is_linked_lir() {
            self.lir_weight = self.lir_weight - old + weight;
            self.stack_weight = self.stack_weight - old + weight;
            self.demote_for(0);
        } else if !state.is_in_queue() {
            self.aside_weight = self.aside_weight - old + weight;
        } else if state.is_above(self.floor) {
            self.stack_weight = self.stack_weight - old + weight;
        }
        self.limit_stack();
    }

    #[inline]
    fn weight_of(&self, slot: Slot) -> u32 {
        self.entries.resident(slot);
        self.ledger.weight_of(slot)
    }

    fn pin(&mut self, slot: Slot) {
        if !self.entries.resident(slot).is_pinned() {
            self.pin_linked(slot);
        }
    }

    fn unpin(&mut self, slot: Slot) {
        if self.entries.resident(slot).is_pinned() {
            self.unpin_pinned(slot);
        }
    }

    /// LIR entries that have no room any more become HIR at once, and S is cut: time in proportion to those.
    fn set_capacity(&mut self, capacity: u64) {
        self.ledger.set_capacity(capacity);
        let hir = share(capacity, self.config.hir()).max(1);
        self.q_capacity = hir.min(capacity);
        self.lir_capacity = capacity - self.q_capacity;
        self.stack_capacity = share(capacity, self.config.stack());
        self.demote_for(0);
        self.limit_stack();
        self.give_memory_back();
    }

    ledger_answers!(ledger);

    fn check(&self) {
        self.check_all();
    }
}

#[cfg(test)]
mod tests;
