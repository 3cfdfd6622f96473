//! Files that `strata trace` writes appear whole or not at all, and replace nothing unasked.

use std::fs;
use std::path::Path;
use std::process::{Command, Stdio};

use tempfile::TempDir;

use crate::trace_convert::{assert_passed, convert, keys_of, read};
use crate::traces::{oracle_general, requests_of, written, zstd};

/// The names in a folder, in order.
fn names(folder: &TempDir) -> Vec<String> {
    let entries = fs::read_dir(folder.path()).unwrap();
    let mut names: Vec<String> = entries
        .map(|entry| entry.unwrap().file_name().into_string().unwrap())
        .collect();
    names.sort();
    names
}

#[test]
fn a_file_that_is_there_is_replaced_only_by_force() {
    let folder = TempDir::new().unwrap();
    written(&folder, "in.lirs", b"1\n2\n1\n");
    for name in ["out.csv", "out.oracleGeneral", "out.keys.gz"] {
        written(&folder, name, b"precious");
        let run = convert(&folder, &["in.lirs", name]);
        assert_eq!(run.code, Some(2), "{run:?}");
        assert!(
            run.stderr.contains(&format!("{name}: exists: add --force")),
            "{run:?}"
        );
        assert_eq!(fs::read(folder.path().join(name)).unwrap(), b"precious");
        assert_passed(&convert(&folder, &["in.lirs", name, "--force"]));
        assert_eq!(keys_of(&read(&folder.path().join(name))), [1, 2, 1]);
    }
    // Onto itself, too.
    assert_passed(&convert(
        &folder,
        &["in.lirs", "in.lirs", "--force", "--to", "arc"],
    ));
    assert_eq!(
        fs::read(folder.path().join("in.lirs")).unwrap(),
        b"1 2 0 0\n1 1 0 1\n"
    );
    assert_eq!(
        names(&folder),
        ["in.lirs", "out.csv", "out.keys.gz", "out.oracleGeneral"]
    );
}

#[test]
fn a_trace_that_breaks_off_leaves_nothing_and_replaces_nothing() {
    let folder = TempDir::new().unwrap();
    let bytes = zstd(&oracle_general(&requests_of(&[1, 2, 3, 1])));
    written(&folder, "cut.oracleGeneral.zst", &bytes[..bytes.len() - 2]);
    written(&folder, "old.csv", b"precious");
    for (name, force) in [
        ("a.csv", &[][..]),
        ("a.oracleGeneral.gz", &[]),
        ("a.oracleGeneral", &[]),
        ("old.csv", &["--force"]),
    ] {
        let arguments = [&["cut.oracleGeneral.zst", name], force].concat();
        let run = convert(&folder, &arguments);
        assert_eq!((run.code, run.stdout.as_str()), (Some(1), ""), "{run:?}");
        assert!(
            run.stderr
                .contains("cut.oracleGeneral.zst: truncated at byte"),
            "{run:?}"
        );
    }
    assert_eq!(
        fs::read(folder.path().join("old.csv")).unwrap(),
        b"precious"
    );
    assert_eq!(names(&folder), ["cut.oracleGeneral.zst", "old.csv"]);
}

#[test]
fn places_that_cannot_be_written_to_are_refused() {
    let folder = TempDir::new().unwrap();
    written(&folder, "in.lirs", b"1\n");
    fs::create_dir(folder.path().join("dir.csv")).unwrap();
    for (name, code, told) in [
        ("dir.csv", 2, "dir.csv: a directory"),
        ("out.txt", 2, "out.txt: the name does not tell a format"),
        ("out", 2, "--to"),
        ("out.tsv", 2, "name it .csv"),
        (
            "no/such/out.csv",
            1,
            "no/such/out.csv: there is no folder no/such: make it first",
        ),
        ("-", 2, "--to"),
    ] {
        let run = convert(&folder, &["in.lirs", name]);
        assert_eq!(run.code, Some(code), "{run:?}");
        assert!(run.stderr.contains(told), "{run:?}");
        assert_eq!(run.stderr.lines().count(), 1, "{run:?}");
    }
    assert_eq!(names(&folder), ["dir.csv", "in.lirs"]);
}

