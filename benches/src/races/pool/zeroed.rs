//! Zeros on demand, after a writer of little.

use buffer_pool::BufferPool;
use zeropool::ZeroPool;

use crate::{Contender, Effort, Sample, Workload};

/// 64 KiB of zeros after a writer of 4,096 bytes had the buffer.
pub(super) fn zeroed(effort: Effort) -> Vec<Workload> {
    const SIZE: usize = 64 << 10;
    const WRITTEN: usize = 4096;
    let operations = effort.operations(50_000);
    let payload = [7u8; WRITTEN];
    let strata = BufferPool::builder().build();
    let zeropool = ZeroPool::new();
    vec![
        Workload::new("pool", "zeroed-64KiB", "ns")
            .with(Contender::new("strata-pool", move || {
                Sample::timed(operations, || {
                    (0..operations).fold(0, |sum, _| {
                        let mut writer = strata.acquire(SIZE);
                        writer.extend_from_slice(&payload);
                        drop(writer);
                        let zeroed = strata.acquire_zeroed(SIZE);
                        sum + u64::from(zeroed[0])
                            + u64::from(zeroed[WRITTEN - 1])
                            + zeroed.len() as u64
                    })
                })
            }))
            .with(Contender::new("zeropool", move || {
                Sample::timed(operations, || {
                    (0..operations).fold(0, |sum, _| {
                        drop(zeropool.alloc_uninit(WRITTEN).write_from_slice(&payload));
                        let zeroed = zeropool.alloc(SIZE);
                        sum + u64::from(zeroed[0])
                            + u64::from(zeroed[WRITTEN - 1])
                            + zeroed.len() as u64
                    })
                })
            })),
    ]
}
