//! The vote: when what another mode would have missed less outweighs a change.

use super::mode::DuelMode;

/// A lead has to be more than this share of a miniature's entries.
const LEAD_SHARE: f64 = 0.3;
/// And more than so many misses.
const LEAD_MIN: f64 = 10.0;
/// What each change adds to the lead that the next one needs, as a share of that.
const PRICE: f64 = 0.3;
/// What changes have added is less by a factor of e after so many samples for each entry of a miniature.
const FORGETTING: f64 = 100.0;

/// Sums up how much less each mode misses than the current one, not below nothing: the CUSUM test (E. S. Page, "Continuous
/// inspection schemes", Biometrika 41, 1954). A mode whose lead is large enough becomes the current one; each change makes
/// the next one dearer for a while.
#[derive(Clone, Debug)]
pub(super) struct Controller {
    /// The entries of a miniature.
    entries: f64,
    samples: u64,
    changed_at: u64,
    price: f64,
    /// By the index of the mode.
    leads: [u32; DuelMode::ALL.len()],
}

impl Controller {
    /// For miniatures of so many entries.
    pub(super) fn new(entries: f64) -> Self {
        Controller {
            entries,
            samples: 0,
            changed_at: 0,
            price: 0.0,
            leads: [0; DuelMode::ALL.len()],
        }
    }

    /// As it was made for.
    pub(super) fn entries(&self) -> f64 {
        self.entries
    }

    /// Notes which miniatures have missed a sampled request, by the bits of the indices of their modes; the mode that is to be
    /// the current one from now on, if it is another.
    #[inline]
    pub(super) fn vote(&mut self, current: DuelMode, missed: u8) -> Option<DuelMode> {
        self.samples += 1;
        if missed == 0 || missed == DuelMode::EVERY {
            return None;
        }
        let ours = missed >> current.index() & 1;
        let (mut best, mut most) = (current, 0);
        for mode in DuelMode::ALL {
            let lead = &mut self.leads[mode.index()];
            *lead = match (ours, missed >> mode.index() & 1) {
                (1, 0) => *lead + 1,
                (0, 1) => lead.saturating_sub(1),
                _ => *lead,
            };
            if *lead > most {
                (best, most) = (mode, *lead);
            }
        }
        let needed = (LEAD_SHARE * self.entries).max(LEAD_MIN);
        if f64::from(most) <= needed {
            return None;
        }
        self.decide(best, f64::from(most), needed)
    }

    #[cold]
    fn decide(&mut self, best: DuelMode, lead: f64, needed: f64) -> Option<DuelMode> {
        let passed = (self.samples - self.changed_at) as f64;
        let price = self.price * libm::exp(-passed / (FORGETTING * self.entries));
        if lead <= needed * (1.0 + PRICE * price) {
            return None;
        }
        self.price = 1.0 + price;
        self.changed_at = self.samples;
        self.leads = [0; DuelMode::ALL.len()];
        Some(best)
    }
}

#[cfg(test)]
mod tests {
    use super::Controller;
    use crate::eviction::duel::mode::DuelMode;

    /// How many samples in a row in which only the current mode misses lead to a change.
    fn samples_to_change(controller: &mut Controller, current: DuelMode) -> u32 {
        let others = DuelMode::EVERY & !(1 << DuelMode::Lru.index());
        (1..=1_000)
            .find(|_| controller.vote(current, others).is_some())
            .unwrap()
    }

    #[test]
    fn a_change_needs_a_lead_and_the_next_one_a_larger_one() {
        // 0.3 of 100 entries, and 30% more at once after a change.
        let mut controller = Controller::new(100.0);
        assert_eq!(samples_to_change(&mut controller, DuelMode::Half), 31);
        assert_eq!(samples_to_change(&mut controller, DuelMode::Half), 39);
        // 10,000 samples later a factor of e is gone: 1 + 0.3 * (1 + 1) / e, nearly.
        for _ in 0..10_000 {
            assert_eq!(controller.vote(DuelMode::Half, DuelMode::EVERY), None);
        }
        assert_eq!(samples_to_change(&mut controller, DuelMode::Half), 37);
        // Of few entries, 10 misses at least.
        assert_eq!(
            samples_to_change(&mut Controller::new(1.0), DuelMode::Half),
            11
        );
    }

    #[test]
    fn a_lead_is_lost_by_misses_that_the_current_mode_does_not_have() {
        let mut controller = Controller::new(1.0);
        let only = |mode: DuelMode| 1 << mode.index();
        for _ in 0..100 {
            // Both are as good.
            let one = controller.vote(DuelMode::Mixed, only(DuelMode::Mixed));
            let other = controller.vote(DuelMode::Mixed, DuelMode::EVERY & !only(DuelMode::Mixed));
            assert_eq!((one, other), (None, None));
        }
        let current = |_| controller.vote(DuelMode::Mixed, only(DuelMode::Mixed));
        assert_eq!((0..11).find_map(current), Some(DuelMode::Frequency));
    }
}
