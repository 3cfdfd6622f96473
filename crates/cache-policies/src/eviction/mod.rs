//! The policies, one a file.

pub(crate) mod clock;
pub(crate) mod fifo;
pub(crate) mod lru;
pub(crate) mod s3_fifo;
pub(crate) mod sieve;
