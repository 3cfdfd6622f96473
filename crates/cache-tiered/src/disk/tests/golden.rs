//! Version 1 of the format, to the byte: a tier that an independent program made of what
//! `docs/disk-format.md` says.

use super::super::format::{
    FENCE_BYTES, FENCES_HEADER, Fence, FencesHeader, REGION_HEADER, RegionHeader, Superblock,
};
use super::{Begun, Disk, OpenError, Options, open_with, options};
use crate::checksum::Seed;
use crate::device::simulated::Simulated;
use std::collections::BTreeMap;

/// Names and lengths of files, each before the rows of 16 bytes in which it is not zero.
const DUMP: &str = include_str!("../../../tests/golden/disk-v1.txt");

const FENCES: &str = "fences-0000000001";
const REGION_BYTES: usize = 16 << 10;

type Files = BTreeMap<String, Vec<u8>>;

fn golden() -> Files {
    let mut files: Vec<(String, Vec<u8>)> = Vec::new();
    for line in DUMP.lines() {
        if let Some((offset, row)) = line.split_once("  ") {
            let at = usize::from_str_radix(offset, 16).unwrap();
            let (_, bytes) = files.last_mut().unwrap();
            let row = row.split(' ');
            for (byte, digits) in bytes[at..].iter_mut().zip(row) {
                *byte = u8::from_str_radix(digits, 16).unwrap();
            }
        } else {
            let (name, length) = line.split_once(' ').unwrap();
            files.push((name.to_owned(), vec![0; length.parse().unwrap()]));
        }
    }
    files.into_iter().collect()
}

fn device(files: &Files) -> Simulated {
    let device = Simulated::new(1);
    for (name, bytes) in files {
        device.put(name, bytes);
    }
    device
}

fn files(device: &Simulated) -> Files {
    let names = device.names().into_iter();
    names
        .map(|name| (name.clone(), device.bytes(&name)))
        .collect()
}

fn four_regions() -> Options {
    Options {
        capacity: 4 * REGION_BYTES as u64,
        ..options(false)
    }
}

/// The value of a key and its stamp.
fn read(disk: &Disk, key: &str) -> Option<(String, u64)> {
    let key = key.as_bytes();
    let found = disk.read(disk.hash(key), key, |_, parts| {
        String::from_utf8(parts.value.to_vec()).ok()
    });
    found.map(|found| (found.taken, found.stamp))
}

#[test]
fn version_1_is_read() {
    let device = device(&golden());
    let (disk, begun) = open_with(&device, &four_regions()).unwrap();
    assert_eq!(begun, Begun::Warm);
    let value = |text: &str, stamp| Some((text.to_owned(), stamp));
    let expected = [
        // Of two entries that of the higher stamp, though both are in one region.
        ("alpha", value("uno", 12)),
        // Behind a fence of its key.
        ("beta", None),
        // In a region without a footer.
        ("gamma", value("three", 21)),
        // Its time is over.
        ("delta", None),
        ("epsilon", value("four", 23)),
        // Behind the fence of everything.
        ("old", None),
        ("never", None),
    ];
    for (key, expected) in expected {
        assert_eq!(read(&disk, key), expected, "{key}");
    }
    // What a run of this version leaves is read again.
    disk.close().unwrap();
    drop(disk);
    let (disk, begun) = open_with(&device.powered_off(), &four_regions()).unwrap();
    assert_eq!(begun, Begun::Warm);
    assert_eq!(read(&disk, "alpha"), value("uno", 12));
    assert_eq!(read(&disk, "beta"), None);
}

#[test]
fn version_1_is_written_to_the_byte() {
    let files = golden();
    let (superblocks, regions, fences) = (&files["superblocks"], &files["regions"], &files[FENCES]);
    for at in [0, 4096] {
        let bytes = &superblocks[at..at + 128];
        assert_eq!(Superblock::parse(bytes).unwrap().encode(), bytes);
    }
    for region in [0, 2] {
        let bytes = &regions[region * REGION_BYTES..][..REGION_HEADER];
        let header = RegionHeader::parse(bytes).unwrap();
        assert_eq!(header.encode(), bytes);
        assert_eq!(header.region as usize, region);
    }
    let header = FencesHeader::parse(fences).unwrap();
    assert_eq!(header.encode(), fences[..FENCES_HEADER]);
    let seed = Seed::new(header.uuid, header.number, header.ordinal);
    for number in 0..2 {
        let at = FENCES_HEADER + number * FENCE_BYTES;
        let bytes = &fences[at..at + FENCE_BYTES];
        let fence = Fence::parse(bytes, &seed, at as u64).unwrap();
        assert_eq!(fence.encode(&seed, at as u64), bytes);
    }
}

/// Refuses a changed tier, and leaves it as it is.
fn refused(change: impl FnOnce(&mut Files)) -> OpenError {
    let mut before = golden();
    change(&mut before);
    let device = device(&before);
    let Err(error) = open_with(&device, &four_regions()) else {
        panic!("it was opened");
    };
    assert!(files(&device) == before, "it was changed: {error}");
    error
}

#[test]
fn a_later_version_is_refused_and_left_as_it_is() {
    // Of either superblock, or both: the newer one counts, but the older may be the later version's.
    for slots in [&[0][..], &[4096], &[0, 4096]] {
        let error = refused(|files| {
            let bytes = files.get_mut("superblocks").unwrap();
            slots.iter().for_each(|at| bytes[at + 8] = 2);
        });
        assert!(
            matches!(error, OpenError::Version { version: 2 }),
            "{error}"
        );
    }
}

#[test]
fn a_foreign_directory_is_refused_and_left_as_it_is() {
    let error = refused(|files| {
        let bytes = files.get_mut("superblocks").unwrap();
        bytes[0] = b'X';
        bytes[4096] = b'X';
    });
    assert!(matches!(error, OpenError::Foreign { .. }), "{error}");
    let error = refused(|files| drop(files.insert("notes.txt".to_owned(), b"mine".to_vec())));
    assert!(matches!(error, OpenError::Foreign { file } if file == "notes.txt"));
    let error = refused(|files| drop(files.remove("superblocks")));
    assert!(matches!(error, OpenError::Foreign { .. }), "{error}");
}
