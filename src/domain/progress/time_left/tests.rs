//! Runs on a virtual clock, with servers whose speed is known. The estimate at each moment is compared with the time
//! that the run really took.

use std::sync::Arc;

use proptest::prelude::*;

use super::*;
use crate::domain::attempt::{AttemptId, AttemptRecord, AttemptStatus};
use crate::domain::progress::Progress;
use crate::domain::random::Random;
use crate::domain::session::{Plan, SessionCommand, SessionInput};
use crate::domain::suite::{CaseSpec, Suite};
use crate::domain::testing::{case, suite_with};

/// Token limits of the built-in suite.
const DEMO: [u32; 10] = [800, 600, 700, 500, 600, 600, 800, 700, 500, 800];

/// A server whose tokens take longer the more requests are in flight.
#[derive(Clone, Copy, Debug)]
struct Server {
    first_token_s: f64,
    token_s: f64,
    /// Growth of the time per token with each further request, as a share of the time of one alone.
    growth: f64,
    /// Range of a random factor on each duration, as a share.
    noise: f64,
    /// Requests in flight from which more only wait.
    most: f64,
}

impl Server {
    const USUAL: Self = Self { first_token_s: 0.18, token_s: 0.0087, growth: 0.1, noise: 0.03, most: f64::INFINITY };

    fn duration_s(&self, tokens: u32, in_flight: usize, random: &mut Random) -> f64 {
        let load = in_flight.max(1) as f64;
        let decode_s = f64::from(tokens) * self.token_s * (1.0 + self.growth * (load.min(self.most) - 1.0));
        let noise = 1.0 + self.noise * (2.0 * random.unit() - 1.0);
        (self.first_token_s + decode_s) * (load / self.most).max(1.0) * noise
    }
}

/// An estimate: its time, the time left that it claims, and the real one, seconds.
#[expect(clippy::struct_field_names, reason = "all of them are in seconds")]
#[derive(Clone, Copy, Debug)]
struct Sample {
    at_s: f64,
    left_s: Option<f64>,
    real_s: f64,
}

fn suite_of(limits: &[u32]) -> Suite {
    let spec = |(at, max_tokens): (usize, &u32)| CaseSpec { max_tokens: *max_tokens, ..case(&format!("case {at}")) };
    suite_with(limits.iter().enumerate().map(spec).collect())
}

/// Runs a session to its end; samples the estimate twice a second and after each event.
fn samples(mut session: Session, server: Server, capped: bool) -> Vec<Sample> {
    let mut random = Random::new(7);
    let mut now = Nanos::default();
    let mut open: Vec<(Nanos, AttemptId, Nanos)> = Vec::new();
    let mut found: Vec<(Nanos, Option<f64>)> = Vec::new();
    let mut commands = session.handle(SessionInput::Begin(now));
    loop {
        for command in std::mem::take(&mut commands) {
            let SessionCommand::Start { id, .. } = command else { continue };
            let limit = session.suite.cases[id.case].max_tokens;
            // Natural answers are anywhere between a fifth of the limit and the limit.
            let tokens = if capped { limit } else { (f64::from(limit) * (0.2 + 0.8 * random.unit())) as u32 };
            let in_flight = session.concurrency_now().min(session.in_flight().max(1));
            let duration = Duration::from_secs_f64(server.duration_s(tokens, in_flight, &mut random));
            open.push((now.plus(duration), id, now));
        }
        let left_s = |at| Progress::new(&session, at).left.map(|left| left.as_secs_f64());
        found.push((now, left_s(now)));
        let Some(next) = open.iter().enumerate().min_by_key(|(_, request)| request.0).map(|(at, _)| at) else { break };
        let (ended, id, started) = open.swap_remove(next);
        let mut tick = now.plus(Duration::from_millis(500));
        while tick < ended {
            found.push((tick, left_s(tick)));
            tick = tick.plus(Duration::from_millis(500));
        }
        now = ended;
        let mut record = AttemptRecord::started(id, false, String::new(), String::new(), started);
        (record.status, record.ended) = (AttemptStatus::Ok, ended);
        record.finish_reason = Some(if capped { "length" } else { "stop" }.to_owned());
        commands = session.handle_at(now, SessionInput::Ended(id, Arc::new(record)));
    }
    assert_eq!(session.mode, Mode::Finished);
    let sample = |(at, left_s): &(Nanos, Option<f64>)| Sample {
        at_s: at.as_secs_f64(),
        left_s: *left_s,
        real_s: now.since(*at).as_secs_f64(),
    };
    found.iter().map(sample).collect()
}

fn session(limits: &[u32], plan: Plan, sweep: &[usize]) -> Session {
    Session::new(Arc::new(suite_of(limits)), plan).with_sweep(sweep.to_vec())
}

/// How good the estimates of a run were.
#[derive(Clone, Copy, Debug)]
struct Quality {
    /// Share of the run before the first estimate.
    absent: f64,
    /// Largest factor between an estimate and the real time, while more than a tenth of the run was left.
    factor: f64,
    /// Largest rise between two samples, as a share of the whole run.
    rise: f64,
}

fn quality(samples: &[Sample]) -> Quality {
    let total_s = samples[0].real_s;
    let known = || samples.iter().filter_map(|s| Some((s.at_s, s.left_s?, s.real_s)));
    let absent = known().next().map_or(1.0, |first| first.0 / total_s);
    let factors = known().filter(|s| s.2 > total_s / 10.0).map(|s| (s.1 / s.2).max(s.2 / s.1));
    let rises = known().zip(known().skip(1)).map(|(before, after)| (after.1 - before.1) / total_s);
    Quality { absent, factor: factors.fold(1.0, f64::max), rise: rises.fold(0.0, f64::max) }
}

