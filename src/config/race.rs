//! Inputs of a race: two sides that get the same cases.

use std::ffi::OsString;
use std::path::Path;

use reqwest::Url;
use serde_json::{Map, Value};

use super::command_line::{REDACTED, command_line};
use super::run_flags::{self, Secrets};
use super::suite_file::check_extra_key;
use super::{ConfigError, address, metrics, network, run_spec};
use crate::cli::{RaceArgs, ResumeArgs, RivalArgs, RunArgs, SecretArgs};
use crate::domain::key_source::KeySource;
use crate::domain::metrics::with_thresholds;
use crate::domain::race::{Race, RaceSide, Side};
use crate::domain::suite::{CaseSpec, Suite};
use crate::domain::text::sanitise_line;
use crate::engine::Network;
use crate::protocol::api::{self, Api};
use crate::protocol::url::without_secrets;
use crate::runtime::spec::{EngineSpec, RunSpec};

/// Maximum blocks, unless the user names another number.
const BLOCKS: u32 = 100;
/// Difference up to which the sides count as equal, percent, unless the user names another.
const MARGIN_PERCENT: f64 = 2.0;

/// Returns the inputs of a race, checked before anything is sent, and the options of side A as those of a run.
pub fn race_spec(
    args: RaceArgs,
    env: &dyn Fn(&str) -> Option<String>,
    folder: &Path,
) -> Result<(RunSpec, RunArgs), ConfigError> {
    let typed = sides(&args)?;
    let wanted = args.api.as_deref().and_then(api::by_name);
    let (a_url, a_api) = address::checked(&args.a, wanted).map_err(ConfigError)?;
    let (b_url, b_api) = match &args.b {
        Some(b) => address::checked(b, wanted).map_err(ConfigError)?,
        None => (a_url.clone(), a_api),
    };
    if a_api != b_api {
        return Err(ConfigError(format!(
            "the URLs name two APIs, {} and {}; a race needs one: pass it with --api",
            a_api.name, b_api.name
        )));
    }
    let host = |url: &str| Url::parse(url).ok().and_then(|url| url.host_str().map(str::to_owned));
    let is_one_host = host(&a_url) == host(&b_url);
    let takes_turns = args.in_turn || (is_one_host && !args.at_once && args.concurrency.unwrap_or(1) == 1);
    let settings = Race {
        sides: typed.sides([&a_url, &b_url]),
        seed: args.seed,
        margin_percent: args.margin.unwrap_or(MARGIN_PERCENT),
        takes_turns,
        runs_all: args.all_blocks,
        until: metric_keys(&args.until),
    };
    let (rival_args, run) = run_args(args, &typed);
    let mut spec = run_spec(&run, env, folder, None)?;
    check(&spec)?;
    let a = SideA {
        base_url: &spec.engine.base_url,
        api_key: spec.engine.api_key.as_ref(),
        headers: &spec.engine.headers,
        source: &spec.engine.key_source,
    };
    let secrets = rival_secrets(&rival_args, &a, &b_url, env)?;
    let network = network::network(&run.network, run.retries, &b_url, env, folder)?;
    spec.rival = Some(rival(b_url, spec.engine.api, secrets, network));
    if takes_turns {
        spec.notices.push("the sides take turns, one request at a time, because they may share a machine".to_owned());
    } else if is_one_host && !takes_turns {
        spec.warnings
            .push("both sides run at once on one host, so they compete for it; --in-turn avoids that".to_owned());
    }
    double(&mut spec.session.suite, &typed);
    spec.session.suite.race = Some(settings);
    Ok((spec, run))
}

/// Sides as typed.
struct TypedSides {
    models: [Option<String>; 2],
    /// Whether the models of the sides differ, so that cases have no model of their own.
    races_models: bool,
    extras: [Map<String, Value>; 2],
}

