//! Figures of a run from the metrics that the server reports.

use serde::Serialize;

use super::level::Level;
use super::model::Report;
use super::output_tokens::output_tokens;
use crate::domain::quantity::grouped;
use crate::domain::server_gauges::{GaugeHistory, Meter};
use crate::domain::time::Nanos;

/// Maximum relative difference between the token counts of server and client without a warning.
const TOLERANCE: f64 = 0.05;

/// Minimum delay of the first sample after the first request that causes a warning, milliseconds.
const LATE_MS: f64 = 100.0;

/// Figures of the server over a run, with the keys of `results.json`. `None` for figures that it does not report.
#[derive(Clone, Debug, PartialEq, Serialize)]
#[expect(missing_docs, reason = "the names say it, with units where they are raw numbers")]
pub struct ServerFigures {
    pub kind: String,
    pub url: String,
    pub sample_interval_ms: u64,
    pub samples: u64,
    pub missed: u64,
    pub requests_running: Option<Level>,
    pub requests_waiting: Option<Level>,
    pub requests_retracted: Option<Level>,
    pub kv_cache_usage_percent: Option<Level>,
    pub prefix_cache_hit_percent: Option<f64>,
    pub preemptions: Option<f64>,
    pub prompt_tokens: Option<f64>,
    pub generated_tokens: Option<f64>,
    /// Output tokens of all requests as counted by tokscope, including failed ones.
    pub output_tokens_here: Option<u64>,
    pub draft_tokens: Option<f64>,
    pub accepted_draft_percent: Option<f64>,
    pub time_to_first_token_ms: Option<f64>,
    pub queue_ms: Option<f64>,
    /// Doubts about these figures, one sentence each.
    pub warnings: Vec<String>,
}

impl ServerFigures {
    /// Returns the figures of a run, or the reason why there are none. `None` if the metrics were not requested.
    pub fn from_report(report: &Report) -> Option<Result<Self, String>> {
        let history = report.gauges.as_ref()?;
        let Some(kind) = history.kind.as_deref().map(str::to_owned) else {
            let why =
                history.absent.clone().unwrap_or_else(|| "the server's metrics page has not answered yet".to_owned());
            return Some(Err(why));
        };
        let level = |meter| level(history, meter);
        let here = output_tokens(&report.session);
        let mut figures = Self {
            kind,
            url: history.url.clone(),
            sample_interval_ms: history.interval_ms,
            samples: history.samples,
            missed: history.missed,
            requests_running: level(Meter::Running),
            requests_waiting: level(Meter::Waiting),
            requests_retracted: level(Meter::Retracted),
            kv_cache_usage_percent: level(Meter::KvCache),
            // A ratio computed by the server covers the server's own time window and not the run, so its mean is the
            // best available figure.
            prefix_cache_hit_percent: history
                .share(Meter::PrefixHits, Meter::PrefixQueries)
                .or_else(|| history.mean(Meter::PrefixHitRate)),
            preemptions: history.grown(Meter::Preemptions),
            prompt_tokens: history.grown(Meter::PromptTokens),
            generated_tokens: history.grown(Meter::GeneratedTokens),
            output_tokens_here: here.map(|(tokens, _)| tokens),
            draft_tokens: history.grown(Meter::DraftTokens),
            accepted_draft_percent: history.share(Meter::AcceptedTokens, Meter::DraftTokens),
            time_to_first_token_ms: history.mean_ms(Meter::TtftSeconds, Meter::TtftCount),
            queue_ms: history.mean_ms(Meter::QueueSeconds, Meter::QueueCount),
            warnings: Vec::new(),
        };
        figures.warnings = figures.doubts(history, report.session.began, here);
        Some(Ok(figures))
    }

    fn doubts(&self, history: &GaugeHistory, began: Option<Nanos>, here: Option<(u64, bool)>) -> Vec<String> {
        let mut doubts: Vec<String> = history.warning.as_deref().map(str::to_owned).into_iter().collect();
        let late = history.first_sample_at().zip(began).map_or(0.0, |(first, began)| first.millis_since(began));
        if late > LATE_MS {
            doubts.extend(
                self.missed_before(history, here).map(|missed| {
                    format!("the metrics were first read {late:.0} ms after the first request; {missed}")
                }),
            );
        }
        if history.was_restarted() {
            doubts.push("the server was restarted during the run, so its counts are unknown".to_owned());
        }
        // An estimate is not exact enough to compare with the server's count.
        if let (Some(there), Some((here, true))) = (self.generated_tokens, here) {
            let here = here as f64;
            if there > here * (1.0 + TOLERANCE) {
                doubts.push(format!(
                    "the server generated {} more tokens than tokscope received: other clients used it during the run, or \
                     it does not send all that it generates",
                    grouped((there - here) as u64)
                ));
            } else if there < here * (1.0 - TOLERANCE) {
                doubts.push(format!(
                    "the server counted {} fewer tokens than tokscope received: the metrics may be those of another \
                     server, or of one of several",
                    grouped((here - there) as u64)
                ));
            }
        }
        doubts
    }

