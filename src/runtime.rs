//! Floor 3: threads, the loop, effects carried out. Dashboard and headless share all but the screen.

pub mod calibrate;
mod closing;
pub mod console;
mod counting;
mod environment;
mod export;
mod guard;
pub mod headless;
pub mod interactive;
mod pace;
pub mod process;
mod restored;
pub mod resume;
mod route;
pub mod saved;
mod saving;
mod signals;
pub mod spec;
pub mod stdout;
mod wall;

use std::path::PathBuf;
use std::sync::Arc;
use std::sync::mpsc::{Receiver, Sender, channel};
use std::time::{Duration, Instant};

use crate::app::message::{Effect, Msg, RunEffect, ScreenEffect};
use crate::app::state::{App, Connection, Target};
use crate::app::update::update;
use crate::domain::live::{EngineCommand, EngineFact, EngineLag, LiveSnapshot, ServerInfo};
use crate::domain::session::Session;
use crate::domain::telemetry_event::TelemetryEvent;
use crate::domain::time::Nanos;
use crate::engine::{self, Engine, EngineConfig, InvalidConfig};
use crate::protocol::api::{Api, CHAT, by_name};
use crate::protocol::url::without_secrets;
use crate::report::exporters::EXPORTERS;
use crate::report::journal::Saved;
use crate::telemetry::{Endpoint, HostConfig, Sampler, SamplerConfig, watch_host, watch_server};

use self::counting::Facts;
use self::resume::Resuming;
use self::saving::Saving;
use self::signals::Suspension;
pub use self::spec::{RunSpec, ScreenSpec};

/// The time between two looks at the server's metrics, each of which costs the server something.
const SERVER_INTERVAL: Duration = Duration::from_secs(1);

/// The time between two looks at this machine.
const HOST_INTERVAL: Duration = Duration::from_secs(1);

/// The first request waits so long for the first look at the server's metrics.
const FIRST_LOOK_PATIENCE: Duration = Duration::from_millis(500);

/// What wakes the main thread.
#[derive(Debug)]
enum Wake {
    /// Something happened.
    Msg(Msg),
    /// A key, or the screen.
    Input(crate::ui::input::Input),
    /// The terminal has taken what was written, or takes no more.
    Written(std::io::Result<()>),
    /// The process is to be stopped for a while.
    #[cfg_attr(not(unix), allow(dead_code, reason = "there is no such wish on this system"))]
    Suspend,
}

/// A run with its threads.
struct Run {
    app: App,
    /// None of a saved run that is only looked at.
    engine: Option<Engine>,
    /// How the GPUs will be looked at, until [`Self::discover`] begins to.
    gpu_config: Option<SamplerConfig>,
    sampler: Option<Sampler>,
    host: Option<Sampler>,
    gauges: Option<Sampler>,
    inbox: Receiver<Wake>,
    sender: Sender<Wake>,
    epoch: Instant,
    wall: jiff::ZonedDateTime,
    id: String,
    api: &'static Api,
    exports: Vec<PathBuf>,
    saving: Saving,
    /// The saved run that is gone on with, or looked at.
    saved: Option<Box<Saved>>,
    /// When the run was closed, and how late the engine had been.
    ended: Option<(Nanos, EngineLag)>,
}

