//! What the README says of keys and figures is what the program's own tables say.
#![allow(clippy::unwrap_used, reason = "a test that cannot go on fails")]

use std::fmt::Write;

use tokscope::cli::options_markdown;
use tokscope::domain::metrics::METRICS;
use tokscope::ui::keymap::key_table_markdown;

/// What stands between `<!-- name: … -->` and `<!-- /name -->`.
fn part(name: &str) -> String {
    let readme = std::fs::read_to_string(concat!(env!("CARGO_MANIFEST_DIR"), "/README.md")).unwrap();
    let begin = format!("<!-- {name}:");
    let (_, after) = readme.split_once(&begin).unwrap();
    let (_, after) = after.split_once("-->\n").unwrap();
    after.split_once(&format!("<!-- /{name} -->")).unwrap().0.trim().to_owned()
}

#[test]
fn the_keys() {
    assert_eq!(part("keys"), key_table_markdown().trim(), "write this into README.md");
}

#[test]
fn the_metrics() {
    let mut table = "| figure | meaning | in `results.json` |\n|---|---|---|\n".to_owned();
    for metric in METRICS {
        writeln!(table, "| {} | {} | `{}` |", metric.label, metric.help, metric.key).unwrap();
    }
    assert_eq!(part("metrics"), table.trim(), "write this into README.md");
}

#[test]
fn the_options() {
    assert_eq!(part("options"), options_markdown(), "write this into README.md");
}
