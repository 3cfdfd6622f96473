//! The tags of an entry: their names, each behind its length, zeros behind the last one.

use crate::tag::Tag;

/// Bytes of all the names of an entry at most.
pub(super) const TAGS_BYTES_MAX: usize = 255 * 8;

/// Tags as an entry has them; none if they have too many bytes for one, or one has no name.
pub(crate) fn encode(tags: &[Tag]) -> Option<Vec<u8>> {
    let mut bytes = Vec::new();
    for tag in tags {
        let name = tag.name().as_bytes();
        let length = u16::try_from(name.len())
            .ok()
            .filter(|&length| length != 0)?;
        bytes.extend_from_slice(&length.to_le_bytes());
        bytes.extend_from_slice(name);
    }
    bytes.resize(bytes.len().next_multiple_of(8), 0);
    (bytes.len() <= TAGS_BYTES_MAX).then_some(bytes)
}

/// The tags that an entry has; none if the bytes are no such list.
pub(crate) fn decode(mut bytes: &[u8]) -> Option<Vec<Tag>> {
    let mut tags = Vec::new();
    while let Some((length, rest)) = bytes.split_first_chunk() {
        let length = usize::from(u16::from_le_bytes(*length));
        if length == 0 {
            break;
        }
        let name = std::str::from_utf8(rest.get(..length)?).ok()?;
        tags.push(Tag::new(name));
        bytes = &rest[length..];
    }
    let is_padding = bytes.len() < 8 && bytes.iter().all(|byte| *byte == 0);
    is_padding.then_some(tags)
}

#[cfg(test)]
mod tests {
    use super::*;
    use proptest::prelude::*;

    proptest! {
        #[test]
        fn tags_come_back(names in prop::collection::vec("[a-zé]{1,20}", 0..12)) {
            let tags: Vec<_> = names.iter().map(|name| Tag::new(name.as_str())).collect();
            let bytes = encode(&tags).unwrap();
            prop_assert!(bytes.len().is_multiple_of(8));
            prop_assert_eq!(decode(&bytes), Some(tags));
        }

        #[test]
        fn any_bytes_are_tags_or_none(bytes in prop::collection::vec(0..4_u8, 0..64)) {
            if let Some(tags) = decode(&bytes) {
                let again = encode(&tags).unwrap();
                prop_assert!(bytes.starts_with(&again[..again.len().min(bytes.len())]));
            }
        }
    }

    #[test]
    fn what_is_too_long_or_has_no_name_has_no_place() {
        assert_eq!(encode(&[Tag::new("")]), None);
        assert_eq!(encode(&[Tag::new("x".repeat(1 << 16))]), None);
        assert!(encode(&[Tag::new("x".repeat(TAGS_BYTES_MAX - 2))]).is_some());
        assert_eq!(encode(&[Tag::new("x".repeat(TAGS_BYTES_MAX - 1))]), None);
        assert_eq!(decode(&[5, 0, b'a']), None, "cut short");
        assert_eq!(decode(&[1, 0, 0xff, 0]), None, "no text");
    }
}
