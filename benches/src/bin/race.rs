//! `cargo xtask race`: runs races and, with `--check`, compares them with `reach.csv`.

use std::io::{stdin, stdout};
use std::process::{Command, ExitCode};

use anyhow::bail;
use clap::{Parser, ValueEnum};
use strata_benches::{
    CountingAllocator, Effort, Harness, Outcome, Reach, Verdict, csv, races, serve, table,
};

#[global_allocator]
static ALLOCATOR: CountingAllocator = CountingAllocator;

/// Side-by-side races against peers; lower is better in every unit.
///
/// Contenders take turns, round after round, in one process. Only the work is timed: inputs, tables that
/// are to be full and warm memory are made before. Contenders that must give the same answer are compared
/// by checksum. Compare figures of one run only, and run it on a machine that does nothing else.
#[derive(Debug, Parser)]
#[command(
    name = "race",
    after_help = "Examples:\n  race slab --check\n  race slab --only cache- --rounds 15\n  race all --format csv > figures.csv"
)]
struct Args {
    /// Which races to run
    #[arg(value_parser = ["slab", "pool", "policy", "memory", "tiered", "disk", "all"])]
    race: String,
    /// Run only the workloads whose name contains this
    #[arg(
        long,
        value_name = "TEXT",
        default_value = "",
        hide_default_value = true
    )]
    only: String,
    /// Rounds of each contender; the median counts, or the smallest where a worst case is measured
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
    /// Runs rounds of one contender of one workload, one for each line of standard input
    #[arg(long, num_args = 2, value_names = ["WORKLOAD", "CONTENDER"], hide = true)]
    serve: Option<Vec<String>>,
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
    if let Some([workload, contender]) = args.serve.as_deref() {
        serve_one(&chosen, effort, workload, contender)?;
        return Ok(ExitCode::SUCCESS);
    }
    let program = std::env::current_exe()?;
    let harness = Harness::new(args.rounds);
    let mut outcomes = Vec::new();
    for race in &chosen {
        for build in races::workloads(race).into_iter().flatten() {
            for workload in build(effort) {
                if !workload.name.contains(&args.only) {
                    continue;
                }
                eprintln!("{race}: {}", workload.name);
                outcomes.extend(harness.run(match workload.isolated {
                    true => workload.in_processes(|workload, contender| {
                        let mut command = Command::new(&program);
                        command.args([race, "--serve", workload, contender]);
                        command.args(args.quick.then_some("--quick"));
                        command
                    }),
                    false => workload,
                }));
            }
        }
    }
    if outcomes.is_empty() {
        bail!("no workload's name contains {:?}", args.only);
    }
    match args.format {
        Format::Table => println!("{}", table(&outcomes)),
        Format::Csv => print!("{}", csv(&outcomes)),
    }
    let wrong = report_wrong(&outcomes);
    if args.check && !check(&chosen, &args.only, &outcomes) || wrong {
        return Ok(ExitCode::FAILURE);
    }
    Ok(ExitCode::SUCCESS)
}

/// What a contender's own process does.
fn serve_one(
    races: &[&str],
    effort: Effort,
    workload: &str,
    contender: &str,
) -> anyhow::Result<()> {
    let builds = races.iter().filter_map(|race| races::workloads(race));
    let mut workloads = builds.flatten().flat_map(|build| build(effort));
    let mut entrants = workloads
        .find(|one| one.name == workload)
        .map(|one| one.contenders)
        .unwrap_or_default();
    let Some(entrant) = entrants.iter_mut().find(|one| one.name == contender) else {
        bail!("no {contender:?} runs {workload:?}");
    };
    serve(entrant, stdin().lock(), stdout().lock())?;
    Ok(())
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

fn check(chosen: &[&str], only: &str, outcomes: &[Outcome]) -> bool {
    let mut all_reached = true;
    for row in Reach::all()
        .iter()
        .filter(|row| chosen.contains(&row.race.as_str()) && row.workload.contains(only))
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
