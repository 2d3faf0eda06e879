//! Schedule of the measured attempts, and the time limit of the run.

use std::time::Duration;

use super::Plan;
use crate::domain::load_stages::RateCurve;
use crate::domain::open_loop::{OpenLoop, Starts};
use crate::domain::row_times::{RowTimes, TracedStarts};
use crate::domain::time::Nanos;

/// Source of the intended starts.
#[derive(Clone, Debug)]
enum Schedule {
    Drawn(Starts),
    Traced(TracedStarts),
}

impl Schedule {
    fn next(&self) -> Duration {
        match self {
            Self::Drawn(starts) => starts.next(),
            Self::Traced(starts) => starts.next(),
        }
    }

    fn advance(&mut self) {
        match self {
            Self::Drawn(starts) => starts.advance(),
            Self::Traced(starts) => starts.advance(),
        }
    }

    fn skip_to(&mut self, until: Duration) -> usize {
        match self {
            Self::Drawn(starts) => starts.skip_to(until),
            Self::Traced(starts) => starts.skip_to(until),
        }
    }
}

/// The schedule of a run. The schedule is paused while the user holds the run, and while nothing waits to start.
#[derive(Clone, Debug)]
pub struct RunClock {
    starts: Option<Schedule>,
    duration: Option<Duration>,
    /// Part of the duration that was used before this schedule began.
    used: Duration,
    /// Largest used part of the duration so far. A resume may repeat some of it, but the progress never falls.
    reached: Duration,
    origin: Option<Nanos>,
    paused_since: Option<Nanos>,
    /// Withdrawn starts, as ascending times since the origin. They come before all other starts.
    withdrawn: Vec<Duration>,
}

impl RunClock {
    /// Creates the schedule of a plan, not yet begun.
    pub fn new(plan: &Plan) -> Self {
        Self {
            starts: plan.open_loop.map(|open_loop| Schedule::Drawn(Self::in_shard(Starts::new(open_loop), plan))),
            duration: plan.duration,
            used: Duration::ZERO,
            reached: Duration::ZERO,
            origin: None,
            paused_since: None,
            withdrawn: Vec::new(),
        }
    }

    /// Creates the schedule that continues `earlier` after the program ended at `at`. The last part of the used
    /// duration, `repeated`, is run again.
    pub fn continuing(plan: &Plan, earlier: &Self, at: Nanos, repeated: Duration) -> Self {
        let used = earlier.used(at).saturating_sub(repeated);
        Self { used, reached: earlier.reached(at), ..Self::new(plan) }
    }

    fn in_shard(starts: Starts, plan: &Plan) -> Starts {
        match plan.shard {
            Some(shard) => starts.in_shard(shard),
            None => starts,
        }
    }

    /// Length of the current pause between two times; zero if the schedule is not paused.
    pub fn paused_until(&self, from: Nanos, to: Nanos) -> Duration {
        self.paused_since.map_or(Duration::ZERO, |since| to.since(since.max(from)))
    }

    /// Makes the schedule follow the times of a trace. First the `returned` rows start at once, then the rows after the
    /// first `taken` ones start at their times.
    pub fn follow(&mut self, times: RowTimes, taken: u64, returned: usize) {
        self.starts = Some(Schedule::Traced(TracedStarts::new(times, taken)));
        self.withdrawn = vec![Duration::ZERO; returned];
    }

    /// Makes the schedule follow a rate that changes, from the used part of the duration on.
    pub fn follow_curve(&mut self, plan: &Plan, open_loop: OpenLoop, curve: RateCurve) {
        let starts = Starts::with_curve(open_loop, curve, self.used);
        self.starts = Some(Schedule::Drawn(Self::in_shard(starts, plan)));
    }

    /// Time at which the part `used` of the duration is over, by the present schedule; `None` before the schedule
    /// begins.
    pub fn time_of(&self, used: Duration) -> Option<Nanos> {
        Some(self.origin?.plus(used.saturating_sub(self.used)))
    }

    /// Returns whether the starts come from a trace.
    pub const fn is_traced(&self) -> bool {
        matches!(self.starts, Some(Schedule::Traced(_)))
    }

    /// Time until the last of `left` starts from a trace is due; `None` if nothing is left.
    pub fn time_to_last_start(&self, now: Nanos, left: u64) -> Option<Duration> {
        let Some(Schedule::Traced(starts)) = &self.starts else { return None };
        let further = left.checked_sub(1)?.checked_sub(self.withdrawn.len() as u64)?;
        let now = self.paused_since.unwrap_or(now);
        let position = self.origin.map_or(Duration::ZERO, |origin| now.since(origin));
        Some(starts.after(further).saturating_sub(position))
    }

    /// Largest used part of the duration up to `now`.
    fn reached(&self, now: Nanos) -> Duration {
        self.reached.max(self.used(now))
    }

