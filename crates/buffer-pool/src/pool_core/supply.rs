//! New blocks: charged to the budget and created, or past it; idle ones are reclaimed where that makes room.

use super::Core;
use crate::block::{Block, Fill, Place};
use crate::class::Classes;
use crate::error::AcquireError;
use crate::mutant::{Mutant, active};
use crate::sync::{Arc, yield_now};
use crate::wait::Grant;

impl Core {
    /// Creates a block for a request, reclaiming idle ones when the budget or the provider demands it.
    #[cold]
    #[inline(never)]
    pub(super) fn supply(this: &Arc<Self>, size: usize, fill: Fill) -> Result<Block, AcquireError> {
        let capacity = this.capacity_for(size)?;
        let granted = match this.is_awaited() {
            true => None,
            false => this.afford(capacity),
        };
        match granted {
            Some(Grant::Block(block)) => Ok(block),
            Some(Grant::Charge(_)) => Self::create_charged(this, size, fill),
            None => Err(AcquireError::Exhausted {
                max_bytes: this.budget.limit(),
            }),
        }
    }

    /// What a request for `bytes`, the capacity of its block, may have when neither its own rack nor the depot has one:
    /// bytes of the budget; or, when that has too few, an idle block out of another rack; or bytes after idle blocks that
    /// nobody asks for were reclaimed.
    pub(super) fn afford(&self, bytes: usize) -> Option<Grant> {
        if self.budget.charge(bytes).is_ok() {
            return Some(Grant::Charge(bytes));
        }
        if let Some(block) = self.steal(bytes) {
            return Some(Grant::Block(block));
        }
        self.charge(bytes).then_some(Grant::Charge(bytes))
    }

    /// Bytes of a block for `size` bytes, if there can be one.
    pub(crate) fn capacity_for(&self, size: usize) -> Result<usize, AcquireError> {
        let (capacity, _) = self.block_for(size, Place::Oversize);
        let limit = self.budget.limit().min(Classes::SIZE_MAX);
        if capacity > limit {
            return Err(AcquireError::Oversize {
                requested: size,
                limit,
            });
        }
        Ok(capacity)
    }

    /// Capacity of a block for `size` bytes, and its class, or `otherwise` above the largest.
    fn block_for(&self, size: usize, otherwise: Place) -> (usize, Place) {
        match self.classes.index(size) {
            // At most 64 classes.
            Some(class) => (self.classes.sizes()[class], Place::Class(class as u8)),
            None => (size, otherwise),
        }
    }

    /// Creates a block for `size` bytes whose bytes are charged.
    pub(crate) fn create_charged(
        this: &Arc<Self>,
        size: usize,
        fill: Fill,
    ) -> Result<Block, AcquireError> {
        let (capacity, place) = this.block_for(size, Place::Oversize);
        let block = match Self::allocate(this, capacity, place, fill) {
            Ok(block) => block,
            Err(error) => {
                this.budget.refund(capacity);
                Self::serve_waiting(this);
                return Err(error);
            }
        };
        match place {
            Place::Class(class) => this.counts.classes[usize::from(class)].misses.add(1),
            _ => this.counts.oversize.add(1),
        }
        Ok(block)
    }

    /// Charges the budget, reclaiming idle blocks; `false` when it is lent out.
    pub(super) fn charge(&self, bytes: usize) -> bool {
        let mut puts = None;
        // Ends: each turn freed a block, or waits for a thread that is freeing some, or another thread released one.
        while let Err(shortfall) = self.budget.charge(bytes) {
            let look = self.look_through(shortfall);
            if look.freed > 0 {
                continue;
            }
            if self.departed().is_none() {
                yield_now();
            } else if puts == Some(look.puts) || active(Mutant::LookOnce) {
                // Twice nothing was found, and nothing was put anywhere in between: what is not lent was taken by
                // others before, and has been refunded by now.
                return self.budget.charge(bytes).is_ok();
            } else {
                puts = Some(look.puts);
            }
        }
        true
    }

