//! The timed workloads of a race under criterion: every contender, in rounds of a fiftieth of the work.

use std::time::Duration;

use criterion::{Criterion, SamplingMode, Throughput};
use strata_benches::{Effort, races};

/// For rounds that take milliseconds.
pub(crate) fn criterion() -> Criterion {
    Criterion::default()
        .sample_size(20)
        .warm_up_time(Duration::from_millis(300))
        .measurement_time(Duration::from_secs(1))
}

/// Runs the race's workloads whose figure is a mean over operations; the race itself has the others.
pub(crate) fn race(c: &mut Criterion, race: &str) {
    for build in races::workloads(race).into_iter().flatten() {
        for workload in build(Effort::Quick).into_iter().filter(|w| w.unit == "ns") {
            let mut group = c.benchmark_group(format!("{race}/{}", workload.name));
            group.sampling_mode(SamplingMode::Flat);
            for mut contender in workload.contenders {
                let name = contender.name.clone();
                let operations = contender.round().operations();
                group.throughput(Throughput::Elements(operations as u64));
                group.bench_function(name, |b| {
                    b.iter_custom(|rounds| (0..rounds).map(|_| contender.round().elapsed()).sum());
                });
            }
        }
    }
}
