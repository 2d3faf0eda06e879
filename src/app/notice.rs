//! A line that tells what just happened.

use super::model::{App, Notice};
use crate::domain::text::sanitise_line;
use crate::domain::time::Nanos;

/// Tells what just happened.
pub(super) fn notice(app: &mut App, at: Nanos, text: &str, is_error: bool) {
    app.scene.now = app.scene.now.max(at);
    app.ui.notice = Some(Notice { text: sanitise_line(text), is_error, remedy: None, at });
}
