//! The table of context depths in the summary: Markdown, aligned, ready to paste.

use unicode_width::UnicodeWidthStr;

use super::entry::entry;
use crate::domain::quantity::UNKNOWN;
use crate::domain::session::Session;
use crate::report::depth_rows::{DepthRow, MeanStd, depth_rows};

/// Decimals of the figures, those of llama-bench.
const DIGITS: usize = 2;
const HEADINGS: [&str; 4] = ["test", "t/s", "TTFT (ms)", "n"];

/// Lines of the table, and a line for each depth without a figure; empty unless the run measures depths.
pub(super) fn lines(session: &Session) -> Vec<String> {
    let rows = depth_rows(session);
    if rows.is_empty() {
        return Vec::new();
    }
    let mut cells = vec![HEADINGS.map(str::to_owned)];
    cells.extend(rows.iter().flat_map(|row| [prefill(row), decode(row)]));
    let widths: Vec<usize> =
        (0..HEADINGS.len()).map(|at| cells.iter().map(|row| row[at].width()).max().unwrap_or(0)).collect();
    let line = |row: &[String; 4]| {
        let padded = row.iter().zip(&widths).map(|(cell, width)| {
            let blanks = " ".repeat(width - cell.width());
            format!("{blanks}{cell}")
        });
        format!("| {} |", padded.collect::<Vec<_>>().join(" | "))
    };
    let rule: Vec<String> = widths.iter().map(|width| format!("{}:", "-".repeat(width + 1))).collect();
    let mut lines: Vec<String> = cells.iter().map(line).collect();
    lines.insert(1, format!("|{}|", rule.join("|")));
    let missing = |row: &DepthRow| {
        let why = row.why_missing.clone()?;
        Some(entry(&format!("{} ", row.test.case_name()), [Some(why)]))
    };
    lines.extend(rows.iter().filter_map(missing));
    lines.push(entry("t/s", [Some("mean ± sample standard deviation; pp is prefilled tokens / TTFT".to_owned())]));
    lines
}

fn prefill(row: &DepthRow) -> [String; 4] {
    [
        row.test.prefill_name(),
        figure(row.prefill_tokens_per_s, ""),
        figure(row.ttft_ms, ""),
        count(row.prefill_tokens_per_s),
    ]
}

fn decode(row: &DepthRow) -> [String; 4] {
    let mark = if row.is_estimated { "~" } else { "" };
    [row.test.decode_name(), figure(row.decode_tokens_per_s, mark), String::new(), count(row.decode_tokens_per_s)]
}

/// Number of answers that have a figure.
fn count(figure: Option<MeanStd>) -> String {
    figure.map_or(0, |figure| figure.n).to_string()
}

fn figure(figure: Option<MeanStd>, mark: &str) -> String {
    figure.map_or_else(|| UNKNOWN.to_owned(), |figure| format!("{mark}{}", figure.words(DIGITS)))
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::report::fixture::depth::{depth_session, too_long};
    use crate::report::fixture::sample_session;

    #[test]
    fn the_table_can_be_pasted_into_markdown() {
        let session = depth_session(|test, record| if test.depth == 8192 { too_long(&record) } else { record });
        insta::assert_snapshot!(lines(&session).join("\n"));
        assert!(lines(&sample_session()).is_empty());
    }
}
