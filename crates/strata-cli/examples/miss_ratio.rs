//! The miss ratio of LRU and SIEVE on a trace named on the command line, or on keys made up here.
//!
//! ```sh
//! cargo run --release --example miss_ratio -- OLTP.oracleGeneral.zst
//! ```

use cache_policies::{Lru, LruConfig, Policy, Sieve, SieveConfig};
use strata_cli::simulate::{Access, Simulator, Weighing};
use strata_cli::trace::{self, Request};

fn main() -> Result<(), Box<dyn std::error::Error>> {
    let accesses: Vec<Access> = match std::env::args_os().nth(1) {
        Some(path) => trace::open(path)?
            .map(|request| Ok(Access::new(&request?, Weighing::Objects)))
            .collect::<Result<_, trace::TraceError>>()?,
        // Five keys that are wanted all the time among a scan of others.
        None => (0..100_000)
            .map(|i| Request {
                time: 0,
                key: if i % 2 == 0 { i % 5 } else { i },
                size: 1,
                next: None,
            })
            .map(|request| Access::new(&request, Weighing::Objects))
            .collect(),
    };
    let mut lru = Simulator::new(Lru::new(100, &LruConfig::default())?);
    let mut sieve = Simulator::new(Sieve::new(100, &SieveConfig::default())?);
    lru.run(&accesses);
    sieve.run(&accesses);
    let ratio = |misses: u64| misses as f64 / accesses.len() as f64;
    println!(
        "100 objects: LRU {:.4}, SIEVE {:.4}",
        ratio(lru.misses()),
        ratio(sieve.misses())
    );
    Ok(())
}
