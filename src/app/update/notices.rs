//! Notices: the line that reports the latest event.

use crate::app::state::{App, NOTICE_DURATION, Notice};
use crate::domain::text::sanitise_line;
use crate::domain::time::Nanos;

/// Shows a notice in place of the last one.
pub(super) fn show_notice(app: &mut App, at: Nanos, text: &str, is_error: bool) {
    app.scene.now = app.scene.now.max(at);
    let text = sanitise_line(text);
    app.ui.notice = Some(Notice { text, is_error, remedy: None, at, duration: NOTICE_DURATION });
}

/// Removes the notice if the user had time to read it.
pub(super) fn dismiss_read_notice(app: &mut App, now: Nanos) {
    if app.ui.notice.as_ref().is_some_and(|n| n.is_read(now)) {
        app.ui.notice = None;
    }
}

/// Removes the notice if its time on the screen is over, and an open question with it.
pub(super) fn expire_notice(app: &mut App, now: Nanos) {
    app.ui.discard = app.ui.discard.filter(|question| now < question.until);
    if app.ui.notice.as_ref().is_some_and(|n| now >= n.expires_at()) {
        app.ui.notice = None;
    }
}
