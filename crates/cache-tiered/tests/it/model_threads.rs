//! G1 under real threads: intervals of calls are recorded, and checked afterwards, across a crash.

use crate::doubles::Random;
use crate::machine::{Fault, Lie, Mode, Settings, Store, build, directory, image, restore};
use cache_tiered::{ManualClock, Tiered};
use std::collections::BTreeMap;
use std::sync::atomic::{AtomicBool, AtomicU64, AtomicUsize, Ordering};
use std::thread;
use std::time::Duration;

const THREADS: u64 = 4;
const KEYS: u64 = 4;
const CALLS: u64 = 1_500;
/// Values of a thread, so that no two threads write the same.
const VALUES: u64 = 1 << 32;

/// How a write ended, as its caller heard.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
enum Heard {
    Acknowledged,
    /// That nothing happened.
    Refused,
    /// Nothing, or that nobody knows.
    Nothing,
}

#[derive(Clone, Copy, Debug)]
enum What {
    Write(Option<u64>, Heard),
    Read(Option<u64>),
}

/// A call, and the instants at which it began and ended.
#[derive(Clone, Copy, Debug)]
struct Event {
    key: u64,
    began: u64,
    ended: u64,
    what: What,
}

struct Scene<'a> {
    cache: &'a Tiered<u64, u64>,
    store: &'a Store,
    /// Counts instants: each reading is one of its own.
    instants: &'a AtomicU64,
    values: u64,
}

impl Scene<'_> {
    fn instant(&self) -> u64 {
        self.instants.fetch_add(1, Ordering::SeqCst)
    }

    fn record(&self, key: u64, call: impl FnOnce() -> Option<What>) -> Option<Event> {
        let began = self.instant();
        let what = call()?;
        let ended = self.instant();
        Some(Event {
            key,
            began,
            ended,
            what,
        })
    }

    /// One random call; none if it says nothing of the key.
    fn call(&mut self, random: &mut Random) -> Option<Event> {
        let key = random.below(KEYS);
        match random.below(24) {
            0 => {
                let faults = [Fault::Refuse, Fault::UnknownDone, Fault::UnknownNot];
                let fault = faults[random.below(3) as usize];
                self.store.tell(key, fault, 1 + random.below(3) as u32);
                None
            }
            1 => {
                self.cache.invalidate(&key);
                None
            }
            2 | 3 => self.record(key, || {
                let removed = self.cache.remove(&key).wait();
                let heard = match removed {
                    Ok(_) => Heard::Acknowledged,
                    Err(cache_tiered::RemoveError::Unknown(_)) => Heard::Nothing,
                    Err(_) => Heard::Refused,
                };
                Some(What::Write(None, heard))
            }),
            4..=9 => {
                self.values += 1;
                let value = self.values;
                self.record(key, || {
                    let heard = match self.cache.put(key, value).wait() {
                        Ok(()) => Heard::Acknowledged,
                        Err(error) if error.is_without_effect() => Heard::Refused,
                        Err(_) => Heard::Nothing,
                    };
                    Some(What::Write(Some(value), heard))
                })
            }
            _ => self.record(key, || {
                let seen = self.cache.get(&key).wait().ok()?;
                Some(What::Read(seen.map(|hit| hit.value)))
            }),
        }
    }
}

/// Random calls by some threads, while another moves the clock for those who wait for it.
fn play(
    cache: &Tiered<u64, u64>,
    store: &Store,
    clock: &ManualClock,
    life: u64,
    instants: &AtomicU64,
) -> Vec<Event> {
    let playing = AtomicUsize::new(THREADS as usize);
    let over = AtomicBool::new(false);
    thread::scope(|scope| {
        let players: Vec<_> = (0..THREADS)
            .map(|number| {
                let playing = &playing;
                scope.spawn(move || {
                    let thread = life * THREADS + number;
                    let mut random = Random(thread);
                    let values = (thread + 1) * VALUES;
                    let mut scene = Scene {
                        cache,
                        store,
                        instants,
                        values,
                    };
                    let events = (0..CALLS).filter_map(|_| scene.call(&mut random)).collect();
                    playing.fetch_sub(1, Ordering::SeqCst);
                    events
                })
            })
            .collect();
        scope.spawn(|| {
            while playing.load(Ordering::SeqCst) > 0 && !over.load(Ordering::SeqCst) {
                clock.advance(Duration::from_millis(3));
                thread::yield_now();
            }
        });
        let events: Vec<Vec<Event>> = players
            .into_iter()
            .map(|player| {
                let played = player.join();
                over.store(played.is_err(), Ordering::SeqCst);
                played.expect("a player plays to the end")
            })
            .collect();
        events.concat()
    })
}

/// The instants at which a call began and ended.
type Interval = (u64, u64);

/// Whether a read of what a write made may have come between `began` and `ended`: the write had
/// begun, and no other that was acknowledged lies between the two.
fn may_be_seen(write: Interval, others: &[Interval], read: Interval) -> bool {
    let overwritten = |other: &Interval| other.0 > write.1 && other.1 < read.0;
    write.0 < read.1 && !others.iter().any(overwritten)
}

