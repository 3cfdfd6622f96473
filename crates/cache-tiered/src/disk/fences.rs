//! The log of fences: what a restart must not bring back.
//!
//! A region that was written stays as it is until it is used again, so an entry that was removed
//! or replaced is still there, and only a fence tells recovery so. A fence is needed as long as a
//! region is left of those that there were when it was written. The files follow each other, each
//! says which was the last region when it began, and so the oldest goes once the regions have all
//! been used again that existed before the next one began.

use super::format::{FENCE_BYTES, FENCES_HEADER, Fence, FencesHeader};
use crate::checksum::Seed;
use crate::device::{Device, DeviceFile, read_full, write_full};
use parking_lot::{Condvar, Mutex};
use std::collections::VecDeque;
use std::io;
use std::sync::Arc;

/// The prefix of the names of its files.
pub(in crate::disk) const PREFIX: &str = "fences-";

/// A file that is being made.
pub(in crate::disk) const NEW: &str = "fences.new";

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
    /// Bytes of the file.
    bytes: u32,
    /// Where the next fence goes.
    end: u64,
    /// An older file, and the last region that there was when it ended.
    older: VecDeque<(u64, u64)>,
    /// A write failed: where it left what is not known, so no fence goes behind it.
    broken: bool,
}

impl Tail {
    fn is_full(&self) -> bool {
        self.end + FENCE_BYTES as u64 > self.bytes.into()
    }
}

/// A file that a run left, whole and with room for more.
#[derive(Clone, Copy, Debug)]
pub(in crate::disk) struct Left {
    header: FencesHeader,
    /// Where the next fence goes.
    end: u64,
}

impl Left {
    /// A file of this header whose fences end there; none if it is full.
    pub(in crate::disk) fn new(header: FencesHeader, end: u64) -> Option<Self> {
        let has_room = end + FENCE_BYTES as u64 <= u64::from(header.file_bytes);
        has_room.then_some(Self { header, end })
    }
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
    /// Bytes of the files that are begun.
    file_bytes: u32,
    /// Fences survive a loss of power.
    durable: bool,
    tail: Mutex<Tail>,
    synced: Mutex<Synced>,
    came: Condvar,
}

fn begin(
    device: &dyn Device,
    header: &FencesHeader,
    durable: bool,
) -> io::Result<(Arc<dyn DeviceFile>, Seed)> {
    let file = match device.create(NEW) {
        // Left by an attempt that failed.
        Err(error) if error.kind() == io::ErrorKind::AlreadyExists => {
            device.delete(NEW)?;
            device.create(NEW)?
        }
        file => file?,
    };
    file.allocate(header.file_bytes.into())?;
    write_full(&*file, 0, &header.encode())?;
    if durable {
        file.sync_data()?;
    }
    // Only what is whole has a name that counts.
    device.rename(NEW, &name(header.number))?;
    if durable {
        device.sync_directory()?;
    }
    Ok((Arc::from(file), header.seed()))
}

impl Fences {
    /// Begins a new file, behind `older` ones: their numbers, and the last ordinal when each ended.
    pub(in crate::disk) fn begin(
        device: &dyn Device,
        header: &FencesHeader,
        older: VecDeque<(u64, u64)>,
        durable: bool,
    ) -> io::Result<Self> {
        let (file, seed) = begin(device, header, durable)?;
        let tail = Tail {
            file,
            number: header.number,
            seed,
            bytes: header.file_bytes,
            end: FENCES_HEADER as u64,
            older,
            broken: false,
        };
        Ok(Self::with(tail, header.uuid, header.file_bytes, durable))
    }

    /// Goes on with a file, whole up to `end`, that a run before left. New files have `file_bytes`.
    pub(in crate::disk) fn resume(
        device: &dyn Device,
        left: &Left,
        older: VecDeque<(u64, u64)>,
        file_bytes: u32,
        durable: bool,
    ) -> io::Result<Self> {
        let file = device.open(&name(left.header.number))?;
        if durable {
            // That run may have promised less.
            file.sync_data()?;
            device.sync_directory()?;
        }
        let tail = Tail {
            file: Arc::from(file),
            number: left.header.number,
            seed: left.header.seed(),
            bytes: left.header.file_bytes,
            end: left.end,
            older,
            broken: false,
        };
        Ok(Self::with(tail, left.header.uuid, file_bytes, durable))
    }

