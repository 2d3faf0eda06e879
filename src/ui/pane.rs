//! The panes of the dashboard. Each pane has one file, one row in [`PANES`] and the same title rule.

pub mod cases;
pub mod depths;
pub mod footer;
pub mod gpu;
pub mod header;
pub mod latency;
pub mod load;
pub mod models;
pub mod preview;
pub mod race;
pub mod scope;

use ratatui::Frame;
use ratatui::layout::Rect;
use ratatui::text::{Line, Span};

use super::fit;
use super::view::View;
use crate::app::pane::PaneId;

/// A row of [`PANES`].
#[derive(Debug)]
pub struct Pane {
    /// The pane that the row describes.
    pub id: PaneId,
    /// Draws the pane, including its title rule.
    pub draw: fn(&mut Frame<'_>, Rect, &View<'_>),
}

/// All panes, in the order of `tab`.
pub const PANES: &[Pane] = &[
    Pane { id: PaneId::Cases, draw: cases::draw },
    Pane { id: PaneId::Preview, draw: preview::draw },
    Pane { id: PaneId::Scope, draw: scope::draw },
    Pane { id: PaneId::Latency, draw: latency::draw },
    Pane { id: PaneId::Gpu, draw: gpu::draw },
];

/// Text beside the title of a pane.
#[derive(Clone, Copy, Debug)]
pub enum About<'a> {
    /// A name from the user or the endpoint. Its end is cut if there is no room.
    Name(&'a str),
    /// Words of the program. Complete clauses are dropped if there is no room.
    Words(&'a str),
}

/// Draws a pane's title rule, `━ Title · about ━━━━━ figures ━`, and returns the area below it. The focused pane has a
/// heavy rule. On a short line `about` is cut first, then `figures` are dropped from their end.
pub fn rule(
    frame: &mut Frame<'_>,
    area: Rect,
    view: &View<'_>,
    id: PaneId,
    about: About<'_>,
    mut figures: Vec<Span<'static>>,
) -> Rect {
    let title = id.title();
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
    let room_for_about = room.saturating_sub(left_width + right_width + 5);
    let fitting = match about {
        About::Words(words) => Some(fit::clauses(words, room_for_about)).filter(|text| !text.ends_with(fit::ELLIPSIS)),
        // Drop a name of which only one or two letters would remain.
        About::Name(name) => {
            Some(fit::cut(name, room_for_about)).filter(|text| text == name || fit::width(text) >= LEAST_NAME)
        }
    };
    let about = fitting.filter(|text| !text.is_empty()).map_or_else(String::new, |text| format!("· {text} "));

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

/// Minimum width of a name that is cut, cells.
const LEAST_NAME: usize = 4;

/// Draws a line in row `row` of `area`, counted from the top. Does nothing below the area.
pub fn line<'a>(frame: &mut Frame<'_>, area: Rect, row: u16, line: impl Into<Line<'a>>) {
    if row < area.height {
        let row = Rect { y: area.y + row, height: 1, ..area };
        frame.render_widget(line.into(), row.intersection(frame.area()));
    }
}

/// Minimum number of free cells between the two parts of a line that [`ends`] draws.
pub const BETWEEN_ENDS: usize = 2;

/// Draws `left` and `right` at the two ends of a row. If both do not fit, only `left` is drawn.
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
    fn panes_are_listed_in_tab_order() {
        let ids: Vec<_> = PANES.iter().map(|p| p.id).collect();
        assert_eq!(ids, PaneId::ALL);
    }
}
