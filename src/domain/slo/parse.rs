//! Parsing of thresholds like `ttft_p95<500ms`.

use std::str::FromStr;

use super::{Comparison, RunFigure, Slo, SloUnit, Stat, Subject, alias};
use crate::domain::metrics::{Metric, with_thresholds};
use crate::domain::text::sanitise_line;

/// Names of the figures of the run. `goodput` names two figures; the unit of the threshold chooses one.
const RUN_FIGURES: [(&str, RunFigure); 7] = [
    ("error_rate", RunFigure::ErrorRate),
    ("goodput", RunFigure::Goodput),
    ("throughput", RunFigure::Throughput),
    ("item_throughput", RunFigure::ItemRate),
    ("input_throughput", RunFigure::InputRate),
    ("requests", RunFigure::RequestRate),
    ("pass_rate", RunFigure::PassRate),
];
/// Minimum Jaro-Winkler similarity, 0 to 1, for a suggestion.
const MIN_SIMILARITY: f64 = 0.75;

/// Reason why a threshold is invalid, for display.
#[derive(Clone, Debug, PartialEq, Eq, thiserror::Error)]
#[error("{0}")]
pub struct InvalidSlo(String);

impl FromStr for Slo {
    type Err = InvalidSlo;

    fn from_str(written: &str) -> Result<Self, InvalidSlo> {
        let text: String = written.chars().filter(|c| !c.is_whitespace()).collect();
        let shown = sanitise_line(&text);
        let failed = |why: String| InvalidSlo(format!("'{shown}': {why}"));
        let Some((name, rest)) = text.find(['<', '>']).map(|at| text.split_at(at)) else {
            return Err(failed("a threshold is a figure, < or >, and a value, like ttft_p95<500ms".to_owned()));
        };
        let (comparison, value) = comparison(rest);
        let (subject, unit) = subject(name).map_err(&failed)?;
        let slo = Self { subject, comparison, threshold: 0.0, text: text.clone() };
        let (threshold, subject) = threshold(&slo, value, unit).map_err(&failed)?;
        Ok(Self { subject, threshold, ..slo })
    }
}

impl TryFrom<String> for Slo {
    type Error = InvalidSlo;

    fn try_from(written: String) -> Result<Self, InvalidSlo> {
        written.parse()
    }
}

impl From<Slo> for String {
    fn from(slo: Slo) -> Self {
        slo.text
    }
}

fn comparison(rest: &str) -> (Comparison, &str) {
    let signs =
        [("<=", Comparison::AtMost), (">=", Comparison::AtLeast), ("<", Comparison::Below), (">", Comparison::Above)];
    let found = signs.iter().find_map(|(sign, comparison)| Some((*comparison, rest.strip_prefix(sign)?)));
    found.unwrap_or((Comparison::Below, rest))
}

/// Returns the figure that a name means, as in a threshold.
///
/// # Errors
///
/// If there is no such figure, with a suggestion.
pub fn figure_by_name(name: &str) -> Result<Subject, String> {
    subject(name).map(|(subject, _unit)| subject)
}

/// Returns the figure that a name means, and the unit at its end, as in vLLM's `p99_ttft_ms` or `AIPerf`'s
/// `request_latency_p95`.
fn subject(name: &str) -> Result<(Subject, Option<&'static str>), String> {
    let lower = name.to_lowercase();
    let units = ["_ms", "_s"].map(|unit| Some((lower.strip_suffix(unit)?, unit.trim_start_matches('_'))));
    let (plain, unit) = units.into_iter().flatten().next().map_or((lower.as_str(), None), |(n, u)| (n, Some(u)));
    if let Some((_, figure)) = RUN_FIGURES.iter().find(|(n, _)| *n == alias::run_figure(&lower)) {
        return Ok((Subject::Run(*figure), None));
    }
    let figure_and_statistic = |figure: &str, statistic: &str| {
        let metric = request_metric(figure)?;
        let statistic = alias::statistic(statistic);
        Some(Subject::Requests(metric, *Stat::ALL.iter().find(|s| s.as_str() == statistic)?))
    };
    let named = plain.rsplit_once('_').and_then(|(figure, statistic)| figure_and_statistic(figure, statistic));
    let reversed = || plain.split_once('_').and_then(|(statistic, figure)| figure_and_statistic(figure, statistic));
    match named.or_else(reversed) {
        Some(subject) => Ok((subject, unit)),
        None => Err(unknown(name, plain)),
    }
}

