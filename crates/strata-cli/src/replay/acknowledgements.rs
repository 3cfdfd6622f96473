//! The acknowledgement file: one record for each write that the store has acknowledged, for kill tests.
//!
//! A record is appended by one `write(2)` after the acknowledgement, so a record in the file means an acknowledged
//! write. The converse does not hold: a process killed between the two leaves an acknowledged write without a record.
//! The file is not synced; it survives the death of the process, not that of the machine.
//!
//! Layout: a header of 16 bytes, then records of 16 bytes {key u64, version u32, check u32}, little-endian. A last record
//! that is cut short was being written when its process died, and is dropped.

use std::fs::{File, OpenOptions};
use std::io::{self, BufReader, Read, Write};
use std::path::{Path, PathBuf};

use thiserror::Error;

use super::ledger::Versions;
use super::value::Identity;
use crate::trace::generate::scramble;

const HEADER: &[u8; RECORD_LEN] = b"strata acks v1\r\n";
const RECORD_LEN: usize = 16;

/// Why an acknowledgement file cannot be used.
#[derive(Debug, Error)]
#[non_exhaustive]
pub enum AcknowledgementError {
    /// The file system said no.
    #[error("cannot {what} the acknowledgement file {}", .path.display())]
    Io {
        /// What was attempted.
        what: &'static str,
        /// The file.
        path: PathBuf,
        /// The reason.
        source: io::Error,
    },
    /// The file begins with something else.
    #[error(
        "{} is not an acknowledgement file: name a new file, or one that an earlier run wrote", .path.display()
    )]
    Foreign {
        /// The file.
        path: PathBuf,
    },
    /// A record's check does not match.
    #[error("the acknowledgement file {} is damaged at byte {offset}", .path.display())]
    Damaged {
        /// The file.
        path: PathBuf,
        /// Where the damaged record begins.
        offset: u64,
    },
}

/// An acknowledgement file open for appending; each thread has its own handle.
#[derive(Debug)]
pub(crate) struct AcknowledgementLog {
    file: File,
    path: PathBuf,
}

impl AcknowledgementLog {
    /// Opens or creates the file; with it, the last acknowledged version of each key recorded so far.
    pub(crate) fn open(path: &Path) -> Result<(Self, Versions), AcknowledgementError> {
        let failed = |what| {
            move |source| AcknowledgementError::Io {
                what,
                path: path.to_owned(),
                source,
            }
        };
        let file = OpenOptions::new()
            .read(true)
            .append(true)
            .create(true)
            .open(path);
        let file = file.map_err(failed("open"))?;
        let (versions, whole) = read_records(&file, path)?;
        // A cut record would shift all that follow it.
        file.set_len(whole).map_err(failed("trim"))?;
        let log = Self {
            file,
            path: path.to_owned(),
        };
        if whole == 0 {
            (&log.file).write_all(HEADER).map_err(failed("write"))?;
        }
        Ok((log, versions))
    }

    /// How many bytes that many records take.
    pub(crate) const fn bytes(records: u64) -> u64 {
        records * RECORD_LEN as u64
    }

    /// Another handle on the same file, for another thread.
    pub(crate) fn another(&self) -> Result<Self, AcknowledgementError> {
        match self.file.try_clone() {
            Ok(file) => Ok(Self {
                file,
                path: self.path.clone(),
            }),
            Err(source) => Err(self.failed("open", source)),
        }
    }

    /// Records that the store has acknowledged this write.
    pub(crate) fn append(&self, identity: Identity) -> Result<(), AcknowledgementError> {
        // Appending writes of one file do not interleave, and one this small is not cut by a kill.
        let written = (&self.file).write_all(&encode(identity));
        written.map_err(|source| self.failed("write", source))
    }

    fn failed(&self, what: &'static str, source: io::Error) -> AcknowledgementError {
        AcknowledgementError::Io {
            what,
            path: self.path.clone(),
            source,
        }
    }
}