    /// Part of the duration that is used at `now`.
    pub fn used(&self, now: Nanos) -> Duration {
        let now = self.paused_since.unwrap_or(now);
        self.used + self.origin.map_or(Duration::ZERO, |origin| now.since(origin))
    }

    /// Pauses the schedule.
    pub fn pause(&mut self, now: Nanos) {
        if self.origin.is_some() {
            self.paused_since.get_or_insert(now);
        }
    }

    /// Begins the schedule, unless it has begun.
    pub fn begin(&mut self, now: Nanos) {
        self.origin.get_or_insert(now);
    }

    /// Resumes a paused schedule. The starts move by the length of the pause, which is neither server time nor queue
    /// time. Returns start and end of the pause.
    pub fn resume(&mut self, now: Nanos) -> Option<(Nanos, Nanos)> {
        let origin = self.origin?;
        self.reached = self.reached(now);
        let since = self.paused_since.take()?;
        let origin = origin.plus(now.since(since));
        self.origin = Some(origin);
        if let Some(next) = self.next() {
            self.origin = Some(origin.plus(now.since(next)));
        }
        Some((since, now))
    }

    /// Next intended start; `None` in a closed loop, and before the schedule begins.
    pub fn next(&self) -> Option<Nanos> {
        self.next_at(self.origin?)
    }

    /// Next intended start. A schedule that has not begun counts as beginning at `now`.
    pub fn next_at(&self, now: Nanos) -> Option<Nanos> {
        let starts = self.starts.as_ref()?;
        let offset = self.withdrawn.first().copied().unwrap_or_else(|| starts.next());
        Some(self.origin.unwrap_or(now).plus(offset))
    }

    /// Advances to the following start.
    pub fn advance(&mut self) {
        if !self.withdrawn.is_empty() {
            self.withdrawn.remove(0);
        } else if let Some(starts) = &mut self.starts {
            starts.advance();
        }
    }

    /// Returns the intended starts of withdrawn attempts to the schedule.
    pub fn withdraw(&mut self, due: impl Iterator<Item = Nanos>) {
        let Some(origin) = self.origin else { return };
        self.withdrawn.extend(due.map(|at| at.since(origin)));
        self.withdrawn.sort_unstable();
    }

    /// Returns whether the next start lies beyond the run's duration. If all slots were taken (`capped`), starts that
    /// are still waiting at the end of the duration are dropped. Otherwise starts are late because of tokscope itself,
    /// and still happen.
    pub fn is_over(&self, now: Nanos, capped: bool) -> bool {
        let Some(left) = self.left() else { return false };
        let end = self.origin.unwrap_or(now).plus(left);
        let intended = self.next_at(now).unwrap_or(now);
        intended >= end || (capped && now >= end)
    }

    /// End of the duration, while the schedule runs; `None` if no duration limits the run, or it has not begun.
    pub fn ends_at(&self) -> Option<Nanos> {
        let end = self.origin?.plus(self.left()?);
        self.paused_since.is_none().then_some(end)
    }

    /// Part of the duration that was left when the schedule began; `None` without a duration.
    fn left(&self) -> Option<Duration> {
        Some(self.duration?.saturating_sub(self.used))
    }

    /// Returns whether a duration still limits the run.
    pub const fn is_timed(&self) -> bool {
        self.duration.is_some()
    }

    /// Used share of the duration, 0 to 1; `None` if no duration limits the run. Never falls.
    pub fn share(&self, now: Nanos) -> Option<f64> {
        let duration = self.duration?;
        Some((self.reached(now).as_secs_f64() / duration.as_secs_f64().max(1e-9)).min(1.0))
    }

    /// Time until the duration is over, while the schedule runs; `None` if no duration limits the run.
    pub fn time_left(&self, now: Nanos) -> Option<Duration> {
        Some(self.duration?.saturating_sub(self.used(now)))
    }

    /// Number of starts that are due and have not happened.
    pub fn overdue(&self, now: Nanos) -> usize {
        let Some(origin) = self.origin else { return 0 };
        let withdrawn = self.withdrawn.iter().filter(|offset| origin.plus(**offset) <= now).count();
        withdrawn + self.starts.clone().map_or(0, |mut starts| starts.skip_to(now.since(origin)))
    }

    /// Number of intended starts within the duration that have not happened.
    pub fn missed(&self) -> usize {
        self.clone().skip_rest()
    }

    /// Removes the time limit, and drops the starts that are left within it.
    pub fn end(&mut self) {
        self.skip_rest();
        self.duration = None;
    }

    /// Skips the starts left within the duration; returns their number.
    fn skip_rest(&mut self) -> usize {
        let Some(left) = self.left().filter(|_| self.origin.is_some()) else { return 0 };
        let withdrawn_before = self.withdrawn.len();
        self.withdrawn.retain(|offset| *offset >= left);
        let skipped = self.starts.as_mut().map_or(0, |starts| starts.skip_to(left));
        skipped.saturating_add(withdrawn_before - self.withdrawn.len())
    }
}
