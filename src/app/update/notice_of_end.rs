//! Desktop notification at the end of a long run.

use std::time::Duration;

use crate::app::message::{Effect, ScreenEffect};
use crate::app::state::Scene;
use crate::domain::quantity::count;
use crate::domain::session::{CasePhase, Mode};

/// Minimum duration of a run whose end is announced; users watch shorter runs to their end.
const LONG_RUN: Duration = Duration::from_secs(60);

/// Returns the notification for a run that just finished, if it was a long one.
pub(super) fn notification(scene: &Scene) -> Option<Effect> {
    let session = &scene.session;
    if session.mode != Mode::Finished || scene.elapsed() < LONG_RUN {
        return None;
    }
    let failed = session.count(CasePhase::Failed);
    let failed = if failed > 0 { format!(", {failed} failed") } else { String::new() };
    let wrong = scene.load.tally.pass_rate.failed();
    let wrong = if wrong > 0 { format!(", {wrong} wrong (failed checks)") } else { String::new() };
    let requests = count(session.requests_done(), "request");
    Some(Effect::Screen(ScreenEffect::Notify(format!("Run finished: {requests}{failed}{wrong}"))))
}

#[cfg(test)]
mod tests {
    use std::sync::Arc;

    use crate::app::message::{Effect, Msg, ScreenEffect};
    use crate::app::update::testing::{app, discovered};
    use crate::app::update::update;
    use crate::domain::attempt::{AttemptId, AttemptRecord, AttemptStatus};
    use crate::domain::live::EngineFact;
    use crate::domain::time::Nanos;

    /// Notifications of a run whose only request ends after this many seconds.
    fn notifications(seconds: u64, status: AttemptStatus) -> Vec<String> {
        let mut app = app(1);
        discovered(&mut app, &["m"]);
        let id = AttemptId { case: 0, number: 1 };
        let mut record = AttemptRecord::started(id, false, String::new(), String::new(), Nanos(5));
        (record.status, record.ended) = (status, Nanos::from_millis(seconds * 1000));
        let ended = EngineFact::Ended { id, record: Arc::new(record) };
        let effects = update(&mut app, Msg::Engine(Nanos::from_millis(seconds * 1000), ended));
        let text = |effect| if let Effect::Screen(ScreenEffect::Notify(text)) = effect { Some(text) } else { None };
        effects.into_iter().filter_map(text).collect()
    }

    #[test]
    fn only_a_run_of_a_minute_or_more_is_announced() {
        assert!(notifications(59, AttemptStatus::Ok).is_empty());
        assert_eq!(notifications(61, AttemptStatus::Ok), ["Run finished: 1 request"]);
        assert_eq!(notifications(61, AttemptStatus::Timeout), ["Run finished: 1 request, 1 failed"]);
    }
}
