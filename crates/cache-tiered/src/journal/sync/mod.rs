//! The seam of group commit: its locks, conditions and threads come from here alone.
//!
//! Under `--cfg cache_tiered_loom` they are loom's, otherwise parking_lot's and the threads of the
//! crate's executor. The device and the log behind it take no part: they are touched under a lock.

#[cfg(cache_tiered_loom)]
mod modelled;
#[cfg(not(cache_tiered_loom))]
mod native;

#[cfg(cache_tiered_loom)]
pub(super) use modelled::{Condvar, Mutex, MutexGuard, Threads};
#[cfg(not(cache_tiered_loom))]
pub(super) use native::{Condvar, Mutex, MutexGuard, Threads};
