//! Single objects of 32 bytes on one thread: fill and churn.

use std::alloc::System;
use std::rc::Rc;

use mimalloc::MiMalloc;

use super::attachable::{AttachableNoLock, AttachableNoLock64K};
use super::owned::{Boxed, Local, Owner};
use super::table::value;
use crate::{Contender, Effort, Sample, Sequence, Workload};

const LIVE: u32 = 100_000;

/// A place for each of the live objects.
struct Places<H>(Vec<Option<H>>);

impl<H> Places<H> {
    fn vacant() -> Self {
        Places((0..LIVE).map(|_| None).collect())
    }

    /// Puts an object into a vacant place. (A plain assignment would drop what is there, which only
    /// some of the contenders' objects have code for.)
    fn occupy(&mut self, position: u32, held: H) {
        std::mem::forget(self.0[position as usize].replace(held));
    }

    fn vacate(&mut self, position: u32) -> H {
        self.0[position as usize].take().expect("an occupied place")
    }
}

fn entered(name: &str, contenders: [Contender; 5]) -> Vec<Workload> {
    let workload = Workload::new("slab", name, "ns");
    vec![contenders.into_iter().fold(workload, Workload::with)]
}

/// Fill with 100,000 objects, then free them shuffled, on memory that earlier rounds touched; a pair
/// counts once.
pub(super) fn fill(effort: Effort) -> Vec<Workload> {
    fn contender<O: Owner>(order: &Rc<Vec<u32>>, repeats: usize) -> Contender {
        let mut owner = O::new();
        let mut places = Places::vacant();
        let order = Rc::clone(order);
        let mut pass = move || {
            for position in 0..LIVE {
                places.occupy(position, owner.put(value(u64::from(position))));
            }
            order.iter().fold(0u64, |sum, &position| {
                sum.wrapping_mul(31)
                    .wrapping_add(owner.free(places.vacate(position)))
            })
        };
        pass();
        Contender::new(O::NAME, move || {
            Sample::timed(LIVE as usize * repeats, || {
                (0..repeats).fold(0, |sum, _| sum ^ pass())
            })
        })
    }
    let order = &Rc::new(Sequence::seeded(7).shuffled(LIVE));
    let repeats = if effort == Effort::Full { 9 } else { 1 };
    entered(
        "cache-fill",
        [
            contender::<Local>(order, repeats),
            contender::<Boxed<System>>(order, repeats),
            contender::<Boxed<MiMalloc>>(order, repeats),
            contender::<AttachableNoLock>(order, repeats),
            contender::<AttachableNoLock64K>(order, repeats),
        ],
    )
}

/// 100,000 live: free a random one, allocate another.
pub(super) fn churn(effort: Effort) -> Vec<Workload> {
    let order = Sequence::seeded(8).uniform(effort.operations(2_000_000), LIVE);
    churn_by::<1>("cache-churn", order)
}

/// The same, but fifty go before fifty come, so that the slot that was freed last is no answer.
pub(super) fn churn_fifty(effort: Effort) -> Vec<Workload> {
    let mut sequence = Sequence::seeded(11);
    let order = (0..effort.operations(20))
        .flat_map(|_| sequence.shuffled(LIVE))
        .collect();
    churn_by::<50>("cache-churn-50", order)
}

/// `BURST` divides the length of `order`, and no place is twice in a burst.
fn churn_by<const BURST: usize>(name: &str, order: Vec<u32>) -> Vec<Workload> {
    fn contender<O: Owner, const BURST: usize>(order: &Rc<Vec<u32>>) -> Contender {
        let mut owner = O::new();
        let mut places = Places::vacant();
        for position in 0..LIVE {
            places.occupy(position, owner.put(value(u64::from(position))));
        }
        let order = Rc::clone(order);
        Contender::new(O::NAME, move || {
            Sample::timed(order.len(), || {
                let mut sum = 0u64;
                for (step, positions) in order.as_chunks::<BURST>().0.iter().enumerate() {
                    for &position in positions {
                        let word = owner.free(places.vacate(position));
                        sum = sum.wrapping_mul(31).wrapping_add(word);
                    }
                    for &position in positions {
                        places.occupy(position, owner.put(value(step as u64)));
                    }
                }
                sum
            })
        })
    }
    let order = &Rc::new(order);
    entered(
        name,
        [
            contender::<Local, BURST>(order),
            contender::<Boxed<System>, BURST>(order),
            contender::<Boxed<MiMalloc>, BURST>(order),
            contender::<AttachableNoLock, BURST>(order),
            contender::<AttachableNoLock64K, BURST>(order),
        ],
    )
}
