//! A sweep over concurrencies: results of each stage, and the knee, beyond which more load hardly adds throughput.

mod headline;
mod summary;
#[cfg(test)]
pub(crate) mod testing;

use std::fmt;

pub use self::headline::{headline_concurrency, headline_of, headline_stage};
pub use self::summary::{Saturation, SweepSummary, best, ideal_throughput, slo_limit};
use super::metrics::{DECODE, ITL, LATENCY, TTFT};
use super::pass_rate::PassRate;
use super::prefix_cache::CacheDoubts;
use super::quantity::count;
use super::session::Session;
use super::slo::RunFigure;
use super::tally::Tally;
use super::task::Task;

/// Minimum relative growth of a median latency or a throughput that counts; less is noise between single runs.
const MIN_GROWTH: f64 = 0.2;

/// Results of one stage.
#[derive(Clone, Debug, PartialEq)]
pub struct Stage {
    /// Requests in flight.
    pub concurrency: usize,
    /// Number of measured requests that ended.
    pub requests: usize,
    /// Number of complete answers.
    pub ok: usize,
    /// Complete answers per second.
    pub requests_per_s: Option<f64>,
    /// Output tokens per second of all streams; `None` for answers that are not text.
    pub tokens_per_s: Option<f64>,
    /// Items (inputs or documents) per second; `None` for generated text.
    pub items_per_s: Option<f64>,
    /// Prompt tokens per second; `None` for generated text.
    pub input_tokens_per_s: Option<f64>,
    /// Median decode speed of a stream, tokens per second.
    pub tokens_per_s_per_user: Option<f64>,
    /// Median TTFT, milliseconds.
    pub ttft_p50_ms: Option<f64>,
    /// 95th percentile of TTFT, milliseconds; `None` below 20 answers.
    pub ttft_p95_ms: Option<f64>,
    /// Median ITL, milliseconds.
    pub itl_p50_ms: Option<f64>,
    /// 95th percentile of ITL, milliseconds; `None` below 20 answers.
    pub itl_p95_ms: Option<f64>,
    /// Median request latency, milliseconds.
    pub latency_p50_ms: Option<f64>,
    /// 95th percentile of request latency, milliseconds; `None` below 20 answers.
    pub latency_p95_ms: Option<f64>,
    /// Complete answers with a warm or unknown prefix cache.
    pub doubts: CacheDoubts,
    /// Answers that pass their checks, out of the complete answers with checks.
    pub pass_rate: PassRate,
    /// Complete answers whose streams cannot carry the TTFT.
    pub unresolved_first_token: usize,
    /// Complete answers whose streams cannot carry the decode speed.
    pub unresolved_inter_token: usize,
    /// Whether any token count is an estimate.
    pub estimated: bool,
    /// Whether every threshold is met; `None` without thresholds.
    pub slo_met: Option<bool>,
}

impl Stage {
    /// Creates the results of a stage from its counted requests.
    pub fn from_tally(concurrency: usize, tally: &Tally, session: &Session) -> Self {
        let slos = session.slos();
        Self {
            concurrency,
            requests: tally.ended,
            ok: tally.ok,
            requests_per_s: tally.run_figure(RunFigure::RequestRate),
            tokens_per_s: tally.run_figure(RunFigure::Throughput).filter(|_| session.suite.task.generates()),
            items_per_s: tally.run_figure(RunFigure::ItemRate),
            input_tokens_per_s: tally.run_figure(RunFigure::InputRate),
            tokens_per_s_per_user: tally.percentile(&DECODE, 50),
            ttft_p50_ms: tally.percentile(&TTFT, 50),
            ttft_p95_ms: tally.percentile(&TTFT, 95),
            itl_p50_ms: tally.percentile(&ITL, 50),
            itl_p95_ms: tally.percentile(&ITL, 95),
            latency_p50_ms: tally.percentile(&LATENCY, 50),
            latency_p95_ms: tally.percentile(&LATENCY, 95),
            doubts: tally.doubts,
            pass_rate: tally.pass_rate,
            unresolved_first_token: tally.unresolved(&TTFT),
            unresolved_inter_token: tally.unresolved(&DECODE),
            estimated: tally.estimated,
            slo_met: (!slos.is_empty()).then(|| tally.meets(slos)),
        }
    }
}

