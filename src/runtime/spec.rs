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
use crate::report::compare::ComparedRun;
use crate::report::exporters::Exporter;
use crate::report::gate::RegressionRule;
use crate::report::journal::Saved;
use crate::report::shards::WholeRun;
use crate::report::style::Style;
use crate::telemetry::GpuChoice;
use crate::tokenizer::Tokenizer;
use crate::ui::browser::keymap::BrowserKeymap;
use crate::ui::keymap::Keymap;
use crate::ui::terminal::NotifyBy;
use crate::ui::theme::Themes;
use crate::workload::source::Source;

/// All inputs of a live run. Has no `Debug`, because it contains secrets.
pub struct RunSpec {
    /// The endpoint and how to reach it.
    pub engine: EngineSpec,
    /// Telemetry during the run.
    pub telemetry: TelemetrySpec,
    /// Cases to run, and how.
    pub session: SessionSpec,
    /// Journal and reports.
    pub saving: SavingSpec,
    /// Warnings for the user before the run begins, one sentence each, without secrets.
    pub warnings: Vec<String>,
    /// Notices for the user before the run begins, one sentence each, without secrets.
    pub notices: Vec<String>,
    /// Command line that started the run, without secrets; `None` if unknown or if the run is resumed.
    pub command_line: Option<String>,
}

/// The endpoint and how to reach it. Has no `Debug`, because it contains secrets.
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
    /// Tokenizer that counts the tokens of finished responses.
    pub tokenizer: Option<Arc<Tokenizer>>,
}

impl EngineSpec {
    /// Returns the configuration of the engine for a run.
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

/// Telemetry during a run.
#[derive(Debug)]
pub struct TelemetrySpec {
    /// Addresses to try for the server's metrics, in this order; empty to read none.
    pub server_metrics: Vec<String>,
    /// Whether to send the key and the headers to these addresses, too. All of them are then on the endpoint's origin.
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
    /// Concurrencies to run one after another; empty if there is no sweep.
    pub sweep: Vec<usize>,
    /// Load of all shards, if this process is one of them.
    pub whole: Option<Box<WholeRun>>,
    /// Model that the user named.
    pub model: Option<String>,
    /// Content of the requests of a workload.
    pub requests: RequestSpec,
}

/// Content of the requests of a workload; empty if the run sends its cases.
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
    /// Files to write at the end. The export key of the dashboard uses the first Markdown file.
    pub exports: Vec<PathBuf>,
    /// Format of the report to write to stdout at the end, in place of the summary.
    pub stdout: Option<&'static Exporter>,
    /// Style of the summary on stdout.
    pub summary_style: Style,
    /// The run's journal.
    pub journal: JournalSpec,
    /// Regression gate and output for GitHub Actions.
    pub gate: GateSpec,
}

/// A regression gate; nothing by default.
#[derive(Debug, Default)]
pub struct GateSpec {
    /// Run to compare with.
    pub baseline: Option<Box<ComparedRun>>,
    /// Figures that must not become worse.
    pub rules: Vec<RegressionRule>,
    /// Whether to write annotations and the job summary of GitHub Actions.
    pub github: bool,
}

/// The journal of a run.
#[derive(Debug)]
pub enum JournalSpec {
    /// Do not save the run.
    Off,
    /// Create a new journal.
    New,
    /// Resume a saved run. Suite, plan, sweep and model of the specification are those of the saved run.
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

/// Appearance and keys of the dashboard.
#[derive(Debug)]
pub struct ScreenSpec {
    /// Themes in the colours that this terminal can show.
    pub themes: Themes,
    /// Themes to choose from.
    pub offered: Vec<OfferedTheme>,
    /// Theme to begin with.
    pub theme: ThemeName,
    /// Whether to use ASCII characters only.
    pub ascii: bool,
    /// Whether motion is reduced: without input, the screen changes at most twice a second.
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
