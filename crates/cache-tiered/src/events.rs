//! Events: what happens in a cache, told to whoever listens.
//!
//! Nobody who works for the cache waits for a listener: each has a queue of its own with a bound,
//! in which the oldest events give way to new ones and are counted. While nobody listens, an event
//! costs one look at a counter, and is not even made.

use crate::error::LoadError;
use crate::executor::block_on;
use crate::tiered::Tier;
use cache_policies::Cause;
use parking_lot::Mutex;
use std::collections::VecDeque;
use std::fmt;
use std::sync::atomic::{AtomicBool, AtomicU64, AtomicUsize, Ordering};
use std::sync::{Arc, Weak};

/// Events that one listener may leave waiting.
const WAITING_MAX: usize = 1 << 10;

/// Something that happened in a [`Tiered`](crate::Tiered); from [`Tiered::events`](crate::Tiered::events).
///
/// ```
/// use cache_tiered::{Event, InMemory, MemoryTier, Tier, Tiered};
///
/// let cache: Tiered<u8, u8> =
///     Tiered::builder().memory(MemoryTier::entries(10)).store(InMemory::new()).build()?;
/// let mut events = cache.events();
/// cache.get(&1).wait()?;
/// let Some(Event::Loaded { key, tier, found, background }) = events.try_next() else { panic!() };
/// assert_eq!((key, tier, found, background), (1, Tier::Store, false, false));
/// # Ok::<(), Box<dyn std::error::Error>>(())
/// ```
#[derive(Clone, Debug)]
#[non_exhaustive]
pub enum Event<K> {
    /// A load has ended.
    Loaded {
        /// What was loaded.
        key: K,
        /// Who was asked.
        tier: Tier,
        /// There is a value.
        found: bool,
        /// Nobody waited for it.
        background: bool,
    },
    /// A load has failed.
    LoadFailed {
        /// What was to be loaded.
        key: K,
        /// Why it was not.
        error: LoadError,
        /// Nobody waited for it.
        background: bool,
    },
    /// A value past its time to live was the answer.
    StaleServed {
        /// Whose value.
        key: K,
    },
    /// A value was written and acknowledged.
    Written {
        /// Of what.
        key: K,
    },
    /// A key was removed, and that acknowledged.
    Removed {
        /// Which.
        key: K,
    },
    /// A write or a removal was refused, or nobody knows what became of it.
    WriteFailed {
        /// Of what.
        key: K,
        /// Nobody knows.
        unknown: bool,
    },
    /// A write or a removal failed in the store and will be tried again.
    Retried {
        /// Of what.
        key: K,
        /// Attempts so far.
        attempts: u32,
    },
    /// A value has left the memory tier, and nobody has written, removed or invalidated its key: for want of room, as its
    /// life was over, or by [`invalidate_all`](crate::Tiered::invalidate_all). The store still has it. Told after it has
    /// left, so that it may be back by now.
    Evicted {
        /// Whose value.
        key: K,
        /// Why.
        cause: Cause,
    },
    /// A write or a removal that was acknowledged is not tried again: it is a dead letter.
    DeadLettered {
        /// Of what.
        key: K,
    },
}

/// The events of a cache from a moment on; from [`Tiered::events`](crate::Tiered::events).
///
/// As many as 1,024 wait here; what is not taken in time is dropped, the oldest first, and
/// [counted](Self::dropped).
///
/// ```
/// use cache_tiered::{Event, InMemory, MemoryTier, Tiered};
///
/// let cache: Tiered<u8, u8> =
///     Tiered::builder().memory(MemoryTier::entries(10)).store(InMemory::new()).build()?;
/// let mut events = cache.events();
/// let watcher = std::thread::spawn(move || {
///     let mut loads = 0;
///     while let Some(event) = events.wait() {
///         loads += u32::from(matches!(event, Event::Loaded { .. }));
///     }
///     loads
/// });
/// cache.get(&1).wait()?;
/// drop(cache); // the last handle: nothing more will happen
/// assert_eq!(watcher.join().unwrap(), 1);
/// # Ok::<(), Box<dyn std::error::Error>>(())
/// ```
pub struct Events<K> {
    queue: Arc<Queue<K>>,
    broadcast: Weak<Broadcast<K>>,
}

struct Queue<K> {
    waiting: Mutex<VecDeque<Event<K>>>,
    /// Relaxed: it is a count and orders nothing.
    dropped: AtomicU64,
    /// Set when the cache is gone (Release), read by the listener (Acquire) before its last look.
    is_over: AtomicBool,
    came: event_listener::Event,
}

