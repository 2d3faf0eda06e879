//! Merges the journals of shards into the journal of one run.
//!
//! The requests of all shards become those of one session: in the order in which they started, with new numbers, and
//! with their times on one clock. Their records are otherwise unchanged, so all figures of the merged run are computed
//! from the raw records. Attempts that a shard discarded, and those that a rerun replaced, remain only in the journal
//! of the shard.

mod shard_events;

use std::collections::HashMap;
use std::io::{self, BufRead, Write};
use std::sync::Arc;

use self::shard_events::{ShardEvents, ShardState};
use super::line::{self, Attempt};
use super::lines::{self, LineRead};
use super::{RunHeader, Saved};
use crate::domain::attempt::{AttemptId, AttemptRecord, AttemptStatus};
use crate::domain::live::{EngineLag, THROUGHPUT_POINTS};
use crate::domain::session::{EventKind, Mode, RunEvent, Session};
use crate::domain::shard::Shard;
use crate::domain::suite::Suite;
use crate::domain::text::sanitise_line;
use crate::domain::time::Nanos;
use crate::domain::turn::Turn;
use crate::report::shards::{WholeRun, are_complete};

/// Reason why runs cannot be merged.
#[derive(Clone, Debug, PartialEq, Eq, thiserror::Error)]
pub enum MergeError {
    /// There are no runs.
    #[error("there is nothing to merge")]
    Nothing,
    /// A run is not a shard.
    #[error("{0} is not a shard: it was measured without --shard")]
    NotAShard(String),
    /// A run was merged already.
    #[error("{0} is a merged run; merge its shards instead")]
    Merged(String),
    /// Two runs are the same shard.
    #[error("{a} and {b} are both shard {shard}; leave one out")]
    Twice {
        /// First run.
        a: String,
        /// Second run.
        b: String,
        /// The shard.
        shard: Shard,
    },
    /// Two runs are not parts of the same whole.
    #[error("{a} and {b} are not shards of one run: they differ in their {property} ('{of_a}' and '{of_b}')")]
    Different {
        /// First run.
        a: String,
        /// Second run.
        b: String,
        /// Property that differs.
        property: &'static str,
        /// Property of the first run.
        of_a: String,
        /// Property of the second run.
        of_b: String,
    },
}

/// Shards of one run, ready to be merged.
#[derive(Debug)]
pub struct Merge {
    header: RunHeader,
    shards: Vec<ShardEvents>,
    lag: EngineLag,
    notes: Vec<String>,
    throughput: Vec<(Nanos, Option<f64>)>,
}

/// Counts of a merge.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub struct MergeCounts {
    /// Measured attempts with a record in the merged run.
    pub attempts: usize,
    /// Attempts that remain only in the shards' journals: discarded, or replaced by a rerun.
    pub left_out: usize,
}

impl Merge {
    /// Checks that the runs are shards of one run. `id` becomes the id of the merged run.
    ///
    /// # Errors
    ///
    /// If a run is no shard, or differs from the others in what it measured.
    pub fn new(id: String, mut saved: Vec<Saved>) -> Result<Self, MergeError> {
        let index = |saved: &Saved| saved.run.plan.shard.map_or(0, |shard| shard.index);
        saved.sort_by_key(index);
        let Some(first) = saved.first() else { return Err(MergeError::Nothing) };
        for run in &saved {
            check_same(&first.run, &run.run)?;
        }
        let is_same = |pair: &&[Saved]| matches!(pair, [a, b] if a.run.plan.shard == b.run.plan.shard);
        if let Some([a, b]) = saved.windows(2).find(is_same) {
            let shard = a.run.plan.shard.unwrap_or(Shard::WHOLE);
            return Err(MergeError::Twice { a: a.run.id.clone(), b: b.run.id.clone(), shard });
        }
        let epoch = saved.iter().map(|saved| &saved.run.epoch).min().unwrap_or(&first.run.epoch).clone();
        let lag = saved.iter().fold(EngineLag::default(), |worst, saved| worst.worse(saved.lag));
        let mut notes: Vec<String> = saved.iter().flat_map(|saved| saved.workload_notes.iter().cloned()).collect();
        notes.sort_unstable();
        notes.dedup();
        let whole = first.run.whole.as_deref().cloned();
        let header = RunHeader { id, epoch, ..whole_header(&saved, whole) };
        let shards: Vec<ShardEvents> = saved.into_iter().map(|saved| ShardEvents::new(saved, &header.epoch)).collect();
        let began = shards.iter().filter_map(ShardEvents::began).min();
        let runs = shards.iter().map(|shard| shard.to_run(began)).collect();
        let throughput = sum_throughput(&shards);
        Ok(Self { header: RunHeader { shards: runs, ..header }, shards, lag, notes, throughput })
    }

