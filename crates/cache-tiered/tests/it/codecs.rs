//! `Postcard`: what comes back, and what bytes of others can do.

use crate::allocations::largest;
use bytes::Bytes;
use cache_tiered::{Codec, CodecError, Postcard, Raw};
use proptest::prelude::*;
use serde::de::DeserializeOwned;
use serde::{Deserialize, Serialize};
use std::collections::{BTreeMap, HashMap, HashSet};
use std::fmt::Debug;

#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
enum Node {
    Leaf,
    Named { name: String, weight: Option<i64> },
    Pair(Vec<u32>, (u8, char)),
}

type Tree = BTreeMap<String, Vec<Node>>;

fn decoded<T: Serialize + DeserializeOwned>(bytes: &[u8]) -> Result<T, CodecError> {
    Postcard::new().decode(bytes)
}

fn node() -> impl Strategy<Value = Node> {
    let pair = (
        proptest::collection::vec(any::<u32>(), 0..9),
        any::<u8>(),
        any::<char>(),
    );
    prop_oneof![
        Just(Node::Leaf),
        (".*", any::<Option<i64>>()).prop_map(|(name, weight)| Node::Named { name, weight }),
        pair.prop_map(|(numbers, byte, letter)| Node::Pair(numbers, (byte, letter))),
    ]
}

fn tree() -> impl Strategy<Value = Tree> {
    proptest::collection::btree_map(".{0,9}", proptest::collection::vec(node(), 0..5), 0..5)
}

proptest! {
    #[test]
    fn a_value_comes_back(tree in tree(), before in any::<Vec<u8>>()) {
        let mut scratch = before;
        let bytes = Postcard::new().encode(&tree, &mut scratch).unwrap().to_vec();
        prop_assert_eq!(&decoded::<Tree>(&bytes).unwrap(), &tree);
        // A value has these bytes, and nothing has a part of them.
        for length in 0..bytes.len() {
            let cut = decoded::<Tree>(&bytes[..length]);
            prop_assert!(matches!(cut, Err(CodecError::Malformed(_))), "{length}: {cut:?}");
        }
        let longer = [&bytes[..], b"xy"].concat();
        let longer = decoded::<Tree>(&longer);
        prop_assert!(matches!(longer, Err(CodecError::Surplus { surplus: 2 })), "{longer:?}");
    }

    #[test]
    fn any_bytes_are_a_value_or_an_error(bytes in proptest::collection::vec(any::<u8>(), 0..300)) {
        fn check<T: Serialize + DeserializeOwned + Debug>(bytes: &[u8]) {
            let (result, largest) = largest(|| decoded::<T>(bytes));
            // Elements are at most this large in memory, and growth doubles.
            let bound = bytes.len().max(64) * 2 * 64;
            assert!(largest <= bound, "{largest} bytes for {}: {result:?}", bytes.len());
        }
        check::<Tree>(&bytes);
        check::<Vec<u64>>(&bytes);
        check::<Vec<Vec<String>>>(&bytes);
        check::<HashSet<u64>>(&bytes);
        check::<(String, Bytestring, Option<u128>)>(&bytes);
    }
}

/// Bytes that serde takes as a sequence.
type Bytestring = Box<[u8]>;

#[test]
fn a_length_that_no_input_warrants_allocates_nothing_for_it() {
    // 2^60 elements, then three.
    let claim = [
        0x80, 0x80, 0x80, 0x80, 0x80, 0x80, 0x80, 0x80, 0x10, 1, 2, 3,
    ];
    fn refused<T: Serialize + DeserializeOwned>(bytes: &[u8]) -> usize {
        let (result, largest) = largest(|| decoded::<T>(bytes).is_err());
        assert!(result);
        largest
    }
    assert!(refused::<Vec<u64>>(&claim) <= 256);
    assert!(refused::<String>(&claim) <= 256);
    assert!(refused::<Bytestring>(&claim) <= 256);
    assert!(refused::<Vec<[u64; 32]>>(&claim) <= 4 * 256);
    // Whatever the claim, and whatever the input.
    assert!(refused::<HashMap<u64, u64>>(&claim) <= 4 << 20);
}

#[test]
fn what_has_no_form_is_an_error() {
    /// Says nothing of its length.
    struct Endless;
    impl Serialize for Endless {
        fn serialize<S: serde::Serializer>(&self, serializer: S) -> Result<S::Ok, S::Error> {
            use serde::ser::SerializeSeq;
            serializer.serialize_seq(None)?.end()
        }
    }
    impl<'de> Deserialize<'de> for Endless {
        fn deserialize<D: serde::Deserializer<'de>>(_: D) -> Result<Self, D::Error> {
            Ok(Self)
        }
    }
    let mut scratch = Vec::new();
    let encoded = Postcard::new().encode(&Endless, &mut scratch);
    assert!(
        matches!(encoded, Err(CodecError::Unencodable(_))),
        "{encoded:?}"
    );
}

#[test]
fn forms_that_differ_have_ids_that_differ() {
    let ids = [
        Codec::<Vec<u8>>::id(&Raw),
        Codec::<String>::id(&Raw),
        Codec::<u64>::id(&Raw),
        Codec::<u64>::id(&Postcard::new()),
        Codec::<u64>::id(&Postcard::new().version(1)),
        Codec::<u64>::id(&Postcard::new().version(u32::MAX)),
    ];
    for (at, id) in ids.iter().enumerate() {
        assert!(*id != 0 && !ids[..at].contains(id), "{ids:x?}");
    }
    assert_eq!(Codec::<Bytes>::id(&Raw), ids[0]);
    // Tiers that exist have them: they never change.
    assert_eq!(ids[0], 0x7261_7762_7974_6573);
    assert_eq!(ids[4], 0x706f_7374_0000_0001);
}
