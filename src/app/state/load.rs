//! Figures of the requests that ended, in the last seconds and in the whole run.

use std::collections::VecDeque;
use std::time::Duration;

use crate::domain::attempt::{AttemptRecord, AttemptStatus};
use crate::domain::load_timeline::LoadTimeline;
use crate::domain::search_results::ProbeResult;
use crate::domain::session::Session;
use crate::domain::statistics::{enough_for, percentile};
use crate::domain::sweep::{Stage, headline_of};
use crate::domain::tally::Tally;
use crate::domain::time::Nanos;

/// Length of the window for figures of the last seconds.
pub const WINDOW: Duration = Duration::from_secs(10);

/// Figures of the requests that ended. A sweep counts each stage separately.
#[derive(Clone, Debug)]
pub struct Load {
    /// Counts since the run began, or since the stage began.
    pub tally: Tally,
    /// Stages of the sweep that are over.
    pub stages: Vec<Stage>,
    /// The load over time; only with load stages.
    pub timeline: Option<LoadTimeline>,
    /// Output tokens and active time of the stages that are over.
    earlier: Work,
    stage: usize,
    /// Index of the stage that represents the run, cached because every frame needs it.
    headline: usize,
    /// Finished probes of a search that ran long enough to have a steady part, over which they are judged.
    pub probes: Vec<ProbeResult>,
    /// Number of finished probes, with and without a steady part.
    finished_probes: usize,
    recent: VecDeque<Ended>,
}

/// Output tokens and the time in which they were generated.
#[derive(Clone, Copy, Debug, Default, PartialEq)]
pub struct Work {
    /// Output tokens of complete answers, or their items if they are not text.
    pub amount: f64,
    /// Time with requests in flight, seconds.
    pub seconds: f64,
    /// Whether the tokens are an estimate.
    pub is_estimated: bool,
}

impl Work {
    fn add(&mut self, tally: &Tally) {
        self.amount += tally.work() as f64;
        self.seconds += tally.seconds();
        self.is_estimated |= tally.estimated;
    }

    /// Tokens per second, and whether they are an estimate; `None` without a token.
    pub fn per_s(self) -> Option<(f64, bool)> {
        (self.amount > 0.0 && self.seconds > 0.0).then(|| (self.amount / self.seconds, self.is_estimated))
    }
}

/// Stages of a sweep that have figures so far.
#[derive(Clone, Debug, PartialEq)]
pub struct StagesSoFar {
    /// Stages with figures, in the order of the sweep.
    pub stages: Vec<Stage>,
    /// Index of the stage in progress; `None` if it has no figures yet or the run is over.
    pub running: Option<usize>,
}

/// A measured request that ended within [`WINDOW`].
#[derive(Clone, Copy, Debug)]
struct Ended {
    at: Nanos,
    ok: bool,
    ttft_ms: Option<f64>,
    itl_ms: Option<f64>,
    latency_ms: Option<f64>,
}

/// Figures over the requests that ended within [`WINDOW`].
#[derive(Clone, Debug, PartialEq)]
pub struct Recent {
    /// Complete answers.
    pub ok: usize,
    /// Failed requests.
    pub failed: usize,
    ttft_ms: Vec<f64>,
    itl_ms: Vec<f64>,
    latency_ms: Vec<f64>,
}

impl Recent {
    /// Number of requests that ended, complete or failed.
    pub const fn ended(&self) -> usize {
        self.ok + self.failed
    }

    /// Number of complete answers that have a TTFT.
    pub const fn ttft_count(&self) -> usize {
        self.ttft_ms.len()
    }

    /// Number of complete answers that have an inter-token latency.
    pub const fn itl_count(&self) -> usize {
        self.itl_ms.len()
    }

    /// A percentile of the TTFT, milliseconds; `None` with too few answers.
    pub fn ttft_ms(&self, p: u32) -> Option<f64> {
        enough_for(self.ttft_ms.len(), p).then(|| percentile(&self.ttft_ms, f64::from(p)))
    }

