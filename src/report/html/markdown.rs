//! Markdown as HTML: that of the report, and that of answers, which is hostile.
//!
//! No HTML of the source reaches the document, except the two elements of folded parts that the report writes itself. Links
//! keep their address only if it is one of the web or of mail, and images become their description.

use maud::{Markup, PreEscaped};
use pulldown_cmark::{Alignment, CodeBlockKind, CowStr, Event, HeadingLevel, Options, Parser, Tag, TagEnd, html};

use crate::domain::markdown_limits::bounded;

/// Beginnings of addresses that a link may have.
const ADDRESSES: [&str; 3] = ["https://", "http://", "mailto:"];

/// Returns the HTML of a section of the Markdown report.
pub fn report(source: &str) -> Markup {
    render(source, Origin::Report)
}

/// Returns the HTML of foreign Markdown, such as an answer.
pub fn foreign(source: &str) -> Markup {
    render(&bounded(source), Origin::Foreign)
}

/// Returns the HTML of a heading or another line of the Markdown report.
pub fn inline(source: &str) -> Markup {
    let PreEscaped(paragraph) = render(source, Origin::Report);
    PreEscaped(paragraph.trim().trim_start_matches("<p>").trim_end_matches("</p>").to_owned())
}

/// Author of a text.
#[derive(Clone, Copy, PartialEq, Eq)]
enum Origin {
    /// The report, which escapes the foreign text in it.
    Report,
    /// A model or a server.
    Foreign,
}

fn render(source: &str, origin: Origin) -> Markup {
    let options = Options::ENABLE_TABLES | Options::ENABLE_STRIKETHROUGH | Options::ENABLE_TASKLISTS;
    let mut filter = Filter { origin, alignments: Vec::new(), column: 0, is_head: false, open_links: Vec::new() };
    let mut out = String::with_capacity(source.len() * 3 / 2);
    html::push_html(&mut out, Parser::new_ext(source, options).flat_map(|event| filter.event(event)));
    PreEscaped(out)
}

/// Turns events into harmless ones.
struct Filter {
    origin: Origin,
    /// Alignments of the current table, and the column of the current cell.
    alignments: Vec<Alignment>,
    column: usize,
    is_head: bool,
    /// Whether each open link keeps its address.
    open_links: Vec<bool>,
}

impl Filter {
    fn event<'a>(&mut self, event: Event<'a>) -> Vec<Event<'a>> {
        let own = |html: &'static str| vec![Event::Html(CowStr::Borrowed(html))];
        match event {
            Event::Html(html) if self.origin == Origin::Report && is_folding(&html) => vec![Event::Html(html)],
            Event::Html(text) | Event::InlineHtml(text) => vec![Event::Text(text)],
            Event::Start(Tag::HtmlBlock) if self.origin == Origin::Foreign => own("<pre>"),
            Event::End(TagEnd::HtmlBlock) if self.origin == Origin::Foreign => own("</pre>\n"),
            Event::Start(Tag::HtmlBlock) | Event::End(TagEnd::HtmlBlock) => Vec::new(),
            Event::Start(Tag::Link { link_type, dest_url, .. }) => {
                let is_kept = has_harmless_address(&dest_url);
                self.open_links.push(is_kept);
                let (title, id) = (CowStr::Borrowed(""), CowStr::Borrowed(""));
                let link = Event::Start(Tag::Link { link_type, dest_url, title, id });
                if is_kept { vec![link] } else { Vec::new() }
            }
            Event::End(TagEnd::Link) => {
                if self.open_links.pop() == Some(true) {
                    vec![event]
                } else {
                    Vec::new()
                }
            }
            Event::Start(Tag::Image { .. }) => vec![Event::Text("[image: ".into())],
            Event::End(TagEnd::Image) => vec![Event::Text("]".into())],
            Event::Start(Tag::CodeBlock(_)) => vec![Event::Start(Tag::CodeBlock(CodeBlockKind::Indented))],
            Event::TaskListMarker(is_done) => vec![Event::Text(if is_done { "☑ " } else { "☐ " }.into())],
            Event::Start(Tag::Heading { level, .. }) => vec![Event::Html(format!("<{}>", self.heading(level)).into())],
            Event::End(TagEnd::Heading(level)) => vec![Event::Html(format!("</{}>\n", self.heading(level)).into())],
            Event::Start(Tag::Table(alignments)) => {
                self.alignments = alignments;
                own("<div class=\"table\" tabindex=\"0\"><table>")
            }
            Event::End(TagEnd::Table) => own("</tbody></table></div>\n"),
            Event::Start(Tag::TableHead) => {
                (self.column, self.is_head) = (0, true);
                own("<thead><tr>")
            }
            Event::End(TagEnd::TableHead) => {
                self.is_head = false;
                own("</tr></thead><tbody>\n")
            }
            Event::Start(Tag::TableRow) => {
                self.column = 0;
                own("<tr>")
            }
            Event::End(TagEnd::TableRow) => own("</tr>\n"),
            Event::Start(Tag::TableCell) => own(self.cell()),
            Event::End(TagEnd::TableCell) => {
                self.column += 1;
                own(if self.is_head { "</th>" } else { "</td>" })
            }
            other => vec![other],
        }
    }

    fn cell(&self) -> &'static str {
        let is_number = self.alignments.get(self.column) == Some(&Alignment::Right);
        match (self.is_head, is_number) {
            (true, true) => "<th scope=\"col\" class=\"num\">",
            (true, false) => "<th scope=\"col\">",
            (false, true) => "<td class=\"num\">",
            (false, false) => "<td>",
        }
    }

    /// Element of a heading. Those of an answer lie below all of the report's.
    fn heading(&self, level: HeadingLevel) -> &'static str {
        match (self.origin, level) {
            (Origin::Foreign, HeadingLevel::H1 | HeadingLevel::H2) => "h5",
            (Origin::Foreign, _) => "h6",
            (Origin::Report, HeadingLevel::H1 | HeadingLevel::H2) => "h2",
            (Origin::Report, _) => "h3",
        }
    }
}

