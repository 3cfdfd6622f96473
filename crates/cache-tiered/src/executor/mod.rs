//! What drives operations: the waiting thread itself, or a few threads of the cache.
//!
//! ```text
//!   operation.wait()   ->  block_on: the caller's thread polls until the end, parks in between
//!   operation.await    ->  first poll hands the whole operation to the pool and watches it;
//!                          dropping the handle stops the watching, never the operation
//! ```
//!
//! Both ways, a future of a store is polled only on a thread that may block, so an adapter of a
//! blocking store needs no further hand-over.

mod block_on;
mod pool;
mod task;

pub(crate) use block_on::block_on;
pub(crate) use pool::{Pool, is_pool_thread, while_waiting};

use std::future::Future;
use std::pin::Pin;

/// A future that owns all it needs and can be driven by any thread.
pub(crate) type Detached<T> = Pin<Box<dyn Future<Output = T> + Send>>;
