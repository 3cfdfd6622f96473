//! Every cut and every flipped bit of a small tier: never other bytes, never a removed value, never
//! a panic.

use super::super::error::OpenError;
use super::super::open::Begun;
use super::super::options::Options;
use super::{CASES, History, KEYS, Truth, cases, find, open_with, options, value_of};
use crate::device::simulated::Simulated;
use std::collections::BTreeMap;

fn small() -> Options {
    Options {
        capacity: 4 * (16 << 10),
        ..options(false)
    }
}

/// Files, by their names.
type Files = BTreeMap<String, Vec<u8>>;

/// A tier that was killed when it held something, removed something and reclaimed something.
fn killed() -> (Files, BTreeMap<u64, Truth>) {
    let mut history = History::over(Simulated::new(7), 7, small());
    for _ in 0..1500 {
        history.step();
    }
    assert!(history.disk.counts.reclaimed.get() > 0 && history.disk.index.len() > 3);
    assert!(history.disk.counts.fences.get() > 20);
    let device = history.device.killed();
    let files = device.names().into_iter();
    let files = files.map(|name| (name.clone(), device.bytes(&name)));
    (files.collect(), history.truths)
}

/// Opens a tier of these files, and reads all keys; how many are there.
fn look(files: &Files, truths: &BTreeMap<u64, Truth>) -> Result<(Begun, u64), OpenError> {
    let device = Simulated::new(1);
    for (name, bytes) in files {
        device.put(name, bytes);
    }
    let (disk, begun) = open_with(&device, &small())?;
    let mut there = 0;
    for key in 0..KEYS {
        let Some(found) = find(&disk, key) else {
            continue;
        };
        let truth = truths.get(&key).copied().unwrap_or_default();
        assert!(truth.present, "key {key} was removed");
        assert!(found.taken == value_of(key, truth.stamp), "key {key}");
        there += 1;
    }
    Ok((begun, there))
}

/// Of so many cuts or bits one is looked at, where fewer cases are asked for than all: under sanitizers.
fn sparsely() -> usize {
    // Odd, so that each bit of a byte has its turn.
    (CASES / cases().clamp(1, CASES)) as usize | 1
}

#[test]
fn every_cut_is_noticed_or_harmless() {
    let (files, truths) = killed();
    let (begun, whole) = look(&files, &truths).unwrap();
    assert!(begun == Begun::Warm && whole > 3);
    for (name, bytes) in &files {
        // Regions are long, and what is cut off them is mostly entries.
        let step = if name == "regions" { 61 } else { 1 };
        for length in (0..bytes.len()).step_by(step * sparsely()) {
            let mut cut = files.clone();
            cut.insert(name.clone(), bytes[..length].to_vec());
            let looked = look(&cut, &truths);
            assert!(looked.is_ok() || name == "superblocks", "{name} {length}");
        }
        let mut missing = files.clone();
        missing.remove(name);
        let looked = look(&missing, &truths);
        assert_eq!(looked.is_err(), name == "superblocks", "without {name}");
    }
}

#[test]
fn every_flipped_bit_is_noticed_or_harmless() {
    let (files, truths) = killed();
    let (mut warm, mut emptied, mut refused) = (0, 0, 0);
    for (name, bytes) in &files {
        for bit in (0..bytes.len() * 8).step_by(sparsely()) {
            let (at, mask) = (bit / 8, 1 << (bit % 8));
            // Where nothing was written nothing is looked at; of long entries a sample is.
            if name == "regions" && (bytes[at] == 0 || bytes[at] == b'.') && bit % 509 != 0 {
                continue;
            }
            let mut flipped = files.clone();
            flipped.get_mut(name).unwrap()[at] ^= mask;
            let looked = std::panic::catch_unwind(|| look(&flipped, &truths));
            let looked = looked.unwrap_or_else(|_| panic!("{name}, bit {bit}"));
            match looked {
                Ok((Begun::Warm, _)) => warm += 1,
                Ok(_) => emptied += 1,
                Err(_) => refused += 1,
            }
        }
    }
    let seen = (warm, emptied, refused);
    assert!(
        sparsely() > 1 || warm > 1000 && emptied > 500 && refused > 20,
        "{seen:?}"
    );
}
