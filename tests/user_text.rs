//! Text that users and contributors read: a list of all of it for an editor, and the words that it avoids.
#![cfg(target_os = "linux")]
#![allow(clippy::unwrap_used, reason = "a failing step fails the test")]

use std::fmt::Write;
use std::path::{Path, PathBuf};
use std::process::{Command, Output, Stdio};

use proc_macro2::{Delimiter, TokenStream, TokenTree};
use serde_json::Value;
use tokscope::domain::metrics::METRICS;
use tokscope::report::bottleneck::rules_markdown;
use tokscope::ui::keymap::key_table_markdown;

/// Commands whose help is listed.
const COMMANDS: &[&str] =
    &["", "sim", "calibrate", "runs", "resume", "open", "replay", "report", "compare", "completions", "man"];
/// Attributes whose strings users do not read.
const SILENT_ATTRIBUTES: &[&str] = &["allow", "cfg", "cfg_attr", "derive", "doc", "expect", "path"];
/// Words that neither a text nor a comment uses: the words for them are in the field's vocabulary, or they make a
/// sentence sound translated.
const AVOIDED_WORDS: &[&str] =
    &["told", "tells", "stands", "stood", "so many", "somebody", "nobody", "whatever", "all together"];
/// First words that no comment has: a comment starts with a verb or a noun.
const AVOIDED_BEGINNINGS: &[&str] = &["What", "Who", "Whose", "Of", "That", "It", "So"];

/// A string or a comment and its place.
struct Text {
    file: String,
    line: usize,
    content: String,
}

fn root() -> &'static Path {
    Path::new(env!("CARGO_MANIFEST_DIR"))
}

fn read(path: &Path) -> String {
    std::fs::read_to_string(path).unwrap()
}

/// Files below a folder of the repository with this ending, in alphabetical order.
fn files(folder: &str, ending: &str) -> Vec<PathBuf> {
    let (mut folders, mut files) = (vec![root().join(folder)], Vec::new());
    while let Some(folder) = folders.pop() {
        for entry in std::fs::read_dir(folder).unwrap() {
            let path = entry.unwrap().path();
            if path.is_dir() {
                folders.push(path);
            } else if path.extension().is_some_and(|extension| extension == ending) {
                files.push(path);
            }
        }
    }
    files.sort();
    files
}

fn relative(path: &Path) -> String {
    path.strip_prefix(root()).unwrap().display().to_string()
}

/// String literals with a space in a module and the modules below it, outside tests.
fn module_strings(path: &Path, texts: &mut Vec<Text>) {
    let is_root = ["lib.rs", "main.rs"].iter().any(|root| path.ends_with(format!("src/{root}")));
    let folder = if is_root { path.parent().unwrap().to_owned() } else { path.with_extension("") };
    let tokens = read(path).parse().unwrap();
    strings(tokens, &relative(path), &folder, texts);
}

/// String literals with a space in `tokens`, and in the modules of `folder` that they declare.
fn strings(tokens: TokenStream, file: &str, folder: &Path, texts: &mut Vec<Text>) {
    let tokens: Vec<TokenTree> = tokens.into_iter().collect();
    let mut at = 0;
    while let Some(token) = tokens.get(at) {
        at += 1;
        match (token, tokens.get(at)) {
            (TokenTree::Punct(mark), Some(TokenTree::Group(attribute)))
                if ['#', '!'].contains(&mark.as_char()) && attribute.delimiter() == Delimiter::Bracket =>
            {
                let text = attribute.to_string().replace(' ', "");
                let name: String = text.chars().skip(1).take_while(|c| c.is_alphanumeric() || *c == '_').collect();
                if text.starts_with("[cfg(") && text.contains("test") && !text.contains("not(") {
                    at += tokens.iter().skip(at).position(ends_item).map_or(tokens.len(), |end| end + 1);
                } else if SILENT_ATTRIBUTES.contains(&name.as_str()) {
                    at += 1;
                }
            }
            (TokenTree::Ident(word), Some(TokenTree::Ident(name))) if word == "mod" => {
                if matches!(tokens.get(at + 1), Some(TokenTree::Punct(_))) {
                    module_strings(&folder.join(name.to_string()).with_extension("rs"), texts);
                }
            }
            (TokenTree::Group(group), _) => strings(group.stream(), file, folder, texts),
            (TokenTree::Literal(literal), _) => {
                let text = literal.to_string();
                if text.contains('"') && is_phrase(&text) {
                    let lines: Vec<_> = text.split("\\\n").map(str::trim_start).collect();
                    let line = literal.span().start().line;
                    texts.push(Text { file: file.to_owned(), line, content: lines.concat() });
                }
            }
            _ => {}
        }
    }
}

