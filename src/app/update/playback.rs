//! Moving a saved run through time.

use super::selection::select_case;
use crate::app::state::App;
use crate::domain::time::Nanos;

/// Moves the scene of a saved run to `now` on the screen's clock. Only this function moves a saved run.
pub(super) fn show(app: &mut App, now: Nanos) {
    let Some(playback) = &mut app.playback else { return };
    playback.show(&mut app.scene, now, app.ui.selected);
    let newest = app.scene.in_flight().max_by_key(|f| (f.started, f.id)).map(|f| f.id.case);
    if let Some(case) = newest.filter(|case| app.ui.follows && *case != app.ui.selected && app.is_listed(*case)) {
        select_case(app, case);
    }
}

#[cfg(test)]
mod tests;
