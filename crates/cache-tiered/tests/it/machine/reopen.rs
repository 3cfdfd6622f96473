//! Giving a cache up, by a close, a drop or a kill, and the next one over what it left.

use super::call::{Call, Ended};
use super::guarantee::{self, Holds, Violation, must};
use super::history::History;
use super::rest::{Held, poll};
use super::run::{Machine, ms};
use super::step::{KEYS, Mode, Reopening, Settings};
use super::store::{Lie, Store};
use cache_tiered::{
    Blocking, BuildError, CloseReport, JournalErrorKind, ManualClock, MemoryTier, Retry, Tiered,
    WhenFull, Writes,
};
#[cfg(feature = "disk")]
use cache_tiered::{DiskErrorKind, DiskTier, Overflow};
use std::fs;
use std::path::{Path, PathBuf};

/// Bytes of a segment: the least that there may be, so that files are given up and used again.
const SEGMENT: u64 = 16 << 10;
/// Writes that have just begun when the process is killed.
const CAUGHT: u64 = 2;
/// Threads, so that each call that is held can have one.
const THREADS: usize = 64;

/// The files of a directory and what is in them, as one look finds them.
fn files(directory: &Path) -> Vec<(PathBuf, Vec<u8>)> {
    let Ok(entries) = fs::read_dir(directory) else {
        return Vec::new();
    };
    let names = entries.flatten().map(|entry| entry.path());
    let mut files: Vec<_> = names
        .filter_map(|path| fs::read(&path).ok().map(|bytes| (path, bytes)))
        .collect();
    files.sort_unstable();
    files
}

/// A directory for journals: in memory where the system has such a place, as a kill takes nothing
/// from it and thousands of journals are synced.
pub(crate) fn directory() -> tempfile::TempDir {
    let made = tempfile::tempdir_in("/dev/shm").or_else(|_| tempfile::tempdir());
    made.expect("a directory for the journals")
}

/// The files of a journal at one instant: as two looks in a row find them.
pub(crate) fn image(journal: &Path) -> Vec<(PathBuf, Vec<u8>)> {
    let mut last = files(journal);
    loop {
        let next = files(journal);
        if next == last {
            return next;
        }
        last = next;
    }
}

/// Makes a journal of an image.
pub(crate) fn restore(image: Vec<(PathBuf, Vec<u8>)>, journal: &Path) {
    make_private(journal);
    for (path, bytes) in image {
        let name = path.file_name().expect("a file has a name");
        fs::write(journal.join(name), bytes).expect("the image of a journal");
    }
}

/// Where the disk tier of a cache is whose journal is there.
#[cfg(feature = "disk")]
fn disk_of(journal: &Path) -> PathBuf {
    journal.with_extension("disk")
}

/// The disk tier of a cache: of the least regions that there are.
#[cfg(feature = "disk")]
fn disk(journal: &Path) -> DiskTier {
    DiskTier::new(disk_of(journal))
        .region_bytes(16 << 10)
        .capacity(4 * (16 << 10))
        .overflow(Overflow::Wait)
        .promote_after(1)
}

/// A cache with such settings over a store and a journal.
pub(crate) fn build(
    settings: &Settings,
    clock: &ManualClock,
    store: &Store,
    journal: &Path,
) -> Result<Tiered<u64, u64>, BuildError> {
    let mut tier = MemoryTier::entries(settings.memory)
        .clock(clock.clone())
        .absent_for(ms(settings.absent_for));
    if let Some(ttl) = settings.time_to_live {
        tier = tier.time_to_live(ms(ttl));
    }
    let writes: Writes<u64, u64> = match settings.mode {
        Mode::Through {
            timeout, retries, ..
        } => {
            let mut through = Writes::through().retry(retry(retries));
            if let Some(timeout) = timeout {
                through = through.timeout(ms(timeout));
            }
            through.into()
        }
        Mode::Behind {
            max_dirty,
            max_delay,
            batch,
            lanes,
            retries,
            waits,
        } => Writes::behind(journal)
            .journal_bytes(6 * SEGMENT, SEGMENT)
            .max_dirty(max_dirty)
            .max_delay(ms(max_delay))
            .batch(batch)
            .lanes(lanes)
            .retry(retry(retries))
            .when_full(if waits {
                WhenFull::Wait
            } else {
                WhenFull::Refuse
            })
            .into(),
    };
    let builder = Tiered::builder();
    #[cfg(feature = "disk")]
    let builder = match settings.disk {
        true => builder.disk(disk(journal)),
        false => builder,
    };
    builder
        .memory(tier)
        .store(Blocking::new(store.clone()))
        .threads(THREADS)
        .writes(writes)
        .build()
}