/// The last version of each key, and the length of the file up to its last whole record.
fn read_records(file: &File, path: &Path) -> Result<(Versions, u64), AcknowledgementError> {
    let mut reader = BufReader::with_capacity(1 << 16, file);
    let mut record = [0; RECORD_LEN];
    let mut offset = 0;
    let mut versions = Versions::default();
    loop {
        let mut filled = 0;
        while filled < RECORD_LEN {
            match reader.read(&mut record[filled..]) {
                Ok(0) => break,
                Ok(read) => filled += read,
                Err(error) if error.kind() == io::ErrorKind::Interrupted => {}
                Err(source) => {
                    let path = path.to_owned();
                    return Err(AcknowledgementError::Io {
                        what: "read",
                        path,
                        source,
                    });
                }
            }
        }
        if offset == 0 && !HEADER.starts_with(&record[..filled]) {
            return Err(AcknowledgementError::Foreign {
                path: path.to_owned(),
            });
        }
        if filled < RECORD_LEN {
            return Ok((versions, offset));
        }
        if offset > 0 {
            let Some(identity) = decode(&record) else {
                return Err(AcknowledgementError::Damaged {
                    path: path.to_owned(),
                    offset,
                });
            };
            versions.insert(identity.key, identity.version);
        }
        offset += RECORD_LEN as u64;
    }
}

fn encode(identity: Identity) -> [u8; RECORD_LEN] {
    let mut record = [0; RECORD_LEN];
    record[..8].copy_from_slice(&identity.key.to_le_bytes());
    record[8..12].copy_from_slice(&identity.version.to_le_bytes());
    record[12..].copy_from_slice(&check(identity).to_le_bytes());
    record
}

fn decode(record: &[u8; RECORD_LEN]) -> Option<Identity> {
    let word = |start: usize| {
        let mut bytes = [0; 4];
        bytes.copy_from_slice(&record[start..start + 4]);
        u32::from_le_bytes(bytes)
    };
    let key = u64::from(word(4)) << 32 | u64::from(word(0));
    let identity = Identity {
        key,
        version: word(8),
    };
    (word(12) == check(identity)).then_some(identity)
}

fn check(identity: Identity) -> u32 {
    (scramble(identity.key ^ scramble(u64::from(identity.version))) >> 32) as u32
}

#[cfg(test)]
mod tests {
    use super::*;

    fn written(records: &[(u64, u32)]) -> (tempfile::TempDir, PathBuf) {
        let directory = tempfile::tempdir().expect("a temporary directory");
        let path = directory.path().join("acks");
        let (log, before) = AcknowledgementLog::open(&path).expect("a new file");
        assert!(before.is_empty());
        for &(key, version) in records {
            log.append(Identity { key, version }).expect("an append");
        }
        (directory, path)
    }

    #[test]
    fn the_last_version_of_each_key_is_read_back() {
        let (_directory, path) = written(&[(7, 1), (u64::MAX, 1), (7, 2)]);
        let (log, versions) = AcknowledgementLog::open(&path).expect("the same file");
        assert_eq!(versions, Versions::from_iter([(7, 2), (u64::MAX, 1)]));
        log.another()
            .and_then(|log| log.append(Identity { key: 8, version: 1 }))
            .expect("append");
        let (_, versions) = AcknowledgementLog::open(&path).expect("the same file");
        assert_eq!(versions.get(&8), Some(&1));
    }

    #[test]
    fn a_torn_last_record_is_dropped_at_every_length() {
        let (_directory, path) = written(&[(7, 1), (8, 1)]);
        let whole = std::fs::read(&path).expect("the file");
        for len in 0..whole.len() {
            std::fs::write(&path, &whole[..len]).expect("a cut file");
            let (log, versions) = AcknowledgementLog::open(&path).expect("a cut file");
            assert_eq!(
                versions.len(),
                (len / RECORD_LEN).saturating_sub(1),
                "cut to {len}"
            );
            log.append(Identity { key: 9, version: 4 })
                .expect("an append");
            let (_, versions) = AcknowledgementLog::open(&path).expect("a mended file");
            assert_eq!(versions.get(&9), Some(&4), "cut to {len}");
        }
    }

    #[test]
    fn a_foreign_or_damaged_file_is_refused_and_left_alone() {
        let (_directory, path) = written(&[(7, 1), (8, 1)]);
        let mut bytes = std::fs::read(&path).expect("the file");
        bytes[17] ^= 1;
        std::fs::write(&path, &bytes).expect("a damaged file");
        let error = AcknowledgementLog::open(&path).expect_err("damaged");
        assert!(
            matches!(error, AcknowledgementError::Damaged { offset: 16, .. }),
            "{error}"
        );
        std::fs::write(&path, "my diary").expect("a text file");
        let error = AcknowledgementLog::open(&path).expect_err("foreign");
        assert!(
            matches!(error, AcknowledgementError::Foreign { .. }),
            "{error}"
        );
        assert_eq!(std::fs::read(&path).expect("the file"), b"my diary");
    }
}