#[track_caller]
fn check(found: Quality, absent: f64, factor: f64, rise: f64) {
    assert!(found.absent <= absent && found.factor <= factor && found.rise <= rise, "{found:?}");
}

#[test]
fn one_request_after_another_is_estimated_by_token_limits() {
    check(quality(&samples(session(&DEMO, Plan::default(), &[]), Server::USUAL, true)), 0.25, 1.1, 0.02);
    // The short cases come first.
    let mut ascending = [100, 150, 200, 300, 1500, 1500, 1500, 2000];
    check(quality(&samples(session(&ascending, Plan::default(), &[]), Server::USUAL, true)), 0.05, 1.3, 0.05);
    ascending.reverse();
    check(quality(&samples(session(&ascending, Plan::default(), &[]), Server::USUAL, true)), 0.5, 1.3, 0.05);
}

#[test]
fn a_sweep_is_estimated_within_its_first_stage() {
    let sweep = session(&DEMO, Plan::default(), &[1, 2, 4, 8, 16]);
    check(quality(&samples(sweep, Server::USUAL, true)), 0.12, 1.25, 0.05);
    let repeated = session(&DEMO, Plan { repeat: 5, ..Plan::default() }, &[1, 2, 4, 8, 16]);
    check(quality(&samples(repeated, Server::USUAL, true)), 0.03, 1.4, 0.03);
}

#[test]
fn a_server_that_saturates_raises_the_estimate_only_once_it_does() {
    let sweep = || session(&DEMO, Plan { repeat: 5, ..Plan::default() }, &[1, 2, 4, 8, 16]);
    // Its throughput ends at four requests in flight: nothing before the stage of eight shows that.
    let server = Server { most: 4.0, ..Server::USUAL };
    let found = samples(sweep(), server, true);
    check(quality(&found), 0.03, 2.0, 0.12);
}

#[test]
fn a_load_with_repeats_is_estimated_once_every_slot_has_delivered() {
    let plan = Plan { concurrency: 8, repeat: 20, ..Plan::default() };
    check(quality(&samples(session(&DEMO, plan, &[]), Server::USUAL, true)), 0.06, 1.3, 0.02);
    // Natural answers have any length: the last ones decide when the run ends.
    let plan = Plan { concurrency: 8, repeat: 300, ..Plan::default() };
    let natural = samples(session(&[800], plan, &[]), Server::USUAL, false);
    check(quality(&natural), 0.05, 1.5, 0.05);
}

#[test]
fn thousands_of_requests_are_averaged() {
    let plan = Plan { concurrency: 16, repeat: 400, ..Plan::default() };
    let session = session(&[200, 400, 800], plan, &[]);
    check(quality(&samples(session, Server::USUAL, true)), 0.02, 1.3, 0.02);
}

#[test]
fn nothing_is_estimated_before_two_ends_while_held_or_once_nothing_is_left() {
    let left = |session: &Session, at_s: u64| time_left(session, Nanos::from_millis(at_s * 1000));
    let mut session = session(&[100; 5], Plan::default(), &[]);
    session.handle(SessionInput::Begin(Nanos::default()));
    let end = |session: &mut Session, case: usize, at_s: u64| {
        let id = AttemptId { case, number: 1 };
        let started = Nanos::from_millis((at_s - 2) * 1000);
        let mut record = AttemptRecord::started(id, false, String::new(), String::new(), started);
        (record.status, record.ended) = (AttemptStatus::Ok, Nanos::from_millis(at_s * 1000));
        session.handle_at(record.ended, SessionInput::Ended(id, Arc::new(record)));
    };
    end(&mut session, 0, 2);
    assert_eq!(left(&session, 2), None);
    end(&mut session, 1, 4);
    assert_eq!(left(&session, 4).map(|left| left.as_millis()), Some(6000));
    assert_eq!(left(&session, 5).map(|left| left.as_millis()), Some(5000));
    // A request that takes longer than predicted may end at any time.
    assert_eq!(left(&session, 30).map(|left| left.as_millis()), Some(4200));
    session.handle_at(Nanos::from_millis(5000), SessionInput::ToggleHold);
    assert_eq!(left(&session, 5), None);
    session.handle_at(Nanos::from_millis(5000), SessionInput::ToggleHold);
    (2..5).for_each(|case| end(&mut session, case, 6 + 2 * case as u64));
    assert_eq!((session.mode, left(&session, 20)), (Mode::Finished, None));
}

proptest! {
    /// For any lengths, speed and load, the estimate is within a factor of 2, and no end of a request raises it by more
    /// than 15% of the run. Answers take about as long as their limits suggest: the first token takes at most half the
    /// time of the other tokens of the shortest answer. It rises where the latency grows faster with the load than is
    /// usual.
    #[test]
    fn the_estimate_stays_within_a_factor_of_two(
        limits in prop::collection::vec(50_u32..2000, 4..14),
        (first_token_share, token_s, growth, noise) in (0.02_f64..0.5, 0.002_f64..0.05, 0.0_f64..0.3, 0.0_f64..0.05),
        (concurrency, repeat) in (1_usize..12, 1_u32..5),
        stages in 0_usize..6,
    ) {
        let first_token_s = first_token_share * 50.0 * token_s;
        let server = Server { first_token_s, token_s, growth, noise, most: f64::INFINITY };
        let sweep: Vec<usize> = (0..stages).map(|at| 1 << at).collect();
        let plan = Plan { concurrency, repeat, ..Plan::default() };
        let found = quality(&samples(session(&limits, plan, &sweep), server, true));
        prop_assert!(found.factor <= 2.0 && found.rise <= 0.15, "{found:?}");
    }
}
