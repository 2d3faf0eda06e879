use proptest::prelude::*;
use unicode_width::UnicodeWidthStr;

use super::*;

fn text_of(line: &Line<'_>) -> String {
    line.spans.iter().map(|s| s.content.as_ref()).collect()
}

fn shown(text: &str, width: u16) -> Vec<String> {
    render(text, width, Theme::mono(), Style::new()).iter().map(text_of).collect()
}

#[test]
fn x() {
    for l in shown(include_str!("tests/showcase.md"), 60) { println!("{l}"); }
}
