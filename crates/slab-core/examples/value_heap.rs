//! A small key-value table whose values of any length live in a byte slab.
//!
//! Run with `cargo run -p slab-core --example value_heap`.

use std::collections::BTreeMap;

use slab_core::{ByteHandle, ByteSlab, InsertErrorKind};

/// Keys in order, each with eight bytes that name its value in the heap.
#[derive(Default)]
struct Table {
    index: BTreeMap<String, ByteHandle>,
    heap: ByteSlab,
}

impl Table {
    fn put(&mut self, key: &str, value: &[u8]) -> Result<(), InsertErrorKind> {
        // The new value first: if there is no memory for it, the old one is still there.
        let handle = self.heap.alloc(value)?;
        if let Some(old) = self.index.insert(key.to_owned(), handle) {
            self.heap.free(old);
        }
        Ok(())
    }

    fn append(&mut self, key: &str, more: &[u8]) -> Result<(), InsertErrorKind> {
        let Some(handle) = self.index.get_mut(key) else {
            return self.put(key, more);
        };
        let before = self.heap.get(*handle).map_or(0, <[u8]>::len);
        *handle = self.heap.resize(*handle, before + more.len())?;
        if let Some(bytes) = self.heap.get_mut(*handle) {
            bytes[before..].copy_from_slice(more);
        }
        Ok(())
    }

    fn get(&self, key: &str) -> Option<&[u8]> {
        self.heap.get(*self.index.get(key)?)
    }

    fn remove(&mut self, key: &str) -> bool {
        self.index
            .remove(key)
            .is_some_and(|handle| self.heap.free(handle))
    }
}

fn main() -> Result<(), InsertErrorKind> {
    let mut table = Table::default();
    for number in 0..1000_usize {
        table.put(&format!("key-{number:03}"), &vec![number as u8; number * 7])?;
    }
    table.put("key-010", b"shorter")?;
    for _ in 0..50 {
        table.append("log", b"one more line\n")?;
    }
    for number in (0..1000).step_by(3) {
        assert!(table.remove(&format!("key-{number:03}")));
    }
    assert!(!table.remove("key-000"), "it is gone already");
    assert_eq!(table.get("key-010"), Some(&b"shorter"[..]));
    assert_eq!(
        table.get("key-998"),
        Some(&vec![998_usize as u8; 998 * 7][..])
    );
    assert_eq!(table.get("log").map(<[u8]>::len), Some(50 * 14));

    println!("slot bytes  occupied  slots  unused");
    for class in table.heap.class_stats().filter(|class| class.slots > 0) {
        let unused = class.fragmentation() * 100.0;
        println!(
            "{:>10}  {:>8}  {:>5}  {unused:>5.1}%",
            class.slot_bytes, class.occupied, class.slots
        );
    }
    let stats = table.heap.stats();
    println!(
        "{} values, {} of them large; {} payload bytes in {} held",
        stats.strings, stats.large, stats.payload_bytes, stats.held_bytes
    );
    assert_eq!(stats.strings, table.index.len());
    Ok(())
}
