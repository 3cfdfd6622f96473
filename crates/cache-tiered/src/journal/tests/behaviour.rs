//! What a user sees: order, backpressure, groups, threads and tasks.

use super::model::options;
use crate::device::simulated::{Fault, Simulated};
use crate::durability::Durability;
use crate::executor::block_on;
use crate::journal::{
    Append, AppendError, Change, Journal, JournalOptions, OpenError, Recovery, WhenFull,
};
use std::sync::Arc;

pub(super) fn open(device: &Simulated, options: JournalOptions) -> (Journal, Recovery) {
    Journal::open_on(Arc::new(device.clone()), options).unwrap()
}

pub(super) fn put(journal: &Journal, stamp: u64, bytes: usize) -> Append {
    let change = Change::Put(vec![stamp as u8; bytes]);
    journal
        .append(stamp, stamp.to_le_bytes().to_vec(), change)
        .unwrap()
}

#[test]
fn settings_out_of_range_are_refused() {
    let kib = 1 << 10;
    for (segment_bytes, capacity_bytes, wrong) in [
        (0, u64::MAX, "segment_bytes"),
        (15 * kib, u64::MAX, "segment_bytes"),
        (17 * kib, u64::MAX, "segment_bytes"),
        ((1 << 30) + 4 * kib, u64::MAX, "segment_bytes"),
        (16 * kib, 64 * kib - 1, "capacity_bytes"),
    ] {
        let wrong_options = JournalOptions {
            segment_bytes,
            capacity_bytes,
            ..options(Durability::Process)
        };
        let device = Simulated::new(1);
        match Journal::open_on(Arc::new(device.clone()), wrong_options) {
            Err(OpenError::Setting { setting, .. }) => assert_eq!(setting, wrong),
            other => panic!("{other:?}"),
        }
        assert!(device.names().is_empty(), "nothing was made");
    }
}

#[test]
fn segments_too_small_for_the_records_that_are_there_are_refused() {
    let device = Simulated::new(1);
    let large = JournalOptions {
        segment_bytes: 64 << 10,
        capacity_bytes: 1 << 20,
        ..options(Durability::Process)
    };
    let (journal, _) = open(&device, large.clone());
    let sequence = put(&journal, 1, 40_000).wait().unwrap();
    drop(journal);
    let device = device.killed();
    let error = Journal::open_on(Arc::new(device.clone()), options(Durability::Process));
    assert!(matches!(
        error,
        Err(OpenError::Setting {
            setting: "segment_bytes",
            ..
        })
    ));
    let (journal, recovery) = open(&device.killed(), large);
    assert_eq!(recovery.records.len(), 1);
    journal.settle(&[sequence]);
    journal.close().unwrap();
    drop(journal);
    // Without it, files of another size are replaced as they come free.
    let (journal, _) = open(&device.killed().killed(), options(Durability::Process));
    for stamp in 2..100 {
        let sequence = put(&journal, stamp, 1_000).wait().unwrap();
        journal.settle(&[sequence]);
    }
    assert!(journal.stats().file_bytes <= 96 << 10);
}

#[test]
fn appends_that_wait_together_share_one_write_and_one_sync() {
    let device = Simulated::new(1);
    let (journal, _) = open(&device, options(Durability::Power));
    put(&journal, 1, 10).wait().unwrap();
    let (calls, before) = (device.calls(), journal.stats());
    let handles: Vec<Append> = (2..12).map(|stamp| put(&journal, stamp, 10)).collect();
    let sequences: Vec<u64> = handles
        .into_iter()
        .map(|handle| handle.wait().unwrap())
        .collect();
    assert!(sequences.is_sorted());
    assert_eq!(device.calls() - calls, 2, "a write and a sync");
    let after = journal.stats();
    assert_eq!(
        (after.commits - before.commits, after.syncs - before.syncs),
        (1, 1)
    );
    assert_eq!(after.mean_group(), 5.5);
}

#[test]
fn a_record_too_large_for_a_segment_is_refused_and_the_largest_is_not() {
    let device = Simulated::new(1);
    let (journal, _) = open(&device, options(Durability::Process));
    let fits = (16 << 10) - 128 - 560 - 48 - 8;
    put(&journal, 1, fits).wait().unwrap();
    let error = journal.append(2, vec![0; 8], Change::Put(vec![0; fits + 1]));
    let error = error.unwrap_err();
    assert!(
        matches!(
            error,
            AppendError::TooLarge {
                bytes_max: 15_696,
                ..
            }
        ),
        "{error}"
    );
}

/// Fills the journal until it refuses.
fn fill(journal: &Journal) -> Vec<u64> {
    let mut sequences = Vec::new();
    loop {
        match put(journal, sequences.len() as u64 + 1, 1000).wait() {
            Ok(sequence) => sequences.push(sequence),
            Err(AppendError::Full(_)) => return sequences,
            Err(error) => panic!("{error}"),
        }
    }
}

