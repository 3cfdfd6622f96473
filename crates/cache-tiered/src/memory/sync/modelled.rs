//! The primitives of a model: loom's, and what is made of them.

use loom::sync::Condvar;
use loom::sync::atomic::Ordering;
use std::future::Future;
use std::pin::Pin;
use std::sync::Arc;
use std::task::{Context, Poll, Waker};

pub(in crate::memory) use loom::sync::MutexGuard;
pub(in crate::memory) use loom::sync::atomic::AtomicBool;

/// A mutex without poisoning.
#[derive(Debug)]
pub(in crate::memory) struct Mutex<T>(loom::sync::Mutex<T>);

impl<T> Mutex<T> {
    pub(in crate::memory) fn new(value: T) -> Self {
        Self(loom::sync::Mutex::new(value))
    }

    pub(in crate::memory) fn lock(&self) -> MutexGuard<'_, T> {
        self.0.lock().expect("loom's mutex does not fail")
    }

    pub(in crate::memory) fn try_lock(&self) -> Option<MutexGuard<'_, T>> {
        self.0.try_lock().ok()
    }
}

/// A value that is set once. Loom follows the flag by which it is found.
pub(in crate::memory) struct OnceLock<T> {
    value: std::sync::OnceLock<T>,
    /// Set when the value is there (Release), read before it is looked at (Acquire).
    is_set: AtomicBool,
}

impl<T> OnceLock<T> {
    pub(in crate::memory) fn new() -> Self {
        Self {
            value: std::sync::OnceLock::new(),
            is_set: AtomicBool::new(false),
        }
    }

    pub(in crate::memory) fn set(&self, value: T) -> Result<(), T> {
        self.value.set(value)?;
        self.is_set.store(true, Ordering::Release);
        Ok(())
    }

    pub(in crate::memory) fn get(&self) -> Option<&T> {
        let is_set = self.is_set.load(Ordering::Acquire);
        is_set.then(|| self.value.get()).flatten()
    }
}

/// Notifications so far, and the tasks that wait for the next one.
#[derive(Default)]
struct Round {
    number: u64,
    tasks: Vec<Waker>,
}

struct Shared {
    round: Mutex<Round>,
    /// Of the threads that wait.
    over: Condvar,
}

/// What event-listener's event does for those who notify all.
pub(in crate::memory) struct Event(Arc<Shared>);

impl Event {
    pub(in crate::memory) fn new() -> Self {
        Self(Arc::new(Shared {
            round: Mutex::new(Round::default()),
            over: Condvar::new(),
        }))
    }

    pub(in crate::memory) fn notify(&self, most: usize) {
        assert_eq!(most, usize::MAX, "models notify all");
        let mut round = self.0.round.lock();
        round.number += 1;
        let tasks = std::mem::take(&mut round.tasks);
        drop(round);
        self.0.over.notify_all();
        tasks.into_iter().for_each(Waker::wake);
    }

    pub(in crate::memory) fn listen(&self) -> EventListener {
        EventListener {
            from: self.0.round.lock().number,
            event: Arc::clone(&self.0),
        }
    }
}

/// Waits for what is notified after it was made.
pub(in crate::memory) struct EventListener {
    event: Arc<Shared>,
    from: u64,
}

/// The wait of a thread.
pub(in crate::memory) trait Listener {
    fn wait(self);
}

impl Listener for EventListener {
    fn wait(self) {
        let mut round = self.event.round.lock();
        while round.number == self.from {
            let waited = self.event.over.wait(round);
            round = waited.expect("loom's condition does not fail");
        }
    }
}

impl Future for EventListener {
    type Output = ();

    fn poll(self: Pin<&mut Self>, context: &mut Context<'_>) -> Poll<()> {
        let mut round = self.event.round.lock();
        if round.number != self.from {
            return Poll::Ready(());
        }
        round.tasks.push(context.waker().clone());
        Poll::Pending
    }
}
