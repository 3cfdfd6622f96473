//! A cluster: which node has which slot, and calls that follow where slots go.

use super::RedisError;
use super::commands::{Redirection, redirection};
use super::node::{Deadline, InDoubt, Limits, Node, Unanswered};
use super::slots::SLOTS;
use super::stats::Counters;
use super::topology::{Topology, ask};
use crate::sink::ApplyError;
use parking_lot::Mutex;
use redis::{ConnectionAddr, ConnectionInfo, Pipeline, Value};
use std::collections::BTreeMap;
use std::fmt;
use std::sync::Arc;
use std::time::Duration;
use tokio::time::{Instant, sleep, timeout_at};

/// How often a call is sent on to another node.
const REDIRECTIONS_MAX: usize = 5;
/// The least time between two looks at the cluster.
const LOOK_PAUSE: Duration = Duration::from_millis(100);

pub(super) struct Cluster {
    seeds: Vec<ConnectionInfo>,
    limits: Limits,
    counters: Arc<Counters>,
    state: Mutex<State>,
    /// Held by who looks; when the last look ended.
    looking: tokio::sync::Mutex<Option<Instant>>,
}

#[derive(Default)]
struct State {
    /// Every node that was ever talked to, by its address: connections outlive changes of slots.
    nodes: BTreeMap<String, Arc<Node>>,
    topology: Topology,
}

/// What a call got, and from where.
pub(super) type Answered = (Vec<Value>, String);

impl Cluster {
    pub(super) fn new(seeds: Vec<ConnectionInfo>, limits: Limits, counters: Arc<Counters>) -> Self {
        Self {
            seeds,
            limits,
            counters,
            state: Mutex::default(),
            looking: tokio::sync::Mutex::default(),
        }
    }

    /// Learns the topology, and connects to every master.
    pub(super) async fn greet(&self, deadline: Deadline) -> Result<(), RedisError> {
        self.look(deadline).await?;
        for node in self.masters() {
            node.greet(deadline).await?;
        }
        Ok(())
    }

    /// The masters, as far as is known.
    pub(super) fn masters(&self) -> Vec<Arc<Node>> {
        let addresses = self.state.lock().topology.addresses();
        addresses.iter().map(|address| self.node(address)).collect()
    }

    /// The node at an address.
    fn node(&self, address: &str) -> Arc<Node> {
        let mut state = self.state.lock();
        if let Some(node) = state.nodes.get(address) {
            return Arc::clone(node);
        }
        let (host, port) = address.rsplit_once(':').unwrap_or((address, ""));
        // What is no port is met when connecting.
        let port = port.parse().unwrap_or(0);
        let server = self.seeds[0]
            .clone()
            .set_addr(ConnectionAddr::Tcp(host.to_owned(), port));
        let node = Arc::new(Node::new(server, self.limits, Arc::clone(&self.counters)));
        state.nodes.insert(address.to_owned(), Arc::clone(&node));
        node
    }

    /// The node that has a slot, as far as is known.
    fn owner(&self, slot: u16) -> Option<Arc<Node>> {
        let address = self.state.lock().topology.owner(slot)?.to_owned();
        Some(self.node(&address))
    }

    async fn owner_by(&self, slot: u16, deadline: Deadline) -> Result<Arc<Node>, RedisError> {
        if let Some(node) = self.owner(slot) {
            return Ok(node);
        }
        self.look(deadline).await?;
        self.owner(slot).ok_or_else(|| {
            RedisError::NotReady(format!("no node of the cluster has slot {slot} of {SLOTS}"))
        })
    }

    /// Asks one node after the other for the topology, until one tells; not if that was done a
    /// moment ago.
    pub(super) async fn look(&self, deadline: Deadline) -> Result<(), RedisError> {
        let late = || RedisError::timed_out(&self.to_string(), deadline.timeout);
        let Ok(mut last) = timeout_at(deadline.at, self.looking.lock()).await else {
            return Err(late());
        };
        if last.is_some_and(|last| last.elapsed() < LOOK_PAUSE) {
            return Ok(());
        }
        let mut candidates: Vec<ConnectionInfo> = Vec::new();
        for node in self.masters() {
            candidates.push(node.server().clone());
        }
        candidates.extend(self.seeds.iter().cloned());
        let mut failed = late();
        for server in candidates {
            // Half of what is left for each, so that one that hangs leaves time for the others.
            let left = deadline.at.saturating_duration_since(Instant::now()) / 2;
            let most = left.min(self.limits.connect);
            match ask(&server, most).await {
                Ok(topology) => {
                    self.state.lock().topology = topology;
                    *last = Some(Instant::now());
                    return Ok(());
                }
                Err(error) => failed = error,
            }
        }
        *last = Some(Instant::now());
        Err(failed)
    }

    /// Looks without anybody waiting for it.
    fn look_soon(self: &Arc<Self>) {
        let cluster = Arc::clone(self);
        tokio::spawn(async move {
            // Who needs a slot that is not known looks again, and hears why that fails.
            let _seen = cluster.look(Deadline::after(cluster.limits.call)).await;
        });
    }

    pub(super) async fn read(
        self: &Arc<Self>,
        slot: u16,
        commands: &Pipeline,
        deadline: Deadline,
    ) -> Result<Answered, RedisError> {
        let mut route = Route::new(self.owner_by(slot, deadline).await?, commands, 1);
        loop {
            match route.node.read(route.commands(), deadline).await {
                Ok(answers) => match self.follow(&mut route, answers) {
                    Some(answered) => return Ok(answered),
                    None => continue,
                },
                Err(error) => self.reroute(slot, &mut route, error, deadline).await?,
            }
        }
    }

