//! Timeouts of an attempt: the whole attempt, its first token, and silence within the answer.

use std::cell::RefCell;
use std::time::Duration;

use super::clock::EngineClock;
use super::failure::Failure;
use super::recorder::Recorder;
use crate::domain::attempt::AttemptStatus;
use crate::domain::quantity::count;
use crate::domain::suite::Timeouts;
use crate::domain::time::Nanos;

/// Waits until the first token is overdue or the answer has been silent for too long. Sleeps until the earliest time at
/// which this is possible, so events need no check.
pub async fn watch(limits: Timeouts, clock: EngineClock, recorder: &RefCell<Recorder>) -> Failure {
    loop {
        let verdict = check(limits, clock.now(), &recorder.borrow());
        match verdict {
            Verdict::Overdue(failure) => return failure,
            Verdict::CheckAfter(time) => tokio::time::sleep(time).await,
            Verdict::Never => std::future::pending().await,
        }
    }
}

/// Result of a check.
#[derive(Debug, PartialEq, Eq)]
enum Verdict {
    /// The attempt has timed out.
    Overdue(Failure),
    /// The attempt cannot time out before this time has passed.
    CheckAfter(Duration),
    /// No timeout applies.
    Never,
}

fn check(limits: Timeouts, now: Nanos, recorder: &Recorder) -> Verdict {
    let record = &recorder.record;
    let mut next: Option<Duration> = None;
    if recorder.has_ended() {
        return Verdict::Never;
    }
    if let Some(limit) = limits.first_token {
        // The start changes with each retry, and no timeout runs during the pause before one.
        let waited = now.since(record.started);
        if record.arrivals.is_empty() {
            if recorder.is_sent() && waited >= limit {
                let message = format!("no token within {} s: {}", limit.as_secs_f64(), so_far(recorder, now));
                return Verdict::Overdue(Failure::new(AttemptStatus::Timeout, "first_token_timeout", message));
            }
            next = Some(if recorder.is_sent() { limit.saturating_sub(waited) } else { limit });
        }
    }
    if let Some(limit) = limits.stall {
        let silent = recorder.last_bytes_at().filter(|_| recorder.is_sent()).map(|at| now.since(at));
        if silent.is_some_and(|silent| silent >= limit) {
            let message = format!("no data for {} s: {}", limit.as_secs_f64(), so_far(recorder, now));
            return Verdict::Overdue(Failure::new(AttemptStatus::Timeout, "stall_timeout", message));
        }
        let left = limit.saturating_sub(silent.unwrap_or_default());
        next = Some(next.map_or(left, |next| next.min(left)));
    }
    // Wait at least 1 ms: a clock that does not advance must not cause a busy loop.
    next.map_or(Verdict::Never, |next| Verdict::CheckAfter(next.max(Duration::from_millis(1))))
}

/// Creates the failure of an attempt that exceeded the timeout of the whole attempt.
pub fn whole(limit: Duration, now: Nanos, recorder: &Recorder) -> Failure {
    let limit = limit.as_secs_f64();
    let so_far = so_far(recorder, now);
    let message = if recorder.record.arrivals.is_empty() {
        format!("no token within the total of {limit} s: {so_far}")
    } else {
        format!("not finished within {limit} s: {so_far}")
    };
    Failure::new(AttemptStatus::Timeout, "timeout", message)
}

