//! Losses of power at every barrier of the script, one for each way in which what was not synced may have come to the device.

use super::history::{History, Truths, judge_all};
use super::{Begun, OpenError, Options, named, open_at, small, stride};
use crate::device::simulated::{Landing, Moment};
use crate::figures::tell;
use std::collections::BTreeMap;

/// Of the writes that may be torn, and the pairs that may be swapped, at a barrier so many at most; the others have their turn at
/// the next ones.
const CHOSEN: usize = 24;
/// Bits of a write that are flipped, one at a time.
const FLIPS: usize = 8;
const FLIPPED: &str = "a bit is flipped";

/// What comes to the device of `changes` changes, but for one of them.
fn but(changes: usize, one: usize, landing: Option<Landing>) -> Vec<Landing> {
    let rest = |number| (number != one).then_some(Landing::Whole(number));
    (0..changes)
        .filter_map(|number| match &landing {
            Some(landing) if number == one => Some(landing.clone()),
            _ => rest(number),
        })
        .collect()
}

/// Every `stride`th of them, beginning at another one each time, so that there are [`CHOSEN`] or fewer.
fn chosen<T>(all: Vec<T>, turn: usize) -> impl Iterator<Item = T> {
    let stride = all.len().div_ceil(CHOSEN).max(1);
    all.into_iter().skip(turn % stride).step_by(stride)
}

/// The ways in which a loss of power at a moment may leave the device. `turn` is another number at each moment.
fn fates(moment: &Moment, turn: usize) -> Vec<(&'static str, Vec<Landing>)> {
    let changes = moment.changes();
    let whole = |range: std::ops::Range<usize>| range.map(Landing::Whole).collect::<Vec<_>>();
    let mut fates = vec![("nothing lands", vec![]), ("all lands", whole(0..changes))];
    for one in 0..changes {
        fates.push(("one is lost", but(changes, one, None)));
        fates.push(("one lands", vec![Landing::Whole(one)]));
        fates.push(("the first land", whole(0..one)));
        fates.push(("the last land", whole(one..changes)));
    }
    let sectors = |one| (1..moment.sectors(one)).map(move |sector| (one, sector));
    let tears: Vec<_> = (0..changes).flat_map(sectors).collect();
    for (one, sector) in tears {
        let (head, tail) = (0..sector, sector..usize::MAX);
        for part in [head, tail] {
            let torn = Landing::Torn(one, part);
            fates.push(("one is torn", but(changes, one, Some(torn.clone()))));
            fates.push(("one is torn, the rest lost", vec![torn]));
        }
    }
    let pairs = (0..changes).flat_map(|one| (one + 1..changes).map(move |other| (one, other)));
    for (one, other) in chosen(pairs.collect(), turn) {
        let mut swapped = whole(0..changes);
        swapped.swap(one, other);
        fates.push(("two are swapped", swapped));
        let lost = |landing: &Landing| !matches!(landing, Landing::Whole(number) if [one, other].contains(number));
        let rest = whole(0..changes).into_iter().filter(lost);
        fates.push(("two are lost", rest.collect()));
        let two = vec![Landing::Whole(other), Landing::Whole(one)];
        fates.push(("two land", two));
    }
    let writes = (0..changes).filter(|&one| moment.bytes(one) > 0);
    for one in chosen(writes.collect(), turn) {
        let bits = moment.bytes(one) * 8;
        for flip in 0..FLIPS {
            let bit = (flip * bits / FLIPS + turn * 13) % bits;
            let flipped = Landing::Flipped(one, bit);
            fates.push((FLIPPED, but(changes, one, Some(flipped))));
        }
    }
    fates
}

/// What the losses of power came to.
#[derive(Debug, Default)]
struct Sums {
    moments: usize,
    fates: BTreeMap<&'static str, u64>,
    /// Not opened, as superblocks were damaged.
    refused: u64,
    warm: u64,
    hits: u64,
}

impl Sums {
    /// Loses power at a moment when the keys were `truths`, in every way, and opens what is left, twice.
    fn lose(&mut self, moment: &Moment, options: &Options, truths: &Truths, wall: u64) {
        let turn = self.moments;
        self.moments += 1;
        for (number, (fate, landed)) in fates(moment, turn).into_iter().enumerate() {
            if number % stride() != 0 {
                continue;
            }
            *self.fates.entry(fate).or_default() += 1;
            let context = format!(
                "{}, barrier {turn}, {fate} ({number})",
                named(options.durable)
            );
            let mut device = moment.powered_off(landed);
            for life in ["", ", once more"] {
                let (disk, begun) = match open_at(&device, options, wall) {
                    Ok(opened) => opened,
                    // It says that another version wrote it, or that both superblocks are damaged.
                    Err(OpenError::Version { .. } | OpenError::Damaged { .. })
                        if fate == FLIPPED =>
                    {
                        self.refused += 1;
                        break;
                    }
                    Err(error) => panic!("{context}{life}: {error}"),
                };
                let hits = judge_all(&disk, truths, wall, &format!("{context}{life}"));
                self.warm += u64::from(begun == Begun::Warm && life.is_empty());
                self.hits += hits;
                drop(disk);
                device = device.killed();
            }
        }
    }
}

/// Plays the script, and loses power at each of its barriers.
fn enumerate(durable: bool) -> Sums {
    let options = small(durable);
    let mut sums = Sums::default();
    let mut history = History::new(1, options);
    history.device.watch();
    history.play(|history, before| {
        for moment in history.device.moments() {
            // What is being changed may have its former value, or none.
            sums.lose(&moment, &options, before, history.wall());
        }
    });
    let losses: u64 = sums.fates.values().sum();
    tell(&format!(
        "{}: {losses} losses of power at {} barriers, {} refused, {} warm, {} hits: {:?}",
        named(durable),
        sums.moments,
        sums.refused,
        sums.warm,
        sums.hits,
        sums.fates
    ));
    assert!(history.reinserted > 5, "{} moved", history.reinserted);
    sums
}

#[test]
fn g2_a_loss_of_power_at_any_barrier_brings_nothing_back() {
    let sums = enumerate(true);
    assert!(sums.moments >= 100, "{}", sums.moments);
    let losses: u64 = sums.fates.values().sum();
    assert!(
        sums.warm * 10 > losses * 7,
        "{} of {losses} warm",
        sums.warm
    );
    assert!(sums.hits > losses * 5, "{} hits", sums.hits);
    if stride() == 1 {
        assert!(losses >= 10_000, "{losses}");
        assert_each(&sums, 100);
    }
}

#[test]
fn g2_a_loss_of_power_at_any_barrier_leaves_nothing_that_is_not_durable() {
    let sums = enumerate(false);
    assert!(sums.moments >= 10, "{}", sums.moments);
    // Once it was closed, and said so.
    assert!(sums.warm > 0 && sums.hits > 0, "{} warm", sums.warm);
    if stride() == 1 {
        assert!(sums.fates.values().sum::<u64>() >= 5_000);
        assert_each(&sums, 10);
    }
}

/// Each way was tried so often at the least.
fn assert_each(sums: &Sums, least: u64) {
    assert_eq!(sums.fates.len(), 12, "{:?}", sums.fates);
    for (fate, count) in &sums.fates {
        assert!(*count >= least, "{fate}: {count}");
    }
}
