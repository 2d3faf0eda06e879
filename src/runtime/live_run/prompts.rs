//! Content of the requests: rows of a workload, and conversations, in which each turn is sent together with the earlier
//! answers.

use std::collections::BTreeMap;
use std::sync::Arc;

use super::answer_checks::RowChecks;
use super::images::Images;
use crate::domain::attempt::{AttemptError, AttemptId, AttemptRecord, AttemptStatus};
use crate::domain::check::Checks;
use crate::domain::live::{EngineCommand, EngineFact};
use crate::domain::request_lengths::{RequestLengths, Uniqueness};
use crate::domain::session::{AttemptState, Session};
use crate::domain::suite::{CaseSpec, Message};
use crate::domain::time::Nanos;
use crate::domain::turn::Turn;
use crate::protocol::api::Api;
use crate::protocol::output_length::exact_output;
use crate::workload::source::{RequestContent, Source, follow_up};

/// Kind of the error if a row cannot be read.
const ROW_ERROR: &str = "row";

/// Content of the requests of a run.
pub struct Prompts {
    source: Option<Source>,
    /// API of the endpoint.
    api: &'static Api,
    images: Images,
    /// Whether the source has learnt how many tokens a character has, or does not need this figure.
    has_learnt: bool,
    /// Checks of the rows in flight.
    row_checks: RowChecks,
    /// Note on the lengths of the prompts, once they are known.
    note: Option<String>,
    /// Note that answers may be shorter than requested.
    output_note: Option<String>,
    /// Conversations in progress, by index of the case and number of the conversation.
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
    follow_ups: Vec<Message>,
    checks: Option<Arc<Checks>>,
}

impl RowContent {
    fn new(requested: RequestContent) -> Result<Self, String> {
        let RequestContent { max_tokens, lengths, follow_ups, checks, .. } = requested;
        // Compile the checks again: they were compiled when the rows were first read, but not kept.
        let compiled = (!checks.is_empty()).then(|| Checks::new(&checks)).transpose().map_err(|e| e.to_string())?;
        Ok(Self { max_tokens, lengths, follow_ups, checks: compiled.map(Arc::new) })
    }
}

impl Prompts {
    /// Creates the content of a run. Without a source, the requests have the content of the cases.
    pub fn new(source: Option<Source>, api: &'static Api, images: Images) -> Self {
        let has_learnt = source.as_ref().is_none_or(|source| source.probes() == 0);
        Self {
            source,
            api,
            images,
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

    /// Returns the notes on the lengths of prompts and answers that are known so far.
    pub fn notes(&self) -> impl Iterator<Item = &str> {
        [&self.note, &self.output_note].into_iter().filter_map(|note| note.as_deref())
    }

    /// Fills in the content of a request that is about to start.
    ///
    /// # Errors
    ///
    /// The row of the request cannot be read. The error is the record of the attempt, which cannot be sent.
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
            if let Some(text) = probe(source, session, *id).filter(|_| *warmup) {
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
                self.api.check_messages(&requested.messages).map_err(failed)?;
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
        let is_first = turn.is_none_or(|turn| turn.number == 1);
        if is_first && !content.generated_images.is_empty() {
            self.add_images(&mut content, id.case, session).map_err(failed)?;
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
            self.api.check_messages(&content.messages).map_err(failed)?;
            self.in_flight.insert(*id, turn);
            self.forget_ended(session);
        } else if row.is_none() && content.generated_images.is_empty() {
            return Ok(());
        }
        *case = Arc::new(content);
        Ok(())
    }

    /// Adds generated images to the last message of the user.
    fn add_images(&mut self, content: &mut CaseSpec, case: usize, session: &Session) -> Result<(), String> {
        let Some(message) = content.messages.iter_mut().rfind(|message| message.role == "user") else { return Ok(()) };
        let sent = || session.attempts().count();
        message.media.extend(self.images.next(case, &content.generated_images, sent)?);
        Ok(())
    }

    /// Returns the user's message of a later turn; `None` for the first turn.
    fn next_message(
        &self,
        turn: Turn,
        row: Option<u32>,
        of_row: Option<&RowContent>,
        case: &CaseSpec,
    ) -> Option<Message> {
        let at = usize::from(turn.number).checked_sub(2)?;
        let own = match of_row {
            Some(row) => row.follow_ups.get(at).cloned(),
            None => case.follow_ups.get(at).map(|text| Message::user(text)),
        };
        if own.is_some() {
            return own;
        }
        Some(match (&self.source, row) {
            (Some(source), Some(row)) => source.follow_up(row, turn.number),
            _ => Message::user(follow_up(turn.number)),
        })
    }

    /// Adds the answer of a turn that has ended to its conversation.
    pub fn note(&mut self, fact: &EngineFact) {
        let EngineFact::Ended { id, record } = fact else { return };
        let Some(turn) = self.in_flight.remove(id) else { return };
        let conversation = (id.case, turn.conversation);
        if turn.is_last() || record.status != AttemptStatus::Ok {
            self.conversations.remove(&conversation);
        } else if let Some(conversation) = self.conversations.get_mut(&conversation) {
            // Send the answers without their reasoning, like chat programs do.
            conversation.messages.push(Message::assistant(&record.text));
        }
    }

    /// Drops conversations that have ended between two turns because the user ended them.
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

/// Returns texts and token counts of the probes that the server has answered.
fn probes(source: &Source, session: &Session) -> Vec<(String, u64)> {
    let records = session.attempts().filter(|a| a.warmup).filter_map(AttemptState::record);
    records.filter_map(|r| Some((probe(source, session, r.id)?, r.usage.prompt_tokens?))).collect()
}

/// Text of a warm-up that is a probe; `None` for other warm-ups.
fn probe(source: &Source, session: &Session, id: AttemptId) -> Option<String> {
    source.probe(session.suite.workload.as_ref()?.probe_number(id, session.cases.len())?)
}

/// Returns the record of an attempt that was not sent.
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
