//! Price of the measured work, always together with the load at which it was measured.

use std::fmt;

use serde::{Deserialize, Serialize};

use crate::domain::energy::Efficiency;
use crate::domain::gpu_scope::GpuScope;
use crate::domain::load_search::SearchVariable;
use crate::domain::price::Prices;
use crate::domain::quantity::{ESTIMATED, Quantity};
use crate::domain::search_results::SearchResult;
use crate::domain::session::Session;
use crate::domain::sweep::{best, stages};

use super::gpu::GpuReport;
use super::summary::Summary;

const MILLION: f64 = 1e6;
/// Items in the price of embeddings and scores.
const THOUSAND: f64 = 1e3;
/// Reason why a single stage has no energy.
const MIXED_LOADS: &str = "energy is measured over the whole run, not at a single load";

/// Price of the work at one load.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
pub struct Cost {
    /// Load of the figures, in words: `concurrency 8`, `5 req/s offered`.
    pub load: String,
    /// Prices that the user gave.
    #[serde(flatten)]
    pub prices: Prices,
    /// Throughput at the load, in `unit`.
    pub throughput: f64,
    /// `tok/s` or `items/s`.
    pub unit: String,
    /// Price of a million output tokens, US dollars; `None` for answers that are not text.
    pub usd_per_million_output_tokens: Option<f64>,
    /// Price of a million tokens of prompts and answers together; `None` if some prompt was not counted.
    pub usd_per_million_tokens: Option<f64>,
    /// Price of a thousand vectors or scores; `None` for generated text.
    pub usd_per_thousand_items: Option<f64>,
    /// Throughput per watt of the serving GPUs, in `unit`.
    pub throughput_per_watt: Option<f64>,
    /// Reason why the energy is unknown, so that prices are without electricity; `None` if it is known.
    pub energy_unknown_because: Option<String>,
    /// Whether token counts are an estimate.
    pub estimated: bool,
}

impl Cost {
    /// The cost of a run: of a search at its limit, of a sweep at its best stage. `None` without a price, and before a
    /// throughput is measured. `gpu` is the run's GPUs, or the reason why they are unknown.
    pub fn new(session: &Session, summary: &Summary, gpu: Result<&GpuReport, &str>) -> Option<Self> {
        let prices = session.suite.prices?;
        let (load, throughput, is_whole_run) = measured_load(session, summary)?;
        let task = session.suite.task;
        let energy = if is_whole_run { joules_per_unit(session, gpu) } else { Err(MIXED_LOADS.to_owned()) };
        let (joules, why) = (energy.as_ref().ok().copied(), energy.err());
        let unit = prices.of_unit(throughput, joules);
        let is_text = task.generates();
        let tally = summary.tally.as_ref();
        let output_share = tally.and_then(|tally| {
            let all = tally.output_tokens.checked_add(tally.counted_input_tokens()?)?;
            (tally.output_tokens > 0).then(|| tally.output_tokens as f64 / all as f64)
        });
        Some(Self {
            load,
            prices,
            throughput,
            unit: task.throughput_unit().to_owned(),
            usd_per_million_output_tokens: is_text.then_some(unit * MILLION),
            usd_per_million_tokens: output_share.filter(|_| is_text).map(|share| unit * share * MILLION),
            usd_per_thousand_items: (!is_text).then_some(unit * THOUSAND),
            throughput_per_watt: joules.map(|joules| 1.0 / joules),
            energy_unknown_because: why,
            estimated: summary.estimated,
        })
    }

    /// Price of the main unit with its name: `$0.556 per million output tokens`.
    pub fn price(&self) -> String {
        let about = if self.estimated { ESTIMATED } else { "" };
        match (self.usd_per_million_output_tokens, self.usd_per_thousand_items) {
            (Some(usd), _) => format!("{about}{} per million output tokens", dollars(usd)),
            (None, Some(usd)) => format!("{} per 1,000 items", dollars(usd)),
            (None, None) => String::new(),
        }
    }

    /// Main price, in US dollars.
    pub fn usd(&self) -> Option<f64> {
        self.usd_per_million_output_tokens.or(self.usd_per_thousand_items)
    }

