//! What is done behind the callers' backs: batches written, regions reclaimed, fences given up.

use super::Disk;
use super::format::{EntryHeader, FooterRecord};
use super::index::Place;
use super::writer::{Appended, Batch, NewEntry};
use crate::device::write_full;
use std::io;
use std::sync::atomic::Ordering;

/// So many regions are kept free: one to go on with, and one for what is moved while the next is
/// being reclaimed.
const FREE_MIN: usize = 2;

impl Disk {
    /// Does one piece of work; false if there is none. One thread at a time does any.
    pub(super) fn work(&self) -> bool {
        let _one = self.working.lock();
        self.work_alone()
    }

    /// Nothing was called for a while: what waits to become more is written, and what could not be done is tried
    /// again.
    pub(super) fn rest(&self) {
        self.writer.end_batch();
        if !self.is_serving() {
            // Whoever needs it hears of the error.
            let _tried = self.give_up();
        }
    }

    /// Writes what waits, so that there is room for more.
    pub(crate) fn make_room(&self) {
        while (self.writer.has_waiting() || self.regions.free() < FREE_MIN) && self.work() {}
    }

    /// Writes all that was stored so far.
    pub(crate) fn flush(&self) {
        let _one = self.working.lock();
        self.flush_alone();
    }

    pub(super) fn flush_alone(&self) {
        self.writer.end_batch();
        while let Some(batch) = self.writer.next() {
            self.write(&batch);
            self.writer.written();
        }
    }

    fn work_alone(&self) -> bool {
        if self.closed.load(Ordering::Acquire) {
            return false;
        }
        if let Some(batch) = self.writer.next() {
            self.write(&batch);
            self.writer.written();
            return true;
        }
        if self.regions.free() < FREE_MIN
            && let Some((region, ordinal)) = self.regions.oldest()
        {
            if self.reclaim(region, ordinal).is_err() {
                self.counts.write_errors.add();
                return false;
            }
            return true;
        }
        self.tend_fences().unwrap_or_else(|_| {
            self.counts.write_errors.add();
            false
        })
    }

    /// Deletes a file of fences that is not needed.
    fn tend_fences(&self) -> io::Result<bool> {
        match self.fences.unneeded(self.regions.oldest_ordinal()) {
            Some(number) => self.fences.delete(&*self.device, number).map(|()| true),
            None => Ok(false),
        }
    }

    /// Writes a batch; if the device does not take it, its entries are dropped and counted.
    pub(super) fn write(&self, batch: &Batch) {
        match self.try_write(batch) {
            Ok(()) => {
                let footer = batch.footer.as_ref().map_or(0, |(_, footer)| footer.len());
                let bytes = batch.bytes.len() + footer;
                self.counts.written_bytes.add_many(bytes as u64);
                self.breaker.ended(true, self.time.now());
            }
            Err(_) => {
                self.breaker.ended(false, self.time.now());
                self.counts.write_errors.add();
                for record in &batch.records {
                    let place = record.place(batch.region);
                    let is_there = |now: Place| now.is_at(place);
                    if self.index.get(record.hash).is_some_and(is_there) {
                        self.counts.lost.add();
                        self.forget(record.hash, place, record.stamp + 1);
                    }
                }
            }
        }
        let end = match batch.footer {
            Some(_) => u64::MAX,
            None => batch.end(),
        };
        self.regions.set_written(batch.region, end);
    }

    fn try_write(&self, batch: &Batch) -> io::Result<()> {
        let position = self.layout.position(batch.region, batch.start);
        write_full(&*self.file, position, &batch.bytes)?;
        if let Some((at, footer)) = &batch.footer {
            let position = self.layout.position(batch.region, *at);
            write_full(&*self.file, position, footer)?;
        }
        Ok(())
    }

    /// Frees the oldest region: what was hit since it was written moves, the rest goes.
    fn reclaim(&self, region: u32, ordinal: u64) -> io::Result<()> {
        let records = self.records(region, ordinal);
        // Nothing of it comes back after a restart, whatever becomes of its keys from now on: once
        // they are not in the index, nobody writes fences for them.
        self.void(region)?;
        // At most half of a region moves, so that reclaiming always gains room.
        let mut budget = self.layout.region_bytes / 2;
        for record in records {
            let place = record.place(region);
            let Some(now) = self.index.get(record.hash) else {
                continue;
            };
            if !now.is_at(place) {
                continue;
            }
            let wanted = now.hits() > 0 && place.bytes() <= budget;
            if wanted && self.relocate(&record, place, ordinal) {
                budget -= place.bytes();
                self.counts.reinserted.add();
                self.counts.reinserted_bytes.add_many(place.bytes());
            } else if self.index.remove_at(record.hash, place) {
                self.counts.reclaimed.add();
            }
        }
        self.regions.release(region);
        Ok(())
    }

    /// Makes the header of a region nothing.
    pub(super) fn void(&self, region: u32) -> io::Result<()> {
        self.layout.void(&*self.file, region)?;
        if self.durable {
            self.file.sync_data()?;
        }
        Ok(())
    }

    /// Moves an entry to the open region; false if that can not be.
    fn relocate(&self, record: &FooterRecord, from: Place, ordinal: u64) -> bool {
        let Some(bytes) = self.bytes_of(from) else {
            return false;
        };
        let seed = self.layout.seed(from.region(), ordinal);
        let Some(header) = EntryHeader::parse(&bytes, &seed, from.offset()) else {
            return false;
        };
        let Some(parts) = header.parts(&bytes) else {
            return false;
        };
        if self.is_over(header.expiry) || self.is_covered(header.stamp, parts.tags) {
            return false;
        }
        let entry = NewEntry {
            hash: record.hash,
            parts,
            method: header.method(),
            stamp: header.stamp,
            expiry: header.expiry,
        };
        let relocated = |to| self.index.relocate(record.hash, from, to);
        let appended = self
            .writer
            .append(&self.layout, &self.regions, &entry, relocated);
        if appended == Appended::Done {
            self.after_append(record.hash, header.stamp, parts.tags);
        }
        appended == Appended::Done
    }
}
