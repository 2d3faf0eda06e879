//! Invariants for any file as a data set. Fuzzer and property tests check them.

use std::collections::BTreeSet;
use std::io::{self, Read};

use super::bad_row::OnBadRow;
use super::columns::{Column, ColumnMapping};
use super::folder::text_row;
use super::lengths::Lengths;
use super::reader::Dataset;
use super::row::{DataRow, TOOL, USER};
use super::storage::Stamp;
use crate::domain::text::oracle::fault;

/// Maximum length of an error, characters.
const MAX_ERROR_CHARS: usize = 1500;

/// A reader that returns a few bytes at a time, so that reads end at every position.
struct Slowly<'a> {
    bytes: &'a [u8],
    step: usize,
}

impl Read for Slowly<'_> {
    fn read(&mut self, into: &mut [u8]) -> io::Result<usize> {
        let most = self.step.min(into.len());
        self.bytes.read(into.get_mut(..most).unwrap_or_default())
    }
}

/// Checks this content with and without mapped columns.
///
/// # Errors
///
/// Describes the violated invariant.
pub fn check(bytes: &[u8]) -> Result<(), String> {
    let mapped = |rules: &[&str]| {
        let columns: Result<Vec<Column>, _> = rules.iter().map(|rule| rule.parse()).collect();
        columns.and_then(ColumnMapping::new).map_err(|e| e.to_string())
    };
    check_with(bytes, &ColumnMapping::default())?;
    check_with(bytes, &mapped(&["prompt=a.b", "tag=tag"])?)?;
    check_with(bytes, &mapped(&["messages=body.messages", "max_tokens=n"])?)
}

/// Checks this content after a first line of JSONL.
///
/// # Errors
///
/// Describes the violated invariant.
pub fn check_lines(bytes: &[u8]) -> Result<(), String> {
    check(&[b"{\"messages\":[{\"role\":\"user\",\"content\":\"a\"}],\"a\":{\"b\":\"c\"}}\n", bytes].concat())
}

/// Checks this content after the start of a JSON array.
///
/// # Errors
///
/// Describes the violated invariant.
pub fn check_array(bytes: &[u8]) -> Result<(), String> {
    check(&[b"[", bytes].concat())?;
    check(&[b"[{\"conversations\":[{\"from\":\"human\",\"value\":\"a\"}]},", bytes, b"]"].concat())
}

/// Checks this content after the header of a CSV and a TSV file.
///
/// # Errors
///
/// Describes the violated invariant.
pub fn check_table(bytes: &[u8]) -> Result<(), String> {
    check(&[b"prompt,tag,max_tokens\n", bytes].concat())?;
    check(&[b"tag\tmessages\na\t\"[{\"\"role\"\":\"\"user\"\",\"\"content\"\":\"\"b\"\"}]\"\n", bytes].concat())
}

/// Checks this content as a text file of a folder.
///
/// # Errors
///
/// Describes the violated invariant.
pub fn check_text(bytes: &[u8]) -> Result<(), String> {
    match text_row(bytes, Stamp::with_size(bytes.len() as u64)) {
        Ok(row) => check_row(&row),
        Err(bad) => check_error(&bad.to_string()),
    }
}

fn check_with(bytes: &[u8], columns: &ColumnMapping) -> Result<(), String> {
    let open = |reader: &mut dyn Read, on_bad_row| Dataset::from_bytes(bytes.to_vec(), reader, columns, on_bad_row);
    let skipping = open(&mut &bytes[..], OnBadRow::Skip);
    let failing = open(&mut &bytes[..], OnBadRow::Fail);
    let slow = open(&mut Slowly { bytes, step: bytes.len() % 7 + 1 }, OnBadRow::Skip);
    match (&skipping, &failing) {
        (Ok(a), Ok(b)) if a.summary() == b.summary() && a.summary().skipped_rows() == 0 => {}
        (Ok(a), Err(e)) if a.summary().skipped_rows() > 0 => check_error(&e.to_string())?,
        (Err(_), Err(e)) => check_error(&e.to_string())?,
        _ => return Err(format!("skipping: {skipping:?}; failing: {failing:?}")),
    }
    match (skipping, slow) {
        (Ok(dataset), Ok(slow)) => {
            if dataset.summary() != slow.summary() || dataset.fingerprint() != slow.fingerprint() {
                return Err(format!("{} in one read, {} in many", dataset.summary(), slow.summary()));
            }
            check_dataset(&dataset)
        }
        (Err(error), Err(slow)) if error == slow => check_error(&error.to_string()),
        (one, many) => Err(format!("{one:?} in one read, {many:?} in many")),
    }
}

/// Checks that each row has the same content as when it was counted.
fn check_dataset(dataset: &Dataset) -> Result<(), String> {
    check_error(&dataset.summary().to_string())?;
    let (mut lengths, mut multi_turn_rows) = (Lengths::default(), 0);
    let mut places = BTreeSet::new();
    for number in 0..dataset.rows() {
        let row = dataset.row(number).map_err(|e| format!("row {number}: {e}"))?;
        check_row(&row)?;
        lengths.add(row.prompt_chars());
        multi_turn_rows += u64::from(row.later_user_turns().next().is_some());
        let tag = dataset.tag_number(number).and_then(|tag| dataset.tags().get(usize::from(tag)));
        if tag != row.tag.as_ref() {
            return Err(format!("row {number} has the tag {:?}, counted was {tag:?}", row.tag));
        }
        places.insert(dataset.place(number).map(|place| place.to_string()));
    }
    let summary = dataset.summary();
    let is_same = lengths.percentile(50.0) == summary.prompt_chars_p50
        && lengths.percentile(95.0) == summary.prompt_chars_p95
        && multi_turn_rows == summary.multi_turn_rows;
    if !is_same || summary.rows == 0 || dataset.row(summary.rows).is_ok() {
        return Err(format!("{summary}, but read again: {lengths:?}, {multi_turn_rows} with several turns"));
    }
    if dataset.rows() > 1 && places.len() < 2 {
        return Err("all rows have one place".to_owned());
    }
    Ok(())
}

/// Checks that a row can be sent.
fn check_row(row: &DataRow) -> Result<(), String> {
    let is_askable = row
        .messages
        .last()
        .is_some_and(|message| [USER, TOOL].contains(&message.role.as_str()) && !message.content.trim().is_empty());
    let opens_with_user = row.opening().last().is_some_and(|message| message.role == USER);
    let turns = row.messages.iter().chain(&row.later_messages).filter(|message| message.role == USER).count();
    let has_all_turns = row.later_user_turns().count() + 1 == turns;
    if is_askable && opens_with_user && has_all_turns && row.max_tokens != Some(0) {
        Ok(())
    } else {
        Err(format!("{row:?}"))
    }
}

/// Checks that a message is one short line, without control characters of the file.
fn check_error(message: &str) -> Result<(), String> {
    if message.contains(['\n', '\t']) || message.chars().count() > MAX_ERROR_CHARS {
        return Err(format!("message: {message:?}"));
    }
    fault(message).map_or(Ok(()), Err)
}
