//! Section about the workload: source of the requests, requested and real lengths, and conversations by turn.

use crate::domain::metrics::{DECODE, INPUT_TOKENS, TTFT};
use crate::domain::workload::{Workload, WorkloadSource};
use crate::report::conversation_counts::ConversationCounts;
use crate::report::lengths::{Deviation, Lengths};
use crate::report::spread::Spread;
use crate::report::workload_words::{probes, sampling};

use super::View;
use super::escape::{UNKNOWN, code, inline};
use super::figures::{bare, tokens};
use super::page::{Page, Table};

/// Maximum rows of the table by turn. The last row covers all remaining turns.
const MAX_TURN_ROWS: usize = 20;

pub fn write(view: &View<'_>, page: &mut Page) {
    let suite = &view.report.session.suite;
    let counts = ConversationCounts::from_session(&view.report.session);
    if suite.workload.is_none() && counts.is_none() {
        return;
    }
    page.block(if suite.workload.is_some() { "## Workload" } else { "## Conversations" });
    if let Some(workload) = &suite.workload {
        source(workload, page);
    }
    if let Some(counts) = counts {
        conversations(view, counts, page);
    }
    for note in &view.report.workload_notes {
        page.field("Note", &inline(note));
    }
    page.line("");
    if suite.workload.is_some() {
        lengths(view, page);
    }
    by_turn(view, page);
}

fn source(workload: &Workload, page: &mut Page) {
    match workload.source.path() {
        Some(path) => page.field("Source", &format!("{} ({})", code(path), workload.source.kind())),
        None => page.field("Source", &format!("prose shipped with tokscope ({})", workload.source.kind())),
    }
    page.field("Content", &inline(&workload.summary));
    if let Some(fingerprint) = workload.source.fingerprint() {
        page.field("Fingerprint", &fingerprint.to_string());
    }
    if let WorkloadSource::Dataset { columns, .. } = &workload.source
        && !columns.is_empty()
    {
        page.field("Columns", &code(&columns.join(" ")));
    }
    if let Some(sampling) = sampling(workload) {
        page.field("Rows", &sampling);
    }
    if let Some(probes) = probes(workload) {
        page.field("Probes", &probes);
    }
}

fn conversations(view: &View<'_>, counts: ConversationCounts, page: &mut Page) {
    let asked = view.report.session.suite.conversations.as_ref();
    let turns = asked.and_then(|c| c.turns.as_ref()).map(|turns| format!("; {turns} turns"));
    let think =
        asked.and_then(|c| c.think.as_ref()).map(|think| format!("; {think} between an answer and the next turn"));
    let (turns, think) = (turns.unwrap_or_default(), think.unwrap_or_default());
    page.field("Conversations", &format!("{}{turns}{think}", counts.words()));
}

/// Writes the table of requested and real lengths.
fn lengths(view: &View<'_>, page: &mut Page) {
    let all = [("Prompt", &view.summary.lengths.input), ("Answer", &view.summary.lengths.output)];
    if all.iter().all(|(_, lengths)| lengths.requested().is_none() && lengths.real().is_none()) {
        return;
    }
    let mut table = Table::default().text("Length (tokens)");
    for name in ["Requested p50", "Requested p95", "Real p50", "Real p95", "Deviation", "Largest", "n"] {
        table = table.number(name);
    }
    for (name, lengths) in all {
        table.row(length_row(name, lengths));
    }
    page.table(&table.without_empty_columns());
    let is_input_asked = all[0].1.requested().is_some();
    if is_input_asked {
        page.block(
            "*Deviation* is the mean of real minus asked length, in percent of the asked one; *Largest* is the largest \
             single one. Real lengths are those that the server reports: prompts include the chat template and, without \
             `--warm`, the unique line.",
        );
    }
    if ConversationCounts::from_session(&view.report.session).is_some() {
        page.block("Prompts of later turns contain the turns before them; the table above has only first turns.");
    }
}

fn length_row(name: &str, lengths: &Lengths) -> Vec<String> {
    let (requested, real, deviation) = (lengths.requested(), lengths.real(), lengths.deviation());
    let percentile = |spread: Option<Spread>, p| tokens(spread.and_then(|s| s.percentile(p)), false);
    let percent = |get: fn(Deviation) -> f64| {
        deviation.map_or_else(|| UNKNOWN.to_owned(), |deviation| format!("{:+.1}%", get(deviation)))
    };
    vec![
        name.to_owned(),
        percentile(requested, 50),
        percentile(requested, 95),
        percentile(real, 50),
        percentile(real, 95),
        percent(|d| d.mean_percent),
        percent(|d| d.largest_percent),
        real.or(requested).map_or(0, |s| s.n).to_string(),
    ]
}

fn by_turn(view: &View<'_>, page: &mut Page) {
    let figures = view.summary.turns.figures(MAX_TURN_ROWS);
    if figures.is_empty() {
        return;
    }
    page.block("### By Turn");
    view.name_stage(page);
    let mut table = Table::default().text("Turn");
    let columns =
        ["TTFT (ms)", "p50", "p95", "Prompt (tokens)", "Cached (tokens)", "Cached", "Decode (tok/s)", "n", "Failed"];
    for name in columns {
        table = table.number(name);
    }
    for turn in &figures {
        let mean = |spread: Option<Spread>| spread.map(|s| s.stats.avg);
        let ttft = |p| bare(&TTFT, turn.ttft_ms.and_then(|s| s.percentile(p)), false);
        let share = mean(turn.cached_tokens).zip(mean(turn.input_tokens)).filter(|(_, all)| *all > 0.0);
        table.row(vec![
            turn.name(),
            super::figures::mean(&TTFT, turn.ttft_ms.as_ref(), false),
            ttft(50),
            ttft(95),
            bare(&INPUT_TOKENS, mean(turn.input_tokens), false),
            tokens(mean(turn.cached_tokens), false),
            share.map_or_else(|| UNKNOWN.to_owned(), |(cached, all)| format!("{:.0}%", 100.0 * cached / all)),
            super::figures::mean(&DECODE, turn.decode_tokens_per_s.as_ref(), turn.is_estimated),
            turn.n.to_string(),
            if turn.failed > 0 { turn.failed.to_string() } else { UNKNOWN.to_owned() },
        ]);
    }
    page.table(&table.without_empty_columns());
    page.block(
        "Each turn is sent with all messages and answers before it. *Cached* are the prompt tokens that the server reports \
         from its prefix cache; in later turns they are expected.",
    );
}
