//! Counts of a run's measured requests, updated as requests end.

use std::borrow::Borrow;
use std::collections::BTreeMap;

use super::attempt::{AttemptRecord, AttemptStatus, TokenSource};
use super::metrics::{Metric, with_thresholds};
use super::pass_rate::PassRate;
use super::prefix_cache::CacheDoubts;
use super::session::{AttemptState, Session};
use super::slo::{RequestVerdict, RunFigure, Slo, Stat, Subject, Verdict, judge_request};
use super::sorted::Sorted;
use super::statistics::{Stats, enough_for, percentile_by};
use super::time::Nanos;

/// Counts and sorted figures of all measured requests including reruns. Excludes warm-ups and cancelled attempts.
#[derive(Clone, Debug)]
pub struct Tally {
    /// Number of requests that ended.
    pub ended: usize,
    /// Number of complete answers.
    pub ok: usize,
    /// Number of requests that meet every threshold; `None` without a threshold for single requests.
    pub good: Option<usize>,
    /// Complete answers that miss no threshold but have an unresolved figure of a threshold. They are not part of
    /// goodput.
    pub unjudged: usize,
    /// Number of failed requests by kind of error.
    pub errors: BTreeMap<String, usize>,
    /// Output tokens of the complete answers.
    pub output_tokens: u64,
    /// Items of the complete answers that are not text.
    pub items: u64,
    /// Prompt tokens of the complete answers that have a count.
    input_tokens: u64,
    /// Complete answers whose prompt tokens are not counted.
    uncounted_prompts: usize,
    /// Answers that pass their checks, out of the complete answers with checks.
    pub pass_rate: PassRate,
    /// Complete answers with a warm or unknown prefix cache.
    pub doubts: CacheDoubts,
    /// Whether any number of output tokens is an estimate.
    pub estimated: bool,
    open_loop: bool,
    /// Values in ascending order, one list for each metric of [`with_thresholds`].
    columns: Vec<Sorted>,
    /// Complete answers whose streams cannot carry the figure, one count for each metric of [`with_thresholds`].
    unresolved: Vec<usize>,
    /// Spans with requests in flight, ascending and disjoint.
    busy: Vec<(Nanos, Nanos)>,
    /// Spans in which the schedule was paused, ascending and disjoint.
    schedule_pauses: Vec<(Nanos, Nanos)>,
}

/// Builder of a tally from many records. Sorts the figures only once, at the end.
#[derive(Debug)]
pub struct TallyBuilder<'a> {
    tally: Tally,
    slos: &'a [Slo],
    columns: Vec<Vec<f64>>,
}

impl<'a> TallyBuilder<'a> {
    /// Creates the builder of a tally over records of a session.
    pub fn new(session: &'a Session) -> Self {
        let columns = vec![Vec::new(); with_thresholds().count()];
        Self { tally: Tally::new(session), slos: session.slos(), columns }
    }

    /// Counts an attempt that ended.
    pub fn add(&mut self, record: &AttemptRecord) {
        self.tally.count_into(record, self.slos, &mut self.columns, Vec::push);
    }

    /// Returns the tally.
    pub fn finish(self) -> Tally {
        let Self { mut tally, columns, .. } = self;
        tally.columns.iter_mut().zip(columns).for_each(|(sorted, figures)| sorted.extend(figures));
        tally
    }
}

impl Tally {
    /// Creates an empty tally.
    pub fn new(session: &Session) -> Self {
        Self {
            ended: 0,
            ok: 0,
            good: None,
            unjudged: 0,
            errors: BTreeMap::new(),
            output_tokens: 0,
            items: 0,
            input_tokens: 0,
            uncounted_prompts: 0,
            pass_rate: PassRate::default(),
            doubts: CacheDoubts::default(),
            estimated: false,
            open_loop: session.is_open_loop(),
            columns: vec![Sorted::default(); with_thresholds().count()],
            unresolved: vec![0; with_thresholds().count()],
            busy: Vec::new(),
            schedule_pauses: session.schedule_pauses().to_vec(),
        }
    }

    /// Counts all attempts of a session, or those of one stage of its sweep.
    pub fn from_session(session: &Session, stage: Option<usize>) -> Self {
        let selected = session.attempts().filter(|a| stage.is_none_or(|stage| a.stage == stage));
        Self::from_records(session, selected.filter_map(AttemptState::record))
    }

    /// Counts these records of a session.
    pub fn from_records(session: &Session, records: impl IntoIterator<Item: Borrow<AttemptRecord>>) -> Self {
        let mut builder = TallyBuilder::new(session);
        for record in records {
            builder.add(record.borrow());
        }
        builder.finish()
    }

    /// Sets the spans in which the schedule was paused.
    pub fn set_schedule_pauses(&mut self, schedule_pauses: &[(Nanos, Nanos)]) {
        if self.schedule_pauses.len() != schedule_pauses.len() {
            self.schedule_pauses = schedule_pauses.to_vec();
        }
    }

    /// Counts an attempt that ended.
    pub fn add(&mut self, record: &AttemptRecord, slos: &[Slo]) {
        let mut columns = std::mem::take(&mut self.columns);
        self.count_into(record, slos, &mut columns, Sorted::insert);
        self.columns = columns;
    }

