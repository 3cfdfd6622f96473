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
use super::mutant::{Mutant, active};
use super::seat::{Driver, News, Outcome, Seat};
use super::stats::JournalStats;
use super::sync::{Mutex, MutexGuard, Threads};
use super::work::{Job, Leftover, Task};
use std::collections::VecDeque;
use std::future::Future;
use std::panic::{AssertUnwindSafe, catch_unwind};
use std::pin::Pin;
use std::sync::Arc;
use std::task::{Context, Poll};

/// Settled records that are noted at the latest.
const SETTLED_MAX: usize = 4096;
/// Bytes of notes that are queued although records have filled the queue: they may be what those
/// wait for.
const NOTES_BYTES_MAX: usize = 1 << 20;

#[derive(Default)]
struct Queue {
    jobs: VecDeque<Job>,
    /// Bytes of the jobs, those that a leader has at hand included.
    bytes: usize,
    /// Settled, and not noted yet.
    settled: Vec<u64>,
    /// Counts what comes, tasks and calls of `settle`.
    arrivals: u64,
    /// Somebody leads, or was told to.
    led: bool,
    /// The first job waits for room, and nothing has happened since that could make some.
    stalled: bool,
    /// Records at the front wait for room.
    waiting: bool,
    closed: bool,
    /// A leader panicked: nothing is written any more.
    broken: bool,
    /// As of the last group.
    stats: JournalStats,
}

impl Queue {
    /// Takes the lead if there is something to do and nobody does it.
    fn take_lead(&mut self) -> bool {
        let idle = !self.led && !self.stalled && !self.broken;
        let work = !self.jobs.is_empty() || !self.settled.is_empty();
        self.led |= idle && work;
        idle && work
    }

    /// Takes the first jobs, as many as go into a group, and at least one if there is any. If
    /// records wait for room, all notes behind them too.
    fn helping(&mut self, bytes_max: u64) -> Vec<Job> {
        let mut bytes = 0;
        let fits = |job: &&Job| {
            let first = bytes == 0;
            bytes += job.task.bytes();
            first || bytes <= bytes_max
        };
        let count = self.jobs.iter().take_while(fits).count();
        let mut jobs: Vec<Job> = self.jobs.drain(..count).collect();
        if self.waiting {
            let behind = std::mem::take(&mut self.jobs).into_iter();
            let (notes, records) = behind.partition::<VecDeque<_>, _>(|job| job.task.is_note());
            jobs.extend(notes);
            self.jobs = records;
        }
        jobs
    }

    /// Empties the queue. Returns who is to be told once it is unlocked.
    fn refuse_all(&mut self) -> Vec<(Arc<Seat>, Outcome)> {
        self.bytes = 0;
        self.stalled = false;
        self.waiting = false;
        let refuse = |job: Job| (job.seat, Err(AppendError::Closed));
        self.jobs.drain(..).map(refuse).collect()
    }
}

/// What a leader took, and what it brings back.
struct Helping {
    /// Jobs that wait for room.
    jobs: Vec<Job>,
    /// Settled, and not noted.
    settled: Vec<u64>,
    /// Bytes of the jobs that it took.
    taken: usize,
    /// The arrivals when it took them.
    seen: u64,
    stats: JournalStats,
    /// It panicked.
    broken: bool,
}

