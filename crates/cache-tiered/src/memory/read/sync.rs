//! The seam: every atomic, cell, lock and thread-local of the read path comes from here.
//!
//! Under `--cfg cache_tiered_loom` they are loom's, otherwise those of std and parking_lot. What
//! the rest may rely on:
//! - `Mutex::lock` never fails, and works while a thread ends;
//! - `local!` is `std::thread_local!`; a local without a destructor stays usable while a thread
//!   ends (loom's do not: whoever uses one takes an error);
//! - `process_wide!` is a static; loom's is a new one in each execution of a model.

#[cfg(cache_tiered_loom)]
mod modelled;
#[cfg(not(cache_tiered_loom))]
mod native;

#[cfg(cache_tiered_loom)]
pub(super) use modelled::{Fence, Mutex, TrackedCell, atomic, local, process_wide};
#[cfg(not(cache_tiered_loom))]
pub(super) use native::{Fence, Mutex, TrackedCell, atomic, local, process_wide};
