//! Runs one load with the same engine, session and messages as any run, with or without drawing the dashboard.

use std::ops::ControlFlow;
use std::sync::Arc;
use std::sync::mpsc::RecvTimeoutError;
use std::time::Duration;

use anyhow::{Context, bail};

use super::super::clock::Clock;
use super::super::frame_pacer::{FRAME_TIME, FramePacer};
use super::super::live_run::LiveRun;
use super::super::process;
use super::super::run::Run;
use super::super::signals::Suspension;
use super::super::spec::{
    EngineSpec, GateSpec, JournalSpec, RequestSpec, RunSpec, SavingSpec, SessionSpec, SuiteSource, TelemetrySpec,
};
use super::super::wake::Wake;
use crate::app::message::Msg;
use crate::app::state::Connection;
use crate::app::update::update;
use crate::domain::attempt::AttemptRecord;
use crate::domain::key_source::KeySource;
use crate::domain::live::EngineFact;
use crate::domain::session::{Mode, Plan};
use crate::domain::suite::{CaseSpec, Message, RatingScale, Suite};
use crate::domain::time::Nanos;
use crate::engine::Network;
use crate::protocol::api::CHAT;
use crate::report::style::Style;
use crate::sim::monotonic_ns;
use crate::telemetry::GpuChoice;
use crate::ui::cache::RenderCache;
use crate::ui::keymap::Keymap;
use crate::ui::offscreen::OffScreen;
use crate::ui::screen;
use crate::ui::theme::Theme;
use crate::ui::view::View;

/// Timeout of a request. An answer that takes longer is useless for the calibration.
const TIMEOUT: Duration = Duration::from_secs(120);
/// Number of times to read both clocks together. The fastest reading counts.
const PAIRS: usize = 64;
/// Size of the dashboard: columns and rows.
const SIZE: (u16, u16) = (120, 40);

/// Load of one level.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Load {
    /// Number of requests in flight.
    pub streams: usize,
    /// Total number of requests.
    pub answers: usize,
    /// Length of each answer, tokens.
    pub max_tokens: u32,
    /// Whether to draw the dashboard.
    pub dashboard: bool,
}

/// Measurements of one load.
#[derive(Debug)]
pub struct Measured {
    /// All attempts.
    pub records: Vec<Arc<AttemptRecord>>,
    /// Zero of the run's clock, as a time on the clock that the server also uses, nanoseconds.
    pub epoch_ns: u64,
    /// Time from the first request to the end of the last answer.
    pub wall: Duration,
    /// CPU time of the engine's thread.
    pub engine_cpu: Option<Duration>,
    /// CPU time of the main thread.
    pub main_cpu: Option<Duration>,
    /// Memory of the process at the end, MiB.
    pub resident_mib: Option<f64>,
}

/// Outcome of a load.
#[derive(Debug)]
pub enum Outcome {
    /// The load ended as planned.
    Done(Box<Measured>),
    /// A signal ended the load.
    Interrupted,
}

/// Runs the load against the simulator at `url`.
pub fn run(url: &str, load: Load) -> anyhow::Result<Outcome> {
    let engines_before = process::threads_named("engine");
    let mut run = LiveRun::start(spec(url, load), Suspension::BySystem)?;
    let epoch_ns = on_shared_clock(run.base.clock).context("this system has no clock that two processes can share")?;
    let cpu_before = process::this_thread_cpu();
    let mut painter = load.dashboard.then(|| Painter::new(SIZE)).transpose()?;
    let mut records = Vec::new();
    if drive(&mut run, painter.as_mut(), &mut records)?.is_break() {
        return Ok(Outcome::Interrupted);
    }
    let main_cpu = process::this_thread_cpu().zip(cpu_before).map(|(after, before)| after.saturating_sub(before));
    let engine = process::threads_named("engine").into_iter().find(|thread| !engines_before.contains(thread));
    let session = &run.base.app.scene.session;
    if let Some(failed) = records.iter().find(|r| !r.is_ok()) {
        let why = failed.error.as_ref().map_or("", |e| e.message.as_str());
        bail!("a request to the simulator failed: {} {why}", failed.status.as_str());
    }
    let began = session.began.unwrap_or_default();
    Ok(Outcome::Done(Box::new(Measured {
        wall: session.last_ended.unwrap_or(began).since(began),
        engine_cpu: engine.and_then(process::thread_cpu),
        resident_mib: process::resident_mib(),
        records,
        epoch_ns,
        main_cpu,
    })))
}

