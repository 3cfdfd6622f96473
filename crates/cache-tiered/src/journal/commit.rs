//! Group commit: of those that append at the same time, one writes for all.
//!
//! ```text
//!   append: queue the job
//!   wait:   nobody leads -> lead, else sit down until told the outcome, or to lead
//!   await:  nobody leads -> a thread of the journal leads; wake at the outcome
//!   lead:   take what is queued -> groups, each one write and one sync -> tell everybody
//!           -> the next one that sits leads
//! ```
//!
//! A leader takes one helping of the queue only, the one that its own job is in, so nobody works
//! for others for longer than for itself. A thread that appends alone writes on its own stack: no
//! other thread is woken. LevelDB, RocksDB and InnoDB do it the same way.

use super::error::AppendError;
use super::log::Log;
use super::seat::{Driver, News, Outcome, Seat};
use super::stats::JournalStats;
use super::work::{Job, Leftover, Task};
use crate::executor::Pool;
use parking_lot::Mutex;
use std::collections::VecDeque;
use std::future::Future;
use std::panic::{AssertUnwindSafe, catch_unwind};
use std::pin::Pin;
use std::sync::Arc;
use std::task::{Context, Poll};

/// Settled records that are noted at the latest.
const SETTLED_MAX: usize = 4096;

#[derive(Default)]
struct Queue {
    jobs: VecDeque<Job>,
    /// Bytes of the jobs, those that a leader has at hand included.
    bytes: usize,
    /// Settled, and not noted yet.
    settled: Vec<u64>,
    /// Somebody leads, or was told to.
    led: bool,
    /// The first job waits for room, and nothing has happened since that could make some.
    stalled: bool,
    closed: bool,
    /// As of the last group.
    stats: JournalStats,
}

impl Queue {
    /// Takes the lead if there is something to do and nobody does it.
    fn take_lead(&mut self) -> bool {
        let idle = !self.led && !self.stalled;
        let work = !self.jobs.is_empty() || !self.settled.is_empty();
        self.led |= idle && work;
        idle && work
    }

    fn refuse_all(&mut self) {
        for job in self.jobs.drain(..) {
            job.seat.tell(Err(AppendError::Closed));
        }
        self.bytes = 0;
        self.stalled = false;
    }
}

/// The queue, and the log behind it.
pub(super) struct Committer {
    queue: Mutex<Queue>,
    /// Held by the leader, and by readers of dead letters. Locked before the queue, if both are.
    log: Mutex<Log>,
    queue_bytes_max: usize,
    pool: Pool,
}

impl Committer {
    pub(super) fn new(log: Log) -> Arc<Self> {
        let queue = Queue {
            stats: log.counted(),
            ..Queue::default()
        };
        Arc::new(Self {
            queue: Mutex::new(queue),
            queue_bytes_max: log.options.queue_bytes_max,
            log: Mutex::new(log),
            pool: Pool::new(1),
        })
    }

    /// Queues a task.
    pub(super) fn submit(self: &Arc<Self>, task: Task) -> Append {
        let seat = Arc::new(Seat::default());
        let bytes = usize::try_from(task.bytes()).unwrap_or(usize::MAX);
        let mut queue = self.queue.lock();
        let full = queue.bytes.saturating_add(bytes) > self.queue_bytes_max && queue.bytes > 0;
        if queue.closed {
            seat.tell(Err(AppendError::Closed));
        } else if full {
            seat.tell(Err(AppendError::Full(None)));
        } else {
            queue.bytes += bytes;
            // There may be room again by now: it costs one look to find out.
            queue.stalled = false;
            queue.jobs.push_back(Job {
                task,
                seat: Arc::clone(&seat),
            });
        }
        Append {
            seat,
            committer: Arc::clone(self),
            told: false,
        }
    }

    /// Notes that records are settled. It is written with the next group, or on its own if much
    /// has come together or somebody waits for room.
    pub(super) fn settle(self: &Arc<Self>, sequences: &[u64]) {
        let mut queue = self.queue.lock();
        queue.settled.extend_from_slice(sequences);
        let waited_for = std::mem::take(&mut queue.stalled);
        if (waited_for || queue.settled.len() >= SETTLED_MAX) && queue.take_lead() {
            drop(queue);
            self.spawn_leader();
        }
    }

    /// No task is taken from now on, and none waits for room any more; those queued are done.
    pub(super) fn close(self: &Arc<Self>) {
        let mut queue = self.queue.lock();
        queue.closed = true;
        if queue.stalled {
            queue.refuse_all();
        }
    }

    pub(super) fn stats(&self) -> JournalStats {
        self.queue.lock().stats
    }

    /// Looks at the log; waits for a leader that is at work.
    pub(super) fn with_log<R>(&self, look: impl FnOnce(&Log) -> R) -> R {
        look(&self.log.lock())
    }

    fn spawn_leader(self: &Arc<Self>) {
        let committer = Arc::clone(self);
        self.pool.spawn(Box::pin(async move { committer.lead() }));
    }

