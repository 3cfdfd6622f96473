//! The queue: who waits, in the order of coming, and what each was handed.

use core::ptr;
use core::task::{Poll, Waker};

use super::foreign::Panics;
use super::line::{Line, Spare, State};
use super::turn::Turn;
use crate::mutant::{Mutant, active};
use crate::sync::Mutex;
use crate::sync::atomic::{AtomicUsize, Ordering};

/// Waiters for blocks, which are handed `G`s. Knows nothing of memory.
///
/// No foreign code runs under its lock: no waker is called, cloned or dropped there, and nothing is allocated.
pub(crate) struct Queue<G> {
    /// Waiters in line. Written under the lock, read without it by whoever makes memory free. Relaxed: what orders that
    /// read after a waiter's entry is told in the module's text.
    waiting: AtomicUsize,
    line: Mutex<Line<G>>,
}

/// A waiter's node. It has no destructor: who drops it without `leave` or an outcome blocks those behind.
#[must_use]
pub(crate) struct Ticket(usize);

/// How a wait ended.
pub(crate) enum Outcome<G> {
    Granted(G),
    Closed,
}

/// The queue was closed: it takes no waiter any more.
#[derive(Debug)]
pub(crate) struct Closed;

/// What a waiter leaves behind that did not wait for its outcome.
#[must_use]
pub(crate) struct Departed<G> {
    /// What it was handed before it left.
    pub(crate) granted: Option<G>,
    /// Another waiter, or none, is first since.
    pub(crate) was_first: bool,
    /// If it left before it was woken. Its drop may panic.
    pub(crate) waker: Option<Waker>,
}

impl<G> Queue<G> {
    pub(crate) fn new() -> Self {
        Self {
            waiting: AtomicUsize::new(0),
            line: Mutex::new(Line::new()),
        }
    }

    /// Waiters in line at this moment. One relaxed load.
    #[inline(always)]
    pub(crate) fn waiting(&self) -> usize {
        // Relaxed: see the field.
        self.waiting.load(Ordering::Relaxed)
    }

    /// Joins the line for a block of `bytes`. The caller calls `serve` next: what was free before is seen by nobody else.
    pub(crate) fn enter(&self, bytes: usize, waker: Waker) -> Result<Ticket, Closed> {
        let seen_open = active(Mutant::LineClosedReadBeforeLock) && !self.line.lock().is_closed();
        let mut spare = Spare::none();
        // Ends: the second array is large enough, unless as many waiters came meanwhile.
        loop {
            let mut line = self.line.lock();
            if line.is_closed() && !seen_open {
                return Err(Closed);
            }
            if let Err(capacity) = line.make_room(&mut spare) {
                // The allocator may be anyone's: it is not called under the lock.
                drop(line);
                spare = Spare::with_capacity(capacity);
                continue;
            }
            let ticket = Ticket(line.push(bytes, waker));
            self.waiting.fetch_add(1, Ordering::Relaxed);
            return Ok(ticket);
        }
    }

    /// The outcome of a wait, which takes the ticket; or, as long as there is none, has `waker` woken when there is.
    pub(crate) fn poll(&self, ticket: &mut Option<Ticket>, waker: &Waker) -> Poll<Outcome<G>> {
        let at = ticket
            .as_ref()
            .expect("a request was polled after its outcome")
            .0;
        let mut clone: Option<Waker> = None;
        // Ends: at the second turn there is a clone, or it is not needed any more.
        loop {
            let mut line = self.line.lock();
            if let State::Waiting { waker: known, .. } = line.state(at) {
                if known.will_wake(waker) || active(Mutant::WakerNotReplaced) {
                    return Poll::Pending;
                }
                if let Some(clone) = clone.take() {
                    let old = core::mem::replace(known, clone);
                    drop(line);
                    drop(old);
                    return Poll::Pending;
                }
                drop(line);
                clone = Some(waker.clone());
                continue;
            }
            if clone.is_some() {
                // Its drop may panic: the outcome stays where it is until then.
                drop(line);
                clone = None;
                continue;
            }
            let (state, _) = line.remove(at);
            drop(line);
            *ticket = None;
            return Poll::Ready(match state {
                State::Granted(granted) => Outcome::Granted(granted),
                State::Closed => Outcome::Closed,
                State::Waiting { .. } | State::Vacant => unreachable!("out of line"),
            });
        }
    }

