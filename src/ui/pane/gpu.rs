//! The GPU pane: memory, utilization, power, temperature and clocks of the GPUs, and the server's own metrics. Missing
//! figures have a reason.

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
use crate::ui::pane::About;
use crate::ui::view::View;
use crate::ui::widget::wrap::wrap;
use crate::ui::{fit, pane};

/// Maximum number of GPUs drawn as cards; more get a line each.
const MAX_CARDS: usize = 4;
/// Minimum lines of a card.
const MIN_CARD: u16 = 2;
/// Maximum lines of the server's metrics.
const GAUGES: usize = 2;
/// Maximum lines of the reason why there is no GPU figure.
const REASON: u16 = 2;
/// Cells of the title rule apart from its text.
const RULE: usize = 12;

/// Content of the pane, for the layout.
#[derive(Clone, Copy, Debug)]
pub enum GpuPaneContent {
    /// Figures that need this number of lines, including the title rule.
    Figures(u16),
    /// The reason why there is no figure, of this width in cells.
    Reason(u16),
}

impl GpuPaneContent {
    /// Determines the content from the state.
    pub fn from_app(app: &App) -> Self {
        let scene = app.shown();
        let gpus = scene.gpus();
        if let (Some(none), None) = (NoGpu::from_scene(scene, &gpus), &scene.gauges) {
            return Self::Reason(u16::try_from(fit::width(&none.why)).unwrap_or(u16::MAX));
        }
        let body = match gpus.len() as u16 {
            0 => REASON,
            n if usize::from(n) <= MAX_CARDS => n * card::FULL_LINES + n - 1,
            n => n + 1,
        };
        let server = if scene.gauges.is_some() { GAUGES as u16 } else { 0 };
        Self::Figures(body.saturating_add(server + 1))
    }

    /// Number of lines the content fills at a width of `columns`, including the rule. A short reason fits into the
    /// rule.
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
    let none = NoGpu::from_scene(scene, &gpus);
    let about = match &none {
        // The pane consists of the title rule only, so the reason must fit into it.
        Some(none) if area.height == 1 => none.fitting(|text| has_room(fit::width(text), area.width)).to_owned(),
        _ => about(scene, &gpus, area.width),
    };
    let area = pane::rule(frame, area, view, PaneId::Gpu, About::Words(&about), driver.into_iter().collect());
    if area.is_empty() {
        return;
    }

    // The server's metrics are at the bottom and leave at least one line to the GPUs.
    let most = if area.height > 3 { GAUGES } else { 1 };
    let server = gauges::lines(view, area.width, most.min(usize::from(area.height)));
    let server_rows = (server.len() as u16).min(area.height.saturating_sub(1).max(1));
    let above = Rect { height: area.height - server_rows, ..area };
    let top = match none {
        Some(none) => reason(frame, above, view, &none),
        None => draw_gpus(frame, above, view, &gpus),
    };
    for (row, line) in server.into_iter().enumerate() {
        pane::line(frame, area, top + row as u16, line);
    }
}

/// Text of the title rule: the machine if it is another one, and whether its GPUs serve the endpoint. The evidence for
/// that is left out if it exceeds `width` cells; the report has it.
fn about(scene: &Scene, gpus: &[&GpuTrack], width: u16) -> String {
    let mut hosts: Vec<&str> = gpus.iter().filter_map(|gpu| gpu.info.host.as_deref()).collect();
    hosts.sort_unstable();
    hosts.dedup();
    match (hosts.as_slice(), &scene.gpu.scope) {
        _ if gpus.is_empty() => String::new(),
        ([host], _) => sanitise_line(host),
        ([_, _, ..], _) => format!("{} machines", hosts.len()),
        ([], Some(GpuScope::EndpointHost { evidence, .. })) => {
            Some(sanitise_line(evidence)).filter(|text| has_room(fit::width(text), width)).unwrap_or_default()
        }
        ([], Some(GpuScope::Unknown { .. })) => "serving GPUs unknown".to_owned(),
        ([], _) => String::new(),
    }
}

/// Reason why there is no GPU figure, in full and in a few words.
struct NoGpu {
    why: String,
    short: &'static str,
}

impl NoGpu {
    /// Determines the reason; `None` if there is a figure.
    fn from_scene(scene: &Scene, shown: &[&GpuTrack]) -> Option<Self> {
        if !shown.is_empty() {
            return None;
        }
        if scene.target.simulated {
            return Some(Self { why: "No GPU: simulated server.".to_owned(), short: "simulated" });
        }
        let elsewhere = match &scene.gpu.scope {
            Some(scope) => *scope == GpuScope::ClientHost,
            None => !scene.target.is_local(),
        };
        if elsewhere {
            let hint = if scene.gauges.is_none() { " --server-metrics reads the metrics of the server." } else { "" };
            let why = format!("The endpoint is on another machine, whose GPUs are not visible from here.{hint}");
            return Some(Self { why, short: "remote" });
        }
        Some(match &scene.gpu.absent {
            Some(why) => Self { why: sanitise_line(why), short: "none" },
            None => Self { why: "Looking for a GPU…".to_owned(), short: "looking" },
        })
    }

    /// The longest text that fits: the reason, its first sentence, or a few words.
    fn fitting(&self, fits: impl Fn(&str) -> bool) -> &str {
        let end = [". ", "; "].into_iter().filter_map(|end| self.why.find(end)).min().unwrap_or(self.why.len());
        let texts = [self.why.as_str(), self.why.split_at(end).0];
        texts.into_iter().find(|text| fits(text)).unwrap_or(self.short)
    }
}

/// Draws the reason; returns the number of rows used.
fn reason(frame: &mut Frame<'_>, area: Rect, view: &View<'_>, none: &NoGpu) -> u16 {
    let wrapped =
        |text: &str| wrap(&[Span::styled(text.to_owned(), view.theme.muted())], usize::from(area.width.max(1)));
    let lines = wrapped(none.fitting(|text| wrapped(text).len() <= usize::from(area.height)));
    let rows = (lines.len() as u16).min(area.height);
    for (row, line) in (0..rows).zip(lines) {
        pane::line(frame, area, row, Line::from(line));
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
    // A blank line separates the cards if there is room.
    let height = each.min(card::FULL_LINES);
    let step = height + u16::from(height < each);
    for (at, gpu) in gpus.iter().enumerate() {
        let place = Rect { y: area.y + at as u16 * step, height, ..area };
        card::draw(frame, place, view, gpu, count > 1);
    }
    (step * (count - 1) + height).min(area.height)
}
