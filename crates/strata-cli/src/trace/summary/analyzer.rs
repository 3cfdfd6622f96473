//! Takes requests one by one and sums them up.

use std::collections::{BTreeMap, HashMap};

use foldhash::fast::RandomState;
use hdrhistogram::Histogram;

use super::{
    LruPoint, NextAccess, OneHitWonders, ReuseDistances, SizeChanges, Sizes, StackDistances,
    Summary, Times, TooManyObjects, ZipfFit,
};
use crate::trace::{Columns, Request};

/// The shares of the footprint that LRU's misses are told at, in thousandths.
const LRU_SHARES: [u64; 7] = [1, 10, 50, 100, 250, 500, 1000];

/// Takes requests and gives a [`Summary`] of them.
///
/// ```
/// use strata_cli::trace::summary::Analyzer;
/// use strata_cli::trace::{Columns, Request};
///
/// let mut analyzer = Analyzer::new(Columns::default());
/// for key in [1, 2, 3, 2] {
///     analyzer.push(&Request { time: 0, key, size: 1, next: None })?;
/// }
/// let summary = analyzer.finish();
/// assert_eq!((summary.requests, summary.objects), (4, 3));
/// assert_eq!(summary.reuse_distance.map(|distance| distance.max), Some(1));
/// # Ok::<(), strata_cli::trace::summary::TooManyObjects>(())
/// ```
#[derive(Debug)]
pub struct Analyzer {
    columns: Columns,
    objects: HashMap<u64, Object, RandomState>,
    stack: StackDistances,
    /// How many requests had each distance.
    distances: Vec<u64>,
    requests: u64,
    sizes: Histogram<u64>,
    /// The smallest and the largest size.
    size_range: (u32, u32),
    bytes_requested: u64,
    bytes_footprint: u64,
    size_changes: SizeChanges,
    time: Option<Times>,
    time_before: u32,
    key_before: Option<u64>,
    sequential: u64,
    promises: Promises,
}

/// What is known of an object.
#[derive(Debug)]
struct Object {
    requests: u64,
    /// The position its latest request promises for the next; 0 for none.
    promised: u64,
    /// Of its latest request.
    slot: u32,
    size: u32,
    changed_size: bool,
}

/// Next positions: those given, and those that were not true.
#[derive(Clone, Copy, Debug, Default)]
struct Promises {
    made: u64,
    broken: u64,
}

impl Analyzer {
    /// Nothing yet. What `columns` says is not held is left out of the summary.
    #[must_use]
    pub fn new(columns: Columns) -> Self {
        Self {
            columns,
            objects: HashMap::default(),
            stack: StackDistances::new(),
            distances: Vec::new(),
            requests: 0,
            // 180 KiB, whatever the trace.
            sizes: Histogram::new_with_max(u32::MAX.into(), 3).expect("three digits can be had"),
            size_range: (u32::MAX, 0),
            bytes_requested: 0,
            bytes_footprint: 0,
            size_changes: SizeChanges {
                requests: 0,
                objects: 0,
            },
            time: None,
            time_before: 0,
            key_before: None,
            sequential: 0,
            promises: Promises::default(),
        }
    }

    /// Takes a request, in O(log n) of the objects.
    ///
    /// # Errors
    ///
    /// [`TooManyObjects`] at the request for another object when there are 2^30; it does not count then.
    pub fn push(&mut self, request: &Request) -> Result<(), TooManyObjects> {
        if self.stack.is_full() {
            let slots = self.objects.values_mut().map(|object| &mut object.slot);
            self.stack.compact(slots);
        }
        if self.stack.is_at_limit() && !self.objects.contains_key(&request.key) {
            return Err(TooManyObjects);
        }
        self.requests += 1;
        let sequential = self.key_before.and_then(|key| key.checked_add(1)) == Some(request.key);
        self.sequential += u64::from(sequential);
        self.key_before = Some(request.key);
        if self.columns.time {
            self.count_time(request.time);
        }
        if self.columns.size {
            self.bytes_requested = self.bytes_requested.saturating_add(request.size.into());
            self.sizes.saturating_record(request.size.into());
            let (min, max) = self.size_range;
            self.size_range = (min.min(request.size), max.max(request.size));
        }
        self.count_object(request);
        Ok(())
    }

    fn count_time(&mut self, time: u32) {
        let times = self.time.get_or_insert(Times {
            first: time,
            last: time,
            span: 0,
            backwards: 0,
        });
        times.first = times.first.min(time);
        times.last = times.last.max(time);
        times.span = times.last - times.first;
        times.backwards += u64::from(time < self.time_before);
        self.time_before = time;
    }

