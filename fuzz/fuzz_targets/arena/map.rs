//! A secondary map against a plain one, given any handle that the arena ever gave out.

use std::collections::HashMap;

use arbitrary::Arbitrary;
use slab_core::{Arena, Handle, HandleError, InsertErrorKind, SecondaryMap};

use crate::{Memory, Value};

/// A step of the map; the first number chooses the handle.
#[derive(Arbitrary, Debug)]
pub(crate) enum MapStep {
    Insert(u16, u8),
    Remove(u16),
    Change(u16, u8),
    KeepLive,
    Clear,
}

impl MapStep {
    /// Which handle it is about.
    pub(crate) fn which(&self) -> Option<u16> {
        match *self {
            Self::Insert(which, _) | Self::Remove(which) | Self::Change(which, _) => Some(which),
            Self::KeepLive | Self::Clear => None,
        }
    }
}

/// The map and its model.
pub(crate) struct Map {
    map: SecondaryMap<Value, u8>,
    /// What was last stored at an index: for which generation, and the value if it is still there.
    stored: HashMap<u32, (u32, Option<u8>)>,
}

impl Map {
    pub(crate) fn new() -> Self {
        Self {
            map: SecondaryMap::new(),
            stored: HashMap::new(),
        }
    }

    pub(crate) fn step(
        &mut self,
        step: &MapStep,
        handle: Option<Handle<Value>>,
        arena: &Arena<Value, &Memory>,
    ) {
        match (step, handle) {
            (&MapStep::Insert(_, value), Some(handle)) => self.insert(handle, value),
            (MapStep::Remove(_), Some(handle)) => {
                let expected = self.expected(handle);
                assert_eq!(self.map.remove(handle), expected);
                if expected.is_some() {
                    let generation = handle.generation();
                    self.stored.insert(handle.index(), (generation, None));
                }
            }
            (&MapStep::Change(_, value), Some(handle)) => {
                assert_eq!(self.map.get(handle).copied(), self.expected(handle));
                if let Some(stored) = self.map.get_mut(handle) {
                    *stored = value;
                    let entry = (handle.generation(), Some(value));
                    self.stored.insert(handle.index(), entry);
                }
            }
            (MapStep::KeepLive, _) => {
                self.map.retain(|handle, _| arena.contains(handle));
                for (&index, (generation, value)) in &mut self.stored {
                    let live = arena.handle_at(index);
                    if live.is_none_or(|handle| handle.generation() != *generation) {
                        *value = None;
                    }
                }
            }
            (MapStep::Clear, _) => {
                self.map.clear();
                for (_, value) in self.stored.values_mut() {
                    *value = None;
                }
            }
            (_, None) => {}
        }
    }

    fn insert(&mut self, handle: Handle<Value>, value: u8) {
        let inserted = self.map.try_insert(handle, value);
        let before = self.stored.get(&handle.index());
        if before.is_some_and(|&(generation, _)| generation > handle.generation()) {
            let refused = inserted.expect_err("a later handle was stored for");
            let stale = InsertErrorKind::Handle(HandleError::Stale);
            assert_eq!((refused.kind(), refused.into_value()), (stale, value));
            return;
        }
        assert_eq!(inserted.expect("there is memory"), self.expected(handle));
        let entry = (handle.generation(), Some(value));
        self.stored.insert(handle.index(), entry);
    }

    /// What the map must hold for `handle`.
    fn expected(&self, handle: Handle<Value>) -> Option<u8> {
        let (generation, value) = *self.stored.get(&handle.index())?;
        value.filter(|_| generation == handle.generation())
    }

    /// The map holds what it must, in the order of the slots.
    pub(crate) fn finish(&self) {
        let kept = self.stored.iter();
        let kept =
            kept.filter_map(|(&index, &(generation, value))| Some((index, generation, value?)));
        let mut kept: Vec<_> = kept.collect();
        kept.sort_unstable();
        let found = self.map.iter();
        assert!(
            found
                .map(|(at, &value)| (at.index(), at.generation(), value))
                .eq(kept)
        );
    }
}
