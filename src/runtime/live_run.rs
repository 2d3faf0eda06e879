//! A live run: engine, telemetry and journal, controlled by messages.

mod answer_checks;
mod close;
mod images;
mod monitoring;
mod origin;
mod prompts;
mod saving;
mod token_counting;

use std::io::Write;
use std::path::{Path, PathBuf};
use std::sync::Arc;
use std::sync::mpsc::{Sender, channel};
use std::time::Duration;

use self::answer_checks::ChecksOf;
use self::images::Images;
use self::monitoring::Monitoring;
use self::origin::{Origin, ResumedRun};
use self::prompts::Prompts;
use self::saving::Saving;
use self::token_counting::Facts;
use super::clock::Clock;
use super::export::Exports;
use super::restore;
use super::resume::continue_clock;
use super::route::route;
use super::run::{Remaining, Run, RunBase, dispatch};
use super::samplers::{Samplers, endpoint_of, metrics_client};
use super::signals::{self, Suspension};
use super::spec::{EngineSpec, GateSpec, JournalSpec, RequestSpec, ResumeTarget, RunSpec, SessionSpec};
use super::wake::Wake;
use crate::app::message::{Msg, RunEffect};
use crate::app::state::{App, Connection, NOTICE_DURATION, Notice, Target};
use crate::domain::live::{EngineCommand, EngineFact, EngineLag, LiveSnapshot, ServerInfo};
use crate::domain::race::Side;
use crate::domain::random::hash;
use crate::domain::session::Session;
use crate::domain::telemetry_event::TelemetryEvent;
use crate::domain::time::Nanos;
use crate::engine::{Engine, EngineConfig, InvalidConfig};
use crate::protocol::url::without_secrets;
use crate::report::exporters::EXPORTERS;
use crate::report::model::{Report, Resumption};
use crate::report::run_figures::RunFigures;
use crate::report::style::Style;
use crate::tokenizer::Tokenizer;

/// Maximum time to wait for a reply of the engine's thread.
const ENGINE_TIMEOUT: Duration = Duration::from_millis(200);

/// A run with its threads.
pub struct LiveRun {
    /// State, mailbox and clock.
    pub base: RunBase,
    engine: Engine,
    samplers: Samplers,
    saving: Saving,
    origin: Origin,
    prompts: Prompts,
    monitoring: Monitoring,
    /// Style of the summary on stdout.
    summary_style: Style,
    /// End of the run, and the engine's lag up to the end; `None` until the run is closed.
    ended: Option<(Nanos, EngineLag)>,
    /// Reports that were written when the run was closed.
    written: Vec<PathBuf>,
    gate: GateSpec,
    /// The report at the end, once the run was closed. Its figures take seconds for a million requests.
    final_report: Option<Report>,
}

impl LiveRun {
    /// Starts the threads. Until [`Run::begin`], no request is sent and no GPU driver is used.
    pub fn start(spec: RunSpec, suspension: Suspension) -> Result<Self, InvalidConfig> {
        let RunSpec { engine: endpoint, rival, telemetry, mut session, saving, mut monitoring, command_line, .. } =
            spec;
        let (clock, resumption) = start_clock(&saving.journal)?;
        let mut origin =
            Origin::new(&endpoint, &saving.journal, (session.plan.shard, session.whole.take()), command_line);
        let (sender, inbox) = channel();
        let mut config = endpoint.to_config(origin.id.clone(), session.plan.warm);
        config.session_header = session.suite.conversations.as_ref().and_then(|c| c.session_header.clone());
        let client = metrics_client(&telemetry, &config)?;
        let RequestSpec { rows, source } = std::mem::take(&mut session.requests);
        let source = source.map(|mut source| {
            if !session.plan.warm {
                source.make_unique(&origin.id);
            }
            source
        });
        let image_salt = (!session.plan.warm).then(|| hash(origin.id.bytes()));
        let prompts = Prompts::new(source, endpoint.api, Images::new(image_salt));
        let checks = answer_checks::of_suite(&session.suite, Arc::clone(prompts.row_checks()))?;
        let warm = session.plan.warm;
        let mut app = new_app(&endpoint, session);
        app.scene.rival = rival.as_ref().map(|rival| rival_target(rival, &app.scene.session));
        let rival = rival.map(|rival| rival.to_config(origin.id.clone(), warm));
        let show = |text| Notice { text, is_error: false, remedy: None, at: clock.now(), duration: NOTICE_DURATION };
        app.ui.notice = monitoring.notice.take().map(show);
        let attributed = endpoint_of(&endpoint.base_url).filter(|_| !endpoint.simulated);
        let cases = || app.scene.session.suite.cases.iter().map(|case| case.name.clone()).collect();
        let run = monitoring::identity(&endpoint, &origin.id);
        let engine = start_engine((config, rival), (endpoint.tokenizer, checks), clock, sender.clone())?;
        let monitoring = Monitoring::start(monitoring, &run, cases, &engine, (clock, sender.clone()))?;
        let samplers = Samplers::new(telemetry, client, attributed, clock, sender.clone());
        signals::watch(sender.clone(), suspension);
        let is_saved = !matches!(saving.journal, JournalSpec::Off);
        let mut writer = Saving::new(is_saved, clock, sender.clone());
        if let (JournalSpec::Resume(resuming), Some(resumption)) = (saving.journal, resumption) {
            resume(*resuming, resumption, &mut app, &mut writer, &mut origin);
        }
        app.scene.session.send_rows(rows);
        if samplers.reads_server() {
            app.scene.gauges.get_or_insert_default();
        }
        let exports = Exports::new(saving.exports, &origin.wall).with_stdout(saving.stdout);
        let base = RunBase { app, inbox, sender, clock, exports };
        Ok(Self {
            base,
            engine,
            samplers,
            saving: writer,
            origin,
            prompts,
            monitoring,
            summary_style: saving.summary_style,
            ended: None,
            written: Vec::new(),
            gate: saving.gate,
            final_report: None,
        })
    }