impl TypedSides {
    fn sides(&self, urls: [&str; 2]) -> [RaceSide; 2] {
        Side::BOTH.map(|side| {
            let at = side.index();
            let extra = &self.extras[at];
            RaceSide {
                url: without_secrets(urls[at]),
                url_cut: without_secrets(urls[at]) != urls[at],
                model: self.models[at].clone(),
                extra: if extra.is_empty() { String::new() } else { Value::Object(extra.clone()).to_string() },
            }
        })
    }
}

/// Reads models and fields of both sides, which must differ in something.
fn sides(args: &RaceArgs) -> Result<TypedSides, ConfigError> {
    let models = match args.models.as_slice() {
        [] => [None, None],
        [both] => [Some(both.clone()), Some(both.clone())],
        [a, b] => [Some(a.clone()), Some(b.clone())],
        [..] => return Err(ConfigError("--model: a race has two sides; give one model or two".to_owned())),
    };
    let extras = [extra("--a-extra", args.a_extra.as_deref())?, extra("--b-extra", args.b_extra.as_deref())?];
    if args.b.is_none() && models[0] == models[1] && extras[0] == extras[1] {
        return Err(ConfigError(
            "both sides are the same; name a second URL, a second --model, or fields with --b-extra (to race an endpoint \
             against itself, give its URL twice)"
                .to_owned(),
        ));
    }
    let races_models = models[0] != models[1];
    Ok(TypedSides { models, races_models, extras })
}

/// Reads the fields of a side.
fn extra(option: &str, typed: Option<&str>) -> Result<Map<String, Value>, ConfigError> {
    let Some(typed) = typed else { return Ok(Map::new()) };
    let fields: Map<String, Value> = serde_json::from_str(typed)
        .map_err(|why| ConfigError(format!("{option}: not a JSON object: {why}; write one like '{{\"top_k\": 1}}'")))?;
    for key in fields.keys() {
        check_extra_key(key).map_err(|why| ConfigError(format!("{option}: '{}': {why}", sanitise_line(key))))?;
    }
    Ok(fields)
}

/// Keys of the metrics with these names.
fn metric_keys(names: &[String]) -> Vec<String> {
    let key_of = |name: &String| with_thresholds().find(|(_, slo)| slo.name == name).map(|(m, _)| m.key.to_owned());
    names.iter().filter_map(key_of).collect()
}

/// Returns the options of side B, and those of side A as the options of a run.
fn run_args(args: RaceArgs, typed: &TypedSides) -> (RivalArgs, RunArgs) {
    let run = RunArgs {
        url: Some(args.a),
        model: typed.models[0].clone(),
        api: args.api,
        secrets: args.secrets,
        network: args.network,
        gpu: args.gpu,
        cases: args.cases,
        case_patterns: args.case_patterns,
        timeout: args.timeout,
        tokenizer: args.tokenizer,
        concurrency: args.concurrency,
        repeat: Some(args.blocks.unwrap_or(BLOCKS)),
        // Warm-ups go to the cases in turn, and so to both sides.
        warmup: Some(2 * args.warmup.unwrap_or(1)),
        retries: args.retries,
        warm: args.warm,
        seed: args.seed,
        headless: args.headless,
        exports: args.exports,
        json: args.json,
        no_save: args.no_save,
        color: args.color,
        ..RunArgs::default()
    };
    (args.rival, run)
}

/// Refuses suites whose cases are not single requests.
fn check(spec: &RunSpec) -> Result<(), ConfigError> {
    let suite = &spec.session.suite;
    let refused = |what: &str| Err(ConfigError(format!("{what}; pass a suite of single requests with --cases")));
    if suite.workload.is_some() {
        return refused("a race sends the cases of a suite, and this file has a workload");
    }
    if suite.model_mix.is_some() {
        return refused("a race has one model on each side, and this file mixes models");
    }
    if let Some(case) = suite.cases.iter().find(|case| !case.follow_ups.is_empty()) {
        return refused(&format!("case '{}' is a conversation, which a race cannot send", sanitise_line(&case.name)));
    }
    Ok(())
}

