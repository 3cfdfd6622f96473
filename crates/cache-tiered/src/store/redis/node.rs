//! A server and the connections to it: one for reads, one for writes.

use super::RedisError;
use super::connection::{Connection, Purpose, kill};
use super::stats::Counters;
use redis::{ConnectionInfo, Pipeline, Value};
use std::sync::Arc;
use std::time::Duration;
use tokio::sync::Mutex;
use tokio::time::{Instant, sleep, timeout, timeout_at};

/// The pauses between attempts to end a connection.
const PAUSE_FIRST: Duration = Duration::from_millis(5);
const PAUSE_LONGEST: Duration = Duration::from_millis(100);

/// How long things may take.
#[derive(Clone, Copy, Debug)]
pub(super) struct Limits {
    pub(super) connect: Duration,
    pub(super) call: Duration,
}

/// When a call has to have ended, and how long it had.
#[derive(Clone, Copy, Debug)]
pub(super) struct Deadline {
    pub(super) at: Instant,
    pub(super) timeout: Duration,
}

impl Deadline {
    pub(super) fn after(timeout: Duration) -> Self {
        Self {
            at: Instant::now() + timeout,
            timeout,
        }
    }
}

/// A write that was sent, and has no answer.
pub(super) struct InDoubt {
    pub(super) connection: Arc<Connection>,
    pub(super) error: RedisError,
}

/// How a write ended that has no answer.
pub(super) enum Unanswered {
    /// It was not sent.
    Refused(RedisError),
    InDoubt(InDoubt),
}

/// Where the current connection is, if there is one.
type Seat = Mutex<Option<Arc<Connection>>>;

pub(super) struct Node {
    server: ConnectionInfo,
    address: String,
    limits: Limits,
    counters: Arc<Counters>,
    reads: Seat,
    writes: Seat,
}

impl Node {
    pub(super) fn new(server: ConnectionInfo, limits: Limits, counters: Arc<Counters>) -> Self {
        Self {
            address: server.addr().to_string(),
            server,
            limits,
            counters,
            reads: Mutex::default(),
            writes: Mutex::default(),
        }
    }

    pub(super) fn address(&self) -> &str {
        &self.address
    }

    pub(super) const fn server(&self) -> &ConnectionInfo {
        &self.server
    }

    /// The current connection, or a new one. Who comes while one is made waits for it.
    async fn connection(
        &self,
        seat: &Seat,
        purpose: Purpose,
    ) -> Result<Arc<Connection>, RedisError> {
        let mut seat = seat.lock().await;
        if let Some(connection) = seat.as_ref().filter(|connection| connection.is_usable()) {
            return Ok(Arc::clone(connection));
        }
        *seat = None;
        let opened = timeout(self.limits.connect, Connection::open(&self.server, purpose)).await;
        let opened = opened.unwrap_or_else(|_elapsed| Err(self.late(self.limits.connect)))?;
        self.counters.connected.add();
        Ok(Arc::clone(seat.insert(Arc::new(opened))))
    }

    async fn connection_by(
        &self,
        seat: &Seat,
        purpose: Purpose,
        deadline: Deadline,
    ) -> Result<Arc<Connection>, RedisError> {
        timeout_at(deadline.at, self.connection(seat, purpose))
            .await
            .unwrap_or_else(|_elapsed| Err(self.late(deadline.timeout)))
    }

    /// Connects for writes, if that was not done.
    pub(super) async fn greet(&self, deadline: Deadline) -> Result<(), RedisError> {
        let connected = self.connection_by(&self.writes, Purpose::Writes, deadline);
        connected.await.map(drop)
    }

    fn late(&self, timeout: Duration) -> RedisError {
        RedisError::timed_out(&self.address, timeout)
    }

    /// Sends commands that may be sent twice and take effect late, as those do that change nothing. They are sent again
    /// if the connection was lost, as one that was idle may have been for long.
    pub(super) async fn read(
        &self,
        commands: &Pipeline,
        deadline: Deadline,
    ) -> Result<Vec<Value>, RedisError> {
        let mut again = true;
        loop {
            let connection = self
                .connection_by(&self.reads, Purpose::Reads, deadline)
                .await?;
            match timeout_at(deadline.at, connection.ask(commands)).await {
                Ok(Ok(answers)) => return Ok(answers),
                Ok(Err(error)) => {
                    connection.condemn();
                    if !again {
                        return Err(RedisError::lost(&self.address, error));
                    }
                    again = false;
                }
                Err(_elapsed) => {
                    connection.condemn();
                    return Err(self.late(deadline.timeout));
                }
            }
        }
    }

    /// Sends commands once. Without an answer in time it is in doubt what became of them.
    pub(super) async fn write(
        &self,
        commands: &Pipeline,
        deadline: Deadline,
    ) -> Result<Vec<Value>, Unanswered> {
        let connection = self
            .connection_by(&self.writes, Purpose::Writes, deadline)
            .await
            .map_err(Unanswered::Refused)?;
        let answer = timeout_at(deadline.at, connection.ask(commands)).await;
        let error = match answer {
            Ok(Ok(answers)) => return Ok(answers),
            Ok(Err(error)) => RedisError::lost(&self.address, error),
            Err(_elapsed) => self.late(deadline.timeout),
        };
        connection.condemn();
        self.counters.unanswered.add();
        Err(Unanswered::InDoubt(InDoubt { connection, error }))
    }

    /// Returns once the server does nothing more for a connection for writes; for ever if the
    /// server is not reached again.
    pub(super) async fn end(&self, connection: &Connection) {
        let end = || async {
            let mut pause = PAUSE_FIRST;
            while let Err(_not_yet) = self.try_end(connection).await {
                sleep(pause).await;
                pause = (pause * 2).min(PAUSE_LONGEST);
            }
            self.counters.ended.add();
        };
        connection.ended.get_or_init(end).await;
    }

    async fn try_end(&self, old: &Connection) -> Result<(), RedisError> {
        let new = self.connection(&self.writes, Purpose::Writes).await?;
        if new.identity().run != old.identity().run {
            // The process that had the connection is dead.
            return Ok(());
        }
        let mut command = Pipeline::with_capacity(1);
        command.add_command(kill(old.identity().client));
        let asked = timeout(self.limits.call, new.ask(&command)).await;
        let answers = match asked {
            Ok(Ok(answers)) => answers,
            Ok(Err(error)) => {
                new.condemn();
                return Err(RedisError::lost(&self.address, error));
            }
            Err(_elapsed) => {
                new.condemn();
                return Err(self.late(self.limits.call));
            }
        };
        match &answers[..] {
            // None if it had gone by itself.
            [Value::Int(0 | 1)] => Ok(()),
            [Value::ServerError(error)] => Err(RedisError::refused(error)),
            _ => Err(RedisError::protocol(&self.address, &Value::Array(answers))),
        }
    }
}
