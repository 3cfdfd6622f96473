//! Buffers and frozen bytes as the slice that they hold: what they compare with, hash as, print and yield.

use std::borrow::{Borrow, BorrowMut};
use std::cmp::Ordering;
use std::collections::{BTreeSet, HashMap, HashSet};
use std::fmt::Write;

use buffer_pool::{BufferPool, Classes, PooledBuf, PooledBytes};
use bytes::{Bytes, BytesMut};

fn small() -> BufferPool {
    BufferPool::builder().classes(Classes::down_to(64)).build()
}

fn buffer(pool: &BufferPool, contents: &[u8]) -> PooledBuf {
    let mut buf = pool.acquire(contents.len());
    buf.extend_from_slice(contents);
    buf
}

fn frozen(pool: &BufferPool, contents: &[u8]) -> PooledBytes {
    buffer(pool, contents).freeze()
}

/// Each value of the left compares with each of the right, and the other way round, as `order` says.
macro_rules! assert_order {
    ($order:expr, [$($left:expr),+ $(,)?], $right:tt) => {$(
        assert_order!(@one $order, $left, $right);
    )+};
    (@one $order:expr, $left:expr, [$($right:expr),+ $(,)?]) => {$(
        assert_eq!($left.partial_cmp(&$right), Some($order));
        assert_eq!($right.partial_cmp(&$left), Some($order.reverse()));
        assert_eq!($left == $right, $order == Ordering::Equal);
        assert_eq!($right == $left, $order == Ordering::Equal);
    )+};
}

#[test]
fn compares_with_whatever_holds_bytes_from_either_side() {
    let pool = small();
    for (mine, order) in [
        (&b"abc"[..], Ordering::Equal),
        (b"abb", Ordering::Less),
        (b"abcd", Ordering::Greater),
        (b"", Ordering::Less),
    ] {
        let (buf, bytes) = (buffer(&pool, mine), frozen(&pool, mine));
        assert_order!(
            order,
            [buf, bytes],
            [
                *b"abc".as_slice(),
                b"abc".as_slice(),
                *b"abc",
                b"abc",
                *"abc",
                "abc",
                b"abc".to_vec(),
                "abc".to_string(),
                Bytes::from_static(b"abc"),
                BytesMut::from("abc"),
                buffer(&pool, b"abc"),
                frozen(&pool, b"abc"),
            ]
        );
        let (vec, other) = (&b"abc".to_vec(), &buffer(&pool, b"abc"));
        assert_eq!(
            (buf == vec, bytes == other),
            (order == Ordering::Equal, order == Ordering::Equal)
        );
    }
}

#[test]
fn hashes_and_orders_as_the_slice_it_borrows_as() {
    let pool = small();
    let counts: HashMap<PooledBuf, u32> =
        [(buffer(&pool, b"a"), 1), (buffer(&pool, b"b"), 2)].into();
    assert_eq!(
        (
            counts.get(&b"a"[..]),
            counts.get(&b"b"[..]),
            counts.get(&b"c"[..])
        ),
        (Some(&1), Some(&2), None)
    );
    let (a, b) = (frozen(&pool, b"a"), frozen(&pool, b"b"));
    let set: HashSet<PooledBytes> = [a.clone(), b.clone(), a.clone()].into();
    assert!(set.len() == 2 && set.contains(&b"a"[..]) && !set.contains(&b"ab"[..]));
    let ordered: BTreeSet<PooledBytes> = [b, a].into();
    assert_eq!(ordered.first().unwrap(), b"a");
    assert!(ordered.contains(&b"b"[..]));
    let ordered: BTreeSet<PooledBuf> = [buffer(&pool, b"b"), buffer(&pool, b"a")].into();
    assert_eq!(ordered.last().unwrap(), "b");
}

#[test]
fn is_lent_as_a_slice() {
    fn read(bytes: impl AsRef<[u8]> + Borrow<[u8]>) -> usize {
        let borrowed: &[u8] = bytes.borrow();
        assert_eq!(bytes.as_ref(), borrowed);
        borrowed.len()
    }
    fn write(bytes: &mut (impl AsMut<[u8]> + BorrowMut<[u8]>)) {
        bytes.as_mut()[0] = b'x';
        bytes.borrow_mut()[1] = b'y';
    }
    let pool = small();
    let mut buf = buffer(&pool, b"abc");
    write(&mut buf);
    assert_eq!(buf, "xyc");
    assert_eq!((read(buf), read(frozen(&pool, b"abcd"))), (3, 4));
}

#[test]
fn prints_the_contents_and_nothing_beyond_them() {
    let pool = small();
    let mut buf = buffer(&pool, b"a\n\"\xff secret");
    buf.truncate(4);
    assert_eq!(format!("{buf:?}"), r#"b"a\n\"\xff""#);
    assert_eq!(format!("{:?}", buf.freeze().slice(1..3)), r#"b"\n\"""#);
    assert_eq!(format!("{:?}", pool.acquire(64)), r#"b"""#);
    let every: Vec<u8> = (0..=255).collect();
    let printed = format!("{:?}", Bytes::from(every.clone()));
    assert_eq!(format!("{:?}", buffer(&pool, &every)), printed);
    assert_eq!(format!("{:?}", frozen(&pool, &every)), printed);
}

#[test]
fn yields_its_bytes() {
    let pool = small();
    let mut buf = buffer(&pool, &[1, 2, 3]);
    for byte in &mut buf {
        *byte *= 2;
    }
    let mut seen = Vec::new();
    for byte in &buf {
        seen.push(*byte);
    }
    let bytes = buf.freeze();
    seen.extend(&bytes);
    let mut rest = bytes.into_iter();
    seen.extend(rest.next());
    assert_eq!(rest.len(), 2);
    assert_eq!(rest.into_inner(), [4, 6]);
    assert_eq!(seen, [2, 4, 6, 2, 4, 6, 2]);
    assert_eq!(pool.stats().outstanding(), 0);
}

#[test]
fn text_that_does_not_fit_is_not_written_in_part() {
    let pool = small();
    let mut buf = pool.acquire(64);
    write!(buf, "{}{:?}", "x".repeat(60), 1..2).unwrap();
    assert_eq!(buf.len(), 64);
    buf.truncate(62);
    buf.write_str("abc").unwrap_err();
    assert_eq!(buf.len(), 62);
    buf.write_str("é").unwrap();
    buf.write_char('a').unwrap_err();
    buf.write_str("").unwrap();
    assert_eq!(buf[60..], *b"1.\xc3\xa9");
}
