//! The pool race's timed workloads under criterion.

mod rounds;

use criterion::{Criterion, criterion_group, criterion_main};

fn pool(c: &mut Criterion) {
    rounds::race(c, "pool");
}

criterion_group! {
    name = benches;
    config = rounds::criterion();
    targets = pool
}
criterion_main!(benches);
