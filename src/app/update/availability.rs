//! Decides which actions are available now, with the reason for each that is not.

use crate::app::action::Action;
use crate::app::state::{App, Overlay};
use crate::domain::session::{CasePhase, CaseState, Mode};
use crate::domain::text::sanitise_line;

/// Reason why an action is not available, and what would help.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Obstacle {
    /// The reason as a sentence without its full stop. Empty if the action shall do nothing silently.
    pub why: String,
    /// An action that would help. The footer shows it with its key.
    pub remedy: Option<Action>,
}

/// Whether an action is available now. Footer and help dim the others.
pub fn is_available(app: &App, action: Action) -> bool {
    obstacle(app, action).is_none()
}

/// Reason why an action is not available now; `None` if it is available.
pub fn obstacle(app: &App, action: Action) -> Option<Obstacle> {
    let session = &app.scene.session;
    let of_case = |obstacle: fn(&App, &str, &CaseState) -> Option<Obstacle>| {
        let case = session.suite.cases.get(app.ui.selected).zip(session.cases.get(app.ui.selected));
        let Some((spec, state)) = case else { return unavailable("The suite has no cases", None) };
        obstacle(app, &sanitise_line(&spec.name), state)
    };
    let is_replay = app.playback.as_ref().is_some_and(|p| p.is_replay());
    match action {
        Action::ReplayBack | Action::ReplayForward | Action::ReplaySlower | Action::ReplayFaster if !is_replay => {
            unavailable("Replays only: `tokscope replay`", None)
        }
        Action::ToggleHold if is_replay => None,
        Action::ToggleHold | Action::TogglePauseCase | Action::Cancel | Action::Rerun | Action::RerunFailed
            if app.playback.is_some() =>
        {
            unavailable("Not available in a saved run", None)
        }
        // Both actions resume a stopped run.
        Action::ToggleHold | Action::Rerun if app.scene.stop.is_some() => None,
        Action::ToggleHold => match session.mode {
            Mode::Running | Mode::Held => None,
            Mode::Waiting => unavailable("The run has not started: waiting for the endpoint", None),
            Mode::Finished => unavailable("The run has finished", Some(Action::Rerun)),
        },
        Action::TogglePauseCase | Action::Cancel => of_case(ended),
        Action::Rerun => of_case(rerun),
        Action::RerunFailed if session.count(CasePhase::Failed) > 0 => None,
        Action::RerunFailed => unavailable("No case has failed", None),
        Action::Unfold => of_case(unfold),
        Action::Fold if app.ui.cases.unfolded.contains(&app.ui.selected) => None,
        Action::Fold => of_case(|_, name, _| unavailable(&format!("'{name}' shows no attempts"), Some(Action::Unfold))),
        Action::ToggleBaseline if has_baseline_or_figures(app) => None,
        Action::ToggleBaseline => unavailable("No results yet for a baseline", None),
        Action::Back => {
            let ui = &app.ui;
            let can_go_back = ui.zoomed
                || !ui.filter.is_empty()
                || !ui.follows
                || ui.answer.is_scrolled()
                || ui.is_answer_searched()
                || ui.overlay != Overlay::None;
            // Show no message: users press this key just to make sure that nothing is open.
            if can_go_back { None } else { unavailable("", None) }
        }
        Action::LineDown | Action::LineUp | Action::ToTop | Action::ToEnd if app.ui.answer.can_scroll() => None,
        Action::LineDown | Action::LineUp | Action::ToTop | Action::ToEnd => {
            unavailable("The whole text is on the screen", None)
        }
        Action::ToggleThinking if app.ui.answer.can_fold() => None,
        Action::ToggleThinking => unavailable("The text has no reasoning", None),
        Action::NextMatch | Action::PreviousMatch if app.ui.answer.has_matches() => None,
        Action::NextMatch | Action::PreviousMatch => unavailable("The search has no match", Some(Action::Search)),
        Action::Zoom if app.ui.zoomed => unavailable("The pane is already zoomed", Some(Action::Back)),
        Action::ScopeWider if app.ui.scope.shows_whole(app.shown()) => {
            unavailable("The whole run is already shown", None)
        }
        Action::ScopeEarlier if app.ui.scope.is_at_start(app.shown()) => {
            unavailable("Already at the start of the run", Some(Action::ScopeCloser))
        }
        Action::ScopeLater if app.ui.scope.is_at_end() => unavailable("The scope already follows the run", None),
        Action::SweepChart if session.sweep.is_empty() => unavailable("Sweeps only: `tokscope --sweep 1,2,4,8`", None),
        Action::ScopeNow if app.ui.scope.is_moved() => None,
        Action::ScopeNow => unavailable("The view is already reset", None),
        _ => None,
    }
}

/// Shorthand for an arm of [`obstacle`].
#[expect(clippy::unnecessary_wraps, reason = "the arms of `obstacle` return an option")]
fn unavailable(why: &str, remedy: Option<Action>) -> Option<Obstacle> {
    Some(Obstacle { why: why.to_owned(), remedy })
}

