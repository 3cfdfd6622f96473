#![doc = include_str!("../README.md")]
#![no_std]
#![forbid(unsafe_code)]

extern crate alloc;
#[cfg(test)]
extern crate std;

mod any;
mod error;
mod eviction;
mod ghost;
mod hashed_queue;
mod ledger;
mod list;
mod marks;
mod policy;
mod slot;

pub use any::{AnyConfig, AnyPolicy};
pub use error::{ConfigError, ParseConfigError};
pub use eviction::clock::{Clock, ClockConfig};
pub use eviction::fifo::{Fifo, FifoConfig};
pub use eviction::lru::{Lru, LruConfig};
pub use eviction::s3_fifo::{S3Fifo, S3FifoConfig, WarmUp};
pub use eviction::sieve::{Sieve, SieveConfig};
pub use policy::{Hint, Policy, SharedHit};
pub use slot::Slot;
