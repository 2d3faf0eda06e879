//! README and `docs/` hold what the program's own tables say, and their links lead somewhere. With `UPDATE_README=1` in the environment,
//! tables that differ are written into their pages. Other systems have other GPU sources, folders and keys.
#![cfg(target_os = "linux")]
#![allow(clippy::unwrap_used, reason = "a test that cannot go on fails")]

use std::collections::BTreeSet;
use std::fmt::Write;
use std::net::TcpListener;
use std::path::{Path, PathBuf};
use std::process::{Command, Output, Stdio};
use std::sync::Mutex;

use pulldown_cmark::{Event, Options, Parser, Tag, TagEnd};
use serde_json::Value;
use tokscope::cli::options_markdown;
use tokscope::domain::attempt::ERROR_BOUND;
use tokscope::domain::metrics::METRICS;
use tokscope::report::bottleneck::rules_markdown;
use tokscope::ui::browser::keymap::browser_key_table_markdown;
use tokscope::ui::glossary::{signs_markdown, words_markdown};
use tokscope::ui::keymap::key_table_markdown;
use tokscope::ui::theme::ROLES;

/// Maximum length of the README in lines.
const README_LINES: usize = 150;
/// Prevents two tests from rewriting a page at the same time.
static FILE: Mutex<()> = Mutex::new(());

fn root() -> &'static Path {
    Path::new(env!("CARGO_MANIFEST_DIR"))
}

fn read(page: &str) -> String {
    std::fs::read_to_string(root().join(page)).unwrap()
}

/// Holds the part of a page between `<!-- name: … -->` and `<!-- /name -->` to `table`.
fn holds(page: &str, name: &str, table: &str) {
    let _alone = FILE.lock().unwrap_or_else(std::sync::PoisonError::into_inner);
    let text = read(page);
    let (before, after) = text.split_once(&format!("<!-- {name}:")).unwrap();
    let (mark, after) = after.split_once("-->\n").unwrap();
    let (part, after) = after.split_once(&format!("<!-- /{name} -->")).unwrap();
    let table = table.trim();
    if part.trim() == table {
        return;
    }
    assert!(
        std::env::var_os("UPDATE_README").is_some(),
        "the table '{name}' in {page} is out of date: UPDATE_README=1"
    );
    let written = format!("{before}<!-- {name}:{mark}-->\n\n{table}\n\n<!-- /{name} -->{after}");
    std::fs::write(root().join(page), written).unwrap();
}

#[test]
fn the_keys() {
    holds("docs/keys.md", "keys", &key_table_markdown());
    holds("docs/keys.md", "browser keys", &browser_key_table_markdown());
}

#[test]
fn the_glossary() {
    holds("docs/glossary.md", "words", &words_markdown());
    holds("docs/glossary.md", "signs", &signs_markdown());
}

#[test]
fn the_metrics() {
    let mut table = "| figure | meaning | in `results.json` |\n|---|---|---|\n".to_owned();
    for metric in METRICS {
        writeln!(table, "| {} | {} | `{}` |", metric.label, metric.help, metric.key).unwrap();
    }
    holds("docs/figures.md", "metrics", &table);
}

#[test]
fn the_roles_of_a_theme() {
    let mut table = "| role | where | follows |\n|---|---|---|\n".to_owned();
    for role in ROLES {
        let follows = role.follows.map_or_else(String::new, |other| format!("`{other}`"));
        writeln!(table, "| `{}` | {} | {follows} |", role.name, role.help).unwrap();
    }
    holds("docs/settings.md", "roles", &table);
}

#[test]
fn the_bottleneck_rules() {
    holds("docs/bottleneck.md", "rules", &rules_markdown());
}

#[test]
fn the_bound_of_unresolved_figures() {
    assert!(read("docs/resolution.md").contains(&format!("**{:.0}%**", ERROR_BOUND * 100.0)));
}

#[test]
fn the_options() {
    holds("docs/options.md", "options", &options_markdown());
}

#[test]
fn the_keys_of_an_export() {
    let schema: Value = serde_json::from_str(&read("docs/results.schema.json")).unwrap();
    let mut tables = String::new();
    describe(&schema, "", &mut tables);
    for (name, definition) in schema["$defs"].as_object().unwrap() {
        write!(tables, "### {name}\n\n{}\n\n", definition["description"].as_str().unwrap()).unwrap();
        if definition.get("properties").is_some() {
            describe(definition, "", &mut tables);
        } else {
            write!(tables, "{}\n\n", type_of(definition)).unwrap();
        }
    }
    holds("docs/results-json.md", "results", &tables);
}

#[test]
fn the_apis_of_an_export() {
    let schema: Value = serde_json::from_str(&read("docs/results.schema.json")).unwrap();
    assert_eq!(
        schema.pointer("/properties/target/properties/api/enum"),
        Some(&tokscope::protocol::api::names().into())
    );
}

