//! Plain keys, one a line, numbers or any text; and what key a text is.

use super::Request;
use super::error::TraceError;
use super::stream::{self, Stream};

/// The next request of the trace; `None` at its end. Blanks around a key and blank lines do not count.
pub(super) fn next(stream: &mut Stream) -> Result<Option<Request>, TraceError> {
    loop {
        let Some(line) = stream.line()? else {
            return Ok(None);
        };
        let text = line.trim_ascii();
        if text.is_empty() {
            stream.end_line();
            continue;
        }
        let key = key_of(text);
        stream.end_line();
        return Ok(Some(Request::of_key(key)));
    }
}

/// The key that a text stands for, in every version and on every machine: a decimal number below 2^64 written without
/// leading zeros is itself, any other text is its 64-bit FNV-1a hash.
///
/// Two texts of a trace with a billion of them share a hash with a probability of 3 %; they would count as one object. A
/// hostile trace can make texts collide at will.
///
/// ```
/// use strata_cli::trace::key_of;
///
/// assert_eq!(key_of(b"85"), 85);
/// assert_ne!(key_of(b"085"), 85);
/// assert_eq!(key_of(b"foobar"), 0x8594_4171_f739_67e8);
/// ```
#[must_use]
pub fn key_of(text: &[u8]) -> u64 {
    let canonical = text.len() == 1 || text.first() != Some(&b'0');
    match stream::number(text) {
        Some(number) if canonical => number,
        _ => fnv_1a(text),
    }
}

/// Fowler, Noll and Vo's hash 1a, 64 bits (RFC 9923).
fn fnv_1a(text: &[u8]) -> u64 {
    const BASIS: u64 = 0xcbf2_9ce4_8422_2325;
    const PRIME: u64 = 0x0100_0000_01b3;
    text.iter().fold(BASIS, |hash, &byte| {
        (hash ^ u64::from(byte)).wrapping_mul(PRIME)
    })
}

#[cfg(test)]
mod tests {
    use super::key_of;

    #[test]
    fn only_canonical_numbers_are_themselves() {
        assert_eq!(key_of(b"0"), 0);
        assert_eq!(key_of(b"18446744073709551615"), u64::MAX);
        let texts: [&[u8]; 6] = [b"00", b"007", b"18446744073709551616", b"-1", b"+1", b"1.0"];
        for (index, text) in texts.iter().enumerate() {
            let key = key_of(text);
            assert!(key > 1 << 32, "a hash: {key}");
            assert!(texts[..index].iter().all(|before| key_of(before) != key));
        }
    }

    #[test]
    fn hashes_are_the_published_ones() {
        for (text, hash) in [
            ("", 0xcbf2_9ce4_8422_2325),
            ("a", 0xaf63_dc4c_8601_ec8c),
            ("foobar", 0x8594_4171_f739_67e8),
        ] {
            assert_eq!(key_of(text.as_bytes()), hash, "{text}");
        }
    }
}
