//! Latency: the TTFT of the selected case among all cases, and the gaps between its token events.

use std::rc::Rc;
use std::sync::Arc;

use ratatui::Frame;
use ratatui::layout::Rect;
use ratatui::text::{Line, Span};

use crate::app::pane::PaneId;
use crate::app::state::Scene;
use crate::domain::attempt::AttemptRecord;
use crate::domain::live::InFlight;
use crate::domain::metrics::{LATENCY, Metric, TTFT};
use crate::domain::prefix_cache::PrefixCache;
use crate::domain::session::AttemptState;
use crate::domain::statistics::{needed_for, percentile};
use crate::domain::task::Task;
use crate::domain::text::sanitise_line;
use crate::ui::cache::ReportedTtft;
use crate::ui::pane::{About, depths, load, models, race};
use crate::ui::view::View;
use crate::ui::widget::histogram::{Histogram, range};
use crate::ui::widget::wrap::wrap;
use crate::ui::{fit, number, pane};

/// Maximum number of gaps in the histogram. Of a longer answer, only the last gaps count.
const MAX_GAPS: usize = 4096;
/// Minimum of the histogram's scale, milliseconds. Shorter gaps count in the first column.
const MIN_GAP_MS: f64 = 0.1;

/// Width of the pane from which the TTFT of all cases includes its p99, cells.
const P99_FROM: u16 = 56;

/// Maximum height of the histogram, rows.
const MAX_ROWS: u16 = 24;
/// Minimum mean number of gaps per column of the histogram.
const GAPS_PER_COLUMN: usize = 6;

/// The attempt shown for the selected case.
struct Selected<'a> {
    live: Option<&'a InFlight>,
    record: Option<Arc<AttemptRecord>>,
    task: Task,
}

impl<'a> Selected<'a> {
    fn from_case(scene: &'a Scene, case: usize) -> Self {
        let live = scene.in_flight_of(case);
        let record = scene.session.cases.get(case).and_then(|case| case.shown_in(scene.shown_stage()));
        Self { live, record: record.filter(|_| live.is_none()), task: scene.session.suite.task }
    }

    fn time_ms(&self) -> Option<f64> {
        match self.live {
            Some(live) => live.ttft_ms,
            None => self
                .record
                .as_ref()
                .and_then(|r| if self.task.generates() { r.time_to_first_token_ms() } else { r.request_latency_ms() }),
        }
    }

    /// Reason why the stream cannot resolve the gaps between tokens; `None` if it can.
    fn unresolved_gaps(&self) -> Option<String> {
        match (self.live, &self.record) {
            (Some(live), _) => (!live.is_resolved()).then(|| "most events arrive several per read".to_owned()),
            (None, Some(record)) => record.unresolved_gaps().map(|why| why.to_string()),
            (None, None) => None,
        }
    }

    /// Returns the last gaps in ascending order, milliseconds.
    fn gaps_ms(&self) -> Vec<f64> {
        let mut gaps: Vec<f64> = match (self.live, &self.record) {
            (Some(live), _) => live.recent_gaps_ms.iter().rev().take(MAX_GAPS).map(|g| f64::from(*g)).collect(),
            (None, Some(record)) => {
                let tail = &record.arrivals[record.arrivals.len().saturating_sub(MAX_GAPS + 1)..];
                tail.windows(2).map(|w| w[1].at.millis_since(w[0].at)).collect()
            }
            (None, None) => Vec::new(),
        };
        gaps.retain(|g| g.is_finite());
        gaps.sort_by(f64::total_cmp);
        gaps
    }
}

/// TTFT of the answers to compare the selected one with.
enum ComparedTtft<'a> {
    /// All ended requests of a run that is shown as a load.
    Load(&'a Scene),
    /// The answers that the report covers.
    Reported(Rc<ReportedTtft>),
}

/// Time that the pane compares: TTFT, or the latency of answers that are not text.
fn compared(scene: &Scene) -> &'static Metric {
    if scene.session.suite.task.generates() { &TTFT } else { &LATENCY }
}

