//! Runs without a dashboard: progress goes to stderr, the summary to stdout.

mod attempt_line;
mod load_line;
mod result_line;
mod status_line;
#[cfg(test)]
mod tests;

use std::io::Write;
use std::panic::{AssertUnwindSafe, catch_unwind, resume_unwind};
use std::sync::Arc;
use std::sync::mpsc::RecvTimeoutError;

use anyhow::Context;

use self::attempt_line::print_attempt;
use self::load_line::LoadLine;
use self::result_line::result_line;
use self::status_line::StatusLine;
use super::color::ColorWhen;
use super::console::{EndWait, Stderr, say_to, wait_for_readers};
use super::live_run::LiveRun;
use super::route;
use super::run::Run;
use super::signals::{Suspension, stop_process};
use super::spec::RunSpec;
use super::summary::{block_line, probe_line, run_line};
use super::wake::Wake;
use crate::app::message::Msg;
use crate::app::state::{App, Connection, Scene, Target};
use crate::domain::attempt::AttemptRecord;
use crate::domain::live::{DISCOVERY_TIMEOUT, EngineFact};
use crate::domain::quantity::count;
use crate::domain::run_results::RunsResult;
use crate::domain::session::Mode;
use crate::domain::text::sanitise_line;
use crate::report::style::Style;
use crate::ui::terminal;

const SIMULATED: &str = "SIMULATED: figures come from the built-in simulator, not from a model";

/// Blocks of a race between two lines of progress, once as many are complete.
const EVERY_BLOCKS: usize = 10;

/// Runs the suite and returns the exit status.
pub fn run(spec: RunSpec, color: ColorWhen) -> anyhow::Result<u8> {
    let mut run = LiveRun::start(spec, Suspension::ByMainThread)?;
    let mut stderr = Stderr::default();
    terminal::install_panic_hook();
    greet(&run.base.app.scene, &mut stderr);
    let mut progress = Progress::new(&run.base.app.scene, color.style_for(&std::io::stderr()));
    let outcome = catch_unwind(AssertUnwindSafe(|| follow(&mut run, &mut progress, &mut stderr)));
    stderr.clear_status();
    let status = if let Ok(Ok(status)) = &outcome { *status } else { run.base.app.exit_status() };
    // Save the measurements, no matter how the run ended.
    if run.base.app.interrupted {
        say_to(&mut stderr, "interrupted: requests in flight are cancelled, and what was measured is kept");
    }
    let status = run.close(status, &mut stderr);
    if run.base.app.scene.session.began.is_some() {
        // End with one line that logs can use.
        if let Some(report) = run.final_report() {
            say_to(&mut stderr, &result_line(report, run.base.app.interrupted, run.written()));
        }
    }
    terminal::print_held_back_panics(&mut stderr);
    let wait = if run.base.app.interrupted { EndWait::Shortly } else { EndWait::ForReader };
    let status = wait_for_readers(wait, &run.base.inbox, &run.base.sender, status);
    match outcome {
        Ok(followed) => followed.map(|_| status),
        Err(panic) => resume_unwind(panic),
    }
}

/// Progress on stderr during the run.
struct Progress {
    style: Style,
    /// One line at intervals, in place of one per attempt; only for a load, if stderr is not a terminal.
    load: Option<LoadLine>,
    is_load: bool,
    /// Line that is rewritten in place, if stderr is a terminal.
    status: Option<StatusLine>,
    /// Number of notes about the workload that were already printed.
    notes_printed: usize,
    /// Number of finished probes that were printed.
    probes_printed: usize,
    /// Number of complete blocks of a race that were printed.
    blocks_printed: usize,
    /// Number of runs of a group whose results were printed.
    runs_printed: usize,
}

impl Progress {
    fn new(scene: &Scene, style: Style) -> Self {
        let session = &scene.session;
        let is_load = session.is_load() || !session.sweep.is_empty();
        let status = StatusLine::for_stderr();
        let load = (is_load && status.is_none()).then(LoadLine::default);
        let (notes_printed, probes_printed, blocks_printed, runs_printed) = (0, 0, 0, 0);
        Self { style, load, is_load, status, notes_printed, probes_printed, blocks_printed, runs_printed }
    }

