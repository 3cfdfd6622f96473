//! The contract between a policy, which orders slots, and the owner of the entries in them.

use core::fmt;

use crate::error::ConfigError;
use crate::marks::Untold;
use crate::slot::Slot;

/// What a policy said about a missed key, to be handed back with the insert that follows.
///
/// A policy with a memory of departed keys (a ghost) answers from it in [`Policy::miss`]; the owner passes
/// the answer on unread. [`Hint::NONE`], the default, says that nothing is known of the key: an owner that
/// inserts without having asked passes that.
///
/// ```
/// use cache_policies::{Hint, Lru, LruConfig, Policy};
///
/// let mut lru = Lru::new(100, &LruConfig::default())?;
/// assert_eq!(lru.miss(0x9e37_79b9_7f4a_7c15), Hint::NONE);
/// # Ok::<(), cache_policies::ConfigError>(())
/// ```
#[derive(Copy, Clone, PartialEq, Eq, Hash, Debug, Default)]
pub struct Hint(u32);

impl Hint {
    /// Nothing is known of the key.
    pub const NONE: Hint = Hint(0);

    /// A hint that carries these bits. What they mean is up to the policy that made it; 0 is [`Hint::NONE`].
    #[inline]
    #[must_use]
    pub const fn from_bits(bits: u32) -> Self {
        Hint(bits)
    }

    /// The bits that [`Hint::from_bits`] was given.
    #[inline]
    #[must_use]
    pub const fn bits(self) -> u32 {
        self.0
    }
}

/// Which entry goes next: an order of the slots that an owner has filled, without a key or a value in it.
///
/// # The owner's loop
/// A request looks its key up in the owner's index, and then
/// ```text
/// found at slot    policy.hit(slot, hash)
/// not found        hint = policy.miss(hash)
///                  if weight <= policy.capacity():
///                      while policy.weight() + weight > policy.capacity():
///                          policy.evict() names a slot: drop its entry (None: all is pinned, refuse)
///                      policy.insert(slot, hash, weight, hint)
/// ```
/// The policy counts weights but enforces nothing: it is the owner who evicts before an insert, after
/// [`reweigh`](Policy::reweigh) and after [`set_capacity`](Policy::set_capacity).
///
/// # Slots
/// A slot is *resident* from `insert` until `evict` returns it or `remove` is called on it. While resident it
/// is either *linked*, that is: can be evicted, or *pinned*. Calls on a slot that is not resident are
/// mistakes of the owner; see Panics at each method.
///
/// # Hashes
/// `hash` is the same number whenever the same key is meant, spread well over all 64 bits; where keys come
/// from others it should be seeded. Policies that remember departed keys remember hashes: two keys with one
/// hash are one key to them, which costs hit ratio and nothing else.
///
/// # Weights
/// The weight of an entry is a `u32`, the sum a `u64`; the unit is the owner's (1 an entry, bytes, ...). A weight of 0
/// is allowed: the entry is resident and takes no room. A capacity of 0 is allowed as well: such an owner inserts
/// nothing (or nothing but entries of weight 0).
pub trait Policy {
    /// The policy's parameters; the default is that of the paper.
    type Config: Clone + Default + fmt::Debug;

    /// An empty policy for entries of this total weight.
    ///
    /// # Errors
    /// [`ConfigError`] if a parameter is outside of its range.
    fn new(capacity: u64, config: &Self::Config) -> Result<Self, ConfigError>
    where
        Self: Sized;

    /// Whether a policy with these parameters must be told the future ([`foresee`](Policy::foresee)). `false` by default.
    #[must_use]
    fn is_offline(config: &Self::Config) -> bool
    where
        Self: Sized,
    {
        let _ = config;
        false
    }

    /// Tells a policy that knows the future when the key of the request that follows is asked for next: in so many
    /// requests, `u64::MAX` for never. Call it before each [`hit`](Policy::hit) and [`miss`](Policy::miss), in
    /// simulations; all other policies ignore it.
    #[inline]
    fn foresee(&mut self, distance: u64) {
        let _ = distance;
    }

