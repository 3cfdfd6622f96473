//! Random histories, cut short by kills, losses of power, faults and clocks that jump.

use super::history::{History, judge_all};
use super::{Begun, KEYS, WALL, find, named, open_at, open_with, options};
use crate::device::simulated::Fault;
use crate::figures::{SEEDS, seeds, seeds_or, tell};

/// Lives of each history.
const LIVES: u64 = 4;
/// Steps of each life at most.
const STEPS: u64 = 200;

/// Histories whose clock jumps.
const JUMPS: u32 = 1_000;

/// What came of the histories of one kind.
#[derive(Debug, Default)]
struct Sums {
    histories: u64,
    hits: u64,
    reopened: u64,
    kept: u64,
    refused: u64,
}

impl Sums {
    fn add(&mut self, history: &History) {
        self.histories += 1;
        self.hits += history.hits;
        self.reopened += history.reopened;
        self.kept += history.kept;
        self.refused += history.refused;
    }

    /// Says how many there were, as `ended` says.
    fn tell(&self, durable: bool, ended: &str) {
        let Self {
            histories,
            hits,
            reopened,
            kept,
            refused,
        } = self;
        let lives = histories * LIVES;
        tell(&format!(
            "{}: {histories} seeds, {lives} lives ended by {ended}, {reopened} of them with something in the tier, {kept} then warm; {hits} hits, {refused} errors",
            named(durable)
        ));
    }
}

/// Histories of each durability, together as many as there are seeds to be.
fn each(ended: &str, mut live: impl FnMut(&mut History)) -> [Sums; 2] {
    [false, true].map(|durable| {
        let mut sums = Sums::default();
        for seed in (u64::from(durable)..seeds().into()).step_by(2) {
            let mut history = History::new(seed, options(durable));
            for _ in 0..LIVES {
                live(&mut history);
            }
            sums.add(&history);
        }
        sums.tell(durable, ended);
        sums
    })
}

#[test]
fn g2_nothing_comes_back_after_kills() {
    let sums = each("kills", |history| {
        if history.random.below(2) == 0 {
            let call = history.random.below(80);
            history.device.fail(call, Fault::Crash);
        }
        history.steps(STEPS);
        let next = history.device.killed();
        history.reopen(next);
    });
    for sums in sums {
        assert!(sums.kept * 4 > sums.reopened * 3, "{sums:?}");
        assert!(sums.hits > sums.histories * 25, "{sums:?}");
    }
}

#[test]
fn g2_nothing_comes_back_after_losses_of_power() {
    let [process, power] = each("losses of power", |history| {
        history.steps(STEPS);
        let next = history.device.powered_off();
        history.reopen(next);
    });
    assert_eq!(process.kept, 0, "nobody knows what is missing");
    assert!(power.kept * 4 > power.reopened, "{power:?}");
    assert!(power.hits > power.histories * 12, "{power:?}");
    assert!(process.hits > process.histories * 7, "{process:?}");
}

#[test]
fn g2_nothing_comes_back_after_errors_of_the_device() {
    let sums = each("kills after faults", |history| {
        for _ in 0..history.random.below(4) {
            let call = history.random.below(150);
            let faults = [Fault::Broken, Fault::Full, Fault::Short];
            let fault = faults[history.random.below(3) as usize];
            history.device.fail(call, fault);
            let read = history.random.below(60);
            history.device.fail_read(read);
            let read = history.random.below(60);
            history.device.shorten_read(read);
        }
        history.steps(STEPS);
        let next = history.device.killed();
        history.reopen(next);
    });
    for sums in sums {
        assert!(sums.hits > sums.histories * 15, "{sums:?}");
        assert!(sums.refused > 0 || seeds() < SEEDS, "{sums:?}");
    }
}

/// The system's time at the next opening: on, back, long ago or far ahead.
fn jump(history: &mut History) -> u64 {
    let wall = history.wall();
    let by = history.random.below(5_000);
    match history.random.below(8) {
        0..3 => wall.saturating_add(by),
        3..6 => wall.saturating_sub(by),
        6 => by,
        // No time is as far ahead as to leave no room for a life.
        _ => wall.saturating_add(by << 20),
    }
}

#[test]
fn a_clock_that_jumps_lets_nothing_outlive_itself() {
    let (mut jumps, mut over, mut sums) = ([0_u64; 2], 0_u64, Sums::default());
    for seed in 0..u64::from(seeds_or(JUMPS)) {
        let mut history = History::new(seed, options(seed % 2 == 0));
        for _ in 0..LIVES {
            history.steps(STEPS);
            let wall = jump(&mut history);
            jumps[usize::from(wall < history.wall())] += 1;
            let ended = |truth: &&super::Truth| truth.present && (1..=wall).contains(&truth.expiry);
            over += history.truths.values().filter(ended).count() as u64;
            let next = history.device.killed();
            history.reopen_at(next, wall);
        }
        sums.add(&history);
    }
    let [on, back] = jumps;
    tell(&format!(
        "disk tier: {} seeds, the clock jumps on {on} times and back {back} times over {over} ends of lives; {} hits",
        sums.histories, sums.hits
    ));
    assert_eq!(on + back, sums.histories * LIVES);
    assert!(on.min(back) >= sums.histories, "{jumps:?}");
    assert!(over >= sums.histories * 3, "{over}");
    assert!(sums.hits > sums.histories * 25, "{sums:?}");
}

#[test]
fn a_closed_tier_opens_with_everything_and_after_a_loss_of_power_too() {
    let mut sum = 0;
    for seed in 0..u64::from(seeds_or(30)) {
        let mut history = History::new(seed, options(seed % 2 == 0));
        for _ in 0..300 {
            history.step();
        }
        // What was invalidated, and what has outlived itself, is dropped when it is met.
        let entries = history.read_all();
        assert_eq!(history.disk.index.len() as u64, entries);
        history.disk.close().unwrap();
        sum += entries;
        let device = history.device.powered_off();
        let (disk, begun) = open_at(&device, &history.options, history.wall()).unwrap();
        assert_eq!((begun, disk.index.len() as u64), (Begun::Warm, entries));
        let answers = judge_all(&disk, &history.truths, history.wall(), "closed");
        assert_eq!(answers, entries);
    }
    assert!(sum > 100, "{sum} entries");
}

#[test]
fn a_restart_goes_on_with_the_files_that_there_are() {
    for durable in [false, true] {
        let mut history = History::new(7, options(durable));
        for key in 0..4 {
            history.change(key, true);
            history.demote(key, |_| {});
        }
        history.disk.flush();
        let names = history.device.names();
        for _ in 0..20 {
            let device = history.device.killed();
            history.restart(device, WALL);
            assert_eq!(history.device.names(), names);
        }
        // What is noted then, and the power is lost, is still behind what there was.
        history.change(1, false);
        history.disk.close().unwrap();
        let device = history.device.powered_off();
        history.disk = open_with(&device, &history.options).unwrap().0;
        let there: Vec<u64> = (0..KEYS)
            .filter(|&key| find(&history.disk, key).is_some())
            .collect();
        assert_eq!(there, [0, 2, 3]);
    }
}
