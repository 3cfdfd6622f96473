//! Headers and identities that were being written when the process died: at every byte the journal
//! opens and has what was acknowledged. And bits of headers that flip: that is not taken for it.

use super::model::options;
use crate::device::simulated::Simulated;
use crate::durability::Durability;
use crate::journal::{Append, Change, Journal, OpenError, Record, Recovery, Torn};
use std::collections::BTreeMap;
use std::sync::Arc;

const HEADER: usize = 128;
const IDENTITY: usize = 64;

type Files = BTreeMap<String, Vec<u8>>;

fn files(device: &Simulated) -> Files {
    let names = device.names().into_iter();
    names
        .map(|name| (name.clone(), device.bytes(&name)))
        .collect()
}

fn device(files: &Files) -> Simulated {
    let device = Simulated::new(5);
    files
        .iter()
        .for_each(|(name, bytes)| device.put(name, bytes));
    device
}

fn open(device: &Simulated) -> Result<(Journal, Recovery), OpenError> {
    Journal::open_on(Arc::new(device.clone()), options(Durability::Process))
}

fn put(journal: &Journal, stamp: u64) -> u64 {
    let change = Change::Put(vec![stamp as u8; 3_000]);
    let append: Result<Append, _> = journal.append(stamp, vec![stamp as u8], change);
    append.unwrap().wait().unwrap()
}

/// Files before and after a segment was begun in the file of another one, and that file's name; before,
/// nothing else has changed.
struct Begun {
    before: Files,
    after: Files,
    file: String,
}

fn begun() -> Begun {
    let disk = Simulated::new(3);
    let (journal, _) = open(&disk).unwrap();
    let mut alive = Vec::new();
    for stamp in 1..200 {
        let before = files(&disk);
        let recycled = journal.stats().segments_recycled;
        alive.push(put(&journal, stamp));
        if journal.stats().segments_recycled > recycled {
            let after = files(&disk);
            let changed = |name: &&String| before[*name][..HEADER] != after[*name][..HEADER];
            let both = after
                .keys()
                .filter(|name| name.starts_with("segment-") && before.contains_key(*name));
            let file = both.into_iter().find(changed).cloned().unwrap();
            return Begun {
                before,
                after,
                file,
            };
        }
        if alive.len() > 12 {
            journal.settle(&alive.drain(..4).collect::<Vec<_>>());
        }
    }
    panic!("no file was used again");
}

fn records(files: &Files) -> Vec<Record> {
    open(&device(files)).unwrap().1.records
}

#[test]
fn g4_a_header_torn_at_any_byte_loses_nothing_acknowledged() {
    let begun = begun();
    let expected = records(&begun.before);
    assert!(expected.len() > 5);
    let mut torn = 0;
    for cut in 0..=HEADER {
        let mut files = begun.before.clone();
        let header = &begun.after[&begun.file][..cut];
        files.get_mut(&begun.file).unwrap()[..cut].copy_from_slice(header);
        let device = device(&files);
        let (journal, recovery) = open(&device).unwrap_or_else(|error| panic!("{cut}: {error}"));
        assert_eq!(recovery.records, expected, "cut at {cut}");
        assert!(recovery.losses.is_empty(), "cut at {cut}");
        let file = begun.file.clone();
        torn += u64::from(recovery.torn == Some(Torn { file, offset: 0 }));
        let mut sequence = recovery.sequence_high;
        for stamp in 201..215 {
            let next = put(&journal, stamp);
            assert!(next > sequence);
            sequence = next;
            let older = if stamp == 201 {
                &recovery.records[..]
            } else {
                &[]
            };
            let older = older.iter().map(|record| record.sequence);
            journal.settle(&older.collect::<Vec<_>>());
            if stamp % 3 == 0 {
                journal.settle(&[next]);
            }
        }
        drop(journal);
        let (_, again) = open(&device.killed()).unwrap();
        let stamps = again.records.iter().map(|record| record.stamp);
        let expected: Vec<u64> = (201..215).filter(|stamp| stamp % 3 != 0).collect();
        let new: Vec<u64> = stamps.filter(|&stamp| stamp > 200).collect();
        assert!(expected.iter().all(|stamp| new.contains(stamp)), "{cut}");
        assert!(again.losses.is_empty(), "{cut}");
    }
    // The old header and the new one have these bytes in common: magic, version, align, uuid.
    assert!((60..=HEADER - 32).contains(&(torn as usize)), "{torn} torn");
}

#[test]
fn any_bit_of_the_header_of_a_segment_in_use_flipped_is_refused() {
    let begun = begun();
    let expected = records(&begun.after);
    let (mut refused, mut spare) = (0, 0);
    for name in begun
        .after
        .keys()
        .filter(|name| name.starts_with("segment-"))
    {
        for bit in 0..HEADER * 8 {
            let mut files = begun.after.clone();
            files.get_mut(name).unwrap()[bit / 8] ^= 1 << (bit % 8);
            match open(&device(&files)) {
                // A file that is not in use, and so holds nothing.
                Ok((_, recovery)) => {
                    assert_eq!(recovery.records, expected, "{name}, bit {bit}");
                    spare += 1;
                }
                Err(
                    OpenError::Damaged { file, .. }
                    | OpenError::Version { file, .. }
                    | OpenError::ForeignFile { file },
                ) => {
                    assert_eq!(&file, name);
                    refused += 1;
                }
                Err(error) => panic!("{error}"),
            }
        }
    }
    let in_use = records_in_use(&begun.after);
    assert!(refused >= in_use * HEADER as u64 * 8, "{refused} refused");
    assert!(spare > 0, "no file was spare");
}

/// Segments in use when these files are opened.
fn records_in_use(files: &Files) -> u64 {
    let (journal, _) = open(&device(files)).unwrap();
    journal.stats().segments
}

#[test]
fn an_identity_torn_at_any_byte_is_written_again_where_there_is_no_segment() {
    let disk = Simulated::new(3);
    drop(open(&disk).unwrap());
    let whole = disk.bytes("journal");
    assert_eq!(whole.len(), IDENTITY);
    for cut in 0..IDENTITY {
        let alone = Files::from([("journal".to_owned(), whole[..cut].to_vec())]);
        let device = device(&alone);
        let (journal, recovery) = open(&device).unwrap_or_else(|error| panic!("{cut}: {error}"));
        assert!(recovery.records.is_empty());
        put(&journal, 1);
        drop(journal);
        assert_eq!(open(&device.killed()).unwrap().1.records.len(), 1);
        let mut files = files(&device);
        files.get_mut("journal").unwrap().truncate(cut);
        let refused = open(&self::device(&files)).map(|_| ()).unwrap_err();
        assert!(
            matches!(refused, OpenError::Damaged { .. }),
            "{cut}: {refused}"
        );
    }
    // What is no beginning of an identity is somebody's file.
    for text in [&b"notes"[..], b"STRATAWJ, the book"] {
        let theirs = Files::from([("journal".to_owned(), text.to_vec())]);
        let refused = open(&device(&theirs)).map(|_| ()).unwrap_err();
        assert!(matches!(refused, OpenError::Damaged { .. }), "{refused}");
    }
}
