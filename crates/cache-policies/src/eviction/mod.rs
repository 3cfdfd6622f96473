//! The policies, one a file.

pub(crate) mod fifo;
pub(crate) mod lru;
