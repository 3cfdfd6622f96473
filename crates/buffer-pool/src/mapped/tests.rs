//! The provider against a plain list of blocks, and with a kernel that refuses.

#![expect(
    clippy::disallowed_types,
    reason = "in macros of proptest; the ban is for the crate itself"
)]

use std::alloc::Layout;
use std::ptr::NonNull;

use proptest::prelude::*;
use proptest::test_runner::RngSeed;
use slab_core::{ProvideError, Provider};

use super::Mapped;
use super::route::{HUGE, Kind};
use super::space::{Refusals, refuse};

const MIB: usize = 1 << 20;
/// What blocks hold while they are lent.
const USED: u8 = 0xA5;

struct Lent {
    block: NonNull<u8>,
    layout: Layout,
}

impl Lent {
    fn range(&self) -> (usize, usize) {
        let start = self.block.addr().get();
        (start, start + self.layout.size())
    }

    /// Where to write and look: everywhere, but in large blocks, where some bytes of each page do.
    fn places(&self) -> impl Iterator<Item = NonNull<u8>> {
        let size = self.layout.size();
        let step = if size > 16 << 10 { 2039 } else { 1 };
        let places = (0..size).step_by(step).chain([size - 1]);
        // SAFETY: inside of the block.
        places.map(|at| unsafe { self.block.add(at) })
    }

    fn holds(&self, byte: u8) -> bool {
        // SAFETY: lent, and zero, or written by `Model::allocate`.
        self.places().all(|place| unsafe { place.read() } == byte)
    }
}

/// A provider and all that it has lent.
struct Model {
    memory: Mapped,
    lent: Vec<Lent>,
}

impl Model {
    fn new(memory: Mapped) -> Self {
        Self {
            memory,
            lent: Vec::new(),
        }
    }

    fn allocate(&mut self, layout: Layout, zeroed: bool) -> Result<(), ProvideError> {
        let block = if zeroed {
            self.memory.allocate_zeroed(layout)?
        } else {
            self.memory.allocate(layout)?
        };
        let lent = Lent { block, layout };
        assert_eq!(block.addr().get() % layout.align(), 0, "{layout:?}");
        if zeroed {
            assert!(lent.holds(0), "{layout:?}");
        }
        // SAFETY: places of a block that is lent.
        lent.places().for_each(|place| unsafe { place.write(USED) });
        self.lent.push(lent);
        Ok(())
    }

    fn free(&mut self, at: usize) {
        if self.lent.is_empty() {
            return;
        }
        let at = at % self.lent.len();
        let lent = self.lent.swap_remove(at);
        assert!(lent.holds(USED), "nobody else writes to {:?}", lent.layout);
        // SAFETY: lent, and not used any more.
        unsafe { self.memory.deallocate(lent.block, lent.layout) };
    }

    fn check(&self) {
        let mut ranges: Vec<_> = self.lent.iter().map(Lent::range).collect();
        ranges.sort_unstable();
        assert!(
            ranges.windows(2).all(|pair| pair[0].1 <= pair[1].0),
            "no memory is lent twice"
        );
        for kind in [Kind::Fine, Kind::Dense, Kind::Sparse] {
            self.memory.tier(kind).lock().check();
        }
        let stats = self.memory.stats();
        let lent: usize = self.lent.iter().map(|lent| lent.layout.size()).sum();
        assert!(stats.mapped_bytes >= lent as u64);
        assert!(stats.chunk_bytes_used <= stats.chunks * HUGE);
    }

    /// What is free and keeps its memory, beyond what is in use and spare chunks.
    fn surplus_bytes(&self) -> usize {
        let stats = self.memory.stats();
        let kept = stats.chunk_bytes_used + self.memory.spare_chunks * HUGE;
        stats.chunk_bytes_stale.saturating_sub(kept)
    }

    /// Takes everything back; the kernel does not refuse any more.
    fn finish(mut self) {
        refuse(Refusals::None);
        while !self.lent.is_empty() {
            self.free(0);
        }
        self.check();
        self.memory.trim();
        self.check();
        let stats = self.memory.stats();
        assert_eq!((stats.mapped_bytes, stats.chunks), (0, 0));
        assert_eq!(stats.large_blocks, 0);
        assert_eq!((stats.chunk_bytes_used, stats.chunk_bytes_stale), (0, 0));
    }
}

