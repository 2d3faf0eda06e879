//! The small trace of a row: its speed over time, as the deviation from the run's median gap. Prefill is a dotted line.

use ratatui::text::Span;

use super::row::Row;
use crate::domain::attempt::AttemptRecord;
use crate::domain::live::InFlight;
use crate::ui::theme::Theme;
use crate::ui::widget::spark;

/// Length of one bucket, milliseconds.
const BUCKET_MS: u64 = 250;
/// Number of bar heights between the median speed and half or twice that speed.
const STEPS_PER_FACTOR_OF_TWO: f64 = 4.0;
/// Bar height of the median speed, out of seven.
const MIDDLE: f64 = 4.0;
/// A cell without events is a stall if it is longer than this many median gaps.
const GAPS_IN_A_STALL: f64 = 4.0;

/// One cell of a trace.
#[derive(Clone, Copy, Debug, PartialEq)]
struct Cell {
    /// Number of events.
    count: u32,
    /// Part of the cell between the first and the last event, milliseconds.
    covered_ms: f64,
    /// Whether a gap in the cell is a stall.
    is_stall: bool,
}

/// Draws the trace in exactly `cells` cells.
pub fn spans(row: &Row<'_>, cells: usize, theme: Theme) -> Vec<Span<'static>> {
    let (parts, is_live) = match (row.live, &row.record) {
        (Some(live), _) => (live_cells(live, row.scene.now.millis_since(live.started), cells), true),
        (None, Some(record)) => {
            let limit_ms = row.scene.traces.stall_limit_ms(record.id);
            (record_cells(record, limit_ms, cells), false)
        }
        (None, None) => (Vec::new(), false),
    };
    let first = parts.iter().position(|c| c.count > 0).unwrap_or(parts.len());
    let typical_gap_ms = row.scene.traces.typical_gap_ms().or_else(|| mean_gap_ms(&parts));
    let style = if is_live { theme.accent() } else { theme.series(0) };
    let mut spans = vec![Span::styled("·".repeat(first.min(cells)), theme.muted())];
    for (bar, is_stall) in bars(&parts[first..], typical_gap_ms) {
        let style = if is_stall { theme.warning() } else { style };
        match spans.last_mut().filter(|last| last.style == style) {
            Some(last) => last.content.to_mut().push(bar),
            None => spans.push(Span::styled(bar.to_string(), style)),
        }
    }
    spans.push(Span::raw(" ".repeat(cells.saturating_sub(parts.len()))));
    spans
}

fn mean_gap_ms(cells: &[Cell]) -> Option<f64> {
    let (count, ms) = cells.iter().fold((0, 0.0), |(n, ms), c| (n + c.count, ms + c.covered_ms));
    (count > 1).then(|| ms / f64::from(count - 1))
}

/// Returns the bar of each cell and whether it is a stall. A bar at half height is the median speed; the scale is
/// logarithmic, so that rows of nearly equal speed differ.
fn bars(cells: &[Cell], typical_gap_ms: Option<f64>) -> Vec<(char, bool)> {
    let mut height = MIDDLE;
    let bar = |cell: &Cell| {
        let typical_gap_ms = typical_gap_ms.filter(|ms| *ms > 0.0).unwrap_or(1.0);
        if cell.count == 0 {
            let is_stall = cell.covered_ms > typical_gap_ms * GAPS_IN_A_STALL;
            return (spark::level(1.0, 7.0), is_stall);
        }
        // A cell at either end with only a few gaps would show chance.
        if cell.covered_ms >= typical_gap_ms * GAPS_IN_A_STALL {
            let speed = f64::from(cell.count) * typical_gap_ms / cell.covered_ms;
            height = (MIDDLE + STEPS_PER_FACTOR_OF_TWO * speed.log2()).round().clamp(1.0, 7.0);
        }
        (spark::level(height, 7.0), cell.is_stall)
    };
    cells.iter().map(bar).collect()
}

/// Number of buckets that each cell combines, so that all buckets fit.
fn buckets_per_cell(buckets: usize, cells: usize) -> usize {
    buckets.div_ceil(cells.max(1)).max(1)
}

/// Part of a cell between `from_ms` and `to_ms`, milliseconds.
fn covered_ms(cell: usize, per_cell_ms: f64, from_ms: f64, to_ms: f64) -> f64 {
    let start = cell as f64 * per_cell_ms;
    ((start + per_cell_ms).min(to_ms) - start.max(from_ms)).max(0.0)
}

fn live_cells(live: &InFlight, elapsed_ms: f64, cells: usize) -> Vec<Cell> {
    let per_cell = buckets_per_cell(live.trace.len(), cells);
    let per_cell_ms = (per_cell as u64 * BUCKET_MS) as f64;
    let from_ms = live.ttft_ms.unwrap_or(f64::INFINITY);
    let counts = live.trace.chunks(per_cell).take(cells).map(|c| c.iter().map(|n| u32::from(*n)).sum());
    let cell =
        |(at, count)| Cell { count, covered_ms: covered_ms(at, per_cell_ms, from_ms, elapsed_ms), is_stall: false };
    counts.enumerate().map(cell).collect()
}

/// Counts the events of an ended attempt by cell. Equals counting as [`AttemptRecord::trace`] does, but searches for
/// cell boundaries instead of visiting every arrival.
fn record_cells(record: &AttemptRecord, limit_ms: Option<f64>, cells: usize) -> Vec<Cell> {
    let (Some(first), Some(last)) = (record.arrivals.first(), record.arrivals.last()) else { return Vec::new() };
    let buckets = (last.at.since(record.started).as_millis() as u64 / BUCKET_MS) as usize + 1;
    let per_cell_ms = buckets_per_cell(buckets, cells) as u64 * BUCKET_MS;
    let before = |ms: u64| record.arrivals.partition_point(|a| (a.at.since(record.started).as_millis() as u64) < ms);
    let wanted = (buckets as u64 * BUCKET_MS).div_ceil(per_cell_ms);
    let (from_ms, to_ms) = (first.at.millis_since(record.started), last.at.millis_since(record.started));
    let cell = |at: u64| {
        let (from, to) = (before(at * per_cell_ms), before((at + 1) * per_cell_ms));
        // A gap belongs to the cell in which it ends.
        let gaps = record.arrivals.get(from.saturating_sub(1)..to).unwrap_or_default().windows(2);
        let is_stall = limit_ms.is_some_and(|limit| gaps.into_iter().any(|w| w[1].at.millis_since(w[0].at) > limit));
        Cell {
            count: (to - from) as u32,
            covered_ms: covered_ms(at as usize, per_cell_ms as f64, from_ms, to_ms),
            is_stall,
        }
    };
    (0..wanted.min(cells as u64)).map(cell).collect()
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::domain::attempt::{Arrival, AttemptId, TextKind};
    use crate::domain::time::Nanos;

    fn record(arrivals_ms: &[u64]) -> AttemptRecord {
        let mut record =
            AttemptRecord::started(AttemptId::default(), false, String::new(), String::new(), Nanos::from_millis(1000));
        record.arrivals = arrivals_ms
            .iter()
            .map(|ms| Arrival { at: Nanos::from_millis(1000 + ms), kind: TextKind::Answer, coalesced: false })
            .collect();
        record
    }

    fn counts(cells: &[Cell]) -> Vec<u32> {
        cells.iter().map(|c| c.count).collect()
    }

    fn every(gap_ms: u64, from_ms: u64, to_ms: u64) -> Vec<u64> {
        (from_ms..=to_ms).step_by(gap_ms as usize).collect()
    }

    #[test]
    fn a_bar_is_the_deviation_from_the_runs_median_gap() {
        let bars_of = |arrivals_ms: &[u64]| {
            let cells = record_cells(&record(arrivals_ms), Some(200.0), 20);
            bars(&cells, Some(10.0)).into_iter().map(|(bar, _)| bar).collect::<String>()
        };
        assert_eq!(bars_of(&every(10, 0, 999)), "▄▄▄▄");
        // Twice the speed is above the top, 20% less is one step lower, half the speed is at the bottom.
        assert_eq!(bars_of(&every(5, 0, 999)), "▇▇▇▇");
        assert_eq!(bars_of(&every(12, 0, 999)), "▃▃▃▃");
        assert_eq!(bars_of(&every(20, 0, 999)), "▁▁▁▁");
    }

    #[test]
    fn a_stall_is_marked_where_it_is_and_where_it_ends() {
        let arrivals = [every(10, 0, 490), every(10, 1100, 1490)].concat();
        let stalls: Vec<bool> =
            bars(&record_cells(&record(&arrivals), Some(200.0), 20), Some(10.0)).into_iter().map(|b| b.1).collect();
        assert_eq!(stalls, [false, false, true, true, true, false]);
    }

    #[test]
    fn a_trace_that_fits_equals_the_records_own() {
        let record = record(&[10, 249, 250, 251, 1600, 1999, 2000]);
        let own: Vec<u32> = record.trace().into_iter().map(u32::from).collect();
        assert_eq!(counts(&record_cells(&record, None, 20)), own);
        assert_eq!(own, [2, 2, 0, 0, 0, 0, 1, 1, 1]);
    }

    #[test]
    fn a_long_trace_is_condensed_without_losing_events() {
        let record = record(&[10, 249, 250, 251, 1600, 1999, 2000]);
        assert_eq!(counts(&record_cells(&record, None, 4)), [4, 0, 3]);
        assert!(record_cells(&record, None, 0).is_empty());
        let live = InFlight { trace: vec![2, 2, 0, 0, 0, 0, 1, 1, 1], ..InFlight::default() };
        assert_eq!(counts(&live_cells(&live, 2250.0, 4)), [4, 0, 3]);
    }
}