impl<'a> ComparedTtft<'a> {
    fn from_view(scene: &'a Scene, view: &View<'_>) -> Self {
        if load::is_shown(scene) {
            return Self::Load(scene);
        }
        Self::Reported(view.cache.reported_ttft(&scene.session, || {
            let stage = scene.shown_stage();
            let reported = scene.session.cases.iter().flat_map(|case| case.reported_in(stage));
            let mut all = ReportedTtft::default();
            for record in reported.filter_map(AttemptState::record) {
                let is_text = scene.session.suite.task.generates();
                let time_ms = if is_text { record.time_to_first_token_ms() } else { record.request_latency_ms() };
                all.ascending_ms.extend(time_ms);
                all.unresolved += usize::from(record.unresolved_first_token().is_some());
                all.warm += usize::from(record.prefix_cache() == PrefixCache::Warm);
            }
            all.ascending_ms.sort_by(f64::total_cmp);
            all
        }))
    }

    /// Number of TTFTs.
    fn count(&self) -> usize {
        match self {
            Self::Load(scene) => scene.load.tally.count(compared(scene)),
            Self::Reported(reported) => reported.ascending_ms.len(),
        }
    }

    /// Percentile of the TTFTs, milliseconds, however few they are; `None` without any.
    fn percentile_ms(&self, p: f64) -> Option<f64> {
        match self {
            Self::Load(scene) => scene.load.tally.any_percentile(compared(scene), p),
            Self::Reported(reported) => {
                (!reported.ascending_ms.is_empty()).then(|| percentile(&reported.ascending_ms, p))
            }
        }
    }

    /// Number of warm answers in words, because the range then mixes two kinds of TTFT. Empty without any.
    fn warm_suffix(&self) -> String {
        let warm = match self {
            Self::Load(scene) => scene.load.tally.doubts.warm,
            Self::Reported(reported) => reported.warm,
        };
        match warm {
            0 => String::new(),
            n => format!(", {n} warm"),
        }
    }
}

impl ComparedTtft<'_> {
    /// Number of answers in words whose stream cannot resolve the TTFT. Empty without any.
    fn unresolved_suffix(&self) -> String {
        let unresolved = match self {
            Self::Load(scene) => scene.load.tally.unresolved(&TTFT),
            Self::Reported(reported) => reported.unresolved,
        };
        if unresolved > 0 { format!(", {unresolved} unresolved") } else { String::new() }
    }
}

/// Draws the pane.
pub fn draw(frame: &mut Frame<'_>, area: Rect, view: &View<'_>) {
    let (theme, scene) = (view.theme, view.scene());
    let selected = Selected::from_case(scene, view.app.ui.selected);
    let about = scene.session.suite.cases.get(view.app.ui.selected).map_or("", |c| c.name.as_str());
    let about = sanitise_line(about);
    if depths::is_shown(scene) {
        return depths::draw(frame, area, view);
    }
    if race::is_shown(scene) {
        return race::draw(frame, area, view);
    }
    let area = models::draw(frame, area, view);
    let area = if load::is_shown(scene) {
        let Some(area) = load::draw(frame, area, view) else { return };
        pane::line(frame, area, 0, Line::styled(fit::cut(&about, usize::from(area.width)), theme.heading()));
        Rect { y: area.y + 1, height: area.height.saturating_sub(1), ..area }
    } else {
        pane::rule(frame, area, view, PaneId::Latency, About::Name(&about), Vec::new())
    };
    let others = ComparedTtft::from_view(scene, view);
    let gaps = selected.gaps_ms();
    if others.count() == 0 && selected.live.is_none() && gaps.is_empty() {
        pane::line(frame, area, 0, Line::styled("No measurements yet.", theme.muted()));
        return;
    }
    // From six lines on, a blank line separates TTFT and gaps.
    let roomy = area.height >= 6;
    draw_ttft(frame, area, view, &selected, &others);
    if !selected.task.generates() {
        return;
    }
    // A single TTFT has no range. The reason for unresolved gaps, which needs several rows, gets the row of the range.
    let has_range = others.count() > 1;
    let top = match roomy {
        true => 3,
        false if selected.unresolved_gaps().is_some() && !has_range => 1,
        false => 2,
    };
    let below = Rect { y: area.y + top.min(area.height), height: area.height.saturating_sub(top), ..area };
    draw_gaps(frame, below, view, &selected, &gaps);
}

