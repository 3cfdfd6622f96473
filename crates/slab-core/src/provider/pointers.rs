//! Providers behind owning pointers: `Box` for one chosen at run time, `Arc` for one that many own.

use alloc::boxed::Box;
#[cfg(target_has_atomic = "ptr")]
use alloc::sync::Arc;
use core::alloc::Layout;
use core::ptr::NonNull;

use super::{Provider, forward};
use crate::error::ProvideError;

// Moving the box leaves `P` where it is.
forward!(Box<P>);

// The clones share `P`, which stays where it is until the last of them is gone.
#[cfg(target_has_atomic = "ptr")]
forward!(Arc<P>);
