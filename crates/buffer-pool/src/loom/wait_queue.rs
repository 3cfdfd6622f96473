//! The queue of waiters alone, over a bank of permits instead of a budget.

use std::task::{Poll, Waker};

use super::{Bound, prove};
use crate::mutant::{Mutant, active};
use crate::sync::atomic::{AtomicUsize, Ordering};
use crate::sync::{Arc, thread};
use crate::wait::{Outcome, Queue, Ticket};

/// What loom says when all threads wait.
const STUCK: &[&str] = &["deadlock"];

/// Permits that are lent and come back, as bytes do.
struct Bank {
    free: AtomicUsize,
    queue: Queue<usize>,
}

impl Bank {
    fn with(permits: usize) -> Arc<Self> {
        Arc::new(Self {
            free: AtomicUsize::new(permits),
            queue: Queue::new(),
        })
    }

    fn take(&self, permits: usize) -> Option<usize> {
        let mut free = self.free.load(Ordering::Relaxed);
        loop {
            let rest = free.checked_sub(permits)?;
            match self
                .free
                .compare_exchange(free, rest, Ordering::Acquire, Ordering::Relaxed)
            {
                Ok(_) => return Some(permits),
                Err(current) => free = current,
            }
        }
    }

    fn serve(&self) {
        if !active(Mutant::Unconfirmed) {
            self.free.fetch_add(0, Ordering::AcqRel);
        }
        let give_back = |permits| {
            self.free.fetch_add(permits, Ordering::AcqRel);
        };
        self.queue.serve(|permits| self.take(permits), give_back);
    }

    fn give(&self, permits: usize) {
        let order = match active(Mutant::RefundLooksEarly) {
            true => Ordering::Release,
            false => Ordering::AcqRel,
        };
        self.free.fetch_add(permits, order);
        if self.queue.waiting() != 0 {
            self.serve();
        }
    }

    fn enter(&self, permits: usize, waker: &Waker) -> Option<Ticket> {
        if active(Mutant::LookBeforeEntry) {
            self.serve();
        }
        let ticket = self.queue.enter(permits, waker.clone()).ok()?;
        if !active(Mutant::LookBeforeEntry) {
            self.serve();
        }
        Some(ticket)
    }

    /// Waits for `permits` on this thread; `None` when the queue is closed.
    fn wait(&self, permits: usize) -> Option<usize> {
        let parker = crate::wait::Parker::new();
        let waker = parker.waker();
        let mut ticket = Some(self.enter(permits, &waker)?);
        loop {
            match self.queue.poll(&mut ticket, &waker) {
                Poll::Ready(Outcome::Granted(permits)) => return Some(permits),
                Poll::Ready(Outcome::Closed) => return None,
                Poll::Pending => assert!(parker.park(None)),
            }
        }
    }

    fn leave(&self, ticket: Ticket) {
        let mut departed = self.queue.leave(ticket);
        let granted = departed.granted.take();
        let serves = granted.is_some() || departed.was_first;
        if let Some(granted) = granted
            && !active(Mutant::GrantForgotten)
        {
            self.free.fetch_add(granted, Ordering::AcqRel);
        }
        if serves && !active(Mutant::LeaveWithoutServing) {
            self.serve();
        }
        drop(departed);
    }
}

#[test]
fn a_waiter_enters_while_permits_come_back() {
    let mutants = [
        (Mutant::RefundLooksEarly, STUCK),
        (Mutant::Unconfirmed, STUCK),
        (Mutant::LookBeforeEntry, STUCK),
    ];
    prove("wait, entry", Bound::Unbounded, &mutants, || {
        let bank = Bank::with(0);
        let other = Arc::clone(&bank);
        let thread = thread::spawn(move || other.give(1));
        assert_eq!(bank.wait(1), Some(1));
        thread.join().unwrap();
        assert_eq!(bank.queue.waiting(), 0);
    });
}

#[test]
fn a_waiter_leaves_while_it_is_handed_something() {
    let mutants = [(Mutant::GrantForgotten, &["a permit is lost"][..])];
    prove("wait, cancel", Bound::Unbounded, &mutants, || {
        let bank = Bank::with(0);
        let ticket = bank.enter(1, Waker::noop()).expect("open");
        let other = Arc::clone(&bank);
        let thread = thread::spawn(move || other.give(1));
        bank.leave(ticket);
        thread.join().unwrap();
        assert_eq!(bank.take(1), Some(1), "a permit is lost");
        assert_eq!(bank.queue.waiting(), 0);
    });
}

#[test]
fn what_a_waiter_leaves_goes_to_the_next() {
    let mutants = [(Mutant::LeaveWithoutServing, STUCK)];
    prove(
        "wait, cancel, next",
        Bound::Preemptions(3),
        &mutants,
        || {
            let bank = Bank::with(1);
            // It wants more than there ever is; those behind it want less.
            let ticket = bank.enter(3, Waker::noop()).expect("open");
            let (giver, waiter) = (Arc::clone(&bank), Arc::clone(&bank));
            let giver = thread::spawn(move || giver.give(1));
            let waiter = thread::spawn(move || waiter.wait(2));
            bank.leave(ticket);
            assert_eq!(waiter.join().unwrap(), Some(2));
            giver.join().unwrap();
            assert_eq!(bank.queue.waiting(), 0);
        },
    );
}

#[test]
fn who_comes_first_is_served_first() {
    let mutants = [(Mutant::LastComeFirst, &["the second overtook"][..])];
    prove("wait, order", Bound::Preemptions(2), &mutants, || {
        let bank = Bank::with(0);
        let mut first = bank.enter(1, Waker::noop());
        let mut second = bank.enter(1, Waker::noop());
        let other = Arc::clone(&bank);
        let thread = thread::spawn(move || other.give(1));
        let late = bank.queue.poll(&mut second, Waker::noop());
        assert!(late.is_pending(), "the second overtook");
        bank.give(1);
        thread.join().unwrap();
        for ticket in [&mut first, &mut second] {
            let outcome = bank.queue.poll(ticket, Waker::noop());
            assert!(matches!(outcome, Poll::Ready(Outcome::Granted(1))));
        }
    });
}

#[test]
fn closing_wakes_all_and_lets_nobody_in() {
    let mutants = [
        (Mutant::CloseWakesOne, STUCK),
        (Mutant::LineClosedReadBeforeLock, STUCK),
    ];
    prove("wait, close", Bound::Preemptions(3), &mutants, || {
        let bank = Bank::with(0);
        let wait = || {
            let bank = Arc::clone(&bank);
            thread::spawn(move || bank.wait(1))
        };
        let waiters = [wait(), wait()];
        bank.queue.close();
        for waiter in waiters {
            assert_eq!(waiter.join().unwrap(), None);
        }
        assert_eq!(bank.queue.waiting(), 0);
    });
}

/// The waker of a task that moved to another one is replaced while it may be woken.
#[test]
fn a_waker_is_replaced_while_another_wakes() {
    let mutants = [(Mutant::WakerNotReplaced, STUCK)];
    prove("wait, waker", Bound::Unbounded, &mutants, || {
        let bank = Bank::with(0);
        let mut ticket = bank.enter(1, Waker::noop());
        let other = Arc::clone(&bank);
        let thread = thread::spawn(move || other.give(1));
        let parker = crate::wait::Parker::new();
        let waker = parker.waker();
        // The first poll finds the waker of the entry, or the outcome.
        if bank.queue.poll(&mut ticket, &waker).is_pending() {
            assert!(parker.park(None));
            assert!(bank.queue.poll(&mut ticket, &waker).is_ready());
        }
        thread.join().unwrap();
    });
}
