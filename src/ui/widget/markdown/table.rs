//! Tables: fits columns to the width and wraps cells. A table with too many columns becomes a list of its cells.

use pulldown_cmark::Alignment;
use ratatui::text::Span;

use super::block::Page;
use crate::ui::fit::{spans_width, width};
use crate::ui::widget::wrap::wrap;

/// Minimum width of a readable column.
const MIN_COLUMN: usize = 4;
/// Maximum width of a header cell that is repeated in front of each cell of a list.
const MAX_NAME: usize = 24;
/// Separator between columns, and where a rule crosses it. [`NARROW`] replaces this one if it would break words.
const WIDE: (&str, &str) = (" │ ", "─┼─");
const NARROW: (&str, &str) = ("│", "┼");

type Cell = Vec<Span<'static>>;

/// A table that is being collected.
pub(super) struct Table {
    alignments: Vec<Alignment>,
    rows: Vec<Vec<Cell>>,
    row: Vec<Cell>,
}

impl Table {
    pub(super) fn new(alignments: &[Alignment]) -> Self {
        Self { alignments: alignments.to_vec(), rows: Vec::new(), row: Vec::new() }
    }

    pub(super) fn cell(&mut self, cell: Cell) {
        self.row.push(cell);
    }

    pub(super) fn end_row(&mut self) {
        self.rows.push(std::mem::take(&mut self.row));
    }

    /// Adds the table to the page.
    pub(super) fn draw(&self, page: &mut Page) {
        let columns = self.alignments.len();
        let room = |(separator, _): (&str, &str)| {
            page.columns().saturating_sub(columns.saturating_sub(1) * separator.chars().count())
        };
        if room(WIDE) < columns * MIN_COLUMN {
            return self.draw_as_list(page);
        }
        let (natural, words) = (self.widths(spans_width), self.widths(longest_word));
        let whole_words = |style| fit_words(&natural, &words, room(style)).map(|widths| (widths, style));
        let fitted = whole_words(WIDE).or_else(|| whole_words(NARROW));
        let (widths, style) = fitted.unwrap_or_else(|| (fit(&natural, room(WIDE)), WIDE));
        for (i, row) in self.rows.iter().enumerate() {
            self.draw_row(row, &widths, style.0, page);
            if i == 0 {
                let rule: Vec<_> = widths.iter().map(|&w| "─".repeat(w)).collect();
                page.line(vec![Span::styled(rule.join(style.1), page.frame())]);
            }
            if page.is_full() {
                return;
            }
        }
    }

    /// Maximum of `measure` over the cells of each column, at least 1.
    fn widths(&self, measure: impl Fn(&[Span<'static>]) -> usize) -> Vec<usize> {
        let mut widths = vec![1; self.alignments.len()];
        for row in &self.rows {
            for (width, cell) in widths.iter_mut().zip(row) {
                *width = (*width).max(measure(cell));
            }
        }
        widths
    }

    fn draw_row(&self, row: &[Cell], widths: &[usize], separator: &'static str, page: &mut Page) {
        let empty = Cell::new();
        let cells: Vec<_> = widths.iter().enumerate().map(|(i, &w)| wrap(row.get(i).unwrap_or(&empty), w)).collect();
        let height = cells.iter().map(Vec::len).max().unwrap_or(0);
        for line in 0..height {
            let mut spans = Vec::new();
            for (i, (cell, &width)) in cells.iter().zip(widths).enumerate() {
                if i > 0 {
                    spans.push(Span::styled(separator, page.frame()));
                }
                let text = cell.get(line).cloned().unwrap_or_default();
                let free = width.saturating_sub(spans_width(&text));
                let before = match self.alignments.get(i) {
                    Some(Alignment::Right) => free,
                    Some(Alignment::Center) => free / 2,
                    _ => 0,
                };
                let blanks = |n: usize| (n > 0).then(|| Span::styled(" ".repeat(n), page.base()));
                spans.extend(blanks(before));
                spans.extend(text);
                spans.extend(blanks(free - before));
            }
            page.line(spans);
        }
    }

    /// Draws each cell as `header: cell` on lines of its own, with a blank line between rows.
    fn draw_as_list(&self, page: &mut Page) {
        let Some((head, rows)) = self.rows.split_first() else { return };
        if rows.is_empty() {
            page.text(&head.join(&Span::styled(" · ", page.frame())));
        }
        // Cut each header once instead of for every row.
        let names: Vec<_> = head.iter().map(|h| wrap(h, MAX_NAME).into_iter().next().unwrap_or_default()).collect();
        for row in rows {
            page.gap();
            for (name, cell) in names.iter().zip(row).filter(|(_, cell)| !cell.is_empty()) {
                let mut line = name.clone();
                if !name.is_empty() {
                    line.push(Span::styled(": ", page.frame()));
                }
                line.extend(cell.iter().cloned());
                page.text(&line);
            }
            if page.is_full() {
                return;
            }
        }
    }
}

/// Columns of the longest word in a cell. A word may extend over pieces of several styles.
fn longest_word(cell: &[Span<'static>]) -> usize {
    let text: String = cell.iter().map(|span| span.content.as_ref()).collect();
    text.split_whitespace().map(width).max().unwrap_or(0)
}

/// Shares `room` among the columns without breaking a word: each column gets the width of its longest word, and columns
/// that need more share the rest. `None` if the longest words do not fit.
fn fit_words(natural: &[usize], words: &[usize], room: usize) -> Option<Vec<usize>> {
    let rest = room.checked_sub(words.iter().sum())?;
    let wanted: Vec<usize> = natural.iter().zip(words).map(|(natural, word)| natural.saturating_sub(*word)).collect();
    Some(fit(&wanted, rest).iter().zip(words).map(|(more, word)| more + word).collect())
}

/// Shares `room` among the columns. Columns that need less than an even share get their natural width; the others share
/// the remainder.
fn fit(natural: &[usize], room: usize) -> Vec<usize> {
    let mut widths = natural.to_vec();
    let mut by_width: Vec<usize> = (0..natural.len()).collect();
    by_width.sort_by_key(|&i| natural[i]);
    let mut left = room;
    for (done, &i) in by_width.iter().enumerate() {
        let share = left / (by_width.len() - done);
        widths[i] = natural[i].min(share);
        left -= widths[i];
    }
    widths
}

#[cfg(test)]
mod tests {
    use super::{fit, fit_words};

    #[test]
    fn no_word_is_broken_where_all_words_fit() {
        // Two words of 8 and 7 columns, and a figure of 3.
        assert_eq!(fit_words(&[16, 3], &[8, 3], 20), Some(vec![16, 3]));
        assert_eq!(fit_words(&[16, 3], &[8, 3], 13), Some(vec![10, 3]));
        assert_eq!(fit_words(&[16, 3], &[8, 3], 10), None);
    }

    #[test]
    fn narrow_columns_keep_their_width_and_wide_ones_share() {
        assert_eq!(fit(&[3, 5], 20), [3, 5]);
        assert_eq!(fit(&[3, 50, 50], 33), [3, 15, 15]);
        assert_eq!(fit(&[50, 4, 9], 30), [17, 4, 9]);
    }
}