fn draw_ttft(frame: &mut Frame<'_>, area: Rect, view: &View<'_>, selected: &Selected<'_>, others: &ComparedTtft<'_>) {
    let (theme, count) = (view.theme, others.count());
    let ttft = selected.time_ms();
    let is_text = selected.task.generates();
    let mut left = vec![Span::styled(if is_text { "TTFT  " } else { "Latency  " }, theme.muted())];
    match (ttft, selected.live) {
        (None, Some(live)) => {
            let waited = view.scene().now.millis_since(live.started) / 1000.0;
            left.push(Span::styled(format!("waiting {waited:.1} s"), theme.accent()));
        }
        (None, None) if selected.record.as_ref().is_some_and(|r| r.unresolved_first_token().is_some()) => {
            left.push(Span::styled("unresolved", theme.warning()));
        }
        (ttft, _) => left.push(Span::styled(number::millis(ttft), theme.value())),
    }
    let is_warm = |r: &&Arc<AttemptRecord>| r.prefix_cache() == PrefixCache::Warm;
    let cached = selected.record.as_ref().filter(is_warm).and_then(|r| r.usage.cached_tokens);
    let right = match cached {
        Some(tokens) => {
            let is_expected = selected.record.as_ref().is_some_and(|r| r.is_later_turn());
            let style = if is_expected { theme.muted() } else { theme.warning() };
            vec![Span::styled(format!("{} cached tokens", number::grouped(tokens)), style)]
        }
        None if count > 1 => {
            let (n, suffix) = (count, others.warm_suffix() + &others.unresolved_suffix());
            let median = format!("median of {n}{suffix}  {}", number::millis(others.percentile_ms(50.0)));
            let p99 = match needed_for(99) {
                _ if area.width < P99_FROM => String::new(),
                needed if n < needed => format!("  p99 needs {needed}"),
                _ => format!("  p99 {}", number::millis(others.percentile_ms(99.0))),
            };
            vec![Span::styled(median + &p99, theme.muted())]
        }
        None => Vec::new(),
    };
    pane::ends(frame, area, 0, left, right);
    let ends = [0.0, 50.0, 100.0].map(|p| others.percentile_ms(p));
    let ([Some(least), Some(median), Some(most)], 2..) = (ends, count) else { return };
    // Widen the range for the selected answer, which may not be among the reported ones: it is in flight or failed.
    let (min, max) = (ttft.map_or(least, |t| t.min(least)), ttft.map_or(most, |t| t.max(most)));
    let (from, to) = (format!("{} ", number::millis(Some(min))), format!(" {}", number::millis(Some(max))));
    let labels = fit::width(&from) + fit::width(&to);
    let cells = usize::from(area.width).saturating_sub(labels).min(60);
    let line = range(min, median, max, ttft, cells);
    let mut spans = vec![Span::styled(from, theme.muted())];
    for symbol in line.chars() {
        let style = if symbol == '●' { theme.accent() } else { theme.muted() };
        spans.push(Span::styled(symbol.to_string(), style));
    }
    spans.push(Span::styled(to, theme.muted()));
    pane::line(frame, area, 1, Line::from(spans));
}

fn draw_gaps(frame: &mut Frame<'_>, area: Rect, view: &View<'_>, selected: &Selected<'_>, gaps: &[f64]) {
    let theme = view.theme;
    let label = |text: &'static str| Span::styled(text, theme.muted());
    if gaps.is_empty() {
        pane::line(frame, area, 0, Line::from(vec![label("gaps  "), Span::styled(number::UNKNOWN, theme.muted())]));
        return;
    }
    if let Some(why) = selected.unresolved_gaps() {
        draw_reason(frame, area, &label("gaps  "), &Span::styled(format!("unresolved: {why}"), theme.warning()));
        return;
    }
    let figures = [("p50 ", 50.0), ("p99 ", 99.0), ("max ", 100.0)];
    let texts = figures.map(|(_, p)| match needed_for(p as u32) {
        needed if p < 100.0 && gaps.len() < needed => format!("needs {needed}"),
        _ => number::millis(Some(percentile(gaps, p))),
    });
    let gap = if area.width < 40 { " " } else { "  " };
    // Show as many figures as fit, the most important first, and a common unit once. A p99 with too few gaps comes
    // last.
    let row = |count: usize| {
        let lacks_p99 = gaps.len() < needed_for(99);
        let picked: &[usize] = match count {
            3 => &[0, 1, 2],
            2 if lacks_p99 => &[0, 2],
            2 => &[0, 1],
            _ => &[0],
        };
        let (figures, texts) = (picked.iter().map(|&i| figures[i]), picked.iter().map(|&i| &texts[i]));
        let shared = texts.clone().all(|t| t.ends_with(" ms") || t.starts_with("needs "));
        let mut spans = vec![label("gaps")];
        for (i, ((name, _), text)) in figures.zip(texts).enumerate() {
            let last = i + 1 == picked.len();
            let text = if shared && !last { text.trim_end_matches(" ms") } else { text };
            spans.extend([label(gap), label(name), Span::styled(text.to_owned(), theme.value())]);
        }
        spans
    };
    let fits = |spans: &Vec<Span<'_>>| spans.iter().map(Span::width).sum::<usize>() <= usize::from(area.width);
    let spans = (1..=3).rev().map(row).find(fits).unwrap_or_else(|| vec![label("gaps")]);
    let right = match selected.record.as_ref().and_then(|r| r.inter_token_latency_ms()) {
        Some(mean) => vec![label("mean ITL  "), Span::styled(number::millis(Some(mean)), theme.value())],
        None if selected.live.is_some() => vec![label("so far")],
        None => Vec::new(),
    };
    pane::ends(frame, area, 0, spans, right);
    draw_histogram(
        frame,
        Rect { y: area.y + area.height.min(1), height: area.height.saturating_sub(1), ..area },
        view,
        gaps,
    );
}