/// Returns whether a line of HTML begins or ends a folded part of the report. Its summary is text of tokscope's own.
fn is_folding(line: &str) -> bool {
    let line = line.trim_end();
    let summary = || line.strip_prefix("<summary>")?.strip_suffix("</summary>");
    ["<details>", "</details>"].contains(&line) || summary().is_some_and(|text| !text.contains(['<', '&']))
}

/// Returns whether an address only leads to the web or to a mail.
fn has_harmless_address(address: &str) -> bool {
    let address = address.to_ascii_lowercase();
    ADDRESSES.iter().any(|begin| address.starts_with(begin))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn an_answer_keeps_its_form_and_loses_its_html() {
        let out = foreign("# A\n\n**b** <i>c</i>\n\n<script>alert(1)</script>\n\n| x | y |\n|---|--:|\n| 1 | 2 |\n").0;
        for part in [
            "<h5>A</h5>",
            "<strong>b</strong> &lt;i&gt;c&lt;/i&gt;",
            "<pre>&lt;script&gt;alert(1)&lt;/script&gt;",
            "<td class=\"num\">2</td>",
        ] {
            assert!(out.contains(part), "{part} in {out}");
        }
    }

    #[test]
    fn links_lead_to_the_web_or_to_mail_and_images_are_not_loaded() {
        let link = |address: &str| foreign(&format!("[a]({address})")).0;
        assert_eq!(link("https://x.y/?a=1&b=\"2"), "<p><a href=\"https://x.y/?a=1&amp;b=%222\">a</a></p>\n");
        for address in [
            "javascript:alert(1)",
            "JaVaScRiPt:alert(1)",
            "data:text/html,x",
            "vbscript:x",
            "file:///etc/passwd",
            "//x.y",
            "#a",
            "blob:x",
        ] {
            assert_eq!(link(address), "<p>a</p>\n", "{address}");
        }
        assert_eq!(foreign("<javascript:alert(1)>").0, "<p>javascript:alert(1)</p>\n");
        assert_eq!(foreign("![cat](https://x/y.png)").0, "<p>[image: cat]</p>\n");
        assert_eq!(foreign("[r]\n\n[r]: javascript:alert(1)").0, "<p>r</p>\n");
    }

    #[test]
    fn only_folded_parts_of_the_report_are_html() {
        let folded = "<details>\n\n<summary>A</summary>\n\nb\n\n</details>\n";
        assert_eq!(report(folded).0.replace('\n', ""), "<details><summary>A</summary><p>b</p></details>");
        assert!(!report("<details onclick=x>\n").0.contains("<details onclick"));
        assert!(!foreign(folded).0.contains("<details>"));
        assert!(!report("<summary><b></summary>\n").0.contains("<b>"));
    }

    #[test]
    fn deep_nesting_and_long_lines_stay_cheap() {
        for piece in [">", "- ", "1. ", "*", "[", "`", "<", "|", "~~~\n"] {
            let out = foreign(&piece.repeat(20_000)).0;
            assert!(out.matches("<blockquote>").count() < 100 && out.matches("<ul>").count() < 100, "{piece}");
        }
    }
}
