//! A cache of one's own on a policy: the owner's loop, with a plain `HashMap` and a `Vec`.

use std::collections::HashMap;
use std::hash::{BuildHasher, RandomState};

use cache_policies::{ConfigError, Policy, Sieve, SieveConfig, Slot};

/// File contents by name, at most `capacity` bytes of them.
struct FileCache {
    policy: Sieve,
    hasher: RandomState,
    index: HashMap<String, Slot>,
    files: Vec<Option<(String, Vec<u8>)>>,
    free: Vec<Slot>,
}

impl FileCache {
    fn new(capacity: u64) -> Result<Self, ConfigError> {
        Ok(FileCache {
            policy: Sieve::new(capacity, &SieveConfig::default())?,
            hasher: RandomState::new(),
            index: HashMap::new(),
            files: Vec::new(),
            free: Vec::new(),
        })
    }

    /// The content of a file, from the cache or from `read`; `None` if it is too large to be kept.
    fn get(&mut self, name: &str, read: impl FnOnce() -> Vec<u8>) -> Option<&[u8]> {
        let hash = self.hasher.hash_one(name);
        let slot = match self.index.get(name) {
            Some(&slot) => {
                self.policy.hit(slot, hash);
                slot
            }
            None => self.insert(name, hash, read())?,
        };
        self.files[slot.index()]
            .as_ref()
            .map(|(_, content)| content.as_slice())
    }

    fn insert(&mut self, name: &str, hash: u64, content: Vec<u8>) -> Option<Slot> {
        let hint = self.policy.miss(hash);
        let weight = u32::try_from(content.len()).ok()?;
        if u64::from(weight) > self.policy.capacity() {
            return None;
        }
        while self.policy.weight() + u64::from(weight) > self.policy.capacity() {
            let victim = self.policy.evict()?;
            let (name, _) = self.files[victim.index()].take()?;
            self.index.remove(&name);
            self.free.push(victim);
        }
        let slot = self.free.pop().unwrap_or_else(|| {
            self.files.push(None);
            Slot::new(self.files.len() as u32 - 1)
        });
        self.policy.insert(slot, hash, weight, hint);
        self.files[slot.index()] = Some((name.to_string(), content));
        self.index.insert(name.to_string(), slot);
        Some(slot)
    }
}

fn main() -> Result<(), ConfigError> {
    let mut cache = FileCache::new(10_000)?;
    let mut reads = 0;
    for request in 0..100_u32 {
        let name = format!("file-{}", request * request % 17);
        let content = cache.get(&name, || {
            reads += 1;
            vec![0; 1_000]
        });
        assert_eq!(content.map(<[u8]>::len), Some(1_000));
    }
    println!(
        "100 requests, {reads} reads, {} bytes kept",
        cache.policy.weight()
    );
    assert!(reads < 100 && cache.policy.weight() <= 10_000);
    Ok(())
}
