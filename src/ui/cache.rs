//! What panes keep from frame to frame.

/// Interim.
#[derive(Debug, Default)]
pub struct RenderCache {}
