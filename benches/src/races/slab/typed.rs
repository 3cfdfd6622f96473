//! Typed values of 32 bytes behind keys: churn, fill, get, sparse iteration, growth, shrinking.

use std::rc::Rc;
use std::time::Instant;

use super::table::{
    DenseSlotMap, GenerationalArena, Iterate, Oximedia, ShardedSlab, Shrink, Slab, SlotMap,
    StrataArena, Table, Thunderdome, value,
};
use crate::{Contender, Effort, Sample, Sequence, Workload, allocated_bytes};

const LIVE: u32 = 100_000;

fn filled<T: Table>(values: usize) -> (T, Vec<T::Key>) {
    let mut table = T::new();
    let keys = (0..values)
        .map(|seed| table.insert(value(seed as u64)))
        .collect();
    (table, keys)
}

/// A workload with each table entered by `$make::<Table>$arguments`.
macro_rules! entered {
    ($workload:expr, $make:ident $arguments:tt) => {
        entered!($workload, $make $arguments for StrataArena, Slab, SlotMap, DenseSlotMap, Thunderdome,
            GenerationalArena, ShardedSlab, Oximedia)
    };
    ($workload:expr, $make:ident $arguments:tt for $($table:ty),+) => {
        vec![$workload$(.with($make::<$table>$arguments))+]
    };
}

/// 100,000 live: remove a random one, insert another.
pub(super) fn churn(effort: Effort) -> Vec<Workload> {
    let order = Sequence::seeded(1).uniform(effort.operations(2_000_000), LIVE);
    churn_by::<1>("churn", order)
}

/// The same, but fifty go before fifty come, so that the slot that was freed last is no answer.
pub(super) fn churn_fifty(effort: Effort) -> Vec<Workload> {
    let mut sequence = Sequence::seeded(10);
    let order = (0..effort.operations(20))
        .flat_map(|_| sequence.shuffled(LIVE))
        .collect();
    churn_by::<50>("churn-50", order)
}

/// `BURST` divides the length of `order`, and no place is twice in a burst.
fn churn_by<const BURST: usize>(name: &str, order: Vec<u32>) -> Vec<Workload> {
    fn contender<T: Table, const BURST: usize>(order: &Rc<Vec<u32>>) -> Contender {
        let (mut table, mut keys) = filled::<T>(LIVE as usize);
        let order = Rc::clone(order);
        Contender::new(T::NAME, move || {
            Sample::timed(order.len(), || {
                let mut sum = 0u64;
                for (step, places) in order.as_chunks::<BURST>().0.iter().enumerate() {
                    for &place in places {
                        let gone = table.remove(keys[place as usize]);
                        sum = sum.wrapping_mul(31).wrapping_add(gone[3]);
                    }
                    for &place in places {
                        keys[place as usize] = table.insert(value(step as u64));
                    }
                }
                sum
            })
        })
    }
    let order = Rc::new(order);
    vec![
        Workload::new("slab", name, "ns")
            .with(contender::<StrataArena, BURST>(&order))
            .with(contender::<Slab, BURST>(&order))
            .with(contender::<SlotMap, BURST>(&order))
            .with(contender::<DenseSlotMap, BURST>(&order))
            .with(contender::<Thunderdome, BURST>(&order))
            .with(contender::<GenerationalArena, BURST>(&order))
            .with(contender::<ShardedSlab, BURST>(&order))
            .with(contender::<Oximedia, BURST>(&order)),
    ]
}

/// Fill with 100,000, then remove them shuffled, on memory that earlier rounds touched; a pair counts once.
pub(super) fn fill(effort: Effort) -> Vec<Workload> {
    fn contender<T: Table>(order: &Rc<Vec<u32>>, repeats: usize) -> Contender {
        let mut table = T::new();
        let mut keys = Vec::with_capacity(order.len());
        let order = Rc::clone(order);
        let mut pass = move || {
            keys.clear();
            keys.extend((0..LIVE).map(|seed| table.insert(value(u64::from(seed)))));
            order.iter().fold(0u64, |sum, &position| {
                sum.wrapping_mul(31)
                    .wrapping_add(table.remove(keys[position as usize])[0])
            })
        };
        pass();
        Contender::new(T::NAME, move || {
            Sample::timed(LIVE as usize * repeats, || {
                (0..repeats).fold(0, |sum, _| sum ^ pass())
            })
        })
    }
    let order = Rc::new(Sequence::seeded(2).shuffled(LIVE));
    let repeats = if effort == Effort::Full { 9 } else { 1 };
    entered!(
        Workload::new("slab", "fill", "ns"),
        contender(&order, repeats)
    )
}

