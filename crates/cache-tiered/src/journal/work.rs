//! What is queued for the journal, and how a leader turns it into groups.

use super::clean::{NoRoom, Purpose};
use super::error::AppendError;
use super::frame::{Kind, encode_ranges, frame_bytes};
use super::log::{Draft, GroupError, Log};
use super::options::WhenFull;
use super::seat::{Outcome, Seat};
use std::collections::VecDeque;
use std::sync::Arc;

/// Ranges of settled records in one frame.
const RANGES_MAX: usize = 512;

/// What a caller asked for.
#[derive(Debug)]
pub(super) enum Task {
    Record {
        kind: Kind,
        stamp: u64,
        key: Vec<u8>,
        value: Vec<u8>,
    },
    Bury {
        subject: u64,
        reason: String,
    },
    Revive {
        subject: u64,
    },
    /// Nothing but to be told when all before it is done.
    Barrier,
}

impl Task {
    /// True for what is said about a record that was acknowledged. It may go ahead of records that
    /// wait for room: who is to make that room may be waiting for it.
    pub(super) const fn is_note(&self) -> bool {
        matches!(self, Self::Bury { .. } | Self::Revive { .. })
    }

    /// Bytes of the frame; 0 if there is none.
    pub(super) fn bytes(&self) -> u64 {
        let lengths = match self {
            Self::Record { key, value, .. } => (key.len(), value.len()),
            Self::Bury { reason, .. } => (0, reason.len()),
            Self::Revive { .. } => (0, 0),
            Self::Barrier => return 0,
        };
        frame_bytes(lengths.0, lengths.1).unwrap_or(u64::MAX)
    }
}

/// A task, and who is to hear of it.
#[derive(Debug)]
pub(super) struct Job {
    pub(super) task: Task,
    pub(super) seat: Arc<Seat>,
}

/// A step of a group.
enum Step {
    Settle { subjects: Vec<u64>, value: Vec<u8> },
    Job(Job),
}

impl Step {
    fn purpose(&self) -> Purpose {
        match self {
            Self::Job(job) if matches!(job.task, Task::Record { .. }) => Purpose::Records,
            _ => Purpose::Notes,
        }
    }

    fn bytes(&self) -> u64 {
        match self {
            Self::Settle { value, .. } => frame_bytes(0, value.len()).expect("few ranges"),
            Self::Job(job) => job.task.bytes(),
        }
    }

    fn draft(&self) -> Draft<'_> {
        let note = |kind, subject| Draft {
            kind,
            copy: false,
            subject: Some(subject),
            stamp: 0,
            key: &[],
            value: &[],
        };
        match self {
            Self::Settle { value, .. } => Draft {
                value,
                ..note(Kind::Settled, 0)
            },
            Self::Job(job) => match &job.task {
                Task::Record {
                    kind,
                    stamp,
                    key,
                    value,
                } => Draft {
                    kind: *kind,
                    copy: false,
                    subject: None,
                    stamp: *stamp,
                    key,
                    value,
                },
                Task::Bury { subject, reason } => Draft {
                    value: reason.as_bytes(),
                    ..note(Kind::Dead, *subject)
                },
                Task::Revive { subject } => note(Kind::Revived, *subject),
                Task::Barrier => unreachable!("a barrier is never in a group"),
            },
        }
    }
}

/// What a leader leaves behind.
#[derive(Debug, Default)]
pub(super) struct Leftover {
    /// Records that are settled, which is not noted yet: the newest of those that were to be.
    pub(super) settled: Vec<u64>,
    /// Jobs that wait for room, in order.
    pub(super) jobs: Vec<Job>,
    /// How the others ended, to be told to those who wait.
    pub(super) told: Vec<(Arc<Seat>, Outcome)>,
    /// Why `settled` could not be noted.
    pub(super) unnoted: Option<AppendError>,
}

impl Leftover {
    fn tell(&mut self, job: Job, outcome: Outcome) {
        self.told.push((job.seat, outcome));
    }

