//! Invariants for any answer of vectors or scores. Fuzzer and property tests check them.

use super::{ExpectedItems, ItemsFault, read};
use crate::domain::task::Task;

/// Maximum length of a reason, characters. It may quote a server's message.
const MAX_REASON: usize = 8192;

/// Reads bytes as the answer to several requests. Returns the first violated invariant.
pub fn check(body: &[u8]) -> Result<(), String> {
    for task in [Task::Embeddings, Task::Rerank] {
        for (sent, top_n, dimensions) in [(0, None, None), (1, None, Some(2)), (2, Some(1), None), (3, None, None)] {
            // Only rerank requests ask for a part of the results.
            let top_n = top_n.filter(|_| task == Task::Rerank);
            check_one(body, ExpectedItems { task, sent, top_n, dimensions })?;
        }
    }
    Ok(())
}

fn check_one(body: &[u8], expected: ExpectedItems) -> Result<(), String> {
    match read(body, expected) {
        Ok(answer) => {
            let items = answer.items;
            if items.count as usize != expected.sent {
                return Err(format!("{items:?} for {expected:?}"));
            }
            let has_dimensions = expected.task == Task::Embeddings && expected.sent > 0;
            if items.dimensions.is_some() != has_dimensions || items.dimensions == Some(0) {
                return Err(format!("dimensions of {items:?} for {expected:?}"));
            }
            if answer.usage.prompt_tokens == Some(0) {
                return Err("zero prompt tokens instead of an unknown number".to_owned());
            }
            Ok(())
        }
        Err(ItemsFault::Reported(why) | ItemsFault::Invalid(why)) => {
            if why.is_empty() || why.chars().count() > MAX_REASON {
                return Err(format!("a reason of {} bytes", why.len()));
            }
            Ok(())
        }
    }
}

#[cfg(test)]
mod tests {
    use proptest::prelude::*;

    proptest! {
        #[test]
        fn any_bytes_keep_the_invariants(body in prop::collection::vec(any::<u8>(), 0..200)) {
            prop_assert_eq!(super::check(&body), Ok(()));
        }

        #[test]
        fn answers_with_any_numbers_keep_the_invariants(
            indices in prop::collection::vec(-1_i64..4, 0..4),
            number in "-?[0-9]{1,3}(\\.[0-9]{1,3})?(e[0-9]{1,3})?",
            key in "(data|results|error)",
        ) {
            let entry = |i: &i64| {
                format!(r#"{{"index":{i},"embedding":[{number},1],"relevance_score":{number}}}"#)
            };
            let entries: Vec<String> = indices.iter().map(entry).collect();
            let list = entries.join(",");
            prop_assert_eq!(super::check(format!(r#"{{"{key}":[{list}],"usage":{{"total_tokens":0}}}}"#).as_bytes()), Ok(()));
            prop_assert_eq!(super::check(format!("[{list}]").as_bytes()), Ok(()));
        }
    }
}
