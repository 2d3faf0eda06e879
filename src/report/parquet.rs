//! Export as Parquet: a row for each attempt that has ended, with the time of each of its events in list columns.
//!
//! Rows are written in groups of bounded size, so that a long run needs little memory.

mod buffer;
mod column_data;
#[cfg(test)]
mod tests;

use std::fmt::Write as _;
use std::io::{self, Write};
use std::sync::Arc;

use parquet::basic::Compression;
use parquet::errors::ParquetError;
use parquet::file::metadata::KeyValue;
use parquet::file::properties::WriterProperties;
use parquet::file::writer::SerializedFileWriter;
use parquet::schema::parser::parse_message_type;
use parquet::schema::types::TypePtr;

use self::buffer::SharedBuffer;
use self::column_data::{ColumnData, ListData, Values};
use super::attempt_columns::{Column, Row, Type, all_columns, for_each_row};
use super::content_events::ContentEvents;
use super::model::Report;

/// Maximum rows of a group.
const MAX_GROUP_ROWS: usize = 10_000;
/// Maximum events of a group, but a group has at least one row: 16 MB.
const MAX_GROUP_EVENTS: usize = 1_000_000;
/// Version of the columns. It rises if a column is removed or changes its meaning; additions keep it.
const SCHEMA_VERSION: &str = "1";

/// Writes the attempts of a report as Parquet.
///
/// # Errors
///
/// `to` does not accept it.
pub fn write(report: &Report, to: &mut dyn Write) -> io::Result<()> {
    let columns: Vec<Column> = all_columns().collect();
    let buffer = SharedBuffer::default();
    let mut file = SerializedFileWriter::new(buffer.clone(), schema(&columns)?, Arc::new(properties(report)))?;
    let mut group = RowGroup::new(&columns);
    for_each_row(report, |row| {
        group.push(&columns, row);
        if group.is_full() {
            std::mem::replace(&mut group, RowGroup::new(&columns)).write(&mut file)?;
            buffer.drain_to(to)?;
        }
        Ok::<_, io::Error>(())
    })?;
    if group.rows > 0 {
        group.write(&mut file)?;
    }
    file.close()?;
    buffer.drain_to(to)
}

fn properties(report: &Report) -> WriterProperties {
    let facts = [("tokscope.schema_version", SCHEMA_VERSION), ("tokscope.run_id", &report.run_id)];
    let facts = facts.map(|(key, value)| KeyValue::new(key.to_owned(), value.to_owned())).to_vec();
    WriterProperties::builder()
        .set_created_by(concat!("tokscope version ", env!("CARGO_PKG_VERSION")).to_owned())
        .set_compression(Compression::SNAPPY)
        .set_key_value_metadata(Some(facts))
        .build()
}

/// Columns with a list for each attempt, which has an element for each event with generated text.
const LISTS: [(&str, &str); 3] = [
    ("content_event_ms", "double element"),
    ("content_event_kind", "binary element (STRING)"),
    ("content_event_coalesced", "boolean element"),
];

fn schema(columns: &[Column]) -> Result<TypePtr, ParquetError> {
    let mut text = "message attempts {\n".to_owned();
    for column in columns {
        let key = column.key;
        // Writing to a string cannot fail.
        let _always_ok = match column.value_type() {
            Type::Bool => writeln!(text, "optional boolean {key};"),
            Type::Integer => writeln!(text, "optional int64 {key};"),
            Type::Float => writeln!(text, "optional double {key};"),
            Type::Text => writeln!(text, "optional binary {key} (STRING);"),
            Type::Time => writeln!(text, "optional int64 {key} (TIMESTAMP(MICROS,true));"),
        };
    }
    for (key, element) in LISTS {
        let _always_ok =
            writeln!(text, "optional group {key} (LIST) {{ repeated group list {{ required {element}; }} }}");
    }
    text.push('}');
    parse_message_type(&text).map(Arc::new)
}

/// Rows that are written together.
struct RowGroup {
    columns: Vec<ColumnData>,
    lists: [ListData; 3],
    rows: usize,
    events: usize,
}

impl RowGroup {
    fn new(columns: &[Column]) -> Self {
        Self {
            columns: columns.iter().map(|column| ColumnData::new(column.value_type())).collect(),
            lists: [Type::Float, Type::Text, Type::Bool].map(ListData::new),
            rows: 0,
            events: 0,
        }
    }

    fn is_full(&self) -> bool {
        self.rows >= MAX_GROUP_ROWS || self.events >= MAX_GROUP_EVENTS
    }

    fn push(&mut self, columns: &[Column], row: &Row<'_>) {
        for (data, column) in self.columns.iter_mut().zip(columns) {
            data.push(column.value(row), row.report);
        }
        let events = ContentEvents::from_record(row.record);
        let [times, kinds, coalesced] = &mut self.lists;
        times.push(events.map(|events| Values::Float(events.times_ms().collect())));
        kinds.push(events.map(|events| Values::Text(events.kinds().map(|kind| kind.as_str().into()).collect())));
        coalesced.push(events.map(|events| Values::Bool(events.coalesced().collect())));
        self.rows += 1;
        self.events += events.map_or(0, ContentEvents::len);
    }

    fn write(self, file: &mut SerializedFileWriter<SharedBuffer>) -> Result<(), ParquetError> {
        let mut group = file.next_row_group()?;
        for data in self.columns {
            let Some(mut column) = group.next_column()? else { break };
            data.write(&mut column)?;
            column.close()?;
        }
        for data in self.lists {
            let Some(mut column) = group.next_column()? else { break };
            data.write(&mut column)?;
            column.close()?;
        }
        group.close().map(drop)
    }
}
