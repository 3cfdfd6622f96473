//! More values at once than memory has room for: which of them are gone without a word.

use super::fjall::Fjall;
use super::foyer::Foyer;
use super::on_disk::{OnDisk, find};
use super::redb::Redb;
use super::strata::Strata;
use super::values::values;
use crate::races::directory::temporary;
use crate::{Contender, Effort, Sample, Workload};

const VALUE: usize = 4096;

/// Values neither readable nor reported as lost; the checksum counts those that are readable, and wrong.
fn round<S: OnDisk>(count: usize) -> Sample {
    let directory = temporary();
    let store = S::open(directory.path());
    // Made before: nothing is to slow the burst down.
    let values: Vec<_> = values(count, VALUE).collect();
    store.put(values.into_iter());
    let found = find(&store, count, VALUE);
    let silent = found.missing.saturating_sub(store.reported_lost());
    store.close();
    Sample::new(silent as f64, found.wrong)
}

fn contender<S: OnDisk>(count: usize) -> Contender {
    Contender::new(S::NAME, move || round::<S>(count))
}

/// 50,000 values of 4 KiB, into 1 MiB of memory and a disk with room for all.
pub(super) fn workloads(effort: Effort) -> Vec<Workload> {
    let count = effort.operations(50_000);
    let workload = Workload::new("disk", "burst-lost", "values")
        .answering(0)
        .with(contender::<Strata<true>>(count))
        .with(contender::<Strata<false>>(count))
        .with(contender::<Foyer>(count))
        .with(contender::<Redb>(count))
        .with(contender::<Fjall>(count));
    vec![workload]
}
