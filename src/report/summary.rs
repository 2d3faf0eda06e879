//! A run in a few figures.

use crate::domain::session::Session;
use crate::domain::statistics::Stats;

/// The figures of all reported attempts together.
#[derive(Clone, Debug, Default)]
pub struct Summary {
    /// Cases with a whole answer.
    pub ok: usize,
    /// Some token count is an estimate.
    pub estimated: bool,
    /// Output tokens of all reported attempts.
    pub total_output_tokens: u64,
    /// Sum of their request latencies, seconds.
    pub total_time_s: f64,
    /// The suite's word for the average speed; `None` without a figure.
    pub rating: Option<&'static str>,
}

impl Summary {
    /// The summary of a session as it stands.
    pub fn of(_session: &Session) -> Self {
        Self::default()
    }

    /// The spread of a metric, by its key in the metrics' table.
    pub fn stats(&self, _key: &str) -> Option<Stats> {
        None
    }
}
