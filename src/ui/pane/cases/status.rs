//! Status of a row as a glyph and a word.

use ratatui::style::Style;

use super::row::{Row, Wrong};
use crate::domain::attempt::{AttemptRecord, AttemptStatus};
use crate::domain::live::StreamPhase;
use crate::domain::quantity::count;
use crate::domain::session::CasePhase;
use crate::ui::fit;
use crate::ui::theme::Theme;

/// Returns glyph, word and style, with a short word if `cells` are too few. The glyph distinguishes the states without
/// colour.
pub(super) fn row_status(row: &Row<'_>, cells: usize, theme: Theme) -> (&'static str, String, Style) {
    let word = |glyph, word: &str, style| (glyph, word.to_owned(), style);
    if let Some(wrong) = row.wrong() {
        // A wrong answer is complete and measured, so the request has not failed.
        return ("!", wrong_words(wrong, cells), theme.bad());
    }
    match row.phase {
        CasePhase::Queued => word("·", "queued", theme.muted()),
        CasePhase::Running => match row.live.map(|l| l.phase).unwrap_or_default() {
            _ if row.is_warming() => word("○", "warm-up", theme.accent()),
            // The conversation is between an answer and its next turn.
            _ if row.live.is_none() && !row.state.next_turns().is_empty() => word("○", "next turn", theme.muted()),
            StreamPhase::Waiting => word("○", "waiting", theme.accent()),
            StreamPhase::Reasoning => word("◐", "reasoning", theme.accent()),
            StreamPhase::Answering => word("●", "answering", theme.accent()),
        },
        CasePhase::Paused => word("‖", "paused", theme.warning()),
        CasePhase::Done if row.attempt.is_some_and(|a| a.warmup) => word("✓", "warm-up", theme.muted()),
        // The answer is complete, but cut at `max_tokens`.
        CasePhase::Done if row.is_at_length() => word("✓", fitting("done (capped)", "capped", cells), theme.warning()),
        CasePhase::Done => word("✓", "done", theme.good()),
        CasePhase::Failed => ("✗", row.ended().map_or_else(|| "failed".to_owned(), |r| failed(r, cells)), theme.bad()),
        CasePhase::Cancelled => {
            let left = row.state.left_as().filter(|_| row.attempt.is_none());
            word("⊘", left.unwrap_or("cancelled"), theme.muted())
        }
        CasePhase::Unreached => word("–", "skipped", theme.muted()),
    }
}

/// State of a failed row with the cause, if it fits: `failed: 401`.
fn failed(record: &AttemptRecord, cells: usize) -> String {
    let short = failure(record);
    let cause = record.http_status.filter(|_| record.status == AttemptStatus::HttpError);
    let long = format!("failed: {}", cause.map_or_else(|| short.clone(), |status| status.to_string()));
    fitting(&long, &short, cells).to_owned()
}

/// Describes answers that fail checks, in the longest words that fit: `done, 1 check failed` or `done, 2 of 5 wrong`.
fn wrong_words(wrong: Wrong, cells: usize) -> String {
    let words = match wrong {
        Wrong::Checks(failed) => {
            let checks = count(failed, "check");
            [format!("done, {checks} failed"), format!("{checks} failed"), "wrong".to_owned()]
        }
        Wrong::Answers { failed, checked } => {
            [format!("done, {failed} of {checked} wrong"), format!("{failed}/{checked} wrong"), "wrong".to_owned()]
        }
    };
    let [.., shortest] = &words;
    words.iter().find(|words| fit::width(words) <= cells).unwrap_or(shortest).clone()
}

/// Returns the first wording if it fits, otherwise the second.
fn fitting<'a>(long: &'a str, short: &'a str, cells: usize) -> &'a str {
    if fit::width(long) <= cells { long } else { short }
}

/// Returns one word for the way an attempt failed.
pub fn failure(record: &AttemptRecord) -> String {
    let word = match record.status {
        AttemptStatus::HttpError => {
            return record.http_status.map_or_else(|| "HTTP".to_owned(), |code| format!("HTTP {code}"));
        }
        AttemptStatus::StreamError => "stream",
        AttemptStatus::Truncated => "cut off",
        AttemptStatus::Empty => "empty",
        AttemptStatus::Timeout => "timeout",
        AttemptStatus::ConnectError => "connect",
        AttemptStatus::Ok | AttemptStatus::Cancelled => "failed",
    };
    word.to_owned()
}
