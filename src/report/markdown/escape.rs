//! Escapes text from servers and suites for a line, a table cell, a code span or a code block.

use crate::domain::attempt::AttemptRecord;
use crate::domain::check::ToolCall;
pub use crate::domain::quantity::UNKNOWN;
use crate::domain::text::{sanitise, sanitise_line, truncate};

/// Characters that would end a code span, or appear there with their escape.
const UNFIT_FOR_CODE: [char; 3] = ['`', '|', '\\'];
/// Number of hexadecimal digits in an abbreviated or full commit hash.
const HASH_DIGITS: std::ops::RangeInclusive<usize> = 7..=40;

/// Maximum length of a name or message, characters.
const LONGEST_LINE: usize = 500;
/// Maximum length of a quoted answer, characters.
const PREVIEW_CHARS: usize = 300;
/// Heading of reasoning that is quoted because there is no answer.
const THINKING: &str = "Thinking:\n";

/// Escapes text for a line or a table cell, so that no part of it is markup. Words that would become a link, a mention
/// or a reference become code spans. Consecutive blanks become one.
pub fn inline(text: &str) -> String {
    let clean = one_line(text);
    let mut out = String::with_capacity(clean.len() + 8);
    for (at, word) in clean.split(' ').enumerate() {
        if at > 0 {
            out.push(' ');
        }
        for part in word.split_inclusive(UNFIT_FOR_CODE) {
            // Punctuation after an address is not part of it.
            let text = part.trim_end_matches(UNFIT_FOR_CODE).trim_end_matches([':', ',', ';', '.']);
            if is_linked(text) {
                out.extend(["`", text, "`"]);
                escape(part.get(text.len()..).unwrap_or_default(), &mut out);
            } else {
                escape(part, &mut out);
            }
        }
    }
    or_unknown(out)
}

/// Escapes text of the user or of tokscope for a line. Unlike in [`inline`], addresses may become links.
pub fn own(text: &str) -> String {
    let mut out = String::new();
    escape(&one_line(text), &mut out);
    or_unknown(out)
}

/// Returns whether GitHub would turn a word into a link: an address, a mention (`@name`), an issue (`#1`, `GH-1`) or a
/// commit.
fn is_linked(word: &str) -> bool {
    let word = word.to_ascii_lowercase();
    let before = |mark: &str, wanted: fn(char) -> bool| {
        word.match_indices(mark)
            .any(|(at, _)| word.get(at + mark.len()..).and_then(|rest| rest.chars().next()).is_some_and(wanted))
    };
    ["://", "www.", "mailto:", "xmpp:"].iter().any(|begin| word.contains(begin))
        || before("@", char::is_alphanumeric)
        || ["#", "gh-"].iter().any(|mark| before(mark, |c| c.is_ascii_digit()))
        || word.split(|c: char| !c.is_alphanumeric()).any(is_hash)
}

fn is_hash(word: &str) -> bool {
    // A hash has letters and digits. Dates and versions have no letters, and words no digits.
    HASH_DIGITS.contains(&word.len())
        && word.bytes().all(|b| b.is_ascii_hexdigit())
        && word.bytes().any(|b| b.is_ascii_digit())
        && word.bytes().any(|b| b.is_ascii_alphabetic())
}

/// Appends text with all markup escaped.
fn escape(text: &str, out: &mut String) {
    let chars: Vec<char> = text.chars().collect();
    for (i, &c) in chars.iter().enumerate() {
        let before = i.checked_sub(1).and_then(|i| chars.get(i));
        let within_word =
            before.is_some_and(|c| c.is_alphanumeric()) && chars.get(i + 1).is_some_and(|c| c.is_alphanumeric());
        let markup = match c {
            '\\' | '`' | '*' | '[' | ']' | '{' | '}' | '<' | '>' | '&' | '|' | '~' | '$' | '^' => true,
            // An underscore within a word is not emphasis, and model names have many of them.
            '_' => !within_word,
            // A number sign after a blank may end a heading.
            '#' => !before.is_some_and(|c| c.is_alphanumeric()),
            _ => false,
        };
        if markup {
            out.push('\\');
        }
        out.push(c);
    }
}