/// Random gets at 100,000 live.
pub(super) fn get(effort: Effort) -> Vec<Workload> {
    fn contender<T: Table>(order: &Rc<Vec<u32>>) -> Contender {
        let (table, keys) = filled::<T>(LIVE as usize);
        let order = Rc::clone(order);
        Contender::new(T::NAME, move || {
            Sample::timed(order.len(), || {
                order.iter().fold(0u64, |sum, &position| {
                    sum.wrapping_add(table.word(keys[position as usize]))
                })
            })
        })
    }
    let order = Rc::new(Sequence::seeded(3).uniform(effort.operations(4_000_000), LIVE));
    entered!(Workload::new("slab", "get", "ns"), contender(&order))
}

/// Iterate over slots of which a random tenth are live; a live value counts once.
fn sparse(name: &str, slots: usize, visits: usize) -> Vec<Workload> {
    fn contender<T: Iterate>(order: &[u32], passes: usize) -> Contender {
        let live = order.len() / 10;
        let (mut table, keys) = filled::<T>(order.len());
        for &position in &order[live..] {
            table.remove(keys[position as usize]);
        }
        Contender::new(T::NAME, move || {
            Sample::timed(live * passes, || {
                (0..passes).fold(0, |sum: u64, _| {
                    sum.wrapping_mul(31).wrapping_add(table.sum())
                })
            })
        })
    }
    let order = Sequence::seeded(4).shuffled(slots as u32);
    let passes = (visits / (slots / 10)).max(1);
    // Oximedia's allocator has no iteration.
    entered!(Workload::new("slab", name, "ns"), contender(&order, passes)
        for StrataArena, Slab, SlotMap, DenseSlotMap, Thunderdome, GenerationalArena, ShardedSlab)
}

/// 100,000 live of 1,000,000 slots: more than the caches hold.
pub(super) fn sparse_million(effort: Effort) -> Vec<Workload> {
    sparse("sparse-1M", 1_000_000, effort.operations(500_000))
}

/// 10,000 live of 100,000 slots.
pub(super) fn sparse_hundred_thousand(effort: Effort) -> Vec<Workload> {
    sparse("sparse-100k", 100_000, effort.operations(1_000_000))
}

/// The worst single insert while growing from nothing to 4,000,000 values. The smallest over the
/// rounds counts: a virtual machine's own hiccups reach 40 us.
pub(super) fn growth(effort: Effort) -> Vec<Workload> {
    /// One key in so many is looked up afterwards.
    const KEPT: usize = 1000;

    fn contender<T: Table>(inserts: usize) -> Contender {
        Contender::new(T::NAME, move || {
            let mut table = T::new();
            let mut kept = Vec::with_capacity(inserts / KEPT + 1);
            let mut worst = 0u128;
            let mut before = Instant::now();
            for seed in 0..inserts {
                let key = table.insert(value(seed as u64));
                let now = Instant::now();
                worst = worst.max((now - before).as_nanos());
                before = now;
                if seed % KEPT == 0 {
                    kept.push(key);
                }
            }
            let sum = kept.iter().fold(0u64, |sum, &key| {
                sum.wrapping_mul(31).wrapping_add(table.word(key))
            });
            Sample::new(worst as f64 / 1e3, sum)
        })
    }
    let inserts = effort.operations(4_000_000);
    entered!(
        Workload::new("slab", "growth", "us").smallest_counts(),
        contender(inserts)
    )
}

/// The bytes still held after 1,000,000 values have shrunk to a random 5% and the table was told to give
/// memory back; temporary memory does not count.
pub(super) fn shrink(effort: Effort) -> Vec<Workload> {
    fn contender<T: Shrink>(order: &Rc<Vec<u32>>) -> Contender {
        let order = Rc::clone(order);
        Contender::new(T::NAME, move || {
            let mut keys = Vec::with_capacity(order.len());
            let (live, gone) = order.split_at(order.len() / 20);
            let (bytes, table) = allocated_bytes(|| {
                let mut table = T::new();
                keys.extend((0..order.len()).map(|seed| table.insert(value(seed as u64))));
                for &position in gone {
                    table.remove(keys[position as usize]);
                }
                table.shrink(&mut keys);
                table
            });
            let sum = live.iter().fold(0u64, |sum, &position| {
                sum.wrapping_mul(31)
                    .wrapping_add(table.word(keys[position as usize]))
            });
            Sample::new(bytes as f64, sum)
        })
    }
    let slots = effort.operations(1_000_000) as u32;
    let order = Rc::new(Sequence::seeded(6).shuffled(slots));
    // Oximedia's `compact` changes handles and does not say how.
    entered!(Workload::new("slab", "shrink", "bytes"), contender(&order)
        for StrataArena, Slab, SlotMap, DenseSlotMap, Thunderdome, GenerationalArena, ShardedSlab)
}
