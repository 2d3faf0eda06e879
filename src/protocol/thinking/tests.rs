use proptest::prelude::*;

use super::*;

/// Returns thinking and text of an answer that arrives in these pieces.
fn split(pieces: &[&str]) -> (String, String) {
    let mut thinking = InlineThinking::default();
    let (mut reasoning, mut text) = (String::new(), String::new());
    let mut add = |split: Split<'_>| {
        if split.relabels {
            reasoning.push_str(&std::mem::take(&mut text));
        }
        reasoning.push_str(&split.reasoning);
        text.push_str(&split.text);
    };
    for piece in pieces {
        add(thinking.take(piece));
    }
    add(thinking.stop());
    (reasoning, text)
}

/// Returns the expected result, computed from the whole text at once.
fn reference(whole: &str) -> (String, String) {
    let apart = |thought: &str, answer: &str| (thought.to_owned(), answer.to_owned());
    if let Some(inside) = whole.trim_start().strip_prefix(OPEN) {
        return inside.split_once(CLOSE).map_or_else(|| apart(inside, ""), |(t, a)| apart(t, a));
    }
    match whole.split_once(CLOSE) {
        Some((thought, answer)) if !thought.contains(OPEN) => apart(thought, answer),
        _ => apart("", whole),
    }
}

#[test]
fn inline_thinking_is_split_at_every_position() {
    for (whole, reasoning, text) in [
        ("<think>why</think>\n\nbecause", "why", "\n\nbecause"),
        (" \n<think>\nwhy</think>so", "\nwhy", "so"),
        ("why not</think>so", "why not", "so"),
        ("<think></think>so", "", "so"),
        ("<think>never ends <b", "never ends <b", ""),
        ("plain < text with <b>tags</b>", "", "plain < text with <b>tags</b>"),
        ("the tags <think> and </think> are read", "", "the tags <think> and </think> are read"),
        ("why</think>the tag </think> closes", "why", "the tag </think> closes"),
        ("ends in a part </thin", "", "ends in a part </thin"),
        ("", "", ""),
        (" \n ", "", " \n "),
    ] {
        let expected = (reasoning.to_owned(), text.to_owned());
        assert_eq!(reference(whole), expected, "{whole:?}");
        for at in (0..=whole.len()).filter(|&at| whole.is_char_boundary(at)) {
            let (a, b) = whole.split_at(at);
            assert_eq!(split(&[a, b]), expected, "{whole:?} at {at}");
        }
        let single: Vec<String> = whole.chars().map(String::from).collect();
        assert_eq!(split(&single.iter().map(String::as_str).collect::<Vec<_>>()), expected, "{whole:?}");
    }
}

#[test]
fn pieces_are_returned_at_once_unless_they_may_be_a_tag() {
    let mut thinking = InlineThinking::default();
    assert_eq!(thinking.take("a < b").text, "a < b");
    assert_eq!(thinking.take("c</th").text, "c");
    assert_eq!(thinking.take("ere").text, "</there");
    let end = thinking.take("d</think>e");
    assert_eq!((&*end.reasoning, &*end.text, end.relabels), ("d", "e", true));
}

#[test]
fn endless_white_space_is_not_held_back() {
    let indent = " ".repeat(MAX_INDENT_BYTES + 1);
    assert_eq!(InlineThinking::default().take(&indent).text, indent.as_str());
}

#[test]
fn a_reasoning_field_makes_tags_plain_text() {
    let mut thinking = InlineThinking::default();
    assert_eq!(thinking.take(" <th").text, "");
    assert_eq!(thinking.stop().text, " <th");
    assert_eq!(thinking.take("ink>a</think>").text, "ink>a</think>");
}

proptest! {
    #[test]
    fn the_result_does_not_depend_on_the_pieces(pieces in prop::collection::vec(
        prop::sample::select(vec!["<think>", "</think>", "<", "</", "think>", "<th", " ", "é", "\n", "</thi", "nk>"]), 0..12)) {
        prop_assert_eq!(split(&pieces), reference(&pieces.concat()));
    }
}
