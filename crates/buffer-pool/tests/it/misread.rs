//! Sources that misbehave while they fill a buffer: what they claim, panic at, or leave half done.

use std::io::{self, Read};
use std::panic::{AssertUnwindSafe, catch_unwind};

use buffer_pool::BufferPool;

use crate::memory::Poisoned;
use crate::misuse::nothing_is_lost;

/// A source that behaves badly after some good reads.
struct Misbehaves {
    good: usize,
    then: fn(&mut [u8]) -> io::Result<usize>,
}

impl Read for Misbehaves {
    fn read(&mut self, lent: &mut [u8]) -> io::Result<usize> {
        if self.good == 0 {
            return (self.then)(lent);
        }
        self.good -= 1;
        lent[..10].fill(7);
        Ok(10)
    }
}

#[test]
fn a_source_that_claims_more_than_it_read_panics_and_exposes_nothing() {
    let memory = Poisoned::shared();
    let pool = BufferPool::builder().provider(memory.clone()).build();
    let liar = || Misbehaves {
        good: 2,
        then: |lent| Ok(lent.len() + 1),
    };
    let mut buf = pool.acquire(4096);
    let unwound = catch_unwind(AssertUnwindSafe(|| buf.fill_from(liar())));
    unwound.expect_err("a claim of more than was lent");
    assert_eq!(*buf, [7; 20], "the good reads stay");
    let unwound = catch_unwind(AssertUnwindSafe(|| buf.read_exact_from(liar(), 25)));
    unwound.expect_err("a claim of more than was lent");
    assert!(buf.iter().all(|&byte| byte == 7));
    drop(buf);
    assert_eq!(*pool.acquire_zeroed(4096), [0; 4096]);
    nothing_is_lost(pool, &memory);
}

#[test]
fn a_source_that_panics_or_fails_leaves_the_buffer_as_it_was() {
    let memory = Poisoned::shared();
    let pool = BufferPool::builder().provider(memory.clone()).build();
    let mut buf = pool.acquire(4096);
    let scribbles = |then| Misbehaves { good: 0, then };
    let unwound = catch_unwind(AssertUnwindSafe(|| {
        buf.read_from(scribbles(|lent| {
            lent.fill(0xEE);
            panic!("while reading");
        }))
    }));
    unwound.expect_err("the source's panic");
    assert!(buf.is_empty());
    let failed = buf.read_from(scribbles(|lent| {
        lent.fill(0xEE);
        Err(io::ErrorKind::ConnectionReset.into())
    }));
    assert_eq!(failed.unwrap_err().kind(), io::ErrorKind::ConnectionReset);
    assert!(buf.is_empty());
    drop(buf);
    assert_eq!(
        *pool.acquire_zeroed(4096),
        [0; 4096],
        "what was scribbled is cleared"
    );
    nothing_is_lost(pool, &memory);
}

#[test]
fn a_source_is_lent_what_an_earlier_buffer_held() {
    let memory = Poisoned::shared();
    let pool = BufferPool::builder().provider(memory.clone()).build();
    let claims = |claimed| Misbehaves {
        good: 0,
        then: claimed,
    };
    pool.acquire(4096).extend_from_slice(b"secret");
    let mut buf = pool.acquire(4096);
    let read = buf.read_from(claims(|lent| {
        assert_eq!(lent[..6], *b"secret");
        assert_eq!(lent[6..], [0; 4090], "what was never written is zero");
        Ok(6)
    }));
    assert_eq!(
        (read.unwrap(), &*buf),
        (6, &b"secret"[..]),
        "as is said of it"
    );
    drop(buf);
    // Who may not see it gets zeros, which a source then sees.
    let mut buf = pool.acquire_zeroed(4096);
    buf.clear();
    let read = buf.read_exact_from(
        claims(|lent| {
            assert_eq!(*lent, [0; 6]);
            Ok(6)
        }),
        6,
    );
    read.unwrap();
    assert_eq!(*buf, [0; 6]);
    drop(buf);
    nothing_is_lost(pool, &memory);
}
