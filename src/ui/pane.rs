//! The panes: one file and one row of [`PANES`] each, all titled alike.

pub mod cases;
pub mod footer;
pub mod gpu;
pub mod header;
pub mod latency;
pub mod load;
pub mod preview;
pub mod scope;

use ratatui::Frame;
use ratatui::layout::Rect;
use ratatui::text::{Line, Span};

use super::fit;
use super::view::View;
use crate::app::pane::PaneId;

/// What a pane needs of the screen.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Place {
    /// The full width of the table column, as high as its rows.
    Table,
    /// What the table leaves.
    Text,
    /// A share of the instruments' column or strip.
    Instrument,
}

/// A pane.
#[derive(Debug)]
pub struct Pane {
    /// Which.
    pub id: PaneId,
    /// Where it goes.
    pub place: Place,
    /// Its share of the instruments' column.
    pub weight: u16,
    /// Draws it, its rule included.
    pub draw: fn(&mut Frame<'_>, Rect, &View<'_>),
}

/// All panes, in the order of `tab`.
pub const PANES: &[Pane] = &[
    Pane { id: PaneId::Cases, place: Place::Table, weight: 0, draw: cases::draw },
    Pane { id: PaneId::Preview, place: Place::Text, weight: 0, draw: preview::draw },
    Pane { id: PaneId::Scope, place: Place::Instrument, weight: 4, draw: scope::draw },
    Pane { id: PaneId::Latency, place: Place::Instrument, weight: 3, draw: latency::draw },
    Pane { id: PaneId::Gpu, place: Place::Instrument, weight: 3, draw: gpu::draw },
];

/// Draws a pane's rule, `━ Title · about ━━━━━ figures ━`, and returns the area below it. The pane that keys go to has a
/// heavy rule. Where the line is too short, first `about` goes, then `figures` from their end.
pub fn rule(
    frame: &mut Frame<'_>,
    area: Rect,
    view: &View<'_>,
    id: PaneId,
    about: &str,
    figures: Vec<Span<'static>>,
) -> Rect {
    titled_rule(frame, area, view, id, id.title(), about, figures)
}

/// The same under another title: what a pane shows instead of its own.
pub fn titled_rule(
    frame: &mut Frame<'_>,
    area: Rect,
    view: &View<'_>,
    id: PaneId,
    title: &'static str,
    about: &str,
    mut figures: Vec<Span<'static>>,
) -> Rect {
    let focused = view.is_focused(id);
    let (stroke, border) = (if focused { "━" } else { "─" }, view.theme.border(focused));
    let room = usize::from(area.width);
    let left_width = fit::width(title) + 3;
    let width_of = |figures: &[Span<'_>]| match figures.iter().map(Span::width).sum::<usize>() {
        0 => 0,
        width => width + 3,
    };
    while !figures.is_empty() && left_width + width_of(&figures) > room {
        figures.pop();
    }
    let right_width = width_of(&figures);
    let fitting = fit::cut(about, room.saturating_sub(left_width + right_width + 5));
    // A letter or two of a name tell nothing.
    let tells = fitting == about || fit::width(&fitting) >= 4;
    let about = if tells && !about.is_empty() { format!("· {fitting} ") } else { String::new() };

    let mut spans = vec![
        Span::styled(format!("{stroke} "), border),
        Span::styled(title, view.theme.title(focused)),
        Span::raw(" "),
        Span::styled(about, view.theme.muted()),
    ];
    let left_width = spans.iter().map(Span::width).sum::<usize>();
    spans.push(Span::styled(stroke.repeat(room.saturating_sub(left_width + right_width)), border));
    if right_width > 0 {
        spans.push(Span::raw(" "));
        spans.extend(figures);
        spans.push(Span::styled(format!(" {stroke}"), border));
    }
    line(frame, area, 0, Line::from(spans));
    Rect { y: area.y.saturating_add(1), height: area.height.saturating_sub(1), ..area }
}

/// Puts a line into the row of `area` counted from its top, if it has that row.
pub fn line<'a>(frame: &mut Frame<'_>, area: Rect, row: u16, line: impl Into<Line<'a>>) {
    if row < area.height {
        let row = Rect { y: area.y + row, height: 1, ..area };
        frame.render_widget(line.into(), row.intersection(frame.area()));
    }
}

/// Cells that stay free between what [`ends`] puts at the two ends.
pub const BETWEEN_ENDS: usize = 2;

/// Puts `left` and `right` at the two ends of a row. Where both do not fit, `right` goes.
pub fn ends(frame: &mut Frame<'_>, area: Rect, row: u16, left: Vec<Span<'_>>, right: Vec<Span<'_>>) {
    let taken: usize = left.iter().map(Span::width).sum();
    let wanted: usize = right.iter().map(Span::width).sum();
    line(frame, area, row, Line::from(left));
    if wanted > 0 && taken + wanted + BETWEEN_ENDS <= usize::from(area.width) {
        let x = area.right() - wanted as u16;
        line(frame, Rect { x, width: wanted as u16, ..area }, row, Line::from(right));
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn every_pane_has_its_row_in_the_order_of_tab() {
        let ids: Vec<_> = PANES.iter().map(|p| p.id).collect();
        assert_eq!(ids, PaneId::ALL);
    }
}
