//! What lies under redb: a file, or a stand-in for one, whose syncs may be left out.

use super::unfinished::is_unfinished;
use parking_lot::Mutex;
use redb::{BackendError, StorageBackend};
use std::fmt;
use std::io;
use std::ops::Bound;
use std::sync::Arc;
use std::sync::atomic::{AtomicBool, Ordering};

/// What becomes of redb's syncs, and whether one has failed. Shared by all openings of one store.
#[derive(Debug)]
pub(super) struct Syncs {
    /// Whether a sync reaches the device: only for `Durability::Power`.
    real: bool,
    /// A sync has failed. Written by whoever commits (Release) before the commit fails, read by
    /// whoever commits next (Acquire).
    failed: AtomicBool,
    /// Held during a sync, until it is known how it ended: so one that succeeds because the device
    /// has told another of its failure ends after `failed` is set.
    one: Mutex<()>,
}

impl Syncs {
    pub(super) const fn new(real: bool) -> Self {
        Self {
            real,
            failed: AtomicBool::new(false),
            one: Mutex::new(()),
        }
    }

    pub(super) const fn are_real(&self) -> bool {
        self.real
    }

    pub(super) fn have_failed(&self) -> bool {
        self.failed.load(Ordering::Acquire)
    }

    fn sync(&self, backend: &dyn StorageBackend) -> io::Result<()> {
        let _one = self.one.lock();
        let result = backend.sync_data();
        if result.is_err() {
            self.failed.store(true, Ordering::Release);
        }
        result
    }
}

/// Opens the file anew each time it is called; the store may have to do it more than once. Told
/// whether the file may be made if it is not there.
pub(super) type Opener = Box<dyn Fn(bool) -> io::Result<Box<dyn StorageBackend>> + Send + Sync>;

/// A backend whose syncs go where [`Syncs`] says. redb owns one clone, the store the other.
#[derive(Clone)]
pub(super) struct Backend {
    inner: Arc<dyn StorageBackend>,
    syncs: Arc<Syncs>,
    /// A database may be made where there is none.
    may_make: bool,
    /// Set by the first call of `len`. Relaxed: redb makes it alone, before anybody else has one.
    examined: Arc<AtomicBool>,
}

impl Backend {
    pub(super) fn new(inner: Box<dyn StorageBackend>, syncs: Arc<Syncs>, may_make: bool) -> Self {
        Self {
            inner: Arc::from(inner),
            syncs,
            may_make,
            examined: Arc::default(),
        }
    }

    /// A sync that always reaches the device.
    pub(super) fn sync(&self) -> io::Result<()> {
        self.syncs.sync(&*self.inner)
    }
}

impl fmt::Debug for Backend {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("Backend")
            .field("inner", &self.inner)
            .field("syncs", &self.syncs)
            .finish()
    }
}

type Locked<T> = Result<T, BackendError>;

impl StorageBackend for Backend {
    fn len(&self) -> io::Result<u64> {
        let len = self.inner.len()?;
        // redb's first question, once it holds the lock of the file: what it is told decides
        // whether it makes a database or opens one.
        if self.examined.swap(true, Ordering::Relaxed) {
            return Ok(len);
        }
        if !self.may_make && len == 0 {
            // A new database here would answer that nothing was ever acknowledged.
            let reason = "the file was emptied or replaced while it was in use";
            return Err(io::Error::new(io::ErrorKind::InvalidData, reason));
        }
        if self.may_make && is_unfinished(&*self.inner, len)? {
            self.inner.set_len(0)?;
            return Ok(0);
        }
        Ok(len)
    }

    fn read(&self, offset: u64, out: &mut [u8]) -> io::Result<()> {
        self.inner.read(offset, out)
    }

    fn set_len(&self, len: u64) -> io::Result<()> {
        self.inner.set_len(len)
    }

    fn sync_data(&self) -> io::Result<()> {
        if self.syncs.are_real() {
            self.sync()
        } else {
            Ok(())
        }
    }

    fn write(&self, offset: u64, data: &[u8]) -> io::Result<()> {
        self.inner.write(offset, data)
    }

    fn close(&self) -> io::Result<()> {
        self.inner.close()
    }

    fn try_lock_range(&self, start: Bound<u64>, end: Bound<u64>) -> Locked<bool> {
        self.inner.try_lock_range(start, end)
    }

    fn try_lock_shared_range(&self, start: Bound<u64>, end: Bound<u64>) -> Locked<bool> {
        self.inner.try_lock_shared_range(start, end)
    }

    fn lock_range(&self, start: Bound<u64>, end: Bound<u64>) -> Locked<()> {
        self.inner.lock_range(start, end)
    }

    fn lock_shared_range(&self, start: Bound<u64>, end: Bound<u64>) -> Locked<()> {
        self.inner.lock_shared_range(start, end)
    }

    fn unlock_range(&self, start: Bound<u64>, end: Bound<u64>) -> Locked<()> {
        self.inner.unlock_range(start, end)
    }

    fn query_lock_range(&self, start: Bound<u64>, end: Bound<u64>) -> Locked<bool> {
        self.inner.query_lock_range(start, end)
    }
}