/// The queue, and the log behind it.
pub(super) struct Committer {
    queue: Mutex<Queue>,
    /// Held by the leader, and by readers of dead letters. Locked before the queue, if both are.
    log: Mutex<Log>,
    queue_bytes_max: usize,
    group_bytes_max: u64,
    threads: Threads,
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
            group_bytes_max: log.options.group_bytes_max,
            threads: Threads::new(log.options.activity.clone()),
            log: Mutex::new(log),
        })
    }

    /// Queues a task.
    pub(super) fn submit(self: &Arc<Self>, task: Task) -> Append {
        let seat = Arc::new(Seat::default());
        let bytes = usize::try_from(task.bytes()).unwrap_or(usize::MAX);
        let allowance = if task.is_note() { NOTES_BYTES_MAX } else { 0 };
        let bytes_max = self.queue_bytes_max.saturating_add(allowance);
        let mut queue = self.queue.lock();
        let beyond = queue.bytes.saturating_add(bytes) > bytes_max;
        let full = beyond && bytes > 0 && queue.bytes > 0;
        if queue.closed {
            seat.tell(Err(AppendError::Closed));
        } else if full {
            seat.tell(Err(AppendError::Full(None)));
        } else {
            queue.bytes += bytes;
            queue.arrivals += 1;
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
        if queue.broken {
            return;
        }
        queue.settled.extend_from_slice(sequences);
        queue.arrivals += 1;
        if active(Mutant::SettledUnheard) {
            return;
        }
        queue.stalled = false;
        if queue.settled.len() >= SETTLED_MAX && queue.take_lead() {
            drop(queue);
            self.spawn_leader();
        } else {
            self.appoint(queue);
        }
    }

    /// No task is taken from now on, and none waits for room any more; those queued are done.
    pub(super) fn close(self: &Arc<Self>) {
        let refused = {
            let mut queue = self.queue.lock();
            queue.closed = true;
            if !queue.stalled {
                return;
            }
            queue.refuse_all()
        };
        tell(refused);
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
        self.threads.run(move || committer.lead());
    }

    /// Does one helping of the queue, then passes the lead on. The caller has the lead.
    fn lead(self: &Arc<Self>) {
        let (settled, jobs, seen) = {
            let mut queue = self.queue.lock();
            let jobs = queue.helping(self.group_bytes_max);
            (std::mem::take(&mut queue.settled), jobs, queue.arrivals)
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
        let helping = Helping {
            jobs: left.jobs,
            settled: left.settled,
            taken: taken as usize,
            seen,
            stats,
            broken,
        };
        // The lead first: the next group need not wait until this one's threads have woken.
        let refused = self.pass_lead(helping);
        tell(left.told);
        tell(refused);
    }

    /// Puts back what is left over and lets the next one lead. Returns who is to be refused.
    fn pass_lead(self: &Arc<Self>, helping: Helping) -> Vec<(Arc<Seat>, Outcome)> {
        let Helping {
            jobs,
            settled,
            taken,
            seen,
            stats,
            broken,
        } = helping;
        let mut queue = self.queue.lock();
        queue.stats = stats;
        queue.closed |= broken;
        queue.broken |= broken;
        let kept: u64 = jobs.iter().map(|job| job.task.bytes()).sum();
        queue.bytes = queue.bytes.saturating_sub(taken) + kept as usize;
        // What came meanwhile may make room, or find that there is some.
        queue.waiting = !jobs.is_empty();
        // So do notes that were queued behind.
        let notes = queue.jobs.iter().any(|job| job.task.is_note());
        queue.stalled = queue.waiting && !notes && queue.arrivals == seen;
        for job in jobs.into_iter().rev() {
            queue.jobs.push_front(job);
        }
        queue.settled.extend(settled);
        let refused = if broken || queue.closed && queue.stalled {
            queue.refuse_all()
        } else {
            Vec::new()
        };
        queue.led = false;
        if !active(Mutant::LeadKept) {
            self.appoint(queue);
        }
        refused
    }

    /// Lets somebody lead who waits for a job, if nobody does. Whoever waits next leads otherwise.
    fn appoint(self: &Arc<Self>, mut queue: MutexGuard<'_, Queue>) {
        if queue.led || queue.stalled || queue.broken {
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

/// Tells each how it ended. No lock is held: who wakes may come back at once.
fn tell(told: Vec<(Arc<Seat>, Outcome)>) {
    for (seat, outcome) in told {
        seat.tell(outcome);
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
                if active(Mutant::SeatTakenLate) {
                    drop(queue);
                }
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
        let (leads, _dropped_unlocked) = {
            let mut queue = self.committer.queue.lock();
            let (polled, replaced) = self.seat.poll(context);
            if let Poll::Ready(outcome) = polled {
                drop(queue);
                self.told = true;
                return Poll::Ready(outcome);
            }
            (queue.take_lead(), replaced)
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
        let (leads, _dropped_unlocked) = {
            let mut queue = self.committer.queue.lock();
            let (untold, waker) = self.seat.leave();
            (untold && queue.take_lead(), waker)
        };
        if leads {
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
