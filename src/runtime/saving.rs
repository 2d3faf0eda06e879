//! The run kept while it happens: every attempt is on the disk as soon as it is over.

use std::fs::File;
use std::hash::{DefaultHasher, Hash, Hasher};
use std::path::PathBuf;
use std::sync::Arc;
use std::time::Duration;

use super::export::request_url;
use super::{Run, Wake, environment, now};
use crate::app::message::Msg;
use crate::app::state::{App, Connection};
use crate::domain::attempt::{AttemptId, AttemptRecord};
use crate::domain::live::{EngineFact, EngineLag};
use crate::domain::session::{CasePhase, Mode, Session};
use crate::domain::telemetry_event::{TelemetryEvent, known};
use crate::domain::text::sanitise_line;
use crate::domain::time::Nanos;
use crate::report::journal::{self, RunHeader, Saved};
use crate::report::model::Resumption;
use crate::store::journal::{Journal, MakeLine};
use crate::store::runs;

/// What comes all the time is kept so often.
const EVERY: Duration = Duration::from_secs(1);
/// So much at most is kept of what was told of machine and server before the run began.
const MOST_BEFORE: usize = 1024;
/// The end waits so long for the disk.
const PATIENCE: Duration = Duration::from_secs(2);

/// What is being kept of the run.
#[derive(Debug)]
pub struct Saving {
    state: State,
    /// Of the address something is left out.
    url_cut: bool,
    retries: u32,
    /// What was told of machine and server since it was last kept; before the run, the last of it.
    telemetry: Vec<TelemetryEvent>,
    /// The last point of the throughput that was kept.
    throughput_to: Option<Nanos>,
    kept_at: Nanos,
    /// The session as the user shaped it, when it was last kept.
    shape: u64,
    /// Attempts ended since it was last kept.
    is_stale: bool,
}

#[derive(Debug)]
enum State {
    /// The run has not begun.
    Waiting,
    /// It has not gone on yet; its journal is there.
    Resuming(Box<(File, PathBuf, Resumption)>),
    /// It is being kept.
    Open(Journal),
    /// Nobody wants it to be kept.
    Off,
    /// It could not be, and why.
    Failed(String),
}

/// What a message brings that is to be kept.
pub type Kept = Option<(AttemptId, Arc<AttemptRecord>)>;

impl Saving {
    /// Keeps the run from its begin on, if it is wanted.
    pub fn new(wanted: bool, url_cut: bool, retries: u32) -> Self {
        let state = if wanted { State::Waiting } else { State::Off };
        Self {
            state,
            url_cut,
            retries,
            telemetry: Vec::new(),
            throughput_to: None,
            kept_at: Nanos::default(),
            shape: 0,
            is_stale: false,
        }
    }

    /// Goes on with this journal once the run does.
    pub fn go_on(&mut self, file: File, path: PathBuf, saved: &Saved, resumption: Resumption) {
        self.throughput_to = saved.throughput.iter().next_back().map(|p| p.0);
        self.state = State::Resuming(Box::new((file, path, resumption)));
    }

    /// Looks at a message before it changes anything.
    pub fn note(&mut self, app: &App, msg: &Msg) -> Kept {
        match msg {
            Msg::NotSaved(_, why) => self.state = State::Failed(why.clone()),
            Msg::Gpu(event) => self.told(TelemetryEvent::Gpu(event.clone())),
            Msg::Gauges(event) => self.told(TelemetryEvent::Gauges(event.clone())),
            Msg::Host(event) => self.told(TelemetryEvent::Host(event.clone())),
            Msg::Closing if app.scene.session.mode != Mode::Finished => self.close(app),
            Msg::Engine(_, EngineFact::Ended { id, record }) if app.scene.session.is_open(*id) => {
                return Some((*id, Arc::clone(record)));
            }
            _ => {}
        }
        None
    }

