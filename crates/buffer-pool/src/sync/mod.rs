//! The seam: every atomic, cell, lock and thread of this crate comes from here.
//!
//! Under `--cfg buffer_pool_loom` they are loom's, otherwise those of std, parking_lot and crossbeam. `clippy.toml`
//! bans the originals everywhere else.
//!
//! What the rest of the crate may rely on:
//! - `Mutex::lock` never fails (no poisoning: no foreign code runs under a lock of this crate) and works in
//!   thread-local destructors;
//! - **the last access of an unlock to the mutex is one atomic write.** Whoever locks the mutex after that may free
//!   its memory, even if the unlocking call has not returned yet. parking_lot's `RawMutex::unlock` is one
//!   compare-exchange, or, with waiters, one store made under the lock of the parking bucket, after which only the
//!   bucket is touched; loom's `MutexGuard::drop` ends in one step of the model. `Core::release` needs this.
//! - `home()` is a number that stays the same on one thread; it spreads threads over stripes.
//! - a `Tally` counts for statistics only: no decision that another thread must see depends on it, so it stays
//!   std's under loom and adds no branches to the models.

#[cfg(buffer_pool_loom)]
mod modelled;
#[cfg(not(buffer_pool_loom))]
mod native;
mod tally;

#[cfg(buffer_pool_loom)]
pub(crate) use modelled::{Arc, Mutex, TrackedCell, atomic, home, yield_now};
#[cfg(all(test, buffer_pool_loom))]
pub(crate) use modelled::{set_home, thread};
#[cfg(not(buffer_pool_loom))]
pub(crate) use native::{Arc, Mutex, TrackedCell, atomic, home, yield_now};
#[cfg(all(test, not(buffer_pool_loom)))]
pub(crate) use native::{locks_taken, thread};

pub(crate) use crossbeam::utils::CachePadded;
pub(crate) use tally::Tally;
