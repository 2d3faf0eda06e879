//! The machine: memory, utilization, power, temperature and clocks of the GPUs, and the server's own metrics; or the reason
//! why a figure is missing.

mod card;
mod gauges;
mod rows;
#[cfg(test)]
mod tests;

use ratatui::Frame;
use ratatui::layout::Rect;
use ratatui::text::{Line, Span};

use crate::app::pane::PaneId;
use crate::app::state::{App, Scene};
use crate::domain::gpu_scope::GpuScope;
use crate::domain::gpu_track::GpuTrack;
use crate::domain::text::sanitise_line;
use crate::ui::view::View;
use crate::ui::widget::wrap::wrap;
use crate::ui::{fit, pane};

/// Maximum number of GPUs drawn as cards; more get a line each.
const MAX_CARDS: usize = 4;
/// Minimum lines of a card.
const MIN_CARD: u16 = 2;
/// Maximum lines of the server's metrics.
const GAUGES: usize = 2;
/// Maximum lines of the reason why there is no GPU.
const REASON: u16 = 2;
/// Cells of a title rule that are not available to its text.
const RULE: usize = 12;

/// Content of the pane, for the layout.
#[derive(Clone, Copy, Debug)]
pub enum GpuPaneContent {
    /// Figures; the number of lines includes the title rule.
    Figures(u16),
    /// The reason why there is no figure, with its width in cells.
    Reason(u16),
}

impl GpuPaneContent {
    /// Determines the content from the state.
    pub fn from_app(app: &App) -> Self {
        let scene = app.shown();
        let gpus = scene.gpus();
        if let (Some(why), None) = (why_none(scene, &gpus), &scene.gauges) {
            return Self::Reason(u16::try_from(fit::width(&why)).unwrap_or(u16::MAX));
        }
        let body = match gpus.len() as u16 {
            0 => REASON,
            n if usize::from(n) <= MAX_CARDS => n * card::FULL_LINES + n - 1,
            n => n + 1,
        };
        let server = if scene.gauges.is_some() { GAUGES as u16 } else { 0 };
        Self::Figures(body.saturating_add(server + 1))
    }

    /// Number of lines the content fills at a width of `columns`, including the rule. A short reason fits into the rule.
    pub fn lines(self, columns: u16) -> u16 {
        match self {
            Self::Figures(lines) => lines,
            Self::Reason(cells) if has_room(usize::from(cells), columns) => 1,
            Self::Reason(_) => 1 + REASON,
        }
    }
}

/// Whether a text of `cells` cells fits into a title rule.
fn has_room(cells: usize, columns: u16) -> bool {
    cells + RULE <= usize::from(columns)
}

/// Draws the pane.
pub fn draw(frame: &mut Frame<'_>, area: Rect, view: &View<'_>) {
    let (theme, scene) = (view.theme, view.scene());
    let gpus = scene.gpus();
    let driver = scene.gpu.driver.as_deref().filter(|_| !gpus.is_empty());
    let driver = driver.map(|d| Span::styled(format!("driver {}", sanitise_line(d)), theme.muted()));
    let title = if scene.gauges.is_some() { "Machine" } else { PaneId::Gpu.title() };
    let why = why_none(scene, &gpus);
    let about = match &why {
        // The rule is all there is: show a complete first sentence rather than a cut text.
        Some(why) if area.height == 1 => {
            let end = [". ", "; "].into_iter().filter_map(|end| why.find(end)).min().unwrap_or(why.len());
            let first = why.split_at(end).0;
            if has_room(fit::width(why), area.width) { why.clone() } else { first.to_owned() }
        }
        _ => about(scene, &gpus),
    };
    let area = pane::titled_rule(frame, area, view, PaneId::Gpu, title, &about, driver.into_iter().collect());
    if area.is_empty() {
        return;
    }

    // The server's lines go to the bottom and leave at least one to the GPUs.
    let most = if area.height > 3 { GAUGES } else { 1 };
    let server = gauges::lines(view, area.width, most.min(usize::from(area.height)));
    let server_rows = (server.len() as u16).min(area.height.saturating_sub(1).max(1));
    let above = Rect { height: area.height - server_rows, ..area };
    let top = match why {
        Some(why) => reason(frame, above, view, &why),
        None => draw_gpus(frame, above, view, &gpus),
    };
    for (row, line) in server.into_iter().enumerate() {
        pane::line(frame, area, top + row as u16, line);
    }
}