    /// The program begins to end: what is given up from now on is still owed.
    fn close(&self, app: &App) {
        let State::Open(journal) = &self.state else { return };
        let (at, standing) = (app.scene.now, app.scene.session.standing());
        // Without room it is as it is told of every line: nothing more is kept.
        let _room = journal.append(true, Box::new(move || journal::closing(at, &standing)));
    }

    /// Notes what is told of machine and server.
    pub fn told(&mut self, event: TelemetryEvent) {
        match self.state {
            State::Open(_) => self.telemetry.push(event),
            // What does not change is known once the run begins; the last samples show how it was before.
            State::Waiting | State::Resuming(_) if event.at().is_some() => {
                if self.telemetry.len() >= MOST_BEFORE {
                    self.telemetry.drain(..MOST_BEFORE / 2);
                }
                self.telemetry.push(event);
            }
            State::Waiting | State::Resuming(_) | State::Off | State::Failed(_) => {}
        }
    }

    /// Keeps all that came up to now.
    fn keep(&mut self, app: &App, at: Nanos, lag: EngineLag, durable: bool) -> bool {
        let State::Open(journal) = &self.state else { return true };
        let scene = &app.scene;
        let mut lines: Vec<MakeLine> = Vec::new();
        if !self.telemetry.is_empty() {
            let events = std::mem::take(&mut self.telemetry);
            lines.push(Box::new(move || journal::telemetry(&events)));
        }
        let points = scene.throughput.since(self.throughput_to.map_or(Nanos::default(), |at| Nanos(at.0 + 1)));
        if let Some((last, _)) = points.last() {
            self.throughput_to = Some(*last);
            lines.push(Box::new(move || journal::throughput(&points)));
        }
        let standing = scene.session.standing();
        lines.push(Box::new(move || journal::state(at, &standing, lag)));
        (self.kept_at, self.is_stale) = (at, false);
        lines.into_iter().all(|line| journal.append(durable, line))
    }
}

/// What of a session only the user and the plan change: seldom, and it is kept at once.
fn shape(session: &Session) -> u64 {
    let mut hasher = DefaultHasher::new();
    (session.mode, session.stage, session.not_started, session.still().len()).hash(&mut hasher);
    for case in &session.cases {
        let phase = if case.phase == CasePhase::Running { CasePhase::Queued } else { case.phase };
        (phase, case.place()).hash(&mut hasher);
    }
    hasher.finish()
}

impl Run {
    /// Keeps what a message brought, once it was taken.
    pub(super) fn save(&mut self, kept: Kept) {
        let waits = matches!(self.saving.state, State::Waiting | State::Resuming(_));
        let session = &self.app.scene.session;
        if waits && session.began.is_some() && session.mode != Mode::Waiting {
            self.begin_saving();
        }
        let State::Open(journal) = &self.saving.state else { return };
        let session = &self.app.scene.session;
        let mut room = true;
        let ended = kept.is_some();
        if let Some((id, record)) = kept
            && let Some(facts) = session.facts(id)
        {
            room &= journal.append(true, Box::new(move || journal::attempt(facts, &record)));
        }
        let shape = shape(session);
        let is_changed = shape != self.saving.shape;
        self.saving.shape = shape;
        self.saving.is_stale |= ended;
        let is_load = session.plan.is_load() || !session.sweep.is_empty();
        let now = self.now();
        let is_due = now.since(self.saving.kept_at) >= EVERY
            && (self.saving.is_stale || !self.saving.telemetry.is_empty() || session.in_flight() > 0);
        if is_changed || is_due || (ended && !is_load) {
            room &= self.saving.keep(&self.app, now, self.live().lag, is_changed);
        }
        if !room {
            self.give_saving_up("the disk takes nothing any more");
        }
    }

