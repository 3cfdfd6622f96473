//! What of a chunk goes back, and which chunk is chosen.

use super::*;
use crate::mapped::route::{HUGE, PAGE};
use crate::mapped::space::Space;

const POLICY: Policy = Policy {
    spare: 0,
    purges: true,
    huge: false,
};

fn run(len: usize) -> Run {
    Run { len, align: 1 }
}

#[test]
fn what_is_purged_fills_pages() {
    let space = Space::new();
    let base = space.map(HUGE, HUGE).unwrap();
    // Pages of four granules.
    let mut tier = Tier::new(PAGE, 4 * PAGE);
    tier.add(base, true).unwrap();
    let blocks = [3, 3, 10, 2].map(|len| tier.take(run(len), POLICY).unwrap());
    let freed = [(1, 3), (2, 10)];
    let [_, After::Purge(claim)] =
        freed.map(|(at, len): (usize, _)| tier.put(blocks[at].block, run(len), POLICY))
    else {
        panic!("more is stale than in use");
    };
    // 3 to 16 are free; the first and last page are only in part.
    let mut whole = Granules::NONE;
    whole.insert(4..16);
    assert_eq!(claim.granules, whole);
    tier.check();
    assert!(matches!(
        tier.settle(&claim, &whole, POLICY),
        After::Nothing
    ));
    tier.check();
    let taken = tier.take(run(1), POLICY).unwrap();
    assert!(!taken.is_zero, "granule 3 was not purged");
    let taken = tier.take(run(12), POLICY).unwrap();
    assert!(taken.is_zero);
    tier.check();
    // SAFETY: mapped above, and not used.
    unsafe { space.dispose(base, HUGE) };
}

#[test]
fn blocks_come_from_the_highest_chunk_with_room() {
    let space = Space::new();
    let mut tier = Tier::new(PAGE, PAGE);
    let mut bases: Vec<_> = (0..5).map(|_| space.map(HUGE, HUGE).unwrap()).collect();
    bases.iter().for_each(|&base| tier.add(base, true).unwrap());
    bases.sort_by(|left, right| right.cmp(left));
    for base in &bases {
        let taken = tier.take(run(300), POLICY).unwrap();
        assert_eq!(taken.block, *base);
        tier.check();
    }
    // Too much for what is left of the first, which a small one fits into.
    assert!(tier.take(run(213), POLICY).is_none());
    assert!(tier.take(run(212), POLICY).unwrap().block.addr() > bases[0].addr());
    assert!(tier.take(run(1), POLICY).unwrap().block.addr() < bases[0].addr());
    // The third goes, and is not looked for.
    assert!(
        matches!(tier.put(bases[2], run(300), POLICY), After::Release(base) if base == bases[2])
    );
    tier.left();
    tier.check();
    assert_eq!(tier.len(), 4);
    assert!(tier.take(run(256), POLICY).is_none());
    // SAFETY: mapped above, and not used.
    bases
        .iter()
        .for_each(|&base| unsafe { space.dispose(base, HUGE) });
}

#[test]
fn a_chunk_that_comes_back_finds_room_in_the_lists() {
    let space = Space::new();
    let mut tier = Tier::new(PAGE, PAGE);
    let mut bases = Vec::new();
    let add = |tier: &mut Tier, bases: &mut Vec<_>| {
        let base = space.map(HUGE, HUGE).unwrap();
        tier.add(base, true).unwrap();
        bases.push(base);
    };
    add(&mut tier, &mut bases);
    while tier.keys.len() < tier.keys.capacity() {
        add(&mut tier, &mut bases);
    }
    let block = tier.take(run(512), POLICY).unwrap().block;
    assert!(matches!(tier.put(block, run(512), POLICY), After::Release(base) if base == block));
    // Others come while the kernel looks at it.
    add(&mut tier, &mut bases);
    assert!(tier.keys.len() < tier.keys.capacity());
    assert!(tier.chunks.len() < tier.chunks.capacity());
    tier.restore(block, true);
    tier.check();
    assert_eq!(tier.len(), bases.len());
    // SAFETY: mapped above, and not used.
    bases
        .iter()
        .for_each(|&base| unsafe { space.dispose(base, HUGE) });
}
