//! One load, run by the same engine, session and messages as any run, with or without the dashboard drawn meanwhile.

use std::ops::ControlFlow;
use std::sync::Arc;
use std::sync::mpsc::RecvTimeoutError;
use std::time::{Duration, Instant};

use anyhow::{Context, bail};

use super::super::pace::FramePacer;
use super::super::process;
use super::super::spec::{RunSpec, SuiteSource};
use super::super::{Run, Wake};
use crate::app::message::Msg;
use crate::app::state::Connection;
use crate::app::update::update;
use crate::domain::attempt::AttemptRecord;
use crate::domain::key_source::KeySource;
use crate::domain::live::EngineFact;
use crate::domain::session::{Mode, Plan};
use crate::domain::suite::{CaseSpec, Message, RatingScale, Suite};
use crate::domain::time::Nanos;
use crate::sim::monotonic_ns;
use crate::telemetry::GpuChoice;
use crate::ui::cache::RenderCache;
use crate::ui::keymap::Keymap;
use crate::ui::offscreen::OffScreen;
use crate::ui::screen;
use crate::ui::theme::Theme;
use crate::ui::view::View;

/// An answer that takes longer than this is no calibration.
const TIMEOUT: Duration = Duration::from_secs(120);
/// Looks at two clocks at once; the quickest pair is taken.
const PAIRS: usize = 64;
/// Of the dashboard.
const SIZE: (u16, u16) = (120, 40);

/// What is asked.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Load {
    /// Requests in flight at once.
    pub streams: usize,
    /// Requests in all.
    pub answers: usize,
    /// Of each answer.
    pub max_tokens: u32,
    /// Draw the dashboard meanwhile.
    pub dashboard: bool,
}

/// What came of it.
#[derive(Debug)]
pub struct Measured {
    /// All attempts.
    pub records: Vec<Arc<AttemptRecord>>,
    /// The run's zero on the clock that the server shares, nanoseconds.
    pub epoch_ns: u64,
    /// From the first request to the end of the last answer.
    pub wall: Duration,
    /// Of the engine's thread.
    pub engine_cpu: Option<Duration>,
    /// Of this thread.
    pub main_cpu: Option<Duration>,
    /// Of the process, at the end.
    pub resident_mib: Option<f64>,
}

/// How a load ended.
#[derive(Debug)]
pub enum Outcome {
    /// As planned.
    Done(Box<Measured>),
    /// By a signal.
    Interrupted,
}

/// Runs the load against a simulator.
pub fn run(url: &str, load: Load) -> anyhow::Result<Outcome> {
    let engines_before = process::threads_named("engine");
    let mut run = Run::start(spec(url, load), super::super::signals::Suspension::BySystem)?;
    let epoch_ns = on_shared_clock(run.epoch).context("this system has no clock that two processes share")?;
    let cpu_before = process::this_thread_cpu();
    let mut painter = load.dashboard.then(|| Painter::new(SIZE)).transpose()?;
    let mut records = Vec::new();
    if drive(&mut run, painter.as_mut(), &mut records)?.is_break() {
        return Ok(Outcome::Interrupted);
    }
    let main_cpu = process::this_thread_cpu().zip(cpu_before).map(|(after, before)| after.saturating_sub(before));
    let engine = process::threads_named("engine").into_iter().find(|thread| !engines_before.contains(thread));
    let session = &run.app.scene.session;
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
    // The text is repeated rather than ended early.
    extra.insert("ignore_eos".to_owned(), true.into());
    let case = CaseSpec {
        name: "Calibration".to_owned(),
        model: None,
        messages: vec![Message { role: "user".to_owned(), content: "Write.".to_owned() }],
        max_tokens: load.max_tokens,
        temperature: 0.0,
        timeout: TIMEOUT,
        patience: crate::domain::suite::Patience::default(),
        extra,
    };
    RunSpec {
        base_url: url.to_owned(),
        api: &crate::protocol::api::CHAT,
        simulated: true,
        model: None,
        api_key: None,
        key_source: KeySource::NotSent,
        headers: Vec::new(),
        network: crate::engine::Network::default(),
        suite: Suite {
            name: "Calibration".to_owned(),
            rating: RatingScale::default(),
            slos: Vec::new(),
            cases: vec![case],
        },
        suite_source: SuiteSource::Builtin,
        plan: Plan { concurrency: load.streams, repeat: load.answers as u32, ..Plan::default() },
        sweep: Vec::new(),
        server_metrics: Vec::new(),
        server_metrics_auth: false,
        gpu: GpuChoice::Auto,
        gpu_metrics_urls: Vec::new(),
        tokenizer: None,
        exports: Vec::new(),
        saves: false,
        warnings: Vec::new(),
        resumes: None,
    }
}

