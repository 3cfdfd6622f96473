//! A trace on its way to the simulators: read, thinned to a sample, its objects numbered, its future known.

use crate::progress::Progress;
use crate::trace::{Reader, Request, TraceError};

use super::access::{Access, mix};
use super::catalogue::Catalogue;
use super::error::SimulationError;
use super::sample::Sample;

/// The requests that are read at a time.
pub(super) const BLOCK_LEN: usize = 2048;

/// What a reading of a trace counted, whatever was simulated.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
#[non_exhaustive]
pub struct Totals {
    /// Requests.
    pub requests: u64,
    /// The bytes that they asked for.
    pub bytes: u64,
    /// Whether any object's size is not 1: else the trace knows no sizes.
    pub has_sizes: bool,
    /// Requests of the sample, all of them where there is none.
    pub sampled: u64,
    /// Distinct objects of the sample; 0 where they were not counted.
    pub objects: u64,
    /// The bytes of these objects, each as at its first request; 0 where they were not counted.
    pub object_bytes: u64,
}

/// What is told of the future.
pub(super) enum Future<'a> {
    /// Nothing: nobody asks.
    Untold,
    /// What the trace says, each promise held against what comes: the position that each object was promised for, 0 for never.
    Promised(Vec<u64>),
    /// What an earlier reading found, as [`Survey`](super::Survey) keeps it.
    Known(&'a [u32]),
}

/// A trace as accesses, block by block.
pub(super) struct Feed<'a> {
    reader: Reader,
    sample: Option<Sample>,
    future: Future<'a>,
    progress: &'a Progress,
    /// None where nobody wants to know the objects' numbers.
    catalogue: Option<Catalogue>,
    requests: Vec<Request>,
    totals: Totals,
}

impl<'a> Feed<'a> {
    pub(super) fn new(
        reader: Reader,
        sample: Option<Sample>,
        numbers: bool,
        future: Future<'a>,
        progress: &'a Progress,
    ) -> Self {
        Self {
            reader,
            sample,
            future,
            progress,
            catalogue: numbers.then(Catalogue::new),
            requests: Vec::with_capacity(BLOCK_LEN),
            totals: Totals::default(),
        }
    }

    /// What was counted so far.
    pub(super) fn totals(&self) -> Totals {
        self.totals
    }

    /// Fills the block with the accesses that come next, about `len`; without any, the trace is at its end.
    pub(super) fn fill(
        &mut self,
        len: usize,
        block: &mut Vec<Access>,
    ) -> Result<(), SimulationError> {
        block.clear();
        while block.len() < len {
            self.requests.clear();
            let before = block.len();
            if self.reader.read_block(BLOCK_LEN, &mut self.requests)? == 0 {
                break;
            }
            self.number(block);
            self.foretell(&mut block[before..])?;
        }
        self.progress.at(self.reader.bytes_read());
        Ok(())
    }

    /// Appends the requests that were read to the block, as far as they are of the sample.
    fn number(&mut self, block: &mut Vec<Access>) {
        let totals = &mut self.totals;
        totals.requests += self.requests.len() as u64;
        for request in &self.requests {
            totals.bytes += u64::from(request.size);
            totals.has_sizes |= request.size != 1;
        }
        let Some(catalogue) = &mut self.catalogue else {
            let access = |request| Access::new(request, 0, mix(request.key), 0);
            block.extend(self.requests.iter().map(access));
            totals.sampled = totals.requests;
            return;
        };
        for request in &self.requests {
            if let Some(sample) = self.sample
                && !sample.holds(request.key)
            {
                continue;
            }
            let access = catalogue.access(request);
            if u64::from(access.object) == totals.objects {
                totals.objects += 1;
                totals.object_bytes += u64::from(access.size);
            }
            block.push(access);
        }
        totals.sampled = catalogue.requests();
    }

    /// Sees to it that the distances of these accesses, the last that were numbered, are right, if anybody asks for them.
    fn foretell(&mut self, block: &mut [Access]) -> Result<(), SimulationError> {
        let first = self.totals.sampled - block.len() as u64;
        match &mut self.future {
            Future::Untold => {}
            Future::Known(distances) => {
                let known = distances.get(first as usize..).unwrap_or_default();
                if known.len() < block.len() {
                    return Err(SimulationError::Changed);
                }
                for (access, &distance) in block.iter_mut().zip(known) {
                    access.distance = if distance == u32::MAX {
                        Access::NEVER
                    } else {
                        u64::from(distance)
                    };
                }
            }
            Future::Promised(promises) => {
                for (position, access) in (first + 1..).zip(block) {
                    keep(promises, position, access)?;
                }
            }
        }
        Ok(())
    }
}

/// Holds the access against what was promised of its object, and writes down what it promises.
fn keep(promises: &mut Vec<u64>, position: u64, access: &Access) -> Result<(), SimulationError> {
    let object = access.object as usize;
    let next = match access.distance {
        Access::NEVER => 0,
        distance => position.saturating_add(distance),
    };
    let is_new = object == promises.len();
    let is_kept = is_new || promises[object] == position;
    if !is_kept || (next != 0 && next <= position) {
        return Err(SimulationError::Future { position });
    }
    if is_new {
        promises.push(next);
    } else {
        promises[object] = next;
    }
    Ok(())
}

impl From<TraceError> for SimulationError {
    fn from(error: TraceError) -> Self {
        Self::Trace(error)
    }
}
