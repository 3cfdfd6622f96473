//! Bloom filters: sets that never deny a member, and seldom take a stranger for one, in a few bits a member.

mod counting;
mod plain;
mod scalable;

pub use counting::CountingBloomFilter;
pub use plain::BloomFilter;
pub use scalable::ScalableBloomFilter;

use core::f64::consts::LN_2;

use libm::{ceil, log, pow, round};

use crate::mix::mix;

/// How many places a filter has, and how many of them a member takes.
#[derive(Copy, Clone, PartialEq, Eq, Debug)]
struct Shape {
    places: u64,
    hashes: u32,
}

impl Shape {
    /// The smallest shape that has this rate of false positives with this many members: n ln(1/p) / ln(2)^2 places, of
    /// which each takes ln(2) times the places a member.
    ///
    /// # Panics
    /// If the rate is not between 0 and 1.
    fn of(items: usize, rate: f64) -> Self {
        assert!(
            rate > 0.0 && rate < 1.0,
            "the rate of false positives is between 0 and 1"
        );
        let items = items.max(1) as f64;
        let places = ceil(items * -log(rate) / (LN_2 * LN_2)).max(64.0);
        // In whole words.
        let places = (places as u64).next_multiple_of(64);
        let hashes = round(places as f64 / items * LN_2).clamp(1.0, 64.0);
        // More hashes than the rate needs cost time: those come only from rounding a tiny filter up.
        let wanted = ceil(-log(rate) / LN_2).max(1.0);
        Shape {
            places,
            hashes: hashes.min(wanted) as u32,
        }
    }

    /// The places of a hash; may name a place twice.
    ///
    /// By double hashing (A. Kirsch, M. Mitzenmacher, "Less hashing, same performance: building a better Bloom filter",
    /// Random Structures & Algorithms 33(2), 2008), with a step that changes as well (triple hashing: P. C. Dillinger,
    /// P. Manolios, "Bloom filters in probabilistic verification", FMCAD 2004): with a constant one, filters of a few
    /// thousand bits and many hashes have half as many false positives again as they should.
    #[inline]
    fn places_of(self, hash: u64) -> impl Iterator<Item = u64> {
        let mixed = mix(hash);
        let mut point = mixed ^ (mixed >> 29);
        let mut step = point.wrapping_mul(0xd6e8_feb8_6659_fd93);
        step ^= step >> 32;
        let change = step.wrapping_mul(0xa076_1d64_78bd_642f);
        (0..self.hashes).map(move |_| {
            let place = ((u128::from(point) * u128::from(self.places)) >> 64) as u64;
            point = point.wrapping_add(step);
            step = step.wrapping_add(change);
            place
        })
    }

    /// The number of members that most likely took this many places (S. J. Swamidass, P. Baldi, "Mathematical
    /// correction for fingerprint similarity measures to improve chemical retrieval", J. Chem. Inf. Model. 47(3),
    /// 2007).
    fn estimated_items(self, taken: u64) -> f64 {
        let places = self.places as f64;
        // A full filter is taken for one with half a place to go: the estimate stays finite.
        let vacant = ((self.places - taken) as f64).max(0.5);
        -places / f64::from(self.hashes) * log(vacant / places)
    }

    /// How likely all places of a stranger are taken.
    fn false_positive_rate(self, taken: u64) -> f64 {
        pow(taken as f64 / self.places as f64, f64::from(self.hashes))
    }
}
