//! What a simulator sees of a request: the key's hash and the object's weight.

use crate::trace::Request;

/// The requests that go through all simulators before the next ones are read: few enough to stay in the cache of a core.
pub(super) const BLOCK_LEN: usize = 2048;

/// What the weight of an object is.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, Hash)]
pub enum Weighing {
    /// Every object weighs 1: capacities count objects.
    #[default]
    Objects,
    /// An object weighs its size: capacities count bytes.
    Bytes,
}

/// One request as a simulator sees it.
///
/// ```
/// use strata_cli::simulate::{Access, Weighing};
/// use strata_cli::trace::Request;
///
/// let request = Request { time: 0, key: 7, size: 4096, next: None };
/// assert_eq!(Access::new(&request, Weighing::Objects).weight, 1);
/// assert_eq!(Access::new(&request, Weighing::Bytes).weight, 4096);
/// ```
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Access {
    /// The key, mixed: no two keys share a hash, so that a policy's memory of departed keys is never mistaken.
    pub hash: u64,
    /// What the object takes of the capacity.
    pub weight: u32,
}

impl Access {
    /// The request's key mixed, and its weight.
    #[inline]
    #[must_use]
    pub fn new(request: &Request, weighing: Weighing) -> Self {
        Self {
            hash: mix(request.key),
            weight: match weighing {
                Weighing::Objects => 1,
                Weighing::Bytes => request.size,
            },
        }
    }
}

/// Spreads a key over 64 bits, one to one: each step can be undone. The finaliser of `SplitMix64` (Steele, Lea, Flood:
/// "Fast splittable pseudorandom number generators", OOPSLA 2014; constants of David Stafford's variant 13).
#[inline]
fn mix(key: u64) -> u64 {
    let key = (key ^ (key >> 30)).wrapping_mul(0xbf58_476d_1ce4_e5b9);
    let key = (key ^ (key >> 27)).wrapping_mul(0x94d0_49bb_1331_11eb);
    key ^ (key >> 31)
}

#[cfg(test)]
mod tests {
    use super::mix;

    /// Undoes [`mix`]: what has an inverse maps no two keys to one hash.
    fn unmix(hash: u64) -> u64 {
        let inverse = |odd: u64| {
            (0..6).fold(odd, |x, _| {
                x.wrapping_mul(2_u64.wrapping_sub(odd.wrapping_mul(x)))
            })
        };
        let unshift =
            |value: u64, by: u32| value ^ (value >> by) ^ (value.checked_shr(2 * by).unwrap_or(0));
        let key = unshift(hash, 31).wrapping_mul(inverse(0x94d0_49bb_1331_11eb));
        let key = unshift(key, 27).wrapping_mul(inverse(0xbf58_476d_1ce4_e5b9));
        unshift(key, 30)
    }

    #[test]
    fn mixing_can_be_undone() {
        for key in (0..1000)
            .chain((0..64).map(|bit| 1 << bit))
            .chain([u64::MAX, u64::MAX / 3])
        {
            assert_eq!(unmix(mix(key)), key);
        }
    }
}
