//! The columns of the table, made from the table of metrics, and which of them a width has room for.

use ratatui::text::Span;

use super::{GAP, Row, aligned, trace};
use crate::app::model::Scene;
use crate::domain::attempt::{AttemptRecord, TokenSource};
use crate::domain::live::InFlight;
use crate::domain::metrics::{METRICS, Metric, Unit};
use crate::domain::prefix_cache::PrefixCache;
use crate::domain::session::{CasePhase, CaseState};
use crate::domain::text::sanitise_line;
use crate::ui::mark::{CACHE_UNKNOWN, ESTIMATED, WARM};
use crate::ui::number;
use crate::ui::theme::Theme;
use crate::ui::widget::bar::Bar;

/// Cells that a name has at least, and gets at most.
const NAME: (usize, usize) = (20, 40);
/// From so many cells on the trace is worth more than another column.
const ROOMY: usize = 100;
/// Cells that the trace gets at most.
const TRACE_AT_MOST: usize = 48;

const TTFT: &str = "time_to_first_token_ms";

/// What a column shows.
#[derive(Clone, Copy, Debug)]
enum Kind {
    State,
    Metric(&'static Metric),
    Progress,
    Attempts,
    Finish,
    Trace,
}

/// One column.
#[derive(Clone, Copy, Debug)]
pub struct Column {
    /// What stands above it.
    pub heading: &'static str,
    /// Cells.
    pub width: usize,
    /// At the left; numbers stand at the right.
    pub is_text: bool,
    /// The word of the case's state.
    pub is_state: bool,
    /// Shown also where a reason takes the place of figures.
    pub survives_failure: bool,
    /// Columns with a low rank come first when there is little room.
    rank: u8,
    kind: Kind,
}

/// The columns that fit, and the cells of the name before them.
#[derive(Debug)]
pub struct Table {
    /// Cells of the name.
    pub name: usize,
    /// In the order they are shown.
    pub columns: Vec<Column>,
}

/// All columns in their order, with a trace of so many cells.
fn all(trace: usize, is_cache_in_doubt: bool) -> Vec<Column> {
    let column = |heading, width, rank, kind| Column {
        heading,
        width,
        rank,
        kind,
        is_text: false,
        is_state: false,
        survives_failure: false,
    };
    let mut all =
        vec![Column { is_text: true, is_state: true, survives_failure: true, ..column("State", 9, 0, Kind::State) }];
    all.push(Column { survives_failure: true, ..column("Att.", 4, 5, Kind::Attempts) });
    // Room for the mark of what the prefix cache may have shortened.
    let mark = if is_cache_in_doubt { 2 } else { 0 };
    let mut metrics: Vec<_> = METRICS.iter().map(|m| (place(m.key), m)).collect();
    metrics.sort_by_key(|((place, ..), _)| *place);
    for ((_, rank, heading), metric) in metrics {
        let heading = heading.unwrap_or(metric.label);
        let width = if metric.unit == Unit::Milliseconds { 7 } else { 6 };
        let width = if metric.key == TTFT { width + mark } else { width };
        all.push(column(heading, width.max(heading.len()), rank, Kind::Metric(metric)));
    }
    all.push(Column { is_text: true, ..column("of max", 8, 8, Kind::Progress) });
    all.push(Column { is_text: true, ..column("Finish", 7, 11, Kind::Finish) });
    all.push(Column { is_text: true, ..column("Trace", trace, 6, Kind::Trace) });
    all
}

/// A metric's place among the others, its rank when there is little room, and a shorter heading.
fn place(key: &str) -> (u8, u8, Option<&'static str>) {
    match key {
        "time_to_first_token_ms" => (0, 1, None),
        "output_token_throughput" => (1, 2, Some("tok/s")),
        "output_sequence_length" => (2, 3, None),
        "request_latency_ms" => (3, 4, None),
        "output_token_throughput_per_user" => (4, 7, None),
        "inter_token_latency_ms" => (5, 9, None),
        "input_sequence_length" => (6, 10, None),
        "time_to_first_output_token_ms" => (7, 12, None),
        _ => (8, 13, None),
    }
}

/// The columns that `cells` have room for, where a name would like `wanted_name`.
pub fn choose(cells: usize, wanted_name: usize, scene: &Scene) -> Table {
    let in_doubt = |case: &CaseState| case.shown().is_some_and(|r| r.is_ok() && r.cache_doubt().is_some());
    let is_cache_in_doubt = scene.session.cases.iter().any(in_doubt);
    let mut columns = all(if cells >= ROOMY { 16 } else { 8 }, is_cache_in_doubt);
    if scene.session.cases.iter().all(|c| c.attempts.len() < 2) {
        columns.retain(|c| !matches!(c.kind, Kind::Attempts));
    }
    let wanted_name = wanted_name.clamp(NAME.0, NAME.1);
    let taken = |columns: &[Column]| columns.iter().map(|c| c.width + GAP).sum::<usize>();
    // The first-ranked columns keep the shortest name; what comes after must leave it whole.
    while !columns.is_empty() {
        let last = columns.iter().map(|c| c.rank).max().unwrap_or(0);
        let name = if last <= 6 { NAME.0 } else { wanted_name };
        if taken(&columns) + name <= cells {
            break;
        }
        columns.retain(|c| c.rank < last);
    }
    let mut spare = cells.saturating_sub(taken(&columns));
    let name = spare.min(wanted_name);
    spare -= name;
    if let Some(trace) = columns.iter_mut().find(|c| matches!(c.kind, Kind::Trace)) {
        trace.width = (trace.width + spare).min(TRACE_AT_MOST);
    }
    Table { name, columns }
}

impl Column {
    /// What stands in this column of a row.
    pub fn cell(&self, row: &Row<'_>, theme: Theme) -> Vec<Span<'static>> {
        let text = match self.kind {
            Kind::State => String::new(),
            Kind::Metric(metric) => return vec![self.metric(metric, row, theme)],
            Kind::Progress => return self.progress(row, theme),
            Kind::Attempts => attempts(row),
            Kind::Finish => row.record.and_then(|r| r.finish_reason.as_deref()).map(sanitise_line).unwrap_or_default(),
            Kind::Trace => return trace::spans(row, self.width, theme),
        };
        vec![Span::styled(aligned(self, &text), theme.muted())]
    }

    fn metric(&self, metric: &Metric, row: &Row<'_>, theme: Theme) -> Span<'static> {
        let figure = match (row.live, row.record) {
            _ if row.state.phase == CasePhase::Running && row.live.is_none() => None,
            (Some(live), _) => live_figure(metric.key, live, row.scene),
            (None, Some(record)) => Some(measured(metric, record)),
            (None, None) => None,
        };
        let text = figure.unwrap_or_default();
        let style = if metric.key == "output_token_throughput" { theme.value() } else { theme.text() };
        let style = if text.is_empty() || text == number::UNKNOWN { theme.muted() } else { style };
        Span::styled(aligned(self, &text), style)
    }

    fn progress(&self, row: &Row<'_>, theme: Theme) -> Vec<Span<'static>> {
        let tokens = match (row.live, row.record) {
            (Some(live), _) => f64::from(live.content_events) * row.scene.tokens_per_event,
            (None, Some(record)) => record.output_tokens().map_or(0.0, |(n, _)| n as f64),
            (None, None) => return vec![Span::raw(" ".repeat(self.width))],
        };
        let share = tokens / f64::from(row.spec.max_tokens.max(1));
        let filled = if row.live.is_some() { theme.accent() } else { theme.muted() };
        Bar { share, tick: None, filled, rest: theme.muted(), ticked: filled }.spans(self.width)
    }
}

fn attempts(row: &Row<'_>) -> String {
    let count = row.state.attempts.iter().filter(|a| !a.warmup).count();
    if count > 1 { format!("{count}×") } else { String::new() }
}

/// A figure of a whole answer. What rests on an estimated number of tokens says `~`.
fn measured(metric: &Metric, record: &AttemptRecord) -> String {
    let estimated = matches!(record.output_tokens(), Some((_, TokenSource::Estimate)));
    let figure = text(metric.unit, (metric.get)(record), estimated && metric.counts_output_tokens);
    match (metric.key, record.prefix_cache()) {
        (TTFT, PrefixCache::Warm) => format!("{WARM} {figure}"),
        (TTFT, PrefixCache::Unknown) if record.nonce.is_none() => format!("{CACHE_UNKNOWN} {figure}"),
        _ => figure,
    }
}

fn text(unit: Unit, value: Option<f64>, estimated: bool) -> String {
    let text = match unit {
        Unit::Milliseconds => number::millis(value),
        Unit::TokensPerSecond => number::rate(value),
        Unit::Tokens => value.map_or_else(|| number::UNKNOWN.to_owned(), |n| number::grouped(n.round() as u64)),
    };
    if estimated && value.is_some() { format!("{ESTIMATED}{text}") } else { text }
}

/// A figure of an answer that still comes; `None` for what is only known at its end.
fn live_figure(key: &str, live: &InFlight, scene: &Scene) -> Option<String> {
    let elapsed_ms = scene.now.millis_since(live.started);
    let tokens = f64::from(live.content_events) * scene.tokens_per_event;
    let per_s = |tokens: f64, ms: f64| (tokens > 0.0 && ms >= 250.0).then(|| tokens / ms * 1000.0);
    let since_first = live.ttft_ms.map_or(0.0, |ttft| elapsed_ms - ttft);
    let decode = per_s(tokens - scene.tokens_per_event, since_first);
    match key {
        "time_to_first_token_ms" => Some(number::millis(Some(live.ttft_ms?))),
        "output_token_throughput" => Some(text(Unit::TokensPerSecond, Some(per_s(tokens, elapsed_ms)?), true)),
        "output_token_throughput_per_user" => Some(text(Unit::TokensPerSecond, Some(decode?), true)),
        "inter_token_latency_ms" => Some(text(Unit::Milliseconds, Some(1000.0 / decode?), true)),
        "output_sequence_length" => (tokens > 0.0).then(|| text(Unit::Tokens, Some(tokens), true)),
        "request_latency_ms" => Some(format!("{:.1} s", elapsed_ms / 1000.0)),
        _ => None,
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::app::message::Action;
    use crate::ui::testing::{script_of, ten_cases};

    fn headings(cells: usize) -> (usize, Vec<&'static str>) {
        let table = choose(cells, 26, &ten_cases(1).app.scene);
        (table.name, table.columns.iter().map(|c| c.heading).collect())
    }

    #[test]
    fn columns_come_with_the_width_and_the_name_is_whole_before_the_luxuries() {
        assert_eq!(headings(31), (20, vec!["State"]));
        assert_eq!(headings(55), (26, vec!["State", "TTFT", "tok/s"]));
        assert_eq!(headings(76), (21, vec!["State", "TTFT", "tok/s", "Tokens", "Time", "Trace"]));
        let (name, all) = headings(240);
        assert_eq!((name, all.len()), (26, METRICS.len() + 4));
    }

    proptest::proptest! {
        #[test]
        fn a_table_is_never_wider_than_its_place(cells in 0_usize..260, name in 0_usize..60) {
            let table = choose(cells, name, &ten_cases(0).app.scene);
            let width = table.name + table.columns.iter().map(|c| c.width + GAP).sum::<usize>();
            proptest::prop_assert!(width <= cells, "{} > {}", width, cells);
        }
    }

    #[test]
    fn every_metric_has_a_place_of_its_own() {
        let mut places: Vec<_> = METRICS.iter().map(|m| place(m.key).0).collect();
        places.sort_unstable();
        places.dedup();
        assert_eq!(places.len(), METRICS.len());
    }

    #[test]
    fn attempts_are_counted_once_some_case_has_several() {
        let mut stage = ten_cases(10);
        assert!(!choose(200, 26, &stage.app.scene).columns.iter().any(|c| c.heading == "Att."));
        stage.act(Action::Rerun);
        stage.start(0, 2, script_of(0));
        assert!(choose(200, 26, &stage.app.scene).columns.iter().any(|c| c.heading == "Att."));
        assert_eq!(attempts(&Row::of(&stage.app.scene, 0).unwrap()), "2×");
        assert_eq!(attempts(&Row::of(&stage.app.scene, 1).unwrap()), "");
    }

    #[test]
    fn figures_of_a_stream_are_estimates_and_say_so() {
        let mut stage = ten_cases(0);
        stage.start(0, 1, script_of(0));
        stage.app.scene.tokens_per_event = 2.0;
        stage.pass(40);
        let figure = |stage: &crate::ui::testing::Stage, key| {
            live_figure(key, stage.app.scene.in_flight_of(0).unwrap(), &stage.app.scene)
        };
        assert_eq!(figure(&stage, "time_to_first_token_ms"), None);
        assert_eq!(figure(&stage, "output_sequence_length"), None);
        stage.pass(1960);
        // 80 ms to the first of one event every 8 ms: some 240 events after two seconds.
        let events = stage.app.scene.in_flight_of(0).unwrap().content_events;
        assert!((238..=241).contains(&events), "{events}");
        assert_eq!(figure(&stage, "output_sequence_length"), Some(format!("~{}", events * 2)));
        assert_eq!(figure(&stage, "output_token_throughput"), Some(format!("~{events}.0")));
        assert_eq!(figure(&stage, "request_latency_ms"), Some("2.0 s".to_owned()));
        assert_eq!(figure(&stage, "input_sequence_length"), None);
    }

    #[test]
    fn a_warm_ttft_and_one_that_may_be_are_marked_and_a_cold_one_is_not() {
        let mut stage = ten_cases(0);
        let states =
            [(Some(0), None), (Some(70), None), (None, None), (None, Some("0a1b2c3d")), (Some(70), Some("0a1b2c3d"))];
        for (case, (cached, nonce)) in states.into_iter().enumerate() {
            stage.start(case, 1, script_of(case));
            stage.pass(3000);
            stage.end(case, |record| {
                record.status = crate::domain::attempt::AttemptStatus::Ok;
                (record.usage.prompt_tokens, record.usage.cached_tokens) = (Some(85), cached);
                record.nonce = nonce.map(str::to_owned);
            });
        }
        let table = choose(76, 20, &stage.app.scene);
        let column = table.columns.iter().find(|c| c.heading == "TTFT").unwrap();
        let cell = |case| {
            let row = Row::of(&stage.app.scene, case).unwrap();
            column.cell(&row, Theme::ansi()).iter().map(|s| s.content.to_string()).collect::<String>()
        };
        let marks: Vec<String> = (0..5).map(|i| cell(i).trim().chars().take(2).collect()).collect();
        assert_eq!((marks[1].as_str(), marks[2].as_str(), marks[4].as_str()), ("w ", "? ", "w "));
        for cold in [0, 3] {
            assert!(cell(cold).trim().starts_with(|c: char| c.is_ascii_digit()), "{}", cell(cold));
        }
        assert!((0..5).all(|i| cell(i).ends_with("ms") && cell(i).len() == 9), "{marks:?}");
    }

    #[test]
    fn figures_that_rest_on_counted_events_say_so() {
        let mut stage = ten_cases(0);
        stage.start(0, 1, script_of(0));
        stage.pass(3000);
        stage.end(0, |record| record.status = crate::domain::attempt::AttemptStatus::Ok);
        let row = Row::of(&stage.app.scene, 0).unwrap();
        for metric in METRICS {
            let text = measured(metric, row.record.unwrap());
            let estimated =
                matches!(metric.unit, Unit::Tokens | Unit::TokensPerSecond) || metric.key == "inter_token_latency_ms";
            assert_eq!(
                text.starts_with('~'),
                estimated && metric.key != "input_sequence_length",
                "{} {text}",
                metric.key
            );
        }
    }
}
