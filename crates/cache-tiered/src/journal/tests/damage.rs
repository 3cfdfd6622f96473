//! Truncation at every byte and every bit flipped: an error or a torn tail, never a wrong record.

use super::model::options;
use crate::device::simulated::{Fault, Simulated};
use crate::durability::Durability;
use crate::figures::{SEEDS, seeds, tell};
use crate::journal::{Change, Journal, JournalOptions, Loss, OpenError, Record, Recovery, Torn};
use std::sync::Arc;

const SEGMENT: &str = "segment-000000";

/// A journal of three groups in one segment, with a settled record and a dead one.
fn small(durability: Durability) -> (Simulated, Vec<Record>) {
    let device = Simulated::new(7);
    let (journal, _) = Journal::open_on(Arc::new(device.clone()), options(durability)).unwrap();
    let put = |stamp: u64, key: &[u8], value: &[u8]| {
        let change = Change::Put(value.to_vec());
        journal.append(stamp, key.to_vec(), change).unwrap()
    };
    let first = put(10, b"alpha", b"one").wait().unwrap();
    let (second, third) = (put(11, b"beta", b"two"), put(12, b"alpha", b"three"));
    let removal = journal
        .append(13, b"gamma".to_vec(), Change::Remove)
        .unwrap();
    let second = second.wait().unwrap();
    third.wait().unwrap();
    removal.wait().unwrap();
    journal.settle(&[first]);
    journal.bury(second, "refused").wait().unwrap();
    drop(journal);
    let device = device.killed();
    let recovery = open(&device, false).unwrap();
    (device.killed(), recovery.records)
}

fn open(device: &Simulated, salvage: bool) -> Result<Recovery, OpenError> {
    let options = JournalOptions {
        salvage,
        ..options(Durability::Process)
    };
    Journal::open_on(Arc::new(device.clone()), options).map(|(_, recovery)| recovery)
}

/// A device with other bytes in one file.
fn with(device: &Simulated, name: &str, bytes: &[u8]) -> Simulated {
    let damaged = Simulated::new(9);
    for other in device.names() {
        damaged.put(&other, &device.bytes(&other));
    }
    damaged.put(name, bytes);
    damaged
}

/// Opens damaged bytes: an error that names the file, or a torn tail with a beginning of what was
/// appended.
fn judge(device: &Simulated, name: &str, bytes: &[u8], whole: &[Record]) -> bool {
    match open(&with(device, name, bytes), false) {
        Ok(recovery) => {
            let appended = all(whole);
            let sound = recovery
                .records
                .iter()
                .all(|record| appended.contains(record));
            assert!(sound, "a wrong record: {:?}", recovery.records);
            recovery.torn.is_some()
        }
        Err(OpenError::Damaged { file, .. } | OpenError::Version { file, .. }) => {
            assert_eq!(file, name);
            false
        }
        Err(error) => panic!("{error}"),
    }
}

/// What was appended in all: a tail that is torn off takes what was said of records with it.
fn all(whole: &[Record]) -> Vec<Record> {
    let record = |sequence, stamp, key: &[u8], value: &[u8]| Record {
        sequence,
        stamp,
        key: key.to_vec(),
        change: Change::Put(value.to_vec()),
    };
    let mut all = whole.to_vec();
    all.push(record(1, 10, b"alpha", b"one"));
    all.push(record(2, 11, b"beta", b"two"));
    all
}

#[test]
fn a_segment_cut_at_any_byte_is_refused() {
    let (device, _) = small(Durability::Process);
    let bytes = device.bytes(SEGMENT);
    for len in 0..bytes.len() {
        match open(&with(&device, SEGMENT, &bytes[..len]), false) {
            Err(OpenError::Damaged { file, offset, .. }) => {
                assert!(file == SEGMENT && offset <= len as u64);
            }
            other => panic!("cut at {len}: {other:?}"),
        }
    }
    tell(&format!("cut at each of {} bytes", bytes.len()));
    assert_eq!(bytes.len(), 16 << 10);
}

#[test]
fn a_last_segment_whose_end_was_never_written_is_torn_at_any_byte() {
    let (device, whole) = small(Durability::Process);
    let bytes = device.bytes(SEGMENT);
    let used = bytes.iter().rposition(|&byte| byte != 0).unwrap() + 1;
    for len in 128..used {
        let mut torn = bytes.clone();
        torn[len..].fill(0);
        let recovery = open(&with(&device, SEGMENT, &torn), false).unwrap();
        if let Some(Torn { file, offset }) = &recovery.torn {
            assert!(file == SEGMENT && *offset < len as u64);
        }
        let appended = all(&whole);
        let expected: Vec<&Record> = recovery.records.iter().collect();
        assert!(
            expected.iter().all(|record| appended.contains(record)),
            "cut at {len}"
        );
    }
}

