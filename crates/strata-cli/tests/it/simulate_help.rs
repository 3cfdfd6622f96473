//! `strata simulate --help`: every option, every policy with its parameters.

use cache_policies::AnyConfig;
use tempfile::TempDir;

use crate::command::strata_in;
use crate::simulate::simulate;

#[test]
fn help_explains_every_option_and_shows_examples() {
    let folder = TempDir::new().unwrap();
    let run = simulate(&folder, &["--help"]);
    assert_eq!((run.code, run.stderr.as_str()), (Some(0), ""));
    for part in [
        "--policies",
        "--sizes",
        "--byte-weighted",
        "--threads",
        "--sample",
        "--target",
        "--report",
        "--explain",
        "--lru-curve",
        "Memory:",
        "0.1%..10%:20",
        "--format",
        "--trace-format",
        "--expansion-max",
        "[default: all]",
        "0.1%,1%,10%",
        "Examples:",
        "oracleGeneral",
        "MiB",
    ] {
        assert!(
            run.stdout.contains(part),
            "{part} is not in\n{}",
            run.stdout
        );
    }
    assert!(
        run.stdout.lines().all(|line| line.chars().count() <= 100),
        "{}",
        run.stdout
    );
    let top = strata_in(folder.path(), ["--help"]);
    assert!(
        top.stdout.contains("simulate") && top.stdout.contains("Exit codes"),
        "{}",
        top.stdout
    );
    assert!(
        top.stdout.lines().all(|line| line.chars().count() <= 100),
        "{}",
        top.stdout
    );
}

#[test]
fn help_lists_every_policy_with_its_parameters() {
    let folder = TempDir::new().unwrap();
    let help = simulate(&folder, &["--help"]).stdout;
    for config in AnyConfig::all() {
        let name = format!("\n  {}\n", config.name());
        let (_, below) = help.split_once(&name).expect(&name);
        for (parameter, value, expected) in config.parameters() {
            let line = format!("      {parameter}={value}: {expected}");
            assert!(below.contains(&line), "{line} is not in\n{help}");
        }
    }
    assert!(help.contains("\n  tinylfu/NAME"), "{help}");
}