    fn begin_saving(&mut self) {
        let scene = &self.app.scene;
        let Connection::Ready = scene.target.connection else { return };
        if matches!(self.saving.state, State::Resuming(_)) {
            return self.go_on_saving();
        }
        let environment = environment::look();
        let header = RunHeader {
            id: self.id.clone(),
            tool: env!("CARGO_PKG_VERSION").to_owned(),
            epoch: self.wall.clone(),
            base_url: scene.target.url.clone(),
            url_cut: self.saving.url_cut,
            url: request_url(&scene.target.url, self.api),
            api: self.api.name.to_owned(),
            model: scene.target.model.clone().unwrap_or_default(),
            server: scene.target.server.clone(),
            simulated: scene.target.simulated,
            local: scene.target.is_local(),
            gauges: scene.gauges.is_some(),
            route: scene.target.route.clone(),
            suite: Arc::clone(&scene.session.suite),
            plan: scene.session.plan,
            sweep: scene.session.sweep.clone(),
            retries: self.saving.retries,
            calibration: super::calibrate::kept(&environment),
            environment,
        };
        let Some(folder) = runs::folder() else {
            return self.give_saving_up("this user has no home folder");
        };
        let (sender, epoch) = (self.sender.clone(), self.epoch);
        let failed = move |why| drop(sender.send(Wake::Msg(Msg::NotSaved(now(epoch), why))));
        match Journal::start(runs::journal_of(&folder, &self.id), failed) {
            Ok(journal) => {
                journal.append(true, Box::new(move || journal::header(&header)));
                let known = known(&scene.gpu, scene.gauges.as_ref(), &scene.host);
                self.saving.telemetry.splice(..0, known);
                self.saving.state = State::Open(journal);
            }
            Err(e) => self.give_saving_up(&e.to_string()),
        }
    }

    fn go_on_saving(&mut self) {
        let State::Resuming(of) = std::mem::replace(&mut self.saving.state, State::Off) else { return };
        let (file, path, resumption) = *of;
        let (sender, epoch) = (self.sender.clone(), self.epoch);
        let failed = move |why| drop(sender.send(Wake::Msg(Msg::NotSaved(now(epoch), why))));
        match Journal::go_on(file, path, failed) {
            Ok(journal) => {
                let scene = &self.app.scene;
                let known = known(&scene.gpu, scene.gauges.as_ref(), &scene.host);
                let broken_off = TelemetryEvent::BrokenOff(resumption.stopped_at);
                self.saving.telemetry.splice(..0, std::iter::once(broken_off).chain(known));
                journal.append(true, Box::new(move || journal::resumed(&resumption)));
                self.saving.state = State::Open(journal);
            }
            Err(e) => self.give_saving_up(&e.to_string()),
        }
    }

    fn give_saving_up(&mut self, why: &str) {
        self.saving.state = State::Failed(why.to_owned());
        drop(self.sender.send(Wake::Msg(Msg::NotSaved(self.now(), why.to_owned()))));
    }

    /// Keeps the end with its exit status, and waits a moment for the disk. Returns what to tell of it, and as an error what
    /// is missing.
    pub(super) fn end_saving(&mut self, status: u8) -> Result<Option<String>, String> {
        // What is reported from now on is what is kept.
        let (now, lag) = *self.ended.insert((self.now(), self.live().lag));
        self.saving.keep(&self.app, now, lag, true);
        let journal = match std::mem::replace(&mut self.saving.state, State::Off) {
            State::Open(journal) => journal,
            State::Failed(why) => return Err(not_whole(&why)),
            State::Waiting | State::Resuming(_) | State::Off => return Ok(None),
        };
        journal.append(true, Box::new(move || journal::end(now, status)));
        let id = &self.id;
        match journal.close(PATIENCE) {
            Ok(()) => Ok(Some(format!("Saved as run {id} (tokscope report {id})"))),
            Err(why) => Err(not_whole(&why)),
        }
    }
}

fn not_whole(why: &str) -> String {
    format!("this run was not saved whole: {}", sanitise_line(why))
}
