//! Compaction: moves values out of sparse slabs into the free slots of dense ones.

use super::slab::{generation_of, value_of};
use super::{Cursor, Generation, Key, Site, Slot, SlotTable};

/// How full a slab is, in so many steps: slabs of one step are taken as they come.
const STEPS: u32 = 64;

/// One compaction: the sparsest slab is emptied first, the densest one with a free slot filled first.
/// Slabs without a value take no part, so that the number of those with one can only fall.
struct Compaction<'a, V> {
    table: &'a mut SlotTable<V>,
    /// The slab that is being filled.
    target: Option<u32>,
    /// Step of fullness at which the next target is looked for.
    target_step: u32,
    /// Slabs below this one were targets, or none, at `target_step`.
    target_next: u32,
    /// Free slots in slabs that are not empty.
    room: u32,
    /// Bit n is set if a slab may be at step n of fullness.
    steps: u128,
}

impl<V> Drop for Compaction<'_, V> {
    fn drop(&mut self) {
        // Slots were taken out of slabs that are not on top of the stack. The target goes there, so that what is
        // inserted before the next step does not fill the slab that is being emptied.
        self.table.reopen(self.target);
    }
}

impl<V> SlotTable<V> {
    /// Moves up to `moves_max` values, each to a slot of a denser slab, and tells `moved` of each: the key
    /// it had, the key it has, the value. Gives the number of moves; fewer than asked for when nothing is
    /// left that would empty another slab. A panic in `moved` leaves the table whole.
    ///
    /// # Safety
    /// 1. Nothing was ever stored by index (`store`).
    pub(crate) unsafe fn compact(
        &mut self,
        moves_max: usize,
        mut moved: impl FnMut(Key, Key, &mut V),
    ) -> usize {
        self.unload_all();
        let mut compaction = Compaction {
            room: 0,
            steps: 0,
            target: None,
            target_step: STEPS,
            target_next: 0,
            table: self,
        };
        compaction.survey();
        let mut left = moves_max;
        for step in 0..=STEPS {
            if compaction.steps >> step & 1 == 0 {
                continue;
            }
            for slab in 0..compaction.table.directory.len() {
                // No other slab can be emptied either.
                if left == 0 || compaction.room < compaction.table.shape.slots() {
                    return moves_max - left;
                }
                if compaction.is_source(slab, step) {
                    // SAFETY: clause 1.
                    unsafe { compaction.empty(slab, &mut left, &mut moved) };
                }
            }
        }
        moves_max - left
    }
}

impl<V> Compaction<'_, V> {
    fn step(&self, slab: u32) -> u32 {
        (self.table.used(slab) * STEPS) >> self.table.shape.shift
    }

    /// Finds out where there is room, and which steps occur.
    fn survey(&mut self) {
        for slab in 0..self.table.directory.len() {
            if self.table.used(slab) != 0 {
                self.room += self.free(slab);
                self.steps |= 1 << self.step(slab);
            }
        }
    }

    fn free(&self, slab: u32) -> u32 {
        u32::from(self.table.directory.peek(slab).free)
    }

    /// Whether slab `slab` is in use up to `step` and no slot in it has to stay.
    fn is_source(&self, slab: u32, step: u32) -> bool {
        self.table.used(slab) != 0
            && self.step(slab) == step
            && self.table.directory.peek(slab).detached == 0
    }

    /// Moves the values of slab `source` elsewhere, as many as there are moves left. The others have room for
    /// all: with a slab's slots free in all of them together, its own values find place in the rest.
    ///
    /// # Safety
    /// 1. Nothing was ever stored by index.
    unsafe fn empty(
        &mut self,
        source: u32,
        left: &mut usize,
        moved: &mut impl FnMut(Key, Key, &mut V),
    ) {
        if self.target == Some(source) {
            self.target = None;
        }
        let mut cursor = Cursor::at(source, self.table);
        while *left != 0 && self.table.used(source) != 0 {
            // SAFETY: it is one table, and nothing here releases a slab.
            let Some((index, from)) = (unsafe { cursor.next_slot(self.table) }) else {
                break;
            };
            debug_assert!(index >> self.table.shape.shift == source);
            // SAFETY: clause 1.
            let Some(to) = (unsafe { self.take(source) }) else {
                break;
            };
            *left -= 1;
            // SAFETY: the cursor gives live slots, and `to` was taken just now.
            unsafe { self.relocate((index, from), to, moved) };
        }
        if self.table.used(source) == 0 {
            self.room -= self.free(source);
        }
    }

    /// A free slot of the densest slab that has one, not of `source`.
    ///
    /// # Safety
    /// 1. As for `empty`.
    unsafe fn take(&mut self, source: u32) -> Option<Site<V>> {
        loop {
            if let Some(target) = self.target {
                let lowest = |bits: u64| bits & bits.wrapping_neg();
                // SAFETY: clause 1.
                if let Some((first, bit)) = unsafe { self.table.take(target, lowest) } {
                    self.steps |= 1 << self.step(target);
                    let index = first + bit.trailing_zeros();
                    return Some((index, self.table.slot(index)?));
                }
            }
            self.target = Some(self.next_target(source)?);
        }
    }

    fn next_target(&mut self, source: u32) -> Option<u32> {
        loop {
            while self.target_next < self.table.directory.len() {
                let slab = self.target_next;
                self.target_next += 1;
                if slab != source
                    && self.table.used(slab) != 0
                    && self.free(slab) != 0
                    && self.step(slab) == self.target_step
                {
                    return Some(slab);
                }
            }
            // The next step below that occurs.
            let below = self.steps & ((1 << self.target_step) - 1);
            self.target_step = below.checked_ilog2()?;
            self.target_next = 0;
        }
    }

    /// Moves one value, then tells.
    ///
    /// # Safety
    /// 1. `from` is a live slot with its index. 2. `to` was taken and is not filled.
    unsafe fn relocate(
        &mut self,
        (index, from): Site<V>,
        (target, to): Site<V>,
        moved: &mut impl FnMut(Key, Key, &mut V),
    ) {
        // SAFETY: both slots are in resident slabs. The value is read out once and its slot vacated before
        // anybody can read it there again; `to` holds none (clause 2), so nothing is overwritten.
        unsafe {
            let old = Key {
                index,
                generation: Generation::of_live(generation_of(from)),
            };
            let new = Key {
                index: target,
                generation: Generation::of_live(generation_of(to) + 1),
            };
            to.write(Slot::live(value_of(from).read(), new.generation));
            let retired = self.table.retired;
            self.table.put_back(index, from);
            // A slot that retires is not free: then the move has taken a slot and given none.
            self.room -= self.table.retired - retired;
            moved(old, new, value_of(to).as_mut());
        }
    }
}
