//! The steps of a run: each is announced, timed, and stands in the table at the end.

use std::fmt::Write as _;
use std::time::{Duration, Instant};

use anyhow::{Context, Result};

use crate::process::Program;

/// The record of one run of xtask.
#[derive(Debug, Default)]
pub(crate) struct Steps {
    rows: Vec<Row>,
}

#[derive(Debug)]
struct Row {
    name: String,
    time: Duration,
    passed: bool,
}

impl Steps {
    /// Runs `program` as one step; the error names the step.
    pub(crate) fn run(&mut self, name: &str, program: &Program) -> Result<()> {
        self.perform(name, || {
            eprintln!("   {program}");
            program.run()
        })
    }

    /// Does `work` as one step; the error names the step.
    pub(crate) fn perform<T>(&mut self, name: &str, work: impl FnOnce() -> Result<T>) -> Result<T> {
        eprintln!("\n== {name}");
        let start = Instant::now();
        let result = work();
        let time = start.elapsed();
        self.rows.push(Row {
            name: name.to_owned(),
            time,
            passed: result.is_ok(),
        });
        eprintln!("== {name}: {:.1} s", time.as_secs_f64());
        result.with_context(|| format!("step `{name}` failed"))
    }

    /// The table of steps with seconds; empty for a run without steps.
    pub(crate) fn table(&self) -> String {
        let mut table = String::new();
        if self.rows.is_empty() {
            return table;
        }
        table.push_str("  seconds  step\n");
        for row in &self.rows {
            let mark = if row.passed { "" } else { "  FAILED" };
            let seconds = row.time.as_secs_f64();
            writeln!(table, "{seconds:9.1}  {}{mark}", row.name).expect("a String takes all");
        }
        let total: Duration = self.rows.iter().map(|row| row.time).sum();
        writeln!(table, "{:9.1}  in all", total.as_secs_f64()).expect("a String takes all");
        table
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_table_lists_steps_in_order_and_marks_the_one_that_failed() {
        let mut steps = Steps::default();
        steps.run("true", &Program::new("true")).unwrap();
        let error = steps.run("false", &Program::new("false")).unwrap_err();
        assert_eq!(error.to_string(), "step `false` failed");
        let table = steps.table();
        let lines: Vec<&str> = table.lines().collect();
        assert_eq!(lines.len(), 4);
        assert_eq!(lines[0], "  seconds  step");
        assert!(lines[1].ends_with("  true"));
        assert!(lines[2].ends_with("  false  FAILED"));
        assert!(lines[3].ends_with("  in all"));
    }

    #[test]
    fn seconds_stand_in_one_column() {
        let steps = Steps {
            rows: vec![
                Row {
                    name: "short".into(),
                    time: Duration::from_millis(250),
                    passed: true,
                },
                Row {
                    name: "long".into(),
                    time: Duration::from_secs(1200),
                    passed: true,
                },
            ],
        };
        assert_eq!(
            steps.table(),
            "  seconds  step\n      0.2  short\n   1200.0  long\n   1200.2  in all\n"
        );
    }

    #[test]
    fn a_run_without_steps_has_no_table() {
        assert_eq!(Steps::default().table(), "");
    }
}
