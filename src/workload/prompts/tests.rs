use std::collections::HashSet;
use std::sync::Arc;

use proptest::prelude::*;

use super::*;
use crate::workload::fit::Fit;
use crate::workload::pieces;

/// Returns prompts measured by a fit: 1.25 tokens per piece, and 20 tokens of the template.
fn fitted(prefix: Option<&str>) -> Prompts {
    let fit = Fit { tokens_per_unit: 1.25, overhead_tokens: 20.0, ..Fit::ASSUMED };
    Prompts::new(11, Ruler::from_fit(fit), prefix.map(|text| text.parse().unwrap()))
}

/// Returns prompts measured by a tokenizer whose tokens are words and line breaks.
fn counted() -> Prompts {
    Prompts::new(11, Ruler::from_tokenizer(Arc::new(|text| Some(words(text))), 20).unwrap(), None)
}

/// Counts words and line breaks.
fn words(text: &str) -> u64 {
    (text.split_whitespace().count() + text.matches('\n').count()) as u64
}

/// Returns the first characters of a text.
fn head(text: &str, chars: usize) -> &str {
    text.get(..chars).unwrap()
}

/// Returns the number of characters that two texts share at the beginning.
fn shared_chars(a: &str, b: &str) -> usize {
    a.bytes().zip(b.bytes()).take_while(|(a, b)| a == b).count()
}

#[test]
fn requests_share_no_prefix() {
    let prompts = fitted(None);
    // A heading like `Part 2.` precedes the 70 characters within which passages differ.
    let texts: HashSet<String> =
        (0..70_000).map(|index| head(&prompts.first(index, 100).text, 80).to_owned()).collect();
    assert_eq!(texts.len(), 70_000);
}

#[test]
fn a_prompt_has_the_length_asked_for_and_ends_with_the_instruction() {
    for index in 0..50 {
        for tokens in [64, 1024, 8192] {
            let prompt = fitted(None).first(index, tokens);
            assert!(prompt.tokens.abs_diff(u64::from(tokens)) <= 5, "{} instead of {tokens}", prompt.tokens);
            assert_eq!(prompt.tokens, (pieces::count(&prompt.text) as f64 * 1.25 + 20.0).round() as u64);
            assert!(prompt.text.ends_with("\n\nContinue this text in the same style."));
            let exact = counted().first(index, tokens);
            assert!(exact.tokens.abs_diff(u64::from(tokens)) <= 1, "{} instead of {tokens}", exact.tokens);
            assert_eq!(exact.tokens, words(&exact.text) + 20);
        }
    }
    let short = fitted(None).first(0, 1).text;
    assert!(!short.is_empty() && !short.contains("Continue"), "{short}");
}

#[test]
fn a_prefix_is_shared_by_the_requests_that_draw_it_and_by_no_others() {
    let spec: PrefixSpec = "512x3".parse().unwrap();
    let prompts = fitted(Some("512x3"));
    let texts: Vec<String> = (0..60).map(|index| prompts.first(index, 100).text).collect();
    let mut groups = HashSet::new();
    for (i, a) in texts.iter().enumerate() {
        groups.insert(head(a, 400).to_owned());
        for b in &texts[i + 1..] {
            let shared = shared_chars(a, b);
            // 512 tokens are 410 pieces of about 4.5 characters. Up to 70 characters of the rest may be equal by
            // chance.
            assert!(shared < 70 || (1640..2050).contains(&shared), "{shared}");
        }
    }
    assert_eq!(groups.len() as u32, spec.count());
    let length = prompts.first(0, 100).tokens;
    assert!(length.abs_diff(612) <= 5, "the prefix comes in addition: {length}");
}

#[test]
fn the_seed_decides_the_text() {
    let with_seed = |seed| Prompts { seed, ..fitted(None) };
    assert_eq!(with_seed(1).first(7, 200), with_seed(1).first(7, 200));
    let differ =
        (0..100).filter(|i| shared_chars(&with_seed(1).first(*i, 200).text, &with_seed(2).first(*i, 200).text) < 70);
    assert!(differ.count() >= 99);
}

