//! `Alarm`: where threads wait for a time on the injected clock, or to be rung for.

use crate::memory::Clock;
use parking_lot::{Condvar, Mutex};
use std::sync::atomic::{AtomicBool, Ordering};
use std::sync::{Arc, Weak};
use std::time::Duration;

/// A bell and a clock. One ring wakes one of the threads that wait, or keeps the next one that
/// would from waiting.
pub(crate) struct Alarm {
    clock: Arc<dyn Clock>,
    /// Set by who rings, taken by who waits. Both are read-modify-writes (AcqRel), so who takes a
    /// ring sees what each of the ringers did before, also of those who found it set.
    rung: AtomicBool,
    /// Nobody is to wait any more. Written before a ring for all, read under `waiting`.
    closed: AtomicBool,
    waiting: Mutex<usize>,
    bell: Condvar,
}

impl Alarm {
    pub(crate) fn new(clock: Arc<dyn Clock>) -> Arc<Self> {
        let alarm = Arc::new(Self {
            clock,
            rung: AtomicBool::new(false),
            closed: AtomicBool::new(false),
            waiting: Mutex::new(0),
            bell: Condvar::new(),
        });
        let weak: Weak<Self> = Arc::downgrade(&alarm);
        alarm.clock.on_jump(Arc::new(move || {
            if let Some(alarm) = weak.upgrade() {
                alarm.ring_all();
            }
        }));
        alarm
    }

    /// The time, in milliseconds.
    pub(crate) fn now(&self) -> u64 {
        self.clock.now()
    }

    /// Wakes one that waits; false if a ring before is still to be heard.
    pub(crate) fn ring(&self) -> bool {
        let first = !self.rung.swap(true, Ordering::AcqRel);
        if first {
            // Locked, so that nobody is between its look and its wait.
            let _waiting = self.waiting.lock();
            self.bell.notify_one();
        }
        first
    }

    /// Lets nobody wait any more.
    pub(crate) fn close(&self) {
        self.closed.store(true, Ordering::Release);
        self.ring_all();
    }

    /// Wakes everybody who waits.
    pub(crate) fn ring_all(&self) {
        self.rung.swap(true, Ordering::AcqRel);
        let _waiting = self.waiting.lock();
        self.bell.notify_all();
    }

    /// How many wait at this instant.
    pub(crate) fn waiting(&self) -> usize {
        *self.waiting.lock()
    }

    /// Waits for a ring or for the time. May return early: look, and wait again.
    pub(crate) fn wait_until(&self, deadline: Option<u64>) {
        let mut waiting = self.waiting.lock();
        if self.rung.swap(false, Ordering::AcqRel) || self.closed.load(Ordering::Acquire) {
            return;
        }
        // A clock that is set, not run, rings when it moves; one that runs does so about as fast
        // as the system's.
        let pause = deadline.map(|at| Duration::from_millis(at.saturating_sub(self.now())));
        if pause.is_some_and(|pause| pause.is_zero()) {
            return;
        }
        *waiting += 1;
        match pause {
            None => self.bell.wait(&mut waiting),
            Some(pause) => drop(self.bell.wait_for(&mut waiting, pause)),
        }
        *waiting -= 1;
        self.rung.swap(false, Ordering::AcqRel);
    }
}
