//! Reads exports back and compares them with the other formats.

use bytes::Bytes;
use parquet::file::metadata::RowGroupMetaData;
use parquet::file::reader::{FileReader, SerializedFileReader};
use parquet::record::{Field, Row as ParquetRow};

use super::*;
use crate::domain::attempt::AttemptId;
use crate::domain::session::Plan;
use crate::report::attempt_columns::columns;
use crate::report::csv;
use crate::report::fixture::workload::conversations;
use crate::report::fixture::{answer, refusal, report, run, sample_session, suite, sweep_session};
use crate::report::oracle::read_csv;

fn exported(report: &Report) -> SerializedFileReader<Bytes> {
    let mut file = Vec::new();
    write(report, &mut file).unwrap();
    SerializedFileReader::new(Bytes::from(file)).unwrap()
}

fn rows(file: &SerializedFileReader<Bytes>) -> Vec<ParquetRow> {
    file.get_row_iter(None).unwrap().map(Result::unwrap).collect()
}

fn field<'a>(row: &'a ParquetRow, key: &str) -> &'a Field {
    row.get_column_iter().find(|(name, _)| *name == key).unwrap().1
}

/// Returns a value as a CSV file writes it.
fn as_csv(field: &Field, report: &Report) -> String {
    match field {
        Field::Null => String::new(),
        Field::Bool(value) => value.to_string(),
        Field::Long(value) => value.to_string(),
        Field::Double(value) => value.to_string(),
        Field::Str(value) => value.clone(),
        Field::TimestampMicros(micros) => {
            let zone = report.epoch.time_zone().clone();
            let time = jiff::Timestamp::from_microsecond(*micros).unwrap().to_zoned_datetime(zone);
            time.strftime(crate::domain::time::RFC_3339_MILLIS).to_string()
        }
        other => panic!("{other:?}"),
    }
}

fn mixed() -> Report {
    let plan = Plan { repeat: 3, warmup: 1, concurrency: 2, ..Plan::default() };
    report(run(suite(&["a", "b, \"c\""]), plan, |id, now| {
        Some(if id.number == 2 { refusal(id, now, "no room") } else { answer(id, now, 1234, 7, 321) })
    }))
}

#[test]
fn rows_have_the_values_of_csv_files() {
    let sweep = || report(sweep_session(&[1, 2]));
    let all: [fn() -> Report; 4] = [mixed, || report(sample_session()), sweep, conversations];
    for make in all {
        let report = make();
        let table = read_csv(&csv::render(&report), ',');
        let rows = rows(&exported(&report));
        assert_eq!(rows.len(), table.len() - 1);
        for (row, cells) in rows.iter().zip(&table[1..]) {
            for (column, cell) in columns().zip(cells) {
                assert_eq!(&as_csv(field(row, column.key), &report), cell, "{}", column.key);
            }
        }
    }
}

#[test]
fn list_columns_have_an_element_for_each_event_and_missing_lists_are_null() {
    let mut report = mixed();
    let first = &mut report.session.cases[0].attempts[0];
    first.record = first.record().map(|record| Arc::unwrap_or_clone(record).condense().into());
    let rows = rows(&exported(&report));
    let (mut missing, mut empty, mut full) = (0, 0, 0);
    for row in &rows {
        let events = field(row, "content_event_count");
        let [times, kinds, coalesced] = LISTS.map(|(key, _)| field(row, key));
        let (Field::ListInternal(times), Field::ListInternal(kinds), Field::ListInternal(coalesced)) =
            (times, kinds, coalesced)
        else {
            assert_eq!([times, kinds, coalesced], [&Field::Null; 3]);
            missing += 1;
            continue;
        };
        assert_eq!(&Field::Long(i64::try_from(times.len()).unwrap()), events);
        assert_eq!((kinds.len(), coalesced.len()), (times.len(), times.len()));
        match times.elements().first() {
            None => empty += 1,
            Some(first) => {
                assert_eq!(first, field(row, "time_to_first_token_ms"));
                full += 1;
            }
        }
    }
    // A warm-up and three attempts of each case; the second of each case failed.
    assert_eq!((missing, empty, full), (1, 2, 4));
}

#[test]
fn rows_are_written_in_groups_of_bounded_size() {
    let count = MAX_GROUP_ROWS + 10;
    let plan = Plan { repeat: u32::try_from(count).unwrap(), ..Plan::default() };
    let file = exported(&report(run(suite(&["a"]), plan, |id, now| Some(refusal(id, now, "no room")))));
    let groups: Vec<_> = file.metadata().row_groups().iter().map(RowGroupMetaData::num_rows).collect();
    assert_eq!(groups, [i64::try_from(MAX_GROUP_ROWS).unwrap(), 10]);
    assert_eq!(rows(&file).len(), count);
}

#[test]
fn a_run_without_attempts_is_a_file_without_rows() {
    let plan = Plan::default();
    let file = exported(&report(run(suite(&["a"]), plan, |_: AttemptId, _| None)));
    assert_eq!(rows(&file).len(), 0);
    assert_eq!(file.metadata().file_metadata().schema().get_fields().len(), all_columns().count() + LISTS.len());
}

#[test]
fn names_of_columns_are_unique() {
    let mut keys: Vec<&str> = all_columns().map(|column| column.key).chain(LISTS.map(|(key, _)| key)).collect();
    let all = keys.len();
    keys.sort_unstable();
    keys.dedup();
    assert_eq!(keys.len(), all);
}
