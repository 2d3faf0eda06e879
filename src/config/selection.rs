//! The suite and its selected cases.

use std::path::Path;

use super::ConfigError;
use super::suite_file::{self, FILE_NAME, SuiteFile};
use crate::cli::WorkloadArgs;
use crate::domain::media::Media;
use crate::domain::quantity::count;
use crate::domain::session::Plan;
use crate::domain::suite::{CaseSpec, Message, Suite};
use crate::domain::text::sanitise_line;
use crate::protocol::api::Api;
use crate::runtime::spec::SuiteSource;

/// Loads the requested suite, the file in `folder` if it exists, or the built-in suite.
pub(super) fn suite(asked: Option<&Path>, folder: &Path) -> Result<(SuiteFile, SuiteSource), ConfigError> {
    if let Some(path) = asked {
        let suite = suite_file::load_as(&folder.join(path), &path.display().to_string())?;
        return Ok((suite, SuiteSource::File(path.to_owned())));
    }
    let found = folder.join(FILE_NAME);
    // A broken link or an unreadable file exists, and is reported as an error when it is read.
    if found.symlink_metadata().is_ok() {
        return Ok((suite_file::load_as(&found, FILE_NAME)?, SuiteSource::File(FILE_NAME.into())));
    }
    Ok((of_cases(suite_file::builtin()?), SuiteSource::Builtin))
}

/// Returns the suite for a workload that the options name. The workload adds the cases.
pub(super) fn for_workload() -> (SuiteFile, SuiteSource) {
    (of_cases(Suite::default()), SuiteSource::Builtin)
}

fn of_cases(suite: Suite) -> SuiteFile {
    SuiteFile { suite, models: Vec::new(), workload: WorkloadArgs::default(), template: CaseSpec::new("", Vec::new()) }
}

/// Drops the last cases of the suite if there are fewer requests than cases, and returns a warning about that.
pub(super) fn keep_requested(suite: &mut Suite, requests: Option<u32>) -> Option<String> {
    let (requests, cases) = (requests? as usize, suite.cases.len());
    suite.cases.truncate(requests);
    (requests < cases).then(|| format!("--requests {requests} covers only the first {requests} of {cases} cases"))
}

/// Rejects content that the API or a conversation cannot carry. `media` has an example of each kind of media in the
/// rows.
pub(super) fn check_content(suite: &Suite, api: &Api, media: &[Media]) -> Result<(), ConfigError> {
    let with_media = |case: &CaseSpec| {
        let message = Message { media: media.to_vec(), ..Message::user("") };
        CaseSpec { messages: [case.messages.clone(), vec![message]].concat(), ..case.clone() }
    };
    for case in suite.cases.iter().map(with_media) {
        let refuse = |why: String| Err(ConfigError(format!("case '{}': {why}", sanitise_line(&case.name))));
        if let Some(what) = (api.unsupported)(&case) {
            return refuse(format!("the API '{}' has no {what}; change the case, or pass another --api", api.name));
        }
        if suite.conversations.is_some() && !case.tools.is_empty() {
            return refuse("conversations cannot have tools, because nothing answers the calls; remove one".to_owned());
        }
    }
    Ok(())
}

/// Warns about stages of a sweep that have more slots than requests, so that their load is lower than their
/// concurrency.
pub(super) fn unfilled_stages(sweep: &[usize], plan: &Plan, cases: usize) -> Option<String> {
    let requests = plan.measured_requests(cases)?;
    let unfilled: Vec<String> = sweep.iter().filter(|slots| **slots > requests).map(usize::to_string).collect();
    let most = sweep.iter().max()?;
    let remedy = match plan.requests {
        Some(_) => format!("--requests {most}"),
        None => format!("--repeat {}", most.div_ceil(cases.max(1))),
    };
    (!unfilled.is_empty()).then(|| {
        format!(
            "--sweep: {} per stage cannot fill {} slots, so these stages say nothing about saturation; {remedy} \
             fills them",
            count(requests, "request"),
            unfilled.join(", ")
        )
    })
}

/// Refuses cases and conversations whose messages the API cannot carry. Rows of a workload are checked when they are
/// sent. The built-in suite omits such cases; returns a warning about that.
pub(super) fn check_api(suite: &mut Suite, source: &SuiteSource, api: &Api) -> Result<Option<String>, ConfigError> {
    let mut omitted = Vec::new();
    if *source == SuiteSource::Builtin {
        suite.cases.retain(|case| {
            let fits = api.check_messages(&case.messages).is_ok();
            omitted.extend((!fits).then(|| case.name.clone()));
            fits
        });
    }
    if suite.cases.is_empty() {
        let why = format!("--case selects no case that the {} API can carry; it takes one text", api.name);
        return Err(ConfigError(why));
    }
    for case in &suite.cases {
        let refused = |why: String| ConfigError(format!("case '{}': {why}", sanitise_line(&case.name)));
        api.check_messages(&case.messages).map_err(refused)?;
        if !case.follow_ups.is_empty() && !api.takes_messages() {
            return Err(refused(format!(
                "it has several turns, but the {} API takes one text; use another --api",
                api.name
            )));
        }
    }
    let turns = suite.conversations.as_ref().and_then(|conversations| conversations.turns.as_ref());
    if turns.is_some_and(|turns| turns.max() > 1) && !api.takes_messages() {
        let why = format!("--turns sends conversations, but the {} API takes one text; use another --api", api.name);
        return Err(ConfigError(why));
    }
    let names = omitted.join(", ");
    Ok((!omitted.is_empty()).then(|| format!("the {} API takes one text, so the run omits: {names}", api.name)))
}

/// Rejects `--case` for a suite whose cases come from its workload.
pub(super) fn refuse_patterns(patterns: &[String]) -> Result<(), ConfigError> {
    if patterns.is_empty() {
        return Ok(());
    }
    Err(ConfigError("--case selects cases, but this suite sends the rows of its [workload]; remove --case".to_owned()))
}

/// Keeps the cases whose names contain a pattern, in any letter case; without a pattern all of them.
pub(super) fn keep_matching(suite: &mut Suite, patterns: &[String]) -> Result<(), ConfigError> {
    suite.case_patterns = patterns.to_vec();
    let patterns: Vec<(&String, String)> = patterns.iter().map(|p| (p, p.to_lowercase())).collect();
    let names: Vec<String> = suite.cases.iter().map(|case| case.name.to_lowercase()).collect();
    // A pattern without a match is probably misspelt, even if others match.
    if let Some((typed, _)) = patterns.iter().find(|(_, p)| !names.iter().any(|name| name.contains(p.as_str()))) {
        let list: Vec<String> = suite.cases.iter().map(|case| format!("\n  {}", sanitise_line(&case.name))).collect();
        let (typed, suite) = (sanitise_line(typed), sanitise_line(&suite.name));
        return Err(ConfigError(format!("no case of '{suite}' matches --case '{typed}'; there are:{}", list.concat())));
    }
    if !patterns.is_empty() {
        suite.cases.retain(|case| {
            let name = case.name.to_lowercase();
            patterns.iter().any(|(_, p)| name.contains(p.as_str()))
        });
    }
    Ok(())
}
