//! Counters, gauges and histograms of the run.

use std::collections::HashSet;
use std::sync::atomic::{AtomicI64, AtomicU64, Ordering};
use std::sync::{Mutex, PoisonError};

use prometheus_client::encoding::{prometheus_text, text};
use prometheus_client::metrics::counter::Counter;
use prometheus_client::metrics::family::Family;
use prometheus_client::metrics::gauge::Gauge;
use prometheus_client::metrics::histogram::Histogram;
use prometheus_client::metrics::info::Info;
use prometheus_client::registry::{Registry, Unit};

use super::gpu_figures::GpuFigures;
use super::labels::{ModelLabels, QuantileLabels, RequestLabels};
use super::throughput::Throughput;
use super::{CurrentLoad, LiveView};
use crate::domain::attempt::{AttemptId, AttemptRecord};
use crate::domain::text::sanitise_line;
use crate::monitoring::RunIdentity;

/// Limits of the histograms of TTFT and TTFO, seconds: those of vLLM up to a minute, so that both can be compared.
const FIRST_TOKEN_LIMITS_S: [f64; 19] =
    [0.001, 0.005, 0.01, 0.02, 0.04, 0.06, 0.08, 0.1, 0.15, 0.25, 0.5, 0.75, 1.0, 2.5, 5.0, 7.5, 10.0, 20.0, 60.0];
/// Limits of the histogram of ITL, seconds.
const INTER_TOKEN_LIMITS_S: [f64; 19] = [
    0.001, 0.002, 0.003, 0.005, 0.0075, 0.01, 0.015, 0.02, 0.025, 0.03, 0.04, 0.05, 0.075, 0.1, 0.15, 0.2, 0.3, 0.5,
    1.0,
];
/// Limits of the histogram of E2E latency, seconds.
const LATENCY_LIMITS_S: [f64; 17] =
    [0.05, 0.1, 0.3, 0.5, 0.8, 1.0, 1.5, 2.0, 2.5, 5.0, 10.0, 15.0, 20.0, 30.0, 60.0, 120.0, 240.0];

/// Format of the page.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum PageFormat {
    /// `OpenMetrics` 1.0, for clients that ask for it.
    OpenMetrics,
    /// Prometheus' text format 0.0.4.
    Text,
}

type Histograms = Family<ModelLabels, Histogram, fn() -> Histogram>;
/// Labels of a gauge that may be absent.
type NoLabels = [(&'static str, &'static str); 0];
type FloatGauge = Gauge<f64, AtomicU64>;

/// Figures of the run, and the page that shows them.
pub struct Figures {
    registry: Registry,
    live: LiveView,
    requests: Family<RequestLabels, Counter>,
    output_tokens: Family<ModelLabels, Counter>,
    prompt_tokens: Family<ModelLabels, Counter>,
    ttft: Histograms,
    ttfo: Histograms,
    itl: Histograms,
    latency: Histograms,
    /// Attempts in flight, and their number.
    started: Mutex<HashSet<AttemptId>>,
    in_flight: Gauge,
    content_events: Counter,
    throughput: Mutex<Throughput>,
    token_throughput: Family<NoLabels, FloatGauge>,
    stage: Gauge,
    target_concurrency: Family<NoLabels, Gauge<i64, AtomicI64>>,
    planned_requests: Family<NoLabels, Gauge<i64, AtomicI64>>,
    engine_lag: Family<QuantileLabels, FloatGauge>,
    /// Gauges of GPUs.
    pub gpus: GpuFigures,
}

impl Figures {
    /// Creates the figures of a run that has not begun.
    pub fn new(run: &RunIdentity, live: LiveView) -> Self {
        let mut figures = Self {
            registry: Registry::with_prefix("tokscope"),
            live,
            requests: Family::default(),
            output_tokens: Family::default(),
            prompt_tokens: Family::default(),
            ttft: Family::new_with_constructor(|| Histogram::new(FIRST_TOKEN_LIMITS_S)),
            ttfo: Family::new_with_constructor(|| Histogram::new(FIRST_TOKEN_LIMITS_S)),
            itl: Family::new_with_constructor(|| Histogram::new(INTER_TOKEN_LIMITS_S)),
            latency: Family::new_with_constructor(|| Histogram::new(LATENCY_LIMITS_S)),
            started: Mutex::default(),
            in_flight: Gauge::default(),
            content_events: Counter::default(),
            throughput: Mutex::default(),
            token_throughput: Family::default(),
            stage: Gauge::default(),
            target_concurrency: Family::default(),
            planned_requests: Family::default(),
            engine_lag: Family::default(),
            gpus: GpuFigures::default(),
        };
        let facts = [
            ("run_id", run.run_id.clone()),
            ("api", run.api.to_owned()),
            ("host", sanitise_line(run.host.as_deref().unwrap_or_default())),
            ("tokscope_version", env!("CARGO_PKG_VERSION").to_owned()),
        ];
        let mut registry = std::mem::take(&mut figures.registry);
        registry.register("run", "The run", Info::new(facts.to_vec()));
        figures.register(&mut registry);
        figures.gpus.register(&mut registry);
        figures.registry = registry;
        figures
    }

