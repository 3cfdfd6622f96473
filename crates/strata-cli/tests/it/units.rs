//! Amounts of bytes: what is taken, what is refused, and that a refusal says what is taken.

use strata_cli::units::{BytesError, parse_bytes};

#[test]
fn decimal_and_binary_units_are_told_apart() {
    for (text, bytes) in [
        ("0", 0),
        ("512", 512),
        ("512B", 512),
        ("1kB", 1_000),
        ("1KB", 1_000),
        ("1KiB", 1_024),
        ("64MB", 64_000_000),
        ("64MiB", 64 << 20),
        ("64 MiB", 64 << 20),
        ("64mib", 64 << 20),
        ("1.5GiB", 3 << 29),
        ("0.5GB", 500_000_000),
        ("2TB", 2_000_000_000_000),
        ("1PiB", 1 << 50),
        ("15EiB", 15 << 60),
        ("18446744073709551615", u64::MAX),
        (" 7 ", 7),
        ("0.0005KiB", 0),
    ] {
        assert_eq!(parse_bytes(text), Ok(bytes), "{text}");
    }
}

#[test]
fn what_is_no_size_is_refused_and_told_what_is_one() {
    for text in [
        "", " ", "-1", "+1", "64XB", "MiB", "64M", "64 M iB", "1e6", "1.", ".5GiB", "1.2.3MB",
        "0x10", "1,5GiB", "64iB", "٣MB", "1_000", "64MiBB", "nan",
    ] {
        let error = parse_bytes(text).expect_err(text);
        assert_eq!(error, BytesError::Malformed(text.to_owned()));
        let message = error.to_string();
        for accepted in ["512", "64MB", "64MiB", "1.5GiB"] {
            assert!(message.contains(accepted), "{message}");
        }
    }
}

#[test]
fn sizes_of_2_to_the_64_and_more_are_too_large() {
    let digits = "9".repeat(60);
    for text in [
        "18446744073709551616",
        "16EiB",
        "18446744073.709551616GB",
        "1000000EB",
        digits.as_str(),
    ] {
        assert_eq!(
            parse_bytes(text),
            Err(BytesError::TooLarge(text.to_owned()))
        );
    }
}

#[test]
fn a_fraction_of_a_byte_is_refused() {
    for text in ["1.5", "0.5B"] {
        assert_eq!(
            parse_bytes(text),
            Err(BytesError::Fraction(text.to_owned()))
        );
    }
    assert_eq!(parse_bytes("2.0"), Ok(2));
}
