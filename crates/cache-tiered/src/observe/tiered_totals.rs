//! What is told of the statistics of a cache.

use super::totals::{Count, Level, Table};
use crate::tiered::TieredStats;

pub(super) static TIERED: Table<TieredStats> = Table {
    counts: COUNTS,
    levels: LEVELS,
};

const COUNTS: &[Count<TieredStats>] = &[
    (
        "cache_tiered_memory_lookups_total",
        "look-ups of the memory tier",
        &[
            (&[("outcome", "hit")], |stats| stats.memory.hits),
            (&[("outcome", "miss")], |stats| stats.memory.misses),
        ],
    ),
    (
        "cache_tiered_memory_departures_total",
        "entries that left the memory tier, by cause",
        &[
            (&[("cause", "capacity")], |stats| stats.memory.evictions),
            (&[("cause", "expired")], |stats| stats.memory.expirations),
            (&[("cause", "cleared")], |stats| stats.memory.cleared),
            (&[("cause", "removed")], |stats| stats.memory.removals),
        ],
    ),
    (
        "cache_tiered_memory_inserts_total",
        "entries put into the memory tier under new keys",
        &[(&[], |stats| stats.memory.inserts)],
    ),
    (
        "cache_tiered_memory_updates_total",
        "entries of the memory tier replaced",
        &[(&[], |stats| stats.memory.updates)],
    ),
    (
        "cache_tiered_memory_rejections_total",
        "entries that found no room in the memory tier",
        &[(&[], |stats| stats.memory.rejections)],
    ),
    (
        "cache_tiered_joined_total",
        "reads answered by the load of another",
        &[(&[], |stats| stats.joined)],
    ),
    (
        "cache_tiered_raced_total",
        "loads not kept as the key changed meanwhile",
        &[(&[], |stats| stats.raced)],
    ),
    (
        "cache_tiered_stale_total",
        "answers by values past their time to live",
        &[(&[], |stats| stats.stale)],
    ),
    (
        "cache_tiered_overruled_total",
        "look-ups that found what was invalidated",
        &[(&[], |stats| stats.overruled)],
    ),
    (
        "cache_tiered_prefetched_total",
        "values loaded by prefetches",
        &[(&[], |stats| stats.prefetched)],
    ),
    (
        "cache_tiered_prefetches_dropped_total",
        "keys not prefetched as too many waited",
        &[(&[], |stats| stats.prefetches_dropped)],
    ),
    (
        "cache_tiered_prefetch_hits_total",
        "prefetched values that were there when they were first asked for",
        &[(&[], |stats| stats.prefetch_hits)],
    ),
    (
        "cache_tiered_prefetches_wasted_total",
        "prefetched values that left memory before anybody asked for them",
        &[(&[], |stats| stats.prefetches_wasted)],
    ),
    (
        "cache_tiered_prefetches_late_total",
        "keys that were asked for while they were still to be prefetched",
        &[(&[], |stats| stats.prefetches_late)],
    ),
    (
        "cache_tiered_retries_total",
        "attempts of write-through after the first",
        &[(&[], |stats| stats.retries)],
    ),
    (
        "cache_tiered_behind_coalesced_total",
        "changes replaced before they were applied",
        &[(&[], |stats| stats.behind.coalesced)],
    ),
    (
        "cache_tiered_behind_applied_total",
        "changes that the store took from write-behind",
        &[(&[], |stats| stats.behind.applied)],
    ),
    (
        "cache_tiered_behind_backpressure_total",
        "writes that met no room",
        &[(&[], |stats| stats.behind.backpressure)],
    ),
    (
        "cache_tiered_behind_buried_total",
        "changes that became dead letters",
        &[(&[], |stats| stats.behind.dead)],
    ),
    (
        "cache_tiered_journal_bytes_total",
        "bytes written to the journal",
        &[(&[], |stats| stats.behind.journal_bytes)],
    ),
    (
        "cache_tiered_journal_records_total",
        "records written to the journal",
        &[(&[], |stats| stats.behind.journal_records)],
    ),
    (
        "cache_tiered_journal_groups_total",
        "groups written to the journal",
        &[(&[], |stats| stats.behind.journal_commits)],
    ),
    (
        "cache_tiered_journal_syncs_total",
        "syncs that the journal asked of its device",
        &[(&[], |stats| stats.behind.journal_syncs)],
    ),
];

const LEVELS: &[Level<TieredStats>] = &[
    (
        "cache_tiered_memory_entries",
        "entries in the memory tier",
        |stats| stats.memory.len as f64,
    ),
    ("cache_tiered_memory_weight", "their weight", |stats| {
        stats.memory.weight as f64
    }),
    (
        "cache_tiered_memory_capacity",
        "the weight that they may have",
        |stats| stats.memory.capacity as f64,
    ),
    (
        "cache_tiered_behind_dirty_keys",
        "keys that the store does not have in their latest state, dead letters apart",
        |stats| stats.behind.dirty_keys as f64,
    ),
    (
        "cache_tiered_behind_dirty_bytes",
        "bytes of these and their values, as encoded",
        |stats| stats.behind.dirty_bytes as f64,
    ),
    (
        "cache_tiered_behind_dead_letters",
        "dead letters",
        |stats| stats.behind.dead_letters as f64,
    ),
    (
        "cache_tiered_behind_store_is_down",
        "1 while the store takes nothing and is probed, else 0",
        |stats| f64::from(u8::from(stats.behind.store_is_down)),
    ),
    (
        "cache_tiered_journal_file_bytes",
        "bytes of the journal's files",
        |stats| stats.behind.journal_file_bytes as f64,
    ),
    (
        "cache_tiered_journal_segments",
        "segments of the journal in use",
        |stats| stats.behind.journal_segments as f64,
    ),
];
