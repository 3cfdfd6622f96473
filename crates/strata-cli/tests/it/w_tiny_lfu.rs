//! W-TinyLFU on the shared traces: equal to a naive model, and to the hit ratios that Caffeine's simulator published.

use std::collections::{HashMap, VecDeque};
use std::path::Path;

use cache_policies::{
    FrequencySketch, Policy, WTinyLfu, WTinyLfuAdaptive, WTinyLfuAdaptiveConfig, WTinyLfuConfig,
};
use strata_cli::simulate::{Access, Catalogue, Simulator, Weighing};
use strata_cli::trace;

use crate::shared;

const WINDOW: usize = 0;
const PROBATION: usize = 1;
const PROTECTED: usize = 2;

/// W-TinyLFU for entries of weight 1, from its description. An entry stays where it was in a queue when it moves on; it
/// is where its number says.
struct Model {
    capacity: usize,
    /// Of the window and of the protected segment.
    shares: [usize; 2],
    lens: [usize; 3],
    /// Hashes with the number of their turn, the oldest first.
    queues: [VecDeque<(u64, u64)>; 3],
    /// The segment and the turn of each resident.
    residents: HashMap<u64, (usize, u64)>,
    turns: u64,
    sketch: FrequencySketch,
    lots: u64,
    climber: Option<Climber>,
    was_full: bool,
    misses: u64,
}

struct Climber {
    /// In the window, elsewhere, nowhere.
    sample: [u64; 3],
    ratio: f64,
    step: f64,
    window_max: usize,
}

impl Model {
    fn new(capacity: usize, window: f64, adaptive: bool) -> Self {
        let main = (capacity as f64 * (1.0 - window)) as usize;
        let protected = (main as f64 * 0.8) as usize;
        let climber = adaptive.then(|| Climber {
            sample: [0; 3],
            ratio: 0.0,
            step: -0.0625,
            window_max: capacity - main + protected,
        });
        Model {
            capacity,
            shares: [capacity - main, protected],
            lens: [0; 3],
            queues: Default::default(),
            residents: HashMap::new(),
            turns: 0,
            sketch: FrequencySketch::new(64, 640),
            lots: 0,
            climber,
            was_full: false,
            misses: 0,
        }
    }

    fn request(&mut self, hash: u64) {
        self.sketch.increment(hash);
        let segment = self.residents.get(&hash).map(|resident| resident.0);
        match segment {
            Some(segment) => {
                let to = if segment == WINDOW { WINDOW } else { PROTECTED };
                self.put(hash, to);
                if segment == PROBATION {
                    self.settle();
                }
            }
            None => self.misses += 1,
        }
        if self.was_full {
            self.climb(segment);
        }
        if segment.is_none() {
            if self.residents.len() == self.capacity {
                self.evict();
            }
            self.put(hash, WINDOW);
            // The sketch is made anew for as many entries as there is room for when the first one comes, whose request is
            // counted again, and grows to twice as large once there are more than 2^16.
            let capacity = self.capacity as u64;
            if self.residents.len() == 1 {
                let entries = capacity.min(65_536);
                self.sketch = FrequencySketch::new(entries.max(64) as usize, 10 * entries);
                self.sketch.increment(hash);
            } else if self.residents.len() == 65_537 {
                self.sketch.resize(131_072, 10 * capacity.min(131_072));
            }
            self.settle();
        }
    }

    /// Makes an entry, resident or not, the newest of a segment.
    fn put(&mut self, hash: u64, segment: usize) {
        self.turns += 1;
        if let Some((before, _)) = self.residents.insert(hash, (segment, self.turns)) {
            self.lens[before] -= 1;
        }
        self.lens[segment] += 1;
        self.queues[segment].push_back((hash, self.turns));
    }

    fn oldest(&mut self, segment: usize) -> Option<u64> {
        while let Some(&(hash, turn)) = self.queues[segment].front() {
            if self.residents.get(&hash) == Some(&(segment, turn)) {
                return Some(hash);
            }
            self.queues[segment].pop_front();
        }
        None
    }

