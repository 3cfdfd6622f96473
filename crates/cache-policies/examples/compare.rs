//! The miss ratios of all policies, or of those named on the command line, on requests of which few keys get most.

use std::collections::HashMap;
use std::error::Error;

use cache_policies::{AnyConfig, AnyPolicy, Policy, Slot};

/// splitmix64: a bijection, so that every key has a hash of its own.
fn mix(number: u64) -> u64 {
    let mut mixed = number.wrapping_add(0x9e37_79b9_7f4a_7c15);
    mixed = (mixed ^ (mixed >> 30)).wrapping_mul(0xbf58_476d_1ce4_e5b9);
    mixed = (mixed ^ (mixed >> 27)).wrapping_mul(0x94d0_49bb_1331_11eb);
    mixed ^ (mixed >> 31)
}

/// 200,000 requests among 20,000 keys, one in four of them part of a scan that never comes back.
fn requests() -> impl Iterator<Item = u64> {
    (0..200_000_u64).map(|position| {
        if position % 4 == 0 {
            return 1_000_000 + position;
        }
        let share = mix(position) as f64 / u64::MAX as f64;
        (share.powi(4) * 20_000.0) as u64
    })
}

fn misses(config: &AnyConfig, capacity: u64) -> Result<u64, Box<dyn Error>> {
    let mut policy = AnyPolicy::new(capacity, config)?;
    let mut slots: HashMap<u64, Slot> = HashMap::new();
    let mut keys: Vec<u64> = Vec::new();
    let mut misses = 0;
    for key in requests() {
        if let Some(slot) = slots.get(&key) {
            policy.hit(*slot, mix(key));
            continue;
        }
        misses += 1;
        let hint = policy.miss(mix(key));
        let slot = if policy.weight() < policy.capacity() {
            keys.push(key);
            Slot::new(u32::try_from(keys.len() - 1)?)
        } else {
            let victim = policy.evict().ok_or("nothing to evict")?;
            slots.remove(&keys[victim.index()]);
            keys[victim.index()] = key;
            victim
        };
        policy.insert(slot, mix(key), 1, hint);
        slots.insert(key, slot);
    }
    Ok(misses)
}

fn main() -> Result<(), Box<dyn Error>> {
    let mut configs = std::env::args()
        .skip(1)
        .map(|name| name.parse())
        .collect::<Result<Vec<AnyConfig>, _>>()?;
    if configs.is_empty() {
        configs = AnyConfig::all();
        configs.push("clock:bits=2".parse()?);
        configs.push("s3-fifo:small=0.2,threshold=1".parse()?);
    }
    for config in configs {
        let share = misses(&config, 2_000)? as f64 / requests().count() as f64;
        println!("{:32} {:5.2}% missed", config.to_string(), 100.0 * share);
    }
    Ok(())
}
