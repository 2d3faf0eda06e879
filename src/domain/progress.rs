//! Progress of a run, as dashboard and status line show it.

mod time_left;

use std::fmt;
use std::time::Duration;

use super::quantity::{ESTIMATED, grouped};
use super::session::{Mode, Session};
use super::time::Nanos;

/// Number of requests that a run is planned to have.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Planned {
    /// Exactly this many.
    Exact(usize),
    /// This many on average: the rate times the duration.
    Expected(usize),
    /// Unknown, because only the time limits the number.
    Open,
}

/// Progress of a run.
#[derive(Clone, Copy, Debug, PartialEq)]
pub struct Progress {
    /// Measured requests that ended, including reruns.
    pub done: usize,
    /// Measured requests of the whole run: all cases, repeats, stages and reruns.
    pub planned: Planned,
    /// Completed share of the run, 0 to 1: of its duration if it has one, otherwise of the planned requests. The share
    /// falls only when the user adds requests.
    pub share: f64,
    /// Time left until the run ends: the rest of its duration, or an estimate from the requests that ended. `None`
    /// while there is no estimate, while the run is held, and once nothing is left.
    pub left: Option<Duration>,
}

impl Progress {
    /// Returns the progress of a session at `now`.
    pub fn new(session: &Session, now: Nanos) -> Self {
        let (done, left) = (session.requests_done(), session.requests_left());
        let share = share(session, now);
        Self { done, planned: planned(session, done + left), share, left: time_left(session, now, done, left) }
    }

    /// Returns whether there is a planned number to compare `done` with.
    pub const fn is_counted(&self) -> bool {
        !matches!(self.planned, Planned::Open)
    }
}

/// Writes `21/50`, `21/~60`, or `21` if only the time limits the requests.
impl fmt::Display for Progress {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let done = grouped(self.done as u64);
        match self.planned {
            Planned::Exact(all) => write!(f, "{done}/{}", grouped(all as u64)),
            Planned::Expected(all) => write!(f, "{done}/{ESTIMATED}{}", grouped(all as u64)),
            Planned::Open => f.write_str(&done),
        }
    }
}

fn planned(session: &Session, known: usize) -> Planned {
    let is_open = session.plan.duration.is_some();
    let is_searching = session.search().is_some_and(|search| !search.is_complete());
    let more_time = is_searching || session.is_timed() || session.stage + 1 < session.sweep.len();
    match session.requests_expected() {
        Some(expected) if more_time => Planned::Expected(expected.max(known)),
        Some(_) => Planned::Exact(known + session.not_started),
        None if is_open && more_time => Planned::Open,
        // Cancelled requests were planned, too.
        None => Planned::Exact(known.max(session.requests_planned().unwrap_or(0))),
    }
}

fn share(session: &Session, now: Nanos) -> f64 {
    let all = session.requests_done() + session.requests_left();
    let of_requests = || if all == 0 { 0.0 } else { session.requests_done() as f64 / all as f64 };
    let Some(of_time) = session.share_of_time(now) else { return of_requests() };
    if session.search().is_some() {
        return of_time;
    }
    // Once the duration is over, only requests that the user added change the share.
    let is_extended = !session.is_timed() && all > session.requests_when_time_was_up();
    let in_stage = if is_extended { of_requests() } else { of_time };
    (session.stage as f64 + in_stage) / session.sweep.len().max(1) as f64
}

fn time_left(session: &Session, now: Nanos, done: usize, left: usize) -> Option<Duration> {
    if !session.is_active() {
        return None;
    }
    if session.plan.duration.is_some() {
        return session.time_left(now);
    }
    if let Some(left) = session.time_to_last_start(now) {
        return Some(left.saturating_add(time_left::mean_duration(session).unwrap_or_default()));
    }
    if !session.has_conversations() {
        return time_left::time_left(session, now);
    }
    // Conversations have think times between their turns. Their time left follows from the pace so far, once every slot
    // has completed a request.
    let first_wave = session.plan.limit().unwrap_or(1).min(done + left).max(2);
    if done < first_wave || left == 0 || session.mode != Mode::Running {
        return None;
    }
    Some(session.running_for(now)?.mul_f64(left as f64 / done as f64))
}

#[cfg(test)]
mod tests;
