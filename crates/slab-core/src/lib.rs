#![no_std]
#![doc = include_str!("../README.md")]

#[cfg(feature = "alloc")]
extern crate alloc;
#[cfg(any(test, feature = "std"))]
extern crate std;

mod arena;
mod error;
mod handle;
mod provider;
mod table;

pub use arena::{Arena, ArenaStats, Drain, IntoIter, Iter, IterMut, SecondaryMap, VacantEntry};
pub use error::{HandleError, InsertError, InsertErrorKind, ProvideError};
pub use handle::Handle;
pub use provider::{Counting, Failing, Global, Provider, StaticRegion};
