//! Guides with tables that are made from measurements.

use std::fs;

use anyhow::{Context, Result, ensure};

use crate::workspace::Workspace;

/// Puts the tables into a guide, each between the two lines that name it; with `check` it compares them instead, and tells to run
/// `task` where they differ.
pub(crate) fn write(
    workspace: &Workspace,
    path: &str,
    tables: &[(&str, String)],
    check: bool,
    task: &str,
) -> Result<()> {
    let file = workspace.root.join(path);
    let guide = fs::read_to_string(&file).with_context(|| format!("read {path}"))?;
    let mut made = guide.clone();
    for (name, table) in tables {
        made = place(&made, name, table).with_context(|| path.to_owned())?;
    }
    if check {
        ensure!(
            made == guide,
            "{path} has other tables than the traces give: run `cargo xtask {task}`"
        );
        return Ok(());
    }
    fs::write(&file, made).with_context(|| format!("write {path}"))
}

/// Puts a table between the lines `<!-- NAME -->` and `<!-- /NAME -->`.
fn place(guide: &str, name: &str, table: &str) -> Result<String> {
    let (open, close) = (format!("<!-- {name} -->\n"), format!("<!-- /{name} -->"));
    let parts = guide.split_once(&open).and_then(|(before, rest)| {
        let (_, after) = rest.split_once(&close)?;
        Some((before, after))
    });
    let (before, after) =
        parts.with_context(|| format!("the guide has no place for the table {name}"))?;
    Ok(format!("{before}{open}\n{table}\n{close}{after}"))
}

#[cfg(test)]
mod tests {
    use super::place;

    #[test]
    fn a_table_takes_the_place_of_the_one_before() {
        let guide = "a\n<!-- x -->\nold\n<!-- /x -->\nb\n";
        let made = place(guide, "x", "new\n").unwrap();
        assert_eq!(made, "a\n<!-- x -->\n\nnew\n\n<!-- /x -->\nb\n");
        assert_eq!(place(&made, "x", "new\n").unwrap(), made);
        assert!(place(guide, "y", "").is_err());
    }
}
