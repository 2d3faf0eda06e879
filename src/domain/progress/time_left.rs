//! Estimate of the time left, from the durations of the requests that ended.
//!
//! 1. The duration of each case in the current stage: its own mean if it has one. Otherwise its mean in the stage before,
//!    times the growth of the latency since then. In the first stage, a case is predicted from the others: by its token
//!    limit if answers end there, else by their mean.
//! 2. Latency grows linearly with the requests in flight, L(c) = a + b·c, as the step time of a batching engine does. The
//!    last two stages give a and b. After a single stage, b is a tenth of a.
//! 3. The requests in flight and queued are scheduled on the slots in their order (list scheduling), stage by stage.
//!
//! There is no estimate until every slot has completed one request and two requests have ended. Before, it would be a
//! guess.

use std::cmp::Reverse;
use std::collections::BinaryHeap;
use std::time::Duration;

use crate::domain::session::{AttemptState, CasePhase, Mode, Session, StagePace};
use crate::domain::time::Nanos;

/// Minimum number of ended requests for an estimate.
const MIN_ENDED: usize = 2;
/// Assumed growth of the latency per further request in flight, as a share of the latency without load, while only one
/// stage has been measured.
const USUAL_GROWTH: f64 = 0.1;
/// Weight of the predicted latency of a stage against the measured ones, as a number of requests.
const PREDICTION_WEIGHT: f64 = 2.0;
/// Minimum time left of a request in flight, as a share of its predicted duration. A request that takes longer than
/// predicted may end at any time.
const MIN_REST: f64 = 0.1;
/// Maximum number of requests that are scheduled one by one. For more, only the average is computed.
const MAX_SCHEDULED: usize = 256;

/// Time until the last request ends; `None` without an estimate, while the run is held, and once nothing is left.
pub(super) fn time_left(session: &Session, now: Nanos) -> Option<Duration> {
    if session.mode != Mode::Running || session.has_conversations() {
        return None;
    }
    let model = Model::new(session)?;
    let slots = session.concurrency_now().max(1);
    let queued = queued(session, &model);
    let mut left_s = makespan_s(slots, &in_flight(session, &model, now), &queued);
    if let Some(open_loop) = session.plan.open_loop {
        let starts: usize = queued.iter().map(|(count, _)| count).sum();
        let last_start_s = starts as f64 / open_loop.rate_per_s;
        left_s = left_s.max(if starts > 0 { last_start_s + model.mean_s() } else { 0.0 });
    }
    let later = (session.stage + 1..session.sweep.len()).map(|stage| {
        let growth = growth(&model.levels, filled_slots(session, stage));
        let planned = planned(session, &model, growth);
        makespan_s(session.concurrency_in(stage).unwrap_or(1).max(1), &[], &planned)
    });
    let left_s = left_s + later.sum::<f64>();
    (left_s > 0.0).then(|| Duration::try_from_secs_f64(left_s).ok()).flatten()
}

/// Mean duration of the requests that ended in the current stage; `None` before the first one ends.
pub(super) fn mean_duration(session: &Session) -> Option<Duration> {
    let mean_s = session.pace().stage(session.stage)?.all.mean_s()?;
    Duration::try_from_secs_f64(mean_s).ok()
}

/// Predicted durations in the current stage, and growth of the latency up to this stage.
struct Model {
    /// Duration of each case in the current stage, seconds.
    durations_s: Vec<f64>,
    /// Requests in flight and latency relative to the first stage, for each stage up to the current one.
    levels: Vec<(f64, f64)>,
}

impl Model {
    fn new(session: &Session) -> Option<Self> {
        let pace = session.pace();
        let first = (0..=session.stage).find(|stage| pace.stage(*stage).is_some_and(|pace| pace.all.count > 0))?;
        let mut durations_s = first_durations_s(session, first, pace.stage(first)?)?;
        let mut levels = vec![(filled_slots(session, first), 1.0)];
        for stage in first + 1..=session.stage {
            let slots = filled_slots(session, stage);
            let predicted = growth(&levels, slots);
            let measured = pace.stage(stage);
            let mean_s = |case: usize| measured.and_then(|pace| pace.mean_s(case));
            let both = durations_s.iter().enumerate().filter_map(|(case, before)| Some((*before, mean_s(case)?)));
            let (before, after) = both.fold((0.0, 0.0), |sum, (before, after)| (sum.0 + before, sum.1 + after));
            let count = measured.map_or(0.0, |pace| pace.all.count as f64);
            // In a stage that is over, only measured latencies count.
            let weight = if stage < session.stage { 0.0 } else { PREDICTION_WEIGHT };
            let grown =
                if before > 0.0 { (count * after / before + weight * predicted) / (count + weight) } else { predicted };
            for (case, duration_s) in durations_s.iter_mut().enumerate() {
                *duration_s = mean_s(case).unwrap_or(*duration_s * grown);
            }
            let level = levels.last().map_or(1.0, |last| last.1);
            levels.push((slots, level * grown));
        }
        Some(Self { durations_s, levels })
    }

    fn of_case(&self, case: usize) -> f64 {
        self.durations_s.get(case).copied().unwrap_or(0.0)
    }

    fn mean_s(&self) -> f64 {
        self.durations_s.iter().sum::<f64>() / self.durations_s.len().max(1) as f64
    }
}