impl Run {
    /// Starts the threads. Nothing is sent, and no driver asked, before [`Self::discover`].
    #[expect(clippy::disallowed_methods, reason = "the one place where the run's clock and wall time begin")]
    fn start(spec: RunSpec, suspension: Suspension) -> Result<Self, InvalidConfig> {
        let (epoch, resumption) = match &spec.resumes {
            None => (Instant::now(), None),
            Some(resuming) => {
                let clock = resume::clock(&resuming.saved).ok_or_else(|| {
                    InvalidConfig("this machine's clock began later than the run: it cannot go on yet".to_owned())
                })?;
                (clock.0, Some(clock.1))
            }
        };
        let first = spec.resumes.as_ref().map(|r| (r.saved.run.epoch.clone(), r.saved.run.id.clone()));
        let (wall, run_id) = first.unwrap_or_else(|| {
            let id = format!("ts-{:x}", wall::microseconds_since_1970());
            (wall::now(), id)
        });
        let (sender, inbox) = channel();
        let config = EngineConfig {
            base_url: spec.base_url.clone(),
            api: spec.api,
            api_key: spec.api_key.clone(),
            headers: spec.headers.clone(),
            run_id: run_id.clone(),
            warm: spec.plan.warm,
            network: spec.network.clone(),
        };
        let own_pages = metrics_client(&spec, &config)?;
        let facts = sender.clone();
        // A send fails only when the main thread is gone, and then nobody wants the fact.
        let deliver = move |at, fact| drop(facts.send(Wake::Msg(Msg::Engine(at, fact))));
        let facts: Facts = match spec.tokenizer {
            Some(tokenizer) => counting::through(tokenizer, deliver)?,
            None => Box::new(deliver),
        };
        let engine = Engine::start(config, epoch, move |fact| facts(now(epoch), fact))?;
        let gpu_config = SamplerConfig {
            endpoint: place(&spec.base_url).filter(|_| !spec.simulated),
            choice: spec.gpu,
            metrics_urls: spec.gpu_metrics_urls,
            ..SamplerConfig::default()
        };
        let gauges = (!spec.server_metrics.is_empty()).then(|| {
            let events = sender.clone();
            let deliver = move |event| drop(events.send(Wake::Msg(Msg::Gauges(event))));
            watch_server(spec.server_metrics, own_pages, SERVER_INTERVAL, move || now(epoch), deliver)
        });
        signals::watch(sender.clone(), suspension);
        let target = Target {
            url: without_secrets(&spec.base_url),
            model: spec.model.clone(),
            server: ServerInfo::default(),
            simulated: spec.simulated,
            route: route::route(&spec.base_url, &spec.network),
            connection: Connection::Connecting,
        };
        let session = Session::new(Arc::new(spec.suite), spec.plan).with_sweep(spec.sweep);
        let labels = EXPORTERS.iter().map(|e| e.label).collect();
        let mut app = App::new(target, session, spec.model, labels);
        app.key_source = spec.key_source;
        let mut saving =
            Saving::new(spec.saves, without_secrets(&spec.base_url) != spec.base_url, spec.network.retries);
        let saved = spec.resumes.zip(resumption).map(|(resuming, resumption)| {
            let Resuming { mut saved, file, path } = *resuming;
            restored::fill(&mut app.scene, &saved, saved.to_resume());
            TelemetryEvent::BrokenOff(saved.last_at).apply(
                &mut app.scene.gpu,
                &mut app.scene.gauges,
                &mut app.scene.host,
            );
            saving.resume(file, path, &saved, resumption.clone());
            saved.resumed.push(resumption);
            Box::new(saved)
        });
        if gauges.is_some() {
            app.scene.gauges.get_or_insert_default();
        }
        Ok(Self {
            app,
            engine: Some(engine),
            gpu_config: Some(gpu_config),
            sampler: None,
            host: None,
            gauges,
            inbox,
            sender,
            epoch,
            wall,
            id: run_id,
            api: spec.api,
            exports: spec.exports,
            saving,
            saved,
            ended: None,
        })
    }

    /// A saved run, to be looked at, or played again at so many times its speed. Nothing is measured.
    #[expect(clippy::disallowed_methods, reason = "the clock of a screen without a run")]
    fn of_saved(saved: Saved, exports: Vec<PathBuf>, speed: Option<f64>) -> Self {
        let (sender, inbox) = channel();
        signals::watch(sender.clone(), Suspension::BySystem);
        let opened = Instant::now();
        Self {
            app: restored::playback(&saved, speed),
            engine: None,
            gpu_config: None,
            sampler: None,
            host: None,
            gauges: None,
            inbox,
            sender,
            // The screen's time goes on where the run's ended.
            epoch: opened.checked_sub(Duration::from_nanos(saved.last_at.0)).unwrap_or(opened),
            wall: saved.run.epoch.clone(),
            id: saved.run.id.clone(),
            api: by_name(&saved.run.api).unwrap_or(&CHAT),
            exports,
            saving: Saving::new(false, false, 0),
            saved: Some(Box::new(saved)),
            ended: None,
        }
    }

    /// The engine's latest view; of a saved run an empty one.
    fn live(&self) -> Arc<LiveSnapshot> {
        self.engine.as_ref().map_or_else(Arc::default, Engine::live)
    }

    /// Has the live view carry what a screen shows that looks at this case.
    fn watch(&self, case: usize) {
        self.engine.iter().for_each(|engine| engine.watch(Some(case)));
    }

    fn now(&self) -> Nanos {
        now(self.epoch)
    }

    /// All that looks at machine and server meanwhile.
    fn telemetry(&self) -> impl Iterator<Item = &Sampler> {
        self.sampler.iter().chain(&self.host).chain(&self.gauges)
    }

    /// Asks for the endpoint, and begins to look at the machine.
    fn discover(&mut self, retry: bool) {
        if let Some(config) = self.gpu_config.take() {
            let (epoch, events) = (self.epoch, self.sender.clone());
            let deliver = move |event| drop(events.send(Wake::Msg(Msg::Host(event))));
            let host =
                HostConfig { interval: HOST_INTERVAL, proc_root: config.proc_root.clone(), thread: engine::THREAD };
            self.host = Some(watch_host(host, move || now(epoch), deliver));
            let events = self.sender.clone();
            let deliver = move |event| drop(events.send(Wake::Msg(Msg::Gpu(event))));
            self.sampler = Some(crate::telemetry::start(config, move || now(epoch), deliver));
        }
        self.tell_engine(EngineCommand::Discover { retry, needs_list: self.app.wanted_model.is_none() });
    }

    /// A command that nobody takes is told like any other end of the engine: what waits for its answer must not wait on.
    fn tell_engine(&self, command: EngineCommand) {
        if self.engine.as_ref().is_some_and(|engine| !engine.send(command)) {
            let died = Msg::Engine(self.now(), EngineFact::Died("its thread is gone".to_owned()));
            drop(self.sender.send(Wake::Msg(died)));
        }
    }

