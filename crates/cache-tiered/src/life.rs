//! `Life`: how long an answer may be kept, and what makes it old before.

use crate::tag::Tag;
use std::sync::Arc;
use std::time::Duration;

/// How long an answer of a source, or a value that is written, may be kept; and the [`Tag`]s by
/// which it can be invalidated.
///
/// What is not said here the memory tier says ([`MemoryTier`](crate::MemoryTier)); what is said
/// here wins. Times are counted from the moment at which the answer came, and rounded up to
/// milliseconds.
///
/// ```text
///   0          refresh_after        ttl            ttl + stale_for     ttl + stale_if_error
///   |-- fresh -------|-- fresh -------|-- stale ----------|-- a miss ----------|-- gone
///                    a hit starts     the old value is    the source is asked;
///                    one load in the  the answer, one     should it fail, the old
///                    background       load is started     value is the answer
/// ```
///
/// ```
/// use cache_tiered::Life;
/// use std::time::Duration;
///
/// let life = Life::DEFAULT
///     .ttl(Duration::from_secs(60))
///     .refresh_after(Duration::from_secs(45))
///     .stale_if_error(Duration::from_secs(3_600))
///     .tag("user:17");
/// assert_eq!(life.time_to_live(), Some(Duration::from_secs(60)));
/// assert_eq!(life.tags().len(), 1);
/// ```
#[derive(Clone, Debug, Default, PartialEq, Eq)]
#[non_exhaustive]
pub struct Life {
    pub(crate) ttl: Option<Duration>,
    pub(crate) refresh_after: Option<Duration>,
    pub(crate) stale_for: Option<Duration>,
    pub(crate) stale_if_error: Option<Duration>,
    pub(crate) tags: Option<Arc<[Tag]>>,
}

impl Life {
    /// As the memory tier says: without limit for a value and not at all for an absence, unless it
    /// was told otherwise.
    pub const DEFAULT: Self = Self {
        ttl: None,
        refresh_after: None,
        stale_for: None,
        stale_if_error: None,
        tags: None,
    };
    /// Without limit, whatever the memory tier says of lives.
    pub const FOREVER: Self = Self {
        ttl: Some(Duration::MAX),
        refresh_after: Some(Duration::MAX),
        ..Self::DEFAULT
    };
    /// Not kept: the answer is for those who asked.
    pub const NONE: Self = Self {
        ttl: Some(Duration::ZERO),
        ..Self::DEFAULT
    };

    /// The same with a time to live; zero means that the answer is not kept.
    #[must_use]
    pub const fn ttl(mut self, ttl: Duration) -> Self {
        self.ttl = Some(ttl);
        self
    }

    /// The same with an age from which on a hit starts one load in the background; the hit itself
    /// is answered at once. Sensible where it is less than the time to live.
    #[must_use]
    pub const fn refresh_after(mut self, age: Duration) -> Self {
        self.refresh_after = Some(age);
        self
    }

    /// The same with a time after the time to live in which the old value still is the answer,
    /// marked as stale, while one load in the background fetches the new one.
    #[must_use]
    pub const fn stale_for(mut self, window: Duration) -> Self {
        self.stale_for = Some(window);
        self
    }

    /// The same with a time after the time to live in which the old value is the answer, marked as
    /// stale, if the source fails.
    #[must_use]
    pub const fn stale_if_error(mut self, window: Duration) -> Self {
        self.stale_if_error = Some(window);
        self
    }

    /// The same with one more tag. O(tags).
    #[must_use]
    pub fn tag(self, tag: impl Into<Tag>) -> Self {
        self.with_tags([tag])
    }

    /// The same with more tags. O(tags).
    #[must_use]
    pub fn with_tags<T: Into<Tag>>(mut self, tags: impl IntoIterator<Item = T>) -> Self {
        let former = self.tags().iter().cloned();
        let tags: Arc<[Tag]> = former.chain(tags.into_iter().map(Into::into)).collect();
        self.tags = (!tags.is_empty()).then_some(tags);
        self
    }

    /// The time to live; none where the memory tier decides.
    #[must_use]
    pub const fn time_to_live(&self) -> Option<Duration> {
        self.ttl
    }

    /// The tags.
    #[must_use]
    pub fn tags(&self) -> &[Tag] {
        self.tags.as_deref().unwrap_or_default()
    }
}
