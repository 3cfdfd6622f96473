//! `RedisInvalidations`: the server tells which keys were changed, so that caches drop them.
//!
//! ```text
//!   subscribe --> all --> key, key, ... --connection lost--> all --> subscribe ...
//! ```
//!
//! What changes while nobody listens is not told later, so everything is dropped when a connection
//! is lost, as what is changed from then on is not heard of, and when there is one again, as what
//! was loaded in between may have changed unheard. A connection that is dead without saying so is
//! found by its silence: it has to answer once a heartbeat.

use super::connection::{Connection, Purpose};
use super::node::Deadline;
use super::servers::Servers;
use super::subject::Subject;
use super::{Redis, RedisError};
use crate::codec::{Codec, Raw};
use crate::store::runtime::Runtime;
use crate::tiered::Tiered;
use redis::{ConnectionInfo, Pipeline, Value};
use std::collections::BTreeMap;
use std::fmt;
use std::hash::Hash;
use std::sync::Arc;
use std::sync::atomic::{AtomicU64, Ordering};
use std::time::Duration;
use tokio::task::JoinHandle;
use tokio::time::{sleep, timeout};

/// How often a connection shows that it lives, unless told otherwise.
const HEARTBEAT: Duration = Duration::from_secs(1);
/// The pauses between attempts to subscribe again.
const PAUSE_FIRST: Duration = Duration::from_millis(5);
const PAUSE_LONGEST: Duration = Duration::from_millis(100);

/// What a server tells.
///
/// ```
/// use cache_tiered::RedisInvalidation;
///
/// let told = RedisInvalidation::Key(7);
/// assert_ne!(told, RedisInvalidation::All);
/// ```
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
#[non_exhaustive]
pub enum RedisInvalidation<K> {
    /// This key was written, removed, evicted or has expired.
    Key(K),
    /// Any key may have been.
    All,
}

/// What a server tells of changes: by whomever they are, from
/// [`Redis::invalidations`](super::Redis::invalidations); or those that other tiers make, from
/// [`RemoteTier::invalidations`](super::RemoteTier::invalidations).
///
/// With it many caches may share a server: what one writes the others drop as soon as they hear of
/// it. A value is stale for no longer than that, or than its time to live, whichever is less; while
/// a connection is lost its time to live alone counts, and everything is dropped when there is one
/// again. Of a store a cache hears its own writes too, and loads what it wrote anew.
///
/// The server has to know `CLIENT TRACKING`, which Redis does from version 6 on, or for tiers the
/// third version of its protocol, which it does from then on too. Only keys with the
/// prefix of the store are told.
///
/// ```no_run
/// use cache_tiered::{MemoryTier, Redis, Tiered};
///
/// let store = Redis::options().prefix("product:").connect("redis://127.0.0.1")?;
/// let invalidations = store.invalidations();
/// let cache: Tiered<u64, String> =
///     Tiered::builder().memory(MemoryTier::entries(10_000)).store(store).build()?;
/// let listener = invalidations.follow(&cache)?;
/// // ... and as long as the listener is there, no hit is older than the news are late.
/// # drop(listener);
/// # Ok::<(), Box<dyn std::error::Error>>(())
/// ```
#[must_use = "nobody is told of anything before `follow` or `listen`"]
pub struct RedisInvalidations<C = Raw> {
    servers: Arc<Servers>,
    subject: Subject,
    /// How many bytes of a key are its prefix.
    prefix: usize,
    keys: C,
    heartbeat: Duration,
}

impl<C> RedisInvalidations<C> {
    pub(super) fn new<D>(servers: Arc<Servers>, subject: Subject, redis: &Redis<C, D>) -> Self
    where
        C: Clone,
    {
        Self {
            servers,
            subject,
            prefix: redis.prefix.len(),
            keys: redis.keys.clone(),
            heartbeat: HEARTBEAT,
        }
    }

    /// How often a connection has to show that it lives, and how long it may take for it; 1 s by
    /// default. One that dies in silence is found after two of them at most.
    pub const fn heartbeat(mut self, interval: Duration) -> Self {
        self.heartbeat = interval;
        self
    }

