//! Options for connecting to a Redis server.

use super::Redis;
use super::error::RedisError;
use super::node::Limits;
use super::servers::Servers;
use crate::codec::Raw;
use crate::store::runtime::Runtime;
use redis::{ConnectionAddr, ConnectionInfo, IntoConnectionInfo};
use std::sync::Arc;
use std::time::Duration;

/// Options for connecting to a [`Redis`] server; from [`Redis::options`].
///
/// ```no_run
/// use cache_tiered::Redis;
/// use std::time::Duration;
///
/// let store = Redis::options()
///     .prefix("product:")
///     .call_timeout(Duration::from_millis(200))
///     .connect("redis://user:password@127.0.0.1:6379/2")?;
/// # Ok::<(), cache_tiered::RedisError>(())
/// ```
#[derive(Clone, Debug)]
#[must_use = "options do nothing until `connect`"]
pub struct RedisOptions<C = Raw, D = Raw> {
    prefix: Vec<u8>,
    limits: Limits,
    time_to_live: Option<Duration>,
    keys: C,
    values: D,
}

impl RedisOptions {
    pub(super) const fn new() -> Self {
        Self {
            prefix: Vec::new(),
            limits: Limits {
                connect: Duration::from_secs(1),
                call: Duration::from_secs(1),
            },
            time_to_live: None,
            keys: Raw,
            values: Raw,
        }
    }
}

impl<C, D> RedisOptions<C, D> {
    /// What stands before each key; nothing by default. Processes that share a server keep apart by
    /// it, and invalidations are told by it.
    pub fn prefix(mut self, prefix: impl AsRef<[u8]>) -> Self {
        self.prefix = prefix.as_ref().to_vec();
        self
    }

    /// How long an attempt to connect may take, its introduction included; 1 s by default.
    pub const fn connect_timeout(mut self, timeout: Duration) -> Self {
        self.limits.connect = timeout;
        self
    }

    /// How long a call may take, connecting included; 1 s by default. A load fails after it. A
    /// write is refused if it could not be sent; if it was, the store sees to it that it takes no
    /// effect later, which may take longer, and then says that its outcome is unknown.
    pub const fn call_timeout(mut self, timeout: Duration) -> Self {
        self.limits.call = timeout;
        self
    }

    /// The time to live, in the server, of all that is written; no limit by default. In whole
    /// milliseconds, rounded up, at least one.
    pub const fn time_to_live(mut self, time: Duration) -> Self {
        self.time_to_live = Some(time);
        self
    }

    /// How values become bytes; as they are by default.
    pub fn codec<E>(self, codec: E) -> RedisOptions<C, E> {
        RedisOptions {
            prefix: self.prefix,
            limits: self.limits,
            time_to_live: self.time_to_live,
            keys: self.keys,
            values: codec,
        }
    }

    /// How keys become bytes; as they are by default.
    pub fn key_codec<E>(self, codec: E) -> RedisOptions<E, D> {
        RedisOptions {
            prefix: self.prefix,
            limits: self.limits,
            time_to_live: self.time_to_live,
            keys: codec,
            values: self.values,
        }
    }

    /// Connects to one server: `redis://[user:password@]host[:port][/database]` or
    /// `unix:///path`. Blocks until the server has answered.
    ///
    /// # Errors
    ///
    /// [`RedisError`] if the URL is none, the server is not reached within the connect timeout, or
    /// it refuses the user.
    pub fn connect(self, url: &str) -> Result<Redis<C, D>, RedisError> {
        let server = parse(url)?;
        let runtime = start()?;
        let servers = Arc::new(Servers::single(server, self.limits, self.time_to_live));
        self.finish(runtime, servers)
    }

    /// Connects to a cluster, of which these are some nodes. User and password are those of the
    /// first. Blocks until every master has answered.
    ///
    /// # Errors
    ///
    /// As [`connect`](Self::connect), and if there is no URL, or one of a Unix socket or a database
    /// other than 0, which clusters have not.
    pub fn connect_cluster<U: AsRef<str>>(
        self,
        urls: impl IntoIterator<Item = U>,
    ) -> Result<Redis<C, D>, RedisError> {
        let seeds: Result<Vec<_>, _> = urls.into_iter().map(|url| seed(url.as_ref())).collect();
        let seeds = seeds?;
        if seeds.is_empty() {
            return Err(RedisError::Url {
                reason: "no node of the cluster is named".to_owned(),
            });
        }
        let runtime = start()?;
        let servers = Servers::cluster(seeds, self.limits, self.time_to_live);
        self.finish(runtime, Arc::new(servers))
    }

    fn finish(self, runtime: Runtime, servers: Arc<Servers>) -> Result<Redis<C, D>, RedisError> {
        let first = Arc::clone(&servers);
        crate::executor::block_on(runtime.run(async move { first.greet().await }))?;
        Ok(Redis {
            keys: self.keys,
            values: self.values,
            prefix: self.prefix.into(),
            servers,
            runtime,
        })
    }
}

fn start() -> Result<Runtime, RedisError> {
    Runtime::start("cache-tiered-redis").map_err(|error| RedisError::Io(Arc::new(error)))
}

fn parse(url: &str) -> Result<ConnectionInfo, RedisError> {
    let server = url.into_connection_info();
    let server = server.map_err(|error| RedisError::Url {
        // Not the URL itself, which may have a password.
        reason: format!("the URL is not one of a redis server ({error})"),
    })?;
    match server.addr() {
        ConnectionAddr::Tcp(..) | ConnectionAddr::Unix(_) => Ok(server),
        _ => Err(RedisError::Url {
            reason: "TLS is not spoken".to_owned(),
        }),
    }
}

fn seed(url: &str) -> Result<ConnectionInfo, RedisError> {
    let server = parse(url)?;
    let refuse = |reason: &str| {
        Err(RedisError::Url {
            reason: reason.to_owned(),
        })
    };
    match server.addr() {
        ConnectionAddr::Tcp(..) if server.redis_settings().db() == 0 => Ok(server),
        ConnectionAddr::Tcp(..) => refuse("a cluster has database 0 alone"),
        _ => refuse("the nodes of a cluster are reached by TCP"),
    }
}
