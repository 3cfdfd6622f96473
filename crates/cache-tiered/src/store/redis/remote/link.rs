//! The conversation with the server: looks, fills, blocks, and what could not be said yet.

use super::commands;
use super::entry::{Entry, Tokens, absence, value};
use super::owed::Owed;
use super::stats::{Counters, RemoteStats};
use crate::breaker::Breaker;
use crate::random_id::random_id;
use crate::store::redis::servers::Servers;
use parking_lot::Mutex;
use redis::{Cmd, Value};
use std::sync::Arc;
use std::sync::atomic::{AtomicU64, AtomicUsize, Ordering};
use std::time::{Duration, Instant};
use tokio::runtime::Handle;
use tokio::time::sleep;

/// How long a lease or a block stands if nobody takes it away: longer than a load or a write
/// takes. Who takes longer fills nothing, or empties the key when he is done.
const HOLD: Duration = Duration::from_secs(10);
/// Bytes that are held for what is on its way to fill the server, at most.
const FILLING_MAX: usize = 64 << 20;
/// What a command on its way takes beside its entry.
const COMMAND_BYTES: usize = 2 << 10;
/// How often an entry is there until it is sent.
const COPIES: usize = 3;
/// Keys emptied in one piece.
const OWED_AT_ONCE: usize = 256;
/// The pauses between attempts to say what is owed.
const PAUSE_FIRST: Duration = Duration::from_millis(5);
const PAUSE_LONGEST: Duration = Duration::from_millis(500);

pub(super) struct Link {
    servers: Arc<Servers>,
    handle: Handle,
    tokens: Tokens,
    channel: Arc<[u8]>,
    time_to_live: Duration,
    owed: Mutex<Owed>,
    /// Milliseconds since `began` until which nothing of the server is believed. Read and raised where a write ends
    /// and a load begins, which the cache above orders where it matters.
    distrusted: AtomicU64,
    /// Bytes on their way. Relaxed: a limit, with nothing behind it.
    filling: AtomicUsize,
    breaker: Breaker,
    began: Instant,
    pub(super) counters: Counters,
}

/// What a look at the server found.
pub(super) enum Look {
    /// The store's answer, and what it has left.
    Found(Option<Vec<u8>>, Duration),
    /// Nothing: the store's answer is to fill it.
    Leased(Lease),
    /// Nothing of use: the store's answer is for who asked.
    Bypass,
}

/// The right to fill a key. It is given back where nothing comes of it.
pub(super) struct Lease {
    link: Arc<Link>,
    key: Vec<u8>,
    token: Vec<u8>,
    used: bool,
}

/// A change under way: its keys are owed if it ends without having freed them.
pub(super) struct Change {
    link: Arc<Link>,
    keys: Vec<Vec<u8>>,
    block: Vec<u8>,
}

impl Link {
    pub(super) fn new(
        servers: Arc<Servers>,
        handle: Handle,
        channel: Arc<[u8]>,
        time_to_live: Duration,
    ) -> Arc<Self> {
        Arc::new(Self {
            servers,
            handle,
            tokens: Tokens::new(random_id()),
            channel,
            time_to_live,
            owed: Mutex::default(),
            distrusted: AtomicU64::new(0),
            filling: AtomicUsize::new(0),
            breaker: Breaker::default(),
            began: Instant::now(),
            counters: Counters::default(),
        })
    }

    pub(super) fn own(&self) -> [u8; 16] {
        self.tokens.own()
    }

    pub(super) const fn time_to_live(&self) -> Duration {
        self.time_to_live
    }

    pub(super) const fn channel(&self) -> &Arc<[u8]> {
        &self.channel
    }

    pub(super) const fn servers(&self) -> &Arc<Servers> {
        &self.servers
    }

    pub(super) fn stats(&self) -> RemoteStats {
        let counters = &self.counters;
        RemoteStats {
            hits: counters.hits.get(),
            misses: counters.misses.get(),
            bypassed: counters.bypassed.get(),
            filled: counters.filled.get(),
            failed: counters.failed.get(),
            breaker_opened: self.breaker.opened(),
            owed: self.owed.lock().len() as u64,
            distrusted: counters.distrusted.get(),
        }
    }

