//! Saves a run while it is in progress: every attempt is written to disk as soon as it ends.

use std::fs::File;
use std::path::PathBuf;
use std::sync::Arc;
use std::sync::mpsc::Sender;
use std::time::Duration;

use super::super::clock::Clock;
use super::super::wake::Wake;
use crate::app::message::Msg;
use crate::app::state::{Connection, Scene};
use crate::domain::attempt::{AttemptRecord, StoredRecord};
use crate::domain::live::EngineLag;
use crate::domain::session::{EventKind, Mode, RunEvent, Session};
use crate::domain::telemetry_event::{TelemetryEvent, known};
use crate::domain::text::sanitise_line;
use crate::domain::time::Nanos;
use crate::report::journal::{self, RunHeader, Saved};
use crate::report::model::Resumption;
use crate::report::run_figures::RunFigures;
use crate::store::journal::{Journal, PendingLines};
use crate::store::runs;

/// Interval between two writes of continuous data: telemetry, throughput and the engine's lag.
const INTERVAL: Duration = Duration::from_secs(1);
/// Maximum number of telemetry events to keep from before the run.
const MAX_BEFORE: usize = 1024;
/// Maximum time to wait for the disk at the end of the program.
const END_TIMEOUT: Duration = Duration::from_secs(2);
/// Approximate memory of one telemetry event or one point of the throughput, bytes.
const POINT_BYTES: usize = 256;
/// Reason why saving stops if the disk is too slow or full.
const DISK_FULL: &str = "the disk accepts no more data";

/// Saves a run, and holds the state of its journal.
#[derive(Debug)]
pub struct Saving {
    state: State,
    clock: Clock,
    /// Sender for the message that saving failed.
    sender: Sender<Wake>,
    /// Telemetry events that were not written yet; before the run, the latest events.
    telemetry: Vec<TelemetryEvent>,
    /// Number of workload notes that were written.
    notes_written: usize,
    /// Time of the last throughput point that was written.
    throughput_to: Option<Nanos>,
    /// Time when continuous data was last written.
    written_at: Nanos,
    /// Whether an attempt has ended since then.
    is_stale: bool,
}

#[derive(Debug)]
enum State {
    /// The run has not begun.
    Waiting,
    /// The journal of the run is open, but the run was not resumed yet.
    Resuming(Box<(File, PathBuf, Resumption)>),
    /// The run is being saved.
    Open(Journal),
    /// The user wants no journal, or the run was saved completely.
    Off,
    /// The run could not be saved completely, for this reason.
    Failed(String),
}

impl Saving {
    /// If `wanted`, saves the run from its start on.
    pub fn new(wanted: bool, clock: Clock, sender: Sender<Wake>) -> Self {
        let state = if wanted { State::Waiting } else { State::Off };
        Self {
            state,
            clock,
            sender,
            telemetry: Vec::new(),
            notes_written: 0,
            throughput_to: None,
            written_at: Nanos::default(),
            is_stale: false,
        }
    }

    /// Appends to this journal when the run is resumed.
    pub fn resume(&mut self, file: File, path: PathBuf, saved: &Saved, resumption: Resumption) {
        self.notes_written = saved.workload_notes.len();
        self.throughput_to = saved.throughput.iter().next_back().map(|p| p.0);
        self.state = State::Resuming(Box::new((file, path, resumption)));
    }

    /// Records telemetry, and failures of saving, from a message.
    pub fn note(&mut self, msg: &Msg) {
        match msg {
            Msg::NotSaved(_, why) => self.state = State::Failed(why.clone()),
            Msg::Gpu(event) => self.note_telemetry(TelemetryEvent::Gpu(event.clone())),
            Msg::Gauges(event) => self.note_telemetry(TelemetryEvent::Gauges(event.clone())),
            Msg::Host(event) => self.note_telemetry(TelemetryEvent::Host(event.clone())),
            _ => {}
        }
    }

