//! A race: the two sides live side by side, the differences with their intervals, and how these narrowed.

mod interval_bar;
mod lane;

use ratatui::Frame;
use ratatui::layout::Rect;
use ratatui::style::Style;
use ratatui::text::Span;

use self::interval_bar::IntervalBar;
use self::lane::Lane;
use crate::app::pane::PaneId;
use crate::app::state::Scene;
use crate::domain::metrics::{Metric, Unit};
use crate::domain::race::Side;
use crate::domain::race_results::{IntervalAt, RaceDifference, RaceVerdict};
use crate::domain::session::RaceState;
use crate::ui::pane::About;
use crate::ui::view::View;
use crate::ui::{fit, number, pane};

/// Cells between the two lanes.
const GUTTER: u16 = 2;
/// Minimum rows of a lane: name, figures and scope.
const LEAST_LANE: u16 = 3;
/// Maximum rows of a lane beside a chart of the intervals.
const MOST_LANE: u16 = 14;
/// Rows of the differences: heading and metrics.
const TABLE: u16 = 5;
/// Minimum rows of the chart: its heading and three intervals.
const LEAST_CHART: u16 = 4;
/// Maximum rows of the chart.
const MOST_CHART: u16 = 12;
/// Width of a metric's name, of a value, of a difference, of an interval, and of a verdict, cells.
const NAME: usize = 12;
const VALUE: usize = 11;
const DIFFERENCE: usize = 9;
const INTERVAL: usize = 17;
const VERDICT: usize = 16;
/// Minimum width of the bar of an interval, cells.
const LEAST_BAR: usize = 9;

/// Whether the run is a race.
pub fn is_shown(scene: &Scene) -> bool {
    scene.session.race().is_some()
}

/// Draws the pane.
pub fn draw(frame: &mut Frame<'_>, area: Rect, view: &View<'_>) {
    let Some(race) = view.scene().session.race() else { return };
    let about = about(view.scene(), race);
    let area = pane::rule(frame, area, view, PaneId::Latency, About::Words(&about), Vec::new());
    let table = table(view, race, usize::from(area.width));
    let below = TABLE.min(area.height);
    let room = area.height - below;
    let chart = if room >= MOST_LANE + LEAST_CHART { (room - MOST_LANE).min(MOST_CHART) } else { 0 };
    let lanes = room - chart;
    if lanes >= LEAST_LANE {
        let width = area.width.saturating_sub(GUTTER) / 2;
        for side in Side::BOTH {
            let x = area.x + (width + GUTTER) * side.index() as u16;
            // An empty row parts the lanes from the table where there is room.
            let height = if lanes > LEAST_LANE { lanes - 1 } else { lanes };
            Lane::new(view.scene(), race, side).draw(frame, Rect { x, width, height, ..area }, view);
        }
    }
    let top = if lanes >= LEAST_LANE { lanes } else { 0 };
    let differences = Rect { y: area.y + top, height: area.height - top, ..area };
    for (at, row) in (0..).zip(table) {
        pane::line(frame, differences, at, row);
    }
    if chart > 0 {
        let area = Rect { y: area.y + top + TABLE, height: chart, ..area };
        draw_history(frame, area, view, race);
    }
}

/// Progress and state: `race · block 12 of at most 100 · one request at a time`.
fn about(scene: &Scene, race: &RaceState) -> String {
    let (blocks, most) = (race.tally.blocks(), scene.session.plan.repeat);
    let state = if race.tally.is_decided(&race.settings) {
        format!("decided after {blocks} blocks")
    } else {
        format!("block {blocks} of at most {most}")
    };
    let order = if race.settings.takes_turns { "one request at a time" } else { "both sides at once" };
    format!("race · {state} · {order}")
}

fn sign(view: &View<'_>, verdict: RaceVerdict) -> (&'static str, Style) {
    match verdict {
        RaceVerdict::A | RaceVerdict::B => ("✓", view.theme.good()),
        RaceVerdict::NoDifference => ("≈", view.theme.value()),
        RaceVerdict::Undecided => ("?", view.theme.warning()),
    }
}

