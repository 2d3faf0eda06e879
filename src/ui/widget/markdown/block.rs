//! The page on which blocks are laid out: indents, quote bars, list markers and gaps between blocks.

use ratatui::style::Style;
use ratatui::text::{Line, Span};

use crate::ui::fit;
use crate::ui::widget::wrap;

/// Minimum columns for text. A container that would leave fewer has no indent.
const MIN_TEXT: usize = 12;
/// Maximum number of lines; the rest of the text is dropped.
const MAX_LINES: usize = 100_000;

/// An open quote or list item.
struct Container {
    /// Prefix of the container's first line, such as the marker of a list item; `None` once that line is drawn.
    first: Option<Span<'static>>,
    /// Prefix of all other lines, as wide as `first`.
    rest: Span<'static>,
    /// Columns of indent that the container takes.
    columns: usize,
}

/// The laid-out lines and the open containers.
pub(super) struct Page {
    width: usize,
    frame: Style,
    base: Style,
    lines: Vec<Line<'static>>,
    containers: Vec<Container>,
    indent: usize,
    /// Whether a blank line is due before the next block.
    gap_due: bool,
}

impl Page {
    pub(super) fn new(width: usize, frame: Style, base: Style) -> Self {
        let frame = base.patch(frame);
        Self { width, frame, base, lines: Vec::new(), containers: Vec::new(), indent: 0, gap_due: false }
    }

    pub(super) fn is_full(&self) -> bool {
        self.width == 0 || self.lines.len() >= MAX_LINES
    }

    pub(super) fn into_lines(mut self) -> Vec<Line<'static>> {
        if self.lines.len() >= MAX_LINES {
            self.lines.truncate(MAX_LINES);
            self.lines.push(Line::styled(fit::ELLIPSIS, self.frame));
        }
        self.lines
    }

    /// Returns the columns left for text.
    pub(super) fn columns(&self) -> usize {
        self.width - self.indent
    }

    pub(super) fn base(&self) -> Style {
        self.base
    }

    pub(super) fn frame(&self) -> Style {
        self.frame
    }

    // ─── Containers ───

    fn open(&mut self, first: Option<Span<'static>>, rest: Span<'static>) -> bool {
        let columns = fit::width(&rest.content);
        let fits = self.width >= self.indent + columns + MIN_TEXT;
        let columns = if fits { columns } else { 0 };
        self.indent += columns;
        self.containers.push(Container { first: first.filter(|_| fits), rest, columns });
        fits
    }

    pub(super) fn open_quote(&mut self) {
        self.open(None, Span::styled("▌ ", self.frame));
    }

    /// Opens a list item. Returns `false` if there is no room for its marker.
    pub(super) fn open_item(&mut self, marker: &str, style: Style) -> bool {
        let blanks = " ".repeat(fit::width(marker));
        // Never leave a gap between items, so that a growing list does not move when it turns out to be loose.
        self.gap_due = false;
        self.open(Some(Span::styled(marker.to_owned(), style)), Span::styled(blanks, self.base))
    }

    /// Replaces the marker of the current item by one of the same width. Returns `false` if the marker is already
    /// drawn.
    pub(super) fn replace_marker(&mut self, marker: &'static str, style: Style) -> bool {
        match self.containers.last_mut() {
            Some(Container { first: Some(first), columns, .. }) if *columns == fit::width(marker) => {
                *first = Span::styled(marker, style);
                true
            }
            _ => false,
        }
    }

    fn in_item(&self) -> bool {
        self.containers.last().is_some_and(|c| c.first.is_some())
    }

    /// Closes a quote or an item. An empty item still shows its marker.
    pub(super) fn close(&mut self) {
        if self.in_item() {
            self.line(Vec::new());
        }
        if let Some(container) = self.containers.pop() {
            self.indent -= container.columns;
        }
        self.gap_due = true;
    }

    // ─── Blocks ───

    /// Begins a block: adds a blank line, unless the block is the first of the page or of its item.
    pub(super) fn gap(&mut self) {
        if self.gap_due && !self.in_item() && self.lines.last().is_some_and(|l| !l.spans.is_empty()) {
            self.blank_line();
        }
        self.gap_due = false;
    }

    fn blank_line(&mut self) {
        let bars = self.containers.iter().filter(|c| c.columns > 0).map(|c| c.rest.clone());
        let mut spans: Vec<_> = bars.collect();
        while spans.last().is_some_and(|s| s.content.trim().is_empty()) {
            spans.pop();
        }
        self.lines.push(Line::from(spans));
    }

    /// Adds a line of at most [`Self::columns`] columns behind the indent.
    pub(super) fn line(&mut self, spans: Vec<Span<'static>>) {
        if self.is_full() {
            return;
        }
        let mut all = Vec::with_capacity(spans.len() + 2);
        for container in self.containers.iter_mut().filter(|c| c.columns > 0) {
            all.push(container.first.take().unwrap_or_else(|| container.rest.clone()));
        }
        all.extend(spans);
        self.lines.push(Line::from(all));
        self.gap_due = true;
    }

    /// Adds a paragraph.
    pub(super) fn text(&mut self, inline: &[Span<'static>]) {
        for line in wrap::wrap(inline, self.columns()) {
            self.line(line);
        }
    }

    pub(super) fn rule(&mut self) {
        self.gap();
        let rule = "─".repeat(self.columns());
        self.line(vec![Span::styled(rule, self.frame)]);
    }

    /// Adds the language label above a code block.
    pub(super) fn code_label(&mut self, language: &str) {
        if !language.is_empty() {
            let label = fit::cut(&format!("┌ {language}"), self.columns());
            self.line(vec![Span::styled(label, self.frame)]);
        }
    }

    /// Adds a code block. Each line has a bar in front; wrapped parts have a broken bar.
    pub(super) fn code(&mut self, lines: &[Vec<Span<'static>>]) {
        let bar_columns = if self.columns() > 2 { 2 } else { 0 };
        let columns = self.columns() - bar_columns;
        for source in lines {
            for (i, mut piece) in wrap::split(source, columns).into_iter().enumerate() {
                if bar_columns > 0 {
                    piece.insert(0, Span::styled(if i == 0 { "│ " } else { "┊ " }, self.frame));
                }
                self.line(piece);
            }
            if self.is_full() {
                return;
            }
        }
    }
}