    /// Leaves the line, or what comes after it. The caller gives back what was handed over, and then, or if the waiter
    /// was the first, calls `serve`: the next one may be content with less.
    pub(crate) fn leave(&self, ticket: Ticket) -> Departed<G> {
        let mut line = self.line.lock();
        let (state, was_first) = line.remove(ticket.0);
        let (granted, waker) = match state {
            State::Waiting { waker, .. } => {
                self.waiting.fetch_sub(1, Ordering::Relaxed);
                (None, Some(waker))
            }
            State::Granted(granted) => (Some(granted), None),
            State::Closed | State::Vacant => (None, None),
        };
        drop(line);
        Departed {
            granted,
            was_first,
            waker,
        }
    }

    /// What the first in line waits for, in bytes.
    pub(crate) fn first(&self) -> Option<usize> {
        self.line.lock().first()
    }

    /// Hands `granted`, which is what a wait for `bytes` is for, to the first in line and returns how to wake it; gives
    /// it back when the first one, if any, waits for something else.
    fn grant(&self, bytes: usize, granted: G) -> Result<Waker, G> {
        let mut line = self.line.lock();
        if line.first() != Some(bytes) {
            return Err(granted);
        }
        self.waiting.fetch_sub(1, Ordering::Relaxed);
        #[cfg(buffer_pool_loom)]
        if active(Mutant::LastComeFirst) {
            return Ok(line
                .settle_last(State::Granted(granted))
                .expect("there is a last one"));
        }
        Ok(line
            .settle_first(State::Granted(granted))
            .expect("there is a first one"))
    }

    /// Hands over to the first in line what `obtain` has for so many bytes, and so on, until it has nothing for the first.
    /// What the first one no longer wants goes to `give_back`. Wakes outside of the lock; a panic of a waker is raised
    /// when all is done. When this thread is serving the queue already, in too many turns within each other, the
    /// outermost goes on afterwards instead.
    pub(crate) fn serve(&self, obtain: impl FnMut(usize) -> Option<G>, give_back: impl FnMut(G)) {
        if let Some(turn) = Turn::begin(ptr::from_ref(self).addr()) {
            self.serve_in(turn, obtain, give_back);
        }
    }

    /// Like `serve`, at once, for a thread that is about to sleep, perhaps in a waker: no outer turn goes on meanwhile.
    pub(crate) fn serve_at_once(
        &self,
        obtain: impl FnMut(usize) -> Option<G>,
        give_back: impl FnMut(G),
    ) {
        self.serve_in(Turn::apart(), obtain, give_back);
    }

    fn serve_in(
        &self,
        turn: Turn,
        mut obtain: impl FnMut(usize) -> Option<G>,
        mut give_back: impl FnMut(G),
    ) {
        let mut panics = Panics::none();
        // Ends: each time a waiter is served, or the first one has changed meanwhile, or somebody did what calls for this.
        loop {
            while let Some(bytes) = self.first() {
                let Some(granted) = obtain(bytes) else { break };
                match self.grant(bytes, granted) {
                    Ok(waker) => panics.wake(waker),
                    Err(granted) => give_back(granted),
                }
            }
            if !turn.goes_on() {
                break;
            }
        }
        drop(turn);
        panics.raise();
    }

    /// Takes no waiter from now on, and wakes all that are in line. What was handed over before stays so.
    pub(crate) fn close(&self) {
        self.line.lock().close();
        let mut panics = Panics::none();
        // Ends: nobody joins the line any more. One at a time, as a list would be allocated under the lock.
        loop {
            let mut line = self.line.lock();
            let Some(waker) = line.settle_first(State::Closed) else {
                break;
            };
            self.waiting.fetch_sub(1, Ordering::Relaxed);
            drop(line);
            panics.wake(waker);
            if active(Mutant::CloseWakesOne) {
                break;
            }
        }
        panics.raise();
    }
}
