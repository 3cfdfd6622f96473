//! One wait for memory in a pool.

use core::task::{Poll, Waker};
use std::time::Instant;

use super::foreign::Panics;
use super::parker::Parker;
use super::queue::{Closed, Departed, Outcome, Ticket};
use crate::block::{Block, Fill};
use crate::error::AcquireError;
use crate::mutant::{Mutant, active};
use crate::pool_core::Core;
use crate::sync::Arc;

/// What a waiter is handed.
pub(crate) enum Grant {
    /// An idle block of the class that it asked for.
    Block(Block),
    /// So many bytes, charged to the budget: those of the block that it may create.
    Charge(usize),
}

/// A request in line. Leaves it when it is dropped.
pub(crate) struct Waiting {
    core: Arc<Core>,
    size: usize,
    fill: Fill,
    /// Until the outcome was taken.
    ticket: Option<Ticket>,
}

impl Waiting {
    /// Gets in line for a block of at least `size` bytes. `waker` is woken when there is something to `poll`. The caller
    /// looks for memory next, by `serve`.
    pub(crate) fn enter(
        core: &Arc<Core>,
        size: usize,
        fill: Fill,
        waker: Waker,
    ) -> Result<Self, AcquireError> {
        let capacity = core.capacity_for(size)?;
        if active(Mutant::LookBeforeEntry) {
            Core::serve(core);
        }
        let ticket = match core.queue().enter(capacity, waker) {
            Ok(ticket) => Some(ticket),
            Err(Closed) => return Err(AcquireError::Closed),
        };
        Ok(Self {
            core: Arc::clone(core),
            size,
            fill,
            ticket,
        })
    }

    /// Hands what is free to whoever is first. May panic, as other waiters' wakers may: this one waits all the same.
    pub(crate) fn serve(&self) {
        if !active(Mutant::LookBeforeEntry) {
            Core::serve(&self.core);
        }
    }

    /// The same, before this thread sleeps.
    fn serve_at_once(&self) {
        if !active(Mutant::LookBeforeEntry) {
            Core::serve_at_once(&self.core);
        }
    }

    /// The outcome, or, as long as there is none, has `waker` woken when there is.
    pub(crate) fn poll(&mut self, waker: &Waker) -> Poll<Result<Block, AcquireError>> {
        match self.core.queue().poll(&mut self.ticket, waker) {
            Poll::Pending => Poll::Pending,
            Poll::Ready(Outcome::Closed) => Poll::Ready(Err(AcquireError::Closed)),
            Poll::Ready(Outcome::Granted(granted)) => Poll::Ready(self.redeem(granted)),
        }
    }

    /// Waits on this thread until there is an outcome or `deadline` has come: then what was handed over meanwhile is the
    /// outcome still.
    pub(crate) fn block(
        core: &Arc<Core>,
        size: usize,
        fill: Fill,
        deadline: Option<Instant>,
    ) -> Result<Block, AcquireError> {
        let parker = Parker::new();
        let waker = parker.waker();
        let mut waiting = Self::enter(core, size, fill, waker.clone())?;
        waiting.serve_at_once();
        // Ends: by a wake, which comes with an outcome, or the deadline.
        loop {
            if let Poll::Ready(outcome) = waiting.poll(&waker) {
                return outcome;
            }
            if !parker.park(deadline) {
                return waiting.give_up();
            }
        }
    }

    /// Takes what was handed over so far, or leaves the line with nothing.
    pub(crate) fn give_up(mut self) -> Result<Block, AcquireError> {
        let Some(ticket) = self.ticket.take() else {
            unreachable!("a wait is given up before its outcome");
        };
        let mut departed = self.core.queue().leave(ticket);
        if let Some(granted) = departed.granted.take() {
            return self.redeem(granted);
        }
        self.pass_on(departed);
        Err(match self.core.is_closed() {
            true => AcquireError::Closed,
            false => AcquireError::Exhausted {
                max_bytes: self.core.budget().limit(),
            },
        })
    }

    /// The block for what was handed over.
    fn redeem(&self, granted: Grant) -> Result<Block, AcquireError> {
        match granted {
            Grant::Block(block) => Ok(block),
            Grant::Charge(_) => Core::create_charged(&self.core, self.size, self.fill),
        }
    }

    /// Lets others have what this waiter leaves behind.
    fn pass_on(&self, mut departed: Departed<Grant>) {
        let granted = departed.granted.take();
        let serves = granted.is_some() || departed.was_first;
        let mut panics = Panics::none();
        if let Some(granted) = granted
            && !active(Mutant::GrantForgotten)
        {
            Core::take_back(&self.core, granted);
        }
        if serves && !active(Mutant::LeaveWithoutServing) {
            panics.catch(|| Core::serve(&self.core));
        }
        panics.drop(departed.waker);
        panics.raise();
    }
}

impl Drop for Waiting {
    fn drop(&mut self) {
        if let Some(ticket) = self.ticket.take() {
            let departed = self.core.queue().leave(ticket);
            self.pass_on(departed);
        }
    }
}
