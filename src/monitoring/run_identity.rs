//! Facts that identify a run in a monitoring system.

/// Identity of a run. Names are without secrets.
#[derive(Clone, Debug)]
pub struct RunIdentity {
    /// Identifier of the run; every request id begins with it.
    pub run_id: String,
    /// API of the endpoint, as `--api` names it.
    pub api: &'static str,
    /// Host of the endpoint; `None` for an address without one.
    pub host: Option<String>,
    /// Port of the endpoint.
    pub port: Option<u16>,
}
