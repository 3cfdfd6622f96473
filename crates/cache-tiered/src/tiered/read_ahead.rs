//! The settings of reading ahead.

use super::sequential::{Place, Sequential};
use cache_policies::RunsConfig;
use std::fmt;
use std::sync::Arc;

pub(super) type PlaceOf<K> = Arc<dyn Fn(&K) -> Option<Place> + Send + Sync>;
pub(super) type KeyAt<K> = Arc<dyn Fn(&K, u64) -> Option<K> + Send + Sync>;

/// Reading ahead: who asks for keys in sequence finds the next ones in memory. For
/// [`TieredBuilder::read_ahead`](crate::TieredBuilder::read_ahead).
///
/// The cache watches which keys [`get`](crate::Tiered::get) and [`get_many`](crate::Tiered::get_many) miss. Where some
/// of them make a run, up or down by a fixed stride, it lets the next keys of the run be
/// [prefetched](crate::Tiered::prefetch), and watches the hits on those to go on: several keys with one question to the
/// store, in the background, past nothing that is there, dirty or under way. Several runs may go on at once, interleaved
/// with whatever else is asked for.
///
/// The window is small at first and grows fourfold, then twofold, with each that was used; the next one is
/// asked for when half of the last is left, as the kernel of Linux does. A key that left memory without having been asked
/// for, or that the store does not have, makes the windows of its run smaller, down to the least; one that was asked for
/// before it had come makes the next window come earlier. [`Runs`](cache_policies::Runs) says how runs are found.
///
/// # Costs
///
/// A hit on what was not prefetched costs nothing more. A miss, or the first hit on a prefetched value, is one step under a
/// lock that all readers share, O([`streams`](Self::streams)); who finds another one there goes on without: runs bear that.
/// What leaves memory is copied, as for a [listener](crate::MemoryTier::listener).
///
/// ```
/// use cache_tiered::{InMemory, MemoryTier, ReadAhead, Tiered};
///
/// let cache: Tiered<(String, u32), Vec<u8>> = Tiered::builder()
///     .memory(MemoryTier::entries(10_000))
///     .store(InMemory::new())
///     .read_ahead(ReadAhead::sequential().window(4, 256))
///     .build()?;
/// # Ok::<(), Box<dyn std::error::Error>>(())
/// ```
#[must_use = "settings do nothing until they are given to `Tiered::builder().read_ahead(..)`"]
pub struct ReadAhead<K> {
    pub(super) place: PlaceOf<K>,
    pub(super) at: KeyAt<K>,
    pub(super) runs: RunsConfig,
}

impl<K: Sequential + 'static> ReadAhead<K> {
    /// For keys that lie in sequences: integers, pairs of anything and an integer, and whatever else is
    /// [`Sequential`].
    pub fn sequential() -> Self {
        Self::by(K::place, K::at)
    }
}

impl<K> ReadAhead<K> {
    /// For any keys: `place` says where a key is, none if it is in no sequence, and `at` which key is at another position of
    /// the sequence of a key. They are called by whoever reads; should one panic, so does the read.
    ///
    /// ```
    /// use cache_tiered::{Place, ReadAhead};
    ///
    /// let number = |key: &String| key.strip_prefix("row ")?.parse().ok();
    /// let place = move |key: &String| Some(Place { sequence: 0, position: number(key)? });
    /// let _rows = ReadAhead::by(place, |_, position| Some(format!("row {position}")));
    /// ```
    pub fn by(
        place: impl Fn(&K) -> Option<Place> + Send + Sync + 'static,
        at: impl Fn(&K, u64) -> Option<K> + Send + Sync + 'static,
    ) -> Self {
        Self {
            place: Arc::new(place),
            at: Arc::new(at),
            runs: RunsConfig::default(),
        }
    }

    /// Keys that are prefetched at once when a run begins, at least 1, 4 by default; and at most, 128 by default. The memory
    /// tier should have room for several times as many for each run that is read at once; of S3-FIFO, its default policy, a
    /// tenth is for what nobody has asked for yet.
    pub fn window(mut self, min: u32, max: u32) -> Self {
        self.runs = self.runs.with_window(min, max);
        self
    }

    /// Runs that are followed at once: at least 1, 32 by default.
    pub fn streams(mut self, streams: usize) -> Self {
        self.runs = self.runs.with_streams(streams);
        self
    }

    /// Misses in a row, equally far apart, that make a run: at least 2, 3 by default.
    pub fn confirm(mut self, misses: u8) -> Self {
        self.runs = self.runs.with_confirm(misses);
        self
    }

    /// The greatest distance from one key of a run to the next, either way: at least 1, 16 by default.
    pub fn stride_max(mut self, distance: u32) -> Self {
        self.runs = self.runs.with_stride_max(distance);
        self
    }
}

impl<K> fmt::Debug for ReadAhead<K> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("ReadAhead")
            .field("runs", &self.runs)
            .finish_non_exhaustive()
    }
}
