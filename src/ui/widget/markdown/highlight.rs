//! Code in colours: comments, strings, numbers and keywords of the languages that answers are full of, by a table.
//!
//! No library does this here: those that know grammars bring megabytes of them, and the small ones a pattern matcher per
//! language. A reader of a benchmark wants to see the shape of the code, in time that a frame does not notice.

use ratatui::style::Style;
use ratatui::text::Span;

use crate::ui::theme::Theme;

/// What sets a language apart.
struct Language {
    /// As fences name it, in lower case.
    names: &'static [&'static str],
    /// Begin a comment up to the end of the line.
    line_comments: &'static [&'static str],
    /// Begin and end of a comment over lines.
    block_comment: Option<(&'static str, &'static str)>,
    /// Begin and end a string; the longer ones first. Those of three characters and backquotes go over lines.
    quotes: &'static [&'static str],
    /// Keywords are written in any case.
    any_case: bool,
    /// Divided by blanks.
    keywords: &'static str,
}

const C_QUOTES: &[&str] = &["\"", "'"];
const C_COMMENT: Option<(&str, &str)> = Some(("/*", "*/"));

const LANGUAGES: &[Language] = &[
    Language {
        names: &["rust", "rs"],
        line_comments: &["//"],
        block_comment: C_COMMENT,
        quotes: &["\""],
        any_case: false,
        keywords: "as async await break const continue crate dyn else enum extern false fn for if impl in let loop match mod \
                   move mut pub ref return self Self static struct super trait true type unsafe use where while",
    },
    Language {
        names: &["python", "py", "python3"],
        line_comments: &["#"],
        block_comment: None,
        quotes: &["\"\"\"", "'''", "\"", "'"],
        any_case: false,
        keywords: "and as assert async await break case class continue def del elif else except False finally for from global \
                   if import in is lambda match None nonlocal not or pass raise return self True try while with yield",
    },
    Language {
        names: &["javascript", "js", "jsx", "typescript", "ts", "tsx", "node"],
        line_comments: &["//"],
        block_comment: C_COMMENT,
        quotes: &["\"", "'", "`"],
        any_case: false,
        keywords: "abstract any as async await boolean break case catch class const continue debugger default delete do else \
                   enum export extends false finally for from function if implements import in instanceof interface let new \
                   null number of private protected public readonly return static string super switch this throw true try \
                   type typeof undefined var void while yield",
    },
    Language {
        names: &["go", "golang"],
        line_comments: &["//"],
        block_comment: C_COMMENT,
        quotes: &["\"", "'", "`"],
        any_case: false,
        keywords: "break case chan const continue default defer else error fallthrough false for func go goto if import \
                   interface map nil package range return select struct switch true type var",
    },
    Language {
        names: &[
            "c", "h", "cpp", "c++", "hpp", "cc", "cuda", "csharp", "cs", "c#", "java", "kotlin", "kt", "scala", "swift",
        ],
        line_comments: &["//"],
        block_comment: C_COMMENT,
        quotes: C_QUOTES,
        any_case: false,
        keywords: "abstract async auto await bool boolean break byte case catch char class const constexpr continue data def \
                   default delete do double else enum explicit extends extern false final finally float for foreach fun func \
                   goto guard if implements import in inline instanceof int interface internal is let long mutable namespace \
                   new nil null nullptr object open operator override package private protected public readonly record \
                   return sealed self short signed sizeof static string struct super switch template this throw throws trait \
                   true try typedef typename union unsigned using val var virtual void volatile when where while",
    },
    Language {
        names: &["bash", "sh", "shell", "zsh", "console"],
        line_comments: &["#"],
        block_comment: None,
        quotes: C_QUOTES,
        any_case: false,
        keywords: "case do done elif else esac export fi for function if in local return set then until while",
    },
    Language {
        names: &["sql", "postgresql", "postgres", "mysql", "sqlite", "plsql"],
        line_comments: &["--"],
        block_comment: C_COMMENT,
        quotes: C_QUOTES,
        any_case: true,
        keywords: "add all alter and as asc begin between by case check column commit constraint create cross database default \
                   delete desc distinct drop else end exists explain false foreign from full group having if in index inner \
                   insert into is join key left like limit not null offset on or order outer partition primary references \
                   returning right rollback select set table then true union unique update using values view when where with",
    },
    Language {
        names: &["json", "jsonc", "json5"],
        line_comments: &["//"],
        block_comment: C_COMMENT,
        quotes: &["\""],
        any_case: false,
        keywords: "true false null",
    },
    Language {
        names: &["yaml", "yml", "toml", "ini", "dockerfile", "docker", "hcl", "terraform", "makefile"],
        line_comments: &["#"],
        block_comment: None,
        quotes: &["\"\"\"", "\"", "'"],
        any_case: false,
        keywords: "true false null yes no on off ADD ARG CMD COPY ENTRYPOINT ENV EXPOSE FROM RUN USER VOLUME WORKDIR variable \
                   resource module output provider",
    },
    Language {
        names: &["ruby", "rb", "elixir", "ex"],
        line_comments: &["#"],
        block_comment: None,
        quotes: C_QUOTES,
        any_case: false,
        keywords: "and begin break case class def defmodule do else elsif end ensure false fn for if in module next nil not or \
                   require rescue return self super then true unless until when while yield",
    },
    Language {
        names: &["php"],
        line_comments: &["//", "#"],
        block_comment: C_COMMENT,
        quotes: C_QUOTES,
        any_case: true,
        keywords: "abstract and array as break case catch class const continue default echo else elseif extends false final \
                   finally fn for foreach function if implements interface match namespace new null or private protected \
                   public return static switch this throw trait true try use var while",
    },
];