    fn count_into<C>(&mut self, record: &AttemptRecord, slos: &[Slo], columns: &mut [C], insert: impl Fn(&mut C, f64)) {
        if record.warmup || record.status == AttemptStatus::Cancelled {
            return;
        }
        self.ended += 1;
        if let Some(verdict) = judge_request(record, slos) {
            self.good = Some(self.good.unwrap_or(0) + usize::from(verdict == RequestVerdict::Kept));
            self.unjudged += usize::from(verdict == RequestVerdict::Unresolved);
        }
        let last = record.last_arrival().max(record.finish_at).unwrap_or(record.ended);
        cover(&mut self.busy, record.clock_start(), if record.is_ok() { last } else { record.ended });
        if !record.is_ok() {
            *self.errors.entry(record.failure_kind().to_owned()).or_default() += 1;
            return;
        }
        self.ok += 1;
        self.doubts.add(record);
        self.pass_rate.add(record);
        if let Some((tokens, source)) = record.output_tokens() {
            self.output_tokens = self.output_tokens.saturating_add(tokens);
            self.estimated |= source == TokenSource::Estimate;
        }
        if let Some(items) = record.items {
            self.items = self.items.saturating_add(u64::from(items.count));
        }
        match record.usage.prompt_tokens {
            Some(tokens) => self.input_tokens = self.input_tokens.saturating_add(tokens),
            None => self.uncounted_prompts += 1,
        }
        for ((column, unresolved), (metric, _)) in columns.iter_mut().zip(&mut self.unresolved).zip(with_thresholds()) {
            match (metric.get)(record) {
                Some(value) if value.is_finite() => insert(column, value),
                Some(_) => {}
                None => *unresolved += usize::from((metric.unresolved)(record).is_some()),
            }
        }
    }

    /// Time that rates refer to, seconds: the time with requests in flight. In an open loop, includes the idle time
    /// between requests, except while the schedule was paused.
    pub fn seconds(&self) -> f64 {
        self.seconds_of(&self.busy)
    }

    /// Like [`Self::seconds`], as if requests were also in flight from `from` to `to`.
    pub fn seconds_with(&self, from: Nanos, to: Nanos) -> f64 {
        let mut busy = self.busy.clone();
        cover(&mut busy, from, to);
        self.seconds_of(&busy)
    }

    fn seconds_of(&self, busy_spans: &[(Nanos, Nanos)]) -> f64 {
        let busy: f64 = busy_spans.iter().map(|(from, to)| to.since(*from).as_secs_f64()).sum();
        let idle = |w: &[(Nanos, Nanos)]| match w {
            [(_, from), (to, _)] => self.idle_s(*from, *to),
            _ => 0.0,
        };
        if self.open_loop { busy + busy_spans.windows(2).map(idle).sum::<f64>() } else { busy }
    }

    /// Length of an idle span without the time in which the schedule was paused, seconds.
    fn idle_s(&self, from: Nanos, to: Nanos) -> f64 {
        let schedule_pauses = self.schedule_pauses.iter().map(|s| s.1.min(to).since(s.0.max(from)).as_secs_f64());
        to.since(from).as_secs_f64() - schedule_pauses.sum::<f64>()
    }

    fn column(&self, metric: &Metric) -> Option<&Sorted> {
        self.columns.get(metric_index(metric)?)
    }

    /// Values of a metric over all complete answers that have it, ascending.
    pub fn values(&self, metric: &Metric) -> Vec<f64> {
        self.column(metric).map_or_else(Vec::new, |column| column.iter().collect())
    }

    /// Number of complete answers that have the metric.
    pub fn count(&self, metric: &Metric) -> usize {
        self.column(metric).map_or(0, Sorted::len)
    }

    /// Number of complete answers whose streams cannot carry the metric.
    pub fn unresolved(&self, metric: &Metric) -> usize {
        metric_index(metric).and_then(|at| self.unresolved.get(at)).copied().unwrap_or(0)
    }

    /// Number of requests that thresholds for single requests can judge.
    pub const fn judged(&self) -> usize {
        self.ended - self.unjudged
    }

    /// Statistics of a metric over all complete answers that have it; `None` if there are none.
    pub fn stats(&self, metric: &Metric) -> Option<Stats> {
        Stats::from_values(self.column(metric)?.iter())
    }

    /// Percentile of a metric over all complete answers that have it; `None` if these are too few for this percentile.
    pub fn percentile(&self, metric: &Metric, p: u32) -> Option<f64> {
        self.any_percentile(metric, f64::from(p)).filter(|_| enough_for(self.count(metric), p))
    }

    /// Like [`Self::percentile`], but for any number of answers; `None` if no answer has the metric.
    pub fn any_percentile(&self, metric: &Metric, p: f64) -> Option<f64> {
        let column = self.column(metric).filter(|column| !column.is_empty())?;
        Some(percentile_by(column.len(), p, |at| column.get(at).unwrap_or(f64::NAN)))
    }

