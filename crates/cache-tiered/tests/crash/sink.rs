//! A store that tells what it took: in memory, where who listens keeps it, or in a redb file.

#[cfg(feature = "redb")]
use cache_tiered::Redb;
use cache_tiered::{
    Applied, ApplyError, BlockingSink, BlockingSource, Clock, Loaded, ManualClock, Mutation,
};
use std::collections::BTreeMap;
use std::io::Write;
use std::sync::{Arc, Mutex};

/// What a key was last given.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) struct Given {
    /// 0 for a removal.
    pub(super) version: u64,
    pub(super) stamp: u64,
}

#[derive(Clone, Debug, PartialEq, Eq, thiserror::Error)]
#[error("{0}")]
pub(super) struct Failed(String);

/// Handles are of one store.
#[derive(Clone, Default)]
pub(super) struct Telling {
    pub(super) given: Arc<Mutex<BTreeMap<u64, Given>>>,
    /// What was given out of order.
    pub(super) violations: Arc<Mutex<Vec<String>>>,
    /// Tells in lines.
    pub(super) aloud: bool,
    /// It takes nothing before the clock has come so far, in milliseconds.
    pub(super) down: Option<(ManualClock, u64)>,
    #[cfg(feature = "redb")]
    pub(super) file: Option<Arc<Redb>>,
}

/// A value that proves its key and version.
pub(super) fn value(key: u64, version: u64) -> Vec<u8> {
    let bytes = 16 + (version * 7919 % 700) as usize;
    let mut value = [key, version].map(u64::to_le_bytes).concat();
    value.resize(bytes, version as u8);
    value
}

/// The version of a value of `key`.
pub(super) fn version(key: u64, bytes: &[u8]) -> u64 {
    let version = bytes.get(8..16).map(|bytes| bytes.try_into().unwrap());
    let version = version.map_or(0, u64::from_le_bytes);
    assert!(bytes == value(key, version), "key {key}: {bytes:?}");
    version
}

/// One line, in one write.
pub(super) fn tell(line: &str) {
    let mut out = std::io::stdout().lock();
    // The test harness may have left an unfinished one in front.
    out.write_all(format!("\n{line}\n").as_bytes()).unwrap();
    out.flush().unwrap();
}

impl Telling {
    /// Takes down one mutation, and tells of it; true if the key was there.
    fn take(&self, mutation: &Mutation<u64, Vec<u8>>) -> bool {
        let key = *mutation.key();
        let now = Given {
            version: mutation.value().map_or(0, |bytes| version(key, bytes)),
            stamp: mutation.stamp(),
        };
        let mut given = self.given.lock().unwrap();
        let before = given.insert(key, now);
        if let Some(before) = before
            && (before.stamp > now.stamp || before.stamp == now.stamp && before != now)
        {
            let violation = format!("the sink got {now:?} of key {key} after {before:?}");
            if self.aloud {
                tell(&format!("failed {violation}"));
            }
            self.violations.lock().unwrap().push(violation);
        }
        if self.aloud {
            tell(&format!("applied {key} {} {}", now.version, now.stamp));
        }
        before.is_some_and(|before| before.version > 0)
    }
}

impl BlockingSource<u64, Vec<u8>> for Telling {
    type Error = Failed;

    fn load(&self, key: &u64) -> Result<Loaded<Vec<u8>>, Failed> {
        #[cfg(feature = "redb")]
        if let Some(file) = &self.file {
            let loaded = BlockingSource::load(&**file, key);
            return loaded.map_err(|error| Failed(error.to_string()));
        }
        let given = self.given.lock().unwrap().get(key).copied();
        let there = given.filter(|given| given.version > 0);
        Ok(there.map(|given| value(*key, given.version)).into())
    }
}

impl BlockingSink<u64, Vec<u8>> for Telling {
    type Error = Failed;

    fn apply(&self, batch: &[Mutation<u64, Vec<u8>>]) -> Result<Applied, ApplyError<Failed>> {
        if let Some((clock, until)) = &self.down
            && clock.now() < *until
        {
            return Err(ApplyError::Refused(Failed("it is down".to_owned())));
        }
        #[cfg(feature = "redb")]
        if let Some(file) = &self.file {
            let applied = BlockingSink::apply(&**file, batch);
            let applied = applied.map_err(|error| error.map(|error| Failed(error.to_string())))?;
            // One of a key is under way at a time, so they are told in the order of the file.
            batch.iter().for_each(|mutation| {
                self.take(mutation);
            });
            return Ok(applied);
        }
        Ok(batch.iter().map(|mutation| self.take(mutation)).collect())
    }

    #[cfg(feature = "redb")]
    fn flush(&self) -> Result<(), Failed> {
        let flushed = self.file.as_ref().map(|file| {
            let flushed = BlockingSink::<u64, Vec<u8>>::flush(&**file);
            flushed.map_err(|error| Failed(error.to_string()))
        });
        flushed.unwrap_or(Ok(()))
    }
}
