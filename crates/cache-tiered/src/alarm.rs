//! `Alarm`: where threads wait for a time on the injected clock, or to be rung for.

use crate::activity::Activity;
use crate::memory::Clock;
use parking_lot::{Condvar, Mutex};
use std::sync::atomic::{AtomicBool, Ordering};
use std::sync::{Arc, Weak};

/// A bell and a clock. One ring wakes one of the threads that wait, or keeps the next one that
/// would from waiting.
pub(crate) struct Alarm {
    clock: Arc<dyn Clock>,
    /// Set by who rings, taken by who waits. Both are read-modify-writes (AcqRel), so who takes a
    /// ring sees what each of the ringers did before, also of those who found it set.
    rung: AtomicBool,
    /// Nobody is to wait any more. Written before a ring for all, read under `waiting`.
    closed: AtomicBool,
    waiting: Mutex<Waiting>,
    bell: Condvar,
    /// Has each thread that was woken and has not moved yet; who waits is not at work.
    activity: Activity,
}

#[derive(Default)]
struct Waiting {
    threads: usize,
    /// Those of them that were woken.
    woken: usize,
}

impl Alarm {
    pub(crate) fn new(clock: Arc<dyn Clock>) -> Arc<Self> {
        let alarm = Arc::new(Self {
            activity: clock.activity(),
            clock,
            rung: AtomicBool::new(false),
            closed: AtomicBool::new(false),
            waiting: Mutex::default(),
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
            let mut waiting = self.waiting.lock();
            if waiting.woken < waiting.threads {
                waiting.woken += 1;
                self.activity.add(1);
            }
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
        let mut waiting = self.waiting.lock();
        self.activity.add(waiting.threads - waiting.woken);
        waiting.woken = waiting.threads;
        self.bell.notify_all();
    }

    /// Where threads that wait here are counted.
    pub(crate) const fn activity(&self) -> &Activity {
        &self.activity
    }

    /// How many wait at this instant.
    pub(crate) fn waiting(&self) -> usize {
        self.waiting.lock().threads
    }

    /// Waits for a ring or for the time. May return early: look, and wait again. The thread is at
    /// work, as [`activity`](Self::activity) has it, before and after.
    pub(crate) fn wait_until(&self, deadline: Option<u64>) {
        let mut waiting = self.waiting.lock();
        if self.rung.swap(false, Ordering::AcqRel) || self.closed.load(Ordering::Acquire) {
            return;
        }
        // A clock that jumps while this looks at it rings for all once the lock is let go of.
        if deadline.is_some_and(|at| at <= self.now()) {
            return;
        }
        let pause = deadline.and_then(|at| self.clock.until(at));
        waiting.threads += 1;
        self.activity.subtract(1);
        match pause {
            None => self.bell.wait(&mut waiting),
            Some(pause) => drop(self.bell.wait_for(&mut waiting, pause)),
        }
        waiting.threads -= 1;
        if waiting.woken > 0 {
            waiting.woken -= 1;
        } else {
            self.activity.add(1);
        }
        self.rung.swap(false, Ordering::AcqRel);
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::manual_clock::ManualClock;
    use std::thread;
    use std::time::Duration;

    fn wait_for(reached: impl Fn() -> bool) {
        while !reached() {
            thread::yield_now();
        }
    }

    #[test]
    fn a_thread_that_waits_is_not_at_work_and_one_that_was_rung_for_is() {
        let clock = ManualClock::new();
        let alarm = Alarm::new(Arc::new(clock.clone()));
        let (seen, looks) = (AtomicBool::new(false), AtomicBool::new(false));
        let at_work = || clock.at_work().0;
        thread::scope(|scope| {
            let work = alarm.activity().work();
            let (alarm, seen, looks) = (&alarm, &seen, &looks);
            scope.spawn(move || {
                alarm.wait_until(None);
                seen.store(true, Ordering::SeqCst);
                wait_for(|| looks.load(Ordering::SeqCst));
                drop(work);
            });
            wait_for(|| alarm.waiting() == 1);
            assert_eq!(at_work(), 0);
            assert!(alarm.ring());
            assert_eq!(at_work(), 1, "from the ring on, whenever the thread moves");
            alarm.ring_all();
            wait_for(|| seen.load(Ordering::SeqCst));
            assert_eq!((at_work(), alarm.waiting()), (1, 0));
            looks.store(true, Ordering::SeqCst);
        });
        assert_eq!(clock.at_work(), (0, 2), "the thread, and the ring");
    }

    #[test]
    fn nobody_wakes_before_a_clock_that_only_jumps_has_jumped() {
        let clock = ManualClock::new();
        let alarm = Alarm::new(Arc::new(clock.clone()));
        let woken = AtomicBool::new(false);
        thread::scope(|scope| {
            let (alarm, woken) = (&alarm, &woken);
            scope.spawn(move || {
                alarm.wait_until(Some(1));
                woken.store(true, Ordering::SeqCst);
            });
            wait_for(|| alarm.waiting() == 1);
            // Longer than the system's clock takes for that time.
            let began = std::time::Instant::now();
            wait_for(|| began.elapsed() > Duration::from_millis(3));
            assert!(!woken.load(Ordering::SeqCst));
            clock.advance(Duration::from_millis(1));
        });
        assert!(woken.load(Ordering::SeqCst));
    }

    #[test]
    fn a_ring_that_nobody_waits_for_is_no_work() {
        let clock = ManualClock::new();
        let alarm = Alarm::new(Arc::new(clock.clone()));
        assert!(alarm.ring() && !alarm.ring());
        clock.advance(Duration::from_millis(1));
        assert_eq!(clock.at_work().0, 0);
    }
}
