//! A run that is stopped because every request would fail for the same reason.

/// Reason why a run is stopped, and the cases to repeat.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Stop {
    /// The cause that all requests share.
    pub cause: StopCause,
    /// Error message of the server, followed by advice for the user.
    pub reason: String,
    /// Indices of the cases whose requests were refused: the first one, and others that were in flight when the run
    /// stopped.
    pub(in crate::app) refused: Vec<usize>,
}

/// A cause that all requests share.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum StopCause {
    /// The key is missing or refused.
    Key,
    /// The endpoint does not have the model.
    Model,
    /// Nothing answers at the address, or the server there speaks another protocol.
    Address,
    /// The server accepts no connections any more.
    Gone,
    /// The proxy asks for a password.
    Proxy,
}
