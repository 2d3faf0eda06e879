//! The state of the program: data and its queries. No module here uses messages.

pub mod answer;
mod app;
pub mod cases;
pub mod export_dialog;
pub mod gpus;
pub mod help_view;
mod listing;
pub mod load;
pub mod model_choice;
mod notice;
mod overlay;
pub mod palette;
pub mod playback;
pub mod pointer;
pub mod preset;
pub mod replay;
pub mod report_view;
mod rows;
mod scene;
pub mod scope;
pub mod stop;
pub mod streams;
mod target;
#[cfg(test)]
pub mod testing;
pub mod text_field;
pub mod theme;
pub mod traces;
mod ui_state;

pub use self::app::App;
pub use self::notice::{NOTICE_DURATION, Notice};
pub use self::overlay::{Overlay, ScrollExtent};
pub use self::scene::{FailedDiscoveries, Scene};
pub use self::target::{Connection, Target};
pub use self::ui_state::{DiscardQuestion, SweepChart, UiState};
