use proptest::prelude::*;

use super::*;

const SHOWCASE: &str = include_str!("tests/showcase.md");

fn text_of(line: &Line<'_>) -> String {
    line.spans.iter().map(|s| s.content.as_ref()).collect()
}

fn rendered(text: &str, width: u16) -> Vec<String> {
    render(text, width, Theme::mono(), Style::new()).iter().map(text_of).collect()
}

/// Renders each line as its pieces, `{style: text}` where a piece is styled.
fn styled(text: &str, width: u16, theme: Theme, base: Style) -> String {
    let piece = |s: &Span<'_>| {
        let style = s.style;
        let colour = style.fg.map(|c| format!("{c:?}"));
        let modifiers = (!style.add_modifier.is_empty()).then(|| format!("{:?}", style.add_modifier));
        match colour.into_iter().chain(modifiers).collect::<Vec<_>>().join(" ") {
            plain if plain.is_empty() => s.content.to_string(),
            style => format!("{{{style}: {}}}", s.content),
        }
    };
    let line = |l: &Line<'_>| l.spans.iter().map(piece).collect::<String>();
    render(text, width, theme, base).iter().map(line).collect::<Vec<_>>().join("\n")
}

#[test]
fn showcase() {
    insta::assert_snapshot!("showcase_60", rendered(SHOWCASE, 60).join("\n"));
    insta::assert_snapshot!("showcase_32", rendered(SHOWCASE, 32).join("\n"));
    insta::assert_snapshot!("showcase_styles", styled(SHOWCASE, 60, Theme::ansi(), Style::new()));
    insta::assert_snapshot!("showcase_styles_mono", styled(SHOWCASE, 60, Theme::mono(), Theme::mono().reasoning()));
}

#[test]
fn a_folded_part_is_unfolded_under_its_summary() {
    let folded = "<details>\n<summary>More & more</summary>\n\n* a\n\n</details>\n\nAfter.\n";
    assert_eq!(rendered(folded, 40), ["▾ More & more", "", "• a", "", "After."]);
    // Other HTML is shown as it is.
    assert_eq!(rendered("<details><b>\n", 40), ["<details><b>"]);
}

#[test]
fn a_table_breaks_no_word_where_all_words_fit() {
    let table = "| Name | Speed (tok/s) |\n|---|---:|\n| Microservices Architecture | 115.5 |\n";
    // 24 columns hold the words between wide separators, 21 between narrow ones only.
    for width in [24, 21] {
        let lines = rendered(table, width);
        assert!(lines.iter().any(|line| line.starts_with("Microservices")), "{lines:#?}");
        assert!(lines.iter().any(|line| line.ends_with("(tok/s)")), "{lines:#?}");
    }
}

#[test]
fn nested_lists_keep_their_numbers_and_indents() {
    assert_eq!(rendered("9. a\n10. b\n    - c d\n\n      e", 24), ["9. a", "10. b", "    • c d", "", "      e"]);
    assert_eq!(rendered("-\n- x", 20), ["• ", "• x"]);
}

#[test]
fn a_list_does_not_move_when_it_turns_out_to_be_loose() {
    assert_eq!(rendered("- a\n- b\n\n- c", 20), ["• a", "• b", "• c"]);
}

#[test]
fn a_link_shows_its_address_unless_it_is_its_text() {
    assert_eq!(rendered("[a](http://b) <http://c> <d@e.f>", 60), ["a (http://b) http://c d@e.f"]);
}

#[test]
fn an_open_fence_is_code_up_to_the_end() {
    assert_eq!(rendered("a\n\n```rust,ignore\nlet **x**", 60), ["a", "", "┌ rust", "│ let **x**"]);
}

#[test]
fn wrapped_code_has_a_broken_bar() {
    assert_eq!(rendered("    abcdefgh", 7), ["│ abcde", "┊ fgh"]);
}

#[test]
fn code_is_coloured_once_its_block_is_closed() {
    let code = "```rust\nlet a = 1;\n";
    let coloured = |text: &str| {
        let lines = render_growing(text, 60, Theme::ansi(), Style::new());
        lines.iter().filter(|l| text_of(l).contains("let")).map(|l| l.spans.len() > 2).collect::<Vec<_>>()
    };
    assert_eq!(coloured(code), [false]);
    assert_eq!(coloured(&format!("{code}```\n")), [true]);
    // A closed block above an open one stays in colour.
    assert_eq!(coloured(&format!("{code}```\n\n{code}")), [true, false]);
    assert_eq!(
        styled("```py\nif x: # y\n```", 60, Theme::mono(), Style::new()),
        "{DIM: ┌ py}\n{DIM: │ }{BOLD: if} x: {DIM | ITALIC: # y}"
    );
}

#[test]
fn a_table_with_too_many_columns_becomes_a_list() {
    let table = "| a | b | c |\n|---|---|---|\n| 1 | 2 | 3 |\n| 4 | | 6 |";
    assert_eq!(rendered(table, 10), ["a: 1", "b: 2", "c: 3", "", "a: 4", "c: 6"]);
}

