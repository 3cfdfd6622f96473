//! The writer: everything that changes an arena.

use std::mem::{MaybeUninit, needs_drop};
use std::ptr::NonNull;

use super::arena::{Arena, State};
use super::entries::{Entry, Holds};
use super::folded::Folded;
use super::limbo::Chain;
use super::mutant::{Mutant, active, weaken};
use super::pin::Pin;
use super::sync::atomic::Ordering;
use super::table::Table;

/// Slots that an arena has at most. A few numbers are left for the lists of its owner.
pub(crate) const SLOTS_MAX: u32 = u32::MAX - 64;

/// Everything that changes an arena, one thread at a time: whoever has its token.
///
/// No caller's code runs in here but the comparison in [`find`](Self::find), and that before anything changes.
#[derive(Debug)]
pub(crate) struct Writer<'a, T> {
    arena: &'a Arena<T>,
    state: &'a mut State,
}

impl<'a, T> Writer<'a, T> {
    #[inline]
    pub(super) fn new(arena: &'a Arena<T>, state: &'a mut State) -> Self {
        Self { arena, state }
    }

    /// Values in the index.
    #[cfg(test)]
    pub(crate) fn len(&self) -> usize {
        self.state.live
    }

    /// Values that were unlinked and not reclaimed.
    pub(crate) fn retired(&self) -> usize {
        self.state.limbo.len()
    }

