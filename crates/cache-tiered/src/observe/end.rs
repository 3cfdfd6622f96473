//! What has ended, told as it ends.

use super::{Observer, Watch};
use crate::error::LoadError;
use crate::tiered::Tier;
use std::error::Error;
#[cfg(any(feature = "metrics", feature = "tracing"))]
use std::time::Duration;

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

/// What a caller asked for.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Verb {
    Put,
    Remove,
    Compute,
}

/// What became of that.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Outcome {
    Acknowledged,
    /// By the store, the journal or a codec.
    Refused,
    Unknown,
    Busy,
    Backpressure,
    Closed,
}

/// How a put, a removal or a computation ended.
pub(crate) struct WriteEnd<'a> {
    pub(crate) verb: Verb,
    pub(crate) outcome: Outcome,
    pub(crate) error: Option<&'a (dyn Error + 'static)>,
    /// Since the caller asked, so that the wait for the key and for room is in it.
    pub(crate) watch: Watch,
}

#[cfg(any(feature = "metrics", feature = "tracing"))]
impl Verb {
    #[cfg(feature = "metrics")]
    pub(super) const ALL: [Self; 3] = [Self::Put, Self::Remove, Self::Compute];

    pub(super) const fn name(self) -> &'static str {
        match self {
            Self::Put => "put",
            Self::Remove => "remove",
            Self::Compute => "compute",
        }
    }
}

#[cfg(any(feature = "metrics", feature = "tracing"))]
impl Outcome {
    #[cfg(feature = "metrics")]
    pub(super) const ALL: [Self; 6] = [
        Self::Acknowledged,
        Self::Refused,
        Self::Unknown,
        Self::Busy,
        Self::Backpressure,
        Self::Closed,
    ];

    pub(super) const fn name(self) -> &'static str {
        match self {
            Self::Acknowledged => "acknowledged",
            Self::Refused => "refused",
            Self::Unknown => "unknown",
            Self::Busy => "busy",
            Self::Backpressure => "backpressure",
            Self::Closed => "closed",
        }
    }
}

#[cfg(feature = "tracing")]
fn nanoseconds(took: Duration) -> u64 {
    u64::try_from(took.as_nanos()).unwrap_or(u64::MAX)
}

#[cfg(any(feature = "metrics", feature = "tracing"))]
impl Observer {
    /// A load has ended.
    pub(crate) fn load_ended(&self, end: &LoadEnd<'_>) {
        #[cfg(feature = "metrics")]
        if let Some(meters) = self.meters() {
            let found = end.found.as_ref().ok().copied();
            let took = Duration::from_nanos(end.nanoseconds);
            meters.load(end.tier, found, end.background).record(took);
        }
        #[cfg(feature = "tracing")]
        {
            let (cache, tier, background) = (self.name(), end.tier.name(), end.background);
            let nanoseconds = end.nanoseconds;
            match end.found {
                Ok(found) => {
                    tracing::debug!(target: "cache_tiered", cache, tier, background, nanoseconds, found, "loaded");
                }
                Err(error) => {
                    let error: &dyn Error = error;
                    tracing::warn!(target: "cache_tiered", cache, tier, background, nanoseconds, error, "load failed");
                }
            }
        }
    }

    /// A write has ended.
    pub(crate) fn write_ended(&self, end: &WriteEnd<'_>) {
        let took = end.watch.took();
        #[cfg(feature = "metrics")]
        if let Some(meters) = self.meters() {
            meters.write(end.verb, end.outcome).record(took);
        }
        #[cfg(feature = "tracing")]
        {
            let (cache, verb, outcome) = (self.name(), end.verb.name(), end.outcome.name());
            let nanoseconds = nanoseconds(took);
            match end.error {
                None => {
                    tracing::debug!(target: "cache_tiered", cache, verb, outcome, nanoseconds, "wrote");
                }
                Some(error) => {
                    tracing::warn!(target: "cache_tiered", cache, verb, outcome, nanoseconds, error, "write failed");
                }
            }
        }
        #[cfg(not(feature = "tracing"))]
        let _unheard = end.error;
    }

