//! One thread of the stress test: what it holds, and its calls.

use std::future::Future;
use std::io::{Read, Write};
use std::pin::pin;
use std::sync::Arc;
use std::task::{Context, Poll, Waker};
use std::thread;
use std::time::Duration;

use buffer_pool::{AcquireError, AdoptErrorKind, BufferPool, PooledBuf};
use bytes::{Buf, BufMut, Bytes};

use super::{INTERVAL, Kind, Marked, Round, THREADS};
use crate::executor::{Unpark, block_on};
use crate::random::Random;

/// The largest request: above the largest class.
const SIZE_MAX: usize = 5000;
/// Buffers that a thread holds at most, and frozen bytes.
const HELD_MAX: usize = 6;

pub(super) struct Worker<'a> {
    round: &'a Round,
    pool: BufferPool,
    random: Random,
    index: usize,
    /// Of each buffer every byte is the mark.
    held: Vec<(PooledBuf, u8)>,
    frozen: Vec<Marked>,
}

fn check(bytes: &[u8], mark: u8) {
    assert!(
        bytes.iter().all(|&byte| byte == mark),
        "somebody else wrote to a buffer that is {mark}"
    );
}

impl<'a> Worker<'a> {
    pub(super) fn new(round: &'a Round, pool: BufferPool, random: Random, index: usize) -> Self {
        Self {
            round,
            pool,
            random,
            index,
            held: Vec::new(),
            frozen: Vec::new(),
        }
    }

    pub(super) fn work(mut self, calls: usize) {
        for call in 0..calls {
            if self.round.kind.closes() && self.index == 0 && call == calls / 2 {
                self.pool.close();
            }
            match self.random.below(12) {
                0..=3 => self.acquire(),
                4 => self.wait(),
                5 => self.write(),
                6 => self.freeze(),
                7 => self.share(),
                8 => self.exchange(),
                9 => self.tend(),
                10 => self.pass_on(),
                _ => self.release(),
            }
        }
        self.held.iter().for_each(|(buf, mark)| check(buf, *mark));
        self.frozen
            .iter()
            .for_each(|(bytes, mark)| check(bytes, *mark));
    }

    fn size(&mut self) -> usize {
        match self.random.below(8) {
            0 => self.random.below(SIZE_MAX),
            _ => self.random.below(1200),
        }
    }

    /// Whether it may wait without an end: only when nobody, itself included, waits for what it holds.
    fn may_wait(&self) -> bool {
        self.held.is_empty() && self.frozen.is_empty()
    }

    /// Keeps a buffer, full of a new mark.
    fn keep(&mut self, mut buf: PooledBuf) {
        let mark = self.random.below(255) as u8;
        let len = buf.capacity() - self.random.below(2);
        buf.clear();
        buf.resize(len, mark);
        self.held.push((buf, mark));
        if self.held.len() > HELD_MAX {
            self.release();
        }
    }

    /// What a request within the budget came to.
    fn settle(&mut self, outcome: Result<PooledBuf, AcquireError>) {
        match outcome {
            Ok(buf) => self.keep(buf),
            Err(AcquireError::Exhausted { .. }) => assert!(self.round.kind.is_bounded()),
            Err(AcquireError::Closed) => assert!(self.round.kind.closes()),
            Err(error) => panic!("{error}"),
        }
    }

    fn acquire(&mut self) {
        let size = self.size();
        let waits = self.round.kind.waits() && !self.may_wait();
        match self.random.below(6) {
            0 if !waits => {
                let buf = self.pool.acquire(size);
                assert!(buf.is_empty() && buf.capacity() >= size);
                self.keep(buf);
            }
            1 if !waits => {
                let buf = self.pool.acquire_zeroed(size);
                assert_eq!(buf.len(), size);
                check(&buf, 0);
                self.keep(buf);
            }
            2 if !waits => {
                let mut buf = self.pool.acquire_stale(size);
                assert_eq!(buf.len(), size);
                buf.fill(1);
                self.keep(buf);
            }
            3 => {
                let outcome = self.pool.try_acquire_zeroed(size);
                if let Ok(buf) = &outcome {
                    check(buf, 0);
                }
                self.settle(outcome);
            }
            4 => {
                let outcome = self.pool.try_acquire_stale(size);
                self.settle(outcome);
            }
            _ => {
                let outcome = self.pool.try_acquire(size);
                self.settle(outcome);
            }
        }
    }

    /// Requests that wait their turn: until they are served, for no time worth the name, or until they are dropped.
    fn wait(&mut self) {
        let size = self.size();
        let endless = self.may_wait();
        let outcome = match self.random.below(5) {
            0 if endless => self.pool.acquire_timeout(size, Duration::MAX),
            1 if endless => block_on(self.pool.acquire_async(size)),
            3 if endless => {
                // A task that moves to another thread.
                let request = self.pool.acquire_owned(size);
                thread::spawn(move || block_on(request)).join().unwrap()
            }
            2 => {
                let waker = Waker::from(Arc::new(Unpark(thread::current())));
                let yields = self.random.below(4);
                let mut request = pin!(self.pool.acquire_async(size));
                let polled = request.as_mut().poll(&mut Context::from_waker(&waker));
                (0..yields).for_each(|_| thread::yield_now());
                match polled {
                    Poll::Ready(outcome) => outcome,
                    Poll::Pending => return,
                }
            }
            _ => self.pool.acquire_timeout(size, Duration::from_nanos(1)),
        };
        self.settle(outcome);
    }

