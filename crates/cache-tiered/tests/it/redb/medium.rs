//! A medium in memory that redb writes to: it fails at a chosen call, or is full.

use redb::{BackendError, StorageBackend};
use std::collections::HashSet;
use std::io::{self, ErrorKind};
use std::ops::Bound;
use std::sync::{Arc, Mutex};

const BLOCK: u64 = 4096;

/// Which call is to fail.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Call {
    Read,
    Write,
    /// A write that is done, and fails all the same.
    LateWrite,
    Sync,
}

#[derive(Debug, Default)]
struct State {
    bytes: Vec<u8>,
    /// Blocks that were written once, and so have room.
    blocks: HashSet<u64>,
    /// The most blocks there can be; a write that needs one more finds the medium full.
    blocks_max: Option<usize>,
    /// Fails this call when the count has come down to 0; once.
    fault: Option<(Call, u64)>,
    faults: u64,
    syncs: u64,
    open: bool,
}

/// A handle to the medium. It is what survives when a store over it is dropped.
#[derive(Clone, Debug, Default)]
pub(crate) struct Medium {
    state: Arc<Mutex<State>>,
}

impl Medium {
    /// Fails the `nth` call of its kind from now on, counted from 0.
    pub(crate) fn fail(&self, call: Call, nth: u64) {
        self.state.lock().unwrap().fault = Some((call, nth));
    }

    /// How many calls have failed.
    pub(crate) fn faults(&self) -> u64 {
        self.state.lock().unwrap().faults
    }

    /// How many syncs reached the medium.
    pub(crate) fn syncs(&self) -> u64 {
        self.state.lock().unwrap().syncs
    }

    /// Leaves room for `more` blocks beyond those in use.
    pub(crate) fn limit(&self, more: usize) {
        let mut state = self.state.lock().unwrap();
        state.blocks_max = Some(state.blocks.len() + more);
    }

    /// Makes room.
    pub(crate) fn unlimit(&self) {
        let mut state = self.state.lock().unwrap();
        state.blocks_max = None;
        state.fault = None;
    }

    /// The opening that a store is given.
    pub(crate) fn open(&self) -> io::Result<Opening> {
        let mut state = self.state.lock().unwrap();
        assert!(!state.open, "the medium is open once at a time");
        state.open = true;
        Ok(Opening {
            medium: self.clone(),
        })
    }
}

impl State {
    fn meet(&mut self, call: Call, kind: ErrorKind) -> io::Result<()> {
        match &mut self.fault {
            Some((of, 0)) if *of == call => {
                self.fault = None;
                self.faults += 1;
                Err(kind.into())
            }
            Some((of, count)) if *of == call => {
                *count -= 1;
                Ok(())
            }
            _ => Ok(()),
        }
    }
}

/// One opening of a medium.
#[derive(Debug)]
pub(crate) struct Opening {
    medium: Medium,
}

impl StorageBackend for Opening {
    fn len(&self) -> io::Result<u64> {
        Ok(self.medium.state.lock().unwrap().bytes.len() as u64)
    }

    fn read(&self, offset: u64, out: &mut [u8]) -> io::Result<()> {
        let mut state = self.medium.state.lock().unwrap();
        state.meet(Call::Read, ErrorKind::Other)?;
        let offset = usize::try_from(offset).unwrap();
        let bytes = state.bytes.get(offset..offset + out.len());
        out.copy_from_slice(bytes.ok_or(ErrorKind::UnexpectedEof)?);
        Ok(())
    }

    fn set_len(&self, len: u64) -> io::Result<()> {
        let mut state = self.medium.state.lock().unwrap();
        // Sparse, as files are: room is taken by what is written.
        state.bytes.resize(usize::try_from(len).unwrap(), 0);
        state.blocks.retain(|block| block * BLOCK < len);
        Ok(())
    }

    fn sync_data(&self) -> io::Result<()> {
        let mut state = self.medium.state.lock().unwrap();
        state.meet(Call::Sync, ErrorKind::Other)?;
        state.syncs += 1;
        Ok(())
    }

    fn write(&self, offset: u64, data: &[u8]) -> io::Result<()> {
        let mut state = self.medium.state.lock().unwrap();
        state.meet(Call::Write, ErrorKind::StorageFull)?;
        let late = state.meet(Call::LateWrite, ErrorKind::Other);
        let end = offset + data.len() as u64;
        for block in offset / BLOCK..end.div_ceil(BLOCK) {
            let taken = state.blocks.contains(&block);
            if !taken
                && state
                    .blocks_max
                    .is_some_and(|max| state.blocks.len() >= max)
            {
                state.faults += 1;
                return Err(ErrorKind::StorageFull.into());
            }
            state.blocks.insert(block);
            // A write that meets the end of the room has written what came before.
            let from = offset.max(block * BLOCK);
            let to = end.min((block + 1) * BLOCK);
            let at = |position: u64| usize::try_from(position - offset).unwrap();
            let (start, stop) = (usize::try_from(from).unwrap(), usize::try_from(to).unwrap());
            state.bytes[start..stop].copy_from_slice(&data[at(from)..at(to)]);
        }
        late
    }

    fn close(&self) -> io::Result<()> {
        Ok(())
    }

    fn try_lock_range(&self, _: Bound<u64>, _: Bound<u64>) -> Result<bool, BackendError> {
        Ok(true)
    }

    fn try_lock_shared_range(&self, _: Bound<u64>, _: Bound<u64>) -> Result<bool, BackendError> {
        Ok(true)
    }

    fn unlock_range(&self, _: Bound<u64>, _: Bound<u64>) -> Result<(), BackendError> {
        Ok(())
    }

    fn query_lock_range(&self, _: Bound<u64>, _: Bound<u64>) -> Result<bool, BackendError> {
        Ok(false)
    }
}

impl Drop for Opening {
    fn drop(&mut self) {
        self.medium.state.lock().unwrap().open = false;
    }
}
