//! A whole cache over a client that fails: what it acknowledged is there in the end.

use super::LONG;
use super::faulty::{Fate, Faulty};
use cache_tiered::{MemoryTier, ObjectStore, PutError, Retry, Tiered, Writes};
use std::sync::Arc;
use std::time::Duration;

fn store(client: &Arc<Faulty>) -> ObjectStore {
    let client = Arc::<Faulty>::clone(client);
    ObjectStore::options().over(client).unwrap()
}

#[test]
fn g3_a_write_through_that_nobody_answered_hides_the_key_and_the_next_read_asks() {
    let client = Arc::new(Faulty::default());
    let cache: Tiered<String, String> = Tiered::builder()
        .memory(MemoryTier::entries(100))
        .store(store(&client))
        .build()
        .unwrap();
    let put = |value: &str| cache.put("k".to_owned(), value.to_owned()).wait();
    put("1").unwrap();
    client.write("k", Fate::Unanswered);
    let failed = put("2").unwrap_err();
    assert!(matches!(failed, PutError::Unknown { .. }), "{failed}");
    client.write("k", None);
    let found = cache.get(&"k".to_owned()).wait().unwrap().unwrap();
    assert_eq!(found.value, "2");
    client.write("k", Fate::Denied);
    let failed = put("3").unwrap_err();
    assert!(matches!(failed, PutError::Refused { .. }), "{failed}");
    let found = cache.get(&"k".to_owned()).wait().unwrap().unwrap();
    assert_eq!(found.value, "2");
}

#[test]
fn g4_writes_behind_reach_a_store_that_fails_now_and_then() {
    let directory = tempfile::tempdir().unwrap();
    let client = Arc::new(Faulty::default());
    let retry = Retry::times(1_000).pauses(Duration::from_millis(1), Duration::from_millis(5));
    let cache: Tiered<String, String> = Tiered::builder()
        .memory(MemoryTier::entries(10))
        .store(store(&client))
        .writes(Writes::behind(directory.path().join("journal")).retry(retry))
        .build()
        .unwrap();
    let key = |number: usize| format!("key-{number}");
    for number in 0..200 {
        let fate = [None, None, Some(Fate::Lost), Some(Fate::Unanswered)];
        client.write(&key(number), fate[number % 4].clone());
        cache.put(key(number), number.to_string()).wait().unwrap();
    }
    for number in 0..200 {
        let found = cache.get(&key(number)).wait().unwrap().unwrap();
        assert_eq!(found.value, number.to_string());
    }
    for number in 0..200 {
        client.write(&key(number), None);
    }
    let report = cache.close_within(LONG).wait().unwrap();
    assert_eq!((report.left, report.dead), (0, 0));
    let store = store(&client);
    for number in 0..200 {
        let found = super::load(&store, &key(number)).unwrap();
        assert_eq!(found, Some(number.to_string()));
    }
}
