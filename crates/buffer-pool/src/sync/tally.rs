//! A counter for statistics and for single owners, and a value that is set once.

#![expect(
    clippy::disallowed_types,
    reason = "part of the seam; these stay real under loom"
)]

use std::sync::OnceLock;
use std::sync::atomic::{AtomicU64, Ordering};

/// A value that is set at most once. std's `OnceLock` without what waits.
#[derive(Debug)]
pub(crate) struct Once<T>(OnceLock<T>);

impl<T> Once<T> {
    pub(crate) const fn new() -> Self {
        Self(OnceLock::new())
    }

    pub(crate) fn get(&self) -> Option<&T> {
        self.0.get()
    }

    /// Sets the value, or gives it back when another was first.
    pub(crate) fn set(&self, value: T) -> Result<(), T> {
        self.0.set(value)
    }
}

/// A number that any thread may read, and that no protocol between threads depends on.
///
/// Either any thread adds to it, or moves it on, on paths that are slow anyway, or one owner at a time sets it. Every ordering is
/// Relaxed: the count itself is exact, and it publishes no other memory.
#[derive(Debug, Default)]
pub(crate) struct Tally(AtomicU64);

impl Tally {
    pub(crate) const fn new(amount: u64) -> Self {
        Self(AtomicU64::new(amount))
    }

    /// Adds one; returns the number before, which no other call returns.
    pub(crate) fn next(&self) -> u64 {
        self.0.fetch_add(1, Ordering::Relaxed)
    }

    /// Only for the one owner of the number: what others add meanwhile is lost. No read-modify-write.
    #[inline(always)]
    pub(crate) fn set(&self, amount: u64) {
        self.0.store(amount, Ordering::Relaxed);
    }

    pub(crate) fn add(&self, amount: u64) {
        self.0.fetch_add(amount, Ordering::Relaxed);
    }

    pub(crate) fn subtract(&self, amount: u64) {
        self.0.fetch_sub(amount, Ordering::Relaxed);
    }

    pub(crate) fn raise_to(&self, amount: u64) {
        self.0.fetch_max(amount, Ordering::Relaxed);
    }

    /// Replaces `from` by `to`; `false` when it is something else by now. Of threads that replace the same value one
    /// succeeds. Relaxed as all here: all changes of one number have one order.
    pub(crate) fn advance(&self, from: u64, to: u64) -> bool {
        let exchange = self
            .0
            .compare_exchange(from, to, Ordering::Relaxed, Ordering::Relaxed);
        exchange.is_ok()
    }

    #[inline(always)]
    pub(crate) fn value(&self) -> u64 {
        self.0.load(Ordering::Relaxed)
    }
}
