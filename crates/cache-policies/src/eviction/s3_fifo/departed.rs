//! S3-FIFO's ghost, of either kind.

use alloc::boxed::Box;

use super::S3Fifo;
use super::config::GhostKind;
use super::prints::Prints;
use crate::ghost::Ghost;
use crate::ledger::share;

/// The keys that left lately.
#[derive(Clone, Debug)]
pub(super) enum Departed {
    /// Apart, so that a policy with prints has what it uses all the time on few cache lines.
    Exact(Box<Ghost>),
    Prints(Prints),
}

impl Departed {
    /// A ghost that remembers nobody yet.
    pub(super) fn new(kind: GhostKind) -> Self {
        match kind {
            GhostKind::Exact => Departed::Exact(Box::new(Ghost::new(0))),
            GhostKind::Prints => Departed::Prints(Prints::new()),
        }
    }

    pub(super) fn len(&self) -> usize {
        match self {
            Departed::Exact(ghost) => ghost.len(),
            Departed::Prints(prints) => prints.len(),
        }
    }

    /// Forgets a key with this hash, `mixed`; whether it was remembered.
    #[inline(always)]
    pub(super) fn take(&mut self, mixed: u64) -> bool {
        match self {
            Departed::Exact(ghost) => ghost.take_mixed(mixed),
            Departed::Prints(prints) => prints.take(mixed),
        }
    }

    pub(super) fn check(&self) {
        match self {
            Departed::Exact(ghost) => ghost.check(),
            Departed::Prints(prints) => prints.check(),
        }
    }
}

impl S3Fifo {
    /// Remembers a key with this hash, `mixed`, that weighed so much.
    #[inline(always)]
    pub(super) fn remember(&mut self, mixed: u64, weight: u32) {
        match &mut self.ghost {
            Departed::Exact(ghost) => ghost.remember_mixed(mixed, weight),
            Departed::Prints(prints) => {
                if !prints.remember(mixed) {
                    self.remember_fitted(mixed);
                }
            }
        }
    }

    #[cold]
    #[inline(never)]
    fn remember_fitted(&mut self, mixed: u64) {
        let expected = self.expected(self.ghost_weight());
        if let Departed::Prints(prints) = &mut self.ghost {
            prints.fit(expected);
            let remembered = prints.remember(mixed);
            debug_assert!(remembered, "it has just been fitted");
        }
    }

    /// The most weight that is remembered.
    fn ghost_weight(&self) -> u64 {
        share(self.ledger.capacity(), self.config.ghost())
    }

    /// The capacity has changed.
    pub(super) fn limit_ghost(&mut self) {
        let limit = self.ghost_weight();
        let expected = self.expected(limit);
        match &mut self.ghost {
            Departed::Exact(ghost) => ghost.set_limit(limit),
            Departed::Prints(prints) => prints.give_back(expected),
        }
    }
}
