//! `Timer`: wakes operations at a time on the injected clock.

use crate::alarm::Alarm;
use crate::memory::Clock;
use parking_lot::Mutex;
use std::collections::BTreeMap;
use std::future::Future;
use std::pin::Pin;
use std::sync::Arc;
use std::task::{Context, Poll, Waker};
use std::thread;

/// One thread, started when somebody first sleeps, that ends with the timer.
pub(crate) struct Timer {
    face: Arc<Face>,
}

struct Face {
    alarm: Arc<Alarm>,
    state: Mutex<State>,
}

#[derive(Default)]
struct State {
    /// By the time to wake at, then by number.
    sleepers: BTreeMap<(u64, u64), Waker>,
    numbered: u64,
    running: bool,
    ended: bool,
}

impl Timer {
    pub(crate) fn new(clock: Arc<dyn Clock>) -> Self {
        Self {
            face: Arc::new(Face {
                alarm: Alarm::new(clock),
                state: Mutex::default(),
            }),
        }
    }

    /// The time, in milliseconds.
    pub(crate) fn now(&self) -> u64 {
        self.face.alarm.now()
    }

    /// Done when the clock shows `at`.
    pub(crate) fn sleep_until(&self, at: u64) -> Sleep {
        Sleep {
            face: Arc::clone(&self.face),
            at,
            number: None,
        }
    }
}

impl Drop for Timer {
    fn drop(&mut self) {
        self.face.state.lock().ended = true;
        self.face.alarm.ring_all();
    }
}

impl Face {
    /// Notes who is to be woken; false if no thread could be started for it.
    fn note(self: &Arc<Self>, at: u64, number: &mut Option<u64>, waker: &Waker) -> bool {
        let mut state = self.state.lock();
        if !state.running {
            let face = Arc::clone(self);
            let thread = thread::Builder::new().name("cache-tiered-timer".to_owned());
            let work = self.alarm.activity().work();
            let run = move || {
                face.run();
                drop(work);
            };
            state.running = thread.spawn(run).is_ok();
        }
        let number = *number.get_or_insert_with(|| {
            state.numbered += 1;
            state.numbered
        });
        state.sleepers.insert((at, number), waker.clone());
        state.running
    }

    fn run(&self) {
        loop {
            let now = self.alarm.now();
            let (next, woken) = {
                let mut state = self.state.lock();
                let later = state.sleepers.split_off(&(now, u64::MAX));
                let woken = std::mem::replace(&mut state.sleepers, later);
                let next = state.sleepers.first_key_value().map(|(&(at, _), _)| at);
                if state.ended && state.sleepers.is_empty() && woken.is_empty() {
                    return;
                }
                (next, woken)
            };
            let idle = woken.is_empty();
            woken.into_values().for_each(Waker::wake);
            if idle {
                self.alarm.wait_until(next);
            }
        }
    }
}

/// A wait for a time.
pub(crate) struct Sleep {
    face: Arc<Face>,
    at: u64,
    number: Option<u64>,
}

impl Future for Sleep {
    type Output = ();

    fn poll(mut self: Pin<&mut Self>, context: &mut Context<'_>) -> Poll<()> {
        let (at, face) = (self.at, Arc::clone(&self.face));
        if face.alarm.now() >= at {
            return Poll::Ready(());
        }
        let noted = face.note(at, &mut self.number, context.waker());
        face.alarm.ring();
        if !noted {
            // The system gives no thread: look again and again rather than never.
            context.waker().wake_by_ref();
        }
        Poll::Pending
    }
}

impl Drop for Sleep {
    fn drop(&mut self) {
        if let Some(number) = self.number {
            self.face.state.lock().sleepers.remove(&(self.at, number));
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::executor::block_on;
    use crate::manual_clock::ManualClock;
    use std::time::Duration;

    #[test]
    fn sleepers_wake_when_the_clock_is_moved_far_enough_and_not_before() {
        let clock = ManualClock::new();
        let timer = Timer::new(Arc::new(clock.clone()));
        let mut early = timer.sleep_until(10);
        let late = timer.sleep_until(20);
        let mut context = Context::from_waker(Waker::noop());
        assert!(Pin::new(&mut early).poll(&mut context).is_pending());
        thread::scope(|scope| {
            let sleeper = scope.spawn(move || block_on(late));
            clock.advance(Duration::from_millis(10));
            block_on(early);
            assert!(!sleeper.is_finished());
            clock.advance(Duration::from_millis(10));
            sleeper.join().unwrap();
        });
        assert!(timer.face.state.lock().sleepers.is_empty());
    }

    #[test]
    fn the_thread_of_a_timer_ends_with_it() {
        let timer = Timer::new(Arc::new(ManualClock::new()));
        let mut context = Context::from_waker(Waker::noop());
        let mut sleep = timer.sleep_until(10);
        assert!(Pin::new(&mut sleep).poll(&mut context).is_pending());
        let face = Arc::downgrade(&timer.face);
        drop((sleep, timer));
        while face.strong_count() > 0 {
            thread::yield_now();
        }
    }
}
