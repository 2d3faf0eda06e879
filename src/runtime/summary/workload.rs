//! Lines of the summary about the workload and about conversations by turn.

use super::entry::entry;
use crate::domain::quantity::{Quantity, count};
use crate::domain::text::sanitise_line;
use crate::report::conversation_counts::ConversationCounts;
use crate::report::lengths::Lengths;
use crate::report::model::Report;
use crate::report::spread::Spread;
use crate::report::summary::Summary;
use crate::report::turns::TurnFigures;
use crate::report::workload_words::sampling;

/// Maximum number of lines about turns. The last line covers all remaining turns.
const MAX_TURN_LINES: usize = 8;

/// Returns the lines about the workload: its source, lengths, notes and conversations.
pub(super) fn lines(report: &Report, summary: &Summary) -> Vec<String> {
    let suite = &report.session.suite;
    let mut lines = Vec::new();
    if let Some(workload) = &suite.workload {
        let name = format!("{} ({})", sanitise_line(&suite.name), workload.source.kind());
        lines.push(entry("Workload", [Some(name), sampling(workload)]));
        let lengths = &summary.lengths;
        lines.extend(
            [("Prompt length", &lengths.input), ("Answer length", &lengths.output)].map(length).into_iter().flatten(),
        );
        lines.extend(report.workload_notes.iter().map(|note| entry("Note", [Some(sanitise_line(note))])));
    }
    let counts = ConversationCounts::from_session(&report.session);
    lines.extend(counts.map(|counts| entry("Conversations", [Some(counts.words())])));
    lines
}

/// Returns the line of requested and real lengths; `None` if no length was requested.
fn length((label, lengths): (&str, &Lengths)) -> Option<String> {
    let requested = lengths.requested()?;
    let median = |spread: Spread| format!("{:.0} median", spread.stats.p50);
    let real = lengths.real().map(|real| format!("real {}", median(real)));
    let deviation = lengths
        .deviation()
        .map(|d| format!("{:+.1}% on average, largest {:+.1}%   n {}", d.mean_percent, d.largest_percent, d.n));
    Some(entry(label, [Some(format!("asked {}", median(requested))), real, deviation]))
}

/// Returns a line for each turn of the conversations, or for several turns if there are many.
pub(super) fn turn_lines(summary: &Summary) -> Vec<String> {
    summary.turns.figures(MAX_TURN_LINES).iter().map(turn_line).collect()
}

fn turn_line(turn: &TurnFigures) -> String {
    let mean = |spread: Option<Spread>| spread.map(|s| s.stats.avg);
    let label = if turn.turns.start() == turn.turns.end() { "Turn" } else { "Turns" };
    let ttft = turn.ttft_ms.map(|s| format!("TTFT p50 {:.0} ms", s.stats.p50));
    let cached = mean(turn.cached_tokens).zip(mean(turn.input_tokens));
    let cached = cached.map(|(cached, all)| format!("{cached:.0}/{all:.0} cached"));
    let decode = Quantity::new(mean(turn.decode_tokens_per_s), 1).estimated_if(turn.is_estimated);
    let decode = turn.decode_tokens_per_s.map(|_| format!("{decode} tok/s"));
    let failed = (turn.failed > 0).then(|| count(turn.failed, "failure"));
    entry(&format!("{label} {}", turn.name()), [ttft, cached, decode, Some(format!("n {}", turn.n)), failed])
}
