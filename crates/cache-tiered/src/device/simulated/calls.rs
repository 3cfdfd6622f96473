//! The calls of the device, each with its faults.

use super::change::{Change, Data, Entry, SECTOR};
use super::{Fault, Simulated, State};
use crate::device::{Device, DeviceFile};
use parking_lot::Mutex;
use std::io::{self, ErrorKind};

struct SimulatedFile {
    device: Simulated,
    file: usize,
    locks: Mutex<bool>,
}

impl Device for Simulated {
    fn list(&self) -> io::Result<Vec<String>> {
        Ok(self.names())
    }

    fn open(&self, name: &str) -> io::Result<Box<dyn DeviceFile>> {
        let file = self.state.lock().names.get(name).copied();
        Ok(Box::new(SimulatedFile {
            device: self.clone(),
            file: file.ok_or(ErrorKind::NotFound)?,
            locks: Mutex::new(false),
        }))
    }

    fn create(&self, name: &str) -> io::Result<Box<dyn DeviceFile>> {
        let file = self.step(|state| {
            if state.names.contains_key(name) {
                return Err(ErrorKind::AlreadyExists.into());
            }
            let file = state.data.len();
            state.data.push(Data::default());
            state.names.insert(name.to_owned(), file);
            state.pending.push(Entry::Create(name.to_owned(), file));
            Ok(file)
        })?;
        Ok(Box::new(SimulatedFile {
            device: self.clone(),
            file,
            locks: Mutex::new(false),
        }))
    }

    fn rename(&self, from: &str, to: &str) -> io::Result<()> {
        self.step(|state| {
            let file = state.names.remove(from).ok_or(ErrorKind::NotFound)?;
            state.names.insert(to.to_owned(), file);
            state
                .pending
                .push(Entry::Rename(from.to_owned(), to.to_owned()));
            Ok(())
        })
    }

    fn delete(&self, name: &str) -> io::Result<()> {
        self.step(|state| {
            state.names.remove(name).ok_or(ErrorKind::NotFound)?;
            state.pending.push(Entry::Delete(name.to_owned()));
            Ok(())
        })
    }

    fn sync_directory(&self) -> io::Result<()> {
        self.state.lock().watch();
        self.step(|state| {
            state.pending.clear();
            state.durable_names.clone_from(&state.names);
            Ok(())
        })
    }

    fn boot(&self) -> [u8; 16] {
        [self.state.lock().boot; 16]
    }

    fn uuid(&self) -> [u8; 16] {
        let mut uuid = [0x5a; 16];
        let state = &mut *self.state.lock();
        // The first one is that of the golden files.
        uuid[..8]
            .iter_mut()
            .zip(state.uuids.to_le_bytes())
            .for_each(|(byte, count)| *byte ^= count);
        state.uuids += 1;
        uuid
    }
}

impl SimulatedFile {
    /// Puts bytes into the page cache.
    fn put(state: &mut State, file: usize, offset: u64, bytes: &[u8]) {
        let change = Change::Write(offset as usize, bytes.to_vec());
        let data = &mut state.data[file];
        change.apply(&mut data.cached, || true);
        data.pending.push(change);
    }
}

impl DeviceFile for SimulatedFile {
    fn try_lock(&self) -> io::Result<bool> {
        let mut state = self.device.state.lock();
        let free = !state.locked;
        state.locked = true;
        *self.locks.lock() |= free;
        Ok(free)
    }

    fn unlock(&self) {
        let mut state = self.device.state.lock();
        if std::mem::take(&mut *self.locks.lock()) && state.life == self.device.life {
            state.locked = false;
        }
    }

    fn len(&self) -> io::Result<u64> {
        Ok(self.device.state.lock().data[self.file].cached.len() as u64)
    }

    fn read_at(&self, offset: u64, out: &mut [u8]) -> io::Result<usize> {
        let state = &mut *self.device.state.lock();
        if state.dead || state.life != self.device.life {
            return Err(io::Error::other("the process has ended"));
        }
        state.reads += 1;
        if state.unreadable.remove(&(state.reads - 1)) {
            return Err(io::Error::other("the device is broken"));
        }
        let shortened = state.shortened.remove(&(state.reads - 1));
        let bytes = state.data[self.file].cached.get(offset as usize..);
        let bytes = bytes.unwrap_or_default();
        let mut read = bytes.len().min(out.len());
        if shortened && read > 1 {
            read = read.div_ceil(2);
        }
        out[..read].copy_from_slice(&bytes[..read]);
        Ok(read)
    }

    fn write_at(&self, offset: u64, bytes: &[u8]) -> io::Result<usize> {
        let state = &mut *self.device.state.lock();
        let fault = self.device.call(state)?;
        // What the page cache has may be torn anywhere.
        let part = state.random.below(bytes.len() as u64 + 1) as usize;
        match fault {
            None | Some(Fault::Panic) => {
                Self::put(state, self.file, offset, bytes);
                Ok(bytes.len())
            }
            Some(Fault::Short) => {
                let part = if part == 0 { bytes.len() } else { part };
                Self::put(state, self.file, offset, &bytes[..part]);
                Ok(part)
            }
            Some(Fault::Full) => {
                Self::put(state, self.file, offset, &bytes[..part]);
                Err(ErrorKind::StorageFull.into())
            }
            Some(Fault::Crash) => {
                Self::put(state, self.file, offset, &bytes[..part]);
                Err(io::Error::other("the process ends"))
            }
            Some(Fault::Broken) => {
                // Sectors in any order.
                for (index, sector) in bytes.chunks(SECTOR).enumerate() {
                    if state.random.below(2) == 0 {
                        let at = offset + (index * SECTOR) as u64;
                        Self::put(state, self.file, at, sector);
                    }
                }
                Err(io::Error::other("the device is broken"))
            }
        }
    }

    fn allocate(&self, bytes: u64) -> io::Result<()> {
        self.device.step(|state| {
            if state.full {
                return Err(ErrorKind::StorageFull.into());
            }
            let change = Change::SetLen(bytes as usize);
            let data = &mut state.data[self.file];
            change.apply(&mut data.cached, || true);
            data.pending.push(change);
            Ok(())
        })
    }

    fn sync_data(&self) -> io::Result<()> {
        let state = &mut *self.device.state.lock();
        state.watch();
        let fault = self.device.call(state)?;
        let pending = std::mem::take(&mut state.data[self.file].pending);
        let random = &mut state.random;
        match fault {
            None | Some(Fault::Short | Fault::Panic) => {
                let durable = &mut state.data[self.file].durable;
                pending
                    .iter()
                    .for_each(|change| change.apply(durable, || true));
                Ok(())
            }
            Some(Fault::Crash) => {
                state.data[self.file].pending = pending;
                Err(io::Error::other("the process ends"))
            }
            // What was not written is forgotten, yet still read: no later sync finds it.
            Some(Fault::Broken | Fault::Full) => {
                let durable = &mut state.data[self.file].durable;
                for change in pending {
                    change.apply(durable, || random.below(2) == 0);
                }
                Err(io::Error::other("the device is broken"))
            }
        }
    }
}

impl Drop for SimulatedFile {
    fn drop(&mut self) {
        self.unlock();
    }
}
