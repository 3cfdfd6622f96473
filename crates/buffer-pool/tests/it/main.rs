//! Integration tests: the pool through its public face.
#![cfg(not(buffer_pool_loom))]
#![expect(
    clippy::disallowed_methods,
    clippy::disallowed_types,
    reason = "real threads; the ban is for the crate itself"
)]

mod adopt;
mod budget;
mod buffer;
mod caches;
mod caches_model;
mod decay;
mod error;
mod executor;
mod faults;
mod frozen;
mod frozen_model;
mod leak;
#[cfg(all(target_os = "linux", feature = "mmap"))]
mod mapped;
mod memory;
mod misread;
mod misuse;
mod model;
mod random;
mod seed_defects;
mod slice;
mod split;
mod stress;
mod threads;
mod wait;
mod wait_cancel;
mod wait_model;
mod wait_stress;
mod wait_wakers;
mod warm;
