//! Cost of data sets: time and memory to open a million short rows and a file of 1 GB, and time to read one row.
//!
//!     cargo bench --bench dataset
//!
//! Writes up to 1 GB below `target/` and removes it again. Memory is the growth of the peak resident set while the file
//! is opened, which Linux alone reports.
#![allow(clippy::unwrap_used, clippy::print_stdout, clippy::disallowed_methods, reason = "a benchmark on the terminal")]

use std::fs::File;
use std::hint::black_box;
use std::io::{BufWriter, Write};
use std::path::Path;
use std::time::{Duration, Instant};

use tokscope::domain::row_order::{RowOrder, Sample, Shard};
use tokscope::workload::dataset::{ColumnMapping, Dataset, OnBadRow};

const TEXT: &str = include_str!("../assets/sim/backend.md");
const SHORT_ROWS: u64 = 1_000_000;
const LARGE_BYTES: u64 = 1_000_000_000;
/// Rows that are read one by one.
const READS: u64 = 100_000;

/// Writes one row and returns its bytes.
type WriteRow = fn(&mut dyn Write, u64) -> usize;

fn main() {
    let folder = tempfile::tempdir_in(env!("CARGO_TARGET_TMPDIR")).unwrap();
    println!(
        "{:<34}{:>10}{:>9}{:>10}{:>10}{:>12}{:>12}{:>10}",
        "", "rows", "MB", "open s", "MB/s", "index B/row", "peak KiB", "row µs"
    );
    let files: [(&str, WriteRow, u64, u64); 4] = [
        ("OpenAI messages, JSONL", jsonl_row, SHORT_ROWS, u64::MAX),
        ("prompts, CSV", csv_row, SHORT_ROWS, u64::MAX),
        ("ShareGPT, one array on one line", sharegpt_row, u64::MAX, LARGE_BYTES),
        ("ShareGPT, JSONL", sharegpt_line, u64::MAX, LARGE_BYTES),
    ];
    for (name, write_row, most_rows, most_bytes) in files {
        let path = folder.path().join("data");
        write(&path, write_row, most_rows, most_bytes);
        measure(name, &path);
        std::fs::remove_file(path).unwrap();
    }
    let order = RowOrder::new(SHORT_ROWS, Sample::Shuffled, 7, Shard::WHOLE).unwrap();
    let start = Instant::now();
    let sum: u64 = (0..SHORT_ROWS).map(|k| order.row_at(k)).sum();
    println!(
        "shuffled order: {:.0} ns per row (check {})",
        per_item(start.elapsed(), SHORT_ROWS) * 1e9,
        black_box(sum)
    );
}

fn write(path: &Path, write_row: WriteRow, most_rows: u64, most_bytes: u64) {
    let mut file = BufWriter::with_capacity(1 << 20, File::create(path).unwrap());
    let mut bytes = 0;
    if write_row as usize == sharegpt_row as usize {
        file.write_all(b"[").unwrap();
    }
    if write_row as usize == csv_row as usize {
        file.write_all(b"id,prompt,tag\n").unwrap();
    }
    let mut row = 0;
    while row < most_rows && bytes < most_bytes {
        bytes += write_row(&mut file, row) as u64;
        row += 1;
    }
    if write_row as usize == sharegpt_row as usize {
        file.write_all(b"{\"conversations\":[{\"from\":\"human\",\"value\":\"last\"}]}]").unwrap();
    }
    file.flush().unwrap();
}

/// A piece of prose whose place and length depend on the row.
fn prose(row: u64, most: usize) -> String {
    let start = (row * 7919 % 1000) as usize;
    TEXT.chars().skip(start).take(most / 2 + (row * 31) as usize % (most / 2 + 1)).collect()
}

fn put(file: &mut dyn Write, line: &str) -> usize {
    file.write_all(line.as_bytes()).unwrap();
    line.len()
}

fn jsonl_row(file: &mut dyn Write, row: u64) -> usize {
    let messages = serde_json::json!([{ "role": "user", "content": prose(row, 200) }]);
    put(file, &format!("{{\"messages\":{messages},\"tag\":\"t{}\"}}\n", row % 20))
}

fn csv_row(file: &mut dyn Write, row: u64) -> usize {
    put(file, &format!("{row},\"{}\",t{}\n", prose(row, 200).replace('"', "\"\""), row % 20))
}

fn sharegpt(row: u64) -> String {
    let turns: Vec<_> = (0..6)
        .map(|turn| {
            let from = if turn % 2 == 0 { "human" } else { "gpt" };
            serde_json::json!({ "from": from, "value": prose(row + turn, 1000) })
        })
        .collect();
    serde_json::json!({ "id": format!("id{row}"), "conversations": turns }).to_string()
}

fn sharegpt_row(file: &mut dyn Write, row: u64) -> usize {
    put(file, &format!("{}, ", sharegpt(row)))
}

fn sharegpt_line(file: &mut dyn Write, row: u64) -> usize {
    put(file, &format!("{}\n", sharegpt(row)))
}

fn measure(name: &str, path: &Path) {
    reset_peak();
    let before = peak_kib();
    let start = Instant::now();
    let dataset = Dataset::open(path, &ColumnMapping::default(), OnBadRow::Fail).unwrap();
    let took = start.elapsed().as_secs_f64();
    let peak = before.zip(peak_kib()).map_or_else(|| "–".to_owned(), |(before, after)| (after - before).to_string());
    let megabytes = dataset.fingerprint().bytes as f64 / 1e6;
    let rows = dataset.rows();
    let order = RowOrder::new(rows, Sample::Shuffled, 1, Shard::WHOLE).unwrap();
    let start = Instant::now();
    for k in 0..READS {
        black_box(dataset.row(order.row_at(k)).unwrap());
    }
    let read = per_item(start.elapsed(), READS) * 1e6;
    println!(
        "{name:<34}{rows:>10}{megabytes:>9.0}{took:>10.2}{:>10.0}{:>12.1}{peak:>12}{read:>10.1}",
        megabytes / took,
        dataset.memory_bytes() as f64 / rows as f64
    );
}

fn per_item(time: Duration, items: u64) -> f64 {
    time.as_secs_f64() / items as f64
}

/// Resets the peak resident set to the current one, on Linux.
fn reset_peak() {
    let _ = std::fs::write("/proc/self/clear_refs", "5");
}

/// Peak resident set, KiB.
fn peak_kib() -> Option<u64> {
    let status = std::fs::read_to_string("/proc/self/status").ok()?;
    let line = status.lines().find(|line| line.starts_with("VmHWM:"))?;
    line.split_whitespace().nth(1)?.parse().ok()
}
