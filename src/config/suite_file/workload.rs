//! `[workload]`: requests that the run sends in place of the cases. The keys have the names of the options.

use std::path::Path;
use std::str::FromStr;

use toml::Spanned;
use toml::de::DeValue;

use crate::cli::WorkloadArgs;
use crate::config::toml_file::{Bounds, Mistakes, Section, kind, shown};
use crate::domain::context_depth::Depths;
use crate::domain::row_order::Sample;

const KEYS: &[&str] = &[
    "dataset",
    "columns",
    "sample",
    "limit",
    "batch",
    "skip_bad_rows",
    "isl",
    "depth",
    "osl",
    "prefix",
    "turns",
    "think",
    "trace",
    "speed",
    "session_header",
    "image",
];
/// Groups of keys that exclude each other, because each key is a source of requests. With `depth`, `isl` is no source
/// but the length after the context.
const SOURCES: [[&str; 3]; 2] = [["dataset", "isl", "trace"], ["dataset", "depth", "trace"]];
/// Keys that `depth` excludes.
const NOT_WITH_DEPTH: [&str; 4] = ["prefix", "turns", "think", "limit"];
/// Keys, each with the source that it needs.
const BELONGS_TO: [(&str, &str); 5] =
    [("columns", "dataset"), ("sample", "dataset"), ("limit", "dataset"), ("prefix", "isl"), ("speed", "trace")];

/// Reads the section. Files are relative to `folder`, that of the suite.
pub(super) fn read_workload(section: &Section<'_, '_>, folder: &Path, mistakes: &mut Mistakes<'_>) -> WorkloadArgs {
    const SPEED: Bounds = Bounds { from: 0.01, to: 10_000.0, what: "a number from 0.01 to 10000" };
    section.check_keys(KEYS, "", mistakes);
    let both = SOURCES.iter().find_map(|sources| {
        let mut sources = sources.iter().filter_map(|key| section.value(key).map(|(_, at)| (*key, at)));
        sources.next().zip(sources.next())
    });
    if let Some(((first, _), (second, at))) = both {
        mistakes.add(at, format!("'{first}' and '{second}' are both sources of requests; keep one of them"));
    }
    let mut excluded = NOT_WITH_DEPTH.iter().filter(|_| section.value("depth").is_some());
    if let Some((key, (_, at))) = excluded.find_map(|key| Some((key, section.value(key)?))) {
        mistakes.add(at, format!("'{key}' does not go with 'depth'; remove one of them"));
    }
    for (key, source) in BELONGS_TO {
        if let Some((_, at)) = section.value(key).filter(|_| section.value(source).is_none()) {
            mistakes.add(at, format!("'{key}' needs '{source}'; add it, or remove '{key}'"));
        }
    }
    let path = |key, mistakes: &mut Mistakes<'_>| section.text(key, mistakes).map(|(path, _at)| folder.join(path));
    WorkloadArgs {
        dataset: path("dataset", mistakes),
        columns: columns(section, mistakes),
        sample: sample(section, mistakes),
        limit: section.count("limit", mistakes),
        batch: section.count("batch", mistakes),
        skip_bad_rows: section.boolean("skip_bad_rows", mistakes).is_some_and(|(skips, _at)| skips),
        isl: spec(section, "isl", mistakes),
        depth: depths(section, mistakes),
        osl: spec(section, "osl", mistakes),
        prefix: spec(section, "prefix", mistakes),
        turns: spec(section, "turns", mistakes),
        think: spec(section, "think", mistakes),
        image: spec(section, "image", mistakes),
        trace: path("trace", mistakes),
        trace_speed: section.number("speed", &SPEED, mistakes).map(|(speed, _at)| speed),
        session_header: section.text("session_header", mistakes).map(|(name, _at)| name.to_owned()),
    }
}

/// Reads a length or time: a text, or a whole number.
fn spec<T: FromStr<Err: std::fmt::Display>>(
    section: &Section<'_, '_>,
    key: &str,
    mistakes: &mut Mistakes<'_>,
) -> Option<T> {
    let (value, at) = section.value(key)?;
    let text = match value {
        DeValue::String(text) => text.to_string(),
        DeValue::Integer(number) => number.as_str().to_owned(),
        other => {
            mistakes.add(at, format!("'{key}' is {}; it must be a number, or a text like \"512..2048\"", kind(other)));
            return None;
        }
    };
    text.parse().map_err(|e| mistakes.add(at, format!("'{key}': {e}"))).ok()
}

/// Reads context depths: a list of numbers like `[0, 4096]`, or the text of the option.
fn depths(section: &Section<'_, '_>, mistakes: &mut Mistakes<'_>) -> Option<Depths> {
    let Some((DeValue::Array(items), at)) = section.value("depth") else { return spec(section, "depth", mistakes) };
    let text = |item: &Spanned<DeValue<'_>>| match item.get_ref() {
        DeValue::Integer(number) => number.as_str().to_owned(),
        other => kind(other).to_owned(),
    };
    let list: Vec<String> = items.iter().map(text).collect();
    list.join(",").parse().map_err(|e| mistakes.add(at, format!("'depth': {e}"))).ok()
}

/// Reads the names of columns: `columns = { prompt = "question" }`.
fn columns(section: &Section<'_, '_>, mistakes: &mut Mistakes<'_>) -> Vec<String> {
    let Some(table) = section.section("columns", mistakes) else { return Vec::new() };
    let mut columns = Vec::new();
    for (key, value) in table.table {
        let name = key.get_ref();
        match value.get_ref() {
            DeValue::String(column) => columns.push(format!("{name}={column}")),
            other => {
                let message = format!("'{}' is {}; it must be the name of a column", shown(name), kind(other));
                mistakes.add(key.span().start, message);
            }
        }
    }
    columns
}

fn sample(section: &Section<'_, '_>, mistakes: &mut Mistakes<'_>) -> Option<Sample> {
    let (word, at) = section.text("sample", mistakes)?;
    let sample = Sample::by_name(word);
    if sample.is_none() {
        mistakes.add(at, format!("unknown order '{}'; it must be ordered, shuffled or replace", shown(word)));
    }
    sample
}
