//! A group of three runs with a load of two cases.

use std::sync::Arc;
use std::time::Duration;

use super::Stage;
use crate::app::state::load::Load;
use crate::domain::repeated_runs::RepeatedRuns;
use crate::domain::session::{Plan, Session, SessionInput};
use crate::domain::time::Nanos;
use crate::report::fixture;

/// The group after this many answers: two for each run. After the second, the next run waits.
pub fn repeated(answers: usize) -> Stage {
    let mut suite = fixture::suite(&["a", "b"]);
    suite.repeated_runs = Some(RepeatedRuns { count: 3, cool_down: Duration::from_secs(2) });
    let mut session = Session::new(Arc::new(suite), Plan { concurrency: 2, ..Plan::default() });
    let mut now = Nanos::from_millis(400);
    session.handle_at(now, SessionInput::Begin(now));
    for _ in 0..answers {
        if session.in_flight() == 0
            && let Some(at) = session.wake_at()
        {
            now = at;
            session.handle_at(now, SessionInput::Tick(now));
        }
        let Some(id) = session.open_ids().first().copied() else { break };
        let record = fixture::answer(id, now, 900 + 10 * u64::from(id.number), 10, 20);
        now = record.ended;
        session.handle_at(now, SessionInput::Ended(id, Arc::new(record)));
    }
    let mut stage = Stage::new(&["a", "b"], Plan::default());
    stage.connect();
    stage.app.scene.load = Load::from_session(&session, now);
    stage.app.scene.session = session;
    stage.app.scene.now = now;
    stage
}