    /// Further figures, and what the price includes.
    pub fn details(&self) -> Vec<String> {
        let all =
            self.usd_per_million_tokens.map(|usd| format!("{} per million input and output tokens", dollars(usd)));
        let per_watt = self.throughput_per_watt.map(|v| format!("{} {} per watt", Quantity::new(v, 2), self.unit));
        let hour = format!("at {} per hour", dollars(self.prices.usd_per_hour));
        let electricity = match (self.prices.usd_per_kwh, &self.energy_unknown_because) {
            (Some(usd), None) => Some(format!("electricity at {} per kWh", dollars(usd))),
            (Some(_), Some(why)) => Some(format!("without electricity: {why}")),
            (None, _) => None,
        };
        all.into_iter().chain(per_watt).chain([hour]).chain(electricity).collect()
    }
}

/// Writes `$0.556 per million output tokens at concurrency 8`.
impl fmt::Display for Cost {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "{} at {}", self.price(), self.load)
    }
}

/// An amount with three significant digits, at least to the cent: `$0.0123`, `$1.50`, `$120`.
fn dollars(usd: f64) -> String {
    let digits = match usd.abs() {
        usd if usd >= 100.0 => 0,
        usd if usd >= 1.0 => 2,
        usd if usd >= 0.1 => 3,
        usd if usd >= 0.01 => 4,
        _ => 6,
    };
    format!("${usd:.digits$}")
}

/// The load whose price is known: its name, its throughput, and whether the whole run had it.
fn measured_load(session: &Session, summary: &Summary) -> Option<(String, f64, bool)> {
    if let Some(found) = SearchResult::from_session(session) {
        let limit = found.at_limit()?;
        let settings = session.search()?.settings;
        let number = settings.number(limit.probe.load);
        let load = match settings.variable {
            SearchVariable::Concurrency => format!("concurrency {number}, the largest load that passed"),
            SearchVariable::Rate => format!("{number} req/s, the largest load that passed"),
        };
        return positive(load, limit.stage.throughput_per_s(), false);
    }
    if !session.sweep.is_empty() {
        let stages = stages(session);
        let best = best(&stages)?;
        return positive(format!("concurrency {}, the best stage", best.concurrency), best.throughput_per_s(), false);
    }
    let throughput = summary.item_throughput.or(summary.output_token_throughput);
    let load = match (&session.suite.load_stages, session.replay_speed(), session.plan.open_loop) {
        (Some(stages), ..) => format!("stages {stages}"),
        (None, Some(speed), _) => format!("{speed}x the speed of the trace"),
        (None, None, Some(open)) => format!("{} req/s offered", open.rate_per_s),
        (None, None, None) => format!("concurrency {}", session.plan.concurrency),
    };
    positive(load, throughput, true)
}

fn positive(load: String, throughput: Option<f64>, is_whole_run: bool) -> Option<(String, f64, bool)> {
    throughput.filter(|per_s| *per_s > 0.0 && per_s.is_finite()).map(|per_s| (load, per_s, is_whole_run))
}

/// Energy of the serving GPUs for each output token, or each item, of the run. Warm-ups and failed attempts count too,
/// because the energy includes them.
fn joules_per_unit(session: &Session, gpu: Result<&GpuReport, &str>) -> Result<f64, String> {
    let gpu = gpu.map_err(ToOwned::to_owned)?;
    if session.suite.task.generates() {
        return gpu.efficiency.as_ref().map(Efficiency::joules_per_output_token).map_err(Clone::clone);
    }
    if !matches!(gpu.scope, GpuScope::EndpointHost { .. }) {
        return Err(format!("it is not known which GPUs serve the endpoint: {}", gpu.scope.explanation()));
    }
    let joules = gpu.energy_j().filter(|joules| *joules > 0.0);
    let joules = joules.ok_or_else(|| "a GPU that served has no energy figure".to_owned())?;
    let items: u64 = session.records().filter_map(|record| record.work()).sum();
    if session.in_flight() > 0 {
        return Err("the items of requests in flight are not counted yet".to_owned());
    }
    if items == 0 {
        return Err("the run has no items".to_owned());
    }
    Ok(joules / items as f64)
}

#[cfg(test)]
mod tests;
