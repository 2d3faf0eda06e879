//! What of a session is kept outside the program, and the session made again from that.

mod heard;

use std::sync::Arc;
use std::time::Duration;

use serde::{Deserialize, Serialize};

use self::heard::Heard;
use super::{AttemptState, CasePhase, History, Idle, Mode, Pace, Plan, Session};
use crate::domain::attempt::{AttemptId, AttemptRecord, AttemptStatus, KeptRecord};
use crate::domain::suite::Suite;
use crate::domain::time::Nanos;

/// What stands in the notes of an attempt of which nothing was kept.
const LOST: &str = "in flight when tokscope ended: nothing of it was kept";
/// Numbers without an attempt, over all cases: more were never in flight at once.
const MOST_LOST: usize = 100_000;

/// What the session knows of an attempt beside its record.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, Serialize, Deserialize)]
#[serde(default)]
#[expect(missing_docs, reason = "the names are those of `AttemptState`")]
pub struct AttemptFacts {
    pub case: usize,
    pub number: u32,
    pub warmup: bool,
    pub round: u32,
    pub stage: usize,
    pub abandoned: bool,
    pub due: Option<Nanos>,
}

impl AttemptFacts {
    fn of(case: usize, a: &AttemptState) -> Self {
        let AttemptState { number, warmup, round, stage, abandoned, due, .. } = *a;
        Self { case, number, warmup, round, stage, abandoned, due }
    }

    fn state(self, record: Option<KeptRecord>) -> AttemptState {
        let Self { number, warmup, round, stage, abandoned, due, .. } = self;
        AttemptState { number, warmup, round, stage, abandoned, due, record }
    }
}

/// Where a session stands, without its attempts.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
pub struct Standing {
    /// The run as a whole.
    pub mode: Mode,
    /// When the first request went out.
    pub began: Option<Nanos>,
    /// The stage that runs or ran last.
    #[serde(default)]
    pub stage: usize,
    /// Requests intended within the run's time that got no slot in it.
    #[serde(default)]
    pub not_started: usize,
    /// Warm-ups that were started.
    #[serde(default)]
    pub warmups_started: u32,
    /// When the schedule stood still.
    #[serde(default)]
    pub still: Vec<(Nanos, Nanos)>,
    /// When the program was gone.
    #[serde(default)]
    pub away: Vec<(Nanos, Nanos)>,
    /// When nothing ran and nothing was to; `None`: that was not kept yet.
    #[serde(default)]
    pub idle: Option<Idle>,
    /// The plan's duration is not over.
    #[serde(default)]
    pub timed: bool,
    /// So much of it is.
    #[serde(default)]
    pub spent: Duration,
    /// In the suite's order.
    pub cases: Vec<CaseStanding>,
}

/// Where a case stands.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
pub struct CaseStanding {
    /// Its state.
    pub phase: CasePhase,
    /// Measured attempts still to be started.
    pub remaining: u32,
    /// Its batch of attempts.
    #[serde(default)]
    pub round: u32,
    /// Its stage.
    #[serde(default)]
    pub stage: usize,
    /// Attempts that were started.
    #[serde(default)]
    pub attempts: u32,
    /// Those in flight that are warm-ups or given up; the others are measured ones of this round and stage.
    #[serde(default)]
    pub odd: Vec<AttemptFacts>,
}

/// Why a part of what was kept fits no session.
#[derive(Clone, Copy, Debug, PartialEq, Eq, thiserror::Error)]
pub enum Misfit {
    /// The suite has no such case.
    #[error("the suite has no such case")]
    Case,
    /// The sweep has no such stage.
    #[error("the sweep has no such stage")]
    Stage,
    /// No attempt can have this number.
    #[error("no attempt can have this number")]
    Number,
    /// The attempt is there already.
    #[error("the attempt is there already")]
    Twice,
    /// The record is that of another attempt.
    #[error("the record is that of another attempt")]
    Record,
}

impl Session {
    /// What this session knows of an attempt beside its record.
    pub fn facts(&self, id: AttemptId) -> Option<AttemptFacts> {
        let at = (id.number as usize).checked_sub(1)?;
        Some(AttemptFacts::of(id.case, self.cases.get(id.case)?.attempts.get(at)?))
    }

    /// Where this session stands.
    pub fn standing(&self) -> Standing {
        let case = |(i, c): (usize, &super::CaseState)| CaseStanding {
            phase: c.phase,
            remaining: c.remaining,
            round: c.place().0,
            stage: c.place().1,
            attempts: c.attempts.len() as u32,
            odd: c.in_flight().filter(|a| a.warmup || a.abandoned).map(|a| AttemptFacts::of(i, a)).collect(),
        };
        Standing {
            mode: self.mode,
            began: self.began,
            stage: self.stage,
            not_started: self.not_started,
            warmups_started: self.warmups_started,
            still: self.still.clone(),
            away: self.away.clone(),
            idle: Some(self.idle.clone()),
            timed: self.pace.is_timed(),
            spent: self.pace.spent(self.now),
            cases: self.cases.iter().enumerate().map(case).collect(),
        }
    }
}

