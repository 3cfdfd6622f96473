//! How much the tests did, told where one sees it.

use std::io::Write;

/// Histories for each durability, each with a seed of its own and a crash at its end at the least.
pub(crate) const SEEDS: u32 = 10_000;

/// Histories that a model test runs: `STRATA_CASES`, or [`SEEDS`].
pub(crate) fn seeds() -> u32 {
    seeds_or(SEEDS)
}

/// Histories that a test runs: `STRATA_CASES`, or `default`.
pub(crate) fn seeds_or(default: u32) -> u32 {
    std::env::var("STRATA_CASES").map_or(default, |text| {
        text.parse().expect("STRATA_CASES is a number of cases")
    })
}

/// Says on standard error what a test did or left out, past the harness, which keeps to itself what a test prints that passes.
pub(crate) fn tell(figure: &str) {
    let _unheard = writeln!(std::io::stderr(), "   {figure}");
}
