//! A run that another benchmark measured, in the terms of a comparison.

use std::sync::Arc;

use crate::domain::bootstrap::{ClusterKey, Observation};
use crate::domain::interval::mean_half_width;
use crate::domain::metrics::{ITL, LATENCY, Metric, OUTPUT_TOKENS, SPEED, TTFT};
use crate::domain::quantity::count;
use crate::domain::statistics::Stats;
use crate::report::compare::{COMPARED, ComparedRun, Figure, Measured, Plan, Stage, ascending};

/// Maximum requests of a file.
pub const MAX_REQUESTS: usize = 1_000_000;
/// Maximum benchmarks of a file.
const MAX_RUNS: usize = 1000;

/// Figures of one complete request; `None` where the file has none.
#[derive(Clone, Copy, Debug, Default)]
pub struct ForeignRequest {
    /// Time to first token, milliseconds.
    pub ttft_ms: Option<f64>,
    /// Mean time between tokens after the first, milliseconds.
    pub itl_ms: Option<f64>,
    /// Time to the end of the answer, milliseconds.
    pub latency_ms: Option<f64>,
    /// Output tokens, with reasoning.
    pub output_tokens: Option<f64>,
}

/// Figure of a summary.
#[derive(Clone, Debug, Default)]
pub struct StatedFigure {
    /// Mean in the unit of the metric.
    pub mean: f64,
    /// Percentiles with their values.
    pub percentiles: Vec<(u32, f64)>,
}

/// One run of a file. The default value knows nothing.
#[derive(Debug, Default)]
pub struct ForeignRun {
    /// Version of the benchmark.
    pub version: Option<String>,
    /// Model.
    pub model: Option<String>,
    /// Address of the endpoint.
    pub url: Option<String>,
    /// Start as the file writes it.
    pub started_at: Option<String>,
    /// Requests in flight.
    pub concurrency: Option<u64>,
    /// Requests per second of an open loop.
    pub rate: Option<f64>,
    /// Output tokens per second.
    pub throughput: Option<f64>,
    /// Requests that failed.
    pub failed: usize,
    /// Whether the run was cut short.
    pub is_partial: bool,
    /// Complete requests; empty if the file has only a summary.
    pub requests: Vec<ForeignRequest>,
    /// Complete requests of a summary.
    pub answers: usize,
    /// Figures of a summary; unused if there are requests.
    pub stated: Vec<(&'static Metric, StatedFigure)>,
    /// How the benchmark defines its figures, one sentence each.
    pub notes: Vec<&'static str>,
}

impl ForeignRequest {
    /// Value of a metric; `None` if it is unknown.
    fn value(&self, metric: &Metric) -> Option<f64> {
        match metric {
            m if *m == TTFT => self.ttft_ms,
            m if *m == ITL => self.itl_ms,
            m if *m == LATENCY => self.latency_ms,
            m if *m == OUTPUT_TOKENS => self.output_tokens,
            m if *m == SPEED => {
                let latency_ms = self.latency_ms.filter(|ms| *ms > 0.0)?;
                Some(1000.0 * self.output_tokens? / latency_ms)
            }
            _ => None,
        }
    }
}

impl ForeignRun {
    fn measured(&self, tool: &str, file: u32) -> Measured {
        if self.requests.is_empty() { self.measured_from_summary() } else { self.measured_from_requests(tool, file) }
    }

