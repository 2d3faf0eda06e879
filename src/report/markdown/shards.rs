//! Shards of a merged run: what each sent, and whether one differs.

use crate::domain::metrics::TTFT;
use crate::domain::statistics::Stats;
use crate::report::shards::{ShardFigures, figures, left_to_do, shard_count};

use super::View;
use super::escape::{UNKNOWN, inline};
use super::figures::{bare, figure};
use super::page::{Page, Table};

pub fn write(view: &View<'_>, page: &mut Page) {
    let shards = &view.report.shards;
    let Some(state) = shard_count(shards) else { return };
    let figures = figures(shards, &view.report.session);
    page.block("## Shards");
    page.field("Merged", &state);
    page.line("");
    for sentence in left_to_do(shards) {
        page.block(&sentence);
    }
    page.block(
        "All figures of this report come from the requests of these shards. Each latency was measured by the clock of its \
         shard.",
    );
    let mut table = Table::default().number("Shard").text("Machine").text("State").number("Requests").number("Failed");
    for heading in ["Output Tokens", "TTFT p50 (ms)", "TTFT p99 (ms)", "Reading Delay p99 (ms)", "Started After (ms)"] {
        table = table.number(heading);
    }
    for ShardFigures { shard, attempts, failed, output_tokens, ttft_ms, .. } in &figures {
        let ttft = |p: fn(&Stats) -> f64| bare(&TTFT, ttft_ms.map(|s| p(&s.stats)), false);
        table.row(vec![
            shard.rank.to_string(),
            inline(&shard.hostname),
            if shard.is_complete { "complete".to_owned() } else { "incomplete".to_owned() },
            attempts.to_string(),
            if *failed > 0 { failed.to_string() } else { UNKNOWN.to_owned() },
            output_tokens.to_string(),
            ttft(|stats| stats.p50),
            ttft(|stats| stats.p99),
            figure(shard.lag.p99_ms, 2, false),
            figure(Some(shard.started_after_ms), 1, false),
        ]);
    }
    page.table(&table.without_empty_columns());
    let named = figures.iter().filter_map(|shard| Some((shard.shard.rank, shard.ttft_factor?)));
    for (rank, factor) in named {
        page.block(&format!(
            "Shard {rank} differs: its TTFT is {factor:.2} times that of the other shards for the same cases (Welch's \
             test with Holm's correction, p < 0.01)."
        ));
    }
}
