//! Key figures of a run.

use std::time::Duration;

use crate::domain::metrics::{DECODE, LATENCY, TTFT};
use crate::domain::session::Session;

use super::bottleneck::{Bottleneck, SystemFigures, bottleneck};
use super::case::{CaseView, cases};
use super::summary::Summary;

/// Key figures of a run.
#[derive(Clone, Debug, Default, PartialEq)]
pub struct Conclusion {
    /// Cases with a complete answer.
    pub ok: usize,
    /// All cases.
    pub cases: usize,
    /// Something the plan asked for has no whole answer.
    pub partial: bool,
    /// Median TTFT, milliseconds.
    pub ttft_p50_ms: Option<f64>,
    /// Median decode speed of a stream, tokens per second.
    pub decode_p50: Option<f64>,
    /// Output tokens of all attempts that count; `None` without one.
    pub tokens: Option<u64>,
    /// Some token count is an estimate.
    pub estimated: bool,
    /// How long the run was going, up to its last end; `None` before one.
    pub wall: Option<Duration>,
    /// Average speed that the rating is about, tok/s.
    pub speed: Option<f64>,
    /// The suite's word for the average speed, and the part of its scale that earned it: `≥ 100 tok/s`.
    pub rating: Option<(&'static str, String)>,
    /// Why there is no rating, or how many answers it does not cover.
    pub rating_note: Option<String>,
    /// Failed attempts by kind: `2 timeout, 1 http_error`; `None` without any.
    pub failures: Option<String>,
    /// The case that took longest, and its time in milliseconds; `None` below two cases.
    pub slowest: Option<(String, f64)>,
    /// What held it back; `None` without a figure.
    pub bottleneck: Option<Bottleneck>,
}

impl Conclusion {
    /// Of a session as it stands.
    pub fn from_session(session: &Session, system: SystemFigures) -> Self {
        let summary = Summary::from_session(session);
        let views = cases(session);
        let speed = summary.rated_speed;
        let scale = session.suite.rating;
        Self {
            ok: summary.ok,
            cases: views.len(),
            partial: summary.partial,
            ttft_p50_ms: summary.stats(&TTFT).map(|s| s.p50),
            decode_p50: summary.stats(&DECODE).map(|s| s.p50),
            tokens: (summary.attempts > 0).then_some(summary.total_output_tokens),
            estimated: summary.estimated,
            wall: session.last_ended.and_then(|ended| session.running_for(ended)),
            speed,
            rating: speed.map(|speed| (scale.rate(speed), scale.measured_against(speed))),
            rating_note: summary.rating_note(),
            failures: summary.tally.as_ref().and_then(crate::domain::tally::Tally::failures),
            slowest: slowest(&views),
            bottleneck: bottleneck(session, &summary, system),
        }
    }
}

fn slowest(views: &[CaseView<'_>]) -> Option<(String, f64)> {
    let timed: Vec<(&str, f64)> =
        views.iter().filter_map(|v| Some((v.spec.name.as_str(), v.figure(&LATENCY)?))).collect();
    let slowest = timed.iter().max_by(|a, b| a.1.total_cmp(&b.1))?;
    (timed.len() > 1).then(|| (slowest.0.to_owned(), slowest.1))
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::report::fixture::sample_session;

    #[test]
    fn the_samples_run() {
        let session = sample_session();
        let told = Conclusion::from_session(&session, SystemFigures::default());
        let excellent = Some(("Excellent", "≥ 100 tok/s".to_owned()));
        assert_eq!((told.ok, told.cases, told.partial, told.rating), (10, 10, false, excellent));
        let (name, ms) = told.slowest.clone().unwrap();
        let longest = session.records().filter_map(|r| Some((r.request_latency_ms()?, r.id.case)));
        let longest = longest.max_by(|a, b| a.0.total_cmp(&b.0)).unwrap();
        assert_eq!((name, ms), (session.suite.cases[longest.1].name.clone(), longest.0));
        assert_eq!((told.failures, told.estimated), (None, false));
        assert!(told.bottleneck.is_some());
    }

    #[test]
    fn before_the_first_answer_there_is_no_figure() {
        let session = sample_session();
        let empty = Session::new(std::sync::Arc::clone(&session.suite), session.plan);
        let told = Conclusion::from_session(&empty, SystemFigures::default());
        let none = Conclusion { cases: 10, partial: told.partial, ..Conclusion::default() };
        assert_eq!(told, none);
    }
}
