//! Prompts of a given length, counted by a real tokenizer.
#![cfg(feature = "tokenizer")]
#![allow(clippy::unwrap_used, reason = "a failing step fails the test")]

use std::sync::Arc;

use tokscope::tokenizer::Tokenizer;
use tokscope::workload::prompts::Prompts;
use tokscope::workload::ruler::Ruler;

const BPE: &[u8] = include_bytes!("data/tokenizer-bpe.json");

#[test]
fn a_tokenizer_file_gives_prompts_within_one_token() {
    let tokenizer = Arc::new(Tokenizer::read(BPE).unwrap());
    let counter = Arc::clone(&tokenizer);
    let ruler = Ruler::from_tokenizer(Arc::new(move |text| counter.count(text)), 0).unwrap();
    let prompts = Prompts::new(3, ruler, None);
    for (index, tokens) in [16_u32, 100, 512, 2000].into_iter().cycle().take(20).enumerate() {
        let prompt = prompts.first(index as u64, tokens);
        assert_eq!(tokenizer.count(&prompt.text), Some(prompt.tokens));
        assert!(prompt.tokens.abs_diff(u64::from(tokens)) <= 1, "{} instead of {tokens}", prompt.tokens);
    }
    let traced = prompts.from_blocks(&[4, 5, 6, 7], 512, 2000, 0);
    assert_eq!(tokenizer.count(&traced.text), Some(traced.tokens));
    // Each block is within one token of its length.
    assert!(traced.tokens.abs_diff(2000) <= 4, "{} instead of 2000", traced.tokens);
}
