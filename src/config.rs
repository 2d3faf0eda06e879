//! Floor 4: turns command line, environment and files into the inputs of a run.

mod address;
mod builtin_items;
mod command_line;
mod config_file;
mod defaults;
mod demo;
mod exports;
mod key_file;
mod local_ports;
mod media_file;
mod metrics;
mod model_mix;
mod monitoring;
mod network;
mod race;
mod repeated_runs;
mod resume;
mod run_flags;
mod search;
mod secrets;
mod selection;
mod settings;
mod shard;
pub mod suite_file;
mod theme_file;
pub mod toml_file;
mod workload;

use std::path::{Path, PathBuf};
use std::sync::Arc;
use std::time::Duration;

use self::run_flags::Secrets;
pub use self::settings::Settings;
use crate::cli::RunArgs;
use crate::domain::load_search::SearchVariable;
use crate::domain::load_stages::LoadStages;
use crate::domain::metrics::QUEUE;
use crate::domain::model_mix::ModelMix;
use crate::domain::open_loop::{OpenLoop, Process};
use crate::domain::price::Prices;
use crate::domain::session::{NO_LIMIT, Plan};
use crate::domain::shard::Shard;
use crate::domain::slo::{RunFigure, Slo, Subject};
use crate::domain::suite::Suite;
use crate::domain::text::sanitise_line;
use crate::protocol::api::{self, Api, CHAT};
use crate::report::exporters::{EXPORTERS, stdout_exporter};
use crate::report::style::Style;
use crate::runtime::spec::{EngineSpec, GateSpec, JournalSpec, RunSpec, SavingSpec, SessionSpec, TelemetrySpec};
use crate::store::input::{self, Kind};
use crate::tokenizer::Tokenizer;
use crate::workload::source::Source;

pub use self::command_line::command_line;
pub use self::local_ports::ports_to_search;
pub use self::race::{race_command_line, race_spec};
pub use self::resume::resume_spec;

/// Error in the command line, the environment or a file, for exit status 2. The text may have several lines and
/// contains no secret.
#[derive(Debug, thiserror::Error)]
#[error("{0}")]
pub struct ConfigError(String);

impl From<toml_file::FileError> for ConfigError {
    fn from(error: toml_file::FileError) -> Self {
        Self(error.to_string())
    }
}

