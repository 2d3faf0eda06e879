//! Properties of a document with any foreign text: only known elements and attributes, and only harmless addresses.

use super::page::{SCRIPT, style};

/// Elements that a document may have.
const ELEMENTS: &[&str] = &[
    "html",
    "head",
    "meta",
    "title",
    "style",
    "body",
    "header",
    "nav",
    "main",
    "section",
    "script",
    "h1",
    "h2",
    "h3",
    "h5",
    "h6",
    "p",
    "a",
    "ul",
    "ol",
    "li",
    "pre",
    "code",
    "blockquote",
    "hr",
    "br",
    "em",
    "strong",
    "del",
    "div",
    "span",
    "table",
    "thead",
    "tbody",
    "tr",
    "th",
    "td",
    "details",
    "summary",
    "figure",
    "figcaption",
    "svg",
    "desc",
    "g",
    "path",
    "rect",
    "circle",
    "text",
    "!DOCTYPE",
];
/// Attributes that an element may have.
const ATTRIBUTES: &[&str] = &[
    "lang",
    "charset",
    "http-equiv",
    "content",
    "name",
    "id",
    "class",
    "href",
    "start",
    "scope",
    "tabindex",
    "aria-label",
    "role",
    "viewBox",
    "xmlns",
    "width",
    "height",
    "x",
    "y",
    "r",
    "d",
    "transform",
    "data-x",
    "data-y",
    "data-v",
    "data-n",
    "data-xl",
    "data-yl",
];

/// Number of `meta` elements of a document.
const META: usize = 6;

/// Checks a document.
///
/// # Errors
///
/// Describes the first element or attribute that foreign text could have made.
pub fn check(document: &str) -> Result<(), String> {
    let rest = document.replacen(style(), "", 1).replacen(SCRIPT, "", 1);
    for (element, count) in [("<script", 1), ("<style", 1), ("<meta", META), ("<body", 1)] {
        let found = rest.matches(element).count();
        if found != count {
            return Err(format!("{found} times {element}"));
        }
    }
    let mut pieces = rest.split('<');
    if pieces.next() != Some("") {
        return Err("text before the document".to_owned());
    }
    for piece in pieces {
        let (tag, text) = split_tag(piece).ok_or_else(|| format!("a tag without an end: {piece:?}"))?;
        if text.contains('>') {
            // A lone > is harmless, but the renderers escape it.
            return Err(format!("an unescaped > in {text:?}"));
        }
        check_tag(tag)?;
    }
    Ok(())
}

/// Splits what follows a `<` into the tag, up to the `>` outside quotes, and the text behind it.
fn split_tag(piece: &str) -> Option<(&str, &str)> {
    let mut is_quoted = false;
    for (at, c) in piece.char_indices() {
        match c {
            '"' => is_quoted = !is_quoted,
            '>' if !is_quoted => return Some((piece.get(..at)?, piece.get(at + 1..)?)),
            _ => {}
        }
    }
    None
}

fn check_tag(tag: &str) -> Result<(), String> {
    let wrong = |what: &str| Err(format!("{what} in <{tag}>"));
    let inner = tag.strip_suffix(" /").unwrap_or(tag);
    let Some((name, mut rest)) = inner.split_once(' ') else {
        return if ELEMENTS.contains(&inner.trim_start_matches('/')) { Ok(()) } else { wrong("an unknown element") };
    };
    if !ELEMENTS.contains(&name) {
        return wrong("an unknown element");
    }
    while !rest.trim().is_empty() {
        let Some((key, value)) = rest.split_once("=\"") else {
            return if name == "!DOCTYPE" { Ok(()) } else { wrong("an attribute without a value") };
        };
        let Some((value, after)) = value.split_once('"') else { return wrong("an open quote") };
        if !ATTRIBUTES.contains(&key.trim()) {
            return wrong("an unknown attribute");
        }
        let is_harmless =
            ["https://", "http://", "mailto:", "#"].iter().any(|begin| value.to_ascii_lowercase().starts_with(begin));
        if key.trim() == "href" && !is_harmless {
            return wrong("an address that may run a script");
        }
        rest = after;
    }
    Ok(())
}
