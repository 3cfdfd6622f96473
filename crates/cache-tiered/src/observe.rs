//! What the crates metrics and tracing hear of a cache, where the features of these names are on.
//!
//! Memory hits are not told of, so they cost nothing more; their number is in the statistics.
//! Where a feature is off its part of these functions is empty.

use crate::error::LoadError;
use crate::tiered::Tier;
use std::future::Future;

/// How a load ended.
pub(crate) struct LoadEnd<'a> {
    pub(crate) tier: Tier,
    /// Whether there is a value, or why that is not known.
    pub(crate) found: Result<bool, &'a LoadError>,
    /// Nobody waited for it.
    pub(crate) background: bool,
    /// How long it took, by the clock of the memory tier.
    pub(crate) nanoseconds: u64,
}

impl LoadEnd<'_> {
    /// Counts it and tells of it.
    pub(crate) fn tell(&self) {
        #[cfg(feature = "metrics")]
        self.count();
        #[cfg(feature = "tracing")]
        self.trace();
        #[cfg(not(any(feature = "metrics", feature = "tracing")))]
        let _unheard = (self.tier, self.found, self.background, self.nanoseconds);
    }

    #[cfg(feature = "metrics")]
    fn count(&self) {
        let outcome = match self.found {
            Ok(true) => "found",
            Ok(false) => "absent",
            Err(_) => "failed",
        };
        let background = if self.background { "true" } else { "false" };
        let labels = [
            ("tier", self.tier.name()),
            ("outcome", outcome),
            ("background", background),
        ];
        metrics::counter!("cache_tiered_loads_total", &labels).increment(1);
        let seconds = std::time::Duration::from_nanos(self.nanoseconds).as_secs_f64();
        metrics::histogram!("cache_tiered_load_seconds", &labels).record(seconds);
    }

    #[cfg(feature = "tracing")]
    fn trace(&self) {
        let (tier, background, nanoseconds) = (self.tier.name(), self.background, self.nanoseconds);
        match self.found {
            Ok(found) => {
                tracing::debug!(target: "cache_tiered", tier, background, nanoseconds, found, "loaded");
            }
            Err(error) => {
                let error: &dyn std::error::Error = error;
                tracing::warn!(target: "cache_tiered", tier, background, nanoseconds, error, "load failed");
            }
        }
    }
}

/// A call of the store, in a span of its own.
#[cfg(feature = "tracing")]
pub(crate) fn call<F: Future>(
    name: &'static str,
    keys: usize,
    call: F,
) -> impl Future<Output = F::Output> + use<F> {
    use tracing::Instrument;
    call.instrument(tracing::debug_span!(target: "cache_tiered", "store", call = name, keys))
}

/// A call of the store.
#[cfg(not(feature = "tracing"))]
pub(crate) fn call<F: Future>(_name: &'static str, _keys: usize, call: F) -> F {
    call
}
