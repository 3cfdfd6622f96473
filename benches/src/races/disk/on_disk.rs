//! What keeps values on disk, behind one face.

use std::fs;
use std::path::Path;
use std::sync::{Arc, OnceLock};

use tokio::runtime::{Builder, Runtime};

use super::values::{digest, value_of};

/// Bytes of values that a contender may keep in memory.
pub(super) const MEMORY: usize = 1 << 20;

/// Bytes that a contender may take on disk: more than any workload puts.
pub(super) const DISK: u64 = 2 << 30;

pub(super) const WORKS: &str = "a disk that works";

/// A cache or a store that threads share. Panics where the disk fails.
pub(super) trait OnDisk: Sized + Send + Sync + 'static {
    const NAME: &'static str;

    /// Opens what lies in `directory`, or begins anew there.
    fn open(directory: &Path) -> Self;

    /// Opens what was closed in `directory`, to be read.
    fn reopen(directory: &Path) -> Self {
        Self::open(directory)
    }

    /// Puts the values as fast as they are taken.
    fn put(&self, values: impl Iterator<Item = (u64, Vec<u8>)>);

    /// Puts the values no faster than all of them can be kept.
    fn fill(&self, values: impl Iterator<Item = (u64, Vec<u8>)>) {
        self.put(values);
    }

    /// What `look` makes of the value of `key`.
    fn get(&self, key: u64, look: fn(&[u8]) -> u64) -> impl Future<Output = Option<u64>> + Send;

    /// The sum of what `look` makes of each value, got one after another.
    fn sum(self: &Arc<Self>, keys: &Arc<[u64]>, look: fn(&[u8]) -> u64) -> u64 {
        sum_at_once(self, keys, look, 1)
    }

    /// How many values it says that it has dropped.
    fn reported_lost(&self) -> u64 {
        0
    }

    /// Brings everything to the files, and lets go of them.
    fn close(self);
}

/// Two threads, on which all contenders are awaited.
pub(super) fn runtime() -> &'static Runtime {
    static RUNTIME: OnceLock<Runtime> = OnceLock::new();
    RUNTIME.get_or_init(|| {
        let mut builder = Builder::new_multi_thread();
        builder.worker_threads(2).enable_all();
        builder.build().expect("threads of a runtime")
    })
}

/// The sum of what `look` makes of each value, got by so many tasks of the runtime, each one after another.
pub(super) fn sum_at_once<S: OnDisk>(
    store: &Arc<S>,
    keys: &Arc<[u64]>,
    look: fn(&[u8]) -> u64,
    at_once: usize,
) -> u64 {
    let task = |first: usize| {
        let (store, keys) = (Arc::clone(store), Arc::clone(keys));
        runtime().spawn(async move {
            let mut sum = 0_u64;
            for &key in keys.iter().skip(first).step_by(at_once) {
                sum = sum.wrapping_add(store.get(key, look).await.unwrap_or(0));
            }
            sum
        })
    };
    let tasks: Vec<_> = (0..at_once).map(task).collect();
    runtime().block_on(async {
        let mut sum = 0_u64;
        for task in tasks {
            sum = sum.wrapping_add(task.await.expect("a task that does not panic"));
        }
        sum
    })
}

/// What became of values that were put.
pub(super) struct Found {
    pub(super) right: u64,
    pub(super) missing: u64,
    pub(super) wrong: u64,
}

/// Looks for the first `count` values, and at every byte of them.
pub(super) fn find<S: OnDisk>(store: &S, count: usize, size: usize) -> Found {
    let mut found = Found {
        right: 0,
        missing: 0,
        wrong: 0,
    };
    runtime().block_on(async {
        for key in 0..count as u64 {
            match store.get(key, digest).await {
                None => found.missing += 1,
                Some(is) if is == digest(&value_of(key, size)) => found.right += 1,
                Some(_) => found.wrong += 1,
            }
        }
    });
    found
}

/// Waits until all files below `directory` are on the device, so that nothing is written back while the clock runs.
pub(super) fn settle(directory: &Path) {
    for entry in fs::read_dir(directory).expect(WORKS) {
        let path = entry.expect(WORKS).path();
        if path.is_dir() {
            settle(&path);
        } else {
            let synced = fs::File::open(&path).and_then(|file| file.sync_all());
            synced.expect(WORKS);
        }
    }
}
