//! Values of options, and their limits.

use crate::domain::load_search::SearchVariable;
pub(crate) use crate::domain::load_stages::MAX_CONCURRENCY;
use crate::domain::load_stages::{MAX_RATE_PER_S, MIN_RATE_PER_S};
use crate::domain::open_loop::Process;
use crate::domain::row_order::Sample;

/// Maximum measured attempts per case.
pub(crate) const MAX_REPEAT: u32 = 100_000;
/// Maximum measured requests in all.
pub(crate) const MAX_REQUESTS: u32 = 10_000_000;
/// Maximum requests before the first measured one.
pub(crate) const MAX_WARMUP: u32 = 1000;

fn number(text: &str, from: f64, to: f64) -> Result<f64, String> {
    let value: f64 = text.parse().map_err(|_bad| format!("'{text}' is not a number"))?;
    if (from..=to).contains(&value) { Ok(value) } else { Err(format!("'{text}' is not between {from} and {to}")) }
}

pub(super) fn seconds(text: &str) -> Result<f64, String> {
    number(text, 0.001, 86_400.0)
}

pub(super) fn not_negative(text: &str) -> Result<f64, String> {
    number(text, 0.0, 600_000.0)
}

pub(super) fn rate(text: &str) -> Result<f64, String> {
    number(text, 0.1, 1_000_000.0)
}

pub(super) fn speed(text: &str) -> Result<f64, String> {
    number(text, 0.01, 10_000.0)
}

/// An amount of money above 0.
pub(super) fn price(text: &str) -> Result<f64, String> {
    number(text, 0.000_001, 1e9)
}

pub(super) fn request_rate(text: &str) -> Result<f64, String> {
    number(text, MIN_RATE_PER_S, MAX_RATE_PER_S)
}

pub(super) fn burstiness(text: &str) -> Result<f64, String> {
    number(text, 0.01, 1000.0)
}

pub(super) fn pause_s(text: &str) -> Result<f64, String> {
    number(text, 0.0, 3600.0)
}

pub(super) fn margin(text: &str) -> Result<f64, String> {
    number(text, 0.1, 100.0)
}

pub(super) fn search_variable(text: &str) -> Result<SearchVariable, String> {
    SearchVariable::by_name(text).ok_or_else(|| "use concurrency or rate".to_owned())
}

pub(super) fn process(text: &str) -> Result<Process, String> {
    let known = [Process::Poisson, Process::Constant];
    known.into_iter().find(|p| p.as_str() == text).ok_or_else(|| "use poisson or constant".to_owned())
}

pub(super) fn sample(text: &str) -> Result<Sample, String> {
    Sample::by_name(text).ok_or_else(|| "use ordered, shuffled or replace".to_owned())
}

/// Ascending concurrencies of a sweep.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Sweep(pub Vec<usize>);

pub(super) fn sweep(text: &str) -> Result<Sweep, String> {
    let number = |part: &str| {
        let n = part.trim().parse::<usize>().ok().filter(|n| (1..=MAX_CONCURRENCY as usize).contains(n));
        n.ok_or_else(|| format!("'{}' is not a concurrency from 1 to {MAX_CONCURRENCY}", part.trim()))
    };
    let stages = text.split(',').map(number).collect::<Result<Vec<_>, _>>()?;
    if stages.windows(2).any(|w| w[0] >= w[1]) {
        return Err("concurrencies must ascend, like 1,2,4,8".to_owned());
    }
    Ok(Sweep(stages))
}

pub(super) fn share(text: &str) -> Result<f64, String> {
    number(text, 0.0, 1.0)
}
