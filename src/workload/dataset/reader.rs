//! A data set: a file or folder. A row is read when it is sent.

use std::fs::{self, File};
use std::io::Read;
use std::path::Path;
use std::sync::Arc;

use super::bad_row::{BadRow, Fault, OnBadRow};
use super::columns::ColumnMapping;
use super::error::{DatasetError, DatasetFault, RowError, RowFault, io_message};
use super::folder::{Folder, TextFault};
use super::index::RowIndex;
use super::indexing::Indexer;
use super::input::Input;
use super::max_row_size;
use super::place::Place;
use super::recognise::{BYTE_ORDER_MARK, HEAD_BYTES, header_names, recognise};
use super::record::Record;
use super::row::DataRow;
use super::row_kind::RowKind;
use super::row_parser::RowParser;
use super::scan::{Arrangement, Found, RowBuffer, RowState, ScanError, Scanner};
use super::storage::{Stamp, Storage};
use super::summary::{Summary, table_name};
use super::tags::Tags;
use crate::domain::data_fingerprint::DataFingerprint;
use crate::domain::text::sanitise_line;

/// Number of bytes between two reports of progress.
const PROGRESS_BYTES: u64 = 16 << 20;

/// An open data set. Threads can share it, because reading a row takes `&self`.
#[derive(Debug)]
pub struct Dataset {
    name: String,
    content: Content,
    parser: RowParser,
    tags: Tags,
    turns: Arc<[u16]>,
    summary: Summary,
    fingerprint: DataFingerprint,
}

#[derive(Debug)]
enum Content {
    File { storage: Storage, format: Format, index: RowIndex },
    Folder(Folder),
}

/// Format of a file: arrangement of its rows, and names of its columns.
#[derive(Debug)]
struct Format {
    arrangement: Arrangement,
    /// Names of a table's columns; empty for JSON.
    header: Vec<String>,
}

impl Dataset {
    /// Opens a file, or a folder of text files. Recognises the format, reads the content once and checks each row.
    ///
    /// # Errors
    ///
    /// The file cannot be read or is not a data set, no row has a mapped column, or no row can be used. With
    /// [`OnBadRow::Fail`], also if any row cannot be sent.
    pub fn open(path: &Path, columns: &ColumnMapping, on_bad_row: OnBadRow) -> Result<Self, DatasetError> {
        Self::open_with_progress(path, columns, on_bad_row, &mut |_, _| {})
    }

    /// Opens a file or folder like [`open`](Self::open). Calls `progress` every 16 MiB with the number of bytes read
    /// and the total.
    ///
    /// # Errors
    ///
    /// The same as for [`open`](Self::open).
    pub fn open_with_progress(
        path: &Path,
        columns: &ColumnMapping,
        on_bad_row: OnBadRow,
        progress: &mut dyn FnMut(u64, u64),
    ) -> Result<Self, DatasetError> {
        let name = sanitise_line(&path.display().to_string());
        let opened = open_path(path, &name, columns, on_bad_row, progress);
        opened.map_err(|reason| DatasetError { name, reason })
    }

    /// Opens a data set from the content of a file in memory. `reader` provides the same content.
    #[cfg(any(test, fuzzing))]
    pub(super) fn from_bytes(
        bytes: Vec<u8>,
        reader: impl Read,
        columns: &ColumnMapping,
        on_bad_row: OnBadRow,
    ) -> Result<Self, DatasetError> {
        let name = "data".to_owned();
        match index_file(reader, &name, columns, on_bad_row, &mut |_| {}) {
            Ok(indexed) => Ok(indexed.into_dataset(name, Storage::Memory(bytes))),
            Err(reason) => Err(DatasetError { name, reason }),
        }
    }

    /// Returns the number of rows that can be sent.
    pub const fn rows(&self) -> u64 {
        self.summary.rows
    }

    /// Returns the figures of the data set, which display as one line.
    pub const fn summary(&self) -> &Summary {
        &self.summary
    }

    /// Returns the fingerprint of the content at the time of opening.
    pub const fn fingerprint(&self) -> DataFingerprint {
        self.fingerprint
    }

    /// Returns the distinct tags in order of appearance, at most 4,096.
    pub fn tags(&self) -> &[Arc<str>] {
        self.tags.names()
    }

    /// Returns the number of turns of each row as a conversation; empty if all rows have one turn.
    pub fn turns(&self) -> Arc<[u16]> {
        Arc::clone(&self.turns)
    }

    /// Returns the index of a row's tag in [`tags`](Self::tags), without reading the row; `None` if the row has no tag.
    pub fn tag_number(&self, row: u64) -> Option<u16> {
        self.tags.number(row)
    }

    /// Returns the place of a row in the file or folder.
    pub fn place(&self, row: u64) -> Option<Place> {
        match &self.content {
            Content::File { format, index, .. } => Some(format.place(index.get(row)?.ordinal, None)),
            Content::Folder(folder) => folder.place(row),
        }
    }

