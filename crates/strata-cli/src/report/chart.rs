//! Curves of ratios over sizes, as SVG: sizes on a logarithmic axis, a line a series, its name at its end.

use std::cmp::Ordering;
use std::fmt::Write;

use super::page::escaped;
use super::plot::{Frame, Plot, decimals, spread};
use super::scale::Unit;

/// A line of a chart.
#[derive(Clone, Debug)]
pub struct Series {
    /// Its name.
    pub name: String,
    /// Size and ratio, sizes ascending.
    pub points: Vec<(u64, f64)>,
    /// Drawn thin, without marks, in the colour of the series at this place: the same in finer detail.
    pub detail_of: Option<usize>,
}

/// A chart of ratios over sizes.
///
/// ```
/// use strata_cli::report::{Chart, Series, Unit};
///
/// let points = vec![(10, 0.9), (100, 0.5)];
/// let chart = Chart {
///     title: "Misses of a.trace".to_owned(),
///     sizes: "objects".to_owned(),
///     ratios: "miss ratio".to_owned(),
///     unit: Unit::Count,
///     series: vec![Series { name: "lru".to_owned(), points, detail_of: None }],
/// };
/// assert!(chart.wide().starts_with("<svg"));
/// ```
#[derive(Clone, Debug)]
pub struct Chart {
    /// What those read out who do not see it.
    pub title: String,
    /// What the sizes are.
    pub sizes: String,
    /// What the ratios are.
    pub ratios: String,
    /// What the sizes count.
    pub unit: Unit,
    /// The lines.
    pub series: Vec<Series>,
}

/// The colours of Okabe and Ito, which those who see colours differently tell apart; yellow is left out as it is pale, and ink put in.
const COLOURS: usize = 7;

/// Dashes: with the colours 28 lines that differ.
const DASHES: [&str; 4] = ["", "7 4", "1.5 4", "9 3 2 3"];

const MARKS: usize = 5;

/// The room beside a name for a piece of its line.
const SWATCH: f64 = 36.0;

/// The distance of lines of text.
const LINE: f64 = 15.0;

const NARROW: Frame = Frame {
    width: 400.0,
    height: 330.0,
    left: 48.0,
    right: 12.0,
    top: 10.0,
    bottom: 44.0,
    ticks: 5,
};

impl Chart {
    /// For windows of a screen's width: names stand at the ends of their lines.
    #[must_use]
    pub fn wide(&self) -> String {
        self.draw("wide", self.wide_frame(), true)
    }

    /// For narrow windows: without names, which [`legend`](Self::legend) tells.
    #[must_use]
    pub fn narrow(&self) -> String {
        self.draw("narrow", NARROW, false)
    }

    fn wide_frame(&self) -> Frame {
        let names = self.named().count() as f64;
        let longest = self
            .named()
            .map(|(_, series)| series.name.chars().count())
            .max();
        Frame {
            width: 1140.0,
            height: (names * LINE + 90.0).max(480.0),
            left: 58.0,
            right: 44.0 + SWATCH + (longest.unwrap_or(0) as f64 * 7.4).clamp(40.0, 300.0),
            top: 14.0,
            bottom: 46.0,
            ticks: 12,
        }
    }

    /// From where to where the axis of the sizes goes in the wide drawing.
    pub(super) fn wide_axis(&self) -> (f64, f64) {
        self.wide_frame().axis()
    }

    /// The same in the narrow drawing.
    pub(super) fn narrow_axis(&self) -> (f64, f64) {
        NARROW.axis()
    }

    /// A list of the lines, in the order of their ends from above.
    #[must_use]
    pub fn legend(&self) -> String {
        let mut html = String::from("<ul class=\"legend\">\n");
        for (index, series) in self.by_end() {
            let (colour, dash) = style(index);
            let mark = mark(index, 17.0, 6.0);
            put(
                &mut html,
                format_args!(
                    "<li><svg viewBox=\"0 0 34 12\" aria-hidden=\"true\"><path class=\"curve s{colour}\"{dash} d=\"M1 6H33\"/>{mark}</svg>{}</li>\n",
                    escaped(&series.name)
                ),
            );
        }
        html + "</ul>\n"
    }

