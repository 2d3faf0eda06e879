//! Results of a group of repeated runs: figures of each run, their spread between and within runs, and drift.

use std::collections::BTreeMap;
use std::sync::Arc;

use super::attempt::AttemptRecord;
use super::hypothesis_test::{LEVEL, holm};
use super::interval::{Interval, MIN_FREEDOM, t_975};
use super::metrics::{DECODE, ITL, LATENCY, Metric, SPEED, TTFT};
use super::quantity::Quantity;
use super::session::Session;
use super::slo::SloUnit;
use super::statistics::{enough_for, percentile};
use super::sweep::Stage;
use super::tally::TallyBuilder;
use super::time::Nanos;
use super::trend_test::trend;
use super::variance_components::{RunValue, variance_components};

/// Metrics whose means and percentiles are given by run.
static METRICS_OF_RUNS: [&Metric; 5] = [&TTFT, &ITL, &LATENCY, &SPEED, &DECODE];
/// Metrics whose means are tested for drift. Two tests, because each further one would need a longer group.
static TESTED_FOR_DRIFT: [&Metric; 2] = [&TTFT, &ITL];
/// Percentiles of a run, if it has enough answers.
const PERCENTILES: [u32; 3] = [50, 95, 99];

/// Results of one run.
#[derive(Clone, Debug)]
pub struct RunResult {
    /// Number of the run, from 1.
    pub number: usize,
    /// Start of its first request.
    pub began: Nanos,
    /// End of its last request.
    pub ended: Nanos,
    /// Rates and percentiles of its measured requests.
    pub figures: Stage,
}

/// Figure that each run has.
#[derive(Clone, Copy, Debug, PartialEq)]
pub enum FigureOfRun {
    /// Output tokens per second.
    Throughput,
    /// Complete answers per second.
    RequestRate,
    /// Mean of a metric.
    Mean(&'static Metric),
    /// Percentile of a metric, 0 to 100.
    Percentile(&'static Metric, u32),
}

impl FigureOfRun {
    /// Name for people, without the unit.
    pub fn label(self) -> String {
        match self {
            Self::Throughput => "Throughput".to_owned(),
            Self::RequestRate => "Request rate".to_owned(),
            Self::Mean(metric) => format!("{} mean", name(metric)),
            Self::Percentile(metric, percent) => format!("{} p{percent}", name(metric)),
        }
    }

    /// Key in JSON.
    pub fn key(self) -> String {
        match self {
            Self::Throughput => "output_token_throughput".to_owned(),
            Self::RequestRate => "request_throughput".to_owned(),
            Self::Mean(metric) => metric.key.to_owned(),
            Self::Percentile(metric, percent) => format!("{}_p{percent}", metric.key),
        }
    }

    /// Unit.
    pub fn unit(self) -> &'static str {
        match self {
            Self::Throughput => "tok/s",
            Self::RequestRate => "req/s",
            Self::Mean(metric) | Self::Percentile(metric, _) => SloUnit::from(metric.unit).as_str(),
        }
    }

    /// Returns whether the figure counts output tokens, so that it is an estimate if their number is one.
    pub fn counts_output_tokens(self) -> bool {
        match self {
            Self::Throughput => true,
            Self::RequestRate => false,
            Self::Mean(metric) | Self::Percentile(metric, _) => metric.counts_output_tokens,
        }
    }

    /// Decimal places of a value.
    pub fn digits(self) -> usize {
        match self {
            Self::Mean(metric) | Self::Percentile(metric, _) if *metric == ITL => 2,
            Self::RequestRate => 2,
            _ => 1,
        }
    }
}

/// Name of a metric in thresholds, which is the one of the field.
fn name(metric: &Metric) -> &'static str {
    metric.slo.as_ref().map_or(metric.label, |slo| slo.label)
}

/// Trend of a figure over the runs.
#[derive(Clone, Copy, Debug, PartialEq)]
pub struct Drift {
    /// Change from one run to the next, in the unit of the figure.
    pub per_run: f64,
    /// P-value of the test of Mann and Kendall, corrected for the number of figures tested.
    pub p_value: f64,
}

impl Drift {
    /// Returns whether the figure drifts.
    pub fn is_clear(&self) -> bool {
        self.p_value < LEVEL
    }
}

/// Spread of a figure over the runs.
#[derive(Clone, Debug, PartialEq)]
pub struct SpreadOfRuns {
    /// The figure.
    pub figure: FigureOfRun,
    /// Its value in each run, in their order.
    pub values: Vec<f64>,
    /// Mean of the values.
    pub mean: f64,
    /// Half the width of the mean's 95% interval, with the runs as units: Student's t with one degree of freedom less
    /// than there are runs. `None` with fewer than three runs.
    pub half_width: Option<f64>,
    /// Standard deviation of the values.
    pub deviation: f64,
    /// Components of the variance; only for means.
    pub components: Option<Components>,
    /// Trend; `None` if the figure is not tested, or with too few runs.
    pub drift: Option<Drift>,
}

