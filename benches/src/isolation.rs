//! Contenders in processes of their own: this program, started once more for each.

use std::io::{self, BufRead, BufReader, Write};
use std::process::{Child, ChildStdout, Command, Stdio};

use crate::{Contender, Sample, Workload};

impl Contender {
    /// A contender whose rounds are the lines of a process: for each line on its standard input it prints a sample as
    /// [`Sample::written`] does. The process starts with the first round.
    ///
    /// # Panics
    /// In a round, where the process cannot be started or ends too early.
    pub fn in_process(name: impl Into<String>, mut command: Command) -> Self {
        let mut process = None;
        Self::new(name, move || {
            process
                .get_or_insert_with(|| Process::start(&mut command))
                .round()
        })
    }
}

impl Workload {
    /// Lets each contender run in a process that `command` starts, given the workload's and the contender's name: one that
    /// calls [`serve`] with that contender.
    ///
    /// # Panics
    /// In a round, where the process cannot be started or ends too early.
    #[must_use]
    pub fn in_processes(mut self, command: impl Fn(&str, &str) -> Command) -> Self {
        for contender in &mut self.contenders {
            let name = contender.name.clone();
            let command = command(&self.name, &name);
            let group = contender.group;
            *contender = Contender::in_process(name, command);
            contender.group = group;
        }
        self
    }
}

/// Runs a round of `contender` for each line that comes, and writes its sample, until no more comes.
///
/// # Errors
/// When a line cannot be read, or a sample cannot be written.
pub fn serve(
    contender: &mut Contender,
    rounds: impl BufRead,
    mut samples: impl Write,
) -> io::Result<()> {
    for line in rounds.lines() {
        line?;
        writeln!(samples, "{}", contender.round().written())?;
        samples.flush()?;
    }
    Ok(())
}

/// A process that serves one contender.
struct Process {
    child: Child,
    samples: BufReader<ChildStdout>,
}

impl Process {
    fn start(command: &mut Command) -> Self {
        let mut child = command
            .stdin(Stdio::piped())
            .stdout(Stdio::piped())
            .spawn()
            .expect("this program can be started once more");
        let samples = BufReader::new(child.stdout.take().expect("a pipe"));
        Self { child, samples }
    }

    fn round(&mut self) -> Sample {
        let mut line = String::new();
        let rounds = self.child.stdin.as_mut().expect("a pipe");
        writeln!(rounds)
            .and_then(|()| self.samples.read_line(&mut line))
            .expect("the contender's process lives");
        Sample::read(&line).unwrap_or_else(|| panic!("no sample, but {line:?}"))
    }
}

impl Drop for Process {
    /// Its last line has been read, so it ends as soon as its input does.
    fn drop(&mut self) {
        drop(self.child.stdin.take());
        // It has given all that was asked of it.
        let _ = self.child.wait();
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_line_is_a_round() {
        let mut turn = 0.0;
        let mut contender = Contender::new("strata", move || {
            turn += 1.0;
            Sample::new(turn, 7)
        });
        let mut samples = Vec::new();
        serve(&mut contender, &b"\n\n"[..], &mut samples).unwrap();
        assert_eq!(samples, b"1 7 0 0\n2 7 0 0\n");
    }

    #[test]
    fn a_process_answers_round_by_round() {
        let workload = Workload::new("pool", "w", "ns").with(Contender::new("strata", || {
            panic!("the process runs the rounds");
        }));
        let mut workload = workload.in_processes(|workload, contender| {
            let mut command = Command::new("sed");
            command.args(["--unbuffered", "s/^$/2.5 7 0 0/"]);
            assert_eq!((workload, contender), ("w", "strata"));
            command
        });
        for _ in 0..2 {
            assert_eq!(workload.contenders[0].round(), Sample::new(2.5, 7));
        }
    }
}
