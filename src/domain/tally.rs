//! The measured requests of a run, counted as they end.

use std::borrow::Borrow;
use std::collections::BTreeMap;

use super::attempt::{AttemptRecord, AttemptStatus, TokenSource};
use super::metrics::{Metric, with_thresholds};
use super::prefix_cache::CacheDoubts;
use super::session::{AttemptState, Session};
use super::slo::{RequestVerdict, RunFigure, Slo, Stat, Subject, Verdict, judge_request};
use super::sorted::Sorted;
use super::statistics::{Stats, enough_for, percentile_by};
use super::time::Nanos;

/// Figures over all measured requests, reruns included; warm-ups and what the user gave up are left out.
#[derive(Clone, Debug)]
pub struct Tally {
    /// Requests that ended.
    pub ended: usize,
    /// Of those, whole answers.
    pub ok: usize,
    /// Of those, the ones that keep every threshold; `None` without a threshold about single requests.
    pub good: Option<usize>,
    /// Whole answers that miss no threshold but lack a figure that their stream does not carry: they are in no goodput.
    pub unjudged: usize,
    /// Failed ones by the kind of their error.
    pub errors: BTreeMap<String, usize>,
    /// Output tokens of the whole answers.
    pub output_tokens: u64,
    /// Of the whole answers, whose TTFT is no cold one.
    pub doubts: CacheDoubts,
    /// Some output tokens are an estimate.
    pub estimated: bool,
    open_loop: bool,
    /// Ascending, one for each metric [`with_thresholds`].
    columns: Vec<Sorted>,
    /// Whole answers whose stream does not carry the figure, one for each metric [`with_thresholds`].
    unresolved: Vec<usize>,
    /// When something was in flight: ascending, apart.
    busy: Vec<(Nanos, Nanos)>,
    /// When the schedule stood still: ascending, apart.
    still: Vec<(Nanos, Nanos)>,
}

impl Tally {
    /// Nothing yet.
    pub fn new(session: &Session) -> Self {
        Self {
            ended: 0,
            ok: 0,
            good: None,
            unjudged: 0,
            errors: BTreeMap::new(),
            output_tokens: 0,
            doubts: CacheDoubts::default(),
            estimated: false,
            open_loop: session.plan.open_loop.is_some(),
            columns: vec![Sorted::default(); with_thresholds().count()],
            unresolved: vec![0; with_thresholds().count()],
            busy: Vec::new(),
            still: session.still().to_vec(),
        }
    }

    /// All of a session's, or those of one stage of its sweep.
    pub fn from_session(session: &Session, stage: Option<usize>) -> Self {
        let of_stage = session.attempts().filter(|a| stage.is_none_or(|stage| a.stage == stage));
        Self::over(session, of_stage.filter_map(AttemptState::record))
    }

    /// Of these records of a session.
    pub fn over(session: &Session, records: impl IntoIterator<Item: Borrow<AttemptRecord>>) -> Self {
        let mut tally = Self::new(session);
        let mut columns = vec![Vec::new(); with_thresholds().count()];
        for record in records {
            tally.count_in(record.borrow(), session.slos(), &mut columns, Vec::push);
        }
        tally.columns.iter_mut().zip(columns).for_each(|(sorted, figures)| sorted.extend(figures));
        tally
    }

    /// Takes over when the schedule stood still.
    pub fn stand_still(&mut self, still: &[(Nanos, Nanos)]) {
        if self.still.len() != still.len() {
            self.still = still.to_vec();
        }
    }

    /// Counts an attempt that ended.
    pub fn add(&mut self, record: &AttemptRecord, slos: &[Slo]) {
        let mut columns = std::mem::take(&mut self.columns);
        self.count_in(record, slos, &mut columns, Sorted::insert);
        self.columns = columns;
    }

    fn count_in<C>(&mut self, record: &AttemptRecord, slos: &[Slo], columns: &mut [C], insert: impl Fn(&mut C, f64)) {
        if record.warmup || record.status == AttemptStatus::Cancelled {
            return;
        }
        self.ended += 1;
        if let Some(verdict) = judge_request(record, slos) {
            self.good = Some(self.good.unwrap_or(0) + usize::from(verdict == RequestVerdict::Kept));
            self.unjudged += usize::from(verdict == RequestVerdict::Unresolved);
        }
        let last = record.last_arrival().max(record.finish_at).unwrap_or(record.ended);
        self.cover(record.clock_start(), if record.is_ok() { last } else { record.ended });
        if !record.is_ok() {
            *self.errors.entry(record.failure_kind().to_owned()).or_default() += 1;
            return;
        }
        self.ok += 1;
        self.doubts.add(record);
        if let Some((tokens, source)) = record.output_tokens() {
            self.output_tokens = self.output_tokens.saturating_add(tokens);
            self.estimated |= source == TokenSource::Estimate;
        }
        for ((column, unresolved), (metric, _)) in columns.iter_mut().zip(&mut self.unresolved).zip(with_thresholds()) {
            match (metric.get)(record) {
                Some(value) if value.is_finite() => insert(column, value),
                Some(_) => {}
                None => *unresolved += usize::from((metric.unresolved)(record).is_some()),
            }
        }
    }