#[test]
fn follow_ups_have_their_length_without_the_template() {
    let prompts = counted();
    for turn in 1..5 {
        let prompt = prompts.follow_up(3, turn, 100);
        assert!(prompt.tokens.abs_diff(100) <= 1 && prompt.tokens == words(&prompt.text), "{prompt:?}");
        assert_ne!(prompt, prompts.follow_up(3, turn + 1, 100));
        assert_ne!(prompt, prompts.follow_up(4, turn, 100));
    }
}

#[test]
fn probes_differ_from_each_other_and_from_prompts() {
    let prompts = fitted(None);
    let (a, b) = (prompts.probe(0, 400), prompts.probe(1, 400));
    assert!((395..420).contains(&a.len()) && shared_chars(&a, &b) < 70);
    assert!(shared_chars(&a, &prompts.first(0, 400).text) < 70);
}

#[test]
fn equal_hash_ids_give_equal_text_and_different_ones_different_text() {
    let prompts = counted();
    // In the example of the published trace, two requests share 12 blocks of 512 tokens.
    let shared: Vec<u64> = (46..58).collect();
    let a = prompts.from_blocks(&[&shared[..], &[2353, 2354]].concat(), 512, 6955, 0);
    let b = prompts.from_blocks(&[&shared[..], &[2366]].concat(), 512, 6472, 1);
    assert!(a.tokens.abs_diff(6955) <= 8 && b.tokens.abs_diff(6472) <= 8, "{} {}", a.tokens, b.tokens);
    let common = head(&a.text, shared_chars(&a.text, &b.text));
    let tokens = words(common);
    assert!((12 * 512 - 8..12 * 512 + 20).contains(&tokens), "{tokens} tokens are shared");
    assert_eq!(a.text, prompts.from_blocks(&[&shared[..], &[2353, 2354]].concat(), 512, 6955, 9).text);
}

#[test]
fn tokens_beyond_the_hash_ids_are_unique() {
    let prompts = counted();
    let (a, b) = (prompts.from_blocks(&[1], 512, 1000, 0), prompts.from_blocks(&[1], 512, 1000, 1));
    let tokens = words(head(&a.text, shared_chars(&a.text, &b.text)));
    assert!((510..530).contains(&tokens), "{tokens}");
    assert!(a.tokens.abs_diff(1000) <= 3);
    assert_ne!(prompts.from_blocks(&[], 512, 300, 0).text, prompts.from_blocks(&[], 512, 300, 1).text);
}

proptest! {
    #[test]
    fn shared_text_follows_shared_ids(
        shared in prop::collection::vec(0..300_000_u64, 0..6), a in any::<u64>(), b in any::<u64>(), tail in 30..64_u32,
    ) {
        prop_assume!(a != b);
        let prompts = fitted(None);
        let tokens = (shared.len() as u32) * 64 + tail;
        let text = |last: u64, index| prompts.from_blocks(&[&shared[..], &[last]].concat(), 64, tokens, index).text;
        let (first, second) = (text(a, 0), text(b, 1));
        let common = shared_chars(&first, &second);
        // A block of 64 tokens has 51 pieces, about 230 characters, and more if the words are long.
        let least = shared.len().saturating_sub(1) * 150;
        let most = shared.len() * 320 + 80;
        prop_assert!((least..=most).contains(&common), "{common} characters for {} blocks", shared.len());
        prop_assert_eq!(text(a, 0), text(a, 1));
    }

    #[test]
    fn any_length_and_ids_give_a_prompt(ids in prop::collection::vec(any::<u64>(), 0..4), tokens in 0..5000_u32, index in any::<u64>()) {
        for prompts in [fitted(Some("16x4")), counted()] {
            prop_assert!(!prompts.first(index, tokens).text.is_empty());
            prop_assert!(!prompts.from_blocks(&ids, 512, tokens, index).text.is_empty());
            prop_assert!(!prompts.follow_up(index, 1, tokens).text.is_empty());
        }
    }
}
