//! The command palette: every command, found by a few letters.

use super::text_field::TextField;
use crate::app::action::Action;
use crate::app::pane::PaneId;

/// A command of the palette.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Command {
    /// The action to carry out.
    pub action: Action,
    /// The pane that has the action; `None` for an action of all panes.
    pub pane: Option<PaneId>,
    /// Text that a query searches.
    pub search_text: String,
}

/// The query and the highlighted command.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct Palette {
    /// Parts of words to find, in any order.
    pub query: TextField,
    /// Index of the highlighted command among those found.
    pub at: usize,
}

/// Indices of the commands that match `query`, best match first. Each word of the query must match a word of the command,
/// in whole or by letters in their order. Availability does not affect the order, so that no command jumps.
pub fn found(commands: &[Command], query: &str) -> Vec<usize> {
    let parts: Vec<String> = query.split_whitespace().map(str::to_lowercase).collect();
    let cost = |command: &Command| {
        let text = command.search_text.to_lowercase();
        parts.iter().map(|part| word_cost(&text, part)).sum::<Option<usize>>()
    };
    let mut all: Vec<(usize, usize)> =
        commands.iter().enumerate().filter_map(|(at, command)| Some((cost(command)?, at))).collect();
    all.sort_unstable();
    all.into_iter().map(|(_, at)| at).collect()
}

/// Cost of a match: 0 at the start of a word, 1 within a word, 2 by letters only; `None` without a match.
fn word_cost(text: &str, part: &str) -> Option<usize> {
    let words = text.split(|c: char| !c.is_alphanumeric()).filter(|word| !word.is_empty());
    let cost = |word: &str| match word.find(part) {
        Some(0) => Some(0),
        Some(_) => Some(1),
        None => has_letters(word, part).then_some(2),
    };
    words.filter_map(cost).min()
}

/// Whether the word starts with the first letter of `part` and has its other letters in their order.
fn has_letters(word: &str, part: &str) -> bool {
    let mut letters = word.chars();
    word.chars().next() == part.chars().next() && part.chars().all(|wanted| letters.any(|c| c == wanted))
}
