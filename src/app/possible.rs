//! Which actions would do something now, and what stands in the way of the others.

use super::answer::is_searched;
use super::cases::has_baseline_or_figures;
use super::message::Action;
use super::model::{App, Overlay};
use crate::domain::session::{CasePhase, CaseState, Mode};
use crate::domain::text::sanitise_line;

/// Why an action would do nothing.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Obstacle {
    /// What is so, in a sentence without its full stop.
    pub why: String,
    /// What would help. The footer says it with its key.
    pub remedy: Option<Action>,
}

/// Whether an action would do something now: what footer and help show as possible.
pub fn is_possible(app: &App, action: Action) -> bool {
    obstacle(app, action).is_none()
}

/// What stands in the way of an action now; `None` where it would do something.
pub fn obstacle(app: &App, action: Action) -> Option<Obstacle> {
    let session = &app.scene.session;
    let of_case = |of: fn(&App, &str, &CaseState) -> Option<Obstacle>| {
        let case = session.suite.cases.get(app.ui.selected).zip(session.cases.get(app.ui.selected));
        let Some((spec, state)) = case else { return told("The suite has no cases", None) };
        of(app, &sanitise_line(&spec.name), state)
    };
    let is_replay = app.playback.as_ref().is_some_and(|p| p.is_replay());
    match action {
        Action::ReplayBack | Action::ReplayForward | Action::ReplaySlower | Action::ReplayFaster if !is_replay => {
            told("Nothing is replayed: `tokscope replay` plays a saved run again", None)
        }
        Action::ToggleHold if is_replay => None,
        Action::ToggleHold | Action::TogglePauseCase | Action::Cancel | Action::Rerun | Action::RerunFailed
            if app.playback.is_some() =>
        {
            told("This is a saved run: nothing is measured", None)
        }
        Action::ToggleHold => match session.mode {
            Mode::Running | Mode::Held => None,
            Mode::Waiting => told("The run has not begun: the endpoint has not answered yet", None),
            Mode::Finished => told("The run is finished: there is nothing to hold", Some(Action::Rerun)),
        },
        Action::TogglePauseCase | Action::Cancel => of_case(over),
        Action::Rerun => of_case(rerun),
        Action::RerunFailed if session.count(CasePhase::Failed) > 0 => None,
        Action::RerunFailed => told("No case has failed", None),
        Action::Unfold => of_case(unfold),
        Action::Fold if app.ui.cases.unfolded.contains(&app.ui.selected) => None,
        Action::Fold => of_case(|_, name, _| told(&format!("'{name}' is not unfolded"), Some(Action::Unfold))),
        Action::ToggleBaseline if has_baseline_or_figures(app) => None,
        Action::ToggleBaseline => told("There are no figures yet to make a baseline of", None),
        Action::Back => {
            let ui = &app.ui;
            let has_something = ui.zoomed
                || !ui.filter.is_empty()
                || !ui.follows
                || ui.answer.is_scrolled()
                || is_searched(app)
                || ui.overlay != Overlay::None;
            if has_something { None } else { told("Nothing to go back from: the selection follows the run", None) }
        }
        Action::LineDown | Action::LineUp | Action::ToTop | Action::ToEnd if app.ui.answer.can_scroll() => None,
        Action::LineDown | Action::LineUp | Action::ToTop | Action::ToEnd => told("All of it is on the screen", None),
        Action::ToggleThinking if app.ui.answer.can_fold() => None,
        Action::ToggleThinking => told("There is no thinking in it", None),
        Action::NextMatch | Action::PreviousMatch if app.ui.answer.has_matches() => None,
        Action::NextMatch | Action::PreviousMatch => told("Nothing was found to go to", Some(Action::Search)),
        Action::Zoom if app.ui.zoomed => told("The pane fills the screen", Some(Action::Back)),
        Action::ScopeWider if app.ui.scope.shows_whole(app.shown()) => told("The whole run is shown", None),
        Action::ScopeEarlier if app.ui.scope.is_at_start(app.shown()) => {
            told("The run is shown from its start on", Some(Action::ScopeCloser))
        }
        Action::ScopeLater if app.ui.scope.is_at_end() => told("The scope goes along with the run already", None),
        Action::ScopeNow if app.ui.scope.is_moved() => None,
        Action::ScopeNow => told("The scope shows now already", None),
        _ => None,
    }
}

#[expect(clippy::unnecessary_wraps, reason = "what the arms above return")]
fn told(why: &str, remedy: Option<Action>) -> Option<Obstacle> {
    Some(Obstacle { why: why.to_owned(), remedy })
}

