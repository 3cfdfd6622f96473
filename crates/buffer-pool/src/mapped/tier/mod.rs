//! `Tier`: chunks of one kind, by address and by room.
//!
//! ```text
//!   granule   in use  ->  free, stale  ->  purging  ->  free, clean
//!                ^            |   ^ refused   |             |
//!                +------------+---+-----------+-------------+
//! ```
//!
//! A granule that was never given out, or whose memory went back, is clean: it is zero. One that came back is stale:
//! it holds anything, and memory. While the kernel takes memory back, without the lock, its granules count as in use.

mod chunk;
#[cfg(test)]
mod tests;

use core::ptr::NonNull;

use slab_core::ProvideError;

use super::granules::{GRANULES, Granules};
use super::route::Run;
use super::space::PURGES;
use chunk::{Chunk, Sums};

/// How chunks are kept and given back.
#[derive(Copy, Clone, Debug)]
pub(super) struct Policy {
    /// Empty chunks that stay.
    pub(super) spare: usize,
    /// Stale granules of chunks in use go back.
    pub(super) purges: bool,
    /// Chunks have huge pages, unless so little of them is in use that purging took these apart.
    pub(super) huge: bool,
}

impl Policy {
    /// For chunks that are blocks of another tier, and for those with small pages.
    pub(super) const fn without_spare(purges: bool) -> Self {
        Self {
            spare: 0,
            purges,
            huge: false,
        }
    }
}

/// What a search reads of a chunk.
struct Key {
    base: NonNull<u8>,
    /// The length of the longest row of free granules.
    room: u16,
}

/// A block, out of a chunk.
pub(super) struct Taken {
    pub(super) block: NonNull<u8>,
    pub(super) is_zero: bool,
    /// The chunk, if it is in use enough to have huge pages again.
    pub(super) refilled: Option<NonNull<u8>>,
}

/// Free granules whose memory is to go back.
pub(super) struct Claim {
    pub(super) base: NonNull<u8>,
    pub(super) granules: Granules,
    /// Huge pages are to be advised against.
    pub(super) splits: bool,
}

/// What is left to do when a block came back, without the lock.
pub(super) enum After {
    Nothing,
    /// To be purged, and told to `settle`.
    Purge(Claim),
    /// The chunk left the tier: to be given back, and told to `left` or `restore`.
    Release(NonNull<u8>),
}

/// For each power of two a chunk before which none has so much room.
const ORDERS: usize = GRANULES.ilog2() as usize + 1;

/// Chunks of one kind. A block comes from the first with room, of falling addresses: the kernel maps downwards, so that
/// old chunks stay full, new ones become empty, and there is little to move when one comes or goes.
pub(super) struct Tier {
    /// Bytes of a granule.
    granule: usize,
    /// Bytes of what can be given back by itself.
    page: usize,
    /// Sorted by falling address.
    keys: Vec<Key>,
    /// In the order of `keys`.
    chunks: Vec<Chunk>,
    /// No chunk before `first[n]` has room for 2^n granules.
    first: [usize; ORDERS],
    /// Chunks with no granule in use.
    empty: usize,
    /// Chunks that left, and may come back: there is room for them in both lists.
    leaving: usize,
    sums: Sums,
}

// SAFETY: the addresses are those of memory that the provider owns, bound to no thread.
unsafe impl Send for Tier {}

impl Tier {
    pub(super) fn new(granule: usize, page: usize) -> Self {
        Self {
            granule,
            page,
            keys: Vec::new(),
            chunks: Vec::new(),
            first: [0; ORDERS],
            empty: 0,
            leaving: 0,
            sums: Sums::default(),
        }
    }

    pub(super) fn len(&self) -> usize {
        self.keys.len()
    }

    pub(super) fn empty(&self) -> usize {
        self.empty
    }

    pub(super) fn used_bytes(&self) -> usize {
        self.sums.used * self.granule
    }

    pub(super) fn stale_bytes(&self) -> usize {
        self.sums.stale * self.granule
    }

    /// Bytes of a chunk.
    pub(super) fn chunk_bytes(&self) -> usize {
        GRANULES * self.granule
    }

    /// A block for `run`, if there is room.
    pub(super) fn take(&mut self, run: Run, policy: Policy) -> Option<Taken> {
        let order = run.len.ilog2() as usize;
        let mut index = self.skip_to(self.first[order], 1 << order);
        self.first[order] = index;
        let place = loop {
            let key = self.keys.get(index)?;
            if usize::from(key.room) >= run.len
                && let Some(place) = self.chunks[index].free.place(run.len, run.align)
            {
                break place;
            }
            index = self.skip_to(index + 1, run.len);
        };
        let range = place..place + run.len;
        self.empty -= usize::from(self.chunks[index].used == 0);
        let (stale, refilled) = self.change(index, |chunk| {
            let stale = run.len - chunk.clean.count_in(range.clone());
            chunk.free.remove(range.clone());
            chunk.clean.remove(range);
            chunk.used += run.len;
            chunk.stale -= stale;
            // Not while what is purged is advised against huge pages: the two would come in any order.
            let is_refilled = chunk.purging == 0 && 4 * chunk.used >= 3 * GRANULES;
            let refilled = policy.huge && chunk.small_pages && is_refilled;
            chunk.small_pages &= !refilled;
            (stale, refilled)
        });
        let base = self.keys[index].base;
        Some(Taken {
            // SAFETY: `place` is a granule of the chunk.
            block: unsafe { base.add(place * self.granule) },
            is_zero: stale == 0,
            refilled: refilled.then_some(base),
        })
    }

