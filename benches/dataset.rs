//! Cost of data sets: time and memory to open a million short rows and a file of 1 GB, and CPU time to read one row.
//!
//!     cargo bench --bench dataset
//!
//! Writes up to 1 GB below `target/` and removes it again. Memory is the growth of the peak resident set while the file
//! is opened. Only Linux reports memory and CPU time here.
#![allow(clippy::unwrap_used, clippy::print_stdout, clippy::disallowed_methods, reason = "a benchmark on the terminal")]

use std::fs::File;
use std::hint::black_box;
use std::io::{BufWriter, Write};
use std::path::Path;
use std::process::Command;
use std::time::Instant;

use tokscope::domain::row_order::{RowOrder, Sample};
use tokscope::domain::shard::Shard;
use tokscope::workload::dataset::{ColumnMapping, Dataset, OnBadRow};

const TEXT: &str = include_str!("../assets/sim/backend.md");
const SHORT_ROWS: u64 = 1_000_000;
const LARGE_BYTES: u64 = 1_000_000_000;
/// Rows that are read one by one.
const READS: u64 = 100_000;

/// A file to measure.
struct Sketch {
    name: &'static str,
    head: &'static str,
    row: fn(u64) -> String,
    tail: &'static str,
    most_rows: u64,
    most_bytes: u64,
}

const FILES: [Sketch; 4] = [
    Sketch {
        name: "OpenAI messages, JSONL",
        head: "",
        row: |row| format!("{}\n", messages(row)),
        tail: "",
        most_rows: SHORT_ROWS,
        most_bytes: u64::MAX,
    },
    Sketch {
        name: "prompts, CSV",
        head: "id,prompt,tag\n",
        row: |row| format!("{row},\"{}\",t{}\n", prose(row, 200).replace('"', "\"\""), row % 20),
        tail: "",
        most_rows: SHORT_ROWS,
        most_bytes: u64::MAX,
    },
    Sketch {
        name: "ShareGPT, one array on one line",
        head: "[",
        row: |row| format!("{}, ", sharegpt(row)),
        tail: "{\"conversations\":[{\"from\":\"human\",\"value\":\"last\"}]}]",
        most_rows: u64::MAX,
        most_bytes: LARGE_BYTES,
    },
    Sketch {
        name: "ShareGPT, JSONL",
        head: "",
        row: |row| format!("{}\n", sharegpt(row)),
        tail: "",
        most_rows: u64::MAX,
        most_bytes: LARGE_BYTES,
    },
];

/// Argument with which this program measures one file in a process of its own, so that no memory of another counts.
const MEASURE: &str = "measure";

fn main() {
    let args: Vec<String> = std::env::args().collect();
    if let [_, command, name, path] = &args[..]
        && command == MEASURE
    {
        return measure(name, Path::new(path));
    }
    let folder = tempfile::tempdir_in(env!("CARGO_TARGET_TMPDIR")).unwrap();
    println!(
        "{:<34}{:>10}{:>8}{:>9}{:>9}{:>13}{:>10}{:>9}",
        "", "rows", "MB", "open s", "CPU s", "index B/row", "peak KiB", "row µs"
    );
    for file in FILES {
        let path = folder.path().join("data");
        write(&path, &file);
        let program = std::env::current_exe().unwrap();
        assert!(Command::new(program).args([MEASURE, file.name]).arg(&path).status().unwrap().success());
        std::fs::remove_file(path).unwrap();
    }
    let order = RowOrder::new(SHORT_ROWS, Sample::Shuffled, 7, Shard::WHOLE).unwrap();
    let before = cpu_s();
    let sum: u64 = (0..10 * SHORT_ROWS).map(|k| order.row_at(k)).sum();
    let ns = before.zip(cpu_s()).map(|(before, after)| (after - before) * 1e9 / (10 * SHORT_ROWS) as f64);
    println!("shuffled order: {} ns of CPU per row (check {})", shown(ns, 0), black_box(sum));
}

fn write(path: &Path, sketch: &Sketch) {
    let mut file = BufWriter::with_capacity(1 << 20, File::create(path).unwrap());
    file.write_all(sketch.head.as_bytes()).unwrap();
    let (mut bytes, mut rows) = (0, 0);
    while rows < sketch.most_rows && bytes < sketch.most_bytes {
        let row = (sketch.row)(rows);
        file.write_all(row.as_bytes()).unwrap();
        bytes += row.len() as u64;
        rows += 1;
    }
    file.write_all(sketch.tail.as_bytes()).unwrap();
    file.flush().unwrap();
}

/// A piece of prose whose place and length depend on the row.
fn prose(row: u64, most: usize) -> String {
    let start = (row * 7919 % 1000) as usize;
    TEXT.chars().skip(start).take(most / 2 + (row * 31) as usize % (most / 2 + 1)).collect()
}

fn messages(row: u64) -> String {
    let messages = serde_json::json!([{ "role": "user", "content": prose(row, 200) }]);
    format!("{{\"messages\":{messages},\"tag\":\"t{}\"}}", row % 20)
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

fn measure(name: &str, path: &Path) {
    let (before, cpu_before) = (peak_kib(), cpu_s());
    let start = Instant::now();
    let dataset = Dataset::open(path, &ColumnMapping::default(), OnBadRow::Fail).unwrap();
    let open_s = start.elapsed().as_secs_f64();
    let peak = before.zip(peak_kib()).map(|(before, after)| (after - before) as f64);
    let cpu = cpu_before.zip(cpu_s()).map(|(before, after)| after - before);
    let megabytes = dataset.fingerprint().bytes as f64 / 1e6;
    let rows = dataset.rows();
    let order = RowOrder::new(rows, Sample::Shuffled, 1, Shard::WHOLE).unwrap();
    let cpu_before = cpu_s();
    for k in 0..READS {
        black_box(dataset.row(order.row_at(k)).unwrap());
    }
    let row = cpu_before.zip(cpu_s()).map(|(before, after)| (after - before) * 1e6 / READS as f64);
    println!(
        "{name:<34}{rows:>10}{megabytes:>8.0}{open_s:>9.2}{:>9}{:>13.1}{:>10}{:>9}",
        shown(cpu, 2),
        dataset.memory_bytes() as f64 / rows as f64,
        shown(peak, 0),
        shown(row, 1),
    );
}

/// A figure, or a dash where this system does not report it.
fn shown(figure: Option<f64>, decimals: usize) -> String {
    figure.map_or_else(|| "–".to_owned(), |figure| format!("{figure:.decimals$}"))
}

/// Peak resident set, KiB.
fn peak_kib() -> Option<u64> {
    let status = std::fs::read_to_string("/proc/self/status").ok()?;
    let line = status.lines().find(|line| line.starts_with("VmHWM:"))?;
    line.split_whitespace().nth(1)?.parse().ok()
}

/// CPU time of this process in user and system mode, seconds. Its resolution is 10 ms.
fn cpu_s() -> Option<f64> {
    let stat = std::fs::read_to_string("/proc/self/stat").ok()?;
    let (_, fields) = stat.rsplit_once(") ")?;
    let ticks: Vec<f64> = fields.split(' ').skip(11).take(2).filter_map(|ticks| ticks.parse().ok()).collect();
    Some(ticks.iter().sum::<f64>() / 100.0)
}
