//! The seam of what is under way for keys: the locks of shards, the events that callers wait for and the flags they look
//! at come from here.
//!
//! Under `--cfg cache_tiered_loom` they are loom's, otherwise those of parking_lot, event-listener and std. Entries are read
//! on the seam of `read`. What the rest may rely on:
//! - `Mutex::lock` never fails;
//! - who listens to an [`Event`], then looks and then waits, misses nothing: what was written before a later `notify` is
//!   seen, or the wait ends.

#[cfg(cache_tiered_loom)]
mod modelled;
#[cfg(not(cache_tiered_loom))]
mod native;

#[cfg(cache_tiered_loom)]
pub(super) use modelled::{AtomicBool, Event, Listener, Mutex, MutexGuard, OnceLock};
#[cfg(not(cache_tiered_loom))]
pub(super) use native::{AtomicBool, Event, Listener, Mutex, MutexGuard, OnceLock};
