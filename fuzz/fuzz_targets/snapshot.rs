//! A file as a snapshot: read or refused, in memory that the file warrants, never a panic, and never with entries that it
//! has not.
#![no_main]

use arbitrary::Arbitrary;
use cache_tiered::snapshot_fuzzing::{CraftedBlock, craft, read};
use libfuzzer_sys::fuzz_target;
use peak_alloc::PeakAlloc;

#[global_allocator]
static HEAP: PeakAlloc = PeakAlloc;

/// What the reader itself takes, and how many times the bytes of the file: a block's bytes, the entries, and what a list
/// of those has to spare. An empty entry takes 16 bytes of a file and 56 of a list that doubles.
const OWN_BYTES: usize = 64 << 10;
const TIMES: usize = 16;

#[derive(Arbitrary, Debug)]
struct Block {
    entries: Vec<(Vec<u8>, Vec<u8>, u64)>,
    rest: Option<Vec<u8>>,
    more: Option<u32>,
    back: Option<u8>,
}

#[derive(Arbitrary, Debug)]
enum Run {
    Bytes(Vec<u8>),
    Crafted {
        keys_alone: bool,
        more_entries: Option<u64>,
        blocks: Vec<Block>,
        /// Bits to turn, bytes to keep, and to add.
        turned: Vec<(u16, u8)>,
        kept: Option<u16>,
        behind: Vec<u8>,
    },
}

type Entries = Vec<(Vec<u8>, Vec<u8>, u64)>;

/// The bytes of a file, and what is found in it, if that can be told: entries, and whether it is whole.
fn file(run: Run) -> (Vec<u8>, Option<(Entries, bool)>) {
    let (keys_alone, more_entries, blocks, turned, kept, behind) = match run {
        Run::Bytes(bytes) => return (bytes, None),
        Run::Crafted {
            keys_alone,
            more_entries,
            blocks,
            turned,
            kept,
            behind,
        } => (
            keys_alone,
            more_entries.unwrap_or(0),
            blocks,
            turned,
            kept,
            behind,
        ),
    };
    let blocks: Vec<CraftedBlock> = blocks
        .into_iter()
        .map(|block| CraftedBlock {
            entries: block.entries,
            rest: block.rest.unwrap_or_default(),
            more: block.more.unwrap_or(0),
            back: u64::from(block.back.unwrap_or(0)),
        })
        .collect();
    let whole = craft(keys_alone, more_entries, &blocks);
    let mut bytes = whole.clone();
    for (at, mask) in turned {
        if let Some(byte) = bytes.get_mut(usize::from(at)) {
            *byte ^= mask;
        }
    }
    bytes.truncate(kept.map_or(usize::MAX, usize::from));
    bytes.extend(behind);
    // What follows the entries of a block may be entries too.
    let can_be_told = bytes == whole && blocks.iter().all(|block| block.rest.is_empty());
    let is_sound =
        |block: &&CraftedBlock| !block.entries.is_empty() && block.more == 0 && block.back == 0;
    let all_sound = blocks.iter().all(|block| is_sound(&block));
    let sound = blocks.iter().take_while(is_sound);
    let entries = sound.flat_map(|block| block.entries.clone()).collect();
    let expected = can_be_told.then_some((entries, all_sound && more_entries == 0));
    (bytes, expected)
}

fuzz_target!(|run: Run| {
    let (bytes, expected) = file(run);
    HEAP.reset_peak_usage();
    let before = HEAP.current_usage();
    let found = read(&bytes);
    let taken = HEAP.peak_usage().saturating_sub(before);
    assert!(
        taken <= OWN_BYTES + TIMES * bytes.len(),
        "{taken} bytes for a file of {}",
        bytes.len()
    );
    if let Some(expected) = expected {
        assert_eq!((found.entries, found.whole), expected);
    }
});
