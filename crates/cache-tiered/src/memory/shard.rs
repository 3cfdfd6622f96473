//! One shard: entries that any thread reads without a lock, and, under a mutex, their residency and what is under way for
//! their keys.

use super::departed::Departed;
use super::flight::Flights;
use super::lives::{Lives, NEVER};
use super::locked::Locked;
use super::partition::Parted;
use super::places::Places;
use super::read::{
    Arena, HitBuffers, Pin, TOUCHES_MAX, Work, WriteToken, narrowed, pinned, pinned_for, widened,
};
use super::settings::Settings;
use super::sync::Mutex;
use cache_policies::{ConfigError, Policy, Residency};
use crossbeam::utils::CachePadded;
use hashbrown::Equivalent;
use std::sync::atomic::{AtomicU8, Ordering};

/// Entries may have limited lives, so readers ask the clock.
const TIMED: u8 = 1;
/// There are partitions, whose hits are counted.
const PARTED: u8 = 2;

/// What waits to be reclaimed may weigh this share of the shard's capacity.
const RETIRED_SHARE: u64 = 32;
/// Entries without weights that may wait in any shard; where that is more, a quarter of its capacity may.
const RETIRED_MIN: u64 = 8;

/// An entry. It never changes: an update is another one.
#[derive(Debug)]
pub(super) struct Node<K, V> {
    pub(super) key: K,
    pub(super) value: V,
}

/// ```text
///  a cache line   readers: attended, hits, table, the first entries
///  a cache line   the writer of the arena: vacant and retired slots
///  two lines      mutex, counts; what changes seldom
/// ```
/// What each change writes takes few lines, as each was written by another thread before, as often as not. The mutex and
/// what readers use are on lines apart.
#[repr(C)]
pub(super) struct Shard<K, V, P: Policy> {
    /// Where the policy has to hear of each hit: what readers have to tell. Elsewhere they count beside the entry.
    hits: Option<HitBuffers>,
    /// What readers have to see to beside a hit. Bits are set under the lock and never reset. Relaxed: `TIMED`, that some
    /// entry may have a limited life, is set before the first of them is shown, and whoever has found such an entry
    /// sees what was stored before it; `PARTED` is there from the beginning.
    attended: AtomicU8,
    pub(super) arena: Arena<Node<K, V>>,
    lives: Lives,
    state: CachePadded<Mutex<State<K, V, P>>>,
}

/// What readers read and what writers write are on lines of their own, each on one.
const _: () = {
    type Any = Shard<u64, u64, cache_policies::AnyPolicy>;
    let arena = std::mem::offset_of!(Any, arena);
    let written = arena + Arena::<Node<u64, u64>>::WRITTEN;
    assert!(arena + 32 <= 64 && (cfg!(cache_tiered_loom) || written % 64 <= 64 - 48));
    assert!(align_of::<Any>() >= 64);
};

/// What the mutex guards; what each change uses comes first.
#[repr(C)]
pub(super) struct State<K, V, P: Policy> {
    pub(super) token: WriteToken,
    pub(super) counts: Counts,
    /// The policy has room for slots below this; 0 with partitions, which see to that themselves.
    pub(super) reserved: u32,
    /// So much may wait to be reclaimed: weight, or without weights a number of entries. From [`retired_max`].
    pub(super) retired_max: u64,
    /// The weight of what waits to be reclaimed, where entries are weighed: not less than that, or little.
    pub(super) retired_weight: u64,
    pub(super) flights: Flights<K, V>,
    pub(super) places: Places,
    /// Slots are its own: `places` has those of the arena. With partitions it takes nothing.
    pub(super) residency: Residency<P>,
    pub(super) parted: Option<Box<Parted<P>>>,
    /// Copies of what left, for the listener.
    pub(super) departed: Departed<K, V>,
}

/// What happened in a shard, but for look-ups.
#[derive(Clone, Copy, Debug, Default)]
#[repr(C)]
pub(super) struct Counts {
    pub(super) inserts: u64,
    pub(super) evictions: u64,
    pub(super) updates: u64,
    pub(super) rejections: u64,
    pub(super) expirations: u64,
    pub(super) removals: u64,
    pub(super) cleared: u64,
}

