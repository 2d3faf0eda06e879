//! Moving a saved run through time.

use super::selection::select_case;
use crate::app::state::App;
use crate::domain::time::Nanos;

/// Brings the scene of a saved run to `now` on the screen's clock. No other message moves a saved run.
pub(super) fn show(app: &mut App, now: Nanos) {
    let Some(playback) = &mut app.playback else { return };
    match playback.next_scene(now, app.ui.selected) {
        Some(scene) => app.scene = scene,
        // An action may have set the time to the screen's clock.
        None => app.scene.now = playback.position(now),
    }
    let newest = app.scene.in_flight().max_by_key(|f| (f.started, f.id)).map(|f| f.id.case);
    if let Some(case) = newest.filter(|case| app.ui.follows && *case != app.ui.selected && app.is_listed(*case)) {
        select_case(app, case);
    }
}

#[cfg(test)]
mod tests;
