//! Reads and checks `cases.toml`. Errors name the file, the line and the nearest valid key.

mod case;
mod check;
mod extra;
mod items;
mod media;
mod models;
#[cfg(any(test, fuzzing))]
pub mod oracle;
#[cfg(test)]
mod tests;
mod tools;
mod workload;

use std::collections::HashMap;
use std::path::Path;

use toml::de::DeValue;

use self::case::{Params, read_case};
use self::check::SchemaFolder;
pub(super) use self::extra::check_extra_key;
use self::media::CaseMedia;
use self::models::read_models;
use self::workload::read_workload;
use super::media_file::MAX_SUITE_BYTES;
use super::toml_file::{self, Bounds, FileError, Mistakes, Section, kind, shown};
use crate::cli::WorkloadArgs;
use crate::domain::model_mix::WeightedModel;
use crate::domain::slo::Slo;
use crate::domain::suite::{CaseSpec, RatingScale, Suite};
use crate::domain::text::sanitise_line;
use crate::store::input::Kind;

/// File name of the suite in the working folder.
pub const FILE_NAME: &str = "cases.toml";

const SUITE: Kind = Kind { file_name: Some(FILE_NAME), what: "a suite", max_bytes: 64 * 1024 * 1024 };

/// A suite as its file describes it.
#[derive(Debug, PartialEq)]
pub struct SuiteFile {
    /// The suite; without cases if a workload has a source of requests.
    pub suite: Suite,
    /// Models from which each request draws one; empty if the run has one model.
    pub models: Vec<WeightedModel>,
    /// Workload that the run sends in place of the cases.
    pub workload: WorkloadArgs,
    /// Parameters of all requests of a workload.
    pub template: CaseSpec,
}

/// Returns the built-in suite, checked like any other.
pub fn builtin() -> Result<Suite, FileError> {
    parse(include_str!("../../cases.toml"), FILE_NAME)
}

/// Reads a suite from a file.
pub fn load(path: &Path) -> Result<SuiteFile, FileError> {
    load_as(path, &path.display().to_string())
}

/// Reads a suite from a file. Errors name the file `name`.
pub(super) fn load_as(path: &Path, name: &str) -> Result<SuiteFile, FileError> {
    parse_in(path.parent(), &toml_file::text_of(path, name, &SUITE)?, name)
}

/// Reads a suite from text. Errors name `file_name`; its stem is the default name of the suite. The suite may not refer
/// to other files.
pub fn parse(text: &str, file_name: &str) -> Result<Suite, FileError> {
    parse_in(None, text, file_name).map(|file| file.suite)
}

fn parse_in(folder: SchemaFolder<'_>, text: &str, file_name: &str) -> Result<SuiteFile, FileError> {
    toml_file::parse(text, file_name, &SUITE, |root, mistakes| read_suite(root, (file_name, folder), mistakes))
}