/// The lines of `code` in pieces of one style each, upon `base`; in a language that is not known, each in one.
pub(super) fn lines(code: &str, language: &str, theme: Theme, base: Style) -> Vec<Vec<Span<'static>>> {
    let language = language.to_ascii_lowercase();
    let known = LANGUAGES.iter().find(|l| l.names.contains(&language.as_str()));
    let mut lines = Vec::new();
    let mut line: Vec<Span<'static>> = Vec::new();
    let mut put = |text: &str, style: Style| {
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
        let (length, style) = known.map_or((rest.len(), Style::new()), |known| token(rest, known, theme));
        let (text, after) = rest.split_at(length);
        put(text, base.patch(style));
        rest = after;
    }
    lines.push(line);
    lines
}

/// The length in bytes of what `text` begins with, and its style.
fn token(text: &str, language: &Language, theme: Theme) -> (usize, Style) {
    if let Some((begin, end)) = language.block_comment
        && let Some(inside) = text.strip_prefix(begin)
    {
        let length = inside.find(end).map_or(text.len(), |at| begin.len() + at + end.len());
        return (length, theme.code_comment());
    }
    if language.line_comments.iter().any(|begin| text.starts_with(begin)) {
        return (text.find('\n').unwrap_or(text.len()), theme.code_comment());
    }
    if let Some(quote) = language.quotes.iter().find(|q| text.starts_with(**q)) {
        return (string(text, quote), theme.code_string());
    }
    let Some(first) = text.chars().next() else { return (0, Style::new()) };
    let is_word = |c: char| c.is_alphanumeric() || c == '_';
    if !is_word(first) {
        return (first.len_utf8(), Style::new());
    }
    let is_number = first.is_ascii_digit();
    let goes_on = |c: char| is_word(c) || (is_number && c == '.');
    let word = text.split_at(text.find(|c| !goes_on(c)).unwrap_or(text.len())).0;
    let is = |keyword: &str| keyword == word || (language.any_case && keyword.eq_ignore_ascii_case(word));
    let style = if is_number {
        theme.code_number()
    } else if language.keywords.split_ascii_whitespace().any(is) {
        theme.code_keyword()
    } else {
        Style::new()
    };
    (word.len(), style)
}

/// The length of a string up to its closing quote; where it has none, up to the end of the line, or of the text.
fn string(text: &str, quote: &str) -> usize {
    let over_lines = quote.len() == 3 || quote == "`";
    let mut at = quote.len();
    while let Some(rest) = text.get(at..).filter(|rest| !rest.is_empty()) {
        if rest.starts_with(quote) {
            return at + quote.len();
        }
        let mut chars = rest.chars();
        match chars.next() {
            Some('\n') if !over_lines => return at,
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

    /// Each piece with a letter for what it is: `k`eyword, `s`tring, `c`omment, `n`umber.
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
    fn each_language_has_its_words_comments_and_strings() {
        for (language, code, expected) in [
            ("rust", "let x: &'a str = \"a // b\"; // c", "k<let> x: &'a str = s<\"a // b\">; c<// c>"),
            ("Python", "def f(): return 0x1f # \"x\"", "k<def> f(): k<return> n<0x1f> c<# \"x\">"),
            ("py", "'''a\nb''' or x1", "s<'''a>\ns<b'''> k<or> x1"),
            ("ts", "`a\n${b}` + 'it\\'s'", "s<`a>\ns<${b}`> + s<'it\\'s'>"),
            ("go", "/* a\n b */ func", "c</* a>\nc< b */> k<func>"),
            ("sql", "Select 1.5 -- all\nfrom t", "k<Select> n<1.5> c<-- all>\nk<from> t"),
            ("json", "{\"a\": null}", "{s<\"a\">: k<null>}"),
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
    fn no_language_has_two_rows() {
        let mut names: Vec<_> = LANGUAGES.iter().flat_map(|l| l.names).collect();
        let all = names.len();
        names.sort_unstable();
        names.dedup();
        assert_eq!(names.len(), all);
    }

    proptest! {
        #[test]
        fn no_character_is_lost(code in "([a-z0-9\"'`#/*\\\\\n 数é-]{1,3}|let|/\\*|'''){0,60}", at in 0..LANGUAGES.len()) {
            let shown = lines(&code, LANGUAGES[at].names[0], Theme::ansi(), Style::new());
            let line = |l: &Vec<Span<'static>>| l.iter().map(|s| s.content.as_ref()).collect::<String>();
            prop_assert_eq!(shown.iter().map(line).collect::<Vec<_>>().join("\n"), code);
        }
    }
}
