//! The memory tier alone, shared by threads: bounded by bytes, with a life for each entry.
//!
//! `cargo run -p cache-tiered --example memory_cache`

use cache_tiered::{BuildError, Cause, MemoryCache};
use std::sync::Arc;
use std::sync::atomic::{AtomicU64, Ordering};
use std::thread;
use std::time::Duration;

/// Stands for something slow: a query, a rendering, a request.
fn render(page: u32) -> Arc<str> {
    format!("<h1>page {page}</h1>").repeat(40).into()
}

fn main() -> Result<(), BuildError> {
    let rendered = AtomicU64::new(0);
    let evicted = Arc::new(AtomicU64::new(0));
    let count = Arc::clone(&evicted);
    let cache: MemoryCache<u32, Arc<str>> = MemoryCache::builder()
        .capacity(64 << 10)
        .weigher(|_page: &u32, html: &Arc<str>| u32::try_from(html.len()).unwrap_or(u32::MAX))
        .time_to_live(Duration::from_secs(300))
        .listener(move |_page, _html, cause| {
            if cause == Cause::Capacity {
                count.fetch_add(1, Ordering::Relaxed);
            }
        })
        .build()?;

    thread::scope(|scope| {
        for visitor in 0..4_u32 {
            let (cache, rendered) = (&cache, &rendered);
            scope.spawn(move || {
                for visit in 0..5_000_u32 {
                    // A few pages are visited much more than the others.
                    let page = (visit * (visitor + 7)) % 200 * (visit % 3) / 2;
                    let html = cache.get_or_insert_with(page, || {
                        rendered.fetch_add(1, Ordering::Relaxed);
                        render(page)
                    });
                    assert_eq!(html, render(page));
                }
            });
        }
    });

    let stats = cache.stats();
    println!(
        "{} visits, {} pages rendered",
        4 * 5_000,
        rendered.load(Ordering::Relaxed)
    );
    println!(
        "{} entries of {} bytes, at most {}",
        stats.len, stats.weight, stats.capacity
    );
    println!(
        "{} evicted, hit ratio {:.3}",
        evicted.load(Ordering::Relaxed),
        stats.hit_ratio().unwrap_or(0.0)
    );
    Ok(())
}