fn read_suite(
    root: &Section<'_, '_>,
    (file_name, folder): (&str, SchemaFolder<'_>),
    mistakes: &mut Mistakes<'_>,
) -> Option<SuiteFile> {
    root.check_keys(&["suite", "model", "defaults", "rating", "workload", "case"], "", mistakes);

    let about = root.section("suite", mistakes);
    let name = about.as_ref().and_then(|suite| {
        suite.check_keys(&["name", "slo"], "", mistakes);
        suite.name("name", mistakes)
    });
    let slos = about.as_ref().map_or_else(Vec::new, |suite| read_slos(suite, mistakes));
    let rating = root.section("rating", mistakes).map_or_else(RatingScale::default, |r| read_rating(&r, mistakes));
    let defaults = root.section("defaults", mistakes).map_or_else(Params::default, |section| {
        section.check_keys(Params::KEYS, Params::HINT, mistakes);
        let params = Params::read(&section, folder, mistakes);
        params.check(&section, mistakes);
        params
    });
    let models = read_models(root, mistakes);
    let section = root.section("workload", mistakes);
    let workload = section.map(|w| read_workload(&w, folder.unwrap_or(Path::new("")), mistakes)).unwrap_or_default();
    let cases = match root.value("case") {
        Some((_, at)) if workload.has_source() => {
            let message = "[workload] sends requests of its own, so the suite can have no [[case]]; remove one of them";
            mistakes.add(at, message.to_owned());
            return None;
        }
        None if workload.has_source() => Vec::new(),
        _ => read_cases(root, &defaults, folder, mistakes)?,
    };
    let name = name.map_or_else(|| stem(file_name), |(name, _at)| name);
    let suite = Suite { name, rating, slos, cases, ..Suite::default() };
    Some(SuiteFile { suite, models, workload, template: defaults.template() })
}

/// Reads the thresholds, a list of texts.
fn read_slos(suite: &Section<'_, '_>, mistakes: &mut Mistakes<'_>) -> Vec<Slo> {
    const EXAMPLE: &str = "it must be a list of strings, like slo = [\"ttft_p95<500ms\", \"error_rate<1%\"]";
    let Some((value, at)) = suite.value("slo") else { return Vec::new() };
    let DeValue::Array(list) = value else {
        mistakes.add(at, format!("'slo' is {}; {EXAMPLE}", kind(value)));
        return Vec::new();
    };
    let mut slos = Vec::new();
    for value in list {
        let at = value.span().start;
        match value.get_ref().as_str().map(str::parse::<Slo>) {
            Some(Ok(slo)) => slos.push(slo),
            Some(Err(e)) => mistakes.add(at, e.to_string()),
            None => mistakes.add(at, format!("a threshold is {}; {EXAMPLE}", kind(value.get_ref()))),
        }
    }
    slos
}

fn stem(file_name: &str) -> String {
    let stem = Path::new(file_name).file_stem().unwrap_or_default().to_string_lossy();
    let stem = sanitise_line(&stem);
    if stem.trim().is_empty() { "cases".to_owned() } else { stem }
}

fn read_rating(section: &Section<'_, '_>, mistakes: &mut Mistakes<'_>) -> RatingScale {
    const TOKENS_PER_S: Bounds = Bounds { from: 0.0, to: 1e9, what: "a number of tokens per second, 0 or more" };
    section.check_keys(&["excellent", "good", "fair"], "", mistakes);
    let default = RatingScale::default();
    let mut read = |key, default| section.number(key, &TOKENS_PER_S, mistakes).unwrap_or((default, section.at));
    let steps = [
        ("excellent", read("excellent", default.excellent)),
        ("good", read("good", default.good)),
        ("fair", read("fair", default.fair)),
    ];
    for pair in steps.windows(2) {
        if let [(better, (high, high_at)), (worse, (low, low_at))] = pair
            && high <= low
        {
            // One of the two values may be a default, which has no place in the file. The later place is thus a value
            // of the user.
            let message = format!(
                "'{better}' is {high} and '{worse}' is {low}; the scale must descend: excellent above good above fair"
            );
            mistakes.add(*high_at.max(low_at), message);
        }
    }
    let [(_, (excellent, _)), (_, (good, _)), (_, (fair, _))] = steps;
    RatingScale { excellent, good, fair }
}

fn read_cases(
    root: &Section<'_, '_>,
    defaults: &Params,
    folder: SchemaFolder<'_>,
    mistakes: &mut Mistakes<'_>,
) -> Option<Vec<CaseSpec>> {
    const EXAMPLE: &str = "write [[case]], then name = \"…\" and prompt = \"…\" below it";
    let Some((value, at)) = root.value("case") else {
        // If a misspelt key was already reported, it may have been meant for the cases.
        if mistakes.is_empty() {
            mistakes.add(0, format!("the suite has no case; {EXAMPLE}"));
        }
        return None;
    };
    let list = match value {
        DeValue::Array(list) if list.is_empty() => {
            mistakes.add(at, format!("the list of cases is empty; {EXAMPLE}"));
            return None;
        }
        DeValue::Array(list) => list,
        DeValue::Table(_) => {
            mistakes.add(at, "[case] is a single table; a case begins with [[case]], two brackets".to_owned());
            return None;
        }
        other => {
            mistakes.add(at, format!("'case' is {}; {EXAMPLE}", kind(other)));
            return None;
        }
    };
    let mut names: HashMap<String, usize> = HashMap::new();
    let mut cases = Vec::new();
    let mut media_bytes = 0;
    for value in list {
        let at = value.span().start;
        let DeValue::Table(table) = value.get_ref() else {
            mistakes.add(at, format!("a case is {}; {EXAMPLE}", kind(value.get_ref())));
            continue;
        };
        let (name, case) = read_case(&Section { table, at }, defaults, folder, mistakes);
        if let Some((name, name_at)) = name {
            match names.get(&name) {
                Some(first) => {
                    let line = mistakes.line(*first);
                    let shown = shown(&name);
                    mistakes
                        .add(name_at, format!("the name '{shown}' is taken by the case on line {line}; rename one"));
                }
                None => drop(names.insert(name, name_at)),
            }
        }
        media_bytes += case.as_ref().map_or(0, |case: &CaseSpec| CaseMedia::bytes(&case.messages));
        cases.extend(case);
        if media_bytes > MAX_SUITE_BYTES {
            let message = format!(
                "the images and audio files up to this case have more than {} MiB; they stay in memory, so use fewer or \
                 smaller ones",
                MAX_SUITE_BYTES >> 20
            );
            mistakes.add(at, message);
            return None;
        }
    }
    Some(cases)
}
