//! Keys whose comparison panics and values whose copy does: no key is lost by it, and no other held up.

use cache_tiered::{
    Applied, ApplyError, Blocking, BlockingSink, BlockingSource, Loaded, MemoryTier, Mutation,
    Tiered,
};
use std::collections::BTreeMap;
use std::convert::Infallible;
use std::hash::{Hash, Hasher};
use std::panic::{AssertUnwindSafe, catch_unwind};
use std::sync::atomic::{AtomicBool, Ordering};
use std::sync::{Arc, Mutex};

/// A key whose comparison panics while it is told to.
#[derive(Clone)]
struct Key {
    number: u64,
    panics: Arc<AtomicBool>,
}

impl PartialEq for Key {
    fn eq(&self, other: &Self) -> bool {
        assert!(!self.panics.load(Ordering::SeqCst), "a comparison");
        self.number == other.number
    }
}

impl Eq for Key {}

impl Hash for Key {
    fn hash<H: Hasher>(&self, state: &mut H) {
        self.number.hash(state);
    }
}

#[derive(Clone, Debug, thiserror::Error)]
#[error("nobody knows")]
struct NobodyKnows;

/// Has what it is given; from then on comparisons panic, if there is a `trap`.
#[derive(Clone, Default)]
struct Trapped {
    entries: Arc<Mutex<BTreeMap<u64, u64>>>,
    panics: Arc<AtomicBool>,
    trap: Arc<Mutex<Option<Result<(), NobodyKnows>>>>,
}

impl BlockingSource<Key, u64> for Trapped {
    type Error = Infallible;

    fn load(&self, key: &Key) -> Result<Loaded<u64>, Infallible> {
        Ok(self
            .entries
            .lock()
            .unwrap()
            .get(&key.number)
            .copied()
            .into())
    }
}

impl BlockingSink<Key, u64> for Trapped {
    type Error = NobodyKnows;

    fn apply(&self, batch: &[Mutation<Key, u64>]) -> Result<Applied, ApplyError<NobodyKnows>> {
        let mut entries = self.entries.lock().unwrap();
        for mutation in batch {
            match mutation.value() {
                Some(value) => entries.insert(mutation.key().number, *value),
                None => entries.remove(&mutation.key().number),
            };
        }
        let trap = self.trap.lock().unwrap().take();
        self.panics.store(trap.is_some(), Ordering::SeqCst);
        trap.unwrap_or(Ok(())).map_err(ApplyError::Unknown)?;
        Ok(batch.iter().map(|_| true).collect())
    }
}

#[test]
fn g1_a_comparison_that_panics_at_the_end_of_a_write_leaves_the_key_to_others_and_no_old_value() {
    for outcome in [Ok(()), Err(NobodyKnows)] {
        for removes in [false, true] {
            let store = Trapped::default();
            let cache: Tiered<Key, u64> = Tiered::builder()
                .memory(MemoryTier::entries(10))
                .store(Blocking::new(store.clone()))
                .build()
                .unwrap();
            let key = Key {
                number: 1,
                panics: Arc::clone(&store.panics),
            };
            cache.put(key.clone(), 10).wait().unwrap();
            assert!(cache.explain(&key).in_memory);
            *store.trap.lock().unwrap() = Some(outcome.clone());
            let ended = catch_unwind(AssertUnwindSafe(|| match removes {
                true => drop(cache.remove(&key).wait()),
                false => drop(cache.put(key.clone(), 11).wait()),
            }));
            assert!(ended.is_err(), "the panic reaches the caller");
            store.panics.store(false, Ordering::SeqCst);
            let explained = cache.explain(&key);
            assert!(!explained.mutating && !explained.in_memory, "{explained:?}");
            let found = cache.get(&key).wait().unwrap().map(|hit| hit.value);
            assert_eq!(found, (!removes).then_some(11), "what the store has");
            cache.put(key.clone(), 12).wait().unwrap();
            assert_eq!(store.entries.lock().unwrap()[&1], 12);
        }
    }
}

