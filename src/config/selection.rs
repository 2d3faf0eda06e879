//! The suite and its selected cases.

use std::path::Path;

use super::ConfigError;
use super::builtin_items;
use super::suite_file::{self, FILE_NAME, SuiteFile};
use crate::cli::WorkloadArgs;
use crate::domain::media::Media;
use crate::domain::quantity::count;
use crate::domain::session::Plan;
use crate::domain::suite::{CaseSpec, INPUT, Message, QUERY, Suite};
use crate::domain::text::sanitise_line;
use crate::protocol::api::Api;
use crate::runtime::spec::SuiteSource;

/// Loads the requested suite, the file in `folder` if it exists, or the built-in suite. A file with prompts for chat is
/// not used if the run asks for vectors or scores.
pub(super) fn suite(asked: Option<&Path>, folder: &Path, api: &Api) -> Result<(SuiteFile, SuiteSource), ConfigError> {
    if let Some(path) = asked {
        let suite = suite_file::load_as(&folder.join(path), &path.display().to_string())?;
        return Ok((suite, SuiteSource::File(path.to_owned())));
    }
    let found = folder.join(FILE_NAME);
    // A broken link or an unreadable file exists, and is reported as an error when it is read.
    if found.symlink_metadata().is_ok() {
        let suite = suite_file::load_as(&found, FILE_NAME)?;
        let fits = |case: &CaseSpec| api.check_messages(&case.messages).is_ok() && (api.unsupported)(case).is_none();
        if api.task.generates() || suite.suite.cases.iter().all(fits) {
            return Ok((suite, SuiteSource::File(FILE_NAME.into())));
        }
    }
    let builtin = if api.task.generates() { suite_file::builtin()? } else { builtin_items::suite(api.task) };
    Ok((of_cases(builtin), SuiteSource::Builtin))
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

/// Gives each request of the cases this many inputs or documents. The texts of a case repeat if they are fewer.
pub(super) fn set_batch(suite: &mut Suite, batch: Option<u32>) {
    let Some(batch) = batch else { return };
    for case in &mut suite.cases {
        let (query, texts): (Vec<Message>, Vec<Message>) = case.messages.drain(..).partition(|m| m.role == QUERY);
        let role = if query.is_empty() && batch > 1 { INPUT } else { "" };
        let texts = texts.iter().cycle().take(if texts.is_empty() { 0 } else { batch as usize });
        let text =
            |message: &Message| Message::new(if role.is_empty() { &message.role } else { role }, &message.content);
        case.messages = query.into_iter().chain(texts.map(text)).collect();
    }
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
        let why = format!("--case selects no case that the {} API can carry", api.name);
        return Err(ConfigError(why));
    }
    for case in &suite.cases {
        let refused = |why: String| ConfigError(format!("case '{}': {why}", sanitise_line(&case.name)));
        api.check_messages(&case.messages).map_err(refused)?;
        if !case.follow_ups.is_empty() && !api.takes_messages() {
            return Err(refused(format!(
                "it has several turns, but the {} API has no conversations; use another --api",
                api.name
            )));
        }
    }
    let turns = suite.conversations.as_ref().and_then(|conversations| conversations.turns.as_ref());
    if turns.is_some_and(|turns| turns.max() > 1) && !api.takes_messages() {
        let why = format!("--turns sends conversations, but the {} API has none; use another --api", api.name);
        return Err(ConfigError(why));
    }
    let names = omitted.join(", ");
    Ok((!omitted.is_empty()).then(|| format!("the {} API cannot carry all cases, so the run omits: {names}", api.name)))
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
