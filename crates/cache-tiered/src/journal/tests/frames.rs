//! The parser on any bytes.

use crate::checksum::Seed;
use crate::journal::frame::{
    FLAG_COPY, FLAG_LAST, Frame, FrameFault, Kind, encode_ranges, parse_ranges,
};
use crate::journal::header::{SegmentHeader, parse_identity};
use proptest::prelude::*;
use proptest::test_runner::RngSeed;

const SEED: [u8; 16] = [3; 16];

fn kind() -> impl Strategy<Value = Kind> {
    prop::sample::select(vec![
        Kind::Put,
        Kind::Remove,
        Kind::Settled,
        Kind::Dead,
        Kind::Revived,
    ])
}

fn bytes(most: usize) -> impl Strategy<Value = Vec<u8>> {
    prop::collection::vec(any::<u8>(), 0..most)
}

proptest! {
    #![proptest_config(ProptestConfig {
        cases: 4_000,
        rng_seed: RngSeed::Fixed(0xf4a3e),
        failure_persistence: None,
        ..ProptestConfig::default()
    })]

    #[test]
    fn a_frame_is_read_back_as_written_and_nowhere_else(
        numbers in (0..1_u64 << 62, 0..1_u64 << 62, any::<u64>(), any::<u32>()),
        (kind, flags) in (kind(), 0..=FLAG_LAST | FLAG_COPY),
        (key, value) in (bytes(40), bytes(200)),
        (offset, flip) in (0..1_u64 << 30, any::<usize>()),
    ) {
        let (sequence, subject, stamp, group) = numbers;
        let frame = Frame { sequence, subject, stamp, group, kind, flags, key: &key, value: &value };
        let seed = Seed::new(SEED, 1, 1);
        let mut out = vec![0xee; 5];
        frame.encode(&seed, offset, &mut out);
        let written = &out[5..];
        prop_assert_eq!(written.len() as u64, frame.bytes());
        prop_assert_eq!(Frame::parse(written, &seed, offset), Ok(frame));
        for len in 0..written.len() {
            prop_assert!(Frame::parse(&written[..len], &seed, offset).is_err());
        }
        let elsewhere = Frame::parse(written, &seed, offset + 8);
        prop_assert_eq!(elsewhere, Err(FrameFault::Checksum));
        let later = Seed::new(SEED, 1, 2);
        prop_assert_eq!(Frame::parse(written, &later, offset), Err(FrameFault::Checksum));
        let mut flipped = written.to_vec();
        flipped[flip / 8 % written.len()] ^= 1 << (flip % 8);
        prop_assert!(Frame::parse(&flipped, &seed, offset).is_err());
    }

    #[test]
    fn no_bytes_make_a_parser_panic(bytes in bytes(300), head in 0..200_u32, offset in any::<u64>()) {
        let mut bytes = bytes;
        // A length that is likely to fit lets it come further.
        if bytes.len() > 44 {
            bytes[4..8].copy_from_slice(&head.to_le_bytes());
            bytes[32..36].copy_from_slice(&(head / 3).to_le_bytes());
            bytes[40] %= 7;
        }
        let seed = Seed::new(SEED, 1, 1);
        prop_assert!(Frame::parse(&bytes, &seed, offset).is_err());
        prop_assert!(SegmentHeader::parse(&bytes).is_err());
        prop_assert!(parse_identity(&bytes).is_err());
        let whole = parse_ranges(&bytes).map(|ranges| ranges.collect::<Vec<_>>());
        prop_assert!(whole.is_none_or(|ranges| encode_ranges(&ranges) == bytes));
    }
}

#[test]
fn a_frame_that_claims_more_than_there_is_is_refused_before_it_is_read() {
    let seed = Seed::new(SEED, 1, 1);
    let mut bytes = [0; 64];
    bytes[40] = 1;
    for length in [0, 1, 47, 65, 4096, u32::MAX - 7, u32::MAX] {
        bytes[..4].copy_from_slice(&[1; 4]);
        bytes[4..8].copy_from_slice(&length.to_le_bytes());
        assert_eq!(
            Frame::parse(&bytes, &seed, 0),
            Err(FrameFault::Length),
            "{length}"
        );
    }
    bytes[4..8].copy_from_slice(&64_u32.to_le_bytes());
    bytes[32..36].copy_from_slice(&17_u32.to_le_bytes());
    assert_eq!(Frame::parse(&bytes, &seed, 0), Err(FrameFault::Length));
    assert_eq!(Frame::parse(&[0; 64], &seed, 0), Err(FrameFault::Blank));
}