/// Whether there is a baseline to drop, or a figure to make one of.
fn has_baseline_or_figures(app: &App) -> bool {
    let stage = app.scene.shown_stage();
    app.ui.cases.baseline.is_some() || app.scene.session.cases.iter().any(|c| c.reported_in(stage).next().is_some())
}

/// Reason why a case cannot be paused or cancelled; `None` if it can.
fn ended(_app: &App, name: &str, state: &CaseState) -> Option<Obstacle> {
    let word = match state.phase {
        CasePhase::Queued | CasePhase::Running | CasePhase::Paused => return None,
        CasePhase::Done => "is done",
        CasePhase::Failed => "has failed",
        CasePhase::Cancelled => "is already cancelled",
        CasePhase::Unreached => "was not started",
    };
    unavailable(&format!("'{name}' {word}"), Some(Action::Rerun))
}

/// Reason why a case cannot be rerun; `None` if it can.
fn rerun(app: &App, name: &str, state: &CaseState) -> Option<Obstacle> {
    match state.phase {
        _ if app.scene.session.began.is_none() => {
            unavailable("The run has not started: waiting for the endpoint", None)
        }
        CasePhase::Queued => unavailable(&format!("'{name}' is already queued"), None),
        CasePhase::Running => unavailable(&format!("'{name}' is running"), Some(Action::Cancel)),
        _ => None,
    }
}

/// Reason why a case cannot be unfolded; `None` if it can.
fn unfold(app: &App, name: &str, state: &CaseState) -> Option<Obstacle> {
    if state.attempts.is_empty() {
        return unavailable(&format!("'{name}' has no attempts yet"), None);
    }
    let is_unfolded = app.ui.cases.unfolded.contains(&app.ui.selected);
    if is_unfolded { unavailable(&format!("'{name}' already shows its attempts"), Some(Action::Fold)) } else { None }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::app::message::Msg;
    use crate::app::update::testing::{app, discovered, ended};
    use crate::app::update::update;
    use crate::domain::attempt::AttemptStatus;
    use crate::domain::time::Nanos;

    /// Carries out an action that must have no effect. Returns text and remedy of the notice.
    fn notice_after(app: &mut App, action: Action) -> (String, Option<Action>) {
        app.ui.notice = None;
        let effects = update(app, Msg::Action(Nanos(10), action));
        assert!(effects.is_empty(), "{effects:?}");
        let notice = app.ui.notice.clone();
        notice.map_or_else(Default::default, |n| (n.text, n.remedy))
    }

    #[test]
    fn an_unavailable_action_shows_the_reason_and_a_remedy() {
        let mut app = app(2);
        assert!(notice_after(&mut app, Action::ToggleHold).0.contains("has not started"));
        assert!(notice_after(&mut app, Action::Rerun).0.contains("has not started"));
        assert!(notice_after(&mut app, Action::Unfold).0.contains("no attempts yet"));
        discovered(&mut app, &["m"]);
        assert_eq!(notice_after(&mut app, Action::Rerun), ("'case 0' is running".to_owned(), Some(Action::Cancel)));
        assert_eq!(notice_after(&mut app, Action::RerunFailed), ("No case has failed".to_owned(), None));
        assert!(notice_after(&mut app, Action::SweepChart).0.contains("Sweeps only"));
        assert!(notice_after(&mut app, Action::ToggleBaseline).0.contains("No results yet"));
        ended(&mut app, 0, 1, AttemptStatus::Ok);
        assert_eq!(notice_after(&mut app, Action::Cancel), ("'case 0' is done".to_owned(), Some(Action::Rerun)));
        assert_eq!(
            notice_after(&mut app, Action::TogglePauseCase),
            ("'case 0' is done".to_owned(), Some(Action::Rerun))
        );
        assert_eq!(
            notice_after(&mut app, Action::Fold),
            ("'case 0' shows no attempts".to_owned(), Some(Action::Unfold))
        );
        app.ui.selected = 1;
        ended(&mut app, 1, 1, AttemptStatus::Timeout);
        assert_eq!(notice_after(&mut app, Action::Cancel), ("'case 1' has failed".to_owned(), Some(Action::Rerun)));
        assert!(notice_after(&mut app, Action::ToggleHold).0.contains("finished"));
    }

    #[test]
    fn an_available_action_shows_no_notice() {
        let mut app = app(2);
        discovered(&mut app, &["m"]);
        for action in [Action::ToggleHold, Action::SelectNext, Action::Unfold, Action::SortByNext, Action::Back] {
            app.ui.selected = 0;
            update(&mut app, Msg::Action(Nanos(10), action));
            assert_eq!(app.ui.notice, None, "{action:?}");
        }
        assert!(is_available(&app, Action::Cancel));
    }

    #[test]
    fn an_empty_suite_has_nothing_to_pause() {
        let mut app = app(0);
        assert_eq!(notice_after(&mut app, Action::TogglePauseCase).0, "The suite has no cases");
    }

    #[test]
    fn names_in_notices_have_no_control_sequences() {
        let mut app = app(1);
        discovered(&mut app, &["m"]);
        std::sync::Arc::make_mut(&mut app.scene.session.suite).cases[0].name = "\u{1b}[31mred".to_owned();
        assert_eq!(notice_after(&mut app, Action::Rerun).0, "'red' is running");
    }
}
