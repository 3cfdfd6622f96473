//! `Cache`: entries by key, the order of eviction, clones and lifetimes that change.

use cache_policies::{
    AnyConfig, AnyPolicy, Cache, Cause, Entry, EntryRef, Lru, LruConfig, RejectReason,
    TryInsertError, ValueMut,
};

/// Weighs a value by its bytes.
const BYTES: fn(&String, &Vec<u8>) -> u32 = |_, value| value.len() as u32;

#[test]
fn an_entry_inserts_modifies_and_loads_with_one_look_up() {
    let mut cache = Cache::<&str, u32>::new(10);
    assert_eq!(
        cache.entry("a").and_modify(|_| unreachable!()).or_insert(1),
        Ok(&1)
    );
    assert_eq!(
        cache
            .entry("a")
            .and_modify(|value| *value += 1)
            .or_insert(9),
        Ok(&2)
    );
    assert_eq!(
        cache.entry("bc").or_insert_with_key(|key| key.len() as u32),
        Ok(&2)
    );
    assert_eq!(
        cache.entry("bc").or_insert_with_key(|_| unreachable!()),
        Ok(&2)
    );
    assert_eq!(cache.entry("d").or_default(), Ok(&0));
    assert_eq!(cache.entry("d").insert(4), Ok(Some(0)));
    assert_eq!(cache.entry("e").insert(5), Ok(None));
    *cache.entry("f").or_insert_mut(6).unwrap() += 60;
    *cache.entry("f").or_insert_mut(0).unwrap() += 600;
    assert_eq!(cache.peek("f"), Some(&666));
    assert_eq!(
        cache.entry("g").or_try_insert_with(|| Err("none")),
        Err(TryInsertError::Load("none"))
    );
    assert_eq!(
        cache.entry("g").or_try_insert_with(|| Ok::<_, ()>(7)),
        Ok(&7)
    );
    assert_eq!(cache.entry("g").or_try_insert_with(|| Err(())), Ok(&7));
    let stats = cache.stats();
    assert_eq!((stats.hits, stats.misses, stats.inserts), (5, 7, 6));
    cache.check();
}

#[test]
fn an_entry_of_a_borrowed_key_makes_an_owned_one_only_to_insert() {
    #[derive(PartialEq, Eq, Hash, Debug)]
    struct Name(String);
    thread_local! {
        static MADE: std::cell::Cell<u32> = const { std::cell::Cell::new(0) };
    }
    impl From<&str> for Name {
        fn from(name: &str) -> Self {
            MADE.set(MADE.get() + 1);
            Name(name.into())
        }
    }
    impl cache_policies::Equivalent<Name> for str {
        fn equivalent(&self, key: &Name) -> bool {
            *self == key.0
        }
    }
    let mut cache = Cache::<Name, u32>::new(10);
    assert_eq!(cache.entry_ref("a").or_insert(1), Ok(&1));
    assert_eq!(MADE.get(), 1);
    assert_eq!(
        cache
            .entry_ref("a")
            .and_modify(|value| *value += 1)
            .or_default(),
        Ok(&2)
    );
    assert_eq!(cache.entry_ref("a").key(), "a");
    assert_eq!(
        cache.entry_ref("a").or_insert_with(|| unreachable!()),
        Ok(&2)
    );
    assert_eq!(
        cache.entry_ref("a").or_insert_with_key(|_| unreachable!()),
        Ok(&2)
    );
    assert_eq!(cache.entry_ref("a").or_try_insert_with(|| Err(())), Ok(&2));
    *cache.entry_ref("a").or_insert_mut(0).unwrap() += 1;
    assert_eq!(MADE.get(), 1);
    assert_eq!(
        cache.entry_ref("b").or_try_insert_with(|| Err(7)),
        Err(TryInsertError::Load(7))
    );
    assert_eq!(MADE.get(), 1);
    assert_eq!(
        cache
            .entry_ref("bc")
            .or_insert_with_key(|key| key.len() as u32),
        Ok(&2)
    );
    let EntryRef::Occupied(entry) = cache.entry_ref("a") else {
        panic!("it is there")
    };
    assert_eq!((entry.key(), entry.get()), (&Name("a".into()), &3));
    assert_eq!(entry.remove_entry(), (Name("a".into()), 3));
    let EntryRef::Vacant(entry) = cache.entry_ref("a") else {
        panic!("it is gone")
    };
    assert_eq!(entry.key(), "a");
    *entry.insert_mut(5).unwrap() += 1;
    assert_eq!(cache.entry_ref("a").insert(8), Ok(Some(6)));
    assert_eq!(cache.entry_ref("z").insert(26), Ok(None));
    assert_eq!(cache.len(), 3);
    cache.check();
}