#[test]
fn a_full_journal_refuses_until_records_are_settled_and_never_grows_beyond_its_cap() {
    let device = Simulated::new(1);
    let (journal, _) = open(&device, options(Durability::Process));
    for _ in 0..20 {
        let sequences = fill(&journal);
        assert!(
            sequences.len() >= 45,
            "{} of 1 KB in 96 KiB",
            sequences.len()
        );
        assert!(journal.stats().file_bytes <= 96 << 10);
        journal.settle(&sequences);
    }
    assert!(journal.stats().segments_recycled >= 20);
}

#[test]
fn a_full_device_refuses_records_and_room_comes_back_as_they_are_settled() {
    for durability in [Durability::Process, Durability::Power] {
        let device = Simulated::new(1);
        let vast = JournalOptions {
            capacity_bytes: 100 * (16 << 10),
            ..options(durability)
        };
        let (journal, _) = open(&device, vast);
        let mut sequences = vec![put(&journal, 1_000, 9_000).wait().unwrap()];
        device.fill();
        for _ in 0..10 {
            sequences.extend(fill(&journal));
            // Several notes, so that they do not fit where the records end.
            for some in sequences.chunks(sequences.len().div_ceil(3)) {
                journal.settle(some);
                journal.flush().wait().unwrap();
            }
            sequences.clear();
            assert!(journal.stats().file_bytes <= 4 * (16 << 10));
            sequences.push(put(&journal, 1_000, 1_000).wait().unwrap());
        }
    }
}

#[test]
fn a_record_that_is_never_settled_does_not_pin_the_journal_on_a_full_device() {
    for durability in [Durability::Process, Durability::Power] {
        let device = Simulated::new(1);
        let vast = JournalOptions {
            capacity_bytes: 100 * (16 << 10),
            ..options(durability)
        };
        let (journal, _) = open(&device, vast);
        put(&journal, 1, 500).wait().unwrap();
        for stamp in 2..1_000 {
            if stamp == 60 {
                device.fill();
            }
            let sequence = put(&journal, stamp, 500).wait().unwrap();
            journal.settle(&[sequence]);
        }
        assert!(journal.stats().copied > 0);
    }
}

#[test]
fn an_append_that_waits_for_room_gets_it_when_records_are_settled() {
    let device = Simulated::new(1);
    let (journal, _) = open(&device, options(Durability::Process));
    let sequences = fill(&journal);
    drop(journal);
    let (journal, recovery) = open(
        &device.killed(),
        JournalOptions {
            when_full: WhenFull::Wait,
            ..options(Durability::Process)
        },
    );
    assert_eq!(recovery.records.len(), sequences.len());
    std::thread::scope(|scope| {
        let waits: Vec<_> = (0..4)
            .map(|stamp| {
                let handle = put(&journal, 1_000 + stamp, 1000);
                scope.spawn(move || handle.wait())
            })
            .collect();
        while journal.stats().commits == 0 && !waits.iter().all(|wait| wait.is_finished()) {
            // Whether it comes before or after they wait, it lets them go on.
            journal.settle(&sequences);
            std::thread::yield_now();
        }
        let told: Vec<u64> = waits
            .into_iter()
            .map(|wait| wait.join().unwrap().unwrap())
            .collect();
        assert!(told.is_sorted(), "in the order of coming");
    });
}

#[test]
fn a_record_that_is_never_settled_does_not_pin_the_journal() {
    for durability in [Durability::Process, Durability::Power] {
        let device = Simulated::new(1);
        let (journal, _) = open(&device, options(durability));
        let straggler = put(&journal, 1, 500).wait().unwrap();
        for stamp in 2..2_000 {
            let sequence = put(&journal, stamp, 500).wait().unwrap();
            journal.settle(&[sequence]);
        }
        assert!(journal.stats().copied > 0);
        assert!(journal.stats().file_bytes <= 96 << 10);
        journal.close().unwrap();
        drop(journal);
        let (_, recovery) = open(&device.killed(), options(durability));
        let left: Vec<u64> = recovery
            .records
            .iter()
            .map(|record| record.sequence)
            .collect();
        assert_eq!(left, [straggler]);
        assert_eq!(recovery.stamp_high, 1_999);
    }
}

