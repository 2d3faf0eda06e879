//! Mean speed of each case as bars.

use super::color::FIRST;
use crate::domain::metrics::SPEED;
use crate::domain::quantity::count;
use crate::domain::text::sanitise_line;
use crate::report::case::CaseView;
use crate::report::chart::{Axis, Chart, Mark, Panel, Segment};
use crate::report::markdown::{bare, heading, label};

/// Maximum number of bars; a suite may have thousands of cases.
const MOST_BARS: usize = 30;
/// Height of a bar's row, pixels.
const ROW_PX: f64 = 24.0;

/// Chart of the mean speed of each case; `None` below two cases with a speed.
pub fn speeds(cases: &[CaseView<'_>]) -> Option<Chart> {
    let with_speed = cases.iter().filter_map(|case| Some((case, case.figure(&SPEED)?)));
    let bars: Vec<(String, f64, String)> = with_speed
        .map(|(case, speed)| (sanitise_line(&case.spec.name), speed, bare(&SPEED, Some(speed), case.is_estimated())))
        .collect();
    if bars.len() < 2 {
        return None;
    }
    let more = bars.len().saturating_sub(MOST_BARS);
    let more = if more > 0 {
        format!(" The first {MOST_BARS}; {} are left out.", count(more, "more case"))
    } else {
        String::new()
    };
    let shown = bars.get(..bars.len().min(MOST_BARS)).unwrap_or_default();
    let segments = shown.iter().enumerate().map(|(row, (name, speed, text))| Segment {
        row: row as f64,
        from: 0.0,
        to: *speed,
        color: FIRST,
        tag: text.clone(),
        title: format!("{name}: {text} tok/s"),
    });
    Some(Chart {
        id: "speeds",
        title: "Speed per case".to_owned(),
        about: format!("Mean of the attempts that count. {}: {}.{more}", label(&SPEED), SPEED.help),
        panels: vec![Panel {
            // Room for the figures behind the bars.
            x: Axis::from_zero(heading(&SPEED), shown.iter().map(|bar| bar.1 * 1.15)),
            y: Axis::names(shown.iter().map(|bar| bar.0.clone()).collect()),
            height: ROW_PX * shown.len() as f64,
            marks: vec![Mark::Segments(segments.collect())],
        }],
        legend: Vec::new(),
    })
}
