//! What the core does for those who wait for memory. The protocol is told in `crate::wait`.

use core::panic::Location;
use core::time::Duration;
use std::time::Instant;

use super::Core;
use crate::block::{Fill, Lease, Place};
use crate::error::AcquireError;
use crate::mutant::{Mutant, active};
use crate::sync::Arc;
use crate::wait::{Grant, Queue, Waiting};

impl Core {
    pub(crate) fn queue(&self) -> &Queue<Grant> {
        &self.queue
    }

    /// Hands what is free to those who wait, if any. Whoever makes lent memory free calls this afterwards: when a block
    /// lies where a look finds it, or its bytes are refunded, and no lock or latch of the pool is held any more, and none
    /// of this thread's departures is on its way.
    #[inline(always)]
    pub(crate) fn serve_waiting(this: &Arc<Self>) {
        if this.queue.waiting() != 0 {
            Self::serve(this);
        }
    }

    /// Hands what is free to those who wait, in their order. Runs foreign code: the caller keeps the core itself.
    #[cold]
    #[inline(never)]
    pub(crate) fn serve(this: &Arc<Self>) {
        this.budget.confirm();
        this.queue.serve(
            |bytes| Self::obtain(this, bytes),
            |granted| Self::take_back(this, granted),
        );
    }

    /// Like `serve`, for a thread that is about to sleep.
    pub(crate) fn serve_at_once(this: &Arc<Self>) {
        this.budget.confirm();
        this.queue.serve_at_once(
            |bytes| Self::obtain(this, bytes),
            |granted| Self::take_back(this, granted),
        );
    }

    /// What a wait for `bytes` is for: an idle block of just so many, or so much of the budget.
    fn obtain(this: &Arc<Self>, bytes: usize) -> Option<Grant> {
        if let Some(block) = Self::recycle(this, bytes) {
            return Some(Grant::Block(block));
        }
        this.afford(bytes)
    }

    /// Takes back what nobody was handed, or nobody wanted. The caller serves afterwards.
    pub(crate) fn take_back(this: &Arc<Self>, granted: Grant) {
        match granted {
            Grant::Block(block) => {
                if let Place::Class(class) = block.place() {
                    // Counted when it was obtained.
                    this.counts.classes[usize::from(class)].recycles.subtract(1);
                }
                drop(Self::keep(block));
            }
            Grant::Charge(bytes) => this.budget.refund(bytes),
        }
    }

    /// Whether a request that comes now has to let others go first.
    #[inline(always)]
    pub(crate) fn is_awaited(&self) -> bool {
        self.queue.waiting() != 0 && !active(Mutant::Overtake)
    }

    /// A block within the budget, waited for until `timeout` is over.
    #[track_caller]
    pub(crate) fn acquire_timeout(
        this: &Arc<Self>,
        size: usize,
        fill: Fill,
        timeout: Duration,
    ) -> Result<Lease, AcquireError> {
        let location = Location::caller();
        let outcome = match Self::attempt_at(this, size, fill, location) {
            Err(AcquireError::Exhausted { .. }) if !timeout.is_zero() => {
                // A deadline past the clock's end never comes.
                let deadline = Instant::now().checked_add(timeout);
                let waited = Waiting::block(this, size, fill, deadline);
                waited.map(|block| this.noted(block, location).into())
            }
            attempt => attempt,
        };
        if outcome.is_err() {
            this.count_refusal();
        }
        outcome
    }

    pub(crate) fn count_refusal(&self) {
        self.counts.refused.add(1);
    }
}
