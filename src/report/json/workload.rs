//! Workload and conversations in the JSON export.

use serde::Serialize;

use crate::domain::context_depth::Depths;
use crate::domain::data_fingerprint::DataFingerprint;
use crate::domain::row_order::Sample;
use crate::domain::workload::{Conversations, Workload, WorkloadSource};
use crate::report::conversation_counts::ConversationCounts;
use crate::report::lengths::{Deviation, Lengths};
use crate::report::model::Report;
use crate::report::spread::Spread;
use crate::report::summary::Summary;
use crate::report::turns::TurnFigures;

/// Source of the requests and their lengths.
#[derive(Serialize)]
pub struct WorkloadJson<'a> {
    kind: &'static str,
    name: &'a str,
    /// Path of the file or folder; `null` for synthetic prompts.
    source: Option<&'a str>,
    rows: Option<u32>,
    sample: Sample,
    seed: u64,
    summary: &'a str,
    fingerprint: Option<FingerprintJson>,
    columns: &'a [String],
    isl: Option<String>,
    osl: Option<String>,
    prefix: Option<String>,
    /// Context depth of each case, tokens; empty unless the run measures depths.
    depths: &'a [u32],
    speed: Option<f64>,
    requested_input_tokens: Option<LengthJson>,
    input_tokens: Option<LengthJson>,
    input_deviation_percent: Option<DeviationJson>,
    requested_output_tokens: Option<LengthJson>,
    output_tokens: Option<LengthJson>,
    output_deviation_percent: Option<DeviationJson>,
    notes: &'a [String],
}

#[derive(Serialize)]
struct FingerprintJson {
    bytes: u64,
    crc32: String,
}

impl From<DataFingerprint> for FingerprintJson {
    fn from(fingerprint: DataFingerprint) -> Self {
        Self { bytes: fingerprint.bytes, crc32: format!("{:08x}", fingerprint.crc32) }
    }
}

/// Percentiles of lengths; `null` with too few values.
#[derive(Serialize)]
struct LengthJson {
    p50: Option<f64>,
    p95: Option<f64>,
    n: usize,
}

impl From<Spread> for LengthJson {
    fn from(spread: Spread) -> Self {
        Self { p50: spread.percentile(50), p95: spread.percentile(95), n: spread.n }
    }
}

#[derive(Serialize)]
struct DeviationJson {
    mean: f64,
    largest: f64,
    n: usize,
}

impl From<Deviation> for DeviationJson {
    fn from(deviation: Deviation) -> Self {
        Self { mean: deviation.mean_percent, largest: deviation.largest_percent, n: deviation.n }
    }
}

impl<'a> WorkloadJson<'a> {
    /// Returns the workload of a run; `None` if the run sent the cases of its suite.
    pub fn new(report: &'a Report, summary: &Summary) -> Option<Self> {
        let suite = &report.session.suite;
        let Workload { source, summary: description, rows, sample, seed, output, .. } = suite.workload.as_ref()?;
        let (mut columns, mut isl, mut prefix, mut speed) = (&[][..], None, None, None);
        match source {
            WorkloadSource::Dataset { columns: mapped, .. } => columns = mapped.as_slice(),
            WorkloadSource::Synthetic { input, prefix: shared } => {
                (isl, prefix) = (Some(input.to_string()), shared.map(|shared| shared.to_string()));
            }
            WorkloadSource::Depth { prompt_tokens, .. } => isl = Some(prompt_tokens.to_string()),
            WorkloadSource::Trace { speed: factor, .. } => speed = Some(*factor),
        }
        let requested = |lengths: &Lengths| lengths.requested().map(LengthJson::from);
        let real = |lengths: &Lengths| lengths.real().map(LengthJson::from);
        let deviation = |lengths: &Lengths| lengths.deviation().map(DeviationJson::from);
        let (input, answers) = (&summary.lengths.input, &summary.lengths.output);
        Some(Self {
            kind: source.kind(),
            name: &suite.name,
            source: source.path(),
            rows: *rows,
            sample: *sample,
            seed: *seed,
            summary: description,
            fingerprint: source.fingerprint().map(FingerprintJson::from),
            columns,
            isl,
            osl: output.as_ref().map(ToString::to_string),
            prefix,
            depths: source.depths().map(Depths::as_slice).unwrap_or_default(),
            speed,
            requested_input_tokens: requested(input),
            input_tokens: real(input),
            input_deviation_percent: deviation(input),
            requested_output_tokens: requested(answers),
            output_tokens: real(answers),
            output_deviation_percent: deviation(answers),
            notes: &report.workload_notes,
        })
    }
}

/// Number of conversations by how they ended.
#[derive(Serialize)]
pub struct ConversationsJson {
    turns: Option<String>,
    think: Option<String>,
    complete: usize,
    broken_off: usize,
    in_progress: usize,
}

impl ConversationsJson {
    /// Returns the conversations of a run; `None` if it has none.
    pub fn new(report: &Report) -> Option<Self> {
        let counts = ConversationCounts::from_session(&report.session)?;
        let asked = report.session.suite.conversations.as_ref();
        let spec = |get: fn(&Conversations) -> Option<String>| asked.and_then(get);
        Some(Self {
            turns: spec(|c| Some(c.turns.as_ref()?.to_string())),
            think: spec(|c| Some(c.think.as_ref()?.to_string())),
            complete: counts.complete,
            broken_off: counts.broken_off,
            in_progress: counts.in_progress,
        })
    }
}

/// Figures of one turn over all conversations.
#[derive(Serialize)]
pub struct TurnJson {
    turn: u16,
    n: usize,
    failed: usize,
    time_to_first_token_ms: Option<TurnSpreadJson>,
    input_sequence_length: Option<TurnSpreadJson>,
    cached_token_count: Option<TurnSpreadJson>,
    output_token_throughput_per_user: Option<TurnSpreadJson>,
}

/// Mean and percentiles of a figure by turn or by model. A percentile of too few values is `null`.
#[derive(Serialize)]
pub struct TurnSpreadJson {
    mean: f64,
    p50: Option<f64>,
    p95: Option<f64>,
    n: usize,
}

impl From<Spread> for TurnSpreadJson {
    fn from(spread: Spread) -> Self {
        Self { mean: spread.stats.avg, p50: spread.percentile(50), p95: spread.percentile(95), n: spread.n }
    }
}

impl From<TurnFigures> for TurnJson {
    fn from(figures: TurnFigures) -> Self {
        Self {
            turn: *figures.turns.start(),
            n: figures.n,
            failed: figures.failed,
            time_to_first_token_ms: figures.ttft_ms.map(Into::into),
            input_sequence_length: figures.input_tokens.map(Into::into),
            cached_token_count: figures.cached_tokens.map(Into::into),
            output_token_throughput_per_user: figures.decode_tokens_per_s.map(Into::into),
        }
    }
}

/// Returns the figures by turn.
pub fn turns(summary: &Summary) -> Vec<TurnJson> {
    summary.turns.figures(usize::MAX).into_iter().map(TurnJson::from).collect()
}

#[cfg(test)]
mod tests;
