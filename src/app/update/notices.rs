//! Notices: the line that reports the latest event.

use crate::app::state::{App, Notice};
use crate::domain::text::sanitise_line;
use crate::domain::time::Nanos;

/// Shows a notice in place of the last one.
pub(super) fn show_notice(app: &mut App, at: Nanos, text: &str, is_error: bool) {
    app.scene.now = app.scene.now.max(at);
    app.ui.notice = Some(Notice { text: sanitise_line(text), is_error, remedy: None, at });
}

/// Removes the notice if the user had time to read it.
pub(super) fn dismiss_read_notice(app: &mut App, now: Nanos) {
    if app.ui.notice.as_ref().is_some_and(|n| n.is_read(now)) {
        app.ui.notice = None;
    }
}

/// Removes the notice if its time on the screen is over.
pub(super) fn expire_notice(app: &mut App, now: Nanos) {
    if app.ui.notice.as_ref().is_some_and(|n| now >= n.expires_at()) {
        app.ui.notice = None;
    }
}
