//! Requests of a run other than named cases: rows of a data set, synthetic prompts or a trace. Also conversations.

use std::time::Duration;

use serde::{Deserialize, Serialize};

use super::attempt::AttemptId;
use super::context_depth::{DepthTest, Depths};
use super::data_fingerprint::DataFingerprint;
use super::length_spec::LengthSpec;
use super::prefix_spec::PrefixSpec;
use super::row_order::Sample;
use super::task::Task;
use super::think_spec::ThinkSpec;

/// Mixed into the seed of think times, so that they are independent of the numbers of turns.
const THINK_SEED: u64 = 0x7468_696e_6b21_2121;

/// A workload: requests that differ from one another. Each case of the suite is a group of these requests, such as the
/// rows with the same tag of a data set.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
pub struct Workload {
    /// Source of the requests.
    pub source: WorkloadSource,
    /// One line about the source for the user: its format, rows and lengths.
    pub summary: String,
    /// Number of rows that the source has; `None` for synthetic prompts, whose number is not limited.
    pub rows: Option<u32>,
    /// Order of the rows.
    #[serde(default)]
    pub sample: Sample,
    /// Seed of the order and of everything else that is drawn.
    pub seed: u64,
    /// Inputs or documents of each request; `None` if the requests ask for text.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub items: Option<ItemsForm>,
    /// Lengths of the answers, tokens; `None` if the row or the case determines them.
    #[serde(default)]
    pub output: Option<LengthSpec>,
    /// Number of probes: the first warm-ups, which measure how many tokens the server counts for a text.
    #[serde(default, skip_serializing_if = "is_zero")]
    pub probes: u32,
    /// Whether any row has checks of its answer.
    #[serde(default)]
    pub has_checks: bool,
    /// Number of measured requests of each case, in each stage: the number of rows, or the number that the user
    /// requested. A conversation counts once.
    pub planned: Vec<u32>,
}

/// Form of requests that ask for vectors or scores.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct ItemsForm {
    /// Kind of work.
    pub task: Task,
    /// Rows, or synthetic texts, in each request.
    pub per_request: u32,
}

/// Documents of a synthetic rerank request, unless the user names a number.
const DEFAULT_DOCUMENTS: u32 = 10;

impl ItemsForm {
    /// The form of requests for this kind of work; `None` for generated text. `batch` is the user's number of inputs or
    /// documents.
    pub fn new(task: Task, batch: Option<u32>) -> Option<Self> {
        let default = match task {
            Task::Generation => return None,
            Task::Embeddings => 1,
            Task::Rerank => DEFAULT_DOCUMENTS,
        };
        Some(Self { task, per_request: batch.unwrap_or(default).max(1) })
    }
}

#[expect(clippy::trivially_copy_pass_by_ref, reason = "serde passes a reference")]
const fn is_zero(n: &u32) -> bool {
    *n == 0
}

impl Workload {
    /// Number of the probe, from 1, if this warm-up of a run with `cases` cases is one; otherwise `None`. Warm-ups take
    /// the cases in turn, and the first warm-ups are probes.
    pub fn probe_number(&self, id: AttemptId, cases: usize) -> Option<u32> {
        let before = u32::try_from(cases).ok()?.checked_mul(id.number.checked_sub(1)?)?;
        let number = before.checked_add(u32::try_from(id.case).ok()?)?.checked_add(1)?;
        (number <= self.probes).then_some(number)
    }

    /// Requests of a case at its context depth; `None` unless the run measures depths.
    pub fn depth_test(&self, case: usize) -> Option<DepthTest> {
        let WorkloadSource::Depth { depths, prompt_tokens, output_tokens } = &self.source else { return None };
        let (prompt_tokens, output_tokens) = (*prompt_tokens, *output_tokens);
        depths.as_slice().get(case).map(|depth| DepthTest { depth: *depth, prompt_tokens, output_tokens })
    }

    /// Returns whether a case ends after a request that the server refuses, because its other requests are equally
    /// long.
    pub const fn ends_case_if_refused(&self) -> bool {
        matches!(self.source, WorkloadSource::Depth { .. })
    }
}