impl Machine {
    fn journal(&self) -> PathBuf {
        self.directory.path().join(self.journals.to_string())
    }

    pub(super) fn image(&self) -> Vec<(PathBuf, Vec<u8>)> {
        image(&self.journal())
    }

    /// Opens a cache over what there is.
    pub(super) fn open(&mut self) -> Holds {
        // Before: what is dirty flies while the cache is built.
        (self.dirty, self.met) = (vec![None; KEYS as usize], self.store.met());
        let built = self.drive(Held::Released, || {
            match build(&self.settings, &self.clock, &self.store, &self.journal()) {
                // The last attempt of the one before has not ended.
                Err(BuildError::Journal(error)) if error.kind() == JournalErrorKind::Locked => None,
                #[cfg(feature = "disk")]
                Err(BuildError::Disk(error)) if error.kind() == DiskErrorKind::Locked => None,
                built => Some(built),
            }
        })?;
        let cache = built
            .expect("it is driven to its end")
            .map_err(|error| Violation {
                guarantee: "G4",
                what: format!("no cache could be opened: {error:?}"),
            })?;
        self.cache = Some(cache);
        self.closing = false;
        let dirty = (0..KEYS).filter(|key| self.cache().explain(key).dirty);
        self.coverage.recovered += dirty.count() as u64;
        let on_disk = (0..KEYS).filter(|key| self.cache().explain(key).on_disk);
        self.coverage.warm += on_disk.count() as u64;
        Ok(())
    }

    /// Gives the cache up and opens the next one.
    pub(super) fn reopen(&mut self, how: Reopening) -> Holds {
        let lost = self.histories.iter().any(History::has_lost);
        let how = match how {
            // What is lost would act on the next cache's values, whose stamps begin anew.
            Reopening::Drop | Reopening::CloseAtOnce
                if lost && self.settings.mode.hands_keys_on() =>
            {
                Reopening::Close
            }
            how => how,
        };
        let clean = match how {
            Reopening::Kill => {
                self.kill()?;
                return self.open();
            }
            Reopening::Drop => {
                self.store.release();
                self.finish_running()?;
                self.finish_reading()?;
                false
            }
            Reopening::Close => {
                self.store.release();
                self.finish_running()?;
                self.finish_reading()?;
                let mut close = self.cache().close();
                let report = self.drive(Held::Released, || poll(&mut close))?;
                self.closed(report.expect("it is driven to its end"))?
            }
            Reopening::CloseAtOnce => {
                self.closing = true;
                let mut close = self.cache().close_within(ms(0));
                let report = self.drive(Held::Stays, || poll(&mut close))?;
                let running = self.running.len();
                let clean = self.closed(report.expect("it is driven to its end"))?;
                self.store.release();
                self.finish_running()?;
                self.finish_reading()?;
                clean && running == 0
            }
        };
        for key in 0..KEYS {
            self.lost_has_ended(key)?;
        }
        for key in 0..KEYS {
            let dirty = self.cache().explain(&key).dirty;
            // What flew at a close in haste may have ended since, and then the journal had no ear
            // for it.
            let disk = self.settings.disk;
            self.history(key)
                .reopened(dirty || how == Reopening::CloseAtOnce, disk);
        }
        self.coverage.disk_hits += self.cache().stats().disk_hits;
        self.cache = None;
        if !self.settings.mode.is_behind() {
            self.store.forget_stamps();
        }
        self.open()?;
        let dirty = (0..KEYS).find(|key| self.cache().explain(key).dirty);
        must("G4", !clean || dirty.is_none(), || {
            format!("key {dirty:?}: dirty after a close that left nothing")
        })
    }

