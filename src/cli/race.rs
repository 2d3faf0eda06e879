//! Options of `tokscope race`.

use std::path::PathBuf;

use clap::Args;
use clap::builder::{NonEmptyStringValueParser, PossibleValuesParser};

use super::run::{api_help, export_help};
use super::values::{MAX_CONCURRENCY, MAX_WARMUP, margin, seconds};
use super::{ColorArgs, GpuArgs, NetworkArgs, ScreenArgs, SecretArgs};
use crate::domain::metrics::with_thresholds;
use crate::domain::race::{MAX_BLOCKS, RACED};
use crate::protocol::api;
use crate::report::exporters::EXPORTERS;

/// Options of `tokscope race`.
#[derive(Args, Debug, Default)]
#[expect(clippy::struct_excessive_bools, reason = "each is an option of its own")]
#[command(long_about = "\
Race two endpoints, two models or two settings: who is faster at what, and how sure?

Both sides get the same cases, interleaved in blocks of random order, so that drift and heat hit both. The race stops once \
each metric is decided: a side is better, or the difference is smaller than --margin. If the sides are equal, a race claims \
a better one in at most 5% of all races.")]
#[command(after_help = "\
Examples:
  tokscope race http://old:8000 http://new:8000     Two servers
  tokscope race URL -m llama-8b -m qwen-8b          Two models of one server
  tokscope race URL --b-extra '{\"top_k\": 1}'        Two settings of one server

Exit status:
  0    every metric has a verdict
  1    a request failed, a metric stayed undecided, or the run was not fully saved
  2    error in the command line, suite file or export
  3    an endpoint was unreachable, or refused before anything was measured
  130  interrupted; what was measured is still reported")]
pub struct RaceArgs {
    /// Base URL of side A
    pub a: String,
    /// Base URL of side B [default: that of side A]
    pub b: Option<String>,

    /// Models.
    #[arg(short, long = "model", value_name = "NAME", help_heading = "Sides", value_parser = NonEmptyStringValueParser::new())]
    #[arg(help = "Model of both sides; given twice, of A and of B [default: the endpoint's only model]")]
    pub models: Vec<String>,
    /// Fields that only requests of side A have, as a JSON object
    #[arg(long, value_name = "JSON", help_heading = "Sides")]
    pub a_extra: Option<String>,
    /// Fields that only requests of side B have, as a JSON object
    #[arg(long, value_name = "JSON", help_heading = "Sides")]
    pub b_extra: Option<String>,
    /// Key and headers of side B.
    #[command(flatten)]
    pub rival: RivalArgs,
    /// API of both endpoints.
    #[arg(long, value_name = "API", help_heading = "Endpoint", hide_possible_values = true)]
    #[arg(value_parser = PossibleValuesParser::new(api::names()), help = api_help())]
    pub api: Option<String>,
    /// API key and headers.
    #[command(flatten)]
    pub secrets: SecretArgs,
    /// Proxy and certificates.
    #[command(flatten)]
    pub network: NetworkArgs,
    /// GPUs.
    #[command(flatten)]
    pub gpu: GpuArgs,

