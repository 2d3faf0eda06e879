//! Requests over the run: requests in flight, and a row for each request.

use super::color::{FAILED, FIRST, REASONING, WAITING};
use crate::domain::attempt::{AttemptRecord, AttemptStatus};
use crate::domain::quantity::grouped;
use crate::domain::session::{AttemptState, Session};
use crate::domain::text::sanitise_line;
use crate::domain::time::Nanos;
use crate::report::chart::{Axis, Chart, LegendEntry, Mark, Panel, Segment, Shape, Stroke, thinned};

/// Maximum number of rows; the requests of a longer run are sampled.
const MOST_ROWS: usize = 160;
/// Maximum number of rows that have the name of their case.
const MOST_NAMES: usize = 30;
/// Maximum number of spans of the line of requests in flight.
const MOST_SPANS: usize = 380;
/// Height of a row with a name, and of the plot of rows without names, pixels.
const ROW_PX: f64 = 20.0;
const ROWS_PX: f64 = 340.0;

/// A request that ended.
#[derive(Clone, Copy)]
struct Request<'a> {
    case: &'a str,
    attempt: &'a AttemptState,
    began: Nanos,
    ended: Nanos,
}

/// Chart of the requests over the run; `None` without an ended request.
pub fn requests(session: &Session) -> Option<Chart> {
    let began = session.began?;
    let names = session.suite.cases.iter().map(|case| case.name.as_str());
    let mut all: Vec<Request<'_>> = names
        .zip(&session.cases)
        .flat_map(|(case, state)| state.attempts.iter().map(move |attempt| (case, attempt)))
        .filter_map(|(case, attempt)| {
            let record = attempt.record.as_ref().filter(|_| attempt.status() != Some(AttemptStatus::Cancelled))?;
            Some(Request { case, attempt, began: record.began(), ended: record.ended() })
        })
        .collect();
    if all.is_empty() {
        return None;
    }
    all.sort_by_key(|request| (request.began, request.ended));
    let seconds = |at: Nanos| at.since(began).as_secs_f64();
    let end_s = all.iter().map(|request| seconds(request.ended)).fold(0.0, f64::max);
    let shown = thinned(&all, MOST_ROWS);
    let mut segments = Vec::new();
    for (row, request) in shown.iter().enumerate() {
        let record = request.attempt.record()?;
        segments.extend(parts(&record, request.case, row as f64, &seconds));
    }
    let x = Axis::between("Time since the first request (s)", 0.0, end_s);
    let names: Vec<String> = shown.iter().map(|request| sanitise_line(request.case)).collect();
    let (y, height) = if shown.len() <= MOST_NAMES {
        (Axis::names(names), ROW_PX * shown.len() as f64)
    } else {
        (Axis::rows("Requests in the order of their start", shown.len()), ROWS_PX)
    };
    let rows = Panel { x: x.clone(), y, height, marks: vec![Mark::Segments(segments)] };
    let spans: Vec<(f64, f64)> = all.iter().map(|r| (seconds(r.began), seconds(r.ended))).collect();
    let line = in_flight(&spans, end_s);
    let most = line.iter().flatten().map(|point| point.1).fold(0.0, f64::max);
    let flight = Panel {
        y: Axis::from_zero("Requests in flight", [most]),
        x,
        height: 70.0,
        marks: vec![Mark::Line { color: FIRST, points: line, stroke: Stroke::Solid, name: String::new() }],
    };
    // One request at a time is a line without news.
    let panels = if most > 1.0 { vec![flight, rows] } else { vec![rows] };
    Some(Chart {
        id: "requests",
        title: "Requests over the run".to_owned(),
        about: about(all.len(), shown.len(), most > 1.0),
        panels,
        legend: vec![
            LegendEntry::shape(WAITING, Shape::Square, "before the first token"),
            LegendEntry::shape(REASONING, Shape::Square, "reasoning"),
            LegendEntry::shape(FIRST, Shape::Square, "answer"),
            LegendEntry::shape(FAILED, Shape::Square, "failed"),
        ],
    })
}

