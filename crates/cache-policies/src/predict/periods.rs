//! Periods: keys that are asked for every so many ticks, and which of them is due next.

use super::config::PeriodsConfig;
use super::ways::Ways;
use crate::heap::Heap;
use crate::list::Unlinked;
use crate::{ConfigError, Slot};

/// Finds, among a bounded number of keys (or groups of keys), those that are asked for every N ticks, and names them
/// shortly before they are due, in order: for warming.
///
/// A period is what the intervals between accesses agree on within a tolerance, where an access may be missing and others
/// may come between; after S. Ma, J. L. Hellerstein, "Mining partially periodic event patterns with unknown periods", ICDE
/// 2001, made online: for each key one period with the phase it runs in, and one challenger, the newest interval and how
/// often in a row it came. An access in phase confirms the period and corrects it by an eighth; one between beats is left
/// alone; one that comes late and out of phase starts the phase anew and halves what speaks for the period; a challenger
/// with more intervals to its credit takes over. With the defaults, a memoryless
/// stream seems to have a period after 6% of its accesses; with 5 intervals to confirm it, after 1%.
///
/// The key itself is asked for and kept only once its period is confirmed. The table holds places by hash in sets of 8,
/// where keys with a confirmed period stay and the least recently accessed one of the others leaves for a new key.
///
/// [`observe`](Periods::observe) and [`pop_due`](Periods::pop_due) take O(log n) for n confirmed keys, O(1) for keys
/// without a period. At most 80 bytes a key beside `Option<K>`, most of them allocated at once.
///
/// ```
/// use cache_policies::{Periods, PeriodsConfig};
///
/// let mut periods = Periods::new(1000, PeriodsConfig::default())?;
/// let hash = 0x9e37_79b9_7f4a_7c15;
/// for hour in 0..5 {
///     periods.observe(hash, hour * 3600, || "hourly report");
/// }
/// assert_eq!(periods.period(hash).unwrap().ticks(), 3600);
///
/// // A minute ahead: nothing to warm before 17,940.
/// assert!(periods.pop_due(17_000 + 60).is_none());
/// let due = periods.pop_due(17_950 + 60).unwrap();
/// assert_eq!((*due.key, due.at), ("hourly report", 18_000));
/// assert!(periods.pop_due(17_950 + 60).is_none(), "once a period");
/// # Ok::<(), cache_policies::ConfigError>(())
/// ```
#[derive(Clone, Debug)]
pub struct Periods<K> {
    config: PeriodsConfig,
    table: Ways<Series<K>>,
    /// The places of keys with a confirmed period, as slots, by when they are to be named.
    agenda: Heap<u64>,
}

/// The accesses of one key.
#[derive(Clone, Debug)]
struct Series<K> {
    /// The last access that counted.
    last: u64,
    /// The last access in phase with the period.
    anchor: u64,
    /// In ticks; 0 while there is none.
    period: f64,
    /// Confirmations of the period.
    score: u8,
    /// The challenger: the mean of the newest intervals that agree.
    recent: f64,
    /// How many agree with the first of them.
    agreeing: u8,
    /// Times in a row that it was named without an access in phase.
    unanswered: u8,
    /// There once the period was confirmed; then, and only then, the place is in the agenda.
    key: Option<K>,
}

// A key takes its own room beside these 40 bytes; the table and the agenda add 8, the agenda's heap up to 32.
const _: () = assert!(size_of::<Series<()>>() == 40);

impl<K> Default for Series<K> {
    fn default() -> Self {
        Self {
            last: 0,
            anchor: 0,
            period: 0.0,
            score: 0,
            recent: 0.0,
            agreeing: 0,
            unanswered: 0,
            key: None,
        }
    }
}

/// A confirmed period; from [`Periods::period`].
///
/// ```
/// use cache_policies::{Periods, PeriodsConfig};
///
/// let mut periods = Periods::new(8, PeriodsConfig::default())?;
/// for beat in 0..6 {
///     periods.observe(1, 7 + 20 * beat, || ());
/// }
/// let period = periods.period(1).unwrap();
/// assert_eq!((period.ticks(), period.last(), period.confirmations()), (20, 107, 4));
/// assert_eq!(period.expected_after(150), 167);
/// # Ok::<(), cache_policies::ConfigError>(())
/// ```
#[derive(Clone, Copy, Debug, PartialEq)]
pub struct Period {
    ticks: f64,
    anchor: u64,
    score: u8,
}

impl Period {
    /// Its length in ticks, rounded.
    #[must_use]
    pub fn ticks(&self) -> u64 {
        (self.ticks + 0.5) as u64
    }

