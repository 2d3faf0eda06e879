//! The help: the keys of the focused pane, all keys, the glossary, or the results of a search.

mod columns;
mod search;

use ratatui::Frame;
use ratatui::layout::Rect;
use ratatui::style::Style;
use ratatui::text::{Line, Span};

use super::{keys_of, popup, text_field};
use crate::app::action::Action;
use crate::app::pane::PaneId;
use crate::app::state::ScrollExtent;
use crate::app::state::help_view::{HelpPage, HelpView};
use crate::ui::fit::{cut, spans_width, width};
use crate::ui::glossary::{Place, Term, terms_of};
use crate::ui::keymap::{Binding, Context, DashboardRow, Group, Key, Section, is_live, keys_label, name_now, sections};
use crate::ui::view::View;
use crate::ui::widget::wrap::wrap;

/// Maximum width of the text, columns.
const MAX_COLUMNS: usize = 116;
/// Minimum rows for keys, if the screen is high enough.
const MIN_ROWS: usize = 20;
/// Rows above the keys: the search and a blank.
const HEAD: usize = 2;
/// Width of signs and words before their meanings, columns. A longer term has its meaning below it.
const TERM_COLUMNS: usize = 22;
/// Groups of the keys that work in every pane.
const GENERAL: [Group; 5] = [Group::Run, Group::Replay, Group::Case, Group::Move, Group::Screen];

pub(super) fn draw(frame: &mut Frame<'_>, area: Rect, help: &HelpView, view: &View<'_>) {
    let theme = view.theme;
    let columns = usize::from(area.width).saturating_sub(6).min(MAX_COLUMNS);
    let focus = view.app.ui.focus;
    let short = short(focus, columns, view);
    // The short list determines the height, so that the help does not move while the user types.
    let rows = usize::from(area.height).saturating_sub(2 + HEAD).min(short.len().max(MIN_ROWS)).max(1);
    let (title, mut keys) = match help {
        HelpView { query, .. } if !query.is_empty() => {
            ("Found".to_owned(), search::found(query.as_str(), columns, view))
        }
        HelpView { page: HelpPage::AllKeys, .. } => ("All keys".to_owned(), stacked(&all(columns, view))),
        HelpView { page: HelpPage::Glossary, .. } => {
            ("Signs and words".to_owned(), terms(terms_of(Place::Dashboard), columns, view))
        }
        HelpView { page: HelpPage::PaneKeys, .. } => (format!("Keys · {} pane", focus.title()), short),
    };
    let total = keys.len();
    let limit = total.saturating_sub(rows);
    view.cache.set_overlay_extent(ScrollExtent { limit, page: rows.saturating_sub(1) });
    keys.drain(..help.top.min(limit));
    keys.truncate(rows);
    let below = limit.saturating_sub(help.top);
    keys.resize(rows, Line::default());
    let mut lines = vec![search_line(help, columns, view), Line::raw(" ".repeat(columns))];
    lines.extend(keys);
    let mut hint = keys_of(Context::Help, view);
    if below > 0 {
        hint.spans.insert(0, Span::styled(format!(" {below} more lines "), theme.muted()));
    }
    popup(frame, area, &title, hint, lines, theme);
}

/// Explains the difference between the keys for hold and pause.
const HOLD_OR_PAUSE: &str = "Hold lets requests in flight finish and starts no new ones. Pause stops one case and discards its \
                             running attempt.";