    /// Returns the memory of index, tags and turns, bytes.
    pub fn memory_bytes(&self) -> usize {
        let content = match &self.content {
            Content::File { index, .. } => index.memory_bytes(),
            Content::Folder(folder) => folder.memory_bytes(),
        };
        content + self.tags.memory_bytes() + size_of_val(&*self.turns)
    }

    /// Reads a row. Rows count from 0.
    ///
    /// # Errors
    ///
    /// The file has changed since it was opened, or cannot be read.
    pub fn row(&self, row: u64) -> Result<DataRow, RowError> {
        let read = match &self.content {
            Content::File { storage, format, index } => self.read_row(storage, format, index, row),
            Content::Folder(folder) => self.read_text(folder, row),
        };
        let mut data = read.map_err(|reason| RowError { name: self.name.clone(), reason })?;
        data.tag = self.tags.number(row).and_then(|number| self.tags.names().get(usize::from(number))).cloned();
        Ok(data)
    }

    fn read_row(&self, storage: &Storage, format: &Format, index: &RowIndex, row: u64) -> Result<DataRow, RowFault> {
        let position = index.get(row).ok_or_else(|| self.no_such_row(row))?;
        let place = format.place(position.ordinal, None);
        let failed = |e: &std::io::Error| RowFault::Unreadable { place: place.clone(), message: io_message(e) };
        if !storage.is_unchanged().map_err(|e| failed(&e))? {
            return Err(RowFault::Changed(String::new()));
        }
        let length = usize::try_from(position.length).unwrap_or(usize::MAX);
        let bytes = storage.read_at(position.offset, length).map_err(|e| failed(&e))?;
        // If parsing fails, the file has changed: the row was valid when the file was opened.
        format.parse(&bytes, &self.parser).map_err(|_changed| RowFault::Changed(String::new()))
    }

    fn read_text(&self, folder: &Folder, row: u64) -> Result<DataRow, RowFault> {
        let place = folder.place(row).ok_or_else(|| self.no_such_row(row))?;
        match folder.row(row) {
            Some(Ok(row)) => Ok(row),
            Some(Err(TextFault::Io(e))) => Err(RowFault::Unreadable { place, message: io_message(&e) }),
            Some(Err(TextFault::Changed)) => Err(RowFault::Changed(format!("{place} "))),
            None => Err(self.no_such_row(row)),
        }
    }

    const fn no_such_row(&self, row: u64) -> RowFault {
        RowFault::NoSuchRow { row: row.saturating_add(1), rows: self.summary.rows }
    }
}

fn open_path(
    path: &Path,
    name: &str,
    columns: &ColumnMapping,
    on_bad_row: OnBadRow,
    progress: &mut dyn FnMut(u64, u64),
) -> Result<Dataset, DatasetFault> {
    let failed = |e: std::io::Error| DatasetFault::from_io(&e);
    let metadata = fs::metadata(path).map_err(failed)?;
    if metadata.is_dir() {
        return open_folder(path, name, columns, on_bad_row);
    }
    // Refuse a pipe: opening it would wait for its writer.
    if !metadata.is_file() {
        let message = "is a pipe, socket or device; rows are read by position, so save them to a file first";
        return Err(DatasetFault::Unusable(message.to_owned()));
    }
    let file = File::open(path).map_err(failed)?;
    let stamp = Stamp::new(&file.metadata().map_err(failed)?);
    let indexed = index_file(&file, name, columns, on_bad_row, &mut |bytes| progress(bytes, stamp.bytes))?;
    let storage = Storage::File(file, stamp);
    if !storage.is_unchanged().map_err(failed)? || indexed.fingerprint.bytes != stamp.bytes {
        return Err(DatasetFault::Unusable("changed while it was read; wait until it is complete".to_owned()));
    }
    Ok(indexed.into_dataset(name.to_owned(), storage))
}

fn open_folder(
    path: &Path,
    name: &str,
    columns: &ColumnMapping,
    on_bad_row: OnBadRow,
) -> Result<Dataset, DatasetFault> {
    if columns.iter().next().is_some() {
        let message = "is a folder of text files, which have no columns; remove --column";
        return Err(DatasetFault::Unusable(message.to_owned()));
    }
    let mut indexer = Indexer::new(columns, on_bad_row);
    indexer.parser.set_kind(RowKind::TextFile);
    let (folder, fingerprint) = Folder::open(path, &mut indexer)?;
    let summary = indexer.finish(name, None)?;
    let Indexer { parser, tags, turns, .. } = indexer;
    let turns = turns.into();
    Ok(Dataset { name: name.to_owned(), content: Content::Folder(folder), parser, tags, turns, summary, fingerprint })
}

/// Result of reading a file once.
struct IndexedFile {
    format: Format,
    index: RowIndex,
    parser: RowParser,
    tags: Tags,
    turns: Arc<[u16]>,
    summary: Summary,
    fingerprint: DataFingerprint,
}

