//! The shortest way through.
use cache_tiered::*;
#[test]
fn put_get_remove() {
    let cache: Tiered<u64, String> = Tiered::builder()
        .memory(MemoryTier::entries(10))
        .store(InMemory::new())
        .build()
        .unwrap();
    cache.put(1, "a".into()).wait().unwrap();
    assert_eq!(cache.get(&1).wait().unwrap().unwrap().tier, Tier::Memory);
    assert!(cache.invalidate(&1));
    assert_eq!(cache.get(&1).wait().unwrap().unwrap().tier, Tier::Store);
    assert!(cache.remove(&1).wait().unwrap());
}
