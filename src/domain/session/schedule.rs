//! Schedule of a trace or of a changing load, and the effect of interruptions on the schedule.

use super::{CaseState, Session};
use crate::domain::load_stages::LoadStages;
use crate::domain::time::Nanos;

impl Session {
    /// Pauses a case. Rows of a trace that were in flight are due again as soon as the case is resumed; the other rows
    /// keep their times.
    pub(super) fn pause_case(&mut self, case: usize, at: Nanos) {
        let not_due: Vec<Nanos> = self.not_due(at).into_iter().filter(|(_, id)| id.case == case).map(|d| d.0).collect();
        let remaining = |session: &Self| session.cases.get(case).map_or(0, |c| c.remaining);
        let before = remaining(self);
        self.edit(case, CaseState::pause);
        if self.clock.is_traced() {
            let returned = (remaining(self) - before) as usize;
            let at_once = std::iter::repeat_n(at, returned.saturating_sub(not_due.len()));
            self.clock.withdraw(at_once.chain(not_due));
        }
    }

    /// Sets the starts of a new clock: those of a trace, from the first row that is left, or those of load stages.
    pub(super) fn set_schedule(&mut self) {
        let curve = self.suite.load_stages.as_ref().and_then(LoadStages::rates);
        if let Some((open_loop, curve)) = self.plan.open_loop.zip(curve) {
            self.clock.follow_curve(&self.plan, open_loop, curve);
        }
        let times = self.rows.as_ref().and_then(|rows| rows.times());
        if let Some(times) = times.cloned() {
            let (taken, returned) = self.rows_taken_and_returned();
            self.clock.follow(times, taken, returned);
        }
    }

    /// Number of rows that the cases have taken in order, and number of discarded rows, which are sent again before any
    /// other.
    pub(super) fn rows_taken_and_returned(&self) -> (u64, usize) {
        let counts = self.cases.iter().map(CaseState::rows_taken_and_returned);
        counts.fold((0, 0), |sum, counts| (sum.0 + counts.0, sum.1 + counts.1))
    }
}
