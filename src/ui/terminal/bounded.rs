//! Bounds the size that the terminal reports, because a frame takes memory in proportion to the size.

use std::io;

use ratatui::backend::{Backend, ClearType, CrosstermBackend, WindowSize};
use ratatui::buffer::Cell;
use ratatui::layout::{Position, Size};

use super::frame_bytes::FrameBytes;
use super::usable::size_from_environment;

/// Maximum size that is drawn, which takes about 40 MB. The rest of a larger terminal stays empty.
const MAX_SIZE: Size = Size { width: 1000, height: 500 };

/// A backend that draws into memory and reports a bounded size.
#[derive(Debug)]
pub(super) struct Bounded {
    backend: CrosstermBackend<FrameBytes>,
    /// Size to use if the terminal reports none.
    fallback: Option<Size>,
}

impl Bounded {
    pub(super) fn new(backend: CrosstermBackend<FrameBytes>) -> Self {
        Self { backend, fallback: size_from_environment(|name| std::env::var(name).ok()) }
    }

    fn effective(&self, size: Size) -> Size {
        let is_unknown = size.width == 0 || size.height == 0;
        bounded(self.fallback.filter(|_| is_unknown).unwrap_or(size))
    }
}

fn bounded(size: Size) -> Size {
    Size { width: size.width.min(MAX_SIZE.width), height: size.height.min(MAX_SIZE.height) }
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
        // Ignore an error: when dropped, the library would print it, and panic if stderr is a terminal that is gone.
        // The next write returns the same error.
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
        self.backend.size().map(|size| self.effective(size))
    }

    fn window_size(&mut self) -> io::Result<WindowSize> {
        let window = self.backend.window_size()?;
        Ok(WindowSize { columns_rows: self.effective(window.columns_rows), ..window })
    }

    fn flush(&mut self) -> io::Result<()> {
        Backend::flush(&mut self.backend)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn an_impossible_size_is_bounded() {
        let size = |width, height| bounded(Size { width, height });
        assert_eq!(size(u16::MAX, u16::MAX), MAX_SIZE);
        assert_eq!([size(0, 0), size(300, 100)], [Size::new(0, 0), Size::new(300, 100)]);
    }

    #[test]
    fn an_unknown_size_falls_back_to_the_environment() {
        let with = |fallback| Bounded { backend: CrosstermBackend::new(FrameBytes::default()), fallback };
        let named = with(Some(Size::new(100, 30)));
        assert_eq!(named.effective(Size::new(0, 24)), Size::new(100, 30));
        assert_eq!(named.effective(Size::new(80, 24)), Size::new(80, 24));
        assert_eq!(with(None).effective(Size::new(0, 0)), Size::new(0, 0));
        assert_eq!(with(Some(Size::new(u16::MAX, 9))).effective(Size::new(0, 0)).width, MAX_SIZE.width);
    }
}
