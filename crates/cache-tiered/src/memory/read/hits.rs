//! Hit buffers: what readers tell a policy that has to hear of hits one by one.
//!
//! ```text
//!  stripe   [ len | record x 16 ]     a reader puts its record at len, and then len + 1
//!  record   slot, folded hash         0 if there is none
//! ```
//! Each thread has a stripe, or shares one where there are more threads. Nothing here is exact: two threads that share a
//! stripe may write one record over the other, a full stripe takes no more, and a record may be of a value that has gone.
//! So whoever drains asks whether the slot still holds that hash ([`Writer::holds`](super::Writer::holds)). A record is
//! taken once, as who takes it leaves 0 behind.

use crossbeam::utils::CachePadded;

use super::folded::Folded;
use super::sync::atomic::{AtomicU32, AtomicU64, Ordering};

/// Records of a stripe.
const RECORDS: usize = if cfg!(cache_tiered_loom) { 2 } else { 16 };

/// Records of hits, by stripes: for one shard.
#[derive(Debug)]
pub(crate) struct HitBuffers {
    /// A power of two of them.
    stripes: Box<[CachePadded<Stripe>]>,
}

#[derive(Debug)]
struct Stripe {
    /// Records below this were written. Stored by its threads, and by whoever drains, 0. A hint, Relaxed: what counts is
    /// the record.
    len: AtomicU32,
    /// A slot in the upper half, and a folded hash, which is never 0. Each is a number of its own and publishes nothing:
    /// Relaxed.
    records: [AtomicU64; RECORDS],
}

impl HitBuffers {
    /// Empty ones: so many stripes, rounded up to a power of two.
    pub(crate) fn new(stripes: usize) -> Self {
        let stripe = || Stripe {
            len: AtomicU32::new(0),
            records: std::array::from_fn(|_| AtomicU64::new(0)),
        };
        Self {
            stripes: std::iter::repeat_with(|| CachePadded::new(stripe()))
                .take(stripes.next_power_of_two())
                .collect(),
        }
    }

    /// Records a hit by the thread of this number on what is in `slot` with this hash. True if that has filled its stripe,
    /// or found it full: it should be drained.
    #[inline]
    #[must_use = "full stripes take no more hits: drain them"]
    pub(crate) fn push(&self, thread: usize, slot: u32, hash: u64) -> bool {
        let stripe = &self.stripes[thread & (self.stripes.len() - 1)];
        let len = stripe.len.load(Ordering::Relaxed) as usize;
        if let Some(record) = stripe.records.get(len) {
            let folded = Folded::new(hash).bits();
            record.store(u64::from(slot) << 32 | u64::from(folded), Ordering::Relaxed);
            stripe.len.store(len as u32 + 1, Ordering::Relaxed);
        }
        len + 1 >= RECORDS
    }

    /// Hands all records on, as slot and folded hash, and empties the stripes. For whoever has the lock of the shard.
    #[inline]
    pub(crate) fn drain(&self, mut hit: impl FnMut(u32, u32)) {
        for stripe in &self.stripes {
            let len = stripe.len.load(Ordering::Relaxed) as usize;
            if len == 0 {
                continue;
            }
            for record in &stripe.records[..len.min(RECORDS)] {
                let taken = record.load(Ordering::Relaxed);
                if taken != 0 {
                    // One that comes just now is lost; the one that was taken is before this, so it does not come back.
                    record.store(0, Ordering::Relaxed);
                    hit((taken >> 32) as u32, taken as u32);
                }
            }
            stripe.len.store(0, Ordering::Relaxed);
        }
    }
}

/// The hash that policies get for all that they are told of a shard with hit buffers: of a record no more is left.
#[inline(always)]
pub(crate) const fn widened(folded: u32) -> u64 {
    (folded as u64 + 1).wrapping_mul(0x9e37_79b9_7f4a_7c15)
}

/// [`widened`], of a whole hash.
#[inline(always)]
pub(crate) const fn narrowed(hash: u64) -> u64 {
    widened(Folded::new(hash).bits())
}

#[cfg(all(test, not(cache_tiered_loom)))]
mod tests {
    use super::*;

    fn drained(hits: &HitBuffers) -> Vec<u32> {
        let mut slots = Vec::new();
        hits.drain(|slot, folded| {
            assert_eq!(folded, Folded::new(u64::from(slot)).bits());
            slots.push(slot);
        });
        slots
    }

    #[test]
    fn a_stripe_keeps_the_order_of_its_hits_and_says_when_it_is_full() {
        let hits = HitBuffers::new(3);
        for slot in 0..20 {
            assert_eq!(hits.push(1, slot, u64::from(slot)), slot >= 15);
        }
        assert!(!hits.push(2, 77, 77));
        let expected: Vec<u32> = (0..16).chain([77]).collect();
        assert_eq!(drained(&hits), expected);
        assert_eq!(drained(&hits), []);
        assert!(!hits.push(1, 5, 5));
        assert_eq!(drained(&hits), [5]);
    }

    #[test]
    fn a_hit_is_told_once_at_most_while_two_threads_share_a_stripe() {
        const SLOTS: u32 = 100_000;
        let hits = HitBuffers::new(1);
        let mut told = Vec::new();
        std::thread::scope(|scope| {
            let threads = [0, SLOTS].map(|first| {
                let hits = &hits;
                scope.spawn(move || {
                    for slot in first..first + SLOTS {
                        let _full = hits.push(0, slot, u64::from(slot));
                    }
                })
            });
            while !threads.iter().all(|thread| thread.is_finished()) {
                told.extend(drained(&hits));
            }
        });
        told.extend(drained(&hits));
        let all = told.len();
        told.sort_unstable();
        told.dedup();
        assert_eq!(told.len(), all, "a hit was told twice");
        assert!(all > 0);
    }

    #[test]
    fn widened_hashes_differ() {
        assert_eq!(narrowed(9), widened(Folded::new(9).bits()));
        assert_ne!(widened(1), widened(2));
        assert_ne!(widened(u32::MAX), 0);
    }
}
