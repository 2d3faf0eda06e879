//! Restores the state of the program from a saved run.

use crate::app::state::load::Load;
use crate::app::state::{Connection, Scene, Target};
use crate::domain::attempt::StoredRecord;
use crate::domain::race::Side;
use crate::domain::session::Session;
use crate::report::journal::Saved;

/// Fills a scene from a saved run. `session` is the session to show.
pub fn fill_scene(scene: &mut Scene, saved: &Saved, session: Session) {
    let mut records: Vec<&StoredRecord> = session.attempts().filter_map(|a| a.record.as_ref()).collect();
    records.sort_by_key(|r| r.ended());
    if let Some((rival, race)) = saved.run.rival.as_ref().zip(session.race()) {
        scene.rival = Some(Target {
            url: race.settings.sides[Side::B.index()].url.clone(),
            model: Some(rival.model.clone()),
            server: rival.server.clone(),
            simulated: saved.run.simulated,
            route: rival.route.clone(),
            connection: Connection::Connecting,
        });
    }
    scene.traces.add_all(&records);
    scene.tokens_per_event = records.iter().rev().find_map(|r| r.get().tokens_per_event()).unwrap_or(1.0);
    scene.load = Load::from_session(&session, saved.last_at);
    scene.session = session;
    scene.workload_notes.clone_from(&saved.workload_notes);
    scene.gpu = saved.gpu.clone();
    scene.gauges.clone_from(&saved.gauges);
    scene.host.clone_from(&saved.host);
    scene.throughput = saved.throughput.clone();
    scene.now = saved.last_at;
}
