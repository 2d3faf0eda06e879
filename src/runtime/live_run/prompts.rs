//! Content of the requests: rows of a workload, and conversations, whose turns are sent with the answers before them.

use std::collections::BTreeMap;
use std::sync::Arc;

use super::answer_checks::RowChecks;
use crate::domain::attempt::{AttemptError, AttemptId, AttemptRecord, AttemptStatus};
use crate::domain::check::Checks;
use crate::domain::live::{EngineCommand, EngineFact};
use crate::domain::request_lengths::{RequestLengths, Uniqueness};
use crate::domain::session::Session;
use crate::domain::suite::{CaseSpec, Message};
use crate::domain::time::Nanos;
use crate::domain::turn::Turn;
use crate::protocol::api::Api;
use crate::protocol::output_length::exact_output;
use crate::workload::source::{RequestContent, Source, follow_up};

/// Kind of the error of a request whose row cannot be read.
const ROW_ERROR: &str = "row";

/// Content of the requests of a run.
pub struct Prompts {
    source: Option<Source>,
    /// API of the endpoint.
    api: &'static Api,
    /// Whether the source knows how many tokens a character has, or need not know.
    has_learnt: bool,
    /// Checks of the rows in flight.
    row_checks: RowChecks,
    /// Sentence about the lengths of the prompts, once it is known.
    note: Option<String>,
    /// Sentence about answers that may be shorter than asked for.
    output_note: Option<String>,
    /// Conversations in progress, by case and conversation.
    conversations: BTreeMap<(usize, u32), Conversation>,
    /// Turns in flight.
    in_flight: BTreeMap<AttemptId, Turn>,
}

/// A conversation in progress.
#[derive(Default)]
struct Conversation {
    /// Messages so far.
    messages: Vec<Message>,
    /// Content of its row for all turns, read with the first one.
    row: Option<Arc<RowContent>>,
}

/// Content of a row besides the messages of the first turn.
struct RowContent {
    max_tokens: Option<u32>,
    lengths: RequestLengths,
    /// User messages of the later turns.
    follow_ups: Vec<String>,
    checks: Option<Arc<Checks>>,
}

impl RowContent {
    fn new(requested: RequestContent) -> Result<Self, String> {
        let RequestContent { max_tokens, lengths, follow_ups, checks, .. } = requested;
        // The rows were read once before, and their checks compiled.
        let compiled = (!checks.is_empty()).then(|| Checks::new(&checks)).transpose().map_err(|e| e.to_string())?;
        Ok(Self { max_tokens, lengths, follow_ups, checks: compiled.map(Arc::new) })
    }
}

impl Prompts {
    /// Content of a run with this source; without one, the cases have it.
    pub fn new(source: Option<Source>, api: &'static Api) -> Self {
        let has_learnt = source.as_ref().is_none_or(|source| source.probes() == 0);
        Self {
            source,
            api,
            has_learnt,
            row_checks: RowChecks::default(),
            note: None,
            output_note: None,
            conversations: BTreeMap::new(),
            in_flight: BTreeMap::new(),
        }
    }

    /// Checks of the rows in flight.
    pub const fn row_checks(&self) -> &RowChecks {
        &self.row_checks
    }

    /// Sentences about the lengths of prompts and answers, as far as they are known.
    pub fn notes(&self) -> impl Iterator<Item = &str> {
        [&self.note, &self.output_note].into_iter().filter_map(|note| note.as_deref())
    }