    /// Maximum blocks; a block sends each case once to each side [default: 100]
    #[arg(long, value_name = "N", help_heading = "Race", value_parser = clap::value_parser!(u32).range(1..=i64::from(MAX_BLOCKS)))]
    pub blocks: Option<u32>,
    /// Difference up to which the sides count as equal, in percent [default: 2]
    #[arg(long, value_name = "PERCENT", help_heading = "Race", value_parser = margin)]
    pub margin: Option<f64>,
    /// Metrics that must be decided.
    #[arg(long, value_name = "METRIC", help_heading = "Race", value_parser = PossibleValuesParser::new(metric_names()))]
    #[arg(help = "Stop once this metric is decided; repeatable [default: all of them]")]
    pub until: Vec<String>,
    /// Run all blocks, even after the race is decided
    #[arg(long, help_heading = "Race")]
    pub all_blocks: bool,
    /// Requests in flight on each side [default: 1]
    #[arg(short, long, value_name = "N", help_heading = "Race", value_parser = clap::value_parser!(u32).range(1..=i64::from(MAX_CONCURRENCY) / 2))]
    pub concurrency: Option<u32>,
    /// Send one request at a time, sides in random order [default: if both URLs name one host]
    #[arg(long, help_heading = "Race", conflicts_with_all = ["at_once", "concurrency"])]
    pub in_turn: bool,
    /// Run both sides at the same time, each with its own --concurrency
    #[arg(long, help_heading = "Race")]
    pub at_once: bool,
    /// Unmeasured requests to each side before the first block [default: 1]
    #[arg(long, value_name = "N", help_heading = "Race", value_parser = clap::value_parser!(u32).range(0..=i64::from(MAX_WARMUP) / 2))]
    pub warmup: Option<u32>,
    /// Seed of the random order in blocks
    #[arg(long, value_name = "N", help_heading = "Race", default_value_t = 0)]
    pub seed: u64,
    /// Send prompts unchanged, so that the servers' prefix caches can hold them
    #[arg(long, help_heading = "Race")]
    pub warm: bool,
    /// Retry a request up to N times on no response, HTTP 429, 503 or 529
    #[arg(long, value_name = "N", help_heading = "Race", default_value_t = 0, value_parser = clap::value_parser!(u32).range(0..=100))]
    pub retries: u32,

    /// Suite of cases [default: ./cases.toml if it exists, else built in]
    #[arg(long, value_name = "FILE", help_heading = "Suite")]
    pub cases: Option<PathBuf>,
    /// Run only cases whose name contains PATTERN (ignores case); repeatable
    #[arg(short = 'k', long = "case", value_name = "PATTERN", help_heading = "Suite")]
    pub case_patterns: Vec<String>,
    /// Time limit of an attempt in seconds [default: from the suite]
    #[arg(long, value_name = "S", help_heading = "Suite", value_parser = seconds)]
    pub timeout: Option<f64>,
    /// Count tokens with this tokenizer.json when a server reports no usage
    #[arg(long, value_name = "FILE", help_heading = "Suite")]
    pub tokenizer: Option<PathBuf>,

    /// Run without the dashboard: progress on stderr, verdict on stdout
    #[arg(long, help_heading = "Output")]
    pub headless: bool,
    /// Reports to write.
    #[arg(short = 'o', long = "export", value_name = "FILE", help_heading = "Output", help = export_help(EXPORTERS), allow_hyphen_values = true)]
    pub exports: Vec<PathBuf>,
    /// Write only results.json to stdout; implies --headless
    #[arg(long, help_heading = "Output")]
    pub json: bool,
    /// Do not save the run
    #[arg(long, help_heading = "Output")]
    pub no_save: bool,
    /// Colour.
    #[command(flatten)]
    pub color: ColorArgs,
    /// The dashboard.
    #[command(flatten)]
    pub screen: ScreenArgs,
}

/// Key and headers of side B. Those of side A are sent to it only if both URLs have the same origin.
#[derive(Args, Debug, Default)]
pub struct RivalArgs {
    /// Variable of the key.
    #[arg(long, value_name = "VAR", help_heading = "Sides")]
    #[arg(help = "Environment variable that holds the API key of side B [default: A's key, if both have one origin]")]
    pub b_api_key_env: Option<String>,
    /// Headers.
    #[arg(long = "b-header", value_name = "NAME: VALUE", help_heading = "Sides")]
    #[arg(help = "Add a header to requests of side B, in place of A's; repeatable")]
    pub b_headers: Vec<String>,
}

/// Names of the metrics of a race, as in thresholds.
fn metric_names() -> impl Iterator<Item = &'static str> {
    RACED.iter().filter_map(|raced| with_thresholds().find(|(metric, _)| metric == raced).map(|(_, slo)| slo.name))
}
