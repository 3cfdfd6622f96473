//! Frozen bytes against plain vectors: random clones, parts, conversions and drops of many values of many buffers.

use std::collections::HashMap;

use buffer_pool::{BufferPool, Classes, PooledBytes};
use bytes::{Buf, Bytes};
use proptest::prelude::*;

use crate::model::config;

/// What a step does, to which value, and two numbers for it.
type Step = (u8, usize, usize, usize);

enum Value {
    Pooled(PooledBytes),
    Foreign(Bytes),
}

struct Shown {
    value: Value,
    expected: Vec<u8>,
    /// Which buffer holds it; `None` for what is empty and holds none.
    buffer: Option<usize>,
}

struct Machine {
    pool: BufferPool,
    shown: Vec<Shown>,
    buffers: usize,
}

impl Machine {
    fn new() -> Self {
        let pool = BufferPool::builder().classes(Classes::down_to(64)).build();
        Self {
            pool,
            shown: Vec::new(),
            buffers: 0,
        }
    }

    fn show(&mut self, bytes: PooledBytes, expected: Vec<u8>, buffer: Option<usize>) {
        self.shown.push(Shown {
            value: Value::Pooled(bytes),
            expected,
            buffer,
        });
    }

    fn references(&self, buffer: usize) -> usize {
        let holds = |shown: &&Shown| shown.buffer == Some(buffer);
        self.shown.iter().filter(holds).count()
    }

    /// Two values, of one buffer or two that no other value holds.
    fn create(&mut self, len: usize, byte: usize) {
        let mut buf = self.pool.acquire(len);
        let contents: Vec<u8> = (byte..byte + len).map(|byte| byte as u8).collect();
        buf.extend_from_slice(&contents);
        self.buffers += 1;
        let first = Some(self.buffers);
        // Frozen in two parts, each in a buffer of its own unless it is nothing.
        let mut contents = contents;
        let at = byte % (len + 1);
        let of_rest = contents.split_off(at);
        let front = buf.split_frozen(at);
        let of_front = first.filter(|_| at > 0);
        let second = match at {
            0 => first,
            _ => {
                self.buffers += 1;
                Some(self.buffers)
            }
        };
        self.show(front, contents, of_front);
        self.show(buf.freeze(), of_rest, second);
    }

    fn step(&mut self, (kind, at, a, b): Step) {
        if kind == 0 || self.shown.is_empty() {
            return self.create(a % 200, b);
        }
        let at = at % self.shown.len();
        let shown = self.shown.swap_remove(at);
        let Shown {
            value: Value::Pooled(bytes),
            expected,
            buffer,
        } = shown
        else {
            // `Bytes`: dropped, or kept.
            if a % 2 == 0 {
                self.shown.push(shown);
            }
            return;
        };
        let start = a % (expected.len() + 1);
        let end = start + b % (expected.len() - start + 1);
        match kind {
            1..=5 => self.take_part(bytes, expected, buffer, kind, start..end),
            6 => self.write_again(bytes, expected, buffer, a as u8),
            7 => assert_eq!(Vec::from(bytes), expected),
            8 => {
                let buffer = buffer.filter(|_| !expected.is_empty());
                self.shown.push(Shown {
                    value: Value::Foreign(bytes.into()),
                    expected,
                    buffer,
                });
            }
            _ => drop(bytes),
        }
    }

    /// Clones, cuts, splits or reads off a part; both parts stay.
    fn take_part(
        &mut self,
        mut bytes: PooledBytes,
        mut expected: Vec<u8>,
        mut buffer: Option<usize>,
        kind: u8,
        range: std::ops::Range<usize>,
    ) {
        let held_by = |part: &[u8]| buffer.filter(|_| !part.is_empty());
        let (part, of_part, of_buffer) = match kind {
            1 => (bytes.clone(), expected.clone(), buffer),
            2 => {
                let of_part = expected[range.clone()].to_vec();
                let of_buffer = held_by(&of_part);
                (bytes.slice(range), of_part, of_buffer)
            }
            3 => {
                let part = bytes.split_off(range.start);
                let of_part = expected.split_off(range.start);
                // Who has all of it has the buffer; before that, who has it keeps it.
                let of_buffer = held_by(&of_part).or(buffer.filter(|_| range.start == 0));
                buffer = buffer.filter(|_| range.start > 0);
                (part, of_part, of_buffer)
            }
            4 => {
                let part = bytes.split_to(range.start);
                let rest = expected.split_off(range.start);
                let of_part = std::mem::replace(&mut expected, rest);
                let of_buffer = held_by(&of_part).or(buffer.filter(|_| expected.is_empty()));
                buffer = held_by(&expected);
                (part, of_part, of_buffer)
            }
            _ => {
                let part = bytes.slice_ref(&bytes[range.clone()]);
                bytes.advance(range.start);
                let of_part = expected[range.clone()].to_vec();
                let of_buffer = held_by(&of_part);
                expected.drain(..range.start);
                (part, of_part, of_buffer)
            }
        };
        self.show(part, of_part, of_buffer);
        self.show(bytes, expected, buffer);
    }

    /// Back to a buffer if nobody else holds it, and on.
    fn write_again(
        &mut self,
        bytes: PooledBytes,
        mut expected: Vec<u8>,
        buffer: Option<usize>,
        byte: u8,
    ) {
        let alone = buffer.is_some_and(|buffer| self.references(buffer) == 0);
        let bytes = match bytes.try_into_mut() {
            Ok(mut buf) => {
                assert!(alone, "another value shows this buffer");
                assert_eq!(*buf, expected[..]);
                buf.iter_mut().for_each(|byte| *byte = !*byte);
                expected.iter_mut().for_each(|byte| *byte = !*byte);
                let more = buf.spare_len().min(3);
                buf.resize(buf.len() + more, byte);
                expected.resize(expected.len() + more, byte);
                buf.freeze()
            }
            Err(bytes) => {
                assert!(!alone, "nobody else shows this buffer");
                bytes
            }
        };
        self.show(bytes, expected, buffer);
    }

    fn check(&self) {
        let mut references = HashMap::new();
        for shown in &self.shown {
            let bytes: &[u8] = match &shown.value {
                Value::Pooled(bytes) => bytes,
                Value::Foreign(bytes) => bytes,
            };
            assert_eq!(bytes, &shown.expected[..]);
            if let Some(buffer) = shown.buffer {
                *references.entry(buffer).or_insert(0) += 1;
            }
        }
        for shown in &self.shown {
            if let Value::Pooled(bytes) = &shown.value {
                let count = shown.buffer.map_or(0, |buffer| references[&buffer]);
                assert_eq!(bytes.ref_count(), count);
            }
        }
        assert_eq!(self.pool.stats().outstanding(), references.len() as u64);
    }
}

proptest! {
    #![proptest_config(config(4, 300))]
    #[test]
    fn frozen_bytes_show_what_vectors_hold(
        steps in prop::collection::vec((0..12_u8, any::<usize>(), 0..1000_usize, 0..1000_usize), 1..120)
    ) {
        let mut machine = Machine::new();
        for step in steps {
            machine.step(step);
            machine.check();
        }
        machine.shown.clear();
        prop_assert_eq!(machine.pool.stats().outstanding(), 0);
    }
}
