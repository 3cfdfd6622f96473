//! A pool with a budget: what happens when it is lent out. `cargo run --example bounded`.

use buffer_pool::{AcquireError, BufferPool, Exhaustion};

const PAGE: usize = 4096;

fn main() -> Result<(), AcquireError> {
    let pool = BufferPool::builder()
        .max_bytes(16 * PAGE)
        .max_idle_bytes(8 * PAGE)
        .alignment(PAGE)
        .exhaustion(Exhaustion::Overflow)
        .build();

    let mut pages = Vec::new();
    let refused = loop {
        match pool.try_acquire_zeroed(PAGE) {
            Ok(page) => pages.push(page),
            Err(refused) => break refused,
        }
    };
    println!("{} pages lent; then: {refused}", pages.len());
    assert_eq!(
        (pages.len(), refused),
        (
            16,
            AcquireError::Exhausted {
                max_bytes: 16 * PAGE
            }
        )
    );

    // `acquire` does not refuse: this pool hands out a block past the budget that is counted and freed afterwards.
    let extra = pool.acquire(PAGE);
    println!("past the budget: {} bytes", pool.stats().overflow_bytes);
    drop(extra);

    // Idle pages make room for a larger buffer.
    pages.truncate(4);
    println!(
        "after releasing 12 pages: {} bytes idle",
        pool.stats().idle_bytes()
    );
    let large = pool.try_acquire(12 * PAGE)?;
    let stats = pool.stats();
    println!(
        "{} bytes of one buffer; {} bytes idle, {} charged",
        large.capacity(),
        stats.idle_bytes(),
        stats.charged_bytes
    );
    assert!(stats.charged_bytes <= 16 * PAGE as u64);
    Ok(())
}
