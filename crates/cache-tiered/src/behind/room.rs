//! How much may be dirty, and who waits for it.

use event_listener::{Event, EventListener};
use std::sync::atomic::{AtomicUsize, Ordering};

/// Keys and bytes that are dirty. Relaxed throughout: each counter is exact by its
/// read-modify-writes alone, and orders nothing.
pub(super) struct Room {
    keys: AtomicUsize,
    bytes: AtomicUsize,
    keys_max: usize,
    bytes_max: usize,
    /// Told whenever some became free.
    freed: Event,
}

impl Room {
    pub(super) fn new(keys_max: usize, bytes_max: usize) -> Self {
        Self {
            keys: AtomicUsize::new(0),
            bytes: AtomicUsize::new(0),
            keys_max: keys_max.max(1),
            bytes_max,
            freed: Event::new(),
        }
    }

    /// Takes room if there is some. Any number of bytes goes where there are none.
    pub(super) fn try_take(&self, keys: usize, bytes: usize) -> bool {
        let fits = |used: usize| (keys == 0 || used + keys <= self.keys_max).then_some(used + keys);
        if update(&self.keys, fits).is_err() {
            return false;
        }
        let fits = |used: usize| {
            let sum = used.saturating_add(bytes);
            (bytes == 0 || used == 0 || sum <= self.bytes_max).then_some(sum)
        };
        if update(&self.bytes, fits).is_err() {
            self.keys.fetch_sub(keys, Ordering::Relaxed);
            return false;
        }
        true
    }

    /// Takes room whether there is some or not.
    pub(super) fn take(&self, keys: usize, bytes: usize) {
        self.keys.fetch_add(keys, Ordering::Relaxed);
        self.bytes.fetch_add(bytes, Ordering::Relaxed);
    }

    /// Gives room back.
    pub(super) fn give(&self, keys: usize, bytes: usize) {
        if keys == 0 && bytes == 0 {
            return;
        }
        self.keys.fetch_sub(keys, Ordering::Relaxed);
        self.bytes.fetch_sub(bytes, Ordering::Relaxed);
        self.freed.notify(usize::MAX);
    }

    pub(super) fn listen(&self) -> EventListener {
        self.freed.listen()
    }

    /// Wakes everybody who waits, so that they look about.
    pub(super) fn rouse(&self) {
        self.freed.notify(usize::MAX);
    }

    pub(super) fn used(&self) -> (usize, usize) {
        (
            self.keys.load(Ordering::Relaxed),
            self.bytes.load(Ordering::Relaxed),
        )
    }

    /// An eighth of the keys that there may be.
    pub(super) fn eighth(&self) -> usize {
        (self.keys_max / 8).max(1)
    }

    /// How many keys beyond seven eighths of the room there are; at least one if it is the bytes
    /// that are beyond.
    pub(super) fn pressure(&self) -> usize {
        let (keys, bytes) = self.used();
        let beyond = keys.saturating_sub(self.keys_max - (self.keys_max / 8).max(1));
        let heavy = bytes > self.bytes_max - self.bytes_max / 8;
        if heavy {
            beyond.max(keys / 8).max(1)
        } else {
            beyond
        }
    }
}

fn update(
    counter: &AtomicUsize,
    change: impl FnMut(usize) -> Option<usize>,
) -> Result<usize, usize> {
    counter.fetch_update(Ordering::Relaxed, Ordering::Relaxed, change)
}
