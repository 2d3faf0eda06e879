//! Counts and sums over a whole run; in a sweep, over all stages.

use std::collections::BTreeMap;

use super::cache_counts::CacheCounts;
use super::case::is_estimated;
use crate::domain::attempt::{AttemptRecord, TokenSource};
use crate::domain::pass_rate::PassRate;
use crate::domain::session::{AttemptState, CaseState, Session};
use crate::domain::tally::Tally;

/// Counts and sums over a whole run, including all stages of a sweep. Rates and percentiles instead describe its
/// [headline stage](crate::domain::sweep::headline_stage).
#[derive(Clone, Debug, Default)]
pub struct RunTotals {
    /// Number of cases with a complete answer; in a sweep, in every stage.
    pub ok: usize,
    /// Number of other cases with a failed attempt.
    pub failed: usize,
    /// Number of reported attempts.
    pub attempts: usize,
    /// Number of measured attempts that failed besides or after the reported ones.
    pub failed_attempts: usize,
    /// Number of reported attempts by state of the server's prefix cache.
    pub cache: CacheCounts,
    /// Number of reported attempts whose tokens the user's tokenizer counted.
    pub tokenizer_attempts: usize,
    /// Number of reported attempts with an estimated token count.
    pub estimated_attempts: usize,
    /// Number of reported attempts that pass their checks, out of all with checks.
    pub pass_rate: PassRate,
    /// Output tokens of all reported attempts.
    pub output_tokens: u64,
    /// Sum of the request latencies of the reported attempts, seconds.
    pub time_s: f64,
    /// Measured time, as defined by [`Tally::seconds`].
    pub busy_time_s: f64,
    /// Number of measured requests that completed or failed, reruns included.
    pub measured_requests: usize,
    /// Number of failed requests by kind of error, reruns included.
    pub errors: BTreeMap<String, usize>,
}

impl RunTotals {
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
                case.reported_in(stage).filter_map(AttemptState::record).for_each(|record| totals.add(&record));
                failed += failed_beside(case, stage);
            }
            totals.failed_attempts += failed;
            totals.failed += usize::from(!is_answered && failed > 0);
        }
        totals
    }

    /// Returns the number of measured requests with a complete answer.
    pub fn complete_requests(&self) -> usize {
        self.measured_requests - self.errors.values().sum::<usize>().min(self.measured_requests)
    }

    /// Counts the failed requests by kind, such as `3 rate_limited, 1 timeout`; `None` without failures.
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

/// Returns the number of attempts of a stage that failed in the reported round or later.
fn failed_beside(case: &CaseState, stage: usize) -> usize {
    let from = case.reported_in(stage).next().map_or(0, |a| a.round);
    case.stage_attempts(stage).iter().filter(|a| a.round >= from && a.is_failed()).count()
}
