//! A policy that is chosen at run time.

#[macro_use]
mod list;
mod config;
mod parameters;

pub use config::AnyConfig;
pub(crate) use parameters::{Choice, Named, Parameter, Parameters, choice};

use alloc::boxed::Box;
use alloc::string::ToString;

use crate::admission::tiny_lfu::{TinyLfu, refuse_behind};
use crate::error::ConfigError;
use crate::eviction::{
    arc::Arc,
    belady::Belady,
    belady_size::BeladySize,
    clock::Clock,
    clock_pro::ClockPro,
    duel::Duel,
    fifo::Fifo,
    gdsf::Gdsf,
    hyperbolic::Hyperbolic,
    lecar::LeCaR,
    lfu::Lfu,
    lfuda::Lfuda,
    lhd::Lhd,
    lirs::Lirs,
    lru::Lru,
    random::Random,
    s3_fifo::S3Fifo,
    sieve::Sieve,
    slru::Slru,
    two_q::TwoQ,
    w_tiny_lfu::{WTinyLfu, WTinyLfuAdaptive},
};
use crate::policy::{Hint, Insight, Policy};
use crate::slot::Slot;

/// Something that is done with a policy of whatever type it is; see [`AnyPolicy::visit`].
///
/// ```
/// use cache_policies::{AnyConfig, AnyPolicy, Policy, PolicyVisitor};
///
/// struct Room;
///
/// impl PolicyVisitor for Room {
///     type Output = u64;
///
///     // Compiled once for each policy, without a branch at each call.
///     fn visit<P: Policy + Clone + Send + Sync + 'static>(self, policy: P) -> u64 {
///         policy.capacity() - policy.weight()
///     }
/// }
///
/// let policy = AnyPolicy::new(100, &"lru".parse::<AnyConfig>()?)?;
/// assert_eq!(policy.visit(Room), 100);
/// # Ok::<(), Box<dyn std::error::Error>>(())
/// ```
pub trait PolicyVisitor {
    /// What comes of it.
    type Output;

    /// Does it with the policy.
    fn visit<P: Policy + Clone + Send + Sync + 'static>(self, policy: P) -> Self::Output;
}

