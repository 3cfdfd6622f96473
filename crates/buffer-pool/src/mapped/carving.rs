//! Blocks out of chunks: what is done around the tiers, without their locks.

use core::ptr::NonNull;

use slab_core::ProvideError;

use super::granules::{GRANULES, Granules};
use super::route::{FINE_CHUNK_RUN, HUGE, Kind, Run};
use super::tier::{After, Claim, Policy, Taken, Tier};
use super::{Mapped, space};
use crate::sync::Mutex;

impl Mapped {
    pub(super) fn tier(&self, kind: Kind) -> &Mutex<Tier> {
        match kind {
            Kind::Fine => &self.fine,
            Kind::Dense => &self.dense,
            Kind::Sparse => &self.sparse,
        }
    }

    pub(super) fn policy(&self, kind: Kind) -> Policy {
        match kind {
            Kind::Fine => Policy::without_spare(false),
            Kind::Dense => Policy {
                spare: self.spare_chunks,
                purges: !self.populate,
                huge: self.huge_pages,
            },
            Kind::Sparse => Policy::without_spare(!self.populate),
        }
    }

    /// A block of a chunk, and whether it is zero.
    pub(super) fn carve(&self, kind: Kind, run: Run) -> Result<(NonNull<u8>, bool), ProvideError> {
        let taken = self.tier(kind).lock().take(run, self.policy(kind));
        let taken = match taken {
            Some(taken) => taken,
            None => self.extend(kind, run)?,
        };
        if let Some(chunk) = taken.refilled {
            // SAFETY: a dense chunk, which stays at least as long as the block that was taken of it.
            unsafe { space::advise(chunk, HUGE, true) };
        }
        Ok((taken.block, taken.is_zero))
    }

    /// A block when no chunk has room: of a new one.
    #[cold]
    fn extend(&self, kind: Kind, run: Run) -> Result<Taken, ProvideError> {
        let policy = self.policy(kind);
        let (base, is_zero) = match self.chunk(kind) {
            Ok(chunk) => chunk,
            // Another thread may have given something back.
            Err(error) => return self.tier(kind).lock().take(run, policy).ok_or(error),
        };
        let (taken, surplus) = {
            let mut tier = self.tier(kind).lock();
            match tier.add(base, is_zero) {
                // Threads that find no room at once all come here with a chunk. Room in those of the others goes first,
                // so that only one is needed and the rest go back.
                Ok(()) => (
                    tier.take(run, policy),
                    tier.surplus(policy.spare, usize::MAX),
                ),
                Err(error) => {
                    drop(tier);
                    self.give_up(kind, base);
                    return Err(error);
                }
            }
        };
        if let Some(base) = surplus {
            self.release(kind, base);
        }
        debug_assert!(taken.is_some(), "a new chunk has room for any run");
        taken.ok_or(ProvideError::Exhausted)
    }

    /// Memory for a chunk, and whether it is zero.
    fn chunk(&self, kind: Kind) -> Result<(NonNull<u8>, bool), ProvideError> {
        match kind {
            Kind::Fine => self.carve(Kind::Dense, FINE_CHUNK_RUN),
            Kind::Dense => Ok((self.map(HUGE, HUGE, Some(self.huge_pages))?, true)),
            Kind::Sparse => Ok((self.map(HUGE, HUGE, Some(false))?, true)),
        }
    }

    /// Maps whole pages; `huge` is advised if there is something to advise.
    pub(super) fn map(
        &self,
        len: usize,
        align: usize,
        huge: Option<bool>,
    ) -> Result<NonNull<u8>, ProvideError> {
        let start = self.space.map(len, align)?;
        if let Some(huge) = huge {
            // SAFETY: mapped just now.
            unsafe { space::advise(start, len, huge) };
        }
        if self.populate {
            // SAFETY: mapped just now, and nobody else knows it.
            let populated = unsafe { space::populate(start, len) };
            if let Err(error) = populated {
                // SAFETY: as above.
                unsafe { self.space.dispose(start, len) };
                return Err(error);
            }
        }
        Ok(start)
    }

    /// Takes a block of a chunk back.
    ///
    /// # Safety
    /// 1. `carve` gave the block for this kind and run, it was not given back since, and nobody uses it any more.
    pub(super) unsafe fn put(&self, kind: Kind, block: NonNull<u8>, run: Run) {
        let after = self.tier(kind).lock().put(block, run, self.policy(kind));
        match after {
            After::Nothing => {}
            After::Purge(claim) => {
                self.purge(kind, &claim);
            }
            After::Release(base) => {
                self.release(kind, base);
            }
        }
    }

    /// Gives the memory of claimed granules back; returns how many bytes that were.
    pub(super) fn purge(&self, kind: Kind, claim: &Claim) -> usize {
        let granule = HUGE / GRANULES;
        let mut purged = Granules::NONE;
        for run in claim.granules.runs() {
            // SAFETY: the granules are part of the chunk, fill pages, and are nobody's while they are claimed.
            let (start, len) =
                unsafe { (claim.base.add(run.start * granule), run.len() * granule) };
            // SAFETY: as above.
            if unsafe { space::purge(start, len) } {
                purged.insert(run);
            }
        }
        if claim.splits {
            // Or the kernel would, in time, put a huge page there again.
            // SAFETY: the chunk stays while granules of it are claimed.
            unsafe { space::advise(claim.base, HUGE, false) };
        }
        let after = self
            .tier(kind)
            .lock()
            .settle(claim, &purged, self.policy(kind));
        if let After::Release(base) = after {
            self.release(kind, base);
        }
        purged.count() * granule
    }

    /// Gives a chunk that left its tier back; returns how many bytes went to the kernel.
    pub(super) fn release(&self, kind: Kind, base: NonNull<u8>) -> usize {
        if kind == Kind::Fine {
            self.give_up(kind, base);
            self.fine.lock().left();
            return 0;
        }
        // SAFETY: a chunk is mapped by `space`, and of one that left nothing is in use.
        if unsafe { self.space.unmap(base, HUGE) } {
            self.tier(kind).lock().left();
            return HUGE;
        }
        // SAFETY: as above.
        let purged = unsafe { space::purge(base, HUGE) };
        self.tier(kind).lock().restore(base, purged);
        0
    }

    /// Gives a chunk that is in no tier back.
    fn give_up(&self, kind: Kind, base: NonNull<u8>) {
        // SAFETY: what `chunk` gave for this kind, of which nothing is in use.
        unsafe {
            match kind {
                Kind::Fine => self.put(Kind::Dense, base, FINE_CHUNK_RUN),
                Kind::Dense | Kind::Sparse => self.space.dispose(base, HUGE),
            }
        }
    }
}
