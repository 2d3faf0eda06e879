//! Floor 1: the program's state and how it changes. Pure: messages in, effects out.

pub mod answer;
pub mod cases;
pub mod dialogs;
pub mod export_dialog;
pub mod load;
pub mod machine;
pub mod message;
pub mod model;
pub mod model_choice;
pub mod notice;
pub mod palette;
pub mod playback;
pub mod pointer;
pub mod possible;
pub mod replay;
pub mod report_view;
pub mod scope;
pub mod session;
pub mod stop;
pub mod text_field;
pub mod theme;
pub mod update;
