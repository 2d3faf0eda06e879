//! The glossary: each sign and word on the screen, and its meaning. The help, the run browser and the documentation
//! derive from its tables.

mod search;
mod signs;
mod words;

pub use self::search::{Found, search};
pub use self::signs::SIGNS;
pub use self::words::WORDS;

/// Screen on which a term appears.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Place {
    /// The dashboard, and the field's own words.
    Dashboard,
    /// The list of saved runs.
    Runs,
    /// The comparison of two runs.
    Comparison,
}

impl Place {
    /// All screens, in the order of the documentation.
    const ALL: [Self; 3] = [Self::Dashboard, Self::Runs, Self::Comparison];

    const fn title(self) -> &'static str {
        match self {
            Self::Dashboard => "Dashboard",
            Self::Runs => "Saved runs",
            Self::Comparison => "Comparison",
        }
    }
}

/// A sign or a word, and its meaning.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Term {
    /// The sign or the word as the screen shows it.
    pub term: &'static str,
    /// Its meaning, without a full stop.
    pub meaning: &'static str,
    /// Screen that shows it.
    pub place: Place,
}

/// Terms of a screen: signs, then words.
pub fn terms_of(place: Place) -> impl Iterator<Item = &'static Term> {
    SIGNS.iter().chain(WORDS).filter(move |term| term.place == place)
}

/// The words as a Markdown table, for the documentation.
pub fn words_markdown() -> String {
    format!("| term | meaning |\n|---|---|\n{}", WORDS.iter().map(row).collect::<String>())
}

/// The signs of each screen as Markdown tables, for the documentation.
pub fn signs_markdown() -> String {
    let section = |place: Place| {
        let rows: String = SIGNS.iter().filter(|term| term.place == place).map(row).collect();
        format!("### {}\n\n| sign | meaning |\n|---|---|\n{rows}", place.title())
    };
    Place::ALL.map(section).join("\n")
}

fn row(term: &Term) -> String {
    format!("| {} | {} |\n", term.term.replace('|', "\\|"), term.meaning)
}

#[cfg(test)]
mod tests;
