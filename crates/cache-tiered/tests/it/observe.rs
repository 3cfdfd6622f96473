//! What a recorder of the crate metrics hears: loads, and nothing of memory hits.

use crate::doubles::{Fate, probed};
use metrics::{
    Counter, CounterFn, Gauge, Histogram, HistogramFn, Key, KeyName, Metadata, Recorder,
    SharedString, Unit,
};
use std::collections::BTreeMap;
use std::sync::{Arc, Mutex};

/// How often each metric was told of, by name and outcome.
#[derive(Clone, Default)]
struct Heard(Arc<Mutex<BTreeMap<String, u64>>>);

struct One {
    heard: Heard,
    name: String,
}

impl One {
    fn hear(&self, count: u64) {
        *self
            .heard
            .0
            .lock()
            .unwrap()
            .entry(self.name.clone())
            .or_default() += count;
    }
}

impl CounterFn for One {
    fn increment(&self, value: u64) {
        self.hear(value);
    }

    fn absolute(&self, _value: u64) {
        unreachable!("counts are raised");
    }
}

impl HistogramFn for One {
    fn record(&self, seconds: f64) {
        assert!(seconds >= 0.0);
        self.hear(1);
    }
}

impl Heard {
    fn one(&self, key: &Key) -> Arc<One> {
        let outcome = key.labels().find(|label| label.key() == "outcome");
        let outcome = outcome.map_or("", |label| label.value());
        Arc::new(One {
            heard: self.clone(),
            name: format!("{} {outcome}", key.name()),
        })
    }
}

impl Recorder for Heard {
    fn describe_counter(&self, _: KeyName, _: Option<Unit>, _: SharedString) {}
    fn describe_gauge(&self, _: KeyName, _: Option<Unit>, _: SharedString) {}
    fn describe_histogram(&self, _: KeyName, _: Option<Unit>, _: SharedString) {}

    fn register_counter(&self, key: &Key, _: &Metadata<'_>) -> Counter {
        Counter::from_arc(self.one(key))
    }

    fn register_gauge(&self, _: &Key, _: &Metadata<'_>) -> Gauge {
        unreachable!("there are no gauges");
    }

    fn register_histogram(&self, key: &Key, _: &Metadata<'_>) -> Histogram {
        Histogram::from_arc(self.one(key))
    }
}

#[test]
fn loads_are_counted_and_timed_by_their_outcome_and_hits_are_not() {
    let heard = Heard::default();
    metrics::with_local_recorder(&heard, || {
        let (cache, probe) = probed(10);
        cache.put(1, 10).wait().unwrap();
        for _ in 0..5 {
            cache.get(&1).wait().unwrap();
        }
        cache.invalidate(&1);
        cache.get(&1).wait().unwrap();
        cache.get(&2).wait().unwrap();
        probe.tell(Fate::Fail);
        cache.get(&3).wait().unwrap_err();
    });
    let heard = heard.0.lock().unwrap();
    let expected = ["absent", "failed", "found"].map(|outcome| (outcome, 1));
    for name in ["cache_tiered_loads_total", "cache_tiered_load_seconds"] {
        let of_name = heard.iter().filter(|(heard, _)| heard.starts_with(name));
        let outcomes: Vec<_> = of_name
            .map(|(heard, &count)| (&heard[name.len() + 1..], count))
            .collect();
        assert_eq!(outcomes, expected, "{name}");
    }
}
