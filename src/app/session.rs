//! What happens to the run, and what it wants of the engine.

use std::sync::Arc;

use super::message::Effect;
use super::model::App;
use crate::domain::live::EngineCommand;
use crate::domain::session::{Mode, SessionCommand, SessionEvent};

/// Tells the run; a saved one stays as it is.
pub(super) fn session(app: &mut App, event: SessionEvent) -> Vec<Effect> {
    if app.playback.is_some() {
        return Vec::new();
    }
    let scene = &mut app.scene;
    let commands = scene.session.handle_at(scene.now, event);
    scene.load.pass(scene.now, &scene.session);
    scene.traces.hold(scene.now, scene.session.mode == Mode::Held);
    let effect = |command| match command {
        SessionCommand::Abort(id) => Effect::Engine(EngineCommand::Abort(id)),
        SessionCommand::Start { id, warmup, due } => {
            let case = scene.session.suite.cases[id.case].clone();
            let model = case.model.clone().or_else(|| scene.target.model.clone()).unwrap_or_default();
            Effect::Engine(EngineCommand::Start { id, case: Arc::new(case), model, warmup, due })
        }
    };
    commands.into_iter().map(effect).collect()
}
