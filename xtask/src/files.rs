//! The files of the workspace: what git tracks, or would.

use std::path::{Path, PathBuf};

use anyhow::Result;

use crate::process::Program;

/// The files that belong to the workspace, relative to its root: what git tracks or would add;
/// in a copy without git, all but the build directories.
pub(crate) fn of(root: &Path) -> Result<Vec<PathBuf>> {
    if root.join(".git").exists() {
        let listed = git(root)
            .args(["ls-files", "-z", "--cached", "--others"])
            .arg("--exclude-standard")
            .output()?;
        let files = listed.split('\0').filter(|file| !file.is_empty());
        return Ok(files.map(PathBuf::from).collect());
    }
    let mut files = Vec::new();
    let mut folders = vec![PathBuf::new()];
    while let Some(folder) = folders.pop() {
        for entry in std::fs::read_dir(root.join(&folder))? {
            let entry = entry?;
            let path = folder.join(entry.file_name());
            if !entry.file_type()?.is_dir() {
                files.push(path);
            } else if entry.file_name() != "target" {
                folders.push(path);
            }
        }
    }
    files.sort();
    Ok(files)
}

/// git in `root`, whatever repository the environment names: a hook's names its own.
fn git(root: &Path) -> Program {
    Program::new("git")
        .dir(root)
        .without_env("GIT_DIR")
        .without_env("GIT_WORK_TREE")
        .without_env("GIT_INDEX_FILE")
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn without_git_all_files_are_found_but_those_that_a_build_made() {
        let root = tempfile::tempdir().unwrap();
        for file in ["a/src/lib.rs", "a/target/debug/made.rs", "README.md"] {
            let path = root.path().join(file);
            std::fs::create_dir_all(path.parent().unwrap()).unwrap();
            std::fs::write(path, "").unwrap();
        }
        let found = of(root.path()).unwrap();
        assert_eq!(found, [Path::new("README.md"), Path::new("a/src/lib.rs")]);
    }

    #[test]
    fn with_git_what_it_ignores_is_left_out() {
        let root = tempfile::tempdir().unwrap();
        git(root.path()).arg("init").output().unwrap();
        for (file, text) in [("new.rs", ""), ("made.rs", ""), (".gitignore", "made.rs\n")] {
            std::fs::write(root.path().join(file), text).unwrap();
        }
        let found = of(root.path()).unwrap();
        assert_eq!(found, [Path::new(".gitignore"), Path::new("new.rs")]);
    }
}
