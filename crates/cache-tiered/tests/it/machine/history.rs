//! What is known of a key: what it is, what memory may hold beside that, and what is under way.

use std::collections::BTreeSet;
use std::fmt;

/// The history of a key, as far as it bears on what may be read now.
///
/// A state is a value or an absence. Values are never used twice, so a state tells which write
/// made it.
#[derive(Clone, Debug)]
pub(crate) struct History {
    /// What store and journal together say: one state, or several after a crash that caught a
    /// write of which nobody knows whether it was journaled.
    truth: BTreeSet<Option<u64>>,
    /// What memory may still answer: the store was changed past the cache, or a loader was asked.
    /// An invalidation ends that.
    stale: BTreeSet<Option<u64>>,
    /// Writes that have begun and not ended, in their order.
    running: Vec<Begun>,
    /// Writes whose outcome is unknown and that may still take effect.
    lost: Vec<(u64, Option<u64>)>,
    /// The last one that was acknowledged.
    acknowledged: u64,
    /// The last one that is known to have ended.
    ended: u64,
    /// What a crash may bring back: it is noted only with the next group that it is settled.
    revivable: Option<Option<u64>>,
    /// The source was told to fail for it.
    pub(crate) load_faults: bool,
}

/// A write that has begun.
#[derive(Clone, Copy, Debug)]
struct Begun {
    number: u64,
    state: Option<u64>,
    since: Since,
}

/// What came after a write had taken effect in the store, and before it ended.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
enum Since {
    Nothing,
    /// The store was changed past the cache.
    Changed,
    /// The same, and then the key was invalidated: nobody may see what was written.
    Invalidated,
}

impl Default for History {
    fn default() -> Self {
        Self {
            truth: [None].into(),
            stale: BTreeSet::new(),
            running: Vec::new(),
            lost: Vec::new(),
            acknowledged: 0,
            ended: 0,
            revivable: None,
            load_faults: false,
        }
    }
}

impl History {
    /// States that the key may have.
    pub(crate) fn possible(&self) -> impl Iterator<Item = Option<u64>> {
        let seen = |begun: &&Begun| begun.since != Since::Invalidated;
        let running = self.running.iter().filter(seen).map(|begun| begun.state);
        let lost = self.lost.iter().map(|&(_, value)| value);
        self.truth.iter().copied().chain(running).chain(lost)
    }

    pub(crate) fn is_possible(&self, state: Option<u64>) -> bool {
        self.possible().any(|possible| possible == state)
    }

    /// States that a read may see.
    pub(crate) fn readable(&self) -> impl Iterator<Item = Option<u64>> {
        self.possible().chain(self.stale.iter().copied())
    }

    pub(crate) fn may_be_absent(&self) -> bool {
        self.is_possible(None) || self.stale.contains(&None)
    }

    /// Whether a read may see this.
    pub(crate) fn allows(&self, state: Option<u64>) -> bool {
        self.is_possible(state) || self.stale.contains(&state)
    }

    /// Whether the key is there, where that is certain.
    pub(crate) fn existed(&self) -> Option<bool> {
        let mut states = self.truth.iter().chain(&self.stale);
        let first = states.next().is_some_and(Option::is_some);
        (self.is_quiet() && states.all(|state| state.is_some() == first)).then_some(first)
    }

    pub(crate) fn is_quiet(&self) -> bool {
        self.running.is_empty() && self.lost.is_empty()
    }

    pub(crate) fn is_running(&self) -> bool {
        !self.running.is_empty()
    }

    pub(crate) fn has_lost(&self) -> bool {
        !self.lost.is_empty()
    }

    pub(crate) fn begin(&mut self, number: u64, state: Option<u64>) {
        self.running.push(Begun {
            number,
            state,
            since: Since::Nothing,
        });
    }

    /// Whether a later write is known to have ended, so that what is found now may be its doing.
    pub(crate) fn is_overtaken(&self, number: u64) -> bool {
        number < self.ended
    }

    /// A write has ended without effect.
    pub(crate) fn refused(&mut self, number: u64) {
        self.ended = self.ended.max(number);
        self.running.retain(|begun| begun.number != number);
    }

