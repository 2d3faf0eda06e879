//! Turns of a conversation: requests that continue the server's own answers.

use serde::{Deserialize, Serialize};

/// Position of a request in a conversation.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Hash, Serialize, Deserialize)]
pub struct Turn {
    /// Number of the conversation's first attempt within its case. It identifies the conversation.
    pub conversation: u32,
    /// Number of the turn in the conversation, from 1.
    pub number: u16,
    /// Number of turns that the conversation is planned to have.
    pub of: u16,
}

impl Turn {
    /// Creates the first turn of a conversation of `of` turns that begins with attempt `conversation`.
    pub const fn first(conversation: u32, of: u16) -> Self {
        Self { conversation, number: 1, of }
    }

    /// Returns whether the conversation ends with this turn.
    pub const fn is_last(self) -> bool {
        self.number >= self.of
    }

    /// Next turn; `None` after the last.
    pub const fn next(self) -> Option<Self> {
        if self.is_last() { None } else { Some(Self { number: self.number + 1, ..self }) }
    }

    /// Number of turns from this one to the last.
    pub const fn left(self) -> usize {
        self.of.saturating_sub(self.number) as usize + 1
    }
}

#[cfg(test)]
mod tests {
    use super::Turn;

    #[test]
    fn a_conversation_ends_with_its_last_turn() {
        let first = Turn::first(7, 2);
        assert_eq!((first.is_last(), first.left()), (false, 2));
        let last = first.next().unwrap();
        assert_eq!((last.conversation, last.number, last.left()), (7, 2, 1));
        assert_eq!(last.next(), None);
    }
}