impl Stage {
    /// Items per second of answers that have some, otherwise output tokens per second.
    pub fn throughput_per_s(&self) -> Option<f64> {
        self.items_per_s.or(self.tokens_per_s)
    }

    /// Unit of [`Self::throughput_per_s`].
    pub const fn throughput_unit(&self) -> &'static str {
        let task = if self.items_per_s.is_some() { Task::Embeddings } else { Task::Generation };
        task.throughput_unit()
    }

    /// Replaces the throughput, in its own unit.
    #[must_use]
    pub fn with_throughput(mut self, per_s: f64) -> Self {
        *(if self.items_per_s.is_some() { &mut self.items_per_s } else { &mut self.tokens_per_s }) = Some(per_s);
        self
    }

    /// Returns whether the stage had enough requests to fill its slots. Otherwise the real load was lower than the
    /// concurrency, and the stage says nothing about saturation.
    pub const fn fills_slots(&self) -> bool {
        self.requests >= self.concurrency
    }
}

/// Names the stages with too few requests to fill their slots, like `16 (10 requests)`. `None` if there is none.
pub fn unfilled_stages(stages: &[Stage]) -> Option<String> {
    let unfilled = stages.iter().filter(|s| !s.fills_slots());
    let named: Vec<String> =
        unfilled.map(|s| format!("{} ({})", s.concurrency, count(s.requests, "request"))).collect();
    (!named.is_empty()).then(|| named.join(", "))
}

/// Stages of a session in which at least one request has ended.
pub fn stages(session: &Session) -> Vec<Stage> {
    let measured = |(at, concurrency): (usize, &usize)| {
        let tally = Tally::from_session(session, Some(at));
        (tally.ended > 0).then(|| Stage::from_tally(*concurrency, &tally, session))
    };
    session.sweep.iter().enumerate().filter_map(measured).collect()
}

/// A sweep whose throughput does not grow, because its first stage already saturates the server.
#[derive(Clone, Copy, Debug, PartialEq)]
pub struct SaturatedFromStart {
    /// Lowest concurrency.
    pub concurrency: usize,
    /// Throughput at the lowest concurrency, in `unit`.
    pub throughput_per_s: f64,
    /// Highest throughput of any stage, in `unit`.
    pub most_per_s: f64,
    /// Unit of the throughput.
    pub unit: &'static str,
    /// Highest concurrency.
    pub up_to: usize,
    /// Index of the stage with the lowest concurrency.
    at: usize,
}

impl fmt::Display for SaturatedFromStart {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let Self { concurrency, throughput_per_s, most_per_s, unit, up_to, .. } = *self;
        write!(
            f,
            "saturated from concurrency {concurrency}, with {throughput_per_s:.0} {unit} there and at most \
             {most_per_s:.0} {unit} up to concurrency {up_to}"
        )
    }
}

/// Detects a sweep that does not scale: its concurrency at least doubles, but no stage has 20% more throughput than the
/// one with the lowest concurrency. Less growth may be noise. `None` if the sweep scales, or if stages lack a
/// throughput.
pub fn saturated_from_start(stages: &[Stage]) -> Option<SaturatedFromStart> {
    let filled = || stages.iter().enumerate().filter(|(_, s)| s.fills_slots());
    let points = || filled().filter_map(|(at, s)| Some((at, s.concurrency, s.throughput_per_s()?)));
    let (at, concurrency, throughput_per_s) = points().min_by_key(|(_, concurrency, _)| *concurrency)?;
    let up_to = points().map(|p| p.1).max()?;
    let most_per_s = points().map(|p| p.2).reduce(f64::max)?;
    let is_flat = up_to >= concurrency.max(1) * 2 && most_per_s < throughput_per_s * (1.0 + MIN_GROWTH);
    let unit = stages.get(at)?.throughput_unit();
    is_flat.then_some(SaturatedFromStart { concurrency, throughput_per_s, most_per_s, unit, up_to, at })
}