/// How much may wait to be reclaimed in a shard of so much capacity.
pub(super) fn retired_max<K, V>(settings: &Settings<K, V>, capacity: u64) -> u64 {
    match settings.weigher {
        Some(_) => capacity / RETIRED_SHARE,
        None => RETIRED_MIN.max(capacity / 4),
    }
}

/// What a look-up found.
pub(super) enum Looked<R> {
    Hit(R),
    Miss,
    /// An entry whose time is over, which is a miss: it should leave.
    Over,
}

impl<K, V, P: Policy> Shard<K, V, P> {
    /// A shard of so much capacity.
    pub(super) fn new(
        capacity: u64,
        parted: Option<Parted<P>>,
        settings: &Settings<K, V>,
        config: &P::Config,
    ) -> Result<Self, ConfigError> {
        let own = match parted {
            None => Residency::new(P::new(capacity, config)?),
            Some(_) => Residency::new(P::new(0, config)?).with_max_entries(0),
        };
        let residency = own
            .with_time_to_live(settings.time_to_live)
            .with_time_to_idle(settings.time_to_idle)
            .with_now(settings.start);
        let expected = match settings.weigher {
            None => usize::try_from(capacity).unwrap_or(usize::MAX),
            Some(_) => 0,
        };
        // What is counted beside an entry goes no further than that.
        let counted = residency.policy().touches_max();
        let hits = match counted.is_some_and(|most| most <= TOUCHES_MAX) {
            true => None,
            false => Some(HitBuffers::new(settings.stripes)),
        };
        let is_timed = settings.time_to_live != NEVER || settings.time_to_idle != NEVER;
        let parted_bit = if parted.is_some() { PARTED } else { 0 };
        let attended = parted_bit | if is_timed { TIMED } else { 0 };
        let (arena, token) = Arena::new(expected);
        Ok(Self {
            arena,
            attended: AtomicU8::new(attended),
            hits,
            lives: Lives::new(settings.time_to_idle),
            state: CachePadded::new(Mutex::new(State {
                token,
                residency,
                parted: parted.map(Box::new),
                places: Places::default(),
                flights: Flights::new(),
                departed: Departed::default(),
                retired_weight: 0,
                retired_max: retired_max(settings, capacity),
                reserved: 0,
                counts: Counts::default(),
            })),
        })
    }
}

impl<K, V, P: Policy> Shard<K, V, P> {
    /// The shard, locked. Time does not pass by that.
    #[inline]
    pub(super) fn lock<'a>(&'a self, settings: &'a Settings<K, V>) -> Locked<'a, K, V, P> {
        Locked::new(settings, self, self.state.lock())
    }

    /// The shard, locked, unless somebody has it.
    pub(super) fn try_lock<'a>(
        &'a self,
        settings: &'a Settings<K, V>,
    ) -> Option<Locked<'a, K, V, P>> {
        Some(Locked::new(settings, self, self.state.try_lock()?))
    }

    /// Whether there are limited lives or partitions.
    #[inline(always)]
    pub(super) fn is_attended(&self) -> bool {
        self.attended.load(Ordering::Relaxed) != 0
    }

    #[inline]
    pub(super) fn is_timed(&self) -> bool {
        self.attended.load(Ordering::Relaxed) & TIMED != 0
    }

    /// For who has the lock: from now on entries may have limited lives.
    pub(super) fn set_timed(&self) {
        self.attended.fetch_or(TIMED, Ordering::Relaxed);
    }

    pub(super) const fn lives(&self) -> &Lives {
        &self.lives
    }

    /// Whether readers count hits beside the entries.
    #[inline(always)]
    pub(super) const fn counts_touches(&self) -> bool {
        self.hits.is_none()
    }

    /// The hash that the policy is told.
    #[inline(always)]
    pub(super) fn told(&self, hash: u64) -> u64 {
        match self.hits {
            None => hash,
            Some(_) => narrowed(hash),
        }
    }
}

