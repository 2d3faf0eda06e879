//! A search for the largest load against the engine on a virtual clock.

use std::collections::{BTreeMap, BTreeSet};
use std::sync::Arc;
use std::time::Duration;

use super::EngineConfig;
use super::scheduler::Scheduler;
use super::sequence::SequenceRequest;
use crate::domain::attempt::{Arrival, AttemptId, AttemptRecord, AttemptStatus, TextKind};
use crate::domain::load_search::{LoadSearch, SearchLoad, SearchVariable};
use crate::domain::metrics::{ITL, Metric, TTFT};
use crate::domain::open_loop::{OpenLoop, Process};
use crate::domain::random::Random;
use crate::domain::session::{Mode, NO_LIMIT, Plan, Session, SessionCommand, SessionInput};
use crate::domain::statistics::percentile;
use crate::domain::suite::Suite;
use crate::domain::testing::{case, suite_with};
use crate::domain::time::Nanos;

/// A request in the engine.
struct InFlight {
    id: AttemptId,
    record: AttemptRecord,
}

/// A session whose requests the engine serves.
pub(super) struct World {
    pub session: Session,
    scheduler: Scheduler,
    now: Nanos,
    /// Requests that are not sent yet, by their times.
    due: BTreeSet<(Nanos, AttemptId)>,
    in_flight: BTreeMap<u64, InFlight>,
    random: Random,
}

impl World {
    pub fn new(config: &EngineConfig, jitter: f64, session: Session) -> Self {
        let random = Random::for_index(config.seed, 77);
        let scheduler = Scheduler::new(config.clone(), jitter);
        Self { session, scheduler, now: Nanos(0), due: BTreeSet::new(), in_flight: BTreeMap::new(), random }
    }

    /// Passes an input to the session, and its commands to the engine.
    pub fn handle(&mut self, input: SessionInput) {
        let mut inputs = vec![input];
        while let Some(input) = inputs.pop() {
            for command in self.session.handle_at(self.now, input) {
                match command {
                    SessionCommand::Start { id, due, .. } => {
                        self.due.insert((due.unwrap_or(self.now), id));
                    }
                    SessionCommand::Abort(id) => inputs.extend(self.cancel(id)),
                }
            }
        }
        self.send_due();
    }

    fn cancel(&mut self, id: AttemptId) -> Option<SessionInput> {
        let sequence = self.in_flight.iter().find(|(_, request)| request.id == id).map(|(sequence, _)| *sequence);
        let mut record = if let Some(sequence) = sequence {
            self.scheduler.cancel(sequence);
            self.in_flight.remove(&sequence)?.record
        } else {
            self.due.retain(|(_, due)| *due != id);
            AttemptRecord::started(id, false, String::new(), String::new(), self.now)
        };
        (record.status, record.ended) = (AttemptStatus::Cancelled, self.now);
        Some(SessionInput::Ended(id, Arc::new(record)))
    }

    fn send_due(&mut self) {
        while let Some(&(at, id)) = self.due.first().filter(|(at, _)| *at <= self.now) {
            self.due.pop_first();
            let mut record = AttemptRecord::started(id, false, String::new(), String::new(), at);
            record.intended = self.session.is_open_loop().then_some(at);
            let sequence = self.scheduler.submit(request(&mut self.random)).unwrap();
            self.in_flight.insert(sequence, InFlight { id, record });
        }
    }

    /// Runs one step of the engine, or waits for the next time at which something happens. Returns false at the end.
    pub fn step(&mut self) -> bool {
        if self.session.mode == Mode::Finished && self.session.in_flight() == 0 {
            return false;
        }
        let next_due = self.due.first().map(|(at, _)| *at);
        let wake = [next_due, self.session.wake_at()].into_iter().flatten().min();
        let Some(step) = self.scheduler.step() else {
            let Some(at) = wake else { return false };
            self.now = self.now.max(at);
            self.handle(SessionInput::Tick(self.now));
            return true;
        };
        self.now = self.now.plus(Duration::from_secs_f64(step.seconds));
        for output in step.outputs {
            let Some(request) = self.in_flight.get_mut(&output.id) else { continue };
            let arrival = Arrival { at: self.now, kind: TextKind::Answer, coalesced: false };
            request.record.arrivals.extend((0..output.tokens).map(|_| arrival));
            if output.is_last {
                let InFlight { id, mut record } = self.in_flight.remove(&output.id).unwrap();
                record.usage.completion_tokens = Some(record.arrivals.len() as u64);
                (record.status, record.ended) = (AttemptStatus::Ok, self.now);
                self.handle(SessionInput::Ended(id, Arc::new(record)));
            }
        }
        self.handle(SessionInput::Tick(self.now));
        true
    }

    pub fn run(&mut self) {
        self.handle(SessionInput::Begin(Nanos(0)));
        while self.step() {}
    }
}

/// A prompt of 20 to 60 tokens with an answer of 8 to 16 tokens.
fn request(random: &mut Random) -> SequenceRequest {
    SequenceRequest { prompt: 20 + random.below(41), cached: 0, output: 8 + random.below(9) }
}

/// A server of 12 slots: a request beyond them waits.
pub(super) fn config(seed: u64) -> EngineConfig {
    EngineConfig {
        max_batch: 12,
        batch_tokens: 256,
        prefill_ms: 0.2,
        stall_every_s: 0.0,
        seed,
        ..EngineConfig::default()
    }
}

