//! `Tag`: a name that many entries share, to invalidate them at once.

use foldhash::quality::RandomState;
use std::fmt;
use std::hash::{BuildHasher, Hash, Hasher};
use std::sync::{Arc, LazyLock};

/// Tags are hashed alike in all caches of a process, and otherwise in each process.
static HASHER: LazyLock<RandomState> = LazyLock::new(RandomState::default);

/// A name that many entries share, so that [`Tiered::invalidate_tag`](crate::Tiered::invalidate_tag)
/// makes all of them old at once. A clone is cheap, and shares the name.
///
/// ```
/// use cache_tiered::Tag;
///
/// let tag = Tag::new("user:17");
/// assert_eq!(tag.name(), "user:17");
/// assert_eq!(tag, Tag::from("user:17".to_owned()));
/// ```
#[derive(Clone)]
pub struct Tag {
    hash: u64,
    name: Arc<str>,
}

impl Tag {
    /// A tag of this name. O(name).
    #[must_use]
    pub fn new(name: impl Into<Arc<str>>) -> Self {
        let name = name.into();
        Self {
            hash: HASHER.hash_one(&*name),
            name,
        }
    }

    /// Its name.
    #[must_use]
    pub fn name(&self) -> &str {
        &self.name
    }

    pub(crate) const fn hash_of_name(&self) -> u64 {
        self.hash
    }
}

impl From<&str> for Tag {
    fn from(name: &str) -> Self {
        Self::new(name)
    }
}

impl From<String> for Tag {
    fn from(name: String) -> Self {
        Self::new(name)
    }
}

impl From<&Self> for Tag {
    fn from(tag: &Self) -> Self {
        tag.clone()
    }
}

impl PartialEq for Tag {
    fn eq(&self, other: &Self) -> bool {
        self.hash == other.hash && self.name == other.name
    }
}

impl Eq for Tag {}

impl Hash for Tag {
    fn hash<H: Hasher>(&self, state: &mut H) {
        self.hash.hash(state);
    }
}

impl fmt::Debug for Tag {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_tuple("Tag").field(&self.name).finish()
    }
}