/// Finds a metric by tokscope's name or an alias.
fn request_metric(name: &str) -> Option<&'static Metric> {
    let mut all = with_thresholds();
    all.find(|(_, names)| names.name == name || names.aliases.contains(&name)).map(|(metric, _)| metric)
}

/// Explains an unknown name, and suggests a known one.
fn unknown(name: &str, plain: &str) -> String {
    let figures: Vec<&str> = with_thresholds().map(|(_, names)| names.name).collect();
    if request_metric(plain).is_some() {
        return format!("'{plain}' needs a statistic, like {plain}_p95");
    }
    let shown = sanitise_line(name);
    if let Some(hint) = alias::hint(plain) {
        return format!("unknown figure '{shown}': {hint}");
    }
    let of_requests = figures.iter().flat_map(|f| Stat::ALL.iter().map(move |s| format!("{f}_{}", s.as_str())));
    let mut scored: Vec<(f64, String)> = of_requests
        .chain(RUN_FIGURES.iter().map(|(name, _)| (*name).to_owned()))
        .map(|known| (strsim::jaro_winkler(plain, &known), known))
        .collect();
    scored.sort_by(|a, b| b.0.total_cmp(&a.0));
    match scored.first() {
        Some((score, near)) if *score >= MIN_SIMILARITY => format!("unknown figure '{shown}'; did you mean '{near}'?"),
        _ => {
            let stats: Vec<&str> = Stat::ALL.iter().map(|s| s.as_str()).collect();
            let run: Vec<&str> = RUN_FIGURES.iter().map(|(name, _)| *name).collect();
            format!(
                "unknown figure '{shown}'; use one of {}, each with _{}, or {}",
                figures.join(", "),
                stats.join(" _"),
                run.join(", ")
            )
        }
    }
}

/// Reads the threshold in the figure's unit, and returns it with the figure. `named` is the unit in the figure's name.
/// The unit `%` selects the share for goodput.
fn threshold(slo: &Slo, value: &str, named: Option<&str>) -> Result<(f64, Subject), String> {
    let unit_at = value.find(|c: char| !(c.is_ascii_digit() || c == '.')).unwrap_or(value.len());
    let (number, unit) = value.split_at(unit_at);
    let unit = if unit.is_empty() { named.unwrap_or_default() } else { unit };
    let shown = sanitise_line(value);
    let number: f64 =
        number.parse().map_err(|_bad| format!("'{shown}' is not a value; write a number with its unit, like 500ms"))?;
    let subject = match (slo.subject, unit) {
        (Subject::Run(RunFigure::Goodput), "%") => Subject::Run(RunFigure::GoodShare),
        (subject, _) => subject,
    };
    let expected = Slo { subject, ..slo.clone() }.unit();
    let factor = match (expected, unit) {
        (SloUnit::Milliseconds, "s") => Some(1000.0),
        (SloUnit::Milliseconds, "us" | "µs" | "μs") => Some(0.001),
        (SloUnit::Milliseconds, "ms")
        | (SloUnit::Percent, "%")
        | (SloUnit::Tokens, "tokens" | "tok" | "")
        | (SloUnit::TokensPerSecond, "tok/s" | "t/s" | "")
        | (SloUnit::ItemsPerSecond, "items/s" | "/s" | "")
        | (SloUnit::RequestsPerSecond, "req/s" | "/s" | "") => Some(1.0),
        _ => None,
    };
    let Some(factor) = factor else {
        let wanted = match expected {
            SloUnit::Milliseconds => "ms or s",
            other => other.as_str(),
        };
        return Err(format!("'{shown}' must be in {wanted}"));
    };
    Ok((number * factor, subject))
}
