//! The log of fences: what a restart must not bring back.
//!
//! A region that was written stays as it is until it is used again, so an entry that was removed
//! or replaced is still there, and only a fence tells recovery so. A fence is needed as long as a
//! region is left of those that there were when it was written. The files follow each other, each
//! says which was the last region when it began, and so the oldest goes once the regions have all
//! been used again that existed before the next one began.

use super::format::{FENCE_BYTES, FENCES_HEADER, Fence, FencesHeader};
use crate::checksum::Seed;
use crate::device::{Device, DeviceFile, write_full};
use parking_lot::{Condvar, Mutex};
use std::collections::VecDeque;
use std::io;
use std::sync::Arc;

/// The prefix of the names of its files.
pub(in crate::disk) const PREFIX: &str = "fences-";

pub(in crate::disk) fn name(number: u64) -> String {
    format!("{PREFIX}{number:010}")
}

/// The number in the name of a file of fences.
pub(in crate::disk) fn number(name: &str) -> Option<u64> {
    let digits = name.strip_prefix(PREFIX)?;
    let number = digits.parse().ok()?;
    (self::name(number) == name).then_some(number)
}

/// The file that is written to.
struct Tail {
    file: Arc<dyn DeviceFile>,
    number: u64,
    seed: Seed,
    /// Where the next fence goes.
    end: u64,
    /// An older file, and the last region that there was when it ended.
    older: VecDeque<(u64, u64)>,
    /// A write failed: where it left what is not known, so no fence goes behind it.
    broken: bool,
}

/// How far the newest file is durable; a file that is left behind was synced before.
struct Synced {
    number: u64,
    end: u64,
    leading: bool,
}

/// Fences are appended under one mutex, and synced, if they have to be, by one of those that wait
/// for all.
pub(in crate::disk) struct Fences {
    uuid: [u8; 16],
    /// A file is closed once it has so many bytes.
    file_bytes: u64,
    /// Fences survive a loss of power.
    durable: bool,
    tail: Mutex<Tail>,
    synced: Mutex<Synced>,
    came: Condvar,
}

fn begin(
    device: &dyn Device,
    uuid: [u8; 16],
    number: u64,
    ordinal: u64,
    durable: bool,
) -> io::Result<(Arc<dyn DeviceFile>, Seed)> {
    let header = FencesHeader {
        uuid,
        number,
        ordinal,
    };
    let name = name(number);
    let file = match device.create(&name) {
        // Left by an attempt that failed.
        Err(error) if error.kind() == io::ErrorKind::AlreadyExists => {
            device.delete(&name)?;
            device.create(&name)?
        }
        file => file?,
    };
    write_full(&*file, 0, &header.encode())?;
    if durable {
        file.sync_data()?;
        device.sync_directory()?;
    }
    Ok((Arc::from(file), header.seed()))
}

impl Fences {
    /// Begins a new file, behind `older` ones: their numbers, and the last ordinal when each ended.
    pub(in crate::disk) fn begin(
        device: &dyn Device,
        uuid: [u8; 16],
        number: u64,
        ordinal: u64,
        older: VecDeque<(u64, u64)>,
        file_bytes: u64,
        durable: bool,
    ) -> io::Result<Self> {
        let (file, seed) = begin(device, uuid, number, ordinal, durable)?;
        Ok(Self {
            uuid,
            file_bytes,
            durable,
            tail: Mutex::new(Tail {
                file,
                number,
                seed,
                end: FENCES_HEADER as u64,
                older,
                broken: false,
            }),
            synced: Mutex::new(Synced {
                number,
                end: FENCES_HEADER as u64,
                leading: false,
            }),
            came: Condvar::new(),
        })
    }

    /// Writes a fence; when this has returned, it survives what it has to.
    ///
    /// # Errors
    ///
    /// That of the device. Whether the fence is there after a restart is not known, and there
    /// will be no other: the tier must not be used any more.
    pub(in crate::disk) fn append(&self, fence: Fence) -> io::Result<()> {
        let mut tail = self.tail.lock();
        if tail.broken {
            return Err(io::Error::other("a fence could not be written before"));
        }
        let bytes = fence.encode(&tail.seed, tail.end);
        if let Err(error) = write_full(&*tail.file, tail.end, &bytes) {
            tail.broken = true;
            return Err(error);
        }
        tail.end += FENCE_BYTES as u64;
        let (number, end) = (tail.number, tail.end);
        drop(tail);
        if self.durable {
            self.sync(number, end)?;
        }
        Ok(())
    }

