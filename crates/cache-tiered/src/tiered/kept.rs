//! What the memory tier keeps of an answer, and what it is worth at a given time.

use crate::life::Life;
use crate::memory::{Keep, milliseconds};
use crate::tag::Tag;
use std::sync::Arc;
use std::sync::atomic::{AtomicU64, Ordering};
use std::time::Duration;

/// In place of a number of milliseconds: without limit.
const UNLIMITED: u64 = u64::MAX;
/// The bit of [`Kept::since`] that says that somebody sees to a new value.
const CLAIMED: u64 = 1 << 63;
/// The bit of [`Kept::since`] that says that a run wants to hear of the next hit.
const AWAITED: u64 = 1 << 62;
/// The bit beside `AWAITED` that says that the entry was prefetched and nobody has asked for it since.
const UNUSED: u64 = 1 << 61;
/// The bits that are no moment.
const BITS: u64 = CLAIMED | AWAITED | UNUSED;
/// In place of the moment in [`Kept::since`]: nothing about this entry depends on time.
const UNTIMED: u64 = !BITS;

/// The lives of one answer in milliseconds, counted from its arrival.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) struct Limits {
    fresh_for: u64,
    refresh_after: u64,
    /// Beyond `fresh_for`.
    stale_for: u64,
    /// Beyond `fresh_for`.
    error_for: u64,
}

impl Limits {
    /// Without any limit.
    const NONE: Self = Self {
        fresh_for: UNLIMITED,
        refresh_after: UNLIMITED,
        stale_for: 0,
        error_for: 0,
    };

    fn of(life: &Life, default: Self) -> Self {
        let told = |duration: Option<Duration>, default| duration.map_or(default, milliseconds);
        Self {
            fresh_for: told(life.ttl, default.fresh_for),
            refresh_after: told(life.refresh_after, default.refresh_after),
            stale_for: told(life.stale_for, default.stale_for),
            error_for: told(life.stale_if_error, default.error_for),
        }
    }

    /// Whether nothing changes with time.
    fn is_timeless(&self) -> bool {
        self.fresh_for == UNLIMITED && self.refresh_after == UNLIMITED
    }

    /// The age at which the entry is of no use to anybody.
    fn hard(&self) -> u64 {
        let beyond = self.stale_for.max(self.error_for);
        self.fresh_for.saturating_add(beyond)
    }
}

/// How long a source that fails is left alone.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) struct Backoff {
    first: u64,
    most: u64,
}

impl Backoff {
    pub(super) fn new(first: Duration, most: Duration) -> Self {
        Self {
            first: milliseconds(first),
            most: milliseconds(most),
        }
    }

    /// Milliseconds after so many failures in a row: doubled by each, up to the most.
    fn after(self, failures: u32) -> u64 {
        let doubled = self
            .first
            .checked_mul(1 << failures.saturating_sub(1).min(62));
        doubled.unwrap_or(UNLIMITED).min(self.most)
    }
}

/// The lives that a memory tier gives where nobody says otherwise.
#[derive(Clone, Copy, Debug)]
pub(super) struct Terms {
    value: Limits,
    absence: Limits,
    backoff: Backoff,
}

impl Terms {
    /// `absent_for` is how long an absence is kept; zero for not at all.
    pub(super) fn new(life: &Life, absent_for: Duration, backoff: Backoff) -> Self {
        Self {
            value: Limits::of(life, Limits::NONE),
            absence: Limits {
                fresh_for: milliseconds(absent_for),
                ..Limits::NONE
            },
            backoff,
        }
    }

    /// The time to live that the memory tier is to have for what it is given without one.
    pub(super) fn hard(&self) -> Option<Duration> {
        let hard = self.value.hard();
        (hard != UNLIMITED).then(|| Duration::from_millis(hard))
    }

    const fn for_kind(&self, present: bool) -> Limits {
        if present { self.value } else { self.absence }
    }

    /// How long the memory tier is to hold an entry that has so many milliseconds left.
    fn keep(&self, left: u64) -> Keep {
        match left {
            0 => Keep::No,
            UNLIMITED if self.value.hard() == UNLIMITED => Keep::Default,
            left => Keep::For(left),
        }
    }
}

