//! A directory of crafted files as a journal: opened or refused, in memory that the files warrant, never a panic.
#![no_main]

use arbitrary::Arbitrary;
use cache_tiered::journal_fuzzing::{CraftedFiles, CraftedFrame, CraftedSegment, identity};
use libfuzzer_sys::fuzz_target;
use peak_alloc::PeakAlloc;

#[global_allocator]
static HEAP: PeakAlloc = PeakAlloc;

/// What the journal itself takes, and how many times the bytes of all files: their images, the records, and what is copied of them.
const OWN_BYTES: usize = 1 << 20;
const TIMES: usize = 16;

#[derive(Arbitrary, Debug)]
struct FrameShape {
    kind: u8,
    step: u8,
    back: u8,
    far_back: bool,
    group: Option<u8>,
    is_last: bool,
    flags: u8,
    key: u8,
    value: Vec<u8>,
    ranges: Vec<(u8, u8)>,
}

#[derive(Arbitrary, Debug)]
struct SegmentShape {
    slot: u8,
    number: u8,
    begun: u8,
    back: u8,
    first_sequence: u16,
    previous_tail: u16,
    aligned_tail: bool,
    blocks: u8,
    is_synced: bool,
    is_of_this_boot: bool,
    frames: Vec<FrameShape>,
    rest: Vec<u8>,
    /// Bits to turn, and bytes to keep.
    turned: Vec<(u16, u8)>,
    kept: Option<u16>,
}

#[derive(Arbitrary, Debug)]
enum File {
    Segment(SegmentShape),
    Unborn(u8, Vec<u8>),
    Damaged(u8, Vec<u8>),
    Named(String, Vec<u8>),
}

#[derive(Arbitrary, Debug)]
struct Run {
    identity: Option<Vec<u8>>,
    files: Vec<File>,
    is_synced: bool,
    salvage: bool,
}

fn frame(shape: FrameShape) -> CraftedFrame {
    let mut value = shape.value;
    if shape.kind % 8 == 3 {
        for (first, length) in shape.ranges {
            let (first, last) = (u64::from(first), u64::from(first) + u64::from(length));
            value.extend([first, last].map(u64::to_le_bytes).concat());
        }
    }
    CraftedFrame {
        kind: shape.kind % 8,
        step: shape.step % 8,
        back: u16::from(shape.back) * if shape.far_back { 256 } else { 1 },
        group: shape.group.map(u32::from),
        is_last: shape.is_last,
        flags: shape.flags & 7,
        key: shape.key,
        value,
    }
}

fn segment(shape: SegmentShape) -> Vec<u8> {
    let tail = u32::from(shape.previous_tail);
    let crafted = CraftedSegment {
        number: u16::from(shape.number),
        begun: u16::from(shape.begun),
        back: u16::from(shape.back),
        first_sequence: u32::from(shape.first_sequence),
        previous_tail: if shape.aligned_tail { tail & !7 } else { tail },
        blocks: shape.blocks,
        is_synced: shape.is_synced,
        is_of_this_boot: shape.is_of_this_boot,
        frames: shape.frames.into_iter().map(frame).collect(),
        rest: shape.rest,
    };
    let mut bytes = crafted.bytes();
    for (at, mask) in shape.turned {
        if let Some(byte) = bytes.get_mut(usize::from(at)) {
            *byte ^= mask;
        }
    }
    bytes.truncate(shape.kept.map_or(usize::MAX, usize::from));
    bytes
}

fuzz_target!(|run: Run| {
    let mut files = vec![("journal".to_owned(), run.identity.unwrap_or_else(identity))];
    for file in run.files {
        let (name, bytes) = match file {
            File::Segment(shape) => (format!("segment-{:06}", shape.slot), segment(shape)),
            File::Unborn(slot, bytes) => (format!("segment-{slot:06}.new"), bytes),
            File::Damaged(slot, bytes) => (format!("damaged-{slot:06}"), bytes),
            File::Named(name, bytes) => (name, bytes),
        };
        if files.iter().all(|(other, _)| *other != name) {
            files.push((name, bytes));
        }
    }
    let bytes: usize = files.iter().map(|(_, bytes)| bytes.len()).sum();
    let crafted = CraftedFiles::new(&files);
    HEAP.reset_peak_usage();
    let before = HEAP.current_usage();
    crafted.recover(run.is_synced, run.salvage);
    let taken = HEAP.peak_usage().saturating_sub(before);
    assert!(
        taken <= OWN_BYTES + TIMES * bytes,
        "{taken} bytes for files of {bytes}"
    );
});