pub(super) fn suite(find: Option<LoadSearch>, slos: &[&str]) -> Suite {
    let slos = slos.iter().map(|slo| slo.parse().unwrap()).collect();
    Suite { slos, find, ..suite_with(vec![case("a"), case("b")]) }
}

pub(super) fn search_session(find: LoadSearch, slos: &[&str], seed: u64) -> Session {
    let open_loop = (find.variable == SearchVariable::Rate).then_some(OpenLoop {
        rate_per_s: 1.0,
        process: Process::Poisson,
        seed,
    });
    let concurrency = if open_loop.is_some() { NO_LIMIT } else { 1 };
    let plan = Plan { open_loop, concurrency, duration: Some(Duration::from_secs(120)), ..Plan::default() };
    Session::new(Arc::new(suite(Some(find), slos)), plan)
}

/// 95th percentiles of TTFT and ITL over a long run with this load, milliseconds.
fn truth(find: &LoadSearch, load: SearchLoad) -> (f64, f64) {
    let rate = |rate_per_s| OpenLoop { rate_per_s, process: Process::Poisson, seed: 999 };
    let is_rate = find.variable == SearchVariable::Rate;
    let plan = Plan {
        concurrency: if is_rate { NO_LIMIT } else { load.0 as usize },
        open_loop: is_rate.then(|| rate(find.value(load))),
        requests: Some(6000),
        ..Plan::default()
    };
    let mut world = World::new(&config(999), 0.05, Session::new(Arc::new(suite(None, &[])), plan));
    world.run();
    let values = |metric: &Metric| {
        let mut values: Vec<f64> = world.session.records().skip(50).filter_map(|r| (metric.get)(&r)).collect();
        values.sort_by(f64::total_cmp);
        percentile(&values, 95.0)
    };
    (values(&TTFT), values(&ITL))
}

fn found(find: LoadSearch, slos: &[&str], seed: u64) -> Option<SearchLoad> {
    let mut world = World::new(&config(seed), 0.05, search_session(find, slos, seed));
    world.run();
    let search = world.session.search().unwrap();
    assert!(search.is_complete() && world.session.mode == Mode::Finished && !world.session.is_partial());
    assert!(search.probes.iter().all(|probe| probe.load <= find.max));
    let outcome = search.outcome();
    // The best estimate is at least the proven load.
    assert!(outcome.last_pass <= outcome.estimate);
    outcome.estimate
}

/// Results of `run` for the seeds from 0 to `runs`, on two threads.
fn results<T: Send>(runs: u64, run: impl Fn(u64) -> T + Sync) -> Vec<T> {
    let half = |odd: u64| (0..runs).filter(|seed| seed % 2 == odd).map(&run).collect::<Vec<T>>();
    std::thread::scope(|scope| {
        let other = scope.spawn(|| half(1));
        let mut all = half(0);
        all.extend(other.join().unwrap());
        all
    })
}

/// The engine has 12 slots. Up to them, each request makes the steps longer; beyond them, requests wait. The threshold lies
/// halfway between the true figures of the limit and of the next load, so the limit is known. Where the figures hardly
/// change with the load, loads next to the limit remain undecided, and the best estimate is compared.
#[test]
fn the_largest_concurrency_is_found_within_one_step_in_95_of_100_runs() {
    let find = LoadSearch::concurrency(64, Duration::from_secs(2));
    // The limits are 4 to 16; each needs the figures of the next load.
    let truths: BTreeMap<usize, (f64, f64)> =
        (4..18).map(|load| (load, truth(&find, SearchLoad(load as u32)))).collect();
    let found = results(100, |seed| {
        let limit = 4 + (seed % 13) as usize;
        let ((ttft, itl), (next_ttft, next_itl)) = (truths[&limit], truths[&(limit + 1)]);
        let slo = if limit >= 12 {
            format!("ttft_p95<{:.3}ms", f64::midpoint(ttft, next_ttft))
        } else {
            format!("itl_p95<{:.3}ms", f64::midpoint(itl, next_itl))
        };
        (limit, found(find, &[&slo], seed))
    });
    let is_right =
        |(limit, found): &&(usize, Option<SearchLoad>)| found.is_some_and(|f| f.0.abs_diff(*limit as u32) <= 1);
    let right = found.iter().filter(is_right).count();
    assert!(right >= 95, "{right} of 100 runs: {found:?}");
}

#[test]
fn the_largest_rate_is_found_near_the_true_one() {
    let find = LoadSearch::rate(200.0, Duration::from_secs(2));
    // Far beyond the limit, a long run needs ever longer for its queue.
    let is_beyond = |rate: &u32| truth(&find, SearchLoad(rate * 1000)).0 > 80.0;
    let limit = f64::from((8..48).step_by(2).find(is_beyond).unwrap() - 1);
    let found = results(10, |seed| found(find, &["ttft_p95<80ms"], seed).map(|load| find.value(load)));
    // A queue has a long memory, so even 10 s of requests differ from the truth.
    let is_near = |found: &&Option<f64>| found.is_some_and(|rate| (rate / limit - 1.0).abs() < 0.15);
    let right = found.iter().filter(is_near).count();
    assert!(right >= 9, "{right} of 10 runs near {limit}/s: {found:?}");
}
