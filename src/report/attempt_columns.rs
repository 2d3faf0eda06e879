//! Columns of tables with a row for each attempt: CSV and Parquet.

use std::borrow::Cow;

use super::case::reported_numbers;
use super::model::Report;
use crate::domain::attempt::{AttemptRecord, TokenSource};
use crate::domain::check::CheckResult;
use crate::domain::metrics::{METRICS, Metric, Unit};
use crate::domain::session::AttemptState;
use crate::domain::suite::CaseSpec;
use crate::domain::time::Nanos;

/// Data of one row.
pub struct Row<'a> {
    /// The run.
    pub report: &'a Report,
    /// Case of the attempt.
    pub case: &'a CaseSpec,
    /// The attempt.
    pub attempt: &'a AttemptState,
    /// Record of the attempt.
    pub record: &'a AttemptRecord,
    /// Whether the figures of its case and stage include the attempt.
    pub is_reported: bool,
}

/// A column of the table.
#[derive(Clone, Copy)]
pub struct Column {
    /// Key in the header, with the unit at the end.
    pub key: &'static str,
    source: Source,
}

/// Value of a row in a column; `None` if it is unknown. Text comes as the server sent it.
pub enum Value<'a> {
    /// Yes or no.
    Bool(Option<bool>),
    /// A count.
    Integer(Option<u64>),
    /// A finite number.
    Float(Option<f64>),
    /// Text, which may be hostile.
    Text(Option<Cow<'a, str>>),
    /// A point on the run's clock.
    Time(Nanos),
}

/// Type of all values of a column.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Type {
    /// [`Value::Bool`].
    Bool,
    /// [`Value::Integer`].
    Integer,
    /// [`Value::Float`].
    Float,
    /// [`Value::Text`].
    Text,
    /// [`Value::Time`].
    Time,
}