    fn with(tail: Tail, uuid: [u8; 16], file_bytes: u32, durable: bool) -> Self {
        Self {
            uuid,
            file_bytes,
            durable,
            synced: Mutex::new(Synced {
                number: tail.number,
                end: tail.end,
                leading: false,
            }),
            tail: Mutex::new(tail),
            came: Condvar::new(),
        }
    }

    /// Writes a fence; when this has returned, it survives what it has to. `ordinal` says the last
    /// one given to a region, if a new file has to begin.
    ///
    /// # Errors
    ///
    /// That of the device. If it is that of a write or a sync, it is not known whether the fence is
    /// there after a restart, and there will be no other: the tier must not be used any more.
    pub(in crate::disk) fn append(
        &self,
        device: &dyn Device,
        fence: Fence,
        ordinal: impl Fn() -> u64,
    ) -> io::Result<()> {
        let mut tail = self.tail.lock();
        if tail.broken {
            return Err(io::Error::other("a fence could not be written before"));
        }
        if tail.is_full() {
            self.rotate(&mut tail, device, ordinal())?;
        }
        let bytes = fence.encode(&tail.seed, tail.end);
        if let Err(error) = write_full(&*tail.file, tail.end, &bytes) {
            tail.broken = true;
            return Err(error);
        }
        tail.end += FENCE_BYTES as u64;
        let (number, end) = (tail.number, tail.end);
        if tail.is_full() {
            // Now already: the last file is never full, so that it is missed if it is not there.
            // If it can not be, the next fence tries again.
            let _tried = self.rotate(&mut tail, device, ordinal());
        }
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

    /// Begins the next file; no fence is appended meanwhile, so that none of the file that is left
    /// is about a region beyond `ordinal`.
    fn rotate(&self, tail: &mut Tail, device: &dyn Device, ordinal: u64) -> io::Result<()> {
        if self.durable {
            // Nobody waits for a file that is left.
            tail.file.sync_data()?;
        }
        let header = FencesHeader {
            file_bytes: self.file_bytes,
            uuid: self.uuid,
            number: tail.number + 1,
            ordinal,
        };
        let (file, seed) = begin(device, &header, self.durable)?;
        let left = tail.number;
        tail.older.push_back((left, ordinal));
        (tail.file, tail.seed, tail.bytes) = (file, seed, header.file_bytes);
        (tail.number, tail.end) = (header.number, FENCES_HEADER as u64);
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

/// What a file of fences that a run left says.
#[derive(Debug)]
pub(in crate::disk) enum Told {
    /// The fences of the file, and where they end.
    Whole(FencesHeader, Vec<Fence>, u64),
    /// The same, but behind them is something that is none: a fence that was being written, or
    /// was not made durable when power failed; or damage.
    Torn(FencesHeader, Vec<Fence>, u64),
    /// It says nothing that can be relied upon.
    Damaged,
}

/// Reads a file of fences. O(file), of which no more is read than its header says it has.
pub(in crate::disk) fn read(
    file: &dyn DeviceFile,
    uuid: [u8; 16],
    number: u64,
) -> io::Result<Told> {
    let mut bytes = vec![0; FENCES_HEADER];
    let read = read_full(file, 0, &mut bytes)?;
    if let Ok(header) = FencesHeader::parse(&bytes[..read])
        && file.len()? == u64::from(header.file_bytes)
    {
        bytes = vec![0; header.file_bytes as usize];
        read_full(file, 0, &mut bytes)?;
    }
    Ok(parse(&bytes, uuid, number))
}

fn parse(bytes: &[u8], uuid: [u8; 16], number: u64) -> Told {
    let header = match FencesHeader::parse(bytes) {
        Ok(header) if header.uuid == uuid && header.number == number => header,
        _ => return Told::Damaged,
    };
    if bytes.len() != header.file_bytes as usize {
        return Told::Damaged;
    }
    let seed = header.seed();
    let frames = bytes[FENCES_HEADER..].chunks_exact(FENCE_BYTES);
    let parsed = (FENCES_HEADER as u64..)
        .step_by(FENCE_BYTES)
        .zip(frames)
        .map(|(at, frame)| Fence::parse(frame, &seed, at));
    let mut fences = Vec::new();
    let mut rest = parsed.clone();
    fences.extend(rest.by_ref().map_while(|fence| fence));
    let end = FENCES_HEADER + fences.len() * FENCE_BYTES;
    // A sound fence behind one that is not was acknowledged, and so was that.
    if rest.any(|fence| fence.is_some()) {
        return Told::Damaged;
    }
    let is_zero = bytes[end..].iter().all(|byte| *byte == 0);
    let told = if is_zero { Told::Whole } else { Told::Torn };
    told(header, fences, end as u64)
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

    const HEADER: FencesHeader = FencesHeader {
        file_bytes: (FENCES_HEADER + A_FILE as usize * FENCE_BYTES) as u32,
        uuid: [1; 16],
        number: 1,
        ordinal: 10,
    };
    const A_FILE: u64 = 5;

    fn log(device: &Simulated, durable: bool) -> Fences {
        Fences::begin(device, &HEADER, VecDeque::new(), durable).unwrap()
    }

    /// A log of so many fences.
    fn written(device: &Simulated, fences: u64) -> Fences {
        let log = log(device, false);
        for stamp in 1..=fences {
            log.append(device, fence(stamp), || 14).unwrap();
        }
        log
    }

    #[test]
    fn what_was_appended_is_read() {
        for count in 0..=A_FILE {
            let device = Simulated::new(1);
            let log = written(&device, count);
            let bytes = device.killed().bytes(&name(1));
            match parse(&bytes, [1; 16], 1) {
                Told::Whole(header, found, end) => {
                    assert_eq!(header, HEADER);
                    assert_eq!(found, (1..=count).map(fence).collect::<Vec<_>>());
                    assert!(count == A_FILE || (1, end) == log.position());
                }
                told => panic!("{told:?}"),
            }
            assert_eq!(device.names().len() == 2, count == A_FILE, "the next one");
            assert!(matches!(parse(&bytes, [2; 16], 1), Told::Damaged));
            assert!(matches!(parse(&bytes, [1; 16], 2), Told::Damaged));
        }
    }

    #[test]
    fn an_acknowledged_fence_survives_a_loss_of_power() {
        for seed in 0..50 {
            let device = Simulated::new(seed);
            let log = log(&device, true);
            for stamp in 1..=8 {
                log.append(&device, fence(stamp), || 11).unwrap();
            }
            let device = device.powered_off();
            let mut found = Vec::new();
            for number in [1, 2] {
                match parse(&device.bytes(&name(number)), [1; 16], number) {
                    Told::Whole(_, fences, _) | Told::Torn(_, fences, _) => found.extend(fences),
                    Told::Damaged => panic!("damaged"),
                }
            }
            assert_eq!(found, (1..=8).map(fence).collect::<Vec<_>>());
        }
    }

    #[test]
    fn every_cut_is_damage_and_a_flip_is_never_whole() {
        let device = Simulated::new(1);
        written(&device, 3);
        let sound = device.bytes(&name(1));
        for length in 0..sound.len() {
            let told = parse(&sound[..length], [1; 16], 1);
            assert!(matches!(told, Told::Damaged), "{length} bytes");
        }
        let last = FENCES_HEADER + 2 * FENCE_BYTES;
        for bit in 0..sound.len() * 8 {
            let mut flipped = sound.clone();
            flipped[bit / 8] ^= 1 << (bit % 8);
            let told = parse(&flipped, [1; 16], 1);
            let damaged = matches!(told, Told::Damaged);
            let torn = matches!(told, Told::Torn(..));
            assert!(if bit / 8 < last { damaged } else { torn }, "bit {bit}");
        }
    }

    #[test]
    fn a_file_goes_once_no_region_is_left_that_it_is_about() {
        let device = Simulated::new(1);
        let log = written(&device, A_FILE + 1);
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
        assert!(log.append(&device, fence(1), || 10).is_err());
        let again = log.append(&device, fence(2), || 10);
        assert!(again.is_err(), "the device is well again");
    }
}
