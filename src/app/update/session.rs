//! Applies events to the run, and turns its commands into effects.

use std::sync::Arc;

use crate::app::message::{Effect, RunEffect};
use crate::app::state::App;
use crate::domain::live::EngineCommand;
use crate::domain::request_lengths::RequestLengths;
use crate::domain::session::{Mode, SessionCommand, SessionInput};
use crate::domain::time::Nanos;

/// Applies an event to the run. A saved run ignores all events.
pub(super) fn apply(app: &mut App, event: SessionInput) -> Vec<Effect> {
    if app.playback.is_some() {
        return Vec::new();
    }
    let scene = &mut app.scene;
    let freed = if let SessionInput::Ended(_, record) = &event { Some(record.ended) } else { None };
    let was_full = scene.session.in_flight() >= scene.session.plan.concurrency.max(1);
    let commands = scene.session.handle_at(scene.now, event);
    scene.load.advance(scene.now, &scene.session);
    scene.traces.hold(scene.now, scene.session.mode == Mode::Held);
    let effect = |command| match command {
        SessionCommand::Abort(id) => Effect::Run(RunEffect::Engine(EngineCommand::Abort(id))),
        SessionCommand::Start { id, warmup, due, row, turn } => {
            let case = scene.session.suite.cases[id.case].clone();
            // Choose by the number of the conversation, so that all its turns use one model.
            let number = turn.map_or(id.number, |turn| turn.conversation);
            let drawn = || scene.session.suite.model_mix.as_ref().map(|mix| mix.choose(id.case, number).to_owned());
            let model = case.model.clone().or_else(drawn).or_else(|| scene.target.model.clone()).unwrap_or_default();
            let ready = ready(due, freed, was_full);
            let lengths = RequestLengths::default();
            let start =
                EngineCommand::Start { id, case: Arc::new(case), model, warmup, due, turn, row, lengths, ready };
            Effect::Run(RunEffect::Engine(start))
        }
    };
    commands.into_iter().map(effect).collect()
}

/// Earliest time at which a request could be sent: once it was due and a slot was free. Any later delay is tokscope's
/// own. In a closed loop, only the end of another request makes a request wait.
fn ready(due: Option<Nanos>, freed: Option<Nanos>, was_full: bool) -> Option<Nanos> {
    match due {
        Some(due) => Some(freed.filter(|_| was_full).map_or(due, |freed| freed.max(due))),
        None => freed,
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_request_waits_for_its_time_and_for_a_slot() {
        let at = |n| Some(Nanos(n));
        // Open loop: no wait for a slot, for an early request, or for a late one.
        assert_eq!(ready(at(5), at(9), false), at(5));
        assert_eq!(ready(at(5), at(3), true), at(5));
        assert_eq!(ready(at(5), at(9), true), at(9));
        assert_eq!(ready(at(5), None, false), at(5));
        // Closed loop: the first request waits for nothing.
        assert_eq!((ready(None, at(9), true), ready(None, None, false)), (at(9), None));
    }
}
