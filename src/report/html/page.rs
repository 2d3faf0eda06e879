//! The frame of a document: head, contents, sections.

use std::sync::LazyLock;

use maud::{DOCTYPE, Markup, PreEscaped, html};

use super::policy::policy;
use crate::report::chart::STYLE as CHARTS;

/// Style sheet.
static STYLE: LazyLock<String> = LazyLock::new(|| format!("{}{CHARTS}", include_str!("page.css")));
/// Script for sorting, reading values and zooming; everything is readable without it.
pub const SCRIPT: &str = include_str!("page.js");

/// Returns the style sheet of all documents.
#[cfg(any(test, fuzzing))]
pub fn style() -> &'static str {
    &STYLE
}

/// A section of a document.
#[derive(Debug)]
pub struct Part {
    /// Identifier, from the heading.
    id: String,
    heading: String,
    body: Markup,
}

impl Part {
    /// Creates a section. The heading is text of tokscope's own.
    pub fn new(heading: &str, body: Markup) -> Self {
        let id = heading.to_lowercase().replace(|c: char| !c.is_ascii_alphanumeric(), "-");
        Self { id, heading: heading.to_owned(), body }
    }
}

/// Returns a whole document.
pub fn document(title: &str, front: &Markup, parts: &[Part]) -> String {
    let style = STYLE.as_str();
    let markup = html! {
        (DOCTYPE)
        html lang="en" {
            head {
                meta charset="utf-8";
                meta http-equiv="Content-Security-Policy" content=(policy(style, SCRIPT));
                meta name="viewport" content="width=device-width, initial-scale=1";
                meta name="color-scheme" content="light dark";
                meta name="referrer" content="no-referrer";
                meta name="robots" content="noindex";
                title { (title) }
                style { (PreEscaped(style)) }
            }
            body {
                header { (front) }
                nav aria-label="Sections" {
                    @for part in parts { a href={ "#" (part.id) } { (part.heading) } }
                }
                main {
                    @for part in parts {
                        section id=(part.id) {
                            h2 { (part.heading) }
                            (part.body)
                        }
                    }
                }
                script { (PreEscaped(SCRIPT)) }
            }
        }
    };
    markup.into_string() + "\n"
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn style_and_script_end_where_their_elements_end() {
        for text in [STYLE.as_str(), SCRIPT] {
            assert!(!text.contains("</") && !text.contains("<!--"), "an end tag in it would end its element");
        }
    }

    #[test]
    fn nothing_is_loaded_from_elsewhere() {
        for text in [STYLE.as_str(), SCRIPT] {
            for word in ["url(", "@import", "fetch(", "XMLHttpRequest", "import(", "innerHTML", "eval("] {
                assert!(!text.contains(word), "{word}");
            }
        }
    }
}
