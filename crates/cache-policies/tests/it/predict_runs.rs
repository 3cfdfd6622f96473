//! `Runs`: which accesses make a run, what is prefetched for it, and what becomes of it.

use std::collections::{BTreeSet, HashSet};

use cache_policies::{Runs, RunsConfig};

struct Random(u64);

impl Random {
    /// Uniform below `bound`.
    fn below(&mut self, bound: u64) -> u64 {
        self.0 = self
            .0
            .wrapping_mul(6364136223846793005)
            .wrapping_add(1442695040888963407);
        (self.0 >> 33) % bound
    }
}

/// Positions of one run, from `start` on.
fn positions(start: u64, stride: i64, len: u64) -> Vec<u64> {
    let step = |number: u64| start.wrapping_add_signed(stride * number as i64);
    (0..len).map(step).collect()
}

/// What is prefetched for a run alone, each position asserted to be new.
fn prefetched(runs: &mut Runs, accesses: &[u64]) -> BTreeSet<u64> {
    let mut all = BTreeSet::new();
    for &position in accesses {
        for ahead in runs.access(0, position).into_iter().flatten() {
            assert!(all.insert(ahead), "{ahead} is prefetched twice");
        }
    }
    all
}

#[test]
fn all_of_a_run_is_prefetched_once_but_its_beginning() {
    for stride in [1, -1, 3, -16] {
        let accesses = positions(1 << 40, stride, 2000);
        let all = prefetched(&mut Runs::new(RunsConfig::default()).unwrap(), &accesses);
        for &position in &accesses[3..] {
            assert!(all.contains(&position), "{position} is not prefetched");
        }
        // Beyond the end: no more than two windows.
        let beyond = all.len() - (accesses.len() - 3);
        assert!((64..=256).contains(&beyond), "{beyond} too many");
    }
}

#[test]
fn windows_ramp_up_to_the_maximum_and_come_before_they_are_needed() {
    let mut runs = Runs::new(RunsConfig::default().with_window(2, 64)).unwrap();
    let (mut sizes, mut end) = (Vec::new(), 0);
    for position in 0..500 {
        let ahead = runs.access(9, position);
        assert!(
            position < 3 || position < end,
            "{position} was not there in time"
        );
        if let Some(ahead) = ahead {
            let first = ahead.first().unwrap();
            assert_eq!(first, if end == 0 { 3 } else { end });
            end = first + ahead.len() as u64;
            sizes.push(ahead.len());
        }
    }
    assert_eq!(sizes[..6], [2, 8, 16, 32, 64, 64]);
    assert!(sizes[6..].iter().all(|&size| size == 64));
}

#[test]
fn interleaved_runs_are_told_apart() {
    // Forty runs: in files of their own, close together in one file, up and down, among random accesses.
    let mut random = Random(5);
    let mut runs = Runs::new(RunsConfig::default().with_streams(48)).unwrap();
    let mut streams = Vec::new();
    for number in 0..16 {
        streams.push((number, positions(1000 * number, 1, 300)));
        streams.push((
            100,
            positions((1 << 20) + (number << 12), 1 + number as i64, 300),
        ));
    }
    for number in 0..8 {
        streams.push((
            200 + number / 2,
            positions((1 << 30) + (number << 14), -2, 300),
        ));
    }
    let mut ahead = HashSet::new();
    let mut misses = 0;
    for step in 0..300 {
        for (space, positions) in &streams {
            let position = positions[step];
            misses += usize::from(step >= 3 && !ahead.contains(&(*space, position)));
            let more = runs.access(*space, position);
            ahead.extend(
                more.into_iter()
                    .flatten()
                    .map(|position| (*space, position)),
            );
        }
        let stray = runs.access(100, (1 << 50) + random.below(1 << 40));
        assert_eq!(stray, None);
    }
    assert_eq!((streams.len(), misses), (40, 0));
    assert_eq!(runs.len(), 40);
}

