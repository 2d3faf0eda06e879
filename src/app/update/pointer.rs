//! Mouse events.

use super::dialogs;
use super::selection::{move_selection, select_case};
use crate::app::action::Action;
use crate::app::message::Effect;
use crate::app::pane::PaneId;
use crate::app::state::pointer::Pointer;
use crate::app::state::{App, Overlay};

/// Lines that a notch of the wheel scrolls.
const WHEEL_LINES: usize = 3;

/// Carries out a mouse event.
pub(super) fn handle(app: &mut App, pointer: Pointer) -> Vec<Effect> {
    match (pointer, &app.ui.overlay) {
        (Pointer::Click { pane, case }, Overlay::None) => {
            app.ui.focus = pane;
            if let Some(case) = case.filter(|case| app.listed_cases().contains(case)) {
                app.ui.follows = false;
                select_case(app, case);
            }
            Vec::new()
        }
        // An overlay ignores clicks.
        (Pointer::Click { .. }, _) => Vec::new(),
        (Pointer::Wheel { pane, down }, Overlay::None) => {
            if let Some(pane) = pane {
                scroll(app, pane, if down { 1 } else { -1 }, WHEEL_LINES.cast_signed());
            }
            Vec::new()
        }
        (Pointer::Wheel { down, .. }, overlay) => {
            let lines = if matches!(overlay, Overlay::Help(_) | Overlay::Report(_)) { WHEEL_LINES } else { 1 };
            let action = if down { Action::SelectNext } else { Action::SelectPrevious };
            (0..lines).filter_map(|_| dialogs::act(app, action)).flatten().collect()
        }
    }
}

/// Turns the wheel over a pane: selects another case, or scrolls the answer.
fn scroll(app: &mut App, pane: PaneId, by: isize, lines: isize) {
    match pane {
        PaneId::Cases => move_selection(app, by),
        PaneId::Preview => app.ui.answer.scroll(by * lines),
        _ => {}
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::app::message::Msg;
    use crate::app::state::answer::{Drawn, Page};
    use crate::app::state::help_view::HelpView;
    use crate::app::update::testing::app;
    use crate::app::update::update;
    use crate::domain::time::Nanos;

    fn point(app: &mut App, pointer: Pointer) {
        assert!(update(app, Msg::Pointer(Nanos(1), pointer)).is_empty());
    }

    #[test]
    fn a_click_selects_a_case_and_focuses_its_pane() {
        let mut app = app(3);
        point(&mut app, Pointer::Click { pane: PaneId::Gpu, case: None });
        assert_eq!((app.ui.focus, app.ui.selected, app.ui.follows), (PaneId::Gpu, 0, true));
        point(&mut app, Pointer::Click { pane: PaneId::Cases, case: Some(2) });
        assert_eq!((app.ui.focus, app.ui.selected, app.ui.follows), (PaneId::Cases, 2, false));
        // A click on a row of an older frame, whose case no longer exists.
        point(&mut app, Pointer::Click { pane: PaneId::Cases, case: Some(9) });
        assert_eq!(app.ui.selected, 2);
        app.ui.overlay = Overlay::ConfirmQuit;
        point(&mut app, Pointer::Click { pane: PaneId::Preview, case: None });
        assert_eq!((app.ui.focus, &app.ui.overlay), (PaneId::Cases, &Overlay::ConfirmQuit));
    }

    #[test]
    fn the_wheel_scrolls_the_pane_below_the_pointer() {
        let mut app = app(3);
        let drawn = |from| Drawn { from, limit: 10, ..Drawn::default() };
        app.ui.answer.drawn(drawn(10));
        point(&mut app, Pointer::Wheel { pane: Some(PaneId::Preview), down: false });
        // The answer is scrolled to line 7.
        assert_eq!(app.ui.answer.place(&[], Page { total: 15, rows: 5, ..Page::default() }).from, 7);
        assert_eq!((app.ui.selected, app.ui.focus), (0, PaneId::Cases));
        point(&mut app, Pointer::Wheel { pane: Some(PaneId::Cases), down: true });
        assert_eq!(app.ui.selected, 1);
        point(&mut app, Pointer::Wheel { pane: None, down: true });
        assert_eq!(app.ui.selected, 1);
        app.ui.overlay = Overlay::Help(HelpView::default());
        point(&mut app, Pointer::Wheel { pane: Some(PaneId::Cases), down: true });
        assert_eq!((&app.ui.overlay, app.ui.selected), (&Overlay::Help(HelpView { top: 3, ..HelpView::default() }), 1));
    }
}
