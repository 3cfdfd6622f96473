#![no_std]
#![doc = include_str!("../README.md")]

#[cfg(feature = "alloc")]
extern crate alloc;
#[cfg(test)]
#[macro_use]
extern crate std;

mod arena;
mod bytes;
mod error;
mod handle;
mod provider;
mod table;

pub use arena::{Arena, ArenaStats, Drain, IntoIter, Iter, IterMut, SecondaryMap, VacantEntry};
pub use bytes::{ByteHandle, ByteSlab, ByteStats, ClassStats, Classes, ClassesError, Reservation};
pub use error::{HandleError, InsertError, InsertErrorKind, ProvideError};
pub use handle::Handle;
pub use provider::{Counting, Failing, Global, Provider, StaticRegion};

#[cfg(test)]
extern crate self as slab_core;
#[cfg(test)]
mod narrow_generations;
