//! Spans: what is under way, for tracing.

use super::Observer;
use std::future::Future;

#[cfg(feature = "tracing")]
impl Observer {
    /// A call of the cache, in a span of its own.
    pub(crate) fn within<F: Future>(
        &self,
        call: &'static str,
        future: F,
    ) -> impl Future<Output = F::Output> + use<F> {
        use tracing::Instrument;
        future.instrument(
            tracing::debug_span!(target: "cache_tiered", "cache", cache = self.name(), call),
        )
    }

    /// A call of the store, about so many keys, in a span of its own.
    pub(crate) fn asking<F: Future>(
        &self,
        call: &'static str,
        keys: usize,
        future: F,
    ) -> impl Future<Output = F::Output> + use<F> {
        use tracing::Instrument;
        future.instrument(
            tracing::debug_span!(target: "cache_tiered", "store", cache = self.name(), call, keys),
        )
    }

    /// What is done at once, in a span of its own.
    pub(crate) fn doing<R>(&self, call: &'static str, act: impl FnOnce() -> R) -> R {
        tracing::debug_span!(target: "cache_tiered", "cache", cache = self.name(), call)
            .in_scope(act)
    }
}

/// There are no spans.
#[cfg(not(feature = "tracing"))]
#[expect(clippy::unused_self, reason = "a span has the name of the cache")]
impl Observer {
    #[inline(always)]
    pub(crate) fn within<F: Future>(&self, _: &'static str, future: F) -> F {
        future
    }

    #[inline(always)]
    pub(crate) fn asking<F: Future>(&self, _: &'static str, _: usize, future: F) -> F {
        future
    }

    #[inline(always)]
    pub(crate) fn doing<R>(&self, _: &'static str, act: impl FnOnce() -> R) -> R {
        act()
    }
}
