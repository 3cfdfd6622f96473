//! Seeded random numbers and the workloads of the policy tests.

/// xorshift64*, enough for tests and equal everywhere.
pub(crate) struct Random(u64);

impl Random {
    pub(crate) fn new(seed: u64) -> Self {
        Random(mix(seed) | 1)
    }

    pub(crate) fn next(&mut self) -> u64 {
        self.0 ^= self.0 >> 12;
        self.0 ^= self.0 << 25;
        self.0 ^= self.0 >> 27;
        self.0.wrapping_mul(0x2545_f491_4f6c_dd1d)
    }

    /// A number from 0 to `bound` - 1.
    pub(crate) fn below(&mut self, bound: u64) -> u64 {
        ((u128::from(self.next()) * u128::from(bound)) >> 64) as u64
    }

    /// A number from 0 to 1, without 1.
    pub(crate) fn share(&mut self) -> f64 {
        (self.next() >> 11) as f64 / (1_u64 << 53) as f64
    }
}

/// A bijection that spreads numbers over all bits (the finalizer of splitmix64): the hash of a key.
pub(crate) fn mix(number: u64) -> u64 {
    let mut mixed = number.wrapping_add(0x9e37_79b9_7f4a_7c15);
    mixed = (mixed ^ (mixed >> 30)).wrapping_mul(0xbf58_476d_1ce4_e5b9);
    mixed = (mixed ^ (mixed >> 27)).wrapping_mul(0x94d0_49bb_1331_11eb);
    mixed ^ (mixed >> 31)
}

/// A sequence of keys.
#[derive(Copy, Clone, Debug)]
pub(crate) enum Workload {
    /// Few keys are asked for often, and many seldom.
    Skewed,
    /// Every key once.
    Scan,
    /// A range of keys over and over.
    Loop,
    /// The others in turns.
    Mixed,
}

impl Workload {
    pub(crate) const ALL: [Workload; 4] = [
        Workload::Skewed,
        Workload::Scan,
        Workload::Loop,
        Workload::Mixed,
    ];

    /// The key of the request at a position.
    pub(crate) fn key(self, random: &mut Random, position: u64, universe: u64) -> u64 {
        match self {
            Workload::Skewed => (random.share().powi(3) * universe as f64) as u64,
            Workload::Scan => 1_000_000 + position,
            Workload::Loop => position % universe,
            Workload::Mixed => {
                let turn = [
                    Workload::Skewed,
                    Workload::Loop,
                    Workload::Skewed,
                    Workload::Scan,
                ];
                turn[(position / 50 % 4) as usize].key(random, position, universe)
            }
        }
    }
}
