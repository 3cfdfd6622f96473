//! `Redis`: a store in a Redis server, or in a cluster of them.
//!
//! # When a write has ended
//!
//! A [`Sink`] answers when a batch has taken effect, or never will. A command that has no answer
//! in time may do either: a server that was stopped for a while finds it in its socket when it
//! goes on, however long ago the client has given up, and closing the connection does not take it
//! back.
//!
//! ```text
//!   sent --answer--> applied, or refused
//!     |
//!     +--time up, or connection lost--> in doubt --+--CLIENT KILL by another connection--> unknown
//!                                                  +--another process answers-----------> unknown
//! ```
//!
//! So each connection for writes learns its number and the server's run id before it is used. If a
//! write on it has no answer, nobody new uses it, and another connection tells the server to end
//! it: from then on no command of it is read or run. If the server has another run id, the process
//! that had the connection is dead. Only then the write is answered, as
//! [`Unknown`](ApplyError::Unknown). As long as the server is not reached there is no answer: in a
//! [`Tiered`](crate::Tiered) the caller has heard of it when his
//! [timeout](crate::Through::timeout) was up, and until the attempt has ended other writes of the
//! key are answered with `Busy`.
//!
//! A write that was not sent is refused at once, or when its time is up. A load that fails just
//! fails.

mod cluster;
mod commands;
mod connection;
mod error;
mod invalidations;
mod node;
mod options;
mod remote;
mod servers;
mod slots;
mod stats;
mod subject;
mod topology;

pub use self::error::RedisError;
pub use self::invalidations::{RedisInvalidation, RedisInvalidations, RedisListener};
pub use self::options::RedisOptions;
pub use self::remote::{RemoteStats, RemoteTier};
pub use self::stats::RedisStats;

use self::commands::{Change, Found, check_size};
use self::servers::Servers;
use self::subject::Subject;
use crate::codec::{Codec, Raw};
use crate::life::Life;
use crate::sink::{Applied, ApplyError, Mutation, Sink};
use crate::source::{Loaded, Source};
use crate::store::runtime::Runtime;
use std::fmt;
use std::sync::Arc;
use std::time::Instant;

/// A store in a [Redis](https://redis.io) server, or one that speaks its protocol; or, by
/// [`in_front_of`](Self::in_front_of), a tier that many processes share in front of a slower store.
///
/// Keys are a prefix and the bytes that a codec makes of them, values are strings. What has a time
/// to live in the server has the rest of it in the cache too.
///
/// # Atomicity
///
/// A batch is one transaction (`MULTI` ... `EXEC`), all or nothing. In a cluster there are such
/// only within one slot: a batch with keys of several is refused before anything is sent, whereupon
/// write-behind brings its changes one by one; tell it so from the beginning by a
/// [`batch`](crate::Behind::batch) of 1, and give it more [`lanes`](crate::Behind::lanes). Or give the
/// prefix a hash tag (`{name}:`) to have all keys in one slot, and batches whole.
///
/// # Failures
///
/// What the server does not take is refused, and so is what could not be sent in time. A write that
/// was sent and has no answer in time is answered with [`ApplyError::Unknown`] when it is certain
/// that it will not take effect any more: the server has ended the connection it came by, or is
/// another process by now, which needs that the server can be reached again. So give write-through
/// a [timeout](crate::Through::timeout), by which its callers are told.
///
/// A server that was replaced at its address is taken for dead. How much of what it acknowledged a
/// server has after a restart is up to its settings `appendonly` and `appendfsync`, and after a
/// failover up to its replication.
///
/// # Many processes
///
/// [`invalidations`](Self::invalidations) tell a cache what others write, so that it drops that.
///
/// # Cost
///
/// Calls share two connections to each server, one for loads and one for writes, and a thread with a
/// tokio runtime: callers need none. A load is one exchange with the server, a batch too.
///
/// # Examples
///
/// ```no_run
/// use cache_tiered::{MemoryTier, Redis, Tiered, Writes};
/// use std::time::Duration;
///
/// let store = Redis::options()
///     .prefix("session:")
///     .time_to_live(Duration::from_secs(3_600))
///     .connect("redis://127.0.0.1:6379")?;
/// let cache: Tiered<u64, String> = Tiered::builder()
///     .memory(MemoryTier::entries(10_000))
///     .store(store)
///     .writes(Writes::through().timeout(Duration::from_secs(2)))
///     .build()?;
/// cache.put(1, "one".to_owned()).wait()?;
/// # Ok::<(), Box<dyn std::error::Error>>(())
/// ```
pub struct Redis<C = Raw, D = Raw> {
    keys: C,
    values: D,
    prefix: Arc<[u8]>,
    servers: Arc<Servers>,
    runtime: Runtime,
}

