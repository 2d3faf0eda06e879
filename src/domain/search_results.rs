//! Results of a search for the largest load: each probe, and the limit in one sentence.

use std::sync::Arc;

use super::load_search::{ProbeFigure, ProbeVerdict, SearchLoad, SearchOutcome, SearchVariable, judge};
use super::probe_window::ProbeWindow;
use super::quantity::count;
use super::session::{Probe, Session};
use super::slo::Slo;
use super::sweep::Stage;
use super::tally::Tally;

/// Result of a probe: figures of its steady part and of those of earlier probes at the same load.
#[derive(Clone, Debug)]
pub struct ProbeResult {
    /// The probe.
    pub probe: Probe,
    /// Figures of the thresholds, in the order of the suite.
    pub figures: Vec<ProbeFigure>,
    /// Other figures. The concurrency is that of the probe, or 0 for a rate.
    pub stage: Stage,
    /// Requests per second that met every threshold; `None` without a threshold on single requests.
    pub goodput_per_s: Option<f64>,
    /// Length of the steady parts, seconds.
    pub seconds: f64,
}

impl ProbeResult {
    /// Creates the result of the probe with this index; `None` if the probe has no steady part.
    pub fn new(session: &Session, at: usize) -> Option<Self> {
        let search = session.search()?;
        let probe = *search.probes.get(at)?;
        let ProbeWindow { records, seconds, throughput_per_s } = session.probe_evidence(at)?;
        let tally = Tally::from_records(session, records.iter().map(Arc::clone));
        let concurrency = match search.settings.variable {
            SearchVariable::Concurrency => probe.load.0 as usize,
            SearchVariable::Rate => 0,
        };
        let stage = Stage {
            requests_per_s: Some(tally.ok as f64 / seconds),
            ..Stage::from_tally(concurrency, &tally, session)
        }
        .with_throughput(throughput_per_s);
        let goodput_per_s = tally.good.filter(|_| tally.judged() > 0).map(|good| good as f64 / seconds);
        Some(Self { probe, figures: judge(session.slos(), &records), stage, goodput_per_s, seconds })
    }

    /// Describes the threshold that decided the verdict: the first failed one, or else the first undecided one.
    pub fn deciding(&self, slos: &[Slo]) -> Option<String> {
        let of = |verdict| self.figures.iter().zip(slos).find(|(figure, _)| figure.verdict == verdict);
        let (figure, slo) = of(ProbeVerdict::Fail).or_else(|| of(ProbeVerdict::Undecided))?;
        let failed = self.stage.requests - self.stage.ok;
        let is_met = figure.value.is_some_and(|value| slo.comparison.holds(value, slo.threshold));
        Some(match figure.value {
            Some(value) if !is_met || failed == 0 => format!("{} is {}", slo.name(), slo.with_unit(value)),
            _ => format!("{failed} of {} failed", count(self.stage.requests, "request")),
        })
    }
}

/// Result of a search.
#[derive(Clone, Debug)]
pub struct SearchResult {
    /// Probes with a steady part, in their order.
    pub probes: Vec<ProbeResult>,
    /// Limit found by the search.
    pub outcome: SearchOutcome,
    /// The result in one sentence, with its full stop.
    pub sentence: String,
}

impl SearchResult {
    /// Returns the result of a session's search so far; `None` without a search.
    pub fn from_session(session: &Session) -> Option<Self> {
        let probes = (0..session.search()?.probes.len()).filter_map(|at| ProbeResult::new(session, at)).collect();
        Self::from_probes(session, probes)
    }

    /// Returns the result of a session's search so far, from the results of its probes; `None` without a search.
    pub fn from_probes(session: &Session, probes: Vec<ProbeResult>) -> Option<Self> {
        let outcome = session.search()?.outcome();
        let mut result = Self { probes, outcome, sentence: String::new() };
        result.sentence = result.describe(session)?;
        Some(result)
    }

    /// Returns the last probe at a load with this verdict.
    fn probe_at(&self, load: SearchLoad, verdict: ProbeVerdict) -> Option<&ProbeResult> {
        self.probes.iter().rfind(|result| result.probe.load == load && result.probe.verdict == verdict)
    }

    /// Returns the probe at the limit.
    pub fn at_limit(&self) -> Option<&ProbeResult> {
        self.probe_at(self.outcome.last_pass?, ProbeVerdict::Pass)
    }

    fn describe(&self, session: &Session) -> Option<String> {
        let (settings, slos) = (session.search()?.settings, session.slos());
        let SearchOutcome { last_pass, first_fail, undecided, estimate, is_complete } = &self.outcome;
        let users = |load: SearchLoad| match (settings.variable, load.0) {
            (SearchVariable::Concurrency, 1) => "1 concurrent user".to_owned(),
            (SearchVariable::Concurrency, n) => format!("{n} concurrent users"),
            (SearchVariable::Rate, _) => format!("{} requests/s", settings.number(load)),
        };
        let promise = slos.iter().map(ToString::to_string).collect::<Vec<_>>().join(" and ");
        let verb = if *is_complete { "Holds" } else { "So far holds" };
        let goodput = self.at_limit().and_then(|limit| limit.goodput_per_s);
        let goodput = goodput.map_or_else(String::new, |goodput| format!(", with a goodput of {goodput:.1} req/s"));
        let why = first_fail.and_then(|load| {
            let why = self.probe_at(load, ProbeVerdict::Fail)?.deciding(slos)?;
            Some((settings.number(load), why))
        });
        let open = match undecided.as_slice() {
            [] => String::new(),
            loads => {
                let loads: Vec<String> = loads.iter().map(|load| settings.number(*load)).collect();
                let estimate = estimate.map(|load| settings.number(load));
                let estimate = estimate.map_or_else(String::new, |load| format!(" (best estimate {load})"));
                format!("; undecided at {}{estimate}", loads.join(", "))
            }
        };
        Some(match (last_pass, first_fail) {
            (Some(pass), _) => {
                let beyond = match why {
                    Some((at, why)) => format!("; at {at}, {why}"),
                    None if *pass == settings.max => ", the maximum of the search".to_owned(),
                    None => String::new(),
                };
                format!("{verb} {} within {promise}{goodput}{beyond}{open}.", users(*pass))
            }
            (None, Some(fail)) => {
                let why = why.map_or_else(String::new, |(_, why)| format!(": {why}"));
                let verb = if *is_complete { "Holds no load" } else { "So far holds no load" };
                format!("{verb} within {promise}; {} {} too many{why}{open}.", users(*fail), be(*fail))
            }
            (None, None) if self.probes.is_empty() => "No probe of the search has ended.".to_owned(),
            (None, None) => format!("The search found no load that is certain to meet {promise}{open}."),
        })
    }
}

/// Returns the verb after a load: `is` or `are`.
const fn be(load: SearchLoad) -> &'static str {
    if load.0 == 1 { "is" } else { "are" }
}
