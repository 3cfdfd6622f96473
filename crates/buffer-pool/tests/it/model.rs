//! Random operations against the dullest model: what each buffer holds, and which blocks exist.

use std::collections::BTreeMap;
use std::io::Write;

use buffer_pool::{AcquireError, BufferPool, Builder, Classes, Exhaustion, PooledBuf, PooledBytes};
use proptest::prelude::*;
use proptest::test_runner::RngSeed;

use crate::memory::{POISON, Poisoned, Shared};

#[derive(Clone, Debug)]
enum Op {
    Acquire {
        size: usize,
        kind: Kind,
        tries: bool,
    },
    Extend {
        at: usize,
        len: usize,
        byte: u8,
    },
    Write {
        at: usize,
        len: usize,
        byte: u8,
    },
    Resize {
        at: usize,
        len: usize,
        byte: u8,
    },
    Truncate {
        at: usize,
        len: usize,
    },
    Overwrite {
        at: usize,
        byte: u8,
    },
    Spare {
        at: usize,
        written: usize,
        byte: u8,
    },
    Reserve {
        at: usize,
        additional: usize,
    },
    Freeze {
        at: usize,
    },
    DropBuffer {
        at: usize,
    },
    Clone {
        at: usize,
    },
    Slice {
        at: usize,
        start: usize,
        end: usize,
    },
    DropBytes {
        at: usize,
    },
    IntoMut {
        at: usize,
    },
    Reclaim {
        bytes: usize,
    },
}

#[derive(Copy, Clone, Debug)]
enum Kind {
    Plain,
    Zeroed,
    Stale,
}

/// Sizes of all classes, in between, and above the largest.
const SIZE_MAX: usize = 1200;

fn op() -> impl Strategy<Value = Op> {
    let kind = prop_oneof![Just(Kind::Plain), Just(Kind::Zeroed), Just(Kind::Stale)];
    let at = 0..64_usize;
    let len = 0..SIZE_MAX;
    let byte = prop_oneof![Just(0_u8), 1..0x80_u8];
    prop_oneof![
        8 => (len.clone(), kind, any::<bool>()).prop_map(|(size, kind, tries)| Op::Acquire { size, kind, tries }),
        3 => (at.clone(), len.clone(), byte.clone()).prop_map(|(at, len, byte)| Op::Extend { at, len, byte }),
        2 => (at.clone(), len.clone(), byte.clone()).prop_map(|(at, len, byte)| Op::Write { at, len, byte }),
        3 => (at.clone(), len.clone(), byte.clone()).prop_map(|(at, len, byte)| Op::Resize { at, len, byte }),
        2 => (at.clone(), len.clone()).prop_map(|(at, len)| Op::Truncate { at, len }),
        2 => (at.clone(), byte.clone()).prop_map(|(at, byte)| Op::Overwrite { at, byte }),
        2 => (at.clone(), len.clone(), byte).prop_map(|(at, written, byte)| Op::Spare { at, written, byte }),
        1 => (at.clone(), len.clone()).prop_map(|(at, additional)| Op::Reserve { at, additional }),
        3 => at.clone().prop_map(|at| Op::Freeze { at }),
        5 => at.clone().prop_map(|at| Op::DropBuffer { at }),
        2 => at.clone().prop_map(|at| Op::Clone { at }),
        2 => (at.clone(), len.clone(), len).prop_map(|(at, start, end)| Op::Slice { at, start, end }),
        4 => at.clone().prop_map(|at| Op::DropBytes { at }),
        2 => at.prop_map(|at| Op::IntoMut { at }),
        1 => (0..5000_usize).prop_map(|bytes| Op::Reclaim { bytes }),
    ]
}

/// What one block is to the model.
struct Lease {
    capacity: usize,
    refs: usize,
    overflow: bool,
}

struct Buffer {
    real: PooledBuf,
    contents: Vec<u8>,
    lease: usize,
}

struct Frozen {
    real: PooledBytes,
    contents: Vec<u8>,
    lease: usize,
}

struct Machine {
    pool: BufferPool,
    memory: Shared<Poisoned>,
    limits: Limits,
    buffers: Vec<Buffer>,
    frozen: Vec<Frozen>,
    leases: BTreeMap<usize, Lease>,
    next_lease: usize,
    acquires: u64,
}

