//! The byte budget of a pool: charged when a block is created, refunded when it is destroyed, so that handing blocks
//! out and taking them back never touch it.

use crate::mutant::{Mutant, active};
use crate::sync::Tally;
use crate::sync::atomic::{AtomicUsize, Ordering};

/// Bytes of all charged blocks, lent or idle, and their limit.
#[derive(Debug)]
pub(crate) struct Budget {
    limit: usize,
    /// Charged bytes; never above `limit`. Added to by creators (Acquire), subtracted from by destroyers after the
    /// memory went back (Release): who is admitted by a refund then finds that memory at the provider.
    held: AtomicUsize,
    peak: Tally,
}

impl Budget {
    pub(crate) fn new(limit: usize) -> Self {
        Self {
            limit,
            held: AtomicUsize::new(0),
            peak: Tally::default(),
        }
    }

    pub(crate) fn limit(&self) -> usize {
        self.limit
    }

    /// Charges `bytes`, or says how many are lacking.
    pub(crate) fn charge(&self, bytes: usize) -> Result<(), usize> {
        if active(Mutant::ChargeInTwoSteps) {
            self.shortfall(self.held.load(Ordering::Acquire), bytes)?;
            self.held.fetch_add(bytes, Ordering::Acquire);
            return Ok(());
        }
        // Relaxed first read and failure: the exchange compares the value, and a refusal reads no memory.
        let mut held = self.held.load(Ordering::Relaxed);
        loop {
            self.shortfall(held, bytes)?;
            let charged = held + bytes;
            match self.held.compare_exchange_weak(
                held,
                charged,
                Ordering::Acquire,
                Ordering::Relaxed,
            ) {
                Ok(_) => break self.peak.raise_to(charged as u64),
                Err(current) => held = current,
            }
        }
        Ok(())
    }

    /// Takes back a charge of `bytes`, whose memory has gone back to the provider.
    pub(crate) fn refund(&self, bytes: usize) {
        // Release: pairs with the Acquire of `charge`. Acquire: with the Release of `confirm`.
        let order = match active(Mutant::RefundLooksEarly) {
            true => Ordering::Release,
            false => Ordering::AcqRel,
        };
        let held = self.held.fetch_sub(bytes, order);
        debug_assert!(held >= bytes, "refunded {bytes} of {held}");
    }

    /// Orders this thread against all refunds: a charge after this finds a refund, or who made it sees what this thread
    /// did before. A read-modify-write, as each of them is, so that one of the two comes second.
    pub(crate) fn confirm(&self) {
        if !active(Mutant::Unconfirmed) {
            self.held.fetch_add(0, Ordering::AcqRel);
        }
    }

    pub(crate) fn held(&self) -> usize {
        // Relaxed: a number for statistics.
        self.held.load(Ordering::Relaxed)
    }

    pub(crate) fn peak(&self) -> u64 {
        self.peak.value()
    }

    fn shortfall(&self, held: usize, bytes: usize) -> Result<(), usize> {
        let room = self.limit.saturating_sub(held);
        if bytes <= room {
            Ok(())
        } else {
            Err(bytes - room)
        }
    }
}
