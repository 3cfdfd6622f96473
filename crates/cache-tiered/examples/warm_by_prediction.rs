//! A cache that is warmed by what is known of earlier accesses: reports that read their rows every hour find them in
//! memory, and so does who comes back after everything was invalidated.
//!
//! `cargo run -p cache-tiered --example warm_by_prediction`

use cache_policies::{AccessIntervals, Periods, PeriodsConfig};
use cache_tiered::{InMemory, MemoryTier, Tier, Tiered};
use std::collections::hash_map::RandomState;
use std::error::Error;
use std::hash::BuildHasher;

const HOUR: u64 = 3_600;
/// Seconds that warming is ahead.
const AHEAD: u64 = 60;

/// A cache, and what is known of the accesses to it.
struct Warmed {
    cache: Tiered<u64, u64>,
    hasher: RandomState,
    periods: Periods<u64>,
    intervals: AccessIntervals,
}

impl Warmed {
    /// Reads a row; whether it was in memory.
    fn read(&mut self, row: u64, second: u64) -> Result<bool, Box<dyn Error>> {
        let hash = self.hasher.hash_one(row);
        self.periods.observe(hash, second, || row);
        self.intervals.observe(hash, second);
        let hit = self.cache.get(&row).wait()?;
        Ok(hit.is_some_and(|hit| hit.tier == Tier::Memory))
    }
}

/// Of how many reads of reports, after the first hours, the row was in memory.
fn reports(warms: bool) -> Result<(u64, u64), Box<dyn Error>> {
    let store = InMemory::new();
    let filled: Tiered<u64, u64> = Tiered::builder()
        .memory(MemoryTier::entries(1))
        .store(store.clone())
        .build()?;
    for row in 0..10_000 {
        filled.put(row, row * row).wait()?;
    }
    let mut warmed = Warmed {
        cache: Tiered::builder()
            // S3-FIFO, the default, has a tenth of it for what nobody has asked for: it were to be warmed later.
            .memory(MemoryTier::entries(500).policy("lru".parse()?))
            .store(store)
            .build()?,
        hasher: RandomState::new(),
        periods: Periods::new(10_000, PeriodsConfig::default())?,
        intervals: AccessIntervals::new(10_000),
    };
    let (mut reads, mut hits, mut state) = (0, 0, 1_u64);
    for second in 0..12 * HOUR {
        if warms && second % 10 == 0 {
            let due: Vec<u64> = warmed.periods.due_by(second + AHEAD).collect();
            warmed.cache.warm(due).wait();
        }
        // Each report has a minute of its own and reads ten rows then.
        let (minute, report) = (second % HOUR % 60, second % HOUR / 60);
        if minute < 10 {
            let hit = warmed.read(report * 10 + minute, second)?;
            if second >= 6 * HOUR {
                (reads, hits) = (reads + 1, hits + u64::from(hit));
            }
        }
        // Everybody else reads here and there.
        state = state.wrapping_mul(6364136223846793005).wrapping_add(1);
        warmed.read(1_000 + (state >> 33) % 9_000, second)?;
    }

    // All is invalidated: what comes within two minutes is loaded first.
    let now = 12 * HOUR;
    warmed.cache.invalidate_all();
    let known = (0..10_000).map(|row| (warmed.hasher.hash_one(row), row));
    let soon = warmed
        .intervals
        .expected_within(known, now..=now + 120, 0.9);
    let report = warmed.cache.warm(soon).wait();
    println!("after invalidating all, {} rows are warmed", report.loaded);
    assert!(report.loaded >= 20 && report.failed == 0);
    Ok((hits, reads))
}

fn main() -> Result<(), Box<dyn Error>> {
    let mut shares = Vec::new();
    for warms in [false, true] {
        let (hits, reads) = reports(warms)?;
        println!("warming {warms}: {hits} of {reads} reads of reports hit");
        shares.push(hits as f64 / reads as f64);
    }
    assert!(shares[1] > shares[0]);
    Ok(())
}