#[derive(Copy, Clone)]
struct Limits {
    bytes: usize,
    idle_bytes: usize,
    idle_per_class: usize,
}

impl Machine {
    fn new(limits: Limits) -> Self {
        let memory = Poisoned::shared();
        let classes = Classes::custom(&[64, 96, 128, 500, 1000]).unwrap();
        let builder: Builder = BufferPool::builder()
            .classes(classes)
            .provider(memory.clone())
            .stripes(4);
        let builder = builder
            .max_bytes(limits.bytes)
            .exhaustion(Exhaustion::Overflow)
            .max_idle_bytes(limits.idle_bytes);
        let pool = builder.max_idle_per_class(limits.idle_per_class).build();
        let (buffers, frozen, leases) = (Vec::new(), Vec::new(), BTreeMap::new());
        Self {
            pool,
            memory,
            limits,
            buffers,
            frozen,
            leases,
            next_lease: 0,
            acquires: 0,
        }
    }

    /// A new block, of which the model notes whether it was past the budget.
    fn lease(&mut self, capacity: usize, overflow_before: u64) -> usize {
        let overflow = self.pool.stats().overflow > overflow_before;
        self.leases.insert(
            self.next_lease,
            Lease {
                capacity,
                refs: 1,
                overflow,
            },
        );
        self.next_lease += 1;
        self.acquires += 1;
        self.next_lease - 1
    }

    fn unref(&mut self, lease: usize) {
        let entry = self.leases.get_mut(&lease).unwrap();
        entry.refs -= 1;
        if entry.refs == 0 {
            self.leases.remove(&lease);
        }
    }

    fn acquire(&mut self, size: usize, kind: Kind, tries: bool) {
        let overflow = self.pool.stats().overflow;
        let pool = &self.pool;
        let real = match (kind, tries) {
            (Kind::Plain, false) => Ok(pool.acquire(size)),
            (Kind::Zeroed, false) => Ok(pool.acquire_zeroed(size)),
            (Kind::Stale, false) => Ok(pool.acquire_stale(size)),
            (Kind::Plain, true) => pool.try_acquire(size),
            (Kind::Zeroed, true) => pool.try_acquire_zeroed(size),
            (Kind::Stale, true) => pool.try_acquire_stale(size),
        };
        let sizes = pool.classes().sizes();
        let capacity = sizes
            .iter()
            .copied()
            .find(|&class| class >= size)
            .unwrap_or(size);
        let real = match real {
            Ok(real) => real,
            Err(error) => {
                let stats = pool.stats();
                match error {
                    AcquireError::Exhausted { .. } => {
                        assert!(stats.charged_bytes as usize + capacity > self.limits.bytes);
                        assert_eq!(stats.idle_bytes(), 0, "refused although blocks were idle");
                    }
                    AcquireError::Oversize { .. } => assert!(capacity > self.limits.bytes),
                    _ => panic!("{error}"),
                }
                return;
            }
        };
        let (class, capacity) = (capacity, real.capacity());
        if capacity != class {
            // In the stead of a new block.
            assert!(self.limits.bytes == usize::MAX && sizes.contains(&capacity));
            assert!((class..=2 * class).contains(&capacity));
        }
        let contents = match kind {
            Kind::Plain => vec![],
            Kind::Zeroed => vec![0; size],
            Kind::Stale => real.to_vec(),
        };
        assert!(
            !contents.contains(&POISON),
            "uninitialised memory was shown"
        );
        let lease = self.lease(capacity, overflow);
        self.buffers.push(Buffer {
            real,
            contents,
            lease,
        });
    }