    /// Has the engine mark what is in flight, whose times a stopped process makes worthless.
    fn mark_suspended(&self) {
        let (noted, wait) = channel();
        if self.engine.as_ref().is_some_and(|engine| engine.send(EngineCommand::MarkSuspended(noted))) {
            // An engine that does not answer has nothing in flight that could be measured well anyway.
            let _noted = wait.recv_timeout(Duration::from_millis(200));
        }
    }

    /// Has the engine look once more how late it is, so that the live view holds all of it.
    fn settle_lag(&self) {
        let (done, wait) = channel();
        if self.engine.as_ref().is_some_and(|engine| engine.send(EngineCommand::Publish(done))) {
            // An engine that does not answer has told what it can.
            let _done = wait.recv_timeout(Duration::from_millis(200));
        }
    }

    /// Has the histories take it, and keeps it.
    fn tell_telemetry(&mut self, event: TelemetryEvent) {
        self.saving.note_telemetry(event.clone());
        let scene = &mut self.app.scene;
        event.apply(&mut scene.gpu, &mut scene.gauges, &mut scene.host);
    }

    /// Takes a message and carries out the effects of the run; returns the others.
    fn take(&mut self, msg: Msg) -> Remaining {
        let mut left = Remaining::default();
        self.saving.note(&msg);
        let mut todo = update(&mut self.app, msg);
        while !todo.is_empty() {
            for effect in std::mem::take(&mut todo) {
                let effect = match effect {
                    Effect::Run(effect) => effect,
                    Effect::Screen(effect) => {
                        left.screen.push(effect);
                        continue;
                    }
                    Effect::Quit(status) => {
                        left.quit.get_or_insert(status);
                        continue;
                    }
                };
                match effect {
                    RunEffect::Engine(command) => self.tell_engine(command),
                    RunEffect::BeginTelemetry => {
                        let now = self.now();
                        // One that goes on has begun before.
                        if self.saved.is_none() {
                            self.tell_telemetry(TelemetryEvent::Began(now));
                        }
                        self.sampler.iter().chain(&self.host).for_each(Sampler::sample_now);
                    }
                    RunEffect::TelemetryActive(active) => {
                        self.tell_engine(EngineCommand::SetActive(active));
                        let now = self.now();
                        self.tell_telemetry(if active {
                            TelemetryEvent::Active(now)
                        } else {
                            TelemetryEvent::Idle(now)
                        });
                        self.telemetry().for_each(|s| s.set_active(active));
                        if active {
                            // What the server counts from now on is the run's: the first look comes before the first request.
                            let _in_time = self.gauges.as_ref().map(|g| g.sample_and_wait(FIRST_LOOK_PATIENCE));
                        } else {
                            self.telemetry().for_each(Sampler::sample_now);
                        }
                    }
                    RunEffect::Export { exporter } => {
                        let result = self.export(exporter);
                        let now = self.now();
                        todo.extend(update(&mut self.app, Msg::Exported(now, result)));
                    }
                    RunEffect::ExportAs { exporter, name } => {
                        let result = self.export_as(exporter, &name);
                        let now = self.now();
                        todo.extend(update(&mut self.app, Msg::Exported(now, result)));
                    }
                    RunEffect::OfferExports => {
                        let offers = self.offers();
                        todo.extend(update(&mut self.app, offers));
                    }
                    RunEffect::CheckExport(name) => {
                        let check = export::check_name(&name);
                        todo.extend(update(&mut self.app, Msg::ExportChecked { name, check }));
                    }
                    RunEffect::RenderReport => {
                        let rendered = self.rendered();
                        todo.extend(update(&mut self.app, rendered));
                    }
                }
            }
        }
        self.save();
        left
    }
}

/// Effects that the run leaves to its caller.
#[derive(Debug, Default)]
struct Remaining {
    screen: Vec<ScreenEffect>,
    /// The status to end the program with.
    quit: Option<u8>,
}

/// Builds the client for the server's metrics. On the endpoint's own origin it uses the route of the requests, with the key if
/// the user asked for that; elsewhere it connects directly and sends no key.
fn metrics_client(spec: &RunSpec, config: &EngineConfig) -> Result<reqwest::ClientBuilder, InvalidConfig> {
    let origin = |url: &str| reqwest::Url::parse(url).ok().map(|url| url.origin());
    let is_own = spec.server_metrics.iter().all(|page| origin(page) == origin(&spec.base_url));
    if is_own && !spec.server_metrics.is_empty() {
        return engine::page_client(config, spec.server_metrics_auth);
    }
    Ok(reqwest::Client::builder().no_proxy())
}

/// The host and port of a base address.
fn place(base_url: &str) -> Option<Endpoint> {
    let url = reqwest::Url::parse(base_url).ok()?;
    Some(Endpoint { host: url.host_str()?.to_owned(), port: url.port_or_known_default()? })
}

#[expect(clippy::disallowed_methods, reason = "the run's clock")]
fn now(epoch: Instant) -> Nanos {
    Nanos::default().plus(Instant::now().saturating_duration_since(epoch))
}