/// Returns text as a code span for lines outside tables.
pub fn code(text: &str) -> String {
    let clean = one_line(text);
    if clean.is_empty() {
        return UNKNOWN.to_owned();
    }
    let fence = "`".repeat(longest_run(&clean, '`') + 1);
    let pad = if clean.starts_with('`') || clean.ends_with('`') { " " } else { "" };
    format!("{fence}{pad}{clean}{pad}{fence}")
}

/// Returns text as a fenced code block without a final line feed.
pub fn fenced(text: &str) -> String {
    let fence = "`".repeat((longest_run(text, '`') + 1).max(3));
    format!("{fence}\n{text}\n{fence}")
}

/// Returns the start of an attempt's answer and tool calls, or of its reasoning if it has neither. `None` without
/// visible text.
pub fn preview(record: &AttemptRecord) -> Option<String> {
    let seen = |text: &str| sanitise(text).trim_matches('\n').trim_end().to_owned();
    let call = |call: &ToolCall| format!("Tool call: {} {}\n", sanitise_line(&call.name), sanitise(&call.arguments));
    let calls: String = record.tool_calls.iter().map(call).collect();
    let (thinking, answer) = (seen(&record.reasoning), seen(&format!("{}\n\n{calls}", record.text)));
    match (thinking.is_empty(), answer.is_empty()) {
        (true, true) => None,
        (false, true) => Some(format!("{THINKING}{}", shorten_at_word(&thinking, PREVIEW_CHARS - THINKING.len()))),
        (_, false) => Some(shorten_at_word(&answer, PREVIEW_CHARS)),
    }
}

fn one_line(text: &str) -> String {
    let line = sanitise_line(text);
    shorten(&line.split_whitespace().collect::<Vec<_>>().join(" "), LONGEST_LINE)
}

fn shorten(text: &str, max_chars: usize) -> String {
    truncate(text, max_chars, "...")
}

/// Shortens text to `max_chars`, preferably after a whole word in the second half.
fn shorten_at_word(text: &str, max_chars: usize) -> String {
    let short = truncate(text, max_chars, "");
    if short.len() == text.len() {
        return short;
    }
    let end = short.rfind(char::is_whitespace).filter(|end| *end > short.len() / 2).unwrap_or(short.len());
    let (short, _) = short.split_at(end);
    format!("{}...", short.trim_end())
}

fn or_unknown(text: String) -> String {
    if text.is_empty() { UNKNOWN.to_owned() } else { text }
}

fn longest_run(text: &str, of: char) -> usize {
    text.split(|c| c != of).map(str::len).max().unwrap_or(0)
}

#[cfg(test)]
mod tests {
    use proptest::prelude::*;
    use pulldown_cmark::{Event, Options, Parser, Tag};

    use super::*;
    use crate::domain::attempt::AttemptId;
    use crate::domain::time::Nanos;

    /// Enables all Markdown extensions but smart punctuation, which changes text on purpose.
    fn options() -> Options {
        Options::all() - Options::ENABLE_SMART_PUNCTUATION
    }

    fn record(reasoning: &str, text: &str) -> AttemptRecord {
        let mut r = AttemptRecord::started(AttemptId::default(), false, String::new(), String::new(), Nanos(0));
        r.reasoning = reasoning.to_owned();
        r.text = text.to_owned();
        r
    }

    /// Generates text with much markup.
    fn hostile() -> impl Strategy<Value = String> {
        let piece = prop_oneof![
            Just("```".to_owned()),
            Just("`".to_owned()),
            Just("~~~".to_owned()),
            Just("\n".to_owned()),
            Just("\r\n".to_owned()),
            Just("|".to_owned()),
            Just("\\".to_owned()),
            Just("*".to_owned()),
            Just("__".to_owned()),
            Just(" # ".to_owned()),
            Just("</details>".to_owned()),
            Just("<!--".to_owned()),
            Just("[x](javascript:alert(1))".to_owned()),
            Just("![[x]]".to_owned()),
            Just("&amp;".to_owned()),
            Just("$$".to_owned()),
            Just("https://x.y/z".to_owned()),
            Just("www.x.y".to_owned()),
            Just("@name".to_owned()),
            Just("#12".to_owned()),
            Just("{#id}".to_owned()),
            Just("\u{1b}]0;t\u{7}".to_owned()),
            Just("\u{202e}".to_owned()),
            "[a-z ]{1,6}",
            any::<char>().prop_map(String::from),
        ];
        prop::collection::vec(piece, 0..40).prop_map(|pieces| pieces.concat())
    }

