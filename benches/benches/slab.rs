//! The timed workloads of the slab race under criterion: every contender, in rounds of a fiftieth of the work.

use std::time::Duration;

use criterion::{Criterion, SamplingMode, Throughput, criterion_group, criterion_main};
use strata_benches::{Effort, races};

fn slab(c: &mut Criterion) {
    for build in races::slab::WORKLOADS {
        // Growth and shrinking are not means over operations; the race has them.
        for workload in build(Effort::Quick).into_iter().filter(|w| w.unit == "ns") {
            let mut group = c.benchmark_group(format!("slab/{}", workload.name));
            // A round takes milliseconds.
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

criterion_group! {
    name = benches;
    config = Criterion::default()
        .sample_size(20)
        .warm_up_time(Duration::from_millis(300))
        .measurement_time(Duration::from_secs(1));
    targets = slab
}
criterion_main!(benches);
