//! Every cut and every flipped bit of a small tier: never other bytes, never a removed value, never
//! a panic.

use super::super::format::SUPERBLOCK;
use super::history::{History, Truths, judge_all};
use super::{Begun, OpenError, WALL, open_with, small};
use crate::device::simulated::Simulated;
use crate::figures::{seeds_or, tell};
use std::collections::BTreeMap;

/// Files, by their names.
type Files = BTreeMap<String, Vec<u8>>;

/// A tier that was killed when it held something, removed something and reclaimed something.
fn killed() -> (Files, Truths) {
    let mut history = History::new(7, small(false));
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

/// Opens a tier of these files, and reads all keys; how many are there. Here no time has gone by, so no life is over.
fn look(files: &Files, truths: &Truths, context: &str) -> Result<(Begun, u64), OpenError> {
    let device = Simulated::new(1);
    for (name, bytes) in files {
        device.put(name, bytes);
    }
    let (disk, begun) = open_with(&device, &small(false))?;
    Ok((begun, judge_all(&disk, truths, WALL, context)))
}

/// Cases from which on every cut and every bit is looked at.
const CASES: u32 = 300;

/// Of so many cuts or bits one is looked at, where fewer cases are asked for than all: under sanitizers.
fn sparsely() -> usize {
    // Odd, so that each bit of a byte has its turn.
    (CASES / seeds_or(CASES).clamp(1, CASES)) as usize | 1
}

/// Of so many bits where nothing is, or in the filling of a value, one is flipped.
const IDLE: usize = 509;

#[test]
fn every_cut_is_noticed_or_harmless() {
    let (files, truths) = killed();
    let (begun, whole) = look(&files, &truths, "whole").unwrap();
    assert!(begun == Begun::Warm && whole > 3);
    let (mut cuts, mut warm, mut refused) = (0_usize, 0, 0);
    for (name, bytes) in &files {
        for length in (0..bytes.len()).step_by(sparsely()) {
            let mut cut = files.clone();
            cut.insert(name.clone(), bytes[..length].to_vec());
            let context = format!("{name} of {length} bytes");
            let looked = look(&cut, &truths, &context);
            assert!(looked.is_ok() || name == "superblocks", "{context}");
            warm += usize::from(matches!(looked, Ok((Begun::Warm, _))));
            refused += usize::from(looked.is_err());
            cuts += 1;
        }
        let mut missing = files.clone();
        missing.remove(name);
        let looked = look(&missing, &truths, "a file is missing");
        assert_eq!(looked.is_err(), name == "superblocks", "without {name}");
    }
    let lengths: usize = files.values().map(Vec::len).sum();
    tell(&format!(
        "disk tier: cut at {cuts} of {lengths} bytes of {} files; {warm} then warm, {refused} refused",
        files.len()
    ));
    assert!(cuts >= lengths / sparsely() && lengths > 70_000);
    assert!(warm > cuts / 2, "{warm} warm");
    assert!(refused < cuts / 50, "{refused} refused");
}

#[test]
fn every_flipped_bit_is_noticed_or_harmless() {
    let (files, truths) = killed();
    let (mut warm, mut emptied, mut refused) = (0, 0, 0);
    for (name, bytes) in &files {
        for bit in (0..bytes.len() * 8).step_by(sparsely()) {
            let (at, mask) = (bit / 8, 1 << (bit % 8));
            // Where nothing was written nothing is looked at; of long entries a sample is.
            let idle = match name.as_str() {
                "regions" => [0, b'.'].contains(&bytes[at]),
                "superblocks" => at % 4096 >= SUPERBLOCK,
                _ => false,
            };
            if idle && bit % IDLE != 0 {
                continue;
            }
            let mut flipped = files.clone();
            flipped.get_mut(name).unwrap()[at] ^= mask;
            match look(&flipped, &truths, &format!("{name}, bit {bit}")) {
                Ok((Begun::Warm, _)) => warm += 1,
                Ok(_) => emptied += 1,
                Err(_) => refused += 1,
            }
        }
    }
    tell(&format!(
        "disk tier: {} bits flipped; {warm} times then warm, {emptied} empty, {refused} refused",
        warm + emptied + refused
    ));
    let least = |count: usize| count / sparsely();
    assert!(warm >= least(20_000), "{warm} warm");
    assert!(emptied >= least(5_000), "{emptied} empty");
    assert!(sparsely() > 1 || refused > 20, "{refused} refused");
}

#[test]
fn a_first_superblock_that_was_not_written_to_its_end_is_written_anew() {
    let device = Simulated::new(1);
    drop(open_with(&device, &small(false)).unwrap());
    let whole = device.bytes("superblocks");
    let at = whole.len() / 2;
    let end = whole.iter().rposition(|byte| *byte != 0).unwrap();
    for cut in at..=end {
        let mut bytes = whole.clone();
        bytes[cut..].fill(0);
        let files = Files::from([("superblocks".to_owned(), bytes)]);
        let (begun, there) = look(&files, &Truths::new(), "cut").unwrap();
        assert_eq!((begun, there), (Begun::New, 0), "cut at {cut}");
    }
    // What is no beginning of one is somebody's file.
    for (from, byte) in [(at + 2, b'x'), (10, b'S'), (at + SUPERBLOCK, 1)] {
        let mut bytes = whole.clone();
        bytes[at + 20..].fill(0);
        bytes[from] = byte;
        let files = Files::from([("superblocks".to_owned(), bytes)]);
        assert!(look(&files, &Truths::new(), "theirs").is_err());
    }
}
