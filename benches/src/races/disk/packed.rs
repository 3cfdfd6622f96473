//! Bytes that are written to files for a value of 200 bytes.

use super::fjall::Fjall;
use super::foyer::Foyer;
use super::on_disk::{OnDisk, find};
use super::redb::Redb;
use super::strata::Strata;
use super::values::values;
use crate::races::directory::{described, temporary};
use crate::{Contender, Effort, Sample, Workload};

const VALUE: usize = 200;

/// Bytes that this process has had written to storage: pages that it made dirty, and what went past the page cache.
///
/// # Panics
/// Where the system does not count them.
fn written() -> u64 {
    let counters = std::fs::read_to_string("/proc/self/io");
    let counters = counters.expect("Linux, which counts what a process writes");
    let lines = &mut counters.lines();
    let bytes = lines.find_map(|line| line.strip_prefix("write_bytes: "));
    let bytes = bytes.and_then(|bytes| bytes.trim().parse().ok());
    bytes.expect("a count of bytes written")
}

/// A cache or store of values that come one by one, and is closed; then it is opened again, and they must all be there.
fn round<S: OnDisk>(count: usize) -> Sample {
    let directory = temporary();
    let before = written();
    let store = S::open(directory.path());
    store.fill(values(count, VALUE));
    store.close();
    let bytes = written() - before;
    let store = S::open(directory.path());
    let found = find(&store, count, VALUE);
    store.close();
    Sample::new(bytes as f64 / count as f64, found.right)
}

fn contender<S: OnDisk>(count: usize) -> Contender {
    Contender::new(S::NAME, move || round::<S>(count))
}

/// 200,000 values.
pub(super) fn workloads(effort: Effort) -> Vec<Workload> {
    eprintln!("disk: files go to {}", described());
    let count = effort.operations(200_000);
    let workload = Workload::new("disk", "packed-200B", "bytes")
        .answering(count as u64)
        .isolated()
        .with(contender::<Strata<true>>(count))
        .with(contender::<Foyer>(count))
        .with(contender::<Redb>(count))
        .with(contender::<Fjall>(count));
    vec![workload]
}
