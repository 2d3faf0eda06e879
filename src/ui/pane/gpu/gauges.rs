//! The server's metrics, or the reason why there are none.

use ratatui::style::Style;
use ratatui::text::{Line, Span};

use super::card::is_over;
use crate::domain::server_gauges::{GaugeHistory, Meter};
use crate::domain::text::sanitise_line;
use crate::ui::view::View;
use crate::ui::{fit, number};

/// Width of the label, cells.
const LABEL: usize = 8;
/// Width of the pane from which the metrics have a label, cells.
const LABELLED: u16 = 40;
const BETWEEN: usize = 2;

/// Returns at most `most` lines; none if server metrics are off.
pub(super) fn lines(view: &View<'_>, width: u16, most: usize) -> Vec<Line<'static>> {
    let Some(gauges) = &view.scene().gauges else { return Vec::new() };
    let theme = view.theme;
    let label = if width >= LABELLED { LABEL } else { 0 };
    let room = usize::from(width).saturating_sub(label);
    let message = |text: String, style: Style| vec![vec![Span::styled(fit::clauses(&text, room), style)]];
    let rows = match (&gauges.absent, &gauges.kind, &gauges.silent) {
        (Some(why), None, _) => message(format!("no metrics: {}", sanitise_line(why)), theme.muted()),
        (None, None, _) => message("Looking for server metrics…".to_owned(), theme.muted()),
        (_, Some(_), Some(why)) => message(format!("no reply: {}", sanitise_line(why)), theme.warning()),
        (_, Some(_), None) => packed(items(gauges, view), room),
    };
    let lead = |at: usize| {
        let text = if at == 0 { fit::left("server", LABEL) } else { " ".repeat(LABEL) };
        (label > 0).then(|| Span::styled(text, theme.muted()))
    };
    let line = |(at, row): (usize, Vec<Span<'static>>)| Line::from(lead(at).into_iter().chain(row).collect::<Vec<_>>());
    rows.into_iter().take(most).enumerate().map(line).collect()
}

/// A figure and its name.
type Item = [Span<'static>; 2];

/// Returns the metrics that the server reports, most important first.
fn items(gauges: &GaugeHistory, view: &View<'_>) -> Vec<Item> {
    let theme = view.theme;
    let item = |figure: String, name: &'static str, style: Style| {
        [Span::styled(figure, style), Span::styled(name, theme.muted())]
    };
    let count = |n: f64| number::whole(n.max(0.0));
    let percent = |p: f64| format!("{}%", number::whole(p.max(0.0)));
    let queued = |n: f64| if n > 0.0 { theme.warning() } else { theme.value() };
    let is_over = is_over(view);
    // After the run, the current state of the server belongs to other clients, so show the mean over the run.
    let level = |meter| if is_over { gauges.mean(meter) } else { gauges.now(meter) };
    let requests = |n: f64| if is_over && n < 99.95 { format!("{n:.1}") } else { count(n) };
    let generated = if is_over { gauges.generated_per_s.mean() } else { gauges.generated_per_s.last() };
    let hits = gauges.now(Meter::PrefixHitRate).or_else(|| gauges.share(Meter::PrefixHits, Meter::PrefixQueries));
    let accepted = gauges.share(Meter::AcceptedTokens, Meter::DraftTokens);
    let all = [
        level(Meter::Running).map(|n| item(requests(n), " running", theme.value())),
        level(Meter::Waiting).map(|n| item(requests(n), " waiting", queued(n))),
        level(Meter::KvCache).map(|p| item(percent(p), " KV cache", theme.value())),
        gauges.grown(Meter::Preemptions).map(|n| item(count(n), " preempted", queued(n))),
        level(Meter::Retracted).map(|n| item(requests(n), " retracted", queued(n))),
        hits.map(|p| item(percent(p), " prefix hits", theme.value())),
        generated.map(|n| item(count(n), " tok/s generated", theme.value())),
        accepted.map(|p| item(percent(p), " drafts accepted", theme.value())),
    ];
    let reported: Vec<Item> = all.into_iter().flatten().collect();
    let means = is_over.then(|| item(String::new(), "means of the run:", theme.muted()));
    if reported.is_empty() {
        vec![item(String::new(), "reports no metrics", theme.muted())]
    } else {
        means.into_iter().chain(reported).collect()
    }
}

/// Packs the items into rows of `room` cells; drops an item that is wider than a row.
fn packed(items: Vec<Item>, room: usize) -> Vec<Vec<Span<'static>>> {
    let mut rows: Vec<Vec<Span<'static>>> = Vec::new();
    for item in items {
        let width = fit::spans_width(&item);
        match rows.last_mut() {
            Some(row) if fit::spans_width(row) + BETWEEN + width <= room => {
                row.push(Span::raw(" ".repeat(BETWEEN)));
                row.extend(item);
            }
            _ if width <= room => rows.push(item.into()),
            _ => {}
        }
    }
    rows
}
