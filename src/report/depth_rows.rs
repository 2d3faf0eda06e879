//! Prefill speed, decode speed and TTFT at each context depth (`--depth`).

use std::sync::Arc;

use super::case::is_estimated;
use crate::domain::attempt::{AttemptRecord, MIN_PREFILLED_TOKENS};
use crate::domain::context_depth::DepthTest;
use crate::domain::quantity::grouped;
use crate::domain::session::{AttemptState, CaseState, Session};
use crate::domain::text::sanitise_line;

/// Minimum share of the requested prompt length that the server must count; a smaller count means that it truncated the
/// prompt. Fitted prompts may be up to a quarter shorter than requested.
const MIN_SHARE_OF_PROMPT: f64 = 0.7;

/// Mean and sample standard deviation, as llama-bench prints them.
#[derive(Clone, Copy, Debug, PartialEq)]
pub struct MeanStd {
    /// Mean.
    pub mean: f64,
    /// Sample standard deviation (n − 1); `None` for a single value.
    pub std: Option<f64>,
    /// Number of values.
    pub n: usize,
}

/// Figures at one context depth, over the reported answers.
#[derive(Clone, Debug, PartialEq)]
pub struct DepthRow {
    /// Lengths of context, prompt and answer.
    pub test: DepthTest,
    /// Number of answers to prompts that the server did not truncate.
    pub n: usize,
    /// Prefill speed, tok/s: prefilled tokens / TTFT.
    pub prefill_tokens_per_s: Option<MeanStd>,
    /// Prefill speed according to the server's own timings, tok/s; `None` if it reports none.
    pub server_prefill_tokens_per_s: Option<MeanStd>,
    /// Decode speed, tok/s.
    pub decode_tokens_per_s: Option<MeanStd>,
    /// Time to first token, milliseconds.
    pub ttft_ms: Option<MeanStd>,
    /// Prompt tokens that the server counted.
    pub input_tokens: Option<MeanStd>,
    /// Whether any count of output tokens is an estimate.
    pub is_estimated: bool,
    /// Reason for a missing figure, in one sentence; `None` if no figure is missing, or if attempts are still to come.
    pub why_missing: Option<String>,
}

impl MeanStd {
    /// Computes mean and standard deviation; `None` without a value.
    pub fn from_values(values: impl IntoIterator<Item = f64>) -> Option<Self> {
        let values: Vec<f64> = values.into_iter().filter(|value| value.is_finite()).collect();
        let n = values.len();
        if n == 0 {
            return None;
        }
        let mean = values.iter().sum::<f64>() / n as f64;
        let squares: f64 = values.iter().map(|value| (value - mean).powi(2)).sum();
        Some(Self { mean, std: (n > 1).then(|| (squares / (n - 1) as f64).sqrt()), n })
    }

    /// Formats the figure like llama-bench: `8521.08 ± 69.61`, or `8521.08` for a single value.
    pub fn words(self, digits: usize) -> String {
        let mean = format!("{:.digits$}", self.mean);
        self.std.map_or_else(|| mean.clone(), |std| format!("{mean} ± {std:.digits$}"))
    }
}

/// Returns a row for each depth in the order of measurement; empty unless the run measures depths.
pub fn depth_rows(session: &Session) -> Vec<DepthRow> {
    let Some(workload) = session.suite.workload.as_ref() else { return Vec::new() };
    let row = |(case, state): (usize, &CaseState)| Some(DepthRow::new(workload.depth_test(case)?, state));
    session.cases.iter().enumerate().filter_map(row).collect()
}