impl Redis {
    /// Options for connecting; none has to be set.
    pub fn options() -> RedisOptions {
        RedisOptions::new()
    }
}

impl<C, D> Redis<C, D> {
    /// What happened so far.
    #[must_use]
    pub fn stats(&self) -> RedisStats {
        self.servers.stats()
    }

    /// What stands before each key.
    #[must_use]
    pub fn prefix(&self) -> &[u8] {
        &self.prefix
    }

    /// What others change, so that caches can drop it: many processes over one server.
    pub fn invalidations(&self) -> RedisInvalidations<C>
    where
        C: Clone,
    {
        let subject = Subject::Keys(Arc::clone(&self.prefix));
        RedisInvalidations::new(Arc::clone(&self.servers), subject, self)
    }

    fn key<K>(&self, key: &K) -> Result<Vec<u8>, RedisError>
    where
        C: Codec<K>,
    {
        let mut scratch = Vec::new();
        let bytes = self.keys.encode(key, &mut scratch)?;
        let key = [&*self.prefix, bytes].concat();
        check_size(&key)?;
        Ok(key)
    }

    fn change<K, V>(&self, mutation: &Mutation<K, V>) -> Result<Change, RedisError>
    where
        C: Codec<K>,
        D: Codec<V>,
    {
        let key = self.key(mutation.key())?;
        let mut scratch = Vec::new();
        let value = match mutation.value() {
            None => None,
            Some(value) => {
                let bytes = self.values.encode(value, &mut scratch)?;
                check_size(bytes)?;
                Some(bytes.to_vec())
            }
        };
        Ok(Change { key, value })
    }

    /// What was found as the answer of a load that was asked `since`.
    fn answer<V>(&self, found: Found, since: Instant) -> Result<Loaded<V>, RedisError>
    where
        D: Codec<V>,
    {
        let Some(bytes) = found.value else {
            return Ok(Loaded::Absent(Life::DEFAULT));
        };
        let value = self.values.decode(&bytes)?;
        // The time was told after the question came, and before the answer did.
        let life = found.left.map_or(Life::DEFAULT, |left| {
            Life::DEFAULT.ttl(left.saturating_sub(since.elapsed()))
        });
        Ok(Loaded::Value(value, life))
    }
}

impl<K: Sync, V: Send, C: Codec<K>, D: Codec<V>> Source<K, V> for Redis<C, D> {
    type Error = RedisError;

    async fn load(&self, key: &K) -> Result<Loaded<V>, RedisError> {
        let since = Instant::now();
        let key = self.key(key)?;
        let servers = Arc::clone(&self.servers);
        let load = async move { servers.load(vec![key]).await };
        let mut found = self.runtime.run(load).await?;
        self.answer(found.pop().expect("one answer a key"), since)
    }

    async fn load_many(&self, keys: &[K]) -> Result<Vec<Loaded<V>>, RedisError> {
        let since = Instant::now();
        let keys: Result<Vec<_>, _> = keys.iter().map(|key| self.key(key)).collect();
        let keys = keys?;
        let servers = Arc::clone(&self.servers);
        let load = async move { servers.load(keys).await };
        let found = self.runtime.run(load).await?;
        let answers = found.into_iter().map(|found| self.answer(found, since));
        answers.collect()
    }
}

impl<K: Sync, V: Sync, C: Codec<K>, D: Codec<V>> Sink<K, V> for Redis<C, D> {
    type Error = RedisError;

    async fn apply(&self, batch: &[Mutation<K, V>]) -> Result<Applied, ApplyError<RedisError>> {
        if batch.is_empty() {
            return Ok(Applied::new());
        }
        let changes: Result<Vec<_>, _> =
            batch.iter().map(|mutation| self.change(mutation)).collect();
        let changes = changes.map_err(ApplyError::Refused)?;
        let servers = Arc::clone(&self.servers);
        self.runtime
            .run(async move { servers.apply(&changes).await })
            .await
    }
}

impl<C, D> fmt::Debug for Redis<C, D> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("Redis")
            .field("servers", &self.servers)
            .field("prefix", &String::from_utf8_lossy(&self.prefix))
            .field("stats", &self.stats())
            .finish_non_exhaustive()
    }
}
