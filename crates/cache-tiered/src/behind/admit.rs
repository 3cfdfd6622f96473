//! A change comes in: room, then the journal, then the dirty set.

use super::entry::{Change, State};
use super::{WhenFull, WriteBehind};
use crate::codec::CodecError;
use crate::error::JournalError;
use crate::executor::is_pool_thread;
use crate::journal::{self, AppendError};
use crate::observe::{Observer, Watch};
use event_listener::EventListener;
use std::future::Future;
use std::pin::{Pin, pin};
use std::sync::atomic::Ordering;
use std::task::Poll;

/// How long a full device is left alone, in milliseconds, if nothing else makes room.
const DEVICE_PAUSE: u64 = 100;

/// Why a change was not acknowledged.
#[derive(Debug)]
pub(crate) enum Refusal {
    Closed,
    Backpressure,
    Codec(CodecError),
    Journal(JournalError),
    /// It may be in the journal.
    Unknown(JournalError),
}

/// Room that was taken for a change; given back unless the change came in.
struct Taken<'a> {
    room: &'a super::room::Room,
    keys: usize,
    bytes: usize,
}

/// A write that met no room and stays until there is some; however that ends, it is told of.
struct Waits<'a> {
    observer: &'a Observer,
    watch: Watch,
}

impl Drop for Waits<'_> {
    fn drop(&mut self) {
        self.observer.wait_ended(self.watch);
    }
}

impl Drop for Taken<'_> {
    fn drop(&mut self) {
        self.room.give(self.keys, self.bytes);
    }
}

