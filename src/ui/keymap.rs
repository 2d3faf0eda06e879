//! The table of keys: what each means, where, and what footer and help say of it.

use crossterm::event::KeyEvent;

use crate::app::message::Msg;
use crate::app::model::Overlay;

/// What a key means while this overlay lies over the panes; `None` when nothing.
pub fn resolve(_overlay: &Overlay, _key: &KeyEvent) -> Option<Msg> {
    None
}
