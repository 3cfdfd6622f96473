//! One connection to one server, shared by all who have something to ask.

use super::RedisError;
use redis::aio::MultiplexedConnection;
use redis::{
    AsyncConnectionConfig, ConnectionAddr, ConnectionInfo, Pipeline, ProtocolVersion, PushInfo,
    Value, cmd,
};
use std::sync::Arc;
use std::sync::atomic::{AtomicBool, Ordering};
use tokio::io::{AsyncRead, AsyncWrite};
use tokio::net::TcpStream;
use tokio::sync::OnceCell;
use tokio::task::JoinHandle;

/// No client has this id: the server counts them from 1.
const NOBODY: i64 = i64::MAX;

/// What a connection is for, which decides what is asked for first.
pub(super) enum Purpose {
    Reads,
    /// It has to be possible to end it from elsewhere.
    Writes,
    /// The server says of itself what changed, to this function.
    Invalidations(Arc<dyn Fn(PushInfo) + Send + Sync>),
}

/// By what a connection can be found again at the server.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(super) struct Identity {
    /// The process of the server: another one after each restart.
    pub(super) run: String,
    /// The client, by the number that the process has given it; never used twice.
    pub(super) client: i64,
}

pub(super) struct Connection {
    handle: MultiplexedConnection,
    /// Raised by who had to wait too long: nobody new is to use it. Relaxed: a hint that saves a
    /// try.
    condemned: AtomicBool,
    /// Moves the bytes, and ends when the connection does.
    driver: JoinHandle<()>,
    /// Of a connection for writes.
    identity: Option<Identity>,
    /// Set once it is certain that the server does nothing more for it.
    pub(super) ended: OnceCell<()>,
}

impl Connection {
    /// Connects and introduces itself. As long as it takes: bound it from outside.
    pub(super) async fn open(
        server: &ConnectionInfo,
        purpose: Purpose,
    ) -> Result<Self, RedisError> {
        let address = server.addr().to_string();
        let failed = |error: std::io::Error| RedisError::unreachable(&address, error);
        match server.addr() {
            ConnectionAddr::Tcp(host, port) => {
                let stream = TcpStream::connect((host.as_str(), *port));
                let stream = stream.await.map_err(failed)?;
                stream.set_nodelay(true).map_err(failed)?;
                Self::over(server, &address, stream, purpose).await
            }
            #[cfg(unix)]
            ConnectionAddr::Unix(path) => {
                let stream = tokio::net::UnixStream::connect(path);
                Self::over(server, &address, stream.await.map_err(failed)?, purpose).await
            }
            other => Err(RedisError::Url {
                reason: format!("{other} is neither plain TCP nor a Unix socket"),
            }),
        }
    }

    async fn over<S>(
        server: &ConnectionInfo,
        address: &str,
        stream: S,
        purpose: Purpose,
    ) -> Result<Self, RedisError>
    where
        S: AsyncRead + AsyncWrite + Unpin + Send + 'static,
    {
        // Time limits are those of the calls.
        let mut config = AsyncConnectionConfig::new().set_response_timeout(None);
        let mut settings = server.redis_settings().clone();
        let writes = matches!(purpose, Purpose::Writes);
        if let Purpose::Invalidations(tell) = purpose {
            settings = settings.set_protocol(ProtocolVersion::RESP3);
            config = config.set_push_sender(move |push| {
                tell(push);
                Ok::<(), redis::aio::SendError>(())
            });
        }
        let opened = MultiplexedConnection::new_with_config(&settings, stream, config).await;
        let (handle, driver) = opened.map_err(|error| introduction(address, error))?;
        let mut connection = Self {
            handle,
            condemned: AtomicBool::new(false),
            driver: tokio::spawn(driver),
            identity: None,
            ended: OnceCell::new(),
        };
        if writes {
            connection.identity = Some(connection.introduce(address).await?);
        }
        Ok(connection)
    }

    /// Asks who this is, and makes sure that it may end others.
    async fn introduce(&self, address: &str) -> Result<Identity, RedisError> {
        let mut questions = Pipeline::with_capacity(3);
        questions.cmd("CLIENT").arg("ID");
        questions.cmd("INFO").arg("server");
        questions.add_command(kill(NOBODY));
        let answers = self.ask(&questions).await;
        let answers = answers.map_err(|error| RedisError::unreachable(address, error))?;
        for answer in &answers {
            if let Value::ServerError(error) = answer {
                return Err(RedisError::refused(error));
            }
        }
        let [Value::Int(client), info, Value::Int(0)] = &answers[..] else {
            return Err(RedisError::protocol(address, &Value::Array(answers)));
        };
        let text = match info {
            Value::BulkString(bytes) => std::str::from_utf8(bytes).ok(),
            Value::VerbatimString { text, .. } => Some(text.as_str()),
            _ => None,
        };
        let run = text.and_then(|text| text.lines().find_map(|line| line.strip_prefix("run_id:")));
        let Some(run) = run.filter(|run| !run.is_empty()) else {
            return Err(RedisError::protocol(address, info));
        };
        Ok(Identity {
            run: run.to_owned(),
            client: *client,
        })
    }

    /// Sends commands in one piece; the answers, errors of the server among them, in their order.
    pub(super) async fn ask(&self, commands: &Pipeline) -> redis::RedisResult<Vec<Value>> {
        let mut handle = self.handle.clone();
        handle
            .send_packed_commands(commands, 0, commands.len())
            .await
    }

    /// Nobody new is to use it.
    pub(super) fn condemn(&self) {
        self.condemned.store(true, Ordering::Relaxed);
    }

    pub(super) fn is_usable(&self) -> bool {
        !self.driver.is_finished() && !self.condemned.load(Ordering::Relaxed)
    }

    /// Returns when it has ended. Not to be called again then.
    pub(super) async fn lost(&mut self) {
        // However it ended, also by a panic of who was told something.
        let _how = (&mut self.driver).await;
    }

    /// # Panics
    ///
    /// If it is not one for writes.
    pub(super) fn identity(&self) -> &Identity {
        self.identity
            .as_ref()
            .expect("a connection for writes has introduced itself")
    }
}

impl Drop for Connection {
    fn drop(&mut self) {
        self.driver.abort();
    }
}

/// The command that ends another client's connection.
pub(super) fn kill(client: i64) -> redis::Cmd {
    let mut command = cmd("CLIENT");
    command.arg("KILL").arg("ID").arg(client);
    command
}

/// Why a server did not take an introduction.
fn introduction(address: &str, error: redis::RedisError) -> RedisError {
    use redis::ErrorKind;
    match error.kind() {
        ErrorKind::AuthenticationFailed => RedisError::Denied(error.to_string()),
        ErrorKind::Server(_) | ErrorKind::Extension => RedisError::Other(error.to_string()),
        _ => RedisError::unreachable(address, error),
    }
}