    fn count_object(&mut self, request: &Request) {
        let promised = request.next.unwrap_or(0);
        self.promises.made += u64::from(promised != 0);
        let Some(object) = self.objects.get_mut(&request.key) else {
            self.bytes_footprint = self.bytes_footprint.saturating_add(request.size.into());
            let object = Object {
                requests: 1,
                promised,
                slot: self.stack.push(),
                size: request.size,
                changed_size: false,
            };
            self.objects.insert(request.key, object);
            return;
        };
        let (distance, slot) = self.stack.touch(object.slot);
        let distance = distance as usize;
        if distance >= self.distances.len() {
            self.distances.resize(distance + 1, 0);
        }
        self.distances[distance] += 1;
        self.promises.broken += u64::from(object.promised != self.requests);
        if object.size != request.size {
            self.size_changes.requests += 1;
            self.size_changes.objects += u64::from(!object.changed_size);
            object.changed_size = true;
        }
        object.requests += 1;
        (object.promised, object.slot, object.size) = (promised, slot, request.size);
    }

    /// The summary of all requests taken.
    #[must_use]
    pub fn finish(self) -> Summary {
        let objects = self.objects.len() as u64;
        let mut popularities = BTreeMap::new();
        for object in self.objects.values() {
            *popularities.entry(object.requests).or_insert(0) += 1;
        }
        let once = popularities.get(&1).copied().unwrap_or(0);
        let held = self.columns.size;
        Summary {
            requests: self.requests,
            objects,
            bytes_requested: held.then_some(self.bytes_requested),
            bytes_footprint: held.then_some(self.bytes_footprint),
            time: self.time,
            sizes: self.sizes(),
            one_hit_wonders: OneHitWonders {
                objects: once,
                share_of_objects: share(once, objects),
                share_of_requests: share(once, self.requests),
            },
            zipf: ZipfFit::of(&popularities),
            reuse_distance: reuse_distances(&self.distances),
            lru: lru(&self.distances, objects, self.requests),
            sequential_share: share(self.sequential, self.requests),
            size_changes: held.then_some(self.size_changes),
            next_access: self.next_access(),
        }
    }

    fn sizes(&self) -> Option<Sizes> {
        if !self.columns.size || self.requests == 0 {
            return None;
        }
        let (min, max) = self.size_range;
        // The least size of the bucket: most sizes are multiples of powers of two, as buckets are.
        let at = |quantile: f64| {
            let size = self.sizes.value_at_quantile(quantile);
            let size = self.sizes.lowest_equivalent(size);
            u32::try_from(size).unwrap_or(u32::MAX).clamp(min, max)
        };
        Some(Sizes {
            min,
            median: at(0.5),
            p99: at(0.99),
            max,
            mean: self.bytes_requested as f64 / self.requests as f64,
        })
    }

    fn next_access(&self) -> NextAccess {
        if self.promises.made == 0 {
            return NextAccess::Absent;
        }
        // What the last request of an object promises never comes; past the end nobody knows, as the trace may be cut.
        let within = 1..=self.requests;
        let objects = self.objects.values();
        let never = objects.filter(|object| within.contains(&object.promised));
        match self.promises.broken + never.count() as u64 {
            0 => NextAccess::Right,
            positions => NextAccess::Wrong { positions },
        }
    }
}

fn share(part: u64, whole: u64) -> f64 {
    if whole == 0 {
        return 0.0;
    }
    part as f64 / whole as f64
}

fn reuse_distances(distances: &[u64]) -> Option<ReuseDistances> {
    let requests: u64 = distances.iter().sum();
    if requests == 0 {
        return None;
    }
    // The nearest rank: the least distance that at least this share of the requests do not exceed.
    let at = |percent: u64| {
        let rank = (u128::from(requests) * u128::from(percent)).div_ceil(100) as u64;
        let mut seen = 0;
        let found = distances.iter().position(|count| {
            seen += count;
            seen >= rank
        });
        found.map_or(0, |distance| distance as u64)
    };
    let sum: f64 = (0_u64..)
        .zip(distances)
        .map(|(distance, &count)| distance as f64 * count as f64)
        .sum();
    Some(ReuseDistances {
        requests,
        p10: at(10),
        p25: at(25),
        median: at(50),
        p75: at(75),
        p90: at(90),
        p99: at(99),
        max: distances.len() as u64 - 1,
        mean: sum / requests as f64,
    })
}

/// LRU's misses at some shares of the footprint, each size once.
fn lru(distances: &[u64], objects: u64, requests: u64) -> Vec<LruPoint> {
    let mut points: Vec<LruPoint> = Vec::new();
    for thousandths in LRU_SHARES {
        let size = (u128::from(objects) * u128::from(thousandths) / 1000) as u64;
        let size = size.max(1);
        if requests == 0 || points.last().is_some_and(|before| before.objects == size) {
            continue;
        }
        let hits: u64 = distances.iter().take(size as usize).sum();
        let misses = requests - hits;
        points.push(LruPoint {
            share: thousandths as f64 / 1000.0,
            objects: size,
            misses,
            miss_ratio: misses as f64 / requests as f64,
        });
    }
    points
}

#[cfg(test)]
mod tests;