    /// Measurements from single requests. They are no cases that another run has, so each is a cluster of its own.
    fn measured_from_requests(&self, tool: &str, file: u32) -> Measured {
        let case: Arc<str> = format!("{tool} {file:08x}").into();
        let mut out =
            Measured { answers: self.requests.len(), unresolved: vec![0; COMPARED.len()], ..Measured::default() };
        for compared in COMPARED.iter() {
            let numbered = self.requests.iter().zip(0_u32..);
            let values: Vec<(u32, f64)> =
                numbered.filter_map(|(request, at)| Some((at, request.value(compared.metric)?))).collect();
            let sorted = ascending(values.iter().map(|(_, value)| *value));
            let figure = Stats::from_values(sorted.iter().copied()).map(|stats| Figure {
                mean: stats.avg,
                n: sorted.len(),
                half_width: mean_half_width([sorted.as_slice()]),
                freedom: sorted.len() - 1,
                estimated: false,
            });
            let observation = |(at, value): (u32, f64)| Observation {
                cluster: ClusterKey { case: Arc::clone(&case), member: Some(at) },
                run: 0,
                value,
            };
            out.total.push(figure);
            out.values.push(sorted);
            out.observations.push(values.into_iter().map(observation).collect());
        }
        out
    }

    fn measured_from_summary(&self) -> Measured {
        let mut out = Measured { answers: self.answers, ..Measured::default() };
        for compared in COMPARED.iter() {
            let stated = self.stated.iter().find(|(metric, _)| *metric == compared.metric).map(|(_, figure)| figure);
            let figure = |stated: &StatedFigure| Figure {
                mean: stated.mean,
                n: self.answers,
                half_width: None,
                freedom: 0,
                estimated: false,
            };
            out.total.push(stated.map(figure));
            out.stated_percentiles.push(stated.map_or_else(Vec::new, |stated| stated.percentiles.clone()));
        }
        out
    }
}

/// Creates the side of a comparison from the runs of a file. Several runs are stages of a sweep.
///
/// # Errors
///
/// There is no complete request, or several runs do not have a concurrency each.
pub fn compared(tool: &'static str, file: u32, runs: Vec<ForeignRun>) -> Result<ComparedRun, String> {
    let mut runs: Vec<ForeignRun> = runs.into_iter().filter(|r| !r.requests.is_empty() || r.answers > 0).collect();
    let mut levels: Vec<u64> = runs.iter().filter_map(|run| run.concurrency).collect();
    levels.sort_unstable();
    levels.dedup();
    if runs.len() > 1 && (levels.len() < runs.len() || runs.len() > MAX_RUNS) {
        let all = count(runs.len(), "benchmark");
        return Err(format!("{all} without a concurrency of their own; put the one to compare into a file of its own"));
    }
    let stage = |run: &ForeignRun| {
        let measured = run.measured(tool, file);
        Some(Stage { concurrency: run.concurrency?, throughput: run.throughput, measured })
    };
    let is_sweep = runs.len() > 1;
    let stages: Vec<Stage> = if is_sweep { runs.iter().filter_map(stage).collect() } else { Vec::new() };
    // The whole run has the figures of the stage with the highest throughput, as in a sweep of tokscope.
    runs.sort_by(|a, b| a.throughput.unwrap_or(0.0).total_cmp(&b.throughput.unwrap_or(0.0)));
    let run = runs.pop().ok_or("no complete request; measure again, or check the endpoint")?;
    let version = run.version.as_ref().map_or_else(String::new, |version| format!(" {version}"));
    let mut notes = vec![format!("measured by {tool}{version}")];
    notes.extend(run.notes.iter().map(|note| (*note).to_owned()));
    if run.requests.is_empty() {
        notes.push("the file has only a summary, so its figures have no intervals".to_owned());
    }
    if run.failed > 0 {
        notes.push(format!("{} failed and are in no figure", count(run.failed, "request")));
    }
    Ok(ComparedRun {
        kind: tool,
        started_at: run.started_at.clone(),
        model: run.model.clone(),
        url: run.url.clone(),
        partial: run.is_partial,
        plan: Some(Plan { concurrency: run.concurrency, rate: run.rate, ..Plan::default() }),
        throughput: run.throughput,
        whole: run.measured(tool, file),
        stage: run.concurrency.filter(|_| is_sweep),
        is_sweep,
        stages,
        notes,
        ..ComparedRun::default()
    })
}
