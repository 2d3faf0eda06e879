//! Decisions of a session: turns inputs from the user and the engine into events, and into commands for the engine.

use std::sync::Arc;

use super::{CasePhase, CaseState, EventKind, HORIZON, Mode, RowPlan, RunEvent, Session, SessionCommand, SessionInput};
use crate::domain::attempt::{AttemptId, AttemptRecord};
use crate::domain::time::Nanos;
use crate::domain::turn::Turn;

impl Session {
    /// [`Self::handle`] for an input that arrived at `now`.
    pub fn handle_at(&mut self, now: Nanos, event: SessionInput) -> Vec<SessionCommand> {
        self.now = self.now.max(now);
        self.handle(event)
    }

    /// Handles an input and returns the commands for the engine. The events are in [`Self::take_events`]. Facts about
    /// unknown or ended attempts are ignored.
    pub fn handle(&mut self, event: SessionInput) -> Vec<SessionCommand> {
        let mut out = Vec::new();
        match event {
            SessionInput::Tick(now) => self.now = self.now.max(now),
            SessionInput::Begin(at) => {
                self.now = self.now.max(at);
                if self.mode == Mode::Waiting {
                    self.commit_now(
                        if self.stopped.is_some() { EventKind::Resumed } else { EventKind::Began },
                        &mut out,
                    );
                }
            }
            SessionInput::ToggleHold => match self.mode {
                Mode::Running => drop(self.commit_now(EventKind::Held, &mut out)),
                Mode::Held => drop(self.commit_now(EventKind::HoldEnded, &mut out)),
                Mode::Waiting | Mode::Finished => {}
            },
            SessionInput::TogglePause(case) => match self.phase(case) {
                Some(CasePhase::Paused) => drop(self.commit_now(EventKind::CaseResumed { case }, &mut out)),
                Some(CasePhase::Queued | CasePhase::Running) => {
                    self.commit_now(EventKind::CasePaused { case }, &mut out);
                }
                _ => {}
            },
            SessionInput::Rerun(case) => self.rerun(case, &mut out),
            SessionInput::RerunFailed => {
                let is_failed = |case: &usize| self.phase(*case) == Some(CasePhase::Failed);
                let failed: Vec<usize> = (0..self.cases.len()).filter(is_failed).collect();
                for case in failed {
                    self.rerun(case, &mut out);
                }
            }
            SessionInput::Cancel(case) => {
                if matches!(self.phase(case), Some(CasePhase::Queued | CasePhase::Running | CasePhase::Paused)) {
                    self.commit_now(EventKind::CaseCancelled { case }, &mut out);
                }
            }
            SessionInput::Ended(id, record) => self.end_attempt(id, record, &mut out),
            SessionInput::Abort => {
                if self.mode != Mode::Finished || self.index.unsettled() > 0 {
                    self.commit_now(EventKind::Closing, &mut out);
                }
            }
        }
        self.count_backlog();
        while let Some(what) = self.next_search_step().or_else(|| self.next_step()) {
            if !self.commit_now(what, &mut out) {
                break;
            }
        }
        out
    }

    /// Returns the events since the last call, oldest first.
    pub fn take_events(&mut self) -> Vec<RunEvent> {
        std::mem::take(&mut self.events)
    }

    fn phase(&self, case: usize) -> Option<CasePhase> {
        self.cases.get(case).map(|c| c.phase)
    }

    fn rerun(&mut self, case: usize, out: &mut Vec<SessionCommand>) {
        if self.phase(case).is_some_and(|p| !matches!(p, CasePhase::Queued | CasePhase::Running)) {
            self.commit_now(EventKind::CaseRerun { case }, out);
        }
    }

    fn end_attempt(&mut self, id: AttemptId, record: Arc<AttemptRecord>, out: &mut Vec<SessionCommand>) {
        if self.is_open(id) {
            self.now = self.now.max(record.ended);
            let event = RunEvent { at: self.now, what: EventKind::Ended(id) };
            self.commit(event, Some(record), out);
        }
    }

    fn commit_now(&mut self, what: EventKind, out: &mut Vec<SessionCommand>) -> bool {
        self.commit(RunEvent { at: self.now, what }, None, out)
    }

    /// Applies an event and stores it. Returns false and changes nothing if the event cannot happen.
    fn commit(&mut self, event: RunEvent, record: Option<Arc<AttemptRecord>>, out: &mut Vec<SessionCommand>) -> bool {
        let commands = self.commands(&event);
        let applied = self.apply(&event, record.map(Into::into));
        debug_assert_eq!(applied, Ok(()), "decided on {event:?}, which cannot happen");
        if applied.is_ok() {
            out.extend(commands);
            self.events.push(event);
        }
        applied.is_ok()
    }

    /// Commands for the engine that an event requires. Must be called before the event is applied.
    fn commands(&self, event: &RunEvent) -> Vec<SessionCommand> {
        let abort = |ids: Vec<AttemptId>| ids.into_iter().map(SessionCommand::Abort).collect();
        match event.what {
            EventKind::Started { case, number, warmup, due, row, turn } => {
                vec![SessionCommand::Start { id: AttemptId { case, number }, warmup, due, row, turn }]
            }
            EventKind::Held => {
                let mut withdrawn = self.not_due(event.at);
                withdrawn.sort_unstable();
                abort(withdrawn.into_iter().map(|(_, id)| id).collect())
            }
            EventKind::CasePaused { case } | EventKind::CaseCancelled { case } => {
                let numbers = self.cases.get(case).map(|c| c.counting().collect::<Vec<_>>()).unwrap_or_default();
                abort(numbers.into_iter().map(|number| AttemptId { case, number }).collect())
            }
            EventKind::ProbeJudged { verdict, .. } => abort(self.discarded_by(verdict)),
            EventKind::Closing => {
                let counts = |id: &&AttemptId| {
                    self.cases.get(id.case).is_some_and(|c| !c.is_settled() && c.counting().any(|n| n == id.number))
                };
                abort(self.index.open().keys().filter(counts).copied().collect())
            }
            _ => Vec::new(),
        }
    }

