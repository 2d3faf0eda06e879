//! A run in a few figures.

use crate::domain::attempt::{AttemptRecord, TokenSource};
use crate::domain::diagnosis::{DIAGNOSES, Diagnosis};
use crate::domain::metrics::{METRICS, Metric, metric};
use crate::domain::prefix_cache::PrefixCache;
use crate::domain::session::Session;
use crate::domain::slo::RunFigure;
use crate::domain::statistics::Stats;
use crate::domain::tally::Tally;
use crate::domain::time::Nanos;

use super::case::{CaseView, cases};
use super::spread::Spread;

/// The figures of all reported attempts together: every attempt counts once, whatever case it belongs to.
#[derive(Clone, Debug, Default)]
pub struct Summary {
    /// Cases with a whole answer.
    pub ok: usize,
    /// Cases without one of which an attempt failed. What is neither was not run, or given up.
    pub failed: usize,
    /// Reported attempts.
    pub attempts: usize,
    /// Of those, how many found the server's prefix cache cold, warm, and in a state that it does not tell.
    pub cache: CacheCounts,
    /// Of those, whose tokens the user's tokenizer counted.
    pub tokenizer_attempts: usize,
    /// Of those, with an estimated token count.
    pub estimated_attempts: usize,
    /// Measured attempts that failed beside or after the reported ones.
    pub failed_attempts: usize,
    /// Something the plan asked for has no whole answer, or is still to come.
    pub partial: bool,
    /// Some token count is an estimate.
    pub estimated: bool,
    /// Output tokens of all reported attempts.
    pub total_output_tokens: u64,
    /// Sum of their request latencies, seconds.
    pub total_time_s: f64,
    /// Time in which at least one of them was in flight, seconds; of a load, one of all measured requests, and in an open
    /// loop the idle time between as well. Holds and warm-ups are no part of it.
    pub busy_time_s: f64,
    /// Requests in flight at once, at most: of all attempts, those that do not count too.
    pub peak_in_flight: usize,
    /// Tokens of the same requests per second of it; `None` without a figure.
    pub output_token_throughput: Option<f64>,
    /// Whole answers among the same requests per second of it; `None` without a figure.
    pub request_throughput: Option<f64>,
    /// The suite's word for the average speed; `None` without a figure.
    pub rating: Option<&'static str>,
    /// All measured requests as a load: thresholds, goodput, failures by kind. Of a sweep those of its last stage.
    pub tally: Option<Tally>,
    /// What was found, and in how many of the reported and failed attempts; what was found in none is left out.
    pub findings: Vec<(&'static Diagnosis, usize)>,
    /// Events with text of all reported attempts.
    pub events: usize,
    /// Of those, out of the same read as the one before: they share its time.
    pub coalesced_events: usize,
    spreads: Vec<(&'static str, Spread)>,
    ttft_by_cache: Vec<(PrefixCache, Spread)>,
}

/// Attempts by what the server told of its prefix cache.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, serde::Serialize)]
#[expect(missing_docs, reason = "the names say it")]
pub struct CacheCounts {
    pub cold: usize,
    pub warm: usize,
    pub unknown: usize,
}

impl CacheCounts {
    fn of(attempts: &[&AttemptRecord]) -> Self {
        let count = |wanted| attempts.iter().filter(|r| r.prefix_cache() == wanted).count();
        Self { cold: count(PrefixCache::Cold), warm: count(PrefixCache::Warm), unknown: count(PrefixCache::Unknown) }
    }

    /// `8 cold, 2 warm`, what there is of each.
    pub fn words(&self) -> String {
        let all =
            [(self.cold, PrefixCache::Cold), (self.warm, PrefixCache::Warm), (self.unknown, PrefixCache::Unknown)];
        let some = all.iter().filter(|(n, _)| *n > 0).map(|(n, cache)| format!("{n} {}", cache.as_str()));
        some.collect::<Vec<_>>().join(", ")
    }
}

/// The spread of the TTFT for each state of the prefix cache that occurs.
fn ttft_by_cache(attempts: &[&AttemptRecord]) -> Vec<(PrefixCache, Spread)> {
    let Some(ttft) = metric("time_to_first_token_ms") else { return Vec::new() };
    let states = [PrefixCache::Cold, PrefixCache::Warm, PrefixCache::Unknown];
    let spread = |state| {
        let some = attempts.iter().copied().filter(|r| r.prefix_cache() == state);
        Some((state, Spread::over(ttft, some)?))
    };
    states.into_iter().filter_map(spread).collect()
}

impl Summary {
    /// The summary of a session as it stands.
    pub fn of(session: &Session) -> Self {
        let views = cases(session);
        let attempts: Vec<&AttemptRecord> = reported(&views).collect();
        let spread = |m: &'static Metric| Some((m.key, Spread::over(m, attempts.iter().copied())?));
        let failures = views.iter().flat_map(CaseView::failures);
        let ended: Vec<&AttemptRecord> = attempts.iter().copied().chain(failures).collect();
        let with = |key| ended.iter().filter(|r| r.findings.iter().any(|f| f.key == key)).count();
        let estimated_attempts = attempts.iter().filter(|r| super::case::is_estimated(r)).count();
        let mut summary = Self {
            ok: views.iter().filter(|v| !v.reported.is_empty()).count(),
            failed: views.iter().filter(|v| v.reported.is_empty() && !v.failures().is_empty()).count(),
            attempts: attempts.len(),
            cache: CacheCounts::of(&attempts),
            tokenizer_attempts: attempts
                .iter()
                .filter(|r| matches!(r.output_tokens(), Some((_, TokenSource::Tokenizer))))
                .count(),
            estimated_attempts,
            failed_attempts: ended.len() - attempts.len(),
            findings: DIAGNOSES.iter().map(|d| (d, with(d.key))).filter(|(_, n)| *n > 0).collect(),
            events: attempts.iter().map(|r| r.content_events()).sum(),
            coalesced_events: attempts.iter().map(|r| r.coalesced_events()).sum(),
            partial: session.is_partial(),
            estimated: estimated_attempts > 0,
            total_output_tokens: attempts
                .iter()
                .filter_map(|r| r.output_tokens())
                .fold(0, |sum, (n, _)| sum.saturating_add(n)),
            total_time_s: attempts.iter().filter_map(|r| r.request_latency_ms()).sum::<f64>() / 1000.0,
            peak_in_flight: peak_in_flight(session),
            spreads: METRICS.iter().filter_map(spread).collect(),
            ttft_by_cache: ttft_by_cache(&attempts),
            ..Self::default()
        };
        let speed = summary.stats("output_token_throughput");
        summary.rating = speed.map(|s| session.suite.rating.rate(s.avg));
        let tally = Tally::of(session, (!session.sweep.is_empty()).then_some(session.stage));
        // Of a load every request counts, failed ones and earlier rounds too: their time was the server's as well.
        let is_load = session.plan.is_load() || !session.sweep.is_empty();
        let reported = (!is_load).then(|| Tally::over(session, attempts.iter().copied()));
        let rates = reported.as_ref().unwrap_or(&tally);
        summary.busy_time_s = rates.seconds();
        if summary.attempts > 0 {
            summary.output_token_throughput = rates.run_figure(RunFigure::Throughput).filter(|_| speed.is_some());
            summary.request_throughput = rates.run_figure(RunFigure::RequestRate);
        }
        summary.tally = Some(tally);
        summary
    }

    /// Measured attempts that ended, whole or failed: what a number of figures is out of.
    pub fn ended_attempts(&self) -> usize {
        self.attempts + self.failed_attempts
    }

    /// Share of the events with text that came out of the same read as the one before; `None` without events.
    pub fn coalesced_share(&self) -> Option<f64> {
        (self.events > 0).then(|| self.coalesced_events as f64 / self.events as f64)
    }

    /// The spread of a metric, by its key in the metrics' table, with the number of figures.
    pub fn spread(&self, key: &str) -> Option<Spread> {
        self.spreads.iter().find(|(k, _)| *k == key).map(|(_, s)| *s)
    }

    /// The spreads of the TTFT by the state of the prefix cache. With more than one, that of all mixes them.
    pub fn ttft_by_cache(&self) -> &[(PrefixCache, Spread)] {
        &self.ttft_by_cache
    }

    /// The statistics of a metric, by its key in the metrics' table.
    pub fn stats(&self, key: &str) -> Option<Stats> {
        Some(self.spread(key)?.stats)
    }
}

/// The reported attempts of all cases.
pub fn reported<'a>(views: &'a [CaseView<'a>]) -> impl Iterator<Item = &'a AttemptRecord> {
    views.iter().flat_map(|v| v.reported.iter().map(AsRef::as_ref))
}

/// The most attempts whose times in flight have a point in common. One that begins as another ends follows it.
fn peak_in_flight(session: &Session) -> usize {
    let records = session.cases.iter().flat_map(|c| &c.attempts).filter_map(|a| a.record.as_deref());
    let mut edges: Vec<(Nanos, i32)> = records.flat_map(|r| [(r.started, 1), (r.ended, -1)]).collect();
    edges.sort_unstable();
    let (mut now, mut peak) = (0, 0);
    for (_, change) in edges {
        now += change;
        peak = peak.max(now);
    }
    usize::try_from(peak).unwrap_or(0)
}

#[cfg(test)]
mod tests;