/// Where a session stood when the program began to end.
#[derive(Clone, Debug)]
struct Closing {
    at: Nanos,
    standing: Standing,
    history: History,
}

/// A session that is being made again. Whatever it is given, it keeps the promises of a [`Session`].
#[derive(Clone, Debug)]
pub struct Restoring {
    session: Session,
    /// The last one, and the attempts that ended after it.
    standing: Option<Standing>,
    /// How it came to stand there.
    history: History,
    /// When the program began to end, and where the session stood.
    closing: Option<Closing>,
    /// What tells when the lost ones were in flight.
    heard: Heard,
    lost_left: usize,
}

impl Restoring {
    /// Nothing ran yet.
    pub fn new(suite: Arc<Suite>, plan: Plan, sweep: Vec<usize>) -> Self {
        let session = Session::new(suite, plan);
        let session = if sweep.is_empty() { session } else { session.with_sweep(sweep) };
        let (history, heard) = (History::default(), Heard::default());
        Self { session, standing: None, history, closing: None, heard, lost_left: MOST_LOST }
    }

    /// An attempt that ended; in the order in which they did.
    pub fn attempt(&mut self, facts: AttemptFacts, record: AttemptRecord) -> Result<(), Misfit> {
        let keep = self.session.whole_records_of_case();
        self.check_stage(facts.stage)?;
        let state = self.session.cases.get_mut(facts.case).ok_or(Misfit::Case)?;
        if record.id != (AttemptId { case: facts.case, number: facts.number }) {
            return Err(Misfit::Record);
        }
        let at = (facts.number as usize).checked_sub(1).ok_or(Misfit::Number)?;
        if state.attempts.get(at).is_some_and(|a| a.record.is_some()) {
            return Err(Misfit::Twice);
        }
        let missing = at.saturating_sub(state.attempts.len());
        self.lost_left = self.lost_left.checked_sub(missing).ok_or(Misfit::Number)?;
        while state.attempts.len() <= at {
            let number = state.attempts.len() as u32 + 1;
            state.attempts.push(unknown(AttemptFacts { number, warmup: false, abandoned: false, due: None, ..facts }));
        }
        let ended = record.ended;
        state.put(facts.state(Some(record.into())), keep);
        self.session.last_ended = Some(ended);
        self.session.now = self.session.now.max(ended);
        self.heard.at(ended);
        Ok(())
    }

    /// Where the session stood at this point of what was kept, which was at `at`.
    pub fn standing(&mut self, at: Nanos, standing: Standing) -> Result<(), Misfit> {
        self.check(&standing)?;
        self.history.note_kept(at, &standing);
        self.heard.standing(at, &standing);
        self.standing = Some(standing);
        Ok(())
    }

    /// Where it stood when the program began to end, at `at`: what is given up from then on is not the user's choice of cases.
    pub fn closing(&mut self, at: Nanos, standing: Standing) -> Result<(), Misfit> {
        self.check(&standing)?;
        self.history.note_kept(at, &standing);
        self.heard.standing(at, &standing);
        self.closing = Some(Closing { at, standing, history: self.history.clone() });
        Ok(())
    }

    /// The run goes on from here, with what [`Self::go_on`] made of it.
    pub fn resumed(&mut self) {
        let closing = self.closing.take();
        if let Some(closing) = &closing {
            // What the end of the program gave up was nobody's wish.
            self.history.clone_from(&closing.history);
        }
        let stood = closing.map(|c| c.standing).or_else(|| self.standing.clone());
        self.fill_lost(stood.as_ref());
    }

    fn check(&self, standing: &Standing) -> Result<(), Misfit> {
        self.check_stage(standing.stage)?;
        standing.cases.iter().try_for_each(|c| self.check_stage(c.stage))?;
        if standing.cases.len() != self.session.cases.len() {
            return Err(Misfit::Case);
        }
        Ok(())
    }

    fn check_stage(&self, stage: usize) -> Result<(), Misfit> {
        if stage < self.session.sweep.len().max(1) { Ok(()) } else { Err(Misfit::Stage) }
    }

    /// The session, with nothing in flight. What was is owed again, but for what the user gave up; where something is left
    /// to do, the run is held. A session that did not even begin waits.
    pub fn finish(self) -> Session {
        self.settle(None)
    }

    /// The session as it goes on: waiting for its endpoint, with what was cut off owed again, or finished. Paused cases wait for
    /// their turn. `stopped` is when it was last heard of.
    pub fn go_on(mut self, stopped: Nanos) -> Session {
        let closing = self.closing.take();
        let cut_at = closing.as_ref().map(|c| c.at);
        if let Some(Closing { standing, history, .. }) = closing {
            (self.standing, self.history) = (Some(standing), history);
        }
        let mut session = self.settle(cut_at);
        for state in session.cases.iter_mut().filter(|c| c.phase == CasePhase::Paused) {
            state.phase = CasePhase::Queued;
            state.remaining = state.remaining.max(1);
        }
        if session.mode == Mode::Held {
            session.mode = Mode::Waiting;
            session.stopped = Some(stopped);
        }
        session
    }

