//! Describes a data set in one line, which is shown before the run.

use std::collections::BTreeMap;
use std::fmt;

use super::bad_row::Fault;
use super::row_kind::RowKind;
use super::scan::Arrangement;
use crate::domain::media::Media;
use crate::domain::quantity::{Quantity, grouped, plural};

/// Figures of a data set.
#[derive(Clone, Debug, PartialEq)]
pub struct Summary {
    /// Name of the file or folder, safe to display.
    pub name: String,
    /// Description of the rows' content.
    pub kind: &'static str,
    /// Name of the table format; `None` if the rows are JSON.
    pub table: Option<&'static str>,
    /// Number of rows that can be sent.
    pub rows: u64,
    /// Number of skipped rows, by kind of fault.
    pub skipped: BTreeMap<Fault, u64>,
    /// Median length of a single request's messages, characters.
    pub prompt_chars_p50: Option<f64>,
    /// 95th percentile of that length, characters.
    pub prompt_chars_p95: Option<f64>,
    /// Number of rows with several user turns.
    pub multi_turn_rows: u64,
    /// Number of rows with checks of their answers.
    pub checked_rows: u64,
    /// Number of rows with images or audio.
    pub media_rows: u64,
    /// An example of each kind of images and audio, without its content.
    pub media: Vec<Media>,
    /// Number of distinct tags.
    pub tags: usize,
}

impl Summary {
    /// Returns the number of skipped rows.
    pub fn skipped_rows(&self) -> u64 {
        self.skipped.values().sum()
    }
}

/// Returns the name of a kind of rows.
pub(super) fn kind_name(kind: Option<RowKind>) -> &'static str {
    kind.map_or("rows", RowKind::name)
}

/// Returns the name of a table format, which depends on the delimiter; `None` for JSON.
pub(super) const fn table_name(arrangement: Arrangement) -> Option<&'static str> {
    match arrangement {
        Arrangement::Lines | Arrangement::Array => None,
        Arrangement::Delimited(b'\t') => Some("TSV"),
        Arrangement::Delimited(_) => Some("CSV"),
    }
}

impl fmt::Display for Summary {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let noun = |n: u64, noun: &str| format!("{} {}", grouped(n), plural(usize::try_from(n).unwrap_or(2), noun));
        write!(f, "{}: {}", self.name, self.kind)?;
        if let Some(table) = self.table {
            write!(f, " in {table}")?;
        }
        let skipped = self.skipped_rows();
        write!(f, ", {}", noun(self.rows, "row"))?;
        if skipped > 0 {
            let mut reasons: Vec<_> = self.skipped.iter().collect();
            reasons.sort_by_key(|(fault, count)| (std::cmp::Reverse(**count), **fault));
            let reasons = reasons.iter().map(|(fault, count)| format!("{} {}", grouped(**count), fault.phrase()));
            let reasons = reasons.collect::<Vec<_>>().join(", ");
            write!(f, " of {} ({} skipped: {reasons})", grouped(self.rows + skipped), grouped(skipped))?;
        }
        let chars = Quantity::grouped;
        write!(f, ", prompts {} characters at the median, ", chars(self.prompt_chars_p50))?;
        write!(f, "{} at p95", chars(self.prompt_chars_p95))?;
        if self.checked_rows > 0 {
            write!(f, ", {} with checks", grouped(self.checked_rows))?;
        }
        if self.media_rows > 0 {
            write!(f, ", {} with images or audio", grouped(self.media_rows))?;
        }
        if self.multi_turn_rows > 0 {
            write!(f, ", {} with several user turns", grouped(self.multi_turn_rows))?;
        }
        if self.tags > 0 {
            write!(f, ", {}", noun(self.tags as u64, "tag"))?;
        }
        Ok(())
    }
}
