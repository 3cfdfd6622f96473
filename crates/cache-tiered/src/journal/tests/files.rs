//! A journal in a real directory: who may have it, and what is refused.

use super::model::options;
use crate::device::system::while_none_starts;
use crate::device::{DirectoryError, Lock};
use crate::durability::Durability;
use crate::journal::{Change, Journal, JournalStats, OpenError, ReadError, Recovery};
use std::fs;
use std::io;
use std::os::unix::fs::{FileExt, MetadataExt, PermissionsExt, chown, symlink};
use std::path::{Path, PathBuf};
use tempfile::TempDir;

fn open(path: &Path) -> Result<(Journal, Recovery), OpenError> {
    while_none_starts(|| Journal::open(path, options(Durability::Power)))
}

/// A directory with a journal of one record.
fn made() -> (TempDir, PathBuf) {
    let parent = tempfile::tempdir().unwrap();
    let path = parent.path().join("journal");
    let (journal, recovery) = open(&path).unwrap();
    assert!(recovery.records.is_empty());
    let change = Change::Put(b"value".to_vec());
    let handle = journal.append(5, b"key".to_vec(), change).unwrap();
    handle.wait().unwrap();
    (parent, path)
}

fn mode(path: &Path) -> u32 {
    path.symlink_metadata().unwrap().mode() & 0o7777
}

#[test]
fn directory_and_files_are_for_their_owner_alone_and_records_come_back() {
    let (_parent, path) = made();
    assert_eq!(mode(&path), 0o700);
    let mut files = 0;
    for entry in fs::read_dir(&path).unwrap() {
        assert_eq!(mode(&entry.unwrap().path()), 0o600);
        files += 1;
    }
    assert_eq!(files, 4, "identity, segment, and files for the next two");
    let segment = path.join("segment-000000").metadata().unwrap();
    assert_eq!(segment.len(), 16 << 10, "preallocated");
    let (journal, recovery) = open(&path).unwrap();
    assert_eq!(recovery.records.len(), 1);
    assert_eq!((recovery.records[0].stamp, recovery.stamp_high), (5, 5));
    let stats: JournalStats = journal.stats();
    assert_eq!((stats.unsettled, stats.file_bytes), (1, 3 * (16 << 10)));
}

#[test]
fn a_journal_is_open_once() {
    let (_parent, path) = made();
    let (first, _) = open(&path).unwrap();
    let error = open(&path).unwrap_err();
    assert!(matches!(error, OpenError::Locked), "{error}");
    drop(first);
    open(&path).unwrap();
}

#[test]
fn a_symbolic_link_and_a_file_are_refused() {
    let (parent, path) = made();
    let link = parent.path().join("link");
    symlink(&path, &link).unwrap();
    assert!(matches!(
        open(&link),
        Err(OpenError::Directory(DirectoryError::Symlink { .. }))
    ));
    let file = path.join("journal");
    assert!(matches!(
        open(&file),
        Err(OpenError::Directory(DirectoryError::NotADirectory { .. }))
    ));
}

#[test]
fn a_segment_that_is_a_symbolic_link_is_refused() {
    let (parent, path) = made();
    let elsewhere = parent.path().join("elsewhere");
    fs::rename(path.join("segment-000000"), &elsewhere).unwrap();
    symlink(&elsewhere, path.join("segment-000000")).unwrap();
    assert!(open(&path).is_err());
}

#[test]
fn a_directory_that_others_may_change_is_refused() {
    let (_parent, path) = made();
    fs::set_permissions(&path, fs::Permissions::from_mode(0o770)).unwrap();
    let error = open(&path).unwrap_err();
    assert!(
        matches!(
            error,
            OpenError::Directory(DirectoryError::OpenToOthers { mode: 0o770, .. })
        ),
        "{error}"
    );
}

#[test]
fn a_directory_of_another_user_is_refused() {
    let (_parent, path) = made();
    // Root can give it away; nobody else owns the root of the file system.
    let foreign = match chown(&path, Some(1), None) {
        Ok(()) => path,
        Err(_) => PathBuf::from("/"),
    };
    let error = open(&foreign).unwrap_err();
    assert!(
        matches!(
            error,
            OpenError::Directory(DirectoryError::ForeignOwner { .. })
        ),
        "{error}"
    );
}

