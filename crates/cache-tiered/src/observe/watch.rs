//! How long something takes. Without the features it is nothing, and no clock is read.

#[cfg(any(feature = "metrics", feature = "tracing"))]
use std::time::{Duration, Instant};

/// Runs since it was made. It goes by the clock of the system, not by that of the cache: what a
/// device or a store takes is no matter of lifetimes.
#[derive(Clone, Copy, Debug)]
pub(crate) struct Watch {
    #[cfg(any(feature = "metrics", feature = "tracing"))]
    since: Instant,
}

impl Watch {
    #[cfg(any(feature = "metrics", feature = "tracing"))]
    pub(crate) fn start() -> Self {
        Self {
            since: Instant::now(),
        }
    }

    #[cfg(not(any(feature = "metrics", feature = "tracing")))]
    #[inline(always)]
    pub(crate) const fn start() -> Self {
        Self {}
    }

    #[cfg(any(feature = "metrics", feature = "tracing"))]
    pub(super) fn took(self) -> Duration {
        self.since.elapsed()
    }
}
