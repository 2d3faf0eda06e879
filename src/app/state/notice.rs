//! The line at the bottom of the screen that reports the latest event.

use std::time::Duration;

use crate::app::action::Action;
use crate::domain::time::Nanos;

/// Usual time that a notice stays on the screen.
pub const NOTICE_DURATION: Duration = Duration::from_secs(8);
/// Minimum time that a notice stays on the screen. After it, the next key press removes the notice.
const READ_WITHIN: Duration = Duration::from_secs(2);

/// A line that reports the latest event.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Notice {
    /// The text, on one line.
    pub text: String,
    /// Whether something failed.
    pub is_error: bool,
    /// An action that would help. The footer shows it with its key.
    pub remedy: Option<Action>,
    /// Time of the event.
    pub at: Nanos,
    /// Time that the notice stays, unless a key press removes it earlier.
    pub duration: Duration,
}

impl Notice {
    /// When the notice leaves the screen.
    pub fn expires_at(&self) -> Nanos {
        self.at.plus(self.duration)
    }

    /// Whether the user had time to read the notice.
    pub fn is_read(&self, now: Nanos) -> bool {
        now.since(self.at) >= READ_WITHIN
    }
}
