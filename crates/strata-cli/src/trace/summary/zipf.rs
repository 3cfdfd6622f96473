//! The Zipf distribution that fits a trace's popularities best.

use std::collections::BTreeMap;

use serde::Serialize;

/// A Zipf distribution fitted by maximum likelihood: the object of rank `r` of `n` is asked for with a probability
/// proportional to `1 / r^exponent`, objects ranked by how often they were asked for.
///
/// All ranks count, `1..=n`, each weighing as much as it has requests. The likelihood has one maximum, looked for from 0 to
/// 10. As ranks are told by the same requests, the exponent comes out a little too high where most objects have few requests.
#[derive(Clone, Copy, Debug, PartialEq, Serialize)]
#[non_exhaustive]
pub struct ZipfFit {
    /// The exponent, also called alpha: 0 is uniform, 0.6 to 1.1 are common.
    pub exponent: f64,
    /// How badly it fits: the Kolmogorov-Smirnov distance, which is the largest difference between the share of requests that
    /// the `r` most popular objects have and the share that the distribution gives them. 0 is a perfect fit, above 0.1 is no
    /// Zipf distribution to speak of.
    pub ks_distance: f64,
}

/// Fewer objects tell nothing.
const OBJECTS_MIN: u64 = 10;

const EXPONENT_MAX: f64 = 10.0;

impl ZipfFit {
    /// Fits the popularities: how many objects have how many requests. `None` for fewer than 10 objects. Costs O(1) but for
    /// two walks over the ranks.
    #[must_use]
    pub fn of(popularities: &BTreeMap<u64, u64>) -> Option<Self> {
        let objects: u64 = popularities.values().sum();
        if objects < OBJECTS_MIN {
            return None;
        }
        let requests: f64 = each_rank(popularities).map(|(_, count)| count).sum();
        let log_ranks: f64 = each_rank(popularities)
            .map(|(rank, count)| count * rank.ln())
            .sum();
        let likelihood =
            |exponent: f64| -exponent * log_ranks / requests - harmonic(objects, exponent).ln();
        let exponent = maximum(likelihood, EXPONENT_MAX);
        Some(Self {
            exponent,
            ks_distance: distance(popularities, requests, exponent),
        })
    }
}

/// Ranks from 1 on, and how many requests the object of each has.
fn each_rank(popularities: &BTreeMap<u64, u64>) -> impl Iterator<Item = (f64, f64)> {
    let counts = popularities.iter().rev();
    let counts = counts.flat_map(|(&count, &objects)| (0..objects).map(move |_| count as f64));
    (1_u64..).map(|rank| rank as f64).zip(counts)
}

fn distance(popularities: &BTreeMap<u64, u64>, requests: f64, exponent: f64) -> f64 {
    let objects = popularities.values().sum();
    let whole = harmonic(objects, exponent);
    let (mut observed, mut expected, mut distance) = (0.0, 0.0, 0.0_f64);
    for (rank, count) in each_rank(popularities) {
        observed += count / requests;
        expected += rank.powf(-exponent) / whole;
        distance = distance.max((observed - expected).abs());
    }
    distance
}

/// The generalized harmonic number: the sum of `1 / r^exponent` over `r` from 1 to `n`. The first terms are added up, the others
/// by the Euler-Maclaurin formula, to 12 digits.
fn harmonic(n: u64, exponent: f64) -> f64 {
    const ADDED: u64 = 1000;
    let term = |rank: f64| rank.powf(-exponent);
    let first: f64 = (1..=n.min(ADDED)).map(|rank| term(rank as f64)).sum();
    if n <= ADDED {
        return first;
    }
    let (a, b) = (ADDED as f64, n as f64);
    // The integral is (b^(1-s) - a^(1-s)) / (1-s), written so that s = 1 is no special case but a limit.
    let slope = 1.0 - exponent;
    let log = (b / a).ln();
    let integral = if (slope * log).abs() < 1e-12 {
        a.powf(slope) * log
    } else {
        a.powf(slope) * (slope * log).exp_m1() / slope
    };
    let derivative = |x: f64| -exponent * term(x) / x;
    first + integral + (term(b) - term(a)) / 2.0 + (derivative(b) - derivative(a)) / 12.0
}

/// Where from 0 to `high` a function with a single maximum has it: golden section search.
fn maximum(function: impl Fn(f64) -> f64, mut high: f64) -> f64 {
    const GOLDEN: f64 = 0.618_033_988_749_895;
    let mut low = 0.0;
    let mut left = high - GOLDEN * (high - low);
    let mut right = low + GOLDEN * (high - low);
    let (mut at_left, mut at_right) = (function(left), function(right));
    // 10 * 0.618^50 is below 1e-9, where the function is too flat to go on.
    for _ in 0..50 {
        if at_left < at_right {
            low = left;
            (left, at_left) = (right, at_right);
            right = low + GOLDEN * (high - low);
            at_right = function(right);
        } else {
            high = right;
            (right, at_right) = (left, at_left);
            left = high - GOLDEN * (high - low);
            at_left = function(left);
        }
    }
    // The search never looks at the ends themselves.
    let found = (low + high) / 2.0;
    if function(0.0) >= function(found) {
        return 0.0;
    }
    found
}

#[cfg(test)]
mod tests {
    use super::*;

    fn of(counts: impl Iterator<Item = u64>) -> ZipfFit {
        let mut popularities = BTreeMap::new();
        for count in counts.filter(|&count| count > 0) {
            *popularities.entry(count).or_insert(0) += 1;
        }
        ZipfFit::of(&popularities).expect("10 objects")
    }

    #[test]
    fn harmonic_numbers_are_sums() {
        for exponent in [0.0, 0.3, 0.999_999, 1.0, 1.000_001, 1.7, 10.0] {
            for n in [1, 999, 1000, 1001, 250_000] {
                let sum: f64 = (1..=n)
                    .rev()
                    .map(|rank| (rank as f64).powf(-exponent))
                    .sum();
                let error = (harmonic(n, exponent) - sum).abs() / sum;
                assert!(error < 1e-11, "n {n}, exponent {exponent}: off by {error}");
            }
        }
    }

    #[test]
    fn exact_popularities_give_their_exponent_back() {
        for exponent in [0.0, 0.5, 0.99, 1.0, 1.4] {
            let counts = (1..=50_000_u64).map(|rank| (1e9 * (rank as f64).powf(-exponent)) as u64);
            let fit = of(counts);
            assert!(
                (fit.exponent - exponent).abs() < 1e-4,
                "{exponent}: {fit:?}"
            );
            assert!(fit.ks_distance < 1e-4, "{exponent}: {fit:?}");
        }
    }

    #[test]
    fn even_popularities_have_no_exponent() {
        let fit = of((0..5000).map(|_| 3));
        assert_eq!(fit.exponent, 0.0);
        assert!(fit.ks_distance < 1e-9, "{fit:?}");
    }

    #[test]
    fn what_is_no_zipf_distribution_fits_badly() {
        // Half of the objects take everything, evenly.
        let fit = of((0..1000).map(|rank| if rank < 500 { 1_000_000 } else { 1 }));
        assert!(fit.ks_distance > 0.1, "{fit:?}");
    }

    #[test]
    fn few_objects_tell_nothing() {
        assert_eq!(ZipfFit::of(&BTreeMap::from([(5, 9)])), None);
        assert_eq!(ZipfFit::of(&BTreeMap::new()), None);
    }
}
