//! The shape of a source file: header, size, name; what a crate root holds; who may be unsafe.

use std::path::{Component, Path};

use super::Violation;

/// Lines of a file past which tidy fails, and past which it warns.
const LINES_MAX: usize = 600;
const LINES_WARN: usize = 400;

/// Folders whose Rust files have rules.
const FOLDERS: [&str; 4] = ["crates", "benches", "xtask", "fuzz"];

/// Module names that say nothing about what is inside.
const VAGUE: [&str; 6] = ["util", "utils", "common", "helper", "helpers", "manager"];

/// Crate roots and the attribute on unsafe code that each must carry.
const ROOT_ATTRIBUTES: [(&str, &str); 5] = [
    (
        "crates/cache-policies/src/lib.rs",
        "#![forbid(unsafe_code)]",
    ),
    ("crates/cache-tiered/src/lib.rs", "#![deny(unsafe_code)]"),
    ("crates/strata-cli/src/lib.rs", "#![forbid(unsafe_code)]"),
    ("crates/strata-cli/src/main.rs", "#![forbid(unsafe_code)]"),
    ("xtask/src/main.rs", "#![forbid(unsafe_code)]"),
];

/// Whether these rules are about `file`, a path relative to the root of the workspace.
pub(super) fn is_source(file: &Path) -> bool {
    let first = file.components().next();
    file.extension().is_some_and(|extension| extension == "rs")
        && FOLDERS
            .iter()
            .any(|folder| first == Some(Component::Normal(folder.as_ref())))
}

/// All rules of one source file.
pub(super) fn check(file: &Path, text: &str) -> Vec<Violation> {
    let mut violations = Vec::new();
    let mut refuse = |message: String| violations.push(Violation::new(file.display(), message));
    if !has_header(file, text) {
        refuse("has no header: its first line is `//!` and what the file is".into());
    }
    let lines = text.lines().count();
    if lines > LINES_MAX {
        refuse(format!("has {lines} lines, over {LINES_MAX}: split it"));
    }
    for name in vague_names(file, text) {
        refuse(format!("module `{name}`: name it by what is in it"));
    }
    if file.ends_with("src/lib.rs") {
        for (number, line) in logic_lines(text) {
            refuse(format!(
                "line {number}: `{line}` in a crate root, which holds docs, `mod` and `use` only"
            ));
        }
    }
    for (root, attribute) in ROOT_ATTRIBUTES {
        if file == Path::new(root) && !text.lines().any(|line| line.starts_with(attribute)) {
            refuse(format!("lacks `{attribute}`"));
        }
    }
    violations
}

/// What may be a fault, to be looked at.
pub(super) fn warn(file: &Path, text: &str) -> Option<Violation> {
    let lines = text.lines().count();
    (LINES_WARN < lines && lines <= LINES_MAX).then(|| {
        let message = format!("has {lines} lines, over {LINES_WARN}: split it, or say why not");
        Violation::new(file.display(), message)
    })
}

/// Whether the file begins by saying what it is. A crate root may do so by including its README.
fn has_header(file: &Path, text: &str) -> bool {
    let includes = |line: &str| line.starts_with("#![doc = include_str!(");
    text.starts_with("//! ") || file.ends_with("src/lib.rs") && text.lines().any(includes)
}

/// Vague names in the file's own path and among the inline modules that it declares.
fn vague_names(file: &Path, text: &str) -> Vec<String> {
    let path = file.with_extension("");
    let in_path = path.iter().filter_map(|part| part.to_str());
    let declared = text.lines().filter_map(|line| {
        let rest = without_visibility(line.trim()).strip_prefix("mod ")?;
        rest.strip_suffix('{').map(str::trim)
    });
    in_path
        .chain(declared)
        .filter(|name| VAGUE.contains(name))
        .map(str::to_owned)
        .collect()
}

/// The lines of a crate root that are neither docs nor attributes nor `mod` nor `use`. Reads
/// formatted code line by line: an attribute or a `use` may run over several of them.
fn logic_lines(text: &str) -> Vec<(usize, String)> {
    let mut found = Vec::new();
    // What ends the item that began on an earlier line.
    let mut until: Option<&str> = None;
    for (index, line) in text.lines().enumerate() {
        let line = line.split("// ").next().unwrap_or_default().trim();
        if let Some(end) = until {
            if line.ends_with(end) {
                until = None;
            }
            continue;
        }
        let item = without_visibility(line);
        let attribute = line.starts_with("#[") || line.starts_with("#![");
        if line.is_empty() || line.starts_with("//") || line == "}" {
            continue;
        } else if attribute {
            until = (!line.ends_with(']')).then_some("]");
        } else if item.starts_with("use ") || item.starts_with("extern crate ") {
            until = (!line.ends_with(';')).then_some(";");
        } else if !(item.starts_with("mod ") && item.ends_with([';', '{', '}'])) {
            found.push((index + 1, line.to_owned()));
        }
    }
    found
}

/// `line` without a leading `pub` or `pub(...)`.
fn without_visibility(line: &str) -> &str {
    let Some(rest) = line.strip_prefix("pub") else {
        return line;
    };
    let rest = match rest.strip_prefix('(') {
        Some(scope) => scope.split_once(')').map_or(scope, |(_, rest)| rest),
        None => rest,
    };
    rest.trim_start()
}