#[test]
fn two_runs_a_few_positions_apart_are_two() {
    let mut runs = Runs::new(RunsConfig::default()).unwrap();
    let mut ahead = HashSet::new();
    for step in 0..100u64 {
        for position in [step, 1000 - step] {
            assert!(step < 3 || ahead.contains(&position), "{position}");
            ahead.extend(runs.access(0, position).into_iter().flatten());
        }
    }
    let mut runs = Runs::new(RunsConfig::default()).unwrap();
    let (mut ahead, mut misses) = (HashSet::new(), 0);
    for step in 0..100u64 {
        for position in [step, step + 8] {
            misses += usize::from(!ahead.contains(&position));
            ahead.extend(runs.access(0, position).into_iter().flatten());
        }
    }
    assert!(misses <= 12, "{misses} misses");
}

#[test]
fn random_accesses_start_next_to_nothing() {
    for (space, most) in [(1 << 40, 0), (100_000, 200), (10_000, 20_000)] {
        let mut random = Random(11);
        let mut runs = Runs::new(RunsConfig::default()).unwrap();
        let mut prefetched = 0;
        for _ in 0..100_000 {
            let position = random.below(space);
            prefetched += runs.access(0, position).map_or(0, |ahead| ahead.len());
        }
        assert!(prefetched <= most, "{prefetched} of {space} positions");
    }
}

#[test]
fn random_accesses_drive_out_no_run() {
    let mut random = Random(13);
    let mut runs = Runs::new(RunsConfig::default().with_streams(4)).unwrap();
    let mut ahead = HashSet::new();
    for position in 0..200 {
        assert!(position < 3 || ahead.contains(&position), "{position}");
        ahead.extend(runs.access(0, position).into_iter().flatten());
        // Before it is a run, it has to come while its first accesses are remembered.
        for _ in 0..if position < 3 { 4 } else { 100 } {
            runs.access(1, random.below(1 << 40));
        }
    }
    assert_eq!(runs.len(), 1);
}

#[test]
fn false_starts_cost_nothing() {
    let mut runs = Runs::new(RunsConfig::default()).unwrap();
    for file in 0..1000 {
        for position in [0, 1, 5000, 5001, 70, 60] {
            assert_eq!(runs.access(file, position), None);
        }
    }
    assert!(runs.is_empty());
}

#[test]
fn repeated_late_and_skipping_accesses_stay_in_their_run() {
    let mut runs = Runs::new(RunsConfig::default()).unwrap();
    let mut end = 0;
    // Each twice, in pairs that change places, every tenth left out.
    for pair in 0..200 {
        for position in [2 * pair + 1, 2 * pair, 2 * pair + 1] {
            if position % 10 == 9 {
                continue;
            }
            if let Some(ahead) = runs.access(0, position) {
                let first = ahead.first().unwrap();
                assert!(end == 0 || first == end);
                end = first + ahead.len() as u64;
            }
        }
    }
    assert!(end > 400, "prefetched up to {end}");
    assert!(runs.len() <= 2, "{} runs", runs.len());
}

#[test]
fn what_was_wasted_makes_windows_smaller_and_use_makes_them_grow_again() {
    let mut runs = Runs::new(RunsConfig::default().with_window(4, 64)).unwrap();
    let mut position = 0;
    let mut last = 0;
    let mut advance = |runs: &mut Runs, windows: usize| {
        let (mut seen, mut ahead) = (0, Vec::new());
        while seen < windows {
            if let Some(more) = runs.access(0, position) {
                ahead = more.collect();
                seen += 1;
            }
            position += 1;
        }
        ahead
    };
    let ahead = advance(&mut runs, 10);
    assert_eq!(ahead.len(), 64);
    for &wasted in &ahead[..40] {
        runs.wasted(0, wasted);
    }
    let shrunk = advance(&mut runs, 1).len();
    assert_eq!(shrunk, 24);
    for windows in 1..30 {
        let size = advance(&mut runs, 1).len();
        assert_eq!(
            size,
            shrunk + windows,
            "one more for each that was used to its end"
        );
        last = size;
    }
    assert!(last < 64);
    for _ in 0..2 {
        for &wasted in &advance(&mut runs, 1) {
            runs.wasted(0, wasted);
        }
    }
    assert_eq!(advance(&mut runs, 1).len(), 4, "never below the minimum");
}

