//! The part of the state that a frame shows of the run. A frozen screen keeps a copy.

use std::sync::Arc;
use std::time::Duration;

use super::load::{Load, StagesSoFar, Work};
use super::stop::Stop;
use super::target::{Connection, Target};
use super::traces::Traces;
use crate::domain::gpu_history::GpuHistory;
use crate::domain::host::HostHistory;
use crate::domain::live::{InFlight, LiveSnapshot, THROUGHPUT_POINTS};
use crate::domain::progress::Progress;
use crate::domain::series::Series;
use crate::domain::server_gauges::GaugeHistory;
use crate::domain::session::{CasePhase, Session};
use crate::domain::time::Nanos;

/// Failed attempts to discover the endpoint.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub struct FailedDiscoveries {
    /// Number of failures.
    pub count: u64,
    /// Time of the first failure.
    pub first: Nanos,
    /// Time of the last failure.
    pub last: Nanos,
}

impl FailedDiscoveries {
    /// Counts a failure.
    pub(in crate::app) fn add(&mut self, at: Nanos) {
        if self.count == 0 {
            self.first = at;
        }
        self.last = at;
        self.count += 1;
    }
}

/// The run as a frame shows it: session, live view, load and telemetry.
#[derive(Clone, Debug)]
pub struct Scene {
    /// Time of the last frame.
    pub now: Nanos,
    /// The endpoint under test.
    pub target: Target,
    /// The endpoint of side B of a race; `None` for other runs.
    pub rival: Option<Target>,
    /// Failed attempts to discover the endpoint.
    pub failed_discoveries: FailedDiscoveries,
    /// Reason why the run is stopped: every request would fail for the same cause.
    pub stop: Option<Stop>,
    /// Plan, progress and results of the run.
    pub session: Session,
    /// Notes about the workload, in sentences, such as how prompts were fitted to their lengths.
    pub workload_notes: Vec<String>,
    /// The engine's latest snapshot of the requests in flight.
    pub live: Arc<LiveSnapshot>,
    /// Figures of the requests that ended.
    pub load: Load,
    /// Samples of the GPUs.
    pub gpu: GpuHistory,
    /// Samples of the server's metrics; `None` if the server has no metrics page.
    pub gauges: Option<GaugeHistory>,
    /// Samples of this machine.
    pub host: HostHistory,
    /// Estimated throughput over the last second, tok/s, four points a second.
    pub throughput: Series,
    /// Arrival times of the streams that ended.
    pub traces: Traces,
    /// Tokens per content event, from the last answer whose usage is known; 1 until then.
    pub tokens_per_event: f64,
}

impl Scene {
    /// Creates the scene before the run begins.
    pub fn new(target: Target, session: Session) -> Self {
        Self {
            now: Nanos::default(),
            target,
            rival: None,
            failed_discoveries: FailedDiscoveries::default(),
            stop: None,
            load: Load::new(&session),
            session,
            workload_notes: Vec::new(),
            live: Arc::default(),
            gpu: GpuHistory::default(),
            gauges: None,
            host: HostHistory::default(),
            throughput: Series::new(THROUGHPUT_POINTS),
            traces: Traces::default(),
            tokens_per_event: 1.0,
        }
    }

    /// Whether side B of a race can be used; true for a run that is no race.
    pub fn is_rival_ready(&self) -> bool {
        self.rival.as_ref().is_none_or(|rival| rival.connection == Connection::Ready)
    }

    /// The requests in flight. The snapshot may lag behind the session: requests that ended are dropped.
    pub fn in_flight(&self) -> impl Iterator<Item = &InFlight> {
        self.live.in_flight.iter().filter(|f| self.session.is_open(f.id))
    }

    /// The latest request in flight of a case.
    pub fn in_flight_of(&self, case: usize) -> Option<&InFlight> {
        self.in_flight().filter(|f| f.id.case == case).max_by_key(|f| f.id.number)
    }

