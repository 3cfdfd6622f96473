//! Ids that nothing else has.

use std::hash::{BuildHasher, RandomState};

/// Sixteen bytes: the seeds of hash maps, which are random, from the system, and different for each.
pub(crate) fn random_id() -> [u8; 16] {
    let halves = [RandomState::new(), RandomState::new()].map(|state| state.hash_one(0_u8));
    let mut id = [0; 16];
    id[..8].copy_from_slice(&halves[0].to_le_bytes());
    id[8..].copy_from_slice(&halves[1].to_le_bytes());
    id
}
