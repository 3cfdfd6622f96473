//! `RemoteTier`: a Redis server as a tier that many processes share, in front of a slower store.
//!
//! # What keeps it from being old
//!
//! A process that loads a key and one that writes it do not know of each other, and messages are
//! late. So who finds nothing takes a *lease*, which only he can turn into a value; and who writes
//! puts a *block* there before, which voids the lease, and empties the key after.
//!
//! ```text
//!   absent --load begins--> lease --store has answered--> value or absence --time--> absent
//!                             |                              |
//!                 write begins|                  write begins|
//!                             v                              v
//!                           block --store has answered--> absent
//! ```
//!
//! What is loaded from the store before a write has ended there was leased before, so it finds its
//! lease gone. If the block was lost, or has expired before the write ended, what was filled meanwhile is
//! emptied at the end of the write. If that end cannot be told, the key is *owed*: this process
//! loads it from the store until the server has heard of it. Nobody empties another's block, since
//! that one's write may be on its way; he does it himself.
//!
//! The idea of leases is that of Nishtala et al., "Scaling Memcache at Facebook" (NSDI 2013),
//! section 3.2.1; blocks make it hold for writers that stop half-way.

mod commands;
mod entry;
mod link;
mod owed;
mod stats;

pub use self::stats::RemoteStats;

use self::link::{Link, Look};
use super::subject::Subject;
use super::{Redis, RedisInvalidations};
use crate::codec::{Codec, Raw};
use crate::life::Life;
use crate::sink::{Applied, ApplyError, Mutation, Sink};
use crate::source::{Loaded, Source};
use std::fmt;
use std::sync::Arc;
use std::time::Duration;

/// How long what the store has answered stays, unless told otherwise.
const TIME_TO_LIVE: Duration = Duration::from_secs(3_600);

/// A Redis server, or a cluster, as a tier that many processes share, in front of a store; from
/// [`Redis::in_front_of`]. It is a store itself, so that a [`Tiered`](crate::Tiered) has memory and disk
/// in front of it.
///
/// A load asks the server first, and the store if it has nothing, whereupon it has. A write goes to
/// the store, and the server drops what it had. The server holds nothing that the store has not:
/// it may evict, fail and be emptied at any time, and no call fails because it does. While it
/// fails, loads go to the store; after some failures in a row it is left alone for a second at a time.
///
/// # How old a value can be
///
/// By way of this tier and its clones: a load that begins after a write has ended gives what was
/// written, or later. By other tiers: the same as soon as the server has heard of the end of the write, and what
/// caches have in memory they drop when they do ([`invalidations`](Self::invalidations)). Where that cannot be
/// told, because a connection is lost or a process has ended in the middle of a write, a value is
/// old for no longer than its time to live
/// ([`RedisOptions::time_to_live`](crate::RedisOptions::time_to_live), 1 h by default, or the store's if that is less), which
/// has to be the same in all processes and counts in the memory before it too, in place of that of the
/// [`MemoryTier`](crate::MemoryTier). So it is for all where the server has failed over to a replica that lags.
///
/// A write that has begun has to be driven to its end, as a [`Tiered`](crate::Tiered) does.
///
/// A server that comes back with an older state of its data has old values too. So give it no
/// persistence (`save ""`, `appendonly no`), or `appendfsync always`.
///
/// # What is kept there
///
/// Values and, if the store says for how long, absences ([`Life`]). Not values with tags, which nobody could
/// invalidate there. What a store's life says beside its time to live reaches those who asked the
/// store alone. Each entry is one byte and the bytes of the codec; all tiers with one prefix have
/// to have the same codecs, and no other program writes there.
///
/// If processes miss the same key at the same time, each asks the store, and one of them fills the
/// server.
///
/// # Cost
///
/// A load is one exchange with the server, and one with the store if it has nothing; the filling is
/// not waited for, nor is more than 64 MiB of it held. A write takes two exchanges more than the
/// store does. The server runs scripts (`EVAL`), and its user needs the channel of the prefix and
/// `"\0changes"` (`ACL SETUSER ... allchannels`).
///
/// # Examples
///
/// ```no_run
/// use cache_tiered::{InMemory, MemoryTier, Redis, Tiered};
/// use std::time::Duration;
///
/// // In place of the slow store.
/// let store: InMemory<u64, String> = InMemory::new();
/// let tier = Redis::options()
///     .prefix("product:")
///     .time_to_live(Duration::from_secs(600))
///     .connect("redis://127.0.0.1")?
///     .in_front_of(store);
/// let invalidations = tier.invalidations();
/// let cache: Tiered<u64, String> =
///     Tiered::builder().memory(MemoryTier::entries(10_000)).store(tier).build()?;
/// let listener = invalidations.follow(&cache)?;
/// # drop(listener);
/// # Ok::<(), Box<dyn std::error::Error>>(())
/// ```
pub struct RemoteTier<S, C = Raw, D = Raw> {
    inner: Arc<Inner<S, C, D>>,
}

