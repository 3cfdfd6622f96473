//! `Redis` against real servers.

mod basics;
mod cluster;
mod faults;
mod invalidations;
mod proxy;
mod refusals;
mod remote;
mod server;
mod unanswered;

use cache_tiered::{Applied, ApplyError, Loaded, Mutation, Redis, RedisError, Sink, Source};
use server::PATIENCE;
use std::future::Future;
use std::pin::pin;
use std::sync::Arc;
use std::task::{Context, Poll, Wake, Waker};
use std::thread::{self, Thread};
use std::time::Instant;

struct Unpark(Thread);

impl Wake for Unpark {
    fn wake(self: Arc<Self>) {
        self.0.unpark();
    }
}

/// Waits for a future of the store, without any runtime.
fn finish<T>(future: impl Future<Output = T>) -> T {
    let waker = Waker::from(Arc::new(Unpark(thread::current())));
    let (mut future, began) = (pin!(future), Instant::now());
    loop {
        if let Poll::Ready(result) = future.as_mut().poll(&mut Context::from_waker(&waker)) {
            return result;
        }
        assert!(began.elapsed() < PATIENCE, "it hangs");
        thread::park_timeout(PATIENCE);
    }
}

type Outcome = Result<Applied, ApplyError<RedisError>>;

fn apply(store: &Redis, batch: &[Mutation<u64, String>]) -> Outcome {
    finish(Sink::apply(store, batch))
}

fn put(store: &Redis, key: u64, value: &str) -> Outcome {
    apply(store, &[Mutation::put(key, value.to_owned(), 1)])
}

fn load(store: &Redis, key: u64) -> Result<Loaded<String>, RedisError> {
    finish(Source::<u64, String>::load(store, &key))
}

fn value(store: &Redis, key: u64) -> Option<String> {
    load(store, key).unwrap().into_value()
}