impl<K, V> WriteBehind<K, V>
where
    K: Eq + Clone + Send + Sync + 'static,
    V: Clone + Send + Sync + 'static,
{
    /// Acknowledges a change. The caller has the right to the key.
    pub(crate) async fn admit(
        &self,
        hash: u64,
        key: K,
        value: Option<V>,
        stamp: u64,
    ) -> Result<(), Refusal> {
        let engine = &self.engine;
        let (key_bytes, change) = self.encode(&key, value.as_ref()).map_err(Refusal::Codec)?;
        let bytes = key_bytes.len() + length(&change);
        let taken = self.take_room(hash, &key, bytes).await?;
        let sequence = self.append(stamp, &key, value.as_ref(), (key_bytes, change));
        let sequence = sequence.await?;
        // The journal has its successor. Settled before a worker can see that one, bring it and
        // settle it: of two records of a key the older one has to be first.
        let displaced = engine.set.look(hash, &key, |entry| entry.sequence);
        if let Some(displaced) = displaced {
            self.journal.settle(&[displaced]);
        }
        let due = engine.settings.due(engine.alarm.now());
        let change = Change {
            key,
            value,
            stamp,
            sequence,
            bytes,
        };
        let reserved = (taken.keys, taken.bytes);
        std::mem::forget(taken);
        let displaced = engine
            .set
            .put(hash, change, reserved, due, engine.health.successes());
        if let Some(displaced) = displaced {
            if !displaced.flying {
                engine.tally.coalesced.add();
            }
            if engine.hurried.load(Ordering::Relaxed) {
                engine.settled.notify(usize::MAX);
            }
        }
        engine.tally.dirty(engine.set.room.used().0);
        engine.notice(due);
        Ok(())
    }

    /// Key and change as the journal has them.
    fn encode(&self, key: &K, value: Option<&V>) -> Result<(Vec<u8>, journal::Change), CodecError> {
        let mut scratch = Vec::new();
        let key = owned(self.keys.encode(key, &mut scratch)?);
        let change = match value {
            None => journal::Change::Remove,
            Some(value) => journal::Change::Put(owned(self.values.encode(value, &mut scratch)?)),
        };
        Ok((key, change))
    }

    /// Waits for room, if that is wanted. A key that is dirty already needs none but for the bytes
    /// that it grows by.
    async fn take_room(&self, hash: u64, key: &K, bytes: usize) -> Result<Taken<'_>, Refusal> {
        let (engine, room) = (&self.engine, &self.engine.set.room);
        let mut listener: Option<EventListener> = None;
        let mut waits = None;
        loop {
            let look = engine.set.look(hash, key, |entry| {
                let dead = matches!(entry.state, State::Dead(_));
                (!dead).then_some(entry.bytes)
            });
            let (keys, bytes) = match look.flatten() {
                Some(dirty) => (0, bytes.saturating_sub(dirty)),
                None => (1, bytes),
            };
            if engine.refusing.load(Ordering::SeqCst) {
                return Err(Refusal::Closed);
            }
            if room.try_take(keys, bytes) {
                return Ok(Taken { room, keys, bytes });
            }
            let Some(registered) = listener.take() else {
                engine.tally.backpressure.add();
                engine.call();
                if self.when_full == WhenFull::Refuse {
                    return Err(Refusal::Backpressure);
                }
                waits.get_or_insert_with(|| self.waits());
                // Registered before the next look, so that no room is missed.
                listener = Some(room.listen());
                continue;
            };
            registered.await;
            listener = Some(room.listen());
        }
    }

    /// Waits until the journal has the change.
    async fn append(
        &self,
        stamp: u64,
        key: &K,
        value: Option<&V>,
        first: (Vec<u8>, journal::Change),
    ) -> Result<u64, Refusal> {
        let engine = &self.engine;
        let (mut encoded, mut waits) = (Some(first), None);
        loop {
            let settled = engine.settled.listen();
            if engine.refusing.load(Ordering::SeqCst) {
                return Err(Refusal::Closed);
            }
            let (key_bytes, change) = match encoded.take() {
                Some(encoded) => encoded,
                None => self.encode(key, value).map_err(Refusal::Codec)?,
            };
            let append = match self.journal.append(stamp, key_bytes, change) {
                Ok(append) => append,
                Err(error) => return Err(Refusal::Journal(error.into())),
            };
            match written(append).await {
                Ok(sequence) => return Ok(sequence),
                Err(AppendError::Closed) => return Err(Refusal::Closed),
                Err(AppendError::Full(_)) => {}
                Err(error) if error.is_without_effect() => {
                    return Err(Refusal::Journal(error.into()));
                }
                Err(error) => return Err(Refusal::Unknown(error.into())),
            }
            engine.tally.backpressure.add();
            engine.hurried.store(true, Ordering::Relaxed);
            engine.call();
            if self.when_full == WhenFull::Refuse {
                return Err(Refusal::Backpressure);
            }
            // Settled records make room, and so may others on the device.
            let again = self.timer.now().saturating_add(DEVICE_PAUSE);
            waits.get_or_insert_with(|| self.waits());
            first_of(settled, self.timer.sleep_until(again)).await;
        }
    }

    /// From now on a write waits for room, until what this returns is dropped.
    fn waits(&self) -> Waits<'_> {
        Waits {
            observer: &self.engine.observer,
            watch: Watch::start(),
        }
    }
}

/// How a task of the journal ends. A thread that only waits leads the group itself; one of the
/// pool is to drive others.
pub(super) async fn written(append: journal::Append) -> Result<u64, AppendError> {
    if is_pool_thread() {
        append.await
    } else {
        append.wait()
    }
}

fn owned(bytes: &[u8]) -> Vec<u8> {
    bytes.to_vec()
}

const fn length(change: &journal::Change) -> usize {
    match change {
        journal::Change::Put(value) => value.len(),
        journal::Change::Remove => 0,
    }
}

/// Done when either is.
pub(crate) async fn first_of(one: impl Future, other: impl Future) {
    let (mut one, mut other) = (pin!(one), pin!(other));
    std::future::poll_fn(|context| {
        let one: Pin<&mut _> = one.as_mut();
        if one.poll(context).is_ready() || other.as_mut().poll(context).is_ready() {
            return Poll::Ready(());
        }
        Poll::Pending
    })
    .await;
}
