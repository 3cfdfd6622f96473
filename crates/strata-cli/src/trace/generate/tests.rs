//! Generated workloads are exact, seeded and bounded.

use super::*;

fn keys(workload: &Workload) -> Vec<u64> {
    workload
        .generate()
        .expect("a valid workload")
        .map(|request| request.key)
        .collect()
}

#[test]
fn a_seed_gives_the_same_requests_each_time() {
    let workload = Workload::new(Pattern::Mixed)
        .keys(1000)
        .requests(5000)
        .sizes(100..=200);
    let again: Vec<Request> = workload.generate().expect("valid").collect();
    assert!(workload.generate().expect("valid").eq(again));
    assert_ne!(keys(&workload), keys(&workload.clone().seed(1)));
    // Written down: whoever changes the sequence changes the figures of everybody who measured with it.
    let zipf = Workload::new(Pattern::Zipf)
        .keys(1_000_000)
        .requests(6)
        .seed(42);
    assert_eq!(
        keys(&zipf),
        [66_789, 75_588, 984_027, 236_066, 562_297, 297_129]
    );
}

#[test]
fn zipf_draws_match_the_exact_probabilities() {
    const KEYS: u64 = 50;
    const DRAWS: u64 = 400_000;
    for skew in [0.0, 0.5, 0.99, 1.0, 1.3] {
        let workload = Workload::new(Pattern::Zipf)
            .keys(KEYS)
            .skew(skew)
            .requests(DRAWS)
            .seed(3);
        let mut counts = vec![0_u64; KEYS as usize];
        for key in keys(&workload) {
            counts[key as usize] += 1;
        }
        counts.sort_unstable_by(|a, b| b.cmp(a));
        let weights: Vec<f64> = (1..=KEYS).map(|rank| (rank as f64).powf(-skew)).collect();
        let total: f64 = weights.iter().sum();
        for (rank, (&count, weight)) in counts.iter().zip(weights).enumerate() {
            let expected = DRAWS as f64 * weight / total;
            // Five standard deviations; sorting moves near-equal counts a little within that.
            let off = (count as f64 - expected).abs() / expected.sqrt();
            assert!(
                off < 5.0,
                "skew {skew} rank {rank}: {count} drawn, {expected:.0} expected"
            );
        }
    }
}

#[test]
fn the_most_popular_keys_are_not_neighbours() {
    let skewed = Skewed::new(1000, 0.99).expect("valid");
    let mut scattered: Vec<u64> = (0..1000).map(|rank| rank * skewed.stride % 1000).collect();
    assert!(
        scattered
            .windows(2)
            .all(|pair| pair[0].abs_diff(pair[1]) > 100)
    );
    scattered.sort_unstable();
    assert!(scattered.into_iter().eq(0..1000));
}

#[test]
fn a_scan_never_returns_and_a_loop_always_does() {
    let scan = Workload::new(Pattern::Scan).keys(10).requests(1000);
    assert!(keys(&scan).into_iter().eq(0..1000));
    let around = Workload::new(Pattern::Loop).keys(7).requests(1000);
    assert!(
        keys(&around)
            .into_iter()
            .eq((0..1000).map(|position| position % 7))
    );
}

#[test]
fn a_mixture_has_its_shares() {
    let workload = Workload::new(Pattern::Mixed).keys(4000).requests(1_000_000);
    let (mut skewed, mut looped, mut scanned) = (0_u32, 0_u32, 0_u32);
    let mut scan_next = 4000;
    for key in keys(&workload) {
        match key {
            0..2000 => skewed += 1,
            2000..3000 => looped += 1,
            _ => {
                assert_eq!(key, scan_next, "a scanned key comes once, in order");
                scan_next += 1;
                scanned += 1;
            }
        }
    }
    for (share, wanted) in [(skewed, 700_000), (looped, 200_000), (scanned, 100_000)] {
        assert!(
            share.abs_diff(wanted) < 20_000,
            "{skewed} {looped} {scanned}"
        );
    }
}

#[test]
fn a_key_keeps_its_size() {
    let workload = Workload::new(Pattern::Zipf)
        .keys(100)
        .requests(10_000)
        .sizes(10..=1000);
    let mut sizes = std::collections::HashMap::new();
    for request in workload.generate().expect("valid") {
        assert!((10..=1000).contains(&request.size));
        assert_eq!(
            *sizes.entry(request.key).or_insert(request.size),
            request.size
        );
    }
    assert!(sizes.len() > 90);
}

#[test]
fn one_key_and_the_smallest_mixture_work() {
    for pattern in Pattern::ALL {
        let keys_min = if pattern == Pattern::Mixed { 4 } else { 1 };
        assert_eq!(
            keys(&Workload::new(pattern).keys(keys_min).requests(500)).len(),
            500
        );
    }
}

#[test]
fn what_cannot_be_generated_is_refused() {
    let zipf = Workload::new(Pattern::Zipf);
    let refused = |workload: Workload| workload.generate().expect_err("refused");
    assert!(matches!(
        refused(zipf.clone().keys(0)),
        WorkloadError::Keys { keys: 0, .. }
    ));
    assert!(matches!(
        refused(zipf.clone().keys(u64::MAX)),
        WorkloadError::Keys { .. }
    ));
    for skew in [-1.0, f64::NAN, f64::INFINITY] {
        assert!(matches!(
            refused(zipf.clone().skew(skew)),
            WorkloadError::Skew { .. }
        ));
    }
    #[expect(
        clippy::reversed_empty_ranges,
        reason = "the reversed range is the test"
    )]
    let reversed = zipf.sizes(2..=1);
    assert_eq!(refused(reversed), WorkloadError::Sizes { min: 2, max: 1 });
    assert!("zipfian".parse::<Pattern>().is_err());
}
