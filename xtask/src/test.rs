//! `test`: all tests of all crates, doctests included, and every example run to its end.
//!
//! The README's command: it needs the Rust toolchain, a C compiler and redis-server, which it
//! installs where it may. With strace, which it installs too, system calls are made to fail. The
//! benches package, which compiles the peers, is not part of it.

use std::path::PathBuf;

use anyhow::{Context, Result, ensure};
use serde_json::Value;

use crate::debian;
use crate::process::Program;
use crate::steps::Steps;
use crate::workspace::{BENCHES, Workspace};

/// Runs the tests, then the examples, which the tests have built.
pub(crate) fn run(steps: &mut Steps, workspace: &Workspace) -> Result<()> {
    debian::wish(&debian::STRACE, "are skipped");
    debian::wish(&debian::REDIS, "fail unless it is somewhere else");
    steps.run("test", &everything(workspace, "test"))?;
    let examples = steps.perform("examples: build", || examples(workspace))?;
    for example in examples {
        steps.perform(&format!("example {}", example.title), || {
            eprintln!("   {}", example.program);
            example.program.output().map(|_| ())
        })?;
    }
    Ok(())
}

struct Example {
    /// `package/example`.
    title: String,
    program: Program,
}

/// Builds the examples with the same choice of packages and features as the tests, so that nothing
/// is compiled a second time, and returns how to run each.
fn examples(workspace: &Workspace) -> Result<Vec<Example>> {
    let messages = everything(workspace, "build")
        .args(["--examples", "--message-format", "json-render-diagnostics"])
        .output()?;
    let built = built(&messages)?;
    let mut examples = Vec::new();
    let packages = workspace.members().filter(|p| p.name != BENCHES);
    for package in packages {
        for target in package.targets.iter().filter(|t| t.is("example")) {
            let title = format!("{}/{}", package.name, target.name);
            let found = built.iter().find(|(source, _)| *source == target.source);
            let (_, executable) =
                found.with_context(|| format!("cargo has not built the example {title}"))?;
            let program = Program::new(executable).dir(package.dir());
            examples.push(Example { title, program });
        }
    }
    ensure!(
        examples.len() == built.len(),
        "cargo has built {} examples, cargo metadata names {}",
        built.len(),
        examples.len()
    );
    Ok(examples)
}

/// Source and executable of every example in cargo's JSON messages.
fn built(messages: &str) -> Result<Vec<(PathBuf, PathBuf)>> {
    let mut built = Vec::new();
    for line in messages.lines() {
        let message: Value = serde_json::from_str(line)
            .with_context(|| format!("cargo wrote a message that is no JSON: {line}"))?;
        let target = &message["target"];
        if target["kind"] != serde_json::json!(["example"]) {
            continue;
        }
        let source = target["src_path"].as_str();
        let executable = message["executable"].as_str();
        if let (Some(source), Some(executable)) = (source, executable) {
            built.push((source.into(), executable.into()));
        }
    }
    Ok(built)
}

/// `cargo COMMAND` over all packages but the benches, with all features.
fn everything(workspace: &Workspace, command: &str) -> Program {
    workspace
        .cargo()
        .args([command, "--workspace", "--exclude", BENCHES])
        .arg("--all-features")
}

#[cfg(test)]
mod tests {
    use std::path::Path;

    use super::*;

    #[test]
    fn examples_are_found_among_what_cargo_built() {
        let messages = r#"{"reason":"compiler-artifact","target":{"kind":["lib"],"src_path":"a"},"executable":null}
{"reason":"compiler-artifact","target":{"kind":["example"],"src_path":"e.rs"},"executable":"t/e"}
{"reason":"build-finished","success":true}
"#;
        let built = built(messages).unwrap();
        assert_eq!(built, [(Path::new("e.rs").into(), Path::new("t/e").into())]);
    }

    #[test]
    fn a_message_that_is_no_json_is_an_error() {
        assert!(built("warning: something\n").is_err());
    }
}
