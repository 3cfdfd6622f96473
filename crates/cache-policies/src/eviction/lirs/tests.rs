//! What no sequence of requests of a bearable length comes to.

use super::{Lirs, LirsConfig};
use crate::policy::Policy;
use crate::slot::Slot;
use std::vec::Vec;

/// Victims of a skewed sequence; entrances are numbered from here on.
fn victims(entrances: u32) -> (Vec<u32>, u32) {
    let mut lirs = Lirs::new(20, &LirsConfig::default().with_hir(0.2)).unwrap();
    lirs.entrances = entrances;
    lirs.floor = entrances;
    let mut keys = [u64::MAX; 20];
    let mut victims = Vec::new();
    let mut random = 1_u64;
    for _ in 0..6_000 {
        random = random
            .wrapping_mul(6_364_136_223_846_793_005)
            .wrapping_add(1);
        let (low, high) = ((random >> 33) % 80, (random >> 45) % 80);
        let key = low.min(high).wrapping_mul(0x9e37_79b9_7f4a_7c15);
        if let Some(at) = keys.iter().position(|other| *other == key) {
            lirs.hit(Slot::new(at as u32), key);
        } else {
            let hint = lirs.miss(key);
            let vacant = keys.iter().position(|other| *other == u64::MAX);
            let at = vacant.unwrap_or_else(|| {
                let victim = lirs.evict().unwrap();
                victims.push(victim.get());
                victim.index()
            });
            keys[at] = key;
            lirs.insert(Slot::new(at as u32), key, 1, hint);
        }
        lirs.check();
    }
    (victims, lirs.entrances)
}

#[test]
fn entrances_are_numbered_anew_before_the_numbers_run_out() {
    let (expected, entrances) = victims(0);
    assert!(expected.len() > 1_000 && entrances > 1_000);
    let start = u32::MAX - 800;
    let (renumbered, entrances) = victims(start);
    assert!(entrances < u32::MAX / 2 + 10_000, "the numbers went on");
    // Up to there all is the same; then the keys that left are forgotten once.
    assert_eq!(renumbered[..400], expected[..400]);
    assert!(renumbered.len() > 1_000);
}
