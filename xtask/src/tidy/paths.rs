//! No tracked text names a folder of the machine that it was written on.

use std::path::Path;

use super::Violation;

/// First components of absolute paths that differ from machine to machine. Written without their
/// slash, so that this file passes its own rule.
const MACHINE: [&str; 5] = ["root", "home", "tmp", "work", "Users"];

/// Reports each line of `text` that holds an absolute path of one machine.
pub(super) fn check(file: &Path, text: &str) -> Vec<Violation> {
    text.lines()
        .enumerate()
        .filter_map(|(index, line)| {
            let found = machine_path(line)?;
            let place = format!("{}:{}", file.display(), index + 1);
            Some(Violation::new(
                place,
                format!("names {found}, a path of one machine: make it relative"),
            ))
        })
        .collect()
}

/// The start of the first machine path in `line`. A slash that continues a word, a relative path
/// or an address starts none.
fn machine_path(line: &str) -> Option<String> {
    for (at, _) in line.match_indices('/') {
        let before = line[..at].chars().next_back();
        if before.is_some_and(|c| c.is_alphanumeric() || "._-/~}*)]>".contains(c)) {
            continue;
        }
        let rest = &line[at + 1..];
        let end = rest
            .find(|c: char| !(c.is_alphanumeric() || c == '_' || c == '-'))
            .unwrap_or(rest.len());
        let (first, after) = rest.split_at(end);
        // The home folder alone is a word; below it, or below the others, is a place.
        if MACHINE.contains(&first)
            && (after.starts_with('/') || first == "root" || first == "work")
        {
            return Some(format!("/{first}"));
        }
    }
    None
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn paths_of_one_machine_are_caught() {
        for first in MACHINE {
            for text in [
                format!("/{first}/project/file"),
                format!("let path = \"/{first}/x\";"),
                format!("see (/{first}/x)"),
                format!("--store=/{first}/x.redb"),
            ] {
                let violations = check(Path::new("README.md"), &format!("fine\n{text}\n"));
                assert_eq!(violations.len(), 1, "{text}");
                assert!(
                    violations[0]
                        .to_string()
                        .starts_with("README.md:2: names /")
                );
            }
        }
    }

    #[test]
    fn relative_paths_addresses_and_system_paths_pass() {
        for text in [
            "../root/x and ./tmp/x and target/tmp/x and ~/work/x",
            "https://docs.rs/home/x",
            "/usr/bin/rustc /proc/self /dev/null /etc/os-release",
            "a/work/x and/or work",
            "$HOME/tmp/x",
            "/// a comment, /rooted/ at /workspace/x",
        ] {
            assert_eq!(check(Path::new("x.md"), text), [], "{text}");
        }
    }
}
