//! Output tokens of all requests of a run, including failed ones.

use crate::domain::attempt::TokenSource;
use crate::domain::session::Session;

/// Returns the number of output tokens of all attempts, including warm-ups, and whether all were counted rather than
/// estimated. `None` without tokens. Sums saturate.
pub fn output_tokens(session: &Session) -> Option<(u64, bool)> {
    session
        .records()
        .filter_map(|r| r.output_tokens())
        .map(|(tokens, source)| (tokens, source != TokenSource::Estimate))
        .reduce(|(sum, all), (tokens, counted)| (sum.saturating_add(tokens), all && counted))
}
