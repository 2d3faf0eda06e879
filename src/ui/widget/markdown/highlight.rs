//! Syntax colours for code: comments, strings, numbers and keywords, by family of languages.
//!
//! Libraries with complete grammars add megabytes, or a regex engine per language. In a benchmark, rough colours are
//! enough, and they must not slow down a frame.

use ratatui::style::Style;
use ratatui::text::Span;

use crate::ui::theme::Theme;

/// Languages that are alike enough to share comments, strings and one list of keywords.
struct Family {
    /// Names that a fence may give, in lower case, separated by blanks.
    names: &'static str,
    /// Start of a comment that ends with the line.
    line_comment: &'static str,
    /// Whether `/*` and `*/` enclose a comment.
    has_block_comments: bool,
    /// Delimiters of strings, longer ones first. Strings in three characters or a backquote may span lines.
    quotes: &'static [&'static str],
    /// Whether keywords match in upper and lower case.
    ignores_case: bool,
    /// Keywords, separated by blanks.
    keywords: &'static str,
}

const FAMILIES: &[Family] = &[
    // Not part of the C family, because `'` also begins a lifetime.
    Family {
        names: "rust rs",
        line_comment: "//",
        has_block_comments: true,
        quotes: &["\""],
        ignores_case: false,
        keywords: "as async await break const continue crate dyn else enum extern false fn for if impl in let loop match mod \
                   move mut pub ref return self Self static struct super trait true type unsafe use where while",
    },
    Family {
        names: "c h cpp c++ hpp cc cuda csharp cs c# java kotlin kt scala swift javascript js jsx typescript ts tsx \
                node go golang php json jsonc json5",
        line_comment: "//",
        has_block_comments: true,
        quotes: &["\"", "'", "`"],
        ignores_case: false,
        keywords: "abstract as async auto await bool boolean break byte case catch chan char class const constexpr continue \
                   def default defer delete do double else enum export extends extern false final finally float fn for \
                   foreach from fun func function go goto guard if implements import in inline instanceof int interface is \
                   let long namespace new nil null nullptr operator override package private protected public range \
                   readonly return sealed self short signed sizeof static string struct super switch template this throw \
                   throws trait true try type typedef typename typeof undefined union unsigned using val var virtual void \
                   volatile when where while yield",
    },
    Family {
        names: "python py python3 ruby rb elixir ex bash sh shell zsh console yaml yml toml ini dockerfile docker \
                hcl terraform makefile",
        line_comment: "#",
        has_block_comments: false,
        quotes: &["\"\"\"", "'''", "\"", "'"],
        ignores_case: false,
        keywords: "and as assert async await begin break case class continue def defmodule del do done elif else elsif end \
                   ensure esac except export false False fi finally fn for from function global if import in is lambda local \
                   nil None nonlocal not null or pass raise rescue return self then true True try unless until when while \
                   with yield ADD ARG CMD COPY ENTRYPOINT ENV EXPOSE FROM RUN USER VOLUME WORKDIR",
    },
    Family {
        names: "sql postgresql postgres mysql sqlite plsql",
        line_comment: "--",
        has_block_comments: true,
        quotes: &["\"", "'"],
        ignores_case: true,
        keywords: "add all alter and as asc begin between by case check column commit constraint create cross database default \
                   delete desc distinct drop else end exists explain false foreign from full group having if in index inner \
                   insert into is join key left like limit not null offset on or order outer partition primary references \
                   returning right rollback select set table then true union unique update using values view when where with",
    },
];

/// Splits `code` into lines of styled pieces, on top of `base`. A language of no family stays in one style.
pub(super) fn lines(code: &str, language: &str, theme: Theme, base: Style) -> Vec<Vec<Span<'static>>> {
    let language = language.to_ascii_lowercase();
    let family = FAMILIES.iter().find(|f| f.names.split_ascii_whitespace().any(|name| name == language));
    let mut lines = Vec::new();
    let mut line: Vec<Span<'static>> = Vec::new();
    let mut push = |text: &str, style: Style| {
        for (i, part) in text.split('\n').enumerate() {
            if i > 0 {
                lines.push(std::mem::take(&mut line));
            }
            match line.last_mut() {
                Some(last) if last.style == style => last.content.to_mut().push_str(part),
                _ if part.is_empty() => {}
                _ => line.push(Span::styled(part.to_owned(), style)),
            }
        }
    };
    let mut rest = code;
    while !rest.is_empty() {
        let (length, style) = family.map_or((rest.len(), Style::new()), |family| token(rest, family, theme));
        let (text, after) = rest.split_at(length);
        push(text, base.patch(style));
        rest = after;
    }
    lines.push(line);
    lines
}

