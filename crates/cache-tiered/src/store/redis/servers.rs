//! One server, or a cluster, as loads and batches see it.

use super::cluster::{Answered, Cluster};
use super::commands::{self, Change, Found, applied, loaded};
use super::node::{Deadline, Limits, Node, Unanswered};
use super::stats::{Counters, RedisStats};
use super::{RedisError, slots};
use crate::sink::{Applied, ApplyError};
use redis::{Cmd, ConnectionInfo, Pipeline, Value};
use std::fmt;
use std::sync::Arc;
use std::time::Duration;
use tokio::task::JoinSet;

/// Keys asked for in one piece, so that other calls come in between.
const KEYS_MAX: usize = 256;

enum Layout {
    Single(Box<Node>),
    Cluster(Arc<Cluster>),
}

pub(super) struct Servers {
    layout: Layout,
    limits: Limits,
    time_to_live: Option<Duration>,
    counters: Arc<Counters>,
}

impl Servers {
    pub(super) fn single(
        server: ConnectionInfo,
        limits: Limits,
        time_to_live: Option<Duration>,
    ) -> Self {
        let counters = Arc::<Counters>::default();
        Self {
            layout: Layout::Single(Box::new(Node::new(server, limits, Arc::clone(&counters)))),
            limits,
            time_to_live,
            counters,
        }
    }

    pub(super) fn cluster(
        seeds: Vec<ConnectionInfo>,
        limits: Limits,
        time_to_live: Option<Duration>,
    ) -> Self {
        let counters = Arc::<Counters>::default();
        Self {
            layout: Layout::Cluster(Arc::new(Cluster::new(seeds, limits, Arc::clone(&counters)))),
            limits,
            time_to_live,
            counters,
        }
    }

    pub(super) fn stats(&self) -> RedisStats {
        self.counters.stats()
    }

    /// Connects for the first time, and sees whether the store will be able to do its work.
    pub(super) async fn greet(&self) -> Result<(), RedisError> {
        let deadline = self.connect_deadline();
        match &self.layout {
            Layout::Single(node) => node.greet(deadline).await,
            Layout::Cluster(cluster) => cluster.greet(deadline).await,
        }
    }

    pub(super) const fn time_to_live(&self) -> Option<Duration> {
        self.time_to_live
    }

    pub(super) fn connect_deadline(&self) -> Deadline {
        Deadline::after(self.limits.connect)
    }

    /// The servers that take writes.
    pub(super) async fn masters(
        &self,
        deadline: Deadline,
    ) -> Result<Vec<ConnectionInfo>, RedisError> {
        match &self.layout {
            Layout::Single(node) => Ok(vec![node.server().clone()]),
            Layout::Cluster(cluster) => {
                cluster.look(deadline).await?;
                let masters = cluster.masters();
                Ok(masters.iter().map(|node| node.server().clone()).collect())
            }
        }
    }

    /// What there is of each key, in their order.
    pub(super) async fn load(&self, keys: Vec<Vec<u8>>) -> Result<Vec<Found>, RedisError> {
        let deadline = Deadline::after(self.limits.call);
        match &self.layout {
            Layout::Single(node) => {
                let mut found = Vec::with_capacity(keys.len());
                for keys in keys.chunks(KEYS_MAX) {
                    let commands = commands::load(keys.iter().map(Vec::as_slice));
                    let answers = node.read(&commands, deadline).await?;
                    found.extend(loaded(answers, node.address())?);
                }
                Ok(found)
            }
            Layout::Cluster(cluster) => {
                let questions = keys.iter().map(|key| {
                    let commands = commands::load(std::iter::once(key.as_slice()));
                    (slots::slot(key), commands)
                });
                let mut found = Vec::with_capacity(keys.len());
                for answered in read_each(cluster, questions, deadline).await {
                    let (answers, address) = answered?;
                    found.extend(loaded(answers, &address)?);
                }
                Ok(found)
            }
        }
    }

