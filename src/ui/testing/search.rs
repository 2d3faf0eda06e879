//! A search for the largest concurrency against a server that holds 6.

use std::sync::Arc;
use std::time::Duration;

use super::Stage;
use crate::app::state::load::Load;
use crate::domain::load_search::LoadSearch;
use crate::domain::session::{Plan, Session, SessionInput};
use crate::domain::time::Nanos;
use crate::report::fixture;

/// Highest concurrency at which the answers are fast.
const LIMIT: u32 = 6;

/// The search after this many complete probes, or at its end.
pub fn search(complete: usize) -> Stage {
    let mut suite = fixture::suite(&["a", "b"]);
    suite.find = Some(LoadSearch::concurrency(32, Duration::from_secs(2)));
    suite.slos = ["ttft_p50<150ms", "itl_p50<60ms"].map(|slo| slo.parse().unwrap()).to_vec();
    let mut session =
        Session::new(Arc::new(suite), Plan { duration: Some(Duration::from_secs(600)), ..Plan::default() });
    let mut now = Nanos::from_millis(400);
    session.handle_at(now, SessionInput::Begin(now));
    loop {
        let search = session.search().unwrap();
        let load = search.probes.last().map_or(1, |probe| probe.load.0);
        if search.finished().len() >= complete && (complete > 0 || search.is_complete()) {
            break;
        }
        let open = session.open_ids();
        if open.is_empty() {
            let Some(at) = session.wake_at() else { break };
            now = now.max(at);
            session.handle_at(now, SessionInput::Tick(now));
            continue;
        }
        // The first token comes after a tenth of the time.
        let millis = if load <= LIMIT { 900 + 40 * u64::from(load) } else { 1500 + 40 * u64::from(load) };
        let answers: Vec<_> = open.into_iter().map(|id| (id, fixture::answer(id, now, millis, 10, 20))).collect();
        for (id, record) in answers {
            now = now.max(record.ended);
            session.handle_at(now, SessionInput::Ended(id, Arc::new(record)));
        }
    }
    let mut stage = Stage::new(&["a", "b"], Plan::default());
    stage.connect();
    stage.app.scene.load = Load::from_session(&session, now);
    stage.app.scene.session = session;
    stage.app.scene.now = now;
    stage
}
