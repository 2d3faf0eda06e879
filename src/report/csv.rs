//! CSV export according to RFC 4180, with a row for each ended attempt.
//!
//! Unknown values are empty cells. Text is on one line without control characters, and never begins a formula.

mod cell;

use std::io::{self, BufWriter, Write};

use self::cell::{Cell, text};
#[cfg(any(test, fuzzing))]
pub(super) use self::cell::{begins_formula, harmless};
use super::attempt_columns::{Column, Value, columns, for_each_row};
use super::model::Report;
use crate::domain::time::RFC_3339_MILLIS;

/// Line ending that RFC 4180 requires.
const END_OF_LINE: &str = "\r\n";

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
    let columns: Vec<Column> = columns().collect();
    let header: Vec<&str> = columns.iter().map(|column| column.key).collect();
    write!(out, "{}{END_OF_LINE}", header.join(","))?;
    for_each_row(report, |row| {
        let cells: Vec<String> = columns.iter().map(|column| cell(column.value(row), report).to_string()).collect();
        write!(out, "{}{END_OF_LINE}", cells.join(","))
    })?;
    out.flush()
}

fn cell(value: Value<'_>, report: &Report) -> Cell {
    match value {
        Value::Bool(value) => value.into(),
        Value::Integer(value) => value.into(),
        Value::Float(value) => value.into(),
        Value::Text(value) => value.map(|value| text(&value)).into(),
        Value::Time(at) => text(&report.wall_time(at).strftime(RFC_3339_MILLIS).to_string()),
    }
}

#[cfg(test)]
mod tests {
    use super::cell::tests::parsed;
    use super::*;
    use crate::domain::attempt::{AttemptStatus, TokenSource};
    use crate::domain::metrics::METRICS;
    use crate::domain::session::Plan;
    use crate::report::attempt_columns::source_name;
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