#[test]
fn a_value_that_outgrows_the_cache_in_an_entry_leaves_the_place_vacant() {
    let mut cache = Cache::<String, Vec<u8>>::builder()
        .capacity(10)
        .weigher(BYTES)
        .listener(Vec::new())
        .build()
        .unwrap();
    cache.insert("a".into(), vec![1; 4]).unwrap();
    let entry = cache
        .entry("a".into())
        .and_modify(|value| value.resize(11, 1));
    assert!(matches!(entry, Entry::Vacant(_)));
    assert_eq!(entry.or_insert(vec![2; 3]), Ok(&vec![2; 3]));
    assert_eq!(cache.listener().len(), 1);
    let entry = cache.entry_ref("a").and_modify(|value| value.resize(11, 1));
    assert!(matches!(entry, EntryRef::Vacant(_)));
    assert_eq!((cache.len(), cache.weight()), (0, 0));
    let rejected = cache.entry_ref("a").or_insert_mut(vec![0; 11]).unwrap_err();
    assert_eq!(
        (rejected.key.as_str(), rejected.reason),
        ("a", RejectReason::TooHeavy)
    );
    cache.check();
}

#[test]
fn an_occupied_entry_pins_and_exchanges_its_key() {
    let mut cache = Cache::<String, Vec<u8>>::builder()
        .capacity(20)
        .weigher(|key: &String, value: &Vec<u8>| (key.capacity() + value.len()) as u32)
        .time_to_live(5)
        .build()
        .unwrap();
    let mut long = String::with_capacity(12);
    long.push('a');
    cache.insert(long, vec![]).unwrap();
    let Entry::Occupied(mut entry) = cache.entry("a".to_string()) else {
        panic!("it is there")
    };
    assert_eq!((entry.is_pinned(), entry.deadline()), (false, Some(5)));
    entry.pin();
    assert!(entry.is_pinned() && entry.unpin() && !entry.unpin());
    entry.pin();
    assert_eq!(entry.replace_key().capacity(), 12);
    assert_eq!(
        (cache.weight(), cache.pinned_weight()),
        (1, 1),
        "weighed anew"
    );
    cache.check();
}

#[test]
fn a_look_changes_nothing_even_one_that_may_change_the_value() {
    let mut cache = Cache::<String, Vec<u8>>::builder()
        .policy::<Lru>(LruConfig::default())
        .capacity(10)
        .weigher(BYTES)
        .time_to_idle(10)
        .build()
        .unwrap();
    cache.insert("a".into(), vec![1; 5]).unwrap();
    cache.insert("b".into(), vec![2; 5]).unwrap();
    let before = cache.stats();
    cache.advance_to(4);
    let mut guard = cache.peek_mut("a").unwrap();
    assert_eq!(ValueMut::key(&guard), "a");
    guard.pop();
    drop(guard);
    assert!(cache.peek_mut("c").is_none());
    assert_eq!((cache.deadline("a"), cache.stats()), (Some(10), before));
    assert_eq!(cache.weight(), 9);
    assert_eq!(
        cache.evict_one().unwrap().0,
        "a",
        "it is still the least recently used"
    );

    assert_eq!(
        cache.get_key_value("b"),
        Some((&"b".to_string(), &vec![2; 5]))
    );
    assert_eq!((cache.deadline("b"), cache.stats().hits), (Some(14), 1));
}

type Worn = Cache<u32, u32, AnyPolicy, fn(&u32, &u32) -> u32>;

/// Fills a cache of this policy with weights, hits and pins.
fn worn(config: AnyConfig) -> Worn {
    let weigher: fn(&u32, &u32) -> u32 = |_, weight| *weight;
    let mut cache = Cache::builder()
        .policy::<AnyPolicy>(config)
        .capacity(500)
        .weigher(weigher)
        .build()
        .unwrap();
    let mut state = 1u64;
    for step in 0..20_000u32 {
        state = state
            .wrapping_mul(6364136223846793005)
            .wrapping_add(1442695040888963407);
        let key = ((state >> 40) % 40 * ((state >> 50) % 40)) as u32;
        if cache.get(&key).is_none() {
            let _ = cache.insert(key, key % 4 + 1);
        }
        match step % 97 {
            0 => cache.pin(&key),
            1 => cache.remove(&key).is_some(),
            2 => cache.unpin(&key),
            _ => false,
        };
        if cache.pinned_weight() > 200 {
            let pinned: Vec<u32> = cache.keys().copied().collect();
            for key in &pinned {
                cache.unpin(key);
            }
        }
    }
    cache.pin(&0);
    cache
}