fn spec(url: &str, load: Load) -> RunSpec {
    let mut extra = serde_json::Map::new();
    // Makes the simulator send up to the token limit.
    extra.insert("ignore_eos".to_owned(), true.into());
    let case = CaseSpec {
        name: "Calibration".to_owned(),
        messages: vec![Message::user("Write.")],
        max_tokens: load.max_tokens,
        temperature: 0.0,
        timeout: TIMEOUT,
        extra,
        ..CaseSpec::new("", Vec::new())
    };
    RunSpec {
        notices: Vec::new(),
        engine: EngineSpec {
            base_url: url.to_owned(),
            api: &CHAT,
            simulated: true,
            api_key: None,
            key_source: KeySource::NotSent,
            headers: Vec::new(),
            network: Network::default(),
            tokenizer: None,
        },
        telemetry: TelemetrySpec {
            server_metrics: Vec::new(),
            server_metrics_auth: false,
            gpu: GpuChoice::Auto,
            gpu_metrics_urls: Vec::new(),
        },
        session: SessionSpec {
            whole: None,
            requests: RequestSpec::default(),
            suite: Suite {
                workload: None,
                conversations: None,
                load_stages: None,
                name: "Calibration".to_owned(),
                rating: RatingScale::default(),
                slos: Vec::new(),
                cases: vec![case],
                ..Suite::default()
            },
            suite_source: SuiteSource::Builtin,
            plan: Plan { concurrency: load.streams, repeat: load.answers as u32, ..Plan::default() },
            sweep: Vec::new(),
            model: None,
        },
        saving: SavingSpec {
            exports: Vec::new(),
            stdout: None,
            summary_style: Style::Plain,
            journal: JournalSpec::Off,
            gate: GateSpec::default(),
        },
        warnings: Vec::new(),
        command_line: None,
    }
}

/// Returns the zero of the run's clock on the clock that the server also uses, nanoseconds.
fn on_shared_clock(clock: Clock) -> Option<u64> {
    let mut best: Option<(u64, u64)> = None;
    for _ in 0..PAIRS {
        let before = monotonic_ns()?;
        let since = clock.now().0;
        let width = monotonic_ns()?.saturating_sub(before);
        let epoch = (before + width / 2).saturating_sub(since);
        if best.is_none_or(|(narrowest, _)| width < narrowest) {
            best = Some((width, epoch));
        }
    }
    best.map(|(_, epoch)| epoch)
}

/// Handles messages until the session is finished or a signal arrives.
fn drive(
    run: &mut LiveRun,
    mut painter: Option<&mut Painter>,
    records: &mut Vec<Arc<AttemptRecord>>,
) -> anyhow::Result<ControlFlow<()>> {
    run.discover(false);
    while run.base.app.scene.session.mode != Mode::Finished {
        let woken = match &painter {
            None => run.base.inbox.recv().map_err(|_gone| RecvTimeoutError::Disconnected),
            Some(painter) => run.base.inbox.recv_timeout(painter.patience(run.base.now(), run.base.app.is_live())),
        };
        match woken {
            Ok(wake) => {
                let mut next = Some(wake);
                while let Some(wake) = next {
                    if take(run, wake, records).is_break() {
                        return Ok(ControlFlow::Break(()));
                    }
                    next = run.base.inbox.try_recv().ok();
                }
            }
            Err(RecvTimeoutError::Timeout) => {}
            Err(RecvTimeoutError::Disconnected) => bail!("all threads are gone"),
        }
        if let Some(painter) = &mut painter {
            painter.paint_if_due(run)?;
        }
        if let Connection::Refused(why) = &run.base.app.scene.target.connection {
            bail!("the simulator cannot be used: {why}");
        }
    }
    Ok(ControlFlow::Continue(()))
}

/// Handles a message, and keeps every record with its timeline. The session itself keeps only the last few hundred
/// timelines.
fn take(run: &mut LiveRun, wake: Wake, records: &mut Vec<Arc<AttemptRecord>>) -> ControlFlow<()> {
    let Wake::Msg(msg) = wake else { return ControlFlow::Continue(()) };
    if let Msg::Engine(_, EngineFact::Ended { record, .. }) = &msg {
        records.push(Arc::clone(record));
    }
    if run.take(msg).quit.is_some() { ControlFlow::Break(()) } else { ControlFlow::Continue(()) }
}

/// Draws like the dashboard: 20 times a second, from the engine's latest live view.
struct Painter {
    screen: OffScreen,
    cache: RenderCache,
    pacer: FramePacer,
}

impl Painter {
    fn new(size: (u16, u16)) -> anyhow::Result<Self> {
        Ok(Self { screen: OffScreen::new(size)?, cache: RenderCache::default(), pacer: FramePacer::new(false) })
    }

    fn patience(&self, now: Nanos, is_live: bool) -> Duration {
        self.pacer.patience(now, is_live, true, None).unwrap_or(FRAME_TIME)
    }

    fn paint_if_due(&mut self, run: &mut LiveRun) -> anyhow::Result<()> {
        let now = run.base.now();
        self.pacer.touch();
        if !self.pacer.is_due(now) {
            return Ok(());
        }
        let frame = run.next_frame();
        drop(update(&mut run.base.app, frame));
        let view = View {
            app: &run.base.app,
            theme: Theme::ansi(),
            ascii: false,
            keymap: Keymap::standard(),
            cache: &self.cache,
        };
        self.screen.draw(|frame| screen::draw(frame, &view))?;
        self.pacer.drawn(now);
        Ok(())
    }
}