/// Writes the table of an object's keys, then those of the objects below it.
fn describe(object: &Value, path: &str, out: &mut String) {
    let mut below = Vec::new();
    out.push_str("| key | type | meaning |\n|---|---|---|\n");
    for (key, value) in object["properties"].as_object().unwrap() {
        let meaning = value["description"].as_str().unwrap();
        writeln!(out, "| `{key}` | {} | {meaning} |", type_of(value)).unwrap();
        let inner = value.pointer("/anyOf/0").or_else(|| value.get("items")).unwrap_or(value);
        if inner.get("properties").is_some() {
            below.push((format!("{path}{key}"), inner));
        }
    }
    out.push('\n');
    for (path, inner) in below {
        write!(out, "### {path}\n\n").unwrap();
        describe(inner, &format!("{path}."), out);
    }
}

/// Type of a value in words: `number, null`, `list of attempt`, `"poisson", "constant"`.
fn type_of(value: &Value) -> String {
    if let Some(name) = value.get("$ref").and_then(Value::as_str) {
        let name = name.rsplit('/').next().unwrap();
        return format!("[{name}](#{name})");
    }
    if let Some(branches) = value.get("anyOf").and_then(Value::as_array) {
        return branches.iter().map(type_of).collect::<Vec<_>>().join(", ");
    }
    if let Some(constant) = value.get("const") {
        return format!("`{constant}`");
    }
    if let Some(values) = value.get("enum").and_then(Value::as_array) {
        let words = values.iter().map(|v| if v.is_null() { "null".to_owned() } else { format!("`{v}`") });
        return words.collect::<Vec<_>>().join(", ");
    }
    let names: Vec<_> = match &value["type"] {
        Value::Array(names) => names.iter().map(|name| name.as_str().unwrap()).collect(),
        name => vec![name.as_str().unwrap()],
    };
    let words = names.iter().map(|name| match (*name, value.get("items")) {
        ("array", Some(items)) if items.get("properties").is_none() => format!("list of {}", type_of(items)),
        ("array", _) => "list".to_owned(),
        (name, _) => name.to_owned(),
    });
    words.collect::<Vec<_>>().join(", ")
}

/// Pages of the repository that a reader sees, relative to its root.
fn pages() -> Vec<String> {
    let at_root = ["README.md", "ARCHITECTURE.md", "CONTRIBUTING.md", "CHANGELOG.md"].map(str::to_owned);
    at_root.into_iter().chain(book_pages().into_iter().map(|page| format!("docs/{page}"))).collect()
}

/// Pages of the book, without its summary.
fn book_pages() -> BTreeSet<String> {
    let files = std::fs::read_dir(root().join("docs")).unwrap().map(|f| f.unwrap().file_name().into_string().unwrap());
    files
        .filter(|name| Path::new(name).extension().is_some_and(|ending| ending == "md") && name != "SUMMARY.md")
        .collect()
}

/// Targets of a page's links and pictures, and the anchors of its headings.
fn links_and_anchors(text: &str) -> (Vec<String>, BTreeSet<String>) {
    let (mut links, mut anchors, mut heading) = (Vec::new(), BTreeSet::new(), None);
    for event in Parser::new_ext(text, Options::ENABLE_TABLES) {
        match event {
            Event::Start(Tag::Link { dest_url, .. } | Tag::Image { dest_url, .. }) => {
                links.push(dest_url.into_string());
            }
            Event::Start(Tag::Heading { .. }) => heading = Some(String::new()),
            Event::End(TagEnd::Heading(_)) => drop(anchors.insert(anchor(&heading.take().unwrap_or_default()))),
            Event::Text(part) | Event::Code(part) => {
                if let Some(heading) = &mut heading {
                    heading.push_str(&part);
                }
            }
            Event::Html(html) | Event::InlineHtml(html) => {
                let attributes =
                    ["src=\"", "srcset=\"", "href=\""].into_iter().flat_map(|name| html.split(name).skip(1));
                links.extend(attributes.filter_map(|rest| Some(rest.split_once('"')?.0.to_owned())));
            }
            _ => {}
        }
    }
    (links, anchors)
}

/// Anchor that GitHub and mdBook give to a heading.
fn anchor(heading: &str) -> String {
    let kept = heading.chars().filter(|c| c.is_alphanumeric() || [' ', '-', '_'].contains(c));
    kept.map(|c| if c == ' ' { '-' } else { c }).collect::<String>().to_lowercase()
}

/// Path and anchor of a link on a page; `None` if the link leaves the repository.
fn local_target(page: &str, link: &str) -> Option<(PathBuf, String)> {
    if link.contains("://") || link.starts_with("mailto:") {
        return None;
    }
    let (file, anchor) = link.split_once('#').unwrap_or((link, ""));
    let page = root().join(page);
    let path = if file.is_empty() { page } else { page.parent().unwrap().join(file) };
    Some((path, anchor.to_owned()))
}

