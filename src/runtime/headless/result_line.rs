//! Last line of a run without a dashboard: the result in a form for logs.

use std::path::Path;

use crate::domain::metrics::LATENCY;
use crate::domain::quantity::{ESTIMATED, Quantity, count, grouped};
use crate::domain::race_results::sentence;
use crate::domain::sweep::{best, stages};
use crate::domain::text::sanitise_line;
use crate::report::bottleneck::SystemFigures;
use crate::report::conclusion::Conclusion;
use crate::report::model::Report;
use crate::report::run_figures::FoundLoad;

/// Returns a line like `result: complete · 10/10 requests ok · Excellent · 112.9 tok/s · TTFT p50 95.1 ms · r.md`. The
/// speed is the mean over the answers. In a sweep, throughput and TTFT are those of the best stage.
pub fn result_line<'a>(report: &Report, is_interrupted: bool, files: impl Iterator<Item = &'a Path>) -> String {
    let session = &report.session;
    let conclusion = Conclusion::new(session, report.summary(), SystemFigures::from_report(report));
    let state = match (is_interrupted, conclusion.partial) {
        (true, _) => "interrupted",
        (false, true) => "partial",
        (false, false) => "complete",
    };
    let answered = grouped(session.requests_answered() as u64);
    let planned = session.requests_planned().map_or_else(String::new, |n| format!("/{}", grouped(n as u64)));
    let failed = session.attempts().filter(|attempt| attempt.is_failed()).count();
    let failed = (failed > 0).then(|| format!("{} failed", count(failed, "request")));
    let stages = stages(session);
    let figures = if let Some(race) = session.race() {
        [Some(sentence(&race.settings, &race.tally)), None, None]
    } else if let Some(found) = FoundLoad::from_session(session) {
        [Some(format!("largest load: {found}")), None, None]
    } else if let Some(best) = best(&stages) {
        let throughput = Quantity::new(best.throughput_per_s(), 1).estimated_if(best.estimated);
        let throughput = format!("{throughput} {} at concurrency {}", best.throughput_unit(), best.concurrency);
        let latency = latency(best.latency_p50_ms).filter(|_| best.items_per_s.is_some());
        [Some(throughput), ttft(best.ttft_p50_ms), latency]
    } else if let Some(items_per_s) = report.summary().item_throughput {
        let latency_ms = report.summary().stats(&LATENCY).map(|stats| stats.p50);
        [Some(format!("{items_per_s:.1} items/s")), latency(latency_ms), None]
    } else {
        let mark = if conclusion.estimated { ESTIMATED } else { "" };
        let speed = conclusion.speed.map(|speed| format!("{mark}{speed:.1} tok/s"));
        [conclusion.rating.as_ref().map(|(word, _)| (*word).to_owned()), speed, ttft(conclusion.ttft_p50_ms)]
    };
    let simulated = report.simulated.then(|| "SIMULATED".to_owned());
    let files = files.map(|path| path.display().to_string());
    let counts = [simulated, Some(format!("{answered}{planned} requests ok")), failed];
    let parts = counts.into_iter().chain(figures).flatten().chain(files);
    sanitise_line(&format!("result: {state} · {}", parts.collect::<Vec<_>>().join(" · ")))
}

fn latency(p50_ms: Option<f64>) -> Option<String> {
    p50_ms.map(|ms| format!("latency p50 {}", Quantity::from_millis(ms)))
}

fn ttft(p50_ms: Option<f64>) -> Option<String> {
    p50_ms.map(|ms| format!("TTFT p50 {}", Quantity::from_millis(ms)))
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::domain::session::Plan;
    use crate::report::fixture;

    #[test]
    fn the_line_has_state_counts_figures_and_files() {
        let plan = Plan { repeat: 2, ..Plan::default() };
        let session = fixture::run(fixture::suite(&["a", "b"]), plan, |id, now| match id.case {
            0 => Some(fixture::answer(id, now, 1000, 10, 120)),
            _ => Some(fixture::refusal(id, now, "busy")),
        });
        let report = fixture::report(session);
        let line = result_line(&report, false, [Path::new("r.md")].into_iter());
        let expected =
            "result: partial · 2/4 requests ok · 2 requests failed · Excellent · 120.0 tok/s · TTFT p50 100 ms · r.md";
        assert_eq!(line, expected);
        assert!(result_line(&report, true, std::iter::empty()).starts_with("result: interrupted · 2/4 requests ok"));
    }
}
