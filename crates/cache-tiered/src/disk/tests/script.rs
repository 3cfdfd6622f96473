//! One fixed history: everything that a tier does, in an order that is always the same.

use super::history::{History, Truths};
use super::{KEYS, tag_of};

/// Rounds over all keys, which fill the regions some times over.
const ROUNDS: u64 = 6;

/// A thing that happens to a tier.
#[derive(Clone, Copy, Debug)]
pub(super) enum Step {
    Change(u64),
    Remove(u64),
    Demote(u64),
    /// It is changed on its way from memory to the disk.
    Overtake(u64),
    /// Its tag is invalidated on its way.
    Strip(u64),
    Invalidate(u64),
    InvalidateAll,
    Read(u64),
    Pass(u64),
    /// All work that there is.
    Work,
    Flush,
    /// The process ends, and the next one opens what it left.
    Kill,
    /// The same, after the tier was closed.
    Close,
}

/// Puts, overwrites, removals, invalidations, lives that end, regions that are reclaimed with entries that were hit, restarts.
pub(super) fn script() -> Vec<Step> {
    let mut steps = Vec::new();
    for round in 0..ROUNDS {
        // Not in each: what goes wrong before is to be seen after the next restart, and an invalidation would mend it.
        if round % 2 == 0 {
            steps.extend([5, 15].map(Step::Change));
            steps.extend([Step::Strip(5), Step::Change(5), Step::Demote(5)]);
            steps.push(Step::Invalidate(2));
        }
        for key in 0..KEYS {
            match (key + round * 3) % 8 {
                0 => steps.push(Step::Remove(key)),
                // What came to the disk in the round before stays.
                1 | 2 if round > 0 => steps.push(Step::Read(key)),
                _ => steps.push(Step::Change(key)),
            }
            match (key + round) % 10 {
                4 => steps.push(Step::Overtake(key)),
                _ => steps.push(Step::Demote(key)),
            }
            if key % 3 == 0 {
                steps.extend([Step::Read(key), Step::Work]);
            }
        }
        match round {
            1 => steps.extend([Step::Pass(1_500), Step::Kill]),
            2 => steps.push(Step::Close),
            3 => steps.extend([Step::InvalidateAll, Step::Work, Step::Kill]),
            4 => steps.extend([Step::Invalidate(1), Step::Pass(1_500), Step::Close]),
            _ => steps.push(Step::Flush),
        }
        steps.extend((0..KEYS).step_by(3).map(Step::Read));
    }
    steps
}

impl History {
    fn take(&mut self, step: Step) {
        match step {
            Step::Change(key) => self.change(key, true),
            Step::Remove(key) => self.change(key, false),
            Step::Demote(key) => self.demote(key, |_| {}),
            Step::Overtake(key) => self.demote(key, |history| {
                history.change(key, true);
                history.demote(key, |_| {});
            }),
            Step::Strip(key) => self.demote(key, |history| {
                history.invalidate(Some(&tag_of(key)));
            }),
            Step::Invalidate(key) => self.invalidate(Some(&tag_of(key))),
            Step::InvalidateAll => self.invalidate(None),
            Step::Read(key) => self.read(key),
            Step::Pass(milliseconds) => self.pass(milliseconds),
            // Where the device fails there may be something to do for ever.
            Step::Work => {
                let _worked = (0..20).take_while(|_| self.disk.work()).count();
            }
            Step::Flush => self.disk.flush(),
            Step::Kill => self.restart(self.device.restarted(), self.wall()),
            Step::Close => {
                self.refused += u64::from(self.disk.close().is_err());
                self.restart(self.device.restarted(), self.wall());
            }
        }
    }

    /// Plays the script; `seen` is told after each step what the keys were before it.
    pub(super) fn play(&mut self, mut seen: impl FnMut(&Self, &Truths)) {
        for step in script() {
            let before = self.truths.clone();
            self.take(step);
            seen(self, &before);
        }
    }
}