struct Inner<S, C, D> {
    store: S,
    redis: Redis<C, D>,
    link: Arc<Link>,
}

impl<C, D> Redis<C, D> {
    /// This server as a tier that many processes share, in front of a store.
    #[must_use]
    pub fn in_front_of<S>(self, store: S) -> RemoteTier<S, C, D> {
        let time_to_live = self.servers.time_to_live().unwrap_or(TIME_TO_LIVE);
        let channel = [&*self.prefix, b"\0changes"].concat();
        let servers = Arc::clone(&self.servers);
        let handle = self.runtime.handle().clone();
        RemoteTier {
            inner: Arc::new(Inner {
                link: Link::new(servers, handle, channel.into(), time_to_live),
                store,
                redis: self,
            }),
        }
    }
}

impl<S, C, D> RemoteTier<S, C, D> {
    /// What happened so far.
    #[must_use]
    pub fn stats(&self) -> RemoteStats {
        self.inner.link.stats()
    }

    /// The store behind it.
    #[must_use]
    pub fn store(&self) -> &S {
        &self.inner.store
    }

    /// What other tiers with this prefix write, so that caches in front of this one can drop it. A cache does not
    /// hear of what is written through this tier or a clone of it, nor of what the server evicts.
    pub fn invalidations(&self) -> RedisInvalidations<C>
    where
        C: Clone,
    {
        let link = &self.inner.link;
        let subject = Subject::Channel {
            name: Arc::clone(link.channel()),
            own: link.own(),
        };
        RedisInvalidations::new(Arc::clone(link.servers()), subject, &self.inner.redis)
    }

    /// Empties a key of the server, and tells the other processes: for who has changed the store by other
    /// ways. If the server cannot be told now, it is as soon as that is possible; until then this tier
    /// does not believe it.
    pub async fn invalidate<K>(&self, key: &K)
    where
        C: Codec<K>,
    {
        if let Ok(key) = self.inner.redis.key(key) {
            let change = self.inner.link.change(vec![key]);
            self.inner.redis.runtime.run(change.end()).await;
        }
    }
}

impl<S, C, D> Inner<S, C, D> {
    /// Looks for keys; those without a form in bytes are nowhere.
    async fn look<K>(&self, keys: &[K]) -> Vec<Look>
    where
        C: Codec<K>,
    {
        let mut looks: Vec<Look> = keys.iter().map(|_| Look::Bypass).collect();
        let (places, encoded): (Vec<_>, Vec<_>) = keys
            .iter()
            .enumerate()
            .filter_map(|(index, key)| Some((index, self.redis.key(key).ok()?)))
            .unzip();
        let looking = Arc::clone(&self.link).look(encoded);
        let found = self.redis.runtime.run(looking).await;
        for (index, look) in places.into_iter().zip(found) {
            looks[index] = look;
        }
        looks
    }

    /// What the server has found, as an answer; else what is to be done with that of the store.
    fn answer<V>(&self, look: Look) -> Result<Loaded<V>, Look>
    where
        D: Codec<V>,
    {
        let counters = &self.link.counters;
        match look {
            Look::Found(bytes, left) => {
                let life = Life::DEFAULT.ttl(left);
                let loaded = match bytes {
                    None => Loaded::Absent(life),
                    Some(bytes) => match self.redis.values.decode(&bytes) {
                        Ok(value) => Loaded::Value(value, life),
                        Err(_not_a_value) => {
                            counters.failed.add();
                            counters.bypassed.add();
                            return Err(Look::Bypass);
                        }
                    },
                };
                counters.hits.add();
                Ok(loaded)
            }
            Look::Leased(lease) => {
                counters.misses.add();
                Err(Look::Leased(lease))
            }
            Look::Bypass => {
                counters.bypassed.add();
                Err(Look::Bypass)
            }
        }
    }