    /// Drops from the tiers of a cache what the server tells. Blocks until every server has agreed
    /// to tell, whereupon everything is dropped once.
    ///
    /// The listener holds the cache: neither its store nor its threads end before it.
    ///
    /// # Errors
    ///
    /// As [`listen`](Self::listen).
    pub fn follow<K, V>(self, cache: &Tiered<K, V>) -> Result<RedisListener, RedisError>
    where
        K: Hash + Eq + Clone + Send + Sync + 'static,
        V: Clone + Send + Sync + 'static,
        C: Codec<K>,
    {
        let cache = cache.clone();
        self.listen(move |told| match told {
            RedisInvalidation::Key(key) => {
                let _held = cache.invalidate(&key);
            }
            RedisInvalidation::All => cache.invalidate_all(),
        })
    }

    /// Calls `hook` for all that the servers tell, until the listener is dropped. Blocks until every
    /// server has agreed to tell. Keys that the codec cannot read are nobody's, and left out.
    ///
    /// The hook is called by the thread that reads the connections, which waits for it. It must not
    /// panic: that is taken for a lost connection.
    ///
    /// # Errors
    ///
    /// [`RedisError`] if a server is not reached, or does not know or allow `CLIENT TRACKING`, or
    /// if the system gives no thread.
    pub fn listen<K>(
        self,
        hook: impl Fn(RedisInvalidation<K>) + Send + Sync + 'static,
    ) -> Result<RedisListener, RedisError>
    where
        K: 'static,
        C: Codec<K>,
    {
        let Self {
            servers,
            subject,
            prefix,
            keys,
            heartbeat,
        } = self;
        let tell = move |key: Option<&[u8]>| match key {
            None => hook(RedisInvalidation::All),
            Some(key) => {
                let own = key.get(prefix..);
                if let Some(Ok(key)) = own.map(|own| keys.decode(own)) {
                    hook(RedisInvalidation::Key(key));
                }
            }
        };
        let news = Arc::new(News {
            servers,
            subject,
            heartbeat,
            tell: Box::new(tell),
            subscribed: AtomicU64::new(0),
        });
        let runtime = Runtime::start("cache-tiered-redis-news");
        let runtime = runtime.map_err(|error| RedisError::Io(Arc::new(error)))?;
        let own = Arc::clone(&news);
        crate::executor::block_on(runtime.run(async move {
            let subscriptions = own.begin().await?;
            // It ends with the runtime.
            let _task = tokio::spawn(own.supervise(subscriptions));
            Ok::<(), RedisError>(())
        }))?;
        Ok(RedisListener {
            news,
            _runtime: runtime,
        })
    }
}

impl<C> fmt::Debug for RedisInvalidations<C> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("RedisInvalidations")
            .field("servers", &self.servers)
            .field("heartbeat", &self.heartbeat)
            .finish_non_exhaustive()
    }
}

/// Listens until it is dropped; from [`RedisInvalidations::follow`] and
/// [`listen`](RedisInvalidations::listen).
///
/// ```no_run
/// use cache_tiered::Redis;
///
/// let store = Redis::options().connect("redis://127.0.0.1")?;
/// let listener = store.invalidations().listen::<String>(|told| println!("{told:?}"))?;
/// assert_eq!(listener.subscribed(), 1);
/// # Ok::<(), cache_tiered::RedisError>(())
/// ```
#[must_use = "it listens until it is dropped"]
pub struct RedisListener {
    news: Arc<News>,
    /// Only held: with it all of this ends.
    _runtime: Runtime,
}

impl RedisListener {
    /// How often a server has agreed to tell: once for each, and again after each lost connection.
    #[must_use]
    pub fn subscribed(&self) -> u64 {
        self.news.subscribed.load(Ordering::Relaxed)
    }
}

impl fmt::Debug for RedisListener {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("RedisListener")
            .field("servers", &self.news.servers)
            .field("subscribed", &self.subscribed())
            .finish_non_exhaustive()
    }
}

/// Is told the key, with its prefix, or nothing for all keys.
type Tell = Box<dyn Fn(Option<&[u8]>) + Send + Sync>;

/// What the tasks of a listener share.
struct News {
    servers: Arc<Servers>,
    subject: Subject,
    heartbeat: Duration,
    tell: Tell,
    /// Relaxed: only told.
    subscribed: AtomicU64,
}

/// A task that ends with this.
struct Following(JoinHandle<()>);

