//! Memory over a store with a limit: what a refused write looks like, and that it changes nothing.
//!
//! `cargo run -p cache-tiered --example tiered_in_memory`

use cache_tiered::{InMemory, InMemoryError, MemoryTier, PutError, Tiered};
use std::error::Error;

fn main() -> Result<(), Box<dyn Error>> {
    let cache: Tiered<u64, String> = Tiered::builder()
        .memory(MemoryTier::entries(4).policy("lru".parse()?))
        .store(InMemory::with_limit(100)?)
        .build()?;

    for key in 0..100 {
        cache.put(key, format!("value {key}")).wait()?;
    }
    match cache.put(100, "one too many".to_owned()).wait() {
        Err(PutError::Refused { value, source }) => {
            assert_eq!(
                source.downcast_ref(),
                Some(&InMemoryError::Full { limit: 100 })
            );
            println!("{value:?} was refused: {source}");
        }
        other => return Err(format!("expected a refusal, found {other:?}").into()),
    }

    // The last four are in memory, the others come from the store.
    for key in [99, 0] {
        let hit = cache.get(&key).wait()?.ok_or("it was put")?;
        println!("{key}: {:?} from {:?}", hit.value, hit.tier);
    }
    assert!(cache.remove(&0).wait()?);
    cache.put(100, "there is room now".to_owned()).wait()?;
    println!("{:?}", cache.stats());
    Ok(())
}
