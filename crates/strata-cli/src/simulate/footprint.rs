//! The footprint of a trace: how many distinct objects it asks for, and what they weigh.

use std::collections::HashSet;

use foldhash::fast::RandomState;

use crate::progress::Progress;
use crate::trace::{Reader, TraceError};

use super::access::{Access, BLOCK_LEN, Weighing};

/// The distinct objects of a trace.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub struct Footprint {
    /// How many there are.
    pub objects: u64,
    /// The sum of their weights, each as at its first request.
    pub weight: u64,
}

impl Footprint {
    /// Reads a trace to its end and counts. Memory grows with the distinct objects, not with the requests.
    ///
    /// # Errors
    ///
    /// [`TraceError`] where the trace cannot be read.
    pub fn of(
        mut reader: Reader,
        weighing: Weighing,
        progress: &Progress,
    ) -> Result<Self, TraceError> {
        let mut seen = HashSet::with_hasher(RandomState::default());
        let mut footprint = Self::default();
        let mut requests = Vec::with_capacity(BLOCK_LEN);
        while reader.read_block(BLOCK_LEN, &mut requests)? > 0 {
            for access in requests
                .drain(..)
                .map(|request| Access::new(&request, weighing))
            {
                if seen.insert(access.hash) {
                    footprint.objects += 1;
                    footprint.weight += u64::from(access.weight);
                }
            }
            progress.at(reader.bytes_read());
        }
        Ok(footprint)
    }
}