    /// Records an event of the telemetry.
    pub fn note_telemetry(&mut self, event: TelemetryEvent) {
        match self.state {
            State::Open(_) => self.telemetry.push(event),
            // Skip constant facts: they are written when the run begins. Keep samples, which show the state before the
            // run.
            State::Waiting | State::Resuming(_) if event.at().is_some() => {
                if self.telemetry.len() >= MAX_BEFORE {
                    self.telemetry.drain(..MAX_BEFORE / 2);
                }
                self.telemetry.push(event);
            }
            State::Waiting | State::Resuming(_) | State::Off | State::Failed(_) => {}
        }
    }

    /// Writes the continuous data up to `at`. Returns false if the disk accepts no more data.
    fn write(&mut self, scene: &Scene, at: Nanos, lag: EngineLag, durable: bool) -> bool {
        let State::Open(journal) = &self.state else { return true };
        (self.written_at, self.is_stale) = (at, false);
        let telemetry = std::mem::take(&mut self.telemetry);
        let from = self.throughput_to.map_or(Nanos::default(), |at| Nanos(at.0 + 1));
        // At the end of the run no sample follows that could change the last point.
        let points = if durable { scene.throughput.since(from) } else { scene.throughput.settled_since(from) };
        self.throughput_to = points.last().map(|p| p.0).or(self.throughput_to);
        let bytes = (telemetry.len() + points.len() + 1) * POINT_BYTES;
        let make = move || {
            let mut lines = String::new();
            if !telemetry.is_empty() {
                lines += &journal::telemetry(&telemetry);
            }
            if !points.is_empty() {
                lines += &journal::throughput(&points);
            }
            lines + &journal::lag(at, lag)
        };
        journal.append(PendingLines { make: Box::new(make), bytes, durable })
    }

    /// Saves everything since the last call. `lag` returns the engine's lag, and `header` the first line of a new
    /// journal. `figures` are saved once all work is done, because the program may stay open long after that.
    pub fn save(
        &mut self,
        scene: &mut Scene,
        lag: impl Fn() -> EngineLag,
        header: impl FnOnce(&Scene) -> RunHeader,
        figures: impl FnOnce(&Scene, Nanos, EngineLag) -> RunFigures,
    ) {
        if self.is_waiting() {
            if scene.session.began.is_none() || scene.session.mode == Mode::Waiting {
                return;
            }
            self.begin(scene, header);
        }
        if self.is_waiting() {
            return;
        }
        let events = scene.session.take_events();
        let State::Open(journal) = &self.state else { return };
        let mut room = true;
        let is_finished = events.iter().any(|e| e.what == EventKind::Finished);
        if !events.is_empty() {
            self.is_stale |= events.iter().any(|e| matches!(e.what, EventKind::Ended(_)));
            room &= journal.append(lines(events, &scene.session));
        }
        for note in scene.workload_notes.iter().skip(self.notes_written) {
            let text = journal::workload_note(note);
            room &= journal.append(line(move || text));
        }
        self.notes_written = scene.workload_notes.len();
        let now = self.clock.now();
        if is_finished {
            let figures = figures(scene, now, lag());
            room &= journal.append(line(move || journal::figures(now, figures)));
        }
        let is_due = now.since(self.written_at) >= INTERVAL
            && (self.is_stale || !self.telemetry.is_empty() || scene.session.in_flight() > 0);
        if is_due {
            room &= self.write(scene, now, lag(), false);
        }
        if !room {
            self.fail(DISK_FULL);
        }
    }

    const fn is_waiting(&self) -> bool {
        matches!(self.state, State::Waiting | State::Resuming(_))
    }

