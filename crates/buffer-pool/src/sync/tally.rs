//! A counter for statistics.

#![expect(
    clippy::disallowed_types,
    reason = "part of the seam; statistics stay real under loom"
)]

use std::sync::atomic::{AtomicU64, Ordering};

/// A number that statistics read and no protocol depends on.
///
/// Written by any thread on paths that call the provider anyway, read by `stats()`. Every ordering is Relaxed: the
/// count itself is exact, and it publishes no other memory.
#[derive(Debug, Default)]
pub(crate) struct Tally(AtomicU64);

impl Tally {
    pub(crate) fn add(&self, amount: u64) {
        self.0.fetch_add(amount, Ordering::Relaxed);
    }

    pub(crate) fn subtract(&self, amount: u64) {
        self.0.fetch_sub(amount, Ordering::Relaxed);
    }

    pub(crate) fn raise_to(&self, amount: u64) {
        self.0.fetch_max(amount, Ordering::Relaxed);
    }

    pub(crate) fn value(&self) -> u64 {
        self.0.load(Ordering::Relaxed)
    }
}