impl IndexedFile {
    fn into_dataset(self, name: String, storage: Storage) -> Dataset {
        let Self { format, index, parser, tags, turns, summary, fingerprint } = self;
        Dataset { name, content: Content::File { storage, format, index }, parser, tags, turns, summary, fingerprint }
    }
}

/// Reads all rows once and builds the index.
fn index_file(
    reader: impl Read,
    name: &str,
    columns: &ColumnMapping,
    on_bad_row: OnBadRow,
    progress: &mut dyn FnMut(u64),
) -> Result<IndexedFile, DatasetFault> {
    let failed = |e: std::io::Error| DatasetFault::from_io(&e);
    let mut input = Input::new(reader);
    let head = input.peek(HEAD_BYTES).map_err(failed)?;
    let has_mark = head.starts_with(BYTE_ORDER_MARK);
    let arrangement = recognise(head, columns).map_err(DatasetFault::Unusable)?;
    if has_mark {
        input.consume(BYTE_ORDER_MARK.len());
    }
    let mut scanner = Scanner::new(arrangement);
    let mut row = RowBuffer::default();
    let mut format = Format { arrangement, header: Vec::new() };
    if matches!(arrangement, Arrangement::Delimited(_)) {
        scanner.next(&mut input, &mut row).map_err(scan_fault)?;
        format.header = checked_header(&row, columns)?;
    }
    let mut indexer = Indexer::new(columns, on_bad_row);
    let mut index = RowIndex::default();
    let mut next_progress = PROGRESS_BYTES;
    while let Some(found) = scanner.next(&mut input, &mut row).map_err(scan_fault)? {
        let place = format.place(found.position.ordinal, Some(found.line));
        if indexer.add_record(place, format.record(found, &row))? {
            index.push(found.position);
        }
        if input.offset() >= next_progress {
            progress(input.offset());
            next_progress = input.offset() + PROGRESS_BYTES;
        }
    }
    index.shrink();
    let summary = indexer.finish(name, table_name(arrangement))?;
    let fingerprint = DataFingerprint { bytes: input.offset(), crc32: input.checksum() };
    let Indexer { parser, tags, turns, .. } = indexer;
    let turns = turns.into();
    Ok(IndexedFile { format, index, parser, tags, turns, summary, fingerprint })
}

fn scan_fault(error: ScanError) -> DatasetFault {
    match error {
        ScanError::Io(e) => DatasetFault::from_io(&e),
        ScanError::Malformed { line, message } => DatasetFault::Malformed { line, message },
    }
}

/// Returns the names of a table's columns. Fails if a name occurs twice or a mapped column is missing.
fn checked_header(row: &RowBuffer, columns: &ColumnMapping) -> Result<Vec<String>, DatasetFault> {
    let names = header_names(row);
    if let Some(column) = columns.iter().find(|column| !names.contains(&column.name)) {
        return Err(DatasetFault::MissingColumn { column: column.clone(), columns: names });
    }
    let mut sorted: Vec<&String> = names.iter().collect();
    sorted.sort_unstable();
    if let Some([name, _]) = sorted.windows(2).find(|pair| matches!(pair, [a, b] if a == b)) {
        let message = format!("the header has the column '{}' twice; rename one", super::bad_row::shown(name));
        return Err(DatasetFault::Malformed { line: 1, message });
    }
    Ok(names)
}

impl Format {
    fn place(&self, ordinal: u64, line: Option<u64>) -> Place {
        match self.arrangement {
            Arrangement::Lines | Arrangement::Delimited(_) => Place::Line(ordinal),
            Arrangement::Array => Place::Element { number: ordinal, line },
        }
    }

    /// Returns the fields of a row that a scanner has found.
    fn record<'a>(&'a self, found: Found, row: &'a RowBuffer) -> Result<Record<'a>, BadRow> {
        match found.state {
            RowState::TooLong => {
                let message = format!("the row is larger than {}; check its quotes and line ends", max_row_size());
                Err(BadRow::new(Fault::TooLong, message))
            }
            RowState::UnclosedQuote => {
                Err(BadRow::new(Fault::FieldCount, "a quoted field has no closing quote before the end of the file"))
            }
            RowState::Complete => match self.arrangement {
                Arrangement::Delimited(_) => Record::from_fields(&self.header, &row.bytes, &row.ends),
                Arrangement::Lines | Arrangement::Array => Record::from_json(&row.bytes),
            },
        }
    }

    /// Parses the bytes of one row.
    fn parse(&self, bytes: &[u8], parser: &RowParser) -> Result<DataRow, BadRow> {
        if !matches!(self.arrangement, Arrangement::Delimited(_)) {
            return parser.parse(&Record::from_json(bytes)?);
        }
        let mut row = RowBuffer::default();
        let mut input = Input::with_buffer(bytes, bytes.len());
        let found = Scanner::new(self.arrangement).next(&mut input, &mut row);
        let found = found.ok().flatten().ok_or_else(|| BadRow::new(Fault::FieldCount, "has no fields"))?;
        parser.parse(&self.record(found, &row)?)
    }
}
