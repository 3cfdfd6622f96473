//! The process that writes behind until it is killed, or has written what it was to write.

use super::sink::{Telling, tell, value, version};
#[cfg(feature = "redb")]
use cache_tiered::Redb;
use cache_tiered::{
    Blocking, Durability, ManualClock, MemoryTier, PutError, RemoveError, Tiered, Writes,
};
#[cfg(feature = "disk")]
use cache_tiered::{DiskTier, Overflow};
use std::collections::BTreeMap;
use std::env;
use std::error::Error;
use std::path::{Path, PathBuf};
use std::process::Command;
use std::sync::atomic::{AtomicBool, Ordering};
use std::thread;
use std::time::Duration;

/// Name the directory, the kind of sink, the durability, the first version, the writes of a
/// thread, the minutes that the sink is down and what the process does wrong, in the environment of the process.
const DIRECTORY: &str = "CACHE_TIERED_CRASH";
const KIND: &str = "CACHE_TIERED_CRASH_KIND";
const DURABILITY: &str = "CACHE_TIERED_CRASH_DURABILITY";
const FIRST: &str = "CACHE_TIERED_CRASH_FIRST";
const WRITES: &str = "CACHE_TIERED_CRASH_WRITES";
const DOWN: &str = "CACHE_TIERED_CRASH_DOWN";
const LIE: &str = "CACHE_TIERED_CRASH_LIE";
const TEST: &str = "child::a_process_that_writes";

const THREADS: u64 = 3;

pub(super) type Cache = Tiered<u64, Vec<u8>>;

#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Kind {
    /// In memory; what it told is what it has.
    Memory,
    #[cfg(feature = "redb")]
    Redb,
    /// In memory, and written through; between it and the memory tier lies a disk tier.
    #[cfg(feature = "disk")]
    Disk,
}

impl Kind {
    pub(super) fn has_disk(self) -> bool {
        match self {
            #[cfg(feature = "disk")]
            Self::Disk => true,
            _ => false,
        }
    }

    /// Those that a thread has for itself. In memory there are fewer at a time.
    const fn keys_a_thread(self) -> u64 {
        match self {
            #[cfg(feature = "disk")]
            Self::Disk => 150,
            _ => 4,
        }
    }

    /// All keys that there are.
    pub(super) const fn keys(self) -> u64 {
        THREADS * self.keys_a_thread()
    }
}

/// What a process does wrong, so that a test sees that this is found.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Lie {
    /// It acknowledges what it has not written.
    Forgets,
    Panics,
}

/// How a process is started, and what it opens.
#[derive(Clone, Debug)]
pub(super) struct Child {
    pub(super) kind: Kind,
    durability: &'static str,
    directory: PathBuf,
    /// No version is used twice.
    pub(super) first: u64,
    /// Of each thread; without end if there is none.
    pub(super) writes: Option<u64>,
    /// Minutes, of a clock that runs as fast as it can, in which the sink takes nothing.
    pub(super) down: Option<u64>,
    pub(super) lie: Option<Lie>,
}

impl Child {
    pub(super) fn new(kind: Kind, durability: &'static str, directory: &Path) -> Self {
        Self {
            kind,
            durability,
            directory: directory.to_owned(),
            first: 1,
            writes: None,
            down: None,
            lie: None,
        }
    }

    fn of_environment() -> Option<Self> {
        let number = |name| env::var(name).ok().map(|text| text.parse().unwrap());
        let kind = match env::var(KIND).ok()?.as_str() {
            "Memory" => Kind::Memory,
            #[cfg(feature = "redb")]
            "Redb" => Kind::Redb,
            #[cfg(feature = "disk")]
            "Disk" => Kind::Disk,
            other => panic!("there is no sink {other}"),
        };
        let power = env::var(DURABILITY).unwrap() == "power";
        Some(Self {
            kind,
            durability: if power { "power" } else { "process" },
            directory: env::var_os(DIRECTORY).unwrap().into(),
            first: number(FIRST).unwrap(),
            writes: number(WRITES),
            down: number(DOWN),
            lie: match env::var(LIE).as_deref() {
                Ok("Forgets") => Some(Lie::Forgets),
                Ok("Panics") => Some(Lie::Panics),
                _ => None,
            },
        })
    }

    /// The process, as arguments of `wrapper` if that has a name.
    pub(super) fn command(&self, wrapper: &[&str]) -> Command {
        let program = env::current_exe().unwrap();
        let mut command = match wrapper {
            [] => Command::new(program),
            [name, arguments @ ..] => {
                let mut command = Command::new(name);
                command.args(arguments).arg(program);
                command
            }
        };
        command
            .args([TEST, "--exact", "--nocapture"])
            .env(DIRECTORY, &self.directory)
            .env(KIND, format!("{:?}", self.kind))
            .env(DURABILITY, self.durability)
            .env(FIRST, self.first.to_string());
        for (name, number) in [(WRITES, self.writes), (DOWN, self.down)] {
            if let Some(number) = number {
                command.env(name, number.to_string());
            }
        }
        if let Some(lie) = self.lie {
            command.env(LIE, format!("{lie:?}"));
        }
        command
    }

