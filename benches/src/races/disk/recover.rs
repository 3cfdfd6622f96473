//! Reopening what was closed.

use std::time::Instant;

use tempfile::TempDir;

use super::fjall::Fjall;
use super::foyer::Foyer;
use super::on_disk::{OnDisk, find, settle};
use super::redb::Redb;
use super::strata::Strata;
use super::values::values;
use crate::races::directory::temporary;
use crate::{Contender, Effort, Sample, Workload};

/// What one contender closed.
struct Closed {
    directory: TempDir,
}

impl Closed {
    fn new<S: OnDisk>(count: usize, size: usize) -> Self {
        let directory = temporary();
        let store = S::open(directory.path());
        store.fill(values(count, size));
        store.close();
        settle(directory.path());
        Self { directory }
    }

    /// Milliseconds until it is open; the checksum is how many values are there then, to the byte.
    fn reopen<S: OnDisk>(&self, count: usize, size: usize) -> Sample {
        let start = Instant::now();
        let store = S::open(self.directory.path());
        let elapsed = start.elapsed();
        let found = find(&store, count, size);
        store.close();
        if found.right < count as u64 {
            eprintln!("{}: {} of {count} values are there", S::NAME, found.right);
        }
        Sample::new(elapsed.as_secs_f64() * 1e3, found.right)
    }
}

fn contender<S: OnDisk>(count: usize, size: usize) -> Contender {
    let mut closed = None;
    Contender::new(S::NAME, move || {
        let closed = closed.get_or_insert_with(|| Closed::new::<S>(count, size));
        closed.reopen::<S>(count, size)
    })
}

fn of_size(name: &str, count: usize, size: usize) -> Vec<Workload> {
    let workload = Workload::new("disk", format!("recover-{name}"), "ms")
        .answering(count as u64)
        .with(contender::<Strata<true>>(count, size))
        .with(contender::<Foyer>(count, size))
        .with(contender::<Redb>(count, size))
        .with(contender::<Fjall>(count, size));
    vec![workload]
}

/// 200,000 values of 200 bytes.
pub(super) fn small(effort: Effort) -> Vec<Workload> {
    of_size("200B", effort.operations(200_000), 200)
}

/// 100,000 values of 4 KiB.
pub(super) fn large(effort: Effort) -> Vec<Workload> {
    of_size("4KiB", effort.operations(100_000), 4096)
}