    fn main_len(&self) -> usize {
        self.lens[PROBATION] + self.lens[PROTECTED]
    }

    fn settle(&mut self) {
        for _ in 0..4 {
            let main_share = self.capacity - self.shares[0];
            let (from, to) = if self.lens[PROTECTED] > self.shares[1] {
                (PROTECTED, PROBATION)
            } else if self.lens[WINDOW] > self.shares[0] && self.main_len() < main_share {
                (WINDOW, PROBATION)
            } else if self.climber.is_some()
                && self.main_len() > main_share
                && self.lens[WINDOW] < self.shares[0]
            {
                (PROBATION, WINDOW)
            } else {
                return;
            };
            match self.oldest(from) {
                Some(oldest) => self.put(oldest, to),
                None => return,
            }
        }
    }

    fn evict(&mut self) {
        self.was_full = true;
        let main = self.oldest(PROBATION).or_else(|| self.oldest(PROTECTED));
        let candidate = self.oldest(WINDOW);
        let loser = match (candidate, main) {
            (Some(candidate), Some(victim))
                if self.main_len() <= self.capacity - self.shares[0] =>
            {
                if self.admits(candidate, victim) {
                    self.put(candidate, PROBATION);
                    victim
                } else {
                    candidate
                }
            }
            (_, Some(victim)) => victim,
            (candidate, None) => candidate.expect("a full cache has a victim"),
        };
        let (segment, _) = self.residents.remove(&loser).unwrap();
        self.lens[segment] -= 1;
    }

    /// Counts a request, and divides the capacity anew at the end of a sample.
    fn climb(&mut self, hit_in: Option<usize>) {
        let entries = self.residents.len();
        let Some(climber) = &mut self.climber else {
            return;
        };
        climber.sample[hit_in.map_or(2, |segment| usize::from(segment != WINDOW))] += 1;
        let small = entries <= 4_096;
        let requests: u64 = climber.sample.iter().sum();
        if requests < entries as u64 * if small { 10 } else { 4 } {
            return;
        }
        let [window_hits, main_hits, _] = climber.sample;
        climber.sample = [0; 3];
        let capacity = self.capacity as f64;
        let (change, floor) = if small {
            let ratio = (window_hits + main_hits) as f64 / requests as f64;
            let difference = ratio - climber.ratio;
            climber.ratio = ratio;
            let step = if difference < 0.0 {
                -climber.step
            } else {
                climber.step
            };
            climber.step = if difference.abs() < 0.05 {
                0.98 * step
            } else {
                0.0625_f64.copysign(step)
            };
            (step * capacity, 1.0)
        } else {
            let earned = |hits: u64| (hits as f64).max(requests as f64 / 8_192.0);
            let window_density = earned(window_hits) / self.shares[0] as f64;
            let main_density = earned(main_hits) / (self.capacity - self.shares[0]) as f64;
            let error = (window_density / main_density).ln();
            let step = (0.03 * error).clamp(-0.3, 0.3);
            (step * capacity, 0.02 * capacity)
        };
        let window = (self.shares[0] as f64 + change).max(floor) as usize;
        let window = window.min(climber.window_max);
        let protected = ((self.capacity - window) as f64 * 0.8) as usize;
        self.shares = [window, protected];
        self.settle();
    }

    fn admits(&mut self, candidate: u64, victim: u64) -> bool {
        let frequency = self.sketch.estimate(candidate);
        if frequency > self.sketch.estimate(victim) {
            return true;
        }
        if frequency < 6 {
            return false;
        }
        // SplitMix64.
        self.lots = self.lots.wrapping_add(0x9e37_79b9_7f4a_7c15);
        let mixed = (self.lots ^ (self.lots >> 30)).wrapping_mul(0xbf58_476d_1ce4_e5b9);
        let mixed = (mixed ^ (mixed >> 27)).wrapping_mul(0x94d0_49bb_1331_11eb);
        (mixed ^ (mixed >> 31)).is_multiple_of(128)
    }
}

fn accesses(path: &Path) -> Vec<Access> {
    let mut catalogue = Catalogue::new();
    let requests = trace::open(path).unwrap().map(Result::unwrap);
    requests.map(|request| catalogue.access(&request)).collect()
}

