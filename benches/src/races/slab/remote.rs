//! Objects of 32 bytes that one thread allocates and another frees.

use std::alloc::System;
use std::sync::Arc;
use std::sync::mpsc::{Receiver, SyncSender, TryRecvError, sync_channel};
use std::thread;

use mimalloc::MiMalloc;
use slab_core::{LocalCache, SlabBox, SlabCache};

use super::attachable::AttachableSpinLock;
use super::owned::{Boxed, Owner, RawBox};
use super::table::{ShardedSlab, Value, value};
use crate::races::general::General;
use crate::{Contender, Effort, Sample, Workload};

/// Objects that pass the channel at once, so that the channel's own cost is lost among theirs.
const BATCH: usize = 1024;
/// Batches on their way at most; each is a `Vec` that goes there and back.
const BATCHES: usize = 16;

/// Allocates on the producer's thread what the consumer's thread frees.
trait Producer: 'static {
    const NAME: &'static str;
    type Held: Send + 'static;
    /// What the consumer needs beside the objects.
    type Consumer: Send;
    fn new() -> Self;
    fn put(&mut self, value: Value) -> Self::Held;
    fn consumer(&self) -> Self::Consumer;
    /// Frees the object and returns its last word.
    fn free(consumer: &Self::Consumer, held: Self::Held) -> u64;
}

/// Allocated by a `LocalCache`, freed through the slab's remote word.
struct Local(LocalCache<Value>);

impl Producer for Local {
    const NAME: &'static str = "strata-slabbox";
    type Held = SlabBox<Value>;
    type Consumer = ();

    fn new() -> Self {
        let cache = SlabCache::new().expect("memory");
        Local(cache.local().expect("memory"))
    }
    fn put(&mut self, value: Value) -> SlabBox<Value> {
        self.0.alloc(value).expect("memory").into_shared()
    }
    fn consumer(&self) {}
    fn free((): &(), held: SlabBox<Value>) -> u64 {
        held[3]
    }
}

/// Allocated by the `SlabCache` itself, under its lock.
struct Shared(SlabCache<Value>);

impl Producer for Shared {
    const NAME: &'static str = "strata-slabbox-shared";
    type Held = SlabBox<Value>;
    type Consumer = ();

    fn new() -> Self {
        Shared(SlabCache::new().expect("memory"))
    }
    fn put(&mut self, value: Value) -> SlabBox<Value> {
        self.0.alloc(value).expect("memory")
    }
    fn consumer(&self) {}
    fn free((): &(), held: SlabBox<Value>) -> u64 {
        held[3]
    }
}

impl<A: General> Producer for Boxed<A> {
    const NAME: &'static str = A::BOX;
    type Held = RawBox;
    type Consumer = Boxed<A>;

    fn new() -> Self {
        <Self as Owner>::new()
    }
    fn put(&mut self, value: Value) -> RawBox {
        <Self as Owner>::put(self, value)
    }
    fn consumer(&self) -> Self {
        <Self as Owner>::new()
    }
    fn free(consumer: &Self, held: RawBox) -> u64 {
        <Self as Owner>::free(consumer, held)
    }
}

impl Producer for AttachableSpinLock {
    const NAME: &'static str = <Self as Owner>::NAME;
    type Held = <Self as Owner>::Held;
    type Consumer = ();

    fn new() -> Self {
        <Self as Owner>::new()
    }
    fn put(&mut self, value: Value) -> Self::Held {
        <Self as Owner>::put(self, value)
    }
    fn consumer(&self) {}
    fn free((): &(), held: Self::Held) -> u64 {
        held[3]
    }
}

impl Producer for Arc<ShardedSlab> {
    const NAME: &'static str = "sharded-slab";
    type Held = usize;
    type Consumer = Self;

    fn new() -> Self {
        Arc::new(ShardedSlab::new())
    }
    fn put(&mut self, value: Value) -> usize {
        self.insert(value).expect("room")
    }
    fn consumer(&self) -> Self {
        Arc::clone(self)
    }
    fn free(consumer: &Self, key: usize) -> u64 {
        consumer.take(key).expect("a live key")[3]
    }
}

/// The next batch; `None` when the other side is gone. It yields rather than parks: to be woken costs
/// as much as a batch.
fn next<H>(channel: &Receiver<Vec<H>>) -> Option<Vec<H>> {
    loop {
        match channel.try_recv() {
            Ok(batch) => return Some(batch),
            Err(TryRecvError::Empty) => thread::yield_now(),
            Err(TryRecvError::Disconnected) => return None,
        }
    }
}

/// Both ends of the producer's side.
struct Line<H> {
    filled: SyncSender<Vec<H>>,
    drained: Receiver<Vec<H>>,
}

impl<H> Line<H> {
    /// Sends `batches` batches and waits until all of them have been freed.
    fn pass(&self, batches: usize, mut put: impl FnMut(u64) -> H) {
        let mut seed = 0;
        for _ in 0..batches {
            let mut batch = next(&self.drained).expect("the consumer works");
            batch.extend((0..BATCH).map(|_| {
                seed += 1;
                put(seed)
            }));
            self.filled.send(batch).expect("the consumer works");
        }
        let idle: Vec<_> = (0..BATCHES)
            .map(|_| next(&self.drained).expect("the consumer works"))
            .collect();
        for batch in idle {
            self.filled.send(batch).expect("the consumer works");
        }
    }
}

/// Frees what comes and returns the batches; the digest of what it freed.
fn consume<P: Producer>(
    consumer: &P::Consumer,
    filled: &Receiver<Vec<P::Held>>,
    drained: &SyncSender<Vec<P::Held>>,
) -> u64 {
    let mut sum = 0u64;
    while let Some(mut batch) = next(filled) {
        for held in batch.drain(..) {
            sum = sum.wrapping_mul(31).wrapping_add(P::free(consumer, held));
        }
        if drained.send(batch).is_err() {
            break;
        }
    }
    sum
}

/// One thread allocates, another frees; the time of both together for an object.
pub(super) fn remote(effort: Effort) -> Vec<Workload> {
    fn contender<P: Producer>(batches: usize) -> Contender {
        let mut producer = P::new();
        Contender::new(P::NAME, move || {
            thread::scope(|scope| {
                let (filled, to_drain) = sync_channel(BATCHES);
                let (give_back, drained) = sync_channel(BATCHES);
                let consumer = producer.consumer();
                for _ in 0..BATCHES {
                    give_back
                        .send(Vec::with_capacity(BATCH))
                        .expect("the line stands");
                }
                let consumer = scope.spawn(move || consume::<P>(&consumer, &to_drain, &give_back));
                let line = Line { filled, drained };
                // Both threads and the memory are warm, and nothing is on its way, when the clock starts.
                line.pass(4 * BATCHES, |seed| producer.put(value(seed)));
                let mut sample = Sample::timed(batches * BATCH, || {
                    line.pass(batches, |seed| producer.put(value(seed)));
                    0
                });
                drop(line);
                sample.checksum = consumer.join().expect("the consumer works");
                sample
            })
        })
    }
    let batches = effort.operations(2000);
    vec![
        Workload::new("slab", "cache-remote", "ns")
            .with(contender::<Local>(batches))
            .with(contender::<Shared>(batches))
            .with(contender::<Boxed<System>>(batches))
            .with(contender::<Boxed<MiMalloc>>(batches))
            .with(contender::<AttachableSpinLock>(batches))
            .with(contender::<Arc<ShardedSlab>>(batches)),
    ]
}
