//! What is said of writes and loads that fail.

use super::faulty::{Fate, Faulty};
use super::{LONG, apply, existed, load, put, remove};
use cache_tiered::{ApplyError, Mutation, ObjectStore, ObjectStoreError, Sink, Source};
use std::future::Future;
use std::pin::pin;
use std::sync::Arc;
use std::task::{Context, Waker};
use std::time::{Duration, Instant};
use tokio::sync::{Barrier, Semaphore};

fn over(client: &Arc<Faulty>) -> ObjectStore {
    let client = Arc::<Faulty>::clone(client);
    ObjectStore::options().over(client).unwrap()
}

#[test]
fn a_write_that_nobody_answered_is_unknown() {
    let client = Arc::new(Faulty::default());
    let store = over(&client);
    for (fate, found) in [(Fate::Lost, None), (Fate::Unanswered, Some("v"))] {
        client.write("k", fate);
        let failed = apply(&store, &[put("k", "v")]).unwrap_err();
        assert!(
            matches!(failed, ApplyError::Unknown(ObjectStoreError::Other(_))),
            "{failed}"
        );
        assert_eq!(load(&store, "k").unwrap().as_deref(), found);
    }
    client.write("k", None);
    assert_eq!(existed(&apply(&store, &[remove("k")]).unwrap()), [true]);
    assert_eq!(load(&store, "k").unwrap(), None);
}

#[test]
fn a_write_that_is_denied_is_refused() {
    let client = Arc::new(Faulty::default());
    let store = over(&client);
    client.write("k", Fate::Denied);
    let failed = apply(&store, &[put("k", "v")]).unwrap_err();
    assert!(
        matches!(failed, ApplyError::Refused(ObjectStoreError::Denied(_))),
        "{failed}"
    );
    // So is one whose question failed: nothing was written yet.
    client.write("k", None);
    client.read("k", Fate::Lost);
    let failed = apply(&store, &[put("k", "v")]).unwrap_err();
    assert!(
        matches!(failed, ApplyError::Refused(ObjectStoreError::Other(_))),
        "{failed}"
    );
    client.read("k", None);
    assert_eq!(load(&store, "k").unwrap(), None);
}

#[test]
fn a_batch_is_refused_only_if_nothing_of_it_took_effect() {
    let client = Arc::new(Faulty::default());
    let store = over(&client);
    client.write("b", Fate::Denied);
    client.write("c", Fate::Denied);
    let failed = apply(&store, &[put("b", "1"), put("c", "1")]).unwrap_err();
    assert!(
        matches!(failed, ApplyError::Refused(ObjectStoreError::Denied(_))),
        "{failed}"
    );

    let failed = apply(&store, &[put("a", "1"), put("b", "1"), put("b", "2")]).unwrap_err();
    let ApplyError::Unknown(ObjectStoreError::Partly { applied, len, .. }) = failed else {
        panic!("{failed}");
    };
    assert_eq!((applied, len), (1, 3));
    assert_eq!(load(&store, "a").unwrap().as_deref(), Some("1"));
    assert_eq!(load(&store, "b").unwrap(), None);

    // Repeated when the service takes it again, it is whole.
    client.write("b", None);
    let applied = apply(&store, &[put("a", "1"), put("b", "1"), put("b", "2")]).unwrap();
    assert_eq!(existed(&applied), [true, false, true]);
    assert_eq!(load(&store, "b").unwrap().as_deref(), Some("2"));
}

#[test]
fn after_a_failure_nothing_more_of_a_batch_is_begun() {
    let client = Arc::new(Faulty::default());
    let store = ObjectStore::options()
        .requests(1)
        .over(Arc::<Faulty>::clone(&client))
        .unwrap();
    client.write("b", Fate::Lost);
    let batch = ["a", "b", "c", "d"].map(|key| put(key, "v"));
    let failed = apply(&store, &batch).unwrap_err();
    assert!(matches!(failed, ApplyError::Unknown(_)), "{failed}");
    let found = ["a", "b", "c", "d"].map(|key| load(&store, key).unwrap().is_some());
    assert_eq!(found, [true, false, false, false]);
}

#[test]
fn an_attempt_whose_caller_gave_up_is_not_left_behind() {
    let client = Arc::new(Faulty::default());
    let store = over(&client);
    let permits = Arc::new(Semaphore::new(0));
    client.write("k", Fate::Waits(Arc::clone(&permits)));
    let batch = [put("k", "v")];
    {
        let mut call = pin!(Sink::apply(&store, &batch));
        let polled = call.as_mut().poll(&mut Context::from_waker(Waker::noop()));
        assert!(polled.is_pending());
    }
    permits.add_permits(1);
    // Writes of other keys overtake it; it still comes to its end.
    client.write("k", None);
    let begin = Instant::now();
    while load(&store, "k").unwrap().is_none() {
        apply(&store, &[put("other", "v")]).unwrap();
        assert!(begin.elapsed() < LONG, "it never came to its end");
    }
}

#[test]
fn a_load_without_an_answer_ends_in_time_and_hurts_no_other() {
    let client = Arc::new(Faulty::default());
    let time = Duration::from_millis(20);
    let store = over(&client);
    let hasty = ObjectStore::options()
        .read_timeout(time)
        .over(Arc::<Faulty>::clone(&client))
        .unwrap();
    apply(&store, &[put("k", "v"), put("other", "v")]).unwrap();
    let permits = Arc::new(Semaphore::new(0));
    client.read("k", Fate::Waits(Arc::clone(&permits)));
    let failed = load(&hasty, "k").unwrap_err();
    assert!(
        matches!(failed, ObjectStoreError::TimedOut { after } if after == time),
        "{failed}"
    );
    assert_eq!(load(&store, "other").unwrap().as_deref(), Some("v"));
    let keys = ["other".to_owned(), "k".to_owned()];
    let many = super::wait(Source::<String, String>::load_many(&hasty, &keys));
    assert!(matches!(many, Err(ObjectStoreError::TimedOut { .. })));
    client.read("k", None);
    assert_eq!(load(&store, "k").unwrap().as_deref(), Some("v"));
}

#[test]
fn objects_of_a_batch_go_side_by_side() {
    let client = Arc::new(Faulty::default());
    let all = Arc::new(Barrier::new(16));
    let batch: Vec<Mutation<String, String>> =
        (0..16).map(|key| put(&key.to_string(), "v")).collect();
    for mutation in &batch {
        client.write(mutation.key(), Fate::Meets(Arc::clone(&all)));
    }
    // None ends before all have begun.
    let applied = apply(&over(&client), &batch).unwrap();
    assert_eq!(existed(&applied), [false; 16]);
}

#[test]
fn a_call_that_is_never_polled_writes_nothing() {
    let client = Arc::new(Faulty::default());
    let store = over(&client);
    let batch = [put("k", "v")];
    drop(Sink::apply(&store, &batch));
    assert_eq!(load(&store, "k").unwrap(), None);
}
