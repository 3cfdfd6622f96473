//! Events: what is told, to whom, and what is dropped.

use crate::doubles::{Fate, probed};
use cache_tiered::{Event, Tier};

#[test]
fn a_load_and_its_failure_are_told_in_their_order() {
    let (cache, probe) = probed(10);
    cache.get(&1).wait().unwrap();
    let mut events = cache.events();
    probe.tell(Fate::Fail);
    cache.get(&2).wait().unwrap_err();
    cache.get(&3).wait().unwrap();
    let Some(Event::LoadFailed {
        key: 2,
        background: false,
        error,
    }) = events.try_next()
    else {
        panic!()
    };
    assert!(error.to_string().contains("could not load"));
    let loaded = events.try_next();
    assert!(
        matches!(
            loaded,
            Some(Event::Loaded {
                key: 3,
                tier: Tier::Store,
                found: false,
                ..
            })
        ),
        "{loaded:?}"
    );
    assert!(
        events.try_next().is_none(),
        "nothing from before the listener came"
    );
}

#[test]
fn a_listener_that_does_not_listen_loses_the_oldest_events_and_no_other_listener_does() {
    let (cache, _) = probed(10);
    let (mut lazy, mut eager) = (cache.events(), cache.events());
    for key in 0..1_030 {
        cache.get(&key).wait().unwrap();
        assert!(matches!(eager.try_next(), Some(Event::Loaded { key: told, .. }) if told == key));
    }
    assert_eq!((lazy.dropped(), eager.dropped()), (6, 0));
    assert!(matches!(
        lazy.try_next(),
        Some(Event::Loaded { key: 6, .. })
    ));
}

#[test]
fn a_listener_that_leaves_is_forgotten_and_the_end_of_the_cache_ends_all() {
    let (cache, _) = probed(10);
    drop(cache.events());
    let mut events = cache.events();
    cache.get(&1).wait().unwrap();
    drop(cache);
    assert!(events.wait().is_some());
    assert!(events.wait().is_none() && events.try_next().is_none());
}
