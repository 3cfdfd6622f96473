//! Lifetimes: the injected clock, and until when each slot lives.

use alloc::vec::Vec;

use crate::timer_wheel::{NEVER, TimerWheel};

/// The clock and the deadlines of a cache. A slot is dead from the tick of its deadline on.
#[derive(Clone, Debug)]
pub(crate) struct Lifetimes {
    /// The injected clock; never goes back.
    now: u64,
    /// Ticks that an entry lives unless it is told otherwise; `NEVER` is for ever.
    time_to_live: u64,
    /// Ticks that an entry lives after it was last used; `NEVER` is for ever.
    time_to_idle: u64,
    wheel: TimerWheel,
    /// By slot: the tick beyond which use does not put its deadline off. Empty unless there is a `time_to_idle`.
    limits: Vec<u64>,
}

impl Lifetimes {
    pub(crate) const fn new() -> Self {
        Self {
            now: 0,
            time_to_live: NEVER,
            time_to_idle: NEVER,
            wheel: TimerWheel::new(),
            limits: Vec::new(),
        }
    }

    pub(crate) const fn now(&self) -> u64 {
        self.now
    }

    pub(crate) const fn time_to_live(&self) -> u64 {
        self.time_to_live
    }

    pub(crate) const fn set_time_to_live(&mut self, ticks: u64) {
        self.time_to_live = ticks;
    }

    pub(crate) const fn time_to_idle(&self) -> u64 {
        self.time_to_idle
    }

    /// Changes the idle time; what it was. [`restart_idle`](Lifetimes::restart_idle) has to follow for each resident slot.
    pub(crate) const fn set_time_to_idle(&mut self, ticks: u64) -> u64 {
        core::mem::replace(&mut self.time_to_idle, ticks)
    }

    /// Starts the idle time of `slot` anew, after it was changed from `former`.
    pub(crate) fn restart_idle(&mut self, slot: u32, former: u64) {
        let limit = match former {
            NEVER => self.wheel.deadline(slot),
            _ => self.limits[slot as usize],
        };
        self.limit(slot, limit);
        if self.is_dead(slot) {
            return;
        }
        self.wheel
            .schedule(slot, limit.min(self.after(self.time_to_idle)));
    }

    /// Notes the tick beyond which use does not put a deadline off.
    fn limit(&mut self, slot: u32, limit: u64) {
        if self.time_to_idle == NEVER {
            return;
        }
        if self.limits.len() <= slot as usize {
            self.limits.resize(slot as usize + 1, NEVER);
        }
        self.limits[slot as usize] = limit;
    }

    /// Puts the deadline of `slot` off to where its use at `used_at` has put it.
    pub(crate) fn renew(&mut self, slot: u32, used_at: u64) {
        if self.time_to_idle == NEVER {
            return;
        }
        let deadline = self.deadline_after(slot, used_at);
        if deadline > self.wheel.deadline(slot) {
            self.wheel.schedule(slot, deadline);
        }
    }

    /// Gives `slot`, which was [popped](Lifetimes::pop_dead) but used at `used_at`, back to life, if its idle time runs on; whether
    /// it does. There is an idle time.
    pub(crate) fn resume(&mut self, slot: u32, used_at: u64) -> bool {
        let deadline = self.deadline_after(slot, used_at);
        let lives_on = deadline > self.now || deadline == NEVER;
        if lives_on {
            self.wheel.schedule(slot, deadline);
        }
        lives_on
    }

    /// When `slot` is dead if it was used last at `used_at`; there is an idle time.
    fn deadline_after(&self, slot: u32, used_at: u64) -> u64 {
        self.limits[slot as usize].min(used_at.saturating_add(self.time_to_idle))
    }

    /// Sets the clock; one that goes back stays where it is.
    pub(crate) fn advance_to(&mut self, now: u64) {
        self.now = self.now.max(now);
    }

    /// The tick `ticks` from now; what overflows is never.
    const fn after(&self, ticks: u64) -> u64 {
        self.now.saturating_add(ticks)
    }

    /// The slot's deadline; `NEVER` when it has none.
    pub(crate) fn deadline(&self, slot: u32) -> u64 {
        self.wheel.deadline(slot)
    }

    #[inline]
    pub(crate) fn is_dead(&self, slot: u32) -> bool {
        // `NEVER` is never reached, not even by a clock at its end.
        !self.wheel.is_empty() && {
            let deadline = self.wheel.deadline(slot);
            deadline <= self.now && deadline != NEVER
        }
    }

    /// Whether no entry that is there has a deadline, nor one that lives so many ticks from now on would have.
    #[inline]
    pub(crate) fn are_off(&self, time_to_live: u64) -> bool {
        time_to_live == NEVER && self.time_to_idle == NEVER && self.wheel.is_empty()
    }

    /// Whether an entry with this time to live would be dead from the start.
    pub(crate) const fn is_stillborn(&self, time_to_live: u64) -> bool {
        time_to_live == 0 || self.time_to_idle == 0
    }

    /// Starts the slot's life of `time_to_live` ticks.
    #[inline]
    pub(crate) fn start(&mut self, slot: u32, time_to_live: u64) {
        // Most caches have no lifetimes: they pay for these comparisons and nothing else.
        if !self.are_off(time_to_live) {
            self.start_timed(slot, time_to_live);
        }
    }

    #[cold]
    fn start_timed(&mut self, slot: u32, time_to_live: u64) {
        let limit = self.after(time_to_live);
        if self.time_to_idle == NEVER {
            self.wheel.schedule(slot, limit);
            return;
        }
        self.limit(slot, limit);
        self.wheel
            .schedule(slot, limit.min(self.after(self.time_to_idle)));
    }

    /// The slot was used: its idle time starts anew.
    #[inline]
    pub(crate) fn touch(&mut self, slot: u32) {
        if self.time_to_idle != NEVER {
            let limit = self.limits[slot as usize];
            self.wheel
                .schedule(slot, limit.min(self.after(self.time_to_idle)));
        }
    }

    /// The slot is vacant; whether it was dead.
    #[inline]
    pub(crate) fn end(&mut self, slot: u32) -> bool {
        !self.wheel.is_empty() && self.end_timed(slot)
    }

    #[cold]
    fn end_timed(&mut self, slot: u32) -> bool {
        let dead = self.is_dead(slot);
        self.wheel.cancel(slot);
        dead
    }

    /// The next slot that is dead; its life has ended.
    pub(crate) fn pop_dead(&mut self) -> Option<u32> {
        self.wheel.pop_due(self.now)
    }

    pub(crate) fn next_wakeup(&self) -> Option<u64> {
        self.wheel.next_wakeup()
    }

    pub(crate) fn check(&self) {
        self.wheel.check();
    }
}