    fn register(&self, registry: &mut Registry) {
        let tokens = || Unit::Other("tokens".to_owned());
        registry.register("requests", "Requests that ended, warm-ups included", self.requests.clone());
        let help = "Output tokens of measured requests that ended; estimated if the server reports no usage";
        registry.register_with_unit("output", help, tokens(), self.output_tokens.clone());
        let help = "Prompt tokens of measured requests that ended, as the server reports them";
        registry.register_with_unit("prompt", help, tokens(), self.prompt_tokens.clone());
        let histograms = [
            ("ttft", "Time to first token of measured requests", &self.ttft),
            ("ttfo", "Time to the first token that is not reasoning, of measured requests", &self.ttfo),
            ("itl", "Inter-token latency: mean time per output token of a measured request", &self.itl),
            ("e2e_latency", "End-to-end latency of measured requests", &self.latency),
        ];
        for (name, help, histogram) in histograms {
            registry.register_with_unit(name, help, Unit::Seconds, histogram.clone());
        }
        registry.register("requests_in_flight", "Requests in flight", self.in_flight.clone());
        let help = "Stream events with generated text, including those of requests in flight";
        registry.register("content_events", help, self.content_events.clone());
        let help = "Output tokens per second over the last 10 s, estimated from stream events";
        registry.register("output_tokens_per_second", help, self.token_throughput.clone());
        let help = "Number of the stage of a sweep, of --stages or of --find, from 1";
        registry.register("stage", help, self.stage.clone());
        let help = "Maximum requests in flight; absent if only the rate decides";
        registry.register("target_concurrency", help, self.target_concurrency.clone());
        let help = "Measured requests that the plan asks for; absent if the time limits them";
        registry.register("planned_requests", help, self.planned_requests.clone());
        let help = "Delay of the thread of tokscope that reads the streams";
        registry.register_with_unit("engine_lag", help, Unit::Seconds, self.engine_lag.clone());
    }

    /// Counts an attempt as in flight.
    pub fn note_started(&self, id: AttemptId) {
        self.change_in_flight(|started| started.insert(id));
    }

    fn change_in_flight(&self, change: impl FnOnce(&mut HashSet<AttemptId>) -> bool) {
        let mut started = self.started.lock().unwrap_or_else(PoisonError::into_inner);
        if change(&mut started) {
            self.in_flight.set(gauge_value(started.len()));
        }
    }

    /// Counts an attempt that ended.
    pub fn note_ended(&self, record: &AttemptRecord) {
        self.change_in_flight(|started| started.remove(&record.id));
        self.requests.get_or_create(&RequestLabels::new(record)).inc();
        if record.warmup {
            return;
        }
        let model = ModelLabels::new(record);
        let tokens = record.output_tokens().map(|(tokens, _)| tokens);
        for (counter, tokens) in [(&self.output_tokens, tokens), (&self.prompt_tokens, record.usage.prompt_tokens)] {
            if let Some(tokens) = tokens {
                counter.get_or_create(&model).inc_by(tokens);
            }
        }
        if !record.is_ok() {
            return;
        }
        let figures = [
            (&self.ttft, record.time_to_first_token_ms()),
            (&self.ttfo, record.time_to_first_output_token_ms()),
            (&self.itl, record.inter_token_latency_ms()),
            (&self.latency, record.request_latency_ms()),
        ];
        for (histogram, figure_ms) in figures {
            if let Some(figure_ms) = figure_ms.filter(|figure| figure.is_finite()) {
                histogram.get_or_create(&model).observe(figure_ms / 1000.0);
            }
        }
    }

    /// Shows the load of this moment.
    pub fn set_load(&self, load: CurrentLoad) {
        self.stage.set(gauge_value(load.stage));
        let gauges = [(&self.target_concurrency, load.concurrency), (&self.planned_requests, load.planned_requests)];
        for (gauge, number) in gauges {
            match number {
                Some(number) => drop(gauge.get_or_create(&[]).set(gauge_value(number))),
                None => drop(gauge.remove(&[])),
            }
        }
    }

    /// Takes the engine's latest live view into account. The server calls it every second.
    pub fn sample(&self) {
        let (now, live) = (self.live)();
        self.content_events.inner().store(live.content_events_total, Ordering::Relaxed);
        let mut throughput = self.throughput.lock().unwrap_or_else(PoisonError::into_inner);
        throughput.add(now, live.content_events_total);
        if let Some(per_s) = throughput.per_s() {
            self.token_throughput.get_or_create(&[]).set(per_s);
        }
        let lags = [("0.5", live.lag.p50_ms), ("0.99", live.lag.p99_ms), ("1", live.lag.max_ms)];
        for (quantile, lag_ms) in lags {
            if let Some(lag_ms) = lag_ms {
                self.engine_lag.get_or_create(&QuantileLabels { quantile }).set(lag_ms / 1000.0);
            }
        }
    }

    /// Returns the page for Prometheus.
    pub fn page(&self, format: PageFormat) -> String {
        self.sample();
        let mut page = String::new();
        // Writing to a string cannot fail.
        let _always_ok = match format {
            PageFormat::OpenMetrics => text::encode(&mut page, &self.registry),
            PageFormat::Text => prometheus_text::encode(&mut page, &self.registry),
        };
        page
    }
}

/// Returns a count as the value of a gauge.
fn gauge_value(count: usize) -> i64 {
    i64::try_from(count).unwrap_or(i64::MAX)
}
