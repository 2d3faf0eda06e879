//! `[defaults]`: what options are where the command line does not say.

use std::path::PathBuf;

use super::At;
use crate::cli::{MAX_CONCURRENCY, MAX_REPEAT, MAX_WARMUP};
use crate::config::secrets::is_variable;
use crate::config::toml_file::{Bounds, Mistakes, Section};
use crate::config::{address, exports};
use crate::protocol::api::APIS;
use crate::protocol::url::without_secrets;
use crate::report::exporters::EXPORTERS;

/// What options are where the command line does not say.
#[derive(Debug, Default)]
pub(in crate::config) struct Defaults {
    pub(in crate::config) url: Option<At<String>>,
    pub(in crate::config) model: Option<At<String>>,
    pub(in crate::config) api: Option<At<&'static str>>,
    pub(in crate::config) api_key_env: Option<At<String>>,
    pub(in crate::config) concurrency: Option<At<u32>>,
    pub(in crate::config) repeat: Option<At<u32>>,
    pub(in crate::config) warmup: Option<At<u32>>,
    pub(in crate::config) timeout_s: Option<At<f64>>,
    pub(in crate::config) export: Option<At<Vec<PathBuf>>>,
}

impl Defaults {
    /// The names, in the order in which they are printed.
    pub(in crate::config) const KEYS: [&str; 9] =
        ["url", "model", "api", "api_key_env", "concurrency", "repeat", "warmup", "timeout_s", "export"];

    pub(super) fn read(section: &Section<'_, '_>, mistakes: &mut Mistakes<'_>) -> Self {
        const SECONDS: Bounds = Bounds { from: 0.001, to: 86_400.0, what: "a number of seconds from 0.001 to 86400" };
        section.check_keys(&Self::KEYS, "", mistakes);
        let url = url(section, mistakes);
        let model = section.name("model", mistakes);
        let api = section.word("api", &APIS.map(|api| api.name), mistakes);
        let api_key_env = api_key_env(section, mistakes);
        let concurrency = section.whole("concurrency", 1..=MAX_CONCURRENCY, mistakes);
        let repeat = section.whole("repeat", 1..=MAX_REPEAT, mistakes);
        let warmup = section.whole("warmup", 0..=MAX_WARMUP, mistakes);
        let timeout_s = section.number("timeout_s", &SECONDS, mistakes);
        let export = export(section, mistakes);
        Self {
            url: url.map(|value| At::of(value, mistakes)),
            model: model.map(|value| At::of(value, mistakes)),
            api: api.map(|value| At::of(value, mistakes)),
            api_key_env: api_key_env.map(|value| At::of(value, mistakes)),
            concurrency: concurrency.map(|value| At::of(value, mistakes)),
            repeat: repeat.map(|value| At::of(value, mistakes)),
            warmup: warmup.map(|value| At::of(value, mistakes)),
            timeout_s: timeout_s.map(|value| At::of(value, mistakes)),
            export: export.map(|value| At::of(value, mistakes)),
        }
    }
}

fn url(section: &Section<'_, '_>, mistakes: &mut Mistakes<'_>) -> Option<(String, usize)> {
    let (text, at) = section.text("url", mistakes)?;
    if without_secrets(text.trim()) != text.trim() {
        let why = "'url' has a user, a password or a query, which may be secret; a file is no place for that \
                   (api_key_env names the variable that holds the key)";
        mistakes.add(at, why.to_owned());
        return None;
    }
    if let Err(why) = address::checked(text, None) {
        mistakes.add(at, format!("'url': {why}"));
        return None;
    }
    Some((text.trim().to_owned(), at))
}

fn api_key_env(section: &Section<'_, '_>, mistakes: &mut Mistakes<'_>) -> Option<(String, usize)> {
    let (name, at) = section.text("api_key_env", mistakes)?;
    if !is_variable(name) {
        let why = "'api_key_env' takes the name of an environment variable, not the key itself (what is there is not \
                   shown here, it may be a key)";
        mistakes.add(at, why.to_owned());
        return None;
    }
    Some((name.to_owned(), at))
}

fn export(section: &Section<'_, '_>, mistakes: &mut Mistakes<'_>) -> Option<(Vec<PathBuf>, usize)> {
    let (_, key_at) = section.value("export")?;
    let mut paths = Vec::new();
    for (text, at) in section.texts("export", "[\"report.md\"]", mistakes)? {
        let path = PathBuf::from(text);
        if exports::has_format(&path, EXPORTERS) {
            paths.push(path);
        } else {
            mistakes.add(at, format!("'export': {}", exports::no_format(EXPORTERS)));
        }
    }
    Some((paths, key_at))
}
