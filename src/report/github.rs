//! Annotations and the job summary for GitHub Actions.

use super::gate_result::GateVerdict;
use super::model::Report;
use crate::domain::search_results::SearchResult;
use crate::domain::text::sanitise_line;
use crate::report::case::cases;
use crate::report::markdown::inline;
use crate::report::summary::Summary;

/// Maximum number of cases with an annotation. GitHub shows ten annotations of each kind per step.
const MAX_CASES: usize = 5;

/// Severity of an annotation.
#[derive(Clone, Copy)]
enum Level {
    Error,
    Warning,
    Notice,
}

/// Returns the annotations of a run, one workflow command per line: failed cases, missed SLOs, and the rules of a gate.
pub fn annotations(report: &Report) -> String {
    let session = &report.session;
    let mut all = Vec::new();
    let views = cases(session);
    let failed = views.iter().filter(|view| view.reported.is_empty());
    all.extend(failed.take(MAX_CASES).map(|view| command(Level::Error, &view.spec.name, view.status())));
    if let Some(result) = SearchResult::from_session(session) {
        let level = if result.outcome.last_pass.is_some() { Level::Notice } else { Level::Error };
        all.push(command(level, "largest load", &result.sentence));
    } else if let Some(tally) = &Summary::from_session(session).tally {
        let verdicts = session.slos().iter().map(|slo| (slo, slo.judge(tally)));
        let missed = verdicts.filter(|(_, verdict)| !verdict.met);
        all.extend(missed.map(|(slo, verdict)| command(Level::Error, "threshold missed", &slo.describe(&verdict))));
    }
    if let Some(gate) = &report.gate {
        all.extend(gate.rules.iter().map(|rule| {
            let level = match rule.verdict {
                GateVerdict::Fail if gate.is_advisory() => Level::Warning,
                GateVerdict::Fail => Level::Error,
                GateVerdict::NoInterval => Level::Warning,
                GateVerdict::Pass | GateVerdict::NotShown => Level::Notice,
            };
            command(level, &format!("regression gate {}", rule.text), &rule.describe())
        }));
        if gate.is_advisory() {
            all.push(command(Level::Warning, "regression gate is advisory", &gate.differences.join("; ")));
        }
    }
    all.concat()
}

/// Returns a workflow command with its line feed, in the syntax of GitHub's documentation.
fn command(level: Level, title: &str, message: &str) -> String {
    let level = match level {
        Level::Error => "error",
        Level::Warning => "warning",
        Level::Notice => "notice",
    };
    let message = escape(&sanitise_line(message));
    let title = escape(&sanitise_line(title)).replace(':', "%3A").replace(',', "%2C");
    format!("::{level} title=tokscope%3A {title}::{message}\n")
}

fn escape(text: &str) -> String {
    text.replace('%', "%25").replace('\r', "%0D").replace('\n', "%0A")
}

/// Returns the job summary as Markdown: result of the gate, then key figures of each case.
pub fn job_summary(report: &Report) -> String {
    let session = &report.session;
    let mut lines = vec![format!("## tokscope: {}", inline(&session.suite.title())), String::new()];
    let about = [report.model.as_str(), report.url.as_str(), report.run_id.as_str()];
    lines.extend([about.map(inline).join(" · "), String::new()]);
    if let Some(gate) = &report.gate {
        let verdict = match (gate.has_regression(), gate.is_advisory()) {
            (false, _) => "✓ **no regression shown**",
            (true, false) => "✗ **regression**",
            (true, true) => "⚠ **regression, advisory only**",
        };
        lines.push(format!("{verdict} against {}", inline(&gate.baseline)));
        lines.push(String::new());
        lines.extend(gate.lines().iter().map(|line| format!("- {}", inline(line))));
        lines.push(String::new());
    }
    if let Some(result) = SearchResult::from_session(session) {
        lines.extend([format!("**{}**", inline(&result.sentence)), String::new()]);
    } else if let Some(tally) = &Summary::from_session(session).tally {
        for slo in session.slos() {
            let verdict = slo.judge(tally);
            let sign = if verdict.met { "✓" } else { "✗" };
            lines.push(format!("- {sign} {}", inline(&slo.describe(&verdict))));
        }
        lines.push(String::new());
    }
    lines.extend(["| Case | Status | TTFT (ms) | Speed (tok/s) |".to_owned(), "|---|---|---:|---:|".to_owned()]);
    for view in cases(session) {
        let figure = |metric, digits: usize| {
            view.figure(metric).map_or_else(|| "—".to_owned(), |value| format!("{value:.digits$}"))
        };
        let (ttft, speed) = (figure(&crate::domain::metrics::TTFT, 0), figure(&crate::domain::metrics::SPEED, 1));
        lines.push(format!("| {} | {} | {ttft} | {speed} |", inline(&view.spec.name), view.status()));
    }
    lines.push(String::new());
    lines.join("\n")
}
