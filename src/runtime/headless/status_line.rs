//! Progress on a terminal: one line, rewritten in place, with the time that is left.

use std::io::IsTerminal;
use std::time::Duration;

use crate::app::state::Scene;
use crate::domain::session::Session;
use crate::domain::time::{Nanos, clock};
use crate::report::text_table::cut;
use crate::ui::terminal;

/// Minimum time between two updates.
const INTERVAL: Duration = Duration::from_millis(250);

/// The status line.
#[derive(Debug, Default)]
pub struct StatusLine {
    next: Nanos,
}

impl StatusLine {
    /// Creates the line if stderr is a terminal that can rewrite it.
    pub fn for_stderr() -> Option<Self> {
        let is_dumb = std::env::var_os("TERM").is_some_and(|term| term == "dumb");
        (std::io::stderr().is_terminal() && !is_dumb && terminal::takes_escapes()).then(Self::default)
    }

    /// When the line is due again; `None` while nothing runs.
    pub fn next_at(&self, scene: &Scene) -> Option<Nanos> {
        scene.session.is_active().then_some(self.next)
    }

    /// Returns the line in the width of the terminal, if it is due.
    pub fn line(&mut self, scene: &Scene, now: Nanos) -> Option<String> {
        if now < self.next || !scene.session.is_active() {
            return None;
        }
        self.next = now.plus(INTERVAL);
        // The last column is free: some terminals wrap when it is written.
        Some(cut(&text(scene, now), terminal::columns().unwrap_or(80).saturating_sub(1)))
    }
}

fn text(scene: &Scene, now: Nanos) -> String {
    let (session, tally) = (&scene.session, &scene.load.tally);
    let elapsed = session.running_for(now).unwrap_or_default();
    let total = session.plan.measured_requests(session.cases.len());
    let done = total.map_or_else(|| tally.ended.to_string(), |total| format!("{}/{total}", tally.ended));
    let stage = (!session.sweep.is_empty()).then(|| {
        format!("stage {}/{}, concurrency {}", session.stage + 1, session.sweep.len(), session.plan.concurrency)
    });
    let failed = tally.ended - tally.ok;
    let failed = (failed > 0).then(|| format!("{failed} failed"));
    let in_flight = Some(format!("{} in flight", session.in_flight()));
    let left = time_left(session, tally.ended, now).map(|left| format!("about {} left", clock(left)));
    let parts = [stage, Some(format!("{done} requests")), failed, in_flight, Some(clock(elapsed)), left];
    parts.into_iter().flatten().collect::<Vec<_>>().join(" · ")
}

/// Estimates the time until the end: from the time limit, or from the pace of the requests that ended. A sweep's stages
/// count alike. `None` before the first request of the run ended.
fn time_left(session: &Session, ended_in_stage: usize, now: Nanos) -> Option<Duration> {
    let in_stage = session.share_of_time(now).or_else(|| {
        let total = session.plan.measured_requests(session.cases.len())?;
        Some((ended_in_stage as f64 / total.max(1) as f64).min(1.0))
    })?;
    let share = (session.stage as f64 + in_stage) / session.sweep.len().max(1) as f64;
    let elapsed = session.running_for(now)?;
    (share > 0.0).then(|| elapsed.mul_f64(((1.0 - share) / share).min(1e6)))
}

#[cfg(test)]
mod tests {
    use std::sync::Arc;

    use super::*;
    use crate::domain::session::{Plan, SessionCommand, SessionEvent};
    use crate::report::fixture;

    /// Runs a session until this many attempts of one second each have ended.
    fn session(plan: Plan, ended: u64) -> Session {
        let mut session = Session::new(Arc::new(fixture::suite(&["a", "b"])), plan);
        let mut commands = session.handle(SessionEvent::Begin(Nanos(0)));
        for second in 0..ended {
            let Some(SessionCommand::Start { id, .. }) = commands.first().cloned() else { break };
            let record = fixture::answer(id, Nanos::from_millis(second * 1000), 1000, 10, 100);
            commands = session.handle(SessionEvent::Ended(id, Arc::new(record)));
        }
        session
    }

    #[test]
    fn the_time_left_follows_the_pace_of_the_requests_that_ended() {
        let left = |plan, ended: u64, at_s: u64| {
            let session = session(plan, ended);
            time_left(&session, ended as usize, Nanos::from_millis(at_s * 1000)).map(|left| left.as_secs())
        };
        let plan = Plan { requests: Some(8), ..Plan::default() };
        assert_eq!(left(plan, 0, 1), None);
        assert_eq!(left(plan, 2, 2), Some(6));
        assert_eq!(left(plan, 4, 4), Some(4));
        let timed = Plan { duration: Some(Duration::from_secs(60)), ..Plan::default() };
        assert_eq!(left(timed, 1, 15), Some(45));
    }
}
