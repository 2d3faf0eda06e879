//! The keys, signs and words that match a search.

use ratatui::text::{Line, Span};

use super::{described, stacked, terms};
use crate::app::state::palette::contains_words;
use crate::ui::glossary::{self, Term};
use crate::ui::keymap::{DashboardRow, Section, sections};
use crate::ui::view::View;

/// Rows that match the query: first bindings with this key, then terms with this name, then bindings and terms whose
/// description contains the words.
pub(super) fn found(query: &str, columns: usize, view: &View<'_>) -> Vec<Line<'static>> {
    let query = query.trim();
    let rows = view.keymap.rows();
    let has_key =
        |row: &&DashboardRow| row.keys.iter().any(|key| key.to_string() == query || key.config_name() == query);
    let mut blocks: Vec<Vec<Line<'static>>> = Vec::new();
    let with_key = |section: &Section| rows.iter().filter(|row| section.has(row.binding)).filter(has_key).count();
    for section in sections(rows.iter().map(|row| row.binding)).filter(|section| with_key(section) > 0) {
        let title = format!("Key {query} · {}", section.title());
        blocks.push(described(
            &title,
            rows.iter().filter(|row| section.has(row.binding)).filter(has_key),
            columns,
            view,
        ));
    }
    let glossary = glossary::search(query, view.ascii);
    blocks.extend(section("Signs and words", glossary.named, columns, view));
    for section in sections(rows.iter().map(|row| row.binding)) {
        let title = section.title();
        let has_words = |row: &&DashboardRow| {
            let labels = [row.binding.footer, row.binding.undo].into_iter().flatten().collect::<Vec<_>>().join(" ");
            section.has(row.binding)
                && contains_words(&format!("{title} {} {labels}", row.binding.help), query)
                && !has_key(row)
        };
        if rows.iter().any(|row| has_words(&row)) {
            blocks.push(described(&title, rows.iter().filter(has_words), columns, view));
        }
    }
    blocks.extend(section("In other explanations", glossary.explained, columns, view));
    if blocks.is_empty() {
        return vec![Line::styled("No key, sign or word matches.", view.theme.muted())];
    }
    stacked(&blocks)
}

/// Signs and words under a heading; `None` without any.
fn section(
    title: &'static str,
    found: Vec<&'static Term>,
    columns: usize,
    view: &View<'_>,
) -> Option<Vec<Line<'static>>> {
    let heading = Line::from(Span::styled(title, view.theme.title(false)));
    let lines = terms(found.into_iter(), columns, view);
    (!lines.is_empty()).then(|| std::iter::once(heading).chain(lines).collect())
}