    /// Header of the merged run.
    pub const fn header(&self) -> &RunHeader {
        &self.header
    }

    /// Returns whether all shards are there and did all their work.
    pub fn is_complete(&self) -> bool {
        are_complete(&self.header.shards)
    }

    /// Number of the shard and id of each run, in the order in which [`Self::write`] reads their journals.
    pub fn runs(&self) -> impl Iterator<Item = (u64, &str)> {
        self.header.shards.iter().map(|shard| (shard.rank, shard.run_id.as_str()))
    }

    /// Writes the merged journal, without the line of its end. `journals` are those of [`Self::runs`], from their start;
    /// each is read once, so that the records of a long run take no memory.
    ///
    /// # Errors
    ///
    /// If a journal cannot be read, is not the one that was checked, or the output cannot be written.
    pub fn write<R: BufRead>(self, journals: Vec<R>, out: &mut impl Write) -> io::Result<MergeCounts> {
        let is_complete = self.is_complete();
        let Self { header, mut shards, lag, notes, throughput } = self;
        out.write_all(line::header(&header).as_bytes())?;
        for note in &notes {
            out.write_all(line::workload_note(note).as_bytes())?;
        }
        let session = Session::new(Arc::clone(&header.suite), header.plan).with_sweep(header.sweep.clone());
        let readers = journals.into_iter().map(RecordReader::new).collect();
        let mut writer = MergeWriter {
            session,
            out,
            readers,
            numbers: HashMap::new(),
            not_started: 0,
            is_saturated: false,
            is_stopped: false,
            interrupted: Vec::new(),
            counts: MergeCounts::default(),
            last_at: Nanos::default(),
        };
        while let Some(place) = next_shard(&shards) {
            let Some((event, states)) = take(&mut shards, place) else { break };
            writer.event(place, event, &states)?;
        }
        writer.end(is_complete)?;
        let (counts, last_at) = (writer.counts, writer.last_at);
        let telemetry = shards.first().map(ShardEvents::telemetry).unwrap_or_default();
        out.write_all(line::telemetry(&telemetry).as_bytes())?;
        out.write_all(line::throughput(&throughput).as_bytes())?;
        let last_at = shards.iter().map(ShardEvents::last_at).fold(last_at, Nanos::max);
        out.write_all(line::lag(last_at, lag).as_bytes())?;
        Ok(counts)
    }
}

/// Refuses two runs that are not shards of the same run.
fn check_same(a: &RunHeader, b: &RunHeader) -> Result<(), MergeError> {
    let not_a_shard = |run: &RunHeader| {
        let why = if run.shards.is_empty() { MergeError::NotAShard } else { MergeError::Merged };
        why(run.id.clone())
    };
    let part = |run: &RunHeader| run.plan.shard.zip(run.whole.as_ref().map(|whole| whole.digest.clone()));
    let (shard_a, digest_a) = part(a).ok_or_else(|| not_a_shard(a))?;
    let (shard_b, digest_b) = part(b).ok_or_else(|| not_a_shard(b))?;
    let properties = [
        ("number of shards", shard_a.count.to_string(), shard_b.count.to_string()),
        ("version of tokscope", a.tool.clone(), b.tool.clone()),
        ("URL", a.url.clone(), b.url.clone()),
        ("API", a.api.clone(), b.api.clone()),
        ("model", a.model.clone(), b.model.clone()),
        ("suite or load, by their checksums", digest_a, digest_b),
    ];
    match properties.into_iter().find(|(_, of_a, of_b)| of_a != of_b) {
        None => Ok(()),
        Some((property, of_a, of_b)) => Err(MergeError::Different {
            a: a.id.clone(),
            b: b.id.clone(),
            property,
            of_a: sanitise_line(&of_a),
            of_b: sanitise_line(&of_b),
        }),
    }
}

/// Header of the first shard, with the load of all shards.
fn whole_header(saved: &[Saved], whole: Option<WholeRun>) -> RunHeader {
    let Some(first) = saved.first() else { unreachable!("a merge has a run") };
    let mut run = first.run.clone();
    let mut suite = Suite::clone(&run.suite);
    if let Some(WholeRun { plan, sweep, load_stages, .. }) = whole {
        (run.plan, run.sweep, suite.load_stages) = (plan, sweep, load_stages);
    }
    if let Some(workload) = &mut suite.workload {
        let of_shards = saved.iter().filter_map(|saved| saved.run.suite.workload.as_ref()).map(|w| &w.planned);
        workload.planned = of_shards.fold(vec![0; workload.planned.len()], |sum, planned| {
            sum.iter().zip(planned).map(|(a, b)| u32::saturating_add(*a, *b)).collect()
        });
        // Every shard measures its own; only those of the first one are known to be probes.
        workload.probes = 0;
    }
    run.suite = Arc::new(suite);
    run.whole = None;
    run
}