    /// A write was acknowledged; false if the key has another state by now: a later one is known to be acknowledged, or the
    /// store was changed past the cache.
    pub(crate) fn acknowledged(&mut self, number: u64, state: Option<u64>) -> bool {
        let mut begun = self.running.iter().filter(|begun| begun.number == number);
        let since = begun.next().map_or(Since::Nothing, |begun| begun.since);
        self.refused(number);
        if number < self.acknowledged {
            return false;
        }
        self.acknowledged = number;
        // Those before have ended, too, and were overwritten.
        self.running.retain(|begun| begun.number > number);
        self.stale.clear();
        if since != Since::Nothing {
            self.stale
                .extend((since == Since::Changed).then_some(state));
            return false;
        }
        self.truth = [state].into();
        self.revivable = Some(state);
        // An attempt that was lost has ended, or the store passes over what is older.
        self.lost.retain(|&(lost, _)| lost > number);
        true
    }

    /// Nobody knows what became of a write; the store has `stored`. `acts` says that the attempt
    /// may still act.
    pub(crate) fn unknown(
        &mut self,
        number: u64,
        state: Option<u64>,
        stored: Option<u64>,
        acts: bool,
    ) {
        self.refused(number);
        if number < self.acknowledged {
            return;
        }
        self.truth = [stored].into();
        self.stale.clear();
        if acts {
            self.lost.push((number, state));
        }
    }

    /// Of attempts that were lost only those act any more of which `acts` says so; the store has
    /// `stored`, by one of them, by a write that still runs or from before.
    pub(crate) fn found(&mut self, stored: Option<u64>, acts: impl Fn(Option<u64>) -> bool) {
        self.lost.retain(|&(_, state)| acts(state));
        self.truth = [stored].into();
    }

    /// A read saw a state.
    pub(crate) fn read(&mut self, state: Option<u64>) {
        if self.is_quiet() && self.stale.is_empty() && self.truth.contains(&state) {
            self.truth = [state].into();
        }
    }

    /// The store was changed past the cache.
    pub(crate) fn outside(&mut self, state: Option<u64>) {
        self.stale.append(&mut self.truth);
        self.truth.insert(state);
        for begun in &mut self.running {
            begun.since = Since::Changed;
        }
    }

    /// Whether one write is under way, and it has made of the store what that has.
    pub(crate) fn is_taken(&self, stored: Option<u64>) -> bool {
        let taken = |begun: &Begun| begun.since == Since::Nothing && begun.state == stored;
        stored.is_some()
            && self.lost.is_empty()
            && self.running.len() == 1
            && taken(&self.running[0])
    }

    /// Memory keeps what a loader said.
    pub(crate) fn loaded_beside(&mut self, state: Option<u64>) {
        self.stale.insert(state);
    }

    pub(crate) fn invalidated(&mut self) {
        self.stale.clear();
        for begun in &mut self.running {
            if begun.since == Since::Changed {
                begun.since = Since::Invalidated;
            }
        }
    }

    /// What memory had, or would get by a load, was invalidated by its tag. What is being written has tags of its own, and
    /// an absence, which may be being loaded, has none.
    pub(crate) fn invalidated_by_tag(&mut self, loading: bool) {
        self.stale.retain(|state| loading && state.is_none());
    }

    /// Its dead letter was let go of; the store has `stored`.
    pub(crate) fn discarded(&mut self, stored: Option<u64>) {
        self.truth = [stored].into();
        self.revivable = None;
        self.stale.clear();
    }

    /// The cache was closed or dropped. What was settled by then is noted; what was not, or may
    /// not have been, can come back.
    pub(crate) fn reopened(&mut self, may_be_unsettled: bool, disk: bool) {
        self.forgotten(disk);
        self.revivable = self.revivable.filter(|_| may_be_unsettled);
    }

    /// The process was killed: what ran may be in the journal, and what was settled may be back.
    pub(crate) fn killed_behind(&mut self, disk: bool) {
        let running = std::mem::take(&mut self.running);
        self.truth
            .extend(running.into_iter().map(|begun| begun.state));
        self.truth.extend(self.revivable);
        self.forgotten(disk);
    }

    /// The tiers have nothing any more, but for what was on the disk.
    fn forgotten(&mut self, disk: bool) {
        if !disk {
            self.stale.clear();
        }
    }

    /// The process was killed, and the store knows all.
    pub(crate) fn killed_through(&mut self, stored: Option<u64>, disk: bool) {
        self.running.clear();
        self.lost.clear();
        self.truth = [stored].into();
        self.reopened(false, disk);
    }
}

impl fmt::Display for History {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(
            f,
            "it is {:?}, memory may have {:?}, running {:?}, lost {:?}",
            self.truth, self.stale, self.running, self.lost
        )
    }
}