    /// Returns the text of the first cell, or the text after the field's name. Panics on any markup.
    fn plain_text<'a>(events: impl Iterator<Item = Event<'a>>) -> String {
        let mut out = String::new();
        for event in events {
            match event {
                Event::Text(t) | Event::Code(t) => out.push_str(&t),
                Event::Start(Tag::Paragraph | Tag::Heading { .. }) | Event::End(_) => {}
                other => panic!("markup came through: {other:?}"),
            }
        }
        out
    }

    #[test]
    fn ordinary_names_stay_readable() {
        for name in [
            "glm-4.7-flash",
            "Qwen/Qwen2.5_7B-Instruct",
            "C# and F#",
            "claude-3-5-sonnet-20241022",
            "a (b): c!",
            "50 tok/s @ 8",
        ] {
            assert_eq!(inline(name), name);
        }
        assert_eq!(inline("a|b\n<i>_x_"), "a\\|b \\<i\\>\\_x\\_");
        assert_eq!(inline(" \u{1b}[0m "), UNKNOWN);
        assert_eq!(code("a`b"), "``a`b``");
        assert_eq!(code("`"), "`` ` ``");
    }

    #[test]
    fn only_words_that_would_become_links_become_code() {
        for linked in [
            "https://evil.example/?a=1",
            "(HTTP://evil.example)",
            "ftp://x",
            "WWW.evil.example",
            "mailto:a@b.c",
            "a@b.example",
            "@everyone",
            "(@team/all)",
            "#1",
            "owner/repo#12",
            "GH-7",
            "8bd2e9f",
            "model-0123456789abcdef0123456789abcdef01234567",
        ] {
            assert_eq!(inline(linked), format!("`{linked}`"));
            assert_eq!(inline(&format!("a_ {linked} b")), format!("a\\_ `{linked}` b"));
        }
        assert_eq!(inline("http://x/y: HTTP 404, @z."), "`http://x/y`: HTTP 404, `@z`.");
        assert_eq!(inline("https://x|www.y`@z\\"), "`https://x`\\|`www.y`\\``@z`\\\\");
        for plain in ["Q4-K-M", "defaced", "1234567", "v0.9.2", "a:b", "@", "#", "c3"] {
            assert!(!inline(plain).contains('`'), "{plain}");
        }
        assert_eq!(own("http://h:8000/v1|x"), "http://h:8000/v1\\|x");
    }

    /// Returns whether GitHub would find a link in text outside code.
    fn finds_link(text: &str) -> bool {
        let text = text.to_lowercase();
        ["http://", "https://", "www."].iter().any(|begin| text.contains(begin))
            || text.contains("@name")
            || text.contains("#12")
    }

    #[test]
    fn a_preview_quotes_the_answer_or_else_the_reasoning() {
        assert_eq!(preview(&record("", " \n ")), None);
        assert_eq!(preview(&record("", "\n\nHi\n")), Some("Hi".to_owned()));
        assert_eq!(preview(&record("Think\n\nhard.\n", "Hi")), Some("Hi".to_owned()));
        assert_eq!(preview(&record("Think\n\nhard.\n", "")), Some("Thinking:\nThink\n\nhard.".to_owned()));
        let long = "ä".repeat(301);
        assert_eq!(preview(&record("", &long)), Some("ä".repeat(300) + "..."));
        assert_eq!(preview(&record(&long, "")), Some(format!("Thinking:\n{}...", "ä".repeat(290))));
        let words = "word ".repeat(70);
        assert_eq!(preview(&record("", &words)), Some("word ".repeat(60).trim_end().to_owned() + "..."));
        let cut_within_a_word = format!("{}{words}", "x".repeat(7));
        assert!(preview(&record("", &cut_within_a_word)).unwrap().ends_with("word..."));
        assert_eq!(preview(&record("", &"ä".repeat(300))), Some("ä".repeat(300)));
    }

    #[test]
    fn a_preview_shows_tool_calls_below_the_answer() {
        let call = |name: &str, arguments: &str| ToolCall { name: name.to_owned(), arguments: arguments.to_owned() };
        let mut record = record("Think.", "");
        record.tool_calls = vec![call("weather", "{\"city\":\"Rome\"}"), call("ti\nme", "{}")];
        let calls = "Tool call: weather {\"city\":\"Rome\"}\nTool call: ti me {}";
        assert_eq!(preview(&record).as_deref(), Some(calls));
        record.text = "I look it up.".to_owned();
        assert_eq!(preview(&record), Some(format!("I look it up.\n\n{calls}")));
    }

    proptest! {
        #[test]
        fn a_line_contains_no_markup(text in hostile()) {
            let source = format!("## {}\n\nEnd", inline(&text));
            let expected = or_unknown(one_line(&text));
            prop_assert_eq!(plain_text(Parser::new_ext(&source, options())), expected + "End", "{}", source);
        }

        #[test]
        fn no_text_becomes_a_link(text in hostile()) {
            let source = inline(&text);
            // Adjacent texts are joined before the check.
            let mut shown = String::new();
            for event in Parser::new_ext(&source, options()) {
                match event {
                    Event::Text(t) => shown.push_str(&t),
                    _ => shown.push('\n'),
                }
            }
            prop_assert!(!finds_link(&shown), "{}", source);
        }

        #[test]
        fn no_text_ends_its_cell(text in hostile()) {
            let source = format!("| A | B |\n|---|---|\n| {} | x |\n", inline(&text));
            let mut cells = vec![String::new()];
            for event in Parser::new_ext(&source, options()) {
                match event {
                    Event::Text(t) | Event::Code(t) => cells.last_mut().unwrap().push_str(&t),
                    Event::End(pulldown_cmark::TagEnd::TableCell) => cells.push(String::new()),
                    Event::Start(Tag::Table(_) | Tag::TableHead | Tag::TableRow | Tag::TableCell) | Event::End(_) => {}
                    other => prop_assert!(false, "markup came through: {:?}", other),
                }
            }
            prop_assert_eq!(cells, ["A", "B", &or_unknown(one_line(&text)), "x", ""], "{}", source);
        }

        #[test]
        fn no_text_ends_its_code_span(text in hostile()) {
            let clean = one_line(&text);
            prop_assume!(!clean.is_empty());
            let source = format!("- **Error**: {}\n", code(&text));
            let spans: Vec<_> = Parser::new_ext(&source, options())
                .filter_map(|e| if let Event::Code(c) = e { Some(c.to_string()) } else { None })
                .collect();
            prop_assert_eq!(spans, [clean], "{}", source);
        }

        #[test]
        fn a_preview_stays_inside_its_fence(reasoning in hostile(), text in hostile()) {
            let Some(shown) = preview(&record(&reasoning, &text)) else { return Ok(()) };
            let source = format!("**Response Preview:**\n{}\n\n---\n\nEnd", fenced(&shown));
            let mut inside = None;
            let (mut block, mut outside) = (String::new(), String::new());
            let mut blocks = 0;
            for event in Parser::new_ext(&source, options()) {
                match event {
                    Event::Start(Tag::CodeBlock(_)) => (inside, blocks) = (Some(()), blocks + 1),
                    Event::End(pulldown_cmark::TagEnd::CodeBlock) => inside = None,
                    Event::Text(t) if inside.is_some() => block.push_str(&t),
                    Event::Text(t) => outside.push_str(&t),
                    Event::Rule => outside.push('/'),
                    Event::Start(Tag::Paragraph | Tag::Strong) | Event::End(_) => {}
                    other => prop_assert!(false, "markup came through: {:?}", other),
                }
            }
            prop_assert_eq!((blocks, outside.as_str()), (1, "Response Preview:/End"), "{}", source);
            prop_assert_eq!(block, shown.clone() + "\n");
            prop_assert!(shown.chars().count() <= 303);
            prop_assert!(shown.chars().all(|c| c == '\n' || c == '\t' || !c.is_control()));
        }
    }
}