    /// A percentile of the inter-token latency, milliseconds; `None` with too few answers.
    pub fn itl_ms(&self, p: u32) -> Option<f64> {
        enough_for(self.itl_ms.len(), p).then(|| percentile(&self.itl_ms, f64::from(p)))
    }

    /// Percentile of the request latencies, milliseconds; `None` if they are too few for it.
    pub fn latency_ms(&self, p: u32) -> Option<f64> {
        enough_for(self.latency_ms.len(), p).then(|| percentile(&self.latency_ms, f64::from(p)))
    }
}

impl Load {
    /// Figures before the first request.
    pub fn new(session: &Session) -> Self {
        Self {
            tally: Tally::new(session),
            stages: Vec::new(),
            timeline: None,
            earlier: Work::default(),
            stage: 0,
            headline: 0,
            probes: Vec::new(),
            finished_probes: 0,
            recent: VecDeque::new(),
        }
    }

    /// Figures at `now`, counted from the attempts of a session.
    pub fn from_session(session: &Session, now: Nanos) -> Self {
        let mut earlier = Work::default();
        let measured = |(at, concurrency): (usize, &usize)| {
            let tally = Tally::from_session(session, Some(at));
            earlier.add(&tally);
            (tally.ended > 0).then(|| Stage::from_tally(*concurrency, &tally, session))
        };
        let stages = session.sweep.iter().enumerate().take(session.stage).filter_map(measured).collect();
        let is_in_stages = !session.sweep.is_empty() || session.search().is_some();
        let tally = Tally::from_session(session, is_in_stages.then_some(session.stage));
        let timeline = if session.load_stages().is_empty() { None } else { LoadTimeline::from_session(session) };
        let mut load = Self { tally, stages, timeline, earlier, stage: session.stage, ..Self::new(session) };
        load.add_probes(session);
        load.find_headline(session);
        let records = session.attempts().filter_map(|a| a.record.as_ref());
        let mut recent: Vec<_> = records.filter(|r| now.since(r.ended()) <= WINDOW).collect();
        recent.sort_by_key(|r| r.ended());
        for record in recent {
            load.add_recent(&record.get());
        }
        load
    }

    /// Counts an attempt that ended.
    pub fn add(&mut self, record: &AttemptRecord, session: &Session) {
        self.tally.add(record, session.slos());
        if let Some(began) = session.began.filter(|_| !session.load_stages().is_empty()) {
            self.timeline.get_or_insert_with(|| LoadTimeline::new(began)).add(record);
        }
        self.add_recent(record);
        self.find_headline(session);
    }

    fn find_headline(&mut self, session: &Session) {
        self.headline = if session.sweep.len() < 2 {
            session.headline_probe().unwrap_or(0)
        } else {
            headline_of(session, &self.all_stages(session))
        };
    }

    /// Index of the stage whose figures the table of cases shows: the current stage during the run, afterwards the one
    /// that [represents the run](headline_of). 0 without a sweep or a search.
    pub fn shown_stage(&self, session: &Session) -> usize {
        if session.is_active() { session.stage } else { self.headline }
    }

    fn add_recent(&mut self, record: &AttemptRecord) {
        if record.warmup || record.status == AttemptStatus::Cancelled {
            return;
        }
        self.recent.push_back(Ended {
            at: record.ended,
            ok: record.is_ok(),
            ttft_ms: record.time_to_first_token_ms().filter(|_| record.is_ok()),
            itl_ms: record.inter_token_latency_ms().filter(|_| record.is_ok()),
            latency_ms: record.request_latency_ms().filter(|_| record.is_ok()),
        });
    }