    /// The last access in phase with it.
    #[must_use]
    pub fn last(&self) -> u64 {
        self.anchor
    }

    /// Intervals that confirmed it, less what spoke against it; up to 100.
    #[must_use]
    pub fn confirmations(&self) -> u8 {
        self.score
    }

    /// The first predicted access after `tick`.
    #[must_use]
    pub fn expected_after(&self, tick: u64) -> u64 {
        let passed = (tick.saturating_sub(self.anchor) as f64 / self.ticks) as u64;
        let beat = |number: u64| {
            self.anchor
                .saturating_add((number as f64 * self.ticks + 0.5) as u64)
        };
        // The division may have been rounded either way.
        let next = (passed..passed.saturating_add(3)).map(beat);
        next.into_iter().find(|&at| at > tick).unwrap_or(u64::MAX)
    }
}

/// A key that is due; from [`Periods::pop_due`].
///
/// ```
/// use cache_policies::{Periods, PeriodsConfig};
///
/// let mut periods = Periods::new(8, PeriodsConfig::default())?;
/// for beat in 0..6 {
///     periods.observe(1, 20 * beat, || "key");
/// }
/// let due = periods.pop_due(125).unwrap();
/// assert_eq!((*due.key, due.at, due.period.ticks()), ("key", 120, 20));
/// # Ok::<(), cache_policies::ConfigError>(())
/// ```
#[derive(Clone, Copy, Debug, PartialEq)]
#[non_exhaustive]
pub struct Due<'a, K> {
    /// The key, as it was given.
    pub key: &'a K,
    /// The tick at which it is expected; it may have passed.
    pub at: u64,
    /// The period that says so.
    pub period: Period,
}

/// The most that `score` and `agreeing` count.
pub(super) const SCORE_MAX: u8 = 100;

impl<K> Series<K> {
    fn is_confirmed(&self, config: &PeriodsConfig) -> bool {
        self.period > 0.0 && self.score >= config.confirm
    }

    fn as_period(&self) -> Period {
        Period {
            ticks: self.period,
            anchor: self.anchor,
            score: self.score,
        }
    }

    /// Takes an access that ended an interval; whether it was in phase.
    fn add(&mut self, now: u64, config: &PeriodsConfig) -> bool {
        let interval = (now - self.last) as f64;
        self.last = now;
        let near =
            |a: f64, b: f64, period: f64| (a - b).abs() <= (config.tolerance * period).max(1.0);
        if near(interval, self.recent, self.recent) {
            self.agreeing = (self.agreeing + 1).min(SCORE_MAX);
            self.recent += (interval - self.recent) / 4.0;
        } else {
            (self.recent, self.agreeing) = (interval, 0);
        }
        let in_phase = self.period > 0.0 && self.follow(now, config, near);
        let challenged = self.agreeing > self.score
            && (self.period == 0.0 || !near(self.recent, self.period, self.period));
        if challenged {
            (self.period, self.score, self.anchor) = (self.recent, self.agreeing, now);
        }
        in_phase || challenged
    }

    /// Compares an access with the period; whether it was in phase.
    fn follow(
        &mut self,
        now: u64,
        config: &PeriodsConfig,
        near: impl Fn(f64, f64, f64) -> bool,
    ) -> bool {
        let since = (now - self.anchor) as f64;
        let beats = (since / self.period + 0.5) as u64;
        let at = beats as f64 * self.period;
        if beats >= 1 && beats <= 1 + u64::from(config.missing) && near(since, at, self.period) {
            if beats == 1 {
                self.score = (self.score + 1).min(SCORE_MAX);
            }
            self.period += (since / beats as f64 - self.period) / 8.0;
            self.anchor = now;
            return true;
        }
        if since > self.period {
            self.score /= 2;
            self.anchor = now;
        }
        false
    }
}

impl<K> Periods<K> {
    /// A detector for up to `keys` keys, rounded up to a multiple of 8; with 0, for none.
    ///
    /// # Errors
    /// [`ConfigError`] if a parameter is out of its range: see [`PeriodsConfig`].
    ///
    /// # Panics
    /// If `keys` is more than 2^32 - 64.
    pub fn new(keys: usize, config: PeriodsConfig) -> Result<Self, ConfigError> {
        config.validate()?;
        assert!(
            keys <= Slot::MAX.index() + 1,
            "at most 2^32 - 64 keys have periods"
        );
        Ok(Self {
            config,
            table: Ways::new(keys),
            agenda: Heap::new(),
        })
    }

