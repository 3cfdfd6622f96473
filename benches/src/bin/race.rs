//! `cargo xtask race`: runs races and, with `--check`, compares them with `reach.csv`.

use std::process::ExitCode;

use anyhow::bail;
use clap::{Parser, ValueEnum};
use strata_benches::{
    CountingAllocator, Effort, Harness, Outcome, Reach, Verdict, csv, races, table,
};

#[global_allocator]
static ALLOCATOR: CountingAllocator = CountingAllocator;

/// Side-by-side races against peers; lower is better in every unit.
#[derive(Debug, Parser)]
#[command(name = "race")]
struct Args {
    /// Which races to run
    #[arg(value_parser = ["slab", "pool", "policy", "memory", "all"])]
    race: String,
    /// Rounds of each contender; the median counts
    #[arg(long, default_value_t = 7)]
    rounds: usize,
    /// A fiftieth of the work: shows that the races run, says nothing of speed
    #[arg(long)]
    quick: bool,
    /// How to print the figures
    #[arg(long, value_enum, default_value_t = Format::Table)]
    format: Format,
    /// Say for each row of reach.csv whether it was reached; exit 1 where one was not
    #[arg(long)]
    check: bool,
}

#[derive(Clone, Copy, Debug, ValueEnum)]
enum Format {
    Table,
    Csv,
}

fn main() -> anyhow::Result<ExitCode> {
    let args = Args::parse();
    if args.rounds == 0 {
        bail!("--rounds 0 measures nothing; give at least 1");
    }
    let chosen: Vec<&str> = if args.race == "all" {
        races::RACES.to_vec()
    } else {
        vec![args.race.as_str()]
    };
    let effort = if args.quick {
        Effort::Quick
    } else {
        Effort::Full
    };
    let harness = Harness::new(args.rounds);
    let mut outcomes = Vec::new();
    for race in &chosen {
        for build in races::workloads(race).into_iter().flatten() {
            for workload in build(effort) {
                eprintln!("{race}: {}", workload.name);
                outcomes.push(harness.run(workload));
            }
        }
    }
    match args.format {
        Format::Table => println!("{}", table(&outcomes)),
        Format::Csv => print!("{}", csv(&outcomes)),
    }
    let wrong = report_wrong(&outcomes);
    if args.check && !check(&chosen, &outcomes) || wrong {
        return Ok(ExitCode::FAILURE);
    }
    Ok(ExitCode::SUCCESS)
}

/// Names our entrants that answered wrongly; a peer's wrong answer is its own affair.
fn report_wrong(outcomes: &[Outcome]) -> bool {
    let mut any = false;
    for outcome in outcomes {
        for standing in outcome.standings.iter().filter(|standing| standing.wrong) {
            eprintln!(
                "{} {}: {} answered wrongly",
                outcome.race, outcome.workload, standing.contender
            );
            any |= standing.contender.starts_with("strata");
        }
    }
    any
}

fn check(chosen: &[&str], outcomes: &[Outcome]) -> bool {
    let mut all_reached = true;
    for row in Reach::all()
        .iter()
        .filter(|row| chosen.contains(&row.race.as_str()))
    {
        let (word, ratio) = match row.judge(outcomes) {
            Verdict::Reached(ratio) => ("reached", format!("{ratio:.3}")),
            Verdict::Missed(ratio) => ("missed", format!("{ratio:.3}")),
            Verdict::Unknown(why) => ("missed", why.to_owned()),
        };
        all_reached &= word == "reached";
        let peers = if row.peers.is_empty() {
            "absolute".to_owned()
        } else {
            row.peers.join("|")
        };
        println!(
            "{word}: {} ({} {}, {} to {peers}): {ratio}, to reach {}",
            row.id, row.race, row.workload, row.contender, row.reach
        );
    }
    all_reached
}
