//! Summary figures of a run.

use std::sync::OnceLock;

use crate::domain::attempt::{AttemptRecord, TokenSource, Unresolved};
use crate::domain::diagnosis::{DIAGNOSES, Diagnosis};
use crate::domain::media::MediaCount;
use crate::domain::metrics::{DECODE, LATENCY, METRICS, Metric, SPEED, TTFT};
use crate::domain::pass_rate::PassRate;
use crate::domain::prefix_cache::PrefixCache;
use crate::domain::quantity::{count, grouped};
use crate::domain::run_results::RunsResult;
use crate::domain::session::{AttemptState, Session};
use crate::domain::slo::RunFigure;
use crate::domain::statistics::Stats;
use crate::domain::sweep::headline_stage;
use crate::domain::tally::{Tally, TallyBuilder};
use crate::domain::time::Nanos;

pub use super::cache_counts::CacheCounts;
use super::case::{CaseView, cases_seen};
use super::lengths::WorkloadLengths;
use super::run_totals::RunTotals;
use super::spread::Spread;
use super::turns::TurnSamples;

/// Figures over all reported attempts; in a sweep, over those of its [headline stage](headline_stage). Each attempt has
/// the same weight, regardless of its case.
#[derive(Clone, Debug, Default)]
pub struct Summary {
    /// Index of the stage of a sweep, or the probe of a search, that the figures are of; see [`headline_stage`].
    pub headline: usize,
    /// Concurrency of the sweep's stage that the figures describe; `None` without a sweep.
    pub stage: Option<usize>,
    /// Counts and sums over the whole run.
    pub totals: RunTotals,
    /// Number of cases with a complete answer.
    pub ok: usize,
    /// Number of cases without a complete answer that have a failed attempt. The other cases were not run, or were
    /// cancelled.
    pub failed: usize,
    /// Number of reported attempts.
    pub attempts: usize,
    /// Number of reported attempts by state of the server's prefix cache.
    pub cache: CacheCounts,
    /// The part of `cache` that are later turns of conversations, where a warm cache is expected.
    pub later_turns_cache: CacheCounts,
    /// Figures of conversations by turn.
    pub turns: TurnSamples,
    /// Requested and real lengths of prompts and answers.
    pub lengths: WorkloadLengths,
    /// Images and audio of the reported attempts, and the number of attempts with any.
    pub media: (MediaCount, usize),
    /// Number of reported attempts whose tokens the user's tokenizer counted.
    pub tokenizer_attempts: usize,
    /// Number of reported attempts with an estimated token count.
    pub estimated_attempts: usize,
    /// Number of measured attempts that completed or failed, including those that a rerun replaced.
    pub measured: usize,
    /// Number of measured attempts that failed besides or after the reported ones.
    pub failed_attempts: usize,
    /// Whether a planned attempt has no complete answer, or is still to come.
    pub partial: bool,
    /// Whether any token count is an estimate.
    pub estimated: bool,
    /// Output tokens of all reported attempts.
    pub total_output_tokens: u64,
    /// Sum of the request latencies of the reported attempts, seconds.
    pub total_time_s: f64,
    /// Time with at least one reported attempt in flight, seconds. For a load, all measured requests count, and in an open
    /// loop also the idle time between them. Time on hold and warm-ups do not count.
    pub busy_time_s: f64,
    /// Maximum number of requests in flight, over all attempts.
    pub peak_in_flight: usize,
    /// Items (inputs or documents) of all reported attempts; `None` for generated text.
    pub total_items: Option<u64>,
    /// Prompt tokens of those attempts; `None` for generated text, or if the server reports none.
    pub total_input_tokens: Option<u64>,
    /// Items per second of [`Self::busy_time_s`]; `None` for generated text.
    pub item_throughput: Option<f64>,
    /// Prompt tokens per second of [`Self::busy_time_s`]; `None` for generated text.
    pub input_token_throughput: Option<f64>,
    /// Output tokens per second of [`Self::busy_time_s`]; `None` without a figure.
    pub output_token_throughput: Option<f64>,
    /// Complete answers per second of [`Self::busy_time_s`]; `None` without a figure.
    pub request_throughput: Option<f64>,
    /// Rating of the mean speed by the suite's scale; `None` without a rating.
    pub rating: Option<&'static str>,
    /// Mean speed of the answers that can be rated, tok/s.
    pub rated_speed: Option<f64>,
    /// Number of reported attempts that cannot be rated, because their speed or decode speed is unresolved.
    pub unrated: usize,
    /// Results of all measured requests as a load: SLOs, goodput, failures by kind.
    pub tally: Option<Tally>,
    /// Number of reported attempts that pass their checks, out of all with checks.
    pub pass_rate: PassRate,
    /// Findings, each with the number of reported and failed attempts that have it.
    pub findings: Vec<(&'static Diagnosis, usize)>,
    /// Delay by tokscope itself before sending a request, milliseconds; `None` without any such delay.
    pub own_delay: Option<Spread>,
    /// Index of the slowest case and its mean latency, milliseconds; `None` if fewer than two cases have a latency.
    pub slowest_case: Option<(usize, f64)>,
    /// Number of events with text in all reported attempts.
    pub events: usize,
    /// Number of these events that arrived in the same read as the event before, so that both have the same time.
    pub coalesced_events: usize,
    /// Results of repeated runs; `None` for a single run.
    pub runs: Option<RunsResult>,
    spreads: Vec<(&'static Metric, Spread)>,
    unresolved: Vec<(&'static Metric, usize)>,
    ttft_by_cache: Vec<(PrefixCache, Spread)>,
}

/// Summary that is computed once, because that takes seconds for a million attempts. A clone is empty and computes it
/// again.
#[derive(Debug, Default)]
pub struct SummaryCell(OnceLock<Box<Summary>>);

impl Clone for SummaryCell {
    fn clone(&self) -> Self {
        Self::default()
    }
}

impl SummaryCell {
    /// Returns the summary of `session`, which must be the same session in each call.
    pub fn get(&self, session: &Session) -> &Summary {
        self.0.get_or_init(|| Box::new(Summary::from_session(session)))
    }
}

/// Counts over the reported attempts. All are made in one pass, because unpacking the records of a long run is slow.
#[derive(Default)]
struct Counted {
    cache: CacheCounts,
    later_turns_cache: CacheCounts,
    turns: TurnSamples,
    lengths: WorkloadLengths,
    media: (MediaCount, usize),
    pass_rate: PassRate,
    tokenizer: usize,
    estimated: usize,
    events: usize,
    coalesced: usize,
    tokens: u64,
    items: u64,
    input_tokens: u64,
    rated_speeds: Vec<f64>,
    unrated: usize,
    /// TTFT values in milliseconds by state of the prefix cache, each with the index of its case.
    ttft: Vec<(PrefixCache, (usize, f64))>,
    /// Number of attempts with each finding, in the order of [`DIAGNOSES`]. Failed attempts count, too.
    findings: Vec<usize>,
    /// Delays by tokscope itself, milliseconds. Failed attempts count, too.
    own_delays_ms: Vec<f64>,
}

impl Counted {
    fn new() -> Self {
        Self { findings: vec![0; DIAGNOSES.len()], ..Self::default() }
    }

    /// Counts the attempts that failed besides or after the reported ones.
    fn add_failures(&mut self, views: &[CaseView<'_>]) {
        for failure in views.iter().flat_map(CaseView::failures).filter_map(AttemptState::record) {
            self.find(&failure);
            self.turns.add_failure(&failure);
        }
    }

    fn add(&mut self, record: &AttemptRecord) {
        let cache = record.prefix_cache();
        self.cache.add(cache);
        if record.is_later_turn() {
            self.later_turns_cache.add(cache);
        }
        self.turns.add(record);
        self.lengths.add(record);
        if let Some(media) = &record.media {
            self.media.0.merge(media);
            self.media.1 += 1;
        }
        self.pass_rate.add(record);
        let ttft = (TTFT.get)(record);
        self.ttft.extend(ttft.map(|ms| (cache, (record.id.case, ms))));
        if let Some((tokens, source)) = record.output_tokens() {
            self.tokens = self.tokens.saturating_add(tokens);
            self.tokenizer += usize::from(source == TokenSource::Tokenizer);
            self.estimated += usize::from(source == TokenSource::Estimate);
        }
        if let Some(items) = record.items {
            self.items = self.items.saturating_add(u64::from(items.count));
            self.input_tokens = self.input_tokens.saturating_add(record.usage.prompt_tokens.unwrap_or(0));
        }
        self.rate(record);
        self.events += record.content_events();
        self.coalesced += record.coalesced_events();
        self.find(record);
    }

    /// Adds the speed of an attempt to the rating. The speed of an answer that arrived in a few reads is that of a
    /// buffer, not of a model.
    fn rate(&mut self, record: &AttemptRecord) {
        let is_unresolved = |metric: &Metric| (metric.unresolved)(record).is_some_and(Unresolved::is_timing);
        if is_unresolved(&SPEED) || is_unresolved(&DECODE) {
            self.unrated += 1;
        } else {
            self.rated_speeds.extend(record.output_tokens_per_s());
        }
    }

    fn find(&mut self, record: &AttemptRecord) {
        self.own_delays_ms.extend(record.own_delay_ms);
        for (count, diagnosis) in self.findings.iter_mut().zip(DIAGNOSES) {
            *count += usize::from(record.findings.iter().any(|f| f.key == diagnosis.key));
        }
    }

    /// Returns the spread of TTFT for each state of the prefix cache that occurs.
    fn ttft_by_cache(&self) -> Vec<(PrefixCache, Spread)> {
        let times = |state| self.ttft.iter().filter(move |t| t.0 == state).map(|t| t.1).collect();
        let states = [PrefixCache::Cold, PrefixCache::Warm, PrefixCache::Unknown];
        states.into_iter().filter_map(|state| Some((state, Spread::from_values(times(state))?))).collect()
    }
}

impl Summary {
    /// Summarises the session so far.
    pub fn from_session(session: &Session) -> Self {
        let stage = headline_stage(session);
        let is_load = session.is_load() || !session.sweep.is_empty();
        let is_in_stages = !session.sweep.is_empty() || session.headline_probe().is_some();
        let (mut counted, mut tally) = (Counted::new(), TallyBuilder::new(session));
        let mut reported = (!is_load).then(|| TallyBuilder::new(session));
        let views = cases_seen(session, stage, |attempt, record, is_reported| {
            if is_reported {
                counted.add(record);
                reported.as_mut().into_iter().for_each(|reported| reported.add(record));
            }
            if !is_in_stages || attempt.stage == stage {
                tally.add(record);
            }
        });
        counted.add_failures(&views);
        let figures = |m: &'static Metric| views.iter().flat_map(|v| v.figures(m));
        let latency_ms = figures(&LATENCY).map(|f| f.1);
        let findings = DIAGNOSES.iter().zip(&counted.findings).filter(|(_, n)| **n > 0);
        let has_failed = |v: &&CaseView<'_>| v.reported.is_empty() && v.failures().next().is_some();
        let mut summary = Self {
            headline: stage,
            stage: session.sweep.get(stage).copied(),
            ok: views.iter().filter(|v| !v.reported.is_empty()).count(),
            failed: views.iter().filter(has_failed).count(),
            attempts: views.iter().map(|v| v.reported.len()).sum(),
            measured: views.iter().map(CaseView::measured).sum(),
            cache: counted.cache,
            later_turns_cache: counted.later_turns_cache,
            pass_rate: counted.pass_rate,
            tokenizer_attempts: counted.tokenizer,
            estimated_attempts: counted.estimated,
            failed_attempts: views.iter().map(|v| v.failures().count()).sum(),
            findings: findings.map(|(diagnosis, n)| (diagnosis, *n)).collect(),
            own_delay: Stats::from_values(counted.own_delays_ms.iter().copied())
                .map(|stats| Spread::without_intervals(counted.own_delays_ms.len(), stats)),
            slowest_case: slowest_case(&views),
            events: counted.events,
            coalesced_events: counted.coalesced,
            partial: session.is_partial(),
            estimated: counted.estimated > 0,
            total_output_tokens: counted.tokens,
            total_items: (counted.items > 0).then_some(counted.items),
            total_input_tokens: (counted.input_tokens > 0).then_some(counted.input_tokens),
            total_time_s: latency_ms.sum::<f64>() / 1000.0,
            peak_in_flight: peak_in_flight(session),
            spreads: METRICS.iter().filter_map(|m| Some((*m, Spread::of_metric(m, figures(m).collect())?))).collect(),
            unresolved: METRICS.iter().map(|m| (*m, views.iter().map(|v| v.unresolved(m)).sum())).collect(),
            ttft_by_cache: counted.ttft_by_cache(),
            runs: RunsResult::from_session(session),
            ..Self::default()
        };
        summary.use_runs_as_units();
        (summary.turns, summary.lengths, summary.media) = (counted.turns, counted.lengths, counted.media);
        let speed = summary.stats(&SPEED);
        summary.unrated = counted.unrated;
        summary.rated_speed = Stats::from_values(counted.rated_speeds).map(|s| s.avg);
        summary.rating = summary.rated_speed.map(|speed| session.suite.rating.rate(speed));
        // A load counts every request, including failures and earlier rounds, because the server spent time on them,
        // too.
        let (tally, reported) = (tally.finish(), reported.map(TallyBuilder::finish));
        let rates = reported.as_ref().unwrap_or(&tally);
        summary.busy_time_s = rates.seconds();
        if summary.attempts > 0 {
            summary.output_token_throughput = rates.run_figure(RunFigure::Throughput).filter(|_| speed.is_some());
            summary.request_throughput = rates.run_figure(RunFigure::RequestRate);
            summary.item_throughput = rates.run_figure(RunFigure::ItemRate);
            summary.input_token_throughput = rates.run_figure(RunFigure::InputRate);
        }
        summary.totals = match session.sweep.as_slice() {
            [] => summary.totals_of_single_stage(&tally),
            _ => RunTotals::from_all_stages(session),
        };
        summary.tally = Some(tally);
        summary
    }

    /// Gives the means intervals over runs, and drops intervals that take the requests of a run as independent.
    fn use_runs_as_units(&mut self) {
        let Some(runs) = self.runs.as_ref().filter(|runs| runs.runs.len() > 1) else { return };
        for (metric, spread) in &mut self.spreads {
            let found = runs.mean_half_width(metric);
            *spread = if metric.is_share() { *spread } else { spread.with_runs_as_units(found) };
        }
        let ttft = runs.mean_half_width(&TTFT).filter(|_| self.ttft_by_cache.len() == 1);
        for (_, spread) in &mut self.ttft_by_cache {
            *spread = spread.with_runs_as_units(ttft);
        }
    }

    /// Returns the totals of a run that is not a sweep.
    fn totals_of_single_stage(&self, tally: &Tally) -> RunTotals {
        RunTotals {
            ok: self.ok,
            failed: self.failed,
            attempts: self.attempts,
            failed_attempts: self.failed_attempts,
            cache: self.cache,
            tokenizer_attempts: self.tokenizer_attempts,
            estimated_attempts: self.estimated_attempts,
            pass_rate: self.pass_rate,
            output_tokens: self.total_output_tokens,
            time_s: self.total_time_s,
            busy_time_s: self.busy_time_s,
            measured_requests: tally.ended,
            errors: tally.errors.clone(),
        }
    }

    /// Returns the number of attempts that were examined for findings: the reported ones, and those that failed besides
    /// or after them.
    pub const fn examined(&self) -> usize {
        self.attempts + self.failed_attempts
    }

    /// Formats the number of examined attempts: `6 attempts`, `6 attempts (3 replaced by reruns)`.
    pub fn examined_in_words(&self) -> String {
        let attempts = count(self.examined(), "attempt");
        match self.measured.saturating_sub(self.examined()) {
            0 => attempts,
            replaced => format!("{attempts} ({} replaced by reruns)", grouped(replaced as u64)),
        }
    }

    /// Returns the number of attempts with the finding of this key.
    pub fn found_in(&self, key: &str) -> usize {
        self.findings.iter().find(|(d, _)| d.key == key).map_or(0, |(_, n)| *n)
    }

    /// Returns the share of events with text that arrived in the same read as the event before; `None` without events.
    pub fn coalesced_share(&self) -> Option<f64> {
        (self.events > 0).then(|| self.coalesced_events as f64 / self.events as f64)
    }

    /// Returns the spread of a metric; `None` without values.
    pub fn spread(&self, metric: &Metric) -> Option<Spread> {
        self.spreads.iter().find(|(m, _)| *m == metric).map(|(_, s)| *s)
    }

    /// Returns the number of reported attempts in which a metric is unresolved.
    pub fn unresolved(&self, metric: &Metric) -> usize {
        self.unresolved.iter().find(|(m, _)| *m == metric).map_or(0, |(_, n)| *n)
    }

    /// Formats the number of values out of all measured attempts: `8/10`, `8/10, 2 unresolved`.
    pub fn n_of_all(&self, metric: &Metric, n: usize) -> String {
        let unresolved = match self.unresolved(metric) {
            0 => String::new(),
            unresolved => format!(", {unresolved} unresolved"),
        };
        format!("{n}/{}{unresolved}", self.measured)
    }

    /// Describes how many answers the rating excludes, and why; `None` if it covers all.
    pub fn rating_note(&self) -> Option<String> {
        let (unrated, all) = (self.unrated, self.attempts);
        (unrated > 0).then(|| format!("{unrated} of {all} answers are not rated: their decode speed is unresolved"))
    }

    /// Returns the spread of TTFT by state of the prefix cache. With several states, the overall TTFT mixes warm and
    /// cold answers.
    pub fn ttft_by_cache(&self) -> &[(PrefixCache, Spread)] {
        &self.ttft_by_cache
    }

    /// Returns the statistics of a metric; `None` without values.
    pub fn stats(&self, metric: &Metric) -> Option<Stats> {
        Some(self.spread(metric)?.stats)
    }
}

fn slowest_case(views: &[CaseView<'_>]) -> Option<(usize, f64)> {
    let timed = || views.iter().enumerate().filter_map(|(case, view)| Some((case, view.figure(&LATENCY)?)));
    timed().max_by(|a, b| a.1.total_cmp(&b.1)).filter(|_| timed().nth(1).is_some())
}

/// Returns the maximum number of attempts in flight. An attempt that starts when another ends does not overlap it.
fn peak_in_flight(session: &Session) -> usize {
    let records = session.attempts().filter_map(|a| a.record.as_ref());
    let mut edges: Vec<(Nanos, i32)> = records.flat_map(|r| [(r.started(), 1), (r.ended(), -1)]).collect();
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