    /// Tells of an access of the key with this hash. `key` is called once its period is confirmed, if it was not kept since
    /// then. A clock that goes back makes the access a part of the one before.
    ///
    /// If `key` panics, the access has been counted and the key is asked for again at its next one.
    pub fn observe(&mut self, hash: u64, now: u64, key: impl FnOnce() -> K) {
        let Some(place) = self.table.find(hash) else {
            return self.start(hash, now);
        };
        let series = self.table.at_mut(place);
        if now.saturating_sub(series.last) <= self.config.burst {
            return;
        }
        let in_phase = series.add(now, &self.config);
        if !series.is_confirmed(&self.config) {
            series.key = None;
            self.cancel(place);
        } else if series.key.is_none() {
            series.unanswered = 0;
            series.key = Some(key());
            let due = series.as_period().expected_after(now);
            self.schedule(place, due);
        } else if in_phase {
            series.unanswered = 0;
            let due = series.as_period().expected_after(now);
            self.schedule(place, due);
        }
    }

    /// Takes a key that was not known.
    fn start(&mut self, hash: u64, now: u64) {
        let confirm = self.config.confirm;
        let worth = |series: &Series<K>| (series.score >= confirm, series.last);
        if let Some((place, _)) = self.table.claim(hash, worth) {
            self.cancel(place);
            *self.table.at_mut(place) = Series {
                last: now,
                ..Series::default()
            };
        }
    }

    /// Makes the key at a place due at a tick, instead of when it was due before.
    fn schedule(&mut self, place: usize, tick: u64) {
        let slot = Slot::new(place as u32);
        if self.agenda.key(slot).is_some() {
            self.agenda.set_key(slot, tick);
        } else {
            self.agenda.ensure(slot);
            self.agenda.push(slot, tick);
        }
    }

    /// Lets the key at a place not be due, if it is.
    fn cancel(&mut self, place: usize) {
        let slot = Slot::new(place as u32);
        if self.agenda.key(slot).is_some() {
            self.agenda.unlink(slot, Unlinked::Absent);
        }
    }

    /// The period of the key with this hash, once it is confirmed.
    #[must_use]
    pub fn period(&self, hash: u64) -> Option<Period> {
        let series = self.table.at(self.table.find(hash)?);
        series
            .is_confirmed(&self.config)
            .then(|| series.as_period())
    }

    /// The earliest tick at which a key with a confirmed period is expected that was not named for that time yet; `None` if
    /// there is no such key. It may have passed. For an owner that sets a timer.
    #[must_use]
    pub fn next_due(&self) -> Option<u64> {
        self.agenda.least().map(|(tick, _)| tick)
    }

    /// The next key that is expected at or before `horizon`, which is now and as much ahead as warming takes; `None` if
    /// there is none. In the order of their times, each once a period, however many of its beats the horizon has passed.
    ///
    /// A key that was named [`patience`](PeriodsConfig::with_patience) times without being accessed in phase is forgotten
    /// instead.
    pub fn pop_due(&mut self, horizon: u64) -> Option<Due<'_, K>> {
        loop {
            let (at, slot) = self.agenda.least().filter(|&(at, _)| at <= horizon)?;
            let place = slot.index();
            let series = self.table.at_mut(place);
            if series.unanswered >= self.config.patience {
                self.cancel(place);
                self.table.vacate(place);
                continue;
            }
            series.unanswered += 1;
            let period = series.as_period();
            match period.expected_after(horizon) {
                // The end of time: there is no beat after it.
                u64::MAX => self.cancel(place),
                next => self.schedule(place, next),
            }
            let key = self.table.at(place).key.as_ref();
            let key = key.expect("a key with a confirmed period is kept");
            return Some(Due { key, at, period });
        }
    }

    /// Forgets the key with this hash; whether it was known.
    pub fn forget(&mut self, hash: u64) -> bool {
        let place = self.table.find(hash);
        if let Some(place) = place {
            self.cancel(place);
            self.table.vacate(place);
        }
        place.is_some()
    }

    /// Forgets every key. O(keys).
    pub fn clear(&mut self) {
        self.agenda = Heap::new();
        self.table.clear();
    }

    /// Keys that are known, with a period or without.
    #[must_use]
    pub fn len(&self) -> usize {
        self.table.len()
    }

    /// Whether no key is known.
    #[must_use]
    pub fn is_empty(&self) -> bool {
        self.len() == 0
    }

    /// Keys with a confirmed period that will be named.
    #[must_use]
    pub fn periodic(&self) -> usize {
        self.agenda.linked()
    }

    /// Keys that may be known at once.
    #[must_use]
    pub fn capacity(&self) -> usize {
        self.table.places()
    }
}
