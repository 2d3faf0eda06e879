//! A sweep over concurrencies: what each stage gave, and where more load stopped to pay.

use std::fmt;

use super::metrics::{DECODE, ITL, LATENCY, TTFT};
use super::prefix_cache::CacheDoubts;
use super::session::Session;
use super::slo::RunFigure;
use super::tally::Tally;

/// A median latency or a throughput that grew by a smaller share than this did not grow: single runs differ by as much.
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
    /// Whole answers whose stream does not carry the TTFT.
    pub unresolved_first_token: usize,
    /// Whole answers whose stream does not carry the decode speed.
    pub unresolved_inter_token: usize,
    /// Some token count is an estimate.
    pub estimated: bool,
    /// Every threshold was kept; `None` where there is none.
    pub slo_met: Option<bool>,
}

impl Stage {
    /// Of what was counted at this concurrency.
    pub fn from_tally(concurrency: usize, tally: &Tally, session: &Session) -> Self {
        let slos = session.slos();
        Self {
            concurrency,
            requests: tally.ended,
            ok: tally.ok,
            requests_per_s: tally.run_figure(RunFigure::RequestRate),
            tokens_per_s: tally.run_figure(RunFigure::Throughput),
            tokens_per_s_per_user: tally.percentile(&DECODE, 50),
            ttft_p50_ms: tally.percentile(&TTFT, 50),
            ttft_p95_ms: tally.percentile(&TTFT, 95),
            itl_p50_ms: tally.percentile(&ITL, 50),
            latency_p50_ms: tally.percentile(&LATENCY, 50),
            doubts: tally.doubts,
            unresolved_first_token: tally.unresolved(&TTFT),
            unresolved_inter_token: tally.unresolved(&DECODE),
            estimated: tally.estimated,
            slo_met: (!slos.is_empty()).then(|| tally.keeps(slos)),
        }
    }
}

/// The stages of a session in which something ended.
pub fn stages(session: &Session) -> Vec<Stage> {
    let measured = |(at, concurrency): (usize, &usize)| {
        let tally = Tally::from_session(session, Some(at));
        (tally.ended > 0).then(|| Stage::from_tally(*concurrency, &tally, session))
    };
    session.sweep.iter().enumerate().filter_map(measured).collect()
}

/// A sweep whose throughput does not scale: its first stage already fills the server.
#[derive(Clone, Copy, Debug, PartialEq)]
pub struct SaturatedFromStart {
    /// Its lowest concurrency.
    pub concurrency: usize,
    /// Throughput there, output tokens per second.
    pub tokens_per_s: f64,
    /// Highest throughput of any stage.
    pub most_tokens_per_s: f64,
    /// Its highest concurrency.
    pub up_to: usize,
    /// Place of the stage with the lowest concurrency.
    at: usize,
}

impl fmt::Display for SaturatedFromStart {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let Self { concurrency, tokens_per_s, most_tokens_per_s, up_to, .. } = *self;
        write!(
            f,
            "saturated from concurrency {concurrency}, with {tokens_per_s:.0} tok/s there and at most \
             {most_tokens_per_s:.0} tok/s up to concurrency {up_to}"
        )
    }
}

/// Whether a sweep does not scale: concurrency at least doubles, and no stage has a fifth more throughput than the one with
/// the lowest concurrency. Less than that may be noise. `None` where it scales, or stages lack a throughput.
pub fn saturated_from_start(stages: &[Stage]) -> Option<SaturatedFromStart> {
    let points = || stages.iter().enumerate().filter_map(|(at, s)| Some((at, s.concurrency, s.tokens_per_s?)));
    let (at, concurrency, tokens_per_s) = points().min_by_key(|(_, concurrency, _)| *concurrency)?;
    let up_to = points().map(|p| p.1).max()?;
    let most_tokens_per_s = points().map(|p| p.2).reduce(f64::max)?;
    let is_flat = up_to >= concurrency.max(1) * 2 && most_tokens_per_s < tokens_per_s * (1.0 + GROWN);
    is_flat.then_some(SaturatedFromStart { concurrency, tokens_per_s, most_tokens_per_s, up_to, at })
}

/// The place of the stage after which more load buys mostly waiting: the point of the curve of throughput over latency
/// that lies farthest above the chord from its first to its last point, both axes scaled to 0 to 1 (the Kneedle method of
/// Satopää et al. without its smoothing). The curve goes up to the stage with the highest throughput; where it does not bend,
/// that stage is the knee, and likewise while the median latency has not grown by a fifth: its noise is no bend. `None`
/// below three stages with figures, and where the last of them would be it: the server may take more yet. Of a sweep that does
/// not scale it is the first stage: see [`saturated_from_start`].
pub fn knee(stages: &[Stage]) -> Option<usize> {
    match bend(stages)? {
        Knee::At(at) => Some(at),
        Knee::Beyond(_) => None,
    }
}

/// The highest concurrency of a sweep that ended before its knee; `None` where it has one, or too few stages.
pub fn no_knee_up_to(stages: &[Stage]) -> Option<usize> {
    match bend(stages)? {
        Knee::At(_) => None,
        Knee::Beyond(last) => Some(stages.get(last)?.concurrency),
    }
}

/// The stages that keep every threshold, in words: `kept up to 4 at once`. `None` where there is no threshold.
pub fn kept_in_words(stages: &[Stage]) -> Option<String> {
    let mut judged: Vec<(usize, bool)> = stages.iter().filter_map(|s| Some((s.concurrency, s.slo_met?))).collect();
    judged.sort_unstable();
    judged.first()?;
    let kept: Vec<String> = judged.iter().filter(|s| s.1).map(|s| s.0.to_string()).collect();
    let without_gap = judged.iter().take_while(|s| s.1).count() == kept.len();
    Some(match kept.last() {
        None => "kept by no stage".to_owned(),
        Some(last) if without_gap => format!("kept up to {last} at once"),
        Some(_) => format!("kept only at {} at once", kept.join(", ")),
    })
}

