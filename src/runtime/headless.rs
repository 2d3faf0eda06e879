//! Runs without a dashboard: progress on stderr, the summary on stdout.

use std::io::{IsTerminal, Write};
use std::panic::{AssertUnwindSafe, catch_unwind, resume_unwind};
use std::sync::mpsc::RecvTimeoutError;
use std::time::Duration;

use anyhow::Context;

use super::console::{EndWait, Stderr, say_to, wait_for_readers};
use super::live_run::LiveRun;
use super::route;
use super::run::Run;
use super::signals::{Suspension, stop_process};
use super::spec::RunSpec;
use super::wake::Wake;
use crate::app::message::Msg;
use crate::app::state::{App, Connection, Scene};
use crate::domain::attempt::{AttemptRecord, TokenSource};
use crate::domain::live::EngineFact;
use crate::domain::quantity::{Quantity, count};
use crate::domain::session::{Mode, Session};
use crate::domain::text::sanitise_line;
use crate::domain::time::Nanos;
use crate::ui::terminal;

/// Minimum time between two progress lines of a load.
const LOAD_LINE_EVERY: Duration = Duration::from_secs(1);

const SIMULATED: &str = "SIMULATED: figures come from the built-in simulator, not from a model";

/// Runs the suite to its end; returns the exit status.
pub fn run(spec: RunSpec) -> anyhow::Result<u8> {
    let mut run = LiveRun::start(spec, Suspension::ByMainThread)?;
    let mut stderr = Stderr::default();
    terminal::install_panic_hook();
    greet(&run.base.app.scene, &mut stderr);
    let outcome = catch_unwind(AssertUnwindSafe(|| follow(&mut run, &mut stderr)));
    let status = if let Ok(Ok(status)) = &outcome { *status } else { run.base.app.exit_status() };
    // However the run ended, its measurements are saved.
    let status = run.close(status, &mut stderr);
    terminal::print_held_back_panics(&mut stderr);
    let wait = if run.base.app.interrupted { EndWait::Shortly } else { EndWait::ForReader };
    let status = wait_for_readers(wait, &run.base.inbox, &run.base.sender, status);
    match outcome {
        Ok(followed) => followed.map(|_| status),
        Err(panic) => resume_unwind(panic),
    }
}

/// Takes messages and prints progress until the run is over. Returns the exit status.
fn follow(run: &mut LiveRun, stderr: &mut Stderr) -> anyhow::Result<u8> {
    let dim = stderr_is_styled();
    run.discover(false);
    let mut waits_for = String::new();
    let session = &run.base.app.scene.session;
    let mut load = (session.plan.is_load() || !session.sweep.is_empty()).then(LoadProgress::default);
    loop {
        let msg = match next(run)? {
            Wake::Msg(msg) => msg,
            Wake::Suspend => {
                run.mark_suspended();
                stop_process();
                continue;
            }
            Wake::Input(_) | Wake::Written(_) => continue,
        };
        let ended = match &msg {
            Msg::Engine(_, EngineFact::Ended { record, .. }) => Some(std::sync::Arc::clone(record)),
            _ => None,
        };
        if let Msg::NotSaved(_, why) = &msg {
            say_to(stderr, &format!("tokscope: this run is not being saved: {}", sanitise_line(why)));
        }
        let was_simulated = run.base.app.scene.target.simulated;
        let found = matches!(msg, Msg::Engine(_, EngineFact::Discovered { .. }));
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
        if let Some(record) = ended {
            match &mut load {
                Some(load) => load.print(run, stderr),
                None => stderr.progress(|line| progress(&run.base.app.scene.session, &record, dim, line)),
            }
        }
        if let Some(code) = quit {
            return Ok(code);
        }
        if let Some(stop) = &run.base.app.scene.stop {
            // Without a dashboard the user cannot fix the cause.
            say_to(
                stderr,
                &format!("tokscope: '{}': stopped: {}", sanitise_line(&run.base.app.scene.target.url), stop.reason),
            );
            return Ok(run.base.app.exit_status());
        }
        if let Connection::Refused(why) = &run.base.app.scene.target.connection {
            say_to(stderr, &format!("tokscope: '{}': {why}", sanitise_line(&run.base.app.scene.target.url)));
            return Ok(run.base.app.exit_status());
        }
        if run.base.app.scene.session.mode == Mode::Finished {
            return Ok(run.base.app.exit_status());
        }
    }
}

