//! CSV export according to RFC 4180, with a row for each ended attempt.
//!
//! Unknown values are empty cells. Text is on one line without control characters, and never begins a formula.

mod cell;

use std::io::{self, BufWriter, Write};

use self::cell::{Cell, text};
#[cfg(any(test, fuzzing))]
pub(super) use self::cell::{begins_formula, harmless};
use super::model::Report;
use crate::domain::attempt::{AttemptRecord, TokenSource};
use crate::domain::check::CheckResult;
use crate::domain::metrics::{METRICS, Unit};
use crate::domain::session::AttemptState;
use crate::domain::suite::CaseSpec;
use crate::domain::time::RFC_3339_MILLIS;

/// Line ending that RFC 4180 requires.
const END_OF_LINE: &str = "\r\n";

/// Source of one row: an attempt with its case.
struct Row<'a> {
    report: &'a Report,
    case: &'a CaseSpec,
    attempt: &'a AttemptState,
    record: &'a AttemptRecord,
}

type Column = (&'static str, fn(&Row<'_>) -> Cell);

/// Columns before those of the metrics.
const BEFORE: &[Column] = &[
    ("case", |r| text(&r.case.name)),
    ("model", |r| text(&r.record.model)),
    ("attempt", |r| r.record.id.number.into()),
    ("warmup", |r| r.record.warmup.into()),
    ("concurrency", |r| r.report.session.concurrency_in(r.attempt.stage).into()),
    ("status", |r| text(r.record.status.as_str())),
    ("error_kind", |r| r.record.error.as_ref().map(|e| text(&e.kind)).into()),
    ("started_at", |r| text(&r.report.wall_time(r.record.started).strftime(RFC_3339_MILLIS).to_string())),
    ("http_status", |r| r.record.http_status.into()),
    ("finish_reason", |r| r.record.finish_reason.as_deref().map(text).into()),
    ("prefix_cache", |r| text(r.record.prefix_cache().as_str())),
];

/// Columns after those of the metrics.
const AFTER: &[Column] = &[
    ("token_count_source", |r| r.record.output_tokens().map(|(_, source)| text(source_name(source))).into()),
    ("retries", |r| r.record.retries.len().into()),
    ("simulated", |r| r.report.simulated.into()),
    ("unresolved", |r| unresolved(r.record).map(|keys| text(&keys)).into()),
    ("failed_checks", |r| failed_checks(r.record).map(|failures| text(&failures)).into()),
    ("row", |r| r.attempt.row.into()),
    ("conversation", |r| r.attempt.turn.map(|turn| turn.conversation).into()),
    ("turn", |r| r.attempt.turn.map(|turn| turn.number).into()),
    ("requested_input_tokens", |r| r.record.lengths.input_tokens.into()),
    ("requested_output_tokens", |r| r.record.lengths.output_tokens.into()),
    ("cached_token_count", |r| r.record.usage.cached_tokens.into()),
    ("context_depth", |r| depth(r).into()),
];

/// Renders a report as CSV.
#[cfg(any(test, fuzzing))]
pub fn render(report: &Report) -> String {
    let mut out = Vec::new();
    // Writing to memory cannot fail.
    let _always_ok = write(report, &mut out);
    String::from_utf8(out).unwrap_or_default()
}

/// Writes a report as CSV to `to`.
///
/// # Errors
///
/// Returns the error of `to`.
pub fn write(report: &Report, to: &mut dyn Write) -> io::Result<()> {
    let mut out = BufWriter::new(to);
    let keys = |columns: &'static [Column]| columns.iter().map(|(key, _)| *key);
    let header: Vec<&str> = keys(BEFORE).chain(METRICS.iter().map(|m| m.key)).chain(keys(AFTER)).collect();
    write!(out, "{}{END_OF_LINE}", header.join(","))?;
    for (case, state) in report.session.suite.cases.iter().zip(&report.session.cases) {
        for attempt in &state.attempts {
            let Some(record) = attempt.record() else { continue };
            let row = Row { report, case, attempt, record: &record };
            let made = |columns: &'static [Column]| columns.iter().map(|(_, cell)| cell(&row));
            let cells: Vec<String> =
                made(BEFORE).chain(metrics(&record)).chain(made(AFTER)).map(|cell| cell.to_string()).collect();
            write!(out, "{}{END_OF_LINE}", cells.join(","))?;
        }
    }
    out.flush()
}

