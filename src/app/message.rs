//! What can happen to the program, and what it can ask for.

use std::path::PathBuf;
use std::sync::Arc;

use super::answer;
use super::export_dialog::Fate;
use super::model::PaneId;
use super::pointer::Pointer;
use super::report_view::Extent;
use super::text_field::Edit;
use crate::domain::gpu::GpuEvent;
use crate::domain::host::HostEvent;
use crate::domain::live::{EngineCommand, EngineFact, LiveSnapshot};
use crate::domain::server_gauges::GaugeEvent;
use crate::domain::time::Nanos;

/// What the user means; never a key.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
#[expect(missing_docs, reason = "each is described in the key table")]
pub enum Action {
    // ─── The run ───
    ToggleHold,
    TogglePauseCase,
    Rerun,
    RerunFailed,
    Cancel,
    Export,
    ChooseExport,
    ViewReport,
    // ─── The screen ───
    ToggleFreeze,
    SelectNext,
    SelectPrevious,
    SelectFirst,
    SelectLast,
    ScrollDown,
    ScrollUp,
    NextPane,
    PreviousPane,
    Focus(PaneId),
    Zoom,
    Back,
    Filter,
    Copy,
    // ─── The table of cases ───
    SortByNext,
    ReverseSort,
    Unfold,
    Fold,
    ToggleBaseline,
    // ─── The program ───
    Help,
    Palette,
    ToggleMouse,
    Redraw,
    Suspend,
    Quit,
    // ─── The answer ───
    LineDown,
    LineUp,
    ToTop,
    ToEnd,
    ToggleThinking,
    ToggleRaw,
    ToggleExchange,
    Search,
    NextMatch,
    PreviousMatch,
    NextTheme,
    // ─── The scope ───
    ScopeCloser,
    ScopeWider,
    ScopeEarlier,
    ScopeLater,
    ScopeCursor,
    ScopeNow,
    ScopeStack,
    // ─── A replay ───
    ReplayBack,
    ReplayForward,
    ReplaySlower,
    ReplayFaster,
    // ─── In a question or a menu ───
    Confirm,
}

impl Action {
    /// Its name in the config file, which stays.
    pub const fn name(self) -> &'static str {
        match self {
            Self::ToggleHold => "hold",
            Self::TogglePauseCase => "pause",
            Self::Rerun => "rerun",
            Self::RerunFailed => "rerun-failed",
            Self::Cancel => "cancel",
            Self::SortByNext => "sort",
            Self::ReverseSort => "sort-reverse",
            Self::Unfold => "unfold",
            Self::Fold => "fold",
            Self::ToggleBaseline => "baseline",
            Self::LineDown => "line-down",
            Self::LineUp => "line-up",
            Self::ToTop => "top",
            Self::ToEnd => "end",
            Self::ToggleThinking => "thinking",
            Self::ToggleRaw => "raw",
            Self::ToggleExchange => "request",
            Self::Search => "search",
            Self::NextMatch => "next-match",
            Self::PreviousMatch => "previous-match",
            Self::Export => "export",
            Self::ChooseExport => "export-as",
            Self::ViewReport => "report",
            Self::Focus(PaneId::Cases) => "go-to-cases",
            Self::Focus(PaneId::Preview) => "go-to-answer",
            Self::Focus(PaneId::Scope) => "go-to-scope",
            Self::Focus(PaneId::Latency) => "go-to-latency",
            Self::Focus(PaneId::Gpu) => "go-to-gpu",
            Self::Palette => "commands",
            Self::ToggleMouse => "mouse",
            Self::ToggleFreeze => "freeze",
            Self::SelectNext => "next",
            Self::SelectPrevious => "previous",
            Self::SelectFirst => "first",
            Self::SelectLast => "last",
            Self::ScrollDown => "scroll-down",
            Self::ScrollUp => "scroll-up",
            Self::NextPane => "next-pane",
            Self::PreviousPane => "previous-pane",
            Self::Zoom => "zoom",
            Self::Back => "back",
            Self::Filter => "filter",
            Self::Copy => "copy",
            Self::Help => "help",
            Self::Redraw => "redraw",
            Self::Suspend => "suspend",
            Self::Quit => "quit",
            Self::NextTheme => "theme",
            Self::ScopeCloser => "scope-closer",
            Self::ScopeWider => "scope-wider",
            Self::ScopeEarlier => "scope-earlier",
            Self::ScopeLater => "scope-later",
            Self::ScopeCursor => "scope-cursor",
            Self::ScopeNow => "scope-now",
            Self::ScopeStack => "scope-stack",
            Self::ReplayBack => "replay-back",
            Self::ReplayForward => "replay-forward",
            Self::ReplaySlower => "replay-slower",
            Self::ReplayFaster => "replay-faster",
            Self::Confirm => "confirm",
        }
    }
}

