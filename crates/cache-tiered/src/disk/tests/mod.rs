//! A tier on a device that forgets and fails: what is read is what was last written, or nothing.
//!
//! [`history`] has a tier and what its keys are, [`script`] is one fixed history, and the others take these through kills,
//! losses of power, faults and clocks that jump; [`system`] does to processes over real files what can be done to these.

mod barriers;
mod damage;
mod golden;
mod histories;
mod history;
mod interleavings;
mod script;
mod sweeps;
#[cfg(target_os = "linux")]
mod system;

use super::error::OpenError;
use super::open::Begun;
use super::{Disk, Entry, Found, Options, Surroundings, tags};
use crate::ManualClock;
use crate::device::simulated::Simulated;
use crate::figures::{SEEDS, seeds};
use crate::floors::Floors;
use crate::tag::Tag;
use history::Truth;
use std::sync::Arc;
use std::sync::atomic::AtomicU64;

const KEYS: u64 = 40;
const TAGS: u64 = 4;
/// The system's time where nothing is said of it.
const WALL: u64 = 1_000_000;

fn options(durable: bool) -> Options {
    Options {
        capacity: 6 * (16 << 10),
        region_bytes: Some(16 << 10),
        codec: 1,
        durable,
        batch_bytes: 2 << 10,
        buffer_bytes: 12 << 10,
        fence_file_bytes: 704,
        ..Options::DEFAULT
    }
}

/// As few regions as there can be.
fn small(durable: bool) -> Options {
    Options {
        capacity: 4 * (16 << 10),
        ..options(durable)
    }
}

/// What is told of a durability.
fn named(durable: bool) -> &'static str {
    if durable {
        "disk tier, power"
    } else {
        "disk tier, process"
    }
}

/// Of so many cases one is looked at: each, or where fewer are asked for than there are, under sanitizers, some.
fn stride() -> usize {
    (SEEDS / seeds().clamp(SEEDS / 20, SEEDS)) as usize
}

fn open_with(device: &Simulated, options: &Options) -> Result<(Disk, Begun), OpenError> {
    open_at(device, options, WALL)
}

/// A tier that is opened at this time of the system.
fn open_at(device: &Simulated, options: &Options, wall: u64) -> Result<(Disk, Begun), OpenError> {
    open_under(device, options, Arc::default(), &ManualClock::new(), wall)
}

/// A tier under floors that the test raises, and by a clock that it moves.
fn open_under(
    device: &Simulated,
    options: &Options,
    floors: Arc<Floors>,
    clock: &ManualClock,
    wall: u64,
) -> Result<(Disk, Begun), OpenError> {
    let surroundings = Surroundings {
        stamp: Arc::new(AtomicU64::new(0)),
        floors,
        clock: Arc::new(clock.clone()),
        wall,
    };
    Disk::open(Box::new(device.clone()), options, surroundings)
}

fn key_of(key: u64) -> Vec<u8> {
    format!("key {key}").into_bytes()
}

/// The tag of a key.
fn tag_of(key: u64) -> Tag {
    Tag::new(format!("tag {}", key % TAGS))
}

/// A value that no other key, and no other change of this one, has.
fn value_of(key: u64, stamp: u64) -> Vec<u8> {
    let mut value = format!("{key} since {stamp} ").into_bytes();
    let bytes = value.len() as u64 + (key * 97 + stamp * 31) % 900;
    value.resize(bytes as usize, b'.');
    value
}

/// The value of a key.
fn find(disk: &Disk, key: u64) -> Option<Found<Vec<u8>>> {
    let bytes = key_of(key);
    disk.read(disk.hash(&bytes), &bytes, |_, parts| {
        Some(parts.value.to_vec())
    })
}
