//! One run of a model: how far it goes, and how many executions it took.

use std::cell::Cell;

/// How far loom goes.
#[derive(Copy, Clone, Debug)]
pub enum Bound {
    /// Every interleaving.
    Unbounded,
    /// Every interleaving with so many forced switches of thread.
    Preemptions(usize),
}

thread_local! {
    /// Of the running model; loom runs all of its threads on the one that started it.
    static EXECUTIONS: Cell<u64> = const { Cell::new(0) };
}

/// Executions that the model of this thread has begun.
pub(crate) fn executions() -> u64 {
    EXECUTIONS.get()
}

/// Runs `model` in every interleaving within `bound`. Panics at the first that fails.
pub(crate) fn explore(bound: Bound, model: fn()) {
    let mut builder = ::loom::model::Builder::new();
    builder.preemption_bound = match bound {
        Bound::Unbounded => None,
        Bound::Preemptions(most) => builder.preemption_bound.or(Some(most)),
    };
    EXECUTIONS.set(0);
    builder.check(move || {
        EXECUTIONS.set(EXECUTIONS.get() + 1);
        model();
    });
}
