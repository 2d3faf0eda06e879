//! Text chart of a sweep: throughput over latency, with the knee marked.

use crate::domain::sweep::Stage;

/// Marks a stage.
const POINT: char = '●';
/// Marks the knee.
pub const KNEE: char = '◆';

/// Returns the chart: `height` lines of points and two lines of axis, at most `width` cells wide. Empty without two stages
/// with figures, or without room. Each mark has its concurrency beside it; a later mark covers an earlier one.
pub fn lines(stages: &[Stage], knee: Option<usize>, width: usize, height: usize) -> Vec<String> {
    let points: Vec<(usize, f64, f64)> = stages
        .iter()
        .enumerate()
        .filter_map(|(at, s)| Some((at, s.latency_p50_ms?, s.tokens_per_s?)))
        .filter(|(_, x, y)| x.is_finite() && y.is_finite())
        .collect();
    let top = points.iter().map(|p| p.2).fold(0.0, f64::max);
    let right = points.iter().map(|p| p.1).fold(0.0, f64::max);
    let scale = format!("{top:.0}").chars().count() + 1;
    let cells = width.saturating_sub(scale + 1);
    if points.len() < 2 || height < 2 || cells < 24 || top <= 0.0 || right <= 0.0 {
        return Vec::new();
    }
    let mut grid = vec![vec![' '; cells]; height];
    // Concurrencies have at most five digits, and need room at the right.
    let last = (cells - 7) as f64;
    for (at, x, y) in points {
        let column = (x / right * last).round() as usize;
        let row = height - 1 - (y / top * (height - 1) as f64).round() as usize;
        let mark = if knee == Some(at) { KNEE } else { POINT };
        let label = stages.get(at).map_or_else(String::new, |s| format!("{mark} {}", s.concurrency));
        for (cell, c) in grid[row].iter_mut().skip(column).zip(label.chars()) {
            *cell = c;
        }
    }
    let mut out: Vec<String> = grid
        .into_iter()
        .enumerate()
        .map(|(row, line)| {
            let label = if row == 0 { format!("{top:.0}") } else { String::new() };
            let line: String = line.into_iter().collect();
            format!("{label:>width$} │{}", line.trim_end(), width = scale - 1)
        })
        .collect();
    out.push(format!("{:>width$} └{}", "0", "─".repeat(cells - 1), width = scale - 1));
    let to = format!("{right:.0} ms");
    let from = "tok/s over median latency, from 0";
    let from = if from.chars().count() + to.chars().count() < cells { from } else { "" };
    out.push(format!("{:scale$}{from}{to:>width$}", "", width = cells - from.chars().count()));
    out
}

/// Five stages that bend after the third.
#[cfg(test)]
pub(crate) fn bent() -> Vec<Stage> {
    let stage = |(concurrency, latency_ms, tokens_per_s): (usize, f64, f64)| Stage {
        concurrency,
        requests: 20,
        ok: 20,
        requests_per_s: Some(tokens_per_s / 100.0),
        tokens_per_s: Some(tokens_per_s),
        tokens_per_s_per_user: Some(tokens_per_s / concurrency as f64),
        ttft_p50_ms: Some(latency_ms / 10.0),
        ttft_p95_ms: None,
        itl_p50_ms: Some(10.0),
        latency_p50_ms: Some(latency_ms),
        doubts: crate::domain::prefix_cache::CacheDoubts::default(),
        unresolved_first_token: 0,
        unresolved_inter_token: 0,
        estimated: false,
        slo_met: None,
    };
    let curve = [(1, 1000.0, 100.0), (2, 1100.0, 190.0), (4, 1300.0, 350.0), (8, 2500.0, 390.0), (16, 5000.0, 400.0)];
    curve.map(stage).to_vec()
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn throughput_goes_up_and_latency_to_the_right() {
        let stages = bent();
        let knee = crate::domain::sweep::knee(&stages);
        insta::assert_snapshot!(lines(&stages, knee, 60, 8).join("\n"), @r"
        400 │                        ● 8                     ● 16
            │            ◆ 4
            │
            │
            │           ● 2
            │          ● 1
            │
            │
          0 └──────────────────────────────────────────────────────
            tok/s over median latency, from 0               5000 ms
        ");
    }

    #[test]
    fn no_line_is_wider_than_asked() {
        for width in 0..90 {
            for line in lines(&bent(), Some(2), width, 6) {
                assert!(line.chars().count() <= width, "{width}: {line}");
            }
        }
    }

    #[test]
    fn one_stage_is_no_curve() {
        assert!(lines(&bent()[..1], None, 80, 10).is_empty());
        assert!(lines(&[], None, 80, 10).is_empty());
    }
}