/// Reads that saw what was older than an acknowledged write before them, or was never written.
fn violations(events: &[Event]) -> Vec<Event> {
    let mut wrote: BTreeMap<(u64, Option<u64>), Vec<Interval>> = BTreeMap::new();
    let mut acknowledged: BTreeMap<u64, Vec<Interval>> = BTreeMap::new();
    for event in events {
        let What::Write(state, heard) = event.what else {
            continue;
        };
        let made = wrote.entry((event.key, state)).or_default();
        match heard {
            Heard::Acknowledged => {
                made.push((event.began, event.ended));
                let of_key = acknowledged.entry(event.key).or_default();
                of_key.push((event.began, event.ended));
            }
            // It may take effect at any time from then on.
            Heard::Nothing => made.push((event.began, u64::MAX)),
            Heard::Refused => {}
        }
    }
    let nothing = Vec::new();
    let is_old = |event: &&Event| {
        let What::Read(state) = event.what else {
            return false;
        };
        let made = wrote.get(&(event.key, state)).unwrap_or(&nothing);
        // All keys are absent in the beginning.
        let first = state.is_none().then_some((0, 0));
        let others = acknowledged.get(&event.key).unwrap_or(&nothing);
        let read = (event.began, event.ended);
        !made
            .iter()
            .copied()
            .chain(first)
            .any(|write| may_be_seen(write, others, read))
    };
    events.iter().filter(is_old).copied().collect()
}

/// Three lives of a cache, each ended by a kill.
fn lives(mode: Mode, memory: u64) {
    let settings = Settings {
        mode,
        memory,
        time_to_live: Some(20),
        absent_for: 5,
        disk: false,
        lie: Lie::None,
    };
    let directory = directory();
    let (clock, instants) = (ManualClock::new(), AtomicU64::new(1));
    let mut store = Store::new(Lie::None, false, mode.guarantee());
    let (mut events, mut reads) = (Vec::new(), 0);
    for life in 0..3 {
        let journal = directory.path().join(life.to_string());
        let cache = build(&settings, &clock, &store, &journal).expect("a cache");
        events.extend(play(&cache, &store, &clock, life, &instants));
        // Killed: nothing acts any more, and the files are what they are.
        store = store.reborn();
        if mode.is_behind() {
            restore(
                image(&journal),
                &directory.path().join((life + 1).to_string()),
            );
        } else {
            store.forget_stamps();
        }
        store.bury();
        drop(cache);
    }
    store.heal();
    let last = directory.path().join("3");
    let cache = build(&settings, &clock, &store, &last).expect("a cache");
    for key in 0..KEYS {
        let began = instants.fetch_add(1, Ordering::SeqCst);
        let seen = cache.get(&key).wait().expect("nothing fails any more");
        let ended = instants.fetch_add(1, Ordering::SeqCst);
        let what = What::Read(seen.map(|hit| hit.value));
        events.push(Event {
            key,
            began,
            ended,
            what,
        });
    }
    for event in &events {
        reads += u64::from(matches!(event.what, What::Read(_)));
    }
    assert!(reads > CALLS, "there is something to check: {reads} reads");
    let old = violations(&events);
    assert!(old.is_empty(), "G1 violated: {old:?}");
    assert_eq!(store.violation(), None, "{}", mode.guarantee());
}

#[test]
fn g1_holds_for_intervals_of_write_through_across_kills() {
    lives(
        Mode::Through {
            timeout: None,
            retries: 0,
            conditional: false,
        },
        2,
    );
}

#[test]
fn g1_g4_hold_for_intervals_of_write_behind_across_kills() {
    let mode = Mode::Behind {
        max_dirty: 3,
        max_delay: 10,
        batch: 2,
        lanes: 2,
        retries: 2,
        waits: true,
    };
    lives(mode, 2);
}

#[test]
fn g1_of_intervals_finds_an_older_value_and_one_that_was_refused() {
    let event = |began, ended, what| Event {
        key: 1,
        began,
        ended,
        what,
    };
    let write =
        |began, ended, value| event(began, ended, What::Write(Some(value), Heard::Acknowledged));
    let read = |began, ended, value| event(began, ended, What::Read(value));
    let history = [write(1, 2, 10), write(3, 6, 11)];
    let old = |seen: Event| !violations(&[history.as_slice(), &[seen]].concat()).is_empty();
    assert!(old(read(7, 8, Some(10))), "overwritten before");
    assert!(old(read(7, 8, None)), "never removed");
    assert!(
        !old(read(4, 5, Some(10))) && !old(read(4, 5, Some(11))),
        "either, meanwhile"
    );
    assert!(!old(read(7, 8, Some(11))));
    let refused = event(1, 2, What::Write(Some(12), Heard::Refused));
    assert_eq!(violations(&[refused, read(3, 4, Some(12))]).len(), 1);
    let unknown = event(1, 2, What::Write(Some(12), Heard::Nothing));
    assert!(violations(&[unknown, write(3, 4, 13), read(5, 6, Some(12))]).is_empty());
}
