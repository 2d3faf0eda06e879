//! Built-in suites of runs that ask for vectors or scores. Their texts are prose, as in synthetic prompts.

use crate::domain::suite::{CaseSpec, DOCUMENT, INPUT, Message, QUERY, Suite};
use crate::domain::task::Task;
use crate::workload::prose::PROSE;

/// Lengths of a paragraph, characters. Models for short texts take 512 tokens.
const PARAGRAPH_CHARS: std::ops::RangeInclusive<usize> = 150..=600;
/// Minimum length of a long document, characters; about 400 tokens.
const LONG_CHARS: usize = 1500;

const SHORT_QUERY: &str = "Who founded the League of the Red-headed Men, and why?";
const RERANK_QUERY: &str = "What does Holmes conclude about the visitor from the traces on his clothes?";

/// Returns the suite for this kind of work.
pub(super) fn suite(task: Task) -> Suite {
    let (name, cases) = match task {
        Task::Rerank => ("Rerank", vec![ranked("10 Documents", 10), ranked("100 Documents", 100)]),
        Task::Embeddings | Task::Generation => (
            "Embeddings",
            vec![
                CaseSpec::new("Short Query", vec![Message::user(SHORT_QUERY)]),
                CaseSpec::new("Paragraph", paragraphs().take(1).map(|text| Message::user(&text)).collect()),
                CaseSpec::new("Long Document", vec![Message::user(&long_document())]),
                CaseSpec::new("Batch of 32", paragraphs().take(32).map(|text| Message::new(INPUT, &text)).collect()),
            ],
        ),
    };
    Suite { name: name.to_owned(), cases, ..Suite::default() }
}

fn ranked(name: &str, documents: usize) -> CaseSpec {
    let documents = paragraphs().take(documents).map(|text| Message::new(DOCUMENT, &text));
    CaseSpec::new(name, std::iter::once(Message::new(QUERY, RERANK_QUERY)).chain(documents).collect())
}

/// Paragraphs of the prose, each in one line.
fn paragraphs() -> impl Iterator<Item = String> {
    let lines = |paragraph: &str| paragraph.split_whitespace().collect::<Vec<_>>().join(" ");
    PROSE.split("\n\n").map(lines).filter(|text| PARAGRAPH_CHARS.contains(&text.len()))
}

fn long_document() -> String {
    let mut document = String::new();
    for paragraph in paragraphs() {
        if document.len() >= LONG_CHARS {
            break;
        }
        document.extend([paragraph.as_str(), "\n\n"]);
    }
    document.trim_end().to_owned()
}

#[cfg(test)]
mod tests {
    use std::collections::HashSet;

    use super::*;
    use crate::protocol::api::{EMBEDDINGS, RERANK};

    #[test]
    fn the_built_in_suites_have_the_sizes_of_their_names() {
        let sizes = |task| -> Vec<(String, usize)> {
            suite(task).cases.iter().map(|case| (case.name.clone(), case.messages.len())).collect()
        };
        let named = |cases: &[(&str, usize)]| -> Vec<(String, usize)> {
            cases.iter().map(|(name, n)| ((*name).to_owned(), *n)).collect()
        };
        let embeddings = [("Short Query", 1), ("Paragraph", 1), ("Long Document", 1), ("Batch of 32", 32)];
        assert_eq!(sizes(Task::Embeddings), named(&embeddings));
        // A query and its documents.
        assert_eq!(sizes(Task::Rerank), named(&[("10 Documents", 11), ("100 Documents", 101)]));
        for (task, api) in [(Task::Embeddings, &EMBEDDINGS), (Task::Rerank, &RERANK)] {
            for case in suite(task).cases {
                assert_eq!((api.check_messages(&case.messages), (api.unsupported)(&case)), (Ok(()), None));
                let distinct: HashSet<_> = case.messages.iter().map(|message| &message.content).collect();
                assert_eq!(distinct.len(), case.messages.len(), "{}", case.name);
            }
        }
        let long = &suite(Task::Embeddings).cases[2].messages[0].content;
        assert!((LONG_CHARS..LONG_CHARS + 600).contains(&long.len()), "{}", long.len());
    }
}
