//! The names of objects: any key has one, no two have the same, and none leads elsewhere.

use super::error::{ObjectStoreError, ObjectStoreOpenError};
use object_store::path::Path;

/// Letters of a part of a name at most: file systems take 255.
const PART_LETTERS: usize = 200;
/// Letters of a whole name at most: S3 takes 1024.
const NAME_LETTERS_MAX: usize = 1024;

/// The prefix of all names.
#[derive(Debug)]
pub(super) struct Names {
    /// Empty, or with a `/` at its end.
    prefix: String,
}

impl Names {
    pub(super) fn new(prefix: &str) -> Result<Self, ObjectStoreOpenError> {
        let path = Path::parse(prefix).map_err(|error| ObjectStoreOpenError::Prefix {
            prefix: prefix.to_owned(),
            reason: error.to_string(),
        })?;
        let slash = if path.is_root() { "" } else { "/" };
        let prefix = format!("{path}{slash}");
        Ok(Self { prefix })
    }

    pub(super) fn prefix(&self) -> &str {
        &self.prefix
    }

    /// Where the object of a key of these bytes is.
    pub(super) fn path(&self, key: &[u8]) -> Result<Path, ObjectStoreError> {
        let mut name = self.prefix.clone();
        let mut letters = 0;
        for byte in key {
            if letters >= PART_LETTERS {
                // No name ends like this, so what is below it is in the way of no other.
                name.push_str("+/");
                letters = 0;
            }
            match byte {
                b'a'..=b'z' | b'0'..=b'9' | b'-' | b'_' => {
                    name.push(char::from(*byte));
                    letters += 1;
                }
                byte => {
                    let digit = |value: u8| char::from(b"0123456789abcdef"[usize::from(value)]);
                    name.extend(['=', digit(byte >> 4), digit(byte & 15)]);
                    letters += 3;
                }
            }
            if name.len() > NAME_LETTERS_MAX {
                return Err(ObjectStoreError::KeyTooLong { bytes: key.len() });
            }
        }
        if key.is_empty() {
            name.push('=');
        }
        Path::parse(&name).map_err(|error| object_store::Error::from(error).into())
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use proptest::prelude::*;
    use std::collections::HashMap;

    /// The key of a name.
    fn key(name: &str) -> Vec<u8> {
        let name = name.replace("+/", "");
        if name == "=" {
            return Vec::new();
        }
        let mut bytes = name.bytes();
        std::iter::from_fn(|| {
            let byte = bytes.next()?;
            if byte != b'=' {
                return Some(byte);
            }
            let digits = [bytes.next()?, bytes.next()?];
            let digits = std::str::from_utf8(&digits).unwrap().to_owned();
            Some(u8::from_str_radix(&digits, 16).unwrap())
        })
        .collect()
    }

    fn name(bytes: &[u8]) -> String {
        Names::new("").unwrap().path(bytes).unwrap().to_string()
    }

    #[test]
    fn names_are_what_the_documentation_says() {
        let names = [
            ("user-7_b", "user-7_b"),
            ("User 7", "=55ser=207"),
            ("../../etc/passwd", "=2e=2e=2f=2e=2e=2fetc=2fpasswd"),
            ("", "="),
            (".", "=2e"),
            ("a+=#%\0", "a=2b=3d=23=25=00"),
        ];
        for (key, expected) in names {
            assert_eq!(name(key.as_bytes()), expected);
        }
    }

    proptest! {
        #[test]
        fn a_name_tells_its_key_and_no_other(bytes in proptest::collection::vec(any::<u8>(), 0..330)) {
            let name = name(&bytes);
            prop_assert_eq!(key(&name), bytes);
            let parts: Vec<&str> = name.split('/').collect();
            for (at, part) in parts.iter().enumerate() {
                prop_assert!((1..=PART_LETTERS + 3).contains(&part.len()));
                // So no object is where others need a folder.
                prop_assert_eq!(part.ends_with('+'), at + 1 < parts.len());
                let plain = |letter: char| matches!(letter, 'a'..='z' | '0'..='9' | '-' | '_' | '=' | '+');
                prop_assert!(part.chars().all(plain), "{}", part);
            }
        }
    }

    #[test]
    fn keys_up_to_the_bound_have_names_and_longer_ones_do_not() {
        let names = Names::new("/some/prefix/").unwrap();
        let mut lengths = HashMap::new();
        for bytes in 0..2_000 {
            let named = names.path(&vec![b'a'; bytes]);
            if let Ok(path) = &named {
                assert!(path.as_ref().len() <= NAME_LETTERS_MAX);
                assert!(path.as_ref().starts_with("some/prefix/"));
            } else {
                let error = named.as_ref().unwrap_err();
                assert!(
                    matches!(error, ObjectStoreError::KeyTooLong { bytes: found } if *found == bytes)
                );
            }
            *lengths.entry(named.is_ok()).or_insert(0) += 1;
        }
        // 1024 less the prefix, and two for each of the parts but the last.
        assert_eq!(lengths[&true], 1024 - 13 - 2 * 5 + 1 + 1);
    }

    #[test]
    fn a_prefix_that_leads_elsewhere_is_refused() {
        for prefix in ["..", "a/../b", "a//b", "."] {
            let refused = Names::new(prefix).unwrap_err();
            assert!(
                matches!(refused, ObjectStoreOpenError::Prefix { .. }),
                "{prefix}"
            );
        }
    }
}
