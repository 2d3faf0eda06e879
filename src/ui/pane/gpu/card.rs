//! The card of one GPU, in as many lines as are available.

use std::time::Duration;

use ratatui::Frame;
use ratatui::layout::Rect;
use ratatui::style::Style;
use ratatui::text::{Line, Span};

use crate::domain::gpu::MemoryKind;
use crate::domain::gpu_track::{GpuTrack, MeanAndMax};
use crate::domain::series::Series;
use crate::domain::session::Mode;
use crate::domain::text::sanitise_line;
use crate::ui::view::View;
use crate::ui::widget::bar::Bar;
use crate::ui::widget::resample::resample;
use crate::ui::widget::spark;
use crate::ui::{fit, number, pane};

/// Lines of a full card: name, memory, peak and start, utilization, power, temperature.
pub const FULL_LINES: u16 = 6;
/// Width from which the memory's bar and figures share a line, cells.
const WIDE: u16 = 44;
/// Width from which a note may follow the memory figures, cells.
const WITH_RESERVED: u16 = 36;
/// Width of a label, cells.
const LABEL: usize = 8;
/// Width of a figure with its unit, and with the word "mean" before it, cells.
const FIGURE: [usize; 2] = [12, 17];
/// Mark of the peak, in the memory bar and before its figure.
const PEAK: &str = "┃";
/// Note on the figures of a finished run.
const MEANS: &str = "means of the run";
/// Number of missed samples after which the driver counts as silent.
const SILENT_SAMPLES: u64 = 4;

/// A GPU, and how to draw its card.
struct Card<'a> {
    view: &'a View<'a>,
    gpu: &'a GpuTrack,
    /// Reason why the figures are stale, if they are.
    stale_reason: Option<String>,
    /// Style of the figures: dim if they are stale.
    value: Style,
    width: u16,
}

/// Draws the card into `area`. With `numbered`, the name includes the driver's index of the GPU.
pub fn draw(frame: &mut Frame<'_>, area: Rect, view: &View<'_>, gpu: &GpuTrack, numbered: bool) {
    let stale_reason = stale_reason(view, gpu);
    let value = if stale_reason.is_some() { view.theme.muted() } else { view.theme.value() };
    let card = Card { view, gpu, stale_reason, value, width: area.width };
    let lines = card.lines(area.height, numbered);
    for (row, line) in lines.into_iter().enumerate() {
        pane::line(frame, area, row as u16, line);
    }
}

/// Reason why the last figures are stale, if they are.
pub(super) fn stale_reason(view: &View<'_>, gpu: &GpuTrack) -> Option<String> {
    let scene = view.scene();
    if let Some(reason) = &gpu.lost {
        return Some(sanitise_line(reason));
    }
    let silent = scene.now.since(gpu.sampled_at?);
    let patience = Duration::from_millis(scene.gpu.interval_ms.max(100) * SILENT_SAMPLES);
    (scene.session.is_active() && silent > patience).then(|| format!("driver silent {:.1} s", silent.as_secs_f64()))
}

