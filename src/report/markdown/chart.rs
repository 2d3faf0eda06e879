//! Bar charts in a code block.
//!
//! Block characters look the same wherever a report is read: on GitHub, in a pager, and in the dashboard. A Mermaid
//! chart would be source text outside GitHub.

use unicode_width::{UnicodeWidthChar, UnicodeWidthStr};

use crate::domain::load_timeline::{LoadPoint, LoadTimeline};
use crate::domain::metrics::SPEED;
use crate::domain::quantity::count;
use crate::domain::session::Session;
use crate::domain::sweep::{Stage, knee};
use crate::domain::text::sanitise_line;
use crate::domain::time::Nanos;
use crate::report::case::CaseView;
use crate::report::sweep_table::KNEE;

use super::escape::fenced;
use super::figures::figure;

/// Length of the longest bar in a chart with one panel, cells. The next constant is for two panels.
const BAR: usize = 36;
const HALF_BAR: usize = 20;
/// Width of a figure before its bar in a chart with two panels, cells.
const FIGURE: usize = 8;
/// Maximum width of a case's name, cells.
const NAME: usize = 26;
/// Maximum number of bars, because a suite may have thousands of cases.
const MOST_BARS: usize = 30;
/// Maximum number of rows in a chart over time.
const MOST_SPANS: usize = 24;
/// Block characters of one to seven eighths of a cell.
const EIGHTHS: [char; 7] = ['▏', '▎', '▍', '▌', '▋', '▊', '▉'];

