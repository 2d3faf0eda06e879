//! `cases.toml`: read, checked, with errors that name file, line and the nearest valid key.

mod case;
mod extra;
mod mistake;
mod reader;
#[cfg(test)]
mod tests;

use std::fs::File;
use std::io::{self, Read};
use std::path::Path;

use toml::de::{DeTable, DeValue};

use self::case::{Params, read_case};
use self::mistake::Mistakes;
pub use self::mistake::{Mistake, SuiteError};
use self::reader::{Bounds, Section};
use crate::domain::slo::Slo;
use crate::domain::suite::{CaseSpec, RatingScale, Suite};
use crate::domain::text::sanitise_line;

/// The file that is looked for where the program was started.
pub const FILE_NAME: &str = "cases.toml";

/// A larger file is no suite but a mistake.
const MAX_BYTES: u64 = 4 * 1024 * 1024;

/// The suite built into the program. It is checked like any other; a test holds that it passes.
pub fn builtin() -> Result<Suite, SuiteError> {
    parse(include_str!("../../cases.toml"), FILE_NAME)
}

/// Reads a suite from a file.
pub fn load(path: &Path) -> Result<Suite, SuiteError> {
    load_as(path, &path.display().to_string())
}

/// Reads a suite from a file that the user knows by another name.
pub(super) fn load_as(path: &Path, name: &str) -> Result<Suite, SuiteError> {
    let failed = |message: String| SuiteError::of_file(name, message);
    if path.is_dir() {
        return Err(failed(format!(
            "is a folder; name the file in it, like {}",
            Path::new(name).join(FILE_NAME).display()
        )));
    }
    let mut bytes = Vec::new();
    let read = File::open(path).and_then(|file| file.take(MAX_BYTES + 1).read_to_end(&mut bytes));
    read.map_err(|e| match e.kind() {
        io::ErrorKind::NotFound => failed("there is no such file".to_owned()),
        io::ErrorKind::PermissionDenied => failed("may not be read: permission denied".to_owned()),
        _ => failed(format!("cannot be read: {e}")),
    })?;
    if bytes.len() as u64 > MAX_BYTES {
        return Err(failed(format!("is larger than {} MiB, too large for a suite", MAX_BYTES / 1024 / 1024)));
    }
    match std::str::from_utf8(&bytes) {
        Ok(text) => parse(text, name),
        Err(e) => {
            let line = bytes.iter().take(e.valid_up_to()).filter(|b| **b == b'\n').count() + 1;
            Err(SuiteError::at_line(name, line, "is not UTF-8 text; save the file as UTF-8".to_owned()))
        }
    }
}

/// Reads a suite from text. `file_name` stands in errors, and its stem is the suite's name if the text gives none.
pub fn parse(text: &str, file_name: &str) -> Result<Suite, SuiteError> {
    // A prompt must not change its length with the line ends of a checkout.
    let text = text.replace("\r\n", "\n");
    let mut mistakes = Mistakes::new(&text);
    let suite = match DeTable::parse(&text) {
        Ok(root) => read_suite(root.get_ref(), file_name, &mut mistakes),
        Err(e) => {
            let at = e.span().map_or(0, |s| s.start);
            mistakes.add(at, format!("not valid TOML: {}", e.message()));
            None
        }
    };
    // Without a suite there is a mistake; the other way round a suite with mistakes is none.
    match (suite, mistakes.into_error(file_name)) {
        (Some(suite), None) => Ok(suite),
        (_, Some(error)) => Err(error),
        (None, None) => Err(SuiteError::of_file(file_name, "holds no suite".to_owned())),
    }
}

fn read_suite(root: &DeTable<'_>, file_name: &str, mistakes: &mut Mistakes<'_>) -> Option<Suite> {
    let root = Section { table: root, at: 0 };
    root.check_keys(&["suite", "defaults", "rating", "case"], "", mistakes);

    let about = root.section("suite", mistakes);
    let name = about.as_ref().and_then(|suite| {
        suite.check_keys(&["name", "slo"], "", mistakes);
        suite.name("name", mistakes)
    });
    let slos = about.as_ref().map_or_else(Vec::new, |suite| read_slos(suite, mistakes));
    let rating = root.section("rating", mistakes).map_or_else(RatingScale::default, |r| read_rating(&r, mistakes));
    let defaults = root.section("defaults", mistakes).map_or_else(Params::default, |section| {
        section.check_keys(Params::KEYS, Params::HINT, mistakes);
        Params::read(&section, mistakes)
    });
    let cases = read_cases(&root, &defaults, mistakes)?;
    Some(Suite { name: name.map_or_else(|| stem(file_name), |(name, _at)| name), rating, slos, cases })
}

/// The thresholds: a text each, in a list.
fn read_slos(suite: &Section<'_, '_>, mistakes: &mut Mistakes<'_>) -> Vec<Slo> {
    const EXAMPLE: &str = "it must be a list of strings, like slo = [\"ttft_p95<500ms\", \"error_rate<1%\"]";
    let Some((value, at)) = suite.value("slo") else { return Vec::new() };
    let DeValue::Array(list) = value else {
        mistakes.add(at, format!("'slo' is {}; {EXAMPLE}", reader::kind(value)));
        return Vec::new();
    };
    let mut slos = Vec::new();
    for value in list {
        let at = value.span().start;
        match value.get_ref().as_str().map(str::parse::<Slo>) {
            Some(Ok(slo)) => slos.push(slo),
            Some(Err(e)) => mistakes.add(at, e.to_string()),
            None => mistakes.add(at, format!("a threshold is {}; {EXAMPLE}", reader::kind(value.get_ref()))),
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
            // One of the two may be a default, which stands nowhere; the later of them is what the user wrote.
            let message = format!(
                "'{better}' is {high} and '{worse}' is {low}; the scale must descend: excellent above good above fair"
            );
            mistakes.add(*high_at.max(low_at), message);
        }
    }
    let [(_, (excellent, _)), (_, (good, _)), (_, (fair, _))] = steps;
    RatingScale { excellent, good, fair }
}

fn read_cases(root: &Section<'_, '_>, defaults: &Params, mistakes: &mut Mistakes<'_>) -> Option<Vec<CaseSpec>> {
    const EXAMPLE: &str = "write [[case]], then name = \"…\" and prompt = \"…\" below it";
    let Some((value, at)) = root.value("case") else {
        // A misspelt key is told already, and may be what was meant for the cases.
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
            mistakes.add(at, format!("'case' is {}; {EXAMPLE}", reader::kind(other)));
            return None;
        }
    };
    let mut names: Vec<(String, usize)> = Vec::new();
    let mut cases = Vec::new();
    for value in list {
        let at = value.span().start;
        let DeValue::Table(table) = value.get_ref() else {
            mistakes.add(at, format!("a case is {}; {EXAMPLE}", reader::kind(value.get_ref())));
            continue;
        };
        let (name, case) = read_case(&Section { table, at }, defaults, mistakes);
        if let Some((name, name_at)) = name {
            match names.iter().find(|(known, _)| *known == name) {
                Some((_, first)) => {
                    let line = mistakes.line(*first);
                    let shown = mistake::shown(&name);
                    mistakes
                        .add(name_at, format!("the name '{shown}' is taken by the case on line {line}; rename one"));
                }
                None => names.push((name, name_at)),
            }
        }
        cases.extend(case);
    }
    Some(cases)
}
