//! Options that the config file can set under `[defaults]`: one row each.

use std::path::PathBuf;

use super::address::{self, VARIABLES};
use super::exports;
use super::secrets::is_variable;
use super::toml_file::{Bounds, Mistakes, Section};
use crate::cli::{MAX_CONCURRENCY, MAX_REPEAT, MAX_REQUESTS, MAX_WARMUP, RunArgs};
use crate::domain::text::sanitise_line;
use crate::protocol::api;
use crate::protocol::url::without_secrets;
use crate::report::exporters::{EXPORTERS, stdout_exporter};

/// Value of an option.
#[derive(Clone, Debug, PartialEq)]
pub(super) enum Value {
    Text(String),
    Count(u32),
    Number(f64),
    Paths(Vec<PathBuf>),
}

impl Value {
    fn text(self) -> Option<String> {
        if let Self::Text(text) = self { Some(text) } else { None }
    }

    fn count(self) -> Option<u32> {
        if let Self::Count(count) = self { Some(count) } else { None }
    }

    fn number(self) -> Option<f64> {
        if let Self::Number(number) = self { Some(number) } else { None }
    }

    fn paths(self) -> Vec<PathBuf> {
        if let Self::Paths(paths) = self { paths } else { Vec::new() }
    }
}

/// Reads the value of a key, with the byte offset of its line; `None` where it is missing or wrong.
type Read = fn(&Section<'_, '_>, &str, &mut Mistakes<'_>) -> Option<(Value, usize)>;

/// An option that has a flag and a key in the config file.
pub(super) struct Setting {
    /// Key under `[defaults]`.
    pub(super) key: &'static str,
    /// Name on the command line.
    pub(super) flag: &'static str,
    /// Environment variables that take precedence over the file, in order of precedence.
    pub(super) variables: &'static [&'static str],
    /// Default in words, shown if nothing sets the option.
    pub(super) unset: &'static str,
    /// Reads and checks the value in the file.
    pub(super) read: Read,
    /// Returns the value from the command line.
    pub(super) given: fn(&RunArgs) -> Option<Value>,
    /// Returns whether the file's value applies in combination with these options.
    pub(super) file_applies: fn(&RunArgs) -> bool,
    /// Sets the option.
    pub(super) set: fn(&mut RunArgs, Option<Value>),
    /// Returns the value as it may be printed; `None` if it may be a secret.
    pub(super) printed: fn(&Value) -> Option<Value>,
}

/// All settings, in the order in which they are printed.
pub(super) static SETTINGS: &[Setting] = &[
    Setting {
        key: "url",
        flag: "URL",
        variables: &VARIABLES,
        unset: "a server found on this machine",
        read: url,
        given: |run| run.url.clone().map(Value::Text),
        file_applies: is_real,
        set: |run, value| run.url = value.and_then(Value::text),
        printed: |url| Some(Value::Text(without_secrets(url.clone().text()?.trim()))),
    },
    Setting {
        key: "model",
        flag: "--model",
        variables: &[],
        unset: "the endpoint's only model",
        read: |section, key, mistakes| section.name(key, mistakes).map(with(Value::Text)),
        given: |run| run.model.clone().map(Value::Text),
        file_applies: is_real,
        set: |run, value| run.model = value.and_then(Value::text),
        printed: as_it_is,
    },
    Setting {
        key: "api",
        flag: "--api",
        variables: &[],
        unset: "from the URL's path, else chat",
        read: |section, key, mistakes| {
            let word = section.word(key, &api::names(), mistakes);
            word.map(with(|word: &str| Value::Text(word.to_owned())))
        },
        given: |run| run.api.clone().map(Value::Text),
        file_applies: is_real,
        set: |run, value| run.api = value.and_then(Value::text),
        printed: as_it_is,
    },
    Setting {
        key: "api_key_env",
        flag: "--api-key-env",
        variables: &[],
        unset: "OPENAI_API_KEY",
        read: api_key_env,
        given: |run| run.secrets.api_key_env.clone().map(Value::Text),
        file_applies: is_real,
        set: |run, value| run.secrets.api_key_env = value.and_then(Value::text),
        // A value that is not a variable name may be the API key itself.
        printed: |name| as_it_is(name).filter(|name| matches!(name, Value::Text(text) if is_variable(text))),
    },
    Setting {
        key: "concurrency",
        flag: "--concurrency",
        variables: &[],
        unset: "1; unlimited with --rate or --trace",
        read: |section, key, mistakes| section.whole(key, 1..=MAX_CONCURRENCY, mistakes).map(with(Value::Count)),
        given: |run| run.concurrency.map(Value::Count),
        file_applies: |run| {
            let is_single = run.sweep.is_none() && run.stages.is_none() && run.find.is_none();
            let sets_own = run.workload.trace.is_some() || run.workload.depth.is_some();
            run.rate.is_none() && is_single && !sets_own
        },
        set: |run, value| run.concurrency = value.and_then(Value::count),
        printed: as_it_is,
    },
    Setting {
        key: "repeat",
        flag: "--repeat",
        variables: &[],
        unset: "1; 3 with --depth",
        read: |section, key, mistakes| section.whole(key, 1..=MAX_REPEAT, mistakes).map(with(Value::Count)),
        given: |run| run.repeat.map(Value::Count),
        file_applies: |run| {
            run.duration.is_none() && run.requests.is_none() && run.stages.is_none() && run.find.is_none()
        },
        set: |run, value| run.repeat = value.and_then(Value::count),
        printed: as_it_is,
    },
    Setting {
        key: "requests",
        flag: "--requests",
        variables: &[],
        unset: "one per case",
        read: |section, key, mistakes| section.whole(key, 1..=MAX_REQUESTS, mistakes).map(with(Value::Count)),
        given: |run| run.requests.map(Value::Count),
        file_applies: |run| {
            let has_limit = run.duration.is_some() || run.repeat.is_some() || run.workload.depth.is_some();
            !has_limit && run.stages.is_none() && run.find.is_none()
        },
        set: |run, value| run.requests = value.and_then(Value::count),
        printed: as_it_is,
    },
    Setting {
        key: "warmup",
        flag: "--warmup",
        variables: &[],
        unset: "0",
        read: |section, key, mistakes| section.whole(key, 0..=MAX_WARMUP, mistakes).map(with(Value::Count)),
        given: |run| run.warmup.map(Value::Count),
        file_applies: always,
        set: |run, value| run.warmup = value.and_then(Value::count),
        printed: as_it_is,
    },
    Setting {
        key: "timeout_s",
        flag: "--timeout",
        variables: &[],
        unset: "from the suite",
        read: |section, key, mistakes| section.number(key, &SECONDS, mistakes).map(with(Value::Number)),
        given: |run| run.timeout.map(Value::Number),
        file_applies: always,
        set: |run, value| run.timeout = value.and_then(Value::number),
        printed: as_it_is,
    },
    Setting {
        key: "export",
        flag: "--export",
        variables: &[],
        unset: "no report",
        read: export,
        given: |run| (!run.exports.is_empty()).then(|| Value::Paths(run.exports.clone())),
        file_applies: always,
        set: |run, value| run.exports = value.map_or_else(Vec::new, Value::paths),
        printed: as_it_is,
    },
];

