//! Fields that make a server generate exactly the requested number of tokens.

use serde_json::{Map, Value, json};

use super::api::{Api, CHAT, COMPLETIONS};

/// A kind of server that can ignore the end-of-sequence token on request.
struct Supporter {
    /// [`ServerInfo::kind`](crate::domain::live::ServerInfo::kind) of the server.
    kind: &'static str,
    /// Whether the server also accepts `min_tokens`.
    takes_min_tokens: bool,
}

/// Servers whose chat completions and legacy completions accept `ignore_eos`. Others reject the field (Mistral, Azure) or
/// ignore it (Ollama, TGI, OpenAI).
///
/// * vLLM: `ignore_eos` and `min_tokens` are extra parameters of its chat API
///   (<https://docs.vllm.ai/en/stable/serving/openai_compatible_server.html>).
/// * `SGLang`: both in its chat request. Its tests set `ignore_eos` (`test_openai_server_ignore_eos.py`), and
///   <https://docs.sglang.io/basic_usage/sampling_params.html> defines it.
/// * llama.cpp: only `ignore_eos`. Its chat completions accept the options of `/completion`, too
///   (<https://github.com/ggml-org/llama.cpp/tree/master/tools/server>).
/// * `TensorRT-LLM`: both in `ChatCompletionRequest` of `tensorrt_llm/serve/openai_protocol.py`.
/// * The simulator: `ignore_eos`.
const SUPPORTERS: &[Supporter] = &[
    Supporter { kind: "vLLM", takes_min_tokens: true },
    Supporter { kind: "SGLang", takes_min_tokens: true },
    Supporter { kind: "TensorRT-LLM", takes_min_tokens: true },
    Supporter { kind: "llama.cpp", takes_min_tokens: false },
    Supporter { kind: crate::domain::live::SIMULATOR_KIND, takes_min_tokens: false },
];

/// Returns the fields that make a server generate exactly `tokens` tokens, to send next to `max_tokens`. If the server
/// is not known to support such fields, the error is a sentence for the user.
pub fn exact_output(server_kind: Option<&str>, api: &Api, tokens: u32) -> Result<Map<String, Value>, String> {
    if ![&CHAT, &COMPLETIONS].contains(&api) {
        return Err(format!(
            "answers may be shorter than asked for: the {} API cannot ignore the end of an answer",
            api.name
        ));
    }
    let Some(server) = SUPPORTERS.iter().find(|server| Some(server.kind) == server_kind) else {
        let server = server_kind.unwrap_or("this server");
        return Err(format!("answers may be shorter than asked for: {server} is not known to take ignore_eos"));
    };
    let mut fields = Map::from_iter([("ignore_eos".to_owned(), json!(true))]);
    if server.takes_min_tokens {
        fields.insert("min_tokens".to_owned(), json!(tokens));
    }
    Ok(fields)
}

#[cfg(test)]
mod tests {
    use serde_json::Value;

    use super::*;
    use crate::protocol::api::{MESSAGES, OLLAMA};
    use crate::protocol::endpoint::server_from_models;

    #[test]
    fn fields_go_only_to_servers_that_take_them() {
        let sent = |owner: &str| {
            let kind = server_from_models(&json!({ "data": [{ "id": "m", "owned_by": owner }] }), &|_| None).kind;
            exact_output(kind.as_deref(), &CHAT, 64).map(Value::Object)
        };
        for owner in ["vllm", "sglang", "tensorrt_llm"] {
            assert_eq!(sent(owner), Ok(json!({ "ignore_eos": true, "min_tokens": 64 })), "{owner}");
        }
        for owner in ["llamacpp", crate::domain::live::SIMULATOR_KIND] {
            assert_eq!(sent(owner), Ok(json!({ "ignore_eos": true })), "{owner}");
        }
        let unknown = "answers may be shorter than asked for: this server is not known to take ignore_eos";
        assert_eq!(sent("openai"), Err(unknown.to_owned()));
        for kind in ["Ollama", "TGI", "LiteLLM"] {
            let why = exact_output(Some(kind), &CHAT, 64).unwrap_err();
            assert_eq!(why, format!("answers may be shorter than asked for: {kind} is not known to take ignore_eos"));
        }
    }

    #[test]
    fn other_apis_of_the_same_server_get_nothing() {
        for api in [&MESSAGES, &OLLAMA] {
            let why = exact_output(Some("vLLM"), api, 64).unwrap_err();
            assert!(why.contains(&format!("the {} API", api.name)), "{why}");
        }
    }
}
