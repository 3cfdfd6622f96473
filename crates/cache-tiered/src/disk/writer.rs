//! The writer: entries are packed into batches, readable at once and written by and by.

use super::format::{Footer, FooterRecord, Parts, REGION_HEADER};
use super::index::Place;
use super::layout::{Layout, next_batch};
use super::regions::Regions;
use crate::checksum::Seed;
use crate::compress::Method;
use parking_lot::Mutex;
use std::collections::VecDeque;
use std::sync::Arc;
use std::sync::atomic::{AtomicUsize, Ordering};

/// An entry that is to be written.
#[derive(Clone, Copy, Debug)]
pub(super) struct NewEntry<'a> {
    pub(super) hash: u64,
    pub(super) parts: Parts<'a>,
    pub(super) method: Method,
    pub(super) stamp: u64,
    pub(super) expiry: u64,
}

/// What became of an entry.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Appended {
    /// It is in the batch, and where the index says.
    Done,
    /// It is there already.
    Clean,
    /// Its key changed on the way.
    Overtaken,
    /// No entry can be so large.
    TooLarge,
    /// All buffers are full, or no region is free.
    NoRoom,
}

/// Bytes that are on their way to the file.
#[derive(Debug)]
pub(super) struct Batch {
    pub(super) region: u32,
    pub(super) ordinal: u64,
    /// Where in the region it begins.
    pub(super) start: u64,
    pub(super) bytes: Vec<u8>,
    /// Its entries.
    pub(super) records: Vec<FooterRecord>,
    /// Where in the region the footer begins, and the footer, if this is the region's last batch.
    pub(super) footer: Option<(u64, Vec<u8>)>,
}

impl Batch {
    /// The bytes of an entry, if they are in it.
    fn entry(&self, place: Place, ordinal: u64) -> Option<&[u8]> {
        if (self.region, self.ordinal) != (place.region(), ordinal) {
            return None;
        }
        let from = place.offset().checked_sub(self.start)? as usize;
        self.bytes.get(from..from + place.bytes() as usize)
    }

    /// Where in the region it ends.
    pub(super) fn end(&self) -> u64 {
        self.start + self.bytes.len() as u64
    }
}

/// The region that is being filled.
struct Open {
    seed: Seed,
    /// Of the whole region.
    footer: Footer,
    batch: Batch,
}

impl Open {
    fn begin(layout: &Layout, regions: &Regions) -> Option<Self> {
        let (region, ordinal) = regions.open()?;
        let header = layout.header(region, ordinal);
        Some(Self {
            seed: header.seed(),
            footer: Footer::default(),
            batch: Batch {
                region,
                ordinal,
                start: 0,
                bytes: header.encode().to_vec(),
                records: Vec::new(),
                footer: None,
            },
        })
    }

    /// Whether an entry of so many bytes fits, and behind it a footer.
    fn has_room(&self, layout: &Layout, bytes: u64) -> bool {
        let footer = Footer::bytes(self.footer.records.len() + 1);
        self.batch.end() + bytes + footer <= layout.region_bytes
    }

    /// Ends the batch; the next one begins at the next block.
    fn end_batch(&mut self) -> Batch {
        let start = next_batch(self.batch.end());
        let next = Batch {
            start,
            bytes: Vec::with_capacity(self.batch.bytes.capacity()),
            records: Vec::new(),
            footer: None,
            ..self.batch
        };
        std::mem::replace(&mut self.batch, next)
    }
}

struct State {
    open: Option<Open>,
    queue: VecDeque<Arc<Batch>>,
    queued_bytes: usize,
}

/// All that is not in the file yet.
pub(super) struct Writer {
    /// A batch is written once it has so many bytes.
    batch_bytes: usize,
    /// Bytes of batches that wait to be written, at most.
    buffer_bytes: usize,
    state: Mutex<State>,
    /// Batches that wait, as [`State`] has them. Relaxed: who calls the worker looks at it.
    waiting: AtomicUsize,
}

impl Writer {
    pub(super) const fn new(batch_bytes: usize, buffer_bytes: usize) -> Self {
        Self {
            batch_bytes,
            buffer_bytes,
            state: Mutex::new(State {
                open: None,
                queue: VecDeque::new(),
                queued_bytes: 0,
            }),
            waiting: AtomicUsize::new(0),
        }
    }

