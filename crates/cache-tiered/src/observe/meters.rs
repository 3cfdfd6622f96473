//! The handles of one cache at the recorder of the crate metrics, for what is told as it ends.

#[cfg(feature = "disk")]
use super::disk_totals::DISK;
use super::end::{Outcome, Verb};
use super::tiered_totals::TIERED;
use super::totals::Totals;
use crate::tiered::{Tier, TieredStats};
use metrics::{Counter, Histogram, Label, SharedString, Unit};
use std::sync::Arc;
use std::time::Duration;

/// Who can be loaded from.
const TIERS: [Tier; 4] = [Tier::Dirty, Tier::Disk, Tier::Store, Tier::Loader];
/// What a load finds.
const FOUND: [(Option<bool>, &str); 3] = [
    (Some(true), "found"),
    (Some(false), "absent"),
    (None, "failed"),
];

/// The label that all metrics of a cache have.
#[derive(Clone)]
pub(super) struct Named(SharedString);

impl Named {
    pub(super) fn labels(&self, more: &[(&'static str, &'static str)]) -> Vec<Label> {
        let own = Label::new("cache", self.0.clone());
        let more = more.iter().map(|&(key, value)| Label::new(key, value));
        std::iter::once(own).chain(more).collect()
    }

    fn histogram(&self, name: &'static str, more: &[(&'static str, &'static str)]) -> Histogram {
        metrics::histogram!(name, self.labels(more))
    }
}

/// How many, and how long each.
pub(super) struct Timed {
    count: Counter,
    seconds: Histogram,
}

impl Timed {
    fn new(
        named: &Named,
        [count, seconds]: [&'static str; 2],
        more: &[(&'static str, &'static str)],
    ) -> Self {
        Self {
            count: metrics::counter!(count, named.labels(more)),
            seconds: named.histogram(seconds, more),
        }
    }

    pub(super) fn record(&self, took: Duration) {
        self.count.increment(1);
        self.seconds.record(took.as_secs_f64());
    }
}

/// Batches that ended in one way.
pub(super) struct Batches {
    timed: Timed,
    changes: Histogram,
}

impl Batches {
    pub(super) fn record(&self, changes: usize, took: Duration) {
        self.timed.record(took);
        self.changes.record(changes as f64);
    }
}

/// The handles.
pub(super) struct Meters {
    loads: Vec<Timed>,
    writes: Vec<Timed>,
    /// That failed, and that did not.
    batches: [Batches; 2],
    flushes: [Timed; 2],
    syncs: [Timed; 2],
    pub(super) waits: Timed,
    pub(super) recovery: Timed,
    pub(super) group_frames: Histogram,
    pub(super) group_bytes: Histogram,
    pub(super) totals: Totals<TieredStats>,
    #[cfg(feature = "disk")]
    pub(super) disk: Totals<crate::disk::DiskStats>,
}

/// The label of what went well or did not.
const fn outcome(well: bool) -> [(&'static str, &'static str); 1] {
    [("outcome", if well { "done" } else { "failed" })]
}

impl Meters {
    /// Registers everything with the recorder there is now.
    pub(super) fn new(name: &str) -> Self {
        describe();
        let named = &Named(Arc::<str>::from(name).into());
        let load = |tier: Tier, found: &'static str, background| {
            let labels = [
                ("tier", tier.name()),
                ("outcome", found),
                ("background", if background { "true" } else { "false" }),
            ];
            Timed::new(named, LOADS, &labels)
        };
        let loads = TIERS.iter().flat_map(|&tier| {
            let all = FOUND
                .iter()
                .flat_map(|(_, found)| [(found, false), (found, true)]);
            all.map(move |(found, background)| load(tier, found, background))
        });
        let writes = Verb::ALL.iter().flat_map(|verb| {
            Outcome::ALL.iter().map(|outcome| {
                let labels = [("operation", verb.name()), ("outcome", outcome.name())];
                Timed::new(named, WRITES, &labels)
            })
        });
        let both = [false, true];
        let batches = |well| Batches {
            timed: Timed::new(named, BATCHES, &outcome(well)),
            changes: named.histogram(BATCH_CHANGES, &outcome(well)),
        };
        Self {
            loads: loads.collect(),
            writes: writes.collect(),
            batches: both.map(batches),
            flushes: both.map(|well| Timed::new(named, FLUSHES, &outcome(well))),
            syncs: both.map(|well| Timed::new(named, SYNCS, &outcome(well))),
            waits: Timed::new(named, WAITS, &[]),
            recovery: Timed::new(named, RECOVERIES, &[]),
            group_frames: named.histogram(GROUP_FRAMES, &[]),
            group_bytes: named.histogram(GROUP_BYTES, &[]),
            totals: Totals::new(named, &TIERED),
            #[cfg(feature = "disk")]
            disk: Totals::new(named, &DISK),
        }
    }

