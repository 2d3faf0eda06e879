//! Events of the run, and the commands they cause.

use std::sync::Arc;

use crate::app::message::{Effect, RunEffect};
use crate::app::state::App;
use crate::domain::live::EngineCommand;
use crate::domain::session::{Mode, SessionCommand, SessionEvent};

/// Applies an event to the run. A saved run ignores events.
pub(super) fn apply(app: &mut App, event: SessionEvent) -> Vec<Effect> {
    if app.playback.is_some() {
        return Vec::new();
    }
    let scene = &mut app.scene;
    let commands = scene.session.handle_at(scene.now, event);
    scene.load.advance(scene.now, &scene.session);
    scene.traces.hold(scene.now, scene.session.mode == Mode::Held);
    let effect = |command| match command {
        SessionCommand::Abort(id) => Effect::Run(RunEffect::Engine(EngineCommand::Abort(id))),
        SessionCommand::Start { id, warmup, due } => {
            let case = scene.session.suite.cases[id.case].clone();
            let model = case.model.clone().or_else(|| scene.target.model.clone()).unwrap_or_default();
            Effect::Run(RunEffect::Engine(EngineCommand::Start { id, case: Arc::new(case), model, warmup, due }))
        }
    };
    commands.into_iter().map(effect).collect()
}
