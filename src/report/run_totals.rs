//! Counts and sums over a whole run: in a sweep, over all stages.

use std::collections::BTreeMap;

use super::case::is_estimated;
use super::summary::{CacheCounts, Summary};
use crate::domain::attempt::{AttemptRecord, TokenSource};
use crate::domain::pass_rate::PassRate;
use crate::domain::session::{CaseState, Session};
use crate::domain::tally::Tally;

/// Counts and sums over a whole run. Rates and percentiles describe one stage of a sweep instead; see
/// [`headline_stage`](crate::domain::sweep::headline_stage).
#[derive(Clone, Debug, Default)]
pub struct RunTotals {
    /// Cases with a complete answer; in a sweep, in every stage.
    pub ok: usize,
    /// Other cases that have a failed attempt.
    pub failed: usize,
    /// Reported attempts.
    pub attempts: usize,
    /// Measured attempts that failed beside or after the reported ones.
    pub failed_attempts: usize,
    /// Reported attempts by the state of the server's prefix cache.
    pub cache: CacheCounts,
    /// Reported attempts whose tokens the user's tokenizer counted.
    pub tokenizer_attempts: usize,
    /// Reported attempts with an estimated token count.
    pub estimated_attempts: usize,
    /// Reported attempts that pass their checks, out of those with checks.
    pub pass_rate: PassRate,
    /// Output tokens of all reported attempts.
    pub output_tokens: u64,
    /// Sum of their request latencies, seconds.
    pub time_s: f64,
    /// Time that [`Tally::seconds`] defines.
    pub busy_time_s: f64,
    /// Measured requests that ended, complete or failed, reruns included.
    pub measured_requests: usize,
    /// Failed requests by kind of error, reruns included.
    pub errors: BTreeMap<String, usize>,
}

impl RunTotals {
    /// Totals of a run without a sweep, which are those of its only stage.
    pub(super) fn from_single_stage(summary: &Summary, tally: &Tally) -> Self {
        Self {
            ok: summary.ok,
            failed: summary.failed,
            attempts: summary.attempts,
            failed_attempts: summary.failed_attempts,
            cache: summary.cache,
            tokenizer_attempts: summary.tokenizer_attempts,
            estimated_attempts: summary.estimated_attempts,
            pass_rate: summary.pass_rate,
            output_tokens: summary.total_output_tokens,
            time_s: summary.total_time_s,
            busy_time_s: summary.busy_time_s,
            measured_requests: tally.ended,
            errors: tally.errors.clone(),
        }
    }

    /// Totals over all stages of a sweep.
    pub(super) fn from_all_stages(session: &Session) -> Self {
        let tally = Tally::from_session(session, None);
        let stages = 0..=session.stage;
        let mut totals = Self {
            ok: session.cases_answered(),
            busy_time_s: tally.seconds(),
            measured_requests: tally.ended,
            errors: tally.errors,
            ..Self::default()
        };
        for case in &session.cases {
            let is_answered = stages.clone().all(|stage| case.reported_in(stage).next().is_some());
            let mut failed = 0;
            for stage in stages.clone() {
                case.reported_in(stage).filter_map(|a| a.record()).for_each(|record| totals.add(&record));
                failed += failed_beside(case, stage);
            }
            totals.failed_attempts += failed;
            totals.failed += usize::from(!is_answered && failed > 0);
        }
        totals
    }

    /// Number of measured requests that were answered completely.
    pub fn complete_requests(&self) -> usize {
        self.measured_requests - self.errors.values().sum::<usize>().min(self.measured_requests)
    }

    /// Failed requests by kind, like `3 rate_limited, 1 timeout`; `None` without failures.
    pub fn failures(&self) -> Option<String> {
        let kinds: Vec<String> = self.errors.iter().map(|(kind, n)| format!("{n} {kind}")).collect();
        (!kinds.is_empty()).then(|| kinds.join(", "))
    }

    fn add(&mut self, record: &AttemptRecord) {
        self.attempts += 1;
        self.cache.add(record.prefix_cache());
        self.pass_rate.add(record);
        self.estimated_attempts += usize::from(is_estimated(record));
        if let Some((tokens, source)) = record.output_tokens() {
            self.output_tokens = self.output_tokens.saturating_add(tokens);
            self.tokenizer_attempts += usize::from(source == TokenSource::Tokenizer);
        }
        self.time_s += record.request_latency_ms().unwrap_or(0.0) / 1000.0;
    }
}

/// Number of attempts that failed in the reported round of a stage, or after it.
fn failed_beside(case: &CaseState, stage: usize) -> usize {
    let from = case.reported_in(stage).next().map_or(0, |a| a.round);
    case.stage_attempts(stage).iter().filter(|a| a.round >= from && a.is_failed()).count()
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::report::fixture::{sample_session, sweep_session};

    #[test]
    fn totals_of_a_sweep_cover_all_stages_and_its_rates_the_best_one() {
        // Four cases at each of three concurrencies, 100 tokens each; two requests per second at most.
        let session = sweep_session(&[1, 2, 4]);
        let summary = Summary::from_session(&session);
        let totals = &summary.totals;
        assert_eq!((totals.attempts, totals.output_tokens, totals.measured_requests), (12, 1200, 12));
        assert_eq!((totals.ok, totals.failed, totals.failed_attempts), (4, 0, 0));
        // Four times 1 s one after another, twice 1 s, once 2 s.
        assert!((totals.busy_time_s - 8.0).abs() < 0.1, "{}", totals.busy_time_s);
        // Concurrency 4 is not faster than 2.
        assert_eq!((summary.stage, summary.attempts), (Some(2), 4));
        let throughput = summary.output_token_throughput.unwrap();
        assert!((throughput - 200.0).abs() < 5.0, "{throughput}");
    }

    #[test]
    fn without_a_sweep_totals_are_those_of_the_run() {
        let summary = Summary::from_session(&sample_session());
        assert_eq!(summary.totals.output_tokens, summary.total_output_tokens);
        assert_eq!((summary.stage, summary.totals.attempts), (None, 10));
    }
}
