//! A terminal that is never taken to be larger than any is: what it says of its size decides what memory a frame takes.

use std::io;

use ratatui::backend::{Backend, ClearType, CrosstermBackend, WindowSize};
use ratatui::buffer::Cell;
use ratatui::layout::{Position, Size};

use super::frame_bytes::FrameBytes;
use super::usable::size_from_environment;

/// The largest part that is drawn: some 40 MB. What lies beyond stays empty.
const MOST: Size = Size { width: 1000, height: 500 };

/// The terminal's backend with a bounded size, into memory.
#[derive(Debug)]
pub(super) struct Bounded {
    backend: CrosstermBackend<FrameBytes>,
    /// The size where the terminal reports none.
    fallback: Option<Size>,
}

impl Bounded {
    pub(super) fn new(backend: CrosstermBackend<FrameBytes>) -> Self {
        Self { backend, fallback: size_from_environment(|name| std::env::var(name).ok()) }
    }

    fn believed(&self, size: Size) -> Size {
        let is_unknown = size.width == 0 || size.height == 0;
        bounded(self.fallback.filter(|_| is_unknown).unwrap_or(size))
    }
}

fn bounded(size: Size) -> Size {
    Size { width: size.width.min(MOST.width), height: size.height.min(MOST.height) }
}

impl Backend for Bounded {
    type Error = io::Error;

    fn draw<'a, I: Iterator<Item = (u16, u16, &'a Cell)>>(&mut self, content: I) -> io::Result<()> {
        self.backend.draw(content)
    }

    fn append_lines(&mut self, n: u16) -> io::Result<()> {
        self.backend.append_lines(n)
    }

    fn hide_cursor(&mut self) -> io::Result<()> {
        self.backend.hide_cursor()
    }

    fn show_cursor(&mut self) -> io::Result<()> {
        // Dropped, the library prints an error of this one, and panics where stderr is the terminal that is gone. Whatever is
        // written next meets the same error.
        drop(self.backend.show_cursor());
        Ok(())
    }

    fn get_cursor_position(&mut self) -> io::Result<Position> {
        self.backend.get_cursor_position()
    }

    fn set_cursor_position<P: Into<Position>>(&mut self, position: P) -> io::Result<()> {
        self.backend.set_cursor_position(position)
    }

    fn clear(&mut self) -> io::Result<()> {
        self.backend.clear()
    }

    fn clear_region(&mut self, clear_type: ClearType) -> io::Result<()> {
        self.backend.clear_region(clear_type)
    }

    fn size(&self) -> io::Result<Size> {
        self.backend.size().map(|size| self.believed(size))
    }

    fn window_size(&mut self) -> io::Result<WindowSize> {
        let window = self.backend.window_size()?;
        Ok(WindowSize { columns_rows: self.believed(window.columns_rows), ..window })
    }

    fn flush(&mut self) -> io::Result<()> {
        Backend::flush(&mut self.backend)
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

    #[test]
    fn a_size_of_nothing_is_the_one_of_the_environment() {
        let with = |fallback| Bounded { backend: CrosstermBackend::new(FrameBytes::default()), fallback };
        let named = with(Some(Size::new(100, 30)));
        assert_eq!(named.believed(Size::new(0, 24)), Size::new(100, 30));
        assert_eq!(named.believed(Size::new(80, 24)), Size::new(80, 24));
        assert_eq!(with(None).believed(Size::new(0, 0)), Size::new(0, 0));
        assert_eq!(with(Some(Size::new(u16::MAX, 9))).believed(Size::new(0, 0)).width, MOST.width);
    }
}
