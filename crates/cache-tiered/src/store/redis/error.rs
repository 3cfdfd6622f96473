//! What can go wrong with a Redis server, and what to do about it.

use crate::codec::CodecError;
use std::error::Error;
use std::sync::Arc;
use std::time::Duration;

/// Why a [`Redis`](crate::Redis) store could not connect, read or write.
///
/// ```
/// use cache_tiered::{Redis, RedisError};
///
/// let refused = Redis::options().connect("http://localhost");
/// assert!(matches!(refused, Err(RedisError::Url { .. })));
/// ```
#[derive(Clone, Debug, thiserror::Error)]
#[non_exhaustive]
pub enum RedisError {
    /// The address is none that this store can connect to.
    #[error(
        "{reason}: give a URL like redis://user:password@host:6379/0 or unix:///run/redis.sock; for TLS put a tunnel before the server"
    )]
    Url {
        /// What is wrong with it.
        reason: String,
    },
    /// No connection could be made. Nothing was sent.
    #[error(
        "the redis server at {address} cannot be reached: check that it runs and that the address is right"
    )]
    Unreachable {
        /// The server.
        address: String,
        /// What the system or the server said.
        #[source]
        source: Arc<dyn Error + Send + Sync>,
    },
    /// The connection was lost before the answer came.
    #[error(
        "the connection to the redis server at {address} was lost: check the server and try again"
    )]
    Lost {
        /// The server.
        address: String,
        /// What the system said.
        #[source]
        source: Arc<dyn Error + Send + Sync>,
    },
    /// No answer came in time.
    #[error(
        "the redis server at {address} has not answered within {timeout:?}: check its load, or give it more time"
    )]
    TimedOut {
        /// The server.
        address: String,
        /// The time it had.
        timeout: Duration,
    },
    /// The server takes no writes.
    #[error("the redis server takes no writes ({0}): connect to the master, or make it one")]
    ReadOnly(String),
    /// The server has reached its `maxmemory`.
    #[error("the redis server is full ({0}): raise its maxmemory or let it evict")]
    Full(String),
    /// The server does not know the user, or forbids what the store needs: `GET`, `PTTL`,
    /// `EXISTS`, `SET`, `DEL`, `MULTI`, `EXEC`, `INFO`, `CLIENT ID` and `CLIENT KILL`, in a cluster
    /// also `ASKING` and `CLUSTER SLOTS`, for invalidations `CLIENT TRACKING`; a tier `EVAL` and
    /// `PUBLISH`, and for its invalidations `SUBSCRIBE`.
    #[error("the redis server denies access ({0}): check user, password and ACL")]
    Denied(String),
    /// The server or the cluster serves nothing at present: it loads its data, waits for a quorum,
    /// or moves the key elsewhere.
    #[error("the redis server is not ready ({0}): try again soon")]
    NotReady(String),
    /// The key belongs to another node of a cluster.
    #[error(
        "the key is on another node ({0}): use `connect_cluster`, or try again where that was done"
    )]
    Moved(String),
    /// A batch for a cluster with keys of several slots, which no cluster applies as one.
    #[error(
        "a batch of {changes} changes in several slots of the cluster is not atomic: write one by one, or give the keys one hash tag"
    )]
    ManySlots {
        /// The size of the batch.
        changes: usize,
    },
    /// Key or value are too large for Redis.
    #[error("a key or value of {0} bytes is too large: redis takes up to 512 MiB")]
    TooLarge(usize),
    /// A key or value could not be turned into bytes, or bytes not into a value.
    #[error(transparent)]
    Codec(#[from] CodecError),
    /// The system gave no thread, or no socket.
    #[error("the system refused what the store needs")]
    Io(#[source] Arc<std::io::Error>),
    /// The server refused in another way.
    #[error("the redis server refused: {0}")]
    Other(String),
    /// The server answered what no Redis answers.
    #[error(
        "the server at {address} does not answer like a redis server ({answer}): check the address"
    )]
    Protocol {
        /// The server.
        address: String,
        /// What it answered.
        answer: String,
    },
}

impl RedisError {
    pub(super) fn unreachable(
        address: &str,
        source: impl Into<Box<dyn Error + Send + Sync>>,
    ) -> Self {
        Self::Unreachable {
            address: address.to_owned(),
            source: Arc::from(source.into()),
        }
    }

    pub(super) fn lost(address: &str, source: redis::RedisError) -> Self {
        Self::Lost {
            address: address.to_owned(),
            source: Arc::new(source),
        }
    }

    pub(super) fn timed_out(address: &str, timeout: Duration) -> Self {
        Self::TimedOut {
            address: address.to_owned(),
            timeout,
        }
    }

    pub(super) fn protocol(address: &str, answer: &redis::Value) -> Self {
        Self::Protocol {
            address: address.to_owned(),
            answer: format!("{answer:.100?}"),
        }
    }

    /// What the server said instead of doing what it was asked.
    pub(super) fn refused(error: &redis::ServerError) -> Self {
        let text = error.details().map_or_else(
            || error.code().to_owned(),
            |details| format!("{} {details}", error.code()),
        );
        match error.code() {
            "READONLY" => Self::ReadOnly(text),
            "OOM" => Self::Full(text),
            "NOAUTH" | "WRONGPASS" | "NOPERM" => Self::Denied(text),
            "LOADING" | "BUSY" | "MASTERDOWN" | "CLUSTERDOWN" | "TRYAGAIN" | "NOREPLICAS" => {
                Self::NotReady(text)
            }
            "MOVED" | "ASK" => Self::Moved(text),
            _ => Self::Other(text),
        }
    }
}
