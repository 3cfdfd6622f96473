//! Reading a snapshot, block by block, each checked before a byte of it is believed.

use super::error::SnapshotError;
use super::format::{
    BLOCK_BYTES_MAX, BLOCK_HEADER, BlockHeader, ENTRY_HEADER, Entry, Fault, HEADER, Header, Kind,
};
use std::fs::File;
use std::io::{BufReader, ErrorKind, Read};
use std::path::{Path, PathBuf};

/// A snapshot that is being read. It never allocates more than what is left of the file.
#[derive(Debug)]
pub(crate) struct SnapshotReader<R = BufReader<File>> {
    path: PathBuf,
    input: R,
    header: Header,
    /// Bytes of the file behind what was read.
    left: u64,
    offset: u64,
    blocks: u64,
    entries: u64,
    body: Vec<u8>,
}

impl SnapshotReader {
    /// Opens a snapshot of this kind.
    pub(crate) fn open(path: &Path, wanted: Kind) -> Result<Self, SnapshotError> {
        let failed = SnapshotError::reading(path);
        let file = File::open(path).map_err(&failed)?;
        let metadata = file.metadata().map_err(&failed)?;
        if !metadata.is_file() {
            return Err(SnapshotError::Foreign {
                path: path.to_owned(),
            });
        }
        Self::new(path, BufReader::new(file), metadata.len(), wanted)
    }
}

impl<R: Read> SnapshotReader<R> {
    /// Reads a snapshot of `length` bytes.
    pub(super) fn new(
        path: &Path,
        mut input: R,
        length: u64,
        wanted: Kind,
    ) -> Result<Self, SnapshotError> {
        let owned = || path.to_owned();
        let foreign = || SnapshotError::Foreign { path: owned() };
        let Some(left) = length.checked_sub(HEADER as u64) else {
            return Err(foreign());
        };
        let mut bytes = [0; HEADER];
        input
            .read_exact(&mut bytes)
            .map_err(SnapshotError::reading(path))?;
        let header = Header::parse(&bytes).map_err(|fault| match fault {
            Fault::Foreign => foreign(),
            Fault::Version(version) => SnapshotError::Version {
                path: owned(),
                version,
            },
            Fault::Damaged(reason) => SnapshotError::Damaged {
                path: owned(),
                offset: 0,
                reason,
            },
        })?;
        if header.kind != wanted {
            return Err(SnapshotError::Kind {
                path: owned(),
                found: noun(header.kind),
                wanted: noun(wanted),
            });
        }
        Ok(Self {
            path: owned(),
            input,
            header,
            left,
            offset: HEADER as u64,
            blocks: 0,
            entries: 0,
            body: Vec::new(),
        })
    }

    /// Milliseconds since 1970 when it was taken.
    pub(crate) const fn taken(&self) -> u64 {
        self.header.taken
    }

    /// Bytes that it has allocated for blocks.
    #[cfg(test)]
    pub(super) fn capacity(&self) -> usize {
        self.body.capacity()
    }

    /// Reads the next block and hands its entries to `each`, the hottest first, until that says to stop; false at the
    /// end, and after a stop. Nothing of a damaged block is handed over.
    pub(crate) fn next_block(
        &mut self,
        mut each: impl FnMut(Entry<'_>) -> Result<bool, SnapshotError>,
    ) -> Result<bool, SnapshotError> {
        if self.left == 0 {
            return match self.entries == self.header.entries {
                true => Ok(false),
                false => Err(self.damage("it ends before its last entry")),
            };
        }
        let block = self.read_block()?;
        // All of them before the first is handed over.
        let mut rest = &self.body[..];
        let mut entries = 0;
        while !rest.is_empty() {
            let Some((_, behind)) = Entry::parse(rest) else {
                return Err(self.damage("an entry does not end within its block"));
            };
            rest = behind;
            entries += 1;
        }
        if entries != block.entries {
            return Err(self.damage("a block has not the entries that it says"));
        }
        let mut rest = &self.body[..];
        while let Some((entry, behind)) = Entry::parse(rest) {
            rest = behind;
            if !each(entry)? {
                return Ok(false);
            }
        }
        self.entries += u64::from(entries);
        self.offset += (BLOCK_HEADER + block.length) as u64;
        self.blocks += 1;
        Ok(true)
    }

    fn read_block(&mut self) -> Result<BlockHeader, SnapshotError> {
        let Some(left) = self.left.checked_sub(BLOCK_HEADER as u64) else {
            return Err(self.damage("it ends within the header of a block"));
        };
        let mut bytes = [0; BLOCK_HEADER];
        self.fill(|input, _| input.read_exact(&mut bytes))?;
        let block = BlockHeader::parse(&bytes);
        // Before anything is allocated for it.
        if block.length as u64 > left || block.length > BLOCK_BYTES_MAX {
            return Err(self.damage("a block is longer than what is left of the file"));
        }
        if block.length < ENTRY_HEADER {
            return Err(self.damage("a block has no entry"));
        }
        self.fill(|input, body| {
            body.resize(block.length, 0);
            input.read_exact(body)
        })?;
        self.left = left - block.length as u64;
        match block.is_whole(&bytes, self.header.id, self.blocks, &self.body) {
            true => Ok(block),
            false => Err(self.damage("the checksum of a block does not match")),
        }
    }

    fn fill(
        &mut self,
        read: impl FnOnce(&mut R, &mut Vec<u8>) -> std::io::Result<()>,
    ) -> Result<(), SnapshotError> {
        let Err(error) = read(&mut self.input, &mut self.body) else {
            return Ok(());
        };
        match error.kind() {
            ErrorKind::UnexpectedEof => Err(self.damage("it became shorter while it was read")),
            _ => Err(SnapshotError::reading(&self.path)(error)),
        }
    }

    fn damage(&self, reason: &'static str) -> SnapshotError {
        SnapshotError::Damaged {
            path: self.path.clone(),
            offset: self.offset,
            reason,
        }
    }
}

const fn noun(kind: Kind) -> &'static str {
    match kind {
        Kind::Entries => "keys and values",
        Kind::Keys => "keys alone",
    }
}
