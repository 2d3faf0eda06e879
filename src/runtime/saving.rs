//! The run kept while it happens: every attempt is on the disk as soon as it is over.

use std::hash::{DefaultHasher, Hash, Hasher};
use std::sync::Arc;
use std::time::Duration;

use super::export::request_url;
use super::{Run, Wake, environment, now};
use crate::app::message::Msg;
use crate::app::model::{App, Connection};
use crate::domain::attempt::{AttemptId, AttemptRecord};
use crate::domain::gpu::GpuEvent;
use crate::domain::gpu_history::GpuHistory;
use crate::domain::live::{EngineFact, EngineLag};
use crate::domain::session::{CasePhase, Session};
use crate::domain::text::sanitise_line;
use crate::domain::time::Nanos;
use crate::report::journal::{self, RunHeader};
use crate::store::journal::{Journal, MakeLine};
use crate::store::runs;

/// What comes all the time is kept so often.
const EVERY: Duration = Duration::from_secs(1);
/// The end waits so long for the disk.
const PATIENCE: Duration = Duration::from_secs(2);

/// What is being kept of the run.
#[derive(Debug)]
pub struct Saving {
    state: State,
    /// What the sampler said since it was last kept.
    gpu: Vec<GpuEvent>,
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
    pub fn new(wanted: bool) -> Self {
        let state = if wanted { State::Waiting } else { State::Off };
        Self { state, gpu: Vec::new(), throughput_to: None, kept_at: Nanos::default(), shape: 0, is_stale: false }
    }

    /// Looks at a message before it changes anything.
    pub fn note(&mut self, app: &App, msg: &Msg) -> Kept {
        match msg {
            Msg::NotSaved(_, why) => self.state = State::Failed(why.clone()),
            Msg::Gpu(event) if matches!(self.state, State::Open(_)) => self.gpu.push(event.clone()),
            Msg::Engine(_, EngineFact::Ended { id, record }) if app.scene.session.is_open(*id) => {
                return Some((*id, Arc::clone(record)));
            }
            _ => {}
        }
        None
    }

    /// Keeps all that came up to now.
    fn keep(&mut self, app: &App, at: Nanos, lag: EngineLag, durable: bool) -> bool {
        let State::Open(journal) = &self.state else { return true };
        let scene = &app.scene;
        let mut lines: Vec<MakeLine> = Vec::new();
        if !self.gpu.is_empty() {
            let events = std::mem::take(&mut self.gpu);
            lines.push(Box::new(move || journal::gpu(&events)));
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

/// What is known of the GPUs already, as the sampler would say it.
fn known_of(gpu: &GpuHistory) -> Option<GpuEvent> {
    if let Some(why) = &gpu.absent {
        return Some(GpuEvent::Absent(why.clone()));
    }
    let gpus: Vec<_> = gpu.gpus.iter().map(|track| track.info.clone()).collect();
    let (source, driver, interval_ms) = (gpu.source.clone(), gpu.driver.clone(), gpu.interval_ms);
    (!gpus.is_empty()).then_some(GpuEvent::Found { source, driver, gpus, interval_ms })
}

impl Run {
    /// Keeps what a message brought, once it was taken.
    pub(super) fn save(&mut self, kept: Kept) {
        if matches!(self.saving.state, State::Waiting) && self.app.scene.session.began.is_some() {
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
            && (self.saving.is_stale || !self.saving.gpu.is_empty() || session.in_flight() > 0);
        if is_changed || is_due || (ended && !is_load) {
            room &= self.saving.keep(&self.app, now, self.engine.live().lag, is_changed);
        }
        if !room {
            self.give_saving_up("the disk takes nothing any more");
        }
    }

    fn begin_saving(&mut self) {
        let scene = &self.app.scene;
        let Connection::Ready = scene.target.connection else { return };
        let environment = environment::look();
        let header = RunHeader {
            id: self.id.clone(),
            tool: env!("CARGO_PKG_VERSION").to_owned(),
            epoch: self.wall.clone(),
            base_url: scene.target.url.clone(),
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
                self.saving.gpu.extend(known_of(&scene.gpu));
                self.saving.state = State::Open(journal);
            }
            Err(e) => self.give_saving_up(&e.to_string()),
        }
    }

    fn give_saving_up(&mut self, why: &str) {
        self.saving.state = State::Failed(why.to_owned());
        drop(self.sender.send(Wake::Msg(Msg::NotSaved(self.now(), why.to_owned()))));
    }

    /// Keeps the end with its exit status, and waits a moment for the disk. Returns what to tell of it.
    pub(super) fn end_saving(&mut self, status: u8) -> Option<String> {
        let now = self.now();
        self.saving.keep(&self.app, now, self.engine.live().lag, true);
        let journal = match std::mem::replace(&mut self.saving.state, State::Off) {
            State::Open(journal) => journal,
            State::Failed(why) => return Some(not_whole(&why)),
            State::Waiting | State::Off => return None,
        };
        journal.append(true, Box::new(move || journal::end(now, status)));
        let id = &self.id;
        Some(match journal.close(PATIENCE) {
            Ok(()) => format!("Saved as run {id} (tokscope report {id})"),
            Err(why) => not_whole(&why),
        })
    }
}

fn not_whole(why: &str) -> String {
    format!("tokscope: this run was not saved whole: {}", sanitise_line(why))
}
