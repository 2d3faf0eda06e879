//! When measured attempts start, and until when.

use std::time::Duration;

use super::Plan;
use crate::domain::open_loop::Starts;
use crate::domain::time::Nanos;

/// The schedule of a run. Its time stands still while the user holds the run, and while nothing waits to be started.
#[derive(Clone, Debug)]
pub struct Pace {
    starts: Option<Starts>,
    duration: Option<Duration>,
    origin: Option<Nanos>,
    still_since: Option<Nanos>,
}

impl Pace {
    /// The plan's, not begun.
    pub fn new(plan: &Plan) -> Self {
        Self { starts: plan.open_loop.map(Starts::new), duration: plan.duration, origin: None, still_since: None }
    }

    /// Time stands still from now on.
    pub fn stop(&mut self, now: Nanos) {
        if self.origin.is_some() {
            self.still_since.get_or_insert(now);
        }
    }

    /// Time begins, or goes on: what stood still was no time of the server's, and is nobody's queue.
    pub fn go_on(&mut self, now: Nanos) {
        let origin = *self.origin.get_or_insert(now);
        let Some(since) = self.still_since.take() else { return };
        let origin = origin.plus(now.since(since));
        self.origin = Some(origin);
        if let Some(next) = self.next() {
            self.origin = Some(origin.plus(now.since(next)));
        }
    }

    /// The next intended start; `None` in a closed loop, and before the schedule begins.
    pub fn next(&self) -> Option<Nanos> {
        Some(self.origin?.plus(self.starts.as_ref()?.next()))
    }

    /// Goes on to the start after the next.
    pub fn advance(&mut self) {
        if let Some(starts) = &mut self.starts {
            starts.advance();
        }
    }

    /// Whether the next start would lie beyond the run's duration.
    pub fn is_over(&self, now: Nanos) -> bool {
        let (Some(duration), Some(origin)) = (self.duration, self.origin) else { return false };
        self.next().unwrap_or(now) >= origin.plus(duration)
    }

    /// A duration that is not over yet.
    pub const fn is_timed(&self) -> bool {
        self.duration.is_some()
    }

    /// From now on nothing limits the time.
    pub const fn end(&mut self) {
        self.duration = None;
    }
}
