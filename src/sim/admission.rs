//! Decides how an answer is scheduled: by the engine model or by fixed deadlines.

use tokio::time::Instant;

use super::SimConfig;
use super::answer::answer;
use super::batch_engine::{BatchEngine, Rejection, SequenceRequest};
use super::natural_end::natural_end;
use super::pace::Pace;
use super::request::ChatRequest;
use super::schedule::Schedule;

/// With the engine model, one of this many answers has all its `max_tokens`. The others end earlier, with `stop`.
const LONG_ANSWERS: u64 = 4;

/// Schedule and limit of an answer, decided when its request arrives.
pub struct Admission {
    /// Times of its tokens.
    pub schedule: Schedule,
    /// Number of generated tokens at which the finish reason is `length`; `None` without a limit.
    pub length_limit: Option<u64>,
}

/// Facts about a request that are not in its body.
#[derive(Clone, Copy, Debug)]
pub struct Arrival {
    /// Number of earlier requests.
    pub number: u64,
    /// Time of the request.
    pub at: Instant,
    /// Prompt tokens from the prefix cache.
    pub cached: u64,
    /// Seed of the answer.
    pub seed: u64,
}

/// Schedules the tokens of an answer. With the engine model, also lowers `max_tokens` to the place where the answer
/// ends by itself.
pub fn admit(
    config: &SimConfig,
    engine: Option<&BatchEngine>,
    request: &mut ChatRequest,
    arrival: Arrival,
) -> Result<Admission, Rejection> {
    let Some((engine, parameters)) = engine.zip(config.engine.as_ref()) else {
        let pace = Pace::new(config, request.prompt_tokens, arrival.seed);
        let pace = pace.with_cached(arrival.cached as f64 / request.prompt_tokens as f64);
        return Ok(Admission { schedule: Schedule::fixed(pace, arrival.at), length_limit: request.max_tokens });
    };
    let room = parameters.context_tokens().saturating_sub(request.prompt_tokens);
    let length_limit = request.max_tokens.unwrap_or(room).min(room);
    request.max_tokens = request.max_tokens.map(|limit| limit.min(room));
    if let Some(limit) = request.max_tokens.filter(|_| ends_by_itself(request, arrival.number)) {
        request.max_tokens = Some(natural_end(answer(request), limit, arrival.seed).unwrap_or(limit));
    }
    let output = answer(request).take(usize::try_from(room).unwrap_or(usize::MAX)).count() as u64;
    request.max_tokens = Some(output);
    let sequence = SequenceRequest { prompt: request.prompt_tokens, cached: arrival.cached, output };
    let schedule = Schedule::Engine(engine.submit(sequence)?);
    Ok(Admission { schedule, length_limit: Some(length_limit) })
}

const fn ends_by_itself(request: &ChatRequest, number: u64) -> bool {
    !request.ignore_eos && number % LONG_ANSWERS != LONG_ANSWERS - 1
}