/// Tokens per second of all shards together.
fn sum_throughput(shards: &[ShardEvents]) -> Vec<(Nanos, Option<f64>)> {
    let first = shards.iter().filter_map(ShardEvents::began).min().unwrap_or_default();
    let last = shards.iter().map(ShardEvents::last_at).max().unwrap_or_default();
    let span_ns = last.0.saturating_sub(first.0);
    let at = |point: usize| Nanos(first.0 + span_ns / THROUGHPUT_POINTS as u64 * point as u64);
    let sum = |at: Nanos| shards.iter().filter_map(|shard| shard.throughput_at(at)).reduce(|a, b| a + b);
    (0..=THROUGHPUT_POINTS).map(at).map(|at| (at, sum(at))).collect()
}

/// The shard whose next event comes first.
fn next_shard(shards: &[ShardEvents]) -> Option<usize> {
    let positions = shards.iter().enumerate().filter_map(|(place, shard)| Some((shard.next_position()?, place)));
    positions.min().map(|(_, place)| place)
}

/// Takes the next event of a shard, and the states of all shards after it.
fn take(shards: &mut [ShardEvents], place: usize) -> Option<(RunEvent, Vec<ShardState>)> {
    let event = shards.get_mut(place)?.next()?;
    Some((event, shards.iter().map(|shard| shard.state).collect()))
}

struct MergeWriter<'a, R, W> {
    /// The merged run so far.
    session: Session,
    out: &'a mut W,
    readers: Vec<RecordReader<R>>,
    /// Attempts of the merged run, by shard and attempt.
    numbers: HashMap<(usize, AttemptId), AttemptId>,
    /// Requests due in this stage that no shard sent.
    not_started: usize,
    is_saturated: bool,
    /// Whether all shards have stopped starting requests in this stage, because their time is over.
    is_stopped: bool,
    /// Records of requests that the end of their shard interrupted.
    interrupted: Vec<(RunEvent, AttemptRecord)>,
    counts: MergeCounts,
    last_at: Nanos,
}