/// Returns the inputs of a run, checked before anything is sent.
///
/// `env` looks up a variable, `folder` is the working folder, and `simulator_url` is the URL of the simulator that `--demo`
/// has started: the user's key and headers are not sent there.
pub fn run_spec(
    args: &RunArgs,
    env: &dyn Fn(&str) -> Option<String>,
    folder: &Path,
    simulator_url: Option<String>,
) -> Result<RunSpec, ConfigError> {
    let simulated = simulator_url.is_some();
    let ((base_url, api), secrets) = match simulator_url {
        Some(url) => ((url, &CHAT), Secrets::default()),
        // Without the simulator, `--demo` must not measure a real server.
        None if args.demo => return Err(ConfigError("the built-in simulator of --demo is not running".to_owned())),
        None => (
            address::endpoint(args.url.as_deref(), args.api.as_deref().and_then(api::by_name), env)?,
            run_flags::secrets(&args.secrets, env, folder)?,
        ),
    };
    let network = network::network(&args.network, args.retries, &base_url, env, folder)?;
    let mut plan = plan(args)?;
    let shard = shard::choose(args.shard, env)?;
    let (shard, about_shard) = shard.map_or((Shard::WHOLE, None), |(shard, notice)| (shard, Some(notice)));
    let find = search::settings(args)?;
    let tokenizer = args.tokenizer.as_deref().map(|path| tokenizer(path, folder)).transpose()?;
    let (file, suite_source) = if args.workload.has_source() {
        selection::for_workload()
    } else {
        selection::suite(args.cases.as_deref(), folder, api)?
    };
    let model_mix = model_mix::mix(&args.model_mix, file.models, shard.seed(args.seed))?
        .filter(|_| args.model.is_none() || !args.model_mix.is_empty());
    let workload_args = workload::merge(&args.workload, file.workload);
    if workload_args.depth.is_some() {
        plan = workload::plan_depths(args, plan)?;
    }
    let place = (folder, api.task);
    let prepared = workload::prepare(&workload_args, &plan, args.seed, tokenizer.as_ref(), place, shard)?;
    let (mut suite, template) = (file.suite, file.template);
    let (mut shortened, mut about_rows) = (None, None);
    if let Some(prepared) = &prepared {
        selection::refuse_patterns(&args.case_patterns)?;
        workload::apply(prepared, &template, &mut suite, &mut plan);
        // A search sends as many rows as it needs, so their number is not shown.
        about_rows = args.find.is_none().then(|| workload::notice(prepared));
    } else {
        selection::keep_matching(&mut suite, &args.case_patterns)?;
        shortened = selection::keep_requested(&mut suite, args.requests);
    }
    suite.task = api.task;
    if prepared.is_none() {
        selection::set_batch(&mut suite, workload_args.batch);
    }
    let recorded = prepared.as_ref().and_then(|prepared| prepared.recorded.as_ref()?.conversations.clone());
    suite.conversations = workload::conversations(&workload_args, shard.seed(args.seed)).or(recorded);
    let left_out = selection::check_api(&mut suite, &suite_source, api)?;
    media_file::reload(&mut suite)?;
    workload::generate_images(&mut suite, workload_args.image, shard.seed(args.seed));
    selection::check_content(&suite, api, prepared.as_ref().map_or(&[], |prepared| &prepared.media))?;
    let probes = prepared.as_ref().and_then(|p| p.requests.source.as_ref()).map_or(0, Source::probes);
    let requests = prepared.map(|prepared| prepared.requests).unwrap_or_default();
    set_timeouts(args, &mut suite)?;
    let telemetry = telemetry(args, &base_url, api, simulated)?;
    suite.load_stages.clone_from(&args.stages);
    let model = model_mix.as_ref().map(ModelMix::title).or_else(|| args.model.clone());
    suite.model_mix = model_mix;
    suite.slos.extend(args.slos.iter().cloned());
    search::check(find.as_ref(), &suite.slos)?;
    suite.find = find;
    suite.repeated_runs = repeated_runs::settings(args)?;
    suite.prices = prices(args);
    check_slos(&suite, plan.open_loop.is_some() || workload_args.trace.is_some())?;
    let odd = suite.slos.iter().filter_map(Slo::odd_direction);
    let mut sweep = args.sweep.as_ref().map_or_else(Vec::new, |sweep| sweep.0.clone());
    let unfilled = selection::unfilled_stages(&sweep, &plan, suite.cases.len());
    let odd: Vec<String> = odd.collect();
    let whole = shard::divide(args, shard, probes, &mut suite, (&mut plan, &mut sweep))?;
    let warnings =
        secrets.warnings.iter().cloned().chain(odd).chain(shortened).chain(left_out).chain(unfilled).collect();
    let (exports, stdout) = exports::split(&args.exports, args.json, folder, EXPORTERS)?;
    let (monitoring, about_monitoring) = monitoring::monitoring(&args.monitoring)?;
    Ok(RunSpec {
        rival: None,
        engine: EngineSpec {
            base_url,
            api,
            simulated,
            api_key: secrets.api_key,
            key_source: secrets.source,
            headers: secrets.headers,
            network,
            tokenizer,
        },
        telemetry,
        session: SessionSpec { suite, suite_source, plan, sweep, whole, model, requests },
        saving: SavingSpec {
            exports,
            stdout,
            summary_style: Style::Plain,
            journal: if args.no_save { JournalSpec::Off } else { JournalSpec::New },
            // The caller adds the baseline, which is read before the run begins.
            gate: GateSpec { rules: args.gate.rules.clone(), github: args.gate.github, baseline: None },
        },
        monitoring,
        warnings,
        notices: about_shard.into_iter().chain(about_rows).chain(about_monitoring).collect(),
        command_line: None,
    })
}

