//! The machine: GPU memory, load, power, temperature, clocks, and what the server says of itself; or why there is no such
//! figure.

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

/// Above so many GPUs each has a line instead of a card.
const CARDS: usize = 4;
/// Lines that a card needs at least.
const LEAST: u16 = 2;
/// Lines that the server's gauges get at most, and those that say why there is no GPU.
const GAUGES: usize = 2;
const REASON: u16 = 2;
/// Cells of a rule that are not for what it is about.
const RULE: usize = 12;

/// What it has to show.
#[derive(Clone, Copy, Debug)]
pub enum GpuPaneContent {
    /// Figures on so many lines, its rule included.
    Figures(u16),
    /// Why there is none, in so many cells.
    Reason(u16),
}

impl GpuPaneContent {
    /// Of the state.
    pub fn from_app(app: &App) -> Self {
        let scene = app.shown();
        let gpus = scene.gpus();
        if let (Some(why), None) = (why_none(scene, &gpus), &scene.gauges) {
            return Self::Reason(u16::try_from(fit::width(&why)).unwrap_or(u16::MAX));
        }
        let body = match gpus.len() as u16 {
            0 => REASON,
            n if usize::from(n) <= CARDS => n * card::WHOLE + n - 1,
            n => n + 1,
        };
        let server = if scene.gauges.is_some() { GAUGES as u16 } else { 0 };
        Self::Figures(body.saturating_add(server + 1))
    }

    /// Lines that it has something for in so many columns, its rule included. A short reason has room in the rule.
    pub fn lines(self, columns: u16) -> u16 {
        match self {
            Self::Figures(lines) => lines,
            Self::Reason(cells) if has_room(usize::from(cells), columns) => 1,
            Self::Reason(_) => 1 + REASON,
        }
    }
}

/// Whether a text of so many cells has room in a rule.
fn has_room(cells: usize, columns: u16) -> bool {
    cells + RULE <= usize::from(columns)
}

/// Draws it.
pub fn draw(frame: &mut Frame<'_>, area: Rect, view: &View<'_>) {
    let (theme, scene) = (view.theme, view.scene());
    let gpus = scene.gpus();
    let driver = scene.gpu.driver.as_deref().filter(|_| !gpus.is_empty());
    let driver = driver.map(|d| Span::styled(format!("driver {}", sanitise_line(d)), theme.muted()));
    let title = if scene.gauges.is_some() { "Machine" } else { PaneId::Gpu.title() };
    let why = why_none(scene, &gpus);
    let about = match &why {
        // The rule alone says it then, and rather a whole sentence than a cut one.
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

    // The server's lines stand at the bottom, and leave the GPUs one at least.
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

/// Whose they are: the machine, where it is another one, and whether they serve the endpoint.
fn about(scene: &Scene, gpus: &[&GpuTrack]) -> String {
    let mut hosts: Vec<&str> = gpus.iter().filter_map(|gpu| gpu.info.host.as_deref()).collect();
    hosts.sort_unstable();
    hosts.dedup();
    match (hosts.as_slice(), &scene.gpu.scope) {
        _ if gpus.is_empty() => String::new(),
        ([host], _) => sanitise_line(host),
        ([_, _, ..], _) => format!("{} machines", hosts.len()),
        ([], Some(GpuScope::EndpointHost { evidence, .. })) => sanitise_line(evidence),
        ([], Some(GpuScope::Unknown { .. })) => "not known whether they serve it".to_owned(),
        ([], _) => String::new(),
    }
}

/// Why there is no figure of a GPU; `None` where there is one.
fn why_none(scene: &Scene, shown: &[&GpuTrack]) -> Option<String> {
    if !shown.is_empty() {
        return None;
    }
    if scene.target.simulated {
        return Some("Simulated: no GPU works for it.".to_owned());
    }
    let elsewhere = match &scene.gpu.scope {
        Some(scope) => *scope == GpuScope::ClientHost,
        None => !scene.target.is_local(),
    };
    if elsewhere {
        let hint = if scene.gauges.is_none() { " --server-metrics asks the server." } else { "" };
        return Some(format!("The endpoint is on another machine: its GPUs are not seen.{hint}"));
    }
    Some(scene.gpu.absent.as_deref().map_or_else(|| "Looking for a GPU…".to_owned(), sanitise_line))
}

/// Says it; returns the rows that it took.
fn reason(frame: &mut Frame<'_>, area: Rect, view: &View<'_>, why: &str) -> u16 {
    let text = [Span::styled(why.to_owned(), view.theme.muted())];
    let mut lines = wrap(&text, usize::from(area.width.max(1)));
    let rows = (lines.len() as u16).min(area.height);
    let is_cut = lines.len() > usize::from(rows);
    lines.truncate(usize::from(rows));
    if let Some(last) = lines.last_mut().filter(|_| is_cut) {
        let told: String = last.iter().map(|span| span.content.as_ref()).collect();
        let told = fit::cut(&told, usize::from(area.width).saturating_sub(1));
        *last = vec![Span::styled(told.trim_end_matches('…').trim_end().to_owned() + "…", view.theme.muted())];
    }
    for (row, line) in lines.into_iter().enumerate() {
        pane::line(frame, area, row as u16, Line::from(line));
    }
    rows
}

/// Draws cards, or a line each; returns the rows that they took.
fn draw_gpus(frame: &mut Frame<'_>, area: Rect, view: &View<'_>, gpus: &[&GpuTrack]) -> u16 {
    let count = gpus.len() as u16;
    let each = area.height / count.max(1);
    if count > 1 && (gpus.len() > CARDS || each < LEAST) {
        rows::draw(frame, area, view, gpus);
        return area.height.min(count + 1);
    }
    // An empty line sets cards apart where there is room for it.
    let height = if each > card::WHOLE { card::WHOLE } else { each };
    let step = height + u16::from(height < each);
    for (at, gpu) in gpus.iter().enumerate() {
        let place = Rect { y: area.y + at as u16 * step, height, ..area };
        card::draw(frame, place, view, gpu, count > 1);
    }
    (step * (count - 1) + height).min(area.height)
}
