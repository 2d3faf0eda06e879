//! Search through the glossary.

use super::{Place, Term, terms_of};
use crate::app::state::palette::contains_words;
use crate::ui::ascii::to_ascii_text;

/// Terms that match a search.
#[derive(Debug, Default, PartialEq, Eq)]
pub struct Found {
    /// Terms that equal the query, then those that contain it.
    pub named: Vec<&'static Term>,
    /// Terms whose meaning contains the words of the query.
    pub explained: Vec<&'static Term>,
}

/// Terms of the dashboard that match. With `ascii`, a query also finds a sign by the character that replaces it.
pub fn search(query: &str, ascii: bool) -> Found {
    let query = query.trim().to_lowercase();
    let is_sign = !query.chars().any(char::is_alphanumeric);
    let (mut equal, mut found) = (Vec::new(), Found::default());
    for term in terms_of(Place::Dashboard).filter(|_| !query.is_empty()) {
        let shown = if ascii { to_ascii_text(term.term) } else { String::new() };
        let names = [term.term.to_lowercase(), shown.to_lowercase()];
        let contains = |name: &String| if is_sign { name.contains(&query) } else { contains_words(name, &query) };
        if names.iter().flat_map(|name| name.split(", ").chain([name.as_str()])).any(|name| name == query) {
            equal.push(term);
        } else if names.iter().any(contains) {
            found.named.push(term);
        } else if !is_sign && contains_words(&format!("{} {}", term.term, term.meaning), &query) {
            found.explained.push(term);
        }
    }
    found.named.splice(0..0, equal);
    found
}
