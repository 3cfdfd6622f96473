//! The slots of a cluster: which one a key has, and which node has it.

/// How many there are.
pub(super) const SLOTS: u16 = 16_384;

/// The slot of a key: CRC-16 of the key, or of its hash tag, which is what stands between the first
/// `{` and the next `}` if that is anything.
pub(super) fn slot(key: &[u8]) -> u16 {
    crc16(hash_tag(key).unwrap_or(key)) % SLOTS
}

fn hash_tag(key: &[u8]) -> Option<&[u8]> {
    let open = key.iter().position(|byte| *byte == b'{')?;
    let rest = &key[open + 1..];
    let close = rest.iter().position(|byte| *byte == b'}')?;
    Some(&rest[..close]).filter(|tag| !tag.is_empty())
}

/// The slot that all these keys have; none if they have several, or there is no key.
pub(super) fn common<'a>(keys: impl Iterator<Item = &'a [u8]>) -> Option<u16> {
    let mut slots = keys.map(slot);
    let first = slots.next()?;
    slots.all(|slot| slot == first).then_some(first)
}

/// CRC-16/XMODEM.
fn crc16(bytes: &[u8]) -> u16 {
    const POLYNOMIAL: u16 = 0x1021;
    bytes.iter().fold(0, |crc, byte| {
        let mut crc = crc ^ u16::from(*byte) << 8;
        for _ in 0..8 {
            let carry = crc >> 15 == 1;
            crc = crc << 1 ^ if carry { POLYNOMIAL } else { 0 };
        }
        crc
    })
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_slots_are_those_of_the_specification() {
        // The check value of the specification, and answers of `CLUSTER KEYSLOT`.
        assert_eq!(crc16(b"123456789"), 0x31c3);
        assert_eq!(slot(b"foo"), 12_182);
        assert_eq!(slot(b"somekey"), 11_058);
        assert_eq!(slot(b"foo{hash_tag}"), 2_515);
        assert_eq!(slot(b"bar{hash_tag}"), 2_515);
        assert_eq!(slot(b""), 0);
    }

    #[test]
    fn only_the_first_hash_tag_counts_and_an_empty_one_does_not() {
        assert_eq!(slot(b"{user}.a"), slot(b"user"));
        assert_eq!(slot(b"x{a}{b}"), slot(b"a"));
        assert_eq!(slot(b"x{{a}}"), slot(b"{a"));
        assert_eq!(hash_tag(b"x{}{a}"), None);
        assert_eq!(hash_tag(b"x{a"), None);
    }

    #[test]
    fn keys_have_a_slot_in_common_only_if_all_have_it() {
        let common_of = |keys: &[&'static str]| common(keys.iter().map(|key| key.as_bytes()));
        assert_eq!(common_of(&["a{t}", "b{t}", "t"]), Some(slot(b"t")));
        assert_eq!(common_of(&["a", "b"]), None);
        assert_eq!(common_of(&[]), None);
    }
}
