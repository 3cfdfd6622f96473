//! Reading a slow source through a cache, and which policy remembers best on a loop with a few favourites.
//!
//! `cargo run -p cache-policies --example cache_read_through`

use std::num::{NonZeroU64, TryFromIntError};

use cache_policies::{AnyConfig, AnyPolicy, Cache};

/// The slow source: the sum of the divisors of a number, of which zero has no end.
fn divisors(number: u64) -> Result<u64, TryFromIntError> {
    let number = NonZeroU64::try_from(number)?.get();
    Ok((1..=number)
        .filter(|divisor| number.is_multiple_of(*divisor))
        .sum())
}

fn main() -> Result<(), Box<dyn std::error::Error>> {
    for config in AnyConfig::all() {
        let name = config.name();
        let mut cache = Cache::<u64, u64>::builder()
            .capacity(40)
            .policy::<AnyPolicy>(config)
            .build()?;
        let mut sum = 0;
        for round in 0..100 {
            for number in 1..=60 {
                sum += cache.try_get_or_insert_with(number, || divisors(number))?;
                let favourite = 1 + (round + number) % 8;
                sum += cache.try_get_or_insert_with(favourite, || divisors(favourite))?;
            }
        }
        let ratio = cache.stats().hit_ratio().unwrap_or(0.0);
        println!(
            "{name:8} {:5.1}% of reads from the cache (sum {sum})",
            100.0 * ratio
        );
    }
    Ok(())
}
