//! Operations on a byte slab against a map of vectors; handles that were freed stay dead.
#![no_main]

use std::collections::HashMap;

use arbitrary::Arbitrary;
use libfuzzer_sys::fuzz_target;
use slab_core::{ByteHandle, ByteSlab};

#[derive(Arbitrary, Debug)]
enum Step {
    Alloc { len: u16, byte: u8 },
    Free(u8),
    Resize(u8, u16),
    Write(u8, u8),
    FreeAgain(u8),
    ReleaseEmpty(u8),
    Clear,
}

fn chosen(handles: &[ByteHandle], which: u8) -> Option<usize> {
    (!handles.is_empty()).then(|| usize::from(which) % handles.len())
}

fuzz_target!(|steps: Vec<Step>| {
    let mut slab = ByteSlab::new();
    let mut live: Vec<ByteHandle> = Vec::new();
    let mut dead: Vec<ByteHandle> = Vec::new();
    let mut model: HashMap<ByteHandle, Vec<u8>> = HashMap::new();
    for step in steps {
        match step {
            Step::Alloc { len, byte } => {
                let bytes = vec![byte; usize::from(len)];
                let handle = slab.alloc(&bytes).expect("memory");
                assert!(
                    model.insert(handle, bytes).is_none(),
                    "a handle was given twice"
                );
                live.push(handle);
            }
            Step::Free(which) => {
                if let Some(at) = chosen(&live, which) {
                    let handle = live.swap_remove(at);
                    model.remove(&handle);
                    assert!(slab.free(handle));
                    dead.push(handle);
                }
            }
            Step::Resize(which, len) => {
                if let Some(at) = chosen(&live, which) {
                    let before = live[at];
                    let after = slab.resize(before, usize::from(len)).expect("memory");
                    let mut bytes = model.remove(&before).expect("a live handle");
                    bytes.resize(usize::from(len), 0);
                    model.insert(after, bytes);
                    if after != before {
                        dead.push(before);
                        live[at] = after;
                    }
                }
            }
            Step::Write(which, byte) => {
                if let Some(at) = chosen(&live, which) {
                    slab.get_mut(live[at]).expect("a live handle").fill(byte);
                    model.get_mut(&live[at]).expect("a live handle").fill(byte);
                }
            }
            Step::FreeAgain(which) => {
                if let Some(at) = chosen(&dead, which) {
                    assert!(!slab.free(dead[at]) && slab.get(dead[at]).is_none());
                }
            }
            Step::ReleaseEmpty(keep) => {
                slab.release_empty(usize::from(keep));
            }
            Step::Clear => {
                slab.clear();
                model.clear();
                dead.append(&mut live);
            }
        }
        for (&handle, bytes) in &model {
            assert_eq!(slab.get(handle), Some(&bytes[..]));
        }
        assert_eq!(slab.len(), model.len());
    }
});