#[test]
fn any_bit_flipped_is_an_error_or_a_torn_tail() {
    for durability in [Durability::Process, Durability::Power] {
        let (device, whole) = small(durability);
        let bytes = device.bytes(SEGMENT);
        let used = bytes.iter().rposition(|&byte| byte != 0).unwrap() + 1;
        let (mut torn, mut flips) = (0, 0);
        // With fewer cases, as under a sanitizer, few of the many bytes between groups that are zero.
        let counts = |at: &usize| {
            seeds() >= SEEDS
                || *at < 128
                || at.is_multiple_of(64)
                || bytes[at & !63..][..64] != [0; 64]
        };
        for at in (0..used).filter(counts) {
            for bit in 0..8 {
                let mut flipped = bytes.clone();
                flipped[at] ^= 1 << bit;
                flips += 1;
                torn += u64::from(judge(&device, SEGMENT, &flipped, &whole));
            }
        }
        tell(&format!(
            "{durability}: each of {flips} bits flipped, {torn} of them as a torn tail"
        ));
        assert!(flips == used * 8 || seeds() < SEEDS);
        // With a block for each group the last one is in another segment.
        assert_eq!(torn > 0, durability == Durability::Process);
    }
}

#[test]
fn a_flip_in_a_group_before_the_last_one_is_never_a_torn_tail() {
    let (device, _) = small(Durability::Process);
    let bytes = device.bytes(SEGMENT);
    for at in 128..128 + 56 {
        for bit in 0..8 {
            let mut flipped = bytes.clone();
            flipped[at] ^= 1 << bit;
            match open(&with(&device, SEGMENT, &flipped), false) {
                Err(OpenError::Damaged { file, offset, .. }) => {
                    assert_eq!((file.as_str(), offset), (SEGMENT, 128));
                }
                other => panic!("byte {at} bit {bit}: {other:?}"),
            }
        }
    }
}

#[test]
fn any_bit_of_the_identity_flipped_is_refused() {
    let (device, whole) = small(Durability::Process);
    let bytes = device.bytes("journal");
    for at in 0..bytes.len() {
        for bit in 0..8 {
            let mut flipped = bytes.clone();
            flipped[at] ^= 1 << bit;
            assert!(!judge(&device, "journal", &flipped, &whole));
        }
    }
}

#[test]
fn salvage_keeps_what_can_be_read_reports_the_rest_and_heals() {
    let (device, _) = small(Durability::Process);
    let mut bytes = device.bytes(SEGMENT);
    // The second record of the second group.
    bytes[128 + 2 * 56 + 20] ^= 1;
    let damaged = with(&device, SEGMENT, &bytes);
    assert!(open(&damaged, false).is_err());
    let recovery = open(&damaged, true).unwrap();
    let loss = Loss {
        file: SEGMENT.to_owned(),
        offset: 128 + 2 * 56,
        reason: "frames that were acknowledged are missing, later ones are there".to_owned(),
    };
    assert_eq!(recovery.losses, [loss]);
    let stamps: Vec<u64> = recovery.records.iter().map(|record| record.stamp).collect();
    assert_eq!(stamps, [10, 11], "what lies before the damage");
    assert!(damaged.names().contains(&"damaged-000000".to_owned()));
    assert_eq!(damaged.bytes("damaged-000000"), bytes, "kept as it was");
    let again = open(&damaged.killed(), false).unwrap();
    assert!(again.losses.is_empty());
    assert_eq!(again.records, recovery.records);
}

#[test]
fn a_salvage_that_is_cut_short_is_done_again() {
    let (device, _) = small(Durability::Process);
    let mut bytes = device.bytes(SEGMENT);
    bytes[128 + 2 * 56 + 20] ^= 1;
    for after in 0..12 {
        let damaged = with(&device, SEGMENT, &bytes);
        damaged.fail(after, Fault::Crash);
        let _cut_short = open(&damaged, true);
        let recovery = open(&damaged.killed(), true).unwrap();
        let stamps: Vec<u64> = recovery.records.iter().map(|record| record.stamp).collect();
        assert_eq!(stamps, [10, 11], "after {after} calls");
        assert_eq!(
            open(&damaged.killed(), false).unwrap().records,
            recovery.records
        );
    }
}

#[test]
fn a_segment_cut_short_by_a_loss_of_power_is_not_used_again() {
    let (device, _) = small(Durability::Process);
    let bytes = device.bytes(SEGMENT);
    let device = with(&device, SEGMENT, &bytes[..400]).powered_off();
    for stamp in 20..30 {
        let (journal, recovery) =
            Journal::open_on(Arc::new(device.killed()), options(Durability::Process)).unwrap();
        assert!(stamp == 20 || recovery.losses.is_empty());
        assert_eq!(
            recovery.records.last().map(|record| record.stamp + 1) == Some(stamp),
            stamp > 20
        );
        let change = Change::Put(vec![0; 9_000]);
        let told = journal.append(stamp, b"key".to_vec(), change).unwrap();
        told.wait().unwrap();
        let older = recovery.records.iter().map(|record| record.sequence);
        journal.settle(&older.collect::<Vec<_>>());
        journal.close().unwrap();
    }
}

#[test]
fn a_segment_that_is_missing_is_named() {
    let device = Simulated::new(3);
    let (journal, _) =
        Journal::open_on(Arc::new(device.clone()), options(Durability::Process)).unwrap();
    for stamp in 1..40 {
        let change = Change::Put(vec![0; 1000]);
        journal
            .append(stamp, b"key".to_vec(), change)
            .unwrap()
            .wait()
            .unwrap();
    }
    drop(journal);
    let device = device.killed();
    device.remove("segment-000001");
    let error = open(&device, false).unwrap_err();
    assert!(
        error
            .to_string()
            .starts_with("segment-000002 is damaged at byte 0"),
        "{error}"
    );
    let recovery = open(&device, true).unwrap();
    assert!(!recovery.losses.is_empty() && !recovery.records.is_empty());
}
