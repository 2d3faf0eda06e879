//! Counts the tokens of finished responses with the user's tokenizer, on a thread between the engine and the main
//! thread.

use std::panic::{AssertUnwindSafe, catch_unwind};
use std::sync::Arc;
use std::sync::mpsc::channel;

use crate::domain::attempt::AttemptRecord;
use crate::domain::live::EngineFact;
use crate::domain::time::Nanos;
use crate::engine::InvalidConfig;
use crate::tokenizer::Tokenizer;

/// Receiver of facts, each with its time.
pub type Facts = Box<dyn Fn(Nanos, EngineFact) + Send>;

/// Starts the thread and returns its input. Facts reach `deliver` in the same order, and records with their token
/// count. The thread ends when the input is dropped and all facts are delivered.
pub fn start(
    tokenizer: Arc<Tokenizer>,
    deliver: impl Fn(Nanos, EngineFact) + Send + 'static,
) -> Result<Facts, InvalidConfig> {
    let (sender, facts) = channel::<(Nanos, EngineFact)>();
    let work = move || {
        let mut last = Nanos::default();
        let all = || {
            for (at, mut fact) in facts {
                last = at;
                if let EngineFact::Ended { record, .. } = &mut fact {
                    count(&tokenizer, Arc::make_mut(record));
                }
                deliver(at, fact);
            }
        };
        // Report a panic as the end of the engine: no further record would arrive.
        if catch_unwind(AssertUnwindSafe(all)).is_err() {
            deliver(last, EngineFact::Died("an internal error in the tokenizer's thread".to_owned()));
        }
    };
    let thread = std::thread::Builder::new().name("tokenizer".to_owned()).spawn(work);
    thread.map_err(|e| InvalidConfig(format!("the tokenizer's thread did not start: {e}")))?;
    // Sending fails only if the main thread has ended; then no fact is needed.
    Ok(Box::new(move |at, fact| drop(sender.send((at, fact)))))
}

fn count(tokenizer: &Tokenizer, record: &mut AttemptRecord) {
    if !record.is_countable() {
        return;
    }
    // Count both parts separately: the model's text between them is not known.
    let parts = [&record.reasoning, &record.text].map(|text| tokenizer.count(text));
    match parts {
        [Some(reasoning), Some(text)] => record.set_counted_tokens(reasoning + text),
        _ => record.warnings.push("the tokenizer cannot encode this text, so its tokens were not counted".to_owned()),
    }
}

#[cfg(all(test, feature = "tokenizer"))]
mod tests {
    use super::*;
    use crate::domain::attempt::{AttemptId, AttemptStatus, TokenSource};

    fn ended(number: u32, reasoning: &str, text: &str, status: AttemptStatus) -> EngineFact {
        let id = AttemptId { case: 0, number };
        let mut record = AttemptRecord::started(id, false, "r".into(), "m".into(), Nanos(0));
        (record.reasoning, record.text, record.status) = (reasoning.into(), text.into(), status);
        EngineFact::Ended { id, record: Arc::new(record) }
    }

    #[test]
    fn facts_keep_their_order_and_time_and_records_get_their_count() {
        let tokenizer = Tokenizer::read(include_bytes!("../../../tests/data/tokenizer-characters.json")).unwrap();
        let (sender, out) = channel();
        let input = start(Arc::new(tokenizer), move |at, fact| drop(sender.send((at, fact)))).unwrap();
        input(Nanos(1), EngineFact::Started { id: AttemptId { case: 0, number: 1 }, at: Nanos(1) });
        input(Nanos(2), ended(1, &"hm ".repeat(10_000), "Ja.", AttemptStatus::Ok));
        input(Nanos(3), EngineFact::Started { id: AttemptId { case: 0, number: 2 }, at: Nanos(3) });
        input(Nanos(4), ended(2, "", "given up", AttemptStatus::Cancelled));
        input(Nanos(5), EngineFact::Died("gone".into()));
        drop(input);
        let facts: Vec<_> = out.iter().collect();
        assert_eq!(facts.iter().map(|(at, _)| at.0).collect::<Vec<_>>(), [1, 2, 3, 4, 5]);
        let tokens = |fact: &EngineFact| match fact {
            EngineFact::Ended { record, .. } => Some(record.output_tokens()),
            _ => None,
        };
        assert_eq!(
            facts.iter().map(|(_, fact)| tokens(fact)).collect::<Vec<_>>(),
            [None, Some(Some((30_003, TokenSource::Tokenizer))), None, Some(None), None]
        );
    }

    #[test]
    fn a_panic_of_the_thread_ends_the_engine() {
        let tokenizer = Tokenizer::read(include_bytes!("../../../tests/data/tokenizer-characters.json")).unwrap();
        let (sender, out) = channel();
        let input = start(Arc::new(tokenizer), move |at, fact| match fact {
            EngineFact::Died(why) => drop(sender.send((at, why))),
            _ => panic!("as the test wants it"),
        });
        input.unwrap()(Nanos(7), ended(1, "", "Ja.", AttemptStatus::Ok));
        assert_eq!(out.recv().unwrap(), (Nanos(7), "an internal error in the tokenizer's thread".to_owned()));
    }
}