#[cfg(unix)]
mod behind {
    use cache_tiered::{
        Codec, CodecError, InMemory, ManualClock, MemoryTier, Retry, Tiered, Writes,
    };
    use std::sync::Arc;
    use std::sync::atomic::{AtomicBool, Ordering};
    use std::thread;
    use std::time::Duration;

    /// A value that can be copied anywhere but by those who write behind, while it is told so.
    #[derive(Debug)]
    struct Value {
        number: u64,
        panics: Arc<AtomicBool>,
    }

    impl Clone for Value {
        fn clone(&self) -> Self {
            let thread = thread::current();
            let behind = thread
                .name()
                .is_some_and(|name| name.starts_with("cache-tiered-behind"));
            assert!(!behind || !self.panics.load(Ordering::SeqCst), "a copy");
            Self {
                number: self.number,
                panics: Arc::clone(&self.panics),
            }
        }
    }

    struct Numbers;

    impl Codec<u64> for Numbers {
        fn encode<'a>(
            &self,
            value: &'a u64,
            scratch: &'a mut Vec<u8>,
        ) -> Result<&'a [u8], CodecError> {
            scratch.extend(value.to_le_bytes());
            Ok(scratch)
        }

        fn decode(&self, bytes: &[u8]) -> Result<u64, CodecError> {
            bytes
                .try_into()
                .map(u64::from_le_bytes)
                .map_err(CodecError::other)
        }
    }

    impl Codec<Value> for Numbers {
        fn encode<'a>(
            &self,
            value: &'a Value,
            scratch: &'a mut Vec<u8>,
        ) -> Result<&'a [u8], CodecError> {
            scratch.extend(value.number.to_le_bytes());
            Ok(scratch)
        }

        fn decode(&self, bytes: &[u8]) -> Result<Value, CodecError> {
            let number = Codec::<u64>::decode(self, bytes)?;
            Ok(Value {
                number,
                panics: Arc::default(),
            })
        }
    }

    #[test]
    fn g4_a_value_that_can_not_be_copied_holds_up_no_other_and_comes_when_it_can() {
        let directory = tempfile::tempdir().unwrap();
        let (clock, panics) = (ManualClock::new(), Arc::new(AtomicBool::new(true)));
        let store = InMemory::<u64, Value>::new();
        let writes = Writes::behind(directory.path().join("journal"))
            .key_codec(Numbers)
            .codec(Numbers)
            .lanes(1)
            .retry(
                Retry::times(1_000).pauses(Duration::from_millis(10), Duration::from_millis(100)),
            )
            .max_delay(Duration::from_millis(10));
        let cache: Tiered<u64, Value> = Tiered::builder()
            .memory(MemoryTier::entries(100).clock(clock.clone()))
            .store(store.clone())
            .writes(writes)
            .build()
            .unwrap();
        let is_there = |key: u64| store.entries().contains_key(&key);
        let pass_until = |reached: &dyn Fn() -> bool| {
            while !reached() {
                clock.advance(Duration::from_millis(10));
                thread::yield_now();
            }
        };
        for key in 0..20 {
            let panics = match key % 7 {
                3 => Arc::clone(&panics),
                _ => Arc::default(),
            };
            let value = Value {
                number: key,
                panics,
            };
            cache.put(key, value).wait().unwrap();
        }
        pass_until(&|| (0..20).all(|key| key % 7 == 3 || is_there(key)));
        assert!(!is_there(3) && cache.explain(&3).dirty);
        assert_eq!(
            cache.get(&3).wait().unwrap().map(|hit| hit.value.number),
            Some(3)
        );
        panics.store(false, Ordering::SeqCst);
        pass_until(&|| (0..20).all(is_there));
        let report = cache.close().wait().unwrap();
        assert_eq!((report.left, report.dead), (0, 0));
    }
}
