//! Parser for the metrics of inference servers, on pages in Prometheus' format.
//!
//! vLLM, SGLang, TensorRT-LLM and LMDeploy report shares from 0 to 1. Counters have one instance per engine and model;
//! the instances are added. Shares are never added. Names have `:` or `_` after the prefix, and counters come with and
//! without `_total`.

mod dialects;
#[cfg(test)]
mod tests;

use std::collections::BTreeMap;
use std::fmt::Write;

use dialects::DIALECTS;

use super::prometheus::{Sample, samples};
use crate::domain::server_gauges::{Meter, ServerGauges};

/// Paths of the metrics page below the root of the host, in the order to try.
pub const PATHS: &[&str] = &["/metrics", "/prometheus/metrics", "/v1/metrics"];

/// Labels that distinguish the processes of one engine, or the parts of a total. Such instances must not be added: each
/// process may report the whole engine, and the page has the total, too.
const WITHIN_ENGINE_LABELS: [&str; 5] = ["tp_rank", "pp_rank", "moe_ep_rank", "pid", "priority"];

/// Rule that combines the instances of a metric into one figure.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
enum Combine {
    /// Sum of all instances of the first name found.
    Sum,
    /// Sum over all listed names.
    Parts,
    /// Sum over engines, with the highest instance of each. The ranks of an engine report the same figure, and no part
    /// exceeds the total.
    Engines,
    /// Highest share, converted from 0–1 to percent.
    Share,
}

type Row = (Meter, Combine, &'static [&'static str]);

/// Metric names of one kind of server.
#[derive(Debug)]
struct Dialect {
    kind: &'static str,
    /// Side effect of reading the page, as a warning for the user.
    warning: Option<&'static str>,
    /// Meters and their metric names, newer names first. The first name on the page counts. A name may require a label,
    /// like `tokens{mode=decode}`.
    rows: &'static [Row],
}

/// Figures of one page.
#[derive(Clone, Copy, Debug, PartialEq)]
pub struct ServerPage {
    /// Kind of server that uses these names.
    pub kind: &'static str,
    /// Side effect of reading the page, as a warning for the user.
    pub warning: Option<&'static str>,
    /// The figures.
    pub gauges: ServerGauges,
}

/// Reads a page. Returns `None` if the page has no figures of a known server.
pub fn read(page: &str) -> Option<ServerPage> {
    let read_as = |dialect: &Dialect| {
        let gauges = dialect.read(page);
        ServerPage { kind: dialect.kind, warning: dialect.warning, gauges }
    };
    // Use the server with the most figures: a proxy or front end may print some names of another server.
    let best = DIALECTS.iter().map(read_as).max_by_key(|page| page.gauges.known_count())?;
    (best.gauges.known_count() > 0).then_some(best)
}

impl Dialect {
    fn read(&self, page: &str) -> ServerGauges {
        let mut found: Vec<Found> = self.rows.iter().map(|_| Found::default()).collect();
        for sample in samples(page).filter(|s| s.value.is_finite()) {
            for ((_, combine, names), found) in self.rows.iter().zip(&mut found) {
                if let Some(rank) = names.iter().position(|name| has_name(&sample, name)) {
                    found.add(*combine, rank, &sample);
                }
            }
        }
        let mut gauges = ServerGauges::default();
        for ((meter, combine, _), found) in self.rows.iter().zip(found) {
            // Drop infinity, which may result from adding finite instances.
            if let Some(value) = found.value(*combine).filter(|value| value.is_finite()) {
                gauges.set(*meter, value);
            }
        }
        gauges
    }
}

/// Instances found for one row.
#[derive(Default)]
struct Found {
    /// Rank of the metric name found, in the row's list of names.
    rank: usize,
    /// Values by engine if the row combines engines; otherwise one value with an empty key.
    values: BTreeMap<String, f64>,
}

impl Found {
    fn add(&mut self, combine: Combine, rank: usize, sample: &Sample<'_>) {
        let rank = if combine == Combine::Parts { 0 } else { rank };
        if !self.values.is_empty() && rank > self.rank {
            return;
        }
        if rank < self.rank {
            self.values.clear();
        }
        self.rank = rank;
        let key = if combine == Combine::Engines { engine_key(sample) } else { String::new() };
        let combined = |one: f64| match combine {
            Combine::Sum | Combine::Parts => one + sample.value,
            Combine::Engines | Combine::Share => one.max(sample.value),
        };
        self.values.entry(key).and_modify(|value| *value = combined(*value)).or_insert(sample.value);
    }

    fn value(&self, combine: Combine) -> Option<f64> {
        let all = self.values.values().copied().reduce(|a, b| a + b)?;
        Some(if combine == Combine::Share { all * 100.0 } else { all })
    }
}

/// Returns a key that identifies an engine on the page.
fn engine_key(sample: &Sample<'_>) -> String {
    let labels = sample.labels().filter(|(name, _)| !WITHIN_ENGINE_LABELS.contains(name));
    labels.fold(String::new(), |mut key, (name, value)| {
        let _never_fails = write!(key, "{name}={value:?},");
        key
    })
}

/// Returns whether a sample has this name and label. Accepts `:` after the prefix, and `_total` at the end.
fn has_name(sample: &Sample<'_>, name: &str) -> bool {
    let (name, label) = name.trim_end_matches('}').split_once('{').unwrap_or((name, ""));
    let printed = sample.name.strip_suffix("_total").unwrap_or(sample.name);
    let is_name =
        printed.len() == name.len() && printed.bytes().zip(name.bytes()).all(|(a, b)| a == b || a == b':' && b == b'_');
    is_name && label.split_once('=').is_none_or(|(label, value)| sample.label(label).as_deref() == Some(value))
}
