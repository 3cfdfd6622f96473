//! The naive model of CLOCK-Pro: one clock with all pages on it, as the paper draws it.

use super::Model;

#[derive(Copy, Clone, PartialEq, Eq, Debug)]
enum State {
    Hot,
    Cold,
    Departed,
}

#[derive(Clone, Debug)]
struct Page {
    slot: u32,
    hash: u64,
    weight: u64,
    stamp: u64,
    state: State,
    referenced: bool,
    in_test: bool,
}

pub(crate) struct ClockProModel {
    cold: f64,
    ghost: f64,
    capacity: u64,
    /// The page that has not moved for longest first.
    clock: Vec<Page>,
    pinned: Vec<Page>,
    now: u64,
    cold_share: u64,
    has_evicted: bool,
}

impl ClockProModel {
    pub(crate) fn new(cold: f64, ghost: f64, capacity: u64) -> Self {
        let mut model = ClockProModel {
            cold,
            ghost,
            capacity,
            clock: Vec::new(),
            pinned: Vec::new(),
            now: 0,
            cold_share: 0,
            has_evicted: false,
        };
        model.set_capacity(capacity);
        model
    }

    fn cold_min(&self) -> u64 {
        let least = (self.capacity as f64 * self.cold) as u64;
        least.max(1).min(self.capacity)
    }

    fn adjust(&mut self, weight: u64, up: bool) {
        let (least, most) = (self.cold_min(), self.capacity - self.cold_min());
        let wanted = if up {
            self.cold_share + weight
        } else {
            self.cold_share.saturating_sub(weight)
        };
        self.cold_share = wanted.min(most.max(least)).max(least);
    }

    fn position(&self, slot: u32) -> Option<usize> {
        let is_it = |page: &Page| page.slot == slot && page.state != State::Departed;
        self.clock.iter().position(is_it)
    }

    fn oldest(&self, state: State) -> Option<usize> {
        self.clock.iter().position(|page| page.state == state)
    }

    fn weight(&self, state: State) -> u64 {
        let pages = self.clock.iter().filter(|page| page.state == state);
        pages.map(|page| page.weight).sum()
    }

    fn move_to_head(&mut self, mut page: Page) {
        page.stamp = self.now;
        self.now += 1;
        self.clock.push(page);
    }

    fn run_hot_hand(&mut self) -> bool {
        while let Some(at) = self.oldest(State::Hot) {
            let mut page = self.clock.remove(at);
            let spared = page.referenced;
            page.referenced = false;
            if !spared {
                page.state = State::Cold;
                page.in_test = false;
            }
            self.move_to_head(page);
            if !spared {
                return true;
            }
        }
        false
    }

    fn end_tests_behind_the_hot_hand(&mut self) {
        let Some(hand) = self.oldest(State::Hot) else {
            return;
        };
        let passed: Vec<Page> = self.clock.drain(..hand).collect();
        let (departed, cold): (Vec<Page>, Vec<Page>) = passed
            .into_iter()
            .partition(|page| page.state == State::Departed);
        for page in departed {
            self.adjust(page.weight, false);
        }
        for (at, mut page) in cold.into_iter().enumerate() {
            if page.in_test {
                self.adjust(page.weight, page.referenced);
            }
            page.in_test = false;
            self.clock.insert(at, page);
        }
    }

    fn promote(&mut self, mut page: Page) {
        page.referenced = false;
        if page.weight > self.capacity - self.cold_share {
            page.state = State::Cold;
            page.in_test = true;
            return self.move_to_head(page);
        }
        page.state = State::Hot;
        self.move_to_head(page);
        let mut moved = false;
        while self.weight(State::Hot) > self.capacity - self.cold_share && self.run_hot_hand() {
            moved = true;
        }
        if moved {
            self.end_tests_behind_the_hot_hand();
        }
    }

    fn depart(&mut self, mut page: Page) {
        page.weight = page.weight.max(1);
        let limit = (self.capacity as f64 * self.ghost) as u64;
        if page.state != State::Cold || !page.in_test || page.weight > limit {
            return;
        }
        page.state = State::Departed;
        let departed = self
            .clock
            .iter()
            .filter(|page| page.state == State::Departed);
        let newest = departed.map(|page| page.stamp).max();
        page.stamp = page.stamp.max(newest.unwrap_or(0));
        let at = self.clock.iter().position(|other| other.stamp > page.stamp);
        self.clock.insert(at.unwrap_or(self.clock.len()), page);
        self.run_test_hand(limit);
    }

    fn run_test_hand(&mut self, limit: u64) {
        while self.weight(State::Departed) > limit {
            let at = self.oldest(State::Departed).unwrap();
            let page = self.clock.remove(at);
            self.adjust(page.weight, false);
        }
    }

    fn page(&mut self, slot: u32) -> &mut Page {
        match self.position(slot) {
            Some(at) => &mut self.clock[at],
            None => self
                .pinned
                .iter_mut()
                .find(|page| page.slot == slot)
                .unwrap(),
        }
    }
}

impl Model for ClockProModel {
    fn miss(&mut self, hash: u64) -> bool {
        let is_it = |page: &Page| page.hash == hash && page.state == State::Departed;
        let Some(at) = self.clock.iter().position(is_it) else {
            return false;
        };
        let page = self.clock.remove(at);
        self.adjust(page.weight, true);
        true
    }

    fn insert(&mut self, slot: u32, hash: u64, weight: u32, remembered: bool) {
        let mut page = Page {
            slot,
            hash,
            weight: u64::from(weight),
            stamp: 0,
            state: State::Cold,
            referenced: false,
            in_test: true,
        };
        if remembered {
            return self.promote(page);
        }
        let hot = self.weight(State::Hot) + page.weight;
        if !self.has_evicted && hot <= self.capacity - self.cold_share {
            page.state = State::Hot;
        }
        self.move_to_head(page);
    }

    fn hit(&mut self, slot: u32) {
        self.page(slot).referenced = true;
    }

    fn evict(&mut self) -> Option<u32> {
        loop {
            let Some(at) = self.oldest(State::Cold) else {
                if !self.run_hot_hand() {
                    return None;
                }
                self.end_tests_behind_the_hot_hand();
                continue;
            };
            let mut page = self.clock.remove(at);
            if !page.referenced {
                self.has_evicted = true;
                let slot = page.slot;
                self.depart(page);
                return Some(slot);
            }
            if page.in_test {
                self.adjust(page.weight, true);
                self.promote(page);
            } else {
                page.referenced = false;
                page.in_test = true;
                self.move_to_head(page);
            }
        }
    }

    fn remove(&mut self, slot: u32, remember: bool) {
        let page = match self.position(slot) {
            Some(at) => self.clock.remove(at),
            None => {
                let at = self.pinned.iter().position(|page| page.slot == slot);
                self.pinned.remove(at.unwrap())
            }
        };
        if remember {
            self.depart(page);
        }
    }

    fn reweigh(&mut self, slot: u32, weight: u32) {
        self.page(slot).weight = u64::from(weight);
    }

    fn pin(&mut self, slot: u32) {
        if let Some(at) = self.position(slot) {
            let page = self.clock.remove(at);
            self.pinned.push(page);
        }
    }

    fn unpin(&mut self, slot: u32) {
        if let Some(at) = self.pinned.iter().position(|page| page.slot == slot) {
            let page = self.pinned.remove(at);
            self.move_to_head(page);
        }
    }

    fn set_capacity(&mut self, capacity: u64) {
        self.capacity = capacity;
        self.adjust(0, true);
        self.run_test_hand((capacity as f64 * self.ghost) as u64);
    }
}
