//! Formats of traces, recognised from the first line.

use super::azure::Columns;
use super::json::{Object, parse};
use super::row::Row;
use super::{mooncake, openai_log};

/// Format of a trace.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum TraceFormat {
    /// JSONL with `timestamp`, `input_length`, `output_length` and `hash_ids`.
    Mooncake,
    /// CSV with `TIMESTAMP`, `ContextTokens` and `GeneratedTokens`, or `BurstGPT`'s columns.
    TokenCsv,
    /// JSONL with the time and the body of each request.
    OpenAiLog,
}

impl TraceFormat {
    /// Returns the name of the format for messages.
    pub const fn as_str(self) -> &'static str {
        match self {
            Self::Mooncake => "Mooncake trace",
            Self::TokenCsv => "CSV trace",
            Self::OpenAiLog => "OpenAI request log",
        }
    }
}

/// Reads the rows of a trace whose format is known.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum RowReader {
    Mooncake { block_tokens: u32 },
    TokenCsv(Columns),
    OpenAiLog,
}

impl RowReader {
    /// Recognises the format from the first line with text.
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

    /// Returns whether the first line is a header instead of a request.
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

/// Recognises a file of another kind. Returns the kind and how to convert the file.
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