    /// Milliseconds since the beginning.
    fn now(&self) -> u64 {
        u64::try_from(self.began.elapsed().as_millis()).unwrap_or(u64::MAX)
    }

    /// The answer to each question; none where there is none, as when the server is left alone.
    async fn ask(&self, questions: Vec<(Vec<u8>, Cmd)>) -> Vec<Option<Value>> {
        if !self.breaker.allows(self.now()) {
            return questions.iter().map(|_| None).collect();
        }
        self.insist(questions).await
    }

    async fn insist(&self, questions: Vec<(Vec<u8>, Cmd)>) -> Vec<Option<Value>> {
        if questions.is_empty() {
            // That says nothing of the server.
            return Vec::new();
        }
        let answers = self.servers.ask_each(questions).await;
        // Of a cluster a part may be well.
        self.breaker
            .ended(answers.iter().any(Result::is_ok), self.now());
        let answers = answers.into_iter().map(|answer| match answer {
            Ok(Value::ServerError(_)) | Err(_) => {
                self.counters.failed.add();
                None
            }
            Ok(answer) => Some(answer),
        });
        answers.collect()
    }

    /// Whether what the server has of a key may be old.
    fn doubts(&self, key: &[u8]) -> bool {
        self.now() < self.distrusted.load(Ordering::Acquire) || self.owed.lock().contains(key)
    }

    /// Looks for keys, and takes a lease on those that are not there.
    pub(super) async fn look(self: Arc<Self>, keys: Vec<Vec<u8>>) -> Vec<Look> {
        let since = Instant::now();
        let mut looks: Vec<Look> = keys.iter().map(|_| Look::Bypass).collect();
        let mut asked = Vec::with_capacity(keys.len());
        let mut questions = Vec::with_capacity(keys.len());
        for (index, key) in keys.into_iter().enumerate() {
            if self.doubts(&key) {
                continue;
            }
            let token = self.tokens.lease();
            questions.push((key.clone(), commands::look(&key, &token, HOLD)));
            asked.push((index, key, token));
        }
        let answers = self.ask(questions).await;
        for ((index, key, token), answer) in asked.into_iter().zip(answers) {
            if let Some(answer) = answer {
                looks[index] = self.looked(key, &token, since, answer);
            }
        }
        looks
    }

    fn looked(self: &Arc<Self>, key: Vec<u8>, token: &[u8], since: Instant, answer: Value) -> Look {
        let Some((found, left)) = commands::looked(answer) else {
            self.counters.failed.add();
            return Look::Bypass;
        };
        if found.starts_with(token) {
            return Look::Leased(Lease {
                link: Arc::clone(self),
                key,
                token: found,
                used: false,
            });
        }
        // The time was told after the question was asked.
        let left = left.min(self.time_to_live).saturating_sub(since.elapsed());
        match Entry::parse(&found) {
            Entry::Value(bytes) => Look::Found(Some(bytes.to_vec()), left),
            Entry::Absence => Look::Found(None, left),
            Entry::Held | Entry::Foreign => Look::Bypass,
        }
    }

    /// A change of keys, which ends with their being emptied.
    pub(super) fn change(self: &Arc<Self>, keys: Vec<Vec<u8>>) -> Change {
        Change {
            link: Arc::clone(self),
            block: self.tokens.block(),
            keys,
        }
    }

    /// Empties keys; those that were not are returned.
    async fn free(&self, keys: &[Vec<u8>], block: &[u8], insist: bool) -> Vec<Vec<u8>> {
        let questions = keys.iter().map(|key| {
            let command = commands::free(key, block, &self.channel, &self.own());
            (key.clone(), command)
        });
        let questions = questions.collect();
        let answers = if insist {
            self.insist(questions).await
        } else {
            self.ask(questions).await
        };
        let refused = keys
            .iter()
            .zip(answers)
            .filter(|(_, answer)| *answer != Some(Value::Int(1)));
        refused.map(|(key, _)| key.clone()).collect()
    }

