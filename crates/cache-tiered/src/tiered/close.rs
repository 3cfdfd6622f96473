//! Flush and close: bringing what was acknowledged to an end.

use super::kept::Kept;
use super::{Shared, Tiered};
use crate::behind::{Flushed, WriteBehind};
use crate::error::FlushError;
use crate::observe::Watch;
use crate::operation::Operation;
use std::error::Error;
use std::future::Future;
use std::hash::Hash;
use std::pin::pin;
use std::sync::Arc;
use std::task::Poll;
use std::time::Duration;

impl<K, V> Tiered<K, V>
where
    K: Hash + Eq + Clone + Send + Sync + 'static,
    V: Clone + Send + Sync + 'static,
{
    /// Brings everything that was acknowledged before to an end, applied or dead, without waiting
    /// for its time; then makes it as durable as the store can. In write-through there is only the
    /// latter to do.
    ///
    /// # Errors
    ///
    /// [`FlushError`] if the store failed, if it took nothing in as many attempts as a change has,
    /// or if the cache is closed.
    pub fn flush(&self) -> Operation<Result<FlushReport, FlushError>> {
        Operation::cold(&self.shared.pool, flush(Arc::clone(&self.shared)))
    }

    /// Closes the cache for all handles: lets the mutations end that have begun, then does what
    /// [`flush`](Self::flush) does. Later calls are answered with `Closed`. What the store does not
    /// take is left in the journal, and the report says so. The store itself, and with it a file
    /// that it has open, is let go of when the last handle is dropped, and so is the journal.
    ///
    /// # Errors
    ///
    /// [`FlushError`] if the store or the journal could not be flushed, or the cache was closed
    /// before.
    pub fn close(&self) -> Operation<Result<CloseReport, FlushError>> {
        Operation::cold(&self.shared.pool, close(Arc::clone(&self.shared), None))
    }

    /// [`close`](Self::close) that ends in time, by the clock of the memory tier. In write-behind
    /// nothing is lost by that; mutations that wait for room are answered with `Closed`.
    ///
    /// # Errors
    ///
    /// As [`close`](Self::close).
    pub fn close_within(&self, deadline: Duration) -> Operation<Result<CloseReport, FlushError>> {
        Operation::cold(
            &self.shared.pool,
            close(Arc::clone(&self.shared), Some(deadline)),
        )
    }
}

/// What a flush brought to an end; from [`Tiered::flush`](crate::Tiered::flush).
///
/// ```
/// use cache_tiered::{InMemory, MemoryTier, Tiered};
///
/// let cache: Tiered<u8, u8> =
///     Tiered::builder().memory(MemoryTier::entries(10)).store(InMemory::new()).build()?;
/// cache.put(1, 10).wait()?;
/// assert_eq!(cache.flush().wait()?.dead, 0);
/// # Ok::<(), Box<dyn std::error::Error>>(())
/// ```
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
#[non_exhaustive]
pub struct FlushReport {
    /// Changes that the store took meanwhile; 0 in write-through.
    pub applied: u64,
    /// Dead letters that there are now, of this flush and of before: what was acknowledged and is
    /// not in the store.
    pub dead: usize,
}

/// What a close left behind; from [`Tiered::close`](crate::Tiered::close).
///
/// Nothing of it is lost: what is left is in the journal, and is taken up by the next cache that is
/// built on it.
///
/// ```
/// use cache_tiered::{InMemory, MemoryTier, Tiered};
///
/// let cache: Tiered<u8, u8> =
///     Tiered::builder().memory(MemoryTier::entries(10)).store(InMemory::new()).build()?;
/// cache.put(1, 10).wait()?;
/// let report = cache.close().wait()?;
/// assert_eq!((report.left, report.dead, report.running), (0, 0, 0));
/// # Ok::<(), Box<dyn std::error::Error>>(())
/// ```
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
#[non_exhaustive]
pub struct CloseReport {
    /// Changes that the store took meanwhile; 0 in write-through.
    pub applied: u64,
    /// Dirty keys left in the journal, because the store took nothing or the time was up.
    pub left: usize,
    /// Dead letters, in the journal too.
    pub dead: usize,
    /// Mutations that had begun and had not ended when the time was up. Each tells its own caller
    /// how it ends.
    pub running: usize,
}

/// Brings all to an end that was acknowledged, and makes the store durable.
pub(super) async fn flush<K, V>(shared: Arc<Shared<K, V>>) -> Result<FlushReport, FlushError>
where
    K: Hash + Eq + Clone + Send + Sync + 'static,
    V: Clone + Send + Sync + 'static,
{
    observed(&shared, "flush", flush_all(&shared)).await
}