    pub(super) async fn write(
        self: &Arc<Self>,
        slot: u16,
        commands: &Pipeline,
        deadline: Deadline,
    ) -> Result<Answered, ApplyError<RedisError>> {
        let owner = self.owner_by(slot, deadline).await;
        let mut route = Route::new(owner.map_err(ApplyError::Refused)?, commands, usize::MAX);
        loop {
            match route.node.write(route.commands(), deadline).await {
                Ok(answers) => match self.follow(&mut route, answers) {
                    Some(answered) => return Ok(answered),
                    None => continue,
                },
                Err(Unanswered::Refused(error)) => {
                    let rerouted = self.reroute(slot, &mut route, error, deadline).await;
                    rerouted.map_err(ApplyError::Refused)?;
                }
                Err(Unanswered::InDoubt(InDoubt { connection, error })) => {
                    self.look_soon();
                    tokio::select! {
                        () = route.node.end(&connection) => {}
                        () = self.taken_over(slot, &route.node) => {}
                    }
                    return Err(ApplyError::Unknown(error));
                }
            }
        }
    }

    /// The answers if they are the last word; otherwise the route is changed as they say.
    fn follow(self: &Arc<Self>, route: &mut Route<'_>, answers: Vec<Value>) -> Option<Answered> {
        let down = |answer: &Value| matches!(answer, Value::ServerError(error) if error.code() == "CLUSTERDOWN");
        if answers.iter().any(down) {
            self.look_soon();
        }
        match redirection(&answers) {
            Some(redirection) if route.redirections < REDIRECTIONS_MAX => {
                self.counters.redirected.add();
                if !redirection.ask {
                    self.look_soon();
                }
                route.redirect(redirection, |address| self.node(address));
                None
            }
            _ => Some((route.answers(answers), route.node.address().to_owned())),
        }
    }

    /// Finds another owner of a slot after a call that was not sent, or changes nothing.
    async fn reroute(
        self: &Arc<Self>,
        slot: u16,
        route: &mut Route<'_>,
        error: RedisError,
        deadline: Deadline,
    ) -> Result<(), RedisError> {
        if Instant::now() >= deadline.at || route.redirections >= REDIRECTIONS_MAX {
            self.look_soon();
            return Err(error);
        }
        if self.look(deadline).await.is_err() {
            return Err(error);
        }
        match self.owner(slot) {
            Some(owner) if owner.address() != route.node.address() => {
                route.redirections += 1;
                route.node = owner;
                route.asking = None;
                Ok(())
            }
            _ => Err(error),
        }
    }

    /// Returns once another node says of itself that it has the slot. The former owner is a replica
    /// of it then, or will be as soon as it hears of it, and gives up what it has taken since.
    async fn taken_over(&self, slot: u16, former: &Node) {
        loop {
            let deadline = Deadline::after(self.limits.call);
            // Where nobody tells, nothing is known.
            let _seen = self.look(deadline).await;
            if let Some(owner) = self
                .owner(slot)
                .filter(|owner| owner.address() != former.address())
            {
                let says = ask(owner.server(), self.limits.call).await;
                if says.is_ok_and(|says| says.owner(slot) == Some(owner.address())) {
                    return;
                }
            }
            sleep(LOOK_PAUSE).await;
        }
    }
}

/// Where a call goes.
struct Route<'a> {
    node: Arc<Node>,
    commands: &'a Pipeline,
    /// The same for a slot that is on its way to the node: that is said before each command, or
    /// once before a transaction.
    asking: Option<Pipeline>,
    /// How many commands that is said for at a time.
    said_for: usize,
    redirections: usize,
}

impl<'a> Route<'a> {
    const fn new(node: Arc<Node>, commands: &'a Pipeline, said_for: usize) -> Self {
        Self {
            node,
            commands,
            asking: None,
            said_for,
            redirections: 0,
        }
    }

    fn commands(&self) -> &Pipeline {
        self.asking.as_ref().unwrap_or(self.commands)
    }

    fn redirect(&mut self, to: Redirection, node: impl Fn(&str) -> Arc<Node>) {
        self.redirections += 1;
        let here = self
            .node
            .address()
            .rsplit_once(':')
            .map_or("", |(host, _)| host);
        // A node that does not know its own name leaves it out.
        self.node = match to.address.strip_prefix(':') {
            Some(port) => node(&format!("{here}:{port}")),
            None => node(&to.address),
        };
        self.asking = to.ask.then(|| {
            let mut asking = Pipeline::with_capacity(2 * self.commands.len());
            for (index, command) in self.commands.cmd_iter().enumerate() {
                if index.is_multiple_of(self.said_for) {
                    asking.cmd("ASKING");
                }
                asking.add_command(command.clone());
            }
            asking
        });
    }

    /// The answers to the commands themselves.
    fn answers(&self, answers: Vec<Value>) -> Vec<Value> {
        if self.asking.is_none() {
            return answers;
        }
        let period = self.said_for.saturating_add(1);
        let answers = answers.into_iter().enumerate();
        let own = answers.filter(|(index, _)| !index.is_multiple_of(period));
        own.map(|(_, answer)| answer).collect()
    }
}

impl fmt::Display for Cluster {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let seeds: Vec<String> = self
            .seeds
            .iter()
            .map(|seed| seed.addr().to_string())
            .collect();
        f.write_str(&seeds.join(", "))
    }
}

impl fmt::Debug for Cluster {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_list()
            .entries(self.state.lock().topology.addresses())
            .finish()
    }
}
