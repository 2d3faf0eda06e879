//! Renders Markdown as styled, wrapped lines. The input is untrusted: the cost is linear in its length, and no line
//! exceeds the width.

mod block;
mod highlight;
mod limits;
mod table;
#[cfg(test)]
mod tests;
mod unfinished;

use pulldown_cmark::{CodeBlockKind, CowStr, Event, HeadingLevel, Options, Parser, Tag, TagEnd};
use ratatui::style::{Modifier, Style};
use ratatui::text::{Line, Span};

use self::block::Page;
use self::table::Table;
use crate::domain::text::{sanitise, sanitise_line};
use crate::ui::fit;
use crate::ui::theme::Theme;
use crate::ui::widget::wrap::expand_tabs;

/// Renders `text` as lines of at most `width` columns, styled on top of `base`.
pub fn render(text: &str, width: u16, theme: Theme, base: Style) -> Vec<Line<'static>> {
    render_clean(&limits::apply(&sanitise(text)), false, width, theme, base)
}

/// Colours lines of code by their language, on top of `base`. The code must be sanitised already.
pub fn code_lines(code: &str, language: &str, theme: Theme, base: Style) -> Vec<Vec<Span<'static>>> {
    highlight::lines(code, language, theme, base)
}

/// Renders the start of a text that still grows: as [`render`] does, with open tables shown as if they were complete.
pub fn render_growing(text: &str, width: u16, theme: Theme, base: Style) -> Vec<Line<'static>> {
    let text = sanitise(text);
    let text = limits::apply(&text);
    let text = unfinished::close(&text);
    // Leave an open code block plain, because its colours could jump with every new line.
    let is_open = unfinished::is_in_code(&text);
    render_clean(&text, is_open, width, theme, base)
}

/// Makes a text whose start was cut renderable.
pub fn resume(end: &str) -> String {
    unfinished::resume(end)
}

fn render_clean(text: &str, ends_in_code: bool, width: u16, theme: Theme, base: Style) -> Vec<Line<'static>> {
    let options = Options::ENABLE_TABLES | Options::ENABLE_STRIKETHROUGH | Options::ENABLE_TASKLISTS;
    let mut renderer = Renderer {
        page: Page::new(usize::from(width), theme.muted(), base),
        theme,
        base,
        styles: Vec::new(),
        inline: Vec::new(),
        lists: Vec::new(),
        links: Vec::new(),
        block: Block::Text,
        highlights: true,
        language: String::new(),
        table: None,
    };
    for (event, range) in Parser::new_ext(text, options).into_offset_iter() {
        if ends_in_code && range.end >= text.trim_end().len() && matches!(event, Event::Start(Tag::CodeBlock(_))) {
            renderer.highlights = false;
        }
        renderer.event(event);
        if renderer.page.is_full() {
            break;
        }
    }
    renderer.flush();
    renderer.page.into_lines()
}

/// The kind of block that text events belong to.
enum Block {
    Text,
    Code(String),
    Html(String),
}

/// An open link.
struct Link {
    url: String,
    /// Index in `inline` at which the link's text begins.
    from: usize,
}

struct Renderer {
    page: Page,
    theme: Theme,
    base: Style,
    styles: Vec<Style>,
    inline: Vec<Span<'static>>,
    /// The next number of each open list; `None` for bullets.
    lists: Vec<Option<u64>>,
    links: Vec<Link>,
    block: Block,
    /// Whether code blocks are coloured; false for the last one of a growing text while it is open.
    highlights: bool,
    /// Language of the current code block.
    language: String,
    table: Option<Table>,
}

impl Renderer {
    fn style(&self) -> Style {
        self.styles.last().copied().unwrap_or(self.base)
    }

    fn push_style(&mut self, over: Style) {
        self.styles.push(self.style().patch(over));
    }

    /// Collects text of a paragraph. The parser has resolved entities by now, so the text is sanitised again.
    fn text(&mut self, text: &str, style: Style) {
        let text = sanitise(text);
        match self.inline.last_mut() {
            Some(last) if last.style == style => last.content.to_mut().push_str(&text),
            _ => self.inline.push(Span::styled(text, style)),
        }
    }