impl<R: BufRead, W: Write> MergeWriter<'_, R, W> {
    fn event(&mut self, place: usize, event: RunEvent, states: &[ShardState]) -> io::Result<()> {
        let at = event.at;
        match event.what {
            EventKind::Began if self.session.began.is_none() => self.apply(at, EventKind::Began, None)?,
            EventKind::StageBegan { stage } if self.is_new_stage(stage) => {
                self.end_stage(at)?;
                self.apply(at, EventKind::StageBegan { stage }, None)?;
            }
            EventKind::Started { case, number, warmup, due, row, turn } => {
                let id = AttemptId { case, number };
                if !states.get(place).is_some_and(|state| state.keeps_next) {
                    return Ok(());
                }
                let number = self.next_number(case);
                let conversation = |turn: Turn| {
                    let first = AttemptId { case, number: turn.conversation };
                    let first = if turn.number == 1 { number } else { self.numbers.get(&(place, first))?.number };
                    Some(Turn { conversation: first, ..turn })
                };
                let turn = turn.and_then(conversation);
                self.numbers.insert((place, id), AttemptId { case, number });
                self.apply(at, EventKind::Started { case, number, warmup, due, row, turn }, None)?;
            }
            EventKind::Ended(id) => {
                let record = self.readers.get_mut(place).map(|reader| reader.record(id)).transpose()?;
                let Some((record, merged)) = record.zip(self.numbers.get(&(place, id)).copied()) else {
                    self.counts.left_out += 1;
                    return Ok(());
                };
                let Some(state) = states.get(place) else { return Ok(()) };
                let record = self.moved(record, merged, place, state);
                let ended = RunEvent { at, what: EventKind::Ended(merged) };
                if record.status == AttemptStatus::Cancelled {
                    self.interrupted.push((ended, record));
                } else {
                    self.apply(at, ended.what, Some(record))?;
                }
            }
            EventKind::TimeUp { not_started } | EventKind::Saturated { not_started } => {
                self.not_started = self.not_started.saturating_add(not_started);
                self.is_saturated |= matches!(event.what, EventKind::Saturated { .. });
                if states.iter().all(|state| state.is_out_of_time) {
                    self.stop(at)?;
                }
            }
            _ => {}
        }
        self.follow_holds(at, states)
    }

    /// Holds the merged run while no shard runs and some are held or away, so that the time does not count.
    fn follow_holds(&mut self, at: Nanos, states: &[ShardState]) -> io::Result<()> {
        let is_held = states.iter().all(|state| !state.is_running) && states.iter().any(|state| state.is_held);
        match self.session.mode {
            Mode::Running if is_held => self.apply(at, EventKind::Held, None),
            Mode::Held if !is_held => self.apply(at, EventKind::HoldEnded, None),
            _ => Ok(()),
        }
    }

    fn is_new_stage(&self, stage: usize) -> bool {
        let current =
            if self.session.suite.load_stages.is_some() { self.session.load_stage() } else { self.session.stage };
        stage == current + 1
    }

    fn next_number(&self, case: usize) -> u32 {
        self.session.cases.get(case).map_or(1, |case| case.attempts.len() as u32 + 1)
    }

    /// The record of an attempt as that of the merged run.
    fn moved(&self, mut record: AttemptRecord, id: AttemptId, place: usize, state: &ShardState) -> AttemptRecord {
        if let Some(turn) = &mut record.turn {
            let first = AttemptId { case: record.id.case, number: turn.conversation };
            turn.conversation = self.numbers.get(&(place, first)).map_or(turn.conversation, |first| first.number);
        }
        record.id = id;
        record.move_later(state.later_by);
        record
    }

    fn stop(&mut self, at: Nanos) -> io::Result<()> {
        if std::mem::replace(&mut self.is_stopped, true) {
            return Ok(());
        }
        let not_started = std::mem::take(&mut self.not_started);
        let saturated = std::mem::take(&mut self.is_saturated);
        let what = if saturated { EventKind::Saturated { not_started } } else { EventKind::TimeUp { not_started } };
        self.apply(at, what, None)
    }

    /// Ends a stage whose shards did not all run out of time at once.
    fn end_stage(&mut self, at: Nanos) -> io::Result<()> {
        if self.not_started > 0 || self.is_saturated {
            self.stop(at)?;
        }
        self.is_stopped = false;
        Ok(())
    }

    fn end(&mut self, is_complete: bool) -> io::Result<()> {
        let at = self.last_at;
        self.end_stage(at)?;
        if is_complete {
            for case in 0..self.session.cases.len() {
                // A user cancelled the case in some shard.
                if self.session.cases.get(case).is_some_and(|case| !case.is_settled()) {
                    self.apply(at, EventKind::CaseCancelled { case }, None)?;
                }
            }
        } else if self.session.began.is_some() {
            self.apply(at, EventKind::Closing, None)?;
        }
        for (event, record) in std::mem::take(&mut self.interrupted) {
            self.apply(event.at, event.what, Some(record))?;
        }
        if is_complete { self.apply(at, EventKind::Finished, None) } else { Ok(()) }
    }

    /// Applies an event to the merged run, and writes it.
    fn apply(&mut self, at: Nanos, what: EventKind, record: Option<AttemptRecord>) -> io::Result<()> {
        let at = at.max(self.last_at);
        let event = RunEvent { at, what };
        let text = line::event(&event, record.as_ref());
        self.counts.attempts += usize::from(record.as_ref().is_some_and(|record| !record.warmup));
        let stored = record.map(Into::into);
        self.session.apply(&event, stored).map_err(|why| {
            io::Error::new(io::ErrorKind::InvalidData, format!("the events of the shards do not fit together: {why}"))
        })?;
        // Later reads of the session need no events.
        drop(self.session.take_events());
        self.last_at = at;
        self.out.write_all(text.as_bytes())
    }
}

/// Reads the records of a journal again, in order.
struct RecordReader<R> {
    from: R,
    line: Vec<u8>,
}

impl<R: BufRead> RecordReader<R> {
    const fn new(from: R) -> Self {
        Self { from, line: Vec::new() }
    }

    /// Returns the record of an attempt, which is the next one that the journal's reader accepted.
    fn record(&mut self, id: AttemptId) -> io::Result<AttemptRecord> {
        loop {
            match lines::next(&mut self.from, &mut self.line, lines::LONGEST)? {
                LineRead::Line => {}
                LineRead::TooLong => continue,
                LineRead::Torn | LineRead::Nothing => {
                    let why = format!("attempt {} of case {} is no longer there", id.number, id.case + 1);
                    return Err(io::Error::new(io::ErrorKind::UnexpectedEof, why));
                }
            }
            // Other lines have no record.
            if memchr::memmem::find(&self.line, b"\"attempt\"").is_none() {
                continue;
            }
            let Ok(Attempt { record, tool_calls, .. }) = serde_json::from_slice(&self.line) else { continue };
            if record.id == id {
                return Ok(AttemptRecord { tool_calls, ..record });
            }
        }
    }
}

#[cfg(test)]
mod tests;
