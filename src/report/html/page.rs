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

    /// Colours of a set of custom properties, by name.
    fn colors(css: &str, dark: bool) -> std::collections::HashMap<String, [f64; 3]> {
        let part = css.split("prefers-color-scheme:dark){").nth(usize::from(dark)).unwrap();
        let set = part.split('}').next().unwrap();
        let rules = set.split([';', '{']).filter_map(|rule| rule.trim().strip_prefix("--")?.split_once(':'));
        let hex = |value: &str| {
            let digits = value.split('#').nth(1)?.trim_end_matches(')').to_owned();
            let digits = if digits.len() == 3 { digits.chars().flat_map(|c| [c, c]).collect() } else { digits };
            let byte = |at: usize| Some(f64::from(u8::from_str_radix(digits.get(at..at + 2)?, 16).ok()?) / 255.0);
            Some([byte(0)?, byte(2)?, byte(4)?])
        };
        rules.filter_map(|(name, value)| Some((name.to_owned(), hex(value)?))).collect()
    }

    /// Contrast of two colours by WCAG 2.2.
    fn contrast(a: [f64; 3], b: [f64; 3]) -> f64 {
        let linear = |c: f64| if c <= 0.040_45 { c / 12.92 } else { ((c + 0.055) / 1.055).powf(2.4) };
        let luminance = |c: [f64; 3]| 0.2126 * linear(c[0]) + 0.7152 * linear(c[1]) + 0.0722 * linear(c[2]);
        let (a, b) = (luminance(a), luminance(b));
        (a.max(b) + 0.05) / (a.min(b) + 0.05)
    }

    #[test]
    fn texts_and_lines_stand_out_from_the_page() {
        assert!((contrast([0.0; 3], [1.0; 3]) - 21.0).abs() < 1e-9);
        for dark in [false, true] {
            let page = colors(include_str!("page.css"), dark);
            for (text, paper) in ["ink", "dim", "link", "bad"]
                .map(|text| (text, "paper"))
                .into_iter()
                .chain([("ink", "raised"), ("warn", "warn-paper")])
            {
                let found = contrast(page[text], page[paper]);
                assert!(found >= 4.5, "{text} on {paper}: {found:.2}, dark: {dark}");
            }
            let chart = colors(CHARTS, dark);
            for text in ["ink", "dim"] {
                assert!(contrast(chart[text], chart["paper"]) >= 4.5, "{text}");
            }
            for color in 0..8 {
                let found = contrast(chart[&format!("c{color}")], chart["paper"]);
                assert!(found >= 3.0, "c{color}: {found:.2}, dark: {dark}");
            }
        }
    }
}