    /// Prints the notes about the workload that are new since the last call.
    fn print_notes(&mut self, scene: &Scene, stderr: &mut Stderr) {
        for note in scene.workload_notes.iter().skip(self.notes_printed) {
            stderr.progress(|to| say_to(to, &format!("workload: {}", sanitise_line(note))));
        }
        self.notes_printed = scene.workload_notes.len();
    }

    /// Prints the probes of a search that are over since the last call.
    fn print_probes(&mut self, scene: &Scene, stderr: &mut Stderr) {
        let Some(search) = scene.session.search() else { return };
        let probes = &scene.load.probes;
        for (at, probe) in probes.iter().enumerate().skip(self.probes_printed) {
            let line = probe_line(at + 1, &search.settings, probe, scene.session.slos());
            stderr.progress(|to| say_to(to, &sanitise_line(&line)));
        }
        self.probes_printed = probes.len();
    }

    /// Prints the state of a race after each of the first blocks, then after every tenth.
    fn print_blocks(&mut self, scene: &Scene, stderr: &mut Stderr) {
        let Some(race) = scene.session.race() else { return };
        let blocks = race.tally.blocks();
        let is_due = blocks <= EVERY_BLOCKS || blocks.is_multiple_of(EVERY_BLOCKS) || race.decided.is_some();
        if blocks > self.blocks_printed && is_due {
            self.blocks_printed = blocks;
            let line = block_line(&scene.session).unwrap_or_default();
            stderr.progress(|to| say_to(to, &sanitise_line(&line)));
        }
    }

    /// Prints the result of each run of a group that is over.
    fn print_runs(&mut self, scene: &Scene, stderr: &mut Stderr) {
        let session = &scene.session;
        let is_last_over = session.mode == Mode::Finished;
        if session.run_count() < 2 || session.run_index() + usize::from(is_last_over) <= self.runs_printed {
            return;
        }
        let Some(result) = RunsResult::from_session(session) else { return };
        for run in result.runs.iter().filter(|run| run.number > self.runs_printed) {
            stderr.progress(|to| say_to(to, &run_line(run, result.planned)));
        }
        self.runs_printed = session.run_index() + usize::from(is_last_over);
    }

    /// Prints progress after an attempt has ended.
    fn attempt_ended(&mut self, run: &LiveRun, record: &AttemptRecord, stderr: &mut Stderr) {
        let (scene, now) = (&run.base.app.scene, run.base.now());
        if let Some(load) = &mut self.load {
            if let Some(line) = load.line(scene, now) {
                stderr.progress(|to| say_to(to, &line));
            }
        } else if !self.is_load && scene.session.race().is_none() {
            stderr.progress(|to| print_attempt(&scene.session, record, self.style, to));
        }
    }

    /// Rewrites the status line if it is due.
    fn update_status(&mut self, run: &LiveRun, stderr: &mut Stderr) {
        let (scene, now) = (&run.base.app.scene, run.base.now());
        if let Some(line) = self.status.as_mut().and_then(|status| status.line(scene, now)) {
            stderr.show_status(&self.style.dim(&line));
        }
    }
}

