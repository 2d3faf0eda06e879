//! Mouse events, in terms of the screen's contents.

use crate::app::pane::PaneId;

/// A mouse event, in terms of the screen's contents.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Pointer {
    /// A click into a pane.
    Click {
        /// The pane.
        pane: PaneId,
        /// The case whose row was hit.
        case: Option<usize>,
    },
    /// A notch of the wheel.
    Wheel {
        /// The pane below the pointer.
        pane: Option<PaneId>,
        /// Whether the wheel turned down, towards the end of the text.
        down: bool,
    },
}
