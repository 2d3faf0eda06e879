//! Checks that README and `docs/` match the program's own tables of keys, options, figures and rules. With
//! `UPDATE_README=1` in the environment, differences are written into the pages. Linux only, because GPU sources, paths
//! and keys differ on other systems.
#![cfg(target_os = "linux")]
#![allow(clippy::unwrap_used, reason = "a failing step fails the test")]

use std::fmt::Write;
use std::sync::Mutex;

use tokscope::cli::options_markdown;
use tokscope::domain::attempt::ERROR_BOUND;
use tokscope::domain::metrics::METRICS;
use tokscope::report::bottleneck::rules_markdown;
use tokscope::ui::keymap::key_table_markdown;

const README: &str = concat!(env!("CARGO_MANIFEST_DIR"), "/README.md");
const BOTTLENECK: &str = concat!(env!("CARGO_MANIFEST_DIR"), "/docs/bottleneck.md");
/// Lets one test at a time read and write a page.
static FILE: Mutex<()> = Mutex::new(());

/// Checks that a page contains `table` between `<!-- name: … -->` and `<!-- /name -->`.
fn assert_table(page: &str, name: &str, table: &str) {
    let _alone = FILE.lock().unwrap_or_else(std::sync::PoisonError::into_inner);
    let text = std::fs::read_to_string(page).unwrap();
    let (before, after) = text.split_once(&format!("<!-- {name}:")).unwrap();
    let (mark, after) = after.split_once("-->\n").unwrap();
    let (part, after) = after.split_once(&format!("<!-- /{name} -->")).unwrap();
    let table = table.trim();
    if part.trim() == table {
        return;
    }
    assert!(
        std::env::var_os("UPDATE_README").is_some(),
        "the table '{name}' in {page} is outdated; run with UPDATE_README=1"
    );
    let written = format!("{before}<!-- {name}:{mark}-->\n\n{table}\n\n<!-- /{name} -->{after}");
    std::fs::write(page, written).unwrap();
}

#[test]
fn readme_lists_the_keys() {
    assert_table(README, "keys", &key_table_markdown());
}

#[test]
fn readme_lists_the_metrics() {
    let mut table = "| figure | meaning | in `results.json` |\n|---|---|---|\n".to_owned();
    for metric in METRICS {
        writeln!(table, "| {} | {} | `{}` |", metric.label, metric.help, metric.key).unwrap();
    }
    assert_table(README, "metrics", &table);
}

#[test]
fn docs_list_the_bottleneck_rules() {
    assert_table(BOTTLENECK, "rules", &rules_markdown());
}

#[test]
fn docs_state_the_bound_of_unresolved_figures() {
    let page = std::fs::read_to_string(concat!(env!("CARGO_MANIFEST_DIR"), "/docs/resolution.md")).unwrap();
    assert!(page.contains(&format!("**{:.0}%**", ERROR_BOUND * 100.0)));
}

#[test]
fn readme_lists_the_options() {
    assert_table(README, "options", &options_markdown());
}

/// Link targets that are files of this repository.
fn linked_files(page: &str) -> Vec<&str> {
    let targets = page.split("](").skip(1).filter_map(|rest| rest.split([')', '#']).next());
    targets.filter(|target| !target.is_empty() && !target.contains("://")).collect()
}

#[test]
fn the_map_of_the_code_links_to_files_that_exist_and_to_every_module() {
    let root = std::path::Path::new(env!("CARGO_MANIFEST_DIR"));
    let page = std::fs::read_to_string(root.join("ARCHITECTURE.md")).unwrap();
    let links = linked_files(&page);
    let missing: Vec<_> = links.iter().filter(|target| !root.join(target).is_file()).collect();
    assert!(missing.is_empty(), "ARCHITECTURE.md links to files that do not exist: {missing:?}");
    let lib = std::fs::read_to_string(root.join("src/lib.rs")).unwrap();
    let modules = lib.lines().filter_map(|line| line.strip_prefix("pub mod ")?.strip_suffix(';'));
    let unnamed: Vec<_> = modules.filter(|name| !links.contains(&format!("src/{name}.rs").as_str())).collect();
    assert!(unnamed.is_empty(), "ARCHITECTURE.md does not link to these modules: {unnamed:?}");
}
