//! A slim horizontal bar on one line, with an optional tick.

use ratatui::style::Style;
use ratatui::text::Span;

/// The content of a bar. Shares are fractions of the whole, 0 to 1.
#[derive(Clone, Copy, Debug)]
pub struct Bar {
    /// Filled share.
    pub share: f64,
    /// Share at which a tick is drawn, such as a peak.
    pub tick: Option<f64>,
    /// Style of the filled part.
    pub filled: Style,
    /// Style of the rest.
    pub rest: Style,
    /// Style of the tick.
    pub ticked: Style,
}

impl Bar {
    /// Draws the bar in `cells` cells. A share above 0 fills at least half a cell, so that it differs from 0.
    pub fn spans(&self, cells: usize) -> Vec<Span<'static>> {
        let share = if self.share.is_finite() { self.share.clamp(0.0, 1.0) } else { 0.0 };
        let halves = (share * cells as f64 * 2.0).round() as usize;
        let halves = if share > 0.0 { halves.max(1) } else { 0 };
        let tick = self
            .tick
            .filter(|t| t.is_finite() && cells > 0)
            .map(|t| ((t.clamp(0.0, 1.0) * cells as f64).ceil() as usize).saturating_sub(1).min(cells - 1));
        let mut spans: Vec<Span<'static>> = Vec::new();
        let mut add = |symbol: char, style: Style| match spans.last_mut() {
            Some(last) if last.style == style => last.content.to_mut().push(symbol),
            _ => spans.push(Span::styled(symbol.to_string(), style)),
        };
        for cell in 0..cells {
            if tick == Some(cell) {
                add('┃', self.ticked);
            } else if halves >= cell * 2 + 2 {
                add('━', self.filled);
            } else if halves == cell * 2 + 1 {
                add('╸', self.filled);
            } else {
                add('─', self.rest);
            }
        }
        spans
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn bar(share: f64, tick: Option<f64>, cells: usize) -> String {
        let style = Style::new();
        let bar = Bar { share, tick, filled: style.bold(), rest: style, ticked: style.reversed() };
        bar.spans(cells).iter().map(|s| s.content.as_ref()).collect()
    }

    #[test]
    fn fills_by_half_cells() {
        assert_eq!(bar(0.0, None, 4), "────");
        assert_eq!(bar(0.5, None, 4), "━━──");
        assert_eq!(bar(0.625, None, 4), "━━╸─");
        assert_eq!(bar(1.0, None, 4), "━━━━");
        assert_eq!(bar(0.001, None, 4), "╸───");
        assert_eq!(bar(f64::NAN, None, 2), "──");
        assert_eq!(bar(0.5, Some(0.5), 0), "");
    }

    #[test]
    fn the_tick_is_drawn_in_the_cell_of_its_share() {
        assert_eq!(bar(0.5, Some(0.75), 8), "━━━━─┃──");
        assert_eq!(bar(0.5, Some(0.5), 8), "━━━┃────");
        assert_eq!(bar(1.0, Some(1.0), 4), "━━━┃");
        assert_eq!(bar(0.0, Some(0.0), 4), "┃───");
    }
}