    /// The answer to one command for each of these keys, which may be sent twice. Some may fail.
    pub(super) async fn ask_each(
        &self,
        questions: Vec<(Vec<u8>, Cmd)>,
    ) -> Vec<Result<Value, RedisError>> {
        let deadline = Deadline::after(self.limits.call);
        let mut all = Vec::with_capacity(questions.len());
        match &self.layout {
            Layout::Single(node) => {
                for questions in questions.chunks(KEYS_MAX) {
                    let mut commands = Pipeline::with_capacity(questions.len());
                    for (_, command) in questions {
                        commands.add_command(command.clone());
                    }
                    match node.read(&commands, deadline).await {
                        Ok(answers) if answers.len() == questions.len() => {
                            all.extend(answers.into_iter().map(Ok));
                        }
                        Ok(answers) => {
                            let wrong =
                                RedisError::protocol(node.address(), &Value::Array(answers));
                            all.extend(questions.iter().map(|_| Err(wrong.clone())));
                        }
                        Err(error) => all.extend(questions.iter().map(|_| Err(error.clone()))),
                    }
                }
            }
            Layout::Cluster(cluster) => {
                let questions = questions.into_iter().map(|(key, command)| {
                    let mut commands = Pipeline::with_capacity(1);
                    commands.add_command(command);
                    (slots::slot(&key), commands)
                });
                for answered in read_each(cluster, questions, deadline).await {
                    all.push(answered.and_then(|(mut answers, address)| {
                        let answer = answers.pop();
                        answer.ok_or_else(|| RedisError::protocol(&address, &Value::Nil))
                    }));
                }
            }
        }
        all
    }

    /// Applies a batch that is not empty.
    pub(super) async fn apply(
        &self,
        changes: &[Change],
    ) -> Result<Applied, ApplyError<RedisError>> {
        let deadline = Deadline::after(self.limits.call);
        let node = match &self.layout {
            Layout::Single(node) => node,
            Layout::Cluster(cluster) => {
                let slot = slots::common(changes.iter().map(|change| change.key.as_slice()));
                let slot = slot.ok_or(ApplyError::Refused(RedisError::ManySlots {
                    changes: changes.len(),
                }))?;
                let commands = commands::apply(changes, self.time_to_live);
                let (answers, address) = cluster.write(slot, &commands, deadline).await?;
                return applied(answers, changes, &address);
            }
        };
        let commands = commands::apply(changes, self.time_to_live);
        match node.write(&commands, deadline).await {
            Ok(answers) => applied(answers, changes, node.address()),
            Err(Unanswered::Refused(error)) => Err(ApplyError::Refused(error)),
            Err(Unanswered::InDoubt(doubt)) => {
                node.end(&doubt.connection).await;
                Err(ApplyError::Unknown(doubt.error))
            }
        }
    }
}

/// All is asked at the same time, each by itself: of a slot that is on its way to another node some
/// keys may be here and some there.
async fn read_each(
    cluster: &Arc<Cluster>,
    questions: impl Iterator<Item = (u16, Pipeline)>,
    deadline: Deadline,
) -> Vec<Result<Answered, RedisError>> {
    let mut reads = JoinSet::new();
    for (index, (slot, commands)) in questions.enumerate() {
        let cluster = Arc::clone(cluster);
        reads.spawn(async move { (index, cluster.read(slot, &commands, deadline).await) });
    }
    let mut answered: Vec<Option<_>> = (0..reads.len()).map(|_| None).collect();
    while let Some(read) = reads.join_next().await {
        let read = read.unwrap_or_else(|error| std::panic::resume_unwind(error.into_panic()));
        answered[read.0] = Some(read.1);
    }
    let answered = answered.into_iter();
    answered
        .map(|answered| answered.expect("one answer each"))
        .collect()
}

impl fmt::Debug for Servers {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match &self.layout {
            Layout::Single(node) => f.write_str(node.address()),
            Layout::Cluster(cluster) => cluster.fmt(f),
        }
    }
}
