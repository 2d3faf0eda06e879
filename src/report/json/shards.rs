//! Shards of a merged run as JSON.

use serde::Serialize;

use super::workload::TurnSpreadJson;
use crate::domain::session::Session;
use crate::report::shards::{ShardFigures, ShardRun, figures};

/// Figures of one shard.
#[derive(Serialize)]
pub struct ShardJson<'a> {
    rank: u64,
    of: u64,
    run_id: &'a str,
    hostname: &'a str,
    complete: bool,
    attempts: usize,
    failed_attempts: usize,
    total_output_tokens: u64,
    time_to_first_token_ms: Option<TurnSpreadJson>,
    /// Factor by which the TTFT differs from that of the other shards; `null` unless it clearly does.
    time_to_first_token_factor: Option<f64>,
    /// Delay of the thread that read the streams.
    lateness_ms: LatenessJson,
    started_after_ms: f64,
}

#[derive(Serialize)]
struct LatenessJson {
    p50: Option<f64>,
    p99: Option<f64>,
    max: Option<f64>,
}

impl<'a> From<ShardFigures<'a>> for ShardJson<'a> {
    fn from(figures: ShardFigures<'a>) -> Self {
        let ShardRun { rank, of, run_id, hostname, started_after_ms, is_complete, lag } = figures.shard;
        Self {
            rank: *rank,
            of: *of,
            run_id,
            hostname,
            complete: *is_complete,
            attempts: figures.attempts,
            failed_attempts: figures.failed,
            total_output_tokens: figures.output_tokens,
            time_to_first_token_ms: figures.ttft_ms.map(Into::into),
            time_to_first_token_factor: figures.ttft_factor,
            lateness_ms: LatenessJson { p50: lag.p50_ms, p99: lag.p99_ms, max: lag.max_ms },
            started_after_ms: *started_after_ms,
        }
    }
}

/// Returns the shards of a merged run; empty for other runs.
pub fn shards<'a>(shards: &'a [ShardRun], session: &Session) -> Vec<ShardJson<'a>> {
    figures(shards, session).into_iter().map(ShardJson::from).collect()
}