    /// The store took a batch of write-behind, or did not.
    pub(crate) fn batch_ended(
        &self,
        changes: usize,
        error: Option<&(dyn Error + 'static)>,
        watch: Watch,
    ) {
        let took = watch.took();
        #[cfg(feature = "metrics")]
        if let Some(meters) = self.meters() {
            meters.batch(error.is_none()).record(changes, took);
        }
        #[cfg(feature = "tracing")]
        {
            let (cache, nanoseconds) = (self.name(), nanoseconds(took));
            match error {
                None => {
                    tracing::debug!(target: "cache_tiered", cache, changes, nanoseconds, "batch applied");
                }
                Some(error) => {
                    tracing::warn!(target: "cache_tiered", cache, changes, nanoseconds, error, "batch failed");
                }
            }
        }
    }

    /// A write had to wait for room among the dirty keys or in the journal, and that is over.
    pub(crate) fn wait_ended(&self, watch: Watch) {
        let took = watch.took();
        #[cfg(feature = "metrics")]
        if let Some(meters) = self.meters() {
            meters.waits.record(took);
        }
        #[cfg(feature = "tracing")]
        tracing::debug!(target: "cache_tiered", cache = self.name(), nanoseconds = nanoseconds(took), "waited for room");
    }

    /// A flush or a close has ended.
    pub(crate) fn flush_ended(&self, error: Option<&(dyn Error + 'static)>, watch: Watch) {
        let took = watch.took();
        #[cfg(feature = "metrics")]
        if let Some(meters) = self.meters() {
            meters.flush(error.is_none()).record(took);
        }
        #[cfg(feature = "tracing")]
        {
            let (cache, nanoseconds) = (self.name(), nanoseconds(took));
            match error {
                None => tracing::debug!(target: "cache_tiered", cache, nanoseconds, "flushed"),
                Some(error) => {
                    tracing::warn!(target: "cache_tiered", cache, nanoseconds, error, "flush failed");
                }
            }
        }
    }

    /// The journal has written a group.
    pub(crate) fn group_written(&self, frames: usize, bytes: usize) {
        #[cfg(feature = "metrics")]
        if let Some(meters) = self.meters() {
            meters.group_frames.record(frames as f64);
            meters.group_bytes.record(bytes as f64);
        }
        #[cfg(feature = "tracing")]
        tracing::trace!(target: "cache_tiered", cache = self.name(), frames, bytes, "group written");
    }

    /// The journal's device has synced a group, or has failed to.
    pub(crate) fn sync_ended(&self, error: Option<&std::io::Error>, watch: Watch) {
        let took = watch.took();
        #[cfg(feature = "metrics")]
        if let Some(meters) = self.meters() {
            meters.sync(error.is_none()).record(took);
        }
        #[cfg(feature = "tracing")]
        if let Some(error) = error {
            let (cache, nanoseconds) = (self.name(), nanoseconds(took));
            let error: &dyn Error = error;
            tracing::warn!(target: "cache_tiered", cache, nanoseconds, error, "sync of the journal failed");
        }
    }

    /// What the journal held was taken up.
    pub(crate) fn recovered(&self, dirty: u64, dead: u64, losses: u64, watch: Watch) {
        let took = watch.took();
        #[cfg(feature = "metrics")]
        if let Some(meters) = self.meters() {
            meters.recovery.record(took);
        }
        #[cfg(feature = "tracing")]
        {
            let (cache, nanoseconds) = (self.name(), nanoseconds(took));
            if losses == 0 {
                tracing::info!(target: "cache_tiered", cache, dirty, dead, nanoseconds, "journal opened");
            } else {
                tracing::warn!(target: "cache_tiered", cache, dirty, dead, losses, nanoseconds, "journal opened, a part of it is lost");
            }
        }
        #[cfg(not(feature = "tracing"))]
        let _unheard = (dirty, dead, losses);
    }
}

/// Nobody hears.
#[cfg(not(any(feature = "metrics", feature = "tracing")))]
#[expect(clippy::unused_self, reason = "somebody does with the features")]
impl Observer {
    #[inline(always)]
    pub(crate) const fn load_ended(&self, end: &LoadEnd<'_>) {
        let _unheard = (end.tier, end.found, end.background, end.nanoseconds);
    }

    #[inline(always)]
    pub(crate) const fn write_ended(&self, end: &WriteEnd<'_>) {
        let _unheard = (end.verb, end.outcome, end.error, end.watch);
    }

    #[inline(always)]
    pub(crate) const fn batch_ended(&self, _: usize, _: Option<&(dyn Error + 'static)>, _: Watch) {}

    #[inline(always)]
    pub(crate) const fn wait_ended(&self, _: Watch) {}

    #[inline(always)]
    pub(crate) const fn flush_ended(&self, _: Option<&(dyn Error + 'static)>, _: Watch) {}

    #[inline(always)]
    pub(crate) const fn group_written(&self, _: usize, _: usize) {}

    #[inline(always)]
    pub(crate) const fn sync_ended(&self, _: Option<&std::io::Error>, _: Watch) {}

    #[inline(always)]
    pub(crate) const fn recovered(&self, _: u64, _: u64, _: u64, _: Watch) {}
}
