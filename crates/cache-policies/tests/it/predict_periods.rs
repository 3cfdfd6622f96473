//! `Periods`: what is found among noise, what is not, and who is named when.

use cache_policies::{Periods, PeriodsConfig};

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

fn periods() -> Periods<u64> {
    Periods::new(64, PeriodsConfig::default()).unwrap()
}

#[test]
fn a_period_is_found_after_the_configured_intervals_and_no_earlier() {
    for confirm in 1..6 {
        let config = PeriodsConfig::default().with_confirm(confirm);
        let mut periods = Periods::new(8, config).unwrap();
        // The first interval proposes, each further one confirms.
        for beat in 0..=u64::from(confirm) + 1 {
            assert_eq!(periods.period(1), None, "before access {beat}");
            periods.observe(1, 1000 + 70 * beat, || 11);
        }
        let period = periods.period(1).unwrap();
        assert_eq!(period.ticks(), 70);
        assert_eq!(period.last(), 1070 + 70 * u64::from(confirm));
    }
}

#[test]
fn jitter_missing_and_extra_accesses_are_borne() {
    let mut random = Random(42);
    let (mut periods, mut found, mut near) = (periods(), 0, 0);
    const BEATS: u64 = 1000;
    for beat in 1..=BEATS {
        let at = beat * 1000;
        if let Some(period) = periods.period(1) {
            found += 1;
            let expected = period.expected_after(at - 500);
            near += u64::from(expected.abs_diff(at) <= 100);
        }
        // A beat is missing one time in eight, up to 4% early or late, and followed by a stray one time in five.
        if random.below(8) != 0 {
            periods.observe(1, at + random.below(81) - 40, || 11);
        }
        if random.below(5) == 0 {
            periods.observe(1, at + 150 + random.below(700), || 11);
        }
    }
    assert!(
        found > BEATS * 9 / 10,
        "confirmed at {found} of {BEATS} beats"
    );
    assert!(
        near > found * 9 / 10,
        "{near} of {found} predictions are near"
    );
}

#[test]
fn a_memoryless_stream_has_seldom_a_period() {
    const ACCESSES: u64 = 50_000;
    // What the documentation says of the default, and of a stricter one.
    for (confirm, percent) in [(3, 7), (5, 2)] {
        let mut random = Random(7);
        let (mut confirmed, mut now) = (0, 0);
        let mut periods = Periods::new(8, PeriodsConfig::default().with_confirm(confirm)).unwrap();
        for _ in 0..ACCESSES {
            now += 1;
            while random.below(200) != 0 {
                now += 1;
            }
            periods.observe(1, now, || 11);
            confirmed += u64::from(periods.period(1).is_some());
        }
        assert!(
            confirmed < ACCESSES * percent / 100,
            "confirmed after {confirmed} of {ACCESSES} accesses"
        );
    }
}

#[test]
fn a_changed_period_takes_over_and_a_shifted_phase_is_followed() {
    let mut periods = periods();
    let mut now = 0;
    for (period, beats) in [(100, 20), (37, 40), (800, 20)] {
        for _ in 0..beats {
            now += period;
            periods.observe(1, now, || 11);
        }
        let found = periods.period(1).map(|found| (found.ticks(), found.last()));
        assert_eq!(found, Some((period, now)));
    }
    // Half a period late, once: the next is expected a period from then.
    now += 1200;
    periods.observe(1, now, || 11);
    let period = periods
        .period(1)
        .expect("twenty beats outweigh one that is out of phase");
    assert_eq!(period.expected_after(now), now + 800);
}

#[test]
fn keys_are_named_in_order_once_a_period_and_forgotten_when_they_stay_away() {
    let mut periods = periods();
    let lengths = [100u64, 130, 170];
    for beat in 0..6 {
        for (key, length) in (0u64..).zip(lengths) {
            periods.observe(key, 10_000 + key - length * (5 - beat), || key);
        }
    }
    assert_eq!((periods.len(), periods.periodic()), (3, 3));
    assert_eq!(periods.next_due(), Some(10_100));
    let mut named = Vec::new();
    for now in 10_000..11_000 {
        while let Some(due) = periods.pop_due(now + 20) {
            assert!(
                due.at <= now + 20 && due.at > now,
                "neither late nor too early"
            );
            named.push((due.at, *due.key));
        }
    }
    // Three times each, nobody coming; the times of all in order.
    let expected = [
        (10_100, 0),
        (10_131, 1),
        (10_172, 2),
        (10_200, 0),
        (10_261, 1),
        (10_300, 0),
        (10_342, 2),
        (10_391, 1),
        (10_512, 2),
    ];
    assert_eq!(named, expected);
    assert_eq!(
        (periods.len(), periods.next_due()),
        (0, None),
        "patience is over"
    );
}