/// The keys that work in a pane, in columns, and a note on two keys that are easily confused.
fn short(pane: PaneId, columns: usize, view: &View<'_>) -> Vec<Line<'static>> {
    let mut lines = columns::arrange(&of_pane(pane, view), columns);
    if view.app.playback.is_none() {
        lines.push(Line::default());
        lines.extend(
            wrap(&[Span::styled(HOLD_OR_PAUSE, view.theme.muted())], columns.max(1)).into_iter().map(Line::from),
        );
    }
    lines
}

/// The text field of the search; while it is empty, a hint at what it searches.
fn search_line(help: &HelpView, columns: usize, view: &View<'_>) -> Line<'static> {
    let theme = view.theme;
    let mut spans = vec![Span::styled("/ ", theme.key())];
    spans.extend(text_field(&help.query, columns.saturating_sub(2), theme));
    if help.query.is_empty() {
        let room = columns.saturating_sub(spans_width(&spans));
        spans.push(Span::styled(cut(" type a word, a key or a sign to search", room), theme.muted()));
    }
    Line::from(spans)
}

/// A heading and the keys below it, each with a short description.
pub(super) struct Block {
    title: String,
    entries: Vec<Entry>,
}

/// A key, its short description, and whether it has an effect now.
pub(super) struct Entry {
    keys: String,
    name: String,
    key_style: Style,
    name_style: Style,
}

impl Entry {
    fn new(keys: String, name: String, is_live: bool, view: &View<'_>) -> Self {
        let theme = view.theme;
        let (key_style, name_style) =
            if is_live { (theme.key(), theme.text()) } else { (theme.muted(), theme.muted()) };
        Self { keys, name, key_style, name_style }
    }
}

/// The keys that work in a pane: its own first, then those of all panes.
fn of_pane(pane: PaneId, view: &View<'_>) -> Vec<(Style, Block)> {
    let context = Context::In(pane);
    let rows: Vec<&DashboardRow> = view.keymap.rows_in(context).collect();
    let is_wanted = |group: &Group| *group != Group::Replay || view.app.playback.is_some();
    let general = GENERAL.iter().filter(|group| is_wanted(group)).map(|group| Section::Group(*group));
    let section = |section: Section| {
        let rows_of = rows.iter().filter(|row| section.has(row.binding)).filter(|row| !is_focus(row.binding));
        let entry = |row: &&DashboardRow| {
            let keys = effective_keys(row, &rows);
            let name = name_now(view.app, row.binding);
            (!keys.is_empty()).then(|| Entry::new(keys_label(&keys), name, is_live(view.app, row.binding), view))
        };
        let mut entries: Vec<Entry> = rows_of.filter_map(entry).collect();
        if section == Section::Group(Group::Move) {
            entries.extend(focus_entry(&rows, view));
        }
        let is_own = matches!(section, Section::Pane(_));
        (!entries.is_empty()).then(|| (view.theme.title(is_own), Block { title: section.title(), entries }))
    };
    std::iter::once(Section::Pane(pane)).chain(general).filter_map(section).collect()
}

/// Keys of a row that no earlier row has. A pane's own rows come first, so their keys take precedence.
fn effective_keys(row: &DashboardRow, rows: &[&DashboardRow]) -> Vec<Key> {
    let means_this = |key: &&Key| {
        let first = rows.iter().find(|other| other.keys.contains(key));
        first.is_some_and(|first| std::ptr::eq(*first, row))
    };
    row.keys.iter().filter(means_this).copied().collect()
}

const fn is_focus(binding: &Binding) -> bool {
    matches!(binding.action, Action::Focus(_))
}

/// The keys that focus a pane, as one entry: `1–5`.
fn focus_entry(rows: &[&DashboardRow], view: &View<'_>) -> Option<Entry> {
    let keys: Vec<Key> =
        rows.iter().filter(|row| is_focus(row.binding)).filter_map(|row| row.keys.first().copied()).collect();
    let (first, last) = (keys.first()?, keys.last()?);
    let label = if keys.len() > 1 { format!("{first}–{last}") } else { first.to_string() };
    Some(Entry::new(label, "Go to a pane".to_owned(), true, view))
}

/// All sections with full descriptions.
fn all(columns: usize, view: &View<'_>) -> Vec<Vec<Line<'static>>> {
    let rows = view.keymap.rows();
    let section = |section: Section| {
        let rows = rows.iter().filter(|row| section.has(row.binding));
        described(&section.title(), rows, columns, view)
    };
    sections(rows.iter().map(|row| row.binding)).map(section).collect()
}

/// A heading and rows with their full descriptions.
fn described<'a>(
    title: &str,
    rows: impl Iterator<Item = &'a DashboardRow>,
    columns: usize,
    view: &View<'_>,
) -> Vec<Line<'static>> {
    let theme = view.theme;
    let keys_columns = view.keymap.rows().iter().map(|row| width(&keys_label(&row.keys))).max().unwrap_or(0) + 2;
    let mut lines = vec![Line::from(Span::styled(title.to_owned(), theme.title(false)))];
    for row in rows {
        let live = is_live(view.app, row.binding);
        let (key_style, text_style) = if live { (theme.key(), theme.text()) } else { (theme.muted(), theme.muted()) };
        lines.extend(explained(&keys_label(&row.keys), key_style, row.binding.help, text_style, keys_columns, columns));
    }
    lines
}

/// Signs and words with their meanings.
fn terms<'a>(terms: impl Iterator<Item = &'a Term>, columns: usize, view: &View<'_>) -> Vec<Line<'static>> {
    let theme = view.theme;
    terms
        .flat_map(|term| {
            explained(term.term, theme.value(), term.meaning, theme.text(), TERM_COLUMNS.min(columns / 3), columns)
        })
        .collect()
}

/// Sections one below the other, separated by blank lines.
fn stacked(sections: &[Vec<Line<'static>>]) -> Vec<Line<'static>> {
    sections.join(&Line::default())
}

/// A sign or word, padded to `sign_columns`, with its wrapped meaning beside it, or below it if the sign is longer.
fn explained(
    sign: &str,
    sign_style: Style,
    meaning: &'static str,
    text_style: Style,
    sign_columns: usize,
    columns: usize,
) -> Vec<Line<'static>> {
    let text = wrap(&[Span::styled(meaning, text_style)], columns.saturating_sub(sign_columns).max(1));
    let is_beside = width(sign) < sign_columns;
    let above = (!is_beside).then(|| Line::styled(sign.to_owned(), sign_style));
    let with_sign = |(i, mut spans): (usize, Vec<Span<'static>>)| {
        let sign = if i == 0 && is_beside { sign } else { "" };
        let blanks = " ".repeat(sign_columns.saturating_sub(width(sign)));
        spans.insert(0, Span::styled(format!("{sign}{blanks}"), sign_style));
        Line::from(spans)
    };
    above.into_iter().chain(text.into_iter().enumerate().map(with_sign)).collect()
}