/// Doubles the cases: each one for side A, then for side B.
fn double(suite: &mut Suite, typed: &TypedSides) {
    let of_side = |case: &CaseSpec, side: Side| {
        let mut case = case.clone();
        case.name = format!("{}: {}", side.letter(), case.name);
        if typed.races_models {
            case.model.clone_from(&typed.models[side.index()]);
        }
        case.extra.extend(typed.extras[side.index()].clone());
        case
    };
    suite.cases = suite.cases.iter().flat_map(|case| Side::BOTH.map(|side| of_side(case, side))).collect();
}

/// Endpoint of side A with its key and headers.
struct SideA<'a> {
    base_url: &'a str,
    api_key: Option<&'a String>,
    headers: &'a [(String, String)],
    source: &'a KeySource,
}

/// Reads key and headers of side B. Without options, those of side A if both URLs have the same origin: a key for one server
/// must not be sent to another.
fn rival_secrets(
    args: &RivalArgs,
    a: &SideA<'_>,
    b_url: &str,
    env: &dyn Fn(&str) -> Option<String>,
) -> Result<Secrets, ConfigError> {
    if args.b_api_key_env.is_none() && args.b_headers.is_empty() && metrics::is_own_origin(b_url, a.base_url) {
        return Ok(Secrets {
            api_key: a.api_key.cloned(),
            headers: a.headers.to_vec(),
            source: a.source.clone(),
            warnings: Vec::new(),
        });
    }
    let secrets = SecretArgs {
        api_key_env: args.b_api_key_env.clone(),
        headers: args.b_headers.clone(),
        ..SecretArgs::default()
    };
    // The usual variable holds the key of side A.
    let named = |name: &str| env(name).filter(|_| args.b_api_key_env.is_some());
    let option = |text: String| text.replace("--api-key-env", "--b-api-key-env").replace("--header", "--b-header");
    run_flags::secrets(&secrets, &named, Path::new(".")).map_err(|e| ConfigError(option(e.0)))
}

/// Returns the endpoint of side B.
fn rival(base_url: String, api: &'static Api, secrets: Secrets, network: Network) -> EngineSpec {
    EngineSpec {
        base_url,
        api,
        simulated: false,
        api_key: secrets.api_key,
        key_source: secrets.source,
        headers: secrets.headers,
        network,
        tokenizer: None,
    }
}

/// Returns the endpoint of side B of a saved race, whose side A has this URL, API and secrets.
pub(super) fn rival_to_resume(
    race: &Race,
    run_id: &str,
    (a_url, api, a_secrets): (&str, &'static Api, &Secrets),
    args: &ResumeArgs,
    env: &dyn Fn(&str) -> Option<String>,
    folder: &Path,
) -> Result<EngineSpec, ConfigError> {
    let [a, b] = &race.sides;
    // The user passes the whole URL of side A again.
    let base_url = if a.url == b.url { a_url.to_owned() } else { b.url.clone() };
    if b.url_cut && a.url != b.url {
        return Err(ConfigError(format!(
            "the URL of side B of {run_id} had a user name, a password or a query, which are not saved; start a new race"
        )));
    }
    let a = SideA {
        base_url: a_url,
        api_key: a_secrets.api_key.as_ref(),
        headers: &a_secrets.headers,
        source: &a_secrets.source,
    };
    let secrets = rival_secrets(&args.rival, &a, &base_url, env)?;
    let network = network::network(&args.network, 0, &base_url, env, folder)?;
    Ok(rival(base_url, api, secrets, network))
}

/// Returns the command line of a race without secrets, as a shell takes it; see [`command_line`].
pub fn race_command_line(
    arguments: impl Iterator<Item = OsString>,
    args: &RunArgs,
    spec: &RunSpec,
    env: &dyn Fn(&str) -> Option<String>,
) -> String {
    let line = command_line(arguments, args, &spec.engine, env);
    let of_rival = spec.rival.iter().flat_map(|rival| {
        rival.api_key.iter().chain(rival.headers.iter().map(|(_, value)| value)).filter(|value| !value.is_empty())
    });
    of_rival.fold(line, |line, secret| line.replace(secret.as_str(), REDACTED))
}

#[cfg(test)]
mod tests;