    /// Makes room for slots below `slots`, so that the columns of the policy are not longer than what their owner needs. A
    /// policy that is not told grows by itself, an eighth at a time. The default does nothing.
    #[inline]
    fn reserve(&mut self, slots: usize) {
        let _ = slots;
    }

    /// Tells of a request for a key that is not resident: call it exactly once a miss, before evicting for it.
    ///
    /// The hint belongs to the insert of this key, if one follows. Where the policy had remembered the key, it has
    /// forgotten it now.
    fn miss(&mut self, hash: u64) -> Hint;

    /// Makes a slot resident and linked. Evicts nothing.
    ///
    /// # Panics
    /// If the slot is resident, or above [`Slot::MAX`].
    fn insert(&mut self, slot: Slot, hash: u64, weight: u32, hint: Hint);

    /// Tells of a request for a resident entry, linked or pinned.
    ///
    /// # Panics
    /// May panic if the slot is not resident; otherwise the call means nothing then.
    fn hit(&mut self, slot: Slot, hash: u64);

    /// Names the slot that an eviction now would take; `None` if nothing is linked (empty, or all pinned).
    ///
    /// Nothing leaves, but the work of finding it may be done once and for all: hands turn, entries move up, lots are
    /// drawn. So [`evict`](Policy::evict) may take another one after that; to let this one go, call
    /// [`remove`](Policy::remove) and let it be remembered. For owners that compare the victim with something else
    /// first, as an admission filter does.
    fn victim(&mut self) -> Option<Slot>;

    /// Picks the next victim and makes it non-resident; `None` if nothing is linked (empty, or all pinned).
    ///
    /// A policy with ghosts remembers the victim as its paper says. The work of one call is bounded by the number
    /// of linked entries; each policy states its amortised cost.
    #[inline]
    fn evict(&mut self) -> Option<Slot> {
        let victim = self.victim()?;
        self.remove(victim, true);
        Some(victim)
    }

    /// Tells of a hit through a shared reference, as [`SharedHit::touch`] does; `false`, and nothing was told, if the policy
    /// needs [`hit`](Policy::hit) for it, as most do.
    ///
    /// # Panics
    /// May panic if the slot is not resident.
    #[inline]
    #[must_use = "where this is false, the hit is not recorded yet"]
    fn try_touch(&self, slot: Slot) -> bool {
        let _ = slot;
        false
    }

    /// Whether an owner may count hits itself and tell of them when the policy looks at the entry
    /// ([`evict_touched`](Policy::evict_touched)), and up to how many: more hits between two looks are as good as so many.
    /// 0 says that hits mean nothing. `None`, the default, says that the policy has to hear of each hit by
    /// [`hit`](Policy::hit).
    ///
    /// ```
    /// use cache_policies::{AnyConfig, AnyPolicy, Policy};
    ///
    /// let touches_max = |name: &str| AnyPolicy::new(10, &name.parse::<AnyConfig>().unwrap()).unwrap().touches_max();
    /// assert_eq!(touches_max("fifo"), Some(0));
    /// assert_eq!(touches_max("sieve"), Some(1));
    /// assert_eq!(touches_max("s3-fifo"), Some(3));
    /// // Hits in the newest part of the small queue do not count: the policy has to know when they came.
    /// assert_eq!(touches_max("clock2q+"), None);
    /// assert_eq!(touches_max("lru"), None);
    /// ```
    #[inline]
    fn touches_max(&self) -> Option<u8> {
        None
    }

