//! Many GPUs: one line each, and their totals.

use ratatui::Frame;
use ratatui::layout::Rect;
use ratatui::text::{Line, Span};

use super::card::{is_over, last_of, mark, reading, short_name, stale_reason};
use crate::app::state::gpus::GpuTotals;
use crate::domain::gpu_track::GpuTrack;
use crate::domain::text::sanitise_line;
use crate::ui::view::View;
use crate::ui::{fit, number, pane};

/// Cells between two columns.
const GAP: usize = 2;
/// Minimum and maximum width of a name, cells.
const NAME: (usize, usize) = (8, 40);

/// The figures of a line, most important first.
type Figures = [String; 4];

/// Draws the lines. The last line counts the GPUs that have none.
pub(super) fn draw(frame: &mut Frame<'_>, area: Rect, view: &View<'_>, gpus: &[&GpuTrack]) {
    let room = usize::from(area.height);
    let visible = if room >= gpus.len() { gpus.len() } else { room.saturating_sub(1) };
    let totals = GpuTotals::from_scene(view.scene());
    let total = if is_over(view) { total_of_means(&totals, gpus) } else { total(&totals) };
    let each: Vec<Figures> = gpus.iter().map(|gpu| figures(view, gpu)).collect();
    let widest = |at: usize| each.iter().chain([&total]).map(|f| fit::width(&f[at])).max().unwrap_or(0);
    let widths: [usize; 4] = std::array::from_fn(widest);
    let lead = gpus.iter().map(|gpu| fit::width(&label(view, gpu))).max().unwrap_or(0);
    let width = usize::from(area.width);
    // Show as many columns as fit. The name gets the remaining cells.
    let mut left = width.saturating_sub(lead);
    let fitting = widths.iter().take_while(|w| {
        let fits = **w + GAP <= left;
        left = left.saturating_sub(if fits { **w + GAP } else { 0 });
        fits
    });
    let columns = fitting.count();
    let name = if left > NAME.0 + 1 { left.min(NAME.1 + 1) } else { 0 };
    for (row, (gpu, figures)) in gpus.iter().zip(&each).take(visible).enumerate() {
        pane::line(frame, area, row as u16, line(view, gpu, figures, &widths[..columns], lead, name, width));
    }
    if visible < gpus.len() || room > gpus.len() {
        let hidden = gpus.len() - visible;
        let all = totals.count;
        let texts = match hidden {
            0 if is_over(view) => [format!("all {all}, means of the run"), format!("={all}")],
            0 => [format!("all {all}"), format!("={all}")],
            n => [format!("all {all}, {n} not shown"), format!("+{n}")],
        };
        let text = texts.iter().find(|text| fit::width(text) <= lead + name).map_or("", String::as_str);
        let mut spans = vec![Span::styled(fit::left(text, lead + name), view.theme.muted())];
        spans.extend(cells(&total, &widths[..columns], view.theme.text()));
        pane::line(frame, area, visible as u16, Line::from(spans));
    }
}

fn line(
    view: &View<'_>,
    gpu: &GpuTrack,
    figures: &Figures,
    widths: &[usize],
    lead: usize,
    name: usize,
    width: usize,
) -> Line<'static> {
    let theme = view.theme;
    let mut spans = vec![Span::styled(fit::left(&label(view, gpu), lead), theme.key())];
    if let Some(why) = stale_reason(view, gpu) {
        spans.push(Span::styled(fit::cut(&format!(" {why}"), width.saturating_sub(lead)), theme.warning()));
        return Line::from(spans);
    }
    // Throttle reasons take precedence over the full name, but not those from after the run.
    let throttled = gpu
        .throttle
        .filter(|_| !is_over(view))
        .map(|t| t.labels().collect::<Vec<_>>().join(", "))
        .filter(|words| !words.is_empty());
    let style = if throttled.is_some() { theme.warning() } else { theme.muted() };
    let text = throttled.map_or_else(|| short_name(gpu, name.saturating_sub(1)), |words| format!("[{words}]"));
    if name > 0 {
        spans.push(Span::styled(fit::left(&format!(" {text}"), name), style));
    }
    spans.extend(cells(figures, widths, theme.value()));
    Line::from(spans)
}

fn label(view: &View<'_>, gpu: &GpuTrack) -> String {
    let host = gpu.info.host.as_deref().map(|h| format!("{}:", fit::cut(&sanitise_line(h), 12))).unwrap_or_default();
    format!("{}{host}{}", mark(view, gpu), gpu.info.index)
}

fn cells(figures: &Figures, widths: &[usize], style: ratatui::style::Style) -> Vec<Span<'static>> {
    let cell = |(text, width): (&String, &usize)| Span::styled(fit::right(text, width + GAP), style);
    figures.iter().zip(widths).map(cell).collect()
}

fn figures(view: &View<'_>, gpu: &GpuTrack) -> Figures {
    let memory = last_of(view, gpu, &gpu.memory_used_mib);
    let text = |value: Option<f64>, unit: &str| {
        format!("{}{unit}", value.map_or_else(|| number::UNKNOWN.to_owned(), number::whole))
    };
    [
        text(reading(view, gpu, &gpu.load_percent, gpu.load), "%"),
        gib(memory, gpu.memory_total_mib()),
        text(reading(view, gpu, &gpu.power_w, gpu.power), " W"),
        text(reading(view, gpu, &gpu.temperature_c, gpu.temperature), " °C"),
    ]
}

fn total(totals: &GpuTotals) -> Figures {
    let text = |value: Option<f64>, before: &str, unit: &str| {
        value.map_or_else(|| number::UNKNOWN.to_owned(), |v| format!("{before}{}{unit}", number::whole(v)))
    };
    [
        text(totals.load_percent, "mean ", "%"),
        gib(totals.memory_used_mib, totals.memory_total_mib),
        text(totals.power_w, "", " W"),
        String::new(),
    ]
}

/// Totals of a finished run: the mean utilization, and the sum of the mean powers. None if a slice is listed beside its
/// GPU, because the slice would count twice.
fn total_of_means(totals: &GpuTotals, gpus: &[&GpuTrack]) -> Figures {
    let all = |get: fn(&GpuTrack) -> Option<f64>| {
        gpus.iter().map(|gpu| get(gpu)).sum::<Option<f64>>().filter(|_| gpus.len() == totals.count)
    };
    let load = all(|gpu| gpu.load.mean()).map(|sum| sum / gpus.len().max(1) as f64);
    total(&GpuTotals { load_percent: load, power_w: all(|gpu| gpu.power.mean()), ..*totals })
}

fn gib(used: Option<f64>, total: Option<f64>) -> String {
    format!("{}/{} GiB", number::gib(used), number::gib(total))
}
