//! What a load adds to the document: thresholds, goodput, failures by kind, the sweep.

use std::collections::BTreeMap;

use serde::{Serialize, Serializer};

use crate::domain::metrics::QUEUE;
use crate::domain::open_loop::OpenLoop;
use crate::domain::session::Session;
use crate::domain::slo::{RunFigure, Slo, Stat, Subject};
use crate::domain::statistics::Stats;
use crate::domain::sweep::{Stage, knee, saturated_from_start, stages};
use crate::domain::tally::Tally;
use crate::report::sweep_table::SWEEP_COLUMNS;

/// How the starts of the open loop were spread.
#[derive(Serialize)]
pub struct ArrivalJson {
    process: &'static str,
    seed: u64,
}

impl From<OpenLoop> for ArrivalJson {
    fn from(open_loop: OpenLoop) -> Self {
        Self { process: open_loop.process.as_str(), seed: open_loop.seed }
    }
}

#[derive(Serialize)]
pub struct SloJson<'a> {
    text: &'a str,
    name: String,
    stat: Option<&'static str>,
    comparison: &'static str,
    threshold: f64,
    unit: &'static str,
    value: Option<f64>,
    n: usize,
    /// Whole answers whose stream does not carry the figure; they are in no part of the verdict.
    unresolved: usize,
    /// Of those, whose TTFT is a warm one; 0 where it is not about a TTFT.
    warm: usize,
    /// Of which the server told nothing, and whose prompt may have been in its cache.
    cache_unknown: usize,
    /// The statistic that was compared where `n` is too small for `stat`.
    compared: Option<&'static str>,
    met: bool,
}

#[derive(Serialize)]
pub struct GoodputJson {
    good: usize,
    /// Requests that can be judged.
    of: usize,
    /// Whole answers that cannot: their stream does not carry a figure that a threshold is about.
    unresolved: usize,
    percent: Option<f64>,
    requests_per_s: Option<f64>,
}

/// What stands in the summary.
#[derive(Serialize)]
pub struct LoadJson<'a> {
    measured_requests: usize,
    /// Requests of the rate that got no slot within the duration.
    not_started: usize,
    /// Failed requests by the kind of their error.
    errors: &'a BTreeMap<String, usize>,
    /// From the intended start to the real one; only in an open loop.
    dispatch_delay_ms: Option<super::SpreadJson>,
    /// Concurrency from which a sweep that does not scale is saturated; `null` where it scales, or there is no sweep.
    saturated_from_concurrency: Option<usize>,
    slo: Vec<SloJson<'a>>,
    slo_met: Option<bool>,
    goodput: Option<GoodputJson>,
}

impl<'a> LoadJson<'a> {
    /// Of a sweep the thresholds are those of its last stage, `slo_met` is whether any stage keeps them all.
    pub fn new(tally: &'a Tally, session: &'a Session) -> Self {
        let slos = session.slos();
        let queue = tally.stats(&QUEUE).map(|stats| (tally.count(&QUEUE), stats));
        Self {
            measured_requests: tally.ended,
            not_started: session.not_started,
            errors: &tally.errors,
            dispatch_delay_ms: queue.map(|(n, stats): (usize, Stats)| super::SpreadJson::of_stats(stats, n)),
            saturated_from_concurrency: saturated_from_start(&stages(session)).map(|found| found.concurrency),
            slo: slos.iter().map(|slo| judged(slo, tally)).collect(),
            slo_met: (!slos.is_empty()).then(|| {
                let one_of_all = || stages(session).iter().any(|s| s.slo_met == Some(true));
                if session.sweep.is_empty() { tally.meets(slos) } else { one_of_all() }
            }),
            goodput: tally.good.map(|good| GoodputJson {
                good,
                of: tally.judged(),
                unresolved: tally.unjudged,
                percent: tally.run_figure(RunFigure::GoodShare),
                requests_per_s: tally.run_figure(RunFigure::Goodput),
            }),
        }
    }
}

fn judged<'a>(slo: &'a Slo, tally: &Tally) -> SloJson<'a> {
    let verdict = slo.judge(tally);
    let stat = match slo.subject {
        Subject::Requests(_, stat) => Some(stat.as_str()),
        Subject::Run(_) => None,
    };
    SloJson {
        text: &slo.text,
        name: slo.name(),
        stat,
        comparison: slo.comparison.as_str(),
        threshold: slo.threshold,
        unit: slo.unit().as_str(),
        value: verdict.value,
        n: verdict.n,
        unresolved: verdict.unresolved,
        warm: verdict.doubts.warm,
        cache_unknown: verdict.doubts.unknown,
        compared: verdict.stand_in.map(Stat::as_str),
        met: verdict.met,
    }
}

#[derive(Serialize)]
pub struct StageJson {
    concurrency: usize,
    requests: usize,
    ok: usize,
    /// Of the whole answers, whose TTFT is a warm one.
    warm: usize,
    /// Of which the server told nothing, and whose prompt may have been in its cache.
    cache_unknown: usize,
    #[serde(flatten)]
    figures: Figures,
    /// Whole answers whose stream does not carry the TTFT, and the decode speed.
    unresolved_first_token: usize,
    unresolved_inter_token: usize,
    tokens_estimated: bool,
    slo_met: Option<bool>,
    knee: bool,
}

/// One entry for each of the sweep's columns.
struct Figures(Stage);

impl Serialize for Figures {
    fn serialize<S: Serializer>(&self, serializer: S) -> Result<S::Ok, S::Error> {
        serializer.collect_map(SWEEP_COLUMNS.iter().map(|column| (column.key, (column.get)(&self.0))))
    }
}

/// The stages of the sweep; none without one.
pub fn sweep(session: &Session) -> Vec<StageJson> {
    let stages = stages(session);
    let knee = knee(&stages);
    let json = |(at, s): (usize, &Stage)| StageJson {
        concurrency: s.concurrency,
        requests: s.requests,
        ok: s.ok,
        warm: s.doubts.warm,
        cache_unknown: s.doubts.unknown,
        figures: Figures(s.clone()),
        unresolved_first_token: s.unresolved_first_token,
        unresolved_inter_token: s.unresolved_inter_token,
        tokens_estimated: s.estimated,
        slo_met: s.slo_met,
        knee: knee == Some(at),
    };
    stages.iter().enumerate().map(json).collect()
}
