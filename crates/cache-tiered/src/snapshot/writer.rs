//! Writing a snapshot: it appears under its name when it is whole and on the disk, or not at all.

use super::error::SnapshotError;
use super::format::{
    BLOCK_BYTES, BLOCK_BYTES_MAX, BlockHeader, Entry, Fault, HEADER, Header, Kind,
};
use std::fs::File;
use std::io::{ErrorKind, Read, Seek, Write};
use std::path::{Path, PathBuf};
use tempfile::NamedTempFile;

/// A snapshot that is being written, beside its place. Dropped before it is [kept](Self::keep), it is gone.
#[derive(Debug)]
pub(crate) struct SnapshotWriter {
    path: PathBuf,
    file: NamedTempFile,
    header: Header,
    /// The entries of the block that is not full yet.
    body: Vec<u8>,
    body_entries: u32,
    blocks: u64,
    bytes: u64,
}

impl SnapshotWriter {
    /// Begins one for `path`, where there is nothing or another snapshot, taken at so many milliseconds since 1970. `id` is different for each.
    pub(crate) fn begin(
        path: &Path,
        kind: Kind,
        id: [u8; 16],
        taken: u64,
    ) -> Result<Self, SnapshotError> {
        refuse_foreign(path)?;
        let failed = SnapshotError::writing(path);
        // Mode 0600, and a name that nobody else has.
        let mut file = NamedTempFile::with_prefix_in(".strata-", folder(path)).map_err(&failed)?;
        let header = Header {
            kind,
            id,
            taken,
            entries: 0,
        };
        // Its place; what it says is known at the end.
        file.write_all(&[0; HEADER]).map_err(&failed)?;
        Ok(Self {
            path: path.to_owned(),
            file,
            header,
            body: Vec::new(),
            body_entries: 0,
            blocks: 0,
            bytes: HEADER as u64,
        })
    }

    /// Adds the next entry, no hotter than those before.
    pub(crate) fn push(&mut self, entry: &Entry<'_>) -> Result<(), SnapshotError> {
        let bytes = entry.bytes();
        if bytes > BLOCK_BYTES_MAX - BLOCK_BYTES {
            return Err(SnapshotError::TooLarge { bytes });
        }
        entry.encode(&mut self.body);
        self.body_entries += 1;
        self.header.entries += 1;
        if self.body.len() >= BLOCK_BYTES {
            self.close_block()?;
        }
        Ok(())
    }

    fn close_block(&mut self) -> Result<(), SnapshotError> {
        let header =
            BlockHeader::encode(self.header.id, self.blocks, self.body_entries, &self.body);
        let failed = SnapshotError::writing(&self.path);
        self.file.write_all(&header).map_err(&failed)?;
        self.file.write_all(&self.body).map_err(&failed)?;
        self.bytes += (header.len() + self.body.len()) as u64;
        self.blocks += 1;
        self.body.clear();
        self.body_entries = 0;
        Ok(())
    }

    /// Gives the file its name, in the place of a former one; returns entries and bytes.
    pub(crate) fn keep(mut self) -> Result<(u64, u64), SnapshotError> {
        if self.body_entries > 0 {
            self.close_block()?;
        }
        let failed = SnapshotError::writing(&self.path);
        self.file.rewind().map_err(&failed)?;
        self.file
            .write_all(&self.header.encode())
            .map_err(&failed)?;
        self.file.as_file().sync_all().map_err(&failed)?;
        let kept = self.file.persist(&self.path);
        kept.map_err(|error| failed(error.error))?;
        // The name too is to survive a loss of power.
        let synced = File::open(folder(&self.path)).and_then(|folder| folder.sync_all());
        synced.map_err(&failed)?;
        Ok((self.header.entries, self.bytes))
    }
}

/// An error if there is something that no snapshot could be: it is not to be replaced.
fn refuse_foreign(path: &Path) -> Result<(), SnapshotError> {
    let foreign = || SnapshotError::Foreign {
        path: path.to_owned(),
    };
    match path.symlink_metadata() {
        Err(error) if error.kind() == ErrorKind::NotFound => return Ok(()),
        Err(error) => return Err(SnapshotError::writing(path)(error)),
        Ok(found) if !found.is_file() => return Err(foreign()),
        Ok(_) => {}
    }
    let mut bytes = [0; HEADER];
    let read = File::open(path).and_then(|mut file| file.read_exact(&mut bytes));
    match read.map(|()| Header::parse(&bytes)) {
        Err(error) if error.kind() != ErrorKind::UnexpectedEof => {
            Err(SnapshotError::writing(path)(error))
        }
        Err(_) | Ok(Err(Fault::Foreign)) => Err(foreign()),
        // One of another version, or a damaged one, is one.
        Ok(_) => Ok(()),
    }
}

/// The folder that the file is, or will be, in.
fn folder(path: &Path) -> &Path {
    match path.parent() {
        Some(folder) if !folder.as_os_str().is_empty() => folder,
        _ => Path::new("."),
    }
}
