use std::path::Path;

use super::*;
use crate::domain::session::Plan;
use crate::domain::suite::Suite;
use crate::protocol::api::by_name;
use crate::workload::dataset::{ColumnMapping, Dataset, OnBadRow};

const ROW: &str = "{\"messages\": [{\"role\": \"user\", \"content\": \"a\"}, {\"role\": \"assistant\", \"content\": \"x\"}, \
                   {\"role\": \"user\", \"content\": \"b\"}], \"max_tokens\": 9}\n";

fn prompts(path: &Path) -> Prompts {
    let mapping = ColumnMapping::new(Vec::new()).unwrap();
    let dataset = Dataset::open(path, &mapping, OnBadRow::Fail).unwrap();
    Prompts::new(Some(Source::from_dataset(dataset, None, 0)), by_name("chat").unwrap(), Images::new(None))
}

fn session() -> Session {
    let suite = Suite { cases: vec![CaseSpec::new("case", Vec::new())], ..Suite::default() };
    Session::new(Arc::new(suite), Plan::default())
}

/// Prepares turn `number` of three of conversation 1, and returns the texts of its messages and its maximum length.
fn send(prompts: &mut Prompts, number: u16) -> (Vec<String>, u32) {
    let turn = Turn { conversation: 1, number, of: 3 };
    let mut command = EngineCommand::Start {
        id: AttemptId { case: 0, number: number.into() },
        case: Arc::new(CaseSpec::new("case", Vec::new())),
        model: "m".to_owned(),
        warmup: false,
        due: None,
        turn: Some(turn),
        row: Some(0),
        lengths: crate::domain::request_lengths::RequestLengths::default(),
        ready: None,
    };
    prompts.prepare(&mut command, &session(), None, Nanos(1)).unwrap();
    let EngineCommand::Start { case, .. } = command else { panic!("another command") };
    (case.messages.iter().map(|m| m.content.clone()).collect(), case.max_tokens)
}

fn end(prompts: &mut Prompts, number: u32, text: &str) {
    let id = AttemptId { case: 0, number };
    let mut record = AttemptRecord::started(id, false, String::new(), String::new(), Nanos(1));
    (record.status, record.text) = (AttemptStatus::Ok, text.to_owned());
    prompts.note(&EngineFact::Ended { id, record: Arc::new(record) });
}

#[test]
fn the_row_of_a_conversation_is_read_once() {
    let folder = tempfile::tempdir().unwrap();
    let path = folder.path().join("rows.jsonl");
    std::fs::write(&path, ROW).unwrap();
    let mut prompts = prompts(&path);
    assert_eq!(send(&mut prompts, 1), (vec!["a".to_owned()], 9));
    end(&mut prompts, 1, "own");
    // The later turns do not need the file.
    std::fs::write(&path, "").unwrap();
    assert_eq!(send(&mut prompts, 2), (["a", "own", "b"].map(str::to_owned).to_vec(), 9));
    end(&mut prompts, 2, "two");
    let (messages, max_tokens) = send(&mut prompts, 3);
    assert_eq!((&messages[..4], messages.len(), max_tokens), (&["a", "own", "b", "two"].map(str::to_owned)[..], 5, 9));
}

#[test]
fn a_conversation_keeps_its_history_when_ended_ones_are_dropped() {
    let folder = tempfile::tempdir().unwrap();
    let path = folder.path().join("rows.jsonl");
    std::fs::write(&path, ROW).unwrap();
    let mut prompts = prompts(&path);
    send(&mut prompts, 1);
    end(&mut prompts, 1, "own");
    // The user ended these between two turns.
    for conversation in 2..100 {
        prompts.conversations.insert((0, conversation), Conversation::default());
    }
    assert_eq!(send(&mut prompts, 2).0, ["a", "own", "b"]);
    assert_eq!(prompts.conversations.len(), 1);
}