    /// Changes the chunk at `index`, and the sums with it.
    fn change<R>(&mut self, index: usize, change: impl FnOnce(&mut Chunk) -> R) -> R {
        let chunk = &mut self.chunks[index];
        self.sums.subtract(chunk);
        let result = change(chunk);
        self.sums.add(chunk);
        // At most 512.
        self.keys[index].room = chunk.free.longest() as u16;
        result
    }

    /// The first chunk from `index` on with room for `len` granules in a row.
    fn skip_to(&self, index: usize, len: usize) -> usize {
        let keys = self.keys.get(index..).unwrap_or_default();
        let skipped = keys.iter().position(|key| usize::from(key.room) >= len);
        skipped.map_or(self.keys.len(), |skipped| index + skipped)
    }

    /// Takes a block back: the one at `block`, which `take` gave for `run`, and which was not put back since.
    pub(super) fn put(&mut self, block: NonNull<u8>, run: Run, policy: Policy) -> After {
        let Some(index) = self.find(block) else {
            debug_assert!(false, "the block is not of this provider");
            return After::Nothing;
        };
        let place = (block.addr().get() - self.keys[index].base.addr().get()) / self.granule;
        let range = place..place + run.len;
        self.change(index, |chunk| {
            debug_assert_eq!(
                chunk.free.count_in(range.clone()),
                0,
                "the block was given back before"
            );
            chunk.free.insert(range);
            chunk.used -= run.len;
            chunk.stale += run.len;
        });
        self.made_room(index);
        let chunk = &self.chunks[index];
        if chunk.used == 0 {
            return self.emptied(index, policy);
        }
        if policy.purges && PURGES && chunk.is_heavy() {
            return self.claim(index, policy);
        }
        After::Nothing
    }

    /// Of the chunk at `index` nothing is in use any more.
    fn emptied(&mut self, index: usize, policy: Policy) -> After {
        // A spare chunk that is used again is heavy until more of it is in use, or a block of it comes back: it counts,
        // so that at most as many chunks are heavy as may be spare.
        let has_spare = policy.purges && PURGES && self.sums.heavy > policy.spare;
        // A chunk whose huge pages were taken apart is worth less than a new one.
        let is_worth = self.empty < policy.spare && !self.chunks[index].small_pages;
        if is_worth && !has_spare {
            self.empty += 1;
            return After::Nothing;
        }
        After::Release(self.remove(index))
    }

    /// Claims the free granules of the chunk at `index` that may have memory behind them, as far as they fill pages.
    fn claim(&mut self, index: usize, policy: Policy) -> After {
        let chunk = &self.chunks[index];
        // A huge page puts memory behind granules that nobody ever had, too.
        let splits = policy.huge && !chunk.small_pages;
        let mut surplus = chunk.free;
        if !splits {
            surplus = surplus.without(&chunk.clean);
        }
        let granules = self.whole_pages(&surplus);
        if granules == Granules::NONE {
            return After::Nothing;
        }
        self.empty -= usize::from(chunk.used == 0);
        self.change(index, |chunk| {
            chunk.free = chunk.free.without(&granules);
            chunk.clean = chunk.clean.without(&granules);
            chunk.used += granules.count();
            chunk.purging += granules.count();
            chunk.stale = chunk.free.without(&chunk.clean).count();
            chunk.small_pages |= splits;
        });
        After::Purge(Claim {
            base: self.keys[index].base,
            granules,
            splits,
        })
    }

    /// Of some granules those that fill pages.
    fn whole_pages(&self, granules: &Granules) -> Granules {
        let page = self.page.div_ceil(self.granule);
        let mut whole = Granules::NONE;
        for run in granules.runs() {
            let (start, end) = (run.start.next_multiple_of(page), run.end / page * page);
            if start < end {
                whole.insert(start..end);
            }
        }
        whole
    }

    /// Takes claimed granules back; `purged` are zero.
    pub(super) fn settle(&mut self, claim: &Claim, purged: &Granules, policy: Policy) -> After {
        let Some(index) = self.find(claim.base) else {
            debug_assert!(false, "a chunk with granules in use stays");
            return After::Nothing;
        };
        self.change(index, |chunk| {
            chunk.free = chunk.free.union(&claim.granules);
            chunk.clean = chunk.clean.union(purged);
            chunk.used -= claim.granules.count();
            chunk.purging -= claim.granules.count();
            chunk.stale += claim.granules.without(purged).count();
        });
        self.made_room(index);
        if self.chunks[index].used == 0 {
            return self.emptied(index, policy);
        }
        After::Nothing
    }

