//! The failures that can be asked for.

/// What goes wrong.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Fault {
    /// HTTP 500.
    Http500,
    /// HTTP 503 for the first request of a conversation.
    Http503Once,
    /// HTTP 429 with `Retry-After`.
    Http429,
    /// HTTP 502 with a proxy's page.
    Proxy502,
    /// HTTP 400 that names `stream_options`, if the request has them.
    RefuseStreamOptions,
    /// One JSON document though a stream was asked for.
    Json,
    /// An error event, then `[DONE]`.
    ErrorInStream,
    /// The connection breaks.
    Cut,
    /// The stream ends properly, but without finish reason, usage and `[DONE]`.
    NoFinish,
    /// Silence on an open connection.
    Stall,
    /// An event of broken JSON, then the rest of the stream.
    MalformedEvent,
    /// No token at all.
    Empty,
    /// No usage though it was asked for.
    NoUsage,
}

/// One failure with its name on the wire.
#[derive(Clone, Copy, Debug)]
pub struct FaultRow {
    /// Goes into `tokscope_sim.fault`.
    pub name: &'static str,
    /// What the server does then; N is `tokscope_sim.after_tokens`.
    pub does: &'static str,
    pub(super) fault: Fault,
}

const fn row(name: &'static str, fault: Fault, does: &'static str) -> FaultRow {
    FaultRow { name, does, fault }
}

/// N, if the request names none. An answer of fewer tokens fails at its end.
pub const DEFAULT_AFTER_TOKENS: u64 = 20;

/// All failures that can be asked for.
pub const FAULTS: &[FaultRow] = &[
    row("http_500", Fault::Http500, "answers HTTP 500"),
    row(
        "http_503_once",
        Fault::Http503Once,
        "answers HTTP 503 to the first such request of a conversation, then as usual",
    ),
    row("http_429", Fault::Http429, "answers HTTP 429 with `retry-after: 1`"),
    row("proxy_502", Fault::Proxy502, "answers HTTP 502 with a proxy's HTML page"),
    row("refuse_stream_options", Fault::RefuseStreamOptions, "answers HTTP 400 to a request with `stream_options`"),
    row("json", Fault::Json, "answers a request for a stream with one JSON document"),
    row("error_in_stream", Fault::ErrorInStream, "sends an error event after N tokens, then `[DONE]`"),
    row("cut", Fault::Cut, "breaks the connection after N tokens"),
    row("no_finish", Fault::NoFinish, "ends the stream after N tokens without finish reason, usage and `[DONE]`"),
    row("stall", Fault::Stall, "falls silent after N tokens and keeps the connection open"),
    row("malformed_event", Fault::MalformedEvent, "sends an event of broken JSON after N tokens, then the rest"),
    row("empty", Fault::Empty, "generates no token and ends properly"),
    row("no_usage", Fault::NoUsage, "sends no usage though it was asked for"),
];

/// A failure a request has asked for.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Planned {
    /// Which.
    pub fault: Fault,
    /// Tokens before it strikes.
    pub after_tokens: u64,
}

/// The failure of that name; without one, what names there are.
pub fn find(name: &str) -> Result<Fault, String> {
    let row = FAULTS.iter().find(|row| row.name == name);
    row.map(|row| row.fault).ok_or_else(|| {
        let names: Vec<_> = FAULTS.iter().map(|row| row.name).collect();
        format!("'{name}' is no fault of the simulator; it has {}", names.join(", "))
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