fn layout(size: usize, align: usize) -> Layout {
    Layout::from_size_align(size, align).unwrap()
}

#[derive(Clone, Debug)]
enum Op {
    Allocate {
        layout: Layout,
        zeroed: bool,
    },
    Free {
        at: usize,
    },
    FreeMany {
        count: usize,
    },
    Trim,
    /// The kernel refuses the call after so many.
    Refuse {
        call: usize,
    },
}

fn layouts() -> impl Strategy<Value = Layout> {
    let size = prop_oneof![
        3 => 1..300_usize,
        3 => 300..20_000_usize,
        3 => (1..65_usize).prop_map(|pages| pages << 12),
        2 => (1..17_usize).prop_map(|parts| parts << 16),
        1 => ((1_usize << 20) + 1)..(5 << 20),
    ];
    let align = prop_oneof![
        4 => Just(0_u32),
        3 => 0..13_u32,
        1 => 13..23_u32,
    ];
    (size, align).prop_map(|(size, align)| layout(size, 1 << align))
}

fn op() -> impl Strategy<Value = Op> {
    prop_oneof![
        12 => (layouts(), any::<bool>()).prop_map(|(layout, zeroed)| Op::Allocate { layout, zeroed }),
        8 => any::<usize>().prop_map(|at| Op::Free { at }),
        1 => (0..40_usize).prop_map(|count| Op::FreeMany { count }),
        1 => Just(Op::Trim),
        1 => (0..6_usize).prop_map(|call| Op::Refuse { call }),
    ]
}

fn run(ops: &[Op], memory: Mapped) {
    let mut model = Model::new(memory);
    let mut refused = false;
    refuse(Refusals::None);
    for op in ops {
        match *op {
            Op::Allocate { layout, zeroed } => {
                let granted = model.allocate(layout, zeroed);
                assert!(granted.is_ok() || refused, "{granted:?}");
            }
            Op::Free { at } => model.free(at),
            Op::FreeMany { count } => (0..count).for_each(|_| model.free(0)),
            Op::Trim => {
                model.memory.trim();
            }
            Op::Refuse { call } => {
                refuse(Refusals::At(call));
                refused = true;
            }
        }
        model.check();
        let bounded = !refused && !model.memory.populate;
        assert!(!bounded || model.surplus_bytes() == 0);
    }
    model.finish();
}

fn config(seed: u64) -> ProptestConfig {
    let cases = std::env::var("STRATA_CASES").map_or(64, |text| {
        text.parse::<u32>()
            .expect("STRATA_CASES is a number")
            .min(1000)
    });
    ProptestConfig {
        cases,
        rng_seed: RngSeed::Fixed(seed),
        failure_persistence: None,
        ..ProptestConfig::default()
    }
}

proptest! {
    #![proptest_config(config(31))]
    #[test]
    fn blocks_are_those_of_a_plain_list(ops in prop::collection::vec(op(), 0..200)) {
        run(&ops, Mapped::new());
    }

    #[test]
    fn without_huge_pages_and_spare_chunks_too(ops in prop::collection::vec(op(), 0..200)) {
        run(&ops, Mapped::new().huge_pages(false).spare_chunks(0));
    }
}

/// Meets every call of the kernel: chunks of all kinds that come and go, purges, refills, large blocks, trims.
fn exercise(model: &mut Model) -> usize {
    let mut refused = 0;
    let mut ask = |model: &mut Model, layout, zeroed| {
        refused += usize::from(model.allocate(layout, zeroed).is_err());
        model.check();
    };
    for _ in 0..2 {
        for size in [64, 6144, 4096, 300_000, MIB, MIB, 3 * MIB] {
            ask(model, layout(size, 1), true);
        }
        ask(model, layout(4096, 1 << 20), true);
        ask(model, layout(100, 2 << 20), false);
        ask(model, layout(5000, 16 << 20), true);
    }
    // A chunk that is purged, and then full again.
    (0..20).for_each(|_| model.free(1));
    (0..32).for_each(|_| ask(model, layout(64 << 10, 4096), false));
    (0..24).for_each(|_| model.free(1));
    model.check();
    (0..24).for_each(|_| ask(model, layout(64 << 10, 4096), true));
    model.memory.trim();
    model.check();
    refused
}

