//! What servers call their own gauges, on pages in Prometheus' format.
//!
//! vLLM, SGLang, TensorRT-LLM and LMDeploy tell shares as 0 to 1; counters have an instance for each engine and model, which
//! are added up; shares are never added. Names come with `:` or `_` behind the prefix, counters with and without `_total`.

mod dialects;
#[cfg(test)]
mod tests;

use std::collections::BTreeMap;
use std::fmt::Write;

use dialects::DIALECTS;

use super::prometheus::{Sample, samples};
use crate::domain::server_gauges::{Meter, ServerGauges};

/// Where servers keep the page, below the root of the host, in the order to ask.
pub const PATHS: &[&str] = &["/metrics", "/prometheus/metrics", "/v1/metrics"];

/// What tells apart the processes of one engine, each of which may tell of the whole engine, and the parts of a whole that
/// stands there, too.
const OF_ONE_ENGINE: [&str; 5] = ["tp_rank", "pp_rank", "moe_ep_rank", "pid", "priority"];

/// How the instances of a metric become one figure.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
enum Combine {
    /// Added up.
    Sum,
    /// Added up over all of these names.
    Parts,
    /// Added up over the engines, of each of which the highest counts: its ranks tell the same, and no part is more than the
    /// whole.
    Engines,
    /// A share from 0 to 1: the highest, in percent.
    Share,
}

type Row = (Meter, Combine, &'static [&'static str]);

/// One server's names.
#[derive(Debug)]
struct Dialect {
    kind: &'static str,
    /// How a look disturbs it.
    warning: Option<&'static str>,
    /// Of several names, newer ones first; the first that is there counts. One may say what a label must be, like
    /// `tokens{mode=decode}`.
    rows: &'static [Row],
}

/// What a page tells.
#[derive(Clone, Copy, Debug, PartialEq)]
pub struct ServerPage {
    /// Whose names these are.
    pub kind: &'static str,
    /// How looking disturbs that server.
    pub warning: Option<&'static str>,
    /// The figures.
    pub gauges: ServerGauges,
}

/// Reads a page; `None` where it has no figure of any server that is known.
pub fn read(page: &str) -> Option<ServerPage> {
    let of = |dialect: &Dialect| {
        let gauges = dialect.read(page);
        ServerPage { kind: dialect.kind, warning: dialect.warning, gauges }
    };
    // A proxy or a front end may show some of another's names: the one that is told the most of is the one.
    let told = DIALECTS.iter().map(of).max_by_key(|told| told.gauges.known_count())?;
    (told.gauges.known_count() > 0).then_some(told)
}

impl Dialect {
    fn read(&self, page: &str) -> ServerGauges {
        let mut found: Vec<Found> = self.rows.iter().map(|_| Found::default()).collect();
        for sample in samples(page).filter(|s| s.value.is_finite()) {
            for ((_, how, names), found) in self.rows.iter().zip(&mut found) {
                if let Some(rank) = names.iter().position(|name| is_called(&sample, name)) {
                    found.take(*how, rank, &sample);
                }
            }
        }
        let mut gauges = ServerGauges::default();
        for ((meter, how, _), found) in self.rows.iter().zip(found) {
            // Beyond all numbers together is no figure either.
            if let Some(value) = found.value(*how).filter(|value| value.is_finite()) {
                gauges.set(*meter, value);
            }
        }
        gauges
    }
}

/// What a page tells for one row.
#[derive(Default)]
struct Found {
    /// The place of its name in the list.
    rank: usize,
    /// By engine, where those are told apart.
    values: BTreeMap<String, f64>,
}

impl Found {
    fn take(&mut self, how: Combine, rank: usize, sample: &Sample<'_>) {
        let rank = if how == Combine::Parts { 0 } else { rank };
        if !self.values.is_empty() && rank > self.rank {
            return;
        }
        if rank < self.rank {
            self.values.clear();
        }
        self.rank = rank;
        let key = if how == Combine::Engines { engine(sample) } else { String::new() };
        let joined = |one: f64| match how {
            Combine::Sum | Combine::Parts => one + sample.value,
            Combine::Engines | Combine::Share => one.max(sample.value),
        };
        self.values.entry(key).and_modify(|value| *value = joined(*value)).or_insert(sample.value);
    }

    fn value(&self, how: Combine) -> Option<f64> {
        let all = self.values.values().copied().reduce(|a, b| a + b)?;
        Some(if how == Combine::Share { all * 100.0 } else { all })
    }
}

/// What tells an engine from others on the page.
fn engine(sample: &Sample<'_>) -> String {
    let labels = sample.labels().filter(|(name, _)| !OF_ONE_ENGINE.contains(name));
    labels.fold(String::new(), |mut key, (name, value)| {
        let _never_fails = write!(key, "{name}={value:?},");
        key
    })
}

/// Whether a sample has that name, up to the sign behind the prefix and `_total` at the end, and that label if there is one.
fn is_called(sample: &Sample<'_>, name: &str) -> bool {
    let (name, label) = name.trim_end_matches('}').split_once('{').unwrap_or((name, ""));
    let told = sample.name.strip_suffix("_total").unwrap_or(sample.name);
    let is_name =
        told.len() == name.len() && told.bytes().zip(name.bytes()).all(|(a, b)| a == b || a == b':' && b == b'_');
    is_name && label.split_once('=').is_none_or(|(label, value)| sample.label(label).as_deref() == Some(value))
}
