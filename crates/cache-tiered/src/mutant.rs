//! The switch of deliberate faults, by which loom models prove that they would see a real one.
//!
//! A module with models lists its faults in an enum `Mutant` and has its switch made by [`mutant_switch!`]. In a normal build
//! `active` is `false` and `weaken` gives back the ordering it was given, both at compile time. Under loom a model chooses one
//! fault for its run; the model must then fail.

/// Makes `active` and, under loom, `choose` for the `Mutant` that stands beside it, each visible as told; with `weaken` also what
/// makes an ordering Relaxed.
macro_rules! mutant_switch {
    ($visible:vis) => {
        #[cfg(not(cache_tiered_loom))]
        #[inline(always)]
        $visible const fn active(_: Mutant) -> bool {
            false
        }

        #[cfg(cache_tiered_loom)]
        ::std::thread_local! {
            // std's: loom runs all threads of a model on the thread that started it.
            static CHOSEN: ::std::cell::Cell<Option<Mutant>> = const { ::std::cell::Cell::new(None) };
        }

        #[cfg(cache_tiered_loom)]
        $visible fn active(mutant: Mutant) -> bool {
            CHOSEN.get() == Some(mutant)
        }

        /// Switches `mutant` on for the models that this thread runs, or all off.
        #[cfg(all(test, cache_tiered_loom))]
        $visible fn choose(mutant: Option<Mutant>) {
            CHOSEN.set(mutant);
        }
    };
    ($visible:vis, weaken $ordering:path) => {
        $crate::mutant::mutant_switch!($visible);

        /// `ordering`, or Relaxed when `mutant` is on.
        #[inline(always)]
        $visible fn weaken(ordering: $ordering, mutant: Mutant) -> $ordering {
            if active(mutant) {
                <$ordering>::Relaxed
            } else {
                ordering
            }
        }
    };
}

pub(crate) use mutant_switch;
