//! How much the tests do.

/// Cases of a test: `STRATA_CASES`, or `default`.
pub(crate) fn cases(default: u32) -> u32 {
    std::env::var("STRATA_CASES").map_or(default, |text| {
        text.parse().expect("STRATA_CASES is a number")
    })
}

/// Of so many calls of a device that are to fail one after the other one does: each, or where `STRATA_CASES` says that there is
/// time for few cases, as under a sanitizer, one in sixteen.
#[cfg(feature = "redb")]
pub(crate) fn stride() -> usize {
    if cases(u32::MAX) < 1_000 { 16 } else { 1 }
}

/// How often each fault of a real server comes: `ci` times, or `long` times where `STRATA_CASES` gives
/// a night to it, or `few` where it says that there is time for few cases.
#[cfg(all(unix, feature = "redis"))]
pub(crate) fn rounds(few: u32, ci: u32, long: u32) -> u32 {
    match cases(0) {
        0 => ci,
        1..10_000 => few,
        _ => long,
    }
}