    fn change_buffer(&mut self, op: &Op) {
        let (&Op::Extend { at, .. }
        | &Op::Write { at, .. }
        | &Op::Resize { at, .. }
        | &Op::Truncate { at, .. }
        | &Op::Overwrite { at, .. }
        | &Op::Spare { at, .. }) = op
        else {
            unreachable!("not a change of a buffer's contents: {op:?}");
        };
        if self.buffers.is_empty() {
            return;
        }
        let index = at % self.buffers.len();
        let Buffer { real, contents, .. } = &mut self.buffers[index];
        let room = real.capacity() - contents.len();
        match *op {
            Op::Extend { len, byte, .. } => {
                assert_eq!(
                    real.try_extend_from_slice(&vec![byte; len]).is_ok(),
                    len <= room
                );
                if len <= room {
                    contents.extend(vec![byte; len]);
                }
            }
            Op::Write { len, byte, .. } => {
                assert_eq!(real.write(&vec![byte; len]).unwrap(), len.min(room));
                contents.extend(vec![byte; len.min(room)]);
            }
            Op::Resize { len, byte, .. } => {
                assert_eq!(real.try_resize(len, byte).is_ok(), len <= real.capacity());
                if len <= real.capacity() {
                    contents.resize(len, byte);
                }
            }
            Op::Truncate { len, .. } => {
                real.truncate(len);
                contents.truncate(len);
            }
            Op::Overwrite { byte, .. } => {
                real.fill(byte);
                contents.fill(byte);
            }
            Op::Spare { written, byte, .. } => {
                let spare = real.spare_capacity_mut();
                let written = written.min(spare.len());
                // Poison stands for bytes that were made uninitialised.
                spare.iter_mut().for_each(|slot| {
                    slot.write(POISON);
                });
                spare[..written].iter_mut().for_each(|slot| {
                    slot.write(byte);
                });
                contents.extend(vec![byte; written]);
                // SAFETY: within the capacity, and all bytes below were written.
                unsafe { real.set_len(contents.len()) };
            }
            _ => unreachable!("matched above"),
        }
    }

    fn reserve(&mut self, at: usize, additional: usize) {
        if self.buffers.is_empty() {
            return;
        }
        let index = at % self.buffers.len();
        let overflow = self.pool.stats().overflow;
        let charged = self.charged();
        let real = &mut self.buffers[index].real;
        let before = real.capacity();
        real.reserve(additional);
        let (after, spare) = (real.capacity(), real.spare_len());
        assert!(spare >= additional);
        if after != before {
            let room = self.limits.bytes - charged;
            assert!(after >= 2 * before || room < 2 * before);
            let old = self.buffers[index].lease;
            self.unref(old);
            self.buffers[index].lease = self.lease(after, overflow);
        }
    }

    /// Bytes in use that count against the budget.
    fn charged(&self) -> usize {
        let leases = self.leases.values().filter(|lease| !lease.overflow);
        leases.map(|lease| lease.capacity).sum()
    }

    fn change_frozen(&mut self, op: &Op) {
        let (&Op::Clone { at }
        | &Op::Slice { at, .. }
        | &Op::DropBytes { at }
        | &Op::IntoMut { at }) = op
        else {
            unreachable!("not an operation on frozen bytes: {op:?}");
        };
        if self.frozen.is_empty() {
            return;
        }
        let index = at % self.frozen.len();
        match *op {
            Op::Clone { .. } | Op::Slice { .. } => {
                let source = &self.frozen[index];
                let (real, contents) = match *op {
                    Op::Slice { start, end, .. } => {
                        let end = end % (source.contents.len() + 1);
                        let start = start % (end + 1);
                        if start == end {
                            let empty = source.real.slice(start..end);
                            assert_eq!((empty.len(), empty.ref_count()), (0, 0));
                            return;
                        }
                        (
                            source.real.slice(start..end),
                            source.contents[start..end].to_vec(),
                        )
                    }
                    _ => (source.real.clone(), source.contents.clone()),
                };
                let lease = source.lease;
                self.leases.get_mut(&lease).unwrap().refs += 1;
                self.frozen.push(Frozen {
                    real,
                    contents,
                    lease,
                });
            }
            Op::DropBytes { .. } => {
                let lease = self.frozen.swap_remove(index).lease;
                self.unref(lease);
            }
            _ => {
                let Frozen {
                    real,
                    contents,
                    lease,
                } = self.frozen.swap_remove(index);
                let refs = self.leases[&lease].refs;
                assert_eq!(real.ref_count(), refs);
                match real.try_into_mut() {
                    Ok(real) => {
                        assert_eq!(refs, 1);
                        self.buffers.push(Buffer {
                            real,
                            contents,
                            lease,
                        });
                    }
                    Err(real) => {
                        assert!(refs > 1);
                        self.frozen.push(Frozen {
                            real,
                            contents,
                            lease,
                        });
                    }
                }
            }
        }
    }

