//! Snapshots as files: what comes back, what is refused, and what damage cannot do.

use super::format::{BLOCK_BYTES, BlockHeader, HEADER, Header};
use super::{Entry, Kind, SnapshotError, SnapshotReader, SnapshotWriter};
use std::fs;
use std::io::Cursor;
use std::path::Path;

type Owned = (Vec<u8>, Vec<u8>, u64);

fn entries(count: u64, value_bytes: usize) -> Vec<Owned> {
    (0..count)
        .map(|number| {
            let key = number.to_le_bytes()[..1 + number as usize % 8].to_vec();
            let value = vec![number as u8; (number as usize * 7) % (value_bytes + 1)];
            (key, value, number.wrapping_sub(3))
        })
        .collect()
}

fn write(path: &Path, id: u8, entries: &[Owned]) -> Result<(u64, u64), SnapshotError> {
    let mut writer = SnapshotWriter::begin(path, Kind::Entries, [id; 16], 1_000)?;
    for (key, value, left) in entries {
        let left = *left;
        writer.push(&Entry { key, value, left })?;
    }
    writer.keep()
}

/// What a reader makes of these bytes: the entries it handed over, and how it ended.
fn read(bytes: &[u8], wanted: Kind) -> (Vec<Owned>, Result<u64, SnapshotError>) {
    let mut found = Vec::new();
    let input = Cursor::new(bytes);
    let path = Path::new("bytes");
    let mut reader = match SnapshotReader::new(path, input, bytes.len() as u64, wanted) {
        Ok(reader) => reader,
        Err(error) => return (found, Err(error)),
    };
    loop {
        let block = reader.next_block(|entry| {
            found.push((entry.key.to_vec(), entry.value.to_vec(), entry.left));
            Ok(true)
        });
        match block {
            Ok(true) => {}
            Ok(false) => return (found, Ok(reader.taken())),
            Err(error) => return (found, Err(error)),
        }
    }
}

#[test]
fn what_was_written_is_read_in_its_order() {
    let folder = tempfile::tempdir().unwrap();
    let path = folder.path().join("snapshot");
    for count in [0, 1, 3_000] {
        let written = entries(count, 1_000);
        let (kept, bytes) = write(&path, 1, &written).unwrap();
        let file = fs::read(&path).unwrap();
        assert_eq!((kept, bytes), (count, file.len() as u64));
        let (found, end) = read(&file, Kind::Entries);
        assert_eq!((found, end.unwrap()), (written, 1_000));
    }
    let blocks = fs::metadata(&path).unwrap().len() as usize / BLOCK_BYTES;
    assert!(blocks >= 4, "more than one block: {blocks}");
    assert_eq!(fs::read_dir(&folder).unwrap().count(), 1, "nothing is left");
}

#[test]
fn truncated_anywhere_it_gives_a_prefix_and_says_so() {
    let folder = tempfile::tempdir().unwrap();
    let path = folder.path().join("snapshot");
    let written = entries(60, 40);
    write(&path, 1, &written).unwrap();
    let file = fs::read(&path).unwrap();
    for length in 0..file.len() {
        let (found, end) = read(&file[..length], Kind::Entries);
        assert!(end.is_err(), "cut to {length} bytes");
        assert!(written.starts_with(&found), "cut to {length} bytes");
    }
}

#[test]
fn no_flipped_bit_goes_unseen() {
    let folder = tempfile::tempdir().unwrap();
    let path = folder.path().join("snapshot");
    let written = entries(30, 30);
    write(&path, 1, &written).unwrap();
    let mut file = fs::read(&path).unwrap();
    for bit in 0..file.len() * 8 {
        file[bit / 8] ^= 1 << (bit % 8);
        let (found, end) = read(&file, Kind::Entries);
        assert!(end.is_err(), "bit {bit}");
        assert!(found.is_empty(), "nothing of a damaged block: bit {bit}");
        file[bit / 8] ^= 1 << (bit % 8);
    }
}

#[test]
fn blocks_of_another_place_or_snapshot_are_damage() {
    let folder = tempfile::tempdir().unwrap();
    let path = folder.path().join("snapshot");
    // Three blocks of one entry each, all of the same length.
    let big = |byte: u8| (vec![byte], vec![byte; BLOCK_BYTES], u64::MAX);
    write(&path, 1, &[big(1), big(2), big(3)]).unwrap();
    let file = fs::read(&path).unwrap();
    let block = (file.len() - HEADER) / 3;
    let mut swapped = file.clone();
    swapped[HEADER..].rotate_left(block);
    let (found, end) = read(&swapped, Kind::Entries);
    assert!(found.is_empty() && matches!(end, Err(SnapshotError::Damaged { .. })));
    write(&path, 2, &[big(1), big(2), big(3)]).unwrap();
    let mut mixed = fs::read(&path).unwrap();
    mixed[HEADER + block..].copy_from_slice(&file[HEADER + block..]);
    let (found, end) = read(&mixed, Kind::Entries);
    assert_eq!(found, [big(1)], "the first block is its own");
    let Err(SnapshotError::Damaged { offset, .. }) = end else {
        panic!("{end:?}")
    };
    assert_eq!(offset, (HEADER + block) as u64);
}