    fn cover(&mut self, from: Nanos, to: Nanos) {
        let to = to.max(from);
        let first = self.busy.partition_point(|span| span.1 < from);
        let after = self.busy.partition_point(|span| span.0 <= to).max(first);
        let merged = self.busy.drain(first..after).fold((from, to), |m, span| (m.0.min(span.0), m.1.max(span.1)));
        self.busy.insert(first, merged);
    }

    /// What rates are per, seconds: the time in which something was in flight; in an open loop also the idle time between,
    /// which is part of its rate, unless the schedule stood still in it.
    pub fn seconds(&self) -> f64 {
        let busy: f64 = self.busy.iter().map(|(from, to)| to.since(*from).as_secs_f64()).sum();
        let idle = |w: &[(Nanos, Nanos)]| match w {
            [(_, from), (to, _)] => self.idle_s(*from, *to),
            _ => 0.0,
        };
        if self.open_loop { busy + self.busy.windows(2).map(idle).sum::<f64>() } else { busy }
    }

    /// What of a time without anything in flight the schedule did not stand still.
    fn idle_s(&self, from: Nanos, to: Nanos) -> f64 {
        let still = self.still.iter().map(|s| s.1.min(to).since(s.0.max(from)).as_secs_f64());
        to.since(from).as_secs_f64() - still.sum::<f64>()
    }

    fn column(&self, metric: &Metric) -> Option<&Sorted> {
        self.columns.get(place(metric)?)
    }

    /// Figures of a metric over all whole answers that have it, ascending.
    pub fn values(&self, metric: &Metric) -> Vec<f64> {
        self.column(metric).map_or_else(Vec::new, |column| column.iter().collect())
    }

    /// Number of whole answers that have the metric.
    pub fn count(&self, metric: &Metric) -> usize {
        self.column(metric).map_or(0, Sorted::len)
    }

    /// Number of whole answers whose stream does not carry the metric.
    pub fn unresolved(&self, metric: &Metric) -> usize {
        place(metric).and_then(|at| self.unresolved.get(at)).copied().unwrap_or(0)
    }

    /// Requests that thresholds about single requests can be judged for.
    pub const fn judged(&self) -> usize {
        self.ended - self.unjudged
    }

    /// Statistics of a metric over all whole answers that have it; `None` without one.
    pub fn stats(&self, metric: &Metric) -> Option<Stats> {
        Stats::from_values(self.column(metric)?.iter())
    }

    /// Percentile of a metric over all whole answers that have it; `None` where they are too few for it.
    pub fn percentile(&self, metric: &Metric, p: u32) -> Option<f64> {
        let column = self.column(metric).filter(|c| enough_for(c.len(), p))?;
        Some(percentile_by(column.len(), f64::from(p), |place| column.get(place).unwrap_or(f64::NAN)))
    }

    /// A figure of the run; `None` while nothing ended.
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
            RunFigure::Throughput => per_s(self.output_tokens as f64),
            RunFigure::RequestRate => per_s(self.ok as f64),
        }
    }

    /// Failures by kind, `3 rate_limited, 1 timeout`; `None` without any.
    pub fn failures(&self) -> Option<String> {
        let kinds: Vec<_> = self.errors.iter().map(|(kind, n)| format!("{n} {kind}")).collect();
        (!kinds.is_empty()).then(|| kinds.join(", "))
    }

    /// Whether every threshold is kept.
    pub fn keeps(&self, slos: &[Slo]) -> bool {
        slos.iter().all(|slo| slo.judge(self).met)
    }
}

/// Place of a metric among those [`with_thresholds`].
fn place(metric: &Metric) -> Option<usize> {
    with_thresholds().position(|(m, _)| m == metric)
}

impl Slo {
    /// Compares it with what was counted.
    pub fn judge(&self, tally: &Tally) -> Verdict {
        let (value, n, unresolved, stand_in) = match self.subject {
            Subject::Requests(metric, stat) => {
                let stats = tally.stats(metric);
                let n = tally.count(metric);
                // The extreme keeps it only if every percentile does.
                let extreme = if self.comparison.is_upper_bound() { Stat::Max } else { Stat::Min };
                let stand_in = (n > 0 && !enough_for(n, stat.percent())).then_some(extreme);
                (stats.map(|s| stand_in.unwrap_or(stat).pick(&s)), n, tally.unresolved(metric), stand_in)
            }
            Subject::Run(figure @ (RunFigure::Goodput | RunFigure::GoodShare)) => {
                (tally.run_figure(figure), tally.judged(), tally.unjudged, None)
            }
            Subject::Run(figure) => (tally.run_figure(figure), tally.ended, 0, None),
        };
        let met = value.is_some_and(|v| self.comparison.holds(v, self.threshold));
        let doubts = if self.is_about_first_token() { tally.doubts } else { CacheDoubts::default() };
        Verdict { value, n, doubts, met, unresolved, stand_in }
    }
}

#[cfg(test)]
mod tests;