/// Describes what has arrived so far.
fn so_far(recorder: &Recorder, now: Nanos) -> String {
    let record = &recorder.record;
    if let Some(last) = record.arrivals.last() {
        let silent = now.millis_since(last.at) / 1000.0;
        let events = record.arrivals.len();
        let events = count(events, "event");
        return format!("{events} with text arrived, the last {silent:.1} s earlier");
    }
    match (record.headers_at, recorder.last_bytes_at(), record.event_count) {
        (None, ..) if !recorder.is_sent() => "no connection was established".to_owned(),
        (None, ..) => "the server sent no response".to_owned(),
        (Some(_), None, _) => format!("only headers arrived (HTTP {})", record.http_status.unwrap_or(0)),
        (Some(_), Some(_), 0) => "headers arrived, but no event".to_owned(),
        (Some(_), Some(_), 1) => "1 event arrived, without text".to_owned(),
        (Some(_), Some(_), n) => format!("{n} events arrived, none with text"),
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::domain::attempt::{AttemptId, AttemptRecord};
    use crate::protocol::api::CHAT;

    const TEXT: &str = r#"{"choices":[{"delta":{"content":"a"}}]}"#;

    /// Returns the recorder of an attempt whose request was sent at 1 s.
    fn sent() -> Recorder {
        let record =
            AttemptRecord::started(AttemptId::default(), false, "r".into(), "m".into(), Nanos::from_millis(1000));
        let mut recorder = Recorder::new(record, &CHAT);
        recorder.note_sent(Nanos::from_millis(1000));
        recorder
    }

    fn limits(first_token_ms: Option<u64>, stall_ms: Option<u64>) -> Timeouts {
        let (first_token, stall) = (first_token_ms.map(Duration::from_millis), stall_ms.map(Duration::from_millis));
        Timeouts { first_token, stall, ..Timeouts::default() }
    }

    fn words(verdict: &Verdict) -> (&'static str, &str) {
        match verdict {
            Verdict::Overdue(failure) => (failure.kind, failure.message.as_str()),
            other => panic!("{other:?}"),
        }
    }

    #[test]
    fn the_first_token_is_waited_for_from_the_send_on() {
        let mut recorder = sent();
        let at = |ms| Nanos::from_millis(ms);
        let limits = limits(Some(500), None);
        assert_eq!(check(limits, at(1400), &recorder), Verdict::CheckAfter(Duration::from_millis(100)));
        let overdue = check(limits, at(1500), &recorder);
        assert_eq!(words(&overdue), ("first_token_timeout", "no token within 0.5 s: the server sent no response"));
        // The request is sent again at 1.4 s.
        recorder.note_sent(at(1400));
        assert_eq!(check(limits, at(1500), &recorder), Verdict::CheckAfter(Duration::from_millis(400)));
        // Headers and comments are no tokens.
        recorder.record.headers_at = Some(at(1450));
        recorder.record.http_status = Some(200);
        assert!(words(&check(limits, at(1900), &recorder)).1.ends_with("only headers arrived (HTTP 200)"));
        recorder.note_bytes(at(1890));
        assert!(words(&check(limits, at(1900), &recorder)).1.ends_with("headers arrived, but no event"));
        recorder.event(at(1891), 1, r#"{"choices":[{"delta":{"role":"assistant"}}]}"#).unwrap();
        assert!(words(&check(limits, at(1900), &recorder)).1.ends_with("1 event arrived, without text"));
        recorder.event(at(1892), 1, TEXT).unwrap();
        assert_eq!(check(limits, at(9000), &recorder), Verdict::Never);
    }

    #[test]
    fn silence_counts_from_the_last_byte_of_the_answer() {
        let mut recorder = sent();
        let at = |ms| Nanos::from_millis(ms);
        let limits = limits(None, Some(200));
        // The timeout does not run yet: nothing of the answer has arrived, and processing a prompt may take long.
        assert_eq!(check(limits, at(9000), &recorder), Verdict::CheckAfter(Duration::from_millis(200)));
        recorder.record.headers_at = Some(at(9000));
        recorder.note_bytes(at(9100));
        recorder.event(at(9100), 1, TEXT).unwrap();
        assert_eq!(check(limits, at(9250), &recorder), Verdict::CheckAfter(Duration::from_millis(50)));
        // Any bytes end the silence, for example a comment.
        recorder.note_bytes(at(9290));
        assert_eq!(check(limits, at(9400), &recorder), Verdict::CheckAfter(Duration::from_millis(90)));
        let overdue = check(limits, at(9500), &recorder);
        let expected = "no data for 0.2 s: 1 event with text arrived, the last 0.4 s earlier";
        assert_eq!(words(&overdue), ("stall_timeout", expected));
        recorder.event(at(9500), 2, "[DONE]").unwrap();
        assert_eq!(check(limits, at(99_000), &recorder), Verdict::Never);
    }

    #[test]
    fn without_other_limits_only_the_attempt_timeout_applies() {
        let mut recorder = sent();
        let at = |ms| Nanos::from_millis(ms);
        assert_eq!(check(Timeouts::default(), at(1_000_000), &recorder), Verdict::Never);
        let whole = |recorder: &Recorder| whole(Duration::from_secs(3), at(4000), recorder).message;
        assert_eq!(whole(&recorder), "no token within the total of 3 s: the server sent no response");
        for ms in [2000, 3500] {
            recorder.event(at(ms), ms, TEXT).unwrap();
        }
        let expected = "not finished within 3 s: 2 events with text arrived, the last 0.5 s earlier";
        assert_eq!(whole(&recorder), expected);
        assert_eq!(
            super::whole(Duration::from_secs(3), at(4000), &{
                let record = AttemptRecord::started(AttemptId::default(), false, "r".into(), "m".into(), at(0));
                Recorder::new(record, &CHAT)
            })
            .message,
            "no token within the total of 3 s: no connection was established"
        );
    }
}
