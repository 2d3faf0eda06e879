//! Content of the requests: each turn of a conversation is sent with the answers to the turns before it.

use std::collections::BTreeMap;
use std::sync::Arc;

use crate::domain::attempt::{AttemptId, AttemptRecord, AttemptStatus};
use crate::domain::live::{EngineCommand, EngineFact};
use crate::domain::session::Session;
use crate::domain::suite::Message;
use crate::domain::turn::Turn;

/// Conversations in progress.
#[derive(Debug, Default)]
pub struct Prompts {
    /// Messages of each conversation so far, by case and conversation.
    conversations: BTreeMap<(usize, u32), Vec<Message>>,
    /// Turns in flight.
    in_flight: BTreeMap<AttemptId, Turn>,
}

impl Prompts {
    /// Puts the messages of the conversation into a start, if the request is part of one.
    pub fn prepare(&mut self, command: &mut EngineCommand, session: &Session) {
        let EngineCommand::Start { id, case, turn: Some(turn), .. } = command else { return };
        self.forget_ended(session);
        self.in_flight.insert(*id, *turn);
        let messages = self.conversations.entry((id.case, turn.conversation)).or_default();
        if turn.number == 1 {
            messages.clone_from(&case.messages);
        } else if let Some(follow_up) = case.follow_ups.get(turn.number as usize - 2) {
            messages.push(Message::user(follow_up));
        }
        let (mut with_history, messages) = ((**case).clone(), messages.clone());
        with_history.messages = messages;
        *case = Arc::new(with_history);
    }

    /// Adds the answer of a turn that ended to its conversation.
    pub fn note(&mut self, fact: &EngineFact) {
        let EngineFact::Ended { id, record } = fact else { return };
        let Some(turn) = self.in_flight.remove(id) else { return };
        let conversation = (id.case, turn.conversation);
        if turn.is_last() || record.status != AttemptStatus::Ok {
            self.conversations.remove(&conversation);
        } else if let Some(messages) = self.conversations.get_mut(&conversation) {
            messages.push(answer(record));
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

/// The answer as a message. Reasoning is left out, as chat programs do.
fn answer(record: &AttemptRecord) -> Message {
    Message::assistant(&record.text)
}