/// Returns the prices that the options give.
fn prices(args: &RunArgs) -> Option<Prices> {
    let usd_per_kwh = args.prices.usd_per_kwh;
    args.prices.usd_per_hour.map(|usd_per_hour| Prices { usd_per_hour, usd_per_kwh })
}

/// Returns the telemetry of a run.
fn telemetry(args: &RunArgs, base_url: &str, api: &Api, simulated: bool) -> Result<TelemetrySpec, ConfigError> {
    let server_metrics = args.server_metrics.as_deref().map(|typed| metrics::addresses(typed, base_url, api));
    let server_metrics = server_metrics.transpose()?.unwrap_or_default();
    metrics::check_auth(args.server_metrics_auth, &server_metrics, base_url)?;
    let gpu = run_flags::gpu(&args.gpu)?;
    let (server_metrics, (gpu, gpu_metrics_urls)) = if simulated {
        (demo::server_metrics(base_url, server_metrics), demo::gpu(base_url, gpu))
    } else {
        (server_metrics, gpu)
    };
    Ok(TelemetrySpec { server_metrics, server_metrics_auth: args.server_metrics_auth, gpu, gpu_metrics_urls })
}

/// Sets the timeouts of all cases to those of the options.
fn set_timeouts(args: &RunArgs, suite: &mut Suite) -> Result<(), ConfigError> {
    let seconds = |name: &str, seconds: Option<f64>| {
        let time = seconds.map(Duration::try_from_secs_f64).transpose();
        time.map_err(|e| ConfigError(format!("--{name}: {e}")))
    };
    let whole = seconds("timeout", args.timeout)?;
    let connect = seconds("connect-timeout", args.connect_timeout)?;
    let first_token = seconds("first-token-timeout", args.first_token_timeout)?;
    let stall = seconds("stall-timeout", args.stall_timeout)?;
    for case in &mut suite.cases {
        case.timeout = whole.unwrap_or(case.timeout);
        case.patience.connect = connect.unwrap_or(case.patience.connect);
        case.patience.first_token = first_token.or(case.patience.first_token);
        case.patience.stall = stall.or(case.patience.stall);
    }
    Ok(())
}

/// Checks that export files can be written.
pub fn check_exports(paths: &[PathBuf], folder: &Path) -> Result<(), ConfigError> {
    if let Some(path) = paths.iter().find(|path| stdout_exporter(path, EXPORTERS).is_some()) {
        let path = sanitise_line(&path.to_string_lossy());
        return Err(ConfigError(format!(
            "--export {path}: the dashboard cannot write to stdout; use `tokscope report`"
        )));
    }
    exports::check(paths, folder, EXPORTERS)
}

/// Checks the files of `tokscope report`, before the run is read; texts for stdout need no check.
pub fn check_report_exports(paths: &[PathBuf], json: bool, folder: &Path) -> Result<(), ConfigError> {
    exports::split(paths, json, folder, EXPORTERS).map(drop)
}

/// Checks the files of `tokscope compare`, before the runs are read.
pub fn check_comparison_exports(paths: &[PathBuf], folder: &Path) -> Result<(), ConfigError> {
    let files: Vec<PathBuf> = paths.iter().filter(|path| stdout_exporter(path, EXPORTERS).is_none()).cloned().collect();
    exports::check(&files, folder, EXPORTERS)
}

/// Tokenizer files. The size limit is generous: the largest tokenizers of today's models take 35 MiB.
const TOKENIZER: Kind = Kind { file_name: Some("tokenizer.json"), what: "a tokenizer", max_bytes: 256 * 1024 * 1024 };

fn tokenizer(path: &Path, folder: &Path) -> Result<Arc<Tokenizer>, ConfigError> {
    let named = sanitise_line(&path.to_string_lossy());
    let failed = |why: &str| ConfigError(format!("--tokenizer '{named}': {}", sanitise_line(why)));
    let bytes = input::read(&folder.join(path), &named, &TOKENIZER).map_err(|e| failed(&e.0))?;
    Tokenizer::read(&bytes).map(Arc::new).map_err(|e| failed(&e.to_string()))
}

