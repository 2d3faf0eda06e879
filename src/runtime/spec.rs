//! Inputs of a run.

use std::fs::File;
use std::path::PathBuf;
use std::sync::Arc;

use crate::app::state::preset::LayoutPreset;
use crate::app::state::theme::{OfferedTheme, ThemeName};
use crate::domain::key_source::KeySource;
use crate::domain::session::{Plan, RowPlan};
use crate::domain::suite::Suite;
use crate::engine::{EngineConfig, Network};
use crate::protocol::api::Api;
use crate::report::exporters::Exporter;
use crate::report::journal::Saved;
use crate::report::style::Style;
use crate::telemetry::GpuChoice;
use crate::tokenizer::Tokenizer;
use crate::ui::browser::keymap::BrowserKeymap;
use crate::ui::keymap::Keymap;
use crate::ui::terminal::NotifyBy;
use crate::ui::theme::Themes;
use crate::workload::source::Source;

/// Everything that a live run needs to know. Without `Debug`: it holds secrets.
pub struct RunSpec {
    /// The endpoint and how to reach it.
    pub engine: EngineSpec,
    /// Telemetry beside the run.
    pub telemetry: TelemetrySpec,
    /// Cases to run, and how.
    pub session: SessionSpec,
    /// Journal and reports.
    pub saving: SavingSpec,
    /// Warnings for the user before the run begins, one sentence each, without secrets.
    pub warnings: Vec<String>,
    /// Notices for the user before the run begins, one sentence each, without secrets.
    pub notices: Vec<String>,
    /// Command line that started the run, without secrets; `None` if it is not known, or the run is resumed.
    pub command_line: Option<String>,
}

/// The endpoint and how to reach it. Without `Debug`: it holds secrets.
pub struct EngineSpec {
    /// Base address, including `/v1` or the like.
    pub base_url: String,
    /// API of the endpoint.
    pub api: &'static Api,
    /// Whether the endpoint is the built-in simulator.
    pub simulated: bool,
    /// API key, sent as the API requires.
    pub api_key: Option<String>,
    /// Source of the key.
    pub key_source: KeySource,
    /// Further headers.
    pub headers: Vec<(String, String)>,
    /// Proxy, TLS and retries.
    pub network: Network,
    /// Counts the tokens of finished responses.
    pub tokenizer: Option<Arc<Tokenizer>>,
}

impl EngineSpec {
    /// Configuration of the engine for a run.
    pub fn to_config(&self, run_id: String, warm: bool) -> EngineConfig {
        EngineConfig {
            session_header: None,
            base_url: self.base_url.clone(),
            api: self.api,
            api_key: self.api_key.clone(),
            headers: self.headers.clone(),
            run_id,
            warm,
            network: self.network.clone(),
        }
    }
}

/// Telemetry beside a run.
#[derive(Debug)]
pub struct TelemetrySpec {
    /// Addresses that may serve the server's metrics, in the order to try; empty to read none.
    pub server_metrics: Vec<String>,
    /// Whether to send the key and the headers there too. These addresses are on the endpoint's own origin.
    pub server_metrics_auth: bool,
    /// Source of GPU figures.
    pub gpu: GpuChoice,
    /// Metrics pages of other machines' GPUs.
    pub gpu_metrics_urls: Vec<String>,
}

/// Cases to run, and how.
pub struct SessionSpec {
    /// The cases.
    pub suite: Suite,
    /// Source of the suite.
    pub suite_source: SuiteSource,
    /// Concurrency, repeats and limits.
    pub plan: Plan,
    /// Concurrencies to run one after another; empty without a sweep.
    pub sweep: Vec<usize>,
    /// Model that the user asked for.
    pub model: Option<String>,
    /// Content of the requests of a workload.
    pub requests: RequestSpec,
}

/// Content of the requests of a workload; nothing if the run sends its cases.
#[derive(Default)]
pub struct RequestSpec {
    /// Rows that the cases send.
    pub rows: Option<Arc<RowPlan>>,
    /// Source of the rows.
    pub source: Option<Source>,
}

/// Journal and reports of a run.
#[derive(Debug)]
pub struct SavingSpec {
    /// Files to write at the end. The first Markdown file also names what the export key writes.
    pub exports: Vec<PathBuf>,
    /// Format to write to stdout at the end, in place of the summary.
    pub stdout: Option<&'static Exporter>,
    /// Style of the summary on stdout.
    pub summary_style: Style,
    /// The run's journal.
    pub journal: JournalSpec,
}

/// The journal of a run.
#[derive(Debug)]
pub enum JournalSpec {
    /// The run is not saved.
    Off,
    /// The run gets a new journal.
    New,
    /// The run resumes a saved one, whose suite, plan, sweep and model are those of the spec.
    Resume(Box<ResumeTarget>),
}

/// A saved run to resume.
#[derive(Debug)]
pub struct ResumeTarget {
    /// The run.
    pub saved: Saved,
    /// Its journal, locked and positioned at its end.
    pub file: File,
    /// Path of the journal.
    pub path: PathBuf,
}

/// Look and keys of the dashboard.
#[derive(Debug)]
pub struct ScreenSpec {
    /// Themes as this terminal can show them.
    pub themes: Themes,
    /// Themes to choose from.
    pub offered: Vec<OfferedTheme>,
    /// Theme to begin with.
    pub theme: ThemeName,
    /// Whether to use ASCII characters only.
    pub ascii: bool,
    /// Whether the screen changes by itself at most twice a second.
    pub reduced_motion: bool,
    /// Whether the terminal's title shows the progress.
    pub title: bool,
    /// How to announce the end of a long run.
    pub notify: NotifyBy,
    /// Layout to begin with; `None` depends on the run.
    pub layout: Option<LayoutPreset>,
    /// Keys of the dashboard.
    pub keymap: Keymap,
    /// Keys of the run browser.
    pub browser_keymap: BrowserKeymap,
}

/// Source of a suite.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum SuiteSource {
    /// The program itself.
    Builtin,
    /// The journal of a resumed run.
    Saved,
    /// A file, by the name that the user gave.
    File(PathBuf),
}
