//! Switching the layout.

use super::notices::show_notice;
use crate::app::state::App;
use crate::app::state::preset::LayoutPreset;

/// Switches to the layout `by` places further on, and names it in a notice.
pub(super) fn step(app: &mut App, by: usize) {
    let now = app.scene.now;
    let current = LayoutPreset::ALL.iter().position(|preset| *preset == app.layout_preset()).unwrap_or(0);
    let next = LayoutPreset::ALL[(current + by) % LayoutPreset::ALL.len()];
    app.ui.use_layout(next);
    show_notice(app, now, &format!("Layout: {}", next.description()), false);
}

#[cfg(test)]
mod tests {
    use crate::app::action::Action;
    use crate::app::message::Msg;
    use crate::app::pane::PaneId;
    use crate::app::state::App;
    use crate::app::state::preset::LayoutPreset;
    use crate::app::update::testing::{app, discovered};
    use crate::app::update::update;
    use crate::domain::time::Nanos;

    fn press(app: &mut App, action: Action) -> (LayoutPreset, PaneId) {
        update(app, Msg::Action(Nanos(10), action));
        (app.layout_preset(), app.ui.focus)
    }

    #[test]
    fn the_layouts_follow_each_other_and_focus_their_main_pane() {
        let mut app = app(2);
        discovered(&mut app, &["m"]);
        assert_eq!(app.layout_preset(), LayoutPreset::Overview);
        let steps = [(); 4].map(|()| press(&mut app, Action::NextLayout));
        assert_eq!(
            steps,
            [
                (LayoutPreset::Load, PaneId::Latency),
                (LayoutPreset::Answer, PaneId::Preview),
                (LayoutPreset::Scope, PaneId::Scope),
                (LayoutPreset::Overview, PaneId::Cases)
            ]
        );
        assert_eq!(press(&mut app, Action::PreviousLayout).0, LayoutPreset::Scope);
        assert_eq!(app.ui.notice.as_ref().map(|n| n.text.as_str()), Some("Layout: scope (room for the timeline)"));
    }

    #[test]
    fn a_layout_ends_the_zoom() {
        let mut app = app(2);
        discovered(&mut app, &["m"]);
        press(&mut app, Action::Zoom);
        press(&mut app, Action::NextLayout);
        assert!(!app.ui.zoomed);
    }

    #[test]
    fn a_run_begins_with_the_layout_of_the_settings() {
        let mut app = app(2);
        app.scene.session = app.scene.session.clone().with_sweep(vec![1, 2]);
        app.ui.begin_with(Some(LayoutPreset::Scope));
        discovered(&mut app, &["m"]);
        assert_eq!((app.layout_preset(), app.ui.focus), (LayoutPreset::Scope, PaneId::Scope));
        assert_eq!(press(&mut app, Action::NextLayout).0, LayoutPreset::Overview);
    }

    #[test]
    fn a_sweep_starts_with_the_layout_of_its_chart() {
        let mut app = app(2);
        app.scene.session = app.scene.session.clone().with_sweep(vec![1, 2]);
        assert_eq!(app.layout_preset(), LayoutPreset::Overview);
        discovered(&mut app, &["m"]);
        assert_eq!(app.layout_preset(), LayoutPreset::Load);
        press(&mut app, Action::PreviousLayout);
        assert_eq!(app.layout_preset(), LayoutPreset::Overview);
    }
}
