//! What would do something now, and why the rest would not.

use super::message::Action;
use super::model::{App, Overlay};
use crate::domain::session::{CasePhase, Mode};

/// Whether an action would do something now: what footer and help show as possible.
pub fn is_possible(app: &App, action: Action) -> bool {
    why_not(app, action).is_none()
}

/// Why an action would do nothing now; `None`: it would do something.
pub fn why_not(app: &App, action: Action) -> Option<&'static str> {
    let session = &app.scene.session;
    let phase = session.cases.get(app.ui.selected).map(|c| c.phase);
    let unless = |possible: bool, why| (!possible).then_some(why);
    match action {
        Action::ToggleHold => match session.mode {
            Mode::Waiting => Some("the run has not begun"),
            Mode::Running | Mode::Held => None,
            Mode::Finished => Some("the run is over"),
        },
        Action::TogglePauseCase | Action::Cancel => {
            let open = matches!(phase, Some(CasePhase::Queued | CasePhase::Running | CasePhase::Paused));
            unless(open, "the case is over")
        }
        Action::Rerun if session.began.is_none() => Some("the run has not begun"),
        Action::Rerun => {
            let idle = !matches!(phase, None | Some(CasePhase::Queued | CasePhase::Running));
            unless(idle, "it is queued or runs")
        }
        Action::RerunFailed => unless(session.cases.iter().any(|c| c.phase == CasePhase::Failed), "no case has failed"),
        Action::Zoom => unless(!app.ui.zoomed, "the pane fills the screen"),
        Action::Back => {
            let ui = &app.ui;
            let over = !matches!(ui.overlay, Overlay::None | Overlay::Palette(_));
            let moved = ui.zoomed || !ui.filter.is_empty() || !ui.follows || ui.preview_top.is_some();
            unless(over || moved, "there is nothing to go back from")
        }
        _ => None,
    }
}
