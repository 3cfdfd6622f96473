//! A cache that gives memory back under pressure, a few entries at a time, and shows what would go next.
//!
//! `cargo run -p cache-policies --example cache_limits`

use cache_policies::{Cache, Lru, LruConfig};

fn main() -> Result<(), Box<dyn std::error::Error>> {
    let mut cache = Cache::builder()
        .policy::<Lru>(LruConfig::default())
        .capacity(100_000)
        .weigher(|_: &String, page: &Vec<u8>| page.len() as u32)
        .build()?;
    for number in 0..1_000 {
        cache.insert(format!("page {number}"), vec![0; 100])?;
    }
    cache.pin("page 0");

    let next: Vec<&String> = cache
        .iter_by_eviction()
        .take(3)
        .map(|(name, _)| name)
        .collect();
    println!("next to go: {next:?}, not page 0, which is pinned");

    // A tenth of the room, from now on for what is inserted, and soon for all.
    cache.set_capacity(10_000)?;
    println!(
        "{} bytes, {} too many",
        cache.weight(),
        cache.surplus_weight()
    );
    let mut requests = 0;
    while cache.surplus_weight() > 50_000 {
        requests += 1;
        let name = format!("new page {requests}");
        cache
            .entry_ref(name.as_str())
            .or_insert_with(|| vec![1; 50])?;
    }
    println!("{requests} requests later {} bytes", cache.weight());

    // Nothing to do: settle the rest, in pieces that take no longer than a request may wait.
    let mut pieces = 0;
    while cache.shed(50) > 0 {
        pieces += 1;
    }
    cache.shrink_to_fit();
    println!("{pieces} pieces later {} bytes", cache.weight());
    Ok(())
}