/// Index of the knee: the stage after which more load mostly adds waiting. It is the point of the curve of throughput
/// over latency that lies farthest above the chord from its first to its last point, with both axes scaled to 0 to 1
/// (the Kneedle method of Satopää et al. without its smoothing). The curve ends at the stage with the highest
/// throughput. If the curve does not bend, or the median latency has not grown by 20%, that stage is the knee. `None`
/// with fewer than three stages that [fill their slots](Stage::fills_slots), and if the last stage would be the knee,
/// because the server may take more load. For a sweep that does not scale it is the stage with the lowest concurrency;
/// see [`saturated_from_start`].
pub fn knee(stages: &[Stage]) -> Option<usize> {
    match find_knee(stages)? {
        Knee::At(at) => Some(at),
        Knee::Beyond(_) => None,
    }
}

/// Highest concurrency of a sweep that ended before its knee; `None` if it has a knee or too few stages.
pub fn no_knee_up_to(stages: &[Stage]) -> Option<usize> {
    match find_knee(stages)? {
        Knee::At(_) => None,
        Knee::Beyond(last) => Some(stages.get(last)?.concurrency),
    }
}

/// Concurrencies at which every threshold is met, like `met up to concurrency 4`. `None` without thresholds.
pub fn slo_summary(stages: &[Stage]) -> Option<String> {
    let mut judged: Vec<(usize, bool)> = stages.iter().filter_map(|s| Some((s.concurrency, s.slo_met?))).collect();
    judged.sort_unstable();
    judged.first()?;
    let met: Vec<String> = judged.iter().filter(|s| s.1).map(|s| s.0.to_string()).collect();
    let without_gap = judged.iter().take_while(|s| s.1).count() == met.len();
    Some(match met.last() {
        None => "met at no concurrency".to_owned(),
        Some(last) if without_gap => format!("met up to concurrency {last}"),
        Some(_) => format!("met only at concurrency {}", met.join(", ")),
    })
}

enum Knee {
    /// The knee is at the stage with this index.
    At(usize),
    /// The knee lies beyond the last stage with figures, which has this index.
    Beyond(usize),
}

fn find_knee(stages: &[Stage]) -> Option<Knee> {
    let filled = stages.iter().enumerate().filter(|(_, s)| s.fills_slots());
    let points: Vec<(usize, f64, f64)> =
        filled.filter_map(|(at, s)| Some((at, s.latency_p50_ms?, s.throughput_per_s()?))).collect();
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
    if x1 < x0 * (1.0 + MIN_GROWTH) || y1 <= y0 {
        return Some(at_top);
    }
    let above = |(at, x, y): &(usize, f64, f64)| (*at, (y - y0) / (y1 - y0) - (x - x0) / (x1 - x0));
    let farthest = points.iter().take(best + 1).map(above).max_by(|a, b| a.1.total_cmp(&b.1))?;
    // The threshold keeps rounding errors from bending a straight line.
    Some(if farthest.1 > 0.01 { Knee::At(farthest.0) } else { at_top })
}

#[cfg(test)]
mod tests {
    use super::*;

    fn stage(concurrency: usize, latency_ms: f64, tokens_per_s: f64) -> Stage {
        super::testing::stage(concurrency, concurrency, tokens_per_s, latency_ms)
    }

    #[test]
    fn the_knee_is_where_throughput_stops_growing() {
        // Throughput doubles at almost the same latency up to concurrency 4, then hardly grows while latency doubles.
        let curve = [(1, 1.0, 100.0), (2, 1.1, 190.0), (4, 1.3, 350.0), (8, 2.5, 390.0), (16, 5.0, 400.0)];
        let stages: Vec<_> = curve.iter().map(|&(c, l, t)| stage(c, l * 1000.0, t)).collect();
        assert_eq!(knee(&stages), Some(2));
        // Stages after the highest throughput are not part of the curve.
        let mut fallen = stages;
        fallen.push(stage(32, 20_000.0, 200.0));
        assert_eq!(knee(&fallen), Some(2));
    }