/// Predicted duration of each case in the first stage with an ended request, seconds; `None` while too few requests
/// have ended.
fn first_durations_s(session: &Session, stage: usize, pace: &StagePace) -> Option<Vec<f64>> {
    let needed = (filled_slots(session, stage) as usize).max(MIN_ENDED);
    if pace.all.count < needed && stage == session.stage {
        return None;
    }
    let mean_s = pace.all.mean_s()?;
    let capped = pace.capped;
    let share = capped.count as f64 / pace.all.count as f64;
    let (first_token_s, token_s) =
        (capped.first_token_s / capped.count.max(1) as f64, capped.decode_s / capped.max_tokens.max(1.0));
    let case = |(case, spec): (usize, &crate::domain::suite::CaseSpec)| {
        let by_limit_s = first_token_s + token_s * f64::from(spec.max_tokens);
        pace.mean_s(case).unwrap_or(share * by_limit_s + (1.0 - share) * mean_s)
    };
    Some(session.suite.cases.iter().enumerate().map(case).collect())
}

/// Predicted latency with `slots` requests in flight, relative to the last measured level.
fn growth(levels: &[(f64, f64)], slots: f64) -> f64 {
    let Some(&(last_slots, last)) = levels.last() else { return 1.0 };
    let usual = USUAL_GROWTH / (1.0 + USUAL_GROWTH * last_slots);
    let measured = levels.len().checked_sub(2).and_then(|at| levels.get(at)).and_then(|&(slots, level)| {
        let step = last_slots - slots;
        // The growth is limited to plausible values: from none up to a latency proportional to the load.
        (step > 0.0 && last > 0.0).then(|| ((last - level) / step / last).clamp(0.0, 1.0 / last_slots.max(1.0)))
    });
    // Stages have ascending concurrencies, so the latency does not shrink.
    1.0 + measured.unwrap_or(usual) * (slots - last_slots).max(0.0)
}

/// Number of requests that a stage can have in flight: its slots, or all its requests if these are fewer.
fn filled_slots(session: &Session, stage: usize) -> f64 {
    let requests = (0..session.cases.len()).map(|case| session.planned_attempts(case)).fold(0_u32, u32::saturating_add);
    session.concurrency_in(stage).unwrap_or(usize::MAX).min(requests as usize).max(1) as f64
}

/// Predicted time left of each measured request in flight, seconds.
fn in_flight(session: &Session, model: &Model, now: Nanos) -> Vec<f64> {
    let open = session.open_attempts().filter(|(_, attempt, _)| !attempt.warmup && !attempt.abandoned);
    let rest = |(case, attempt, ordered): (usize, &AttemptState, Nanos)| {
        let (duration_s, start) = (model.of_case(case), attempt.due.unwrap_or(ordered));
        let rest_s = (duration_s - now.since(start).as_secs_f64()).max(MIN_REST * duration_s);
        start.since(now).as_secs_f64() + rest_s
    };
    open.map(rest).collect()
}

/// Requests of the current stage that are still to start: for each case their number and predicted duration in seconds.
fn queued(session: &Session, model: &Model) -> Vec<(usize, f64)> {
    let waits = |phase| matches!(phase, CasePhase::Queued | CasePhase::Running);
    let cases = session.cases.iter().enumerate().filter(|(_, c)| waits(c.phase) && c.remaining < u32::MAX);
    cases.map(|(case, state)| (state.remaining as usize, model.of_case(case))).filter(|(count, _)| *count > 0).collect()
}

/// Requests of a later stage: for each case their number and predicted duration in seconds, which grows by the factor
/// `growth`.
fn planned(session: &Session, model: &Model, growth: f64) -> Vec<(usize, f64)> {
    let cases = session.cases.iter().enumerate().filter(|(_, c)| c.phase != CasePhase::Cancelled);
    cases.map(|(case, _)| (session.planned_attempts(case) as usize, model.of_case(case) * growth)).collect()
}

/// Time until the last of these requests ends, seconds. Each slot takes the next request as soon as the slot is free.
fn makespan_s(slots: usize, in_flight_s: &[f64], queued: &[(usize, f64)]) -> f64 {
    let count: usize = queued.iter().map(|(count, _)| count).fold(0, |sum, count| sum.saturating_add(*count));
    let work_s: f64 = queued.iter().map(|(count, duration_s)| *count as f64 * duration_s).sum();
    let busy_s: f64 = in_flight_s.iter().sum();
    let slots = slots.min(in_flight_s.len().saturating_add(count)).max(1);
    if slots == 1 {
        return busy_s + work_s;
    }
    if count > MAX_SCHEDULED {
        // At the end, the slots become idle one after another during about one request, so half of them are idle on
        // average.
        let tail_s = work_s / count as f64 * (1.0 - 1.0 / slots as f64) / 2.0;
        return (busy_s + work_s) / slots as f64 + tail_s;
    }
    let nanos = |seconds: f64| (seconds * 1e9) as u64;
    let idle = std::iter::repeat_n(0, slots.saturating_sub(in_flight_s.len()));
    let mut free: BinaryHeap<Reverse<u64>> =
        in_flight_s.iter().map(|rest| nanos(*rest)).chain(idle).map(Reverse).collect();
    let mut last = free.iter().map(|at| at.0).max().unwrap_or(0);
    for (count, duration_s) in queued {
        for _ in 0..*count {
            let Reverse(start) = free.pop().unwrap_or(Reverse(0));
            let end = start.saturating_add(nanos(*duration_s));
            last = last.max(end);
            free.push(Reverse(end));
        }
    }
    last as f64 / 1e9
}

#[cfg(test)]
mod tests;