    /// What the first chunk below `bound` that has anything to give back has, for `trim`.
    pub(super) fn claim_below(&mut self, bound: usize, policy: Policy) -> Option<Claim> {
        if !(policy.purges && PURGES) {
            return None;
        }
        (self.below(bound)..self.keys.len()).find_map(|index| match self.claim(index, policy) {
            After::Purge(claim) => Some(claim),
            _ => None,
        })
    }

    /// The first chunk below `bound` that is empty, if more than `keep` are; as `After::Release`.
    pub(super) fn surplus(&mut self, keep: usize, bound: usize) -> Option<NonNull<u8>> {
        if self.empty <= keep {
            return None;
        }
        let start = self.below(bound);
        let found = self.chunks[start..]
            .iter()
            .position(|chunk| chunk.used == 0)?;
        self.empty -= 1;
        Some(self.remove(start + found))
    }

    /// The first chunk whose address is less than `bound`.
    fn below(&self, bound: usize) -> usize {
        self.keys
            .partition_point(|key| key.base.addr().get() >= bound)
    }

    /// Any chunk, with all that is in use of it, when the provider goes.
    pub(super) fn last(&mut self) -> Option<NonNull<u8>> {
        self.chunks.pop();
        self.keys.pop().map(|key| key.base)
    }

    /// Adds a chunk; `is_zero` says whether its bytes are.
    pub(super) fn add(&mut self, base: NonNull<u8>, is_zero: bool) -> Result<(), ProvideError> {
        let more = 1 + self.leaving;
        let reserved = self.keys.try_reserve(more).is_ok() && self.chunks.try_reserve(more).is_ok();
        if !reserved {
            return Err(ProvideError::Exhausted);
        }
        self.insert(base, is_zero);
        Ok(())
    }

    /// A chunk that left is gone.
    pub(super) fn left(&mut self) {
        self.leaving -= 1;
    }

    /// A chunk that left has to stay: the kernel did not take it. Allocates nothing.
    pub(super) fn restore(&mut self, base: NonNull<u8>, is_zero: bool) {
        self.leaving -= 1;
        self.insert(base, is_zero);
    }

    fn insert(&mut self, base: NonNull<u8>, is_zero: bool) {
        debug_assert!(self.keys.capacity() > self.keys.len());
        debug_assert!(base.addr().get().is_multiple_of(self.chunk_bytes()));
        let index = self.keys.partition_point(|key| key.base > base);
        let room = GRANULES as u16;
        let chunk = Chunk::new(is_zero);
        self.empty += 1;
        self.sums.add(&chunk);
        self.keys.insert(index, Key { base, room });
        self.chunks.insert(index, chunk);
        self.made_room(index);
    }

    /// Removes a chunk of which nothing is in use, and which does not count as empty any more.
    fn remove(&mut self, index: usize) -> NonNull<u8> {
        let key = self.keys.remove(index);
        let chunk = self.chunks.remove(index);
        debug_assert_eq!((chunk.used, chunk.free), (0, Granules::ALL));
        self.sums.subtract(&chunk);
        self.leaving += 1;
        // It had room for anything: so `first` goes past nothing that moves up now.
        debug_assert!(self.first.iter().all(|&first| first <= index));
        key.base
    }

    /// The chunk at `index` has more room than before.
    fn made_room(&mut self, index: usize) {
        if let Some(order) = self.keys[index].room.checked_ilog2() {
            for first in &mut self.first[..=order as usize] {
                *first = index.min(*first);
            }
        }
    }

    /// The chunk that a block lies in.
    fn find(&self, block: NonNull<u8>) -> Option<usize> {
        let base = block.addr().get() & !(self.chunk_bytes() - 1);
        let index = self
            .keys
            .partition_point(|key| key.base.addr().get() > base);
        let key = self.keys.get(index)?;
        (key.base.addr().get() == base).then_some(index)
    }

    /// Whether huge pages are advised against in the first chunk.
    #[cfg(test)]
    pub(super) fn has_small_pages(&self) -> bool {
        self.chunks[0].small_pages
    }

    /// Whether all that is noted of the chunks fits together.
    #[cfg(test)]
    pub(super) fn check(&self) {
        assert!(self.keys.is_sorted_by(|left, right| left.base > right.base));
        assert_eq!(self.keys.len(), self.chunks.len());
        let (mut sums, mut empty) = (Sums::default(), 0);
        for (index, (key, chunk)) in self.keys.iter().zip(&self.chunks).enumerate() {
            assert_eq!(chunk.clean.without(&chunk.free), Granules::NONE);
            assert_eq!(chunk.used, GRANULES - chunk.free.count());
            assert!(chunk.purging <= chunk.used);
            assert_eq!(chunk.stale, chunk.free.without(&chunk.clean).count());
            assert_eq!(usize::from(key.room), chunk.free.longest());
            for (order, &first) in self.first.iter().enumerate() {
                assert!(index >= first || usize::from(key.room) < 1 << order);
            }
            sums.add(chunk);
            empty += usize::from(chunk.used == 0);
        }
        assert_eq!((self.sums, self.empty), (sums, empty));
    }
}
