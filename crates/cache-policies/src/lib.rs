#![doc = include_str!("../README.md")]
#![no_std]
#![forbid(unsafe_code)]

extern crate alloc;
#[cfg(test)]
extern crate std;

mod error;
mod eviction;
mod ledger;
mod list;
mod policy;
mod slot;

pub use error::ConfigError;
pub use eviction::fifo::{Fifo, FifoConfig};
pub use eviction::lru::{Lru, LruConfig};
pub use policy::{Hint, Policy, SharedHit};
pub use slot::Slot;
