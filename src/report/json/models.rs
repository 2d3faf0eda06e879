//! Figures by model in the JSON export.

use serde::Serialize;

use super::workload::TurnSpreadJson;
use crate::domain::session::Session;
use crate::report::models::{ModelFigures, figures};

/// Figures of one model over all cases.
#[derive(Serialize)]
pub struct ModelJson {
    model: String,
    weight: u32,
    n: usize,
    failed: usize,
    time_to_first_token_ms: Option<TurnSpreadJson>,
    request_latency_ms: Option<TurnSpreadJson>,
    output_token_throughput_per_user: Option<TurnSpreadJson>,
    output_sequence_length: Option<TurnSpreadJson>,
    pass_rate: Option<TurnSpreadJson>,
}

impl From<ModelFigures> for ModelJson {
    fn from(figures: ModelFigures) -> Self {
        Self {
            model: figures.name,
            weight: figures.weight,
            n: figures.n,
            failed: figures.failed,
            time_to_first_token_ms: figures.ttft_ms.map(Into::into),
            request_latency_ms: figures.latency_ms.map(Into::into),
            output_token_throughput_per_user: figures.decode_tokens_per_s.map(Into::into),
            output_sequence_length: figures.output_tokens.map(Into::into),
            pass_rate: figures.pass_rate_percent.map(Into::into),
        }
    }
}

/// Returns the figures of each model of a mix; empty without a mix.
pub fn models(session: &Session) -> Vec<ModelJson> {
    figures(session).into_iter().map(ModelJson::from).collect()
}