#[test]
fn the_nth_call_of_the_kernel_fails_for_every_n() {
    for (huge, populate) in [(true, false), (false, true)] {
        let memory = || Mapped::new().huge_pages(huge).populate(populate);
        refuse(Refusals::None);
        let mut model = Model::new(memory());
        assert_eq!(exercise(&mut model), 0);
        let calls = refuse(Refusals::None);
        model.finish();
        assert!(calls > 30, "{calls}");

        let mut refused = 0;
        for call in 0..calls {
            for refusals in [Refusals::At(call), Refusals::Since(call)] {
                refuse(refusals);
                let mut model = Model::new(memory());
                refused += exercise(&mut model);
                model.finish();
            }
        }
        assert!(refused > calls, "refusals are noticed: {refused}");
    }
}

#[test]
fn a_chunk_that_the_kernel_does_not_take_is_used_again() {
    let mut model = Model::new(Mapped::new().spare_chunks(0));
    refuse(Refusals::None);
    model.allocate(layout(4096, 1), false).unwrap();
    refuse(Refusals::Since(0));
    model.free(0);
    let stats = model.memory.stats();
    assert_eq!((stats.chunks, stats.empty_chunks), (1, 1));
    // Purging was refused too, and so the block is cleared.
    model.allocate(layout(4096, 1), true).unwrap();
    model.finish();
}

#[test]
fn a_large_block_that_the_kernel_does_not_take_goes_back_at_the_next_trim() {
    let mut model = Model::new(Mapped::new());
    refuse(Refusals::None);
    model.allocate(layout(3 * MIB, 1), false).unwrap();
    refuse(Refusals::At(0));
    model.free(0);
    assert_eq!(model.memory.stats().mapped_bytes, 3 * MIB as u64);
    model.memory.trim();
    assert_eq!(model.memory.stats().mapped_bytes, 0);
    model.finish();
}

#[test]
fn a_spare_chunk_that_is_used_again_leaves_no_place_for_another() {
    refuse(Refusals::None);
    let mut model = Model::new(Mapped::new());
    (0..4).for_each(|_| model.allocate(layout(MIB, 1), false).unwrap());
    // Of the first chunk nothing, then little is in use.
    (0..2).for_each(|at| model.free(at));
    model.allocate(layout(4096, 1), false).unwrap();
    let stats = model.memory.stats();
    assert_eq!((stats.chunks, stats.chunk_bytes_stale), (2, HUGE - 4096));
    (0..2).for_each(|at| model.free(at));
    assert_eq!(model.lent[0].layout.size(), 4096);
    assert_eq!(model.memory.stats().chunks, 1, "the second is not kept too");
    assert_eq!(model.surplus_bytes(), 0);
    model.finish();
}

#[test]
fn a_chunk_that_was_purged_has_huge_pages_again_when_it_is_full() {
    let mut model = Model::new(Mapped::new());
    refuse(Refusals::None);
    (0..32).for_each(|_| model.allocate(layout(64 << 10, 1), false).unwrap());
    (0..20).for_each(|_| model.free(31));
    let small_pages = |model: &Model| model.memory.dense.lock().has_small_pages();
    assert!(small_pages(&model));
    (0..11).for_each(|_| model.allocate(layout(64 << 10, 1), false).unwrap());
    assert!(small_pages(&model));
    model.allocate(layout(64 << 10, 1), false).unwrap();
    assert!(!small_pages(&model), "three quarters are in use");
    model.finish();
}

#[test]
fn dropping_the_provider_unmaps_its_chunks() {
    refuse(Refusals::None);
    let memory = Mapped::new();
    // A chunk in use, and one of another kind.
    memory.allocate(layout(4096, 1)).unwrap();
    memory.allocate(layout(100, 1)).unwrap();
    let chunks = memory.stats().chunks;
    assert!(chunks > 0);
    refuse(Refusals::None);
    drop(memory);
    // Other threads map what is free at once, so the kernel's own list cannot tell.
    assert_eq!(refuse(Refusals::None), chunks, "calls of the kernel");
}