/// What an entry has of its own, where it is not as the tier's [`Terms`] say.
#[derive(Debug)]
struct Own {
    limits: Limits,
    tags: Option<Arc<[Tag]>>,
    /// The source, having failed, is not asked before this moment.
    retry_at: u64,
    /// How often it has failed in a row.
    failures: u32,
}

/// A value, or the knowledge that there is none, as the memory tier holds it.
///
/// Beside the value it takes three words. An entry on which time has no effect is told by
/// comparing one of them, so that no clock is read for it.
#[derive(Debug)]
pub(crate) struct Kept<V> {
    value: Option<V>,
    /// Given when the load or the mutation began: what happened before it is known here.
    stamp: u64,
    /// The moment of its arrival in milliseconds, or `UNTIMED`, and the bit `CLAIMED`, which the
    /// first hit sets that finds a new value due, and the marks `AWAITED` and `UNUSED`, which the first hit takes.
    /// Relaxed: the bit only keeps others from trying too; whoever loads takes its right to from the key's shard.
    /// The marks are of no consequence but to statistics and guesses.
    since: AtomicU64,
    own: Option<Arc<Own>>,
}

/// What the first hit of an entry finds that reading ahead has something to do with.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) struct Mark {
    /// The entry was prefetched; else it was there when it would have been.
    pub(super) prefetched: bool,
}

/// What an entry is worth at some moment.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Worth {
    /// An answer.
    Fresh,
    /// An answer, and time for a new one.
    Due,
    /// An old answer, and time for a new one.
    Stale,
    /// An answer only if the source fails.
    Fallback,
    /// None.
    Nothing,
}

impl<V> Kept<V> {
    /// What came at `now`, which is asked only if it matters, by a load or a mutation of `stamp`;
    /// and how long the tier is to hold it.
    pub(super) fn new(
        terms: &Terms,
        value: Option<V>,
        life: Life,
        stamp: u64,
        now: impl FnOnce() -> u64,
    ) -> (Self, Keep) {
        let default = terms.for_kind(value.is_some());
        let limits = Limits::of(&life, default);
        let timeless = limits.is_timeless();
        let own = (limits != default || life.tags.is_some()).then(|| {
            Arc::new(Own {
                limits,
                tags: life.tags,
                retry_at: 0,
                failures: 0,
            })
        });
        let kept = Self {
            value,
            stamp,
            since: AtomicU64::new(if timeless {
                UNTIMED
            } else {
                now().min(UNTIMED - 1)
            }),
            own,
        };
        let keep = match limits.fresh_for {
            0 => Keep::No,
            _ => terms.keep(limits.hard()),
        };
        (kept, keep)
    }

    pub(super) const fn value(&self) -> Option<&V> {
        self.value.as_ref()
    }

    pub(super) fn into_value(self) -> Option<V> {
        self.value
    }

    pub(super) const fn stamp(&self) -> u64 {
        self.stamp
    }

    pub(super) fn tags(&self) -> &[Tag] {
        let tags = self.own.as_ref().and_then(|own| own.tags.as_deref());
        tags.unwrap_or_default()
    }

    fn since(&self) -> u64 {
        self.since.load(Ordering::Relaxed) & !BITS
    }

    /// Whether time has no effect on it and it has no mark: a hit needs no second look.
    pub(super) fn is_plain(&self) -> bool {
        self.since.load(Ordering::Relaxed) & !CLAIMED == UNTIMED
    }

    /// The same entry, which was prefetched.
    pub(super) fn prefetched(mut self) -> Self {
        *self.since.get_mut() |= AWAITED | UNUSED;
        self
    }

    /// A run is to hear of the next hit.
    pub(super) fn await_hit(&self) {
        self.since.fetch_or(AWAITED, Ordering::Relaxed);
    }

    /// Takes the marks, if there are any: of all hits one.
    pub(super) fn take_mark(&self) -> Option<Mark> {
        if self.since.load(Ordering::Relaxed) & AWAITED == 0 {
            return None;
        }
        let taken = self.since.fetch_and(!(AWAITED | UNUSED), Ordering::Relaxed);
        (taken & AWAITED != 0).then_some(Mark {
            prefetched: taken & UNUSED != 0,
        })
    }

