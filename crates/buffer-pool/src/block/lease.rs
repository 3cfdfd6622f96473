//! A lease: a block in use, and where it goes when it is released.

use core::ptr::NonNull;

use super::Block;
use crate::pool_core::Core;

/// Where a block goes: to its pool, by its class if it has one. One word, the class in the bits that a core's alignment
/// leaves free.
///
/// The block's header tells the same. But of a block that has just been taken out of a magazine the processor does not
/// know yet which one it is, so what the release reads by way of the header comes late; and a release that need not
/// touch the header spares a line of memory.
#[derive(Copy, Clone)]
pub(crate) struct Home(NonNull<Core>);

// SAFETY: a core is Send and Sync, and nothing else is reached.
unsafe impl Send for Home {}
// SAFETY: as above.
unsafe impl Sync for Home {}

/// The bits of the class.
const TAG: usize = 127;
/// No class has this number: there are 64 at most.
const NO_CLASS: usize = 127;

const _: () = assert!(align_of::<Core>() > TAG);

impl Home {
    /// Of a block of class number `class`, which is one of the core's.
    #[inline(always)]
    pub(crate) fn of_class(core: &Core, class: usize) -> Self {
        debug_assert!(class < NO_CLASS);
        Self(NonNull::from(core).map_addr(|address| address | class))
    }

    #[inline]
    fn of(block: &Block) -> Self {
        let class = block.class().unwrap_or(NO_CLASS);
        Self(NonNull::from(&**block.core()).map_addr(|address| address | class))
    }

    #[inline(always)]
    pub(crate) fn class(self) -> Option<usize> {
        let class = self.0.addr().get() & TAG;
        (class != NO_CLASS).then_some(class)
    }

    /// Valid as long as the block exists, whose count keeps the core.
    #[inline(always)]
    pub(crate) fn core(self) -> *const Core {
        self.0.as_ptr().map_addr(|address| address & !TAG)
    }
}

/// Sole ownership of a block that was handed out. It has no destructor, as the block.
#[must_use = "a block that is neither released nor destroyed leaks"]
pub(crate) struct Lease {
    pub(crate) block: Block,
    /// The block's own.
    home: Home,
}

impl Lease {
    /// Of a block of this home.
    #[inline(always)]
    pub(crate) fn new(block: Block, home: Home) -> Self {
        debug_assert!(home.0 == Home::of(&block).0);
        Self { block, home }
    }

    #[inline(always)]
    pub(crate) fn home(&self) -> Home {
        self.home
    }
}

impl From<Block> for Lease {
    #[inline]
    fn from(block: Block) -> Self {
        let home = Home::of(&block);
        Self { block, home }
    }
}