    #[test]
    fn an_unsaturated_server_has_no_knee_up_to_the_last_stage() {
        let flat: Vec<_> = [1, 2, 4, 8].map(|c| stage(c, 1000.0, 100.0 * c as f64)).to_vec();
        assert_eq!((knee(&flat), no_knee_up_to(&flat)), (None, Some(8)));
        let straight: Vec<_> = [1, 2, 3].map(|c| stage(c, 1000.0 * c as f64, 100.0 * c as f64)).to_vec();
        assert_eq!((knee(&straight), no_knee_up_to(&straight)), (None, Some(3)));
        // Throughput doubles while the latency only fluctuates.
        let noisy = [(1, 5414.0, 112.0), (2, 5364.0, 181.0), (4, 5385.0, 265.0), (8, 5451.0, 431.0)];
        assert_eq!(no_knee_up_to(&noisy.map(|(c, l, t)| stage(c, l, t))), Some(8));
    }

    #[test]
    fn a_server_saturated_from_the_start_has_its_knee_there() {
        let full: Vec<_> = [1, 2, 4].map(|c| stage(c, 1000.0 * c as f64, 100.0 - c as f64)).to_vec();
        assert_eq!(knee(&full), Some(0));
    }

    #[test]
    fn stages_that_do_not_fill_their_slots_say_nothing_about_saturation() {
        let with_requests = |c: usize, requests: usize, tokens_per_s: f64| Stage {
            requests,
            ok: requests,
            ..stage(c, 1000.0, tokens_per_s)
        };
        // Ten requests give 10 and 20 slots the same load.
        let flat = [with_requests(10, 10, 500.0), with_requests(20, 10, 510.0)];
        assert_eq!(saturated_from_start(&flat), None);
        assert_eq!(unfilled_stages(&flat).as_deref(), Some("20 (10 requests)"));
        let bent = [with_requests(1, 4, 100.0), with_requests(4, 4, 390.0), with_requests(16, 4, 380.0)];
        assert_eq!((knee(&bent), no_knee_up_to(&bent)), (None, None));
        assert_eq!(unfilled_stages(&[with_requests(4, 4, 1.0)]), None);
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
        // The order of the stages does not matter.
        let reordered = sweep(&[(4, 290.0), (1, 270.0), (2, 264.0)]);
        assert_eq!((saturated_from_start(&reordered).unwrap().concurrency, knee(&reordered)), (1, Some(1)));
        // 20% more is growth; a concurrency that does not double proves nothing.
        assert_eq!(saturated_from_start(&sweep(&[(1, 100.0), (2, 119.0)])).map(|s| s.up_to), Some(2));
        assert_eq!(saturated_from_start(&sweep(&[(1, 100.0), (2, 120.0)])), None);
        assert_eq!(saturated_from_start(&sweep(&[(4, 100.0), (6, 100.0)])), None);
        assert_eq!(saturated_from_start(&[]), None);
    }

    #[test]
    fn two_stages_have_no_knee() {
        let mut few = vec![stage(1, 1.0, 1.0), stage(2, 1.0, 2.0), stage(4, 1.0, 3.0)];
        few[1].tokens_per_s = None;
        assert_eq!((knee(&few), no_knee_up_to(&few)), (None, None));
    }

    #[test]
    fn the_slo_summary_lists_the_concurrencies_that_meet_all_thresholds() {
        let summary = |stages: &[(usize, bool)]| {
            let judged = |&(c, met)| Stage { slo_met: Some(met), ..stage(c, 1.0, 1.0) };
            slo_summary(&stages.iter().map(judged).collect::<Vec<_>>())
        };
        assert_eq!(summary(&[(1, true), (2, true), (4, false)]).as_deref(), Some("met up to concurrency 2"));
        assert_eq!(summary(&[(4, true), (1, true)]).as_deref(), Some("met up to concurrency 4"));
        assert_eq!(
            summary(&[(1, false), (2, true), (4, false), (8, true)]).as_deref(),
            Some("met only at concurrency 2, 8")
        );
        assert_eq!(summary(&[(1, false), (2, false)]).as_deref(), Some("met at no concurrency"));
        assert_eq!(slo_summary(&[stage(1, 1.0, 1.0)]), None);
    }
}
