//! Switching the layout.

use super::notices::show_notice;
use crate::app::state::App;
use crate::app::state::preset::LayoutPreset;

/// Switches to the layout `by` places on, and names it.
pub(super) fn step(app: &mut App, by: usize) {
    let now = app.scene.now;
    let current = LayoutPreset::ALL.iter().position(|preset| *preset == app.layout_preset()).unwrap_or(0);
    let next = LayoutPreset::ALL[(current + by) % LayoutPreset::ALL.len()];
    (app.ui.layout, app.ui.zoomed) = (Some(next), false);
    app.ui.focus = next.main_pane();
    show_notice(app, now, &format!("Layout: {}", next.description()), false);
}