macro_rules! any_policy {
    ($($(#[$doc:meta])+ $policy:ident $config:ident,)+) => {
        /// Any one of the policies, chosen at run time by an [`AnyConfig`]. A call costs one branch more.
        ///
        /// ```
        /// use cache_policies::{AnyConfig, AnyPolicy, Hint, Policy, Slot};
        ///
        /// let config: AnyConfig = "lru".parse()?;
        /// let mut policy = AnyPolicy::new(100, &config)?;
        /// policy.insert(Slot::new(0), 1, 1, Hint::NONE);
        /// assert_eq!(policy.evict(), Some(Slot::new(0)));
        /// # Ok::<(), Box<dyn std::error::Error>>(())
        /// ```
        #[derive(Clone, Debug)]
        #[non_exhaustive]
        pub enum AnyPolicy {
            $($(#[$doc])+ $policy($policy),)+
            /// TinyLFU before any of the others.
            TinyLfu(Box<TinyLfu<AnyPolicy>>),
        }

        impl AnyPolicy {
            /// Hands the policy, as the type that it is, to a visitor: what is done there costs no branch a call.
            pub fn visit<V: PolicyVisitor>(self, visitor: V) -> V::Output {
                match self {
                    $(AnyPolicy::$policy(policy) => visitor.visit(policy),)+
                    AnyPolicy::TinyLfu(policy) => visitor.visit(*policy),
                }
            }
        }

        $(impl From<$policy> for AnyPolicy {
            fn from(policy: $policy) -> Self {
                AnyPolicy::$policy(policy)
            }
        })+

        impl Policy for AnyPolicy {
            type Config = AnyConfig;

            fn new(capacity: u64, config: &AnyConfig) -> Result<Self, ConfigError> {
                Ok(match config {
                    $(AnyConfig::$policy(config) => $policy::new(capacity, config)?.into(),)+
                    AnyConfig::TinyLfu(config) if !config.policy().stands_behind() => {
                        return Err(refuse_behind(config.policy().to_string()));
                    }
                    AnyConfig::TinyLfu(config) => {
                        AnyPolicy::TinyLfu(Box::new(TinyLfu::new(capacity, config)?))
                    }
                })
            }

            fn is_offline(config: &AnyConfig) -> bool {
                match config {
                    $(AnyConfig::$policy(config) => $policy::is_offline(config),)+
                    AnyConfig::TinyLfu(config) => AnyPolicy::is_offline(config.policy()),
                }
            }

            #[inline]
            fn foresee(&mut self, distance: u64) {
                match self {
                    $(AnyPolicy::$policy(policy) => policy.foresee(distance),)+
                    AnyPolicy::TinyLfu(policy) => policy.foresee(distance),
                }
            }

            fn reserve(&mut self, slots: usize) {
                match self {
                    $(AnyPolicy::$policy(policy) => policy.reserve(slots),)+
                    AnyPolicy::TinyLfu(policy) => policy.reserve(slots),
                }
            }

            #[inline]
            fn miss(&mut self, hash: u64) -> Hint {
                match self {
                    $(AnyPolicy::$policy(policy) => policy.miss(hash),)+
                    AnyPolicy::TinyLfu(policy) => policy.miss(hash),
                }
            }

            #[inline]
            fn insert(&mut self, slot: Slot, hash: u64, weight: u32, hint: Hint) {
                match self {
                    $(AnyPolicy::$policy(policy) => policy.insert(slot, hash, weight, hint),)+
                    AnyPolicy::TinyLfu(policy) => policy.insert(slot, hash, weight, hint),
                }
            }

            #[inline]
            fn hit(&mut self, slot: Slot, hash: u64) {
                match self {
                    $(AnyPolicy::$policy(policy) => policy.hit(slot, hash),)+
                    AnyPolicy::TinyLfu(policy) => policy.hit(slot, hash),
                }
            }

            #[inline]
            fn victim(&mut self) -> Option<Slot> {
                match self {
                    $(AnyPolicy::$policy(policy) => policy.victim(),)+
                    AnyPolicy::TinyLfu(policy) => policy.victim(),
                }
            }

            #[inline]
            fn evict(&mut self) -> Option<Slot> {
                match self {
                    $(AnyPolicy::$policy(policy) => policy.evict(),)+
                    AnyPolicy::TinyLfu(policy) => policy.evict(),
                }
            }

            #[inline]
            fn try_touch(&self, slot: Slot) -> bool {
                match self {
                    $(AnyPolicy::$policy(policy) => policy.try_touch(slot),)+
                    AnyPolicy::TinyLfu(policy) => policy.try_touch(slot),
                }
            }

            #[inline]
            fn touches_max(&self) -> Option<u8> {
                match self {
                    $(AnyPolicy::$policy(policy) => policy.touches_max(),)+
                    AnyPolicy::TinyLfu(policy) => policy.touches_max(),
                }
            }

            #[inline]
            fn evict_touched<T: FnMut(Slot) -> u8>(&mut self, touches: T) -> Option<Slot> {
                match self {
                    $(AnyPolicy::$policy(policy) => policy.evict_touched(touches),)+
                    AnyPolicy::TinyLfu(policy) => policy.evict_touched(touches),
                }
            }

            #[inline]
            fn exchange_touched<T: FnMut(Slot) -> u8>(
                &mut self,
                slot: Slot,
                hash: u64,
                weight: u32,
                touches: T,
            ) -> Result<Slot, Hint> {
                match self {
                    $(AnyPolicy::$policy(policy) => {
                        policy.exchange_touched(slot, hash, weight, touches)
                    })+
                    AnyPolicy::TinyLfu(policy) => {
                        policy.exchange_touched(slot, hash, weight, touches)
                    }
                }
            }

            #[inline]
            fn overflow(&mut self) -> Option<Slot> {
                match self {
                    $(AnyPolicy::$policy(policy) => policy.overflow(),)+
                    AnyPolicy::TinyLfu(policy) => policy.overflow(),
                }
            }

            fn remove(&mut self, slot: Slot, remember: bool) {
                match self {
                    $(AnyPolicy::$policy(policy) => policy.remove(slot, remember),)+
                    AnyPolicy::TinyLfu(policy) => policy.remove(slot, remember),
                }
            }

            #[inline]
            fn weight_of(&self, slot: Slot) -> u32 {
                match self {
                    $(AnyPolicy::$policy(policy) => policy.weight_of(slot),)+
                    AnyPolicy::TinyLfu(policy) => policy.weight_of(slot),
                }
            }

            fn reweigh(&mut self, slot: Slot, weight: u32) {
                match self {
                    $(AnyPolicy::$policy(policy) => policy.reweigh(slot, weight),)+
                    AnyPolicy::TinyLfu(policy) => policy.reweigh(slot, weight),
                }
            }

            fn pin(&mut self, slot: Slot) {
                match self {
                    $(AnyPolicy::$policy(policy) => policy.pin(slot),)+
                    AnyPolicy::TinyLfu(policy) => policy.pin(slot),
                }
            }

            fn unpin(&mut self, slot: Slot) {
                match self {
                    $(AnyPolicy::$policy(policy) => policy.unpin(slot),)+
                    AnyPolicy::TinyLfu(policy) => policy.unpin(slot),
                }
            }

            #[inline]
            fn capacity(&self) -> u64 {
                match self {
                    $(AnyPolicy::$policy(policy) => policy.capacity(),)+
                    AnyPolicy::TinyLfu(policy) => policy.capacity(),
                }
            }

            fn set_capacity(&mut self, capacity: u64) {
                match self {
                    $(AnyPolicy::$policy(policy) => policy.set_capacity(capacity),)+
                    AnyPolicy::TinyLfu(policy) => policy.set_capacity(capacity),
                }
            }

            #[inline]
            fn weight(&self) -> u64 {
                match self {
                    $(AnyPolicy::$policy(policy) => policy.weight(),)+
                    AnyPolicy::TinyLfu(policy) => policy.weight(),
                }
            }

            #[inline]
            fn len(&self) -> usize {
                match self {
                    $(AnyPolicy::$policy(policy) => policy.len(),)+
                    AnyPolicy::TinyLfu(policy) => policy.len(),
                }
            }

            fn explain(&self, tell: &mut dyn FnMut(Insight)) {
                match self {
                    $(AnyPolicy::$policy(policy) => policy.explain(tell),)+
                    AnyPolicy::TinyLfu(policy) => policy.explain(tell),
                }
            }

            fn check(&self) {
                match self {
                    $(AnyPolicy::$policy(policy) => policy.check(),)+
                    AnyPolicy::TinyLfu(policy) => policy.check(),
                }
            }
        }
    };
}

for_each_policy!(any_policy);

impl From<TinyLfu<AnyPolicy>> for AnyPolicy {
    fn from(policy: TinyLfu<AnyPolicy>) -> Self {
        AnyPolicy::TinyLfu(Box::new(policy))
    }
}
