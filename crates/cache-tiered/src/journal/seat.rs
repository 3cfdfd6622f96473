//! Where somebody waits for the outcome of a job, thread or task.

use super::error::AppendError;
use super::sync::{Condvar, Mutex};
use std::task::{Context, Poll, Waker};

pub(super) type Outcome = Result<u64, AppendError>;

/// Who waits in a seat.
#[derive(Debug, Default)]
enum Sitter {
    /// The handle is there, nobody waits yet.
    #[default]
    Nobody,
    /// A thread, which can lead.
    Thread,
    /// A task, to be woken.
    Task(Waker),
    /// The handle is gone.
    Left,
}

/// What is told in a seat.
#[derive(Debug)]
pub(super) enum News {
    Outcome(Outcome),
    /// Commit the next group.
    Lead,
}

/// Who can see to it that a job is done.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Driver {
    /// The thread in the seat.
    Thread,
    /// A thread of the journal: who waits can not block, or is gone.
    Journal,
    /// Whoever waits next.
    Later,
}

#[derive(Debug, Default)]
struct State {
    news: Option<News>,
    sitter: Sitter,
}

impl State {
    /// Changes who sits; returns the waker of the one before.
    fn replace(&mut self, sitter: Sitter) -> Option<Waker> {
        match std::mem::replace(&mut self.sitter, sitter) {
            Sitter::Task(waker) => Some(waker),
            Sitter::Nobody | Sitter::Thread | Sitter::Left => None,
        }
    }
}

/// A place to wait. Locked after the queue, never before.
#[derive(Debug, Default)]
pub(super) struct Seat {
    state: Mutex<State>,
    told: Condvar,
}

impl Seat {
    /// Tells the outcome.
    pub(super) fn tell(&self, outcome: Outcome) {
        self.put(News::Outcome(outcome));
    }

    /// Hands the lead to the thread in the seat.
    pub(super) fn hand_lead(&self) {
        self.put(News::Lead);
    }

    fn put(&self, news: News) {
        let sitter = {
            let mut state = self.state.lock();
            // What was told first counts.
            state.news.get_or_insert(news);
            std::mem::take(&mut state.sitter)
        };
        self.told.notify_one();
        if let Sitter::Task(waker) = sitter {
            waker.wake();
        }
    }

    /// Takes the outcome if it was told.
    pub(super) fn outcome(&self) -> Option<Outcome> {
        match self.state.lock().news.take()? {
            News::Outcome(outcome) => Some(outcome),
            News::Lead => unreachable!("the lead is handed to a waiting thread only"),
        }
    }

    /// Sits down as a thread. The queue is locked meanwhile, so that no leader passes by.
    pub(super) fn sit(&self) {
        let mut state = self.state.lock();
        if state.news.is_none() {
            state.sitter = Sitter::Thread;
        }
    }

    /// Waits, after [`sit`](Self::sit).
    pub(super) fn wait(&self) -> News {
        let mut state = self.state.lock();
        loop {
            match state.news.take() {
                Some(news) => return news,
                None => state = self.told.wait(state),
            }
        }
    }

    /// Sits down as a task, unless the outcome is there. The queue is locked meanwhile, so the
    /// waker of before is for the caller to drop: its task may go with it, and other handles of
    /// that task.
    pub(super) fn poll(&self, context: &Context<'_>) -> (Poll<Outcome>, Option<Waker>) {
        let mut state = self.state.lock();
        match state.news.take() {
            Some(News::Outcome(outcome)) => (Poll::Ready(outcome), None),
            Some(News::Lead) => unreachable!("the lead is handed to a waiting thread only"),
            None => {
                let sitter = Sitter::Task(context.waker().clone());
                (Poll::Pending, state.replace(sitter))
            }
        }
    }

    /// The handle goes. False if the outcome was there; and the waker, to be dropped when the
    /// queue is unlocked.
    pub(super) fn leave(&self) -> (bool, Option<Waker>) {
        let mut state = self.state.lock();
        let waker = state.replace(Sitter::Left);
        (state.news.is_none(), waker)
    }

    pub(super) fn driver(&self) -> Driver {
        match self.state.lock().sitter {
            Sitter::Nobody => Driver::Later,
            Sitter::Thread => Driver::Thread,
            Sitter::Task(_) | Sitter::Left => Driver::Journal,
        }
    }
}
