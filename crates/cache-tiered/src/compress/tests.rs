//! What comes back, what is left alone, and what bytes of others can do.

use super::*;
use proptest::prelude::*;

fn all() -> Vec<Compression> {
    vec![
        Compression::None,
        #[cfg(feature = "lz4")]
        Compression::Lz4,
        #[cfg(feature = "zstd")]
        Compression::Zstd { level: 0 },
        #[cfg(feature = "zstd")]
        Compression::Zstd { level: -7 },
        #[cfg(feature = "zstd")]
        Compression::Zstd { level: 19 },
    ]
}

/// Those that make anything smaller.
fn real() -> impl Iterator<Item = Compression> {
    all().into_iter().skip(1)
}

/// Bytes without a pattern.
fn noise(bytes: usize) -> Vec<u8> {
    let mut state = 0x9e37_79b9_7f4a_7c15_u64;
    std::iter::repeat_with(|| {
        state ^= state << 13;
        state ^= state >> 7;
        state ^= state << 17;
        (state >> 32) as u8
    })
    .take(bytes)
    .collect()
}

fn text(bytes: usize) -> Vec<u8> {
    let line =
        |number: usize| format!("{{\"user\": {number}, \"name\": \"nobody\"}}\n").into_bytes();
    (0..).flat_map(line).take(bytes).collect()
}

/// What is kept of the value.
fn kept<'a>(compression: Compression, value: &'a [u8], out: &'a mut Vec<u8>) -> (Method, &'a [u8]) {
    match compression.compress(value, out) {
        Method::None => (Method::None, value),
        method => (method, out),
    }
}

fn comes_back(compression: Compression, value: &[u8]) -> usize {
    let (mut out, mut back) = (vec![1; 7], vec![2; 9]);
    let (method, bytes) = kept(compression, value, &mut out);
    assert!(method == Method::None || bytes.len() <= value.len() - value.len() / 8);
    decompress(method, bytes, value.len(), &mut back).unwrap();
    assert!(back == value, "{compression:?} of {} bytes", value.len());
    if let Some(less) = value.len().checked_sub(1) {
        let error = decompress(method, bytes, less, &mut back).unwrap_err();
        assert_eq!(error, DecompressError::TooLarge { bytes: value.len() });
    }
    bytes.len()
}

/// A few bytes, repeated.
fn pattern() -> impl Strategy<Value = Vec<u8>> {
    (proptest::collection::vec(any::<u8>(), 1..40), 1..400_usize)
        .prop_map(|(part, times)| part.repeat(times))
}

proptest! {
    #[test]
    fn a_value_comes_back(value in prop_oneof![
        proptest::collection::vec(any::<u8>(), 0..2_000),
        proptest::collection::vec(0..4_u8, 0..2_000),
        pattern(),
    ]) {
        for compression in all() {
            comes_back(compression, &value);
        }
    }

    #[test]
    fn any_bytes_are_a_value_or_an_error(
        bytes in proptest::collection::vec(any::<u8>(), 0..300),
        length in 0..5_000_u32,
        bytes_max in 0..5_000_usize,
    ) {
        let claimed = [&length.to_le_bytes()[..], &bytes].concat();
        for method in [Method::None, Method::Lz4, Method::Zstd] {
            for bytes in [&bytes, &claimed] {
                hostile(method, bytes, bytes_max);
            }
        }
    }

    #[test]
    fn damaged_bytes_are_a_value_or_an_error(
        value in pattern(),
        damage in proptest::collection::vec((any::<prop::sample::Index>(), any::<u8>()), 1..4),
        cut in any::<prop::sample::Index>(),
    ) {
        for compression in real() {
            let mut out = Vec::new();
            let method = compression.compress(&value, &mut out);
            if method == Method::None {
                continue;
            }
            for (at, byte) in &damage {
                let at = at.index(out.len());
                out[at] = *byte;
            }
            hostile(method, &out, value.len());
            hostile(method, &out[..cut.index(out.len())], value.len());
        }
    }
}

/// Neither panics nor takes more memory than it may.
fn hostile(method: Method, bytes: &[u8], bytes_max: usize) {
    let mut out = Vec::new();
    let result = decompress(method, bytes, bytes_max, &mut out);
    assert!(
        out.capacity() <= bytes_max,
        "{} bytes: {result:?}",
        out.capacity()
    );
    assert!(result.is_err() || out.len() <= bytes_max);
}

#[test]
fn large_values_of_all_kinds_come_back() {
    let values = [
        text(100),
        text(70_000),
        vec![0; 1 << 20],
        noise(100_000),
        [noise(60_000), text(60_000)].concat(),
        // As frequent as noise, and all the same.
        (0..=255).cycle().take(50_000).collect(),
    ];
    for compression in all() {
        for value in &values {
            comes_back(compression, value);
        }
    }
}

#[test]
fn what_has_a_pattern_becomes_smaller() {
    for compression in real() {
        assert!(comes_back(compression, &text(300)) < 200, "{compression:?}");
        assert!(comes_back(compression, &text(70_000)) < 25_000);
        assert!(comes_back(compression, &vec![0; 1 << 20]) < 5_000);
        let counted: Vec<u8> = (0..=255).cycle().take(50_000).collect();
        assert!(comes_back(compression, &counted) < 5_000);
    }
}

#[test]
fn what_has_none_stays_as_it_is() {
    for compression in all() {
        for bytes in [0, 1, 63, 64, 1_000, 4_096, 16_384, 100_000] {
            let method = compression.compress(&noise(bytes), &mut Vec::new());
            assert_eq!(method, Method::None, "{compression:?} of {bytes} bytes");
        }
        // Much would be saved, of too few bytes.
        let method = compression.compress(&[0; VALUE_BYTES_MIN - 1], &mut Vec::new());
        assert_eq!(method, Method::None);
    }
    for compression in real() {
        let method = compression.compress(&[0; VALUE_BYTES_MIN], &mut Vec::new());
        assert_ne!(method, Method::None, "{compression:?}");
    }
}

#[test]
fn less_than_an_eighth_does_not_pay() {
    for compression in real() {
        for (saved, pays) in [(8, false), (16, false), (5, true)] {
            // So much of it is one byte, the rest is noise.
            let value = [vec![0; 8_000 / saved], noise(8_000 - 8_000 / saved)].concat();
            let method = compression.compress(&value, &mut Vec::new());
            assert_eq!(method != Method::None, pays, "{compression:?}, a {saved}th");
        }
    }
}

#[test]
fn only_what_looks_like_noise_is_tried_first() {
    assert!(sample::doubtful(&noise(16 << 10)).is_some());
    assert!(sample::doubtful(&noise(1 << 20)).is_some());
    assert!(sample::doubtful(&noise((16 << 10) - 1)).is_none());
    assert!(sample::doubtful(&text(1 << 20)).is_none());
    let numbers: Vec<u8> = (0..20_000_u64).flat_map(u64::to_le_bytes).collect();
    assert!(sample::doubtful(&numbers).is_none());
}

#[test]
fn a_length_that_its_bytes_do_not_warrant_is_refused_before_it_gets_memory() {
    let claim = [&u32::MAX.to_le_bytes()[..], &[0x1f; 20]].concat();
    for method in [Method::Lz4, Method::Zstd] {
        let mut out = Vec::new();
        let error = decompress(method, &claim, usize::MAX, &mut out).unwrap_err();
        assert_eq!((error, out.capacity()), (DecompressError::Malformed, 0));
    }
}