/// Mark in front of a GPU: whether it serves the endpoint. Empty if that is unknown.
pub(super) fn mark(view: &View<'_>, gpu: &GpuTrack) -> &'static str {
    match view.scene().serves(gpu) {
        Some(true) => "● ",
        Some(false) => "  ",
        None => "",
    }
}

/// Returns the current figure; for a silent or lost GPU the last known one, which is drawn dim.
pub(super) fn last_of(view: &View<'_>, gpu: &GpuTrack, series: &Series) -> Option<f64> {
    let stale = || stale_reason(view, gpu).and_then(|_| series.last_known());
    series.last().or_else(stale)
}

/// Whether the run is finished, so that the figures are means over the run. Load after the run belongs to other
/// programs.
pub(super) fn is_over(view: &View<'_>) -> bool {
    view.scene().session.mode == Mode::Finished
}

/// Returns the figure of a sensor: its mean over a finished run, or else its [last](last_of) value.
pub(super) fn reading(view: &View<'_>, gpu: &GpuTrack, series: &Series, of_run: MeanAndMax) -> Option<f64> {
    of_run.mean().filter(|_| is_over(view)).or_else(|| last_of(view, gpu, series))
}

/// Returns the name of a GPU in at most `cells` cells; drops the vendor first.
pub(super) fn short_name(gpu: &GpuTrack, cells: usize) -> String {
    let name = sanitise_line(&gpu.info.model);
    if fit::width(&name) <= cells {
        return name;
    }
    let vendor = gpu.info.vendor.iter().map(String::as_str);
    // Drop the brand, because only the model distinguishes GPUs.
    let short = vendor.chain(["GeForce"]).fold(name.as_str(), |name, word| {
        name.strip_prefix(word).and_then(|rest| rest.strip_prefix(' ')).unwrap_or(name)
    });
    fit::cut(short, cells)
}

impl Card<'_> {
    fn lines(&self, height: u16, numbered: bool) -> Vec<Line<'static>> {
        let wide = self.width >= WIDE;
        let mark = mark(self.view, self.gpu);
        let index = if numbered { format!("{mark}{} ", self.gpu.info.index) } else { String::new() };
        match (height, wide) {
            (0, _) => Vec::new(),
            (1, true) if self.stale_reason.is_some() => vec![self.name(&index)],
            (1, false) if self.stale_reason.is_some() => vec![self.sensors()],
            (1, _) => vec![self.memory_line(&index)],
            (2, true) if self.stale_reason.is_some() => vec![self.name(&index), self.memory_line("")],
            (2, true) => vec![self.memory_line(&index), self.sensors_and_clocks()],
            (2, false) => vec![self.memory_line(&index), self.sensors()],
            (3, true) => vec![self.name(&index), self.memory_line(""), self.sensors()],
            (4 | 5, true) => vec![self.name(&index), self.memory_line(""), self.peak(), self.sensors()],
            (3, false) => vec![self.memory_bar(&index), self.memory_text(), self.sensors()],
            (4, false) => vec![self.memory_bar(&index), self.memory_text(), self.peak(), self.sensors()],
            (5, false) => {
                vec![self.name(&index), self.memory_bar(""), self.memory_text(), self.peak(), self.sensors()]
            }
            (_, true) => {
                let mut lines = vec![self.name(&index), self.memory_line(""), self.peak()];
                lines.extend(self.histories());
                lines
            }
            (6 | 7, false) => {
                let mut lines = vec![self.memory_bar(&index), self.memory_text(), self.peak()];
                lines.extend(self.histories());
                lines
            }
            (_, false) => {
                let mut lines = vec![self.name(&index), self.memory_bar(""), self.memory_text(), self.peak()];
                lines.extend(self.histories());
                lines
            }
        }
    }

    fn muted(&self, text: impl Into<String>) -> Span<'static> {
        Span::styled(text.into(), self.view.theme.muted())
    }

    fn name(&self, index: &str) -> Line<'static> {
        let theme = self.view.theme;
        let room = usize::from(self.width);
        match &self.stale_reason {
            None => {
                let is_roomy = |right: &[Span<'_>]| {
                    let name = fit::width(index) + fit::width(&self.gpu.info.model);
                    name + fit::spans_width(right) + 2 <= room
                };
                // No note is needed where the figures say that they are means.
                let right =
                    Some(self.clocks()).filter(|right| !is_over(self.view) || is_roomy(right)).unwrap_or_default();
                let taken = fit::spans_width(&right);
                let room = room.saturating_sub(if taken > 0 { taken + 2 } else { 0 });
                let name = short_name(self.gpu, room.saturating_sub(fit::width(index)));
                let name = fit::cut(&format!("{index}{name}"), room);
                let between = usize::from(self.width).saturating_sub(fit::width(&name) + taken);
                let mut spans = vec![Span::styled(name, theme.text()), Span::raw(" ".repeat(between))];
                spans.extend(right);
                Line::from(spans)
            }
            Some(why) => {
                let name = format!("{index}{}", sanitise_line(&self.gpu.info.model));
                let name = fit::cut(&name, room.saturating_sub(fit::width(why) + 2).max(room / 3));
                let why = fit::cut(why, room.saturating_sub(fit::width(&name) + 2));
                Line::from(vec![self.muted(name), Span::raw("  "), Span::styled(why, theme.warning())])
            }
        }
    }

    /// The clock, and the reasons for which it is throttled.
    fn clocks(&self) -> Vec<Span<'static>> {
        if is_over(self.view) {
            return if self.width >= WIDE { vec![self.muted(MEANS)] } else { Vec::new() };
        }
        let throttled: Vec<_> = self.gpu.throttle.into_iter().flat_map(crate::domain::gpu::Throttle::labels).collect();
        let mut spans = Vec::new();
        if let Some(mhz) = self.gpu.sm_clock_mhz.last().filter(|_| self.width >= WIDE) {
            spans.push(self.muted(format!("{mhz:.0} MHz")));
        }
        if !throttled.is_empty() {
            let gap = if spans.is_empty() { "" } else { "  " };
            // Show as many reasons as fit, and the number of the others.
            let texts = (0..=throttled.len()).rev().map(|shown| match throttled.len() - shown {
                0 => format!("{gap}[{}]", throttled.join(", ")),
                more if shown == 0 => format!("{gap}[{more}]"),
                more => format!("{gap}[{} +{more}]", throttled[..shown].join(", ")),
            });
            let room = usize::from(self.width) / 2;
            let text = texts.into_iter().find(|text| fit::width(text) <= room).unwrap_or_default();
            spans.push(Span::styled(text, self.view.theme.warning()));
        }
        spans
    }

    fn used_mib(&self) -> Option<f64> {
        last_of(self.view, self.gpu, &self.gpu.memory_used_mib)
    }

    fn bar(&self, cells: usize) -> Vec<Span<'static>> {
        let theme = self.view.theme;
        let total = self.gpu.memory_total_mib().filter(|t| *t > 0.0);
        let (Some(total), Some(used)) = (total, self.used_mib()) else {
            return vec![self.muted("─".repeat(cells))];
        };
        let filled = if self.stale_reason.is_some() { theme.muted() } else { theme.accent() };
        let tick = self.gpu.peak_mib.map(|(peak, _)| peak / total);
        Bar { share: used / total, tick, filled, rest: theme.muted(), ticked: self.value }.spans(cells)
    }

    /// Reason why the memory in use is unknown; `None` if it is known.
    fn memory_unknown(&self, cells: usize) -> Option<Span<'static>> {
        let why = self.gpu.info.memory_unknown_because.as_deref().filter(|_| self.used_mib().is_none())?;
        Some(self.muted(fit::cut(&sanitise_line(why), cells)))
    }

    fn memory_figures(&self) -> Vec<Span<'static>> {
        vec![
            Span::styled(number::gib(self.used_mib()), self.value),
            self.muted(format!(" / {} GiB{}", number::gib(self.gpu.memory_total_mib()), self.memory_note())),
        ]
    }

    /// Note after the memory in use, if there is room: whether the figure includes reserved memory or covers the whole
    /// machine.
    fn memory_note(&self) -> &'static str {
        let info = &self.gpu.info;
        match (info.memory_used_includes_reserved, info.memory_used_is_machines) {
            _ if self.width < WITH_RESERVED => "",
            (true, _) => " incl. reserved",
            (false, true) => " (whole machine)",
            (false, false) => "",
        }
    }

    /// Label of the memory: `unified` if CPU and GPU share it.
    fn memory_label(&self) -> &'static str {
        if self.gpu.info.memory_kind == MemoryKind::Unified { "unified" } else { "memory" }
    }

    /// Memory figures for a narrow line that also holds the bar.
    fn memory_figures_short(&self) -> Vec<Span<'static>> {
        vec![
            Span::styled(number::gib(self.used_mib()), self.value),
            self.muted(format!("/{} GiB", number::gib(self.gpu.memory_total_mib()))),
        ]
    }

    fn memory_line(&self, index: &str) -> Line<'static> {
        let wide = self.width >= WIDE;
        let label = if index.is_empty() && wide { fit::left(self.memory_label(), LABEL) } else { index.to_owned() };
        if let Some(why) = self.memory_unknown(usize::from(self.width).saturating_sub(fit::width(&label))) {
            return Line::from(vec![self.muted(label), why]);
        }
        let figures = if wide { self.memory_figures() } else { self.memory_figures_short() };
        let taken = fit::width(&label) + figures.iter().map(Span::width).sum::<usize>() + 2;
        let cells = usize::from(self.width).saturating_sub(taken);
        let mut spans = vec![self.muted(label)];
        if cells >= 3 {
            spans.extend(self.bar(cells));
            spans.push(Span::raw("  "));
        }
        spans.extend(figures);
        Line::from(spans)
    }

    fn memory_bar(&self, index: &str) -> Line<'static> {
        let mut spans = vec![self.muted(index.to_owned())];
        spans.extend(self.bar(usize::from(self.width).saturating_sub(fit::width(index))));
        Line::from(spans)
    }

    fn memory_text(&self) -> Line<'static> {
        if let Some(why) = self.memory_unknown(usize::from(self.width)) {
            return Line::from(why);
        }
        Line::from(self.memory_figures())
    }

    fn peak(&self) -> Line<'static> {
        let Some((peak, at)) = self.gpu.peak_mib else { return Line::from(self.muted("no peak yet")) };
        let when =
            self.view.scene().session.began.map_or_else(String::new, |b| format!(" at {}", number::clock(at.since(b))));
        let mut spans = Vec::new();
        if self.width >= WIDE {
            spans.push(Span::raw(" ".repeat(LABEL)));
        }
        spans.extend([
            Span::styled(PEAK, self.value),
            self.muted(" peak "),
            Span::styled(number::gib(Some(peak)), self.value),
            self.muted(format!(" GiB{when}")),
        ]);
        if let Some(start) = self.gpu.used_at_start_mib.filter(|_| self.width >= WIDE) {
            spans.push(self.muted(format!("   start {} GiB", number::gib(Some(start)))));
        }
        Line::from(spans)
    }

    /// Utilization, power and temperature on one line; or the reason why they are stale, if no name line shows it.
    fn sensors(&self) -> Line<'static> {
        if let (Some(why), true) = (&self.stale_reason, self.width < WIDE) {
            return Line::styled(fit::cut(why, usize::from(self.width)), self.view.theme.warning());
        }
        let mut spans = Vec::new();
        if self.width >= WIDE {
            spans.push(Span::raw(" ".repeat(LABEL)));
        }
        for (at, (_, value, unit)) in self.readings().into_iter().enumerate() {
            if at > 0 {
                spans.push(Span::raw("  "));
            } else if is_over(self.view) {
                spans.push(self.muted("mean "));
            }
            spans.push(Span::styled(value, self.value));
            spans.push(self.muted(unit));
        }
        Line::from(spans)
    }

    /// The sensors, followed by clock and throttle reasons, for a card without a name line.
    fn sensors_and_clocks(&self) -> Line<'static> {
        let mut line = self.sensors();
        let clocks = self.clocks();
        if !clocks.is_empty() {
            line.push_span(Span::raw("  "));
            line.extend(clocks);
        }
        line
    }

    /// Label, figure and unit of each sensor.
    fn readings(&self) -> [(&'static str, String, String); 3] {
        let figure = |series: &Series, of_run: MeanAndMax| {
            let value = reading(self.view, self.gpu, series, of_run);
            value.map_or_else(|| number::UNKNOWN.to_owned(), number::whole)
        };
        let limit = self.gpu.info.power_limit_w.filter(|_| self.width >= 32);
        let power_unit = limit.map_or_else(|| " W".to_owned(), |limit| format!(" / {limit:.0} W"));
        [
            ("util", figure(&self.gpu.load_percent, self.gpu.load), "%".to_owned()),
            ("power", figure(&self.gpu.power_w, self.gpu.power), power_unit),
            ("temp", figure(&self.gpu.temperature_c, self.gpu.temperature), " °C".to_owned()),
        ]
    }

    fn histories(&self) -> Vec<Line<'static>> {
        let power_top = self.gpu.info.power_limit_w.filter(|w| *w > 0.0);
        let series = [
            (&self.gpu.load_percent, Some(100.0)),
            (&self.gpu.power_w, power_top),
            (&self.gpu.temperature_c, Some(100.0)),
        ];
        let line = |((label, value, unit), (series, top)): ((&str, String, String), (&Series, Option<f64>))| {
            let is_over = is_over(self.view);
            let mean = if is_over { "mean " } else { "" };
            let columns = FIGURE[usize::from(is_over)] - mean.len();
            let figure = fit::left(&format!("{value}{unit}"), columns);
            let (value, unit) = figure.split_at(value.len());
            let label = fit::left(label, if self.width >= WIDE { LABEL } else { 6 }) + mean;
            let cells = usize::from(self.width).saturating_sub(fit::width(&label) + columns + 1);
            Line::from(vec![
                self.muted(label),
                Span::styled(value.to_owned(), self.value),
                self.muted(format!("{unit} ")),
                Span::styled(self.history(series, top, cells), self.view.theme.series(0)),
            ])
        };
        self.readings().into_iter().zip(series).map(line).collect()
    }

    /// Draws the samples of the run as `cells` small bars, over the time span of the charts over time.
    fn history(&self, series: &Series, top: Option<f64>, cells: usize) -> String {
        let scene = self.view.scene();
        let (from, to) = scene.window();
        let points = series.since(from);
        let max_silence = series.hold(Duration::from_millis(scene.gpu.interval_ms.max(100) * SILENT_SAMPLES));
        let values = resample(&points, from, to, cells, max_silence);
        let top = top.unwrap_or_else(|| values.iter().flatten().copied().fold(0.0, f64::max));
        spark::bars(&values, top)
    }
}