/// Where a moment lies on the clock that the server's process shares.
#[expect(clippy::disallowed_methods, reason = "two clocks are held against each other")]
fn on_shared_clock(moment: Instant) -> Option<u64> {
    let mut best: Option<(u64, u64)> = None;
    for _ in 0..PAIRS {
        let before = monotonic_ns()?;
        let since = u64::try_from(Instant::now().saturating_duration_since(moment).as_nanos()).ok()?;
        let width = monotonic_ns()?.saturating_sub(before);
        let epoch = (before + width / 2).saturating_sub(since);
        if best.is_none_or(|(narrowest, _)| width < narrowest) {
            best = Some((width, epoch));
        }
    }
    best.map(|(_, epoch)| epoch)
}

/// Takes messages until the session is finished, or breaks off when a signal comes.
fn drive(
    run: &mut Run,
    mut painter: Option<&mut Painter>,
    records: &mut Vec<Arc<AttemptRecord>>,
) -> anyhow::Result<ControlFlow<()>> {
    run.discover(false);
    while run.app.scene.session.mode != Mode::Finished {
        let woken = match &painter {
            None => run.inbox.recv().map_err(|_gone| RecvTimeoutError::Disconnected),
            Some(painter) => run.inbox.recv_timeout(painter.patience(run.now(), run.app.is_live())),
        };
        match woken {
            Ok(wake) => {
                let mut next = Some(wake);
                while let Some(wake) = next {
                    if take(run, wake, records).is_break() {
                        return Ok(ControlFlow::Break(()));
                    }
                    next = run.inbox.try_recv().ok();
                }
            }
            Err(RecvTimeoutError::Timeout) => {}
            Err(RecvTimeoutError::Disconnected) => bail!("all threads are gone"),
        }
        if let Some(painter) = &mut painter {
            painter.paint_if_due(run)?;
        }
        if let Connection::Refused(why) = &run.app.scene.target.connection {
            bail!("the simulator cannot be used: {why}");
        }
    }
    Ok(ControlFlow::Continue(()))
}

/// Keeps every record whole: the session drops the timelines of all but the last few hundred.
fn take(run: &mut Run, wake: Wake, records: &mut Vec<Arc<AttemptRecord>>) -> ControlFlow<()> {
    let Wake::Msg(msg) = wake else { return ControlFlow::Continue(()) };
    if let Msg::Engine(_, EngineFact::Ended { record, .. }) = &msg {
        records.push(Arc::clone(record));
    }
    if run.take(msg).quit.is_some() { ControlFlow::Break(()) } else { ControlFlow::Continue(()) }
}

/// Draws as the dashboard's own loop does: every twentieth of a second, from the engine's latest view.
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
        self.pacer.patience(now, is_live, true, None).unwrap_or(super::super::pace::FRAME_TIME)
    }

    fn paint_if_due(&mut self, run: &mut Run) -> anyhow::Result<()> {
        let now = run.now();
        self.pacer.touch();
        if !self.pacer.is_due(now) {
            return Ok(());
        }
        run.watch(run.app.ui.selected);
        let live = run.live();
        drop(update(&mut run.app, Msg::Frame { now, live }));
        let view = View { app: &run.app, theme: Theme::ansi(), keymap: Keymap::standard(), cache: &self.cache };
        self.screen.draw(|frame| screen::draw(frame, &view))?;
        self.pacer.drawn(now);
        Ok(())
    }
}