    /// Describes what a late first sample may have missed; `None` if nothing is missing.
    fn missed_before(&self, history: &GaugeHistory, here: Option<(u64, bool)>) -> Option<&'static str> {
        let agrees = |there: f64, here: f64| (there - here).abs() <= here * TOLERANCE;
        let is_whole = self
            .generated_tokens
            .zip(here)
            .is_some_and(|(there, (here, counted))| counted && agrees(there, here as f64));
        if !is_whole {
            return Some("earlier counts may be missing");
        }
        // Other counters rise when a request arrives, which may have been before the first sample.
        let is_other = |meter: &Meter| !matches!(meter, Meter::GeneratedTokens | Meter::DecodedTokens);
        let others = Meter::COUNTERS.into_iter().filter(is_other).any(|meter| history.grown(meter).is_some());
        others.then_some(
            "generated tokens agree with those received, but other earlier counts (prompts, cache, queue) may be missing",
        )
    }
}

fn level(history: &GaugeHistory, meter: Meter) -> Option<Level> {
    Some(Level { avg: history.mean(meter)?, max: history.highest(meter)? })
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::domain::server_gauges::{GaugeEvent, ServerGauges};
    use crate::report::fixture::{report, sample_session};

    fn gauges(at: Nanos, pairs: &[(Meter, f64)]) -> GaugeEvent {
        let mut sample = ServerGauges::default();
        for (meter, value) in pairs {
            sample.set(*meter, *value);
        }
        GaugeEvent::Sample(at, Box::new(sample))
    }

    /// Returns the figures of the sample run of 6,600 tokens, with a server that counted `generated` tokens.
    fn beside(generated: f64) -> ServerFigures {
        looked_at(0, generated, &[])
    }

    /// Returns the same as [`beside`], with a first sample after `late_ms` and further counts in the last sample.
    fn looked_at(late_ms: u64, generated: f64, besides: &[(Meter, f64)]) -> ServerFigures {
        use Meter as M;
        let mut r = report(sample_session());
        let began = r.session.began.unwrap();
        let mut history = GaugeHistory::default();
        let url = "http://h/metrics".to_owned();
        history.apply(GaugeEvent::Found { kind: "vLLM".into(), url, interval_ms: 1000, warning: None });
        history.apply(gauges(Nanos(0), &[(M::Running, 99.0)]));
        history.begin_run();
        let first = [(M::Running, 1.0), (M::KvCache, 10.0), (M::GeneratedTokens, 500.0), (M::Preemptions, 7.0)];
        history.apply(gauges(began.plus(std::time::Duration::from_millis(late_ms)), &first));
        let later = began.plus(std::time::Duration::from_secs(50));
        let last = [(M::Running, 3.0), (M::KvCache, 30.0), (M::GeneratedTokens, 500.0 + generated)];
        history.apply(gauges(later, &[&last, besides].concat()));
        r.gauges = Some(history);
        ServerFigures::from_report(&r).unwrap().unwrap()
    }

    #[test]
    fn figures_cover_only_the_run() {
        let figures = beside(6600.0);
        assert_eq!(figures.requests_running, Some(Level { avg: 2.0, max: 3.0 }));
        assert_eq!(figures.kv_cache_usage_percent, Some(Level { avg: 20.0, max: 30.0 }));
        assert_eq!((figures.generated_tokens, figures.output_tokens_here), (Some(6600.0), Some(6600)));
        assert_eq!((figures.preemptions, figures.requests_waiting), (None, None));
        assert!(figures.warnings.is_empty());
    }

    #[test]
    fn tokens_of_other_clients_are_reported() {
        let more = beside(7000.0).warnings.remove(0);
        assert!(more.starts_with("the server generated 400 more tokens than tokscope received"), "{more}");
        let less = beside(100.0).warnings.remove(0);
        assert!(less.starts_with("the server counted 6,500 fewer tokens"), "{less}");
    }

    #[test]
    fn a_late_first_read_has_a_warning() {
        let late = |late_ms, generated| looked_at(late_ms, generated, &[(Meter::PromptTokens, 90.0)]).warnings;
        assert!(late(100, 6600.0).is_empty());
        let rest = "the metrics were first read 101 ms after the first request; generated tokens agree with those received, but";
        // The tolerance is 5% of 6,600, or 330 tokens.
        for about_equal in [6600.0, 6930.0, 6270.0] {
            let doubts = late(101, about_equal);
            assert!(doubts.len() == 1 && doubts[0].starts_with(rest), "{doubts:?}");
        }
        let all = "the metrics were first read 101 ms after the first request; earlier counts may be missing";
        let more = late(101, 6931.0);
        assert!(more[0] == all && more[1].contains("331 more tokens"), "others' tokens may hide ours: {more:?}");
        let less = late(101, 6269.0);
        assert!(less[0] == all && less[1].contains("331 fewer tokens"), "{less:?}");
    }

    #[test]
    fn a_late_first_read_has_no_warning_if_all_counts_agree() {
        assert!(looked_at(101, 6600.0, &[]).warnings.is_empty());
        assert_eq!(looked_at(101, 6600.0, &[(Meter::PrefixQueries, 0.0)]).warnings.len(), 1);
    }

    #[test]
    fn metrics_not_requested_differ_from_metrics_not_found() {
        let mut r = report(sample_session());
        assert_eq!(ServerFigures::from_report(&r), None);
        let mut history = GaugeHistory::default();
        history.apply(GaugeEvent::Absent("http://h/metrics: HTTP 404".to_owned()));
        r.gauges = Some(history);
        assert_eq!(ServerFigures::from_report(&r), Some(Err("http://h/metrics: HTTP 404".to_owned())));
    }
}