/// The heading and a row for each metric, as wide as the pane allows.
fn table(view: &View<'_>, race: &RaceState, width: usize) -> Vec<Vec<Span<'static>>> {
    let theme = view.theme;
    let (mut room, mut columns) = (width.saturating_sub(NAME + DIFFERENCE + VERDICT), [false; 3]);
    for (shown, needed) in columns.iter_mut().zip([INTERVAL, 2 * VALUE, LEAST_BAR + 2]) {
        *shown = room >= needed;
        room -= if *shown { needed } else { 0 };
    }
    let [has_interval, has_values, has_bar] = columns;
    let bar_width = LEAST_BAR + room;
    let mut heading = fit::left("", NAME);
    if has_values {
        heading += &(fit::right("A", VALUE) + &fit::right("B", VALUE));
    }
    heading += &fit::right("B − A", DIFFERENCE);
    if has_interval {
        heading += &fit::right("interval", INTERVAL);
    }
    let mut rows = vec![vec![Span::styled(heading, theme.muted())]];
    let differences = race.tally.differences(&race.settings);
    if differences.is_empty() {
        rows.push(vec![Span::styled("The first block is not complete yet.", theme.muted())]);
    }
    let bar = IntervalBar::new(&race.settings, &differences, bar_width);
    for difference in &differences {
        let metric = difference.metric;
        let mut spans = vec![Span::styled(fit::left(difference.label(), NAME), theme.text())];
        if has_values {
            let values = difference.means.map(|value| fit::right(&value_of(metric, value), VALUE));
            spans.extend(values.into_iter().enumerate().map(|(side, text)| Span::styled(text, theme.series(side))));
        }
        let percent = format!("{:+.1}%", difference.percent());
        spans.push(Span::styled(fit::right(&percent, DIFFERENCE), theme.value()));
        if has_interval {
            spans.push(Span::styled(fit::right(&interval_of(difference), INTERVAL), theme.text()));
        }
        let (sign, style) = sign(view, difference.verdict);
        if has_bar {
            spans.push(Span::raw("  "));
            spans.extend(bar.spans(difference.interval, Some(difference), style, theme));
        }
        let verdict = format!("  {sign} {}", difference.verdict.in_words());
        spans.push(Span::styled(fit::left(&verdict, VERDICT), style));
        rows.push(spans);
    }
    rows
}

fn value_of(metric: &Metric, value: f64) -> String {
    if metric.unit == Unit::Milliseconds { number::millis(Some(value)) } else { number::rate(Some(value)) }
}

fn interval_of(difference: &RaceDifference) -> String {
    let ends = difference.interval_percent();
    ends.map_or_else(|| number::UNKNOWN.to_owned(), |[low, high]| format!("{low:+.1} to {high:+.1}%"))
}

/// How the interval of the first metric without a verdict narrowed: a row for some of the blocks, the last one below. With a
/// verdict on all of them, that of the first metric.
fn draw_history(frame: &mut Frame<'_>, area: Rect, view: &View<'_>, race: &RaceState) {
    let differences = race.tally.differences(&race.settings);
    let open = differences.iter().find(|d| d.verdict == RaceVerdict::Undecided && d.interval.is_some());
    let Some(shown) = open.or_else(|| differences.iter().find(|d| d.interval.is_some())) else { return };
    let history = race.tally.history(shown.metric);
    let rows = usize::from(area.height - 1).min(history.len());
    let bar = IntervalBar::new(&race.settings, &differences, usize::from(area.width).saturating_sub(NAME + 2));
    let heading = format!("{} of B − A by block, ±{}% is no difference", shown.label(), race.settings.margin_percent);
    pane::line(frame, area, 0, Span::styled(fit::cut(&heading, usize::from(area.width)), view.theme.muted()));
    let picked = (0..rows).filter_map(|row| history.get((history.len() * (row + 1)).div_ceil(rows) - 1));
    for (row, IntervalAt { block, interval }) in (1..).zip(picked) {
        let name = fit::right(&format!("block {block}"), NAME);
        let mut spans = vec![Span::styled(name, view.theme.muted()), Span::raw("  ")];
        spans.extend(bar.spans(Some(*interval), None, view.theme.accent(), view.theme));
        pane::line(frame, area, row, spans);
    }
}

#[cfg(test)]
mod tests;