    /// [`evict`](Policy::evict) for an owner that counts hits itself: where the policy looks whether an entry was hit,
    /// it asks `touches` for the hits that were counted and not told yet, which begin anew with that.
    ///
    /// Where [`touches_max`](Policy::touches_max) says so, and the counts go as far as it says, this evicts what
    /// [`evict`](Policy::evict) would if each hit had been told at once. Other policies ask nothing. `touches` may go on
    /// to count while this runs: it is listened to for at most as many entries with hits as are linked.
    ///
    /// ```
    /// use cache_policies::{Hint, Policy, Sieve, SieveConfig, Slot};
    ///
    /// let mut sieve = Sieve::new(2, &SieveConfig::default())?;
    /// sieve.insert(Slot::new(0), 10, 1, Hint::NONE);
    /// sieve.insert(Slot::new(1), 11, 1, Hint::NONE);
    /// let mut counts = [1, 0];
    /// let victim = sieve.evict_touched(|slot| std::mem::take(&mut counts[slot.index()]));
    /// assert_eq!(victim, Some(Slot::new(1)));
    /// # Ok::<(), cache_policies::ConfigError>(())
    /// ```
    fn evict_touched<T: FnMut(Slot) -> u8>(&mut self, touches: T) -> Option<Slot>
    where
        Self: Sized,
    {
        if matches!(self.touches_max(), None | Some(0)) {
            return self.evict();
        }
        let mut untold = Untold::new(touches, self.len());
        loop {
            let victim = self.victim()?;
            let touches = untold.take(victim);
            if touches == 0 || !self.try_touch(victim) {
                self.remove(victim, true);
                return Some(victim);
            }
            for _ in 1..touches {
                let _ = self.try_touch(victim);
            }
        }
    }

    /// [`miss`](Policy::miss), [`evict_touched`](Policy::evict_touched) and [`insert`](Policy::insert), one after the other:
    /// what an owner that is full does for each new entry, as one call. The victim; or the hint of the miss, and nothing was
    /// inserted, if nothing is linked. The new slot is another one than the victim, and vacant.
    ///
    /// ```
    /// use cache_policies::{Hint, Lru, LruConfig, Policy, Slot};
    ///
    /// let mut lru = Lru::new(1, &LruConfig::default())?;
    /// assert_eq!(lru.exchange_touched(Slot::new(1), 11, 1, |_| 0), Err(Hint::NONE));
    /// lru.insert(Slot::new(0), 10, 1, Hint::NONE);
    /// assert_eq!(lru.exchange_touched(Slot::new(1), 11, 1, |_| 0), Ok(Slot::new(0)));
    /// assert_eq!((lru.len(), lru.weight()), (1, 1));
    /// # Ok::<(), cache_policies::ConfigError>(())
    /// ```
    ///
    /// # Errors
    /// The hint of the miss.
    ///
    /// # Panics
    /// As [`insert`](Policy::insert).
    #[inline]
    fn exchange_touched<T: FnMut(Slot) -> u8>(
        &mut self,
        slot: Slot,
        hash: u64,
        weight: u32,
        touches: T,
    ) -> Result<Slot, Hint>
    where
        Self: Sized,
    {
        let hint = self.miss(hash);
        let victim = self.evict_touched(touches).ok_or(hint)?;
        self.insert(slot, hash, weight, hint);
        Ok(victim)
    }

    /// Evicts an entry that a queue of the policy has no room for, although there is room in the whole; `None` where there
    /// is none, as always in policies whose queues have no limits of their own.
    ///
    /// Call it until that, after each [`hit`](Policy::hit) and [`insert`](Policy::insert), to have exactly the misses of
    /// the reference simulator, in which hits evict. An owner that does not keeps such entries until it needs the room:
    /// they are the next that `evict` names, unless they are hit before that.
    #[inline]
    fn overflow(&mut self) -> Option<Slot> {
        None
    }

    /// Makes a slot, linked or pinned, non-resident because its owner drops or replaces the entry.
    ///
    /// With `remember`, the policy treats the key as an eviction would have at that place (it may enter the ghost);
    /// without, it forgets it: right for an entry that is invalid, such as an expired or deleted one.
    ///
    /// # Panics
    /// If the slot is not resident.
    fn remove(&mut self, slot: Slot, remember: bool);

    /// The weight of a resident slot, as it was inserted or last reweighed, so that owners need not keep it too.
    ///
    /// # Panics
    /// If the slot is not resident.
    fn weight_of(&self, slot: Slot) -> u32;

    /// Changes the weight of a resident slot; its place in the order stays.
    ///
    /// # Panics
    /// If the slot is not resident.
    fn reweigh(&mut self, slot: Slot, weight: u32);

