//! `ObjectStore`: in a folder, over a client that fails, and under a cache.

mod cached;
mod faults;
mod faulty;
mod folder;

use cache_tiered::{
    Applied, ApplyError, Loaded, Mutation, ObjectStore, ObjectStoreError, Sink, Source,
};
use std::future::Future;
use std::pin::pin;
use std::sync::mpsc::sync_channel;
use std::task::{Context, Poll, Wake, Waker};
use std::time::Duration;

/// No test waits longer for anything.
const LONG: Duration = Duration::from_secs(30);

struct Woken(std::sync::mpsc::SyncSender<()>);

impl Wake for Woken {
    fn wake(self: std::sync::Arc<Self>) {
        let _told_already = self.0.try_send(());
    }
}

/// The output of a future, which comes within `LONG`.
fn wait<T>(future: impl Future<Output = T>) -> T {
    let (sender, woken) = sync_channel(1);
    let waker = Waker::from(std::sync::Arc::new(Woken(sender)));
    let mut future = pin!(future);
    loop {
        if let Poll::Ready(output) = future.as_mut().poll(&mut Context::from_waker(&waker)) {
            return output;
        }
        woken.recv_timeout(LONG).expect("an answer in time");
    }
}

type Failure = ApplyError<ObjectStoreError>;

fn apply(store: &ObjectStore, batch: &[Mutation<String, String>]) -> Result<Applied, Failure> {
    wait(Sink::apply(store, batch))
}

fn put(key: &str, value: &str) -> Mutation<String, String> {
    Mutation::put(key.to_owned(), value.to_owned(), 1)
}

fn remove(key: &str) -> Mutation<String, String> {
    Mutation::remove(key.to_owned(), 1)
}

fn load(store: &ObjectStore, key: &str) -> Result<Option<String>, ObjectStoreError> {
    let loaded = wait(Source::<String, String>::load(store, &key.to_owned()));
    loaded.map(Loaded::into_value)
}

fn existed(applied: &Applied) -> Vec<bool> {
    (0..applied.len())
        .map(|index| applied.existed(index))
        .collect()
}
