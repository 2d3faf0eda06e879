//! The small trace of a row: its events over time. Prefill is a dotted line, a stall an empty cell.

use ratatui::text::Span;

use super::row::Row;
use crate::domain::attempt::AttemptRecord;
use crate::domain::live::InFlight;
use crate::ui::theme::Theme;
use crate::ui::widget::spark;

/// Length of one bucket, milliseconds.
const BUCKET_MS: u64 = 250;

/// Draws the trace in exactly `cells` cells.
pub fn spans(row: &Row<'_>, cells: usize, theme: Theme) -> Vec<Span<'static>> {
    let (counts, is_live) = match (row.live, &row.record) {
        (Some(live), _) => (live_counts(live, cells), true),
        (None, Some(record)) => (record_counts(record, cells), false),
        (None, None) => (Vec::new(), false),
    };
    let first = counts.iter().position(|c| *c > 0).unwrap_or(counts.len());
    let max = counts.iter().copied().max().unwrap_or(0);
    let bars: String = counts[first..]
        .iter()
        .map(|c| if *c == 0 { ' ' } else { spark::level(f64::from(*c), f64::from(max)) })
        .collect();
    let rest = cells.saturating_sub(counts.len());
    let style = if is_live { theme.accent() } else { theme.series(0) };
    vec![
        Span::styled("·".repeat(first.min(cells)), theme.muted()),
        Span::styled(bars, style),
        Span::raw(" ".repeat(rest)),
    ]
}

/// Number of buckets per cell so that all of them fit.
fn buckets_per_cell(buckets: usize, cells: usize) -> usize {
    buckets.div_ceil(cells.max(1)).max(1)
}

fn live_counts(live: &InFlight, cells: usize) -> Vec<u32> {
    let per_cell = buckets_per_cell(live.trace.len(), cells);
    live.trace.chunks(per_cell).take(cells).map(|c| c.iter().map(|n| u32::from(*n)).sum()).collect()
}

/// Counts as [`AttemptRecord::trace`] does, but searches for the cell boundaries instead of visiting every arrival.
fn record_counts(record: &AttemptRecord, cells: usize) -> Vec<u32> {
    let Some(last) = record.arrivals.last() else { return Vec::new() };
    let buckets = (last.at.since(record.started).as_millis() as u64 / BUCKET_MS) as usize + 1;
    let per_cell_ms = buckets_per_cell(buckets, cells) as u64 * BUCKET_MS;
    let before = |ms: u64| record.arrivals.partition_point(|a| (a.at.since(record.started).as_millis() as u64) < ms);
    let wanted = (buckets as u64 * BUCKET_MS).div_ceil(per_cell_ms);
    (0..wanted.min(cells as u64))
        .map(|cell| (before((cell + 1) * per_cell_ms) - before(cell * per_cell_ms)) as u32)
        .collect()
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

    #[test]
    fn a_trace_that_fits_equals_the_records_own() {
        let record = record(&[10, 249, 250, 251, 1600, 1999, 2000]);
        let own: Vec<u32> = record.trace().into_iter().map(u32::from).collect();
        assert_eq!(record_counts(&record, 20), own);
        assert_eq!(own, [2, 2, 0, 0, 0, 0, 1, 1, 1]);
    }

    #[test]
    fn a_long_trace_is_condensed_without_losing_events() {
        let record = record(&[10, 249, 250, 251, 1600, 1999, 2000]);
        assert_eq!(record_counts(&record, 4), [4, 0, 3]);
        assert!(record_counts(&record, 0).is_empty());
        let live = InFlight { trace: vec![2, 2, 0, 0, 0, 0, 1, 1, 1], ..InFlight::default() };
        assert_eq!(live_counts(&live, 4), [4, 0, 3]);
    }
}
