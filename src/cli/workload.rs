//! Options for the user's own workload.

use std::path::PathBuf;

use clap::Args;
use clap::builder::NonEmptyStringValueParser;

use super::values::{sample, speed};
use crate::domain::context_depth::Depths;
use crate::domain::length_spec::LengthSpec;
use crate::domain::media::GeneratedImages;
use crate::domain::prefix_spec::PrefixSpec;
use crate::domain::row_order::Sample;
use crate::domain::think_spec::ThinkSpec;

/// Requests other than the suite's cases, and conversations.
#[derive(Args, Clone, Debug, Default, PartialEq)]
pub struct WorkloadArgs {
    /// Data set.
    #[arg(help = "Send the rows of this file or folder: JSONL, JSON, CSV, ShareGPT, text files")]
    #[arg(long, value_name = "FILE", help_heading = "Workload", conflicts_with_all = ["isl", "trace", "cases", "case_patterns"])]
    pub dataset: Option<PathBuf>,
    /// Columns of the data set.
    #[arg(
        help = "Column of the data set for prompt, messages, system, expected, max_tokens, tag or check; repeatable"
    )]
    #[arg(long = "column", value_name = "KEY=NAME", help_heading = "Workload", requires = "dataset")]
    pub columns: Vec<String>,
    /// Order of the rows: ordered, shuffled or replace [default: ordered]
    #[arg(long, value_name = "ORDER", help_heading = "Workload", value_parser = sample, requires = "dataset", hide_possible_values = true)]
    pub sample: Option<Sample>,
    /// Send at most N rows
    #[arg(long, value_name = "N", help_heading = "Workload", value_parser = clap::value_parser!(u32).range(1..))]
    #[arg(conflicts_with_all = ["requests", "duration"])]
    pub limit: Option<u32>,
    /// Inputs (--api embeddings) or documents (--api rerank) of a request [default: those of the case, or 1 and 10]
    #[arg(long, value_name = "N", help_heading = "Workload", value_parser = clap::value_parser!(u32).range(1..=4096))]
    pub batch: Option<u32>,
    /// Skip and count invalid rows instead of rejecting the file
    #[arg(long, help_heading = "Workload")]
    pub skip_bad_rows: bool,
    /// Tokens of a prompt: 1024, 1024~128 (normal), 512..2048 or 256:60,1024:40 (weights)
    #[arg(long, value_name = "SPEC", help_heading = "Workload", conflicts_with_all = ["trace", "cases", "case_patterns"])]
    pub isl: Option<LengthSpec>,
    /// Measure prefill and decode speed after contexts of these lengths: 0,4096,8192 (tokens)
    #[arg(long, value_name = "LIST", help_heading = "Workload", conflicts_with_all = ["dataset", "trace", "cases", "case_patterns"])]
    #[arg(conflicts_with_all = ["prefix", "turns", "think", "limit", "rate", "sweep", "stages", "find", "duration", "requests", "warm"])]
    pub depth: Option<Depths>,
    /// Tokens of an answer, in the forms of --isl
    #[arg(long, value_name = "SPEC", help_heading = "Workload")]
    pub osl: Option<LengthSpec>,
    /// Tokens that prompts share at their beginning, and the number of such beginnings: 2048 or 2048x8
    #[arg(long, value_name = "SPEC", help_heading = "Workload", requires = "isl")]
    pub prefix: Option<PrefixSpec>,
    /// Turns of a conversation, in the forms of --isl; each turn is sent with the answers before it
    #[arg(long, value_name = "SPEC", help_heading = "Workload")]
    pub turns: Option<LengthSpec>,
    /// Time between an answer and the next turn: 2s, 1s..5s or ~2s (exponential)
    #[arg(long, value_name = "SPEC", help_heading = "Workload")]
    pub think: Option<ThinkSpec>,
    /// Add generated images to each request: 1024x768, or 1024x768*2 for two
    #[arg(long, value_name = "SIZE", help_heading = "Workload")]
    pub image: Option<GeneratedImages>,
    /// Send the requests of a trace at their own times: Mooncake, Azure, an OpenAI request log or a saved run
    #[arg(long, value_name = "FILE", help_heading = "Workload", conflicts_with_all = ["cases", "case_patterns", "rate", "sweep"])]
    pub trace: Option<PathBuf>,
    /// Replay the trace X times faster
    #[arg(long = "speed", value_name = "X", help_heading = "Workload", value_parser = speed, requires = "trace")]
    pub trace_speed: Option<f64>,
    /// Send the number of the conversation in this header, for servers that route by it
    #[arg(long, value_name = "NAME", help_heading = "Workload", value_parser = NonEmptyStringValueParser::new())]
    pub session_header: Option<String>,
}

impl WorkloadArgs {
    /// Returns whether the options name a source of requests that replaces the cases.
    pub(crate) const fn has_source(&self) -> bool {
        self.dataset.is_some() || self.isl.is_some() || self.depth.is_some() || self.trace.is_some()
    }
}
