//! Assembles the tool calls of an answer from pieces in its events.

use std::mem::take;

use super::push;
use crate::domain::check::ToolCall;
use crate::engine::secrets::Secrets;
use crate::protocol::chunk::ToolCallPiece;
use crate::protocol::surrogates::SurrogateJoiner;

/// Maximum number of tool calls to keep.
const MAX_CALLS: usize = 128;
/// Maximum bytes of identifiers, names and arguments to keep, for all tool calls of an answer.
const MAX_BYTES: usize = 1024 * 1024;

/// Maximum number of tool calls in the live view.
const MAX_SHOWN_CALLS: usize = 8;
/// Maximum characters of a name and of arguments in the live view.
const MAX_SHOWN_CHARS: usize = 4096;

/// A tool call that may still grow.
#[derive(Debug, Default)]
struct OpenCall {
    index: Option<u64>,
    id: String,
    call: ToolCall,
    arguments_joiner: SurrogateJoiner,
}

/// Tool calls of the first choice.
#[derive(Debug, Default)]
pub struct ToolCalls {
    open: Vec<OpenCall>,
    bytes: usize,
    is_cut: bool,
}

impl ToolCalls {
    /// Adds the pieces of tool calls in an event.
    pub fn add(&mut self, pieces: &[ToolCallPiece], has_marks: bool) {
        for piece in pieces {
            self.bytes = self.bytes.saturating_add(piece.id.len() + piece.name.len() + piece.arguments.len());
            if self.bytes > MAX_BYTES {
                self.is_cut = true;
                return;
            }
            let Some(open) = self.call_of(piece) else { continue };
            // Some servers repeat the whole name in every event; others split a name between events.
            if open.call.name != piece.name && open.call.arguments.is_empty() {
                push(&mut open.call.name, &piece.name);
            }
            let arguments = open.arguments_joiner.join(&piece.arguments, has_marks);
            push(&mut open.call.arguments, &arguments);
        }
    }

    /// Returns the call of this piece, a new one if needed; `None` if the answer has too many calls. The index alone
    /// does not identify a call: some servers give every call index 0 and its own identifier.
    fn call_of(&mut self, piece: &ToolCallPiece) -> Option<&mut OpenCall> {
        let is_same_id = |open: &OpenCall| piece.id.is_empty() || open.id.is_empty() || open.id == piece.id;
        let known = match piece.index {
            Some(_) => self.open.iter().rposition(|open| open.index == piece.index && is_same_id(open)),
            // A name without an index and an identifier begins a new call.
            None if piece.id.is_empty() && !piece.name.is_empty() => None,
            None => self.open.len().checked_sub(1).filter(|last| self.open.get(*last).is_some_and(is_same_id)),
        };
        if known.is_none() && self.open.len() >= MAX_CALLS {
            self.is_cut = true;
            return None;
        }
        let at = known.unwrap_or_else(|| {
            self.open.push(OpenCall { index: piece.index, ..OpenCall::default() });
            self.open.len() - 1
        });
        let open = self.open.get_mut(at)?;
        if open.id.is_empty() {
            open.id.clone_from(&piece.id);
        }
        Some(open)
    }

    /// Returns the calls so far for the live view, cut and with `secrets` redacted.
    pub fn shown(&self, secrets: &Secrets) -> Vec<ToolCall> {
        let shown = |open: &OpenCall| {
            let mut call = ToolCall { name: start(&open.call.name), arguments: start(&open.call.arguments) };
            for text in [&mut call.name, &mut call.arguments] {
                secrets.redact_answer(text, true);
            }
            call
        };
        self.open.iter().take(MAX_SHOWN_CALLS).map(shown).collect()
    }

    /// Returns the calls, and whether calls are missing or incomplete because they exceeded a limit.
    pub fn close(&mut self) -> (Vec<ToolCall>, bool) {
        let close = |mut open: OpenCall| {
            push(&mut open.call.arguments, open.arguments_joiner.finish());
            open.call
        };
        (take(&mut self.open).into_iter().map(close).collect(), self.is_cut)
    }
}

/// Start of a text for the live view.
fn start(text: &str) -> String {
    text.chars().take(MAX_SHOWN_CHARS).collect()
}

#[cfg(test)]
mod tests {
    use super::*;

    fn piece(index: impl Into<Option<u64>>, id: &str, name: &str, arguments: &str) -> ToolCallPiece {
        ToolCallPiece { index: index.into(), id: id.into(), name: name.into(), arguments: arguments.into() }
    }

    fn calls(pieces: &[ToolCallPiece]) -> Vec<(String, String)> {
        let mut calls = ToolCalls::default();
        for piece in pieces {
            calls.add(std::slice::from_ref(piece), false);
        }
        calls.close().0.into_iter().map(|call| (call.name, call.arguments)).collect()
    }

    fn expected(all: &[(&str, &str)]) -> Vec<(String, String)> {
        all.iter().map(|(name, arguments)| ((*name).to_owned(), (*arguments).to_owned())).collect()
    }

    #[test]
    fn pieces_join_the_call_with_their_index() {
        let pieces = [
            piece(0, "a", "weather", ""),
            piece(0, "", "", "{\"city\""),
            piece(1, "b", "time", ""),
            piece(0, "", "", ":\"Rome\"}"),
            piece(1, "", "", "{}"),
        ];
        assert_eq!(calls(&pieces), expected(&[("weather", "{\"city\":\"Rome\"}"), ("time", "{}")]));
    }

    #[test]
    fn names_may_come_in_pieces_or_in_every_event() {
        let in_pieces = [piece(0, "a", "get_", ""), piece(0, "", "time", ""), piece(0, "", "", "{}")];
        assert_eq!(calls(&in_pieces), expected(&[("get_time", "{}")]));
        let repeated = [piece(0, "a", "time", "{"), piece(0, "a", "time", "}")];
        assert_eq!(calls(&repeated), expected(&[("time", "{}")]));
    }

    #[test]
    fn calls_without_a_distinct_index_stay_separate() {
        let by_id = [piece(0, "a", "one", "{}"), piece(0, "b", "two", "{}")];
        assert_eq!(calls(&by_id), expected(&[("one", "{}"), ("two", "{}")]));
        let whole = [piece(None, "", "one", "{}"), piece(None, "", "one", "{\"a\":1}")];
        assert_eq!(calls(&whole), expected(&[("one", "{}"), ("one", "{\"a\":1}")]));
        let legacy = [piece(None, "", "one", ""), piece(None, "", "", "{"), piece(None, "", "", "}")];
        assert_eq!(calls(&legacy), expected(&[("one", "{}")]));
    }

    #[test]
    fn many_or_huge_calls_are_cut() {
        let mut many = ToolCalls::default();
        (0..1000).for_each(|i| many.add(&[piece(i, "", "f", "{}")], false));
        let (kept, is_cut) = many.close();
        assert_eq!((kept.len(), is_cut), (MAX_CALLS, true));
        let mut huge = ToolCalls::default();
        (0..100).for_each(|_| huge.add(&[piece(0, "", "", &"x".repeat(100_000))], false));
        let (kept, is_cut) = huge.close();
        assert!(is_cut && kept.iter().all(|call| call.arguments.len() <= MAX_BYTES));
    }
}