    /// Whether it was prefetched and nobody has asked for it since.
    pub(super) fn is_unused(&self) -> bool {
        self.since.load(Ordering::Relaxed) & UNUSED != 0
    }

    /// Whether time has any effect on it.
    pub(super) fn is_timed(&self) -> bool {
        self.since() != UNTIMED
    }

    /// Milliseconds since its arrival.
    pub(super) fn age(&self, now: u64) -> Option<u64> {
        self.is_timed().then(|| now.saturating_sub(self.since()))
    }

    fn limits(&self, terms: &Terms) -> Limits {
        match &self.own {
            Some(own) => own.limits,
            None => terms.for_kind(self.value.is_some()),
        }
    }

    /// What it is worth at `now`.
    pub(super) fn worth(&self, terms: &Terms, now: u64) -> Worth {
        let Some(age) = self.age(now) else {
            return Worth::Fresh;
        };
        let limits = self.limits(terms);
        if age < limits.fresh_for {
            return if age < limits.refresh_after {
                Worth::Fresh
            } else {
                Worth::Due
            };
        }
        match age - limits.fresh_for {
            beyond if beyond < limits.stale_for => Worth::Stale,
            beyond if beyond < limits.error_for => Worth::Fallback,
            _ => Worth::Nothing,
        }
    }

    /// Whether it may answer at `now` if the source fails.
    pub(super) fn excuses(&self, terms: &Terms, now: u64) -> bool {
        self.age(now).is_none_or(|age| {
            let limits = self.limits(terms);
            age < limits.fresh_for.saturating_add(limits.error_for)
                || age < limits.fresh_for.saturating_add(limits.stale_for)
        })
    }

    /// Milliseconds from `now` until it is no longer fresh; none if it stays so.
    pub(super) fn fresh_for(&self, terms: &Terms, now: u64) -> Option<u64> {
        let fresh_for = self.limits(terms).fresh_for;
        let age = self.age(now)?;
        (fresh_for != UNLIMITED).then(|| fresh_for.saturating_sub(age))
    }

    /// Whether the source has failed lately and is still left alone.
    pub(super) fn is_resting(&self, now: u64) -> bool {
        self.own.as_ref().is_some_and(|own| now < own.retry_at)
    }

    /// Takes it on oneself to see to a new value; false if somebody has.
    pub(super) fn claim(&self) -> bool {
        // The look first: a hit that finds the bit set writes nothing.
        self.since.load(Ordering::Relaxed) & CLAIMED == 0
            && self.since.fetch_or(CLAIMED, Ordering::Relaxed) & CLAIMED == 0
    }

    /// Leaves that to others.
    pub(super) fn disclaim(&self) {
        self.since.fetch_and(!CLAIMED, Ordering::Relaxed);
    }

    /// The same entry after the source failed at `now`, and how long the tier is to hold it.
    /// None if there is no use in it.
    pub(super) fn after_failure(&self, terms: &Terms, now: u64) -> Option<(Self, Keep)>
    where
        V: Clone,
    {
        let age = self.age(now)?;
        let limits = self.limits(terms);
        let left = match limits.hard() {
            UNLIMITED => UNLIMITED,
            hard => hard.saturating_sub(age),
        };
        if left == 0 {
            return None;
        }
        let failures = self
            .own
            .as_ref()
            .map_or(0, |own| own.failures)
            .saturating_add(1);
        let kept = Self {
            value: self.value.clone(),
            stamp: self.stamp,
            since: AtomicU64::new(self.since()),
            own: Some(Arc::new(Own {
                limits,
                tags: self.own.as_ref().and_then(|own| own.tags.clone()),
                retry_at: now.saturating_add(terms.backoff.after(failures)),
                failures,
            })),
        };
        Some((kept, terms.keep(left)))
    }
}

impl<V: Clone> Clone for Kept<V> {
    fn clone(&self) -> Self {
        Self {
            value: self.value.clone(),
            stamp: self.stamp,
            // With its marks: what leaves memory is a copy.
            since: AtomicU64::new(self.since.load(Ordering::Relaxed) & !CLAIMED),
            own: self.own.clone(),
        }
    }
}