    /// Takes a resident slot out of the order, so that `evict` neither returns it nor passes over it.
    ///
    /// Its weight goes on to count. Pinning a pinned slot changes nothing: owners that need a count keep it.
    ///
    /// # Panics
    /// If the slot is not resident.
    fn pin(&mut self, slot: Slot);

    /// Puts a pinned slot back into the order: at the newest end of the queue that it was pinned in, with the marks
    /// of the hits that it had before and while it was pinned. On a linked slot it does nothing.
    ///
    /// # Panics
    /// If the slot is not resident.
    fn unpin(&mut self, slot: Slot);

    /// The total weight that the policy divides among its queues.
    fn capacity(&self) -> u64;

    /// Changes the capacity and what follows from it (shares, ghost). Evicts no resident entry.
    fn set_capacity(&mut self, capacity: u64);

    /// The weight of all resident entries, pinned ones included.
    fn weight(&self) -> u64;

    /// The number of resident entries, pinned ones included.
    fn len(&self) -> usize;

    /// Whether nothing is resident.
    #[inline]
    fn is_empty(&self) -> bool {
        self.len() == 0
    }

    /// Tells what the policy has found out about its requests, and does about it; nothing by default, and from policies that do
    /// not adapt. The same names in the same order each time.
    fn explain(&self, tell: &mut dyn FnMut(Insight)) {
        let _ = tell;
    }

    /// Asserts every invariant, for tests. Takes time in proportion to the highest slot ever used.
    ///
    /// # Panics
    /// If an invariant does not hold, which is a defect of the policy.
    fn check(&self);
}

/// Something that a policy has found out about its requests, for people and plots: see [`Policy::explain`].
///
/// ```
/// use cache_policies::{AnyConfig, AnyPolicy, Insight, Policy};
///
/// let policy = AnyPolicy::new(100, &"duel".parse::<AnyConfig>()?)?;
/// let mut mode = None;
/// policy.explain(&mut |insight| {
///     if let Insight::Choice { name: "mode", chosen, of } = insight {
///         mode = Some(of[chosen]);
///     }
/// });
/// assert_eq!(mode, Some("i"));
/// # Ok::<(), Box<dyn std::error::Error>>(())
/// ```
#[derive(Copy, Clone, PartialEq, Debug)]
#[non_exhaustive]
pub enum Insight {
    /// It behaves in one of several ways.
    Choice {
        /// What is chosen.
        name: &'static str,
        /// Which one is at present, as an index of `of`.
        chosen: usize,
        /// The names of all.
        of: &'static [&'static str],
    },
    /// What is so much of a whole at present, from 0 to 1.
    Share {
        /// What has the share.
        name: &'static str,
        /// The share.
        share: f64,
    },
    /// Events among others since the policy was made: the ratio of two differences is that of the time between.
    Ratio {
        /// What is counted.
        name: &'static str,
        /// The events.
        part: u64,
        /// All of them.
        whole: u64,
    },
}

/// A policy whose hits need no exclusive access: many threads may report hits under a shared lock.
///
/// The order of events between a `touch` and a call that takes `&mut self` comes from whatever gave out the two kinds
/// of reference, so the mark itself is a relaxed atomic, and is stored only where it changes: hits on a hot entry share
/// its cache line without writing to it. Two touches of one entry at the same moment may count as one.
///
/// ```
/// use cache_policies::{Clock, ClockConfig, Hint, Policy, SharedHit, Slot};
///
/// let mut clock = Clock::new(2, &ClockConfig::default())?;
/// clock.insert(Slot::new(0), 10, 1, Hint::NONE);
/// clock.insert(Slot::new(1), 11, 1, Hint::NONE);
/// let shared = &clock;
/// std::thread::scope(|scope| {
///     scope.spawn(|| shared.touch(Slot::new(0)));
/// });
/// assert_eq!(clock.evict(), Some(Slot::new(1)));
/// # Ok::<(), cache_policies::ConfigError>(())
/// ```
pub trait SharedHit: Policy {
    /// Tells of a request for a resident entry, as [`Policy::hit`] does.
    ///
    /// # Panics
    /// May panic if the slot is not resident; otherwise the call means nothing then.
    fn touch(&self, slot: Slot);
}