    /// Does one helping of the queue, then passes the lead on. The caller has the lead.
    fn lead(self: &Arc<Self>) {
        let (settled, jobs) = {
            let mut queue = self.queue.lock();
            let jobs: Vec<Job> = queue.jobs.drain(..).collect();
            (std::mem::take(&mut queue.settled), jobs)
        };
        let seats: Vec<_> = jobs.iter().map(|job| Arc::clone(&job.seat)).collect();
        let taken: u64 = jobs.iter().map(|job| job.task.bytes()).sum();
        let mut log = self.log.lock();
        let ran = catch_unwind(AssertUnwindSafe(|| log.run(settled, jobs)));
        let stats = log.counted();
        drop(log);
        let broken = ran.is_err();
        let left = ran.unwrap_or_else(|_| {
            // A mistake of this code. Nobody is left waiting, and nothing is written any more.
            let unknown = |seat| {
                let error = Arc::new(std::io::Error::other("the journal panicked"));
                (seat, Err(AppendError::Unknown(error)))
            };
            Leftover {
                told: seats.into_iter().map(unknown).collect(),
                ..Leftover::default()
            }
        });
        let (told, left) = (left.told, (left.jobs, left.settled));
        // The lead first: the next group need not wait until this one's threads have woken.
        self.pass_lead(left, taken as usize, stats, broken);
        for (seat, outcome) in told {
            seat.tell(outcome);
        }
    }

    fn pass_lead(
        self: &Arc<Self>,
        (jobs, settled): (Vec<Job>, Vec<u64>),
        taken: usize,
        stats: JournalStats,
        broken: bool,
    ) {
        let mut queue = self.queue.lock();
        queue.stats = stats;
        queue.closed |= broken;
        let kept: u64 = jobs.iter().map(|job| job.task.bytes()).sum();
        queue.bytes = queue.bytes.saturating_sub(taken) + kept as usize;
        let came_meanwhile = !queue.jobs.is_empty() || !queue.settled.is_empty();
        // What came meanwhile may make room, or find that there is some.
        queue.stalled = !jobs.is_empty() && !came_meanwhile;
        for job in jobs.into_iter().rev() {
            queue.jobs.push_front(job);
        }
        queue.settled.extend(settled);
        if broken || queue.closed && queue.stalled {
            queue.refuse_all();
        }
        queue.led = false;
        if queue.stalled || queue.jobs.is_empty() {
            return;
        }
        let drivers = || queue.jobs.iter().map(|job| (job, job.seat.driver()));
        if let Some((job, _)) = drivers().find(|&(_, driver)| driver == Driver::Thread) {
            job.seat.hand_lead();
            queue.led = true;
        } else if drivers().any(|(_, driver)| driver == Driver::Journal) {
            queue.led = true;
            drop(queue);
            self.spawn_leader();
        }
    }
}

/// The handle of a task that was given to the journal: wait for it, or await it.
///
/// The task has its place in the order from the call that made the handle. Dropping the handle
/// does not take it back: it is done all the same, nobody hears how it ended.
#[must_use = "how it ended is told to who waits or awaits"]
pub(crate) struct Append {
    seat: Arc<Seat>,
    committer: Arc<Committer>,
    told: bool,
}

impl Append {
    /// Blocks until the task is done; returns the sequence of the record that it is about.
    pub(crate) fn wait(mut self) -> Outcome {
        self.told = true;
        loop {
            let leads = {
                let mut queue = self.committer.queue.lock();
                if let Some(outcome) = self.seat.outcome() {
                    return outcome;
                }
                let leads = queue.take_lead();
                if !leads {
                    self.seat.sit();
                }
                leads
            };
            if leads {
                self.committer.lead();
                continue;
            }
            match self.seat.wait() {
                News::Outcome(outcome) => return outcome,
                News::Lead => self.committer.lead(),
            }
        }
    }
}

impl Future for Append {
    type Output = Outcome;

    fn poll(mut self: Pin<&mut Self>, context: &mut Context<'_>) -> Poll<Outcome> {
        assert!(!self.told, "append polled after its end");
        let leads = {
            let mut queue = self.committer.queue.lock();
            if let Poll::Ready(outcome) = self.seat.poll(context) {
                drop(queue);
                self.told = true;
                return Poll::Ready(outcome);
            }
            queue.take_lead()
        };
        if leads {
            self.committer.spawn_leader();
        }
        Poll::Pending
    }
}

impl Drop for Append {
    fn drop(&mut self) {
        if self.told {
            return;
        }
        let mut queue = self.committer.queue.lock();
        if self.seat.leave() && queue.take_lead() {
            drop(queue);
            self.committer.spawn_leader();
        }
    }
}

impl std::fmt::Debug for Append {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.debug_struct("Append")
            .field("told", &self.told)
            .finish_non_exhaustive()
    }
}