    /// Advances to `now`: drops requests older than [`WINDOW`], and closes the stage if the sweep moved on.
    pub fn advance(&mut self, now: Nanos, session: &Session) {
        while self.recent.front().is_some_and(|e| now.since(e.at) > WINDOW) {
            self.recent.pop_front();
        }
        self.tally.set_schedule_pauses(session.schedule_pauses());
        self.add_probes(session);
        if session.stage != self.stage {
            if let Some(concurrency) = session.sweep.get(self.stage).filter(|_| self.tally.ended > 0) {
                self.stages.push(Stage::from_tally(*concurrency, &self.tally, session));
                self.earlier.add(&self.tally);
            }
            self.stage = session.stage;
            self.tally = Tally::new(session);
        }
    }

    /// Adds the probes that were judged since the last call.
    fn add_probes(&mut self, session: &Session) {
        let Some(search) = session.search() else { return };
        let finished = search.probes.iter().filter(|probe| probe.judged.is_some()).count();
        if finished > self.finished_probes {
            self.probes.extend((self.finished_probes..finished).filter_map(|at| ProbeResult::new(session, at)));
            self.finished_probes = finished;
            self.find_headline(session);
        }
    }

    /// Figures over [`WINDOW`], or over the whole run if it is shorter.
    pub fn recent(&self) -> Recent {
        let figures = |get: fn(&Ended) -> Option<f64>| {
            let mut values: Vec<f64> = self.recent.iter().filter_map(get).filter(|v| v.is_finite()).collect();
            values.sort_by(f64::total_cmp);
            values
        };
        let ok = self.recent.iter().filter(|e| e.ok).count();
        Recent {
            ok,
            failed: self.recent.len() - ok,
            ttft_ms: figures(|e| e.ttft_ms),
            itl_ms: figures(|e| e.itl_ms),
            latency_ms: figures(|e| e.latency_ms),
        }
    }

    /// Stages with figures, including the one in progress.
    pub fn all_stages(&self, session: &Session) -> Vec<Stage> {
        let mut all = self.stages.clone();
        if let Some(concurrency) = session.sweep.get(self.stage).filter(|_| self.tally.ended > 0) {
            all.push(Stage::from_tally(*concurrency, &self.tally, session));
        }
        all
    }

    /// Stages with figures. `throughput` is that of the stage in progress, with tokens in flight, and whether it is an
    /// estimate.
    pub(super) fn stages_so_far(&self, session: &Session, throughput: Option<(f64, bool)>) -> StagesSoFar {
        let mut stages = self.stages.clone();
        let has_figures = self.tally.ended > 0 || throughput.is_some();
        let Some(concurrency) = session.sweep.get(self.stage).filter(|_| has_figures) else {
            return StagesSoFar { stages, running: None };
        };
        let mut last = Stage::from_tally(*concurrency, &self.tally, session);
        if let Some((per_s, is_estimated)) = throughput {
            last = last.with_throughput(per_s);
            last.estimated = is_estimated;
        }
        stages.push(last);
        StagesSoFar { running: session.is_active().then_some(stages.len() - 1), stages }
    }

    /// Output tokens and active time of the stages that are over.
    pub const fn earlier(&self) -> Work {
        self.earlier
    }

    /// Number of answers that fail a check; in a sweep, over all stages.
    pub fn wrong_answers(&self) -> usize {
        self.stages.iter().map(|stage| stage.pass_rate.failed()).sum::<usize>() + self.tally.pass_rate.failed()
    }

    /// Number of requests that failed in the stages of a sweep, reruns included.
    pub fn failed_in_stages(&self) -> usize {
        self.stages.iter().map(|stage| stage.requests - stage.ok).sum::<usize>() + self.tally.ended - self.tally.ok
    }

    /// Whether every SLO is met. One stage that meets them is enough for a sweep: its last stages are meant to overload
    /// the server. A search needs a load that passed.
    pub fn meets_slos(&self, session: &Session) -> bool {
        if let Some(search) = session.search() {
            return search.outcome().last_pass.is_some();
        }
        if session.sweep.is_empty() || session.slos().is_empty() {
            return self.tally.meets(session.slos());
        }
        self.all_stages(session).iter().any(|s| s.slo_met == Some(true))
    }
}
