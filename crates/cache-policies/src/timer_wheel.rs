//! Timer wheel: which slots are due, in constant time a slot whatever the jump of the clock.
//!
//! A hierarchical wheel (Varghese and Lauck, "Hashed and hierarchical timing wheels", SOSP 1987, scheme 7) of 11 levels
//! with 64 buckets each, which is all of u64. A slot's level is the highest group of 6 bits in which its deadline differs
//! from the wheel's own time, its bucket that group of the deadline. So every bucket of a level lies ahead of the wheel's
//! time within that level's lap, levels never wrap, and the next bucket to look at is the lowest one of the lowest level
//! that has any: two `trailing_zeros`, not a walk over empty ticks. A slot moves down a level each time its bucket comes
//! up, at most 10 times in its life.
//!
//! Deadlines are exact to the tick. Putting one *off* (an idle time starts anew at each hit) only writes it down; the
//! slot is moved when its old bucket comes up.

use alloc::vec::Vec;

/// Bits of the clock that a level covers.
const BITS: u32 = 6;
/// Buckets of a level.
const WIDTH: usize = 1 << BITS;
/// Levels that cover 64 bits.
const LEVELS: usize = u64::BITS.div_ceil(BITS) as usize;
/// The bucket of slots that are due and wait to be taken.
const DUE: usize = LEVELS * WIDTH;
/// Buckets in all.
const BUCKETS: usize = DUE + 1;
/// No slot.
const NIL: u32 = u32::MAX;
/// A `prev` from here on is not a slot but `HEAD + bucket`: the slot is the first of that bucket.
const HEAD: u32 = NIL - BUCKETS as u32;
/// The deadline of a slot that has none.
pub(crate) const NEVER: u64 = u64::MAX;

#[derive(Clone, Copy, Debug)]
struct Timer {
    /// The first tick at which the slot is dead; `NEVER` iff the slot is not in the wheel.
    deadline: u64,
    /// The slot before it in its bucket, or `HEAD + bucket`.
    prev: u32,
    /// The slot after it in its bucket, or `NIL`.
    next: u32,
}

const VACANT: Timer = Timer {
    deadline: NEVER,
    prev: NIL,
    next: NIL,
};

/// Deadlines of slots. Holds no memory until the first deadline is set, then 16 bytes a slot and 3 KiB of buckets.
#[derive(Clone, Debug)]
pub(crate) struct TimerWheel {
    /// Every deadline outside `DUE` was later than this when it was set.
    elapsed: u64,
    /// Slots in the wheel, which are those that have a deadline.
    len: usize,
    /// By slot.
    timers: Vec<Timer>,
    /// First slot of each bucket; empty until the first deadline is set.
    heads: Vec<u32>,
    /// A bit for each bucket that has a slot, by level.
    occupied: [u64; LEVELS],
}

impl TimerWheel {
    pub(crate) const fn new() -> Self {
        Self {
            elapsed: 0,
            len: 0,
            timers: Vec::new(),
            heads: Vec::new(),
            occupied: [0; LEVELS],
        }
    }

    /// Whether no slot has a deadline.
    #[inline]
    pub(crate) const fn is_empty(&self) -> bool {
        self.len == 0
    }

    /// The first tick at which `slot` is dead; `NEVER` when it has no deadline.
    #[inline]
    pub(crate) fn deadline(&self, slot: u32) -> u64 {
        if self.len == 0 {
            return NEVER;
        }
        self.timers
            .get(slot as usize)
            .map_or(NEVER, |timer| timer.deadline)
    }

    /// Gives `slot` a deadline, in place of what it had; `NEVER` takes it out. O(1).
    pub(crate) fn schedule(&mut self, slot: u32, deadline: u64) {
        let old = self.deadline(slot);
        if old == deadline {
            return;
        }
        if old != NEVER && deadline != NEVER && deadline > old {
            // It is put off: its bucket comes up too early and then finds it the right one.
            self.timers[slot as usize].deadline = deadline;
            return;
        }
        self.cancel(slot);
        if deadline == NEVER {
            return;
        }
        assert!(
            slot < HEAD,
            "a timed cache holds at most 2^32 - 706 entries"
        );
        if self.heads.is_empty() {
            self.heads.resize(BUCKETS, NIL);
        }
        if self.timers.len() <= slot as usize {
            self.timers.resize(slot as usize + 1, VACANT);
        }
        self.timers[slot as usize].deadline = deadline;
        self.len += 1;
        self.link(slot, self.bucket(deadline));
    }

    /// Takes `slot` out, if it is in. O(1).
    pub(crate) fn cancel(&mut self, slot: u32) {
        if self.deadline(slot) != NEVER {
            self.unlink(slot);
            self.timers[slot as usize].deadline = NEVER;
            self.len -= 1;
        }
    }

