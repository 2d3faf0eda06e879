//! Splits off inline thinking: `<think>…</think>` within the text of an answer.
//!
//! Two patterns are recognised: an answer that starts with the opening tag, and a closing tag without an opening one,
//! because the prompt ended with it. In the second case, everything before the closing tag was thinking. If the server
//! sends reasoning in a separate field, tags in the text are plain text.

use std::borrow::Cow;

use memchr::memchr;

const OPEN: &str = "<think>";
const CLOSE: &str = "</think>";
/// Maximum white space before an opening tag, bytes. After more white space, tags are plain text.
const MAX_INDENT_BYTES: usize = 1024;

/// One piece of content, split. A suffix that may be the start of a tag is held back until the next piece.
#[derive(Debug, Default, PartialEq, Eq)]
pub struct Split<'a> {
    /// Thinking part of the piece.
    pub reasoning: Cow<'a, str>,
    /// Answer part of the piece.
    pub text: Cow<'a, str>,
    /// Whether all answer text returned earlier was thinking, too.
    pub relabels: bool,
    /// Whether the piece is thinking or part of a tag.
    pub is_thinking: bool,
}

#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
enum State {
    /// Only white space or the start of a tag so far.
    #[default]
    Start,
    /// Between the tags.
    Inside,
    /// In text that turns into thinking if a closing tag follows.
    Open,
    /// In the answer, where tags no longer matter.
    Answer,
}

/// Splits the content of one answer into thinking and text.
#[derive(Debug, Default)]
pub struct InlineThinking {
    state: State,
    held: String,
}

impl InlineThinking {
    /// Splits the next piece of content.
    pub fn take<'a>(&mut self, content: &'a str) -> Split<'a> {
        let whole = if self.held.is_empty() {
            match self.state {
                State::Answer => return Split { text: Cow::Borrowed(content), ..Split::default() },
                // The common case: no tag in the piece.
                State::Open if memchr(b'<', content.as_bytes()).is_none() => {
                    return Split { text: Cow::Borrowed(content), ..Split::default() };
                }
                _ => Cow::Borrowed(content),
            }
        } else {
            let mut held = std::mem::take(&mut self.held);
            held.push_str(content);
            Cow::Owned(held)
        };
        if self.state == State::Start {
            let trimmed = whole.trim_start();
            if let Some(inside) = trimmed.strip_prefix(OPEN) {
                self.state = State::Inside;
                let inside = inside.to_owned();
                return Split { relabels: true, ..self.inside(Cow::Owned(inside)) };
            }
            if OPEN.starts_with(trimmed) && whole.len() <= MAX_INDENT_BYTES {
                self.held = whole.into_owned();
                return Split::default();
            }
            self.state = State::Open;
        }
        match self.state {
            State::Inside => self.inside(whole),
            State::Open => self.open(whole),
            State::Start | State::Answer => Split { text: whole, ..Split::default() },
        }
    }

    /// Ends the search for tags, because the answer is complete or reasoning arrived in a separate field. Returns the
    /// text that was held back.
    pub fn stop(&mut self) -> Split<'static> {
        let held = Cow::Owned(std::mem::take(&mut self.held));
        let was_inside = self.state == State::Inside;
        self.state = State::Answer;
        if was_inside {
            Split { reasoning: held, is_thinking: true, ..Split::default() }
        } else {
            Split { text: held, ..Split::default() }
        }
    }

    fn inside<'a>(&mut self, whole: Cow<'a, str>) -> Split<'a> {
        if let Some((thought, answer)) = whole.split_once(CLOSE) {
            self.state = State::Answer;
            let (reasoning, text) = (Cow::Owned(thought.to_owned()), Cow::Owned(answer.to_owned()));
            return Split { reasoning, text, is_thinking: true, ..Split::default() };
        }
        let reasoning = self.hold_back(whole, &[CLOSE]);
        Split { reasoning, is_thinking: true, ..Split::default() }
    }

    fn open<'a>(&mut self, whole: Cow<'a, str>) -> Split<'a> {
        match (whole.find(OPEN), whole.split_once(CLOSE)) {
            (opened, Some((thought, answer))) if opened.is_none_or(|at| at > thought.len()) => {
                self.state = State::Answer;
                let (reasoning, text) = (Cow::Owned(thought.to_owned()), Cow::Owned(answer.to_owned()));
                Split { reasoning, text, relabels: true, is_thinking: true }
            }
            // The answer only mentions the tag.
            (Some(_), _) => {
                self.state = State::Answer;
                Split { text: whole, ..Split::default() }
            }
            (None, _) => Split { text: self.hold_back(whole, &[OPEN, CLOSE]), ..Split::default() },
        }
    }

    /// Returns `whole` without a suffix that may be the start of a tag. Holds that suffix back.
    fn hold_back<'a>(&mut self, whole: Cow<'a, str>, tags: &[&str]) -> Cow<'a, str> {
        let Some(at) = whole.rfind('<') else { return whole };
        let (before, end) = whole.split_at(at);
        if !tags.iter().any(|tag| tag.starts_with(end)) {
            return whole;
        }
        end.clone_into(&mut self.held);
        match whole {
            Cow::Borrowed(whole) => Cow::Borrowed(whole.split_at(at).0),
            Cow::Owned(_) => Cow::Owned(before.to_owned()),
        }
    }
}

#[cfg(test)]
mod tests;