    /// Ends a paragraph: wraps the collected text into lines.
    fn flush(&mut self) {
        let inline = std::mem::take(&mut self.inline);
        if !inline.is_empty() {
            self.page.text(&inline);
        }
    }

    fn event(&mut self, event: Event<'_>) {
        match event {
            Event::Start(tag) => self.start(tag),
            Event::End(tag) => self.end(tag),
            Event::Text(text) => match &mut self.block {
                Block::Code(code) => code.push_str(&text),
                Block::Html(html) => html.push_str(&text),
                Block::Text => self.text(&text, self.style()),
            },
            Event::Html(html) => match &mut self.block {
                Block::Html(all) => all.push_str(&html),
                Block::Code(_) | Block::Text => self.text(&html, self.style().patch(self.theme.muted())),
            },
            Event::Code(code) => self.text(&code, self.style().patch(self.theme.code())),
            Event::InlineHtml(html) => self.text(&html, self.style().patch(self.theme.muted())),
            Event::SoftBreak => self.text(" ", self.style()),
            Event::HardBreak => self.text(if self.table.is_some() { " " } else { "\n" }, self.style()),
            Event::Rule => {
                self.flush();
                self.page.rule();
            }
            Event::TaskListMarker(done) => {
                let (mark, style) = if done { ("✓ ", self.theme.good()) } else { ("○ ", self.theme.muted()) };
                let style = self.base.patch(style);
                if !self.page.replace_marker(mark, style) {
                    self.text(mark, style);
                }
            }
            // The parser does not enable these extensions. If it did, show their source.
            Event::InlineMath(text) | Event::DisplayMath(text) | Event::FootnoteReference(text) => {
                self.text(&text, self.style());
            }
        }
    }

    fn start(&mut self, tag: Tag<'_>) {
        match tag {
            Tag::Paragraph => {
                self.flush();
                self.page.gap();
            }
            Tag::Heading { level, .. } => {
                self.flush();
                self.page.gap();
                self.push_style(self.heading(level));
            }
            Tag::BlockQuote(_) => {
                self.flush();
                self.page.gap();
                self.page.open_quote();
                self.push_style(self.theme.quote());
            }
            Tag::CodeBlock(kind) => {
                self.flush();
                self.page.gap();
                self.language = if let CodeBlockKind::Fenced(info) = &kind { language(info) } else { String::new() };
                self.page.code_label(&self.language);
                self.block = Block::Code(String::new());
            }
            Tag::HtmlBlock => {
                self.flush();
                self.page.gap();
                self.block = Block::Html(String::new());
            }
            Tag::List(first) => {
                self.flush();
                // A nested list follows its item without a gap.
                if self.lists.is_empty() {
                    self.page.gap();
                }
                self.lists.push(first);
            }
            Tag::Item => self.start_item(),
            Tag::Table(alignments) => {
                self.flush();
                self.page.gap();
                self.table = Some(Table::new(&alignments));
            }
            Tag::Emphasis => self.push_style(Style::new().add_modifier(Modifier::ITALIC)),
            Tag::Strong | Tag::TableHead => self.push_style(Style::new().add_modifier(Modifier::BOLD)),
            Tag::Strikethrough => self.push_style(Style::new().add_modifier(Modifier::CROSSED_OUT)),
            Tag::Link { dest_url, .. } => self.start_link(&dest_url),
            Tag::Image { .. } => {
                self.push_style(self.theme.muted());
                self.text("[", self.style());
            }
            _ => {}
        }
    }

