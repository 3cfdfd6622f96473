//! The seam: every atomic, cell, lock and thread of this crate comes from here.
//!
//! Under `--cfg buffer_pool_loom` they are loom's, and with `--cfg buffer_pool_shuttle` besides, shuttle's; otherwise
//! those of std, parking_lot and crossbeam. `clippy.toml` bans the originals everywhere else. The first cfg stands for
//! all that models need of the code under test, such as faults that can be switched on; the second one chooses who runs
//! them.
//!
//! What the rest of the crate may rely on:
//! - `Mutex::lock` never fails (no poisoning: no foreign code runs under a lock of this crate, but the
//!   global allocator where leaks are noted) and works in
//!   thread-local destructors;
//! - `local!` is `std::thread_local!` for constant values; a local without a destructor stays usable while a thread
//!   ends (loom's do not: whoever uses one then must take an error);
//! - `home()` is a number that stays the same on one thread; it spreads threads over stripes.
//! - a `Tally` counts for statistics, or for one owner at a time: no decision depends on a value that another thread
//!   wrote, unless something else orders the two. So it stays std's in models and adds no branches to them;
//! - a `Once` is set at most once; it stays std's too, as nothing runs while it is set.

mod fence;
#[cfg(all(buffer_pool_loom, not(buffer_pool_shuttle)))]
mod modelled;
#[cfg(not(buffer_pool_loom))]
mod native;
#[cfg(buffer_pool_shuttle)]
mod scheduled;
mod tally;

#[cfg(all(buffer_pool_shuttle, not(buffer_pool_loom)))]
compile_error!("`--cfg buffer_pool_shuttle` goes with `--cfg buffer_pool_loom`");

#[cfg(all(buffer_pool_loom, not(buffer_pool_shuttle)))]
pub(crate) use modelled::{Arc, Condvar, Mutex, TrackedCell, atomic, home, local, yield_now};
#[cfg(all(test, buffer_pool_loom, not(buffer_pool_shuttle)))]
pub(crate) use modelled::{set_home, thread};
#[cfg(not(buffer_pool_loom))]
pub(crate) use native::{Arc, Condvar, Mutex, TrackedCell, atomic, home, local, yield_now};
#[cfg(all(test, not(buffer_pool_loom)))]
pub(crate) use native::{locks_taken, thread};
#[cfg(buffer_pool_shuttle)]
pub(crate) use scheduled::{
    Arc, Condvar, Local, Mutex, TrackedCell, atomic, home, local, yield_now,
};
#[cfg(all(test, buffer_pool_shuttle))]
pub(crate) use scheduled::{begin, thread};

pub(crate) use crossbeam::utils::CachePadded;
pub use fence::Fence;
#[cfg(all(test, not(buffer_pool_loom)))]
pub(crate) use fence::without_fences;
pub(crate) use tally::{Once, Tally};
