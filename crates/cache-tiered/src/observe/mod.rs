//! What the crates metrics and tracing hear of a cache, where the features of these names are on.
//!
//! ```text
//!   what takes time   a load, a write, a batch, a wait, a sync: told when it ends  --> counters, histograms, events
//!   what is counted   hits, departures, bytes ...: told by `publish`, from `stats` --> counters, gauges
//! ```
//!
//! A hit costs nothing more than without these features: its number is in the statistics. The same
//! goes for whatever happens under the lock of a shard. Peers count each hit where it happens (foyer),
//! or have no metrics at all and leave it to their users to read statistics (moka). The former is a
//! call of the recorder and a shared line written a hit; the latter leaves everybody to write the same
//! loop. So what is counted already is told from there, when somebody is about to look.
//!
//! Handles are got from the recorder once, as a cache is built, so that telling of something looks
//! nothing up. `docs/metrics.md` lists all names, and a test compares.
//!
//! Keys and values are the users' data: no label and no span has any. An error is told as its store
//! words it.
//!
//! Where a feature is off its part of these functions is empty; where both are, an [`Observer`] is
//! nothing.

#[cfg(all(feature = "metrics", feature = "disk"))]
mod disk_totals;
mod end;
#[cfg(feature = "metrics")]
mod meters;
mod span;
#[cfg(feature = "metrics")]
mod tiered_totals;
#[cfg(feature = "metrics")]
mod totals;
mod watch;

pub(crate) use self::end::{LoadEnd, Outcome, Verb, WriteEnd};
pub(crate) use self::watch::Watch;

#[cfg(feature = "metrics")]
use self::meters::Meters;
#[cfg(any(feature = "metrics", feature = "tracing"))]
use std::sync::Arc;

/// Whoever hears of one cache. A clone is another handle; the default one is deaf.
#[derive(Clone, Default)]
pub(crate) struct Observer {
    #[cfg(any(feature = "metrics", feature = "tracing"))]
    told: Option<Arc<Told>>,
}

#[cfg(any(feature = "metrics", feature = "tracing"))]
struct Told {
    #[cfg(feature = "tracing")]
    name: Box<str>,
    #[cfg(feature = "metrics")]
    meters: Meters,
}

impl Observer {
    /// For a cache of this name.
    #[cfg(any(feature = "metrics", feature = "tracing"))]
    pub(crate) fn new(name: &str) -> Self {
        Self {
            told: Some(Arc::new(Told {
                #[cfg(feature = "tracing")]
                name: name.into(),
                #[cfg(feature = "metrics")]
                meters: Meters::new(name),
            })),
        }
    }

    /// Nobody hears of a cache.
    #[cfg(not(any(feature = "metrics", feature = "tracing")))]
    pub(crate) const fn new(_name: &str) -> Self {
        Self {}
    }

    #[cfg(feature = "metrics")]
    fn meters(&self) -> Option<&Meters> {
        self.told.as_ref().map(|told| &told.meters)
    }

    #[cfg(feature = "tracing")]
    fn name(&self) -> &str {
        self.told.as_ref().map_or("", |told| &told.name)
    }

    /// Tells of all that the statistics count.
    #[cfg(feature = "metrics")]
    pub(crate) fn publish(&self, stats: &crate::tiered::TieredStats) {
        if let Some(meters) = self.meters() {
            meters.totals.publish(stats);
        }
    }

    /// Tells of all that the statistics of the disk tier count.
    #[cfg(all(feature = "metrics", feature = "disk"))]
    pub(crate) fn publish_disk(&self, stats: &crate::disk::DiskStats) {
        if let Some(meters) = self.meters() {
            meters.disk.publish(stats);
        }
    }
}

impl std::fmt::Debug for Observer {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.debug_struct("Observer").finish_non_exhaustive()
    }
}