#[test]
fn every_link_of_a_page_leads_to_a_file_and_a_heading_that_exist() {
    let mut broken = Vec::new();
    for page in pages().into_iter().chain(["docs/SUMMARY.md".to_owned()]) {
        for link in links_and_anchors(&read(&page)).0 {
            let Some((path, anchor)) = local_target(&page, &link) else { continue };
            let text = path.is_file().then(|| std::fs::read_to_string(&path).unwrap());
            if text.is_none_or(|text| !anchor.is_empty() && !links_and_anchors(&text).1.contains(&anchor)) {
                broken.push(format!("{page}: {link}"));
            }
        }
    }
    assert!(broken.is_empty(), "broken links:\n{}", broken.join("\n"));
}

#[test]
fn pages_of_the_book_link_outside_it_only_to_what_is_copied_beside_it() {
    let copies = read("scripts/book");
    let mut outside = Vec::new();
    for page in book_pages() {
        let links = links_and_anchors(&read(&format!("docs/{page}"))).0;
        let leaves = |link: &String| {
            link.strip_prefix("../").is_some_and(|path| !path.starts_with("assets/") && !copies.contains(path))
        };
        outside.extend(links.into_iter().filter(leaves).map(|link| format!("{page}: {link}")));
    }
    assert!(outside.is_empty(), "the built book has no such file:\n{}", outside.join("\n"));
}

#[test]
fn the_summary_lists_every_page_of_the_book_once() {
    let mut listed = links_and_anchors(&read("docs/SUMMARY.md")).0;
    listed.sort();
    assert_eq!(listed, book_pages().into_iter().collect::<Vec<_>>());
}

#[test]
fn the_readme_is_short_and_links_to_every_page_of_the_book() {
    let text = read("README.md");
    assert!(text.lines().count() <= README_LINES, "the README has {} lines", text.lines().count());
    let links = links_and_anchors(&text).0;
    let unlinked: Vec<_> = book_pages().into_iter().filter(|page| !links.contains(&format!("docs/{page}"))).collect();
    assert_eq!(unlinked, ["README.md"], "the book's first page repeats the README");
}

#[test]
fn the_map_of_the_code_links_to_every_module() {
    let links = links_and_anchors(&read("ARCHITECTURE.md")).0;
    let lib = read("src/lib.rs");
    let modules = lib.lines().filter_map(|line| line.strip_prefix("pub mod ")?.strip_suffix(';'));
    let unnamed: Vec<_> = modules.filter(|name| !links.contains(&format!("src/{name}.rs"))).collect();
    assert!(unnamed.is_empty(), "ARCHITECTURE.md does not link to these modules: {unnamed:?}");
}

/// Blocks of a page in this language.
fn code_blocks(page: &str, language: &str) -> Vec<String> {
    let text = read(page);
    let opening = format!("```{language}\n");
    let blocks = text.split(&opening).skip(1);
    blocks.map(|rest| rest.split_once("```").unwrap().0.to_owned()).collect()
}

fn tokscope(folder: &Path, args: &[&str]) -> Output {
    let mut command = Command::new(env!("CARGO_BIN_EXE_tokscope"));
    for name in ["TOKSCOPE_URL", "OPENAI_BASE_URL", "OPENAI_API_KEY", "TOKSCOPE_CONFIG"] {
        command.env_remove(name);
    }
    command.env("XDG_STATE_HOME", folder).env("XDG_CONFIG_HOME", folder).current_dir(folder);
    command.args(args).stdin(Stdio::null()).output().unwrap()
}

#[test]
fn suites_in_the_book_are_accepted() {
    // Nothing listens there: a suite that is read ends in status 3, a refused one in 2.
    let port = TcpListener::bind("127.0.0.1:0").unwrap().local_addr().unwrap().port();
    let url = format!("http://127.0.0.1:{port}/v1");
    for page in ["docs/cases.md", "docs/simulator.md"] {
        for suite in code_blocks(page, "toml") {
            let folder = tempfile::tempdir().unwrap();
            std::fs::write(folder.path().join("cases.toml"), suite).unwrap();
            let out = tokscope(folder.path(), &[&url, "--headless", "--no-save"]);
            assert_eq!(out.status.code(), Some(3), "{page}: {}", String::from_utf8_lossy(&out.stderr));
        }
    }
}

#[test]
fn settings_in_the_book_are_accepted() {
    for settings in code_blocks("docs/settings.md", "toml") {
        let folder = tempfile::tempdir().unwrap();
        let (file, option) =
            if settings.starts_with("inherits") { ("mine.toml", "--theme") } else { ("config.toml", "--config") };
        std::fs::write(folder.path().join(file), settings).unwrap();
        let out = tokscope(folder.path(), &[option, file, "--print-config"]);
        assert_eq!(out.status.code(), Some(0), "{}", String::from_utf8_lossy(&out.stderr));
    }
}