    fn draw(&self, class: &str, frame: Frame, with_names: bool) -> String {
        let plot = Plot::of(self, frame);
        let title = escaped(&self.title);
        let mut svg = String::new();
        put(
            &mut svg,
            format_args!(
                "<svg class=\"{class}\" viewBox=\"0 0 {} {}\" role=\"img\" aria-label=\"{title}\">\n",
                frame.width, frame.height
            ),
        );
        self.axes(&plot, &mut svg);
        for (index, series) in self.series.iter().enumerate() {
            self.line(&plot, index, series, &mut svg);
        }
        if with_names {
            self.names(&plot, &mut svg);
        }
        svg + "</svg>\n"
    }

    fn axes(&self, plot: &Plot, svg: &mut String) {
        let Frame {
            width,
            height,
            left,
            right,
            top,
            bottom,
            ..
        } = plot.frame;
        let (end, floor) = (width - right, height - bottom);
        let digits = decimals(&plot.ratios);
        for ratio in &plot.ratios {
            let y = plot.y(*ratio);
            put(
                svg,
                format_args!("<path class=\"grid\" d=\"M{left} {y:.1}H{end:.1}\"/>"),
            );
            let (x, y) = (left - 7.0, y + 4.0);
            put(
                svg,
                format_args!(
                    "<text x=\"{x}\" y=\"{y:.1}\" text-anchor=\"end\">{ratio:.digits$}</text>\n"
                ),
            );
        }
        for size in &plot.sizes {
            let x = plot.x(*size);
            // At the right edge of a narrow drawing the middle of the text would be outside with its end.
            let anchor = if x + 24.0 > width { "end" } else { "middle" };
            put(
                svg,
                format_args!("<path class=\"grid\" d=\"M{x:.1} {top}V{floor}\"/>"),
            );
            let y = floor + 17.0;
            let shown = escaped(&self.unit.show(*size));
            put(
                svg,
                format_args!(
                    "<text x=\"{x:.1}\" y=\"{y}\" text-anchor=\"{anchor}\">{shown}</text>\n"
                ),
            );
        }
        put(
            svg,
            format_args!("<path class=\"axis\" d=\"M{left} {top}V{floor}H{end:.1}\"/>\n"),
        );
        let (x, y) = (f64::midpoint(left, end), height - 8.0);
        put(
            svg,
            format_args!(
                "<text x=\"{x:.1}\" y=\"{y}\" text-anchor=\"middle\">{}</text>\n",
                escaped(&self.sizes)
            ),
        );
        let y = f64::midpoint(top, floor);
        put(
            svg,
            format_args!(
                "<text x=\"13\" y=\"{y:.1}\" text-anchor=\"middle\" transform=\"rotate(-90 13 {y:.1})\">{}</text>\n",
                escaped(&self.ratios)
            ),
        );
    }

    fn line(&self, plot: &Plot, index: usize, series: &Series, svg: &mut String) {
        let (colour, dash) = style(series.detail_of.unwrap_or(index));
        let mut path = String::new();
        for (step, (size, ratio)) in series.points.iter().enumerate() {
            let letter = if step == 0 { 'M' } else { 'L' };
            put(
                &mut path,
                format_args!("{letter}{:.1} {:.1}", plot.x(*size), plot.y(*ratio)),
            );
        }
        let name = escaped(&series.name);
        put(
            svg,
            format_args!("<g class=\"series\"><title>{name}</title>"),
        );
        let thin = if series.detail_of.is_some() {
            " thin"
        } else {
            ""
        };
        put(
            svg,
            format_args!("<path class=\"curve{thin} s{colour}\"{dash} d=\"{path}\"/>"),
        );
        if series.detail_of.is_none() && series.points.len() <= 40 {
            for (size, ratio) in &series.points {
                svg.push_str(&mark(index, plot.x(*size), plot.y(*ratio)));
            }
        }
        svg.push_str("</g>\n");
    }

