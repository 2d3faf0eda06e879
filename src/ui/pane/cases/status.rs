//! Status of a row as a glyph and a word.

use ratatui::style::Style;

use super::row::Row;
use crate::domain::attempt::{AttemptRecord, AttemptStatus};
use crate::domain::live::StreamPhase;
use crate::domain::session::CasePhase;
use crate::ui::theme::Theme;

/// Returns glyph, word and style. The glyph distinguishes the states without colour.
pub(super) fn row_status(row: &Row<'_>, theme: Theme) -> (&'static str, String, Style) {
    let word = |glyph, word: &str, style| (glyph, word.to_owned(), style);
    match row.phase {
        CasePhase::Queued => word("·", "queued", theme.muted()),
        CasePhase::Running => match row.live.map(|l| l.phase).unwrap_or_default() {
            _ if row.is_warming() => word("○", "warm-up", theme.accent()),
            StreamPhase::Waiting => word("○", "waiting", theme.accent()),
            StreamPhase::Reasoning => word("◐", "thinking", theme.accent()),
            StreamPhase::Answering => word("●", "answering", theme.accent()),
        },
        CasePhase::Paused => word("‖", "paused", theme.warning()),
        // Complete, but the answer was cut at `max_tokens`.
        CasePhase::Done if row.is_at_length() => word("✓", "capped", theme.good()),
        CasePhase::Done => word("✓", "done", theme.good()),
        CasePhase::Failed => ("✗", row.ended().map_or_else(|| "failed".to_owned(), failure), theme.bad()),
        CasePhase::Cancelled => word("⊘", "cancelled", theme.muted()),
        CasePhase::Unreached => word("–", "skipped", theme.muted()),
    }
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