impl<K> Queue<K> {
    fn push(&self, event: Event<K>) {
        let mut waiting = self.waiting.lock();
        let oldest = (waiting.len() == WAITING_MAX).then(|| waiting.pop_front());
        waiting.push_back(event);
        drop(waiting);
        if oldest.is_some() {
            self.dropped.fetch_add(1, Ordering::Relaxed);
        }
        self.came.notify(usize::MAX);
    }
}

impl<K> Events<K> {
    /// The next event, if one waits.
    pub fn try_next(&mut self) -> Option<Event<K>> {
        self.queue.waiting.lock().pop_front()
    }

    /// The next event, waited for without holding a thread; none once the last handle of the cache
    /// is gone and nothing is under way any more.
    pub async fn next(&mut self) -> Option<Event<K>> {
        loop {
            let listener = self.queue.came.listen();
            let is_over = self.queue.is_over.load(Ordering::Acquire);
            if let Some(event) = self.try_next() {
                return Some(event);
            }
            if is_over {
                return None;
            }
            listener.await;
        }
    }

    /// [`next`](Self::next) on this thread.
    pub fn wait(&mut self) -> Option<Event<K>> {
        block_on(self.next())
    }

    /// How many events were dropped because they were not taken in time.
    #[must_use]
    pub fn dropped(&self) -> u64 {
        self.queue.dropped.load(Ordering::Relaxed)
    }
}

impl<K> Drop for Events<K> {
    fn drop(&mut self) {
        if let Some(broadcast) = self.broadcast.upgrade() {
            broadcast.forget(&self.queue);
        }
    }
}

impl<K> fmt::Debug for Events<K> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("Events")
            .field("waiting", &self.queue.waiting.lock().len())
            .field("dropped", &self.dropped())
            .finish()
    }
}

/// Where events are told.
pub(crate) struct Broadcast<K> {
    /// How many listen. Relaxed: an event beside the coming or going of a listener may be missed.
    listening: Arc<AtomicUsize>,
    /// A list of its own for each change, so that nothing is told under the lock.
    queues: Mutex<Arc<[Arc<Queue<K>>]>>,
}

impl<K> Broadcast<K> {
    pub(crate) fn new() -> Arc<Self> {
        Arc::new(Self {
            listening: Arc::default(),
            queues: Mutex::new(Arc::new([])),
        })
    }

    pub(crate) fn listen(self: &Arc<Self>) -> Events<K> {
        let queue = Arc::new(Queue {
            waiting: Mutex::new(VecDeque::new()),
            dropped: AtomicU64::new(0),
            is_over: AtomicBool::new(false),
            came: event_listener::Event::new(),
        });
        self.change(|queues| queues.push(Arc::clone(&queue)));
        Events {
            queue,
            broadcast: Arc::downgrade(self),
        }
    }

    fn forget(&self, queue: &Arc<Queue<K>>) {
        self.change(|queues| queues.retain(|other| !Arc::ptr_eq(other, queue)));
    }

    fn change(&self, change: impl FnOnce(&mut Vec<Arc<Queue<K>>>)) {
        let mut queues = self.queues.lock();
        let mut changed = queues.to_vec();
        change(&mut changed);
        self.listening.store(changed.len(), Ordering::Relaxed);
        *queues = changed.into();
    }

    /// How many listen, for who has to know before there is an event.
    pub(crate) const fn listening(&self) -> &Arc<AtomicUsize> {
        &self.listening
    }

    /// Whether anybody would hear of an event.
    #[inline]
    pub(crate) fn is_heard(&self) -> bool {
        self.listening.load(Ordering::Relaxed) != 0
    }

    /// Tells everybody who listens of an event, which is made only if somebody does. Not to be
    /// called under a lock of the cache: a key is cloned for each listener.
    #[inline]
    pub(crate) fn emit(&self, event: impl FnOnce() -> Event<K>)
    where
        K: Clone,
    {
        if self.is_heard() {
            self.tell(event());
        }
    }

    #[cold]
    fn tell(&self, event: Event<K>)
    where
        K: Clone,
    {
        let queues = Arc::clone(&self.queues.lock());
        for queue in queues.iter() {
            queue.push(event.clone());
        }
    }
}

impl<K> Drop for Broadcast<K> {
    fn drop(&mut self) {
        for queue in self.queues.get_mut().iter() {
            queue.is_over.store(true, Ordering::Release);
            queue.came.notify(usize::MAX);
        }
    }
}
