//! Version 2 of the format, to the byte: files that an independent program made.

use super::model::options;
use crate::device::simulated::Simulated;
use crate::durability::Durability;
use crate::journal::{Change, Journal, OpenError, Record};
use std::sync::Arc;

const IDENTITY: &[u8] = include_bytes!("../../../tests/golden/journal-v2/journal");
const SEGMENT: &[u8] = include_bytes!("../../../tests/golden/journal-v2/segment-000000");
const FORMER: [(&str, &[u8]); 2] = [
    (
        "journal",
        include_bytes!("../../../tests/golden/journal-v1/journal"),
    ),
    (
        "segment-000000",
        include_bytes!("../../../tests/golden/journal-v1/segment-000000"),
    ),
];
const FORMAT: &str = include_str!("../../../docs/journal-format.md");

fn open(device: &Simulated) -> (Journal, Vec<Record>) {
    let options = options(Durability::Process);
    let opened = Journal::open_on(Arc::new(device.clone()), options);
    let (journal, recovery) = opened.unwrap();
    (journal, recovery.records)
}

#[test]
fn version_2_is_written_to_the_byte() {
    let device = Simulated::new(1);
    let (journal, _) = open(&device);
    let put = |stamp, key: &[u8], value: &[u8]| {
        let change = Change::Put(value.to_vec());
        journal.append(stamp, key.to_vec(), change).unwrap()
    };
    put(10, b"alpha", b"one").wait().unwrap();
    let second = put(11, b"beta", b"two");
    let third = journal
        .append(12, b"alpha".to_vec(), Change::Remove)
        .unwrap();
    assert_eq!((second.wait().unwrap(), third.wait().unwrap()), (2, 3));
    journal.settle(&[1]);
    journal.bury(2, "refused").wait().unwrap();
    journal.revive(2).wait().unwrap();
    put(13, b"gamma", b"").wait().unwrap();
    assert_eq!(device.bytes("journal"), IDENTITY);
    assert!(
        device.bytes("segment-000000") == SEGMENT,
        "the segment differs"
    );
}

#[test]
fn version_2_is_read() {
    let device = Simulated::new(1);
    device.put("journal", IDENTITY);
    device.put("segment-000000", SEGMENT);
    let (_, records) = open(&device);
    let record = |sequence, stamp, key: &[u8], change| Record {
        sequence,
        stamp,
        key: key.to_vec(),
        change,
    };
    let expected = [
        record(2, 11, b"beta", Change::Put(b"two".to_vec())),
        record(3, 12, b"alpha", Change::Remove),
        record(7, 13, b"gamma", Change::Put(Vec::new())),
    ];
    assert_eq!(records, expected);
}

#[test]
fn version_1_is_refused_and_left_as_it_is() {
    let device = Simulated::new(1);
    for (name, bytes) in FORMER {
        device.put(name, bytes);
    }
    let refused = Journal::open_on(Arc::new(device.clone()), options(Durability::Process));
    assert!(matches!(
        refused,
        Err(OpenError::Version { version: 1, .. })
    ));
    for (name, bytes) in FORMER {
        assert!(device.bytes(name) == bytes, "{name}");
    }
}

/// The bytes of a dump: lines of an offset, two spaces, up to sixteen bytes.
fn dumped(text: &str) -> Vec<u8> {
    let mut bytes = Vec::new();
    for line in text.lines().skip_while(|line| line.is_empty()) {
        let Some((offset, row)) = line.split_once("  ") else {
            break;
        };
        let offset = usize::from_str_radix(offset, 16).unwrap();
        assert_eq!(offset, bytes.len(), "{line}");
        let row = row
            .split(' ')
            .map(|byte| u8::from_str_radix(byte, 16).unwrap());
        bytes.extend(row);
    }
    bytes
}

#[test]
fn the_page_on_the_format_shows_these_files() {
    let mut dumps = FORMAT.split("```dump\n").skip(1).map(dumped);
    assert_eq!(dumps.next().unwrap(), IDENTITY);
    let segment = dumps.next().unwrap();
    let (shown, rest) = SEGMENT.split_at(segment.len());
    assert_eq!(shown, segment);
    assert!(rest.iter().all(|&byte| byte == 0));
}