    fn end(&mut self, tag: TagEnd) {
        match tag {
            TagEnd::Paragraph => self.flush(),
            TagEnd::Heading(_) => {
                self.flush();
                self.styles.pop();
            }
            TagEnd::BlockQuote(_) => {
                self.flush();
                self.styles.pop();
                self.page.close();
            }
            TagEnd::CodeBlock | TagEnd::HtmlBlock => match std::mem::replace(&mut self.block, Block::Text) {
                Block::Code(code) => {
                    let code = code.strip_suffix('\n').unwrap_or(&code);
                    let code = code.split('\n').map(expand_tabs).collect::<Vec<_>>().join("\n");
                    let language = if self.highlights { self.language.as_str() } else { "" };
                    self.page.code(&highlight::lines(&code, language, self.theme, self.base));
                }
                Block::Html(html) => self.html(&html),
                Block::Text => {}
            },
            TagEnd::List(_) => {
                self.flush();
                self.lists.pop();
            }
            TagEnd::Item => {
                self.flush();
                self.page.close();
            }
            TagEnd::TableCell => {
                let cell = std::mem::take(&mut self.inline);
                if let Some(table) = &mut self.table {
                    table.cell(cell);
                }
            }
            TagEnd::TableHead | TagEnd::TableRow => {
                if tag == TagEnd::TableHead {
                    self.styles.pop();
                }
                if let Some(table) = &mut self.table {
                    table.end_row();
                }
            }
            TagEnd::Table => {
                if let Some(table) = self.table.take() {
                    table.draw(&mut self.page);
                }
            }
            TagEnd::Emphasis | TagEnd::Strong | TagEnd::Strikethrough => {
                self.styles.pop();
            }
            TagEnd::Image => {
                self.text("]", self.style());
                self.styles.pop();
            }
            TagEnd::Link => self.end_link(),
            _ => {}
        }
    }

    /// Shows HTML as its source, but a folded part as unfolded under its summary.
    fn html(&mut self, html: &str) {
        match folded_part(html) {
            Some(summary) if summary.is_empty() => {}
            Some(summary) => {
                let mark = Span::styled("▾ ", self.base.patch(self.theme.accent()));
                self.page
                    .text(&[mark, Span::styled(sanitise_line(&summary), self.style().add_modifier(Modifier::BOLD))]);
            }
            None => {
                let style = self.style().patch(self.theme.muted());
                self.page.text(&[Span::styled(html.trim_end_matches('\n').to_owned(), style)]);
            }
        }
    }

    fn heading(&self, level: HeadingLevel) -> Style {
        match level {
            HeadingLevel::H1 => self.theme.heading().add_modifier(Modifier::UNDERLINED),
            HeadingLevel::H2 => self.theme.heading(),
            _ => Style::new().add_modifier(Modifier::BOLD),
        }
    }

    fn start_item(&mut self) {
        self.flush();
        let marker = match self.lists.last_mut() {
            Some(Some(number)) => {
                let marker = format!("{number}. ");
                *number = number.saturating_add(1);
                marker
            }
            _ => "• ".to_owned(),
        };
        let style = self.base.patch(self.theme.accent());
        if !self.page.open_item(&marker, style) {
            self.text(&marker, style);
        }
    }

    fn start_link(&mut self, url: &CowStr<'_>) {
        self.links.push(Link { url: sanitise_line(url), from: self.inline.len() });
        self.push_style(self.theme.link());
    }

    fn end_link(&mut self) {
        self.styles.pop();
        let Some(link) = self.links.pop() else { return };
        let shown: String = self.inline.iter().skip(link.from).map(|s| s.content.as_ref()).collect();
        let is_shown = shown == link.url || link.url.strip_prefix("mailto:") == Some(shown.as_str());
        // Cut a very long address, which is a data URL or an attack.
        let url = fit::cut(&link.url, 200);
        if !is_shown && !url.is_empty() {
            self.text(&format!(" ({url})"), self.style().patch(self.theme.muted()));
        }
    }
}

/// Summary of a folded part (`<details>`) that this HTML begins; empty if the HTML ends one. `None` for other HTML.
fn folded_part(html: &str) -> Option<String> {
    let mut summary = String::new();
    for line in html.lines().map(str::trim).filter(|line| !line.is_empty()) {
        let text = line.strip_prefix("<summary>").and_then(|rest| rest.strip_suffix("</summary>"));
        match (line, text) {
            ("<details>" | "<details open>" | "</details>", _) => {}
            (_, Some(text)) if !text.contains('<') => summary.push_str(text),
            _ => return None,
        }
    }
    Some(summary)
}

/// Returns the language that a fence names: the first word after it.
fn language(info: &str) -> String {
    let info = sanitise_line(info);
    fit::cut(info.split([' ', ',', '{']).next().unwrap_or_default(), 24)
}