#[test]
fn a_name_may_be_as_long_as_the_system_takes() {
    let folder = TempDir::new().unwrap();
    written(&folder, "in.lirs", b"1\n");
    let name = format!("{}.csv", "a".repeat(255 - 4));
    assert_passed(&convert(&folder, &["in.lirs", &name]));
    assert_eq!(names(&folder), [name.as_str(), "in.lirs"]);
}

#[cfg(unix)]
#[test]
fn links_are_followed_and_devices_written_to() {
    let folder = TempDir::new().unwrap();
    written(&folder, "in.lirs", b"1\n2\n");
    written(&folder, "real.csv", b"precious");
    std::os::unix::fs::symlink("real.csv", folder.path().join("link.csv")).unwrap();
    std::os::unix::fs::symlink("nowhere.csv", folder.path().join("dangling.csv")).unwrap();
    assert_passed(&convert(&folder, &["in.lirs", "link.csv", "--force"]));
    assert!(
        fs::symlink_metadata(folder.path().join("link.csv"))
            .unwrap()
            .is_symlink()
    );
    assert_eq!(
        fs::read(folder.path().join("real.csv")).unwrap(),
        b"key\n1\n2\n"
    );
    assert_eq!(convert(&folder, &["in.lirs", "dangling.csv"]).code, Some(2));
    for format in ["csv", "oracleGeneral"] {
        assert_passed(&convert(&folder, &["in.lirs", "/dev/null", "--to", format]));
    }
    assert_eq!(
        names(&folder),
        ["dangling.csv", "in.lirs", "link.csv", "real.csv"]
    );
}

#[cfg(target_os = "linux")]
#[test]
fn a_full_disk_is_told() {
    let folder = TempDir::new().unwrap();
    written(&folder, "in.lirs", "85\n".repeat(10_000).as_bytes());
    for format in ["csv", "oracleGeneral", "arc"] {
        let run = convert(&folder, &["in.lirs", "/dev/full", "--to", format]);
        assert_eq!(run.code, Some(1), "{run:?}");
        assert!(
            run.stderr
                .starts_with("error: /dev/full: cannot write: No space left"),
            "{run:?}"
        );
    }
}

#[cfg(target_os = "linux")]
#[test]
fn a_standard_output_that_is_full_is_told_by_its_name_once() {
    let folder = TempDir::new().unwrap();
    written(&folder, "in.lirs", "85\n".repeat(10_000).as_bytes());
    for arguments in [
        "trace info in.lirs",
        "trace info in.lirs --format json",
        "trace head in.lirs -n 10000",
        "trace head in.lirs -n 10000 --format json",
        "trace convert in.lirs - --to csv",
        "trace convert in.lirs - --to oracleGeneral",
        "simulate in.lirs --sizes 1 --policies lru",
    ] {
        let full = fs::File::options().write(true).open("/dev/full").unwrap();
        let output = Command::new(env!("CARGO_BIN_EXE_strata"))
            .args(arguments.split(' '))
            .current_dir(folder.path())
            .stdin(Stdio::null())
            .stdout(full)
            .output()
            .unwrap();
        let told = String::from_utf8(output.stderr).unwrap();
        assert_eq!(output.status.code(), Some(1), "{arguments}: {told}");
        assert_eq!(
            told, "error: cannot write to standard output: No space left on device (os error 28)\n",
            "{arguments}"
        );
    }
}

#[cfg(unix)]
#[test]
fn a_new_file_has_the_permissions_of_any_new_file() {
    use std::os::unix::fs::PermissionsExt;

    let folder = TempDir::new().unwrap();
    let mode = |path: &Path| fs::metadata(path).unwrap().permissions().mode();
    let any = mode(&written(&folder, "in.lirs", b"1\n2\n"));
    for name in ["a.csv", "a.oracleGeneral", "a.keys.xz"] {
        assert_passed(&convert(&folder, &["in.lirs", name]));
        assert_eq!(mode(&folder.path().join(name)), any, "{name}");
    }
}