impl DepthRow {
    fn new(test: DepthTest, state: &CaseState) -> Self {
        // A run at several depths has only stage 0.
        let records: Vec<Arc<AttemptRecord>> = state.reported_in(0).filter_map(AttemptState::record).collect();
        let (cut, whole): (Vec<_>, Vec<_>) = records.iter().partition(|record| is_cut(record, test));
        let figure = |get: fn(&AttemptRecord) -> Option<f64>| {
            MeanStd::from_values(whole.iter().filter_map(|record| get(record)))
        };
        let mut row = Self {
            test,
            n: whole.len(),
            prefill_tokens_per_s: figure(AttemptRecord::prefill_tokens_per_s),
            server_prefill_tokens_per_s: figure(AttemptRecord::server_prefill_tokens_per_s),
            decode_tokens_per_s: figure(AttemptRecord::decode_tokens_per_s),
            ttft_ms: figure(AttemptRecord::time_to_first_token_ms),
            input_tokens: figure(|record| record.usage.prompt_tokens.map(|n| n as f64)),
            is_estimated: whole.iter().any(|record| is_estimated(record)),
            why_missing: None,
        };
        row.why_missing = if row.n == 0 {
            cut.first().map(|record| about_cut(record, test)).or_else(|| about_failure(state))
        } else {
            row.about_missing(&cut, &whole)
        };
        row
    }

    /// Explains why answers at this depth lack a figure.
    fn about_missing(&self, cut: &[&Arc<AttemptRecord>], whole: &[&Arc<AttemptRecord>]) -> Option<String> {
        let lacking = |what: &str, figure: Option<MeanStd>, why: &dyn Fn() -> String| match whole.len()
            - figure.map_or(0, |figure| figure.n)
        {
            0 => None,
            all if all == whole.len() => Some(format!("no {what}: {}", why())),
            some => Some(format!("no {what} in {some} of {} answers: {}", whole.len(), why())),
        };
        cut.first()
            .map(|record| {
                format!("{} of {} answers excluded: {}", cut.len(), self.n + cut.len(), about_cut(record, self.test))
            })
            .or_else(|| lacking("prefill speed", self.prefill_tokens_per_s, &|| why_no_prefill(whole)))
            .or_else(|| lacking("decode speed", self.decode_tokens_per_s, &|| why_no_decode(whole)))
    }
}

fn why_no_prefill(records: &[&Arc<AttemptRecord>]) -> String {
    let records: Vec<_> = records.iter().filter(|record| record.prefill_tokens_per_s().is_none()).collect();
    if let Some(why) = records.iter().find_map(|record| record.unresolved_prefill()) {
        return why.to_string();
    }
    match records.iter().find_map(|record| record.prefilled_tokens()) {
        Some(tokens) => format!("{} prefilled tokens are fewer than {MIN_PREFILLED_TOKENS}", grouped(tokens)),
        None => "the server reports no prompt tokens".to_owned(),
    }
}

fn why_no_decode(records: &[&Arc<AttemptRecord>]) -> String {
    let unresolved = records.iter().find_map(|record| record.unresolved_inter_token());
    unresolved.map_or_else(|| "the answer has one token".to_owned(), |why| why.to_string())
}

/// Returns whether the server counted far fewer prompt tokens than were sent, because it truncated the prompt.
fn is_cut(record: &AttemptRecord, test: DepthTest) -> bool {
    let counted = record.usage.prompt_tokens;
    counted.is_some_and(|counted| (counted as f64) < MIN_SHARE_OF_PROMPT * f64::from(test.input_tokens()))
}

fn about_cut(record: &AttemptRecord, test: DepthTest) -> String {
    let counted = record.usage.prompt_tokens.unwrap_or_default();
    let sent = grouped(test.input_tokens().into());
    format!("the server cut the prompt: it counted {} of {sent} tokens", grouped(counted))
}