impl<K, V, P: Policy> Shard<K, V, P> {
    /// Looks for a key without a lock. `read` runs pinned.
    #[inline(always)]
    pub(super) fn look<Q, R>(
        &self,
        settings: &Settings<K, V>,
        hash: u64,
        key: &Q,
        read: impl FnOnce(&V) -> R,
    ) -> Looked<R>
    where
        Q: Equivalent<K> + ?Sized,
    {
        pinned_for(LookUp {
            shard: self,
            settings,
            hash,
            key,
            read,
        })
    }

    /// What `look` makes of the value of a key, dead or alive, and of the slot that it is in, without a lock; nothing is
    /// counted or used.
    pub(super) fn peek<Q, R>(
        &self,
        hash: u64,
        key: &Q,
        look: impl FnOnce(&V, u32) -> R,
    ) -> Option<R>
    where
        Q: Equivalent<K> + ?Sized,
    {
        pinned(|pin| {
            let wanted = |node: &Node<K, V>| key.equivalent(&node.key);
            let found = self.arena.find(pin, hash, wanted)?;
            Some(look(&found.value, found.slot()))
        })
    }

    /// Tells the policy what readers have noted, if nobody has the lock: what is lost otherwise is a hint.
    #[cold]
    fn try_drain(&self) {
        if let Some(mut state) = self.state.try_lock() {
            self.drain(&mut state);
        }
    }

    /// Tells the policy what readers have noted.
    #[inline(always)]
    pub(super) fn drain(&self, state: &mut State<K, V, P>) {
        if let Some(hits) = &self.hits {
            self.drain_from(hits, state);
        }
    }

    #[inline(never)]
    fn drain_from(&self, hits: &HitBuffers, state: &mut State<K, V, P>) {
        let writer = self.arena.writer(&mut state.token);
        let (residency, parted) = (&mut state.residency, &mut state.parted);
        let places = &state.places;
        hits.drain(|slot, folded| {
            if writer.holds(slot, folded) {
                let (place, told) = (places.policy(slot), widened(folded));
                match parted {
                    None => residency.hit(place, told),
                    Some(parted) => parted.all_mut().hit(place, told),
                }
            }
        });
    }
}

/// A look-up that counts.
struct LookUp<'a, K, V, P: Policy, Q: ?Sized, F> {
    shard: &'a Shard<K, V, P>,
    settings: &'a Settings<K, V>,
    hash: u64,
    key: &'a Q,
    read: F,
}

impl<K, V, P, Q, R, F> Work for LookUp<'_, K, V, P, Q, F>
where
    P: Policy,
    Q: Equivalent<K> + ?Sized,
    F: FnOnce(&V) -> R,
{
    type Output = Looked<R>;

    #[inline(always)]
    fn run(self, pin: &Pin) -> Looked<R> {
        let Self {
            shard,
            settings,
            hash,
            key,
            read,
        } = self;
        let wanted = |node: &Node<K, V>| key.equivalent(&node.key);
        let Some(found) = shard.arena.find(pin, hash, wanted) else {
            settings.tally.miss(pin.number());
            return Looked::Miss;
        };
        // After it was found: see the field.
        if shard.is_attended() && !shard.attend(settings, pin.number(), found.slot(), &found.key) {
            settings.tally.miss(pin.number());
            return Looked::Over;
        }
        match &shard.hits {
            None => found.touch(),
            Some(hits) => {
                if hits.push(pin.number(), found.slot(), hash) {
                    shard.try_drain();
                }
            }
        }
        settings.tally.hit(pin.number());
        Looked::Hit(read(&found.value))
    }
}

impl<K, V, P: Policy> Shard<K, V, P> {
    /// Sees to what there is beside a hit of a thread that is pinned with this number. False: the entry is over.
    #[inline(never)]
    fn attend(&self, settings: &Settings<K, V>, thread: usize, slot: u32, key: &K) -> bool {
        if self.is_timed() && !self.touch_alive(settings, slot) {
            return false;
        }
        if let Some(partitioning) = &settings.partitioning {
            partitioning.hit(thread, key);
        }
        true
    }

    /// Whether the entry that was found in a slot is alive; it is used then. For whoever is pinned.
    fn touch_alive(&self, settings: &Settings<K, V>, slot: u32) -> bool {
        let now = settings.clock.now();
        let alive = !self.lives.is_over(slot, now);
        if alive {
            self.lives.touch(slot, now);
        }
        alive
    }
}
