//! Prints outcomes: a table for people, CSV for programs.

use std::fmt::Write as _;

use strata_cli::table::{Column, Table};

use crate::Outcome;

/// The CSV form: `race,workload,contender,unit,median,min,max,checksum`.
///
/// The checksum is hexadecimal; a wrong contender's has `wrong:` before it.
pub fn csv(outcomes: &[Outcome]) -> String {
    let mut out = String::from("race,workload,contender,unit,median,min,max,checksum\n");
    for outcome in outcomes {
        for standing in &outcome.standings {
            let wrong = if standing.wrong { "wrong:" } else { "" };
            let _ = writeln!(
                out,
                "{},{},{},{},{:.4},{:.4},{:.4},{wrong}{:016x}",
                outcome.race,
                outcome.workload,
                standing.contender,
                outcome.unit,
                standing.median,
                standing.min,
                standing.max,
                standing.checksum
            );
        }
    }
    out
}

/// The table form; the last column is each contender's ratio to the best right one of its workload.
pub fn table(outcomes: &[Outcome]) -> String {
    let mut table = Table::new([
        Column::word("race"),
        Column::word("workload"),
        Column::word("contender"),
        Column::word("unit"),
        Column::number("median"),
        Column::number("min"),
        Column::number("max"),
        Column::number("to best"),
    ]);
    for outcome in outcomes {
        let best = outcome
            .standings
            .iter()
            .filter(|standing| !standing.wrong)
            .map(|standing| standing.figure)
            .min_by(f64::total_cmp);
        for standing in &outcome.standings {
            let ratio = match best {
                _ if standing.wrong => "WRONG".to_owned(),
                Some(best) if best > 0.0 => format!("{:.2}x", standing.figure / best),
                _ => "-".to_owned(),
            };
            table.row([
                outcome.race.to_owned(),
                outcome.workload.clone(),
                standing.contender.clone(),
                outcome.unit.to_owned(),
                figure(standing.median),
                figure(standing.min),
                figure(standing.max),
                ratio,
            ]);
        }
    }
    table.to_string()
}

fn figure(value: f64) -> String {
    if value >= 1000.0 {
        format!("{value:.0}")
    } else if value >= 10.0 {
        format!("{value:.1}")
    } else {
        format!("{value:.3}")
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::Standing;

    #[test]
    fn csv_marks_wrong_answers() {
        let standing = Standing {
            contender: "peer".to_owned(),
            figure: 1.5,
            median: 1.5,
            min: 1.0,
            max: 2.0,
            checksum: 255,
            wrong: true,
        };
        let outcome = Outcome {
            race: "slab",
            workload: "get".to_owned(),
            unit: "ns",
            standings: vec![standing],
        };
        assert_eq!(
            csv(&[outcome]),
            "race,workload,contender,unit,median,min,max,checksum\n\
             slab,get,peer,ns,1.5000,1.0000,2.0000,wrong:00000000000000ff\n"
        );
    }
}