/// Waits for the next event, or until a request is due.
fn next(run: &LiveRun) -> anyhow::Result<Wake> {
    let Some(at) = run.base.app.wake_at() else {
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
    say_to(stderr, &format!("{suite} · {cases} · {url}"));
    if scene.target.simulated {
        say_to(stderr, SIMULATED);
    }
    route::print_notes(&scene.target.route, stderr);
}

fn print_target(app: &App, stderr: &mut dyn Write) {
    let target = &app.scene.target;
    if let (Connection::Ready, Some(model)) = (&target.connection, &target.model) {
        let kind = target.server.kind.as_deref().unwrap_or("unknown server");
        let version = target.server.version.as_ref().map_or_else(String::new, |version| format!(" {version}"));
        say_to(stderr, &sanitise_line(&format!("{model} on {kind}{version}")));
        if let Some(doubt) = &app.model_doubt {
            say_to(stderr, &format!("warning: {}", sanitise_line(doubt)));
        }
    }
}

/// Progress of a load: one line per second in place of one per request.
#[derive(Debug, Default)]
struct LoadProgress {
    next: Nanos,
}

impl LoadProgress {
    /// Prints a line if one is due.
    fn print(&mut self, run: &LiveRun, stderr: &mut Stderr) {
        let now = run.base.now();
        if let Some(line) = self.line(&run.base.app.scene, now) {
            stderr.progress(|to| say_to(to, &line));
        }
    }

    fn line(&mut self, scene: &Scene, now: Nanos) -> Option<String> {
        if now < self.next {
            return None;
        }
        self.next = now.plus(LOAD_LINE_EVERY);
        let (session, tally) = (&scene.session, &scene.load.tally);
        let stage = match session.sweep.len() {
            0 => String::new(),
            all => format!("  stage {}/{all}, {} at once", session.stage + 1, session.plan.concurrency),
        };
        let elapsed = session.running_for(now).unwrap_or_default().as_secs_f64();
        let (ok, failed, open) = (tally.ok, tally.ended - tally.ok, session.in_flight());
        Some(format!("{elapsed:.1} s{stage}  {ok} ok  {failed} failed  {open} in flight"))
    }
}

fn progress(session: &Session, record: &AttemptRecord, dim: bool, stderr: &mut dyn Write) {
    let total = session.suite.cases.len();
    let name = session.suite.cases.get(record.id.case).map_or_else(String::new, |c| sanitise_line(&c.name));
    let (tokens, source) = record.output_tokens().unzip();
    let tokens = Quantity::new(tokens.map(|n| n as f64), 0).estimated_if(source == Some(TokenSource::Estimate));
    let ttft = match record.time_to_first_token_ms() {
        None if record.unresolved_first_token().is_some() => "unresolved".to_owned(),
        ms => format!("{} ms", Quantity::new(ms, 0)),
    };
    let kind = if record.warmup { " (warm-up)" } else { "" };
    let line = match &record.error {
        None => format!(
            "[{}/{total}] {name}{kind}  {} s  TTFT {ttft}{}  {} tok/s  {tokens} tokens",
            record.id.case + 1,
            Quantity::new(record.request_latency_ms().map(|ms| ms / 1000.0), 2),
            record.cache_doubt().map_or_else(String::new, |doubt| format!(" ({doubt})")),
            Quantity::new(record.output_tokens_per_s(), 1),
        ),
        Some(e) => {
            let why = sanitise_line(&e.message);
            format!("[{}/{total}] {name}{kind}  {}: {why}", record.id.case + 1, record.status.as_str())
        }
    };
    say_to(stderr, &line);
    for note in record.notes() {
        let note = format!("      ! {}", sanitise_line(note));
        if dim {
            drop(writeln!(stderr, "\x1b[2m{note}\x1b[22m"));
        } else {
            say_to(stderr, &note);
        }
    }
}

/// Whether stderr is a terminal that shows styles. `NO_COLOR` also turns off dim text.
fn stderr_is_styled() -> bool {
    let set = |name| std::env::var_os(name).is_some_and(|v: std::ffi::OsString| !v.is_empty());
    let is_dumb = std::env::var_os("TERM").is_some_and(|t| t == "dumb");
    std::io::stderr().is_terminal() && !set("NO_COLOR") && !is_dumb && terminal::takes_escapes()
}

#[cfg(test)]
mod tests {
    use std::sync::Arc;

    use proptest::prelude::*;

    use super::super::summary::summary;
    use super::*;
    use crate::app::state::Target;
    use crate::domain::live::ServerInfo;
    use crate::domain::route::Route;
    use crate::domain::session::{Plan, SessionEvent};
    use crate::domain::text::oracle::{fault, hostile};
    use crate::report::fixture;

    fn app(session: Session) -> App {
        let target = Target {
            url: String::new(),
            model: None,
            server: ServerInfo::default(),
            simulated: false,
            route: Route::default(),
            connection: Connection::Ready,
        };
        App::new(target, session, None, Vec::new())
    }

    #[test]
    fn a_load_prints_progress_at_most_once_a_second() {
        let mut session = Session::new(Arc::new(fixture::suite(&["a"])), Plan::default());
        session.handle(SessionEvent::Begin(Nanos::from_millis(500)));
        let app = app(session);
        let mut load = LoadProgress::default();
        let lines: Vec<_> = [1000, 1001, 1999, 2000, 2999, 3100]
            .into_iter()
            .filter_map(|at| load.line(&app.scene, Nanos::from_millis(at)))
            .collect();
        assert_eq!(lines, ["0.5 s", "1.5 s", "2.6 s"].map(|s| format!("{s}  0 ok  0 failed  1 in flight")));
    }

    #[test]
    fn unresolved_figures_are_called_so_in_the_progress_and_explained_in_the_summary() {
        let session = fixture::run(fixture::suite(&["a"]), Plan::default(), |id, now| {
            let mut record = fixture::answer(id, now, 1000, 10, 100);
            record.content_length = Some(6121);
            Some(record)
        });
        let record = session.records().next().unwrap();
        let mut stderr = Vec::new();
        progress(&session, &record, false, &mut stderr);
        let line = String::from_utf8(stderr).unwrap();
        assert!(line.contains("TTFT unresolved  "), "{line}");
        let printed = summary(&fixture::report(session));
        let explained = printed.find("dropped: the stream does not carry the figure");
        assert!(explained.is_some_and(|at| printed.find("1 unresolved") < Some(at)), "{printed}");
        let resolved = fixture::report(fixture::sample_session());
        assert!(!summary(&resolved).contains("dropped:"));
    }

    /// Everything that a run with these texts prints.
    fn printed(texts: &[String], dim: bool) -> String {
        let text = |place: usize| texts[place].clone();
        let mut suite = fixture::suite(&[&texts[0], &texts[1]]);
        suite.name = text(2);
        let session = fixture::run(suite, Plan::default(), |id, now| {
            let mut record = fixture::answer(id, now, 100, 7, 3);
            (record.finish_reason, record.warnings) = (Some(text(3)), vec![text(4)]);
            Some(if id.case == 0 { record } else { fixture::refusal(id, now, &text(5)) })
        });
        let mut app = app(session);
        let target = &mut app.scene.target;
        (target.url, target.model, target.route.proxy) = (text(6), Some(text(7)), Some(text(8)));
        target.server = ServerInfo { kind: Some(text(9)), version: Some(text(10)) };
        let mut out = Vec::new();
        greet(&app.scene, &mut out);
        app.model_doubt = Some(text(7));
        print_target(&app, &mut out);
        for record in app.scene.session.records() {
            progress(&app.scene.session, &record, dim, &mut out);
        }
        say_to(&mut out, &summary(&fixture::report(app.scene.session.clone())));
        say_to(&mut out, &text(11));
        String::from_utf8(out).unwrap()
    }

    proptest! {
        #[test]
        fn hostile_text_stays_on_its_line(texts in prop::collection::vec(hostile(), 12), dim in any::<bool>()) {
            let mut said = printed(&texts, dim);
            if dim {
                // The program's own; none of them is anyone else's.
                let notes = said.lines().filter(|l| l.starts_with("\u{1b}[2m      ! ") && l.ends_with("\u{1b}[22m"));
                prop_assert_eq!(notes.count(), 1);
                said = said.replacen("\u{1b}[2m", "", 1).replacen("\u{1b}[22m", "", 1);
            }
            prop_assert_eq!(fault(&said), None);
            let own_lines = |said: &str, texts: &[String]| {
                said.lines().count() - crate::domain::text::sanitise(&texts[11]).matches('\n').count()
            };
            let plain = vec!["x".to_owned(); 12];
            prop_assert_eq!(own_lines(&said, &texts), own_lines(&printed(&plain, false), &plain), "{}", said);
        }
    }
}
