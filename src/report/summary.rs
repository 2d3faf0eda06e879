//! A run in a few figures.

use crate::domain::attempt::{AttemptRecord, TokenSource};
use crate::domain::diagnosis::{DIAGNOSES, Diagnosis};
use crate::domain::interval::{Interval, mean_half_width, of_median};
use crate::domain::metrics::{METRICS, Metric, metric};
use crate::domain::prefix_cache::PrefixCache;
use crate::domain::session::Session;
use crate::domain::slo::RunFigure;
use crate::domain::statistics::{Stats, enough_for};
use crate::domain::tally::Tally;

use super::case::{CaseView, cases};

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
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
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

/// The statistics of a metric and how many figures they rest on.
#[derive(Clone, Copy, Debug, PartialEq)]
pub struct Spread {
    /// Attempts that have the figure.
    pub n: usize,
    /// Over those.
    pub stats: Stats,
    /// Half the width of the mean's 95 % interval; `None` where no case has two figures.
    pub mean_half_width: Option<f64>,
    /// 95 % interval of the median; `None` where no case has two figures, or there are too few in all.
    pub median_ci95: Option<Interval>,
}

impl Spread {
    /// The spread of a metric over some attempts; `None` when none of them has the figure.
    pub fn over<'a>(metric: &Metric, attempts: impl IntoIterator<Item = &'a AttemptRecord>) -> Option<Self> {
        let figure = |r: &AttemptRecord| Some((r.id.case, (metric.get)(r).filter(|v| v.is_finite())?));
        let mut of_cases: Vec<(usize, f64)> = attempts.into_iter().filter_map(figure).collect();
        of_cases.sort_by(|a, b| a.0.cmp(&b.0).then(a.1.total_cmp(&b.1)));
        let mut values: Vec<f64> = of_cases.iter().map(|f| f.1).collect();
        let mut rest = values.as_slice();
        let groups = of_cases.chunk_by(|a, b| a.0 == b.0).map(|case| {
            let (group, after) = rest.split_at(case.len());
            rest = after;
            group
        });
        let mean_half_width = mean_half_width(groups);
        values.sort_by(f64::total_cmp);
        let median_ci95 = mean_half_width.and_then(|_| of_median(&values));
        Some(Self { n: values.len(), stats: Stats::of(values)?, mean_half_width, median_ci95 })
    }

    /// The mean's 95 % interval; `None` where no case has two figures.
    pub fn mean_ci95(&self) -> Option<Interval> {
        let half = self.mean_half_width?;
        Some(Interval { low: self.stats.avg - half, high: self.stats.avg + half })
    }

    /// A percentile, unless there are too few figures for it to be more than the maximum: `p` needs 1 / (1 − p/100).
    pub fn percentile(&self, p: u32) -> Option<f64> {
        let value = match p {
            50 => self.stats.p50,
            90 => self.stats.p90,
            95 => self.stats.p95,
            99 => self.stats.p99,
            _ => return None,
        };
        enough_for(self.n, p).then_some(value)
    }
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

#[cfg(test)]
mod tests;