    fn keep(&mut self, step: Option<Step>) {
        match step {
            Some(Step::Job(job)) => self.jobs.push(job),
            Some(Step::Settle { subjects, .. }) => self.settled.extend(subjects),
            None => {}
        }
    }
}

impl Log {
    /// Notes what is settled and does the jobs, in order. Returns how each ended, and what waits for
    /// room.
    pub(super) fn run(&mut self, mut settled: Vec<u64>, jobs: Vec<Job>) -> Leftover {
        settled.sort_unstable();
        settled.dedup();
        let ranges = self.ledger.ranges(&settled);
        let mut steps: VecDeque<Step> = VecDeque::with_capacity(jobs.len() + 1);
        settled.retain(|&subject| self.ledger.contains(subject));
        let mut rest = settled.as_slice();
        for chunk in ranges.chunks(RANGES_MAX) {
            let last = chunk.last().map_or(0, |range| range.1);
            let (now, later) = rest.split_at(rest.partition_point(|&subject| subject <= last));
            steps.push_back(Step::Settle {
                subjects: now.to_vec(),
                value: encode_ranges(chunk),
            });
            rest = later;
        }
        steps.extend(jobs.into_iter().map(Step::Job));
        self.drain(steps)
    }

    fn drain(&mut self, mut steps: VecDeque<Step>) -> Leftover {
        let mut left = Leftover::default();
        while let Some(first) = steps.front() {
            let waiting = !left.jobs.is_empty();
            if waiting && !matches!(first, Step::Job(job) if job.task.is_note()) {
                // Somebody waits for room: the records behind keep their places.
                left.keep(steps.pop_front());
                continue;
            }
            if let Step::Settle { subjects, .. } = first
                && !left.settled.is_empty()
            {
                // Older ones are not noted: a crash now must not give them back without these.
                left.settled.extend(subjects);
                steps.pop_front();
                continue;
            }
            if let Step::Job(job) = first
                && let Some(outcome) = self.without_writing(&job.task, &left)
            {
                if let Some(Step::Job(job)) = steps.pop_front() {
                    left.tell(job, outcome);
                }
                continue;
            }
            let (purpose, bytes) = (first.purpose(), first.bytes());
            // A record behind a note must not pass those that wait.
            let most = if waiting { 1 } else { usize::MAX };
            let count = self.fitting(&steps).min(most);
            if count == 0 {
                match self.make_room(purpose, bytes) {
                    Ok(()) => continue,
                    Err(no_room) => {
                        self.give_up(&mut steps, no_room, &mut left);
                        continue;
                    }
                }
            }
            let group: Vec<Step> = steps.drain(..count).collect();
            self.write_steps(group, &mut left);
        }
        left
    }

    /// The outcome of a task that needs no frame.
    fn without_writing(&self, task: &Task, left: &Leftover) -> Option<Result<u64, AppendError>> {
        match *task {
            Task::Barrier => Some(left.unnoted.clone().map_or(Ok(0), Err)),
            Task::Bury { subject, .. } | Task::Revive { subject }
                if !self.ledger.contains(subject) =>
            {
                Some(Err(AppendError::NoSuchRecord { sequence: subject }))
            }
            Task::Revive { subject } if !self.ledger.is_dead(subject) => Some(Ok(subject)),
            Task::Bury { subject, .. } => {
                let limit = self.options.dead_letters_max;
                let many = !self.ledger.is_dead(subject) && self.ledger.dead_len() >= limit;
                many.then_some(Err(AppendError::TooManyDead { limit }))
            }
            Task::Record { .. } | Task::Revive { .. } => None,
        }
    }

    /// How many of the first steps go into one group now. A task that is judged by what is there
    /// when it comes begins a group of its own.
    fn fitting(&self, steps: &VecDeque<Step>) -> usize {
        let room = self
            .room()
            .min(self.options.group_bytes_max.max(steps[0].bytes()));
        let mut bytes = 0;
        let mut count = 0;
        for step in steps {
            let judged = matches!(step, Step::Job(job) if !matches!(job.task, Task::Record { .. }));
            bytes += step.bytes();
            if bytes > room || judged && count > 0 {
                break;
            }
            count += 1;
        }
        count
    }