    /// Output tokens per second since the run or its stage began, and whether they are an estimate. Tokens in flight
    /// count too, estimated from their events. `None` before the first token.
    pub fn throughput_so_far(&self) -> Option<(f64, bool)> {
        let tally = &self.load.tally;
        match self.work() {
            Some(work) => work.per_s(),
            None => tally.throughput().map(|throughput| (throughput, tally.estimated)),
        }
    }

    /// Tokens of the run or its stage, including those in flight, and the active time until now; `None` if nothing is
    /// in flight.
    fn work(&self) -> Option<Work> {
        let tally = &self.load.tally;
        let is_measured = |f: &&InFlight| self.session.attempt(f.id).is_some_and(|attempt| !attempt.warmup);
        let measured = || self.in_flight().filter(is_measured);
        let from = measured().map(|f| f.started).min()?;
        let events: u64 = measured().map(|f| u64::from(f.content_events)).sum();
        let amount = tally.work() as f64 + events as f64 * self.tokens_per_event;
        let seconds = tally.seconds_with(from, self.live.at);
        Some(Work { amount, seconds, is_estimated: tally.estimated || events > 0 })
    }

    /// Mean throughput between two times, and whether it is an estimate. For the whole run: tokens of all stages by the
    /// time with requests in flight. For a part of the run: mean of the throughput samples, which count events.
    pub fn mean_throughput(&self, from: Nanos, to: Nanos) -> Option<(f64, bool)> {
        let (began, end) = self.run_span();
        if from > began || to < end {
            return self.throughput.mean_between(from, to).map(|mean| (mean, true));
        }
        let tally = &self.load.tally;
        let (amount, seconds) = (tally.work() as f64, tally.seconds());
        let stage = self.work().unwrap_or(Work { amount, seconds, is_estimated: tally.estimated });
        let earlier = self.load.earlier();
        let all = Work {
            amount: earlier.amount + stage.amount,
            seconds: earlier.seconds + stage.seconds,
            is_estimated: earlier.is_estimated || stage.is_estimated,
        };
        all.per_s()
    }

    /// Number of cases that failed; in a sweep, of requests that failed in any stage.
    pub fn failed(&self) -> usize {
        if self.session.sweep.is_empty() { self.session.count(CasePhase::Failed) } else { self.load.failed_in_stages() }
    }

    /// Index of the stage whose figures the screen shows for single cases; see [`Load::shown_stage`].
    pub fn shown_stage(&self) -> usize {
        self.load.shown_stage(&self.session)
    }

    /// Stages of the sweep with figures. The throughput of the running stage includes its tokens in flight.
    pub fn stages_so_far(&self) -> StagesSoFar {
        self.load.stages_so_far(&self.session, self.throughput_so_far())
    }

    /// Progress of the run.
    pub fn progress(&self) -> Progress {
        Progress::new(&self.session, self.now)
    }

    /// Time span of charts over time: the last ten minutes of the run at most, ten seconds at least.
    pub fn window(&self) -> (Nanos, Nanos) {
        const LONGEST: Duration = Duration::from_secs(600);
        const SHORTEST: Duration = Duration::from_secs(10);
        let (began, end) = self.run_span();
        let from = began.max(Nanos(end.0.saturating_sub(LONGEST.as_nanos() as u64)));
        (from, end.max(from.plus(SHORTEST)))
    }

    /// Start of the run, and its end so far.
    pub fn run_span(&self) -> (Nanos, Nanos) {
        (self.session.began.unwrap_or(self.now), self.end())
    }

    /// End of the run, or now while the run is active. Never before the start.
    pub fn end(&self) -> Nanos {
        let last = if self.session.is_active() { self.now } else { self.session.last_ended.unwrap_or(self.now) };
        last.max(self.session.began.unwrap_or(self.now))
    }

    /// Duration of the run so far.
    pub fn elapsed(&self) -> Duration {
        self.session.running_for(self.now).unwrap_or_default()
    }
}