/// Whether a literal has two words, or a word and a place for one.
fn is_phrase(literal: &str) -> bool {
    literal.contains(' ') && literal.split(' ').any(|word| word.chars().filter(char::is_ascii_lowercase).count() > 1)
}

fn ends_item(token: &TokenTree) -> bool {
    match token {
        TokenTree::Group(group) => group.delimiter() == Delimiter::Brace,
        TokenTree::Punct(mark) => mark.as_char() == ';',
        _ => false,
    }
}

/// String literals with a space in the program, outside tests.
fn program_strings() -> Vec<Text> {
    let mut texts = Vec::new();
    for file in ["src/lib.rs", "src/main.rs"] {
        module_strings(&root().join(file), &mut texts);
    }
    texts
}

/// Comments of the source tree. Consecutive lines are one comment.
fn comments() -> Vec<Text> {
    let mut comments: Vec<Text> = Vec::new();
    for path in ["src", "tests", "benches", "examples"].iter().flat_map(|folder| files(folder, "rs")) {
        let mut goes_on = false;
        for (i, line) in read(&path).lines().enumerate() {
            let Some(text) = line.trim_start().strip_prefix("//") else {
                goes_on = false;
                continue;
            };
            let text = text.trim_start_matches(['/', '!']).trim();
            match comments.last_mut() {
                Some(comment) if goes_on => write!(comment.content, " {text}").unwrap(),
                _ => comments.push(Text { file: relative(&path), line: i + 1, content: text.to_owned() }),
            }
            goes_on = true;
        }
    }
    comments
}

/// The avoided words in a text, and percentages with a space before the sign.
fn avoided(text: &str) -> Vec<String> {
    let words: Vec<_> = text.split(|c: char| !c.is_alphanumeric() && c != '\'' && c != '_').collect();
    let lower = format!(" {} ", words.join(" ").to_lowercase());
    let mut found: Vec<_> = AVOIDED_WORDS
        .iter()
        .filter(|word| lower.contains(&format!(" {word} ")))
        .map(|word| format!("the word '{word}'"))
        .collect();
    let percent = text.split(" %").next().filter(|before| before.len() < text.len());
    if percent.is_some_and(|before| before.ends_with(|c: char| c.is_ascii_digit() || c == '}')) {
        found.push("a space before %".to_owned());
    }
    found
}

#[test]
fn strings_and_comments_use_the_words_of_the_glossary() {
    let (strings, comments) = (program_strings(), comments());
    assert!(strings.len() > 1000 && comments.len() > 5000, "the reader no longer finds the texts");
    let mut mistakes = String::new();
    for (text, is_comment) in strings.iter().map(|text| (text, false)).chain(comments.iter().map(|text| (text, true))) {
        let mut found = avoided(&text.content);
        let first = text.content.split_whitespace().next().unwrap_or_default();
        if is_comment && AVOIDED_BEGINNINGS.contains(&first) {
            found.push(format!("'{first}' as the first word"));
        }
        for mistake in found {
            writeln!(mistakes, "{}:{}: {mistake}: {}", text.file, text.line, text.content).unwrap();
        }
    }
    assert!(mistakes.is_empty(), "{} texts to rewrite:\n{mistakes}", mistakes.lines().count());
}