#[test]
fn what_came_late_makes_the_next_window_due_earlier() {
    let left_when_due = |late: u64| {
        let mut runs = Runs::new(RunsConfig::default().with_window(4, 64)).unwrap();
        let mut end = 0;
        for position in 0..10_000 {
            let Some(ahead) = runs.access(0, position) else {
                continue;
            };
            if position > 5_000 {
                return end - position - 1;
            }
            end = ahead.first().unwrap() + ahead.len() as u64;
            if position > 1_000 && position < 3_000 {
                (0..late).for_each(|number| runs.late(0, position + 1 + number));
            }
        }
        unreachable!("the run goes on")
    };
    assert_eq!(left_when_due(0), 32);
    assert!(left_when_due(1) > 36);
    assert_eq!(left_when_due(40), 64, "at most a whole window");
}

#[test]
fn runs_end_where_positions_do() {
    let all = prefetched(
        &mut Runs::new(RunsConfig::default()).unwrap(),
        &positions(u64::MAX - 20, 2, 10),
    );
    assert_eq!(all.last(), Some(&(u64::MAX)));
    let all = prefetched(
        &mut Runs::new(RunsConfig::default()).unwrap(),
        &positions(21, -2, 11),
    );
    assert_eq!(all.first(), Some(&1));
    // Nor is the other end near.
    let mut runs = Runs::new(RunsConfig::default()).unwrap();
    for position in [u64::MAX - 1, u64::MAX, 0, 1, 2] {
        let ahead = runs.access(0, position);
        assert_eq!(ahead.is_some(), position == 2);
    }
}

#[test]
fn the_run_that_was_idle_longest_makes_room() {
    let mut runs = Runs::new(RunsConfig::default().with_streams(2)).unwrap();
    for file in 0..3 {
        for position in 0..5 {
            runs.access(file, position);
        }
    }
    assert_eq!(runs.len(), 2);
    assert!(runs.access(1, 5).is_none() && runs.access(1, 6).is_none());
    assert!((5..30).any(|position| runs.access(2, position).is_some()));
    runs.forget(2);
    assert_eq!(runs.len(), 1);
    runs.clear();
    assert!(runs.is_empty());
}

#[test]
fn positions_that_are_accessed_all_the_time_drive_out_no_beginning() {
    let mut runs = Runs::new(RunsConfig::default()).unwrap();
    for position in 0..3 {
        let ahead = runs.access(0, position);
        assert_eq!(ahead.is_some(), position == 2, "{position}");
        for _ in 0..500 {
            assert_eq!(runs.access(1, 7), None);
            assert_eq!(runs.access(1, 8), None);
        }
    }
}

#[test]
fn a_read_ahead_that_is_used_up_has_no_first_position() {
    let mut runs = Runs::new(RunsConfig::default().with_window(2, 2)).unwrap();
    runs.access(0, 0);
    runs.access(0, 1);
    let mut ahead = runs.access(0, 2).unwrap();
    let mut left = std::iter::from_fn(|| {
        let first = ahead.first();
        assert_eq!(ahead.next(), first);
        first
    });
    assert_eq!(
        (left.next(), left.next(), left.next()),
        (Some(3), Some(4), None)
    );
}

#[test]
fn parameters_out_of_range_are_refused() {
    let default = RunsConfig::default;
    for (config, parameter) in [
        (default().with_streams(0), "runs: streams=0 "),
        (default().with_stride_max(0), "runs: stride_max=0 "),
        (default().with_confirm(1), "runs: confirm=1 "),
        (default().with_window(0, 4), "runs: window=0..=4 "),
        (default().with_window(4, 3), "runs: window=4..=3 "),
        (default().with_window(4, 1 << 30), "runs: window=4..="),
    ] {
        let refused = Runs::new(config).unwrap_err().to_string();
        assert!(refused.starts_with(parameter), "{refused}");
    }
}