    fn apply(&mut self, op: &Op) {
        match *op {
            Op::Acquire { size, kind, tries } => self.acquire(size, kind, tries),
            Op::Reserve { at, additional } => self.reserve(at, additional),
            Op::Freeze { at } if !self.buffers.is_empty() => {
                let Buffer {
                    real,
                    contents,
                    lease,
                } = self.buffers.swap_remove(at % self.buffers.len());
                self.frozen.push(Frozen {
                    real: real.freeze(),
                    contents,
                    lease,
                });
            }
            Op::DropBuffer { at } if !self.buffers.is_empty() => {
                let lease = self.buffers.swap_remove(at % self.buffers.len()).lease;
                self.unref(lease);
            }
            Op::Freeze { .. } | Op::DropBuffer { .. } => {}
            Op::Reclaim { bytes } => {
                let idle = self.pool.stats().idle_bytes() as usize;
                let freed = self.pool.reclaim(bytes);
                assert!(freed >= bytes.min(idle) && freed <= idle);
                assert_eq!(self.pool.stats().idle_bytes() as usize, idle - freed);
            }
            Op::Clone { .. } | Op::Slice { .. } | Op::DropBytes { .. } | Op::IntoMut { .. } => {
                self.change_frozen(op)
            }
            _ => self.change_buffer(op),
        }
    }

    fn check(&self) {
        for buffer in &self.buffers {
            assert_eq!(*buffer.real, *buffer.contents);
        }
        for bytes in &self.frozen {
            assert_eq!(*bytes.real, *bytes.contents);
        }
        let stats = self.pool.stats();
        let sum: usize = self.leases.values().map(|lease| lease.capacity).sum();
        assert_eq!(stats.acquires(), self.acquires);
        assert_eq!(stats.outstanding(), self.leases.len() as u64);
        assert_eq!(stats.live_bytes() as usize, sum);
        assert_eq!(stats.overflow_bytes as usize, sum - self.charged());
        assert_eq!(
            (stats.charged_bytes - stats.idle_bytes()) as usize,
            self.charged()
        );
        assert!(
            stats.charged_bytes as usize <= self.limits.bytes
                && stats.peak_bytes as usize <= self.limits.bytes
        );
        assert!(stats.idle_bytes() as usize <= self.limits.idle_bytes);
        assert!(
            stats
                .classes
                .iter()
                .all(|class| class.idle as usize <= self.limits.idle_per_class)
        );
        let created = stats.misses();
        let gone = stats.discards() + stats.reclaimed();
        let pooled: u64 = stats
            .classes
            .iter()
            .map(|class| class.live + class.idle)
            .sum();
        assert_eq!(
            created - gone,
            pooled,
            "each created block is live, idle, discarded or reclaimed"
        );
    }

    fn finish(self) {
        let memory = self.memory.clone();
        drop(self);
        assert_eq!(memory.live_bytes(), 0);
    }
}

fn run(ops: &[Op], limits: Limits) {
    let mut machine = Machine::new(limits);
    for op in ops {
        machine.apply(op);
        machine.check();
    }
    machine.finish();
}

/// With as many cases as `STRATA_CASES` says, or `cases`.
pub(crate) fn config(seed: u64, cases: u32) -> ProptestConfig {
    let cases = std::env::var("STRATA_CASES").map_or(cases, |text| {
        text.parse().expect("STRATA_CASES is a number")
    });
    ProptestConfig {
        cases,
        rng_seed: RngSeed::Fixed(seed),
        failure_persistence: None,
        ..ProptestConfig::default()
    }
}

const UNLIMITED: Limits = Limits {
    bytes: usize::MAX,
    idle_bytes: usize::MAX,
    idle_per_class: usize::MAX,
};

proptest! {
    #![proptest_config(config(1, 300))]
    #[test]
    fn unbounded(ops in prop::collection::vec(op(), 0..200)) {
        run(&ops, UNLIMITED);
    }
}

proptest! {
    #![proptest_config(config(2, 300))]
    #[test]
    fn bounded(ops in prop::collection::vec(op(), 0..200)) {
        run(&ops, Limits { bytes: 3000, ..UNLIMITED });
    }
}

proptest! {
    #![proptest_config(config(3, 300))]
    #[test]
    fn capped(ops in prop::collection::vec(op(), 0..200)) {
        run(&ops, Limits { bytes: 1100, idle_bytes: 700, idle_per_class: 3 });
    }
}
