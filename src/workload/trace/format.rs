//! The formats of traces, recognised by their first line.

use jiff::Timestamp;
use jiff::civil::DateTime;
use jiff::tz::TimeZone;
use serde_json::Value;

use super::azure::Columns;
use super::json::{Object, parse};
use super::{mooncake, openai_log};
use crate::domain::length_spec::MAX_LENGTH;
use crate::domain::suite::Message;

/// Kind of a trace.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum TraceFormat {
    /// JSONL with `timestamp`, `input_length`, `output_length` and `hash_ids`.
    Mooncake,
    /// CSV with `TIMESTAMP`, `ContextTokens` and `GeneratedTokens`, or `BurstGPT`'s columns.
    TokenCsv,
    /// JSONL with the time and body of each request.
    OpenAiLog,
}

impl TraceFormat {
    /// Name in messages.
    pub const fn as_str(self) -> &'static str {
        match self {
            Self::Mooncake => "Mooncake trace",
            Self::TokenCsv => "CSV trace",
            Self::OpenAiLog => "OpenAI request log",
        }
    }
}

/// One row as read, before times are made relative.
#[derive(Debug, Default)]
pub(super) struct Row {
    pub time: RowTime,
    pub input_tokens: Option<u32>,
    pub output_tokens: Option<u32>,
    pub hash_ids: Option<Vec<u64>>,
    pub messages: Option<Vec<Message>>,
    pub model: Option<String>,
}

/// Reads the rows of a recognised trace.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum RowReader {
    Mooncake { block_tokens: u32 },
    TokenCsv(Columns),
    OpenAiLog,
}

impl RowReader {
    /// Recognises the format by the first line with text.
    pub(super) fn recognise(line: &[u8], block_tokens: u32) -> Result<Self, String> {
        if let Some(what) = other_kind(line) {
            return Err(what.to_owned());
        }
        if let Some(columns) = Columns::from_header(line) {
            return Ok(Self::TokenCsv(columns));
        }
        let object = serde_json::from_slice::<Object>(line);
        let Ok(object) = object else {
            let is_json = line.starts_with(b"{");
            return Err(if is_json {
                let why = parse::<Object>(line).err().unwrap_or_default();
                format!("is not a JSON object on one line: {why}")
            } else {
                FORMATS.to_owned()
            });
        };
        if ["input_length", "output_length", "hash_ids"].iter().any(|name| object.contains_key(*name)) {
            Ok(Self::Mooncake { block_tokens })
        } else if openai_log::is_line(&object) {
            Ok(Self::OpenAiLog)
        } else {
            Err(FORMATS.to_owned())
        }
    }

    pub(super) const fn format(self) -> TraceFormat {
        match self {
            Self::Mooncake { .. } => TraceFormat::Mooncake,
            Self::TokenCsv(_) => TraceFormat::TokenCsv,
            Self::OpenAiLog => TraceFormat::OpenAiLog,
        }
    }

    /// Whether the first line has names instead of a request.
    pub(super) const fn has_header(self) -> bool {
        matches!(self, Self::TokenCsv(_))
    }

    pub(super) fn read(self, line: &[u8]) -> Result<Row, String> {
        match self {
            Self::Mooncake { block_tokens } => mooncake::read(line, block_tokens),
            Self::TokenCsv(columns) => columns.read(line),
            Self::OpenAiLog => openai_log::read(line),
        }
    }
}

const FORMATS: &str = "is no trace; use Mooncake JSONL (timestamp, input_length, output_length, hash_ids), a CSV with \
    TIMESTAMP,ContextTokens,GeneratedTokens, or a log of OpenAI requests (one JSON object per line with a time and a body)";

/// What a file is that begins like no trace, and how to convert it.
fn other_kind(line: &[u8]) -> Option<&'static str> {
    const KINDS: &[(&[u8], &str)] = &[
        (b"\x1f\x8b", "is compressed with gzip; decompress it with gunzip"),
        (b"\x28\xb5\x2f\xfd", "is compressed with zstd; decompress it with unzstd"),
        (b"PK\x03\x04", "is a ZIP archive; unpack it"),
        (b"PAR1", "is a Parquet file; convert it to JSONL"),
        (b"\xff\xfe", "is UTF-16 text; convert it to UTF-8"),
        (b"\xfe\xff", "is UTF-16 text; convert it to UTF-8"),
        (b"[", "is a JSON array; write one object per line, for example with: jq -c '.[]'"),
    ];
    KINDS.iter().find(|(start, _)| line.starts_with(start)).map(|(_, what)| *what)
}

/// A number of tokens that a request can have.
pub(super) fn tokens(number: u64, name: &str) -> Result<u32, String> {
    let tokens = u32::try_from(number).ok().filter(|n| (1..=MAX_LENGTH).contains(n));
    tokens.ok_or_else(|| format!("the {name} {number} is not from 1 to {MAX_LENGTH}"))
}

/// Moment of a row, nanoseconds since an epoch of the trace's own.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, PartialOrd, Ord)]
pub(super) struct RowTime(pub u64);

/// Latest moment: beyond the year 2500 after the Unix epoch.
const MAX_NANOS: f64 = 1.7e19;

impl RowTime {
    fn from_nanos(nanos: f64, written: &dyn std::fmt::Display) -> Result<Self, String> {
        let is_valid = (0.0..=MAX_NANOS).contains(&nanos);
        is_valid.then_some(Self(nanos as u64)).ok_or_else(|| format!("the time {written} is not a moment from 0 on"))
    }

    /// Milliseconds.
    pub(super) fn from_millis(millis: f64) -> Result<Self, String> {
        Self::from_nanos(millis * 1e6, &millis)
    }

    /// A number as logs have it: seconds, unless it is as large as the milliseconds, microseconds or nanoseconds since
    /// 1970 are since 1973.
    fn from_number(number: f64) -> Result<Self, String> {
        let nanos_per_unit = match number {
            n if n < 1e11 => 1e9,
            n if n < 1e14 => 1e6,
            n if n < 1e17 => 1e3,
            _ => 1.0,
        };
        Self::from_nanos(number * nanos_per_unit, &number)
    }

    /// A date with time, with or without a zone, or a number. Times without a zone are read as UTC; only differences
    /// between times matter.
    pub(super) fn from_text(text: &str) -> Result<Self, String> {
        if let Ok(number) = text.parse::<f64>() {
            return Self::from_number(number);
        }
        let zoned = text.parse::<Timestamp>().ok();
        let civil = || TimeZone::UTC.to_timestamp(text.parse::<DateTime>().ok()?).ok();
        let moment = zoned.or_else(civil);
        let nanos = moment.and_then(|moment| u64::try_from(moment.as_nanosecond()).ok());
        nanos.map(Self).ok_or_else(|| {
            format!("'{text}' is not a time, like 2023-11-16 18:15:46.68, 2026-05-01T12:00:00Z or 1714564800.5")
        })
    }

    /// A time in JSON.
    pub(super) fn from_json(time: &Value) -> Result<Self, String> {
        match time {
            Value::String(text) => Self::from_text(text),
            Value::Number(number) => Self::from_number(number.as_f64().unwrap_or(f64::NAN)),
            other => Err(format!("the time {other} is neither a number nor text")),
        }
    }
}
