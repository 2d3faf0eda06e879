//! What a run needs to know.

use std::path::PathBuf;

use super::resume::Resuming;
use crate::app::state::theme::ThemeName;
use crate::domain::key_source::KeySource;
use crate::domain::session::Plan;
use crate::domain::suite::Suite;
use crate::engine::Network;
use crate::protocol::api::Api;
use crate::telemetry::GpuChoice;
use crate::tokenizer::Tokenizer;
use crate::ui::keymap::Keymap;
use crate::ui::theme::Themes;

/// All that a run needs to know. It has no `Debug`, since it holds secrets.
pub struct RunSpec {
    /// Base address, `/v1` or the like included.
    pub base_url: String,
    /// The API that is spoken there.
    pub api: &'static Api,
    /// The endpoint is the built-in simulator.
    pub simulated: bool,
    /// The model that was asked for.
    pub model: Option<String>,
    /// Sent as the API wants it.
    pub api_key: Option<String>,
    /// Where the key comes from.
    pub key_source: KeySource,
    /// Further headers.
    pub headers: Vec<(String, String)>,
    /// What is asked of the network in between.
    pub network: Network,
    /// What is run.
    pub suite: Suite,
    /// Where it came from.
    pub suite_source: SuiteSource,
    /// How much of it.
    pub plan: Plan,
    /// Addresses where the server's metrics may be, in the order to ask; empty: they are not read.
    pub server_metrics: Vec<String>,
    /// The key and the headers go to them, too: they are on the endpoint's own origin.
    pub server_metrics_auth: bool,
    /// Where GPU figures come from.
    pub gpu: GpuChoice,
    /// The pages of metrics on which other machines tell of their GPUs.
    pub gpu_metrics_urls: Vec<String>,
    /// Counts the tokens of answers once they are there.
    pub tokenizer: Option<Tokenizer>,
    /// The same at these concurrencies in turn; empty without a sweep.
    pub sweep: Vec<usize>,
    /// Files to be written at the end; the first Markdown one names what `e` writes.
    pub exports: Vec<PathBuf>,
    /// The run is kept while it happens.
    pub saves: bool,
    /// What the user should know before it begins, a sentence each, without secrets.
    pub warnings: Vec<String>,
    /// The saved run that is gone on with; suite, plan, sweep and model are its own.
    pub resumes: Option<Box<Resuming>>,
}

/// What the dashboard looks like, and what its keys mean.
#[derive(Debug)]
pub struct ScreenSpec {
    /// The themes as this terminal can show them.
    pub themes: Themes,
    /// The one to begin with.
    pub theme: ThemeName,
    /// No character beyond ASCII.
    pub ascii: bool,
    /// The screen changes by itself at most twice a second.
    pub reduced_motion: bool,
    /// The keys.
    pub keymap: Keymap,
}

/// Where a suite came from.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum SuiteSource {
    /// Out of the program itself.
    Builtin,
    /// The journal of a run that is gone on with.
    Saved,
    /// A file, as it was named.
    File(PathBuf),
}
