use std::sync::Arc;

use super::*;

/// Counts like a tokenizer with a token for each word.
fn words() -> CountTokens {
    Arc::new(|text: &str| Some(text.split_whitespace().count() as u64))
}

#[test]
fn rows_of_a_depth_have_its_context_and_a_text_of_their_own() {
    let depths: Depths = "0,4096,8192".parse().unwrap();
    let mut source = Source::at_depths(depths, 512, 32, Some(words()), 7);
    let mut texts = Vec::new();
    for row in 0..9 {
        let content = source.first(row, false).unwrap();
        let expected = [512, 4608, 8704][row as usize % 3];
        let lengths =
            RequestLengths { input_tokens: Some(expected), output_tokens: Some(32), uniqueness: Uniqueness::OwnText };
        assert_eq!((content.lengths, content.max_tokens), (lengths, Some(32)));
        let text = content.messages[0].content.clone();
        let counted = text.split_whitespace().count() as u64;
        assert!(counted.abs_diff(expected.into()) <= 1, "{counted} instead of {expected}");
        texts.push(text);
    }
    // A prefix cache works with blocks of 16 tokens or more.
    let mut beginnings: Vec<String> =
        texts.iter().map(|text| text.split_whitespace().take(16).collect::<Vec<_>>().join(" ")).collect();
    beginnings.sort_unstable();
    beginnings.dedup();
    assert_eq!(beginnings.len(), texts.len());
}

#[test]
fn another_run_sends_other_texts_of_the_same_lengths() {
    let make = |run: &str| {
        let mut source = Source::at_depths("4096".parse().unwrap(), 512, 32, Some(words()), 7);
        source.make_unique(run);
        source.first(0, false).unwrap()
    };
    let (a, b) = (make("a"), make("b"));
    assert_eq!(a.lengths, b.lengths);
    assert_ne!(a.messages, b.messages);
}
