//! The dull model of blocks, and a parent that aligns no more than it must; random steps against them.

use std::alloc::Layout;
use std::collections::{BTreeMap, HashMap};
use std::ptr::NonNull;
use std::sync::Mutex;
use std::sync::atomic::{AtomicUsize, Ordering};

use proptest::prelude::*;
use proptest::test_runner::{Config, RngSeed};
use slab_core::{Counting, Failing, Global, ProvideError, Provider};

use super::{SEGMENT, Small, UNIT, layout};

/// Gives blocks no better aligned than asked for, at a different distance from a unit each time, and counts what an
/// allocator may need that has to look for aligned places: the size and the alignment.
#[derive(Default)]
pub(super) struct Skewed {
    calls: AtomicUsize,
    pub(super) reserved: AtomicUsize,
    /// The block of the global allocator behind each block given out.
    live: Mutex<HashMap<usize, (usize, Layout)>>,
}

// SAFETY: each block is a part of one of `Global`'s, which lives as long.
unsafe impl Provider for Skewed {
    fn allocate(&self, layout: Layout) -> Result<NonNull<u8>, ProvideError> {
        let call = self.calls.fetch_add(1, Ordering::Relaxed);
        self.reserved
            .fetch_add(layout.size() + layout.align(), Ordering::Relaxed);
        // Near the start of a unit, near its middle, near its end, and at its start.
        let skew = [1, 3, 0, 31, 32, 33, 61, 63, 64][call % 9] * layout.align().max(16);
        let whole = layout_of_whole(layout, skew);
        let base = Global.allocate(whole)?;
        // SAFETY: the whole has `skew` bytes more.
        let block = unsafe { base.add(skew) };
        let mut live = self.live.lock().expect("no panic inside");
        live.insert(block.addr().get(), (skew, whole));
        Ok(block)
    }

    unsafe fn deallocate(&self, block: NonNull<u8>, _: Layout) {
        let mut live = self.live.lock().expect("no panic inside");
        let (skew, whole) = live.remove(&block.addr().get()).expect("a live block");
        // SAFETY: it was allocated so.
        unsafe { Global.deallocate(block.sub(skew), whole) };
    }
}

fn layout_of_whole(of: Layout, skew: usize) -> Layout {
    layout(of.size() + skew, of.align().max(16 * UNIT))
}

/// The dull model: live blocks by address.
#[derive(Default)]
pub(super) struct Blocks(BTreeMap<usize, (NonNull<u8>, Layout, u8)>);

impl Blocks {
    pub(super) fn add(&mut self, block: NonNull<u8>, layout: Layout, fill: u8) {
        let at = block.addr().get();
        assert_eq!(at % layout.align(), 0);
        let before = self.0.range(..at).next_back();
        assert!(before.is_none_or(|(&other, (_, of, _))| other + of.size() <= at));
        let after = self.0.range(at..).next();
        assert!(after.is_none_or(|(&other, _)| at + layout.size() <= other));
        // SAFETY: the block has that many bytes and is ours.
        unsafe { block.write_bytes(fill, layout.size()) };
        self.0.insert(at, (block, layout, fill));
    }

    pub(super) fn remove(&mut self, nth: usize) -> Option<(NonNull<u8>, Layout)> {
        let &at = self.0.keys().nth(nth % self.0.len().max(1))?;
        let (block, layout, fill) = self.0.remove(&at)?;
        // SAFETY: the block has that many bytes, and was filled.
        let bytes = unsafe { std::slice::from_raw_parts(block.as_ptr(), layout.size()) };
        assert!(
            bytes.iter().all(|&byte| byte == fill),
            "nobody else wrote into the block"
        );
        Some((block, layout))
    }
}

#[derive(Clone, Debug)]
enum Step {
    Allocate {
        size: usize,
        align: u32,
        zeroed: bool,
    },
    Free(u16),
    Release(usize),
}

fn step() -> impl Strategy<Value = Step> {
    let size = prop_oneof![
        2 => 1_usize..=9 * UNIT,
        2 => (1_usize..=9, 0_usize..200).prop_map(|(units, less)| units * UNIT - less),
        3 => Just(UNIT),
    ];
    let align = prop_oneof![0_u32..16, Just(UNIT.ilog2())];
    prop_oneof![
        6 => (size, align, any::<bool>())
            .prop_map(|(size, align, zeroed)| Step::Allocate { size, align, zeroed }),
        5 => any::<u16>().prop_map(Step::Free),
        1 => (0_usize..3).prop_map(Step::Release),
    ]
}

/// Runs the steps, and gives back what is live at the end.
fn run(memory: &Small<impl Provider>, spare: usize, steps: Vec<Step>) -> Blocks {
    let mut blocks = Blocks::default();
    for (number, step) in steps.into_iter().enumerate() {
        match step {
            Step::Allocate {
                size,
                align,
                zeroed,
            } => {
                let layout = layout(size, 1 << align);
                let block = if zeroed {
                    memory.allocate_zeroed(layout)
                } else {
                    memory.allocate(layout)
                };
                let Ok(block) = block else { continue };
                if zeroed {
                    // SAFETY: the block has that many bytes, all zero.
                    let bytes = unsafe { std::slice::from_raw_parts(block.as_ptr(), size) };
                    assert!(bytes.iter().all(|&byte| byte == 0));
                }
                blocks.add(block, layout, number as u8 | 1);
            }
            Step::Free(nth) => {
                if let Some((block, layout)) = blocks.remove(nth.into()) {
                    // SAFETY: it came from this provider with this layout, and is not used again.
                    unsafe { memory.deallocate(block, layout) };
                }
            }
            Step::Release(keep) => {
                let before = memory.stats().empty_segments;
                assert_eq!(memory.release_empty(keep), before.saturating_sub(keep));
            }
        }
        let stats = memory.stats();
        assert!(stats.empty_segments <= spare.min(stats.segments));
        assert!(stats.block_bytes <= stats.segments * 63 * UNIT);
        assert_eq!(stats.segment_bytes, stats.segments * SEGMENT);
    }
    blocks
}

/// Frees everything, and asks for the segments back.
pub(super) fn clear(memory: &Small<impl Provider>, mut blocks: Blocks) {
    while let Some((block, layout)) = blocks.remove(0) {
        // SAFETY: it came from this provider with this layout, and is not used again.
        unsafe { memory.deallocate(block, layout) };
    }
    let stats = memory.stats();
    assert_eq!(
        (stats.block_bytes, stats.empty_segments),
        (0, stats.segments)
    );
    memory.release_empty(0);
}

proptest! {
    #![proptest_config(Config {
        cases: crate::cases(2_000),
        rng_seed: RngSeed::Fixed(0x5E6),
        failure_persistence: None,
        ..Config::default()
    })]

    #[test]
    fn blocks_never_overlap_and_go_back(
        steps in prop::collection::vec(step(), 1..300),
        spare in 0_usize..3,
    ) {
        let parent = Counting::new(Skewed::default());
        let memory = Small::with_spare_segments(spare, &parent);
        let blocks = run(&memory, spare, steps);
        clear(&memory, blocks);
        assert_eq!((parent.live_blocks(), parent.live_bytes()), (0, 0));
    }

    #[test]
    fn refusals_of_the_parent_are_survived(
        steps in prop::collection::vec(step(), 1..200),
        period in 1_usize..8,
    ) {
        let parent = Counting::new(Skewed::default());
        let memory = Small::with_spare_segments(1, Failing::every(&parent, period));
        let blocks = run(&memory, 1, steps);
        clear(&memory, blocks);
        assert_eq!((parent.live_blocks(), parent.live_bytes()), (0, 0));
    }
}