    pub(super) fn load(&self, tier: Tier, found: Option<bool>, background: bool) -> &Timed {
        let tier = TIERS.iter().position(|&other| other == tier);
        let tier = tier.expect("all but memory");
        let found = FOUND.iter().position(|&(other, _)| other == found);
        let found = found.expect("all that a load finds");
        &self.loads[(tier * FOUND.len() + found) * 2 + usize::from(background)]
    }

    pub(super) fn write(&self, verb: Verb, outcome: Outcome) -> &Timed {
        &self.writes[verb as usize * Outcome::ALL.len() + outcome as usize]
    }

    pub(super) const fn batch(&self, well: bool) -> &Batches {
        &self.batches[well as usize]
    }

    pub(super) const fn flush(&self, well: bool) -> &Timed {
        &self.flushes[well as usize]
    }

    pub(super) const fn sync(&self, well: bool) -> &Timed {
        &self.syncs[well as usize]
    }
}

const LOADS: [&str; 2] = ["cache_tiered_loads_total", "cache_tiered_load_seconds"];
const WRITES: [&str; 2] = ["cache_tiered_writes_total", "cache_tiered_write_seconds"];
const BATCHES: [&str; 2] = [
    "cache_tiered_behind_batches_total",
    "cache_tiered_behind_batch_seconds",
];
const BATCH_CHANGES: &str = "cache_tiered_behind_batch_changes";
const FLUSHES: [&str; 2] = ["cache_tiered_flushes_total", "cache_tiered_flush_seconds"];
const WAITS: [&str; 2] = [
    "cache_tiered_behind_waits_total",
    "cache_tiered_behind_wait_seconds",
];
const RECOVERIES: [&str; 2] = [
    "cache_tiered_recoveries_total",
    "cache_tiered_recovery_seconds",
];
const SYNCS: [&str; 2] = [
    "cache_tiered_journal_group_syncs_total",
    "cache_tiered_journal_sync_seconds",
];
const GROUP_FRAMES: &str = "cache_tiered_journal_group_frames";
const GROUP_BYTES: &str = "cache_tiered_journal_group_bytes";

/// Says what each is. The counters beside the times need no more words.
fn describe() {
    let timed = [
        (LOADS, "loads, from the miss to the answer"),
        (
            WRITES,
            "puts, removals and computations, from the call to its answer",
        ),
        (BATCHES, "calls of the store by write-behind"),
        (FLUSHES, "flushes and closes"),
        (WAITS, "writes that waited for room"),
        (RECOVERIES, "openings of the journal"),
        (SYNCS, "syncs of groups of the journal"),
    ];
    for ([count, seconds], of) in timed {
        metrics::describe_counter!(count, Unit::Count, of);
        metrics::describe_histogram!(seconds, Unit::Seconds, of);
    }
    let sizes = [
        (
            BATCH_CHANGES,
            Unit::Count,
            "changes in a call of the store by write-behind",
        ),
        (
            GROUP_FRAMES,
            Unit::Count,
            "frames that the journal wrote at once",
        ),
        (
            GROUP_BYTES,
            Unit::Bytes,
            "bytes that the journal wrote at once",
        ),
    ];
    for (name, unit, of) in sizes {
        metrics::describe_histogram!(name, unit, of);
    }
}