#[cfg(test)]
mod tests {
    use super::*;

    fn found(file: &str, text: &str) -> Vec<String> {
        let violations = check(Path::new(file), text);
        violations.iter().map(Violation::to_string).collect()
    }

    #[test]
    fn sources_are_the_rust_files_of_the_packages() {
        for file in [
            "crates/a/src/x.rs",
            "xtask/src/main.rs",
            "fuzz/a.rs",
            "benches/b.rs",
        ] {
            assert!(is_source(Path::new(file)), "{file}");
        }
        for file in ["crates/a/README.md", "build.rs", "notes/xtask/a.rs"] {
            assert!(!is_source(Path::new(file)), "{file}");
        }
    }

    #[test]
    fn a_plain_file_passes() {
        assert_eq!(
            found("crates/a/src/depot.rs", "//! The depot.\n\nfn f() {}\n"),
            [""; 0]
        );
    }

    #[test]
    fn a_missing_header_is_caught() {
        for text in [
            "",
            "fn f() {}\n",
            "// The depot.\n",
            "//!\n//! The depot.\n",
        ] {
            assert!(
                found("crates/a/src/depot.rs", text)[0].contains("has no header"),
                "{text}"
            );
        }
    }

    #[test]
    fn only_a_crate_root_may_include_its_header() {
        let text = "#![no_std]\n#![doc = include_str!(\"../README.md\")]\n";
        assert_eq!(found("crates/a/src/lib.rs", text), [""; 0]);
        assert_eq!(found("crates/a/src/depot.rs", text).len(), 1);
    }

    #[test]
    fn a_long_file_is_warned_of_then_refused() {
        let file = Path::new("crates/a/src/depot.rs");
        let of = |lines: usize| format!("//! The depot.\n{}", "\n".repeat(lines - 1));
        assert_eq!(warn(file, &of(400)), None);
        assert!(warn(file, &of(401)).is_some());
        assert_eq!(check(file, &of(600)), []);
        assert_eq!(warn(file, &of(601)), None);
        assert!(
            check(file, &of(601))[0]
                .to_string()
                .contains("has 601 lines, over 600")
        );
    }

    #[test]
    fn vague_module_names_are_caught_as_file_folder_and_inline() {
        let header = "//! A file.\n";
        for name in VAGUE {
            assert_eq!(found(&format!("crates/a/src/{name}.rs"), header).len(), 1);
            assert_eq!(
                found(&format!("crates/a/src/{name}/mod.rs"), header).len(),
                1
            );
            let inline = format!("{header}pub(crate) mod {name} {{\n}}\n");
            assert_eq!(found("crates/a/src/depot.rs", &inline).len(), 1);
        }
        assert_eq!(found("crates/a/src/commonplace.rs", header), [""; 0]);
    }

    #[test]
    fn a_crate_root_of_docs_modules_and_uses_passes() {
        let root = "\
//! A crate.
//!
//! fn in_a_doc() {}
#![warn(
    missing_docs,
)]
#![doc = include_str!(\"../README.md\")]

#[cfg(feature = \"alloc\")]
extern crate alloc;

// A remark.
mod arena; // Why it comes first.
pub mod trace;
pub(crate) mod sync {
    pub(crate) use std::sync::Arc;
}

pub use arena::{
    Arena, Handle,
};
#[cfg(test)]
mod tests;
";
        assert_eq!(found("crates/a/src/lib.rs", root), [""; 0]);
    }

    #[test]
    fn logic_in_a_crate_root_is_caught() {
        for item in [
            "fn f() {}",
            "pub struct S;",
            "pub(crate) enum E {}",
            "impl S {}",
            "const C: u8 = 1;",
            "pub static S: u8 = 1;",
            "pub type T = u8;",
            "macro_rules! m {",
            "pub trait T {}",
            "m!();",
        ] {
            let root = format!("//! A crate.\n\n{item}\n");
            let violations = found("crates/a/src/lib.rs", &root);
            assert_eq!(violations.len(), 1, "{item}");
            assert!(violations[0].contains("line 3:"), "{violations:?}");
            assert_eq!(found("crates/a/src/depot.rs", &root), [""; 0]);
        }
    }

    #[test]
    fn logic_inside_an_inline_module_of_a_root_is_caught() {
        let root = "//! A crate.\n\nmod hidden {\n    pub trait Sealed {}\n}\n";
        assert_eq!(found("crates/a/src/lib.rs", root).len(), 1);
    }

    #[test]
    fn a_root_without_its_attribute_is_caught() {
        for (root, attribute) in ROOT_ATTRIBUTES {
            assert_eq!(
                found(root, "//! A crate.\n"),
                [format!("{root}: lacks `{attribute}`")]
            );
            assert_eq!(
                found(root, &format!("//! A crate.\n{attribute}\n")),
                [""; 0]
            );
            let commented = format!("//! A crate.\n// {attribute}\n");
            assert_eq!(found(root, &commented).len(), 1);
        }
    }
}
