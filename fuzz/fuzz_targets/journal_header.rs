//! Any bytes as the header of a segment of the journal, or as its identity: sound, or a fault, never a panic.
#![no_main]

use cache_tiered::journal_fuzzing::parse_header;
use libfuzzer_sys::fuzz_target;

fuzz_target!(|bytes: &[u8]| parse_header(bytes));
