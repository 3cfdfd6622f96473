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
