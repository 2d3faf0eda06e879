//! The workload of `--depth`, which measures prefill and decode after contexts of given lengths.

use crate::cli::RunArgs;
use crate::config::ConfigError;
use crate::domain::context_depth::{DEFAULT_OUTPUT_TOKENS, DEFAULT_PROMPT_TOKENS, DEFAULT_REPEAT, DepthTest, Depths};
use crate::domain::length_spec::LengthSpec;
use crate::domain::session::Plan;
use crate::domain::workload::WorkloadSource;

/// Returns the source of a run that measures depths. `--isl` and `--osl` set the lengths after the context.
pub(super) fn source(
    depths: &Depths,
    isl: Option<&LengthSpec>,
    osl: Option<&LengthSpec>,
) -> Result<WorkloadSource, ConfigError> {
    let prompt_tokens = fixed("--isl", isl, DEFAULT_PROMPT_TOKENS)?;
    let output_tokens = fixed("--osl", osl, DEFAULT_OUTPUT_TOKENS)?;
    Ok(WorkloadSource::Depth { depths: depths.clone(), prompt_tokens, output_tokens })
}

/// Returns the length of an option, which must be the same for every request, because the name of a row in the table
/// contains it.
fn fixed(option: &str, spec: Option<&LengthSpec>, default: u32) -> Result<u32, ConfigError> {
    let Some(spec) = spec else { return Ok(default) };
    spec.as_fixed().ok_or_else(|| {
        ConfigError(format!(
            "--depth needs one length for all requests, so {option} {spec} does not go with it; use a number"
        ))
    })
}

/// Names of the run and of its cases.
pub(super) fn names(depths: &Depths, prompt_tokens: u32, output_tokens: u32) -> (String, Vec<String>) {
    let case = |depth: &u32| DepthTest { depth: *depth, prompt_tokens, output_tokens }.case_name();
    let cases = depths.as_slice().iter().map(case).collect();
    (format!("pp{prompt_tokens} tg{output_tokens} at depths {depths}"), cases)
}

/// Returns the plan of a run that measures depths: one request at a time, by default three at each depth.
///
/// # Errors
///
/// If the options set any other load, because requests in parallel would delay each other's prefill.
pub(in crate::config) fn plan_depths(args: &RunArgs, plan: Plan) -> Result<Plan, ConfigError> {
    let refused = [
        (args.concurrency.is_some_and(|n| n > 1), "a concurrency above 1"),
        (plan.open_loop.is_some(), "--rate"),
        (args.sweep.is_some(), "--sweep"),
        (args.stages.is_some(), "--stages"),
        (args.duration.is_some(), "--duration"),
        (args.requests.is_some(), "--requests; --repeat sets the requests at each depth"),
        (args.warm, "--warm"),
    ];
    if let Some((_, load)) = refused.iter().find(|(is_set, _)| *is_set) {
        return Err(ConfigError(format!("--depth measures unique prompts one at a time, so it excludes {load}")));
    }
    Ok(Plan { concurrency: 1, repeat: args.repeat.unwrap_or(DEFAULT_REPEAT), ..plan })
}