    /// An answer of the store as that of the tier: it fills the server, and no value lives for longer than
    /// there, so that where news are lost that is an end too.
    fn keep<V>(&self, look: Look, loaded: Loaded<V>) -> Loaded<V>
    where
        D: Codec<V>,
    {
        self.fill(look, &loaded);
        match loaded {
            Loaded::Value(value, life) => {
                let most = self.link.time_to_live();
                let own = life.time_to_live().unwrap_or(most);
                Loaded::Value(value, life.ttl(own.min(most)))
            }
            absent @ Loaded::Absent(_) => absent,
        }
    }

    /// Fills the server with an answer of the store, if that is to be done and the answer is fit for it.
    fn fill<V>(&self, look: Look, loaded: &Loaded<V>)
    where
        D: Codec<V>,
    {
        let Look::Leased(lease) = look else {
            return;
        };
        match loaded {
            Loaded::Value(value, life) if life.tags().is_empty() => {
                let mut scratch = Vec::new();
                if let Ok(bytes) = self.redis.values.encode(value, &mut scratch)
                    && super::check_size(bytes).is_ok()
                {
                    lease.fill(Some(bytes), life.time_to_live());
                }
            }
            Loaded::Absent(life) if life.tags().is_empty() && life.time_to_live().is_some() => {
                lease.fill(None, life.time_to_live());
            }
            _ => {}
        }
    }
}

impl<K, V, S, C, D> Source<K, V> for RemoteTier<S, C, D>
where
    K: Clone + Send + Sync,
    V: Send,
    S: Source<K, V>,
    C: Codec<K>,
    D: Codec<V>,
{
    type Error = S::Error;

    async fn load(&self, key: &K) -> Result<Loaded<V>, S::Error> {
        let inner = &self.inner;
        let look = inner.look(std::slice::from_ref(key)).await.pop();
        match inner.answer(look.expect("one look a key")) {
            Ok(loaded) => Ok(loaded),
            Err(look) => {
                let loaded = inner.store.load(key).await?;
                Ok(inner.keep(look, loaded))
            }
        }
    }

    async fn load_many(&self, keys: &[K]) -> Result<Vec<Loaded<V>>, S::Error> {
        let inner = &self.inner;
        let looks = inner.look(keys).await;
        let answers: Vec<_> = looks.into_iter().map(|look| inner.answer(look)).collect();
        let missed = keys.iter().zip(&answers);
        let missed = missed.filter(|(_, answer)| answer.is_err());
        let missed: Vec<K> = missed.map(|(key, _)| key.clone()).collect();
        let loaded = if missed.is_empty() {
            Vec::new()
        } else {
            inner.store.load_many(&missed).await?
        };
        let mut loaded = loaded.into_iter();
        let answers = answers.into_iter().map(|answer| {
            answer.unwrap_or_else(|look| inner.keep(look, loaded.next().expect("one answer a key")))
        });
        Ok(answers.collect())
    }
}

impl<K, V, S, C, D> Sink<K, V> for RemoteTier<S, C, D>
where
    K: Sync,
    V: Sync,
    S: Sink<K, V>,
    C: Codec<K>,
    D: Codec<V>,
{
    type Error = S::Error;

    async fn apply(&self, batch: &[Mutation<K, V>]) -> Result<Applied, ApplyError<S::Error>> {
        let inner = &self.inner;
        // A key without a form in bytes is not there, and is not looked for either.
        let keys = batch.iter().map(Mutation::key);
        let mut keys: Vec<_> = keys.filter_map(|key| inner.redis.key(key).ok()).collect();
        keys.sort_unstable();
        keys.dedup();
        let change = inner.link.change(keys);
        let change = inner.redis.runtime.run(change.begin()).await;
        let applied = inner.store.apply(batch).await;
        inner.redis.runtime.run(change.end()).await;
        applied
    }

    async fn flush(&self) -> Result<(), S::Error> {
        self.inner.store.flush().await
    }

    fn is_stamp_conditional(&self) -> bool {
        self.inner.store.is_stamp_conditional()
    }
}

impl<S, C, D> Clone for RemoteTier<S, C, D> {
    fn clone(&self) -> Self {
        Self {
            inner: Arc::clone(&self.inner),
        }
    }
}

impl<S, C, D> fmt::Debug for RemoteTier<S, C, D> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("RemoteTier")
            .field("redis", &self.inner.redis)
            .field("stats", &self.stats())
            .finish_non_exhaustive()
    }
}