    /// Moves the wheel to `now` as far as needed to find a slot whose deadline is at or before `now`, and takes that slot
    /// out; `None` when there is none. A `now` behind an earlier one finds what was already due. O(1) amortised.
    pub(crate) fn pop_due(&mut self, now: u64) -> Option<u32> {
        if self.len == 0 {
            self.elapsed = self.elapsed.max(now);
            return None;
        }
        loop {
            let slot = self.heads[DUE];
            if slot != NIL {
                // A slot that became due may have been put off since.
                if self.timers[slot as usize].deadline > self.elapsed.max(now) {
                    self.relink(slot);
                    continue;
                }
                self.cancel(slot);
                return Some(slot);
            }
            let Some((start, bucket)) = self.next_bucket().filter(|&(start, _)| start <= now)
            else {
                self.elapsed = self.elapsed.max(now);
                return None;
            };
            self.elapsed = start;
            while self.heads[bucket] != NIL {
                self.relink(self.heads[bucket]);
            }
        }
    }

    /// The earliest tick at which a slot may be due: never later than the earliest deadline.
    pub(crate) fn next_wakeup(&self) -> Option<u64> {
        if self.len == 0 {
            return None;
        }
        if self.heads[DUE] != NIL {
            return Some(self.elapsed);
        }
        self.next_bucket().map(|(start, _)| start)
    }

    /// The first tick of the next bucket that has a slot, and that bucket.
    fn next_bucket(&self) -> Option<(u64, usize)> {
        let level = self.occupied.iter().position(|&bits| bits != 0)?;
        let index = self.occupied[level].trailing_zeros() as usize;
        let shift = BITS * level as u32;
        // What is above this level's group; nothing at the top level, whose group ends at bit 63.
        let above = self.elapsed.checked_shr(shift + BITS).unwrap_or(0);
        let lap = above.checked_shl(shift + BITS).unwrap_or(0);
        Some((lap | (index as u64) << shift, level * WIDTH + index))
    }

    /// The bucket for `deadline` at this time.
    fn bucket(&self, deadline: u64) -> usize {
        if deadline <= self.elapsed {
            return DUE;
        }
        let highest = (self.elapsed ^ deadline).ilog2();
        let level = highest / BITS;
        let index = (deadline >> (level * BITS)) as usize % WIDTH;
        level as usize * WIDTH + index
    }

    fn relink(&mut self, slot: u32) {
        self.unlink(slot);
        self.link(slot, self.bucket(self.timers[slot as usize].deadline));
    }

    fn link(&mut self, slot: u32, bucket: usize) {
        let next = core::mem::replace(&mut self.heads[bucket], slot);
        if next != NIL {
            self.timers[next as usize].prev = slot;
        }
        let timer = &mut self.timers[slot as usize];
        timer.prev = HEAD + bucket as u32;
        timer.next = next;
        if bucket != DUE {
            self.occupied[bucket / WIDTH] |= 1 << (bucket % WIDTH);
        }
    }

    fn unlink(&mut self, slot: u32) {
        let Timer { prev, next, .. } = self.timers[slot as usize];
        if next != NIL {
            self.timers[next as usize].prev = prev;
        }
        if prev < HEAD {
            self.timers[prev as usize].next = next;
            return;
        }
        let bucket = (prev - HEAD) as usize;
        self.heads[bucket] = next;
        if next == NIL && bucket != DUE {
            self.occupied[bucket / WIDTH] &= !(1 << (bucket % WIDTH));
        }
    }

    /// Asserts every invariant. O(slots).
    pub(crate) fn check(&self) {
        let mut linked = 0;
        for (bucket, &head) in self.heads.iter().enumerate() {
            let mut prev = HEAD + bucket as u32;
            let mut slot = head;
            while slot != NIL {
                let timer = &self.timers[slot as usize];
                assert_eq!(
                    timer.prev, prev,
                    "slot {slot} points back to where it came from"
                );
                assert_ne!(
                    timer.deadline, NEVER,
                    "slot {slot} in the wheel has a deadline"
                );
                linked += 1;
                (prev, slot) = (slot, timer.next);
            }
            if bucket != DUE {
                let bit = self.occupied[bucket / WIDTH] >> (bucket % WIDTH) & 1;
                assert_eq!(
                    bit == 1,
                    head != NIL,
                    "the bit of bucket {bucket} says whether it has a slot"
                );
            }
        }
        assert_eq!(linked, self.len, "slots in buckets");
        let timed = self
            .timers
            .iter()
            .filter(|timer| timer.deadline != NEVER)
            .count();
        assert_eq!(timed, self.len, "slots with a deadline");
        if let Some((start, _)) = self.next_bucket() {
            assert!(start > self.elapsed, "the next bucket lies ahead");
        }
    }
}

#[cfg(test)]
mod tests {
    use alloc::collections::BTreeMap;
    use alloc::vec::Vec;

    use proptest::prelude::*;
    use proptest::test_runner::RngSeed;

    use super::{NEVER, TimerWheel};