/// The misses after every 1,000 requests.
fn misses<P: Policy>(policy: P, accesses: &[Access]) -> Vec<u64> {
    let mut simulator = Simulator::new(policy, Weighing::Objects);
    let counted = accesses.chunks(1_000).map(|block| {
        simulator.run(block);
        simulator.counts().misses
    });
    let counted = counted.collect();
    simulator.policy().check();
    counted
}

fn equals_the_model(accesses: &[Access], capacity: u64, window: f64, trace: &str) {
    for adaptive in [false, true] {
        let counted = if adaptive {
            let config = WTinyLfuAdaptiveConfig::default().with_window(window);
            misses(WTinyLfuAdaptive::new(capacity, &config).unwrap(), accesses)
        } else {
            let config = WTinyLfuConfig::default().with_window(window);
            misses(WTinyLfu::new(capacity, &config).unwrap(), accesses)
        };
        let mut model = Model::new(capacity as usize, window, adaptive);
        for (number, (block, counted)) in accesses.chunks(1_000).zip(counted).enumerate() {
            block.iter().for_each(|access| model.request(access.hash));
            let place = format!("{trace} at {capacity}, window {window}, block {number}");
            assert_eq!(model.misses, counted, "{place}, adaptive: {adaptive}");
        }
    }
}

/// Compares at shares of the trace's objects.
fn equals_the_model_on(name: &str, shares: &[f64]) {
    let Some(traces) = shared::traces() else {
        return;
    };
    let accesses = accesses(&traces.join(format!("{name}.oracleGeneral.zst")));
    let objects = accesses.iter().map(|access| access.object).max().unwrap() + 1;
    for (share, window) in shares.iter().zip([0.01, 0.2, 0.01]) {
        let capacity = ((f64::from(objects) * share) as u64).max(1);
        equals_the_model(&accesses, capacity, window, name);
    }
}

#[test]
fn w_tinylfu_equals_a_naive_model_on_the_small_traces() {
    for name in [
        "cpIO",
        "web12",
        "lirs_2_pools",
        "lirs_sprite",
        "lirs_multi1",
        "lirs_multi2",
        "lirs_multi3",
        "lirs_loop",
        "lirs_ps",
        "lirs_gli",
        "lirs_cpp",
        "lirs_cs",
    ] {
        equals_the_model_on(name, &[0.01, 0.1, 0.5]);
    }
}

#[test]
fn w_tinylfu_equals_a_naive_model_on_oltp() {
    equals_the_model_on("OLTP", &[0.01, 0.1, 0.04]);
}

#[test]
fn w_tinylfu_equals_a_naive_model_on_p3() {
    equals_the_model_on("P3", &[0.03, 0.1]);
}

/// Hit percentages on OLTP with 8,192 entries, by the window's share; the last is that of the climber.
#[test]
fn w_tinylfu_reaches_what_caffeine_published() {
    let Some(traces) = shared::traces() else {
        return;
    };
    let accesses = accesses(&traces.join("OLTP.oracleGeneral.zst"));
    let percentage = |misses: Vec<u64>| {
        let total = accesses.len() as f64;
        100.0 * (total - *misses.last().unwrap() as f64) / total
    };
    let assert_near = |what: &str, reached: f64, published: f64| {
        let difference = reached - published;
        assert!(
            difference.abs() <= 0.1,
            "{what}: {reached:.3}% hits, published are {published}%"
        );
    };
    for (window, published) in [(0.01, 57.44), (0.05, 59.10), (0.2, 60.28), (0.5, 61.06)] {
        let config = WTinyLfuConfig::default().with_window(window);
        let policy = WTinyLfu::new(8_192, &config).unwrap();
        let reached = percentage(misses(policy, &accesses));
        assert_near(&format!("window {window}"), reached, published);
    }
    let policy = WTinyLfuAdaptive::new(8_192, &WTinyLfuAdaptiveConfig::default()).unwrap();
    assert_near("adaptive", percentage(misses(policy, &accesses)), 60.77);
}
