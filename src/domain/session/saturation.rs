//! Early end of an open loop whose queue only grows (`--stop-when-saturated`).

use std::time::Duration;

use super::{EventKind, Mode, Session};
use crate::domain::time::Nanos;

impl Session {
    /// Time at which the run stopped because its queue only grew; `None` if it did not.
    pub const fn saturated_at(&self) -> Option<Nanos> {
        self.saturated_at
    }

    /// Returns whether the length of the queue is counted now, which is only while the schedule runs.
    fn watches_backlog(&self) -> bool {
        let is_asked = self.plan.stop_when_saturated && self.is_open_loop() && self.saturated_at.is_none();
        is_asked && self.mode == Mode::Running && self.index.is_any_ready()
    }

    /// Counts the length of the queue, once for each second of the schedule.
    pub(super) fn count_backlog(&mut self) {
        if !self.watches_backlog() {
            return;
        }
        let seconds = self.clock.used(self.now).as_secs() as usize;
        if seconds <= self.backlog.seconds() {
            return;
        }
        let overdue = self.clock.overdue(self.now);
        let waiting = (self.in_flight() + overdue).saturating_sub(self.not_due(self.now).len());
        while self.backlog.seconds() < seconds {
            self.backlog.add(waiting, self.attempts_ended + waiting);
        }
    }

    /// Time at which the queue is counted next; `None` if it is not watched.
    pub(super) fn counts_backlog_at(&self) -> Option<Nanos> {
        let next = Duration::from_secs(self.backlog.seconds() as u64 + 1);
        self.clock.time_of(next).filter(|_| self.watches_backlog())
    }

    /// Event that ends the run, if its queue only grows.
    pub(super) fn saturation_event(&self) -> Option<EventKind> {
        let not_started = || if self.clock.is_timed() { self.clock.missed() } else { self.starts_left() };
        let is_over = self.watches_backlog() && self.backlog.only_grows();
        is_over.then(|| EventKind::Saturated { not_started: not_started() })
    }

    /// Ends the run early: no more requests start. Requests in flight continue.
    pub(super) fn end_saturated(&mut self, at: Nanos, not_started: usize) {
        self.saturated_at = Some(at);
        for case in 0..self.cases.len() {
            // The attempts that are left end as in a run that only the time limits.
            self.edit(case, |c| {
                if c.remaining > 0 {
                    c.remaining = u32::MAX;
                }
            });
        }
        self.end_time(not_started);
    }

    /// Number of measured attempts still to start.
    fn starts_left(&self) -> usize {
        self.cases.iter().map(|case| case.remaining as usize).fold(0, usize::saturating_add)
    }
}
