//! The concurrent read path: values that any thread finds without a lock while one writes.
//!
//! [`Arena`] holds the values, [`WriteToken`] is the right to change it, which its owner keeps under a lock, and
//! [`pinned`] makes a thread one whose finds are not freed. Policies, weights and lifetimes are its owner's; here
//! they are values.
//!
//! ```text
//!  table     hash -> bucket of 12 cells, one cache line           7.5 bytes a slot at full load
//!  entries   [ value | hash or link, touches, state ] ...          8 bytes a slot beside the value
//!  limbo     slots and tables that were unlinked                   two batches of 64 slots, or more
//! ```
//! Beside it an owner may have a [`Column`], a number a slot that is set before the slot is shown (until when an entry
//! lives), and [`HitBuffers`], in which readers note what its policy has to hear of.
//!
//! # A value's life
//!
//! ```text
//!           insert, replace            unlink, replace            reclaim
//!  vacant ------------------> live -------------------> retired ----------> vacant
//!          entry, then slot         slot out of its cell         after a grace period
//!          into its cell
//! ```
//! *Live.* The store of a slot into its cell shows it to readers, and what follows in that cell hides it: each
//! is one store (`bucket` has the states of a cell). An entry that is displaced from its home is led to by counts
//! that are above 0 for longer than it is there. So who looks along the path of a hash meets what is there all
//! the time, and meets nothing that was not there at that moment. What is taken out and put in again may be
//! missed: there was a moment without it. When the index grows, readers go on in the old table, which nobody
//! changes any more: it is what was there when the new one was shown, during their call.
//!
//! *Retired.* A reader says that it is pinned, and then looks; the writer unlinks, and then looks who is pinned.
//! An asymmetric fence in between (`buffer_pool::Fence`) has one of them see the other. The writer pays for it,
//! once for a batch, and for the batches of all other arenas as well (`grace`). Each thread counts its pins and their
//! ends on a line of its own (`participant`), and a grace period is over when each that was pinned after the fence has
//! a higher count. No clock is shared, so no reader reads what others write. A thread that stays pinned keeps memory
//! from being reclaimed, of all arenas, and stops nobody.
//!
//! # What was considered
//!
//! - *Guards instead of closures* would outlive each other in any order, and need a counter where now a bit tells
//!   that there is a pin around.
//! - *The slot before the tag* is the usual order, but a reader that still sees an earlier tag of a cell would then
//!   find a value just before it is there, and the next time not.
//! - *A process that forks* while other threads read has those pinned for ever in the child, where they are
//!   not: it reads and writes there, but reclaims nothing. As with any lock, a child of a process with threads
//!   should do nothing but `exec`.
//!
//! # Unsafe code
//!
//! `pin`, `participant` and `grace` promise that what a pinned thread finds is not freed, `limbo` frees after that
//! promise has ended, `arena` and `writer` read and write values by it; `entries` has the memory. `table` and `bucket` are
//! atomics only. The models in `loom/` run all of it, and with each of the faults of `mutant`, one of them fails.

mod arena;
mod bucket;
mod column;
mod entries;
mod folded;
mod grace;
mod hits;
mod limbo;
#[cfg(all(test, cache_tiered_loom))]
mod loom;
mod mutant;
mod participant;
mod pin;
mod sync;
mod table;
#[cfg(all(test, not(cache_tiered_loom)))]
mod tests;
mod writer;

#[cfg(all(test, not(cache_tiered_loom)))]
use self::arena::Found;
pub(crate) use self::arena::{Arena, WriteToken};
pub(crate) use self::column::Column;
pub(crate) use self::entries::TOUCHES_MAX;
pub(crate) use self::grace::fence;
pub(crate) use self::hits::{HitBuffers, narrowed, widened};
pub(crate) use self::pin::{Pin, Work, pinned, pinned_for};
pub(crate) use self::writer::Writer;
