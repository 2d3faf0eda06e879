//! A sweep over concurrencies: what each stage gave, and where more load stopped to pay.

use super::prefix_cache::CacheDoubts;
use super::session::Session;
use super::slo::{RunFigure, figure_index};
use super::tally::Tally;

/// A median latency that grew by a smaller share than this did not grow.
const GROWN: f64 = 0.2;

/// What a stage gave.
#[derive(Clone, Debug, PartialEq)]
pub struct Stage {
    /// Requests in flight at once.
    pub concurrency: usize,
    /// Measured requests that ended.
    pub requests: usize,
    /// Of those, whole answers.
    pub ok: usize,
    /// Whole answers per second.
    pub requests_per_s: Option<f64>,
    /// Output tokens of all streams per second.
    pub tokens_per_s: Option<f64>,
    /// Median decode speed of a single stream, tokens per second.
    pub tokens_per_s_per_user: Option<f64>,
    /// Median TTFT.
    pub ttft_p50_ms: Option<f64>,
    /// TTFT at the 95th percentile; `None` below 20 answers.
    pub ttft_p95_ms: Option<f64>,
    /// Median inter-token latency.
    pub itl_p50_ms: Option<f64>,
    /// Median time of a request.
    pub latency_p50_ms: Option<f64>,
    /// Of the whole answers, whose TTFT is no cold one.
    pub doubts: CacheDoubts,
    /// Some token count is an estimate.
    pub estimated: bool,
    /// Every threshold was kept; `None` where there is none.
    pub slo_met: Option<bool>,
}

impl Stage {
    /// Of what was counted at this concurrency.
    pub fn of(concurrency: usize, tally: &Tally, session: &Session) -> Self {
        let p = |name: &str, p: u32| tally.percentile(figure_index(name)?, p);
        let slos = session.slos();
        Self {
            concurrency,
            requests: tally.ended,
            ok: tally.ok,
            requests_per_s: tally.run_figure(RunFigure::RequestRate),
            tokens_per_s: tally.run_figure(RunFigure::Throughput),
            tokens_per_s_per_user: p("decode", 50),
            ttft_p50_ms: p("ttft", 50),
            ttft_p95_ms: p("ttft", 95),
            itl_p50_ms: p("itl", 50),
            latency_p50_ms: p("latency", 50),
            doubts: tally.doubts,
            estimated: tally.estimated,
            slo_met: (!slos.is_empty()).then(|| tally.keeps(slos)),
        }
    }
}

/// The stages of a session in which something ended.
pub fn stages(session: &Session) -> Vec<Stage> {
    let measured = |(at, concurrency): (usize, &usize)| {
        let tally = Tally::of(session, Some(at));
        (tally.ended > 0).then(|| Stage::of(*concurrency, &tally, session))
    };
    session.sweep.iter().enumerate().filter_map(measured).collect()
}

/// The place of the stage after which more load buys mostly waiting: the point of the curve of throughput over latency
/// that lies farthest above the chord from its first to its last point, both axes scaled to 0 to 1 (the Kneedle method of
/// Satopää et al. without its smoothing). The curve goes up to the stage with the highest throughput; where it does not bend,
/// that stage is the knee, and likewise while the median latency has not grown by [`GROWN`]: the server is not loaded yet,
/// and its noise is no bend. `None` below three stages with figures.
pub fn knee(stages: &[Stage]) -> Option<usize> {
    let points: Vec<(usize, f64, f64)> =
        stages.iter().enumerate().filter_map(|(at, s)| Some((at, s.latency_p50_ms?, s.tokens_per_s?))).collect();
    if points.len() < 3 {
        return None;
    }
    let best = points.iter().enumerate().max_by(|a, b| a.1.2.total_cmp(&b.1.2)).map(|(i, _)| i)?;
    let (_, x0, y0) = *points.first()?;
    let (top, x1, y1) = *points.get(best)?;
    if x1 < x0 * (1.0 + GROWN) || y1 <= y0 {
        return Some(top);
    }
    let above = |(at, x, y): &(usize, f64, f64)| (*at, (y - y0) / (y1 - y0) - (x - x0) / (x1 - x0));
    let farthest = points.iter().take(best + 1).map(above).max_by(|a, b| a.1.total_cmp(&b.1))?;
    // A straight line has no bend: rounding must not invent one.
    Some(if farthest.1 > 0.01 { farthest.0 } else { top })
}

#[cfg(test)]
mod tests {
    use super::*;

    fn stage(concurrency: usize, latency_ms: f64, tokens_per_s: f64) -> Stage {
        Stage {
            concurrency,
            requests: 1,
            ok: 1,
            requests_per_s: None,
            tokens_per_s: Some(tokens_per_s),
            tokens_per_s_per_user: None,
            ttft_p50_ms: None,
            ttft_p95_ms: None,
            itl_p50_ms: None,
            latency_p50_ms: Some(latency_ms),
            doubts: CacheDoubts::default(),
            estimated: false,
            slo_met: None,
        }
    }

    #[test]
    fn the_knee_is_where_latency_begins_to_cost_more_than_it_buys() {
        // Doubles at nearly no cost to 4, then hardly grows while latency doubles.
        let curve = [(1, 1.0, 100.0), (2, 1.1, 190.0), (4, 1.3, 350.0), (8, 2.5, 390.0), (16, 5.0, 400.0)];
        let stages: Vec<_> = curve.iter().map(|&(c, l, t)| stage(c, l * 1000.0, t)).collect();
        assert_eq!(knee(&stages), Some(2));
        // What comes after the highest throughput is beyond the curve.
        let mut fallen = stages;
        fallen.push(stage(32, 20_000.0, 200.0));
        assert_eq!(knee(&fallen), Some(2));
    }

    #[test]
    fn a_server_that_is_not_loaded_yet_has_its_knee_at_the_last_stage() {
        let flat: Vec<_> = [1, 2, 4, 8].map(|c| stage(c, 1000.0, 100.0 * c as f64)).to_vec();
        assert_eq!(knee(&flat), Some(3));
        let straight: Vec<_> = [1, 2, 3].map(|c| stage(c, 1000.0 * c as f64, 100.0 * c as f64)).to_vec();
        assert_eq!(knee(&straight), Some(2));
        // Throughput doubles while the latency only wavers.
        let noisy = [(1, 5414.0, 112.0), (2, 5364.0, 181.0), (4, 5385.0, 265.0), (8, 5451.0, 431.0)];
        assert_eq!(knee(&noisy.map(|(c, l, t)| stage(c, l, t))), Some(3));
    }

    #[test]
    fn a_server_that_was_full_from_the_start_has_its_knee_there() {
        let full: Vec<_> = [1, 2, 4].map(|c| stage(c, 1000.0 * c as f64, 100.0 - c as f64)).to_vec();
        assert_eq!(knee(&full), Some(0));
    }

    #[test]
    fn two_points_have_no_knee() {
        let mut few = vec![stage(1, 1.0, 1.0), stage(2, 1.0, 2.0), stage(4, 1.0, 3.0)];
        few[1].tokens_per_s = None;
        assert_eq!(knee(&few), None);
    }
}