    /// Contacts the endpoint, repeatedly if `retry`, and starts the telemetry of this machine.
    pub fn discover(&mut self, retry: bool) {
        self.samplers.start_machine();
        self.command(EngineCommand::Discover { retry, needs_list: self.base.app.wanted_model.is_none() });
    }

    /// Returns the engine's latest live view.
    pub fn live(&self) -> Arc<LiveSnapshot> {
        self.engine.live()
    }

    /// The report at the end, once the run was closed.
    pub const fn final_report(&self) -> Option<&Report> {
        self.final_report.as_ref()
    }

    /// Reports that were written when the run was closed.
    pub fn written(&self) -> impl Iterator<Item = &Path> {
        self.written.iter().map(PathBuf::as_path)
    }

    /// Sends a command to the engine. If the engine's thread has ended, reports the end of the engine, so that nothing
    /// waits for a reply.
    fn command(&self, command: EngineCommand) {
        if !self.engine.send(command) {
            let died = Msg::Engine(self.base.now(), EngineFact::Died("its thread is gone".to_owned()));
            drop(self.base.sender.send(Wake::Msg(died)));
        }
    }

    /// Sends a command that the engine confirms, and waits a moment for the confirmation. If it does not arrive, the
    /// engine measures nothing either.
    fn command_and_wait(&self, command: impl FnOnce(Sender<()>) -> EngineCommand) {
        let (confirm, confirmed) = channel();
        if self.engine.send(command(confirm)) {
            let _in_time = confirmed.recv_timeout(ENGINE_TIMEOUT);
        }
    }

    fn carry_out(&mut self, effect: RunEffect) {
        match effect {
            RunEffect::Engine(mut command) => {
                let scene = &self.base.app.scene;
                let kind = scene.target.server.kind.as_deref();
                match self.prompts.prepare(&mut command, &scene.session, kind, self.base.now()) {
                    Ok(()) => self.command(command),
                    Err(record) => {
                        let ended = EngineFact::Ended { id: record.id, record: record.into() };
                        drop(self.base.sender.send(Wake::Msg(Msg::Engine(self.base.now(), ended))));
                    }
                }
            }
            RunEffect::BeginTelemetry => {
                // A resumed run has already begun.
                if self.origin.resumed.is_none() {
                    self.record_telemetry(TelemetryEvent::Began(self.base.now()));
                }
                self.samplers.sample_machine();
            }
            RunEffect::TelemetryActive(active) => {
                self.command(EngineCommand::SetActive(active));
                let now = self.base.now();
                self.record_telemetry(if active { TelemetryEvent::Active(now) } else { TelemetryEvent::Idle(now) });
                self.samplers.set_active(active);
            }
        }
    }

    /// Adds an event to the histories and the journal.
    fn record_telemetry(&mut self, event: TelemetryEvent) {
        self.saving.note_telemetry(event.clone());
        let scene = &mut self.base.app.scene;
        event.apply(&mut scene.gpu, &mut scene.gauges, &mut scene.host);
    }

    fn save(&mut self) {
        let Self { base, engine, saving, origin, prompts, .. } = self;
        let known = &mut base.app.scene.workload_notes;
        for note in prompts.notes() {
            if !known.iter().any(|known| known == note) {
                known.push(note.to_owned());
            }
        }
        saving.save(
            &mut base.app.scene,
            || engine.live().lag,
            |scene| origin.header(scene),
            |scene, now, lag| RunFigures::new(&origin.report(scene, now, lag)),
        );
    }
}

