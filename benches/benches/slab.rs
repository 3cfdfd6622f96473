//! The slab race's timed workloads under criterion.

mod rounds;

use criterion::{Criterion, criterion_group, criterion_main};

fn slab(c: &mut Criterion) {
    rounds::race(c, "slab");
}

criterion_group! {
    name = benches;
    config = rounds::criterion();
    targets = slab
}
criterion_main!(benches);