    /// A statistic of a metric; `None` if no answer has the metric.
    fn stat(&self, metric: &Metric, stat: Stat) -> Option<f64> {
        match stat {
            Stat::Avg => {
                let column = self.column(metric).filter(|column| !column.is_empty())?;
                Some(column.iter().sum::<f64>() / column.len() as f64)
            }
            Stat::Min => self.any_percentile(metric, 0.0),
            Stat::Max => self.any_percentile(metric, 100.0),
            Stat::P50 | Stat::P90 | Stat::P95 | Stat::P99 => self.any_percentile(metric, f64::from(stat.percent())),
        }
    }

    /// A figure of the run; `None` while no request has ended.
    pub fn run_figure(&self, figure: RunFigure) -> Option<f64> {
        if self.ended == 0 {
            return None;
        }
        let percent = |n: usize| 100.0 * n as f64 / self.ended as f64;
        let seconds = self.seconds();
        let per_s = |n: f64| (seconds > 0.0).then(|| n / seconds);
        match figure {
            RunFigure::ErrorRate => Some(percent(self.ended - self.ok)),
            RunFigure::GoodShare => {
                let judged = self.judged();
                self.good.filter(|_| judged > 0).map(|good| 100.0 * good as f64 / judged as f64)
            }
            RunFigure::Goodput => per_s(self.good.filter(|_| self.judged() > 0)? as f64),
            // Answers that are not text have no output tokens, rather than none per second.
            RunFigure::Throughput if self.items > 0 => None,
            RunFigure::Throughput => per_s(self.output_tokens as f64),
            RunFigure::ItemRate => per_s(self.items as f64).filter(|_| self.items > 0),
            RunFigure::InputRate => per_s(self.input_tokens as f64).filter(|_| self.input_tokens > 0 && self.items > 0),
            RunFigure::RequestRate => per_s(self.ok as f64),
            RunFigure::PassRate => self.pass_rate.percent(),
        }
    }

    /// Prompt tokens of all complete answers; `None` if some are not counted.
    pub fn counted_input_tokens(&self) -> Option<u64> {
        (self.uncounted_prompts == 0).then_some(self.input_tokens)
    }

    /// Amount that the throughput counts: items of answers that have some, otherwise output tokens.
    pub const fn work(&self) -> u64 {
        if self.items > 0 { self.items } else { self.output_tokens }
    }

    /// Items per second of answers that have some, otherwise output tokens per second. The unit is that of
    /// [`Task::throughput_unit`](super::task::Task::throughput_unit).
    pub fn throughput(&self) -> Option<f64> {
        self.run_figure(if self.items > 0 { RunFigure::ItemRate } else { RunFigure::Throughput })
    }

    /// Number of failures by kind, like `3 rate_limited, 1 timeout`; `None` without failures.
    pub fn failures(&self) -> Option<String> {
        let kinds: Vec<_> = self.errors.iter().map(|(kind, n)| format!("{n} {kind}")).collect();
        (!kinds.is_empty()).then(|| kinds.join(", "))
    }

    /// Returns whether every threshold is met.
    pub fn meets(&self, slos: &[Slo]) -> bool {
        slos.iter().all(|slo| slo.judge(self).met)
    }
}

/// Adds a span to spans that are ascending and disjoint.
fn cover(spans: &mut Vec<(Nanos, Nanos)>, from: Nanos, to: Nanos) {
    let to = to.max(from);
    let first = spans.partition_point(|span| span.1 < from);
    let after = spans.partition_point(|span| span.0 <= to).max(first);
    let merged = spans.drain(first..after).fold((from, to), |m, span| (m.0.min(span.0), m.1.max(span.1)));
    spans.insert(first, merged);
}

/// Index of a metric among those [`with_thresholds`].
fn metric_index(metric: &Metric) -> Option<usize> {
    with_thresholds().position(|(m, _)| m == metric)
}

impl Slo {
    /// Checks the threshold against the counts.
    pub fn judge(&self, tally: &Tally) -> Verdict {
        let (value, n, unresolved, stand_in) = match self.subject {
            Subject::Requests(metric, stat) => {
                let n = tally.count(metric);
                // The extreme is the hardest test: if it meets the threshold, every percentile does.
                let extreme = if self.comparison.is_upper_bound() { Stat::Max } else { Stat::Min };
                let stand_in = (n > 0 && !enough_for(n, stat.percent())).then_some(extreme);
                (tally.stat(metric, stand_in.unwrap_or(stat)), n, tally.unresolved(metric), stand_in)
            }
            Subject::Run(figure @ (RunFigure::Goodput | RunFigure::GoodShare)) => {
                (tally.run_figure(figure), tally.judged(), tally.unjudged, None)
            }
            Subject::Run(figure @ RunFigure::PassRate) => (tally.run_figure(figure), tally.pass_rate.checked, 0, None),
            Subject::Run(figure) => (tally.run_figure(figure), tally.ended, 0, None),
        };
        let met = value.is_some_and(|v| self.comparison.holds(v, self.threshold));
        let doubts = if self.is_about_first_token() { tally.doubts } else { CacheDoubts::default() };
        Verdict { value, n, doubts, met, unresolved, stand_in }
    }
}

#[cfg(test)]
mod tests;