    /// Lets end what was lost of a key.
    fn lost_has_ended(&mut self, key: u64) -> Holds {
        if !self.history(key).has_lost() {
            return Ok(());
        }
        self.store.release();
        self.rest()?;
        self.find_lost(key, self.store.value(key));
        must("G3", !self.history(key).has_lost(), || {
            format!("key {key}: what was lost does not end")
        })
    }

    /// True if a close left nothing.
    fn closed(
        &mut self,
        report: Result<CloseReport, cache_tiered::FlushError>,
    ) -> Result<bool, Violation> {
        let report = report.map_err(|error| Violation {
            guarantee: "G4",
            what: format!("close gave {error:?}"),
        })?;
        let dirty = (0..KEYS)
            .filter(|key| self.cache().explain(key).dirty)
            .count();
        must(
            "G4",
            report.left + report.dead + report.running >= dirty,
            || format!("{dirty} keys are dirty after a close that tells of {report:?}"),
        )?;
        Ok(report.left + report.dead + report.running == 0)
    }

    /// Begins writes, which a kill then catches wherever they are.
    fn catch(&mut self) -> Holds {
        let mut caught = Vec::new();
        for _ in 0..CAUGHT {
            let value = self.number();
            let key = value % KEYS;
            let mut call = Call::Put(self.cache().put(key, value));
            self.history(key).begin(value, Some(value));
            let ended = call.poll();
            caught.push((key, value, call, ended));
        }
        for (key, value, mut call, ended) in caught {
            match ended.or_else(|| call.poll()) {
                Some(Ended::Done(_)) => {
                    self.coverage.acknowledged += 1;
                    self.history(key).acknowledged(value, Some(value));
                }
                Some(Ended::Refused | Ended::Busy | Ended::Backpressure) => {
                    self.history(key).refused(value);
                }
                Some(Ended::Other(what)) => must("G1", false, || what)?,
                // Nobody heard, or nobody knows.
                _ => {}
            }
        }
        Ok(())
    }

    /// The process dies: of its cache nothing acts any more, and the files are what they are.
    fn kill(&mut self) -> Holds {
        self.coverage.kills += 1;
        #[cfg(feature = "disk")]
        let disk = match self.settings.disk {
            // What is caught would have to be cut off from the store and from the disk at one instant.
            true => {
                self.rest()?;
                Some(image(&disk_of(&self.journal())))
            }
            false => {
                self.catch()?;
                None
            }
        };
        #[cfg(not(feature = "disk"))]
        self.catch()?;
        self.store = self.store.reborn();
        if self.settings.mode.is_behind() {
            let image = match self.settings.lie {
                Lie::LosesLastRecord => std::mem::take(&mut self.earlier),
                _ => self.image(),
            };
            self.journals += 1;
            restore(image, &self.journal());
            let disk = self.settings.disk;
            self.histories
                .iter_mut()
                .for_each(|history| history.killed_behind(disk));
        } else {
            for key in 0..KEYS {
                let stored = self.store.value(key);
                guarantee::a_kill_takes_nothing("G3", key, self.history(key), stored)?;
                let disk = self.settings.disk;
                self.history(key).killed_through(stored, disk);
            }
            self.store.forget_stamps();
            self.journals += 1;
        }
        #[cfg(feature = "disk")]
        if let Some(disk) = disk {
            restore(disk, &disk_of(&self.journal()));
        }
        self.store.bury();
        self.running.clear();
        self.reading.clear();
        self.store.release();
        // What its threads still have comes to an end, so that they do not outlive the test. It
        // moves nothing any more.
        let dead = self.cache.take();
        let mut close = dead.map(|cache| cache.close_within(ms(0)));
        self.drive(Held::Released, || close.as_mut().and_then(poll).map(drop))?;
        Ok(())
    }
}

/// A directory as a journal makes it.
fn make_private(directory: &Path) {
    use std::os::unix::fs::DirBuilderExt;
    let mut builder = fs::DirBuilder::new();
    builder
        .mode(0o700)
        .create(directory)
        .expect("a directory for a journal");
}

fn retry(retries: u32) -> Retry {
    Retry::times(retries).pauses(ms(1), ms(20)).seed(1)
}
