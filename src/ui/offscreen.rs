//! A terminal of a fixed size that discards its output, to measure the cost of drawing including escape sequences.

use std::io::{self, Sink, sink};

use ratatui::backend::CrosstermBackend;
use ratatui::layout::Rect;
use ratatui::{Frame, Terminal, TerminalOptions, Viewport};

/// A screen whose output is discarded.
pub struct OffScreen(Terminal<CrosstermBackend<Sink>>);

impl OffScreen {
    /// A blank screen of this size.
    pub fn new((columns, rows): (u16, u16)) -> io::Result<Self> {
        let viewport = Viewport::Fixed(Rect::new(0, 0, columns, rows));
        Terminal::with_options(CrosstermBackend::new(sink()), TerminalOptions { viewport }).map(Self)
    }

    /// Draws a frame and writes its differences to the last one.
    pub fn draw(&mut self, draw: impl FnOnce(&mut Frame<'_>)) -> io::Result<()> {
        self.0.draw(draw).map(drop)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_frame_has_the_given_size() {
        let mut area = Rect::default();
        OffScreen::new((120, 40)).unwrap().draw(|frame| area = frame.area()).unwrap();
        assert_eq!((area.width, area.height), (120, 40));
    }
}
