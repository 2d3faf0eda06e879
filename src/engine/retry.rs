//! Retries of requests that got a temporary refusal or no response. Users must opt in, and every retry is recorded.

use std::time::Duration;

use super::failure::Failure;
use crate::domain::attempt::AttemptStatus;

/// Pause before the second try if the server requests none. Each further pause is twice as long.
const FIRST_PAUSE: Duration = Duration::from_millis(if cfg!(test) { 1 } else { 500 });
/// Maximum pause, unless the server requests a longer one.
const LONGEST_PAUSE: Duration = Duration::from_secs(30);

/// Returns the pause before the next try, after `tries` tries. Prefers the pause that the server requests. Returns
/// `None` if a retry is pointless, or if the pause is not shorter than the time `left`.
pub fn pause(failure: &Failure, http_status: Option<u16>, tries: u32, left: Duration) -> Option<Duration> {
    let is_worth_it = match failure.status {
        AttemptStatus::HttpError => matches!(http_status, Some(429 | 503 | 529)),
        // An untrusted certificate stays untrusted.
        AttemptStatus::ConnectError => failure.kind != "tls",
        _ => false,
    };
    let own = FIRST_PAUSE.saturating_mul(1 << tries.saturating_sub(1).min(16)).min(LONGEST_PAUSE);
    let pause = failure.retry_after.unwrap_or(own);
    (is_worth_it && pause < left).then_some(pause)
}

#[cfg(test)]
mod tests {
    use super::*;

    const LEFT: Duration = Duration::from_secs(60);

    fn refused(retry_after: Option<u64>) -> Failure {
        let mut failure = Failure::new(AttemptStatus::HttpError, "rate_limited", "no");
        failure.retry_after = retry_after.map(Duration::from_secs);
        failure
    }

    #[test]
    fn the_server_s_pause_takes_precedence_over_the_default_which_doubles() {
        assert_eq!(pause(&refused(Some(7)), Some(429), 1, LEFT), Some(Duration::from_secs(7)));
        assert_eq!(pause(&refused(Some(0)), Some(503), 1, LEFT), Some(Duration::ZERO));
        for (tries, times) in [(1, 1), (2, 2), (3, 4), (4, 8)] {
            assert_eq!(pause(&refused(None), Some(529), tries, LEFT), Some(FIRST_PAUSE * times));
        }
        assert_eq!(pause(&refused(None), Some(429), 90, LEFT), Some(LONGEST_PAUSE.min(FIRST_PAUSE * 65_536)));
    }

    #[test]
    fn a_pause_beyond_the_timeout_is_refused() {
        assert_eq!(pause(&refused(Some(60)), Some(429), 1, LEFT), None);
        assert_eq!(pause(&refused(Some(59)), Some(429), 1, LEFT), Some(Duration::from_secs(59)));
    }

    #[test]
    fn only_temporary_failures_are_retried() {
        let failure = |status, kind| Failure::new(status, kind, "no");
        for (failure, http_status, again) in [
            (failure(AttemptStatus::HttpError, "http"), Some(500), false),
            (failure(AttemptStatus::HttpError, "http"), Some(401), false),
            (failure(AttemptStatus::HttpError, "json_error"), Some(200), false),
            (failure(AttemptStatus::ConnectError, "connect"), None, true),
            (failure(AttemptStatus::ConnectError, "connect_timeout"), None, true),
            (failure(AttemptStatus::ConnectError, "closed"), None, true),
            (failure(AttemptStatus::ConnectError, "tls"), None, false),
            (failure(AttemptStatus::StreamError, "unavailable"), Some(200), false),
            (failure(AttemptStatus::Timeout, "timeout"), Some(503), false),
        ] {
            assert_eq!(pause(&failure, http_status, 1, LEFT).is_some(), again, "{failure:?}");
        }
    }
}