    fn write(&mut self) {
        let Some((mut buf, mark)) = self.held.pop() else {
            return;
        };
        check(&buf, mark);
        buf.truncate(self.random.below(buf.len() + 1));
        let more = self.random.below(64).min(buf.spare_len());
        let marks = [mark; 64];
        match self.random.below(8) {
            0 => buf.extend_from_slice(&marks[..more]),
            1 => buf.write_all(&marks[..more]).expect("it fits"),
            2 => buf.put_slice(&marks[..more]),
            3 => {
                let mut source = std::io::repeat(mark).take(more as u64);
                let read = buf.fill_from(&mut source).expect("it cannot fail");
                assert_eq!(read, more);
            }
            4 => {
                let spare = buf.spare_capacity_mut();
                spare.iter_mut().take(more).for_each(|byte| {
                    byte.write(mark);
                });
                let len = buf.len() + more;
                // SAFETY: within the capacity, and all of it is written.
                unsafe { buf.set_len(len) };
            }
            // Where nothing is ever short: it panics for want of memory.
            5 if self.round.kind == Kind::Unbounded => buf.reserve(self.random.below(2000)),
            5 | 6 => {
                // An error leaves the buffer as it was.
                let _ = buf.try_reserve(self.random.below(2000));
            }
            _ => assert!(buf.try_resize(buf.capacity() + 1, mark).is_err()),
        }
        check(&buf, mark);
        self.held.push((buf, mark));
    }

    fn freeze(&mut self) {
        if let Some((buf, mark)) = self.held.pop() {
            self.frozen.push((buf.freeze(), mark));
        }
        if self.frozen.len() > HELD_MAX {
            self.frozen.swap_remove(self.random.below(HELD_MAX));
        }
    }

    /// References to frozen bytes: more of them, fewer, on other threads.
    fn share(&mut self) {
        let Some((mut bytes, mark)) = self.frozen.pop() else {
            return;
        };
        check(&bytes, mark);
        let middle = self.random.below(bytes.len() + 1);
        match self.random.below(7) {
            0 => self.frozen.push((bytes.clone(), mark)),
            1 => self.frozen.push((bytes.slice(middle..), mark)),
            2 => self.frozen.push((bytes.split_off(middle), mark)),
            3 => {
                bytes.advance(middle);
                bytes.truncate(10);
            }
            4 => {
                let other = Bytes::from(bytes.clone());
                let thread = thread::spawn(move || check(&other, mark));
                check(&bytes, mark);
                thread.join().unwrap();
            }
            5 if !self.round.kind.waits() => {
                self.round.mail.lock().unwrap().push((bytes, mark));
                return;
            }
            _ => match bytes.try_into_mut() {
                Ok(buf) => return self.keep(buf),
                Err(shared) => bytes = shared,
            },
        }
        self.frozen.push((bytes, mark));
        self.frozen.truncate(HELD_MAX);
    }

    /// What comes from other threads, or from outside of the pool, and goes there.
    fn exchange(&mut self) {
        if self.random.below(2) == 0 {
            let mail = self.round.mail.lock().unwrap().pop();
            if let Some((bytes, mark)) = mail {
                check(&bytes, mark);
                match bytes.try_into_mut() {
                    Ok(buf) => self.keep(buf),
                    Err(bytes) => self.frozen.push((bytes, mark)),
                }
            }
            return;
        }
        let mut vec = Vec::with_capacity([64, 256, 1000][self.random.below(3)]);
        vec.push(9);
        match self.pool.adopt(vec) {
            Ok(buf) => {
                check(&buf, 9);
                self.keep(buf);
            }
            Err(error) => {
                match error.kind() {
                    AdoptErrorKind::Capacity { capacity } => assert_eq!(capacity, 1000),
                    AdoptErrorKind::Acquire(error) => self.settle(Err(error)),
                    other => assert_eq!(other, AdoptErrorKind::Foreign),
                }
                assert_eq!(error.into_vec(), [9]);
            }
        }
        if let Some((buf, mark)) = self.held.pop() {
            match buf.into_vec() {
                Ok(vec) => check(&vec, mark),
                Err(buf) => check(&buf, mark),
            }
        }
    }

    /// Calls that look after the pool.
    fn tend(&mut self) {
        match self.random.below(8) {
            0 => {
                self.pool.reclaim(self.random.below(8192));
            }
            1 if self.random.below(4) == 0 => {
                self.pool.reclaim(usize::MAX);
            }
            2 => {
                let now = self.round.start + INTERVAL * self.random.below(1000) as u32;
                self.pool.maintain(now);
            }
            3 => {
                let count = self.random.below(4);
                match self.pool.prewarm(self.random.below(1024), count) {
                    Ok(kept) => assert!(kept <= count),
                    Err(error) => self.settle(Err(error)),
                }
            }
            4 => {
                let stats = self.pool.stats();
                assert!(
                    !self.round.kind.is_bounded() || stats.charged_bytes <= super::BUDGET as u64
                );
            }
            5 => {
                let noted = self.pool.outstanding();
                assert!(noted.is_sorted_by_key(|buffer| buffer.order));
            }
            6 => assert!(self.pool.waiting() <= THREADS),
            _ => self.pool = self.pool.clone(),
        }
    }

    /// Gives what it holds to a thread that ends with it, and has used the pool itself.
    fn pass_on(&mut self) {
        if self.random.below(4) > 0 {
            return self.release();
        }
        let (pool, held) = (self.pool.clone(), self.held.split_off(self.held.len() / 2));
        let size = self.size();
        let thread = thread::spawn(move || {
            drop(pool.try_acquire(size));
            for (buf, mark) in held {
                check(&buf, mark);
            }
        });
        thread.join().unwrap();
    }

    fn release(&mut self) {
        if self.random.below(4) == 0 {
            // All of it: whoever has nothing may wait.
            self.frozen.clear();
            self.held.clear();
        } else if !self.held.is_empty() {
            let at = self.random.below(self.held.len());
            let (buf, mark) = self.held.swap_remove(at);
            check(&buf, mark);
        }
    }
}
