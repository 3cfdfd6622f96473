//! The miss ratio of LRU and SIEVE on a trace named on the command line, or on keys made up here.
//!
//! ```sh
//! cargo run --release --example miss_ratio -- OLTP.oracleGeneral.zst
//! ```

use cache_policies::{Lru, LruConfig, Policy, Sieve, SieveConfig};
use strata_cli::simulate::{Access, Catalogue, Simulator, Weighing};
use strata_cli::trace::{self, Request};

fn main() -> Result<(), Box<dyn std::error::Error>> {
    let mut catalogue = Catalogue::new();
    let accesses: Vec<Access> = match std::env::args_os().nth(1) {
        Some(path) => trace::open(path)?
            .map(|request| Ok(catalogue.access(&request?)))
            .collect::<Result<_, trace::TraceError>>()?,
        // Five keys that are wanted all the time among a scan of others.
        None => (0..100_000)
            .map(|i| Request {
                time: 0,
                key: if i % 2 == 0 { i % 5 } else { i },
                size: 1,
                next: None,
            })
            .map(|request| catalogue.access(&request))
            .collect(),
    };
    let lru = Lru::new(100, &LruConfig::default())?;
    let sieve = Sieve::new(100, &SieveConfig::default())?;
    let (mut lru, mut sieve) = (
        Simulator::new(lru, Weighing::Objects),
        Simulator::new(sieve, Weighing::Objects),
    );
    lru.run(&accesses);
    sieve.run(&accesses);
    let ratio = |misses: u64| misses as f64 / accesses.len() as f64;
    println!(
        "100 objects: LRU {:.4}, SIEVE {:.4}",
        ratio(lru.counts().misses),
        ratio(sieve.counts().misses)
    );
    Ok(())
}