#[test]
fn a_failed_sync_is_unknown_and_never_asked_of_that_file_again() {
    let device = Simulated::new(1);
    let (journal, _) = open(&device, options(Durability::Power));
    let before = put(&journal, 1, 10).wait().unwrap();
    // Its write, then its sync.
    device.fail(1, Fault::Broken);
    let error = put(&journal, 2, 10).wait().unwrap_err();
    assert!(matches!(error, AppendError::Unknown(_)) && !error.is_without_effect());
    let after = put(&journal, 3, 10).wait().unwrap();
    assert_eq!(journal.stats().segments, 2, "later ones go elsewhere");
    drop(journal);
    let (_, recovery) = open(&device.powered_off(), options(Durability::Power));
    let left: Vec<u64> = recovery
        .records
        .iter()
        .map(|record| record.sequence)
        .collect();
    assert_eq!(left, [before, after], "the unknown one was made void");
}

#[test]
fn a_handle_can_be_awaited_and_a_dropped_one_is_written_all_the_same() {
    let device = Simulated::new(1);
    let (journal, _) = open(&device, options(Durability::Process));
    let first = put(&journal, 1, 10);
    let awaited = block_on(async { first.await.unwrap() });
    drop(put(&journal, 2, 10));
    let last = block_on(async { put(&journal, 3, 10).await.unwrap() });
    assert!(last > awaited);
    drop(journal);
    let (_, recovery) = open(&device.killed(), options(Durability::Process));
    assert_eq!(recovery.records.len(), 3);
}

#[test]
fn threads_and_tasks_append_at_once_and_each_sees_its_own_order() {
    let device = Simulated::new(1);
    let roomy = JournalOptions {
        capacity_bytes: 64 << 20,
        segment_bytes: 1 << 20,
        ..options(Durability::Power)
    };
    let (journal, _) = open(&device, roomy.clone());
    std::thread::scope(|scope| {
        for thread in 0..8_u64 {
            let journal = &journal;
            scope.spawn(move || {
                let mut last = 0;
                for index in 0..200 {
                    let handle = put(journal, thread << 32 | (index + 1), 20);
                    let told = if thread % 2 == 0 {
                        handle.wait()
                    } else {
                        block_on(handle)
                    };
                    let sequence = told.unwrap();
                    assert!(sequence > last);
                    last = sequence;
                }
            });
        }
    });
    let stats = journal.stats();
    assert_eq!((stats.records, stats.unsettled), (1_600, 1_600));
    assert!(stats.commits <= 1_600);
    drop(journal);
    let (_, recovery) = open(&device.powered_off(), roomy);
    for thread in 0..8 {
        let own = recovery
            .records
            .iter()
            .filter(|record| record.stamp >> 32 == thread);
        let indices: Vec<u64> = own.map(|record| record.stamp & 0xffff_ffff).collect();
        assert_eq!(indices, (1..=200).collect::<Vec<_>>(), "per-key order");
    }
}

#[test]
fn a_closed_journal_refuses_and_what_was_queued_is_written() {
    let device = Simulated::new(1);
    let (journal, _) = open(&device, options(Durability::Process));
    let queued = put(&journal, 1, 10);
    journal.close().unwrap();
    queued.wait().unwrap();
    assert!(matches!(
        put(&journal, 2, 10).wait(),
        Err(AppendError::Closed)
    ));
}

#[test]
fn loss_of_power_under_process_durability_opens_and_reports() {
    let mut losses = 0;
    for seed in 0..50 {
        let device = Simulated::new(seed);
        let (journal, _) = open(&device, options(Durability::Process));
        for stamp in 1..60 {
            put(&journal, stamp, 700).wait().unwrap();
        }
        drop(journal);
        let (_, recovery) = open(&device.powered_off(), options(Durability::Process));
        let stamps: Vec<u64> = recovery.records.iter().map(|record| record.stamp).collect();
        let beginning: Vec<u64> = (1..=stamps.len() as u64).collect();
        assert_eq!(
            stamps, beginning,
            "what is left is what was there at some time"
        );
        losses += recovery.losses.len();
    }
    assert!(losses > 0);
}

#[test]
fn newer_records_are_not_noted_as_settled_before_older_ones() {
    let roomy = JournalOptions {
        segment_bytes: 1 << 20,
        capacity_bytes: 4 << 20,
        // A group for each record, and for each note.
        group_bytes_max: 1,
        ..options(Durability::Process)
    };
    let device = Simulated::new(1);
    let (journal, _) = open(&device, roomy.clone());
    let handles: Vec<Append> = (1..=1_200).map(|stamp| put(&journal, stamp, 1)).collect();
    let told = handles.into_iter().map(|handle| handle.wait().unwrap());
    // Too many ranges for one note.
    let settled: Vec<u64> = told.step_by(2).collect();
    journal.settle(&settled);
    // The first note fails, and so does the way out; the second one would be written.
    device.fail(0, Fault::Full);
    device.fail(1, Fault::Full);
    let error = journal.flush().wait().unwrap_err();
    assert!(matches!(error, AppendError::Full(_)), "{error}");
    drop(journal);
    let (_, recovery) = open(&device.killed(), roomy);
    assert_eq!(recovery.records.len(), 1_200);
}