fn metrics(record: &AttemptRecord) -> impl Iterator<Item = Cell> + '_ {
    METRICS.iter().map(|metric| match ((metric.get)(record), metric.unit) {
        (Some(tokens), Unit::Tokens) => (tokens as u64).into(),
        (figure, _) => figure.filter(|f| f.is_finite()).into(),
    })
}

/// Returns the context depth, tokens; `None` unless the run measures depths.
fn depth(row: &Row<'_>) -> Option<u32> {
    let workload = row.report.session.suite.workload.as_ref().filter(|_| !row.record.warmup)?;
    Some(workload.depth_test(row.record.id.case)?.depth)
}

/// Returns the keys of the unresolved figures; `None` without any.
fn unresolved(record: &AttemptRecord) -> Option<String> {
    let keys: Vec<&str> = METRICS.iter().filter(|m| (m.unresolved)(record).is_some()).map(|m| m.key).collect();
    (!keys.is_empty()).then(|| keys.join(" "))
}

/// Returns the kinds of the failed checks with their reasons; `None` without failures.
fn failed_checks(record: &AttemptRecord) -> Option<String> {
    let failures: Vec<String> = record.checks.iter().filter_map(CheckResult::failure).collect();
    (!failures.is_empty()).then(|| failures.join("; "))
}

/// Returns the name of a token source, as in `results.json`.
const fn source_name(source: TokenSource) -> &'static str {
    match source {
        TokenSource::Usage => "usage",
        TokenSource::Tokenizer => "tokenizer",
        TokenSource::Estimate => "estimate",
    }
}

#[cfg(test)]
mod tests {
    use super::cell::tests::parsed;
    use super::*;
    use crate::domain::attempt::AttemptStatus;
    use crate::domain::session::Plan;
    use crate::report::fixture::{answer, refusal, report, run, sample_session, suite, sweep_session};

    /// Returns all cells of a column.
    fn column(table: &[Vec<String>], key: &str) -> Vec<String> {
        let at = table[0].iter().position(|k| k == key).unwrap();
        table[1..].iter().map(|row| row[at].clone()).collect()
    }

    #[test]
    fn each_attempt_has_a_row_with_all_its_figures() {
        let plan = Plan { repeat: 2, warmup: 1, ..Plan::default() };
        let session = run(suite(&["a", "b, \"c\""]), plan, |id, now| {
            Some(match (id.case, id.number) {
                (1, 1) => refusal(id, now, "busy"),
                (1, _) => {
                    let mut r = answer(id, now, 2000, 9, 10);
                    (r.usage.completion_tokens, r.usage.prompt_tokens) = (None, None);
                    r
                }
                _ => answer(id, now, 1000, 7, 11),
            })
        });
        let text = render(&report(session));
        assert!(text.starts_with("case,model,attempt,warmup,") && text.ends_with("\r\n"), "{text}");
        assert_eq!(text.matches("\r\n").count(), text.matches('\n').count());
        let table = parsed(&text);
        assert_eq!(column(&table, "case"), ["a", "a", "a", "b, \"c\"", "b, \"c\""]);
        assert_eq!(column(&table, "warmup"), ["true", "false", "false", "false", "false"]);
        assert_eq!(column(&table, "attempt"), ["1", "2", "3", "1", "2"]);
        assert_eq!(column(&table, "status")[3..], ["http_error", "ok"]);
        assert_eq!(column(&table, "error_kind")[3..], ["unavailable", ""]);
        assert_eq!(column(&table, "http_status")[3..], ["503", "200"]);
        assert_eq!(column(&table, "output_sequence_length"), ["11", "11", "11", "", "10"]);
        assert_eq!(column(&table, "token_count_source"), ["usage", "usage", "usage", "", "estimate"]);
        assert_eq!(column(&table, "request_latency_ms"), ["1000", "1000", "1000", "", "2000"]);
        assert_eq!(column(&table, "time_to_first_token_ms")[2..], ["100", "", "200"]);
        assert_eq!(column(&table, "started_at")[0], "2026-02-06T21:49:41.400+01:00");
        assert!(METRICS.iter().all(|m| table[0].iter().any(|key| key == m.key)));
        assert!(table.iter().all(|row| row.len() == table[0].len()));
    }

