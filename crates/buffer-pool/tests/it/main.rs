//! Integration tests: the pool through its public face.
#![cfg(not(buffer_pool_loom))]

mod budget;
mod buffer;
mod faults;
mod frozen;
mod memory;
mod model;
mod seed_defects;
mod threads;
mod warm;
