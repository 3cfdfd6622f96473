//! What was chosen when, as SVG: a lane for each choice, filled while it was the one.

use std::fmt::Write;

use super::chart::Chart;
use super::page::escaped;
use super::scale::Unit;

/// The height of a lane.
const LANE: f64 = 22.0;

/// The room below the lanes.
const BOTTOM: f64 = 44.0;

/// From where to where a drawing has its lanes, and how wide it is.
#[derive(Clone, Copy, Debug)]
struct Extent {
    left: f64,
    right: f64,
    width: f64,
}

const WIDE: Extent = Extent {
    left: 58.0,
    right: 1116.0,
    width: 1140.0,
};

const NARROW: Extent = Extent {
    left: 48.0,
    right: 388.0,
    width: 400.0,
};

/// Lanes over the course of something.
///
/// ```
/// use strata_cli::report::Lanes;
///
/// let mut lanes = Lanes::new("Modes of duel", "requests", &["f", "l"]);
/// lanes.until(100, 1);
/// lanes.until(150, 0);
/// assert!(lanes.wide().contains("100 to 150: f"));
/// ```
#[derive(Clone, Debug)]
pub struct Lanes {
    title: String,
    course: String,
    names: Vec<String>,
    /// Where each ends, and its lane; each begins where the one before ends, the first at 0.
    spans: Vec<(u64, usize)>,
    wide: Extent,
    narrow: Extent,
}

impl Lanes {
    /// Lanes of these names over a course, of which nothing is known yet.
    #[must_use]
    pub fn new(title: &str, course: &str, names: &[&str]) -> Self {
        Self {
            title: title.to_owned(),
            course: course.to_owned(),
            names: names.iter().map(|name| (*name).to_owned()).collect(),
            spans: Vec::new(),
            wide: WIDE,
            narrow: NARROW,
        }
    }

    /// As long as the axis of a chart of the same course that is shown below, so that one moment is above the same in it.
    #[must_use]
    pub fn above(mut self, chart: &Chart) -> Self {
        let extent = |(left, right), width| Extent { left, right, width };
        self.wide = extent(chart.wide_axis(), WIDE.width);
        self.narrow = extent(chart.narrow_axis(), NARROW.width);
        self
    }

    /// From where the last span ended until here it was this lane.
    pub fn until(&mut self, end: u64, lane: usize) {
        match self.spans.last_mut() {
            Some((last_end, last)) if *last == lane => *last_end = end,
            _ => self.spans.push((end, lane)),
        }
    }

    /// How often the lane changed.
    #[must_use]
    pub fn changes(&self) -> usize {
        self.spans.len().saturating_sub(1)
    }

    /// For windows of a screen's width.
    #[must_use]
    pub fn wide(&self) -> String {
        self.draw("wide", self.wide, 12)
    }

    /// For narrow windows.
    #[must_use]
    pub fn narrow(&self) -> String {
        self.draw("narrow", self.narrow, 5)
    }

    fn draw(&self, class: &str, extent: Extent, ticks: usize) -> String {
        let floor = LANE * self.names.len() as f64 + 6.0;
        let height = floor + BOTTOM;
        let Extent {
            left,
            right: end,
            width,
        } = extent;
        let last = self.spans.last().map_or(1, |(end, _)| *end).max(1);
        let x = |at: u64| left + (end - left) * at as f64 / last as f64;
        let title = escaped(&self.title);
        let mut svg = format!(
            "<svg class=\"{class}\" viewBox=\"0 0 {width} {height}\" role=\"img\" aria-label=\"{title}\">\n"
        );
        let mut put = |text: std::fmt::Arguments<'_>| {
            svg.write_fmt(text).expect("a string takes all text");
        };
        for (lane, name) in self.names.iter().enumerate() {
            let y = LANE * lane as f64 + 6.0 + LANE / 2.0;
            put(format_args!(
                "<path class=\"grid\" d=\"M{left} {y:.1}H{end:.1}\"/><text x=\"{}\" y=\"{:.1}\" text-anchor=\"end\">{}</text>\n",
                left - 9.0,
                y + 4.0,
                escaped(name)
            ));
        }
        for tick in Unit::Progress.ticks(0, last, ticks) {
            put(format_args!(
                "<text x=\"{:.1}\" y=\"{}\" text-anchor=\"middle\">{}</text>\n",
                x(tick),
                floor + 17.0,
                escaped(&Unit::Progress.show(tick))
            ));
        }
        let mut begin = 0;
        for (span_end, lane) in &self.spans {
            let y = LANE * *lane as f64 + 6.0 + 4.0;
            // What is shorter than a pixel is still to be seen.
            let long = (x(*span_end) - x(begin)).max(1.0);
            let name = self.names.get(*lane).map_or("", String::as_str);
            put(format_args!(
                "<g class=\"series\"><title>{begin} to {span_end}: {}</title><path class=\"lane f0\" d=\"M{:.1} {y:.1}h{long:.1}v{}h-{long:.1}z\"/></g>\n",
                escaped(name),
                x(begin),
                LANE - 8.0
            ));
            begin = *span_end;
        }
        put(format_args!(
            "<path class=\"axis\" d=\"M{left} 4V{floor}H{end:.1}\"/>\n<text x=\"{:.1}\" y=\"{}\" text-anchor=\"middle\">{}</text>\n</svg>\n",
            f64::midpoint(left, end),
            height - 8.0,
            escaped(&self.course)
        ));
        svg
    }
}

#[cfg(test)]
mod tests {
    use super::{Chart, Lanes, Unit};
    use crate::report::Series;

    #[test]
    fn spans_of_one_lane_in_a_row_are_one() {
        let mut lanes = Lanes::new("t", "requests", &["a", "b", "c"]);
        for (end, lane) in [(10, 1), (20, 1), (30, 0), (40, 2), (50, 2)] {
            lanes.until(end, lane);
        }
        assert_eq!(lanes.changes(), 2);
        for drawing in [lanes.wide(), lanes.narrow()] {
            assert_eq!(drawing.matches("class=\"lane").count(), 3);
            for span in ["0 to 20: b", "20 to 30: a", "30 to 50: c"] {
                assert!(drawing.contains(span), "{span} in {drawing}");
            }
        }
        assert!(
            Lanes::new("t", "requests", &[])
                .wide()
                .ends_with("</svg>\n")
        );
    }

    #[test]
    fn lanes_above_a_chart_are_as_long_as_its_axis() {
        let chart = Chart {
            title: "t".to_owned(),
            sizes: "requests".to_owned(),
            ratios: "share".to_owned(),
            unit: Unit::Progress,
            series: vec![Series {
                name: "a line with a long name".to_owned(),
                points: vec![(10, 0.2), (20, 0.4)],
                detail_of: None,
            }],
        };
        let mut lanes = Lanes::new("t", "requests", &["a"]);
        lanes.until(20, 0);
        let lanes = lanes.above(&chart);
        // From where the axis begins to where it ends.
        let axis = |drawing: &str| {
            let (_, axis) = drawing.split_once("<path class=\"axis\" d=\"M").unwrap();
            let (axis, _) = axis.split_once('"').unwrap();
            let (begin, _) = axis.split_once(' ').unwrap();
            let (_, end) = axis.split_once('H').unwrap();
            (begin.to_owned(), end.to_owned())
        };
        assert_eq!(axis(&lanes.wide()), axis(&chart.wide()));
        assert_eq!(axis(&lanes.narrow()), axis(&chart.narrow()));
    }
}
