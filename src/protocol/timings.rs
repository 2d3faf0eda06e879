//! Reads timings that servers measure and send with their answers, each in a different format.

use serde_json::Value;

use crate::domain::server_timings::{ServerTimings, TimingSource};

/// Fields of an event that may hold a server's timings, with their names in the JSON.
#[derive(Clone, Debug, Default)]
pub struct TimingFields {
    /// llama.cpp.
    pub timings: Option<Value>,
    /// vLLM with `--enable-per-request-metrics`.
    pub metrics: Option<Value>,
    /// Azure.
    pub latency_checkpoint: Option<Value>,
    /// LM Studio.
    pub stats: Option<Value>,
    /// Groq and mistral.rs, which add timings to the usage.
    pub usage: Option<Value>,
}

/// Reads the first field that holds a timing.
pub fn read(fields: &TimingFields) -> Option<ServerTimings> {
    let read_with = |value: &Option<Value>, read: fn(&Value) -> ServerTimings| {
        value.as_ref().map(read).filter(ServerTimings::has_times)
    };
    read_with(&fields.timings, llama_cpp)
        .or_else(|| read_with(&fields.metrics, vllm))
        .or_else(|| read_with(&fields.latency_checkpoint, azure))
        .or_else(|| read_with(&fields.stats, lm_studio))
        .or_else(|| read_with(&fields.usage, groq))
        .or_else(|| read_with(&fields.usage, mistral_rs))
}

/// Reads the last line of Ollama's native stream, with durations in nanoseconds. Returns `None` if the line has no
/// timings.
pub fn ollama(line: &Value) -> Option<ServerTimings> {
    let ms = |key| Some(number(line, key)? / 1e6);
    let timings = ServerTimings {
        // Loading the model is not queueing, but delays the request in the same way.
        queue_ms: ms("load_duration"),
        prompt_ms: ms("prompt_eval_duration"),
        decode_ms: ms("eval_duration"),
        tokens_per_s: per_s(number(line, "eval_count"), ms("eval_duration")),
        ..ServerTimings::from_source(TimingSource::Ollama)
    };
    timings.has_times().then_some(timings)
}

fn llama_cpp(v: &Value) -> ServerTimings {
    ServerTimings {
        prompt_ms: number(v, "prompt_ms"),
        decode_ms: number(v, "predicted_ms"),
        tokens_per_s: number(v, "predicted_per_second"),
        cached_tokens: super::usage::number(v, &["cache_n"]),
        ..ServerTimings::from_source(TimingSource::LlamaCpp)
    }
}

fn vllm(v: &Value) -> ServerTimings {
    ServerTimings {
        ttft_ms: number(v, "time_to_first_token_ms"),
        decode_ms: number(v, "generation_time_ms"),
        queue_ms: number(v, "queue_time_ms"),
        tokens_per_s: number(v, "tokens_per_second"),
        ..ServerTimings::from_source(TimingSource::Vllm)
    }
}

fn azure(v: &Value) -> ServerTimings {
    let ttft_ms = ["engine_ttft_ms", "service_ttft_ms"].iter().find_map(|key| number(v, key));
    ServerTimings { ttft_ms, ..ServerTimings::from_source(TimingSource::Azure) }
}

fn lm_studio(v: &Value) -> ServerTimings {
    let ms = |key| Some(number(v, key)? * 1e3);
    ServerTimings {
        ttft_ms: ms("time_to_first_token"),
        tokens_per_s: number(v, "tokens_per_second"),
        ..ServerTimings::from_source(TimingSource::LmStudio)
    }
}

fn groq(usage: &Value) -> ServerTimings {
    let ms = |key| Some(number(usage, key)? * 1e3);
    ServerTimings {
        queue_ms: ms("queue_time"),
        prompt_ms: ms("prompt_time"),
        decode_ms: ms("completion_time"),
        tokens_per_s: per_s(number(usage, "completion_tokens"), ms("completion_time")),
        ..ServerTimings::from_source(TimingSource::Groq)
    }
}

fn mistral_rs(usage: &Value) -> ServerTimings {
    let ms = |key| Some(number(usage, key)? * 1e3);
    ServerTimings {
        prompt_ms: ms("total_prompt_time_sec"),
        decode_ms: ms("total_completion_time_sec"),
        tokens_per_s: number(usage, "avg_compl_tok_per_sec"),
        ..ServerTimings::from_source(TimingSource::MistralRs)
    }
}

/// Reads a duration, count or speed. Negative values count as missing, because servers send −1 for unknown ones.
fn number(object: &Value, key: &str) -> Option<f64> {
    object.get(key).and_then(Value::as_f64).filter(|n| n.is_finite() && *n >= 0.0)
}

