//! Export as JSON Lines: a line for each attempt that has ended, with the time of each of its events.

use std::io::{self, Write};

use serde::Serialize;

use super::SCHEMA_VERSION;
use super::attempt::AttemptJson;
use super::text::LineWriter;
use crate::report::attempt_columns::{Row, for_each_row};
use crate::report::content_events::{ContentEvents, Kind};
use crate::report::model::Report;

/// One line: the keys of an attempt in `results.json`, and those that identify it among the attempts of several runs.
#[derive(Serialize)]
struct Line<'a> {
    schema_version: u32,
    run_id: &'a str,
    case: &'a str,
    simulated: bool,
    #[serde(flatten)]
    attempt: AttemptJson<'a>,
    /// Time from the start of the clock to each event, milliseconds; `null` if the times were dropped.
    content_event_ms: Option<Vec<f64>>,
    content_event_kind: Option<Vec<Kind>>,
    /// Whether the event shared a read with the event before.
    content_event_coalesced: Option<Vec<bool>>,
}

impl<'a> Line<'a> {
    fn new(row: &Row<'a>) -> Self {
        let events = ContentEvents::from_record(row.record);
        Self {
            schema_version: SCHEMA_VERSION,
            run_id: &row.report.run_id,
            case: &row.case.name,
            simulated: row.report.simulated,
            attempt: AttemptJson::new(row.report, row.attempt, row.is_reported, row.record),
            content_event_ms: events.as_ref().map(|events| events.times_ms().collect()),
            content_event_kind: events.as_ref().map(|events| events.kinds().collect()),
            content_event_coalesced: events.as_ref().map(|events| events.coalesced().collect()),
        }
    }
}

/// Writes the attempts of a report as JSON Lines.
///
/// # Errors
///
/// `to` does not accept it.
pub fn write(report: &Report, to: &mut dyn Write) -> io::Result<()> {
    let mut lines = LineWriter::new(to);
    for_each_row(report, |row| lines.write(&Line::new(row)))?;
    lines.finish()
}
