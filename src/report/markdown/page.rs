//! Markdown page built line by line, with its tables.

use super::escape::UNKNOWN;

/// Page under construction.
#[derive(Debug, Default)]
pub struct Page {
    /// Markdown written so far.
    pub text: String,
}

impl Page {
    /// Appends a line. An empty text appends a blank line.
    pub fn line(&mut self, line: &str) {
        self.text.push_str(line);
        self.text.push('\n');
    }

    /// Appends a heading or a paragraph, and a blank line.
    pub fn block(&mut self, line: &str) {
        self.line(line);
        self.line("");
    }

    /// Appends `- **Name**: value`.
    pub fn field(&mut self, name: &str, value: &str) {
        self.line(&format!("- **{name}**: {value}"));
    }

    /// Begins a collapsed part. `summary` is tokscope's own text without Markdown.
    pub fn begin_details(&mut self, summary: &str) {
        // GitHub parses Markdown inside `<details>` only after a blank line.
        self.line("<details>");
        self.block(&format!("<summary>{summary}</summary>"));
    }

    /// Ends the collapsed part.
    pub fn end_details(&mut self) {
        self.block("</details>");
    }

    /// Appends a table and a blank line.
    pub fn table(&mut self, table: &Table) {
        self.row(table.columns.iter().map(|column| column.heading.as_str()));
        let rules: Vec<String> = table.columns.iter().map(Column::rule).collect();
        self.line(&format!("|{}|", rules.join("|")));
        for row in &table.rows {
            self.row(row.iter().map(String::as_str));
        }
        self.line("");
    }

    fn row<'a>(&mut self, cells: impl Iterator<Item = &'a str>) {
        let cells: Vec<&str> = cells.collect();
        self.line(&format!("| {} |", cells.join(" | ")));
    }
}

/// Markdown table. Cells contain Markdown.
#[derive(Debug, Default)]
pub struct Table {
    columns: Vec<Column>,
    rows: Vec<Vec<String>>,
}

#[derive(Debug)]
struct Column {
    heading: String,
    is_number: bool,
}

impl Column {
    fn rule(&self) -> String {
        let dashes = "-".repeat(self.heading.chars().count() + 1);
        if self.is_number { format!("{dashes}:") } else { format!("{dashes}-") }
    }
}

impl Table {
    /// Adds a column of text.
    #[must_use]
    pub fn text(self, heading: &str) -> Self {
        self.column(heading, false)
    }

    /// Adds a column of numbers, aligned to the right.
    #[must_use]
    pub fn number(self, heading: &str) -> Self {
        self.column(heading, true)
    }

    fn column(mut self, heading: &str, is_number: bool) -> Self {
        self.columns.push(Column { heading: heading.to_owned(), is_number });
        self
    }

    /// Appends a row with a cell for each column.
    pub fn row(&mut self, cells: Vec<String>) {
        self.rows.push(cells);
    }

    /// Removes columns whose cells are all dashes.
    #[must_use]
    pub fn without_empty_columns(self) -> Self {
        let is_used = |at: usize| self.rows.iter().any(|row| row.get(at).is_some_and(|cell| cell != UNKNOWN));
        let used: Vec<bool> = (0..self.columns.len()).map(is_used).collect();
        Self { columns: keep(self.columns, &used), rows: self.rows.into_iter().map(|row| keep(row, &used)).collect() }
    }
}

fn keep<T>(all: Vec<T>, used: &[bool]) -> Vec<T> {
    all.into_iter().zip(used).filter_map(|(one, used)| used.then_some(one)).collect()
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn numbers_are_aligned_to_the_right_and_empty_columns_are_dropped() {
        let mut table = Table::default().text("Case").number("a").number("b");
        table.row(vec!["x".into(), UNKNOWN.into(), "1".into()]);
        table.row(vec!["y".into(), UNKNOWN.into(), UNKNOWN.into()]);
        let mut page = Page::default();
        page.table(&table.without_empty_columns());
        assert_eq!(page.text, "| Case | b |\n|------|--:|\n| x | 1 |\n| y | – |\n\n");
    }
}