    /// Waits until file `number` is durable up to `end`.
    fn sync(&self, number: u64, end: u64) -> io::Result<()> {
        let mut synced = self.synced.lock();
        loop {
            if (synced.number, synced.end) >= (number, end) {
                return Ok(());
            }
            if synced.leading {
                self.came.wait(&mut synced);
                continue;
            }
            synced.leading = true;
            drop(synced);
            let (file, reached) = {
                let tail = self.tail.lock();
                (Arc::clone(&tail.file), (tail.number, tail.end))
            };
            let result = file.sync_data();
            synced = self.synced.lock();
            synced.leading = false;
            match &result {
                Ok(()) => (synced.number, synced.end) = reached.max((synced.number, synced.end)),
                Err(_) => self.tail.lock().broken = true,
            }
            self.came.notify_all();
            result?;
        }
    }

    /// Whether the file is so long that the next should begin.
    pub(in crate::disk) fn is_long(&self) -> bool {
        self.tail.lock().end >= self.file_bytes
    }

    /// Begins the next file; `ordinal` says the last one given to a region, and is asked when no
    /// fence can be appended. By one thread at a time.
    pub(in crate::disk) fn rotate(
        &self,
        device: &dyn Device,
        ordinal: impl FnOnce() -> u64,
    ) -> io::Result<()> {
        let mut tail = self.tail.lock();
        let (number, ordinal) = (tail.number + 1, ordinal());
        if self.durable {
            // Nobody waits for a file that is left.
            tail.file.sync_data()?;
        }
        let (file, seed) = begin(device, self.uuid, number, ordinal, self.durable)?;
        let left = tail.number;
        tail.older.push_back((left, ordinal));
        (tail.file, tail.seed) = (file, seed);
        (tail.number, tail.end) = (number, FENCES_HEADER as u64);
        Ok(())
    }

    /// The file that is the oldest and not needed any more if all regions have an ordinal of
    /// `oldest` or above.
    pub(in crate::disk) fn unneeded(&self, oldest: u64) -> Option<u64> {
        let tail = self.tail.lock();
        let (number, ordinal) = *tail.older.front()?;
        (ordinal < oldest).then_some(number)
    }

    /// Deletes the oldest file, which is not needed.
    pub(in crate::disk) fn delete(&self, device: &dyn Device, number: u64) -> io::Result<()> {
        device.delete(&name(number))?;
        let mut tail = self.tail.lock();
        if tail.older.front().is_some_and(|older| older.0 == number) {
            tail.older.pop_front();
        }
        Ok(())
    }

    /// Makes all fences durable, whether or not they have to be.
    pub(in crate::disk) fn sync_all(&self, device: &dyn Device) -> io::Result<()> {
        let tail = self.tail.lock();
        for (number, _) in &tail.older {
            device.open(&name(*number))?.sync_data()?;
        }
        tail.file.sync_data()
    }

    /// The number of the last file, and its end.
    pub(in crate::disk) fn position(&self) -> (u64, u64) {
        let tail = self.tail.lock();
        (tail.number, tail.end)
    }
}

/// What the files of fences that a run left say.
#[derive(Debug)]
pub(in crate::disk) enum Told {
    /// The fences of a file, and where it ends.
    Whole(FencesHeader, Vec<Fence>, u64),
    /// A fence that was being written is not whole, or, behind a loss of power, those that were
    /// not synced are not.
    Torn(FencesHeader, Vec<Fence>, u64),
    /// It says nothing that can be relied upon.
    Damaged,
}

/// Whether these bytes are those of a file whose header was never written to its end, so that no
/// fence was either.
pub(in crate::disk) fn is_unbegun(bytes: &[u8]) -> bool {
    bytes.len() < FENCES_HEADER || bytes.iter().all(|byte| *byte == 0)
}

/// Reads a file of fences. O(file).
pub(in crate::disk) fn read(bytes: &[u8], uuid: [u8; 16], number: u64) -> Told {
    let header = match FencesHeader::parse(bytes) {
        Ok(header) if header.uuid == uuid && header.number == number => header,
        _ => return Told::Damaged,
    };
    let seed = header.seed();
    let mut fences = Vec::new();
    let mut end = FENCES_HEADER;
    while let Some(frame) = bytes.get(end..end + FENCE_BYTES) {
        let Some(fence) = Fence::parse(frame, &seed, end as u64) else {
            break;
        };
        fences.push(fence);
        end += FENCE_BYTES;
    }
    if end == bytes.len() {
        return Told::Whole(header, fences, end as u64);
    }
    // A sound fence behind one that is not was acknowledged, and so was that.
    let follows = (end + FENCE_BYTES..)
        .step_by(FENCE_BYTES)
        .take_while(|at| at + FENCE_BYTES <= bytes.len())
        .any(|at| Fence::parse(&bytes[at..], &seed, at as u64).is_some());
    if follows {
        Told::Damaged
    } else {
        Told::Torn(header, fences, end as u64)
    }
}

