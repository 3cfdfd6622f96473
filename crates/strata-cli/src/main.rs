//! The `strata` command: parses its arguments, runs the subcommand, turns the outcome into an exit code.

#![forbid(unsafe_code)]

use std::io::{self, Write};
use std::process::ExitCode;

use clap::Parser;
use strata_cli::args::Cli;
use strata_cli::outcome::{self, Outcome};
use strata_cli::standard_output::StandardOutput;

fn main() -> ExitCode {
    let cli = Cli::parse();
    let stdout = io::stdout();
    let mut out = io::BufWriter::new(StandardOutput::new(stdout.lock()));
    let result = cli.run(&mut out);
    // Rows printed before a failure are still worth having.
    let flushed = out.flush();
    match result.and_then(|outcome| Ok(flushed.map(|()| outcome)?)) {
        Ok(Outcome::Passed) => ExitCode::SUCCESS,
        Ok(Outcome::WrongValues) => ExitCode::from(1),
        Err(error) if outcome::is_closed_pipe(&error) => ExitCode::SUCCESS,
        Err(error) => {
            // Stderr may be gone too; there is nobody left to tell then.
            let _ = writeln!(io::stderr(), "error: {error:#}");
            outcome::exit_code(&error)
        }
    }
}
