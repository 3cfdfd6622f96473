//! What a policy did in the course of a trace, and why: the part of the page that `--explain` adds.

use cache_policies::Insight;

use crate::report::{Chart, Lanes, Page, Series, Unit};

use super::history::{History, Moment};

/// In so many parts of the trace events are counted: in more, each would tell of few of them.
const PARTS_MAX: usize = 32;

/// Writes a section for one policy at one size, over a course of requests, which may be those of a sample.
pub(super) fn explained(
    page: &mut Page,
    policy: &str,
    size: &str,
    history: &History,
    course: &str,
) {
    let moments = history.moments();
    page.subsection(&format!("What {policy} did at {size}"));
    let ratios = (
        ratios(policy, moments),
        format!(
            "In each part of the trace: what {policy} missed of the requests, and what it counted meanwhile, as shares."
        ),
    );
    let shares = (
        shares(moments),
        format!("What had which share of {policy}, over the requests that had come."),
    );
    let charts: Vec<(Chart, String)> = [ratios, shares]
        .into_iter()
        .filter(|(series, _)| !series.is_empty())
        .map(|(series, caption)| {
            let chart = Chart {
                title: format!("What {policy} did at {size}"),
                sizes: course.to_owned(),
                ratios: "share".to_owned(),
                unit: Unit::Progress,
                series,
            };
            (chart, caption)
        })
        .collect();
    for lanes in lanes(policy, moments, course) {
        let caption = match lanes.changes() {
            0 => "It never changed.".to_owned(),
            1 => "It changed once, as far as the moments tell that were noted.".to_owned(),
            changes => {
                format!("It changed {changes} times, as far as the moments tell that were noted.")
            }
        };
        let lanes = match charts.first() {
            Some((chart, _)) => lanes.above(chart),
            None => lanes,
        };
        page.lanes(&lanes, &caption);
    }
    for (chart, caption) in &charts {
        page.chart(chart, caption);
    }
}

/// Of everything that was chosen, what it was when.
fn lanes(policy: &str, moments: &[Moment], course: &str) -> Vec<Lanes> {
    let mut all: Vec<(&str, Lanes)> = Vec::new();
    for moment in moments {
        for insight in &moment.insights {
            let Insight::Choice { name, chosen, of } = insight else {
                continue;
            };
            let at = all.iter().position(|(other, _)| other == name);
            let at = at.unwrap_or_else(|| {
                let lanes = Lanes::new(&format!("{name} of {policy}"), course, of);
                all.push((name, lanes));
                all.len() - 1
            });
            all[at].1.until(moment.requests, *chosen);
        }
    }
    all.into_iter().map(|(_, lanes)| lanes).collect()
}

/// Adds a point to the line of this name.
fn add(lines: &mut Vec<Series>, name: &str, point: (u64, f64)) {
    match lines.iter_mut().find(|line| line.name == name) {
        Some(line) => line.points.push(point),
        None => lines.push(Series {
            name: name.to_owned(),
            points: vec![point],
            detail_of: None,
        }),
    }
}

/// The ends of equal parts: every moment, or some of them.
fn ends(moments: &[Moment]) -> impl Iterator<Item = &Moment> {
    let parts = moments.len().min(PARTS_MAX);
    (1..=parts).map(move |part| &moments[part * moments.len() / parts - 1])
}

/// In each part of the trace what the policy missed, in a line of its name, and whatever else was counted; nothing where nothing
/// but misses was.
fn ratios(policy: &str, moments: &[Moment]) -> Vec<Series> {
    let mut lines = Vec::new();
    let mut before: Option<&Moment> = None;
    for moment in ends(moments) {
        let ratios = |insight: &Insight| matches!(insight, Insight::Ratio { .. });
        if moment.insights.iter().any(ratios) {
            let requests = moment.requests - before.map_or(0, |before| before.requests);
            let misses = moment.misses - before.map_or(0, |before| before.misses);
            let ratio = misses as f64 / requests as f64;
            add(&mut lines, policy, (moment.requests, ratio));
        }
        for (place, insight) in moment.insights.iter().enumerate() {
            let Insight::Ratio { name, part, whole } = *insight else {
                continue;
            };
            let (part_before, whole_before) = match before.map(|before| before.insights[place]) {
                Some(Insight::Ratio { part, whole, .. }) => (part, whole),
                _ => (0, 0),
            };
            if whole > whole_before {
                let ratio = (part - part_before) as f64 / (whole - whole_before) as f64;
                add(&mut lines, name, (moment.requests, ratio));
            }
        }
        before = Some(moment);
    }
    lines
}

fn shares(moments: &[Moment]) -> Vec<Series> {
    let mut lines = Vec::new();
    for moment in moments {
        for insight in &moment.insights {
            if let Insight::Share { name, share } = *insight {
                add(&mut lines, name, (moment.requests, share));
            }
        }
    }
    lines
}

#[cfg(test)]
mod tests {
    use cache_policies::Insight;

    use super::{Moment, PARTS_MAX, ends, lanes, ratios, shares};

    fn moment(requests: u64, misses: u64, chosen: usize, part: u64, whole: u64) -> Moment {
        let of = &["a", "b"];
        let name = "x";
        Moment {
            requests,
            misses,
            insights: vec![
                Insight::Choice { name, chosen, of },
                Insight::Ratio { name, part, whole },
                Insight::Share { name, share: 0.5 },
            ],
        }
    }

    #[test]
    fn counts_become_ratios_of_the_time_between() {
        let moments = [
            moment(100, 50, 0, 1, 10),
            moment(200, 80, 1, 6, 20),
            // Nothing was counted of x here.
            moment(300, 90, 1, 6, 20),
        ];
        let lines = ratios("p", &moments);
        let points = |name: &str| {
            let line = lines.iter().find(|line| line.name == name).unwrap();
            line.points.clone()
        };
        assert_eq!(points("x"), [(100, 0.1), (200, 0.5)]);
        assert_eq!(points("p"), [(100, 0.5), (200, 0.3), (300, 0.1)]);
        assert_eq!(shares(&moments)[0].points.len(), 3);
        let lanes = lanes("p", &moments, "requests");
        assert_eq!((lanes.len(), lanes[0].changes()), (1, 1));
    }

    #[test]
    fn parts_are_few_and_equal_and_reach_the_end() {
        let requests = |moments: u64| -> Vec<u64> {
            let moments: Vec<Moment> = (1..=moments).map(|at| moment(at, 0, 0, 0, 0)).collect();
            ends(&moments).map(|moment| moment.requests).collect()
        };
        assert_eq!(requests(0), [0; 0]);
        assert_eq!(requests(3), [1, 2, 3]);
        let most = PARTS_MAX as u64;
        for moments in [most, most + 1, 200, 241] {
            let ends = requests(moments);
            assert_eq!((ends.len() as u64, ends.last()), (most, Some(&moments)));
            let length = moments / most;
            let lengths = ends.windows(2).map(|pair| pair[1] - pair[0]);
            assert!(
                lengths
                    .into_iter()
                    .all(|each| (length..=length + 1).contains(&each))
            );
        }
    }
}
