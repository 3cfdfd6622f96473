//! Two caches over one Redis server: what one writes the other drops and loads anew. Then the server
//! as a tier that both share in front of another store.
//!
//! `cargo run -p cache-tiered --features redis --example tiered_redis [URL]`
//!
//! Without a URL it starts a server of its own, on a socket in a temporary folder. A server for
//! real use, whose acknowledged writes survive a loss of power, on port 6379:
//! `redis-server --appendonly yes --appendfsync always`, and then `redis://127.0.0.1:6379`.

use cache_tiered::{InMemory, MemoryTier, Redis, RedisListener, Tier, Tiered, Writes};
use std::error::Error;
use std::io::{BufRead, BufReader};
use std::path::Path;
use std::process::{Child, Command, Stdio};
use std::time::{Duration, Instant};

type Cache = Tiered<u64, String>;

const PATIENCE: Duration = Duration::from_secs(20);

fn open(url: &str) -> Result<(Cache, RedisListener), Box<dyn Error>> {
    let store = Redis::options()
        .prefix("example:")
        .time_to_live(Duration::from_secs(600))
        .connect(url)?;
    let invalidations = store.invalidations();
    let cache = Tiered::builder()
        .memory(MemoryTier::entries(1_000))
        .store(store)
        .writes(Writes::through().timeout(Duration::from_secs(2)))
        .build()?;
    let listener = invalidations.follow(&cache)?;
    Ok((cache, listener))
}

/// A cache in front of a server in front of a store.
fn share(url: &str, store: &InMemory<u64, String>) -> Result<Cache, Box<dyn Error>> {
    let tier = Redis::options()
        .prefix("shared:")
        .time_to_live(Duration::from_secs(600))
        .connect(url)?
        .in_front_of(store.clone());
    let memory = MemoryTier::entries(1_000);
    Ok(Tiered::builder().memory(memory).store(tier).build()?)
}

/// A server that ends with this.
struct Server(Child);

impl Server {
    fn start(directory: &Path) -> Result<(Self, String), Box<dyn Error>> {
        let socket = directory.join("redis.sock");
        let process = Command::new("redis-server")
            .args(["--port", "0", "--save", "", "--dir"])
            .arg(directory)
            .arg("--unixsocket")
            .arg(&socket)
            .stdout(Stdio::piped())
            .spawn();
        let process = process.map_err(|error| {
            format!("redis-server does not start ({error}): install it, or name the URL of one")
        })?;
        let mut server = Self(process);
        let log = server.0.stdout.take().ok_or("it has a log")?;
        for line in BufReader::new(log).lines() {
            if line?.contains("ready to accept") {
                return Ok((server, format!("unix://{}", socket.display())));
            }
        }
        Err("redis-server ended before it was ready".into())
    }
}

impl Drop for Server {
    fn drop(&mut self) {
        // It may have ended by itself.
        let _gone = (self.0.kill(), self.0.wait());
    }
}

fn main() -> Result<(), Box<dyn Error>> {
    let directory = tempfile::tempdir()?;
    let (_server, url) = match std::env::args().nth(1) {
        Some(url) => (None, url),
        None => {
            let (server, url) = Server::start(directory.path())?;
            (Some(server), url)
        }
    };
    let (one, _hears) = open(&url)?;
    let (other, _hears_too) = open(&url)?;

    one.put(7, "seven".to_owned()).wait()?;
    let hit = other.get(&7).wait()?.ok_or("it was put")?;
    assert_eq!((hit.value.as_str(), hit.tier), ("seven", Tier::Store));

    one.put(7, "sept".to_owned()).wait()?;
    // The other hears of it a moment later.
    let began = Instant::now();
    while other.get(&7).wait()?.is_none_or(|hit| hit.value != "sept") {
        assert!(began.elapsed() < PATIENCE, "nobody has told");
    }
    println!(
        "{url}: the other cache saw the new value after {:?}",
        began.elapsed()
    );

    assert!(other.remove(&7).wait()?);
    one.close().wait()?;
    other.close().wait()?;

    let store = InMemory::new();
    let (one, other) = (share(&url, &store)?, share(&url, &store)?);
    one.put(8, "eight".to_owned()).wait()?;
    // The first to load it has the server filled, for all.
    let hit = other.get(&8).wait()?.ok_or("it was put")?;
    println!("{url}: shared in front of a store: {}", hit.value);
    one.close().wait()?;
    other.close().wait()?;
    Ok(())
}