/// Refuses thresholds that no run can meet.
fn check_slos(suite: &Suite, open_loop: bool) -> Result<(), ConfigError> {
    let (slos, has_checks, task) = (&suite.slos, suite.has_checks(), suite.task);
    let about_requests = slos.iter().any(|slo| matches!(slo.subject, Subject::Requests(..)));
    for slo in slos {
        let why = match slo.subject {
            Subject::Run(RunFigure::Goodput | RunFigure::GoodShare) if !about_requests => {
                "goodput counts the requests that meet the other thresholds; add one, like ttft_p95<500ms"
            }
            Subject::Requests(metric, _) if !metric.applies_to.includes(task) => match task.no_token_figures() {
                Some(_) => "the API generates no tokens; use latency, items or input_speed",
                None => "only --api embeddings and --api rerank have items; use ttft, itl, latency or speed",
            },
            Subject::Run(RunFigure::Throughput) if !task.generates() => {
                "the API generates no tokens; use item_throughput or input_throughput"
            }
            Subject::Run(RunFigure::ItemRate | RunFigure::InputRate) if task.generates() => {
                "only --api embeddings and --api rerank have items; use throughput"
            }
            Subject::Run(RunFigure::PassRate) if !has_checks => {
                "no selected case has a check; add one to the suite, like check = { contains = \"…\" }"
            }
            Subject::Requests(metric, _) if *metric == QUEUE && !open_loop => {
                "only runs with --rate or --trace have a queue"
            }
            _ => continue,
        };
        return Err(ConfigError(format!("threshold '{}': {why}", sanitise_line(&slo.text))));
    }
    Ok(())
}

/// Returns the load of the run.
fn plan(args: &RunArgs) -> Result<Plan, ConfigError> {
    // The command line rejects this combination, but the config file may set both.
    if args.requests.is_some() && args.repeat.is_some() {
        return Err(ConfigError("'requests' and 'repeat' are both set; remove one from the config file".to_owned()));
    }
    let burstiness = args.burstiness.map(|burstiness| Process::Gamma { burstiness });
    let process = burstiness.or(args.arrival).unwrap_or_default();
    // A search sets the rate of each probe, so the plan begins with the maximum.
    let searched = args.max.filter(|_| args.find == Some(SearchVariable::Rate));
    let rate = args.rate.or(searched).or_else(|| args.stages.as_ref()?.mean_rate_per_s());
    if rate.is_none() && (args.arrival.is_some() || burstiness.is_some()) {
        return Err(ConfigError("--arrival and --burstiness need stages with a rate, like 5/s:60s".to_owned()));
    }
    let open_loop = rate.map(|rate_per_s| OpenLoop { rate_per_s, process, seed: args.seed });
    let in_stages = args.stages.as_ref().and_then(LoadStages::most_concurrent);
    let unlimited = if let Some(most) = in_stages {
        most
    } else if open_loop.is_some() || args.workload.trace.is_some() {
        NO_LIMIT
    } else {
        1
    };
    if args.stop_when_saturated && open_loop.is_none() && args.workload.trace.is_none() {
        return Err(ConfigError(
            "--stop-when-saturated needs an open loop: --rate, --trace or stages with a rate".to_owned(),
        ));
    }
    let duration = args.duration.map(Duration::try_from_secs_f64).transpose();
    let in_stages = args.stages.as_ref().map(LoadStages::time);
    let of_probe = args.find.map(|_| search::PROBE_TIME);
    Ok(Plan {
        concurrency: args.concurrency.map_or(unlimited, |n| n as usize),
        repeat: args.repeat.unwrap_or(1),
        warmup: args.warmup.unwrap_or(0),
        warm: args.warm,
        open_loop,
        duration: duration.map_err(|e| ConfigError(format!("--duration: {e}")))?.or(in_stages).or(of_probe),
        requests: args.requests,
        stop_when_saturated: args.stop_when_saturated,
        shard: None,
    })
}

#[cfg(test)]
mod tests;