    /// Opens the journal of a new run, or reopens that of a resumed one, once the endpoint is known.
    fn begin(&mut self, scene: &Scene, header: impl FnOnce(&Scene) -> RunHeader) {
        let Connection::Ready = scene.target.connection else { return };
        let state = std::mem::replace(&mut self.state, State::Off);
        // Position for the known telemetry: after the event that says that the run was interrupted.
        let mut known_at = 0;
        let started = if let State::Resuming(resuming) = state {
            let (file, path, resumption) = *resuming;
            self.telemetry.insert(0, TelemetryEvent::BrokenOff(resumption.stopped_at));
            known_at = 1;
            let journal = Journal::resume(file, path, self.failure_sink());
            journal.map(|journal| (journal, line(move || journal::resumption(&resumption))))
        } else {
            let header = header(scene);
            let Some(folder) = runs::folder() else { return self.fail("this user has no home folder") };
            let journal = Journal::start(runs::journal_path(&folder, &header.id), self.failure_sink());
            journal.map(|journal| (journal, line(move || journal::header(&header))))
        };
        match started {
            Ok((journal, first_line)) => {
                journal.append(first_line);
                self.telemetry.splice(known_at..known_at, known(&scene.gpu, scene.gauges.as_ref(), &scene.host));
                self.state = State::Open(journal);
            }
            Err(e) => self.fail(&e.to_string()),
        }
    }

    /// Returns a function that reports a failure of the journal's thread to the main thread.
    fn failure_sink(&self) -> impl FnOnce(String) + Send + 'static {
        let (sender, clock) = (self.sender.clone(), self.clock);
        move |why| drop(sender.send(Wake::Msg(Msg::NotSaved(clock.now(), why))))
    }

    fn fail(&mut self, why: &str) {
        self.state = State::Failed(why.to_owned());
        self.failure_sink()(why.to_owned());
    }

    /// Saves the end of the run with its exit status and figures, and waits a moment for the disk. Returns whether the
    /// run has a journal. The error says why the journal is incomplete.
    pub fn finish(
        &mut self,
        scene: &Scene,
        now: Nanos,
        lag: EngineLag,
        status: u8,
        figures: impl FnOnce() -> RunFigures,
    ) -> Result<bool, String> {
        let mut room = self.write(scene, now, lag, true);
        if let State::Open(journal) = &self.state {
            let figures = figures();
            room &= journal.append(line(move || journal::end(now, status, Some(figures))));
        }
        let outcome = match std::mem::replace(&mut self.state, State::Off) {
            State::Open(_) if !room => Err(DISK_FULL.to_owned()),
            State::Open(journal) => journal.close(END_TIMEOUT),
            State::Failed(why) => Err(why),
            State::Waiting | State::Resuming(_) | State::Off => return Ok(false),
        };
        if let Err(why) = &outcome {
            self.state = State::Failed(why.clone());
        }
        outcome.map(|()| true).map_err(|why| format!("this run was not saved in full: {}", sanitise_line(&why)))
    }
}

/// Converts events that just happened to lines. Commands of the user and ends of attempts must reach the disk at once.
/// The start of an attempt may get lost.
fn lines(events: Vec<RunEvent>, session: &Session) -> PendingLines {
    let durable = events.iter().any(|e| !matches!(e.what, EventKind::Started { .. }));
    let with_record = |event| (event, session.record_of(&event).map(StoredRecord::get));
    let events: Vec<(RunEvent, Option<Arc<AttemptRecord>>)> = events.into_iter().map(with_record).collect();
    let record_bytes = |r: &Option<Arc<AttemptRecord>>| r.as_ref().map_or(0, |r| r.size_in_memory());
    let bytes = events.iter().map(|(event, r)| size_of_val(event) + record_bytes(r)).sum();
    let make = move || events.iter().map(|(event, record)| journal::event(event, record.as_deref())).collect();
    PendingLines { make: Box::new(make), bytes, durable }
}

/// Returns a line that must reach the disk at once.
fn line(make: impl FnOnce() -> String + Send + 'static) -> PendingLines {
    PendingLines { make: Box::new(make), bytes: 0, durable: true }
}