enum Knee {
    /// At the stage in this place.
    At(usize),
    /// Not before the last stage with figures, in this place.
    Beyond(usize),
}

fn bend(stages: &[Stage]) -> Option<Knee> {
    let points: Vec<(usize, f64, f64)> =
        stages.iter().enumerate().filter_map(|(at, s)| Some((at, s.latency_p50_ms?, s.tokens_per_s?))).collect();
    if points.len() < 3 {
        return None;
    }
    if let Some(saturated) = saturated_from_start(stages) {
        return Some(Knee::At(saturated.at));
    }
    let best = points.iter().enumerate().max_by(|a, b| a.1.2.total_cmp(&b.1.2)).map(|(i, _)| i)?;
    let (_, x0, y0) = *points.first()?;
    let (top, x1, y1) = *points.get(best)?;
    let at_top = if best + 1 == points.len() { Knee::Beyond(top) } else { Knee::At(top) };
    if x1 < x0 * (1.0 + GROWN) || y1 <= y0 {
        return Some(at_top);
    }
    let above = |(at, x, y): &(usize, f64, f64)| (*at, (y - y0) / (y1 - y0) - (x - x0) / (x1 - x0));
    let farthest = points.iter().take(best + 1).map(above).max_by(|a, b| a.1.total_cmp(&b.1))?;
    // A straight line has no bend: rounding must not invent one.
    Some(if farthest.1 > 0.01 { Knee::At(farthest.0) } else { at_top })
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
            unresolved_first_token: 0,
            unresolved_inter_token: 0,
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
    fn a_server_that_is_not_loaded_yet_has_no_knee_up_to_the_last_stage() {
        let flat: Vec<_> = [1, 2, 4, 8].map(|c| stage(c, 1000.0, 100.0 * c as f64)).to_vec();
        assert_eq!((knee(&flat), no_knee_up_to(&flat)), (None, Some(8)));
        let straight: Vec<_> = [1, 2, 3].map(|c| stage(c, 1000.0 * c as f64, 100.0 * c as f64)).to_vec();
        assert_eq!((knee(&straight), no_knee_up_to(&straight)), (None, Some(3)));
        // Throughput doubles while the latency only wavers.
        let noisy = [(1, 5414.0, 112.0), (2, 5364.0, 181.0), (4, 5385.0, 265.0), (8, 5451.0, 431.0)];
        assert_eq!(no_knee_up_to(&noisy.map(|(c, l, t)| stage(c, l, t))), Some(8));
    }

    #[test]
    fn a_server_that_was_full_from_the_start_has_its_knee_there() {
        let full: Vec<_> = [1, 2, 4].map(|c| stage(c, 1000.0 * c as f64, 100.0 - c as f64)).to_vec();
        assert_eq!(knee(&full), Some(0));
    }

    #[test]
    fn a_flat_sweep_is_saturated_from_its_start() {
        let sweep =
            |points: &[(usize, f64)]| points.iter().map(|&(c, t)| stage(c, 1000.0 * c as f64, t)).collect::<Vec<_>>();
        let flat = sweep(&[(1, 270.0), (2, 264.0), (4, 290.0)]);
        assert_eq!((knee(&flat), no_knee_up_to(&flat)), (Some(0), None));
        assert_eq!(
            saturated_from_start(&flat).unwrap().to_string(),
            "saturated from concurrency 1, with 270 tok/s there and at most 290 tok/s up to concurrency 4"
        );
        // Its order says nothing.
        let turned = sweep(&[(4, 290.0), (1, 270.0), (2, 264.0)]);
        assert_eq!((saturated_from_start(&turned).unwrap().concurrency, knee(&turned)), (1, Some(1)));
        // A fifth more is growth; a load that does not double tells nothing.
        assert_eq!(saturated_from_start(&sweep(&[(1, 100.0), (2, 119.0)])).map(|s| s.up_to), Some(2));
        assert_eq!(saturated_from_start(&sweep(&[(1, 100.0), (2, 120.0)])), None);
        assert_eq!(saturated_from_start(&sweep(&[(4, 100.0), (6, 100.0)])), None);
        assert_eq!(saturated_from_start(&[]), None);
    }

    #[test]
    fn two_points_have_no_knee() {
        let mut few = vec![stage(1, 1.0, 1.0), stage(2, 1.0, 2.0), stage(4, 1.0, 3.0)];
        few[1].tokens_per_s = None;
        assert_eq!((knee(&few), no_knee_up_to(&few)), (None, None));
    }

    #[test]
    fn what_keeps_the_thresholds_is_told_as_far_as_it_goes() {
        let told = |kept: &[(usize, bool)]| {
            let judged = |&(c, met)| Stage { slo_met: Some(met), ..stage(c, 1.0, 1.0) };
            kept_in_words(&kept.iter().map(judged).collect::<Vec<_>>())
        };
        assert_eq!(told(&[(1, true), (2, true), (4, false)]).as_deref(), Some("kept up to 2 at once"));
        assert_eq!(told(&[(4, true), (1, true)]).as_deref(), Some("kept up to 4 at once"));
        assert_eq!(told(&[(1, false), (2, true), (4, false), (8, true)]).as_deref(), Some("kept only at 2, 8 at once"));
        assert_eq!(told(&[(1, false), (2, false)]).as_deref(), Some("kept by no stage"));
        assert_eq!(kept_in_words(&[stage(1, 1.0, 1.0)]), None);
    }
}
