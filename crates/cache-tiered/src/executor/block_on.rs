//! `block_on`: the current thread polls a future to its end and parks while it is pending.

use super::pool::while_waiting;
use std::cell::Cell;
use std::future::Future;
use std::pin::pin;
use std::sync::Arc;
use std::sync::atomic::{AtomicBool, Ordering};
use std::task::{Context, Poll, Wake, Waker};
use std::thread::{self, Thread};

/// One waiting thread and whether it was woken since it last looked.
///
/// The flag is its own, because the park token of a thread is shared: a wait inside a wait would
/// eat the token that was meant for the outer one.
struct Signal {
    thread: Thread,
    /// Set by wakers (Release), taken by the waiting thread (Acquire) before it polls again.
    woken: AtomicBool,
}

impl Wake for Signal {
    fn wake(self: Arc<Self>) {
        self.wake_by_ref();
    }

    fn wake_by_ref(self: &Arc<Self>) {
        // Only the first wake since the last poll has to unpark.
        if !self.woken.swap(true, Ordering::Release) {
            self.thread.unpark();
        }
    }
}

thread_local! {
    /// The signal of this thread, kept so that a wait allocates none; empty while one is in use.
    static SPARE: Cell<Option<Arc<Signal>>> = const { Cell::new(None) };
}

/// Polls `future` on this thread until it is ready.
pub(crate) fn block_on<F: Future>(future: F) -> F::Output {
    // Where the thread is ending there may be no variable any more, and so no spare.
    let spare = SPARE.try_with(Cell::take).ok().flatten();
    let signal = spare.unwrap_or_else(|| {
        Arc::new(Signal {
            thread: thread::current(),
            woken: AtomicBool::new(false),
        })
    });
    let waker = Waker::from(Arc::clone(&signal));
    let mut context = Context::from_waker(&waker);
    let mut future = pin!(future);
    let output = loop {
        if let Poll::Ready(output) = future.as_mut().poll(&mut context) {
            break output;
        }
        if !signal.woken.swap(false, Ordering::Acquire) {
            while_waiting(|| {
                while !signal.woken.swap(false, Ordering::Acquire) {
                    thread::park();
                }
            });
        }
    };
    let _kept = SPARE.try_with(|spare| spare.set(Some(signal)));
    output
}

#[cfg(test)]
mod tests {
    use super::*;
    use std::cell::RefCell;
    use std::future::{poll_fn, ready};
    use std::sync::atomic::AtomicUsize;

    thread_local! {
        static LAST: RefCell<Option<AtEnd>> = const { RefCell::new(None) };
    }

    /// Waits while its thread's variables are destroyed.
    struct AtEnd {
        waited: Arc<AtomicUsize>,
    }

    impl Drop for AtEnd {
        fn drop(&mut self) {
            let mut polled = false;
            block_on(poll_fn(|context| {
                context.waker().wake_by_ref();
                match std::mem::replace(&mut polled, true) {
                    true => Poll::Ready(()),
                    false => Poll::Pending,
                }
            }));
            self.waited.fetch_add(1, Ordering::Relaxed);
        }
    }

    #[test]
    fn a_thread_that_ends_can_still_wait() {
        let waited = Arc::new(AtomicUsize::new(0));
        for first in [true, false] {
            let at_end = AtEnd {
                waited: Arc::clone(&waited),
            };
            let thread = thread::spawn(move || {
                // The variable that is used first is destroyed last, or the other way round.
                if first {
                    block_on(ready(()));
                }
                LAST.with(|last| *last.borrow_mut() = Some(at_end));
                block_on(ready(()));
            });
            thread.join().expect("the thread has ended well");
        }
        assert_eq!(waited.load(Ordering::Relaxed), 2);
    }

    #[test]
    fn a_wait_inside_a_wait_does_not_eat_the_outer_wake() {
        let mut polls = 0;
        let value = block_on(poll_fn(|outer| {
            polls += 1;
            if polls == 2 {
                return Poll::Ready(7);
            }
            outer.waker().wake_by_ref();
            let mut inner_polls = 0;
            block_on(poll_fn(|inner| {
                inner_polls += 1;
                if inner_polls == 3 {
                    return Poll::Ready(());
                }
                inner.waker().wake_by_ref();
                Poll::Pending
            }));
            Poll::Pending
        }));
        assert_eq!((value, polls), (7, 2));
    }
}
