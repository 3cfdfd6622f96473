//! `Runtime`: tokio on a thread of its own, for stores whose clients need it.
//!
//! The cache polls a store on whatever thread waits, or on its own ones, and none of them has a
//! runtime's context. So what needs one is handed to this thread, and the answer awaited from anywhere.

use std::future::Future;
use std::io;
use std::panic::resume_unwind;
use std::thread::{self, JoinHandle};
use tokio::runtime::{Builder, Handle};
use tokio::sync::oneshot;

/// A tokio runtime with one thread, which ends with the value.
///
/// What is on it then is dropped where it awaits; a blocking call of it ends first.
pub(crate) struct Runtime {
    handle: Handle,
    /// The thread ends when it is told so; both are there until then.
    thread: Option<(oneshot::Sender<()>, JoinHandle<()>)>,
}

impl Runtime {
    /// A runtime on a new thread of this name.
    ///
    /// # Errors
    ///
    /// What the system said, if it has no thread or no poll to give.
    pub(crate) fn start(name: &str) -> io::Result<Self> {
        let runtime = Builder::new_current_thread()
            .enable_all()
            .thread_name(name)
            .build()?;
        let handle = runtime.handle().clone();
        let (end, ended) = oneshot::channel();
        let thread = thread::Builder::new()
            .name(name.to_owned())
            .spawn(move || {
                let _told_or_dropped = runtime.block_on(ended);
            })?;
        Ok(Self {
            handle,
            thread: Some((end, thread)),
        })
    }

    /// For what nobody waits for; it ends with the runtime.
    #[cfg(feature = "redis")]
    pub(crate) const fn handle(&self) -> &Handle {
        &self.handle
    }

    /// Runs a future on the runtime; once polled it runs to its end, also if the caller gives up.
    ///
    /// # Panics
    ///
    /// If the future does.
    pub(crate) async fn run<T, F>(&self, future: F) -> T
    where
        T: Send + 'static,
        F: Future<Output = T> + Send + 'static,
    {
        match self.handle.spawn(future).await {
            Ok(output) => output,
            Err(error) => match error.try_into_panic() {
                Ok(payload) => resume_unwind(payload),
                Err(error) => unreachable!("a runtime in use has ended: {error}"),
            },
        }
    }
}

impl Drop for Runtime {
    fn drop(&mut self) {
        let Some((end, thread)) = self.thread.take() else {
            return;
        };
        let _gone = end.send(());
        // A task may have held the last handle to its store: it ends this thread when it has ended.
        if thread.thread().id() != thread::current().id() {
            let _panicked = thread.join();
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::executor::block_on;
    use std::pin::pin;
    use std::sync::{Arc, mpsc};
    use std::task::{Context, Poll, Waker};
    use std::time::Duration;

    /// No test waits longer.
    const LONG: Duration = Duration::from_secs(20);

    #[test]
    fn a_future_has_the_context_that_its_caller_has_not() {
        assert!(Handle::try_current().is_err());
        let runtime = Runtime::start("test").unwrap();
        let name = block_on(runtime.run(async {
            tokio::time::timeout(LONG, tokio::task::yield_now())
                .await
                .unwrap();
            thread::current().name().map(str::to_owned)
        }));
        assert_eq!(name.as_deref(), Some("test"));
    }

    #[test]
    fn what_a_caller_gives_up_runs_to_its_end() {
        let runtime = Runtime::start("test").unwrap();
        let (go, wait) = oneshot::channel::<()>();
        let (done, is_done) = mpsc::channel();
        {
            let mut call = pin!(runtime.run(async move {
                wait.await.unwrap();
                done.send(()).unwrap();
            }));
            let polled = call.as_mut().poll(&mut Context::from_waker(Waker::noop()));
            assert_eq!(polled, Poll::Pending);
        }
        go.send(()).unwrap();
        is_done.recv_timeout(LONG).unwrap();
    }

    #[test]
    fn a_panic_reaches_the_caller_and_the_runtime_goes_on() {
        let runtime = Runtime::start("test").unwrap();
        let call = std::panic::AssertUnwindSafe(|| {
            block_on(runtime.run(async { std::panic::panic_any(7_u8) }))
        });
        let payload = std::panic::catch_unwind(call).unwrap_err();
        assert_eq!(payload.downcast_ref(), Some(&7_u8));
        assert_eq!(block_on(runtime.run(async { 8 })), 8);
    }

    #[test]
    fn what_is_left_on_it_is_dropped_before_the_runtime_is_gone() {
        let runtime = Runtime::start("test").unwrap();
        let held = Arc::new(());
        let also = Arc::clone(&held);
        runtime.handle.spawn(async move {
            std::future::pending::<()>().await;
            drop(also);
        });
        drop(runtime);
        assert_eq!(Arc::strong_count(&held), 1);
    }

    #[test]
    fn a_task_may_drop_the_runtime_it_is_on() {
        let runtime = Arc::new(Runtime::start("test").unwrap());
        let (go, wait) = oneshot::channel::<()>();
        let (done, is_done) = mpsc::channel();
        let held = Arc::clone(&runtime);
        runtime.handle.spawn(async move {
            wait.await.unwrap();
            drop(held);
            done.send(()).unwrap();
        });
        drop(runtime);
        go.send(()).unwrap();
        is_done.recv_timeout(LONG).unwrap();
    }
}