#[test]
fn avoided_words_are_found_but_not_inside_other_words() {
    assert_eq!(avoided("The server tells nothing"), ["the word 'tells'"]);
    assert_eq!(avoided("ran so many times"), ["the word 'so many'"]);
    assert_eq!(avoided("{:.0} % of the time"), ["a space before %"]);
    assert_eq!(avoided("understood: 97% of the withstood, util %"), [] as [String; 0]);
}

fn tokscope(folder: &Path, args: &[&str]) -> Output {
    let mut command = Command::new(env!("CARGO_BIN_EXE_tokscope"));
    for name in ["TOKSCOPE_URL", "OPENAI_BASE_URL", "OPENAI_API_KEY", "TOKSCOPE_CONFIG"] {
        command.env_remove(name);
    }
    command.env("XDG_STATE_HOME", folder).env("XDG_CONFIG_HOME", folder).current_dir(folder);
    command.args(args).stdin(Stdio::null()).output().unwrap()
}

/// The output of a command under a heading.
fn section(list: &mut String, folder: &Path, args: &[&str]) {
    let out = tokscope(folder, args);
    let (stdout, stderr) = (String::from_utf8_lossy(&out.stdout), String::from_utf8_lossy(&out.stderr));
    write!(list, "## tokscope {}\n\n````\n{stdout}{stderr}````\n\n", args.join(" ")).unwrap();
}

/// The descriptions of a JSON Schema with their paths.
fn descriptions(value: &Value, path: &str, list: &mut String) {
    if let Some(text) = value.get("description").and_then(Value::as_str) {
        writeln!(list, "* `{path}`: {text}").unwrap();
    }
    for (key, value) in value.as_object().into_iter().flatten() {
        descriptions(value, &format!("{path}/{key}"), list);
    }
}

#[test]
#[ignore = "writes target/user-text.md for an editor: scripts/user-text"]
fn list_all_user_text() {
    let folder = tempfile::tempdir().unwrap();
    let mut list = "# All text that a user of tokscope reads\n\n".to_owned();
    for command in COMMANDS {
        for help in ["-h", "--help"] {
            let args: Vec<_> = [*command, help].into_iter().filter(|arg| !arg.is_empty()).collect();
            section(&mut list, folder.path(), &args);
        }
    }
    section(&mut list, folder.path(), &["man"]);
    section(&mut list, folder.path(), &["--demo", "--headless", "-k", "Debug", "-n", "2", "-o", "report.md"]);
    section(&mut list, folder.path(), &["runs"]);
    section(&mut list, folder.path(), &["compare", "last", "last"]);
    section(&mut list, folder.path(), &["report", "last"]);
    section(&mut list, folder.path(), &["--print-config"]);
    write!(list, "## Keys and palette\n\n{}\n\n## Figures\n\n", key_table_markdown()).unwrap();
    for metric in METRICS {
        writeln!(list, "* {}: {}", metric.label, metric.help).unwrap();
    }
    write!(list, "\n## Bottleneck rules\n\n{}\n\n## results.json\n\n", rules_markdown()).unwrap();
    let schema = serde_json::from_str(&read(&root().join("docs/results.schema.json"))).unwrap();
    descriptions(&schema, "", &mut list);
    list.push_str("\n## Strings\n\n");
    for text in program_strings() {
        writeln!(list, "* `{}:{}` {}", text.file, text.line, text.content).unwrap();
    }
    list.push_str("\n## Snapshots\n\n");
    for path in files("src", "snap") {
        write!(list, "### {}\n\n````\n{}\n````\n\n", relative(&path), read(&path).trim_end()).unwrap();
    }
    for path in ["tests/data/scripted-report.md", "cases.toml"] {
        write!(list, "### {path}\n\n````\n{}\n````\n\n", read(&root().join(path)).trim_end()).unwrap();
    }
    std::fs::write(root().join("target/user-text.md"), list).unwrap();
}
