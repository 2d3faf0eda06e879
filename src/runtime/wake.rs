//! Events that wake the main thread.

use std::io;

use crate::app::message::Msg;
use crate::ui::input::Input;

/// An event for the main thread, sent by any other thread.
#[derive(Debug)]
pub enum Wake {
    /// A message for the state.
    Msg(Msg),
    /// Input of the user, or a new size of the terminal.
    Input(Input),
    /// A write to the terminal or to stdout has finished.
    Written(io::Result<()>),
    /// The separate channel of the run browser has a message.
    BrowserNews,
    /// The shell asks the process to stop, for example after Ctrl-Z.
    #[cfg_attr(not(unix), allow(dead_code, reason = "this system has no such signal"))]
    Suspend,
}