#[test]
fn the_order_of_eviction_is_that_in_which_entries_are_evicted() {
    for config in AnyConfig::all() {
        let mut cache = worn(config.clone());
        let order: Vec<u32> = cache.iter_by_eviction().map(|(key, _)| *key).collect();
        let mut reversed: Vec<u32> = cache
            .iter_by_eviction()
            .rev()
            .map(|(key, _)| *key)
            .collect();
        reversed.reverse();
        assert_eq!(order, reversed);
        assert_eq!(order.len(), cache.len());
        let evicted: Vec<u32> = std::iter::from_fn(|| cache.evict_one())
            .map(|(key, _)| key)
            .collect();
        let (linked, pinned) = order.split_at(evicted.len());
        assert_eq!(linked, evicted, "{}", config.name());
        assert_eq!(pinned.len(), cache.pinned_len());
        assert!(pinned.iter().all(|key| cache.is_pinned(key)));
        cache.check();
    }
}

#[test]
fn a_clone_goes_its_own_way_and_the_same_way_if_the_same_is_done() {
    for config in AnyConfig::all() {
        let mut cache = worn(config);
        cache.insert_with_ttl(5000, 1, 7).unwrap();
        let mut copy = cache.clone();
        copy.check();
        assert_eq!(copy.deadline(&5000), Some(7));
        for cache in [&mut cache, &mut copy] {
            for key in 6000..6200 {
                cache.insert(key, 2).unwrap();
            }
            cache.advance_to(7);
        }
        let entries = |cache: &Worn| {
            cache
                .iter()
                .map(|(key, value)| (*key, *value))
                .collect::<Vec<_>>()
        };
        assert_eq!(entries(&cache), entries(&copy));
        cache.clear();
        assert!(!copy.is_empty());
        copy.check();
        cache.check();
    }
}

#[test]
fn entries_whose_time_is_over_are_not_in_the_order() {
    let mut cache = Cache::<u64, u64>::builder()
        .capacity(10)
        .listener(|_: u64, _: u64, _: Cause| panic!("the listener"))
        .build()
        .unwrap();
    for key in 0..4 {
        cache.insert_with_ttl(key, key, 10 + key).unwrap();
    }
    let advance = std::panic::AssertUnwindSafe(|| cache.advance_to(12));
    assert!(std::panic::catch_unwind(advance).is_err());
    assert_eq!(cache.len(), 3);
    assert_eq!(cache.iter_by_eviction().collect::<Vec<_>>(), [(&3, &3)]);
}

#[test]
fn the_default_time_to_live_changes_for_what_is_inserted_later() {
    let mut cache = Cache::<u64, u64>::new(10);
    cache.insert(1, 1).unwrap();
    assert_eq!(cache.time_to_live(), None);
    cache.set_time_to_live(Some(5));
    assert_eq!(cache.time_to_live(), Some(5));
    cache.insert(2, 2).unwrap();
    cache.set_time_to_live(None);
    cache.insert(3, 3).unwrap();
    cache.set_time_to_live(Some(0));
    assert_eq!(
        cache.insert(4, 4).unwrap_err().reason,
        RejectReason::Stillborn
    );
    assert_eq!(
        [1, 2, 3].map(|key| cache.deadline(&key)),
        [None, Some(5), None]
    );
}

#[test]
fn the_time_to_idle_changes_for_all() {
    let mut cache = Cache::<u64, u64>::builder()
        .capacity(10)
        .listener(Vec::new())
        .build()
        .unwrap();
    cache.insert(1, 1).unwrap();
    cache.insert_with_ttl(2, 2, 100).unwrap();
    cache.insert_with_ttl(3, 3, 12).unwrap();
    cache.advance_to(10);
    let deadlines = |cache: &Cache<_, _, _, _, _>| [1, 2, 3, 4].map(|key| cache.deadline(&key));
    cache.set_time_to_idle(Some(20));
    assert_eq!(cache.time_to_idle(), Some(20));
    assert_eq!(deadlines(&cache), [Some(30), Some(30), Some(12), None]);
    cache.insert(4, 4).unwrap();
    cache.advance_to(25);
    assert_eq!(cache.get(&1), Some(&1));
    assert_eq!(deadlines(&cache), [Some(45), Some(30), None, Some(30)]);
    // Longer, off, and on again: the time to live was never forgotten.
    cache.set_time_to_idle(Some(500));
    assert_eq!(deadlines(&cache), [Some(525), Some(100), None, Some(525)]);
    cache.set_time_to_idle(None);
    assert_eq!(deadlines(&cache), [None, Some(100), None, None]);
    cache.insert(5, 5).unwrap();
    cache.set_time_to_idle(Some(1));
    assert_eq!(deadlines(&cache), [Some(26), Some(26), None, Some(26)]);
    assert_eq!(cache.get(&5), Some(&5));
    cache.set_time_to_idle(Some(0));
    assert!(cache.is_empty());
    assert_eq!(cache.listener().len(), 5);
    assert!(
        cache
            .listener()
            .iter()
            .all(|(_, _, cause)| *cause == Cause::Expired)
    );
    assert_eq!(
        cache.insert(1, 1).unwrap_err().reason,
        RejectReason::Stillborn
    );
    cache.check();
}
