//! Where and how a report came to be: the machine, the command line, the day.

use std::fmt::Write;
use std::num::NonZeroUsize;
use std::time::{SystemTime, UNIX_EPOCH};
use std::{env, fs, thread};

/// The processor as the system names it, the cores that this process may use, the system.
#[must_use]
pub fn machine() -> String {
    let processor = fs::read_to_string("/proc/cpuinfo").ok().and_then(|text| {
        let line = text.lines().find(|line| line.starts_with("model name"))?;
        Some(line.split_once(':')?.1.trim().to_owned())
    });
    let processor = processor.unwrap_or_else(|| env::consts::ARCH.to_owned());
    let cores = thread::available_parallelism().map_or(1, NonZeroUsize::get);
    let cores = if cores == 1 {
        "1 core".to_owned()
    } else {
        format!("{cores} cores")
    };
    format!("{processor}, {cores}, {}", env::consts::OS)
}

/// This process's command line, words quoted as a shell wants them.
#[must_use]
pub fn command_line() -> String {
    let words = env::args_os().enumerate().map(|(index, word)| {
        let word = word.to_string_lossy().into_owned();
        match (index, word.rsplit(['/', '\\']).next()) {
            // The program's name says all that its folder would not say elsewhere.
            (0, Some(name)) => name.to_owned(),
            _ => quoted(&word),
        }
    });
    words.collect::<Vec<_>>().join(" ")
}

fn quoted(word: &str) -> String {
    let is_plain = |c: char| c.is_ascii_alphanumeric() || "-_./:,=%+@".contains(c);
    if !word.is_empty() && word.chars().all(is_plain) {
        return word.to_owned();
    }
    let mut text = String::from("'");
    for c in word.chars() {
        match c {
            '\'' => text.push_str("'\\''"),
            c if c.is_control() => drop(write!(text, "{}", c.escape_default())),
            c => text.push(c),
        }
    }
    text + "'"
}

/// Today, by the clock in UTC: `2026-11-20`.
#[must_use]
pub fn date() -> String {
    let since = SystemTime::now()
        .duration_since(UNIX_EPOCH)
        .unwrap_or_default();
    let (year, month, day) = civil(since.as_secs() / 86_400);
    format!("{year}-{month:02}-{day:02}")
}

/// The date so many days after 1970-01-01, by Hinnant's "chrono-compatible low-level date algorithms": years begin in March there,
/// so that the day that comes every four years is a year's last.
fn civil(days: u64) -> (u64, u64, u64) {
    let days = days + 719_468;
    let (era, day) = (days / 146_097, days % 146_097);
    let year = (day - day / 1460 + day / 36_524 - day / 146_096) / 365;
    let day = day - (365 * year + year / 4 - year / 100);
    let month = (5 * day + 2) / 153;
    let day = day - (153 * month + 2) / 5 + 1;
    let month = if month < 10 { month + 3 } else { month - 9 };
    (era * 400 + year + u64::from(month <= 2), month, day)
}

#[cfg(test)]
mod tests {
    use super::{civil, quoted};

    #[test]
    fn days_become_dates() {
        for (days, date) in [
            (0, (1970, 1, 1)),
            (11_016, (2000, 2, 29)),
            (11_017, (2000, 3, 1)),
            (19_722, (2023, 12, 31)),
            (20_777, (2026, 11, 20)),
            (47_540, (2100, 2, 28)),
            (47_541, (2100, 3, 1)),
        ] {
            assert_eq!(civil(days), date, "{days}");
        }
    }

    #[test]
    fn words_that_a_shell_would_part_are_quoted() {
        for (word, shown) in [
            ("0.1%..10%:20", "0.1%..10%:20"),
            ("", "''"),
            ("a b", "'a b'"),
            ("it's", "'it'\\''s'"),
            ("a\nb", "'a\\nb'"),
        ] {
            assert_eq!(quoted(word), shown);
        }
    }
}