#[test]
fn a_key_that_comes_is_named_for_ever_and_kept_once() {
    let (mut periods, mut asked, mut named) = (periods(), 0, 0);
    for beat in 0..100 {
        periods.observe(1, beat * 60, || {
            asked += 1;
            11
        });
        while let Some(due) = periods.pop_due(beat * 60 + 30 + 31) {
            assert_eq!(due.at, (beat + 1) * 60);
            named += 1;
        }
    }
    assert_eq!((asked, named), (1, 96));
}

#[test]
fn a_horizon_far_ahead_names_each_key_once() {
    let mut periods = periods();
    for beat in 0..6 {
        periods.observe(1, beat * 10, || 11);
    }
    assert_eq!(periods.pop_due(1_000_000).map(|due| due.at), Some(60));
    assert!(periods.pop_due(1_000_000).is_none());
    assert_eq!(periods.next_due(), Some(1_000_010));
    assert!(periods.pop_due(u64::MAX).is_some());
    assert!(
        periods.pop_due(u64::MAX).is_none(),
        "the end of time comes once"
    );
}

#[test]
fn bursts_are_one_access() {
    let config = PeriodsConfig::default().with_burst(8);
    let mut periods = Periods::new(8, config).unwrap();
    for beat in 0..6 {
        for access in 0..5 {
            periods.observe(1, beat * 500 + access * 2, || 11);
        }
    }
    assert_eq!(periods.period(1).map(|period| period.ticks()), Some(500));
}

#[test]
fn many_keys_in_little_room_keep_those_with_a_period() {
    let mut random = Random(3);
    let mut periods = Periods::new(256, PeriodsConfig::default()).unwrap();
    let hash = |key: u64| key.wrapping_mul(0xd6e8_feb8_6659_fd93);
    for beat in 0..20 {
        for key in 0..64 {
            periods.observe(hash(key), beat * 1000 + key, || key);
        }
        // From the sixth beat on, many times the room passes by.
        if beat >= 6 {
            for _ in 0..1000 {
                let key = 1000 + random.below(1 << 40);
                periods.observe(hash(key), beat * 1000 + 100, || key);
            }
        }
    }
    assert!(periods.len() <= periods.capacity());
    assert_eq!(periods.periodic(), 64);
    for key in 0..64 {
        let period = periods.period(hash(key)).unwrap();
        assert_eq!(period.expected_after(19_500), 20_000 + key);
        assert!(periods.forget(hash(key)));
    }
    assert_eq!((periods.periodic(), periods.next_due()), (0, None));
    periods.clear();
    assert!(periods.is_empty());
}

#[test]
fn a_clock_that_stands_or_goes_back_changes_nothing() {
    let mut periods = periods();
    for beat in 1..7 {
        periods.observe(1, beat * 10, || 11);
    }
    let before = periods.period(1);
    for tick in [60, 59, 0] {
        periods.observe(1, tick, || 11);
    }
    assert_eq!(periods.period(1), before);
}

#[test]
fn no_room_is_no_key() {
    let mut periods = Periods::new(0, PeriodsConfig::default()).unwrap();
    for beat in 0..10 {
        periods.observe(1, beat, || 11);
    }
    assert_eq!((periods.capacity(), periods.len()), (0, 0));
    assert!(periods.pop_due(100).is_none());
}

#[test]
fn parameters_out_of_range_are_refused() {
    let default = PeriodsConfig::default;
    for (config, parameter) in [
        (default().with_tolerance(0.5), "periods: tolerance=0.5 "),
        (
            default().with_tolerance(f64::NAN),
            "periods: tolerance=NaN ",
        ),
        (default().with_confirm(0), "periods: confirm=0 "),
        (default().with_confirm(101), "periods: confirm=101 "),
        (default().with_patience(0), "periods: patience=0 "),
    ] {
        let refused = Periods::<u64>::new(8, config).unwrap_err().to_string();
        assert!(refused.starts_with(parameter), "{refused}");
    }
}

#[test]
fn keys_are_named_in_the_order_of_their_times_whatever_comes_between() {
    // Periods of 10 to 73 ticks that begin, end and are forgotten: never is one named before another that is due earlier.
    let mut random = Random(3);
    let mut periods = Periods::new(64, PeriodsConfig::default()).unwrap();
    let (mut named, mut most) = (0, 0);
    for now in 0..20_000u64 {
        for key in 0..64u64 {
            let rests = (now / 2000 + key).is_multiple_of(5);
            if now.is_multiple_of(10 + key) && !rests {
                periods.observe(key, now, || key);
            }
        }
        if random.below(200) == 0 {
            periods.forget(random.below(64));
        }
        let mut before = 0;
        while let Some(next) = periods.next_due().filter(|&at| at <= now + 3) {
            let patient = periods.periodic();
            match periods.pop_due(now + 3) {
                Some(due) => {
                    assert!(due.at >= next && due.at >= before);
                    before = due.at;
                    named += 1;
                }
                None => assert!(periods.periodic() < patient, "the last one was forgotten"),
            }
        }
        most = most.max(periods.periodic());
    }
    assert!(named > 10_000 && most > 40, "{named} named, {most} at once");
}
