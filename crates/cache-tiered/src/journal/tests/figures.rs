//! How much the tests did, told where one sees it.

use std::io::Write;

/// Histories for each durability, each with a seed of its own and a crash at its end at the least.
pub(super) const SEEDS: u32 = 10_000;

/// Histories that a model test runs: `STRATA_CASES`, or [`SEEDS`].
pub(super) fn seeds() -> u32 {
    std::env::var("STRATA_CASES").map_or(SEEDS, |text| {
        text.parse().expect("STRATA_CASES is a number of cases")
    })
}

/// Says on standard error what a test did or left out, past the harness, which keeps to itself what a test prints that passes.
pub(super) fn tell(figure: &str) {
    let _unheard = writeln!(std::io::stderr(), "   {figure}");
}