impl Drop for Following {
    fn drop(&mut self) {
        self.0.abort();
    }
}

type Subscriptions = Vec<(ConnectionInfo, Connection)>;

impl News {
    /// Subscribes to every master for the first time.
    async fn begin(self: &Arc<Self>) -> Result<Subscriptions, RedisError> {
        let deadline = self.servers.connect_deadline();
        let mut subscriptions = Subscriptions::new();
        for server in self.servers.masters(deadline).await? {
            let connection = self.subscribe(&server, deadline).await?;
            subscriptions.push((server, connection));
        }
        Ok(subscriptions)
    }

    async fn subscribe(
        self: &Arc<Self>,
        server: &ConnectionInfo,
        deadline: Deadline,
    ) -> Result<Connection, RedisError> {
        let address = server.addr().to_string();
        let news = Arc::clone(self);
        let pushes = Purpose::Invalidations(Arc::new(move |push| {
            news.subject.hear(&push, &news.tell);
        }));
        let command = self.subject.subscribe();
        let subscribed = tokio::time::timeout_at(deadline.at, async {
            let connection = Connection::open(server, pushes).await?;
            let answers = connection.ask(&command).await;
            let answers = answers.map_err(|error| RedisError::lost(&address, error))?;
            match &answers[..] {
                [answer] if self.subject.is_agreed(answer) => Ok(connection),
                [Value::ServerError(error)] => Err(RedisError::refused(error)),
                _ => Err(RedisError::protocol(&address, &Value::Array(answers))),
            }
        });
        let late = RedisError::timed_out(&address, deadline.timeout);
        let connection = subscribed.await.unwrap_or(Err(late))?;
        self.subscribed.fetch_add(1, Ordering::Relaxed);
        Ok(connection)
    }

    /// Keeps a task for each master; in a cluster others may become that.
    async fn supervise(self: Arc<Self>, subscriptions: Subscriptions) {
        let mut following = BTreeMap::new();
        for (server, connection) in subscriptions {
            let address = server.addr().to_string();
            let task = Arc::clone(&self).follow(server, Some(connection));
            following.insert(address, Following(tokio::spawn(task)));
        }
        loop {
            sleep(self.heartbeat).await;
            let deadline = Deadline::after(self.heartbeat);
            // Where nobody tells, those from before may come back.
            let Ok(masters) = self.servers.masters(deadline).await else {
                continue;
            };
            let by_address = masters
                .into_iter()
                .map(|server| (server.addr().to_string(), server));
            let masters: BTreeMap<_, _> = by_address.collect();
            let before = following.len();
            // A task ends by a panic of the hook alone: that is begun anew too.
            following.retain(|address, task: &mut Following| {
                masters.contains_key(address) && !task.0.is_finished()
            });
            if following.len() < before {
                // What it would have told nobody hears.
                (self.tell)(None);
            }
            for (address, server) in masters {
                let start = || {
                    let task = Arc::clone(&self).follow(server, None);
                    Following(tokio::spawn(task))
                };
                following.entry(address).or_insert_with(start);
            }
        }
    }

    /// Listens to one server for ever.
    async fn follow(self: Arc<Self>, server: ConnectionInfo, first: Option<Connection>) {
        let (mut connection, mut pause) = (first, PAUSE_FIRST);
        loop {
            let current = match connection.take() {
                Some(current) => current,
                None => match self
                    .subscribe(&server, self.servers.connect_deadline())
                    .await
                {
                    Ok(current) => current,
                    Err(_not_yet) => {
                        sleep(pause).await;
                        pause = (pause * 2).min(PAUSE_LONGEST);
                        continue;
                    }
                },
            };
            pause = PAUSE_FIRST;
            (self.tell)(None);
            self.hear(current).await;
            (self.tell)(None);
        }
    }

    /// Returns when the connection is lost.
    async fn hear(&self, mut connection: Connection) {
        let mut ping = Pipeline::with_capacity(1);
        ping.cmd("PING");
        loop {
            if timeout(self.heartbeat, connection.lost()).await.is_ok() {
                return;
            }
            let answer = timeout(self.heartbeat, connection.ask(&ping)).await;
            if !matches!(answer, Ok(Ok(_))) {
                return;
            }
        }
    }
}
