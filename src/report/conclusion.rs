//! Key figures of a run, for the summary pane and the terminal.

use std::time::Duration;

use crate::domain::metrics::{DECODE, LATENCY, TTFT};
use crate::domain::pass_rate::PassRate;
use crate::domain::search_results::SearchResult;
use crate::domain::session::Session;
use crate::domain::sweep::SweepSummary;

use super::bottleneck::{Bottleneck, SystemFigures, bottleneck};
use super::cost::Cost;
use super::gpu::GpuReport;
use super::summary::Summary;

/// Key figures of a run.
#[derive(Clone, Debug, Default, PartialEq)]
pub struct Conclusion {
    /// Number of cases with a complete answer.
    pub ok: usize,
    /// Number of cases.
    pub cases: usize,
    /// Whether a planned attempt has no complete answer.
    pub partial: bool,
    /// Number of complete answers that count and of planned requests. `None` if each case has one request, or if only
    /// the time limits the number.
    pub requests: Option<(usize, usize)>,
    /// Median TTFT, milliseconds.
    pub ttft_p50_ms: Option<f64>,
    /// Median decode speed of a stream, tokens per second.
    pub decode_p50: Option<f64>,
    /// Items per second; `None` for generated text.
    pub items_per_s: Option<f64>,
    /// Prompt tokens per second; `None` for generated text.
    pub input_tokens_per_s: Option<f64>,
    /// Median and 95th percentile of the latency, milliseconds; `None` for generated text.
    pub latency_ms: Option<(f64, Option<f64>)>,
    /// Output tokens of the reported attempts; `None` without such an attempt, and for answers that are not text.
    pub tokens: Option<u64>,
    /// Whether some token count is an estimate.
    pub estimated: bool,
    /// Time from the first request to the last end; `None` before the first end.
    pub wall: Option<Duration>,
    /// Mean speed of the rated answers, tok/s.
    pub speed: Option<f64>,
    /// Rating of the mean speed on the suite's scale, with the range of that rating, such as `≥ 100 tok/s`.
    pub rating: Option<(&'static str, String)>,
    /// Reason for a missing rating, or the number of answers that it excludes.
    pub rating_note: Option<String>,
    /// Number of failed attempts by kind, such as `2 timeout, 1 http_error`; `None` without failures.
    pub failures: Option<String>,
    /// Number of answers that pass their checks, out of all answers with checks; in a sweep, over all stages.
    pub pass_rate: PassRate,
    /// Name of the slowest case and its latency, milliseconds; `None` with fewer than two cases.
    pub slowest: Option<(String, f64)>,
    /// Price of the work at its load; `None` without a price, and in a conclusion of a report, which has its own.
    pub cost: Option<Cost>,
    /// Bottleneck of the run; `None` without figures.
    pub bottleneck: Option<Bottleneck>,
    /// Result of the whole sweep, while the other figures describe its last stage. `None` without a sweep.
    pub sweep: Option<SweepSummary>,
    /// Result of a search for the largest load in one sentence; `None` without a search.
    pub search: Option<String>,
}

impl Conclusion {
    /// Computes the key figures of the session so far.
    pub fn from_session(session: &Session, system: SystemFigures, gpu: Result<&GpuReport, &str>) -> Self {
        let summary = Summary::from_session(session);
        Self { cost: Cost::new(session, &summary, gpu), ..Self::new(session, &summary, system) }
    }

    /// Computes the key figures of a session from its `summary`.
    pub fn new(session: &Session, summary: &Summary, system: SystemFigures) -> Self {
        let cases = session.cases.len();
        let speed = summary.rated_speed;
        let (scale, is_text) = (session.suite.rating, session.suite.task.generates());
        let planned = session.requests_planned().filter(|planned| *planned != cases);
        Self {
            ok: session.cases_answered(),
            cases,
            partial: summary.partial,
            requests: planned.map(|planned| (session.requests_answered(), planned)),
            ttft_p50_ms: summary.stats(&TTFT).map(|s| s.p50),
            decode_p50: summary.stats(&DECODE).map(|s| s.p50),
            items_per_s: summary.item_throughput,
            input_tokens_per_s: summary.input_token_throughput,
            latency_ms: summary.spread(&LATENCY).filter(|_| !is_text).map(|s| (s.stats.p50, s.percentile(95))),
            tokens: (summary.attempts > 0 && is_text).then_some(summary.total_output_tokens),
            estimated: summary.estimated,
            wall: session.last_ended.and_then(|ended| session.running_for(ended)),
            speed,
            rating: speed.map(|speed| (scale.rate(speed), scale.measured_against(speed))),
            rating_note: summary.rating_note(),
            failures: summary.tally.as_ref().and_then(crate::domain::tally::Tally::failures),
            pass_rate: summary.totals.pass_rate,
            slowest: summary
                .slowest_case
                .and_then(|(case, ms)| Some((session.suite.cases.get(case)?.name.clone(), ms))),
            cost: None,
            bottleneck: bottleneck(session, summary, system),
            sweep: SweepSummary::from_session(session),
            search: SearchResult::from_session(session).map(|result| result.sentence),
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::report::fixture::sample_session;

    #[test]
    fn the_sample_run_has_its_key_figures() {
        let session = sample_session();
        let conclusion = Conclusion::from_session(&session, SystemFigures::default(), Err("no GPU"));
        let excellent = Some(("Excellent", "≥ 100 tok/s".to_owned()));
        assert_eq!(
            (conclusion.ok, conclusion.cases, conclusion.partial, conclusion.rating),
            (10, 10, false, excellent)
        );
        let (name, ms) = conclusion.slowest.clone().unwrap();
        let longest = session.records().filter_map(|r| Some((r.request_latency_ms()?, r.id.case)));
        let longest = longest.max_by(|a, b| a.0.total_cmp(&b.0)).unwrap();
        assert_eq!((name, ms), (session.suite.cases[longest.1].name.clone(), longest.0));
        assert_eq!((conclusion.failures, conclusion.estimated), (None, false));
        assert!(conclusion.bottleneck.is_some());
    }

    #[test]
    fn an_unmeasured_run_has_no_key_figures() {
        let session = sample_session();
        let empty = Session::new(std::sync::Arc::clone(&session.suite), session.plan);
        let conclusion = Conclusion::from_session(&empty, SystemFigures::default(), Err("no GPU"));
        let none = Conclusion { cases: 10, partial: conclusion.partial, ..Conclusion::default() };
        assert_eq!(conclusion, none);
    }
}