/// Components of the variance of a mean over runs.
#[derive(Clone, Copy, Debug, PartialEq)]
pub struct Components {
    /// Standard deviation between runs beyond that which the spread within runs explains.
    pub between_runs: f64,
    /// Standard deviation of requests within a run, without differences between cases.
    pub within_run: f64,
    /// Share of the variance of a single request that comes from its run, 0 to 1.
    pub share_between_runs: f64,
}

impl SpreadOfRuns {
    /// Spread of values, one per run; `None` below two runs.
    pub fn new(figure: FigureOfRun, values: Vec<f64>) -> Option<Self> {
        let n = values.len();
        if n < 2 || values.iter().any(|value| !value.is_finite()) {
            return None;
        }
        let mean = values.iter().sum::<f64>() / n as f64;
        let deviation = (values.iter().map(|v| (v - mean).powi(2)).sum::<f64>() / (n - 1) as f64).sqrt();
        let half_width = (n > MIN_FREEDOM).then(|| t_975(n - 1) * deviation / (n as f64).sqrt());
        Some(Self { figure, values, mean, half_width, deviation, components: None, drift: None })
    }

    /// The mean's 95% interval.
    pub fn ci95(&self) -> Option<Interval> {
        self.half_width.map(|half| Interval { low: self.mean - half, high: self.mean + half })
    }

    /// Describes a drift: `TTFT rises by 3.1 ms per run, 12% over the group (p 1.7%)`; `None` without one.
    pub fn drift_in_words(&self) -> Option<String> {
        let drift = self.drift.filter(Drift::is_clear)?;
        let name = match self.figure {
            FigureOfRun::Mean(metric) => name(metric).to_owned(),
            figure => figure.label(),
        };
        let way = if drift.per_run < 0.0 { "falls" } else { "rises" };
        let step = Quantity::new(Some(drift.per_run.abs()), self.figure.digits());
        let whole = 100.0 * drift.per_run.abs() * (self.values.len() - 1) as f64 / self.mean;
        let p = 100.0 * drift.p_value;
        let unit = self.figure.unit();
        Some(format!("{name} {way} by {step} {unit} per run, {whole:.0}% over the group (p {p:.1}%)"))
    }
}

/// Results of a group of runs.
#[derive(Clone, Debug)]
pub struct RunsResult {
    /// Number of runs that the plan asks for.
    pub planned: usize,
    /// Runs that are over and have an answer.
    pub runs: Vec<RunResult>,
    /// Spread of each figure that all these runs have; empty with fewer than two runs.
    pub spreads: Vec<SpreadOfRuns>,
}

impl RunsResult {
    /// Results of a session; `None` for a single run.
    pub fn from_session(session: &Session) -> Option<Self> {
        let planned = session.run_count();
        if planned < 2 {
            return None;
        }
        let is_last_over = session.settled() == session.cases.len();
        let over = session.run_index() + usize::from(is_last_over);
        let mut collected: Vec<Collected<'_>> = (0..over).map(|_| Collected::new(session)).collect();
        for (case, state) in session.cases.iter().enumerate() {
            let mut reported = state.reported_in(0).map(|a| a.number).peekable();
            for attempt in &state.attempts {
                let is_reported = reported.next_if_eq(&attempt.number).is_some();
                let Some(run) = collected.get_mut(usize::from(attempt.run)) else { continue };
                if let Some(record) = attempt.record().filter(|_| !attempt.warmup) {
                    run.add(&record, is_reported.then_some((case, attempt.row)));
                }
            }
        }
        let concurrency = session.plan.limit().unwrap_or_default();
        let numbered = collected.into_iter().enumerate().map(|(at, run)| (at + 1, run));
        let measured: Vec<(usize, Collected<'_>)> = numbered.filter(|(_, run)| run.answers > 0).collect();
        let spreads = spreads(&measured.iter().map(|(_, run)| run).collect::<Vec<_>>());
        let results = measured.into_iter().map(|(number, run)| RunResult {
            number,
            began: run.began.unwrap_or_default(),
            ended: run.ended,
            figures: Stage::from_tally(concurrency, &run.tally.finish(), session),
        });
        let runs: Vec<RunResult> = results.collect();
        let rate = |figure, get: fn(&Stage) -> Option<f64>| {
            SpreadOfRuns::new(figure, runs.iter().map(|run| get(&run.figures)).collect::<Option<_>>()?)
        };
        let throughput = rate(FigureOfRun::Throughput, |stage| stage.tokens_per_s);
        let requests = rate(FigureOfRun::RequestRate, |stage| stage.requests_per_s);
        let spreads = throughput.into_iter().chain(requests).chain(spreads).collect();
        Some(Self { planned, runs, spreads })
    }

    /// Spread of a figure over the runs.
    pub fn spread(&self, figure: FigureOfRun) -> Option<&SpreadOfRuns> {
        self.spreads.iter().find(|spread| spread.figure == figure)
    }

    /// Half the width of the 95% interval of a metric's mean, with the number of runs; `None` below three runs.
    pub fn mean_half_width(&self, metric: &Metric) -> Option<(f64, usize)> {
        let spread = self.spreads.iter().find(|s| matches!(s.figure, FigureOfRun::Mean(mean) if mean == metric))?;
        Some((spread.half_width?, spread.values.len()))
    }

    /// Figures that drift, in words.
    pub fn drifts(&self) -> impl Iterator<Item = String> {
        self.spreads.iter().filter_map(SpreadOfRuns::drift_in_words)
    }

    /// Returns whether the group was tested for drift.
    pub fn is_tested_for_drift(&self) -> bool {
        self.spreads.iter().any(|spread| spread.drift.is_some())
    }
}

/// Block of a value: its case, or the row of the data set that it sent.
type BlockKey = (usize, Option<u32>);

/// Attempts of one run.
struct Collected<'a> {
    tally: TallyBuilder<'a>,
    began: Option<Nanos>,
    ended: Nanos,
    answers: usize,
    /// Values of the reported attempts with their blocks, in the order of [`METRICS_OF_RUNS`].
    values: [Vec<(BlockKey, f64)>; METRICS_OF_RUNS.len()],
}

