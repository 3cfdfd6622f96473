//! `Dice`: what a model test does next, drawn from one number a case, and the run over many cases.
//!
//! A property-test library draws and keeps a whole list of steps so that it can shrink it; here a case is
//! its seed, and a step costs a few nanoseconds. The steps before the one that fails are the shortest
//! case there is of that seed.

/// A stream of numbers from a seed: Steele, Lea and Flood's SplitMix64.
pub(crate) struct Dice(u64);

impl Dice {
    pub(crate) fn new(seed: u64) -> Self {
        Self(seed)
    }

    /// Any number.
    pub(crate) fn any(&mut self) -> u64 {
        self.0 = self.0.wrapping_add(0x9E37_79B9_7F4A_7C15);
        let mixed = (self.0 ^ (self.0 >> 30)).wrapping_mul(0xBF58_476D_1CE4_E5B9);
        let mixed = (mixed ^ (mixed >> 27)).wrapping_mul(0x94D0_49BB_1331_11EB);
        mixed ^ (mixed >> 31)
    }

    /// A number below `bound`, which is not 0.
    pub(crate) fn below(&mut self, bound: usize) -> usize {
        ((u128::from(self.any()) * bound as u128) >> 64) as usize
    }

    /// True once in `times`.
    pub(crate) fn one_in(&mut self, times: usize) -> bool {
        self.below(times) == 0
    }

    /// One of `choices`.
    pub(crate) fn of<T: Copy>(&mut self, choices: &[T]) -> T {
        choices[self.below(choices.len())]
    }

    /// One of `choices`, each as often as its weight says.
    pub(crate) fn weighted<T: Copy>(&mut self, choices: &[(usize, T)]) -> T {
        let mut at = self.below(choices.iter().map(|(weight, _)| weight).sum());
        for &(weight, choice) in choices {
            if at < weight {
                return choice;
            }
            at -= weight;
        }
        unreachable!("the number is below the sum of the weights")
    }
}

/// Says which case was running when a test panics.
struct Case {
    seed: u64,
}

impl Drop for Case {
    fn drop(&mut self) {
        if std::thread::panicking() {
            std::eprintln!(
                "the case of seed {0} failed: STRATA_SEED={0} runs it alone",
                self.seed
            );
        }
    }
}

/// Runs `case` with the dice of as many seeds as `STRATA_CASES` says, or `default`; with `STRATA_SEED`
/// alone if there is such a variable.
pub(crate) fn for_each_case(default: u32, mut case: impl FnMut(&mut Dice)) {
    let alone = std::env::var("STRATA_SEED").ok();
    let alone = alone.map(|text| text.parse().expect("STRATA_SEED is a number"));
    let seeds = match alone {
        Some(seed) => seed..seed + 1,
        None => 0..u64::from(super::cases(default)),
    };
    for seed in seeds {
        let _running = Case { seed };
        // Neighbouring seeds must not give the same stream shifted by one.
        case(&mut Dice::new(Dice::new(seed).any()));
    }
}
