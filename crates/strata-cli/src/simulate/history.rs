//! What a policy told of itself in the course of a trace: at equal distances, at most so many times.

use cache_policies::{Insight, Policy};

/// The most moments; where more requests come, they are twice as far apart.
const MOMENTS_MAX: usize = 240;

/// The distance of the first moments, in requests.
const DISTANCE_MIN: u64 = 64;

/// What was so at a moment.
#[derive(Clone, Debug, PartialEq)]
pub(super) struct Moment {
    /// The requests until then.
    pub(super) requests: u64,
    /// How many of them missed.
    pub(super) misses: u64,
    /// What the policy told, in its order.
    pub(super) insights: Vec<Insight>,
}

impl Moment {
    fn of(policy: &impl Policy, requests: u64, misses: u64) -> Self {
        let mut insights = Vec::new();
        policy.explain(&mut |insight| insights.push(insight));
        Self {
            requests,
            misses,
            insights,
        }
    }
}

/// The moments of one policy at one size.
#[derive(Clone, Debug, PartialEq)]
pub(super) struct History {
    distance: u64,
    moments: Vec<Moment>,
}

impl History {
    pub(super) fn new() -> Self {
        Self {
            distance: DISTANCE_MIN,
            moments: Vec::new(),
        }
    }

    /// How many requests may come before the next moment.
    pub(super) fn until_next(&self) -> u64 {
        let last = self.moments.last().map_or(0, |moment| moment.requests);
        (last / self.distance + 1) * self.distance
    }

    /// Notes what the policy tells after so many requests.
    pub(super) fn note(&mut self, policy: &impl Policy, requests: u64, misses: u64) {
        self.moments.push(Moment::of(policy, requests, misses));
        if self.moments.len() > MOMENTS_MAX {
            self.distance *= 2;
            let distance = self.distance;
            self.moments
                .retain(|moment| moment.requests.is_multiple_of(distance));
        }
    }

    /// The same with the end, after so many requests: a moment more, or instead of the last one if that was just before.
    pub(super) fn ended(&self, policy: &impl Policy, requests: u64, misses: u64) -> Self {
        let mut history = self.clone();
        let is_near = |last: &Moment| requests - last.requests < self.distance / 2;
        if history.moments.last().is_some_and(is_near) {
            history.moments.pop();
        }
        if requests > 0 {
            history.moments.push(Moment::of(policy, requests, misses));
        }
        history
    }

    /// The moments in order.
    pub(super) fn moments(&self) -> &[Moment] {
        &self.moments
    }
}

#[cfg(test)]
mod tests {
    use cache_policies::{Duel, DuelConfig, Policy};

    use super::{History, MOMENTS_MAX};

    #[test]
    fn moments_are_as_far_apart_as_there_is_room_for() {
        let policy = Duel::new(100, &DuelConfig::default()).unwrap();
        let mut history = History::new();
        for requests in 1..=1_000_000_u64 {
            if requests == history.until_next() {
                history.note(&policy, requests, requests / 2);
            }
        }
        let moments = history.moments();
        assert!((MOMENTS_MAX / 2..=MOMENTS_MAX).contains(&moments.len()));
        let distance = moments[0].requests;
        for (place, moment) in (1..).zip(moments) {
            assert_eq!(
                (moment.requests, moment.misses),
                (place * distance, place * distance / 2)
            );
            assert_eq!(moment.insights.len(), 6);
        }
    }

    #[test]
    fn the_end_is_a_moment_and_none_is_just_before() {
        let policy = Duel::new(100, &DuelConfig::default()).unwrap();
        let mut history = History::new();
        let requests = |history: &History, end| -> Vec<u64> {
            let history = history.ended(&policy, end, 0);
            let moments = history.moments().iter();
            moments.map(|moment| moment.requests).collect()
        };
        assert_eq!(requests(&history, 0), [0; 0]);
        assert_eq!(
            requests(&history, 3),
            [3],
            "a trace shorter than a distance"
        );
        history.note(&policy, 64, 0);
        assert_eq!(requests(&history, 64), [64]);
        assert_eq!(requests(&history, 95), [95]);
        assert_eq!(requests(&history, 96), [64, 96]);
        assert_eq!(history.moments().len(), 1, "it goes on as it was");
        // One that has as many as it may have keeps them, too.
        for place in 2..=MOMENTS_MAX as u64 {
            history.note(&policy, 64 * place, 0);
        }
        let end = 64 * MOMENTS_MAX as u64 + 63;
        assert_eq!(requests(&history, end).len(), MOMENTS_MAX + 1);
    }
}
