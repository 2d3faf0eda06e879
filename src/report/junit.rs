//! `JUnit` XML export with a test for each case, each threshold and each rule of a gate.

use std::fmt::Write;
use std::io;

use super::model::Report;
use crate::domain::metrics::LATENCY;
use crate::domain::quantity::count;
use crate::domain::search_results::SearchResult;
use crate::domain::slo::Slo;
use crate::domain::text::sanitise_line;
use crate::report::case::{CaseView, cases};
use crate::report::gate_result::{GateResult, GateVerdict};

/// Outcome of a test.
enum Outcome {
    Passed,
    Failed(String),
    /// Not run, or failed without failing the run.
    Skipped(String),
}

/// A test of the document.
struct Test {
    group: &'static str,
    name: String,
    seconds: f64,
    outcome: Outcome,
    /// Text for the test's `system-out`.
    output: Option<String>,
}

/// Writes a report as `JUnit` XML that GitHub, GitLab and Jenkins can read.
///
/// # Errors
///
/// Returns the error of `to`.
pub fn write(report: &Report, to: &mut dyn io::Write) -> io::Result<()> {
    to.write_all(render(report).as_bytes())
}

pub(super) fn render(report: &Report) -> String {
    let session = &report.session;
    let summary = report.summary();
    let mut tests: Vec<Test> = cases(session).iter().map(case).collect();
    if let Some(result) = SearchResult::from_session(session) {
        let outcome = match result.outcome.last_pass {
            Some(_) => Outcome::Passed,
            None => Outcome::Failed(result.sentence.clone()),
        };
        let name = "largest load within the thresholds".to_owned();
        tests.push(Test { group: "threshold", name, seconds: 0.0, outcome, output: Some(result.sentence) });
    } else if let Some(tally) = &summary.tally {
        tests.extend(session.slos().iter().map(|slo| threshold(slo, &slo.judge(tally))));
    }
    tests.extend(report.gate.iter().flat_map(|gate| rules(gate)));
    document(report, &tests)
}

fn case(view: &CaseView<'_>) -> Test {
    let last = view.state.last_ended().and_then(crate::domain::session::AttemptState::record);
    let is_answered = !view.reported.is_empty();
    let outcome = match last {
        _ if is_answered => match view.wrong() {
            0 => Outcome::Passed,
            wrong => Outcome::Failed(format!("{wrong} of {} fail a check", count(view.reported.len(), "answer"))),
        },
        Some(record) if !record.is_ok() => {
            let message = record.error.as_ref().map_or_else(String::new, |error| format!(": {}", error.message));
            Outcome::Failed(format!("{}{message}", record.failure_kind()))
        }
        _ => Outcome::Skipped("not measured".to_owned()),
    };
    let seconds = view.figure(&LATENCY).unwrap_or(0.0) / 1000.0;
    Test { group: "case", name: view.spec.name.clone(), seconds, outcome, output: None }
}

fn threshold(slo: &Slo, verdict: &crate::domain::slo::Verdict) -> Test {
    let words = slo.describe(verdict);
    let outcome = if verdict.met { Outcome::Passed } else { Outcome::Failed(words.clone()) };
    Test { group: "threshold", name: slo.to_string(), seconds: 0.0, outcome, output: Some(words) }
}

fn rules(gate: &GateResult) -> impl Iterator<Item = Test> + '_ {
    gate.rules.iter().map(|rule| {
        let words = rule.describe();
        let outcome = match rule.verdict {
            GateVerdict::Fail if gate.is_advisory() => {
                Outcome::Skipped(format!("advisory: {words}; {}", gate.differences.join("; ")))
            }
            GateVerdict::Fail => Outcome::Failed(words.clone()),
            GateVerdict::NoInterval => Outcome::Skipped(words.clone()),
            GateVerdict::Pass | GateVerdict::NotShown => Outcome::Passed,
        };
        Test { group: "regression", name: rule.text.clone(), seconds: 0.0, outcome, output: Some(words) }
    })
}

fn document(report: &Report, tests: &[Test]) -> String {
    let number = |is: fn(&Outcome) -> bool| tests.iter().filter(|test| is(&test.outcome)).count();
    let failures = number(|outcome| matches!(outcome, Outcome::Failed(_)));
    let skipped = number(|outcome| matches!(outcome, Outcome::Skipped(_)));
    let (all, seconds) = (tests.len(), report.duration_s().unwrap_or(0.0));
    let stamp = report.started_at().strftime("%Y-%m-%dT%H:%M:%S");
    let suite = attribute(&report.session.suite.title());
    let mut out = format!(
        "<?xml version=\"1.0\" encoding=\"UTF-8\"?>\n<testsuites name=\"tokscope\" tests=\"{all}\" failures=\"{failures}\" \
         errors=\"0\" skipped=\"{skipped}\" time=\"{seconds:.3}\">\n  <testsuite name=\"{suite}\" tests=\"{all}\" \
         failures=\"{failures}\" errors=\"0\" skipped=\"{skipped}\" time=\"{seconds:.3}\" timestamp=\"{stamp}\">\n"
    );
    let properties = [("run", &report.run_id), ("model", &report.model), ("url", &report.url)];
    out.push_str("    <properties>\n");
    for (name, value) in properties {
        // Writing to a string cannot fail.
        let _infallible = writeln!(out, "      <property name=\"{name}\" value=\"{}\"/>", attribute(value));
    }
    out.push_str("    </properties>\n");
    for test in tests {
        out.push_str(&element(test));
    }
    out.push_str("  </testsuite>\n</testsuites>\n");
    out
}

fn element(test: &Test) -> String {
    let Test { group, name, seconds, outcome, output } = test;
    let outcome = match outcome {
        Outcome::Passed => String::new(),
        Outcome::Failed(why) => format!("      <failure message=\"{}\"/>\n", attribute(why)),
        Outcome::Skipped(why) => format!("      <skipped message=\"{}\"/>\n", attribute(why)),
    };
    let output = output
        .as_ref()
        .map_or_else(String::new, |text| format!("      <system-out>{}</system-out>\n", attribute(text)));
    let name = attribute(name);
    format!(
        "    <testcase classname=\"tokscope.{group}\" name=\"{name}\" time=\"{seconds:.3}\">\n{outcome}{output}    </testcase>\n"
    )
}

/// Escapes text for an attribute or an element, on one line and without control characters.
fn attribute(text: &str) -> String {
    let mut out = String::new();
    for c in sanitise_line(text).chars() {
        match c {
            '&' => out.push_str("&amp;"),
            '<' => out.push_str("&lt;"),
            '>' => out.push_str("&gt;"),
            '"' => out.push_str("&quot;"),
            '\'' => out.push_str("&apos;"),
            // XML 1.0 does not allow these characters.
            '\u{fffe}' | '\u{ffff}' => {}
            c => out.push(c),
        }
    }
    out
}

#[cfg(test)]
mod tests;
