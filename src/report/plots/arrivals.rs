//! Token timelines: how the text of single answers arrived.

use super::color::COUNT;
use crate::domain::attempt::AttemptRecord;
use crate::domain::session::AttemptState;
use crate::domain::text::sanitise_line;
use crate::report::case::CaseView;
use crate::report::chart::{Axis, Chart, Mark, Panel, Stroke, thinned};

/// Maximum number of answers.
const MOST_ANSWERS: usize = 24;
/// Maximum number of points of a line.
const MOST_POINTS: usize = 160;

/// Chart of the arrivals of single answers; `None` if no answer has its arrivals.
pub fn arrivals(cases: &[CaseView<'_>]) -> Option<Chart> {
    let all: Vec<(usize, &AttemptState)> = cases
        .iter()
        .enumerate()
        .flat_map(|(at, case)| case.reported.iter().map(move |attempt| (at, *attempt)))
        .collect();
    let mut lines = Vec::new();
    let mut with_arrivals = 0;
    // Records of long runs are packed, without arrivals.
    let whole: Vec<_> =
        all.iter().filter(|(_, a)| a.record.as_ref().is_some_and(|r| !r.is_packed())).copied().collect();
    for (case, attempt) in thinned(&whole, MOST_ANSWERS) {
        let Some(record) = attempt.record().filter(|record| record.arrivals.len() > 1) else { continue };
        with_arrivals += 1;
        let name = cases.get(case).map_or_else(String::new, |case| sanitise_line(&case.spec.name));
        let name = format!("{name}, attempt {}", record.id.number);
        lines.push(Mark::Line { color: case % COUNT, points: points(&record), stroke: Stroke::Thin, name });
    }
    let ends = lines.iter().filter_map(|line| match line {
        Mark::Line { points, .. } => points.last().copied().flatten(),
        _ => None,
    });
    let (x, y): (Vec<f64>, Vec<f64>) = ends.unzip();
    if lines.is_empty() {
        return None;
    }
    let sampled = if all.len() > with_arrivals {
        format!(
            " {with_arrivals} of {} answers are drawn, evenly spaced; long runs keep the arrivals of few.",
            all.len()
        )
    } else {
        String::new()
    };
    Some(Chart {
        id: "arrivals",
        title: "Token timelines".to_owned(),
        about: format!(
            "Each line is an answer: the number of events with text received so far. A steep line is a fast stream, a step \
             is a burst, a flat part is a stall. Events are not tokens.{sampled}"
        ),
        panels: vec![Panel {
            x: Axis::from_zero("Time since the request (s)", x),
            y: Axis::from_zero("Events with text received", y),
            height: 240.0,
            marks: lines,
        }],
        legend: Vec::new(),
    })
}

fn points(record: &AttemptRecord) -> Vec<Option<(f64, f64)>> {
    let start = record.clock_start();
    let arrivals = record.arrivals.iter().enumerate();
    let all: Vec<(f64, f64)> =
        arrivals.map(|(at, arrival)| (arrival.at.since(start).as_secs_f64(), at as f64 + 1.0)).collect();
    let first = all.first().map(|(at, _)| (*at, 0.0));
    first.into_iter().chain(thinned(&all, MOST_POINTS)).map(Some).collect()
}
