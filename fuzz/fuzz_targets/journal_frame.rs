//! Any bytes as a frame of the journal: a frame within them, or a fault, never a panic.
#![no_main]

use cache_tiered::journal_fuzzing::parse_frame;
use libfuzzer_sys::fuzz_target;

fuzz_target!(|input: (u32, &[u8])| {
    let (offset, bytes) = input;
    parse_frame(bytes, u64::from(offset));
});
