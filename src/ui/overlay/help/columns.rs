//! Short lists of keys in as many columns as fit side by side.

use ratatui::style::Style;
use ratatui::text::{Line, Span};

use super::{Block, Entry};
use crate::ui::fit::{cut, left, spans_width, width};

/// Minimum width of a column, cells.
const COLUMN: usize = 35;
/// Blanks between two columns.
const GAP: usize = 3;
/// Blanks between keys and description.
const KEY_GAP: usize = 2;

/// Lays blocks out in columns of the least possible height, in their order from the top left.
pub(super) fn arrange(blocks: &[(Style, Block)], columns: usize) -> Vec<Line<'static>> {
    let count = ((columns + GAP) / (COLUMN + GAP)).clamp(1, blocks.len().max(1));
    let column_width = (columns + GAP) / count - GAP;
    let drawn: Vec<Vec<Line<'static>>> = blocks.iter().map(|block| lines(block, column_width)).collect();
    let tallest = drawn.iter().map(Vec::len).max().unwrap_or(0);
    let total: usize = drawn.iter().map(|block| block.len() + 1).sum();
    let packed = (tallest..=total.max(tallest)).map(|height| pack(&drawn, height)).find(|packed| packed.len() <= count);
    side_by_side(&packed.unwrap_or_default(), column_width)
}

/// Fills columns of at most `height` rows with whole blocks.
fn pack(blocks: &[Vec<Line<'static>>], height: usize) -> Vec<Vec<Line<'static>>> {
    let mut all: Vec<Vec<Line<'static>>> = Vec::new();
    for block in blocks {
        match all.last_mut().filter(|column| column.len() + 1 + block.len() <= height) {
            Some(column) => {
                column.push(Line::default());
                column.extend(block.iter().cloned());
            }
            None => all.push(block.clone()),
        }
    }
    all
}

fn side_by_side(columns: &[Vec<Line<'static>>], column_width: usize) -> Vec<Line<'static>> {
    let rows = columns.iter().map(Vec::len).max().unwrap_or(0);
    let row = |row: usize| {
        let mut spans: Vec<Span<'static>> = Vec::new();
        for (at, column) in columns.iter().enumerate() {
            let blanks = (at * (column_width + GAP)).saturating_sub(spans_width(&spans));
            spans.push(Span::raw(" ".repeat(blanks)));
            spans.extend(column.get(row).map(|line| line.spans.clone()).unwrap_or_default());
        }
        Line::from(spans)
    };
    (0..rows).map(row).collect()
}

/// A block's heading and entries in `columns`.
fn lines((title_style, block): &(Style, Block), columns: usize) -> Vec<Line<'static>> {
    let keys_width = block.entries.iter().map(|entry| width(&entry.keys)).max().unwrap_or(0) + KEY_GAP;
    let entry = |entry: &Entry| {
        Line::from(vec![
            Span::styled(left(&entry.keys, keys_width), entry.key_style),
            Span::styled(cut(&entry.name, columns.saturating_sub(keys_width)), entry.name_style),
        ])
    };
    let title = Line::from(Span::styled(cut(&block.title, columns), *title_style));
    std::iter::once(title).chain(block.entries.iter().map(entry)).collect()
}
