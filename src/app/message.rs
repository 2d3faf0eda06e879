//! Messages that change the state, and the effects that updates ask for.

use std::path::PathBuf;
use std::sync::Arc;

use super::action::Action;
use super::state::ScrollExtent;
use super::state::answer;
use super::state::export_dialog::NameCheck;
use super::state::pointer::Pointer;
use super::state::text_field::Edit;
use crate::domain::gpu::GpuEvent;
use crate::domain::host::HostEvent;
use crate::domain::live::{EngineCommand, EngineFact, LiveSnapshot};
use crate::domain::server_gauges::GaugeEvent;
use crate::domain::time::Nanos;

/// A signal from the operating system.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Signal {
    /// Ctrl-C sent from outside the dashboard.
    Interrupt,
    /// Request to end the program.
    Terminate,
    /// The terminal was closed.
    HangUp,
}

/// An event that changes the state.
#[derive(Clone, Debug)]
pub enum Msg {
    /// A command of the user, and the time of the key press.
    Action(Nanos, Action),
    /// An edit of the text field that is open.
    Edit(Edit),
    /// A paste, and its time.
    Pasted(Nanos, String),
    /// A mouse event, and its time.
    Pointer(Nanos, Pointer),
    /// A tick of the frame clock, which runs only while requests are in flight.
    Frame {
        /// Time of the frame.
        now: Nanos,
        /// The engine's latest snapshot.
        live: Arc<LiveSnapshot>,
    },
    /// A frame was drawn.
    Drawn {
        /// The part of the answer that the frame shows.
        answer: answer::Drawn,
        /// How far the open overlay can be scrolled.
        overlay: ScrollExtent,
    },
    /// A fact from the engine, and its time.
    Engine(Nanos, EngineFact),
    /// An event from the GPU sampler.
    Gpu(GpuEvent),
    /// An event from the sampler of the server's metrics.
    Gauges(GaugeEvent),
    /// An event from the sampler of this machine.
    Host(HostEvent),
    /// A report was written to this path, or the error that prevented it.
    Exported(Nanos, Result<PathBuf, String>),
    /// The journal cannot be written any more, with the error.
    NotSaved(Nanos, String),
    /// The report for the screen, as Markdown.
    ReportRendered {
        /// The whole text.
        text: Arc<str>,
        /// Name of the file that an export would write now.
        file: String,
    },
    /// Default file names for the export dialog.
    ExportsOffered {
        /// One name for each exporter, in the order of their table.
        offers: Vec<String>,
        /// The folder that relative names start from.
        folder: String,
    },
    /// The result of [`ReportEffect::CheckExport`].
    ExportChecked {
        /// The name that was checked.
        name: String,
        /// The result.
        check: NameCheck,
    },
    /// The terminal has a new size.
    Resized,
    /// A signal arrived.
    Signal(Signal),
    /// The program is ending: requests in flight are cancelled.
    Closing,
}

/// Work outside the state, grouped by the part that carries it out.
#[derive(Clone, Debug)]
pub enum Effect {
    /// Work of a live run: engine and telemetry. The playback of a saved run requests none.
    Run(RunEffect),
    /// Work on reports and their files.
    Report(ReportEffect),
    /// Work of the terminal. A run without a dashboard ignores it.
    Screen(ScreenEffect),
    /// End the program with this exit status.
    Quit(u8),
}

/// An effect that a live run carries out, with or without a dashboard.
#[derive(Clone, Debug)]
pub enum RunEffect {
    /// Send a command to the engine.
    Engine(EngineCommand),
    /// Start recording telemetry: the run begins now.
    BeginTelemetry,
    /// Sample telemetry at the full rate (true, while the run measures) or at the low rate.
    TelemetryActive(bool),
}

/// An effect on reports. Live runs and playbacks have them.
#[derive(Clone, Debug)]
pub enum ReportEffect {
    /// Write the report under its default name.
    Export {
        /// Index in the exporters' table.
        exporter: usize,
    },
    /// Write the report under a name that the user typed.
    ExportAs {
        /// Index in the exporters' table.
        exporter: usize,
        /// Name of the file, as typed.
        name: String,
    },
    /// Make default file names; [`Msg::ExportsOffered`] returns them.
    OfferExports,
    /// Check whether a file of this name can be written; [`Msg::ExportChecked`] returns the result.
    CheckExport(String),
    /// Render the report; [`Msg::ReportRendered`] returns its text.
    RenderReport,
}

/// An effect that the terminal carries out.
#[derive(Clone, Debug)]
pub enum ScreenEffect {
    /// Turn mouse reports on or off. While they are off, the terminal selects text with the mouse.
    Mouse(bool),
    /// Copy text to the clipboard.
    Copy(String),
    /// Show this text as a notification of the desktop, if the user wants one.
    Notify(String),
    /// Suspend the process until the shell resumes it with `fg`.
    Suspend,
    /// Repaint every cell.
    Redraw,
}