/// Text of the rule: the machine if it is another one, and whether its GPUs serve the endpoint.
fn about(scene: &Scene, gpus: &[&GpuTrack]) -> String {
    let mut hosts: Vec<&str> = gpus.iter().filter_map(|gpu| gpu.info.host.as_deref()).collect();
    hosts.sort_unstable();
    hosts.dedup();
    match (hosts.as_slice(), &scene.gpu.scope) {
        _ if gpus.is_empty() => String::new(),
        ([host], _) => sanitise_line(host),
        ([_, _, ..], _) => format!("{} machines", hosts.len()),
        ([], Some(GpuScope::EndpointHost { evidence, .. })) => sanitise_line(evidence),
        ([], Some(GpuScope::Unknown { .. })) => "serving GPUs unknown".to_owned(),
        ([], _) => String::new(),
    }
}

/// Reason why there is no GPU figure; `None` if there is one.
fn why_none(scene: &Scene, shown: &[&GpuTrack]) -> Option<String> {
    if !shown.is_empty() {
        return None;
    }
    if scene.target.simulated {
        return Some("No GPU: simulated server.".to_owned());
    }
    let elsewhere = match &scene.gpu.scope {
        Some(scope) => *scope == GpuScope::ClientHost,
        None => !scene.target.is_local(),
    };
    if elsewhere {
        let hint = if scene.gauges.is_none() { " --server-metrics reads the metrics of the server." } else { "" };
        return Some(format!("The endpoint is on another machine, whose GPUs are not visible from here.{hint}"));
    }
    Some(scene.gpu.absent.as_deref().map_or_else(|| "Looking for a GPU…".to_owned(), sanitise_line))
}

/// Draws the reason; returns the number of rows used.
fn reason(frame: &mut Frame<'_>, area: Rect, view: &View<'_>, why: &str) -> u16 {
    let text = [Span::styled(why.to_owned(), view.theme.muted())];
    let mut lines = wrap(&text, usize::from(area.width.max(1)));
    let rows = (lines.len() as u16).min(area.height);
    let is_cut = lines.len() > usize::from(rows);
    lines.truncate(usize::from(rows));
    if let Some(last) = lines.last_mut().filter(|_| is_cut) {
        let text: String = last.iter().map(|span| span.content.as_ref()).collect();
        let text = fit::cut(&text, usize::from(area.width).saturating_sub(1));
        *last = vec![Span::styled(text.trim_end_matches('…').trim_end().to_owned() + "…", view.theme.muted())];
    }
    for (row, line) in lines.into_iter().enumerate() {
        pane::line(frame, area, row as u16, Line::from(line));
    }
    rows
}

/// Draws cards, or one line per GPU; returns the number of rows used.
fn draw_gpus(frame: &mut Frame<'_>, area: Rect, view: &View<'_>, gpus: &[&GpuTrack]) -> u16 {
    let count = gpus.len() as u16;
    let each = area.height / count.max(1);
    if count > 1 && (gpus.len() > MAX_CARDS || each < MIN_CARD) {
        rows::draw(frame, area, view, gpus);
        return area.height.min(count + 1);
    }
    // An empty line separates the cards if there is room.
    let height = each.min(card::FULL_LINES);
    let step = height + u16::from(height < each);
    for (at, gpu) in gpus.iter().enumerate() {
        let place = Rect { y: area.y + at as u16 * step, height, ..area };
        card::draw(frame, place, view, gpu, count > 1);
    }
    (step * (count - 1) + height).min(area.height)
}