/// Source of the requests.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
#[serde(tag = "kind", rename_all = "snake_case")]
pub enum WorkloadSource {
    /// Rows of a data set (`--dataset`).
    Dataset {
        /// Path as the user gave it, made absolute.
        path: String,
        /// Columns that the user mapped, as `key=NAME`.
        #[serde(default)]
        columns: Vec<String>,
        /// Whether invalid rows are skipped. Otherwise an invalid row is an error.
        #[serde(default)]
        skips_bad_rows: bool,
        /// Size and checksum of the content.
        fingerprint: DataFingerprint,
    },
    /// Prose of given lengths (`--isl`).
    Synthetic {
        /// Lengths of the prompts, tokens.
        input: LengthSpec,
        /// Prefixes that prompts share; `None` without any.
        prefix: Option<PrefixSpec>,
    },
    /// Prose after contexts of given depths (`--depth`). Each depth is a case.
    Depth {
        /// Tokens of context, one for each case.
        depths: Depths,
        /// Tokens of the prompt after the context.
        prompt_tokens: u32,
        /// Tokens of the answer.
        output_tokens: u32,
    },
    /// Requests of a trace at their own times (`--trace`).
    Trace {
        /// Path as the user gave it, made absolute.
        path: String,
        /// Whether invalid rows are skipped. Otherwise an invalid row is an error.
        #[serde(default)]
        skips_bad_rows: bool,
        /// Factor by which requests are sent faster than they were recorded.
        speed: f64,
        /// Size and checksum of the file; `None` in journals of older versions.
        #[serde(default, skip_serializing_if = "Option::is_none")]
        fingerprint: Option<DataFingerprint>,
    },
}

impl WorkloadSource {
    /// Name of the kind in `results.json`.
    pub const fn kind(&self) -> &'static str {
        match self {
            Self::Dataset { .. } => "dataset",
            Self::Synthetic { .. } => "synthetic",
            Self::Depth { .. } => "depth",
            Self::Trace { .. } => "trace",
        }
    }

    /// Factor by which a trace is sent faster than it was recorded; `None` for other sources.
    pub const fn replay_speed(&self) -> Option<f64> {
        match self {
            Self::Trace { speed, .. } => Some(*speed),
            Self::Dataset { .. } | Self::Synthetic { .. } | Self::Depth { .. } => None,
        }
    }

    /// Size and checksum of the file or folder; `None` if the source has no file, or if a journal does not have them.
    pub const fn fingerprint(&self) -> Option<DataFingerprint> {
        match self {
            Self::Dataset { fingerprint, .. } => Some(*fingerprint),
            Self::Trace { fingerprint, .. } => *fingerprint,
            Self::Synthetic { .. } | Self::Depth { .. } => None,
        }
    }

    /// Context depths, one for each case; `None` for other sources.
    pub const fn depths(&self) -> Option<&Depths> {
        if let Self::Depth { depths, .. } = self { Some(depths) } else { None }
    }

    /// Tokens of each answer; `None` for sources whose answers have lengths of their own.
    pub const fn output_tokens(&self) -> Option<u32> {
        if let Self::Depth { output_tokens, .. } = self { Some(*output_tokens) } else { None }
    }

    /// Path of the file or folder; `None` for generated prompts.
    pub fn path(&self) -> Option<&str> {
        match self {
            Self::Dataset { path, .. } | Self::Trace { path, .. } => Some(path),
            Self::Synthetic { .. } | Self::Depth { .. } => None,
        }
    }
}

/// Conversations of several turns (`--turns`, `--think`).
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
pub struct Conversations {
    /// Number of turns of a conversation; `None` if the case or the row determines it.
    pub turns: Option<LengthSpec>,
    /// Think time between an answer and the next turn; `None` if the case determines it.
    pub think: Option<ThinkSpec>,
    /// Header that carries the number of the conversation, for servers that route by it.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub session_header: Option<String>,
    /// Random seed of turns and think times.
    pub seed: u64,
}

impl Conversations {
    /// Number of turns of a conversation; `None` unless [`Self::turns`] is set.
    pub fn turns_of(&self, case: usize, conversation: u32) -> Option<u16> {
        let turns = self.turns.as_ref()?.sample(self.seed, index(case, conversation, 0));
        Some(u16::try_from(turns).unwrap_or(u16::MAX))
    }

    /// Think time before turn `number` of a conversation; `None` unless [`Self::think`] is set.
    pub fn think_time(&self, case: usize, conversation: u32, number: u16) -> Option<Duration> {
        Some(self.think.as_ref()?.sample(self.seed ^ THINK_SEED, index(case, conversation, number)))
    }
}

/// Index of a turn among all random draws of a run.
const fn index(case: usize, conversation: u32, number: u16) -> u64 {
    ((case as u64) << 48) ^ ((conversation as u64) << 16) ^ number as u64
}
