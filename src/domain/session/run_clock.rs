//! When measured attempts start, and until when.

use std::time::Duration;

use super::Plan;
use crate::domain::open_loop::Starts;
use crate::domain::time::Nanos;

/// The schedule of a run. Its time stands still while the user holds the run, and while nothing waits to be started.
#[derive(Clone, Debug)]
pub struct RunClock {
    starts: Option<Starts>,
    duration: Option<Duration>,
    /// How much of the duration was over before this schedule.
    spent: Duration,
    origin: Option<Nanos>,
    still_since: Option<Nanos>,
    /// Starts that were taken back, as time since the origin, ascending; they come before all others.
    back: Vec<Duration>,
}

impl RunClock {
    /// The plan's, not begun.
    pub fn new(plan: &Plan) -> Self {
        Self {
            starts: plan.open_loop.map(Starts::new),
            duration: plan.duration,
            spent: Duration::ZERO,
            origin: None,
            still_since: None,
            back: Vec::new(),
        }
    }

    /// So much of the duration was over before.
    pub fn spend(&mut self, spent: Duration) {
        self.spent = spent;
    }

    /// How much of the duration is over at `now`.
    pub fn spent(&self, now: Nanos) -> Duration {
        let now = self.still_since.unwrap_or(now);
        self.spent + self.origin.map_or(Duration::ZERO, |origin| now.since(origin))
    }

    /// Time stands still from now on.
    pub fn stop(&mut self, now: Nanos) {
        if self.origin.is_some() {
            self.still_since.get_or_insert(now);
        }
    }

    /// Time begins, if it has not.
    pub fn begin(&mut self, now: Nanos) {
        self.origin.get_or_insert(now);
    }

    /// Time that has begun goes on: what stood still was no time of the server's, and is nobody's queue. Returns from when
    /// to when it stood still.
    pub fn go_on(&mut self, now: Nanos) -> Option<(Nanos, Nanos)> {
        let origin = self.origin?;
        let since = self.still_since.take()?;
        let origin = origin.plus(now.since(since));
        self.origin = Some(origin);
        if let Some(next) = self.next() {
            self.origin = Some(origin.plus(now.since(next)));
        }
        Some((since, now))
    }

    /// The next intended start; `None` in a closed loop, and before the schedule begins.
    pub fn next(&self) -> Option<Nanos> {
        self.next_at(self.origin?)
    }

    /// The same where a schedule that has not begun begins at `now`.
    pub fn next_at(&self, now: Nanos) -> Option<Nanos> {
        let starts = self.starts.as_ref()?;
        let offset = self.back.first().copied().unwrap_or_else(|| starts.next());
        Some(self.origin.unwrap_or(now).plus(offset))
    }

    /// Goes on to the start after the next.
    pub fn advance(&mut self) {
        if !self.back.is_empty() {
            self.back.remove(0);
        } else if let Some(starts) = &mut self.starts {
            starts.advance();
        }
    }

    /// Takes intended starts back: they come again.
    pub fn take_back(&mut self, due: impl Iterator<Item = Nanos>) {
        let Some(origin) = self.origin else { return };
        self.back.extend(due.map(|at| at.since(origin)));
        self.back.sort_unstable();
    }

    /// Whether the next start would lie beyond the run's duration. Starts that wait because the run was `capped` do so
    /// once the duration is over; others that are late are so by this program's own delay, and still come.
    pub fn is_over(&self, now: Nanos, capped: bool) -> bool {
        let Some(left) = self.left() else { return false };
        let end = self.origin.unwrap_or(now).plus(left);
        let intended = self.next_at(now).unwrap_or(now);
        intended >= end || (capped && now >= end)
    }

    /// How long the schedule lasts from its origin on.
    fn left(&self) -> Option<Duration> {
        Some(self.duration?.saturating_sub(self.spent))
    }

    /// A duration that is not over yet.
    pub const fn is_timed(&self) -> bool {
        self.duration.is_some()
    }

    /// How much of the duration is over, 0 to 1; `None` before it begins, and without one that still limits.
    pub fn share(&self, now: Nanos) -> Option<f64> {
        let duration = self.duration?;
        self.origin?;
        Some((self.spent(now).as_secs_f64() / duration.as_secs_f64().max(1e-9)).min(1.0))
    }

    /// Intended starts within the duration that did not come.
    pub fn missed(&self) -> usize {
        self.clone().skip_rest()
    }

    /// From now on nothing limits the time: what was intended within it does not come any more.
    pub fn end(&mut self) {
        self.skip_rest();
        self.duration = None;
    }

    /// Passes over the starts within the duration; returns how many there were.
    fn skip_rest(&mut self) -> usize {
        let Some(left) = self.left().filter(|_| self.origin.is_some()) else { return 0 };
        let taken_back = self.back.len();
        self.back.retain(|offset| *offset >= left);
        let skipped = self.starts.as_mut().map_or(0, |starts| starts.skip_to(left));
        skipped.saturating_add(taken_back - self.back.len())
    }
}
