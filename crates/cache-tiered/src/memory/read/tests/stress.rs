//! Readers and a writer at full speed: what is read is whole, and each value is dropped once.

use std::sync::atomic::{AtomicBool, AtomicU64, Ordering};

use parking_lot::Mutex;

use super::super::{Arena, pinned};
use super::hash;

/// Values made, and dropped.
#[derive(Default)]
struct Balance {
    made: AtomicU64,
    dropped: AtomicU64,
}

/// Two numbers, and a third that is right for them alone; on the heap, so that a sanitizer sees what is read too late.
struct Whole<'a> {
    parts: Box<(u64, u64, u64)>,
    balance: &'a Balance,
}

impl<'a> Whole<'a> {
    fn new(key: u64, version: u64, balance: &'a Balance) -> Self {
        balance.made.fetch_add(1, Ordering::Relaxed);
        let parts = Box::new((key, version, !(key ^ version.rotate_left(32))));
        Self { parts, balance }
    }

    /// Key and version, if they are of one value.
    fn read(&self) -> (u64, u64) {
        let (key, version, sum) = *self.parts;
        assert_eq!(sum, !(key ^ version.rotate_left(32)), "read in part");
        (key, version)
    }
}

impl Drop for Whole<'_> {
    fn drop(&mut self) {
        self.read();
        self.parts.2 = 0;
        self.balance.dropped.fetch_add(1, Ordering::Relaxed);
    }
}

/// xorshift64*.
struct Random(u64);

impl Random {
    fn below(&mut self, bound: u64) -> u64 {
        self.0 ^= self.0 >> 12;
        self.0 ^= self.0 << 25;
        self.0 ^= self.0 >> 27;
        (self.0.wrapping_mul(0x2545_f491_4f6c_dd1d) >> 32) % bound
    }
}

const KEYS: u64 = 200;
/// These are replaced and never removed.
const STAYING: u64 = 20;

/// Changes of each of two writers: an instrumented build is some ten times slower.
fn changes() -> u64 {
    let cases = std::env::var("STRATA_CASES").ok();
    let cases = cases.and_then(|cases| cases.parse::<u64>().ok());
    cases.map_or(200_000, |cases| cases * 40)
}

/// Reads until the writers have ended; versions of a key that stays never fall.
fn reads(arena: &Arena<Whole<'_>>, over: &AtomicBool, seed: u64) {
    let mut random = Random(seed);
    let mut seen = [0; STAYING as usize];
    while !over.load(Ordering::Acquire) {
        for _ in 0..64 {
            let key = random.below(KEYS);
            let is_wanted = |value: &Whole<'_>| value.read().0 == key;
            let found = match random.below(8) {
                0 => pinned(|pin| {
                    let found = arena.find(pin, hash(key), is_wanted)?;
                    // Another within this one.
                    arena.read(hash(key + 1), |_| true, Whole::read);
                    Some(found.into_value().read())
                }),
                _ => arena.read(hash(key), is_wanted, Whole::read),
            };
            if key < STAYING {
                let (_, version) = found.expect("it is there all the time");
                assert!(
                    version >= seen[key as usize],
                    "an older value after a newer"
                );
                seen[key as usize] = version;
            }
        }
    }
}

/// Puts, replaces and removes keys.
fn changes_keys<'a>(
    arena: &Arena<Whole<'a>>,
    token: &Mutex<super::WriteToken>,
    balance: &'a Balance,
    seed: u64,
) {
    let mut random = Random(seed);
    let mut out = Vec::new();
    for _ in 0..changes() {
        let key = random.below(KEYS);
        let mut token = token.lock();
        let mut writer = arena.writer(&mut token);
        let slot = writer.find(hash(key), |value| value.read().0 == key);
        match slot {
            None => {
                writer.insert(hash(key), Whole::new(key, 0, balance));
            }
            Some(slot) if key < STAYING || random.below(2) == 0 => {
                let version = writer.get(slot).read().1 + 1;
                writer.take_touches(slot);
                pinned(|pin| {
                    let (_, old) = writer.replace(pin, slot, Whole::new(key, version, balance));
                    assert_eq!(old.read(), (key, version - 1));
                });
            }
            Some(slot) => pinned(|pin| assert_eq!(writer.unlink(pin, slot).read().0, key)),
        }
        writer.reclaim(&mut out);
        drop(token);
        out.clear();
    }
}

#[test]
fn readers_see_whole_values_and_each_is_dropped_once() {
    let balance = Balance::default();
    // Too small: it grows while it is read.
    let (arena, mut token) = Arena::new(STAYING as usize);
    for key in 0..STAYING {
        arena
            .writer(&mut token)
            .insert(hash(key), Whole::new(key, 0, &balance));
    }
    let (token, over) = (Mutex::new(token), AtomicBool::new(false));
    std::thread::scope(|scope| {
        for seed in 1..=3 {
            let (arena, over) = (&arena, &over);
            scope.spawn(move || reads(arena, over, seed));
        }
        let writers = [11, 12].map(|seed| {
            let (arena, token, balance) = (&arena, &token, &balance);
            scope.spawn(move || changes_keys(arena, token, balance, seed))
        });
        let ends = writers.map(std::thread::ScopedJoinHandle::join);
        over.store(true, Ordering::Release);
        for end in ends {
            end.expect("the writer has ended well");
        }
    });
    let mut token = token.into_inner();
    let writer = arena.writer(&mut token);
    writer.check();
    let left = (writer.len() + writer.retired()) as u64;
    let [made, dropped] =
        [&balance.made, &balance.dropped].map(|count| count.load(Ordering::Relaxed));
    assert_eq!(dropped + left, made, "a drop is missed or doubled");
    drop(arena);
    assert_eq!(balance.dropped.load(Ordering::Relaxed), made);
}
