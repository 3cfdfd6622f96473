//! What is told of the statistics of a disk tier.

use super::totals::{Count, Level, Table};
use crate::disk::DiskStats;

pub(super) static DISK: Table<DiskStats> = Table {
    counts: COUNTS,
    levels: LEVELS,
};

const COUNTS: &[Count<DiskStats>] = &[
    (
        "cache_tiered_disk_lookups_total",
        "look-ups of the disk tier",
        &[
            (&[("outcome", "hit")], |stats| stats.hits),
            (&[("outcome", "miss")], |stats| stats.misses),
        ],
    ),
    (
        "cache_tiered_disk_stored_total",
        "values that came from memory and are written, or about to be",
        &[(&[], |stats| stats.stored)],
    ),
    (
        "cache_tiered_disk_stored_bytes_total",
        "bytes of their keys and values, before compression",
        &[(&[], |stats| stats.stored_bytes)],
    ),
    (
        "cache_tiered_disk_not_stored_total",
        "values that left memory and were not written, by cause",
        &[
            (&[("cause", "clean")], |stats| stats.clean),
            (&[("cause", "refused")], |stats| stats.refused),
            (&[("cause", "dropped")], |stats| stats.dropped),
            (&[("cause", "unfit")], |stats| stats.unfit),
            (&[("cause", "overtaken")], |stats| stats.overtaken),
        ],
    ),
    (
        "cache_tiered_disk_departures_total",
        "entries that left the disk tier unasked, by cause",
        &[
            (&[("cause", "lost")], |stats| stats.lost),
            (&[("cause", "damaged")], |stats| stats.damaged),
            (&[("cause", "expired")], |stats| stats.expired),
            (&[("cause", "reclaimed")], |stats| stats.reclaimed),
        ],
    ),
    (
        "cache_tiered_disk_written_bytes_total",
        "bytes written to the disk tier, by cause",
        &[
            (&[("cause", "stored")], |stats| {
                stats.entry_bytes.saturating_sub(stats.reinserted_bytes)
            }),
            (&[("cause", "reinserted")], |stats| stats.reinserted_bytes),
            (&[("cause", "fence")], |stats| stats.fence_bytes),
        ],
    ),
    (
        "cache_tiered_disk_reinserted_total",
        "entries of the disk tier kept when their region was reclaimed",
        &[(&[], |stats| stats.reinserted)],
    ),
    (
        "cache_tiered_disk_fences_total",
        "fences written",
        &[(&[], |stats| stats.fences)],
    ),
    (
        "cache_tiered_disk_errors_total",
        "calls that the device of the disk tier failed",
        &[
            (&[("operation", "read")], |stats| stats.read_errors),
            (&[("operation", "write")], |stats| stats.write_errors),
        ],
    ),
    (
        "cache_tiered_disk_breaker_opened_total",
        "how often the disk tier left a failing device alone for a second",
        &[(&[], |stats| stats.breaker_opened)],
    ),
];

const LEVELS: &[Level<DiskStats>] = &[
    (
        "cache_tiered_disk_entries",
        "entries in the disk tier",
        |stats| stats.entries as f64,
    ),
    (
        "cache_tiered_disk_capacity_bytes",
        "bytes of its regions, used or not",
        |stats| stats.capacity_bytes as f64,
    ),
    (
        "cache_tiered_disk_write_amplification",
        "bytes written for each byte that was to be kept; 0 before the first",
        |stats| stats.write_amplification().unwrap_or_default(),
    ),
    (
        "cache_tiered_disk_given_up",
        "1 from when a fence could not be written, and the disk tier answers nothing any more, else 0",
        |stats| f64::from(u8::from(stats.given_up)),
    ),
];