fn per_s(count: Option<f64>, ms: Option<f64>) -> Option<f64> {
    let (count, ms) = (count?, ms?);
    (ms > 0.0).then(|| count / ms * 1e3)
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::protocol::chunk;

    fn parse(json: &str) -> Option<ServerTimings> {
        chunk::parse(json).unwrap().server_timings.map(|t| *t)
    }

    fn close(a: Option<f64>, b: f64) -> bool {
        a.is_some_and(|a| (a - b).abs() < 1e-9)
    }

    #[test]
    fn a_recorded_llama_cpp_stream_has_timings_once_at_its_end() {
        let transcript = include_str!("../../assets/transcripts/llama-server.sse");
        let events = transcript.lines().filter_map(|l| l.strip_prefix("data: ")).filter(|d| *d != "[DONE]");
        let fields: Vec<_> = events.filter_map(parse).collect();
        let expected = ServerTimings {
            prompt_ms: Some(11.852),
            decode_ms: Some(29.272),
            tokens_per_s: Some(649.084_449_303_088_3),
            cached_tokens: Some(0),
            ..ServerTimings::from_source(TimingSource::LlamaCpp)
        };
        assert_eq!(fields, [expected]);
    }

    #[test]
    fn per_request_metrics_of_vllm_are_read() {
        let t = parse(r#"{"choices":[],"usage":{"prompt_tokens":9,"completion_tokens":30},"metrics":{"time_to_first_token_ms":41.5,"generation_time_ms":290.0,"queue_time_ms":0.12,"mean_itl_ms":10.0,"tokens_per_second":100.0,"speculative_decoding":null}}"#).unwrap();
        assert_eq!((t.source, t.ttft_ms, t.queue_ms), (TimingSource::Vllm, Some(41.5), Some(0.12)));
        assert_eq!((t.decode_ms, t.tokens_per_s, t.prompt_ms), (Some(290.0), Some(100.0), None));
    }

    #[test]
    fn groq_timings_are_read_from_either_usage() {
        let usage = r#"{"queue_time":0.25,"prompt_tokens":18,"prompt_time":0.5,"completion_tokens":100,"completion_time":0.125,"total_tokens":118,"total_time":0.625}"#;
        for json in [
            format!(r#"{{"choices":[],"x_groq":{{"id":"req_1","usage":{usage}}}}}"#),
            format!(r#"{{"choices":[],"usage":{usage},"x_groq":{{"id":"req_1"}}}}"#),
        ] {
            let t = parse(&json).unwrap();
            assert_eq!(t.source, TimingSource::Groq);
            assert!(close(t.queue_ms, 250.0) && close(t.prompt_ms, 500.0) && close(t.decode_ms, 125.0));
            assert!(close(t.tokens_per_s, 800.0) && close(t.before_first_token_ms(), 750.0));
        }
    }

    #[test]
    fn timings_of_mistral_rs_azure_and_lm_studio_are_read() {
        let t = parse(r#"{"choices":[],"usage":{"completion_tokens":50,"prompt_tokens":10,"total_tokens":60,"avg_tok_per_sec":80.0,"avg_prompt_tok_per_sec":200.0,"avg_compl_tok_per_sec":71.5,"total_time_sec":0.75,"total_prompt_time_sec":0.05,"total_completion_time_sec":0.7}}"#).unwrap();
        assert_eq!((t.source, t.tokens_per_s), (TimingSource::MistralRs, Some(71.5)));
        assert!(close(t.prompt_ms, 50.0) && close(t.decode_ms, 700.0));
        let t = parse(
            r#"{"choices":[],"latency_checkpoint":{"engine_ttft_ms":120,"service_ttft_ms":150,"user_visible_ttft_ms":170}}"#,
        );
        assert!(t.is_some_and(|t| t.source == TimingSource::Azure && t.ttft_ms == Some(120.0)));
        let t = parse(
            r#"{"choices":[],"stats":{"tokens_per_second":51.5,"time_to_first_token":0.111,"generation_time":0.954}}"#,
        )
        .unwrap();
        assert_eq!((t.source, t.tokens_per_s), (TimingSource::LmStudio, Some(51.5)));
        assert!(close(t.ttft_ms, 111.0));
    }

    #[test]
    fn the_last_line_of_ollama_has_nanoseconds() {
        let line = r#"{"model":"m","done":true,"total_duration":4935886791,"load_duration":534986708,"prompt_eval_count":26,"prompt_eval_duration":107345000,"eval_count":237,"eval_duration":4289432000}"#;
        let t = ollama(&serde_json::from_str(line).unwrap()).unwrap();
        assert!(close(t.queue_ms, 534.986_708) && close(t.prompt_ms, 107.345) && close(t.decode_ms, 4289.432));
        assert!(close(t.tokens_per_s, 237.0 / 4.289_432));
        assert_eq!(ollama(&serde_json::json!({ "done": false })), None);
    }

    #[test]
    fn values_without_timings_are_ignored() {
        for json in [
            r#"{"choices":[{"delta":{"content":"a"}}],"usage":{"prompt_tokens":1,"completion_tokens":1}}"#,
            r#"{"choices":[],"timings":null,"metrics":[1],"latency_checkpoint":"x","stats":{}}"#,
            r#"{"choices":[],"timings":{"predicted_ms":-1,"prompt_ms":"3"}}"#,
        ] {
            assert_eq!(parse(json), None, "{json}");
        }
    }
}
