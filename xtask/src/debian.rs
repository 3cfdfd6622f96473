//! Tools that neither rustup's stable toolchain nor a C compiler brings: Debian packages them, and
//! they are installed here where that is allowed.
//!
//! Debian's rustc comes with the sources of std, so that `-Zbuild-std` needs no download.

use std::path::Path;

use anyhow::{Context, Result, bail};

use crate::process::Program;
use crate::workspace::Workspace;

/// Where Debian's compiler and its documentation tool are.
const RUSTC: &str = "/usr/bin/rustc";
const RUSTDOC: &str = "/usr/bin/rustdoc";

/// A package and the file by which its presence is seen.
type Tool = (&'static str, &'static str);

/// A compiler that can build std from source.
pub(crate) const BUILD_STD: [Tool; 2] = [
    ("rustc-web", RUSTC),
    (
        "rust-web-src",
        "/usr/lib/rustlib/src/rust/library/core/src/lib.rs",
    ),
];

/// The linker and the run-time libraries of the sanitizers.
pub(crate) const SANITIZERS: [Tool; 2] = [
    ("clang-22", "/usr/bin/clang-22"),
    (
        "libclang-rt-22-dev",
        "/usr/lib/llvm-22/lib/clang/22/lib/linux",
    ),
];

/// What makes single system calls fail.
pub(crate) const STRACE: [Tool; 1] = [("strace", "/usr/bin/strace")];

/// The server that the tests of the store in Redis start for themselves.
pub(crate) const REDIS: [Tool; 1] = [("redis-server", "/usr/bin/redis-server")];

/// As [`ensure`], for tools without which a task does less: it goes on, and says what becomes of
/// the tests that need them.
pub(crate) fn wish(tools: &[Tool], without: &str) {
    if let Err(error) = ensure(tools) {
        eprintln!("   {error:#}; the tests that need it {without}");
    }
}

/// cargo with Debian's compiler, which may build std: `-Zbuild-std` works.
pub(crate) fn cargo(workspace: &Workspace) -> Program {
    workspace
        .cargo_into("debian")
        .env("RUSTC", RUSTC)
        .env("RUSTDOC", RUSTDOC)
        .env("RUSTC_BOOTSTRAP", "1")
        // `cargo run` points it at the libraries of another compiler.
        .without_env("LD_LIBRARY_PATH")
}

/// Sees to it that `tools` are there: installs what is missing, or says what to type.
pub(crate) fn ensure(tools: &[Tool]) -> Result<()> {
    let missing = missing(tools, |file| Path::new(file).exists());
    if missing.is_empty() {
        return Ok(());
    }
    let [update, install] = commands(&missing);
    let root = Program::new("id").arg("-u").output();
    let may_install =
        root.is_ok_and(|id| id.trim() == "0") && Path::new("/usr/bin/apt-get").exists();
    if !may_install {
        bail!(
            "this task needs {}; on Debian, as root: {update} && {install}",
            missing.join(", ")
        );
    }
    eprintln!(
        "   installing {}, which this task needs",
        missing.join(", ")
    );
    for command in [update, install] {
        eprintln!("   {command}");
        command
            .run()
            .context("the system's package manager failed")?;
    }
    Ok(())
}

/// The packages whose file does not exist.
fn missing(tools: &[Tool], exists: impl Fn(&str) -> bool) -> Vec<&'static str> {
    let absent = tools.iter().filter(|(_, file)| !exists(file));
    absent.map(|(package, _)| *package).collect()
}

/// What refreshes the package lists and what installs `packages`.
fn commands(packages: &[&str]) -> [Program; 2] {
    let apt = Program::new("apt-get").env("DEBIAN_FRONTEND", "noninteractive");
    let install = ["install", "--yes", "--no-install-recommends"];
    [apt.clone().arg("update"), apt.args(install).args(packages)]
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn only_what_is_missing_is_installed() {
        let tools = [("one", "/one"), ("two", "/two")];
        assert_eq!(missing(&tools, |file| file == "/one"), ["two"]);
        assert_eq!(missing(&tools, |_| true), [""; 0]);
    }

    #[test]
    fn the_commands_refresh_the_lists_first() {
        let [update, install] = commands(&["rustc-web", "clang-22"]);
        assert_eq!(
            update.to_string(),
            "DEBIAN_FRONTEND=noninteractive apt-get update"
        );
        assert_eq!(
            install.to_string(),
            "DEBIAN_FRONTEND=noninteractive apt-get install --yes --no-install-recommends \
             rustc-web clang-22"
        );
    }
}