/// A file of one block with these bytes, whose checksums match, that says to have so many entries.
fn forged(entries: u32, body: &[u8]) -> Vec<u8> {
    let header = Header {
        kind: Kind::Entries,
        id: [1; 16],
        taken: 1_000,
        entries: u64::from(entries),
    };
    let mut file = header.encode().to_vec();
    file.extend(BlockHeader::encode(header.id, 0, entries, body));
    file.extend(body);
    file
}

#[test]
fn nothing_of_a_block_is_handed_over_whose_checksum_matches_and_whose_entries_do_not() {
    let mut body = Vec::new();
    for (key, value, left) in &entries(3, 10) {
        let left = *left;
        Entry { key, value, left }.encode(&mut body);
    }
    let (found, end) = read(&forged(3, &body), Kind::Entries);
    assert_eq!((found.len(), end.unwrap()), (3, 1_000), "as it should be");
    for (says, bytes) in [(4, &body[..]), (2, &body[..]), (3, &body[..body.len() - 1])] {
        let (found, end) = read(&forged(says, bytes), Kind::Entries);
        assert!(found.is_empty() && matches!(end, Err(SnapshotError::Damaged { .. })));
    }
}

#[test]
fn lengths_that_the_file_does_not_warrant_allocate_nothing() {
    let folder = tempfile::tempdir().unwrap();
    let path = folder.path().join("snapshot");
    write(&path, 1, &entries(3, 10)).unwrap();
    let mut file = fs::read(&path).unwrap();
    file[HEADER + 4..HEADER + 8].copy_from_slice(&u32::MAX.to_le_bytes());
    let length = file.len() as u64;
    let input = Cursor::new(&file[..]);
    let mut reader = SnapshotReader::new(&path, input, length, Kind::Entries).unwrap();
    assert!(matches!(
        reader.next_block(|_| Ok(true)),
        Err(SnapshotError::Damaged { .. })
    ));
    assert_eq!(reader.capacity(), 0);
}

#[test]
fn foreign_files_are_neither_read_nor_replaced() {
    let folder = tempfile::tempdir().unwrap();
    let path = folder.path().join("letter");
    for text in ["", "dear reader", &"long ".repeat(100)] {
        fs::write(&path, text).unwrap();
        assert!(matches!(
            SnapshotReader::open(&path, Kind::Entries),
            Err(SnapshotError::Foreign { .. })
        ));
        assert!(matches!(
            write(&path, 1, &entries(3, 10)),
            Err(SnapshotError::Foreign { .. })
        ));
        assert_eq!(fs::read_to_string(&path).unwrap(), text);
    }
    assert!(matches!(
        write(folder.path(), 1, &[]),
        Err(SnapshotError::Foreign { .. })
    ));
}

#[test]
fn another_version_or_kind_is_named() {
    let folder = tempfile::tempdir().unwrap();
    let path = folder.path().join("snapshot");
    write(&path, 1, &entries(3, 10)).unwrap();
    let mut file = fs::read(&path).unwrap();
    let error = read(&file, Kind::Keys).1.unwrap_err();
    assert!(
        error
            .to_string()
            .contains("keys and values, and one of keys alone is needed"),
        "{error}"
    );
    file[8] = 9;
    let error = read(&file, Kind::Entries).1.unwrap_err();
    assert!(
        matches!(error, SnapshotError::Version { version: 9, .. }),
        "{error}"
    );
}

#[test]
fn a_snapshot_that_is_given_up_leaves_the_former_one() {
    let folder = tempfile::tempdir().unwrap();
    let path = folder.path().join("snapshot");
    let former = entries(5, 10);
    write(&path, 1, &former).unwrap();
    let mut writer = SnapshotWriter::begin(&path, Kind::Entries, [2; 16], 2_000).unwrap();
    let entry = Entry {
        key: b"key",
        value: b"value",
        left: 1,
    };
    writer.push(&entry).unwrap();
    drop(writer);
    let (found, end) = read(&fs::read(&path).unwrap(), Kind::Entries);
    assert_eq!((found, end.unwrap()), (former, 1_000));
    assert_eq!(fs::read_dir(&folder).unwrap().count(), 1, "nothing is left");
}

#[cfg(unix)]
#[test]
fn a_snapshot_is_its_owners_alone() {
    use std::os::unix::fs::PermissionsExt;
    let folder = tempfile::tempdir().unwrap();
    let path = folder.path().join("snapshot");
    write(&path, 1, &entries(5, 10)).unwrap();
    assert_eq!(
        fs::metadata(&path).unwrap().permissions().mode() & 0o777,
        0o600
    );
}
