//! The answers to `--target`: the smallest size at which each policy misses no more, found by further readings.

use anyhow::Context;
use cache_policies::{AnyConfig, LruConfig};

use crate::outcome::UsageError;

use super::access::Weighing;
use super::lru_curve::LruCurve;
use super::row::{Answer, Row};
use super::target::{Found, Search};
use super::trace_run::Reading;

/// The rows that answer, one a policy: of the sizes found, and, where none reaches the target, of the size of all objects.
pub(super) fn answers(
    reading: &Reading<'_>,
    target: f64,
    rows: &[Row],
    curve: Option<&LruCurve>,
) -> anyhow::Result<Vec<Row>> {
    let mut searches = searches(reading, target, curve);
    let mut known = rows.to_vec();
    loop {
        known.sort_by_key(|row| row.capacity);
        for search in &mut searches {
            let policy = search.config.to_string();
            for row in known.iter().filter(|row| row.policy == policy) {
                search.learn(row.capacity, row.miss_ratio <= target);
            }
        }
        let mut trials: Vec<(usize, u64)> = Vec::new();
        for (index, search) in searches.iter().enumerate() {
            trials.extend(search.trials().into_iter().map(|size| (index, size)));
        }
        if trials.is_empty() {
            break;
        }
        let jobs: Vec<(u64, &AnyConfig)> = trials
            .iter()
            .map(|(index, size)| (*size, &searches[*index].config))
            .collect();
        let tried = reading.simulate(&jobs, false, None)?.1;
        for ((index, size), row) in trials.into_iter().zip(tried) {
            match row {
                Ok(row) => known.push(row),
                Err(_) if searches[index].skip(size) => {}
                Err(few) => {
                    let message =
                        format!("--target: all objects of the sample are too few to search: {few}");
                    return Err(UsageError::new(message).into());
                }
            }
        }
    }
    let answer = |search: &Search| answer(search, target, &known);
    searches.iter().map(answer).collect()
}

/// A search for each policy; that for LRU is over before it began where its misses at every size are known.
fn searches(reading: &Reading<'_>, target: f64, curve: Option<&LruCurve>) -> Vec<Search> {
    let args = reading.args;
    let survey = reading.survey.as_ref();
    let footprint = survey.map_or(1, |survey| survey.footprint(args.weighing()));
    let lowest = match args.sample {
        Some(sample) if args.weighing() == Weighing::Objects => sample.capacity_min(),
        _ => 1,
    };
    let lru = AnyConfig::from(LruConfig::default());
    let known = curve
        .filter(|_| args.sample.is_none() && args.weighing() == Weighing::Objects)
        .and_then(|curve| curve.smallest(target));
    let configs = args.policies.configs().iter().cloned();
    configs
        .map(|config| match known {
            Some(size) if config == lru => Search::known(config, size),
            _ => Search::new(config, lowest, footprint),
        })
        .collect()
}

/// The row that a search ended with.
fn answer(search: &Search, target: f64, known: &[Row]) -> anyhow::Result<Row> {
    let (capacity, answer) = match search.found() {
        Some(Found::Size(capacity)) => (capacity, Answer::Smallest),
        Some(Found::OrSmaller(capacity)) => (capacity, Answer::OrSmaller),
        Some(Found::Nowhere) | None => (search.last, Answer::Unreachable),
    };
    let policy = search.config.to_string();
    let mut rows = known.iter();
    let row = rows.find(|row| row.capacity == capacity && row.policy == policy);
    let mut row = row.cloned().context("every size found was tried")?;
    row.target = Some(target);
    row.answer = Some(answer);
    Ok(row)
}
