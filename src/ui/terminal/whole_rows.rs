//! Repaints whole rows that contain clusters of uncertain width (Devanagari, flags, emoji of several code points). A
//! terminal that assigns another width shifts everything after such a cluster. If only single cells were repainted,
//! parts of it would remain on the screen.

use ratatui::backend::{Backend, ClearType, WindowSize};
use ratatui::buffer::Cell;
use ratatui::layout::{Position, Size};
use unicode_width::UnicodeWidthStr;

/// A backend that repaints rows with clusters of uncertain width through another backend.
#[derive(Debug)]
pub(super) struct WholeRows<B> {
    /// The backend that writes.
    pub(super) inner: B,
    /// Cells of each row up to the last one painted since the screen was cleared.
    rows: Vec<Vec<Cell>>,
}

impl<B> WholeRows<B> {
    /// Writes through `inner` to a cleared screen.
    pub(super) const fn new(inner: B) -> Self {
        Self { inner, rows: Vec::new() }
    }

    /// Records the changes of a row; returns whether to repaint the whole row.
    fn take(&mut self, y: u16, changes: &[(u16, u16, &Cell)]) -> bool {
        let y = usize::from(y);
        if self.rows.len() <= y {
            self.rows.resize_with(y + 1, Vec::new);
        }
        let Some(row) = self.rows.get_mut(y) else { return false };
        let was_uncertain = row.iter().any(has_uncertain_width);
        for (x, _, cell) in changes {
            let x = usize::from(*x);
            let end = x + width(cell);
            if row.len() < end {
                row.resize(end, Cell::EMPTY);
            }
            // A wide character leaves blank cells once it is replaced.
            row.get_mut(x..end).into_iter().flatten().for_each(Cell::reset);
            if let Some(place) = row.get_mut(x) {
                (*place).clone_from(cell);
            }
        }
        was_uncertain || row.iter().any(has_uncertain_width)
    }
}

impl<B: Backend> WholeRows<B> {
    /// Blanks a row, then paints its cells; sets the cursor anew after each cell of uncertain width.
    fn paint(&mut self, y: u16, columns: u16) -> Result<(), B::Error> {
        let Self { inner, rows } = self;
        let Some(row) = rows.get(usize::from(y)) else { return Ok(()) };
        inner.draw((0..columns).map(|x| (x, y, &Cell::EMPTY)))?;
        let mut run = Vec::with_capacity(row.len());
        let mut covered = 0;
        for (x, cell) in (0..columns).zip(row) {
            if x < covered {
                continue;
            }
            covered = x.saturating_add(width(cell) as u16);
            run.push((x, y, cell));
            if has_uncertain_width(cell) {
                inner.draw(run.drain(..))?;
            }
        }
        inner.draw(run.into_iter())
    }
}

fn width(cell: &Cell) -> usize {
    cell.symbol().width().max(1)
}

/// Returns whether terminals may give this cell another width. False only for single characters whose width has long
/// been stable.
fn has_uncertain_width(cell: &Cell) -> bool {
    let symbol = cell.symbol();
    if symbol.is_ascii() {
        return symbol.len() > 1;
    }
    let mut chars = symbol.chars();
    let (Some(c), None) = (chars.next(), chars.next()) else { return true };
    let is_east_asian = matches!(c,
        '\u{1100}'..='\u{115f}'
        | '\u{2e80}'..='\u{a4cf}'
        | '\u{ac00}'..='\u{d7a3}'
        | '\u{f900}'..='\u{faff}'
        | '\u{fe30}'..='\u{fe6f}'
        | '\u{ff00}'..='\u{ffe6}'
        | '\u{20000}'..='\u{3ffff}'
    );
    let is_emoji_plane = matches!(c, '\u{1f000}'..='\u{1faff}');
    is_emoji_plane || symbol.width() != 1 && !is_east_asian
}

impl<B: Backend> Backend for WholeRows<B> {
    type Error = B::Error;

    fn draw<'a, I: Iterator<Item = (u16, u16, &'a Cell)>>(&mut self, content: I) -> Result<(), B::Error> {
        let changes: Vec<_> = content.collect();
        let mut single = Vec::with_capacity(changes.len());
        let mut whole = Vec::new();
        for row in changes.chunk_by(|a, b| a.1 == b.1) {
            let Some((_, y, _)) = row.first() else { continue };
            if self.take(*y, row) {
                whole.push(*y);
            } else {
                single.extend_from_slice(row);
            }
        }
        self.inner.draw(single.into_iter())?;
        if whole.is_empty() {
            return Ok(());
        }
        let columns = self.inner.size()?.width;
        whole.into_iter().try_for_each(|y| self.paint(y, columns))
    }

    fn append_lines(&mut self, n: u16) -> Result<(), B::Error> {
        self.inner.append_lines(n)
    }

    fn hide_cursor(&mut self) -> Result<(), B::Error> {
        self.inner.hide_cursor()
    }

    fn show_cursor(&mut self) -> Result<(), B::Error> {
        self.inner.show_cursor()
    }

    fn get_cursor_position(&mut self) -> Result<Position, B::Error> {
        self.inner.get_cursor_position()
    }

    fn set_cursor_position<P: Into<Position>>(&mut self, position: P) -> Result<(), B::Error> {
        self.inner.set_cursor_position(position)
    }

    fn clear(&mut self) -> Result<(), B::Error> {
        self.rows.clear();
        self.inner.clear()
    }

    fn clear_region(&mut self, clear_type: ClearType) -> Result<(), B::Error> {
        // Forget all rows: tokscope owns the whole screen and never clears another region.
        self.rows.clear();
        self.inner.clear_region(clear_type)
    }

    fn size(&self) -> Result<Size, B::Error> {
        self.inner.size()
    }

    fn window_size(&mut self) -> Result<WindowSize, B::Error> {
        self.inner.window_size()
    }

    fn flush(&mut self) -> Result<(), B::Error> {
        self.inner.flush()
    }
}

#[cfg(test)]
mod tests;
