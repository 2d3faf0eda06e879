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

/// The query, the highlighted command, and the order of the commands.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct Palette {
    /// Text to find: parts of words, in any order.
    pub query: TextField,
    /// Index of the highlighted command among those found.
    pub highlighted: usize,
    /// Indices of all commands: those available when the palette opened, recently used ones first, then the unavailable
    /// ones. The order stays while the palette is open, so that no command moves when the run changes.
    order: Vec<usize>,
    /// Number of available commands at the start of `order`.
    available: usize,
}

impl Palette {
    /// Creates the state of a palette that opens now. `recent` lists recently used commands, the latest first.
    pub fn new(commands: &[Command], recent: &[CommandId], is_available: impl Fn(&Command) -> bool) -> Self {
        let place = |at: &usize| {
            let command = &commands[*at];
            let age = recent.iter().position(|used| *used == command.id()).unwrap_or(recent.len());
            (!is_available(command), age)
        };
        let mut order: Vec<usize> = (0..commands.len()).collect();
        // A stable sort keeps the order of the key table among equals.
        order.sort_by_key(place);
        let available = commands.iter().filter(|command| is_available(command)).count();
        Self { order, available, ..Self::default() }
    }

    /// Indices of the commands that match the query: available ones first, and among those the best matches first. Each
    /// word of the query must match a word of the command. Commands that match only by scattered letters come last.
    pub fn found(&self, commands: &[Command]) -> Vec<usize> {
        let parts: Vec<String> = self.query.as_str().split_whitespace().map(str::to_lowercase).collect();
        let place = |(rank, at): (usize, &usize)| {
            let text = commands.get(*at)?.search_text.to_lowercase();
            let costs: Vec<usize> = parts.iter().map(|part| word_cost(&text, part)).collect::<Option<_>>()?;
            let is_vague = costs.contains(&BY_LETTERS);
            Some(((is_vague, rank >= self.available, costs.iter().sum::<usize>(), rank), *at))
        };
        let mut all: Vec<_> = self.order.iter().enumerate().filter_map(place).collect();
        all.sort_unstable();
        all.into_iter().map(|(_, at)| at).collect()
    }
}

/// An action and the pane that has it; identifies a command.
pub type CommandId = (Action, Option<PaneId>);

impl Command {
    /// Identity of the command.
    pub const fn id(&self) -> CommandId {
        (self.action, self.pane)
    }
}

/// Cost of a match by scattered letters.
const BY_LETTERS: usize = 2;

/// Whether each word of `query` occurs in `text`: at the start of a word, or from two letters on within one.
pub fn contains_words(text: &str, query: &str) -> bool {
    let text = text.to_lowercase();
    let is_in = |part: &str| match word_cost(&text, part) {
        Some(0) => true,
        Some(1) => part.chars().nth(1).is_some(),
        _ => false,
    };
    query.split_whitespace().all(|part| is_in(&part.to_lowercase()))
}

/// Cost of a match: 0 at the start of a word, 1 within a word, 2 by scattered letters; `None` without a match.
fn word_cost(text: &str, part: &str) -> Option<usize> {
    let words = text.split(|c: char| !c.is_alphanumeric()).filter(|word| !word.is_empty());
    let cost = |word: &str| match word.find(part) {
        Some(0) => Some(0),
        Some(_) => Some(1),
        None => has_letters(word, part).then_some(BY_LETTERS),
    };
    words.filter_map(cost).min()
}

/// Whether the word starts with the first letter of `part` and has its other letters in their order.
fn has_letters(word: &str, part: &str) -> bool {
    let mut letters = word.chars();
    word.chars().next() == part.chars().next() && part.chars().all(|wanted| letters.any(|c| c == wanted))
}
