//! Text listing of the keymap for `--print-keys`.

use super::binding::{KeyAction, KeyBinding, KeyContext, Row};
use super::{Keymap, keys_label};
use crate::ui::fit::width;

/// One line for each binding: action name, context, keys, description.
pub fn listing<B: KeyBinding>(rows: &[Row<B>]) -> String {
    let cells = |row: &Row<B>| {
        let keys = if row.keys.is_empty() { "(none)".to_owned() } else { keys_label(&row.keys) };
        [row.binding.action().name().to_owned(), row.binding.context().place().to_owned(), keys]
    };
    let head = ["ACTION", "WHERE", "KEYS"].map(str::to_owned);
    let rows: Vec<_> = std::iter::once((head, "WHAT IT DOES"))
        .chain(rows.iter().map(|row| (cells(row), row.binding.help())))
        .collect();
    let widest = |i: usize| rows.iter().map(|(cells, _)| width(&cells[i])).max().unwrap_or(0);
    let widths = [widest(0), widest(1), widest(2)];
    let line = |(cells, help): &([String; 3], &str)| {
        let padded = cells.iter().zip(widths).map(|(cell, columns)| {
            let blanks = columns.saturating_sub(width(cell)) + 2;
            format!("{cell}{}", " ".repeat(blanks))
        });
        format!("{}{help}\n", padded.collect::<String>())
    };
    rows.iter().map(line).collect()
}

impl Keymap {
    /// One line for each binding: action name, context, keys, description.
    pub fn listing(&self) -> String {
        listing(self.rows())
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::ui::keymap::{BINDINGS, Override};

    #[test]
    fn every_binding_is_a_line_in_aligned_columns() {
        let hold = Override { action: crate::app::action::Action::ToggleHold, keys: Vec::new() };
        let listing = Keymap::with(&[hold]).unwrap().listing();
        assert_eq!(listing.lines().count(), BINDINGS.len() + 1);
        let column = |line: &str, what: &str| line.find(what).map(|at| width(line.split_at(at).0));
        let mut lines = listing.lines();
        let head = lines.next().unwrap();
        for (line, binding) in lines.zip(BINDINGS.iter()) {
            assert!(line.starts_with(binding.action.name()), "{line}");
            assert_eq!(column(line, binding.help), column(head, "WHAT IT DOES"), "{line}");
        }
        let first_cells = |line: &str| line.split_whitespace().take(3).map(str::to_owned).collect::<Vec<_>>();
        assert_eq!(
            listing.lines().nth(1).map(first_cells),
            Some(["hold", "panes", "(none)"].map(str::to_owned).to_vec())
        );
    }
}
