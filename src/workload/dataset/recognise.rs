//! Recognises the arrangement of rows from the first bytes of a file. The name of the file has no influence.

use super::bad_row::listed;
use super::columns::ColumnMapping;
use super::input::Input;
use super::row_kind::RowKind;
use super::scan::{Arrangement, RowBuffer, Scanner};

/// Number of bytes to examine. The first line of CSV or JSONL must end within them.
pub const HEAD_BYTES: usize = 64 << 10;
/// Number of bytes in which a NUL means that the file is not text.
const TEXT_BYTES: usize = 512;
/// Delimiters of tables. The first one that gives a known header is used.
const DELIMITERS: [u8; 4] = [b',', b'\t', b';', b'|'];
/// UTF-8's byte order mark.
pub const BYTE_ORDER_MARK: &[u8] = b"\xef\xbb\xbf";

/// First bytes of other kinds of files, each with advice on how to convert the file.
const OTHERS: &[(&[u8], &str)] = &[
    (b"\x1f\x8b", "is gzip-compressed; rows are read by position, so decompress it first: gunzip -k FILE"),
    (b"\x28\xb5\x2f\xfd", "is Zstandard-compressed; rows are read by position, so decompress it first: unzstd FILE"),
    (b"\xfd7zXZ\x00", "is xz-compressed; rows are read by position, so decompress it first: unxz -k FILE"),
    (b"BZh", "is bzip2-compressed; rows are read by position, so decompress it first: bunzip2 -k FILE"),
    (b"PK\x03\x04", "is a zip archive; unpack it first: unzip FILE"),
    (b"PAR1", "is Parquet; convert it to JSONL first: duckdb -c \"COPY 'FILE' TO 'rows.jsonl' (FORMAT json)\""),
    (b"ARROW1", "is an Arrow file; convert it to JSONL first, in Python with datasets' Dataset.to_json"),
    (b"SQLite format 3\x00", "is an SQLite database; export a table first: sqlite3 -csv -header FILE 'SELECT …'"),
    (b"%PDF", "is a PDF; save its text as .txt files in a folder"),
    (b"version https://git-lfs", "is a pointer of Git LFS, not the data; fetch the data first: git lfs pull"),
];

/// Reason why a file has no rows that tokscope can read, with advice.
pub type Unrecognised = String;

/// Recognises a file from its first bytes, at most [`HEAD_BYTES`] of them.
pub fn recognise(head: &[u8], columns: &ColumnMapping) -> Result<Arrangement, Unrecognised> {
    if head.is_empty() {
        return Err("is empty".to_owned());
    }
    if let Some((_, advice)) = OTHERS.iter().find(|(magic, _)| head.starts_with(magic)) {
        return Err((*advice).to_owned());
    }
    if is_wide_text(head) {
        return Err("is UTF-16 or UTF-32 text; save the file as UTF-8".to_owned());
    }
    let text = head.strip_prefix(BYTE_ORDER_MARK).unwrap_or(head);
    let start = text.trim_ascii_start();
    match start.first() {
        None if text.is_empty() => Err("is empty except for its byte order mark".to_owned()),
        None => Err("is empty except for blank lines".to_owned()),
        Some(_) if text.iter().take(TEXT_BYTES).any(|byte| *byte == 0) => {
            Err("is a binary file, not text; data sets are JSONL, JSON, CSV, TSV or a folder of text files".to_owned())
        }
        Some(b'[') => Ok(Arrangement::Array),
        Some(b'{') if is_spread_over_lines(start) => {
            Err("is a JSON object that spans lines; write an array of objects, or one object a line: \
             jq -c . FILE > rows.jsonl"
                .to_owned())
        }
        Some(b'{') => Ok(Arrangement::Lines),
        Some(b'<') => Err("is an HTML or XML page, not a data set; download the raw file instead".to_owned()),
        Some(_) => table(head, columns),
    }
}

/// Returns whether the text is in UTF-16 or UTF-32, with or without a byte order mark.
fn is_wide_text(head: &[u8]) -> bool {
    let has_mark = head.starts_with(b"\xff\xfe") || head.starts_with(b"\xfe\xff");
    has_mark
        || matches!(head, [0, b, ..] | [b, 0, ..] if b.is_ascii_graphic() || b.is_ascii_whitespace())
        || matches!(head, [0, 0, 0 | 0xfe, _, ..])
}

/// Returns whether the first line is only the beginning of an object, as in pretty-printed JSON.
fn is_spread_over_lines(start: &[u8]) -> bool {
    let line = start.split(|byte| *byte == b'\n').next().unwrap_or_default().trim_ascii_end();
    line.len() < start.len() && matches!(line.last(), Some(b'{' | b'[' | b',')) && !line.contains(&b'}')
}

/// Finds the delimiter of a table.
fn table(head: &[u8], columns: &ColumnMapping) -> Result<Arrangement, Unrecognised> {
    let headers: Vec<(u8, Vec<String>)> = DELIMITERS.iter().filter_map(|d| Some((*d, header(head, *d)?))).collect();
    let is_mapped = |names: &[String]| columns.prompt().is_some_and(|column| names.contains(&column.name));
    let is_known = |names: &[String]| RowKind::from_fields(|field| names.iter().any(|name| name == field)).is_some();
    let mapped = headers.iter().find(|(_, names)| is_mapped(names));
    if let Some((delimiter, _)) = mapped.or_else(|| headers.iter().find(|(_, names)| is_known(names))) {
        return Ok(Arrangement::Delimited(*delimiter));
    }
    match headers.iter().max_by_key(|(_, names)| names.len()) {
        Some((_, names)) if names.len() > 1 => {
            let (names, fields) = (listed(names.iter().map(String::as_str)), RowKind::known_fields());
            Err(format!(
                "line 1: no column for the prompt; the columns are {names}. Name one with --column prompt=NAME, \
                 or add a header line with one of {fields}"
            ))
        }
        _ => Err("is plain text; data sets are JSONL, JSON, CSV, TSV or a folder of text files. \
                  For one prompt a line: jq -cR '{prompt: .}' FILE > rows.jsonl"
            .to_owned()),
    }
}

/// Returns the column names in the first line of a table with this delimiter.
fn header(head: &[u8], delimiter: u8) -> Option<Vec<String>> {
    let mut input = Input::with_buffer(head.strip_prefix(BYTE_ORDER_MARK).unwrap_or(head), HEAD_BYTES);
    let mut row = RowBuffer::default();
    Scanner::new(Arrangement::Delimited(delimiter)).next(&mut input, &mut row).ok()??;
    Some(header_names(&row))
}

/// Returns the names in a header: its fields without surrounding blanks.
pub fn header_names(row: &RowBuffer) -> Vec<String> {
    let starts = [0].into_iter().chain(row.ends.iter().copied());
    let fields = starts.zip(&row.ends).map(|(start, end)| row.bytes.get(start..*end).unwrap_or_default());
    fields.map(|field| String::from_utf8_lossy(field).trim().to_owned()).collect()
}
