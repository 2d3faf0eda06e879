//! What the mouse does, while it is asked for.

use super::cases::{choose_case, select};
use super::dialogs;
use super::message::Effect;
use super::model::{App, Overlay, PaneId};
use crate::app::message::Action;

/// What the mouse did, in words of the screen.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Pointer {
    /// A click into a pane, on the row of a case where there is one.
    Click {
        /// The pane.
        pane: PaneId,
        /// The case.
        case: Option<usize>,
    },
    /// The wheel turned by a notch.
    Wheel {
        /// The pane under it.
        pane: Option<PaneId>,
        /// Towards the end of what is shown.
        down: bool,
    },
}

/// Lines of a text that a notch of the wheel moves.
const LINES: usize = 3;

/// Carries it out.
pub(super) fn take(app: &mut App, pointer: Pointer) -> Vec<Effect> {
    match (pointer, &app.ui.overlay) {
        (Pointer::Click { pane, case }, Overlay::None) => {
            app.ui.focus = pane;
            if let Some(case) = case.filter(|case| app.listed_cases().contains(case)) {
                app.ui.follows = false;
                choose_case(app, case);
            }
            Vec::new()
        }
        // What lies over the panes is answered by keys.
        (Pointer::Click { .. }, _) => Vec::new(),
        (Pointer::Wheel { pane, down }, Overlay::None) => {
            if let Some(pane) = pane {
                of_wheel(app, pane, if down { 1 } else { -1 }, LINES.cast_signed());
            }
            Vec::new()
        }
        (Pointer::Wheel { down, .. }, overlay) => {
            let lines = if matches!(overlay, Overlay::Help(_) | Overlay::Report(_)) { LINES } else { 1 };
            let action = if down { Action::SelectNext } else { Action::SelectPrevious };
            (0..lines).filter_map(|_| dialogs::act(app, action)).flatten().collect()
        }
    }
}

/// A notch of the wheel over a pane: a case further, or some lines of the answer.
fn of_wheel(app: &mut App, pane: PaneId, by: isize, lines: isize) {
    match pane {
        PaneId::Cases => select(app, by),
        PaneId::Preview => app.ui.answer.scroll(by * lines),
        _ => {}
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::app::answer::{Drawn, Page};
    use crate::app::message::Msg;
    use crate::app::update::testing::app;
    use crate::app::update::update;
    use crate::domain::time::Nanos;

    fn point(app: &mut App, pointer: Pointer) {
        assert!(update(app, Msg::Pointer(Nanos(1), pointer)).is_empty());
    }

    #[test]
    fn a_click_selects_a_case_and_gives_its_pane_the_keys() {
        let mut app = app(3);
        point(&mut app, Pointer::Click { pane: PaneId::Gpu, case: None });
        assert_eq!((app.ui.focus, app.ui.selected, app.ui.follows), (PaneId::Gpu, 0, true));
        point(&mut app, Pointer::Click { pane: PaneId::Cases, case: Some(2) });
        assert_eq!((app.ui.focus, app.ui.selected, app.ui.follows), (PaneId::Cases, 2, false));
        // A row of a frame that is gone.
        point(&mut app, Pointer::Click { pane: PaneId::Cases, case: Some(9) });
        assert_eq!(app.ui.selected, 2);
        app.ui.overlay = Overlay::ConfirmQuit;
        point(&mut app, Pointer::Click { pane: PaneId::Preview, case: None });
        assert_eq!((app.ui.focus, &app.ui.overlay), (PaneId::Cases, &Overlay::ConfirmQuit));
    }

    #[test]
    fn the_wheel_moves_what_is_under_it() {
        let mut app = app(3);
        let drawn = |from| Drawn { from, limit: 10, ..Drawn::default() };
        app.ui.answer.drawn(drawn(10));
        point(&mut app, Pointer::Wheel { pane: Some(PaneId::Preview), down: false });
        // Seven lines of the answer are above what is shown now.
        assert_eq!(app.ui.answer.place(&[], Page { total: 15, rows: 5, ..Page::default() }).from, 7);
        assert_eq!((app.ui.selected, app.ui.focus), (0, PaneId::Cases));
        point(&mut app, Pointer::Wheel { pane: Some(PaneId::Cases), down: true });
        assert_eq!(app.ui.selected, 1);
        point(&mut app, Pointer::Wheel { pane: None, down: true });
        assert_eq!(app.ui.selected, 1);
        app.ui.overlay = Overlay::Help(0);
        point(&mut app, Pointer::Wheel { pane: Some(PaneId::Cases), down: true });
        assert_eq!((&app.ui.overlay, app.ui.selected), (&Overlay::Help(3), 1));
    }
}
