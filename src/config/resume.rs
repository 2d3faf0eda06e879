//! Inputs of a resumed run. Suite, plan and model come from the saved run; keys and headers from the command line,
//! since no secret was saved.

use std::path::Path;

use super::run_flags::{self, Secrets};
use super::{ConfigError, address, demo, exports, media_file, metrics, network, tokenizer, workload};
use crate::cli::ResumeArgs;
use crate::domain::gpu::SIMULATED_SOURCE;
use crate::domain::text::sanitise_line;
use crate::protocol::api::{Api, by_name};
use crate::protocol::url::without_secrets;
use crate::report::exporters::EXPORTERS;
use crate::report::journal::RunHeader;
use crate::report::style::Style;
use crate::runtime::spec::{
    EngineSpec, GateSpec, JournalSpec, ResumeTarget, RunSpec, SavingSpec, SessionSpec, SuiteSource, TelemetrySpec,
};

/// Checks everything that a resumed run needs, as [`super::run_spec`] does for a new one.
pub fn resume_spec(
    args: &ResumeArgs,
    resuming: ResumeTarget,
    env: &dyn Fn(&str) -> Option<String>,
    folder: &Path,
    simulator_url: Option<String>,
) -> Result<RunSpec, ConfigError> {
    let run = resuming.saved.run.clone();
    let api = by_name(&run.api);
    let api = api
        .ok_or_else(|| ConfigError(format!("this tokscope does not support the API '{}'", sanitise_line(&run.api))))?;
    let is_demo = simulator_url.is_some();
    let (base_url, secrets) = match simulator_url {
        Some(_) if !run.simulated => {
            return Err(ConfigError(format!("--demo: {} measured a server; resume it without --demo", run.id)));
        }
        Some(url) => (url, Secrets::default()),
        None => (base_url(&run, args.url.as_deref(), api, env)?, run_flags::secrets(&args.secrets, env, folder)?),
    };
    let network = network::network(&args.network, run.retries, &base_url, env, folder)?;
    let typed = args.server_metrics.as_deref().or(run.gauges.then_some(""));
    let server_metrics = typed.map(|typed| metrics::addresses(typed, &base_url, api)).transpose()?.unwrap_or_default();
    metrics::check_auth(args.server_metrics_auth, &server_metrics, &base_url)?;
    let saved_gpu = &resuming.saved.gpu;
    let (gpu, gpu_metrics_urls) = if is_demo && saved_gpu.source == SIMULATED_SOURCE {
        demo::gpu(&base_url, run_flags::gpu(&args.gpu)?)
    } else {
        run_flags::gpu_again(&args.gpu, &run.id, saved_gpu)?
    };
    let tokenizer = args.tokenizer.as_deref().map(|path| tokenizer(path, folder)).transpose()?;
    let reopened = run.suite.workload.as_ref().map(|w| workload::reopen(w, &run.plan, tokenizer.as_ref()));
    let requests = reopened.transpose()?.unwrap_or_default();
    let mut suite = (*run.suite).clone();
    media_file::reload(&mut suite)?;
    let (exports, stdout) = exports::split(&args.exports, args.json, folder, EXPORTERS)?;
    Ok(RunSpec {
        engine: EngineSpec {
            base_url,
            api,
            simulated: run.simulated,
            api_key: secrets.api_key,
            key_source: secrets.source,
            headers: secrets.headers,
            network,
            tokenizer,
        },
        telemetry: TelemetrySpec {
            server_metrics,
            server_metrics_auth: args.server_metrics_auth,
            gpu,
            gpu_metrics_urls,
        },
        session: SessionSpec {
            suite,
            suite_source: SuiteSource::Saved,
            plan: run.plan,
            sweep: run.sweep,
            whole: run.whole,
            model: Some(run.model),
            requests,
        },
        saving: SavingSpec {
            exports,
            stdout,
            summary_style: Style::Plain,
            journal: JournalSpec::Resume(Box::new(resuming)),
            gate: GateSpec::default(),
        },
        warnings: secrets.warnings,
        notices: Vec::new(),
        command_line: None,
    })
}

/// Returns the run's base URL, completed by the parts that the journal does not store.
fn base_url(
    run: &RunHeader,
    typed: Option<&str>,
    api: &'static Api,
    env: &dyn Fn(&str) -> Option<String>,
) -> Result<String, ConfigError> {
    let kept = (!run.url_cut).then_some(run.base_url.as_str());
    let found = address::endpoint(typed.or(kept), Some(api), env);
    let (base, _) = found.map_err(|e| match typed.or(kept) {
        Some(_) => e,
        None => ConfigError(format!(
            "the address of {} had a user name, a password or a query, which are not saved; pass the address again, like \
             `tokscope resume {} URL`",
            run.id, run.id
        )),
    })?;
    if without_secrets(&base) != run.base_url {
        let (here, there) = (sanitise_line(&without_secrets(&base)), sanitise_line(&run.base_url));
        return Err(ConfigError(format!("{} measured '{there}'; start a new run for '{here}'", run.id)));
    }
    Ok(base)
}