    /// The names to the right, each as near to its line's end as the others leave room, and led there.
    fn names(&self, plot: &Plot, svg: &mut String) {
        let named = self.by_end();
        let wanted: Vec<f64> = named
            .iter()
            .map(|(_, series)| plot.y(series.end().1))
            .collect();
        let room = (plot.frame.top + 6.0, plot.frame.height - plot.frame.bottom);
        let places = spread(&wanted, LINE, room);
        let start = plot.frame.width - plot.frame.right;
        for ((index, series), y) in named.into_iter().zip(places) {
            let (colour, dash) = style(index);
            let (size, ratio) = series.end();
            let (x0, y0) = (plot.x(size) + 5.0, plot.y(ratio));
            let (bend, x1, x) = (start + 6.0, start + 22.0, start + 26.0);
            put(
                svg,
                format_args!(
                    "<path class=\"lead s{colour}\" d=\"M{x0:.1} {y0:.1}L{bend:.1} {y0:.1}L{x1:.1} {y:.1}\"/>"
                ),
            );
            let mark = mark(index, x + 15.0, y);
            put(
                svg,
                format_args!(
                    "<path class=\"curve s{colour}\"{dash} d=\"M{x:.1} {y:.1}h30\"/>{mark}"
                ),
            );
            let (x, y) = (x + SWATCH, y + 4.0);
            put(
                svg,
                format_args!(
                    "<text class=\"name f{colour}\" x=\"{x:.1}\" y=\"{y:.1}\">{}</text>\n",
                    escaped(&series.name)
                ),
            );
        }
    }

    /// The series that have a name to show, with their places.
    fn named(&self) -> impl Iterator<Item = (usize, &Series)> {
        let series = self.series.iter().enumerate();
        series.filter(|(_, series)| series.detail_of.is_none() && !series.points.is_empty())
    }

    /// These by their last ratio, from above.
    fn by_end(&self) -> Vec<(usize, &Series)> {
        let mut named: Vec<_> = self.named().collect();
        // Where lines end at one point, by how they came there.
        let height = |series: &Series| {
            (
                series.end().1,
                series.points.iter().map(|point| point.1).sum::<f64>(),
            )
        };
        named
            .sort_by(|(_, a), (_, b)| height(b).partial_cmp(&height(a)).unwrap_or(Ordering::Equal));
        named
    }
}

impl Series {
    fn end(&self) -> (u64, f64) {
        self.points.last().copied().unwrap_or((1, 0.0))
    }
}

/// Colour and dash of the series at this place.
fn style(index: usize) -> (usize, String) {
    let dash = match DASHES[index / COLOURS % DASHES.len()] {
        "" => String::new(),
        dash => format!(" stroke-dasharray=\"{dash}\""),
    };
    (index % COLOURS, dash)
}

/// A mark of the series at this place.
fn mark(index: usize, x: f64, y: f64) -> String {
    let colour = index % COLOURS;
    let path = match index % MARKS {
        0 => format!(
            "M{:.1} {y:.1}a2.6 2.6 0 1 0 5.2 0a2.6 2.6 0 1 0 -5.2 0",
            x - 2.6
        ),
        1 => format!("M{:.1} {:.1}h4.8v4.8h-4.8z", x - 2.4, y - 2.4),
        2 => format!("M{x:.1} {:.1}l3 5.2h-6z", y - 3.3),
        3 => format!("M{x:.1} {:.1}l3.2 3.2l-3.2 3.2l-3.2 -3.2z", y - 3.2),
        _ => format!("M{x:.1} {:.1}l3 -5.2h-6z", y + 3.3),
    };
    format!("<path class=\"mark s{colour} f{colour}\" d=\"{path}\"/>")
}

fn put(text: &mut String, what: std::fmt::Arguments<'_>) {
    text.write_fmt(what).expect("a string takes all text");
}
