//! A terminal that is never taken to be larger than any is: what it says of its size decides what memory a frame takes.

use std::io::{self, BufWriter, Stdout};

use ratatui::backend::{Backend, ClearType, CrosstermBackend, WindowSize};
use ratatui::buffer::Cell;
use ratatui::layout::{Position, Size};

/// The largest part that is drawn: some 40 MB. What lies beyond stays empty.
const MOST: Size = Size { width: 1000, height: 500 };

/// The terminal's backend with a bounded size.
#[derive(Debug)]
pub(super) struct Bounded(pub(super) CrosstermBackend<BufWriter<Stdout>>);

fn bounded(size: Size) -> Size {
    Size { width: size.width.min(MOST.width), height: size.height.min(MOST.height) }
}

impl Backend for Bounded {
    type Error = io::Error;

    fn draw<'a, I: Iterator<Item = (u16, u16, &'a Cell)>>(&mut self, content: I) -> io::Result<()> {
        self.0.draw(content)
    }

    fn append_lines(&mut self, n: u16) -> io::Result<()> {
        self.0.append_lines(n)
    }

    fn hide_cursor(&mut self) -> io::Result<()> {
        self.0.hide_cursor()
    }

    fn show_cursor(&mut self) -> io::Result<()> {
        // Dropped, the library prints an error of this one, and panics where stderr is the terminal that is gone. Whatever is
        // written next meets the same error.
        drop(self.0.show_cursor());
        Ok(())
    }

    fn get_cursor_position(&mut self) -> io::Result<Position> {
        self.0.get_cursor_position()
    }

    fn set_cursor_position<P: Into<Position>>(&mut self, position: P) -> io::Result<()> {
        self.0.set_cursor_position(position)
    }

    fn clear(&mut self) -> io::Result<()> {
        self.0.clear()
    }

    fn clear_region(&mut self, clear_type: ClearType) -> io::Result<()> {
        self.0.clear_region(clear_type)
    }

    fn size(&self) -> io::Result<Size> {
        self.0.size().map(bounded)
    }

    fn window_size(&mut self) -> io::Result<WindowSize> {
        let window = self.0.window_size()?;
        Ok(WindowSize { columns_rows: bounded(window.columns_rows), ..window })
    }

    fn flush(&mut self) -> io::Result<()> {
        Backend::flush(&mut self.0)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_size_that_no_terminal_has_is_not_believed() {
        let told = |width, height| bounded(Size { width, height });
        assert_eq!(told(u16::MAX, u16::MAX), MOST);
        assert_eq!([told(0, 0), told(300, 100)], [Size::new(0, 0), Size::new(300, 100)]);
    }
}