impl<'a> Collected<'a> {
    fn new(session: &'a Session) -> Self {
        let tally = TallyBuilder::new(session);
        Self { tally, began: None, ended: Nanos::default(), answers: 0, values: Default::default() }
    }

    /// Adds an attempt that ended. A reported one has its block.
    fn add(&mut self, record: &Arc<AttemptRecord>, reported: Option<BlockKey>) {
        self.tally.add(record);
        self.began = Some(self.began.map_or(record.clock_start(), |began| began.min(record.clock_start())));
        self.ended = self.ended.max(record.ended);
        let Some(block) = reported else { return };
        self.answers += 1;
        for (values, metric) in self.values.iter_mut().zip(METRICS_OF_RUNS) {
            let value = (metric.get)(record).filter(|value| value.is_finite());
            values.extend(value.map(|value| (block, value)));
        }
    }
}

/// Spreads of means and percentiles that all runs have.
fn spreads(runs: &[&Collected<'_>]) -> Vec<SpreadOfRuns> {
    let mut spreads = Vec::new();
    for (at, metric) in METRICS_OF_RUNS.into_iter().enumerate() {
        let values: Vec<&[(BlockKey, f64)]> = runs.iter().map(|run| run.values[at].as_slice()).collect();
        if values.iter().any(|values| values.is_empty()) {
            continue;
        }
        spreads.extend(mean_spread(metric, &values));
        for percent in PERCENTILES {
            let of_run = |values: &&[(BlockKey, f64)]| {
                let mut sorted: Vec<f64> = values.iter().map(|(_, value)| *value).collect();
                sorted.sort_by(f64::total_cmp);
                // One answer is a median, but says nothing beside the mean.
                (sorted.len() > 1 && enough_for(sorted.len(), percent)).then(|| percentile(&sorted, percent.into()))
            };
            let of_runs: Option<Vec<f64>> = values.iter().map(of_run).collect();
            let figure = FigureOfRun::Percentile(metric, percent);
            spreads.extend(of_runs.and_then(|of_runs| SpreadOfRuns::new(figure, of_runs)));
        }
    }
    test_for_drift(&mut spreads);
    spreads
}

/// Spread of the means of a metric, with the components of its variance where they are known.
fn mean_spread(metric: &'static Metric, runs: &[&[(BlockKey, f64)]]) -> Option<SpreadOfRuns> {
    let found = [false, true].into_iter().find_map(|is_by_case| {
        let mut blocks: BTreeMap<BlockKey, usize> = BTreeMap::new();
        let mut values = Vec::new();
        for (run, of_run) in runs.iter().enumerate() {
            for &((case, row), value) in *of_run {
                // Rows that every run draws anew, as synthetic prompts, do not connect the runs.
                let next = blocks.len();
                let block = *blocks.entry((case, row.filter(|_| !is_by_case))).or_insert(next);
                values.push(RunValue { block, run, value });
            }
        }
        variance_components(&values)
    });
    let plain = || runs.iter().map(|run| run.iter().map(|(_, value)| value).sum::<f64>() / run.len() as f64).collect();
    let means = found.as_ref().map_or_else(plain, |found| found.run_means.clone());
    let components = found.map(|found| Components {
        between_runs: found.between_runs.sqrt(),
        within_run: found.within_run.sqrt(),
        share_between_runs: found.share_between_runs(),
    });
    Some(SpreadOfRuns { components, ..SpreadOfRuns::new(FigureOfRun::Mean(metric), means)? })
}

fn test_for_drift(spreads: &mut [SpreadOfRuns]) {
    let is_tested = |figure| matches!(figure, FigureOfRun::Mean(metric) if TESTED_FOR_DRIFT.contains(&metric));
    let tested = spreads.iter_mut().filter(|spread| is_tested(spread.figure));
    let mut found: Vec<_> = tested.filter_map(|spread| Some((trend(&spread.values)?, spread))).collect();
    let corrected = holm(&found.iter().map(|(trend, _)| trend.p_value).collect::<Vec<_>>());
    for ((trend, spread), p_value) in found.iter_mut().zip(corrected) {
        spread.drift = Some(Drift { per_run: trend.slope, p_value });
    }
}

#[cfg(test)]
mod tests;