/// Function that returns the value of a row; `None` if it is unknown.
type Get<T> = fn(&Row<'_>) -> Option<T>;

#[derive(Clone, Copy)]
enum Source {
    Bool(Get<bool>),
    Integer(Get<u64>),
    Float(Get<f64>),
    Text(for<'a> fn(&Row<'a>) -> Option<Cow<'a, str>>),
    Time(fn(&Row<'_>) -> Nanos),
    Metric(&'static Metric),
}

impl Column {
    /// Returns the type of the column's values.
    pub fn value_type(&self) -> Type {
        match self.source {
            Source::Bool(_) => Type::Bool,
            Source::Integer(_) => Type::Integer,
            Source::Metric(metric) if metric.unit == Unit::Tokens => Type::Integer,
            Source::Float(_) | Source::Metric(_) => Type::Float,
            Source::Text(_) => Type::Text,
            Source::Time(_) => Type::Time,
        }
    }

    /// Returns the value of a row.
    pub fn value<'a>(&self, row: &Row<'a>) -> Value<'a> {
        match self.source {
            Source::Bool(get) => Value::Bool(get(row)),
            Source::Integer(get) => Value::Integer(get(row)),
            Source::Float(get) => Value::Float(get(row).filter(|value| value.is_finite())),
            Source::Text(get) => Value::Text(get(row)),
            Source::Time(get) => Value::Time(get(row)),
            Source::Metric(metric) => {
                let figure = (metric.get)(row.record).filter(|figure| figure.is_finite());
                match metric.unit {
                    Unit::Tokens => Value::Integer(figure.map(|tokens| tokens as u64)),
                    _ => Value::Float(figure),
                }
            }
        }
    }
}

const fn column(key: &'static str, source: Source) -> Column {
    Column { key, source }
}

/// Columns before the metrics.
const BEFORE: &[Column] = &[
    column("case", Source::Text(|r| Some(r.case.name.as_str().into()))),
    column("model", Source::Text(|r| Some(r.record.model.as_str().into()))),
    column("attempt", Source::Integer(|r| Some(r.record.id.number.into()))),
    column("warmup", Source::Bool(|r| Some(r.record.warmup))),
    column("concurrency", Source::Integer(|r| r.report.session.concurrency_in(r.attempt.stage).map(|n| n as u64))),
    column("status", Source::Text(|r| Some(r.record.status.as_str().into()))),
    column("error_kind", Source::Text(|r| r.record.error.as_ref().map(|e| e.kind.as_str().into()))),
    column("started_at", Source::Time(|r| r.record.started)),
    column("http_status", Source::Integer(|r| r.record.http_status.map(u64::from))),
    column("finish_reason", Source::Text(|r| r.record.finish_reason.as_deref().map(Into::into))),
    column("prefix_cache", Source::Text(|r| Some(r.record.prefix_cache().as_str().into()))),
];

/// Columns after the metrics.
const AFTER: &[Column] = &[
    column(
        "token_count_source",
        Source::Text(|r| r.record.output_tokens().map(|(_, source)| source_name(source).into())),
    ),
    column("retries", Source::Integer(|r| Some(r.record.retries.len() as u64))),
    column("simulated", Source::Bool(|r| Some(r.report.simulated))),
    column("unresolved", Source::Text(|r| unresolved(r.record).map(Into::into))),
    column("failed_checks", Source::Text(|r| failed_checks(r.record).map(Into::into))),
    column("row", Source::Integer(|r| r.attempt.row.map(u64::from))),
    column("conversation", Source::Integer(|r| r.attempt.turn.map(|turn| turn.conversation.into()))),
    column("turn", Source::Integer(|r| r.attempt.turn.map(|turn| turn.number.into()))),
    column("requested_input_tokens", Source::Integer(|r| r.record.lengths.input_tokens.map(u64::from))),
    column("requested_output_tokens", Source::Integer(|r| r.record.lengths.output_tokens.map(u64::from))),
    column("cached_token_count", Source::Integer(|r| r.record.usage.cached_tokens)),
    column("context_depth", Source::Integer(|r| depth(r).map(u64::from))),
];

/// Columns that CSV files do not have.
const FURTHER: &[Column] = &[
    column("run_id", Source::Text(|r| Some(r.report.run_id.as_str().into()))),
    column("request_id", Source::Text(|r| Some(r.record.request_id.as_str().into()))),
    column("reported", Source::Bool(|r| Some(r.is_reported))),
    column("error_message", Source::Text(|r| r.record.error.as_ref().map(|e| e.message.as_str().into()))),
    column("dispatch_delay_ms", Source::Float(|r| r.record.dispatch_delay_ms())),
    column("connect_ms", Source::Float(|r| r.record.connect_ms)),
    column("time_to_headers_ms", Source::Float(|r| r.record.time_to_headers_ms())),
    column("content_event_count", Source::Integer(|r| Some(r.record.content_events() as u64))),
    column("coalesced_event_count", Source::Integer(|r| Some(r.record.coalesced_events() as u64))),
];

/// Returns the columns of CSV files.
pub fn columns() -> impl Iterator<Item = Column> {
    let metrics = METRICS.iter().map(|metric| column(metric.key, Source::Metric(metric)));
    BEFORE.iter().copied().chain(metrics).chain(AFTER.iter().copied())
}

/// Returns the columns of [`columns`], and those that only wide tables have.
pub fn all_columns() -> impl Iterator<Item = Column> {
    columns().chain(FURTHER.iter().copied())
}

/// Calls `write` with each attempt that has ended, in the order of the cases.
///
/// # Errors
///
/// Returns the first error of `write`.
pub fn for_each_row<E>(report: &Report, mut write: impl FnMut(&Row<'_>) -> Result<(), E>) -> Result<(), E> {
    for (case, state) in report.session.suite.cases.iter().zip(&report.session.cases) {
        let reported = reported_numbers(state);
        for attempt in &state.attempts {
            let Some(record) = attempt.record() else { continue };
            let is_reported = reported.contains(&attempt.number);
            write(&Row { report, case, attempt, record: &record, is_reported })?;
        }
    }
    Ok(())
}

/// Tokens of context before the prompt; `None` unless the run measures depths.
fn depth(row: &Row<'_>) -> Option<u32> {
    let workload = row.report.session.suite.workload.as_ref().filter(|_| !row.record.warmup)?;
    Some(workload.depth_test(row.record.id.case)?.depth)
}

/// Returns the keys of unresolved figures; `None` if there are none.
fn unresolved(record: &AttemptRecord) -> Option<String> {
    let keys: Vec<&str> = METRICS.iter().filter(|m| (m.unresolved)(record).is_some()).map(|m| m.key).collect();
    (!keys.is_empty()).then(|| keys.join(" "))
}

/// Describes the failed checks; `None` if there are none.
fn failed_checks(record: &AttemptRecord) -> Option<String> {
    let failures: Vec<String> = record.checks.iter().filter_map(CheckResult::failure).collect();
    (!failures.is_empty()).then(|| failures.join("; "))
}

/// Name of a source, the same as in `results.json`.
pub(super) const fn source_name(source: TokenSource) -> &'static str {
    match source {
        TokenSource::Usage => "usage",
        TokenSource::Tokenizer => "tokenizer",
        TokenSource::Estimate => "estimate",
    }
}
