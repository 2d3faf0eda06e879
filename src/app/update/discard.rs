//! Asks before pausing a case discards an attempt that has run for a while: only a second key press discards it.

use std::time::Duration;

use super::notices::show_notice;
use crate::app::action::Action;
use crate::app::state::{App, DiscardQuestion};
use crate::domain::session::CasePhase;

/// Minimum age of an attempt whose loss is worth a question.
const WORTH_ASKING: Duration = Duration::from_secs(10);
/// Time within which the second key press counts as the answer.
const PATIENCE: Duration = Duration::from_secs(3);

/// Whether to ask before the case is paused: its attempt has run for long, and the question is not open yet.
pub(super) fn must_ask(app: &App, case: usize) -> bool {
    let is_running = app.scene.session.cases.get(case).is_some_and(|c| c.phase == CasePhase::Running);
    let mut flying = app.scene.in_flight().filter(|f| f.id.case == case);
    let is_long = flying.any(|f| app.scene.now.since(f.started) >= WORTH_ASKING);
    let is_asked = app.ui.discard.is_some_and(|q| q.case == case && app.scene.now < q.until);
    is_running && is_long && !is_asked
}

/// Opens the question in the footer.
pub(super) fn ask(app: &mut App, case: usize) {
    let now = app.scene.now;
    app.ui.discard = Some(DiscardQuestion { case, until: now.plus(PATIENCE) });
    show_notice(app, now, "Discard the running attempt?", false);
    if let Some(notice) = &mut app.ui.notice {
        notice.remedy = Some(Action::TogglePauseCase);
        notice.duration = PATIENCE;
    }
}

/// Closes the question.
pub(super) fn withdraw(app: &mut App) {
    if app.ui.discard.take().is_some() {
        app.ui.notice = None;
    }
}

#[cfg(test)]
mod tests {
    use std::sync::Arc;

    use super::*;
    use crate::app::message::{Effect, Msg, RunEffect};
    use crate::app::update::testing::{app, discovered};
    use crate::app::update::update;
    use crate::domain::attempt::AttemptId;
    use crate::domain::live::{EngineCommand, InFlight, LiveSnapshot};
    use crate::domain::time::Nanos;

    const fn s(at: u64) -> Nanos {
        Nanos::from_millis(at * 1000)
    }

    /// A running case whose attempt started at zero, at `now_s` seconds.
    fn running(now_s: u64) -> App {
        let mut app = app(1);
        discovered(&mut app, &["m"]);
        frame(&mut app, now_s);
        app
    }

    fn frame(app: &mut App, now_s: u64) {
        let flying = InFlight { id: AttemptId { case: 0, number: 1 }, ..InFlight::default() };
        let live = LiveSnapshot { at: s(now_s), in_flight: vec![flying], ..LiveSnapshot::default() };
        update(app, Msg::Frame { now: s(now_s), live: Arc::new(live) });
    }

    /// Presses the key; returns whether the running attempt was discarded.
    fn pause(app: &mut App, now_s: u64) -> bool {
        let effects = update(app, Msg::Action(s(now_s), Action::TogglePauseCase));
        effects.iter().any(|e| matches!(e, Effect::Run(RunEffect::Engine(EngineCommand::Abort(_)))))
    }

    fn notice(app: &App) -> &str {
        app.ui.notice.as_ref().map_or("", |n| n.text.as_str())
    }

    #[test]
    fn a_young_attempt_is_discarded_at_once() {
        assert!(pause(&mut running(9), 9));
    }

    #[test]
    fn an_old_attempt_is_discarded_only_on_a_second_press() {
        let mut app = running(10);
        assert!(!pause(&mut app, 10));
        assert_eq!(notice(&app), "Discard the running attempt?");
        assert!(pause(&mut app, 12));
        assert_eq!((app.ui.discard, app.scene.session.cases[0].phase), (None, CasePhase::Paused));
        // Resuming needs no question. The case waits for its slot until the discarded attempt has ended.
        pause(&mut app, 13);
        assert_eq!((app.ui.discard, app.scene.session.cases[0].phase), (None, CasePhase::Queued));
    }

    #[test]
    fn the_question_is_closed_by_the_frame_clock_and_by_any_other_key() {
        let mut app = running(10);
        pause(&mut app, 10);
        assert_eq!(app.wake_at(), Some(s(13)));
        frame(&mut app, 13);
        assert_eq!((app.ui.discard, notice(&app)), (None, ""));
        assert!(!pause(&mut app, 14), "it asks again");
        update(&mut app, Msg::Action(s(15), Action::SelectNext));
        assert_eq!((app.ui.discard, notice(&app)), (None, ""));
        assert!(!pause(&mut app, 16));
    }
}
