//! Processes that write behind, are killed or meet faults of the system, and what is there afterwards.
//!
//! A binary beside `it`: until a process that is being started is another program it shares the
//! locks of all files that its parent has open, and the tests there expect theirs to be free.

#![cfg(unix)]

mod child;
mod expected;
mod kills;
mod sink;
