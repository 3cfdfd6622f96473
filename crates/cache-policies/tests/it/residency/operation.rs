//! The random operations and settings of the tests of `Residency`.

use crate::policy_random::{Random, Workload};

#[derive(Clone, Copy, Debug)]
pub(super) struct Settings {
    pub(super) capacity: u64,
    pub(super) max_entries: usize,
    pub(super) time_to_live: Option<u64>,
    pub(super) time_to_idle: Option<u64>,
}

/// Lifetimes as an insert takes them.
pub(super) fn ticks_of(lifetime: Option<u64>) -> u64 {
    lifetime.unwrap_or(u64::MAX)
}

/// What an owner does; `told` says that a hit is told at once even by one that counts.
#[derive(Clone, Debug)]
pub(super) enum Op {
    /// A hit, or an insert on a miss.
    Request {
        key: u64,
        weight: u32,
        ticks: u64,
        told: bool,
    },
    /// An insert or a replacement.
    Put {
        key: u64,
        weight: u32,
        ticks: u64,
        told: bool,
    },
    Remove {
        key: u64,
    },
    Pin {
        key: u64,
    },
    Unpin {
        key: u64,
    },
    /// A use that changes the weight.
    Change {
        key: u64,
        weight: u32,
        told: bool,
    },
    SetTtl {
        key: u64,
        ticks: u64,
    },
    Advance {
        ticks: u64,
    },
    Evict,
    SetCapacity {
        capacity: u64,
    },
    SetMaxEntries {
        max_entries: usize,
    },
    Shed {
        entries: usize,
    },
    SetTimeToIdle {
        ticks: Option<u64>,
    },
}

/// The operations of one run.
pub(super) struct Operations {
    random: Random,
    pub(super) settings: Settings,
    workload: Workload,
    weight_max: u64,
    position: u64,
}

impl Operations {
    /// Those of a seed: of each four runs, two have lifetimes; of each three, one has weights of 1 alone.
    pub(super) fn new(seed: u64) -> Self {
        let mut random = Random::new(seed);
        let timed = seed % 4 >= 2;
        let lifetime = |random: &mut Random| (timed && random.below(2) == 0).then_some(30);
        let settings = Settings {
            capacity: [10, 33, 3, 60, 0][(seed % 5) as usize],
            max_entries: [usize::MAX, 20, 5][(seed / 3 % 3) as usize],
            time_to_live: lifetime(&mut random),
            time_to_idle: lifetime(&mut random),
        };
        Self {
            settings,
            workload: Workload::ALL[(seed / 2 % 4) as usize],
            weight_max: [1, 4, 12][(seed % 3) as usize],
            position: 0,
            random,
        }
    }

    pub(super) fn next(&mut self) -> Op {
        let universe = 2 * self.settings.capacity + 5;
        let random = &mut self.random;
        self.position += 1;
        let key = self.workload.key(random, self.position, universe);
        let any = random.below(universe);
        let weight = match self.weight_max {
            1 => 1,
            most => random.below(most + 1) as u32,
        };
        let told = random.below(3) == 0;
        let ticks = match random.below(20) {
            0 => random.below(40),
            1 => u64::MAX,
            _ => ticks_of(self.settings.time_to_live),
        };
        match random.below(60) {
            0 => Op::Remove { key: any },
            1 | 2 => Op::Pin { key },
            3..=6 => Op::Unpin { key: any },
            7 | 8 => Op::Change { key, weight, told },
            9 => Op::SetTtl { key, ticks },
            10 => Op::Advance {
                ticks: random.below(20),
            },
            11 => Op::Evict,
            12 if random.below(3) == 0 => Op::SetCapacity {
                capacity: random.below(self.settings.capacity + 10),
            },
            13 if random.below(3) == 0 => Op::SetMaxEntries {
                max_entries: random.below(30) as usize,
            },
            14 => Op::Shed {
                entries: random.below(4) as usize,
            },
            15 if self.settings.time_to_idle.is_some() => Op::SetTimeToIdle {
                ticks: [None, Some(0), Some(10), Some(30)][random.below(4) as usize],
            },
            16..=20 => Op::Put {
                key,
                weight,
                ticks,
                told,
            },
            _ => Op::Request {
                key,
                weight,
                ticks,
                told,
            },
        }
    }
}