/// Returns a chart with the mean speed of each case; `None` if fewer than two cases have a speed.
pub fn speeds(cases: &[CaseView<'_>]) -> Option<String> {
    let bars: Vec<(String, f64, String)> = cases
        .iter()
        .filter_map(|case| {
            let speed = case.figure(&SPEED)?;
            Some((name(&case.spec.name), speed, figure(Some(speed), 1, case.is_estimated())))
        })
        .collect();
    if bars.len() < 2 {
        return None;
    }
    let most = bars.iter().map(|b| b.1).fold(0.0, f64::max);
    let widest =
        |cell: fn(&(String, f64, String)) -> &str| bars.iter().map(|b| cell(b).width()).max().unwrap_or_default();
    let (names, figures) = (widest(|b| &b.0), widest(|b| &b.2));
    let mut lines = vec!["Speed per case, tok/s".to_owned(), String::new()];
    for (name, speed, shown) in bars.iter().take(MOST_BARS) {
        let pad = " ".repeat(names.saturating_sub(name.width()));
        lines.push(format!("{name}{pad}  {shown:>figures$} {}", bar(*speed, most, BAR)));
    }
    let more = bars.len().saturating_sub(MOST_BARS);
    if more > 0 {
        lines.push(format!("… and {}", count(more, "more case")));
    }
    Some(fenced(&lines.join("\n")))
}

/// Returns a chart of throughput and median TTFT by concurrency; `None` if fewer than two stages have a throughput.
pub fn sweep(stages: &[Stage]) -> Option<String> {
    let throughput = || stages.iter().filter_map(Stage::throughput_per_s);
    if throughput().count() < 2 {
        return None;
    }
    let most = throughput().fold(0.0, f64::max);
    let unit = stages.iter().find(|s| s.throughput_per_s().is_some()).map_or("tok/s", Stage::throughput_unit);
    let is_text = stages.iter().all(|stage| stage.items_per_s.is_none());
    let time_ms = |stage: &Stage| if is_text { stage.ttft_p50_ms } else { stage.latency_p50_ms };
    let time = if is_text { "TTFT p50, ms" } else { "Latency p50, ms" };
    let longest_ms = stages.iter().filter_map(time_ms).fold(0.0, f64::max);
    let knee = knee(stages);
    let panel = FIGURE + HALF_BAR + 3;
    let mut lines = vec![format!("{:>11}    {:<panel$}{time}", "Concurrency", format!("Throughput, {unit}"))];
    for (at, stage) in stages.iter().enumerate() {
        let mark = if knee == Some(at) { KNEE } else { ' ' };
        let throughput = labelled(stage.throughput_per_s(), most, stage.estimated);
        let pad = " ".repeat(panel.saturating_sub(throughput.width()));
        let ttft = labelled(time_ms(stage), longest_ms, false);
        lines.push(format!("{:>11} {mark}  {throughput}{pad}{ttft}", stage.concurrency));
    }
    if knee.is_some() {
        lines.extend([String::new(), format!("{KNEE} knee: beyond it, more load mostly adds waiting")]);
    }
    Some(fenced(&lines.join("\n")))
}

/// Returns a chart of throughput and mean TTFT over time for a load in stages, with a line at the start of each stage.
/// In an open loop, it also shows the mean queue. `None` with fewer than two time spans.
pub fn load_stages(session: &Session, end: Nanos) -> Option<String> {
    let points = LoadTimeline::from_session(session)?.points(MOST_SPANS, end);
    if points.len() < 2 {
        return None;
    }
    let most = |get: fn(&LoadPoint) -> Option<f64>| points.iter().filter_map(get).fold(0.0, f64::max);
    let (most_tokens, most_ms) = (most(|p| Some(p.throughput_per_s)), most(|p| p.ttft_ms));
    let panel = FIGURE + HALF_BAR + 3;
    let queue = if session.is_open_loop() { "Queue, ms" } else { "" };
    let (unit, is_text) = (session.suite.task.throughput_unit(), session.suite.task.generates());
    let ttft = if is_text { "Mean TTFT, ms" } else { "" };
    let head = format!("{:>8}  {:<panel$}{ttft:<panel$}{queue}", "Time, s", format!("Throughput, {unit}"));
    let mut lines = vec![head.trim_end().to_owned()];
    let began = session.began.unwrap_or_default();
    let starts = session.load_stage_starts().into_iter().map(|at| at.since(began).as_secs_f64());
    let mut stages = starts.zip(session.load_stages()).enumerate().peekable();
    for point in &points {
        while let Some((at, (_, stage))) = stages.next_if(|(_, (start_s, _))| *start_s < point.to_s) {
            lines.push(format!("── stage {}: {} ──", at + 1, stage.load));
        }
        let pad = |text: String| format!("{text}{}", " ".repeat(panel.saturating_sub(text.width())));
        let throughput = pad(labelled(Some(point.throughput_per_s), most_tokens, false));
        let ttft = if is_text { pad(labelled(point.ttft_ms, most_ms, false)) } else { String::new() };
        let queue = if session.is_open_loop() { figure(point.queue_ms, 1, false) } else { String::new() };
        lines.push(format!("{:>8.1}  {throughput}{ttft}{queue}", point.from_s).trim_end().to_owned());
    }
    Some(fenced(&lines.join("\n")))
}

/// Returns a figure with its bar; a dash for a missing figure.
fn labelled(value: Option<f64>, most: f64, estimated: bool) -> String {
    let shown = figure(value, 1, estimated);
    let bar = value.map_or_else(String::new, |value| bar(value, most, HALF_BAR));
    format!("{shown:>FIGURE$} {bar}")
}

/// Returns a bar with a resolution of an eighth of a cell. A value of `most` fills all cells.
fn bar(value: f64, most: f64, cells: usize) -> String {
    let share = if most > 0.0 { (value / most).clamp(0.0, 1.0) } else { 0.0 };
    let eighths = (share * cells as f64 * 8.0).round() as usize;
    let rest = (eighths % 8).checked_sub(1).and_then(|at| EIGHTHS.get(at));
    let full = "█".repeat(eighths / 8);
    if eighths == 0 { EIGHTHS.iter().take(1).collect() } else { full.chars().chain(rest.copied()).collect() }
}

/// Cuts a name to at most [`NAME`] cells.
fn name(text: &str) -> String {
    let text = sanitise_line(text).split_whitespace().collect::<Vec<_>>().join(" ");
    if text.width() <= NAME {
        return text;
    }
    let mut used = 0;
    let fits = |c: &char| {
        used += c.width().unwrap_or_default();
        used < NAME
    };
    text.chars().take_while(fits).chain(['…']).collect()
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::domain::session::Plan;
    use crate::domain::sweep::testing::bent;
    use crate::report::case::cases;
    use crate::report::fixture::{answer, run, staged_session, suite};

    #[test]
    fn bars_begin_at_zero_and_end_at_an_eighth_of_a_cell() {
        assert_eq!([8.0, 4.0, 1.0, 0.5].map(|v| bar(v, 8.0, 4)), ["████", "██", "▌", "▎"]);
        // Even the smallest value has a visible bar.
        assert_eq!((bar(0.0, 8.0, 4), bar(1.0, 0.0, 4)), ("▏".into(), "▏".into()));
    }

    #[test]
    fn each_case_has_a_bar_beside_its_name() {
        let long = "A name that is longer than its column";
        let session = run(suite(&["a", "語", long]), Plan::default(), |id, now| {
            Some(answer(id, now, if id.case == 1 { 2000 } else { 1000 }, 10, 100))
        });
        insta::assert_snapshot!(speeds(&cases(&session)).unwrap());
        assert_eq!(speeds(&cases(&session)[..1]), None);
    }

    #[test]
    fn a_chart_of_many_cases_has_thirty_bars() {
        let names: Vec<String> = (0..33).map(|n| n.to_string()).collect();
        let names: Vec<&str> = names.iter().map(String::as_str).collect();
        let session = run(suite(&names), Plan::default(), |id, now| Some(answer(id, now, 1000, 10, 20)));
        let chart = speeds(&cases(&session)).unwrap();
        assert_eq!((chart.matches('█').count(), chart.lines().count()), (30 * BAR, 35));
        assert!(chart.contains("\n… and 3 more cases\n"), "{chart}");
    }

    #[test]
    fn a_load_in_stages_has_a_chart_over_time() {
        let session = staged_session();
        let end = session.last_ended.unwrap();
        let chart = load_stages(&session, end).unwrap();
        insta::assert_snapshot!(chart);
        let rows = chart.lines().filter(|line| line.trim_start().starts_with(|c: char| c.is_ascii_digit())).count();
        assert!((2..=MOST_SPANS).contains(&rows), "{chart}");
        let row = |text: &str| chart.lines().position(|line| line.contains(text)).unwrap();
        assert!(row("stage 1: 1") < row("stage 2: 3"), "{chart}");
    }

    #[test]
    fn stages_show_throughput_and_ttft_side_by_side() {
        insta::assert_snapshot!(sweep(&bent()).unwrap());
        assert_eq!(sweep(&bent()[..1]), None);
    }
}