    #[derive(Clone, Debug)]
    enum Op {
        /// A deadline so many ticks from now.
        After(u32, u64),
        /// A deadline at any tick, past ones included.
        At(u32, u64),
        Cancel(u32),
        /// Time moves on by so many ticks, and all that is due is taken.
        Advance(u64),
        /// Time moves on by so many ticks, and one slot that is due is taken: what a panic in between leaves.
        Interrupted(u64),
    }

    /// Ticks of every magnitude, so that every level of the wheel is used.
    fn ticks() -> impl Strategy<Value = u64> {
        prop_oneof![
            Just(0),
            Just(1),
            Just(u64::MAX),
            Just(u64::MAX - 1),
            (0..64u32).prop_map(|bit| 1 << bit),
            (0..64u32).prop_map(|bit| (1 << bit) - 1),
            0..200u64,
            (0..64u32, any::<u64>()).prop_map(|(shift, ticks)| ticks >> shift),
        ]
    }

    fn op() -> impl Strategy<Value = Op> {
        let slot = 0..24u32;
        prop_oneof![
            6 => (slot.clone(), ticks()).prop_map(|(slot, ticks)| Op::After(slot, ticks)),
            1 => (slot.clone(), ticks()).prop_map(|(slot, tick)| Op::At(slot, tick)),
            1 => slot.prop_map(Op::Cancel),
            3 => ticks().prop_map(Op::Advance),
            1 => ticks().prop_map(Op::Interrupted),
        ]
    }

    /// A wheel and the dullest thing that does the same.
    #[derive(Default)]
    struct Model {
        now: u64,
        deadlines: BTreeMap<u32, u64>,
    }

    impl Model {
        fn due(&self) -> Vec<u32> {
            self.deadlines
                .iter()
                .filter(|&(_, &deadline)| deadline <= self.now)
                .map(|(&slot, _)| slot)
                .collect()
        }
    }

    fn apply(wheel: &mut TimerWheel, model: &mut Model, op: &Op) {
        let mut schedule = |slot, deadline| {
            wheel.schedule(slot, deadline);
            match deadline {
                NEVER => model.deadlines.remove(&slot),
                _ => model.deadlines.insert(slot, deadline),
            };
        };
        match *op {
            Op::After(slot, ticks) => schedule(slot, model.now.saturating_add(ticks)),
            Op::At(slot, tick) => schedule(slot, tick),
            Op::Cancel(slot) => {
                wheel.cancel(slot);
                model.deadlines.remove(&slot);
            }
            Op::Advance(ticks) => {
                model.now = model.now.saturating_add(ticks);
                let mut due: Vec<u32> = core::iter::from_fn(|| wheel.pop_due(model.now)).collect();
                due.sort_unstable();
                assert_eq!(due, model.due());
                model.deadlines.retain(|slot, _| !due.contains(slot));
            }
            Op::Interrupted(ticks) => {
                model.now = model.now.saturating_add(ticks);
                match wheel.pop_due(model.now) {
                    Some(slot) => {
                        assert!(model.due().contains(&slot));
                        model.deadlines.remove(&slot);
                    }
                    None => assert_eq!(model.due(), []),
                }
            }
        }
    }

    proptest! {
        #![proptest_config(ProptestConfig {
            cases: 3000,
            rng_seed: RngSeed::Fixed(1987),
            failure_persistence: None,
            ..ProptestConfig::default()
        })]

        #[test]
        fn wheel_equals_a_sorted_map(ops in prop::collection::vec(op(), 0..120)) {
            let mut wheel = TimerWheel::new();
            let mut model = Model::default();
            for op in &ops {
                apply(&mut wheel, &mut model, op);
                wheel.check();
                assert_eq!(wheel.len, model.deadlines.len());
                for slot in 0..24 {
                    assert_eq!(wheel.deadline(slot), model.deadlines.get(&slot).copied().unwrap_or(NEVER));
                }
                let earliest = model.deadlines.values().min().copied();
                assert_eq!(wheel.next_wakeup().is_some(), earliest.is_some());
                if let (Some(wakeup), Some(earliest)) = (wheel.next_wakeup(), earliest) {
                    assert!(wakeup <= earliest.max(model.now), "woken at {wakeup} for {earliest}");
                }
            }
        }
    }

    #[test]
    fn a_jump_over_all_time_takes_steps_for_slots_and_not_for_ticks() {
        let mut wheel = TimerWheel::new();
        for slot in 0..64 {
            wheel.schedule(slot, 1 << slot);
        }
        let due = core::iter::from_fn(|| wheel.pop_due(u64::MAX)).collect::<Vec<_>>();
        // In order, too, because each lies in another bucket.
        assert_eq!(due, (0..64).collect::<Vec<_>>());
        assert!(wheel.is_empty());
    }

    #[test]
    fn no_memory_before_the_first_deadline() {
        let mut wheel = TimerWheel::new();
        wheel.schedule(1000, NEVER);
        wheel.cancel(1000);
        assert_eq!(wheel.pop_due(77), None);
        assert_eq!((wheel.timers.capacity(), wheel.heads.capacity()), (0, 0));
    }
}
