//! A progress bar on stderr, shown only when that is a terminal.

use std::io::Read;
use std::time::Duration;

use indicatif::{ProgressBar, ProgressStyle};

/// A bar that counts up to a known total, or a spinner where the total is unknown; nothing at all unless stderr is a terminal.
///
/// It clears itself when dropped, so that errors and tables stand alone.
///
/// ```
/// use strata_cli::progress::Progress;
///
/// let progress = Progress::bytes("reading", Some(4096));
/// progress.at(1024);
/// ```
#[derive(Debug)]
pub struct Progress(ProgressBar);

impl Progress {
    /// Counts bytes, of `total` if that is known.
    #[must_use]
    pub fn bytes(message: impl Into<String>, total: Option<u64>) -> Self {
        Self::new(message.into(), total, "{bytes}/{total_bytes}", "{bytes}")
    }

    /// Counts requests, of `total` if that is known.
    #[must_use]
    pub fn requests(message: impl Into<String>, total: Option<u64>) -> Self {
        Self::new(
            message.into(),
            total,
            "{human_pos}/{human_len}",
            "{human_pos}",
        )
    }

    fn new(message: String, total: Option<u64>, of_total: &str, alone: &str) -> Self {
        let (bar, template) = match total {
            Some(total) => (
                ProgressBar::new(total),
                format!("{{msg}} {{wide_bar}} {of_total}, {{eta}} left"),
            ),
            None => (
                ProgressBar::new_spinner(),
                format!("{{msg}} {{spinner}} {alone}, {{elapsed}}"),
            ),
        };
        // A template that does not parse is a mistake in this file, which the unit test below would show.
        let style = ProgressStyle::with_template(&template).expect("the template parses");
        let bar = bar.with_style(style).with_message(message);
        if !bar.is_hidden() {
            bar.enable_steady_tick(Duration::from_millis(200));
        }
        Self(bar)
    }

    /// A reader that shows how far it came, in bytes.
    pub fn reading<R: Read>(&self, source: R) -> impl Read + use<R> {
        self.0.wrap_read(source)
    }

    /// Shows how far the work came.
    pub fn at(&self, position: u64) {
        self.0.set_position(position);
    }
}

impl Drop for Progress {
    fn drop(&mut self) {
        self.0.finish_and_clear();
    }
}

#[cfg(test)]
mod tests {
    use super::Progress;

    #[test]
    fn every_template_parses() {
        for total in [None, Some(10)] {
            let bars = [
                Progress::bytes("reading", total),
                Progress::requests("replaying", total),
            ];
            for bar in &bars {
                bar.at(7);
            }
            assert!(bars.iter().all(|bar| bar.0.position() == 7));
        }
    }
}
