//! Waiting for memory in a pool with a budget: first come, first served, across threads and tasks.
//!
//! ```text
//!                 enter                       grant (serve)                poll, or leave
//!    request ----------------> in line  ----------------------> granted ------------------> nobody's
//!                                 |   \                                                        ^
//!                                 |    \------- close -------> closed ---- poll, or leave -----|
//!                                 \------------------- leave ----------------------------------/
//! ```
//!
//! | file | what it has |
//! |---|---|
//! | `queue` | who waits and what each was handed; knows nothing of memory |
//! | `line` | the order, as nodes in one array |
//! | `waiting` | one wait in a pool: entered, served, over; what `Core` does for waiters is in `pool_core/wait.rs` |
//! | `future` | a wait as a future |
//! | `turn` | a waker that serves in its turn, and how deep |
//! | `parker` | a thread that waits, as a waker sees it |
//! | `foreign` | calls of wakers, which may panic |
//!
//! **What is handed over.** Not a permission to try again, which another thread could make worthless, but what the
//! waiter asked for: an idle block of its class, or its bytes, charged to the budget in its name, for which it creates a
//! block itself. So a wait ends at its first wake, and who wakes up has nothing to compete for. Whoever has made memory
//! free serves: it obtains what the first in line wants by the same means as a request does, idle blocks of all threads
//! and classes being reclaimed; hands it over under the queue's lock to whoever is first then; and goes on with the next.
//! If the first one left in between and the next one wants a block of another size, it is given back.
//!
//! **Fairness** is strict: no waiter is served before an earlier one, however small. A large request therefore holds
//! those behind it up, and gets all that becomes free until it fits. Requests that come while others wait do not overtake
//! them: they wait, or, where they may not, are refused or go past the budget.
//!
//! **Who serves.** Whoever makes memory free that was lent, or changes who is first, serves until nothing is to be had
//! for the first: the release of a block; a charge that is refunded because the provider had no memory; a waiter after
//! it entered; a waiter that leaves first in line, or leaves what it was handed. (Idle blocks that go back to the
//! provider need not: they were in reach of the last one who looked, who waits for those on their way,
//! `crate::departures`.)
//!
//! **No wake is lost.** A waiter enters, then looks (`serve`); a releaser puts, then reads how many wait (`waiting`,
//! one relaxed load). One of the two sees the other, without a fence:
//! - a block is put into a stripe under its lock, and looked for there under the same one. If the look comes first, its
//!   unlock happens before the releaser's lock, and so the entry before the releaser's read, which comes after its lock.
//!   Otherwise the look finds the block;
//! - a block is put into a rack by its owner, who finds it open. A look bars it, waits for the owner to be outside, and
//!   finds the block, or the owner comes later: it finds the rack barred, or open after it has lifted the bar itself,
//!   under the register's lock, which the look had before. That is the edge from the entry to the releaser's read;
//! - bytes are refunded by a read-modify-write (AcqRel) of the budget, and a look begins with one (`Budget::confirm`).
//!   Whichever comes second in the order of that variable sees what the other did before it.
//!
//! **Wakers** are foreign code: cloned, woken and dropped outside of all locks, so that they may use the pool. When one
//! panics the others are woken all the same; then the panic goes on in whoever called, unless that unwinds already.
//!
//! **Leaving.** A future may be dropped, and a thread's time may run out, at any point. What a waiter was handed and did
//! not take goes on to the next.

mod foreign;
mod future;
mod line;
mod parker;
mod queue;
mod turn;
mod waiting;

pub use future::Acquire;
pub(crate) use future::Handle;
#[cfg(all(test, buffer_pool_loom))]
pub(crate) use parker::Parker;
pub(crate) use queue::Queue;
#[cfg(all(test, buffer_pool_loom, not(buffer_pool_shuttle)))]
pub(crate) use queue::{Outcome, Ticket};
pub(crate) use waiting::{Grant, Waiting};
