//! The seam: every atomic, tracked cell and lock of the object cache comes from here.
//!
//! Under `--cfg slab_core_loom` they are loom's, otherwise those of core and of the lock that the caller chose.
//!
//! What the cache may rely on:
//! - no foreign code runs under a [`Lock`], so it is never poisoned;
//! - a [`TrackedCell`] is an `UnsafeCell`, and [`Witnesses`] are nothing at all, except that loom sees what they see.

#[cfg(slab_core_loom)]
mod modelled;
mod mutant;
#[cfg(not(slab_core_loom))]
mod native;

#[cfg(slab_core_loom)]
pub(crate) use modelled::{Lock, TrackedCell, Witnesses, atomic};
#[cfg(all(test, slab_core_loom))]
pub(crate) use mutant::choose;
pub(crate) use mutant::{Mutant, active, weaken};
#[cfg(not(slab_core_loom))]
pub(crate) use native::{Lock, TrackedCell, Witnesses, atomic};