/// Returns the length in bytes and the style of the token at the start of `text`.
fn token(text: &str, family: &Family, theme: Theme) -> (usize, Style) {
    if family.has_block_comments
        && let Some(inside) = text.strip_prefix("/*")
    {
        let length = inside.find("*/").map_or(text.len(), |at| "/*".len() + at + "*/".len());
        return (length, theme.code_comment());
    }
    if text.starts_with(family.line_comment) {
        return (text.find('\n').unwrap_or(text.len()), theme.code_comment());
    }
    if let Some(quote) = family.quotes.iter().find(|q| text.starts_with(**q)) {
        return (string_length(text, quote), theme.code_string());
    }
    let Some(first) = text.chars().next() else { return (0, Style::new()) };
    let is_word = |c: char| c.is_alphanumeric() || c == '_';
    if !is_word(first) {
        return (first.len_utf8(), Style::new());
    }
    let is_number = first.is_ascii_digit();
    let continues = |c: char| is_word(c) || (is_number && c == '.');
    let word = text.split_at(text.find(|c| !continues(c)).unwrap_or(text.len())).0;
    let is = |keyword: &str| keyword == word || (family.ignores_case && keyword.eq_ignore_ascii_case(word));
    let style = if is_number {
        theme.code_number()
    } else if family.keywords.split_ascii_whitespace().any(is) {
        theme.code_keyword()
    } else {
        Style::new()
    };
    (word.len(), style)
}

/// Returns the length of a string including its quotes. An unclosed string ends with its line, or with the text if its
/// quotes may span lines.
fn string_length(text: &str, quote: &str) -> usize {
    let spans_lines = quote.len() == 3 || quote == "`";
    let mut at = quote.len();
    while let Some(rest) = text.get(at..).filter(|rest| !rest.is_empty()) {
        if rest.starts_with(quote) {
            return at + quote.len();
        }
        let mut chars = rest.chars();
        match chars.next() {
            Some('\n') if !spans_lines => return at,
            Some('\\') => at += 1 + chars.next().filter(|c| *c != '\n').map_or(0, char::len_utf8),
            c => at += c.map_or(1, char::len_utf8),
        }
    }
    text.len()
}

#[cfg(test)]
mod tests {
    use proptest::prelude::*;

    use super::*;

    /// Returns the code with each styled piece as `x<…>`: `k`eyword, `s`tring, `c`omment or `n`umber.
    fn kinds(code: &str, language: &str) -> String {
        let theme = Theme::ansi();
        let kinds = [
            (theme.code_keyword(), 'k'),
            (theme.code_string(), 's'),
            (theme.code_comment(), 'c'),
            (theme.code_number(), 'n'),
        ];
        let piece = |s: &Span<'static>| match kinds.iter().find(|(style, _)| *style == s.style) {
            Some((_, kind)) => format!("{kind}<{}>", s.content),
            None => s.content.to_string(),
        };
        let line = |l: &Vec<Span<'static>>| l.iter().map(piece).collect::<String>();
        lines(code, language, theme, Style::new()).iter().map(line).collect::<Vec<_>>().join("\n")
    }

    #[test]
    fn languages_are_coloured_by_their_family() {
        for (language, code, expected) in [
            ("rust", "let x: &'a str = \"a // b\"; // c", "k<let> x: &'a str = s<\"a // b\">; c<// c>"),
            ("Python", "def f(): return 0x1f # \"x\"", "k<def> f(): k<return> n<0x1f> c<# \"x\">"),
            ("py", "'''a\nb''' or x1", "s<'''a>\ns<b'''> k<or> x1"),
            ("ts", "`a\n${b}` + 'it\\'s'", "s<`a>\ns<${b}`> + s<'it\\'s'>"),
            ("go", "/* a\n b */ func", "c</* a>\nc< b */> k<func>"),
            ("sql", "Select 1.5 -- all\nfrom t", "k<Select> n<1.5> c<-- all>\nk<from> t"),
            ("json", "{\"a\": null}", "{s<\"a\">: k<null>}"),
            ("c#", "var c = 'x'; // y", "k<var> c = s<'x'>; c<// y>"),
            ("ruby", "def f # y", "k<def> f c<# y>"),
            ("js", "/*/ a */ if", "c</*/ a */> k<if>"),
            ("sh", "if x; # y", "k<if> x; c<# y>"),
        ] {
            assert_eq!(kinds(code, language), expected, "{language}");
        }
    }

    #[test]
    fn an_unknown_language_is_plain_and_an_open_string_ends_with_its_line() {
        assert_eq!(kinds("let \"x\" // 1", "brainfuck"), "let \"x\" // 1");
        assert_eq!(kinds("\"open\nlet", "rust"), "s<\"open>\nk<let>");
        assert_eq!(kinds("/* open\nlet", "rust"), "c</* open>\nc<let>");
    }

    #[test]
    fn no_language_is_in_two_families() {
        let mut names: Vec<_> = FAMILIES.iter().flat_map(|f| f.names.split_ascii_whitespace()).collect();
        let all = names.len();
        names.sort_unstable();
        names.dedup();
        assert_eq!(names.len(), all);
    }

    proptest! {
        #[test]
        fn no_character_is_lost(code in "([a-z0-9\"'`#/*\\\\\n 数é-]{1,3}|let|/\\*|'''){0,60}", at in 0..FAMILIES.len()) {
            let name = FAMILIES[at].names.split_ascii_whitespace().next().unwrap();
            let shown = lines(&code, name, Theme::ansi(), Style::new());
            let line = |l: &Vec<Span<'static>>| l.iter().map(|s| s.content.as_ref()).collect::<String>();
            prop_assert_eq!(shown.iter().map(line).collect::<Vec<_>>().join("\n"), code);
        }
    }
}