/// Draws as many complete clauses of `reason` as fit beside its label, wrapped over the available rows.
fn draw_reason(frame: &mut Frame<'_>, area: Rect, label: &Span<'_>, reason: &Span<'_>) {
    let indent = fit::width(&label.content);
    let room = usize::from(area.width).saturating_sub(indent);
    let rows = usize::from(area.height.max(1));
    let wrapped = |text: &str| wrap(&[Span::styled(text.to_owned(), reason.style)], room);
    let mut text = reason.content.to_string();
    while wrapped(&text).len() > rows {
        let shorter = fit::clauses(&text, fit::width(&text).saturating_sub(1));
        if shorter.ends_with(fit::ELLIPSIS) {
            break;
        }
        text = shorter;
    }
    for (row, mut line) in wrapped(&text).into_iter().take(rows).enumerate() {
        let start = if row == 0 { label.clone() } else { Span::raw(" ".repeat(indent)) };
        line.insert(0, start);
        pane::line(frame, area, row as u16, Line::from(line));
    }
}

fn draw_histogram(frame: &mut Frame<'_>, area: Rect, view: &View<'_>, gaps: &[f64]) {
    let theme = view.theme;
    let room = usize::from(area.width);
    // Make columns so wide that noise does not turn the histogram into a comb.
    let column_width = room.div_ceil((gaps.len() / GAPS_PER_COLUMN).max(12)).max(1);
    let Some(histogram) = Histogram::new(gaps, room / column_width, MIN_GAP_MS) else { return };
    let area = Rect { width: (histogram.counts.len() * column_width) as u16, ..area };
    // If there are at least two lines, the last one holds the scale.
    let rows = area.height.saturating_sub(1).clamp(area.height.min(1), MAX_ROWS);
    for (row, text) in histogram.lines(usize::from(rows)).into_iter().enumerate() {
        let text: String = text.chars().flat_map(|c| std::iter::repeat_n(c, column_width)).collect();
        pane::line(frame, area, row as u16, Line::styled(text, theme.series(0)));
    }
    let ends = [histogram.from, histogram.to].map(|ms| Span::styled(number::millis(Some(ms)), theme.muted()));
    let [from, to] = ends;
    if area.height > rows {
        pane::ends(frame, area, rows, vec![from], vec![to]);
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::ui::testing::{Script, Stage, ten_cases, text};
    use crate::ui::theme::Theme;

    fn shown(stage: &Stage) -> String {
        text(&stage.draw_with(60, 10, Theme::ansi(), draw))
    }

    #[test]
    fn the_wait_for_the_first_token_is_counted() {
        let mut stage = ten_cases(0);
        assert!(shown(&stage).contains("No measurements yet"));
        stage.start(0, 1, Script::plain(5000, 10, 10));
        stage.pass(1500);
        assert!(shown(&stage).contains("TTFT  waiting 1.5 s"), "{}", shown(&stage));
    }

    #[test]
    fn an_ended_answer_is_not_live_even_if_the_last_snapshot_has_it() {
        let mut stage = ten_cases(0);
        stage.start(0, 1, Script::plain(100, 10, 100));
        stage.pass(500);
        let snapshot = stage.app.scene.live.clone();
        stage.finish(0);
        stage.app.scene.live = snapshot;
        assert!(!shown(&stage).contains("so far"), "{}", shown(&stage));
        assert!(shown(&stage).contains("mean ITL"), "{}", shown(&stage));
    }

    #[test]
    fn a_p99_of_few_answers_shows_how_many_it_needs() {
        let mut stage = ten_cases(2);
        let ttft = |stage: &Stage, cells| text(&stage.draw_with(cells, 10, Theme::ansi(), draw));
        assert!(ttft(&stage, 60).contains("median of 2  ") && ttft(&stage, 60).contains("p99 needs 100"));
        assert!(!ttft(&stage, 40).contains("p99 needs 100"));
        // Together with the two earlier attempts, a hundred.
        let more = stage.app.scene.session.cases[0].attempts[0].clone();
        stage.app.scene.session.cases[0].attempts.extend(std::iter::repeat_n(more, 98));
        assert!(
            ttft(&stage, 60).contains("median of 100") && !ttft(&stage, 60).contains("needs"),
            "{}",
            ttft(&stage, 60)
        );
    }

    #[test]
    fn a_stall_is_the_longest_gap() {
        let mut stage = ten_cases(0);
        stage.start(0, 1, Script { stall: Some((50, 2000)), ..Script::plain(100, 10, 100) });
        stage.finish(0);
        let shown = shown(&stage);
        let gaps = shown.lines().find(|l| l.starts_with("gaps")).unwrap();
        assert!(gaps.contains("max 2.0"), "{gaps}");
    }

    #[test]
    fn a_buffered_stream_has_no_histogram_of_gaps() {
        let mut stage = ten_cases(0);
        stage.start(0, 1, Script::plain(100, 0, 100));
        stage.finish(0);
        let shown = shown(&stage);
        assert!(shown.contains("gaps  unresolved: all 100 events arrived in one read"), "{shown}");
        assert!(shown.contains("TTFT  unresolved") && !shown.contains("p50"), "{shown}");
    }

    #[test]
    fn the_reason_for_unresolved_gaps_is_readable_in_a_small_pane() {
        let mut stage = ten_cases(0);
        stage.start(0, 1, Script::plain(100, 0, 100));
        stage.finish(0);
        // The size of the pane on a screen of 80x24.
        let shown = text(&stage.draw_with(38, 4, Theme::ansi(), draw));
        let words: Vec<&str> = shown.lines().skip(1).flat_map(str::split_whitespace).collect();
        assert_eq!(words.join(" "), "TTFT unresolved gaps unresolved: all 100 events arrived in one read");
    }

    #[test]
    fn a_p99_of_few_gaps_shows_how_many_it_needs() {
        let gaps_line = |events| {
            let mut stage = ten_cases(0);
            stage.start(0, 1, Script::plain(100, 10, events));
            stage.finish(0);
            let shown = shown(&stage);
            shown.lines().find(|l| l.starts_with("gaps")).unwrap().to_owned()
        };
        assert!(gaps_line(100).contains("p99 needs 100"), "{}", gaps_line(100));
        let enough = gaps_line(101);
        assert!(enough.contains("p99 ") && !enough.contains("needs"), "{enough}");
    }

    #[test]
    fn an_answer_from_the_prefix_cache_shows_its_cached_tokens() {
        let mut stage = ten_cases(0);
        stage.start(0, 1, Script::plain(100, 10, 100));
        stage.pass(2000);
        stage.end(0, |record| {
            record.status = crate::domain::attempt::AttemptStatus::Ok;
            record.usage.cached_tokens = Some(1024);
        });
        assert!(shown(&stage).contains("1,024 cached tokens"));
    }

    #[test]
    fn only_the_last_gaps_of_a_long_answer_count() {
        let mut stage = ten_cases(0);
        stage.start(0, 1, Script { stall: Some((10, 9000)), ..Script::plain(10, 1, 6000) });
        stage.finish(0);
        let gaps = Selected::from_case(&stage.app.scene, 0).gaps_ms();
        assert_eq!(gaps.len(), MAX_GAPS);
        assert!(gaps[MAX_GAPS - 1] < 9000.0);
    }
}
