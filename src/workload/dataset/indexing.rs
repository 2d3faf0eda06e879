//! Checks and counts the rows when a data set is opened.

use std::collections::BTreeMap;

use super::bad_row::{BadRow, Fault, OnBadRow};
use super::columns::ColumnMapping;
use super::error::DatasetFault;
use super::lengths::Lengths;
use super::place::Place;
use super::record::Record;
use super::row::DataRow;
use super::row_parser::RowParser;
use super::summary::{Summary, kind_name};
use super::tags::Tags;
use crate::domain::media::{Media, MediaContent};

/// Number of rows from which to collect column names, for the error about a missing column.
const ROWS_WITH_NAMES: u64 = 1000;
/// Maximum number of column names to collect.
const MAX_NAMES: usize = 64;

/// Figures of the rows that were read so far.
pub struct Indexer {
    /// Parser of the rows.
    pub parser: RowParser,
    /// Tags of the usable rows.
    pub tags: Tags,
    on_bad_row: OnBadRow,
    rows: u64,
    skipped: BTreeMap<Fault, u64>,
    first_bad: Option<(Place, BadRow)>,
    lengths: Lengths,
    multi_turn_rows: u64,
    checked_rows: u64,
    media_rows: u64,
    /// An example of each kind of media: an image that the server fetches, an image, and audio.
    media: [Option<Media>; 3],
    /// Number of turns of each usable row; empty as long as all rows have one turn.
    pub turns: Vec<u16>,
    /// Number of rows with fields, usable or not.
    records: u64,
    names: Vec<String>,
    /// Whether any row had the column, for each mapped column.
    is_found: Vec<bool>,
}

impl Indexer {
    pub fn new(columns: &ColumnMapping, on_bad_row: OnBadRow) -> Self {
        Self {
            parser: RowParser::new(columns),
            tags: Tags::default(),
            on_bad_row,
            rows: 0,
            skipped: BTreeMap::new(),
            first_bad: None,
            lengths: Lengths::default(),
            multi_turn_rows: 0,
            checked_rows: 0,
            media_rows: 0,
            media: [None, None, None],
            turns: Vec::new(),
            records: 0,
            names: Vec::new(),
            is_found: columns.iter().map(|_| false).collect(),
        }
    }

    /// Parses and counts a row. Returns whether the row is usable.
    pub fn add_record(&mut self, place: Place, record: Result<Record<'_>, BadRow>) -> Result<bool, DatasetFault> {
        let row = record.and_then(|record| {
            self.note_columns(&record);
            self.parser.decide_kind(&record);
            self.parser.parse(&record)
        });
        self.add(place, row)
    }

    /// Counts a row. Returns whether the row is usable.
    pub fn add(&mut self, place: Place, row: Result<DataRow, BadRow>) -> Result<bool, DatasetFault> {
        match row {
            Ok(row) => {
                if !self.tags.push(self.rows, row.tag.as_ref()) {
                    let column = self.parser.columns().get(super::columns::ColumnKey::Tag).unwrap_or("tag");
                    return Err(DatasetFault::TooManyTags(column.to_owned()));
                }
                self.rows += 1;
                self.lengths.add(row.prompt_chars());
                let later_turns = u16::try_from(row.later_user_turns().count()).unwrap_or(u16::MAX);
                self.multi_turn_rows += u64::from(later_turns > 0);
                self.checked_rows += u64::from(!row.checks.is_empty());
                self.note_turns(later_turns);
                self.note_media(&row);
                Ok(true)
            }
            Err(fault) if self.on_bad_row == OnBadRow::Fail => Err(DatasetFault::BadRow { place, fault }),
            Err(fault) => {
                *self.skipped.entry(fault.fault).or_default() += 1;
                self.first_bad.get_or_insert((place, fault));
                Ok(false)
            }
        }
    }

    /// Records images and audio of a row.
    fn note_media(&mut self, row: &DataRow) {
        let mut has_media = false;
        for media in row.all_messages().flat_map(|message| &message.media) {
            has_media = true;
            let [url, image, audio] = &mut self.media;
            let example = match media {
                Media::Url(_) => url,
                Media::Content(content) if content.format.is_audio() => audio,
                Media::Content(_) => image,
            };
            // The content itself is not needed, and may be large.
            example.get_or_insert_with(|| match media {
                Media::Content(content) => Media::Content(MediaContent { base64: "".into(), ..content.clone() }),
                Media::Url(_) => media.clone(),
            });
        }
        self.media_rows += u64::from(has_media);
    }

    /// Records the number of turns of the row that was counted last.
    fn note_turns(&mut self, later_turns: u16) {
        if later_turns > 0 || !self.turns.is_empty() {
            let earlier = usize::try_from(self.rows - 1).unwrap_or(usize::MAX);
            self.turns.resize(earlier, 1);
            self.turns.push(later_turns.saturating_add(1));
        }
    }

    /// Records the column names of a row, and which mapped columns the row has.
    fn note_columns(&mut self, record: &Record<'_>) {
        self.records += 1;
        for (column, is_found) in self.parser.columns().iter().zip(&mut self.is_found) {
            *is_found = *is_found || record.find(&column.name).is_some();
        }
        if self.records <= ROWS_WITH_NAMES && !self.is_found.is_empty() {
            for name in record.names() {
                if self.names.len() < MAX_NAMES && !self.names.iter().any(|known| known == name) {
                    self.names.push(name.to_owned());
                }
            }
        }
    }

    /// Checks that there are usable rows and that the mapped columns exist. Returns the summary.
    pub fn finish(&mut self, name: &str, table: Option<&'static str>) -> Result<Summary, DatasetFault> {
        let mut missing = self.parser.columns().iter().zip(&self.is_found).filter(|(_, is_found)| !**is_found);
        if let Some((column, _)) = missing.next().filter(|_| self.records > 0) {
            return Err(DatasetFault::MissingColumn { column: column.clone(), columns: self.names.clone() });
        }
        if self.rows == 0 {
            return Err(match self.first_bad.take() {
                Some((place, fault)) => DatasetFault::NoUsableRow { rows: self.skipped.values().sum(), place, fault },
                None => DatasetFault::Unusable("has no rows".to_owned()),
            });
        }
        self.tags.shrink();
        Ok(Summary {
            name: name.to_owned(),
            kind: kind_name(self.parser.kind()),
            table,
            rows: self.rows,
            skipped: std::mem::take(&mut self.skipped),
            prompt_chars_p50: self.lengths.percentile(50.0),
            prompt_chars_p95: self.lengths.percentile(95.0),
            multi_turn_rows: self.multi_turn_rows,
            checked_rows: self.checked_rows,
            media_rows: self.media_rows,
            media: self.media.iter().flatten().cloned().collect(),
            tags: self.tags.names().len(),
        })
    }
}