impl Run for LiveRun {
    fn base(&self) -> &RunBase {
        &self.base
    }

    fn base_mut(&mut self) -> &mut RunBase {
        &mut self.base
    }

    fn take(&mut self, msg: Msg) -> Remaining {
        self.saving.note(&msg);
        if let Msg::Engine(_, fact) = &msg {
            self.prompts.note(fact);
        }
        self.monitoring.note(&msg);
        let remaining = dispatch(self, msg, Self::carry_out);
        self.monitoring.note_load(&self.base.app.scene.session);
        self.save();
        remaining
    }

    fn report(&self) -> Report {
        let (now, lag) = self.ended.unwrap_or_else(|| (self.base.now(), self.live().lag));
        Report {
            gate: self.final_report.as_ref().and_then(|report| report.gate.clone()),
            ..self.origin.report(&self.base.app.scene, now, lag)
        }
    }

    fn next_frame(&self) -> Msg {
        self.engine.watch(Some(self.base.app.ui.selected));
        Msg::Frame { now: self.base.now(), live: self.live() }
    }

    fn begin(&mut self) {
        self.discover(true);
    }

    fn mark_suspended(&self) {
        self.command_and_wait(EngineCommand::MarkSuspended);
    }

    fn close(&mut self, status: u8, stderr: &mut dyn Write) -> u8 {
        close::close(self, status, stderr)
    }
}

/// Starts the run's clock. A resumed run continues its previous clock after its last event.
fn start_clock(journal: &JournalSpec) -> Result<(Clock, Option<Resumption>), InvalidConfig> {
    let JournalSpec::Resume(resuming) = journal else { return Ok((Clock::start(), None)) };
    let (clock, resumption) = continue_clock(&resuming.saved).ok_or_else(|| {
        InvalidConfig("this machine's clock started after the run; it cannot be resumed yet".to_owned())
    })?;
    Ok((clock, Some(resumption)))
}

fn new_app(endpoint: &EngineSpec, session: SessionSpec) -> App {
    let SessionSpec { suite, plan, sweep, model, .. } = session;
    let target = Target {
        url: without_secrets(&endpoint.base_url),
        model: model.clone(),
        server: ServerInfo::default(),
        simulated: endpoint.simulated,
        route: route(&endpoint.base_url, &endpoint.network),
        connection: Connection::Connecting,
    };
    let session = Session::new(Arc::new(suite), plan).with_sweep(sweep);
    let mut app = App::new(target, session, model, EXPORTERS.iter().map(|e| e.label).collect());
    app.key_source = endpoint.key_source.clone();
    app
}

/// The endpoint of side B of a race.
fn rival_target(rival: &EngineSpec, session: &Session) -> Target {
    let side = session.race().map(|race| &race.settings.sides[Side::B.index()]);
    Target {
        url: without_secrets(&rival.base_url),
        model: side.and_then(|side| side.model.clone()),
        server: ServerInfo::default(),
        simulated: false,
        route: route(&rival.base_url, &rival.network),
        connection: Connection::Connecting,
    }
}

/// Starts the engine's thread. Its facts pass through the tokenizer and the checks, if any, to `sender`.
fn start_engine(
    (config, rival): (EngineConfig, Option<EngineConfig>),
    (tokenizer, checks): (Option<Arc<Tokenizer>>, Option<ChecksOf>),
    clock: Clock,
    sender: Sender<Wake>,
) -> Result<Engine, InvalidConfig> {
    // Sending fails only if the main thread has ended; then no fact is needed.
    let deliver = move |at, fact| drop(sender.send(Wake::Msg(Msg::Engine(at, fact))));
    let facts: Facts = match checks {
        Some(checks) => answer_checks::start(checks, deliver)?,
        None => Box::new(deliver),
    };
    let facts: Facts = match tokenizer {
        Some(tokenizer) => token_counting::start(tokenizer, facts)?,
        None => facts,
    };
    Engine::start_race(config, rival, clock.epoch(), move |fact| facts(clock.now(), fact))
}

/// Restores the saved run that is being resumed.
fn resume(resuming: ResumeTarget, resumption: Resumption, app: &mut App, saving: &mut Saving, origin: &mut Origin) {
    let ResumeTarget { saved, file, path } = resuming;
    let scene = &mut app.scene;
    restore::fill_scene(scene, &saved, saved.to_resume());
    TelemetryEvent::BrokenOff(saved.last_at).apply(&mut scene.gpu, &mut scene.gauges, &mut scene.host);
    saving.resume(file, path, &saved, resumption.clone());
    origin.resumed = Some(Box::new(ResumedRun::new(saved, resumption)));
}
