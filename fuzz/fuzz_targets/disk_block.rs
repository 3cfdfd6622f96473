//! Any bytes as a superblock of a disk tier, or as the header of a region or of a file of fences: sound, or a fault, never
//! a panic.
#![no_main]

use cache_tiered::disk_fuzzing::parse_block;
use libfuzzer_sys::fuzz_target;

fuzz_target!(|bytes: &[u8]| parse_block(bytes));