    /// Appends an entry if it has room and `permitted` agrees to its place, by which it enters the
    /// index: both, and the copying, are one step to readers. O(entry).
    pub(super) fn append(
        &self,
        layout: &Layout,
        regions: &Regions,
        entry: &NewEntry<'_>,
        permitted: impl FnOnce(Place) -> bool,
    ) -> Appended {
        let bytes = match entry.parts.entry_bytes() {
            Some(bytes) if bytes <= layout.entry_bytes_max() => bytes,
            _ => return Appended::TooLarge,
        };
        let state = &mut *self.state.lock();
        if state.queued_bytes + bytes as usize > self.buffer_bytes && !state.queue.is_empty() {
            return Appended::NoRoom;
        }
        if let Some(open) = &state.open
            && !open.has_room(layout, bytes)
        {
            state.seal(layout, regions);
        }
        if state.open.is_none() {
            state.open = Open::begin(layout, regions);
        }
        let Some(open) = &mut state.open else {
            return Appended::NoRoom;
        };
        let (region, offset) = (open.batch.region, open.batch.end());
        let place = Place::new(region, offset, bytes);
        if !permitted(place) {
            return Appended::Overtaken;
        }
        let from = open.batch.bytes.len();
        open.batch.bytes.resize(from + bytes as usize, 0);
        let out = &mut open.batch.bytes[from..];
        let (stamp, expiry) = (entry.stamp, entry.expiry);
        (entry.parts).encode(entry.method, stamp, expiry, &open.seed, offset, out);
        let record = FooterRecord {
            hash: entry.hash,
            stamp,
            offset: offset as u32,
            bytes: bytes as u32,
        };
        open.footer.records.push(record);
        open.batch.records.push(record);
        if open.batch.bytes.len() >= self.batch_bytes {
            state.queue_batch();
        }
        self.count(state);
        Appended::Done
    }

    /// The bytes of an entry that is not in the file yet.
    pub(super) fn read(&self, place: Place, ordinal: u64) -> Option<Vec<u8>> {
        let state = self.state.lock();
        if let Some(open) = &state.open
            && let Some(entry) = open.batch.entry(place, ordinal)
        {
            return Some(entry.to_vec());
        }
        let queued = |batch: &Arc<Batch>| batch.entry(place, ordinal).map(<[u8]>::to_vec);
        state.queue.iter().find_map(queued)
    }

    /// Whether a batch waits to be written, as far as can be told without the lock.
    pub(super) fn has_waiting(&self) -> bool {
        self.waiting.load(Ordering::Relaxed) != 0
    }

    /// The batch that is to be written next; it stays readable here until it
    /// [is written](Self::written).
    pub(super) fn next(&self) -> Option<Arc<Batch>> {
        self.state.lock().queue.front().cloned()
    }

    /// The batch at the head of the queue is in the file, or given up.
    pub(super) fn written(&self) {
        let mut state = self.state.lock();
        if let Some(batch) = state.queue.pop_front() {
            state.queued_bytes -= batch.bytes.len();
        }
        self.count(&state);
    }

    /// Queues what there is of a batch.
    pub(super) fn end_batch(&self) {
        let mut state = self.state.lock();
        state.queue_batch();
        self.count(&state);
    }

    fn count(&self, state: &State) {
        self.waiting.store(state.queue.len(), Ordering::Relaxed);
    }

    /// Queues what there is, with a footer.
    pub(super) fn seal(&self, layout: &Layout, regions: &Regions) {
        let mut state = self.state.lock();
        state.seal(layout, regions);
        self.count(&state);
    }
}

impl State {
    fn queue(&mut self, batch: Batch) {
        self.queued_bytes += batch.bytes.len();
        self.queue.push_back(Arc::new(batch));
    }

    fn queue_batch(&mut self) {
        if let Some(open) = &mut self.open
            && !open.batch.records.is_empty()
        {
            let batch = open.end_batch();
            self.queue(batch);
        }
    }

    fn seal(&mut self, layout: &Layout, regions: &Regions) {
        let Some(mut open) = self.open.take() else {
            return;
        };
        let mut footer = Vec::new();
        let at = open
            .footer
            .encode(layout.region_bytes, &open.seed, &mut footer);
        let region = open.batch.region;
        let mut batch = open.end_batch();
        batch.footer = Some((at, footer));
        self.queue(batch);
        regions.seal(region);
    }
}

const _: () = assert!(REGION_HEADER.is_multiple_of(8));
