//! Thinking that a server leaves inline, as `<think>…</think>` in the answer's text.
//!
//! Two signs count: an answer that begins with the opening tag, and a closing tag without an opening one (the opening one
//! stood in the prompt). Then all that came before the closing tag was thinking. Where a server sends reasoning in a field
//! of its own, tags in the text are the answer's own words.

use std::borrow::Cow;

use memchr::memchr;

const OPEN: &str = "<think>";
const CLOSE: &str = "</think>";
/// An answer that begins with more white space than this does not begin with a tag.
const LONGEST_INDENT: usize = 1024;

/// A piece of content, taken apart. Up to a tag's length of it may be held back until the next piece.
#[derive(Debug, Default, PartialEq, Eq)]
pub struct Split<'a> {
    /// What is thinking.
    pub reasoning: Cow<'a, str>,
    /// What is answer.
    pub text: Cow<'a, str>,
    /// All answer text handed out before was thinking too.
    pub relabels: bool,
    /// The piece is thinking, or a part of a tag.
    pub is_thinking: bool,
}

#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
enum State {
    /// Only white space so far, or the beginning of a tag.
    #[default]
    Start,
    /// Between the tags.
    Inside,
    /// In an answer that may turn out to have been thinking.
    Open,
    /// In the answer for good.
    Answer,
}

/// Follows one answer's content.
#[derive(Debug, Default)]
pub struct InlineThinking {
    state: State,
    held: String,
}

impl InlineThinking {
    /// Takes the next piece of content.
    pub fn take<'a>(&mut self, content: &'a str) -> Split<'a> {
        let whole = if self.held.is_empty() {
            match self.state {
                State::Answer => return Split { text: Cow::Borrowed(content), ..Split::default() },
                // Nearly every piece of nearly every answer.
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
            let begun = whole.trim_start();
            if let Some(inside) = begun.strip_prefix(OPEN) {
                self.state = State::Inside;
                let inside = inside.to_owned();
                return Split { relabels: true, ..self.inside(Cow::Owned(inside)) };
            }
            if OPEN.starts_with(begun) && whole.len() <= LONGEST_INDENT {
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

    /// Reasoning came in a field of its own, or the answer is over: no more tags. Returns what was held back.
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
            // An answer that speaks of the tag.
            (Some(_), _) => {
                self.state = State::Answer;
                Split { text: whole, ..Split::default() }
            }
            (None, _) => Split { text: self.hold_back(whole, &[OPEN, CLOSE]), ..Split::default() },
        }
    }

    /// Keeps the end of `whole` that may be the beginning of a tag.
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
