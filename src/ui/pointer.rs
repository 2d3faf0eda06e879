//! Translates mouse events to messages, by the layout of the last frame.

use crossterm::event::{MouseButton, MouseEvent, MouseEventKind};
use ratatui::layout::{Position, Rect};

use super::cache::RenderCache;
use super::layout::{self, LayoutInputs};
use crate::app::message::Msg;
use crate::app::pane::PaneId;
use crate::app::state::App;
use crate::app::state::pointer::Pointer;
use crate::domain::time::Nanos;

/// The message for a mouse event on a screen of this size; `None` if it has no effect.
pub fn resolve(app: &App, cache: &RenderCache, screen: Rect, event: &MouseEvent, now: Nanos) -> Option<Msg> {
    let at = Position { x: event.column, y: event.row };
    let layout = layout::compute(screen, LayoutInputs::from_app(app))?;
    let pane = layout.panes.iter().find(|(_, rect)| rect.contains(at)).map(|(pane, _)| pane.id);
    let pointer = match event.kind {
        MouseEventKind::Down(MouseButton::Left) => {
            let pane = pane?;
            let case = cache.case_at(event.row).filter(|_| pane == PaneId::Cases);
            Pointer::Click { pane, case }
        }
        MouseEventKind::ScrollDown => Pointer::Wheel { pane, down: true },
        MouseEventKind::ScrollUp => Pointer::Wheel { pane, down: false },
        _ => return None,
    };
    Some(Msg::Pointer(now, pointer))
}

#[cfg(test)]
mod tests {
    use crossterm::event::KeyModifiers;
    use ratatui::Terminal;
    use ratatui::backend::TestBackend;

    use super::*;
    use crate::ui::keymap::Keymap;
    use crate::ui::testing::ten_cases;
    use crate::ui::theme::Theme;
    use crate::ui::view::View;

    #[test]
    fn a_click_hits_the_pane_and_case_drawn_there() {
        let stage = ten_cases(3);
        let cache = RenderCache::default();
        let mut terminal = Terminal::new(TestBackend::new(120, 40)).unwrap();
        let view =
            View { app: &stage.app, theme: Theme::mono(), ascii: false, keymap: Keymap::standard(), cache: &cache };
        terminal.draw(|frame| crate::ui::screen::draw(frame, &view)).unwrap();
        let text = crate::ui::testing::text(terminal.backend().buffer());
        let line_of = |name: &str| text.lines().position(|l| l.contains(name)).unwrap() as u16;
        let screen = Rect::new(0, 0, 120, 40);
        let at = |kind, column, row| {
            let event = MouseEvent { kind, column, row, modifiers: KeyModifiers::NONE };
            match resolve(&stage.app, &cache, screen, &event, Nanos(1)) {
                Some(Msg::Pointer(_, pointer)) => Some(pointer),
                _ => None,
            }
        };
        let click = MouseEventKind::Down(MouseButton::Left);
        let (cases, answer) = (PaneId::Cases, PaneId::Preview);
        let debug_task = Pointer::Click { pane: cases, case: Some(3) };
        assert_eq!(at(click, 10, line_of("Debug Task")), Some(debug_task));
        assert_eq!(at(click, 10, line_of("Cases ·")), Some(Pointer::Click { pane: cases, case: None }));
        assert_eq!(at(click, 10, line_of("Answer ·")), Some(Pointer::Click { pane: answer, case: None }));
        assert_eq!(at(click, 10, 0), None);
        assert_eq!(at(MouseEventKind::Moved, 10, 10), None);
        let wheel = Pointer::Wheel { pane: Some(answer), down: true };
        assert_eq!(at(MouseEventKind::ScrollDown, 10, line_of("Answer ·") + 2), Some(wheel));
        assert_eq!(at(MouseEventKind::ScrollUp, 10, 39), Some(Pointer::Wheel { pane: None, down: false }));
    }
}
