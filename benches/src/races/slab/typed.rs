//! Typed values of 32 bytes: churn, fill, get, sparse iteration, growth.

use std::rc::Rc;
use std::time::Instant;

use super::table::{Table, Value};
use crate::{Contender, Effort, Sample, Sequence, Workload};

const LIVE: u32 = 100_000;

fn value(seed: u64) -> Value {
    [seed, seed ^ 1, seed ^ 2, seed ^ 3]
}

fn filled<T: Table>() -> (T, Vec<T::Key>) {
    let mut table = T::new();
    let keys = (0..LIVE)
        .map(|seed| table.insert(value(u64::from(seed))))
        .collect();
    (table, keys)
}

/// A workload of the four tables, each entered by `$make::<Table>(arguments)`.
macro_rules! four {
    ($name:literal, $unit:literal, $make:ident, $($argument:expr),*) => {
        vec![
            Workload::new("slab", $name, $unit)
                .with($make::<slab_core::Arena<Value>>($($argument),*))
                .with($make::<slab::Slab<Value>>($($argument),*))
                .with($make::<slotmap::SlotMap<slotmap::DefaultKey, Value>>($($argument),*))
                .with($make::<thunderdome::Arena<Value>>($($argument),*)),
        ]
    };
}

/// 100,000 live: remove a random one, insert another.
pub(super) fn churn(effort: Effort) -> Vec<Workload> {
    fn contender<T: Table>(order: &Rc<Vec<u32>>) -> Contender {
        let (mut table, mut keys) = filled::<T>();
        let order = Rc::clone(order);
        Contender::new(T::NAME, move || {
            Sample::timed(order.len(), || {
                let mut sum = 0u64;
                for (step, &position) in order.iter().enumerate() {
                    let key = &mut keys[position as usize];
                    sum = sum.wrapping_mul(31).wrapping_add(table.remove(*key)[3]);
                    *key = table.insert(value(step as u64));
                }
                sum
            })
        })
    }
    let order = Rc::new(Sequence::seeded(1).uniform(effort.operations(2_000_000), LIVE));
    four!("churn", "ns", contender, &order)
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
    four!("fill", "ns", contender, &order, repeats)
}

/// Random gets at 100,000 live.
pub(super) fn get(effort: Effort) -> Vec<Workload> {
    fn contender<T: Table>(order: &Rc<Vec<u32>>) -> Contender {
        let (table, keys) = filled::<T>();
        let order = Rc::clone(order);
        Contender::new(T::NAME, move || {
            Sample::timed(order.len(), || {
                order.iter().fold(0u64, |sum, &position| {
                    sum.wrapping_add(table.get(keys[position as usize])[1])
                })
            })
        })
    }
    let order = Rc::new(Sequence::seeded(3).uniform(effort.operations(4_000_000), LIVE));
    four!("get", "ns", contender, &order)
}

/// Iterate over 1,000,000 slots of which 10% are live; a live value counts once.
pub(super) fn sparse(effort: Effort) -> Vec<Workload> {
    fn contender<T: Table>(keep: &Rc<Vec<u32>>, slots: usize) -> Contender {
        let mut table = T::new();
        let keys: Vec<T::Key> = (0..slots)
            .map(|seed| table.insert(value(seed as u64)))
            .collect();
        let mut kept = vec![false; slots];
        for &position in &keep[..slots / 10] {
            kept[position as usize] = true;
        }
        for (key, _) in keys.iter().zip(&kept).filter(|(_, kept)| !**kept) {
            table.remove(*key);
        }
        Contender::new(T::NAME, move || Sample::timed(slots / 10, || table.sum()))
    }
    let slots = effort.operations(1_000_000);
    let keep = Rc::new(Sequence::seeded(4).shuffled(slots as u32));
    four!("sparse", "ns", contender, &keep, slots)
}

/// The worst single insert while growing from nothing to 4,000,000 values. The smallest over the
/// rounds is the figure to look at: a virtual machine's own hiccups reach 40 us.
pub(super) fn growth(effort: Effort) -> Vec<Workload> {
    fn contender<T: Table>(inserts: usize) -> Contender {
        let mut smallest = f64::INFINITY;
        Contender::new(T::NAME, move || {
            let mut table = T::new();
            let mut worst = 0u128;
            let mut before = Instant::now();
            for seed in 0..inserts {
                table.insert(value(seed as u64));
                let now = Instant::now();
                worst = worst.max((now - before).as_nanos());
                before = now;
            }
            smallest = smallest.min(worst as f64 / 1e3);
            Sample::new(smallest, table.sum())
        })
    }
    four!("growth", "us", contender, effort.operations(4_000_000))
}