    /// Puts the content into a start.
    ///
    /// # Errors
    ///
    /// The record of the attempt if its row cannot be read, so that it cannot be sent.
    pub fn prepare(
        &mut self,
        command: &mut EngineCommand,
        session: &Session,
        server_kind: Option<&str>,
        now: Nanos,
    ) -> Result<(), Box<AttemptRecord>> {
        let EngineCommand::Start { id, case, model, warmup, turn, row, lengths, .. } = command else { return Ok(()) };
        let failed = |why: String| unsendable(*id, *warmup, model.clone(), *turn, &why, now);
        let mut content = CaseSpec::clone(case);
        let mut of_row = None;
        if let (Some(source), Some(row)) = (&mut self.source, *row) {
            if let Some(text) = source.probe(id.number).filter(|_| *warmup) {
                (content.messages, content.max_tokens) = (vec![Message::user(&text)], 1);
                lengths.uniqueness = Uniqueness::OwnText;
                *case = Arc::new(content);
                return Ok(());
            }
            if !self.has_learnt {
                self.has_learnt = true;
                self.note = Some(source.learn(&probes(source, session)));
            }
            let later = turn.filter(|turn| turn.number > 1);
            let begun = later.and_then(|turn| self.conversations.get(&(id.case, turn.conversation)));
            let known = if let Some(known) = begun.and_then(|begun| begun.row.clone()) {
                known
            } else {
                let mut requested = source.first(row, turn.is_some()).map_err(failed)?;
                content.messages = std::mem::take(&mut requested.messages);
                Arc::new(RowContent::new(requested).map_err(failed)?)
            };
            content.max_tokens = known.max_tokens.unwrap_or(content.max_tokens);
            *lengths = known.lengths;
            if later.is_some() {
                lengths.input_tokens = None;
            }
            if let (Some(checks), Ok(mut rows)) = (&known.checks, self.row_checks.lock()) {
                rows.insert(*id, Arc::clone(checks));
            }
            of_row = Some(known);
            if let Some(tokens) = lengths.output_tokens {
                match exact_output(server_kind, self.api, tokens) {
                    Ok(fields) => content.extra = fields.into_iter().chain(content.extra).collect(),
                    Err(why) => self.output_note = Some(why),
                }
            }
        }
        if let Some(turn) = *turn {
            let next = self.next_message(turn, *row, of_row.as_deref(), case);
            let conversation = self.conversations.entry((id.case, turn.conversation)).or_default();
            match next {
                Some(next) => conversation.messages.push(next),
                None => conversation.messages.clone_from(&content.messages),
            }
            content.messages.clone_from(&conversation.messages);
            conversation.row = of_row;
            self.in_flight.insert(*id, turn);
            self.forget_ended(session);
        } else if row.is_none() {
            return Ok(());
        }
        *case = Arc::new(content);
        Ok(())
    }

    /// The user's message of a later turn; `None` for the first.
    fn next_message(
        &self,
        turn: Turn,
        row: Option<u32>,
        of_row: Option<&RowContent>,
        case: &CaseSpec,
    ) -> Option<Message> {
        let at = usize::from(turn.number).checked_sub(2)?;
        let follow_ups = of_row.map_or(&case.follow_ups, |row| &row.follow_ups);
        if let Some(own) = follow_ups.get(at) {
            return Some(Message::user(own));
        }
        let text = match (&self.source, row) {
            (Some(source), Some(row)) => source.follow_up(row, turn.number),
            _ => follow_up(turn.number).to_owned(),
        };
        Some(Message::user(&text))
    }

    /// Adds the answer of a turn that ended to its conversation.
    pub fn note(&mut self, fact: &EngineFact) {
        let EngineFact::Ended { id, record } = fact else { return };
        let Some(turn) = self.in_flight.remove(id) else { return };
        let conversation = (id.case, turn.conversation);
        if turn.is_last() || record.status != AttemptStatus::Ok {
            self.conversations.remove(&conversation);
        } else if let Some(conversation) = self.conversations.get_mut(&conversation) {
            // Reasoning is left out, as chat programs do.
            conversation.messages.push(Message::assistant(&record.text));
        }
    }

    /// Drops the conversations that the user ended between two turns.
    fn forget_ended(&mut self, session: &Session) {
        if self.conversations.len() > 2 * session.users() + 16 {
            let waiting = |(case, conversation): &(usize, u32)| {
                let case = session.cases.get(*case);
                case.is_some_and(|c| c.next_turns().iter().any(|next| next.turn.conversation == *conversation))
            };
            let in_flight = &self.in_flight;
            let is_open = |key: &(usize, u32)| in_flight.iter().any(|(id, turn)| (id.case, turn.conversation) == *key);
            self.conversations.retain(|key, _| waiting(key) || is_open(key));
        }
    }
}

/// Texts and tokens of the probes that the server answered.
fn probes(source: &Source, session: &Session) -> Vec<(String, u64)> {
    let warmups = session.cases.first().into_iter().flat_map(|c| &c.attempts).filter(|a| a.warmup);
    warmups.filter_map(|a| Some((source.probe(a.number)?, a.record()?.usage.prompt_tokens?))).collect()
}

/// Record of an attempt that was not sent.
fn unsendable(
    id: AttemptId,
    warmup: bool,
    model: String,
    turn: Option<Turn>,
    why: &str,
    now: Nanos,
) -> Box<AttemptRecord> {
    let mut record = AttemptRecord::started(id, warmup, String::new(), model, now);
    record.turn = turn;
    record.status = AttemptStatus::ConnectError;
    record.error = Some(AttemptError { kind: ROW_ERROR.to_owned(), message: format!("not sent: {why}") });
    Box::new(record)
}

#[cfg(test)]
mod tests;
