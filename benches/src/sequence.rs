//! Seeded sequences that all contenders of a workload share.

use rand::rngs::StdRng;
use rand::seq::SliceRandom;
use rand::{RngExt, SeedableRng};
use rand_distr::Zipf;

/// Makes seeded sequences: the same seed gives the same work in every round and to every contender.
#[derive(Debug)]
pub struct Sequence(StdRng);

impl Sequence {
    /// A source of sequences from `seed`.
    pub fn seeded(seed: u64) -> Self {
        Self(StdRng::seed_from_u64(seed))
    }

    /// `len` indices below `bound`, uniform.
    pub fn uniform(&mut self, len: usize, bound: u32) -> Vec<u32> {
        (0..len).map(|_| self.0.random_range(0..bound)).collect()
    }

    /// The numbers below `len` in random order.
    pub fn shuffled(&mut self, len: u32) -> Vec<u32> {
        let mut order: Vec<u32> = (0..len).collect();
        order.shuffle(&mut self.0);
        order
    }

    /// `len` sizes from `low` to `high`, uniform in their logarithm.
    pub fn log_uniform(&mut self, len: usize, low: usize, high: usize) -> Vec<u32> {
        let (low, high) = ((low as f64).ln(), (high as f64).ln());
        (0..len)
            .map(|_| self.0.random_range(low..=high).exp().round() as u32)
            .collect()
    }

    /// `len` ranks from 1 to `ranks`, of a Zipf distribution: 1 is the most frequent.
    pub fn zipf_ranks(&mut self, len: usize, ranks: u64, skew: f64) -> Vec<u64> {
        let zipf = Zipf::new(ranks as f64, skew).expect("a Zipf distribution of at least one key");
        (0..len)
            .map(|_| {
                let rank: f64 = self.0.sample(zipf);
                rank as u64
            })
            .collect()
    }

    /// `len` keys of a Zipf distribution over `keys` keys; a key's rank is hidden by a bijection, so
    /// that hot keys are not neighbours.
    pub fn zipf(&mut self, len: usize, keys: u64, skew: f64) -> Vec<u64> {
        self.zipf_ranks(len, keys, skew)
            .into_iter()
            .map(|rank| rank.wrapping_mul(0x9E37_79B9_7F4A_7C15))
            .collect()
    }
}