#[test]
fn control_characters_from_entities_are_removed() {
    assert_eq!(rendered("&#x1b;[31ma&#x202e;b&#7; [x](&#x7;y)", 60), ["[31mab x (y)"]);
}

#[test]
fn a_marker_without_room_goes_into_the_text() {
    assert_eq!(rendered("- a\n  - b", 12), ["• a", "• b"]);
}

#[test]
fn deep_nesting_and_long_lines_are_bounded() {
    let deep = rendered(&format!("{} x", ">".repeat(10_000)), 40);
    assert_eq!(deep.len(), 1);
    assert!(deep[0].ends_with('x') && deep[0].starts_with("▌ ▌ "), "{deep:?}");
    assert_eq!(rendered(&"- ".repeat(10_000), 40).len(), 1);
    let emphasis = "*a **b ".repeat(5_000);
    assert!(rendered(&emphasis, 80).len() <= emphasis.len() / 70);
    let long = "x".repeat(1_200_000);
    assert_eq!(rendered(&long, 100).len(), 1024 * 1024 / 100 + 1);
    assert_eq!(rendered(&"a ".repeat(300_000), 1).len(), 100_001);
    assert!(rendered(&"[".repeat(50_000), 80).len() <= 50_000 / 80 + 1);
}

/// While an answer grows, the lines above its last block do not change.
#[test]
fn a_growing_answer_does_not_flicker_above_its_last_block() {
    // In items and quotes the whole container is the block: a paragraph inside moves its own lines only.
    let parts = SHOWCASE.split("\n\n").scan(0, |at, part| {
        let from = *at;
        *at += part.len() + 2;
        Some((from, part.len()))
    });
    let grow = |end: usize| -> Vec<String> {
        let text = SHOWCASE.get(..end).unwrap();
        render_growing(text, 60, Theme::mono(), Style::new()).iter().map(text_of).collect()
    };
    for (from, len) in parts {
        let before = grow(from);
        for end in (from..=from + len).filter(|&e| SHOWCASE.is_char_boundary(e)) {
            let now = grow(end);
            assert!(now.starts_with(&before), "after {:?}:\n{now:#?}", SHOWCASE.get(from..end));
        }
    }
}

#[test]
fn a_growing_table_never_shows_its_pipes() {
    let text = "See:\n| a | b |\n|---|:-:|\n| 1 | 2 |\n| 3 | 4 |";
    let head = text.find("| b").unwrap();
    for end in head + 1..=text.len() {
        let lines = render_growing(text.split_at(end).0, 80, Theme::mono(), Style::new());
        let all: Vec<_> = lines.iter().map(text_of).collect();
        assert!(!all.concat().contains(['|', '-']), "{all:?}");
    }
}

/// Generates text that contains far more Markdown than random characters would.
fn markdown() -> impl Strategy<Value = String> {
    let piece = prop_oneof![
        "[a-z]{1,9}( [a-z]{1,30})?",
        any::<String>(),
        Just("你好，世界".to_owned()),
        Just("👩\u{200d}👩\u{200d}👧".to_owned()),
        Just("&#x1b;[2J".to_owned()),
        prop::sample::select(vec![
            "\n",
            "\n\n",
            "\n- ",
            "\n  - ",
            "\n1. ",
            "\n> ",
            "\n```rust\n",
            "\n```\n",
            "\n| a | b |\n|---|:-:|\n",
            "| ",
            "**",
            "*",
            "`",
            "~~",
            "[",
            "](http://x.y/z)",
            "![",
            "<b>",
            "\n<div>\n",
            "\n---\n",
            "\n# ",
            "\n    ",
            "\t",
            "\\\n",
            "- [ ] ",
            "&#9;",
        ])
        .prop_map(str::to_owned),
    ];
    prop::collection::vec(piece, 0..40).prop_map(|p| p.concat())
}

proptest! {
    #[test]
    fn every_line_fits_and_has_no_control_characters(text in markdown(), width in 0_u16..200, growing: bool) {
        let draw = if growing { render_growing } else { render };
        let lines = draw(&text, width, Theme::ansi(), Style::new());
        if width == 0 {
            prop_assert!(lines.is_empty());
        }
        for line in &lines {
            prop_assert!(line.width() <= usize::from(width), "{} > {width}: {line:?}", line.width());
            prop_assert!(crate::ui::fit::spans_width(&line.spans) <= usize::from(width));
            let text = text_of(line);
            prop_assert_eq!(&crate::domain::text::sanitise(&text), &text);
            prop_assert!(!text.contains(['\n', '\t']));
        }
    }

    #[test]
    fn no_plain_word_is_lost(words in prop::collection::vec("[a-z]{1,40}", 1..60), width in 1_u16..120) {
        let text = words.join(" ");
        let all: String = rendered(&text, width).concat().replace(' ', "");
        prop_assert_eq!(all, words.concat());
    }
}