/// Pausing and cancelling.
fn over(_app: &App, name: &str, state: &CaseState) -> Option<Obstacle> {
    let word = match state.phase {
        CasePhase::Queued | CasePhase::Running | CasePhase::Paused => return None,
        CasePhase::Done => "is done",
        CasePhase::Failed => "has failed",
        CasePhase::Cancelled => "is cancelled already",
        CasePhase::Unreached => "had no turn",
    };
    told(&format!("'{name}' {word}"), Some(Action::Rerun))
}

fn rerun(app: &App, name: &str, state: &CaseState) -> Option<Obstacle> {
    match state.phase {
        _ if app.scene.session.began.is_none() => {
            told("The run has not begun: the endpoint has not answered yet", None)
        }
        CasePhase::Queued => told(&format!("'{name}' is queued: it runs when its turn comes"), None),
        CasePhase::Running => told(&format!("'{name}' is running"), Some(Action::Cancel)),
        _ => None,
    }
}

fn unfold(app: &App, name: &str, state: &CaseState) -> Option<Obstacle> {
    if state.attempts.is_empty() {
        return told(&format!("'{name}' has no attempt yet"), None);
    }
    let is_unfolded = app.ui.cases.unfolded.contains(&app.ui.selected);
    if is_unfolded { told(&format!("'{name}' is unfolded already"), Some(Action::Fold)) } else { None }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::app::message::Msg;
    use crate::app::update::testing::{app, discovered, ended};
    use crate::app::update::update;
    use crate::domain::attempt::AttemptStatus;
    use crate::domain::time::Nanos;

    /// What is told when the user wants this.
    fn told(app: &mut App, action: Action) -> (String, Option<Action>) {
        app.ui.notice = None;
        let effects = update(app, Msg::Action(Nanos(10), action));
        assert!(effects.is_empty(), "{effects:?}");
        let notice = app.ui.notice.clone();
        notice.map_or_else(Default::default, |n| (n.text, n.remedy))
    }

    #[test]
    fn a_key_that_does_nothing_says_why_and_what_would() {
        let mut app = app(2);
        assert!(told(&mut app, Action::ToggleHold).0.contains("has not begun"));
        assert!(told(&mut app, Action::Rerun).0.contains("has not begun"));
        assert!(told(&mut app, Action::Unfold).0.contains("no attempt yet"));
        discovered(&mut app, &["m"]);
        assert_eq!(told(&mut app, Action::Rerun), ("'case 0' is running".to_owned(), Some(Action::Cancel)));
        assert_eq!(told(&mut app, Action::RerunFailed), ("No case has failed".to_owned(), None));
        assert!(told(&mut app, Action::ToggleBaseline).0.contains("no figures yet"));
        ended(&mut app, 0, 1, AttemptStatus::Ok);
        assert_eq!(told(&mut app, Action::Cancel), ("'case 0' is done".to_owned(), Some(Action::Rerun)));
        assert_eq!(told(&mut app, Action::TogglePauseCase), ("'case 0' is done".to_owned(), Some(Action::Rerun)));
        assert_eq!(told(&mut app, Action::Fold), ("'case 0' is not unfolded".to_owned(), Some(Action::Unfold)));
        app.ui.selected = 1;
        ended(&mut app, 1, 1, AttemptStatus::Timeout);
        assert_eq!(told(&mut app, Action::Cancel), ("'case 1' has failed".to_owned(), Some(Action::Rerun)));
        assert!(told(&mut app, Action::ToggleHold).0.contains("finished"));
    }

    #[test]
    fn what_would_do_something_is_done_without_a_word() {
        let mut app = app(2);
        discovered(&mut app, &["m"]);
        for action in [Action::ToggleHold, Action::SelectNext, Action::Unfold, Action::SortByNext, Action::Back] {
            app.ui.selected = 0;
            update(&mut app, Msg::Action(Nanos(10), action));
            assert_eq!(app.ui.notice, None, "{action:?}");
        }
        assert!(is_possible(&app, Action::Cancel));
    }

    #[test]
    fn an_empty_suite_has_nothing_to_pause() {
        let mut app = app(0);
        assert_eq!(told(&mut app, Action::TogglePauseCase).0, "The suite has no cases");
    }

    #[test]
    fn names_are_told_without_what_steers_a_terminal() {
        let mut app = app(1);
        discovered(&mut app, &["m"]);
        std::sync::Arc::make_mut(&mut app.scene.session.suite).cases[0].name = "\u{1b}[31mred".to_owned();
        assert_eq!(told(&mut app, Action::Rerun).0, "'red' is running");
    }
}
