//! An object cache in a static byte array, as a program without a heap would use it: packets that a receiver allocates
//! and a sender drops. Everything but the printing works without std.
//!
//! Run with `cargo run -p slab-core --example object_cache`, with `--no-default-features` for a crate without `alloc`.

#![no_std]

extern crate std; // To print.

use std::println;

use slab_core::{AllocError, ProvideError, SlabBox, SlabCache, SpinLock, StaticRegion};

/// Bytes of a slab, and the alignment of each.
const SLAB: usize = 4096;

/// All memory of the program's packets: slabs lie at multiples of their size, which costs up to one of them.
static MEMORY: StaticRegion<{ 8 * SLAB }> = StaticRegion::new();

type Packets = SlabCache<Packet, &'static StaticRegion<{ 8 * SLAB }>, SpinLock, SLAB>;

/// What comes in.
struct Packet {
    number: u32,
    payload: [u8; 100],
}

type PacketBox = SlabBox<Packet, SLAB>;

fn receive(packets: &Packets, number: u32) -> Result<PacketBox, AllocError<Packet>> {
    packets.alloc(Packet {
        number,
        payload: [number as u8; 100],
    })
}

/// Packets that wait to be sent: each is a pointer in the row, and may have come from any thread.
struct Queue {
    row: [Option<PacketBox>; 512],
    first: usize,
    len: usize,
}

impl Queue {
    const fn new() -> Self {
        Self {
            row: [const { None }; 512],
            first: 0,
            len: 0,
        }
    }

    /// Gives the packet back if there is no place for it.
    fn push(&mut self, packet: PacketBox) -> Result<(), PacketBox> {
        let at = (self.first + self.len) % self.row.len();
        if self.len == self.row.len() {
            return Err(packet);
        }
        self.row[at] = Some(packet);
        self.len += 1;
        Ok(())
    }

    fn pop(&mut self) -> Option<PacketBox> {
        let packet = self.row[self.first].take()?;
        self.first = (self.first + 1) % self.row.len();
        self.len -= 1;
        Some(packet)
    }
}

fn main() -> Result<(), ProvideError> {
    let packets = Packets::with_spare_slabs_in(1, &MEMORY)?;
    let mut queue = Queue::new();
    let (mut sent, mut refused, mut checksum) = (0, 0, 0_u64);
    for number in 0..1000 {
        // Two ways to be refused, and either gives the packet back: the program decides what to do with it.
        match receive(&packets, number).map(|packet| queue.push(packet)) {
            Ok(Ok(())) => {}
            Ok(Err(no_place)) => {
                refused += 1;
                assert_eq!(no_place.number, number);
            }
            Err(no_memory) => {
                refused += 1;
                assert_eq!(no_memory.into_value().number, number);
            }
        }
        // The sender is the slower one.
        if number % 2 == 0
            && let Some(packet) = queue.pop()
        {
            sent += 1;
            checksum += u64::from(packet.payload[0]) + u64::from(packet.number);
        }
    }
    println!("{sent} sent, {refused} refused, {} waiting", queue.len);
    println!("checksum {checksum}; {:?}", packets.stats());
    drop(packets);
    println!("without the cache: {} bytes free", MEMORY.free_bytes());
    while queue.pop().is_some() {}
    println!("without the packets: {} bytes free", MEMORY.free_bytes());
    assert_eq!(MEMORY.free_bytes(), 8 * SLAB);
    Ok(())
}
