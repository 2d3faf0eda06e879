//! Progress on a terminal: one line with the remaining time, rewritten in place.

use std::io::IsTerminal;
use std::time::Duration;

use crate::app::state::Scene;
use crate::domain::progress::Progress;
use crate::domain::quantity::UNKNOWN;
use crate::domain::time::{Nanos, clock};
use crate::report::text_table::cut;
use crate::ui::{number, terminal};

/// Minimum time between two updates.
const INTERVAL: Duration = Duration::from_millis(250);

/// The status line.
#[derive(Debug, Default)]
pub struct StatusLine {
    next: Nanos,
}

impl StatusLine {
    /// Creates the status line if stderr is a terminal that can rewrite lines.
    pub fn for_stderr() -> Option<Self> {
        let is_dumb = std::env::var_os("TERM").is_some_and(|term| term == "dumb");
        (std::io::stderr().is_terminal() && !is_dumb && terminal::takes_escapes()).then(Self::default)
    }

    /// Returns when the line is due next; `None` while nothing runs.
    pub fn next_at(&self, scene: &Scene) -> Option<Nanos> {
        scene.session.is_active().then_some(self.next)
    }

    /// Returns the line, cut to the width of the terminal, if it is due.
    pub fn line(&mut self, scene: &Scene, now: Nanos) -> Option<String> {
        if now < self.next || !scene.session.is_active() {
            return None;
        }
        self.next = now.plus(INTERVAL);
        // Leave the last column free: some terminals start a new line when it is written.
        Some(cut(&text(scene, now), terminal::columns().unwrap_or(80).saturating_sub(1)))
    }
}

fn text(scene: &Scene, now: Nanos) -> String {
    let (session, tally) = (&scene.session, &scene.load.tally);
    let progress = Progress::new(session, now);
    let elapsed = session.running_for(now).unwrap_or_default();
    let stage = (!session.sweep.is_empty()).then(|| {
        format!("stage {}/{}, concurrency {}", session.stage + 1, session.sweep.len(), session.plan.concurrency)
    });
    let stage = stage.or_else(|| session.load_stage_name());
    let failed = tally.ended - tally.ok;
    let failed = (failed > 0).then(|| format!("{failed} failed"));
    let wrong = tally.pass_rate.failed();
    let wrong = (wrong > 0).then(|| format!("{wrong} wrong"));
    let in_flight = Some(format!("{} in flight", session.in_flight()));
    let speed =
        scene.throughput_so_far().map(|figure| number::throughput(figure, session.suite.task.throughput_unit()));
    let left = Some(format!("{} left", progress.left.map_or_else(|| UNKNOWN.to_owned(), clock)));
    let parts =
        [stage, Some(format!("{progress} requests")), failed, wrong, in_flight, speed, Some(clock(elapsed)), left];
    parts.into_iter().flatten().collect::<Vec<_>>().join(" · ")
}

#[cfg(test)]
mod tests {
    use std::sync::Arc;

    use super::*;
    use crate::app::state::testing::app;
    use crate::domain::session::{Plan, Session, SessionCommand, SessionInput};
    use crate::report::fixture;

    /// Runs a session until this many attempts have ended. Each attempt takes one second.
    fn session(plan: Plan, ended: u64) -> Session {
        let mut session = Session::new(Arc::new(fixture::suite(&["a", "b"])), plan);
        let mut commands = session.handle(SessionInput::Begin(Nanos(0)));
        for second in 0..ended {
            let Some(SessionCommand::Start { id, .. }) = commands.first().cloned() else { break };
            let record = fixture::answer(id, Nanos::from_millis(second * 1000), 1000, 10, 100);
            commands = session.handle(SessionInput::Ended(id, Arc::new(record)));
        }
        session
    }

    #[test]
    fn the_line_has_the_progress_that_the_dashboard_shows() {
        let line = |plan, ended: u64, at_s: u64| {
            let scene = Scene::new(app(0).scene.target, session(plan, ended));
            text(&scene, Nanos::from_millis(at_s * 1000))
        };
        let plan = Plan { requests: Some(8), ..Plan::default() };
        assert_eq!(line(plan, 0, 1), "0/8 requests · 1 in flight · 0:01 · – left");
        assert_eq!(line(plan, 2, 2), "2/8 requests · 1 in flight · 0:02 · 0:06 left");
        let timed = Plan { duration: Some(Duration::from_secs(60)), ..Plan::default() };
        assert_eq!(line(timed, 1, 15), "1 requests · 1 in flight · 0:15 · 0:45 left");
    }
}
