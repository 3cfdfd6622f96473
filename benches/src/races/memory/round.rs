//! A round of work that any cache can do, and the workload of all caches that do it.

use cache_tiered::MemoryCache;

use super::caches::{Shared, WTinyLfu};
use super::peers::MutexedLru;
use crate::{Contender, Sample, Workload};

/// What one round does. Each contender has a copy of its own.
pub(super) trait Round: Clone + 'static {
    /// What a contender keeps from round to round.
    type Kept<C: Shared>;

    /// Made outside of the clock, when the contender's first round comes.
    fn begin<C: Shared>(&self) -> Self::Kept<C>;
    fn run<C: Shared>(&self, kept: &Self::Kept<C>) -> Sample;
}

fn contender<C: Shared, R: Round>(round: &R) -> Contender {
    let round = round.clone();
    let mut kept = None;
    Contender::new(C::NAME, move || {
        let kept = kept.get_or_insert_with(|| round.begin::<C>());
        round.run::<C>(kept)
    })
}

/// A workload of all caches; `answer` is what each of them must give in every round.
pub(super) fn entered<R: Round>(
    name: String,
    unit: &'static str,
    answer: u64,
    round: &R,
) -> Workload {
    Workload::new("memory", name, unit)
        .answering(answer)
        .with(contender::<MemoryCache<u64, u64>, R>(round))
        .with(contender::<WTinyLfu, R>(round))
        .with(contender::<quick_cache::sync::Cache<u64, u64>, R>(round))
        .with(contender::<moka::sync::Cache<u64, u64>, R>(round))
        .with(contender::<mini_moka::sync::Cache<u64, u64>, R>(round))
        .with(contender::<foyer::Cache<u64, u64>, R>(round))
        .with(contender::<tinyufo::TinyUfo<u64, u64>, R>(round))
        .with(contender::<MutexedLru, R>(round))
}