fn about(all: usize, shown: usize, has_line: bool) -> String {
    let sampled = if all > shown {
        format!(" {shown} of {} requests are drawn, evenly spaced in the order of their start.", grouped(all as u64))
    } else {
        String::new()
    };
    let line = if !has_line {
        ""
    } else if all > MOST_SPANS / 2 {
        " The line is the highest number in flight in each span of time, over all requests."
    } else {
        " The line counts all requests in flight."
    };
    format!("Each row is a request from its start to its last token, warm-ups included.{line}{sampled}")
}

/// Bars of a request: before its first token, reasoning, answer; or one bar of a failure.
fn parts(record: &AttemptRecord, case: &str, row: f64, seconds: &dyn Fn(Nanos) -> f64) -> Vec<Segment> {
    let (began, ended) = (record.began(), record.ended);
    let ms = |value: Option<f64>| value.map_or_else(|| "–".to_owned(), |ms| format!("{ms:.1} ms"));
    let warmup = if record.warmup { ", warm-up" } else { "" };
    let title = format!(
        "{}, attempt {}{warmup}: {}; TTFT {}, latency {}",
        sanitise_line(case),
        record.id.number,
        record.status.as_str(),
        ms(record.time_to_first_token_ms()),
        ms(record.request_latency_ms()),
    );
    let segment = |from: Nanos, to: Nanos, color: usize| Segment {
        row,
        from: seconds(from),
        to: seconds(to),
        color,
        tag: String::new(),
        title: title.clone(),
    };
    if !record.is_ok() {
        return vec![segment(began, ended, FAILED)];
    }
    let (Some(first), Some(last)) = (record.first_arrival(), record.last_arrival()) else {
        return vec![segment(began, ended, WAITING)];
    };
    let answer_at = record
        .first_answer_text_ms()
        .map(|ms| record.clock_start().plus(std::time::Duration::from_secs_f64(ms.max(0.0) / 1000.0)));
    let answer_at = answer_at.unwrap_or(last).max(first);
    let parts = [(began, first, WAITING), (first, answer_at, REASONING), (answer_at, last, FIRST)];
    parts.into_iter().filter(|(from, to, _)| to > from).map(|(from, to, color)| segment(from, to, color)).collect()
}

/// Line of the requests in flight: each change, or the highest number in each span if there are many changes.
fn in_flight(spans: &[(f64, f64)], end_s: f64) -> Vec<Option<(f64, f64)>> {
    let mut edges: Vec<(f64, f64)> = spans.iter().flat_map(|(from, to)| [(*from, 1.0), (*to, -1.0)]).collect();
    // An end before a start at the same time: the one follows the other.
    edges.sort_by(|a, b| a.0.total_cmp(&b.0).then(a.1.total_cmp(&b.1)));
    let mut now = 0.0;
    let mut levels = vec![(0.0, 0.0)];
    for (at, change) in edges {
        now += change;
        levels.push((at, now));
    }
    if levels.len() <= MOST_SPANS {
        let steps = levels.windows(2).flat_map(|pair| [Some((pair[1].0, pair[0].1)), Some(pair[1])]);
        return steps.collect();
    }
    let width_s = end_s / MOST_SPANS as f64;
    let mut highest = vec![0.0_f64; MOST_SPANS];
    let last = MOST_SPANS - 1;
    let index = |at: f64| ((at / width_s) as usize).min(last);
    for pair in levels.windows(2) {
        let (from, to) = (index(pair[0].0), index(pair[1].0));
        for span in highest.iter_mut().take(to + 1).skip(from) {
            *span = span.max(pair[0].1);
        }
    }
    highest.into_iter().enumerate().map(|(at, level)| Some(((at as f64 + 0.5) * width_s, level))).collect()
}