/// Handles messages and prints progress until the run is over. Returns the exit status.
fn follow(run: &mut LiveRun, progress: &mut Progress, stderr: &mut Stderr) -> anyhow::Result<u8> {
    run.discover(false);
    let limit_s = DISCOVERY_TIMEOUT.as_secs();
    say_to(stderr, &format!("connecting: asking for the list of models, for at most {limit_s} s"));
    let mut waits_for = String::new();
    loop {
        let msg = match next(run, progress.status.as_ref())? {
            Wake::Msg(msg) => msg,
            Wake::Suspend => {
                stderr.clear_status();
                run.mark_suspended();
                stop_process();
                continue;
            }
            Wake::Input(_) | Wake::Written(_) | Wake::BrowserNews => continue,
        };
        let ended = match &msg {
            Msg::Engine(_, EngineFact::Ended { record, .. }) => Some(Arc::clone(record)),
            _ => None,
        };
        if let Msg::NotSaved(_, why) = &msg {
            say_to(stderr, &format!("tokscope: the run is no longer saved: {}", sanitise_line(why)));
        }
        if let Msg::MonitoringFailed(_, why) = &msg {
            say_to(stderr, &format!("tokscope: {}", sanitise_line(why)));
        }
        let was_simulated = run.base.app.scene.target.simulated;
        let found = matches!(msg, Msg::Engine(_, EngineFact::Discovered { .. }))
            || matches!(&msg, Msg::Engine(_, EngineFact::FromRival(fact)) if matches!(**fact, EngineFact::Discovered { .. }));
        let quit = run.take(msg).quit;
        if found {
            if run.base.app.scene.target.simulated && !was_simulated {
                say_to(stderr, SIMULATED);
            }
            print_target(&run.base.app, stderr);
        }
        if let Connection::Unreachable(why) = &run.base.app.scene.target.connection
            && *why != waits_for
        {
            say_to(stderr, &format!("waiting: {why}"));
            why.clone_into(&mut waits_for);
        }
        progress.print_notes(&run.base.app.scene, stderr);
        progress.print_probes(&run.base.app.scene, stderr);
        progress.print_blocks(&run.base.app.scene, stderr);
        if let Some(record) = ended {
            progress.attempt_ended(run, &record, stderr);
        }
        progress.print_runs(&run.base.app.scene, stderr);
        if let Some(code) = quit {
            return Ok(code);
        }
        let url = || sanitise_line(&run.base.app.scene.target.url);
        if let Some(stop) = &run.base.app.scene.stop {
            // Stop: without a dashboard, the user cannot fix the cause.
            say_to(stderr, &format!("tokscope: '{}': stopped: {}", url(), stop.reason));
            return Ok(run.base.app.exit_status());
        }
        if let Connection::Refused(why) = &run.base.app.scene.target.connection {
            say_to(stderr, &format!("tokscope: '{}': {why}", url()));
            return Ok(run.base.app.exit_status());
        }
        if run.base.app.scene.session.mode == Mode::Finished {
            return Ok(run.base.app.exit_status());
        }
        progress.update_status(run, stderr);
    }
}

/// Waits for the next event, at most until a request or the status line is due.
fn next(run: &LiveRun, status: Option<&StatusLine>) -> anyhow::Result<Wake> {
    let due = status.and_then(|status| status.next_at(&run.base.app.scene));
    let Some(at) = run.base.app.wake_at().into_iter().chain(due).min() else {
        return run.base.inbox.recv().context("all threads are gone");
    };
    match run.base.inbox.recv_timeout(at.since(run.base.now())) {
        Ok(wake) => Ok(wake),
        Err(RecvTimeoutError::Timeout) => Ok(Wake::Msg(Msg::Frame { now: run.base.now(), live: run.live() })),
        Err(RecvTimeoutError::Disconnected) => anyhow::bail!("all threads are gone"),
    }
}

fn greet(scene: &Scene, stderr: &mut dyn Write) {
    let cases = count(scene.session.suite.cases.len(), "case");
    let (suite, url) = (sanitise_line(&scene.session.suite.name), sanitise_line(&scene.target.url));
    if let Some((rival, race)) = scene.rival.as_ref().zip(scene.session.race()) {
        let cases = count(scene.session.suite.cases.len() / 2, "case");
        let (b, blocks) = (sanitise_line(&rival.url), scene.session.plan.repeat);
        let order = if race.settings.takes_turns { "one request at a time" } else { "both sides at once" };
        say_to(stderr, &format!("{suite} · {cases} · A {url} · B {b} · up to {blocks} blocks, {order}"));
    } else {
        say_to(stderr, &format!("{suite} · {cases} · {url}"));
    }
    if scene.target.simulated {
        say_to(stderr, SIMULATED);
    }
    route::print_notes(&scene.target.route, stderr);
}

fn print_target(app: &App, stderr: &mut dyn Write) {
    for (side, target) in [("A: ", Some(&app.scene.target)), ("B: ", app.scene.rival.as_ref())] {
        let side = if app.scene.rival.is_some() { side } else { "" };
        if let Some(target) = target {
            print_endpoint(app, target, side, stderr);
        }
    }
}

fn print_endpoint(app: &App, target: &Target, side: &str, stderr: &mut dyn Write) {
    if let (Connection::Ready, Some(model)) = (&app.scene.target.connection, &target.model) {
        let kind = target.server.kind.as_deref().unwrap_or("unknown server");
        let version = target.server.version.as_ref().map_or_else(String::new, |version| format!(" {version}"));
        say_to(stderr, &sanitise_line(&format!("{side}{model} on {kind}{version}")));
        if let Some(doubt) = app.model_doubt.as_ref().filter(|_| side != "B: ") {
            say_to(stderr, &format!("warning: {}", sanitise_line(doubt)));
        }
    }
}