/// What flushes, in a span of its own, and told of when it has ended.
async fn observed<K, V, T>(
    shared: &Shared<K, V>,
    name: &'static str,
    call: impl Future<Output = Result<T, FlushError>>,
) -> Result<T, FlushError> {
    let watch = Watch::start();
    let result = shared.observer.within(name, call).await;
    let error = result.as_ref().err();
    let error = error.map(|error| error as &(dyn Error + 'static));
    shared.observer.flush_ended(error, watch);
    result
}

async fn flush_all<K, V>(shared: &Shared<K, V>) -> Result<FlushReport, FlushError>
where
    K: Hash + Eq + Clone + Send + Sync + 'static,
    V: Clone + Send + Sync + 'static,
{
    if shared.gate.is_closed() {
        return Err(FlushError::Closed);
    }
    let mut report = FlushReport::default();
    if let Some(behind) = &shared.behind {
        let before = behind.applied();
        match behind.flush().await {
            Flushed::Done => {}
            Flushed::Stuck(source) => {
                let (dirty, _) = behind.left();
                return Err(FlushError::Unapplied { dirty, source });
            }
            Flushed::Closed => return Err(FlushError::Closed),
        }
        report.applied = behind.applied() - before;
        report.dead = behind.left().1;
    }
    if let Some(disk) = &shared.disk {
        disk.flush();
    }
    let flush = shared.observer.asking("flush", 0, shared.store.flush());
    flush.await.map_err(FlushError::Store)?;
    Ok(report)
}

/// Lets what has begun end, brings what was acknowledged to an end, makes the store durable: as far
/// as the time goes.
pub(super) async fn close<K, V>(
    shared: Arc<Shared<K, V>>,
    within: Option<Duration>,
) -> Result<CloseReport, FlushError>
where
    K: Hash + Eq + Clone + Send + Sync + 'static,
    V: Clone + Send + Sync + 'static,
{
    observed(&shared, "close", close_all(&shared, within)).await
}

async fn close_all<K, V>(
    shared: &Shared<K, V>,
    within: Option<Duration>,
) -> Result<CloseReport, FlushError>
where
    K: Hash + Eq + Clone + Send + Sync + 'static,
    V: Clone + Send + Sync + 'static,
{
    if !shared.gate.shut() {
        return Err(FlushError::Closed);
    }
    let before = shared.behind.as_ref().map_or(0, WriteBehind::applied);
    let flushed = {
        let ending = async {
            shared.gate.emptied().await;
            if let Some(behind) = &shared.behind {
                behind.flush().await;
            }
            let flush = shared.store.flush();
            shared.observer.asking("flush", 0, flush).await
        };
        let until = within.map(|time| {
            let time = crate::memory::milliseconds(time);
            shared.timer.now().saturating_add(time)
        });
        match until {
            None => Some(ending.await),
            Some(until) => before_time(ending, shared.timer.sleep_until(until)).await,
        }
    };
    let mut report = CloseReport {
        running: shared.gate.inside(),
        ..CloseReport::default()
    };
    let mut journal = Ok(());
    if let Some(behind) = &shared.behind {
        // Counted before: what has left the set by then is settled, and the journal notes it as it
        // closes. What the store takes later is given back at the next opening.
        (report.left, report.dead) = behind.left();
        // From here on nobody is acknowledged.
        journal = behind.close();
        report.applied = behind.applied() - before;
    }
    let disk = shared.close_disk();
    flushed.unwrap_or(Ok(())).map_err(FlushError::Store)?;
    disk?;
    journal.map_err(FlushError::Journal)?;
    Ok(report)
}

impl<K, V> Shared<K, V>
where
    K: Hash + Eq + Clone + Send + Sync + 'static,
    V: Clone + Send + Sync + 'static,
{
    /// Closes the disk tier, with all that memory holds in it: the hottest last, as the newest stay the longest.
    fn close_disk(&self) -> Result<(), FlushError> {
        let Some(disk) = &self.disk else {
            return Ok(());
        };
        let core = self.memory.core();
        for resident in core.hottest_first().into_iter().rev() {
            let key = resident.key;
            // In this order: what was changed in between is overtaken.
            let mark = disk.mark(&key);
            if let Some(kept) = core.peek(core.hash(&key), &key, Kept::clone) {
                disk.keep_last(&key, &kept, mark);
            }
        }
        disk.close()
    }
}

/// What `call` answers, or nothing if the time is up before.
pub(super) async fn before_time<T, U>(
    call: impl Future<Output = T>,
    time: impl Future<Output = U>,
) -> Option<T> {
    let (mut call, mut time) = (pin!(call), pin!(time));
    std::future::poll_fn(|context| {
        if let Poll::Ready(answer) = call.as_mut().poll(context) {
            return Poll::Ready(Some(answer));
        }
        time.as_mut().poll(context).map(|_| None)
    })
    .await
}
