//! Summaries of traces that are known by heart.

use super::*;

fn request(key: u64) -> Request {
    Request {
        time: 0,
        key,
        size: 1,
        next: None,
    }
}

fn summary(columns: Columns, requests: impl IntoIterator<Item = Request>) -> Summary {
    let mut analyzer = Analyzer::new(columns);
    for request in requests {
        analyzer.push(&request).expect("few objects");
    }
    analyzer.finish()
}

const ALL: Columns = Columns {
    time: true,
    size: true,
    next: true,
};

#[test]
fn what_is_not_held_is_left_out() {
    let summary = summary(Columns::default(), [1, 2, 1].map(request));
    assert_eq!(
        (summary.bytes_requested, summary.bytes_footprint),
        (None, None)
    );
    assert_eq!(
        (summary.time, summary.sizes, summary.size_changes),
        (None, None, None)
    );
    assert_eq!(summary.next_access, NextAccess::Absent);
    assert_eq!(summary.zipf, None);
}

#[test]
fn nothing_sums_up_to_nothing() {
    let summary = summary(ALL, []);
    assert_eq!(
        (summary.requests, summary.objects, summary.lru.len()),
        (0, 0, 0)
    );
    assert_eq!((summary.reuse_distance, summary.sizes), (None, None));
}

#[test]
fn sizes_and_times_are_counted() {
    let requests = [
        (5, 1, 100),
        (9, 2, 50),
        (7, 1, 300),
        (7, 1, 100),
        (8, 2, 50),
    ];
    let requests = requests.map(|(time, key, size)| Request {
        time,
        size,
        ..request(key)
    });
    let summary = summary(ALL, requests);
    assert_eq!(
        (summary.bytes_requested, summary.bytes_footprint),
        (Some(600), Some(150))
    );
    let times = Times {
        first: 5,
        last: 9,
        span: 4,
        backwards: 1,
    };
    assert_eq!(summary.time, Some(times));
    let sizes = Sizes {
        min: 50,
        median: 100,
        p99: 300,
        max: 300,
        mean: 120.0,
    };
    assert_eq!(summary.sizes, Some(sizes));
    let changes = SizeChanges {
        requests: 2,
        objects: 1,
    };
    assert_eq!(summary.size_changes, Some(changes));
}

#[test]
fn sizes_from_0_to_4_gib_are_told_to_three_digits() {
    let of = |sizes: &[u32]| {
        let requests = sizes.iter().map(|&size| Request { size, ..request(1) });
        summary(ALL, requests).sizes.expect("sizes")
    };
    let sizes = of(&[0, 3_000_000, 3_000_001, 4_000_000_000, u32::MAX]);
    assert_eq!((sizes.min, sizes.max), (0, u32::MAX));
    assert!(sizes.p99 > u32::MAX / 1000 * 999, "{sizes:?}");
    assert!(sizes.median.abs_diff(3_000_001) <= 3_000, "{sizes:?}");
    assert_eq!((of(&[0]).min, of(&[0]).max, of(&[0]).median), (0, 0, 0));
    assert_eq!(of(&[u32::MAX]).median, u32::MAX);
    assert_eq!(of(&[61_440, 512, 69_632]).median, 61_440);
}

#[test]
fn wonders_and_sequences_are_counted() {
    let summary = summary(
        Columns::default(),
        [1, 2, 3, 7, 1, 2, u64::MAX, 0].map(request),
    );
    assert_eq!(summary.one_hit_wonders.objects, 4);
    assert!((summary.one_hit_wonders.share_of_objects - 4.0 / 6.0).abs() < 1e-9);
    assert!((summary.one_hit_wonders.share_of_requests - 0.5).abs() < 1e-9);
    assert!(
        (summary.sequential_share - 0.375).abs() < 1e-9,
        "2^64 - 1 is followed by nothing"
    );
}

#[test]
fn lru_misses_what_lies_as_far_apart_as_it_is_large() {
    // A loop over 100 objects: all or nothing.
    let keys = (0..1000).map(|index| request(index % 100));
    let summary = summary(Columns::default(), keys);
    let distances = summary.reuse_distance.expect("reuse");
    assert_eq!(
        (distances.requests, distances.p10, distances.max),
        (900, 99, 99)
    );
    let misses: Vec<(u64, u64)> = summary
        .lru
        .iter()
        .map(|at| (at.objects, at.misses))
        .collect();
    assert_eq!(
        misses,
        [
            (1, 1000),
            (5, 1000),
            (10, 1000),
            (25, 1000),
            (50, 1000),
            (100, 100)
        ]
    );
}

#[test]
fn next_positions_are_held_against_what_comes() {
    let of = |next: [Option<u64>; 4]| {
        let requests = [1, 2, 1, 1].into_iter().zip(next);
        summary(
            ALL,
            requests.map(|(key, next)| Request {
                next,
                ..request(key)
            }),
        )
        .next_access
    };
    assert_eq!(of([Some(3), None, Some(4), None]), NextAccess::Right);
    // The beginning of a longer trace.
    let longer = [Some(3), Some(5), Some(4), Some(9)];
    assert_eq!(of(longer), NextAccess::Right);
    assert_eq!(of([None; 4]), NextAccess::Absent);
    for (next, positions) in [
        ([Some(2), None, Some(4), None], 1),
        ([None, None, Some(4), None], 1),
        ([Some(3), Some(4), Some(4), None], 1),
        ([Some(3), None, Some(4), Some(4)], 1),
    ] {
        assert_eq!(of(next), NextAccess::Wrong { positions });
    }
}

#[test]
fn only_another_object_is_one_too_many() {
    let mut analyzer = Analyzer::new(ALL);
    analyzer.stack = StackDistances::new().with_objects_max(2);
    let pushed = [1, 2, 1, 3, 2].map(|key| analyzer.push(&request(key)));
    assert_eq!(
        pushed,
        [Ok(()), Ok(()), Ok(()), Err(TooManyObjects), Ok(())]
    );
    let summary = analyzer.finish();
    assert_eq!((summary.requests, summary.objects), (4, 2));
}
