//! The run as a load: what ended in the last seconds and in all.

use std::collections::VecDeque;
use std::time::Duration;

use crate::domain::attempt::{AttemptRecord, AttemptStatus};
use crate::domain::session::Session;
use crate::domain::statistics::{enough_for, percentile};
use crate::domain::sweep::Stage;
use crate::domain::tally::Tally;
use crate::domain::time::Nanos;

/// What "the last seconds" are.
pub const WINDOW: Duration = Duration::from_secs(10);

/// Figures of the requests that ended. A sweep counts each stage by itself.
#[derive(Clone, Debug)]
pub struct Load {
    /// All since the begin, or since the stage began.
    pub tally: Tally,
    /// The sweep's stages that are over.
    pub stages: Vec<Stage>,
    stage: usize,
    recent: VecDeque<Ended>,
}

/// A measured request that ended a moment ago.
#[derive(Clone, Copy, Debug)]
struct Ended {
    at: Nanos,
    ok: bool,
    ttft_ms: Option<f64>,
    itl_ms: Option<f64>,
}

/// Figures over [`WINDOW`].
#[derive(Clone, Debug, PartialEq)]
pub struct Recent {
    /// Whole answers.
    pub ok: usize,
    /// Failed requests.
    pub failed: usize,
    ttft_ms: Vec<f64>,
    itl_ms: Vec<f64>,
}

impl Recent {
    /// A percentile of the TTFT; `None` with too few answers.
    pub fn ttft_ms(&self, p: u32) -> Option<f64> {
        enough_for(self.ttft_ms.len(), p).then(|| percentile(&self.ttft_ms, f64::from(p)))
    }

    /// A percentile of the inter-token latency; `None` with too few answers.
    pub fn itl_ms(&self, p: u32) -> Option<f64> {
        enough_for(self.itl_ms.len(), p).then(|| percentile(&self.itl_ms, f64::from(p)))
    }
}

impl Load {
    /// Nothing yet.
    pub fn new(session: &Session) -> Self {
        Self { tally: Tally::new(session), stages: Vec::new(), stage: 0, recent: VecDeque::new() }
    }

    /// Of a session of which no more is known than itself, at `now`.
    pub fn of(session: &Session, now: Nanos) -> Self {
        let measured = |(at, concurrency): (usize, &usize)| {
            let tally = Tally::of(session, Some(at));
            (tally.ended > 0).then(|| Stage::of(*concurrency, &tally, session))
        };
        let stages = session.sweep.iter().enumerate().take(session.stage).filter_map(measured).collect();
        let tally = Tally::of(session, (!session.sweep.is_empty()).then_some(session.stage));
        let mut load = Self { tally, stages, stage: session.stage, recent: VecDeque::new() };
        let records = session.attempts().filter_map(|a| a.record.as_ref());
        let mut recent: Vec<_> = records.filter(|r| now.since(r.ended()) <= WINDOW).collect();
        recent.sort_by_key(|r| r.ended());
        for record in recent {
            load.note_recent(&record.get());
        }
        load
    }

    /// Counts an attempt that ended.
    pub fn add(&mut self, record: &AttemptRecord, session: &Session) {
        self.tally.add(record, session.slos());
        self.note_recent(record);
    }

    fn note_recent(&mut self, record: &AttemptRecord) {
        if record.warmup || record.status == AttemptStatus::Cancelled {
            return;
        }
        self.recent.push_back(Ended {
            at: record.ended,
            ok: record.is_ok(),
            ttft_ms: record.time_to_first_token_ms().filter(|_| record.is_ok()),
            itl_ms: record.inter_token_latency_ms().filter(|_| record.is_ok()),
        });
    }

    /// Forgets what is no longer recent, and begins anew where the sweep has.
    pub fn pass(&mut self, now: Nanos, session: &Session) {
        while self.recent.front().is_some_and(|e| now.since(e.at) > WINDOW) {
            self.recent.pop_front();
        }
        self.tally.stand_still(session.still());
        if session.stage != self.stage {
            if let Some(concurrency) = session.sweep.get(self.stage).filter(|_| self.tally.ended > 0) {
                self.stages.push(Stage::of(*concurrency, &self.tally, session));
            }
            self.stage = session.stage;
            self.tally = Tally::new(session);
        }
    }

    /// The figures of the last seconds, or of as many as the run has.
    pub fn recent(&self) -> Recent {
        let figures = |get: fn(&Ended) -> Option<f64>| {
            let mut values: Vec<f64> = self.recent.iter().filter_map(get).filter(|v| v.is_finite()).collect();
            values.sort_by(f64::total_cmp);
            values
        };
        let ok = self.recent.iter().filter(|e| e.ok).count();
        Recent { ok, failed: self.recent.len() - ok, ttft_ms: figures(|e| e.ttft_ms), itl_ms: figures(|e| e.itl_ms) }
    }

    /// The stages with figures, the one that runs included.
    pub fn all_stages(&self, session: &Session) -> Vec<Stage> {
        let mut all = self.stages.clone();
        if let Some(concurrency) = session.sweep.get(self.stage).filter(|_| self.tally.ended > 0) {
            all.push(Stage::of(*concurrency, &self.tally, session));
        }
        all
    }

    /// Whether every threshold is kept: of a sweep by one stage at least, since its last ones are meant to be too much.
    pub fn keeps_slos(&self, session: &Session) -> bool {
        if session.sweep.is_empty() || session.slos().is_empty() {
            return self.tally.keeps(session.slos());
        }
        self.all_stages(session).iter().any(|s| s.slo_met == Some(true))
    }
}