    /// Nothing is believed of these keys until the server has emptied them.
    fn owe(self: &Arc<Self>, keys: &[Vec<u8>]) {
        if keys.is_empty() {
            return;
        }
        let mut owed = self.owed.lock();
        let without_room = keys.iter().filter(|key| !owed.push(key)).count();
        if without_room > 0 {
            // Whatever is old there has expired by then.
            let until = self.began.elapsed().saturating_add(self.time_to_live);
            let until = u64::try_from(until.as_millis()).unwrap_or(u64::MAX);
            self.distrusted
                .fetch_max(until.saturating_add(1), Ordering::AcqRel);
            self.counters.distrusted.add();
        }
        if !owed.delivered && owed.len() > 0 {
            owed.delivered = true;
            self.handle.spawn(Arc::clone(self).deliver());
        }
    }

    /// Says what is owed, until all is said.
    async fn deliver(self: Arc<Self>) {
        let mut pause = PAUSE_FIRST;
        loop {
            let some = {
                let mut owed = self.owed.lock();
                owed.delivered = owed.len() > 0;
                owed.some(OWED_AT_ONCE)
            };
            if some.is_empty() {
                return;
            }
            let keys: Vec<_> = some.iter().map(|(key, _)| key.clone()).collect();
            let refused = self.free(&keys, &[], true).await;
            let paid = some.len() - refused.len();
            {
                let mut owed = self.owed.lock();
                for (key, debt) in some.iter().filter(|(key, _)| !refused.contains(key)) {
                    owed.paid(key, *debt);
                }
            }
            if paid > 0 {
                pause = PAUSE_FIRST;
            }
            if !refused.is_empty() {
                sleep(pause).await;
                pause = (pause * 2).min(PAUSE_LONGEST);
            }
        }
    }

    /// Sends something that nobody waits for, which holds so many bytes.
    fn send(self: &Arc<Self>, key: Vec<u8>, command: Cmd, bytes: usize, fills: bool) {
        if self.filling.fetch_add(bytes, Ordering::Relaxed) + bytes > FILLING_MAX {
            self.filling.fetch_sub(bytes, Ordering::Relaxed);
            return;
        }
        let link = Arc::clone(self);
        self.handle.spawn(async move {
            let answers = link.ask(vec![(key, command)]).await;
            if fills && answers == [Some(Value::Int(1))] {
                link.counters.filled.add();
            }
            link.filling.fetch_sub(bytes, Ordering::Relaxed);
        });
    }
}

impl Lease {
    /// Fills the key with an answer of the store that lives for so long, or as long as the tier lets
    /// it. Nobody waits for it.
    pub(super) fn fill(mut self, bytes: Option<&[u8]>, life: Option<Duration>) {
        let entry = bytes.map_or_else(absence, value);
        let life = life.unwrap_or(Duration::MAX).min(self.link.time_to_live);
        let size = COMMAND_BYTES + COPIES * (self.key.len() + entry.len());
        // The server counts in whole ones, and rounding up must not make a life longer.
        let Some(life) = whole(life).filter(|_| size <= FILLING_MAX) else {
            return;
        };
        self.used = true;
        let command = commands::fill(&self.key, &self.token, HOLD, &entry, life);
        self.link.send(self.key.clone(), command, size, true);
    }
}

/// In whole milliseconds, rounded down; none if that is nothing.
fn whole(time: Duration) -> Option<Duration> {
    let whole = u64::try_from(time.as_millis()).unwrap_or(u64::MAX);
    (whole > 0).then(|| Duration::from_millis(whole))
}

impl Drop for Lease {
    fn drop(&mut self) {
        if !self.used {
            let command = commands::release(&self.key, &self.token);
            let key = std::mem::take(&mut self.key);
            self.link.send(key, command, COMMAND_BYTES, false);
        }
    }
}

impl Change {
    /// Says that it begins. That need not reach the server: it is the end that counts.
    pub(super) async fn begin(self) -> Self {
        let blocks = self.keys.iter().map(|key| {
            let command = commands::block(key, &self.block, HOLD);
            (key.clone(), command)
        });
        let _told = self.link.ask(blocks.collect()).await;
        self
    }

    /// The change has taken effect, or never will.
    pub(super) async fn end(mut self) {
        let refused = self.link.free(&self.keys, &self.block, false).await;
        self.keys = refused;
    }
}

impl Drop for Change {
    fn drop(&mut self) {
        let keys = std::mem::take(&mut self.keys);
        self.link.owe(&keys);
    }
}
