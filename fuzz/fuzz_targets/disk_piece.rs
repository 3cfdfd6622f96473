//! Any bytes as an entry, a fence or a footer of a disk tier: sound in its one place, or nothing, never a panic.
#![no_main]

use cache_tiered::disk_fuzzing::parse_piece;
use libfuzzer_sys::fuzz_target;

fuzz_target!(|run: (u16, &[u8])| parse_piece(run.1, u64::from(run.0) * 8));
