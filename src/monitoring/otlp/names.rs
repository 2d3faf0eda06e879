//! Names of the `GenAI` semantic conventions, and the values that hold for a whole run.

use opentelemetry::KeyValue;

use crate::domain::attempt::AttemptRecord;
use crate::domain::text::sanitise_line;
use crate::monitoring::RunIdentity;

pub const OPERATION: &str = "gen_ai.operation.name";
pub const PROVIDER: &str = "gen_ai.provider.name";
pub const REQUEST_MODEL: &str = "gen_ai.request.model";
pub const FINISH_REASONS: &str = "gen_ai.response.finish_reasons";
pub const TIME_TO_FIRST_CHUNK: &str = "gen_ai.response.time_to_first_chunk";
pub const INPUT_TOKENS: &str = "gen_ai.usage.input_tokens";
pub const OUTPUT_TOKENS: &str = "gen_ai.usage.output_tokens";
pub const TOKEN_TYPE: &str = "gen_ai.token.type";
pub const ERROR_TYPE: &str = "error.type";
const SERVER_ADDRESS: &str = "server.address";
const SERVER_PORT: &str = "server.port";

/// Attributes that all requests of a run share.
#[derive(Clone, Debug)]
pub struct RunAttributes {
    /// Name of the operation.
    pub operation: &'static str,
    shared: Vec<KeyValue>,
}

impl RunAttributes {
    /// Returns the attributes of a run.
    pub fn new(run: &RunIdentity) -> Self {
        // The conventions have no name for an unknown server that speaks a provider's API.
        let (operation, provider) = match run.api {
            "completions" => ("text_completion", "openai"),
            "messages" => ("chat", "anthropic"),
            "ollama" => ("chat", "ollama"),
            _ => ("chat", "openai"),
        };
        let mut shared = vec![KeyValue::new(OPERATION, operation), KeyValue::new(PROVIDER, provider)];
        shared.extend(run.host.as_ref().map(|host| KeyValue::new(SERVER_ADDRESS, sanitise_line(host))));
        shared.extend(run.port.map(|port| KeyValue::new(SERVER_PORT, i64::from(port))));
        Self { operation, shared }
    }

    /// Returns the attributes of a request: those of the run, its model, and its error if it failed.
    pub fn of_request(&self, record: &AttemptRecord) -> Vec<KeyValue> {
        let mut all = self.shared.clone();
        all.push(KeyValue::new(REQUEST_MODEL, sanitise_line(&record.model)));
        if !record.is_ok() {
            all.push(KeyValue::new(ERROR_TYPE, sanitise_line(record.failure_kind())));
        }
        all
    }
}