    /// How many idle blocks have gone back to the provider so far, if none is on its way.
    fn departed(&self) -> Option<usize> {
        let departures = self.depot.departures();
        if active(Mutant::DeparturesIgnored) {
            return Some(departures.ended());
        }
        departures.settled()
    }

    /// The same, after those that are on their way.
    fn settled(&self) -> usize {
        // Ends: those that take blocks out destroy them next.
        loop {
            match self.departed() {
                Some(departed) => return departed,
                None => yield_now(),
            }
        }
    }

    /// An uncharged block with the capacity that a pooled one would have.
    pub(super) fn overflow(
        this: &Arc<Self>,
        size: usize,
        fill: Fill,
    ) -> Result<Block, AcquireError> {
        let (capacity, _) = this.block_for(size, Place::Overflow);
        let block = Self::allocate(this, capacity, Place::Overflow, fill)?;
        this.counts.overflow.add(1);
        Ok(block)
    }

    /// Asks the provider; when it has nothing, again after every idle block in reach went back to it.
    fn allocate(
        this: &Arc<Self>,
        capacity: usize,
        place: Place,
        fill: Fill,
    ) -> Result<Block, AcquireError> {
        let mut departed = this.depot.departures().ended();
        // Once only: the next try may take the slab again.
        let mut trims = true;
        // Ends: between two requests an idle block, or a slab of headers, went back, by this thread or another.
        let block = loop {
            if let Ok(block) = Block::create(this, capacity, place, fill) {
                break block;
            }
            let mut puts = None;
            // Ends: between two looks something went back, or was put somewhere.
            loop {
                let look = this.look_through(usize::MAX);
                let trimmed = core::mem::take(&mut trims) && this.source.trim();
                let settled = this.settled();
                if settled != departed || trimmed {
                    departed = settled;
                    break;
                }
                // Twice nothing was found, and nothing was put anywhere in between, as in `charge`.
                if puts.replace(look.puts) == Some(look.puts) || active(Mutant::LookOnce) {
                    return Err(AcquireError::Alloc { bytes: capacity });
                }
            }
        };
        this.count_created(capacity, place);
        Ok(block)
    }

    /// Counts a block that is there now; `discharge` is for when it is gone.
    pub(super) fn count_created(&self, capacity: usize, place: Place) {
        match place {
            Place::Class(class) => self.counts.classes[usize::from(class)].blocks.add(1),
            Place::Oversize => self.counts.unpooled_added(capacity),
            Place::Overflow => {
                self.counts.unpooled_added(capacity);
                self.counts.overflow_bytes.add(capacity as u64);
            }
        }
    }

    /// Creates up to `count` idle blocks for requests of `size` bytes, written with zeros; returns how many the depot
    /// kept.
    pub(crate) fn prewarm(
        this: &Arc<Self>,
        size: usize,
        count: usize,
    ) -> Result<usize, AcquireError> {
        let (capacity, place) = this.block_for(size, Place::Oversize);
        let Place::Class(class) = place else {
            return Err(AcquireError::Unpooled {
                requested: size,
                largest: this.classes.largest(),
            });
        };
        if this.is_closed() {
            return Err(AcquireError::Closed);
        }
        let class = usize::from(class);
        for kept in 0..count {
            if capacity > this.budget.limit() {
                return Err(AcquireError::Oversize {
                    requested: size,
                    limit: this.budget.limit(),
                });
            }
            // Idle blocks are not reclaimed for this: they are as good as what would replace them.
            if this.is_awaited() || this.budget.charge(capacity).is_err() {
                return Err(AcquireError::Exhausted {
                    max_bytes: this.budget.limit(),
                });
            }
            let Ok(mut block) = Block::create(this, capacity, place, Fill::Nothing) else {
                this.budget.refund(capacity);
                Self::serve_waiting(this);
                return Err(AcquireError::Alloc { bytes: capacity });
            };
            this.counts.classes[class].blocks.add(1);
            block.initialise(capacity);
            if let Err(block) = this.shelve(class, block) {
                Self::serve_waiting(&Self::destroy(block));
                return Ok(kept);
            }
            Self::serve_waiting(this);
        }
        Ok(count)
    }
}
