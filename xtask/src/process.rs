//! A program to run: arguments and environment as data, never a shell string.

use std::ffi::{OsStr, OsString};
use std::fmt;
use std::path::{Path, PathBuf};
use std::process::{Command, ExitStatus};

use anyhow::{Context, Result, bail};

/// A program with its arguments, its environment and the folder it runs in.
#[derive(Clone, Debug)]
pub(crate) struct Program {
    name: OsString,
    args: Vec<OsString>,
    /// `None` takes the variable out of the environment that the program inherits.
    env: Vec<(&'static str, Option<OsString>)>,
    dir: Option<PathBuf>,
}

impl Program {
    pub(crate) fn new(name: impl AsRef<OsStr>) -> Self {
        Self {
            name: name.as_ref().to_owned(),
            args: Vec::new(),
            env: Vec::new(),
            dir: None,
        }
    }

    /// The cargo that started this process, kept from downloading toolchains or components.
    pub(crate) fn cargo() -> Self {
        let cargo = std::env::var_os("CARGO").unwrap_or_else(|| "cargo".into());
        Self::new(cargo).env("RUSTUP_DIST_SERVER", "http://127.0.0.1:9")
    }

    pub(crate) fn arg(mut self, arg: impl AsRef<OsStr>) -> Self {
        self.args.push(arg.as_ref().to_owned());
        self
    }

    pub(crate) fn args<A: AsRef<OsStr>>(mut self, args: impl IntoIterator<Item = A>) -> Self {
        self.args
            .extend(args.into_iter().map(|arg| arg.as_ref().to_owned()));
        self
    }

    pub(crate) fn env(mut self, variable: &'static str, value: impl AsRef<OsStr>) -> Self {
        self.env.push((variable, Some(value.as_ref().to_owned())));
        self
    }

    pub(crate) fn without_env(mut self, variable: &'static str) -> Self {
        self.env.push((variable, None));
        self
    }

    /// Sets `RUSTFLAGS`, and sees to it that cargo looks at no other source of flags first.
    pub(crate) fn rustflags(self, flags: &str) -> Self {
        self.without_env("CARGO_ENCODED_RUSTFLAGS")
            .env("RUSTFLAGS", flags)
    }

    pub(crate) fn dir(mut self, dir: impl AsRef<Path>) -> Self {
        self.dir = Some(dir.as_ref().to_owned());
        self
    }

    /// Runs with this process's standard streams; an exit other than 0 is an error.
    pub(crate) fn run(&self) -> Result<()> {
        let status = self.status()?;
        if !status.success() {
            bail!("`{self}` ended with {status}");
        }
        Ok(())
    }

    /// Runs with this process's standard streams and returns how it ended.
    pub(crate) fn status(&self) -> Result<ExitStatus> {
        self.command()
            .status()
            .with_context(|| format!("cannot start `{self}`"))
    }

    /// Runs in silence and returns what it wrote to standard output; on failure, the error holds
    /// all that it wrote.
    pub(crate) fn output(&self) -> Result<String> {
        let output = self
            .command()
            .output()
            .with_context(|| format!("cannot start `{self}`"))?;
        if !output.status.success() {
            bail!(
                "`{self}` ended with {}\n{}{}",
                output.status,
                String::from_utf8_lossy(&output.stdout),
                String::from_utf8_lossy(&output.stderr),
            );
        }
        String::from_utf8(output.stdout).with_context(|| format!("`{self}` wrote no UTF-8"))
    }

    fn command(&self) -> Command {
        let mut command = Command::new(&self.name);
        command.args(&self.args);
        for (variable, value) in &self.env {
            match value {
                Some(value) => command.env(variable, value),
                None => command.env_remove(variable),
            };
        }
        if let Some(dir) = &self.dir {
            command.current_dir(dir);
        }
        command
    }
}

/// The line that one would type: variables that matter, the program's name, its arguments.
impl fmt::Display for Program {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        for (variable, value) in &self.env {
            // What keeps rustup from downloading is set by nobody who types.
            let typed = !["RUSTUP_DIST_SERVER", "RUSTUP_AUTO_INSTALL"].contains(variable);
            if let (true, Some(value)) = (typed, value) {
                write!(f, "{variable}={} ", quoted(value))?;
            }
        }
        let name = Path::new(&self.name).file_name().unwrap_or(&self.name);
        f.write_str(&quoted(name))?;
        for arg in &self.args {
            write!(f, " {}", quoted(arg))?;
        }
        Ok(())
    }
}

fn quoted(word: &OsStr) -> String {
    let word = word.to_string_lossy();
    let plain = |c: char| c.is_ascii_alphanumeric() || "-_=./:,+@".contains(c);
    if !word.is_empty() && word.chars().all(plain) {
        word.into_owned()
    } else {
        format!("'{word}'")
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_program_shows_as_the_line_to_type() {
        let program = Program::new("/somewhere/bin/cargo")
            .env("RUSTFLAGS", "--cfg model")
            .without_env("OTHER")
            .args(["test", "--package", "slab-core"]);
        assert_eq!(
            program.to_string(),
            "RUSTFLAGS='--cfg model' cargo test --package slab-core"
        );
    }

    #[test]
    fn a_failure_names_the_program_and_its_end() {
        let error = Program::new("false").run().unwrap_err().to_string();
        assert!(
            error.starts_with("`false` ended with exit status"),
            "{error}"
        );
    }

    #[test]
    fn a_missing_program_is_named() {
        let error = Program::new("no-such-program-anywhere").run().unwrap_err();
        assert!(error.to_string().contains("no-such-program-anywhere"));
    }

    #[test]
    fn output_is_captured_and_variables_reach_the_program() {
        let env = Program::new("env")
            .env("STRATA_XTASK_PROBE", "1")
            .output()
            .unwrap();
        assert!(env.lines().any(|line| line == "STRATA_XTASK_PROBE=1"));
        let env = Program::new("env")
            .env("STRATA_XTASK_PROBE", "1")
            .without_env("STRATA_XTASK_PROBE")
            .output()
            .unwrap();
        assert!(!env.contains("STRATA_XTASK_PROBE"));
    }
}