    /// Opens the cache over `sink`, to which the file is added if there is one.
    pub(super) fn open(&self, sink: Telling) -> Result<Cache, Box<dyn Error>> {
        let durability = if self.durability == "power" {
            Durability::Power
        } else {
            Durability::Process
        };
        #[cfg(feature = "redb")]
        let sink = match self.kind {
            Kind::Redb => {
                let file = Redb::options().durability(durability);
                let file = file.open(self.directory.join("data.redb"))?;
                Telling {
                    file: Some(file.into()),
                    ..sink
                }
            }
            _ => sink,
        };
        #[cfg(feature = "disk")]
        if self.kind == Kind::Disk {
            // So small that regions are reclaimed, and buffers written, all the time.
            let disk = DiskTier::new(self.directory.join("disk"))
                .capacity(512 << 10)
                .region_bytes(64 << 10)
                .buffers(64 << 10)
                .overflow(Overflow::Wait)
                .durability(durability);
            let builder = Tiered::builder().memory(MemoryTier::entries(30));
            return Ok(builder.disk(disk).store(Blocking::new(sink)).build()?);
        }
        // Fewer than there are keys: some are read from what is dirty, or from the sink.
        let mut memory = MemoryTier::entries(5);
        if let Some((clock, _)) = &sink.down {
            memory = memory.clock(clock.clone());
        }
        let writes = Writes::behind(self.directory.join("journal"))
            .durability(durability)
            .journal_bytes(1 << 20, 32 << 10)
            .max_delay(Duration::from_millis(2))
            .max_dirty(self.kind.keys() as usize - 2)
            .batch(4);
        let builder = Tiered::builder().memory(memory).writes(writes);
        Ok(builder.store(Blocking::new(sink)).build()?)
    }
}

/// One in eight versions is a removal.
pub(super) const fn is_put(version: u64) -> bool {
    version % 8 != 5
}

/// How a write ended, as a word.
fn outcome(cache: &Cache, key: u64, version: u64) -> Result<&'static str, String> {
    if is_put(version) {
        return match cache.put(key, value(key, version)).wait() {
            Ok(()) => Ok("acknowledged"),
            Err(PutError::Unknown { .. }) => Ok("unknown"),
            Err(PutError::Journal { .. }) => Ok("refused"),
            Err(error) => Err(format!("{error:?}")),
        };
    }
    match cache.remove(&key).wait() {
        Ok(_) => Ok("acknowledged"),
        Err(RemoveError::Unknown(_)) => Ok("unknown"),
        Err(RemoveError::Journal(_)) => Ok("refused"),
        Err(error) => Err(format!("{error:?}")),
    }
}

/// Reads a key that only this thread writes: no other version may be there than the one that it wrote last.
fn read(cache: &Cache, key: u64, last: u64) -> Result<(), String> {
    let hit = cache
        .get(&key)
        .wait()
        .map_err(|error| format!("{error:?}"))?;
    let found = hit.map_or(0, |hit| version(key, &hit.value));
    let wanted = if is_put(last) { last } else { 0 };
    if found == wanted {
        return Ok(());
    }
    Err(format!("key {key} has {found} instead of {wanted}"))
}

fn write(cache: &Cache, thread: u64, child: &Child) {
    let keys = child.kind.keys_a_thread();
    // The last of each key in this life, if it was acknowledged.
    let mut last = BTreeMap::new();
    for index in 0..child.writes.unwrap_or(u64::MAX) {
        let version = child.first + index;
        // Now one key many times, now all of them.
        let key = thread * keys + (index / 5 + index % 3) % keys;
        tell(&format!("asked {key} {version}"));
        let outcome = match child.lie {
            None => outcome(cache, key, version),
            Some(Lie::Forgets) => Ok("acknowledged"),
            Some(Lie::Panics) => panic!("this process was told to panic"),
        };
        match outcome {
            Ok(word) => {
                tell(&format!("{word} {key} {version}"));
                last.remove(&key);
                if word == "acknowledged" {
                    last.insert(key, version);
                }
            }
            Err(error) => tell(&format!("failed {error}")),
        }
        let key = thread * keys + index * 7 % keys;
        if let (None, Some(&last)) = (child.lie, last.get(&key))
            && let Err(error) = read(cache, key, last)
        {
            tell(&format!("failed {error}"));
        }
    }
}

/// Writes from all threads, and closes the cache.
fn work(cache: &Cache, child: &Child, clock: &ManualClock) {
    let done = AtomicBool::new(false);
    thread::scope(|scope| {
        let done = &done;
        let writers: Vec<_> = (0..THREADS)
            .map(|thread| scope.spawn(move || write(cache, thread, child)))
            .collect();
        scope.spawn(move || {
            while child.down.is_some() && !done.load(Ordering::Relaxed) {
                clock.advance(Duration::from_millis(20));
                thread::yield_now();
            }
        });
        writers
            .into_iter()
            .for_each(|writer| writer.join().unwrap());
        match cache.close().wait() {
            Ok(report) => tell(&format!("closed {} {}", report.left, report.dead)),
            Err(error) => tell(&format!("unclosed {error:?}")),
        }
        done.store(true, Ordering::Relaxed);
    });
}

#[test]
fn a_process_that_writes() {
    let Some(child) = Child::of_environment() else {
        // Only the tests of this binary start one.
        return;
    };
    // Of any thread: who is killed a moment later is not taken for one that did well.
    std::panic::set_hook(Box::new(|panic| {
        tell(&format!("failed {}", panic.to_string().replace('\n', " ")));
        std::process::exit(101);
    }));
    tell("opening");
    let clock = ManualClock::new();
    let sink = Telling {
        aloud: true,
        down: child.down.map(|down| (clock.clone(), down * 60_000)),
        ..Telling::default()
    };
    match child.open(sink) {
        Ok(cache) => {
            tell("open");
            work(&cache, &child, &clock);
        }
        Err(error) => tell(&format!("unopened {error:?}")),
    }
}
