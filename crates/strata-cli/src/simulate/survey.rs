//! A first reading of a trace: how much there is of it, and when each object is asked for next.

use crate::progress::Progress;
use crate::trace::Reader;

use super::access::{Access, Weighing};
use super::error::SimulationError;
use super::feed::{BLOCK_LEN, Feed, Future, Totals};
use super::sample::Sample;

/// What a first reading found.
///
/// ```
/// use std::io::Write;
/// use strata_cli::progress::Progress;
/// use strata_cli::simulate::{Survey, Weighing};
/// use strata_cli::trace;
///
/// let mut file = tempfile::Builder::new().suffix(".lirs").tempfile()?;
/// writeln!(file, "7\n8\n7")?;
/// let reader = trace::open(file.path())?;
/// let survey = Survey::of(reader, None, false, &Progress::bytes("surveying", None))?;
/// assert_eq!(survey.totals().requests, 3);
/// assert_eq!(survey.footprint(Weighing::Objects), 2);
/// # Ok::<(), Box<dyn std::error::Error>>(())
/// ```
#[derive(Clone, Debug)]
pub struct Survey {
    totals: Totals,
    sample: Option<Sample>,
    /// For each request of the sample, in how many of its requests its object comes again; `u32::MAX` for never.
    distances: Option<Vec<u32>>,
}

impl Survey {
    /// Reads a trace to its end. With `future`, it finds out when each object is asked for next, as policies that know the future
    /// must be told: in requests of the sample where there is one.
    ///
    /// Memory: 20 to 40 bytes for each distinct object, and with `future` 8 more, and 4 for each request. Distances of 2^32 - 2
    /// requests and more are all the same.
    ///
    /// # Errors
    ///
    /// Where the trace cannot be read.
    pub fn of(
        reader: Reader,
        sample: Option<Sample>,
        future: bool,
        progress: &Progress,
    ) -> Result<Self, SimulationError> {
        let feed = Feed::new(reader, sample, true, Future::Untold, progress);
        Self::read(feed, sample, future.then(Distances::default))
    }

    /// Reads a whole trace to its end, and holds what it says of the future against what comes.
    ///
    /// Memory: 28 to 48 bytes for each distinct object.
    ///
    /// # Errors
    ///
    /// Where the trace cannot be read, and [`SimulationError::Future`] at the first request that came otherwise than it was said.
    pub fn checked(reader: Reader, progress: &Progress) -> Result<Self, SimulationError> {
        let promises = Future::Promised(Vec::new());
        Self::read(
            Feed::new(reader, None, true, promises, progress),
            None,
            None,
        )
    }

    fn read(
        mut feed: Feed<'_>,
        sample: Option<Sample>,
        mut distances: Option<Distances>,
    ) -> Result<Self, SimulationError> {
        let mut block = Vec::with_capacity(BLOCK_LEN);
        loop {
            feed.fill(BLOCK_LEN, &mut block)?;
            if block.is_empty() {
                break;
            }
            if let Some(distances) = &mut distances {
                distances.extend(&block);
            }
        }
        Ok(Self {
            totals: feed.totals(),
            sample,
            distances: distances.map(|distances| distances.of_requests),
        })
    }

    /// What was counted.
    #[must_use]
    pub fn totals(&self) -> Totals {
        self.totals
    }

    /// What all objects of the trace weigh; with a sample, an estimate.
    #[must_use]
    pub fn footprint(&self, weighing: Weighing) -> u64 {
        let sampled = match weighing {
            Weighing::Objects => self.totals.objects,
            Weighing::Bytes => self.totals.object_bytes,
        };
        match self.sample {
            Some(sample) => sample.whole(sampled, u64::MAX),
            None => sampled,
        }
    }

    /// The distances, if they were asked for.
    pub(super) fn distances(&self) -> Option<&[u32]> {
        self.distances.as_deref()
    }
}

/// The distances of the requests so far, those that are known.
#[derive(Default)]
struct Distances {
    of_requests: Vec<u32>,
    /// The last request of each object, as an index of `of_requests`.
    last: Vec<usize>,
}

impl Distances {
    fn extend(&mut self, block: &[Access]) {
        for access in block {
            let (index, object) = (self.of_requests.len(), access.object as usize);
            self.of_requests.push(u32::MAX);
            if object == self.last.len() {
                self.last.push(index);
                continue;
            }
            let before = std::mem::replace(&mut self.last[object], index);
            let distance = u32::try_from(index - before).unwrap_or(u32::MAX);
            self.of_requests[before] = distance.min(u32::MAX - 1);
        }
    }
}
