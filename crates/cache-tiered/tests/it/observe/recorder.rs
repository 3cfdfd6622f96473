//! A recorder of the crate metrics that remembers all that it is told.

use metrics::{
    Counter, CounterFn, Gauge, GaugeFn, Histogram, HistogramFn, Key, KeyName, Metadata, Recorder,
    SharedString, Unit,
};
use std::collections::{BTreeMap, BTreeSet};
use std::sync::{Arc, Mutex};

/// What was told of each metric: the values in their order.
#[derive(Clone, Default)]
pub(super) struct Heard(Arc<Mutex<State>>);

#[derive(Default)]
struct State {
    told: BTreeMap<String, Vec<f64>>,
    described: BTreeSet<String>,
}

/// One metric, by its name and labels.
struct One {
    heard: Heard,
    name: String,
}

impl One {
    fn hear(&self, value: f64) {
        let mut state = self.heard.0.lock().unwrap();
        state.told.entry(self.name.clone()).or_default().push(value);
    }
}

impl CounterFn for One {
    fn increment(&self, value: u64) {
        self.hear(value as f64);
    }

    fn absolute(&self, _value: u64) {
        unreachable!("counts are raised");
    }
}

impl GaugeFn for One {
    fn increment(&self, _value: f64) {
        unreachable!("gauges are set");
    }

    fn decrement(&self, _value: f64) {
        unreachable!("gauges are set");
    }

    fn set(&self, value: f64) {
        self.hear(value);
    }
}

impl HistogramFn for One {
    fn record(&self, value: f64) {
        self.hear(value);
    }
}

impl Heard {
    /// `name cache=default outcome=found`, say.
    fn one(&self, key: &Key) -> Arc<One> {
        let mut name = key.name().to_owned();
        for label in key.labels() {
            name.push_str(&format!(" {}={}", label.key(), label.value()));
        }
        self.0.lock().unwrap().told.entry(name.clone()).or_default();
        let heard = self.clone();
        Arc::new(One { heard, name })
    }

    fn describe(&self, name: &KeyName) {
        let name = name.as_str().to_owned();
        self.0.lock().unwrap().described.insert(name);
    }

    /// The values that a metric was told.
    pub(super) fn values(&self, name: &str) -> Vec<f64> {
        let state = self.0.lock().unwrap();
        let told = state.told.get(name);
        told.unwrap_or_else(|| panic!("there is no metric {name}"))
            .clone()
    }

    /// Their sum: what a counter shows.
    pub(super) fn sum(&self, name: &str) -> f64 {
        self.values(name).iter().sum()
    }

    /// The metrics whose names begin like this and that were told something, with how often.
    pub(super) fn told(&self, start: &str) -> Vec<(String, usize)> {
        let state = self.0.lock().unwrap();
        let told = state
            .told
            .iter()
            .filter(|(name, values)| name.starts_with(start) && !values.is_empty());
        told.map(|(name, values)| (name.clone(), values.len()))
            .collect()
    }

    /// All that there are, with their labels, and those that were described.
    pub(super) fn registered(&self) -> (BTreeSet<String>, BTreeSet<String>) {
        let state = self.0.lock().unwrap();
        (
            state.told.keys().cloned().collect(),
            state.described.clone(),
        )
    }
}

impl Recorder for Heard {
    fn describe_counter(&self, name: KeyName, _: Option<Unit>, _: SharedString) {
        self.describe(&name);
    }

    fn describe_gauge(&self, name: KeyName, _: Option<Unit>, _: SharedString) {
        self.describe(&name);
    }

    fn describe_histogram(&self, name: KeyName, _: Option<Unit>, _: SharedString) {
        self.describe(&name);
    }

    fn register_counter(&self, key: &Key, _: &Metadata<'_>) -> Counter {
        Counter::from_arc(self.one(key))
    }

    fn register_gauge(&self, key: &Key, _: &Metadata<'_>) -> Gauge {
        Gauge::from_arc(self.one(key))
    }

    fn register_histogram(&self, key: &Key, _: &Metadata<'_>) -> Histogram {
        Histogram::from_arc(self.one(key))
    }
}