    #[inline(always)]
    fn table(&self) -> &'a Table {
        // Relaxed: the writer's own store. SAFETY: the writer alone replaces it, and frees none but those that it
        // has replaced; nobody keeps what this returns.
        unsafe { &*self.arena.table.load(Ordering::Relaxed) }
    }

    /// The entry of a slot that holds a live value.
    ///
    /// # Panics
    /// If it does not.
    #[inline]
    fn live(&self, slot: u32) -> &'a Entry<T> {
        assert!(slot < self.state.prepared, "slot {slot} was never in use");
        // SAFETY: just checked, and the writer prepared it.
        let entry = unsafe { self.arena.entries.entry(slot) };
        assert!(
            entry.holds.get() == Holds::Live,
            "slot {slot} is not in use: its value was unlinked"
        );
        entry
    }

    /// The slot of the value with this hash that `is_wanted`. O(1) expected.
    #[inline(always)]
    pub(crate) fn find(&self, hash: u64, is_wanted: impl Fn(&T) -> bool) -> Option<u32> {
        self.table().find_map(Folded::new(hash), |slot| {
            // SAFETY: slots in the index were prepared.
            let entry = unsafe { self.arena.entries.entry(slot) };
            debug_assert!(
                entry.holds.get() == Holds::Live,
                "the index is of live values"
            );
            // SAFETY: 1. the writer, which this is, puts slots of live values into the index. 2. It retires none while
            // this runs, which borrows it.
            is_wanted(unsafe { entry.value() }).then_some(slot)
        })
    }

    /// The value in a slot.
    ///
    /// # Panics
    /// If there is none.
    pub(crate) fn get(&self, slot: u32) -> &T {
        // SAFETY: it is live, and only the writer, of which this keeps a reference, retires it.
        unsafe { self.live(slot).value() }
    }

    /// The slots of all values. O(slots ever in use).
    pub(crate) fn slots(&self) -> impl Iterator<Item = u32> {
        (0..self.state.prepared).filter(|slot| {
            // SAFETY: below `prepared`.
            let entry = unsafe { self.arena.entries.entry(*slot) };
            entry.holds.get() == Holds::Live
        })
    }

    /// Counts a hit.
    ///
    /// # Panics
    /// If there is no value in the slot.
    #[cfg(all(test, not(cache_tiered_loom)))]
    pub(crate) fn touch(&self, slot: u32) {
        self.live(slot).touch();
    }

    /// Hits counted since this was asked last, or since the value came: 0 to 3. One that comes at the same
    /// time may be lost, or stay.
    ///
    /// # Panics
    /// If there is no value in the slot.
    #[inline]
    pub(crate) fn take_touches(&mut self, slot: u32) -> u8 {
        let entry = self.live(slot);
        // Relaxed: see the field.
        let touches = entry.touches.load(Ordering::Relaxed);
        if touches > 0 {
            entry.touches.store(0, Ordering::Relaxed);
        }
        touches
    }

    /// Adds a value and returns its slot. It does not look whether another has the same key: readers then find
    /// either. O(1) expected; now and then it makes room, which is O(values).
    ///
    /// # Panics
    /// If there are 2^32 - 65 slots in use already. It aborts if there is no memory.
    #[cfg(test)]
    pub(crate) fn insert(&mut self, hash: u64, value: T) -> u32 {
        self.insert_prepared(hash, value, |_| ())
    }

    /// [`insert`](Self::insert), where `prepare` gets the slot before any reader can: what it stores by that number is
    /// there for whoever finds the value.
    #[inline]
    pub(crate) fn insert_prepared(
        &mut self,
        hash: u64,
        value: T,
        prepare: impl FnOnce(u32),
    ) -> u32 {
        let room = self.table().room();
        if self.state.live >= room {
            self.grow(room);
        }
        let hash = Folded::new(hash);
        let slot = self.occupy(hash, value);
        if active(Mutant::ColumnAfterSlot) {
            self.attach(hash, slot);
            prepare(slot);
        } else {
            prepare(slot);
            self.attach(hash, slot);
        }
        slot
    }

    /// Puts a slot that was occupied into the index, which has room.
    #[inline]
    fn attach(&mut self, hash: Folded, slot: u32) {
        self.state.live += 1;
        if !self.table().insert_at_home(hash, slot) {
            self.attach_further(hash, slot);
        }
    }

    /// Puts a slot into the index whose home is full.
    #[cold]
    #[inline(never)]
    fn attach_further(&mut self, hash: Folded, slot: u32) {
        self.state.passed += self.table().insert(hash, slot);
    }

    /// Puts a value in the place of that in a slot, which has the same key, and retires that one. Returns the
    /// new one's slot and the old one, for as long as the thread is pinned. Who reads meanwhile finds one of
    /// the two. O(1) expected.
    ///
    /// # Panics
    /// As [`insert`](Self::insert), and if there is no value in the slot.
    #[cfg(test)]
    pub(crate) fn replace<'p>(&mut self, pin: &'p Pin, slot: u32, value: T) -> (u32, &'p T)
    where
        'a: 'p,
    {
        self.replace_prepared(pin, slot, value, |_| ())
    }

    /// [`replace`](Self::replace), where `prepare` gets the new slot before any reader can.
    pub(crate) fn replace_prepared<'p>(
        &mut self,
        _pin: &'p Pin,
        slot: u32,
        value: T,
        prepare: impl FnOnce(u32),
    ) -> (u32, &'p T)
    where
        'a: 'p,
    {
        let old = self.live(slot);
        let hash = Folded::from_bits(old.link.get());
        let new = self.occupy(hash, value);
        prepare(new);
        self.table().replace(hash, slot, new);
        self.retire(slot, old);
        // SAFETY: as in `unlink`.
        (new, unsafe { old.value() })
    }

    /// Takes a value out of the index and retires it: no later call of a reader finds it. Returns it for as
    /// long as the thread is pinned. O(1) expected; now and then the index is built anew, which takes no
    /// more than the removals since the last time.
    ///
    /// # Panics
    /// If there is no value in the slot.
    pub(crate) fn unlink<'p>(&mut self, _pin: &'p Pin, slot: u32) -> &'p T
    where
        'a: 'p,
    {
        let entry = self.detach(slot);
        // SAFETY: 1. it was live. 2. The pin is older than the grace period that it waits for, and the arena
        // outlives it.
        unsafe { entry.value() }
    }

    /// As [`unlink`](Self::unlink), for who has no use for the value.
    ///
    /// # Panics
    /// If there is no value in the slot.
    #[inline]
    pub(crate) fn discard(&mut self, slot: u32) {
        self.detach(slot);
    }

    /// Takes a value out of the index and retires it: its entry.
    #[inline]
    fn detach(&mut self, slot: u32) -> &'a Entry<T> {
        let entry = self.live(slot);
        self.state.live -= 1;
        let hash = Folded::from_bits(entry.link.get());
        if self.table().remove_at_home(hash, slot) {
            self.retire(slot, entry);
        } else {
            self.detach_further(slot, entry);
        }
        entry
    }

    /// Takes a value out of the index that is not at home, and retires it.
    #[cold]
    #[inline(never)]
    fn detach_further(&mut self, slot: u32, entry: &Entry<T>) {
        let hash = Folded::from_bits(entry.link.get());
        let removed = self.table().remove(hash, slot);
        self.state.passed -= removed.passed;
        self.state.untold += removed.untold;
        self.retire(slot, entry);
        if self.state.untold > u64::from(self.state.prepared) + self.state.passed {
            self.rebuild(self.table().room());
        }
    }

    /// Whether there is a value in a slot whose hash is folded to this: the same value, in all likelihood, that a
    /// reader has found there with it.
    #[inline]
    pub(crate) fn holds(&self, slot: u32, folded: u32) -> bool {
        slot < self.state.prepared && {
            // SAFETY: below `prepared`.
            let entry = unsafe { self.arena.entries.entry(slot) };
            entry.holds.get() == Holds::Live && entry.link.get() == folded
        }
    }

    /// The slot that the next value gets that is added, whatever leaves before.
    #[inline]
    pub(crate) fn next_slot(&self) -> u32 {
        let vacant = self.state.vacant.checked_sub(1);
        vacant.unwrap_or(self.state.prepared)
    }

    /// Whether [`reclaim`](Self::reclaim) may have something to do.
    #[inline]
    pub(crate) fn has_work(&self) -> bool {
        self.state.limbo.has_work()
    }

    /// Moves values that no reader sees any more to `out`, for the owner to drop when its lock is free, and
    /// makes their slots vacant. Where values need no drop it does the latter, at once for all of a batch.
    ///
    /// Does nothing, for a few instructions, until a batch of 64 was unlinked, or as many as the process has threads;
    /// once that is twice as many it costs a fence, unless another arena's writer has made one in between, or the owner
    /// when it was [asked to](Self::wants_fence), and a look at those threads. Should not be called pinned: what the
    /// calling thread may see stays.
    ///
    /// What readers that are pinned may see waits for them, and so does what is unlinked meanwhile. Where a
    /// filter of system calls has come to refuse the fence, nothing is reclaimed any more.
    #[inline]
    pub(crate) fn reclaim(&mut self, out: &mut Vec<T>) {
        if self.state.limbo.has_work() {
            self.pass(false, out);
        }
    }

    /// Whether the owner should call [`fence`](super::fence) when it has let go of its lock: else one of the next calls
    /// of [`reclaim`](Self::reclaim) makes a fence under it. True once for a batch.
    pub(crate) fn wants_fence(&mut self) -> bool {
        self.state.limbo.wants_fence()
    }

    /// As [`reclaim`](Self::reclaim), without waiting for a batch: at once, if no other thread is pinned.
    pub(crate) fn reclaim_all(&mut self, out: &mut Vec<T>) {
        // Twice: what was unlinked since a batch was closed is another.
        self.pass(true, out);
        self.pass(true, out);
    }

    fn pass(&mut self, urgent: bool, out: &mut Vec<T>) {
        let Chain { len, head, last } = self.state.limbo.pass(urgent);
        let Some(last) = last.checked_sub(1) else {
            return;
        };
        // Values that nobody has to drop stay where they are until there are others.
        if needs_drop::<T>() {
            self.take_all(head, len, out);
        }
        // The chain as it is comes before the vacant slots: what was used last is used again first.
        // SAFETY: a slot in limbo was prepared.
        let last = unsafe { self.arena.entries.entry(last) };
        last.link.set(self.state.vacant);
        self.state.vacant = head;
    }

    /// Moves the values of a chain out.
    fn take_all(&mut self, head: u32, len: usize, out: &mut Vec<T>) {
        out.reserve(len);
        let mut next = head;
        while next != 0 {
            // SAFETY: a slot in limbo was prepared.
            let entry = unsafe { self.arena.entries.entry(next - 1) };
            next = entry.link.get();
            out.push(take(entry));
        }
    }

    /// Puts a value into a vacant slot.
    #[inline]
    fn occupy(&mut self, hash: Folded, value: T) -> u32 {
        let slot = match self.state.vacant.checked_sub(1) {
            Some(slot) => slot,
            None => self.prepare(),
        };
        // SAFETY: prepared.
        let entry = unsafe { self.arena.entries.entry(slot) };
        debug_assert!(
            is_vacant(entry),
            "a vacant slot holds nothing that is to be dropped"
        );
        self.state.vacant = entry.link.get();
        // SAFETY: a vacant slot is in no cell that a reader can get it from: it never was, or a grace period has
        // passed. It holds no value, or one that needs no drop.
        entry
            .value
            .with_mut(|place| unsafe { place.write(MaybeUninit::new(value)) });
        entry.link.set(hash.bits());
        entry.holds.set(Holds::Live);
        // Relaxed: published with the value.
        entry.touches.store(0, Ordering::Relaxed);
        slot
    }

    /// A slot that was never in use. Its `link` is 0: no other one is vacant.
    #[cold]
    fn prepare(&mut self) -> u32 {
        let slot = self.state.prepared;
        assert!(slot < SLOTS_MAX, "no slot is left: use more shards");
        self.arena.entries.prepare(slot);
        self.state.prepared = slot + 1;
        slot
    }

    /// Lets a slot wait until no reader sees it. It is in no cell any more.
    #[inline]
    fn retire(&mut self, slot: u32, entry: &Entry<T>) {
        entry.holds.set(Holds::Retired);
        if active(Mutant::NoGrace) {
            drop(take(entry));
            return self.vacate(slot, entry);
        }
        let fresh = &mut self.state.limbo.fresh;
        entry.link.set(fresh.head);
        fresh.head = slot + 1;
        fresh.len += 1;
        if fresh.len == 1 {
            fresh.last = slot + 1;
        }
    }

    fn vacate(&mut self, slot: u32, entry: &Entry<T>) {
        entry.link.set(self.state.vacant);
        self.state.vacant = slot + 1;
    }

    /// Makes room in the index for more: twice as many, up to what the arena was told to expect, and half as many more
    /// from there on.
    #[cold]
    fn grow(&mut self, room: usize) {
        let expected = self.state.expected;
        self.rebuild(match room < expected {
            true => (2 * room + 16).min(expected),
            false => room + room / 2 + 1,
        });
    }

    /// Shows readers a new table of what is in the index now, with so much room.
    #[cold]
    fn rebuild(&mut self, room: usize) {
        let table = Table::with_room(room);
        let mut passed = 0;
        let mut fill = |table: &Table| {
            for slot in self.slots() {
                let hash = Folded::from_bits(self.live(slot).link.get());
                passed += table.insert(hash, slot);
            }
        };
        if !active(Mutant::TableShownEmpty) {
            fill(&table);
        }
        let table = Box::into_raw(Box::new(table));
        // Release: pairs with the Acquire of readers, who see what is in it. Relaxed: the writer's own.
        let release = weaken(Ordering::Release, Mutant::TableRelaxed);
        let old = self.arena.table.load(Ordering::Relaxed);
        self.arena.table.store(table, release);
        if active(Mutant::TableShownEmpty) {
            // SAFETY: just made.
            fill(unsafe { &*table });
        }
        self.state.passed = passed;
        self.state.untold = 0;
        let old = NonNull::new(old).expect("never null");
        if active(Mutant::TableFreedAtOnce) {
            // SAFETY: it is in use, which a model must find.
            return unsafe { old.as_ref() }.end();
        }
        // SAFETY: 1. all tables come from boxes, and this one is no longer the arena's. 2. Readers load another
        // from here on.
        unsafe { self.state.limbo.push_table(old) };
    }

    /// Asserts that index, entries and chains agree. O(slots).
    #[cfg(test)]
    pub(super) fn check(&self) {
        let slots = || {
            self.slots()
                .map(|slot| (Folded::from_bits(self.live(slot).link.get()), slot))
        };
        assert_eq!(slots().count(), self.len());
        self.table().check(slots(), self.state.passed);
        let (mut vacant, mut head) = (0, self.state.vacant);
        while head != 0 {
            // SAFETY: slots in chains were prepared.
            let entry = unsafe { self.arena.entries.entry(head - 1) };
            assert!(is_vacant(entry), "what is vacant was live or retired");
            vacant += 1;
            head = entry.link.get();
        }
        let all = self.state.prepared as usize;
        assert_eq!(self.len() + self.retired() + vacant, all, "slots are lost");
    }
}

/// Whether an entry may have another value: it holds none, or one that was retired and that nobody has to drop.
fn is_vacant<T>(entry: &Entry<T>) -> bool {
    match entry.holds.get() {
        Holds::Nothing => true,
        Holds::Live => false,
        Holds::Retired => !needs_drop::<T>(),
    }
}

/// Takes the value out of an entry in limbo, of which no reader has a reference.
fn take<T>(entry: &Entry<T>) -> T {
    assert!(
        entry.holds.replace(Holds::Nothing) == Holds::Retired,
        "limbo holds retired values"
    );
    // SAFETY: a retired entry holds a value, and it is taken once: it holds nothing now. Its slot was given back
    // by `Limbo::pass`, so a grace period has passed since it left the index.
    entry
        .value
        .with_mut(|value| unsafe { (*value).assume_init_read() })
}
