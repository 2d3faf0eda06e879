//! Errors of the measurement: differences between arrival times and the server's send times.

use crate::sim::Write;

/// Errors of one answer, milliseconds.
#[derive(Clone, Debug, Default, PartialEq)]
#[expect(clippy::struct_field_names, reason = "units stand in names")]
pub struct Errors {
    /// Error of the first token's arrival.
    pub ttft_ms: f64,
    /// Error of the last token's arrival.
    pub total_ms: f64,
    /// Absolute error of each gap between two tokens.
    pub gaps_ms: Vec<f64>,
    /// Duration of the write that sent each token. The real send time lies within it.
    pub widths_ms: Vec<f64>,
}

/// Reason why an answer cannot be compared.
#[derive(Clone, Copy, Debug, PartialEq, Eq, thiserror::Error)]
pub enum CalibrationFault {
    /// The events sent and received do not match.
    #[error("the events received differ from those sent")]
    Unmatched,
    /// An event arrived before it was sent.
    #[error("an event arrived before it was sent: the clocks of the two processes disagree")]
    Acausal,
}

/// Compares the arrivals of an answer's tokens with the server's writes, both on the same clock. The first token is
/// event number `first_event` of `event_count`, counted from 0; the other tokens follow it directly.
pub fn compare(
    arrivals_ns: &[u64],
    first_event: u32,
    event_count: u32,
    writes: &[Write],
) -> Result<Errors, CalibrationFault> {
    let sent: Vec<&Write> = writes.iter().flat_map(|w| std::iter::repeat_n(w, w.events as usize)).collect();
    let first = first_event as usize;
    let tokens = sent.get(first..).and_then(|s| s.get(..arrivals_ns.len())).filter(|t| !t.is_empty());
    let Some(tokens) = tokens.filter(|_| sent.len() == event_count as usize) else {
        return Err(CalibrationFault::Unmatched);
    };
    if arrivals_ns.iter().zip(tokens).any(|(arrival, write)| *arrival < write.before_ns) {
        return Err(CalibrationFault::Acausal);
    }
    let late: Vec<f64> = arrivals_ns.iter().zip(tokens).map(|(at, w)| (at - w.before_ns) as f64 / 1e6).collect();
    Ok(Errors {
        ttft_ms: late.first().copied().unwrap_or_default(),
        total_ms: late.last().copied().unwrap_or_default(),
        // The error of a gap is the difference between the delays of its ends.
        gaps_ms: late.windows(2).map(|w| (w[1] - w[0]).abs()).collect(),
        widths_ms: tokens.iter().map(|w| w.after_ns.saturating_sub(w.before_ns) as f64 / 1e6).collect(),
    })
}

#[cfg(test)]
mod tests {
    use super::*;

    const MS: u64 = 1_000_000;

    fn write(before_ms: u64, events: u32) -> Write {
        Write { before_ns: before_ms * MS, after_ns: before_ms * MS + MS / 4, events }
    }

    fn is(found: &[f64], expected: &[f64]) -> bool {
        found.len() == expected.len() && found.iter().zip(expected).all(|(a, b)| (a - b).abs() < 1e-9)
    }

    #[test]
    fn errors_are_arrival_less_departure() {
        // The writes hold role and first token, then a token, and then the last token with finish, usage and [DONE].
        let writes = [write(100, 2), write(120, 1), write(140, 4)];
        let errors = compare(&[101 * MS, 124 * MS, 142 * MS], 1, 7, &writes).unwrap();
        assert!(is(&[errors.ttft_ms, errors.total_ms], &[1.0, 2.0]));
        assert!(is(&errors.gaps_ms, &[3.0, 2.0]), "{errors:?}");
        assert!(is(&errors.widths_ms, &[0.25; 3]));
    }

    #[test]
    fn answers_that_do_not_match_the_writes_have_no_error() {
        let writes = [write(100, 2), write(120, 2)];
        assert_eq!(compare(&[101 * MS], 1, 5, &writes), Err(CalibrationFault::Unmatched), "an event was lost");
        assert_eq!(compare(&[101 * MS; 4], 1, 4, &writes), Err(CalibrationFault::Unmatched), "more tokens than events");
        assert_eq!(compare(&[], 0, 4, &writes), Err(CalibrationFault::Unmatched), "no token");
        assert_eq!(compare(&[99 * MS], 1, 4, &writes), Err(CalibrationFault::Acausal));
        assert!(compare(&[100 * MS], 1, 4, &writes).is_ok(), "the very moment of the call is possible");
    }
}