#[cfg(test)]
mod tests {
    use super::super::format::FenceKind;
    use super::*;
    use crate::device::simulated::Simulated;

    fn fence(stamp: u64) -> Fence {
        Fence {
            kind: FenceKind::Key,
            hash: stamp * 3,
            stamp,
        }
    }

    fn log(device: &Simulated, durable: bool) -> Fences {
        Fences::begin(device, [1; 16], 1, 10, VecDeque::new(), 256, durable).unwrap()
    }

    #[test]
    fn what_was_appended_is_read() {
        let device = Simulated::new(1);
        let log = log(&device, false);
        let fences: Vec<_> = (1..=5).map(fence).collect();
        for fence in &fences {
            log.append(*fence).unwrap();
        }
        let bytes = device.killed().bytes(&name(1));
        match read(&bytes, [1; 16], 1) {
            Told::Whole(header, found, end) => {
                assert_eq!((header.ordinal, found), (10, fences));
                assert_eq!((1, end), log.position());
            }
            told => panic!("{told:?}"),
        }
        assert!(matches!(read(&bytes, [2; 16], 1), Told::Damaged));
        assert!(matches!(read(&bytes, [1; 16], 2), Told::Damaged));
    }

    #[test]
    fn an_acknowledged_fence_survives_a_loss_of_power() {
        for seed in 0..50 {
            let device = Simulated::new(seed);
            let log = log(&device, true);
            for stamp in 1..=8 {
                log.append(fence(stamp)).unwrap();
                if stamp == 5 {
                    log.rotate(&device, || 11).unwrap();
                }
            }
            let device = device.powered_off();
            let mut found = Vec::new();
            for number in [1, 2] {
                match read(&device.bytes(&name(number)), [1; 16], number) {
                    Told::Whole(_, fences, _) | Told::Torn(_, fences, _) => found.extend(fences),
                    Told::Damaged => panic!("damaged"),
                }
            }
            assert_eq!(found, (1..=8).map(fence).collect::<Vec<_>>());
        }
    }

    #[test]
    fn a_cut_is_torn_and_a_flip_before_the_last_fence_is_damage() {
        let device = Simulated::new(1);
        let log = log(&device, false);
        for stamp in 1..=4 {
            log.append(fence(stamp)).unwrap();
        }
        let sound = device.bytes(&name(1));
        for length in FENCES_HEADER..sound.len() {
            let whole = (length - FENCES_HEADER) / FENCE_BYTES;
            match read(&sound[..length], [1; 16], 1) {
                Told::Whole(_, fences, _) => {
                    assert_eq!(fences.len() * FENCE_BYTES + FENCES_HEADER, length);
                }
                Told::Torn(_, fences, _) => assert_eq!(fences.len(), whole),
                Told::Damaged => panic!("{length} bytes"),
            }
        }
        let last = sound.len() - FENCE_BYTES;
        for bit in 0..sound.len() * 8 {
            let mut flipped = sound.clone();
            flipped[bit / 8] ^= 1 << (bit % 8);
            let told = read(&flipped, [1; 16], 1);
            if bit / 8 < last {
                assert!(matches!(told, Told::Damaged), "bit {bit}");
            } else {
                assert!(matches!(told, Told::Torn(..)), "bit {bit}");
            }
        }
    }

    #[test]
    fn a_file_goes_once_no_region_is_left_that_it_is_about() {
        let device = Simulated::new(1);
        let log = log(&device, false);
        log.append(fence(1)).unwrap();
        log.rotate(&device, || 14).unwrap();
        assert_eq!(log.unneeded(14), None);
        assert_eq!(log.unneeded(15), Some(1));
        log.delete(&device, 1).unwrap();
        assert_eq!((log.unneeded(u64::MAX), log.position().0), (None, 2));
        assert_eq!(device.names(), [name(2)]);
    }

    #[test]
    fn nothing_goes_behind_a_fence_that_failed() {
        use crate::device::simulated::Fault;
        let device = Simulated::new(1);
        let log = log(&device, false);
        device.fail(0, Fault::Broken);
        assert!(log.append(fence(1)).is_err());
        assert!(log.append(fence(2)).is_err(), "the device is well again");
    }
}
