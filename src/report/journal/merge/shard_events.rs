//! The events of one shard, in order, on the clock of the merged run.

use std::collections::HashSet;
use std::time::Duration;

use jiff::{Timestamp, ZonedDateTime};

use crate::domain::attempt::AttemptId;
use crate::domain::session::{EventKind, RunEvent, Session};
use crate::domain::shard::Shard;
use crate::domain::telemetry_event::TelemetryEvent;
use crate::domain::time::Nanos;
use crate::report::journal::Saved;
use crate::report::shards::ShardRun;

/// Position of an event in the merged run: its stage, and its time. All events of a stage come before those of the next.
pub type Position = (usize, Nanos);

/// State of a shard after an event.
#[derive(Clone, Copy, Debug, Default)]
#[expect(clippy::struct_excessive_bools, reason = "each is a fact of its own")]
pub struct ShardState {
    /// Whether the shard may start requests.
    pub is_running: bool,
    /// Whether the user holds the shard, or its program is not running.
    pub is_held: bool,
    /// Whether the time of the stage is over, or the shard has no such stage.
    pub is_out_of_time: bool,
    /// Whether the attempt that the last event started is part of the merged run.
    pub keeps_next: bool,
    /// Difference between the clocks of the merged run and of the shard.
    pub later_by: Duration,
}

/// Events of a shard that are not merged yet.
#[derive(Debug)]
pub struct ShardEvents {
    saved: Saved,
    shard: Shard,
    /// Attempts that are not part of the merged run.
    left_out: HashSet<AttemptId>,
    /// Times on the shard's clock, each with the difference from there on, ascending.
    later_by: Vec<(Nanos, Duration)>,
    next: usize,
    stage: usize,
    /// State after the events taken so far.
    pub state: ShardState,
}

impl ShardEvents {
    /// Prepares the events of a run. The clock of the merged run is zero at `epoch`.
    pub fn new(saved: Saved, epoch: &ZonedDateTime) -> Self {
        let epoch = epoch.timestamp();
        let difference = |start: Timestamp| Duration::try_from(start.duration_since(epoch)).unwrap_or_default();
        let resumed = saved.resumed.iter().map(|resumed| (resumed.at, difference(resumed.epoch.timestamp())));
        let later_by: Vec<_> =
            std::iter::once((Nanos::default(), difference(saved.run.epoch.timestamp()))).chain(resumed).collect();
        let state = ShardState {
            is_out_of_time: saved.session.began.is_none(),
            later_by: later_by.first().map_or(Duration::ZERO, |first| first.1),
            ..ShardState::default()
        };
        let left_out = left_out(&saved.session);
        let shard = saved.run.plan.shard.unwrap_or(Shard::WHOLE);
        Self { left_out, saved, shard, later_by, next: 0, stage: 0, state }
    }

    /// Whether the shard did all its work.
    fn is_complete(&self) -> bool {
        self.saved.is_over() && !self.saved.session.is_cut_short()
    }

    /// The shard as a part of the merged run, whose first request was sent at `began`.
    pub fn to_run(&self, began: Option<Nanos>) -> ShardRun {
        let own = self.began();
        ShardRun {
            rank: self.shard.index,
            of: self.shard.count,
            run_id: self.saved.run.id.clone(),
            hostname: self.saved.run.environment.hostname.clone(),
            started_after_ms: own.zip(began).map_or(0.0, |(own, first)| own.millis_since(first)),
            is_complete: self.is_complete(),
            lag: self.saved.lag,
        }
    }

    /// Time at which the shard began, on the clock of the merged run.
    pub fn began(&self) -> Option<Nanos> {
        self.saved.session.began.map(|at| self.moved(at))
    }

    /// Last time in the journal, on the clock of the merged run.
    pub fn last_at(&self) -> Nanos {
        self.moved(self.saved.last_at)
    }

    /// Tokens per second at a time of the merged run's clock.
    pub fn throughput_at(&self, at: Nanos) -> Option<f64> {
        let later_by = self.later_by.first().map_or(Duration::ZERO, |first| first.1);
        let own = Nanos(at.0.checked_sub(u64::try_from(later_by.as_nanos()).ok()?)?);
        self.saved.throughput.at(own, self.saved.throughput.hold(Duration::from_secs(1)))
    }

    /// Telemetry of the shard, on the clock of the merged run.
    pub fn telemetry(&self) -> Vec<TelemetryEvent> {
        self.saved.telemetry.iter().map(|event| event.clone().map_time(|at| self.moved(at))).collect()
    }

    /// Position of the next event; `None` after the last one.
    pub fn next_position(&self) -> Option<Position> {
        let event = self.saved.events.get(self.next)?;
        let stage = if let EventKind::StageBegan { stage } = event.what { stage } else { self.stage };
        Some((stage, self.moved(event.at)))
    }

    /// Takes the next event.
    pub fn next(&mut self) -> Option<RunEvent> {
        let event = *self.saved.events.get(self.next)?;
        self.next += 1;
        self.state.later_by = self.difference(event.at);
        self.state.keeps_next = false;
        let mut what = event.what;
        match &mut what {
            EventKind::Began | EventKind::HoldEnded | EventKind::Resumed => self.set_running(true, false),
            EventKind::Held | EventKind::Stopped => self.set_running(false, true),
            EventKind::Finished | EventKind::Closing => {
                self.set_running(false, false);
                self.state.is_out_of_time = true;
            }
            EventKind::StageBegan { stage } => {
                self.stage = *stage;
                self.state.is_out_of_time = false;
            }
            EventKind::TimeUp { .. } | EventKind::Saturated { .. } => self.state.is_out_of_time = true,
            EventKind::Started { case, number, due, .. } => {
                self.state.keeps_next = !self.left_out.contains(&AttemptId { case: *case, number: *number });
                *due = due.map(|due| self.moved(due));
            }
            _ => {}
        }
        Some(RunEvent { at: self.moved(event.at), what })
    }

    const fn set_running(&mut self, is_running: bool, is_held: bool) {
        self.state.is_running = is_running;
        self.state.is_held = is_held;
    }

    fn difference(&self, at: Nanos) -> Duration {
        let place = self.later_by.partition_point(|(from, _)| *from <= at);
        self.later_by.get(place.saturating_sub(1)).map_or(Duration::ZERO, |(_, by)| *by)
    }

    fn moved(&self, at: Nanos) -> Nanos {
        at.plus(self.difference(at))
    }
}

/// Attempts that do not count: discarded ones, and those that a rerun with a complete answer replaced.
fn left_out(session: &Session) -> HashSet<AttemptId> {
    let mut left_out = HashSet::new();
    for (case, state) in session.cases.iter().enumerate() {
        let stages = state.attempts.chunk_by(|a, b| a.stage == b.stage);
        for attempts in stages {
            let complete = attempts.iter().rev().find(|attempt| attempt.is_good());
            let first_round = complete.or(attempts.last()).map_or(0, |attempt| attempt.round);
            let replaced = attempts.iter().filter(|a| a.abandoned || (!a.warmup && a.round < first_round));
            left_out.extend(replaced.map(|attempt| AttemptId { case, number: attempt.number }));
        }
    }
    left_out
}