/// Explains why a depth has no complete answer; `None` before the first failure.
fn about_failure(state: &CaseState) -> Option<String> {
    let last = state.last_ended().filter(|attempt| attempt.is_failed())?.record()?;
    let message = last.error.as_ref().map_or_else(|| last.status.as_str().to_owned(), |error| error.message.clone());
    Some(sanitise_line(&message))
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::report::fixture::depth::{depth_session, too_long};

    fn words(figure: Option<MeanStd>) -> String {
        figure.map_or_else(|| "–".to_owned(), |figure| figure.words(2))
    }

    #[test]
    fn each_depth_has_means_with_standard_deviations() {
        let rows = depth_rows(&depth_session(|_, record| record));
        let names: Vec<String> = rows.iter().map(|row| row.test.prefill_name()).collect();
        assert_eq!(names, ["pp2048", "pp2048 @ d4096", "pp2048 @ d8192"]);
        // TTFTs of 500, 510 and 520 ms per 2,048 tokens.
        let flat = &rows[0];
        assert_eq!(words(flat.ttft_ms), "510.00 ± 10.00");
        let speeds = [4096.0, 2048.0 / 0.51, 2048.0 / 0.52];
        let mean = speeds.iter().sum::<f64>() / 3.0;
        assert!((flat.prefill_tokens_per_s.unwrap().mean - mean).abs() < 1e-9);
        let deep = &rows[2];
        assert_eq!((words(deep.ttft_ms), deep.n), ("2550.00 ± 50.00".to_owned(), 3));
        assert!((deep.prefill_tokens_per_s.unwrap().mean - mean).abs() < 1e-9);
        assert!(deep.decode_tokens_per_s.unwrap().mean < flat.decode_tokens_per_s.unwrap().mean);
        assert!(rows.iter().all(|row| row.why_missing.is_none() && row.server_prefill_tokens_per_s.is_none()));
    }

    #[test]
    fn a_refused_depth_has_a_reason_and_the_other_depths_are_measured() {
        let session = depth_session(|test, record| if test.depth == 4096 { too_long(&record) } else { record });
        let rows = depth_rows(&session);
        assert_eq!([rows[0].n, rows[1].n, rows[2].n], [3, 0, 3]);
        let why = rows[1].why_missing.as_deref().unwrap();
        assert!(why.contains("maximum context length is 4096"), "{why}");
        // A depth is not tried again after one refusal.
        assert_eq!(session.cases[1].attempts.len(), 1);
        assert_eq!((words(rows[1].prefill_tokens_per_s), words(rows[1].ttft_ms)), ("–".to_owned(), "–".to_owned()));
    }

    #[test]
    fn a_truncated_prompt_has_no_figures() {
        let session = depth_session(|_, mut record| {
            record.usage.prompt_tokens = record.usage.prompt_tokens.map(|n| n.min(4096));
            record
        });
        let rows = depth_rows(&session);
        assert_eq!([rows[0].n, rows[1].n, rows[2].n], [3, 0, 0]);
        let why = "the server cut the prompt: it counted 4,096 of 10,240 tokens";
        assert_eq!(rows[2].why_missing.as_deref(), Some(why));
    }

    #[test]
    fn a_missing_speed_has_its_reason() {
        let reason = |change: fn(&mut AttemptRecord)| {
            let session = depth_session(|_, mut record| {
                change(&mut record);
                record
            });
            depth_rows(&session).swap_remove(0).why_missing
        };
        let some = depth_session(|_, mut record| {
            if record.id.number == 2 {
                record.usage.prompt_tokens = None;
            }
            record
        });
        assert_eq!(
            depth_rows(&some)[0].why_missing.as_deref(),
            Some("no prefill speed in 1 of 3 answers: the server reports no prompt tokens")
        );
        let uncounted = reason(|record| record.usage.prompt_tokens = None);
        assert_eq!(uncounted.as_deref(), Some("no prefill speed: the server reports no prompt tokens"));
        let cached = reason(|record| record.usage.cached_tokens = Some(2000));
        assert_eq!(cached.as_deref(), Some("no prefill speed: 48 prefilled tokens are fewer than 256"));
        let single = reason(|record| {
            record.arrivals.truncate(1);
            record.usage.completion_tokens = Some(1);
        });
        assert_eq!(single.as_deref(), Some("no decode speed: the answer has one token"));
        assert!(depth_rows(&crate::report::fixture::sample_session()).is_empty());
    }
}