    /// Attempts that are scheduled but not due at `at`, with their intended starts.
    pub(super) fn not_due(&self, at: Nanos) -> Vec<(Nanos, AttemptId)> {
        let due = |id: &AttemptId| {
            let attempt = self.attempt(*id).filter(|a| !a.abandoned)?;
            Some((attempt.due.filter(|due| *due > at)?, *id))
        };
        self.index.open().keys().filter_map(due).collect()
    }

    /// The next event that happens without an input, if one is due.
    fn next_step(&self) -> Option<EventKind> {
        if self.mode != Mode::Running {
            return None;
        }
        if let Some(began) = self.next_load_stage() {
            return Some(began);
        }
        if let Some(over) = self.saturation_event().or_else(|| self.time_up_between_turns()) {
            return Some(over);
        }
        let start = self.next_turn().or_else(|| if self.is_full() { None } else { self.next_start() });
        if start.is_some() || self.index.unsettled() > 0 || self.in_flight() > 0 {
            return start;
        }
        if self.is_search_left() {
            return None;
        }
        let next = self.stage + 1;
        let is_left = self.index.count(CasePhase::Cancelled) < self.cases.len();
        Some(if next < self.sweep.len() && is_left {
            EventKind::StageBegan { stage: next }
        } else {
            EventKind::Finished
        })
    }

    /// The next start, or the end of the duration if that is earlier.
    fn next_start(&self) -> Option<EventKind> {
        if let Some(case) = self.next_warmup() {
            let number = self.next_number(case)?;
            let row = self.rows.as_ref().and_then(|rows| rows.row(case, (number - 1).into()));
            return Some(EventKind::Started { case, number, warmup: true, due: None, row, turn: None });
        }
        // Measured attempts wait until the warm-ups at the beginning have ended.
        if self.index.is_warming() {
            return None;
        }
        let by_row = self.rows.as_ref().and_then(|rows| self.case_of_next_row(rows));
        let case = self.index.next_ready(by_row.unwrap_or(if self.plan.takes_turns() { self.turn } else { 0 }))?;
        // If all slots were taken until now, a late start is due to the lack of a slot, not to tokscope.
        let capped = self.last_full_at == Some(self.now);
        if self.clock.is_over(self.now, capped) {
            return Some(EventKind::TimeUp { not_started: self.clock.missed() });
        }
        let due = self.clock.next_at(self.now);
        if due.is_some_and(|at| at > self.now.plus(HORIZON)) {
            return None;
        }
        let number = self.next_number(case)?;
        let row = self.next_row(case, number);
        let turns = self.turns(case, number, row);
        let turn = (turns > 1).then_some(Turn::first(number, turns));
        Some(EventKind::Started { case, number, warmup: false, due, row, turn })
    }

    /// The end of the duration while all conversations wait for their next turns. No slot becomes free then that would
    /// reveal the end.
    fn time_up_between_turns(&self) -> Option<EventKind> {
        let is_over = self.clock.ends_at().is_some_and(|end| end <= self.now) && !self.next_turns.is_empty();
        is_over.then(|| EventKind::TimeUp { not_started: self.clock.missed() })
    }

    /// The next turn of a conversation, if its time has come.
    fn next_turn(&self) -> Option<EventKind> {
        let (_, case, conversation) = *self.next_turns.first().filter(|(ready_at, ..)| *ready_at <= self.now)?;
        let next = self.cases.get(case)?.next_turns().iter().find(|next| next.turn.conversation == conversation)?;
        let (number, turn) = (self.next_number(case)?, Some(next.turn));
        Some(EventKind::Started { case, number, warmup: false, due: None, row: next.row, turn })
    }

    /// Case of the next row. In a trace, discarded rows come before all others, in their order.
    fn case_of_next_row(&self, rows: &RowPlan) -> Option<usize> {
        if rows.times().is_none() {
            return rows.case_at(self.rows_taken);
        }
        let (taken, returned) = self.rows_taken_and_returned();
        let first_returned = |(case, state): (usize, &CaseState)| Some((state.next_row().ok()?, case));
        let earliest = if returned > 0 { self.cases.iter().enumerate().filter_map(first_returned).min() } else { None };
        earliest.map(|(_, case)| case).or_else(|| rows.case_at(taken))
    }

    /// Row that the next measured attempt of a case, with this number, sends.
    fn next_row(&self, case: usize, number: u32) -> Option<u32> {
        let rows = self.rows.as_ref()?;
        if rows.is_endless() {
            return rows.row(case, u64::from(number) - 1);
        }
        self.cases.get(case)?.next_row().map_or_else(|taken| rows.row(case, taken), Some)
    }

    /// Number of the next attempt of a case.
    fn next_number(&self, case: usize) -> Option<u32> {
        u32::try_from(self.cases.get(case)?.attempts.len()).ok()?.checked_add(1)
    }

    /// The case of the next warm-up; skips paused and cancelled cases.
    fn next_warmup(&self) -> Option<usize> {
        let count = self.cases.len();
        let left = self.plan.warmup.saturating_sub(self.warmups_started) as usize;
        let turns = (0..left.min(count)).map(|i| (self.warmups_started as usize + i) % count);
        let takes_one = |case: &usize| !matches!(self.phase(*case), Some(CasePhase::Paused | CasePhase::Cancelled));
        turns.into_iter().find(takes_one)
    }
}