/// A signal from the operating system.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Signal {
    /// Ctrl-C from outside the screen.
    Interrupt,
    /// Asked to end.
    Terminate,
    /// The terminal is gone.
    HangUp,
}

/// Everything that changes the state.
#[derive(Clone, Debug)]
pub enum Msg {
    /// A key already resolved through the key table, and when it was taken.
    Action(Nanos, Action),
    /// The text that is being typed changes.
    Edit(Edit),
    /// Text was pasted.
    Pasted(Nanos, String),
    /// The mouse did something.
    Pointer(Nanos, Pointer),
    /// The frame clock, only while something is live.
    Frame {
        /// Now.
        now: Nanos,
        /// The engine's view of it.
        live: Arc<LiveSnapshot>,
    },
    /// A frame was drawn.
    Drawn {
        /// What it showed of the answer.
        answer: answer::Drawn,
        /// Lines that the help can be scrolled down.
        help_limit: u16,
        /// How far the report can be scrolled.
        report: Extent,
    },
    /// A fact of the engine.
    Engine(Nanos, EngineFact),
    /// A fact of the GPU sampler.
    Gpu(GpuEvent),
    /// What the server says of itself.
    Gauges(GaugeEvent),
    /// What the look at this machine says.
    Host(HostEvent),
    /// A report was written, or was not.
    Exported(Nanos, Result<PathBuf, String>),
    /// The run is no longer saved, and why.
    NotSaved(Nanos, String),
    /// The report as Markdown, for the screen.
    ReportRendered {
        /// All of it.
        text: Arc<str>,
        /// The file that would be written now.
        file: String,
    },
    /// Names for files, one for each of the exporters.
    ExportsOffered {
        /// What would be written if nobody named a file.
        offers: Vec<String>,
        /// The folder that they are counted from.
        folder: String,
    },
    /// What would become of a file's name.
    ExportChecked {
        /// The name.
        name: String,
        /// What would.
        fate: Fate,
    },
    /// The screen has another size.
    Resized,
    /// A signal.
    Signal(Signal),
    /// The program ends: what is in flight is given up.
    Closing,
}

/// What is to be done outside.
#[derive(Clone, Debug)]
pub enum Effect {
    /// Tell the engine.
    Engine(EngineCommand),
    /// Write the report in the format of this place in the exporters' table.
    Export {
        /// Index in the exporters' table.
        exporter: usize,
    },
    /// Write it under this name.
    ExportAs {
        /// Index in the exporters' table.
        exporter: usize,
        /// Name of the file, as it was typed.
        name: String,
    },
    /// Tell names for files, one for each of the exporters.
    OfferExports,
    /// Tell what would become of a file's name.
    CheckExport(String),
    /// Make the report as Markdown, for the screen.
    RenderReport,
    /// Have the terminal tell what the mouse does, or leave the mouse to the terminal.
    Mouse(bool),
    /// Put text on the clipboard.
    Copy(String),
    /// The run begins: what GPUs and server tell of it starts now.
    BeginTelemetry,
    /// Look at GPUs and server from now on, or stop: nothing is measured.
    TelemetryActive(bool),
    /// Stop as `fg` can continue.
    Suspend,
    /// Paint everything again.
    Redraw,
    /// End the program with this status.
    Quit(u8),
}
