//! What becomes of calls of the store, and where they are held until they are released.

use std::collections::BTreeMap;

/// What becomes of a call of the sink that has the key.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Fault {
    Refuse,
    UnknownDone,
    UnknownNot,
    PanicDone,
    PanicNot,
    /// It is held until it is released, and then done.
    HangThenDone,
    /// It is done, and the answer is held until it is released.
    DoneThenHang,
}

impl Fault {
    /// Whether the caller is told that it has failed.
    pub(super) fn fails(self) -> bool {
        !matches!(self, Self::HangThenDone | Self::DoneThenHang)
    }
}

/// When a load is held until it is released.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum HeldLoad {
    BeforeItReads,
    /// So that its answer may be old when it comes.
    AfterItReads,
}

/// Which calls are let go of.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Held {
    Loads,
    Writes,
    All,
}

/// Calls that are held until they are released.
#[derive(Debug, Default)]
pub(super) struct Door {
    /// By how often others were released before.
    pub(super) held: BTreeMap<u64, usize>,
    pub(super) releases: u64,
}

impl Door {
    pub(super) fn hung(&self) -> usize {
        self.held.values().sum()
    }
}