    #[test]
    fn sweep_rows_have_their_concurrency_and_attempts_in_flight_have_no_row() {
        let table = parsed(&render(&report(sweep_session(&[1, 2]))));
        assert_eq!(column(&table, "concurrency").iter().filter(|n| *n == "1").count(), 4);
        assert_eq!(column(&table, "concurrency").iter().filter(|n| *n == "2").count(), 4);
        let session = run(suite(&["a"]), Plan { repeat: 2, ..Plan::default() }, |id, now| {
            (id.number == 1).then(|| answer(id, now, 1000, 7, 11))
        });
        assert_eq!(parsed(&render(&report(session))).len(), 2);
    }

    #[test]
    fn unresolved_figures_are_empty_cells_with_their_keys_listed() {
        let session = run(suite(&["a"]), Plan::default(), |id, now| {
            let mut r = answer(id, now, 1000, 7, 11);
            let last = r.last_arrival().unwrap();
            r.arrivals.iter_mut().for_each(|a| a.at = last);
            Some(r)
        });
        let table = parsed(&render(&report(session)));
        let keys = "time_to_first_token_ms time_to_first_output_token_ms inter_token_latency_ms \
                    output_token_throughput_per_user";
        assert_eq!(column(&table, "unresolved"), [keys]);
        for key in keys.split(' ') {
            assert_eq!(column(&table, key), [""], "{key}");
        }
        assert_eq!(column(&table, "request_latency_ms"), ["1000"]);
    }

    #[test]
    fn names_match_those_of_the_json_export() {
        for source in [TokenSource::Usage, TokenSource::Tokenizer, TokenSource::Estimate] {
            assert_eq!(serde_json::to_value(source).unwrap(), source_name(source));
        }
        let mut simulated = report(sample_session());
        simulated.simulated = true;
        let table = parsed(&render(&simulated));
        assert_eq!(column(&table, "simulated"), ["true"; 10]);
        assert_eq!(column(&table, "status"), [AttemptStatus::Ok.as_str(); 10]);
    }

    #[test]
    fn rows_of_a_depth_run_have_depth_and_prefill_speed() {
        let table = parsed(&render(&report(crate::report::fixture::depth::depth_session(|_, record| record))));
        assert_eq!(column(&table, "context_depth"), ["0", "0", "0", "4096", "4096", "4096", "8192", "8192", "8192"]);
        assert_eq!(column(&table, "prefill_throughput_per_user")[0], "4096");
        let other = parsed(&render(&report(sample_session())));
        assert_eq!([&column(&other, "context_depth")[0], &column(&other, "prefill_throughput_per_user")[0]], ["", ""]);
    }

    #[test]
    fn rows_of_a_conversation_have_its_number_turn_and_lengths() {
        let table = parsed(&render(&crate::report::fixture::workload::conversations()));
        assert_eq!(column(&table, "conversation")[..4], ["1", "1", "1", "4"]);
        assert_eq!(column(&table, "turn")[..4], ["1", "2", "3", "1"]);
        assert_eq!(column(&table, "requested_input_tokens")[..4], ["80", "", "", "80"]);
        assert_eq!(column(&table, "requested_output_tokens")[0], "50");
        assert_eq!(column(&table, "cached_token_count")[..3], ["0", "100", "200"]);
        let rows = column(&table, "row");
        assert!(rows[0] == rows[1] && rows[0] != rows[3], "{rows:?}");
        assert_eq!(column(&parsed(&render(&report(sample_session()))), "row")[0], "");
    }
}
