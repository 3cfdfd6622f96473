//! The policies, one a file.

/// The methods of [`Policy`](crate::policy::Policy) that a ledger answers, in a policy that keeps it in this field.
macro_rules! ledger_answers {
    ($($field:ident).+) => {
        #[inline]
        fn capacity(&self) -> u64 {
            self.$($field).+.capacity()
        }

        #[inline]
        fn weight(&self) -> u64 {
            self.$($field).+.weight()
        }

        #[inline]
        fn len(&self) -> usize {
            self.$($field).+.len()
        }
    };
}

/// The methods of [`Policy`](crate::policy::Policy) that are the same for all policies with one [`Queue`](crate::queue::Queue).
macro_rules! queue_answers {
    ($field:ident) => {
        #[inline]
        fn miss(&mut self, _hash: u64) -> crate::policy::Hint {
            crate::policy::Hint::NONE
        }

        #[inline]
        fn weight_of(&self, slot: crate::slot::Slot) -> u32 {
            self.$field.weight_of(slot)
        }

        fn reweigh(&mut self, slot: crate::slot::Slot, weight: u32) {
            self.$field.reweigh(slot, weight);
        }

        fn set_capacity(&mut self, capacity: u64) {
            self.$field.ledger.set_capacity(capacity);
        }

        ledger_answers!($field.ledger);
    };
}

/// The methods of [`Policy`](crate::policy::Policy) that are the same for all policies with
/// [`Segments`](crate::segments::Segments).
macro_rules! segments_answer {
    ($field:ident) => {
        #[inline]
        fn weight_of(&self, slot: crate::slot::Slot) -> u32 {
            self.$field.weight_of(slot)
        }

        fn reweigh(&mut self, slot: crate::slot::Slot, weight: u32) {
            self.$field.reweigh(slot, weight);
        }

        ledger_answers!($field.ledger);
    };
}

pub(crate) mod arc;
pub(crate) mod belady;
pub(crate) mod belady_size;
pub(crate) mod clock;
pub(crate) mod clock_pro;
pub(crate) mod duel;
pub(crate) mod fifo;
pub(crate) mod gdsf;
pub(crate) mod hyperbolic;
pub(crate) mod lecar;
pub(crate) mod lfu;
pub(crate) mod lfuda;
pub(crate) mod lhd;
pub(crate) mod lirs;
pub(crate) mod lru;
pub(crate) mod random;
pub(crate) mod s3_fifo;
pub(crate) mod sieve;
pub(crate) mod slru;
pub(crate) mod two_q;
pub(crate) mod w_tiny_lfu;