    fn write_steps(&mut self, steps: Vec<Step>, left: &mut Leftover) {
        let drafts: Vec<Draft<'_>> = steps.iter().map(Step::draft).collect();
        let written = self.write_group(&drafts);
        drop(drafts);
        match written {
            Ok(places) => {
                for (step, (sequence, place)) in steps.into_iter().zip(places) {
                    match step {
                        Step::Settle { subjects, .. } => {
                            for subject in subjects {
                                self.ledger.settle(subject);
                            }
                        }
                        Step::Job(job) => {
                            let sequence = self.apply(&job.task, sequence, place);
                            left.tell(job, Ok(sequence));
                        }
                    }
                }
                self.release(false);
            }
            Err(error) => {
                let full =
                    matches!(&error, GroupError::Refused(error) if crate::device::is_full(error));
                let (error, known) = match error {
                    GroupError::Refused(error) => (Arc::new(error), true),
                    GroupError::Unknown(error) => (Arc::new(error), false),
                };
                let told = if full {
                    AppendError::Full(Some(Arc::clone(&error)))
                } else if known {
                    AppendError::Refused(Arc::clone(&error))
                } else {
                    AppendError::Unknown(Arc::clone(&error))
                };
                for step in steps {
                    match step {
                        Step::Settle { subjects, .. } => {
                            left.settled.extend(subjects);
                            left.unnoted = Some(told.clone());
                        }
                        Step::Job(job) if full => self.wait_or_refuse(job, Some(&error), left),
                        Step::Job(job) => left.tell(job, Err(told.clone())),
                    }
                }
            }
        }
    }

    fn apply(&mut self, task: &Task, sequence: u64, place: super::ledger::Place) -> u64 {
        match task {
            Task::Record { .. } => {
                self.ledger.place(sequence, place);
                self.stats.records += 1;
                sequence
            }
            Task::Bury { subject, reason } => {
                self.ledger.bury(*subject, reason);
                *subject
            }
            Task::Revive { subject } => {
                self.ledger.revive(*subject);
                *subject
            }
            Task::Barrier => 0,
        }
    }

    /// Takes the first step, for which there is no room, off the steps.
    fn give_up(&self, steps: &mut VecDeque<Step>, no_room: NoRoom, left: &mut Leftover) {
        let (error, full) = match no_room {
            NoRoom::Full => (None, true),
            NoRoom::Device(error) => {
                let full = crate::device::is_full(&error);
                (Some(Arc::new(error)), full)
            }
        };
        match steps.pop_front() {
            Some(Step::Settle { subjects, .. }) => {
                left.settled.extend(subjects);
                left.unnoted = Some(match error {
                    Some(error) if !full => AppendError::Refused(error),
                    error => AppendError::Full(error),
                });
            }
            Some(Step::Job(job)) if full => {
                self.wait_or_refuse(job, error.as_ref(), left);
            }
            Some(Step::Job(job)) => {
                let error = error.unwrap_or_else(|| Arc::new(std::io::ErrorKind::Other.into()));
                left.tell(job, Err(AppendError::Refused(error)));
            }
            None => {}
        }
    }

    fn wait_or_refuse(&self, job: Job, error: Option<&Arc<std::io::Error>>, left: &mut Leftover) {
        let record = matches!(job.task, Task::Record { .. });
        let may_wait = record && self.options.when_full == WhenFull::Wait;
        // Behind another one that waits it keeps its place, whatever it waits for.
        if may_wait && (!left.jobs.is_empty() || self.is_room_to_come(left)) {
            left.jobs.push(job);
        } else {
            left.tell(job, Err(AppendError::Full(error.cloned())));
        }
    }

    /// Whether there are records left that their user will settle. If not, nobody would ever wake
    /// who waits for room: dead letters have taken it, or others on the device.
    fn is_room_to_come(&self, left: &Leftover) -> bool {
        let done = left.settled.iter();
        let done = done.filter(|&&subject| !self.ledger.is_dead(subject));
        self.ledger.len() - self.ledger.dead_len() > done.count()
    }
}