const SECONDS: Bounds = Bounds { from: 0.001, to: 86_400.0, what: "a number of seconds from 0.001 to 86400" };

/// The keys under `[defaults]`.
pub(super) fn keys() -> Vec<&'static str> {
    SETTINGS.iter().map(|setting| setting.key).collect()
}

/// Returns a function that wraps the value that a section's reader returned.
fn with<T>(value: impl Fn(T) -> Value) -> impl Fn((T, usize)) -> (Value, usize) {
    move |(read, at)| (value(read), at)
}

const fn always(_run: &RunArgs) -> bool {
    true
}

/// Returns whether the run measures a real server: the simulator of `--demo` ignores the file.
const fn is_real(run: &RunArgs) -> bool {
    !run.demo
}

#[expect(clippy::unnecessary_wraps, reason = "a row of the table of settings")]
fn as_it_is(value: &Value) -> Option<Value> {
    Some(value.clone())
}

fn url(section: &Section<'_, '_>, key: &str, mistakes: &mut Mistakes<'_>) -> Option<(Value, usize)> {
    let (text, at) = section.text(key, mistakes)?;
    if without_secrets(text.trim()) != text.trim() {
        let why = "'url' has a user name, a password or a query, which may be secret; remove it, and set api_key_env to the \
                   name of the variable that holds the key";
        mistakes.add(at, why.to_owned());
        return None;
    }
    if let Err(why) = address::checked(text, None) {
        mistakes.add(at, format!("'url': {why}"));
        return None;
    }
    Some((Value::Text(text.trim().to_owned()), at))
}

fn api_key_env(section: &Section<'_, '_>, key: &str, mistakes: &mut Mistakes<'_>) -> Option<(Value, usize)> {
    let (name, at) = section.text(key, mistakes)?;
    if !is_variable(name) {
        let why = "'api_key_env' takes the name of an environment variable, not the key itself \
                   (its value is not shown, because it may be a key)";
        mistakes.add(at, why.to_owned());
        return None;
    }
    Some((Value::Text(name.to_owned()), at))
}

fn export(section: &Section<'_, '_>, key: &str, mistakes: &mut Mistakes<'_>) -> Option<(Value, usize)> {
    let (_, key_at) = section.value(key)?;
    let mut paths = Vec::new();
    for (text, at) in section.texts(key, "[\"report.md\"]", mistakes)? {
        let path = PathBuf::from(text);
        if stdout_exporter(&path, EXPORTERS).is_some() {
            mistakes.add(at, format!("'export': '{}' is stdout; name a file", sanitise_line(text)));
        } else if exports::has_format(&path, EXPORTERS) {
            paths.push(path);
        } else {
            mistakes.add(at, format!("'export': {}", exports::no_format(EXPORTERS)));
        }
    }
    Some((Value::Paths(paths), key_at))
}