    fn settle(mut self, cut_at: Option<Nanos>) -> Session {
        let Some(standing) = self.standing.take() else {
            self.fill_lost(None);
            return self.session;
        };
        self.fill_lost(Some(&standing));
        let mut session = self.session;
        session.began = standing.began;
        session.stage = standing.stage;
        session.plan.concurrency = session.sweep.get(session.stage).copied().unwrap_or(session.plan.concurrency);
        session.not_started = standing.not_started;
        session.warmups_started = standing.warmups_started;
        session.still = standing.still;
        session.away = standing.away;
        session.history = self.history;
        session.idle = standing.idle.unwrap_or_else(|| Idle::found(&session));
        session.pace = Pace::new(&session.plan);
        session.pace.spend(standing.spent);
        if !standing.timed {
            session.pace.end();
        }
        session.mode = match standing.mode {
            Mode::Running => Mode::Held,
            mode => mode,
        };
        for (state, stood) in session.cases.iter_mut().zip(standing.cases) {
            let (phase, remaining) = (stood.phase, owed(&stood, &state.attempts, cut_at));
            state.stand(phase, remaining, (stood.round, stood.stage));
            if matches!(phase, CasePhase::Running | CasePhase::Queued) {
                state.settle(false);
            }
        }
        let busy = session.cases.iter().any(|c| matches!(c.phase, CasePhase::Queued | CasePhase::Paused));
        if session.mode == Mode::Held && !busy && session.stage + 1 >= session.sweep.len() {
            session.mode = Mode::Finished;
        }
        session
    }

    /// Puts a record in the place of each attempt that left none: it ended when it was last heard of.
    fn fill_lost(&mut self, standing: Option<&Standing>) {
        let at = self.session.last_ended.or(standing.and_then(|s| s.began)).unwrap_or_default();
        for (case, state) in self.session.cases.iter_mut().enumerate() {
            if let Some(stood) = standing.and_then(|s| s.cases.get(case)) {
                let missing = (stood.attempts as usize).saturating_sub(state.attempts.len());
                let all = stood.attempts - missing.saturating_sub(self.lost_left) as u32;
                self.lost_left -= missing.min(self.lost_left);
                let ordinary = |number| {
                    let (round, stage) = (stood.round, stood.stage);
                    unknown(AttemptFacts { case, number, round, stage, ..AttemptFacts::default() })
                };
                let known = state.attempts.len() as u32;
                state.attempts.extend((known + 1..=all).map(ordinary));
                for a in state.attempts.iter_mut().filter(|a| a.record.is_none() && a.number <= stood.attempts) {
                    let odd = stood.odd.iter().find(|facts| facts.number == a.number);
                    *a = odd.map_or_else(|| ordinary(a.number), |facts| unknown(*facts));
                }
            }
            for a in state.attempts.iter_mut().filter(|a| a.record.is_none()) {
                let id = AttemptId { case, number: a.number };
                let (from, to) = self.heard.of(case, a.number).unwrap_or((at, at));
                let mut lost = AttemptRecord::started(id, a.warmup, String::new(), String::new(), from);
                (lost.status, lost.ended) = (AttemptStatus::Cancelled, to);
                self.session.last_ended = self.session.last_ended.max(Some(to));
                lost.warnings.push(LOST.to_owned());
                a.record = Some(lost.into());
            }
        }
    }
}

fn unknown(facts: AttemptFacts) -> AttemptState {
    facts.state(None)
}

/// Whether nothing of the attempt was kept.
pub(super) fn is_lost(attempt: &AttemptState) -> bool {
    attempt.status() == Some(AttemptStatus::Cancelled)
        && attempt.record().is_some_and(|r| r.warnings.iter().any(|w| w == LOST))
}

/// Measured attempts that a case owes: those it owed when it stood there, less what was started since, and what was lost.
fn owed(stood: &CaseStanding, attempts: &[AttemptState], cut_at: Option<Nanos>) -> u32 {
    if stood.remaining == u32::MAX || !matches!(stood.phase, CasePhase::Queued | CasePhase::Running | CasePhase::Paused)
    {
        return stood.remaining;
    }
    // What was cut off by the end of the program is no less lost, and is not what the user gave up.
    let is_cut = |a: &AttemptState| {
        let ended = a.record.as_ref().filter(|r| r.status() == AttemptStatus::Cancelled).map(KeptRecord::ended);
        cut_at.is_some_and(|at| ended.is_some_and(|ended| ended >= at))
            && a.number <= stood.attempts
            && !stood.odd.iter().any(|odd| odd.number == a.number)
    };
    let of_round = |a: &&AttemptState| !a.warmup && (!a.abandoned || is_cut(a)) && a.round == stood.round;
    let started = attempts.iter().filter(of_round).filter(|a| a.number > stood.attempts).count();
    let lost = attempts.iter().filter(of_round).filter(|a| is_lost(a) || is_cut(a)).count();
    (stood.remaining.saturating_sub(started as u32)).saturating_add(lost as u32)
}

#[cfg(test)]
mod tests;