#[test]
fn a_directory_with_other_files_is_refused_and_left_alone() {
    let parent = tempfile::tempdir().unwrap();
    let path = parent.path().join("data");
    fs::create_dir(&path).unwrap();
    fs::set_permissions(&path, fs::Permissions::from_mode(0o700)).unwrap();
    fs::write(path.join("notes.txt"), "mine").unwrap();
    let error = open(&path).unwrap_err();
    assert!(error.to_string().contains("notes.txt"), "{error}");
    assert_eq!(fs::read_dir(&path).unwrap().count(), 1);
}

#[test]
fn a_segment_of_another_journal_is_refused() {
    let ((_one, path), (_other, other)) = (made(), made());
    fs::copy(other.join("segment-000000"), path.join("segment-000001")).unwrap();
    let error = open(&path).unwrap_err();
    assert!(
        matches!(&error, OpenError::ForeignFile { file } if file == "segment-000001"),
        "{error}"
    );
}

#[test]
fn a_journal_of_another_version_is_refused_and_left_untouched() {
    let names = ["journal", "segment-000000"];
    for (name, other) in names.iter().flat_map(|name| [(name, 1_u32), (name, 3)]) {
        let (_parent, path) = made();
        let file = fs::OpenOptions::new()
            .write(true)
            .open(path.join(name))
            .unwrap();
        file.write_all_at(&other.to_le_bytes(), 8).unwrap();
        let all = || names.map(|name| fs::read(path.join(name)).unwrap());
        let before = all();
        match open(&path) {
            Err(OpenError::Version { file, version }) => {
                assert_eq!((file.as_str(), version), (*name, other));
            }
            other => panic!("{other:?}"),
        }
        assert!(all() == before);
    }
}

#[test]
fn what_a_device_refuses_is_told_by_kind() {
    let told = |kind: io::ErrorKind| OpenError::from(io::Error::from(kind));
    assert!(matches!(
        told(io::ErrorKind::ReadOnlyFilesystem),
        OpenError::ReadOnly(_)
    ));
    assert!(matches!(
        told(io::ErrorKind::PermissionDenied),
        OpenError::ReadOnly(_)
    ));
    assert!(matches!(
        told(io::ErrorKind::StorageFull),
        OpenError::Full(_)
    ));
    assert!(matches!(
        told(io::ErrorKind::QuotaExceeded),
        OpenError::Full(_)
    ));
    assert!(matches!(told(io::ErrorKind::Other), OpenError::Io(_)));
}

#[test]
fn a_dead_letter_that_was_damaged_since_is_an_error_that_names_the_place() {
    let (_parent, path) = made();
    let (journal, recovery) = open(&path).unwrap();
    journal
        .bury(recovery.records[0].sequence, "refused")
        .wait()
        .unwrap();
    assert_eq!(journal.dead_letters(0, 10).unwrap().len(), 1);
    let file = fs::OpenOptions::new()
        .write(true)
        .open(path.join("segment-000000"))
        .unwrap();
    file.write_all_at(b"?", 4096 + 50).unwrap();
    match journal.dead_letters(0, 10) {
        Err(ReadError::Damaged {
            file, offset: 4096, ..
        }) => assert_eq!(file, "segment-000000"),
        other => panic!("{other:?}"),
    }
}

#[test]
fn a_descriptor_that_a_starting_process_has_inherited_keeps_no_lock() {
    let folder = TempDir::new().unwrap();
    let path = folder.path().join("journal");
    let file = fs::File::create(&path).unwrap();
    // As fork makes it: another descriptor of the same open file.
    let inherited = file.try_clone().unwrap();
    let lock = Lock::take(Box::new(file)).unwrap().expect("nobody has it");
    let open = || Box::new(fs::File::open(&path).unwrap());
    assert!(Lock::take(open()).unwrap().is_none(), "it is locked");
    drop(lock);
    assert!(Lock::take(open()).unwrap().is_some(), "it is free");
    drop(inherited);
}
