//! What a subscriber of the crate tracing hears: what is under way and how it ended, and of no key or value.

use crate::doubles::{Fate, probed};
use cache_tiered::{InMemory, MemoryTier, Tiered, Writes};
use std::fmt::{Debug, Write};
use std::sync::atomic::{AtomicU64, Ordering};
use std::sync::{Arc, Mutex, OnceLock};
use tracing::field::{Field, Visit};
use tracing::span::{Attributes, Id, Record};
use tracing::{Dispatch, Event, Metadata, Subscriber};

/// Writes down each span and event with its fields, as `+ name field=value` and `! level field=value`.
#[derive(Clone, Default)]
struct Notebook {
    lines: Arc<Mutex<Vec<String>>>,
    spans: Arc<AtomicU64>,
}

struct Line(String);

impl Visit for Line {
    fn record_debug(&mut self, field: &Field, value: &dyn Debug) {
        // Times differ from run to run.
        if field.name() != "nanoseconds" {
            write!(self.0, " {}={value:?}", field.name()).unwrap();
        }
    }
}

impl Notebook {
    fn note(&self, line: Line) {
        self.lines.lock().unwrap().push(line.0);
    }

    /// What was written down meanwhile.
    ///
    /// While there is but one subscriber in the process, tracing asks whether a span is wanted of the one that the thread
    /// has which comes by first, and remembers the answer: of another test's thread that would be nobody. With two that
    /// stay it asks all.
    fn during(run: impl FnOnce()) -> Vec<String> {
        static STAYING: OnceLock<[Dispatch; 2]> = OnceLock::new();
        STAYING.get_or_init(|| [(); 2].map(|()| Dispatch::new(Self::default())));
        let notebook = Self::default();
        let lines = Arc::clone(&notebook.lines);
        tracing::subscriber::with_default(notebook, run);
        let lines = lines.lock().unwrap();
        lines.clone()
    }
}

impl Subscriber for Notebook {
    fn enabled(&self, metadata: &Metadata<'_>) -> bool {
        metadata.target() == "cache_tiered"
    }

    fn new_span(&self, span: &Attributes<'_>) -> Id {
        let mut line = Line(format!("+ {}", span.metadata().name()));
        span.record(&mut line);
        self.note(line);
        Id::from_u64(self.spans.fetch_add(1, Ordering::Relaxed) + 1)
    }

    fn record(&self, _: &Id, _: &Record<'_>) {}

    fn record_follows_from(&self, _: &Id, _: &Id) {}

    fn event(&self, event: &Event<'_>) {
        let mut line = Line(format!("! {}", event.metadata().level()));
        event.record(&mut line);
        self.note(line);
    }

    fn enter(&self, _: &Id) {}

    fn exit(&self, _: &Id) {}
}

#[test]
fn writes_are_spans_with_the_call_of_the_store_within() {
    let lines = Notebook::during(|| {
        let (cache, probe) = probed(10);
        cache.put(1, 10).wait().unwrap();
        probe.tell(Fate::Fail);
        cache.remove(&1).wait().unwrap_err();
        cache.close().wait().unwrap();
    });
    assert_eq!(
        lines,
        [
            r#"+ cache cache="default" call="put""#,
            r#"+ store cache="default" call="apply" keys=1"#,
            r#"! DEBUG message=wrote cache="default" verb="put" outcome="acknowledged""#,
            r#"+ cache cache="default" call="remove""#,
            r#"+ store cache="default" call="apply" keys=1"#,
            r#"! WARN message=write failed cache="default" verb="remove" outcome="refused" error=the store refused the removal"#,
            r#"+ cache cache="default" call="close""#,
            r#"+ store cache="default" call="flush" keys=0"#,
            r#"! DEBUG message=flushed cache="default""#,
        ]
    );
}

#[cfg(unix)]
#[test]
fn the_opening_of_a_journal_is_a_span_that_says_what_was_in_it() {
    let folder = tempfile::tempdir().unwrap();
    let open = |store| {
        Tiered::<u64, u64>::builder()
            .name("orders")
            .memory(MemoryTier::entries(10))
            .store(store)
            .writes(
                Writes::behind(folder.path().join("journal"))
                    .max_delay(std::time::Duration::from_secs(3_600)),
            )
            .build()
            .unwrap()
    };
    let cache = open(InMemory::new());
    cache.put(1, 10).wait().unwrap();
    cache.put(2, 20).wait().unwrap();
    drop(cache);
    let lines = Notebook::during(|| drop(open(InMemory::new())));
    let first = [
        r#"+ cache cache="orders" call="open""#,
        r#"! INFO message=journal opened cache="orders" dirty=2 dead=0"#,
    ];
    assert!(lines.starts_with(&first.map(str::to_owned)), "{lines:?}");
}

#[test]
fn no_span_and_no_event_has_a_key_or_a_value() {
    let (key, value) = (
        "the-key-of-a-user".to_owned(),
        "the-value-of-a-user".to_owned(),
    );
    let lines = Notebook::during(|| {
        let cache: Tiered<String, String> = Tiered::builder()
            .memory(MemoryTier::entries(10))
            .store(InMemory::new())
            .build()
            .unwrap();
        cache.put(key.clone(), value.clone()).wait().unwrap();
        cache.invalidate(&key);
        cache.get(&key).wait().unwrap();
        cache.get_many(&[key.clone(), value.clone()]).wait();
        let changed = cache.compute(key.clone(), |_| cache_tiered::Compute::Put(String::new()));
        changed.wait().unwrap();
        cache.remove(&key).wait().unwrap();
        cache.flush().wait().unwrap();
    });
    assert!(lines.len() >= 10, "{lines:?}");
    let tells = |line: &&String| line.contains(&key) || line.contains(&value);
    assert_eq!(lines.iter().find(tells), None);
}
