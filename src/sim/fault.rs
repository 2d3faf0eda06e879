//! Failures that a request can cause on purpose.

/// Kind of failure.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Fault {
    /// HTTP 500.
    Http500,
    /// HTTP 503 for the first request of a conversation.
    Http503Once,
    /// HTTP 429 with `Retry-After`.
    Http429,
    /// HTTP 502 with a proxy's error page.
    Proxy502,
    /// HTTP 400 that names `stream_options`, if the request has that field.
    RefuseStreamOptions,
    /// One JSON document although a stream was requested.
    Json,
    /// An error event, then `[DONE]`.
    ErrorInStream,
    /// The connection is closed in the middle of the answer.
    Cut,
    /// The stream ends normally, but without finish reason, usage and `[DONE]`.
    NoFinish,
    /// Silence on an open connection.
    Stall,
    /// An event of malformed JSON, then the rest of the stream.
    MalformedEvent,
    /// No tokens.
    Empty,
    /// No usage although it was requested.
    NoUsage,
}

/// One failure with its name in requests.
#[derive(Clone, Copy, Debug)]
pub struct FaultRow {
    /// Value of `tokscope_sim.fault`.
    pub name: &'static str,
    /// Effect of the failure. N is `tokscope_sim.after_tokens`.
    pub effect: &'static str,
    pub(super) fault: Fault,
}

const fn row(name: &'static str, fault: Fault, effect: &'static str) -> FaultRow {
    FaultRow { name, effect, fault }
}

/// Default number of tokens before a failure. If the answer is shorter, the failure is at its end.
pub const DEFAULT_AFTER_TOKENS: u64 = 20;

/// All failures that a request can cause.
pub const FAULTS: &[FaultRow] = &[
    row("http_500", Fault::Http500, "answers HTTP 500"),
    row(
        "http_503_once",
        Fault::Http503Once,
        "answers HTTP 503 to the first such request of a conversation, then normally",
    ),
    row("http_429", Fault::Http429, "answers HTTP 429 with `retry-after: 1`"),
    row("proxy_502", Fault::Proxy502, "answers HTTP 502 with a proxy's HTML page"),
    row("refuse_stream_options", Fault::RefuseStreamOptions, "answers HTTP 400 to a request with `stream_options`"),
    row("json", Fault::Json, "answers a request for a stream with one JSON document"),
    row("error_in_stream", Fault::ErrorInStream, "sends an error event after N tokens, then `[DONE]`"),
    row("cut", Fault::Cut, "cuts the connection after N tokens"),
    row("no_finish", Fault::NoFinish, "ends the stream after N tokens without finish reason, usage and `[DONE]`"),
    row("stall", Fault::Stall, "stops sending after N tokens and keeps the connection open"),
    row("malformed_event", Fault::MalformedEvent, "sends an event of malformed JSON after N tokens, then the rest"),
    row("empty", Fault::Empty, "ends normally without generating a token"),
    row("no_usage", Fault::NoUsage, "sends no usage although it was requested"),
];

/// A failure that a request asked for.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct PlannedFault {
    /// Kind of failure.
    pub fault: Fault,
    /// Number of tokens before the failure.
    pub after_tokens: u64,
}

/// Looks up a failure by its name. The error lists all names.
pub fn find(name: &str) -> Result<Fault, String> {
    let row = FAULTS.iter().find(|row| row.name == name);
    row.map(|row| row.fault).ok_or_else(|| {
        let names: Vec<_> = FAULTS.iter().map(|row| row.name).collect();
        format!("unknown fault '{name}'; available: {}", names.join(", "))
    })
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn every_name_finds_its_own_row() {
        for row in FAULTS {
            assert_eq!(find(row.name), Ok(row.fault));
        }
        assert!(find("http_501").unwrap_err().contains("http_500, http_503_once"));
    }
}
