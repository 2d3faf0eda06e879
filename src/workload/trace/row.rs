//! A row of a trace in any format.

use jiff::Timestamp;
use jiff::civil::DateTime;
use jiff::tz::TimeZone;
use serde_json::Value;

use crate::domain::length_spec::MAX_LENGTH;
use crate::domain::suite::Message;

/// A row as read, before times become relative to the first request.
#[derive(Debug, Default)]
pub(super) struct Row {
    pub time: RowTime,
    pub input_tokens: Option<u32>,
    pub output_tokens: Option<u32>,
    pub hash_ids: Option<Vec<u64>>,
    pub messages: Option<Vec<Message>>,
    pub model: Option<String>,
}

/// Converts a token count. Fails if no request can have this many tokens.
pub(super) fn tokens(number: u64, name: &str) -> Result<u32, String> {
    let tokens = u32::try_from(number).ok().filter(|n| (1..=MAX_LENGTH).contains(n));
    tokens.ok_or_else(|| format!("the {name} {number} is not from 1 to {MAX_LENGTH}"))
}

/// Start time of a row, nanoseconds since the zero of the trace's times.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, PartialOrd, Ord)]
pub(super) struct RowTime(pub u64);

/// Latest possible time, nanoseconds since the zero: the year 2508 if the zero is 1970.
const MAX_NANOS: f64 = 1.7e19;

impl RowTime {
    fn from_nanos(nanos: f64, written: &dyn std::fmt::Display) -> Result<Self, String> {
        let is_valid = (0.0..=MAX_NANOS).contains(&nanos);
        is_valid.then_some(Self(nanos as u64)).ok_or_else(|| format!("the time {written} is not a moment from 0 on"))
    }

    /// Creates a time from milliseconds.
    pub(super) fn from_millis(millis: f64) -> Result<Self, String> {
        Self::from_nanos(millis * 1e6, &millis)
    }

    /// Creates a time from a number in a log. The number is in seconds, unless it is so large that it must be
    /// milliseconds, microseconds or nanoseconds since 1970.
    fn from_number(number: f64) -> Result<Self, String> {
        let nanos_per_unit = match number {
            n if n < 1e11 => 1e9,
            n if n < 1e14 => 1e6,
            n if n < 1e17 => 1e3,
            _ => 1.0,
        };
        Self::from_nanos(number * nanos_per_unit, &number)
    }

    /// Parses a number, or a date with time. A time without a zone is read as UTC; only differences between times
    /// matter.
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

    /// Parses a time in JSON.
    pub(super) fn from_json(time: &Value) -> Result<Self, String> {
        match time {
            Value::String(text) => Self::from_text(text),
            Value::Number(number) => Self::from_number(number.as_f64().unwrap_or(f64::NAN)),
            other => Err(format!("the time {other} is neither a number nor text")),
        }
    }
}
