//! A session as it was at some time before.

use super::{CasePhase, CaseState, Mode, Session};
use crate::domain::attempt::KeptRecord;
use crate::domain::time::Nanos;

impl Session {
    /// This session, of which nothing is in flight, as it was at `at`: attempts that had begun, records that had ended. What
    /// the user held, paused or cancelled in between is not kept.
    #[must_use]
    pub fn as_at(&self, at: Nanos) -> Self {
        let records = || self.attempts().filter_map(|a| a.record.as_ref());
        let is_whole =
            records().all(|r| r.began() <= at && r.ended() <= at) && self.began.is_none_or(|began| began <= at);
        if is_whole {
            return self.clone();
        }
        let mut session = self.clone();
        session.cases.iter_mut().for_each(|state| state.go_back(at));
        session.stage = session.cases.iter().filter_map(|c| c.attempts.last()).map(|a| a.stage).max().unwrap_or(0);
        session.plan.concurrency = session.sweep.get(session.stage).copied().unwrap_or(session.plan.concurrency);
        for state in &mut session.cases {
            state.stage = session.stage;
        }
        session.began = self.began.filter(|began| *began <= at);
        session.mode = if session.began.is_some() { Mode::Running } else { Mode::Waiting };
        session.last_ended = records().map(KeptRecord::ended).filter(|ended| *ended <= at).max();
        session.still.retain(|(_, to)| *to <= at);
        session.away.retain(|(_, to)| *to <= at);
        session.not_started = 0;
        session.now = at;
        session
    }
}

impl CaseState {
    fn go_back(&mut self, at: Nanos) {
        let begun = |a: &super::AttemptState| a.record.as_ref().is_none_or(|r| r.began() <= at);
        let count = self.attempts.iter().rposition(begun).map_or(0, |last| last + 1);
        let later = (self.attempts.len() - count) as u32;
        self.attempts.truncate(count);
        self.open.clear();
        for attempt in &mut self.attempts {
            if attempt.record.as_ref().is_some_and(|r| r.ended() > at) {
                attempt.record = None;
                self.open.push(attempt.number);
            }
        }
        if let Some(last) = self.attempts.last() {
            self.round = last.round;
        }
        let round = self.round;
        self.failed_in_round = self.attempts.iter().any(|a| a.round == round && a.is_failed());
        if !self.open.is_empty() {
            self.phase = CasePhase::Running;
            self.remaining = self.remaining.saturating_add(later);
        } else if later > 0 {
            self.phase = CasePhase::Queued;
            self.remaining = self.remaining.saturating_add(later);
        }
        for whole in &mut self.whole {
            whole.retain(|number| *number as usize <= count);
        }
    }
}
