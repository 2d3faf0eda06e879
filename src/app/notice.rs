//! A line that tells what just happened.

use std::time::Duration;

use super::model::{App, Notice};
use crate::domain::text::sanitise_line;
use crate::domain::time::Nanos;

/// In this time it has been read.
const READ_IN: Duration = Duration::from_secs(2);

/// Who presses a key has read what stood there long enough.
pub(super) fn read(app: &mut App, now: Nanos) {
    if app.ui.notice.as_ref().is_some_and(|n| now.since(n.at) >= READ_IN) {
        app.ui.notice = None;
    }
}

/// Tells what just happened.
pub(super) fn notice(app: &mut App, at: Nanos, text: &str, is_error: bool) {
    app.scene.now = app.scene.now.max(at);
    app.ui.notice = Some(Notice { text: sanitise_line(text), is_error, remedy: None, at });
}
