//! What a trace is like: footprint, sizes, popularity, reuse, order.
//!
//! [`Analyzer`] takes the requests one by one and gives a [`Summary`]. It counts exactly, but for the percentiles of sizes,
//! which are right to three digits. Memory grows with the distinct objects (100 to 150 bytes each), not with the requests.

mod analyzer;
mod stack;
mod zipf;

use serde::Serialize;

pub use analyzer::Analyzer;
pub use stack::{StackDistances, TooManyObjects};
pub use zipf::ZipfFit;

/// What a trace is like.
#[derive(Clone, Debug, PartialEq, Serialize)]
#[non_exhaustive]
pub struct Summary {
    /// All requests.
    pub requests: u64,
    /// The distinct objects asked for: the footprint.
    pub objects: u64,
    /// The sizes of all requests together; `None` if the trace holds no sizes.
    pub bytes_requested: Option<u64>,
    /// The sizes of all objects together, each as at its first request.
    pub bytes_footprint: Option<u64>,
    /// When the requests came; `None` if the trace holds no times.
    pub time: Option<Times>,
    /// The sizes that requests ask for; `None` if the trace holds no sizes.
    pub sizes: Option<Sizes>,
    /// Objects asked for once.
    pub one_hit_wonders: OneHitWonders,
    /// The Zipf distribution that fits best; `None` for a trace of fewer than 10 objects.
    pub zipf: Option<ZipfFit>,
    /// How far requests for an object lie apart; `None` if no object is asked for twice.
    pub reuse_distance: Option<ReuseDistances>,
    /// What LRU misses, at shares of the footprint.
    pub lru: Vec<LruPoint>,
    /// The share of requests for the key that follows the one before, 0 to 1.
    pub sequential_share: f64,
    /// Objects whose size is not always the same; `None` if the trace holds no sizes.
    pub size_changes: Option<SizeChanges>,
    /// Whether the trace says when each object is wanted next, and whether that is true.
    pub next_access: NextAccess,
}

/// When requests came, in seconds as the trace counts them.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize)]
#[non_exhaustive]
pub struct Times {
    /// The earliest.
    pub first: u32,
    /// The latest.
    pub last: u32,
    /// From the earliest to the latest.
    pub span: u32,
    /// Requests that are earlier than the one before.
    pub backwards: u64,
}

/// The sizes of requests, in bytes.
#[derive(Clone, Copy, Debug, PartialEq, Serialize)]
#[non_exhaustive]
pub struct Sizes {
    /// The smallest.
    pub min: u32,
    /// Half of the requests ask for at most this; rounded down within three digits.
    pub median: u32,
    /// 99 % of the requests ask for at most this; rounded down within three digits.
    pub p99: u32,
    /// The largest.
    pub max: u32,
    /// The mean.
    pub mean: f64,
}

/// Objects that are asked for once, which no cache can profit from.
#[derive(Clone, Copy, Debug, PartialEq, Serialize)]
#[non_exhaustive]
pub struct OneHitWonders {
    /// How many there are.
    pub objects: u64,
    /// Their share of the objects, 0 to 1.
    pub share_of_objects: f64,
    /// Their share of the requests, 0 to 1.
    pub share_of_requests: f64,
}

/// Reuse distances, also called stack distances (Mattson et al., 1970): the distinct other objects asked for between two
/// requests of the same object. LRU of `c` objects hits exactly where the distance is below `c`.
#[derive(Clone, Copy, Debug, PartialEq, Serialize)]
#[non_exhaustive]
pub struct ReuseDistances {
    /// The requests that have one: all but the first of each object.
    pub requests: u64,
    /// A tenth of them have at most this distance.
    pub p10: u64,
    /// A quarter.
    pub p25: u64,
    /// Half.
    pub median: u64,
    /// Three quarters.
    pub p75: u64,
    /// Nine tenths.
    pub p90: u64,
    /// 99 %.
    pub p99: u64,
    /// The largest.
    pub max: u64,
    /// The mean.
    pub mean: f64,
}

/// What LRU misses at one size, every object counting 1.
#[derive(Clone, Copy, Debug, PartialEq, Serialize)]
#[non_exhaustive]
pub struct LruPoint {
    /// The size as a share of the footprint, 0 to 1.
    pub share: f64,
    /// The size in objects: the share rounded down, at least 1.
    pub objects: u64,
    /// The requests that miss.
    pub misses: u64,
    /// The share of the requests that miss.
    pub miss_ratio: f64,
}

/// How often objects change their size.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize)]
#[non_exhaustive]
pub struct SizeChanges {
    /// Requests for an object at another size than its request before.
    pub requests: u64,
    /// Objects that such requests are for.
    pub objects: u64,
}

/// Whether a trace says when each object is wanted next.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize)]
#[serde(rename_all = "snake_case", tag = "column")]
#[non_exhaustive]
pub enum NextAccess {
    /// It does not, or the column is empty throughout.
    Absent,
    /// It does, and every position is true, as far as the trace goes: those past its end, as at the beginning of a longer
    /// trace, are believed.
    Right,
    /// It does, and lies: oracle policies would be misled.
    Wrong {
        /// Positions that are not those of the object's next request.
        positions: u64,
    },
}
