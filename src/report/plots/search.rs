//! The search for the largest load: each probe, by load and in order.

use super::color::{FAILED, SECOND, THIRD, WAITING};
use crate::domain::load_search::{ProbeVerdict, SearchVariable};
use crate::domain::search_results::{ProbeResult, SearchResult};
use crate::domain::session::Session;
use crate::report::chart::{Axis, Chart, LegendEntry, Mark, Panel, Point, Shape, Stroke};

/// Maximum number of thresholds with a panel.
const MOST_SLOS: usize = 4;

/// Verdicts with their colour, shape and name.
const VERDICTS: [(ProbeVerdict, usize, Shape, &str); 3] = [
    (ProbeVerdict::Pass, THIRD, Shape::Circle, "pass"),
    (ProbeVerdict::Fail, FAILED, Shape::Cross, "fail"),
    (ProbeVerdict::Undecided, SECOND, Shape::Diamond, "undecided"),
];

/// Chart of a search; `None` without a probe.
pub fn search(session: &Session) -> Option<Chart> {
    let (search, result) = session.search().zip(SearchResult::from_session(session))?;
    let settings = search.settings;
    let load = |probe: &ProbeResult| settings.value(probe.probe.load);
    let name = match settings.variable {
        SearchVariable::Concurrency => "Requests in flight (concurrency)",
        SearchVariable::Rate => "Rate (requests/s)",
    };
    if result.probes.is_empty() {
        return None;
    }
    let x = Axis::of_loads(name, result.probes.iter().map(load));
    let limit = |label: &str| result.outcome.last_pass.map(|load| Mark::RuleX(settings.value(load), label.to_owned()));
    let mut panels: Vec<Panel> = Vec::new();
    for (at, slo) in session.slos().iter().take(MOST_SLOS).enumerate() {
        let points = |verdict: ProbeVerdict| {
            let of_verdict = result.probes.iter().filter(move |probe| probe.probe.verdict == verdict);
            of_verdict.filter_map(|probe| {
                let figure = probe.figures.get(at)?;
                let y = figure.value.filter(|value| value.is_finite())?;
                let title = format!("{}: {} is {}", settings.in_words(probe.probe.load), slo.name(), slo.with_unit(y));
                let interval = figure.interval.map(|ci| (ci.low, ci.high));
                Some(Point { x: load(probe), y, interval, tag: String::new(), title })
            })
        };
        let all: Vec<Point> = VERDICTS.iter().flat_map(|(verdict, ..)| points(*verdict)).collect();
        let ends = all.iter().flat_map(|p| p.interval.map_or([p.y, p.y], |(low, high)| [low, high]));
        let values: Vec<f64> = ends.chain([slo.threshold]).collect();
        if all.is_empty() {
            continue;
        }
        let marks = limit(if panels.is_empty() { "last pass" } else { "" })
            .into_iter()
            .chain([Mark::RuleY(slo.threshold, slo.to_string())]);
        let points =
            VERDICTS.map(|(verdict, color, shape, _)| Mark::Points { color, shape, points: points(verdict).collect() });
        let label = format!("{} ({})", slo.name(), slo.unit().as_str());
        panels.push(Panel {
            x: x.clone(),
            y: Axis::of_times(label, values),
            height: 150.0,
            marks: marks.chain(points).collect(),
        });
    }
    panels.push(order(&result, name, &load));
    Some(Chart {
        id: "search",
        title: "Search for the largest load".to_owned(),
        about: "Each point is a probe: the measured figure of a threshold with its 95% interval, over the load. The horizontal line is the threshold; a probe \
                passes or fails only if its interval lies on one side. The last panel has the loads in the order of the probes."
            .to_owned(),
        panels,
        legend: VERDICTS.iter().map(|(_, color, shape, name)| LegendEntry::shape(*color, *shape, *name)).collect(),
    })
}

/// The loads in the order of the probes.
fn order(result: &SearchResult, name: &str, load: &dyn Fn(&ProbeResult) -> f64) -> Panel {
    let probes = || result.probes.iter().enumerate().map(|(at, probe)| (at as f64 + 1.0, load(probe), probe));
    let line = probes().map(|(at, load, _)| Some((at, load))).collect();
    let points = |verdict: ProbeVerdict, word: &str| {
        let of_verdict = probes().filter(|(_, _, probe)| probe.probe.verdict == verdict);
        of_verdict
            .map(|(x, y, _)| Point { x, y, title: format!("probe {x}: {y} ({word})"), ..Point::default() })
            .collect()
    };
    let marks =
        VERDICTS.map(|(verdict, color, shape, word)| Mark::Points { color, shape, points: points(verdict, word) });
    let path = Mark::Line { color: WAITING, points: line, stroke: Stroke::Solid, name: String::new() };
    Panel {
        x: Axis::between("Probe", 0.5, result.probes.len() as f64 + 0.5),
        y: Axis::from_zero(name, probes().map(|probe| probe.1)),
        height: 120.0,
        marks: std::iter::once(path).chain(marks).collect(),
    }
}
