//! Parses an endpoint's address, and recognises the server behind it.

use std::collections::HashSet;

use serde_json::Value;

use super::api::{APIS, Api, CHAT};
use super::url::{split_query, with_http_scheme};
use crate::domain::live::{SIMULATOR_KIND, ServerInfo};

/// Parses an address that the user typed. Returns the base address without a trailing slash, and the API.
///
/// The API is `wanted` if given, otherwise the API whose path ends the address, otherwise chat completions. A bare host
/// gets the API's usual path. A query, such as Azure's `?api-version=…`, stays at the end and is sent with every
/// request.
pub fn resolve(typed: &str, wanted: Option<&'static Api>) -> Result<(String, &'static Api), String> {
    let typed = typed.trim();
    let Some(with_scheme) = with_http_scheme(typed) else {
        return Err(format!("'{typed}' is not an HTTP address; use one like http://localhost:8000/v1"));
    };
    let (plain, query) = split_query(with_scheme.split('#').next().unwrap_or_default());
    let plain = plain.trim_end_matches('/');
    let (scheme, rest) = plain.split_once("://").unwrap_or_default();
    let (host, path) = rest.split_at(rest.find('/').unwrap_or(rest.len()));
    if host.is_empty() {
        return Err(format!("'{typed}' has no host; use an address like http://localhost:8000/v1"));
    }
    let named = APIS.iter().copied().find(|api| is_named_by(path, api));
    let api = wanted.or(named).unwrap_or(&CHAT);
    // `/chat/completions` also ends with `/completions`.
    let longest = named.filter(|named| named.path.ends_with(api.path)).unwrap_or(api).path;
    let mut path = path.strip_suffix(longest).unwrap_or(path).trim_end_matches('/').to_owned();
    if api.needs_root && !path.ends_with(api.root) {
        // The server's OpenAI-compatible API is under /v1; replace this root.
        path.truncate(path.strip_suffix(CHAT.root).map_or(path.len(), str::len));
        path.push_str(api.root);
    }
    // Keep an explicit path; only a bare host gets the usual one.
    Ok((format!("{scheme}://{host}{}{query}", if path.is_empty() { api.root } else { &path }), api))
}

/// Returns the URL of an API's requests. The base address must have no secrets.
pub fn request_url(base_url: &str, api: &Api) -> String {
    format!("{base_url}{}", api.path)
}

/// Returns whether a path ends with an API's path (below the API's root if it needs one), or with its root alone.
fn is_named_by(path: &str, api: &Api) -> bool {
    let rest = path.strip_suffix(api.path);
    rest.is_some_and(|base| !api.needs_root || base.ends_with(api.root))
        || api.is_named_by_root && path.ends_with(api.root)
}

/// Returns the model names of a `/v1/models` response, in order and without duplicates. Ignores blank names: no request
/// can use them.
pub fn model_names(models: &Value) -> Vec<String> {
    let lists = ["data", "models"].iter().filter_map(|name| models.get(*name)).chain([models]);
    let list = lists.filter_map(Value::as_array).find(|list| !list.is_empty());
    let text_of = |m: &Value, key: &str| m.get(key)?.as_str().filter(|name| !name.trim().is_empty()).map(str::to_owned);
    let mut seen = HashSet::new();
    let names = list.into_iter().flatten().filter_map(|m| text_of(m, "id").or_else(|| text_of(m, "name")));
    names.filter(|name| seen.insert(name.clone())).collect()
}

/// Name of LiteLLM's version header. Some of its responses have only the other headers of [`LITELLM_HEADERS`].
const LITELLM_VERSION: &str = "x-litellm-version";
const LITELLM_HEADERS: [&str; 4] =
    [LITELLM_VERSION, "x-litellm-call-id", "x-litellm-model-id", "x-litellm-model-group"];

/// Recognises kind and version of the server from response headers. `header` looks up a header by its lower-case name.
pub fn server_from_headers(header: &dyn Fn(&str) -> Option<String>) -> ServerInfo {
    if LITELLM_HEADERS.iter().any(|name| header(name).is_some()) {
        return ServerInfo { kind: Some("LiteLLM".to_owned()), version: header(LITELLM_VERSION) };
    }
    let server = header("server").unwrap_or_default();
    let kind = match server {
        server if server.starts_with("llama.cpp") => Some("llama.cpp"),
        server if server.strip_prefix(SIMULATOR_KIND).is_some_and(|rest| rest.starts_with('/')) => Some(SIMULATOR_KIND),
        _ => None,
    };
    ServerInfo { kind: kind.map(str::to_owned), version: None }
}

/// Recognises the kind of server from its model list. Headers of a gateway or simulator take precedence: behind a
/// gateway, the first model's owner is another server.
pub fn server_from_models(models: &Value, header: &dyn Fn(&str) -> Option<String>) -> ServerInfo {
    let by_headers = server_from_headers(header);
    if by_headers.kind.is_some() {
        return by_headers;
    }
    let owner = models["data"][0]["owned_by"].as_str().unwrap_or_default();
    let kind = match owner {
        "vllm" => Some("vLLM"),
        "sglang" => Some("SGLang"),
        "llamacpp" => Some("llama.cpp"),
        "tensorrt_llm" => Some("TensorRT-LLM"),
        SIMULATOR_KIND => Some(SIMULATOR_KIND),
        _ => None,
    };
    ServerInfo { kind: kind.map(str::to_owned), version: None }
}

/// Paths below the root of the host where servers report their version, in the order to try. The second field is the
/// kind of server that a valid response proves; `None` if the path proves no kind. The third is a JSON pointer to the
/// version.
pub const IDENTITY: &[(&str, Option<&str>, &str)] = &[
    ("/version", None, "/version"),
    ("/api/version", Some("Ollama"), "/version"),
    ("/props", Some("llama.cpp"), "/build_info"),
    ("/server_info", Some("SGLang"), "/version"),
    ("/get_server_info", Some("SGLang"), "/version"),
    ("/info", Some("TGI"), "/version"),
    ("/health/readiness", Some("LiteLLM"), "/litellm_version"),
];

#[cfg(test)]
mod tests {
    use serde_json::json;

    use super::*;
    use crate::protocol::api::{COMPLETIONS, MESSAGES, OLLAMA, RESPONSES};
    use crate::protocol::url::address_below;

    fn resolved(typed: &str, wanted: Option<&'static Api>) -> (String, &'static str) {
        let (base, api) = resolve(typed, wanted).unwrap();
        (base, api.name)
    }

    #[test]
    fn every_form_of_an_address_is_resolved() {
        for typed in
            ["http://h:8000", "http://h:8000/", "h:8000", "http://h:8000/v1/", "http://h:8000/v1/chat/completions"]
        {
            assert_eq!(resolved(typed, None), ("http://h:8000/v1".to_owned(), "chat"), "{typed}");
        }
        for (typed, base) in [
            ("HTTP://h:8000/v1", "http://h:8000/v1"),
            ("HtTpS://h", "https://h/v1"),
            // A URL inside a query is not a scheme.
            ("h:8000?next=ftp://x", "http://h:8000/v1?next=ftp://x"),
        ] {
            assert_eq!(resolved(typed, None).0, base);
        }
        assert_eq!(resolved("https://h/api/openai", None).0, "https://h/api/openai");
        assert_eq!(resolved("http://h/chat/completions", None).0, "http://h/v1");
        assert!(resolve("ftp://h", None).is_err() && resolve("http://", None).is_err());
        assert!(resolve("http:///v1", None).is_err());
    }

    #[test]
    fn an_address_selects_its_api_unless_one_is_given() {
        for (typed, base, api) in [
            ("http://h:11434/api/chat", "http://h:11434/api", "ollama"),
            ("http://h:11434/api/", "http://h:11434/api", "ollama"),
            ("https://h/v1/responses", "https://h/v1", "responses"),
            ("https://h/v1/messages", "https://h/v1", "messages"),
            ("https://h/api/v1", "https://h/api/v1", "chat"),
            ("http://h/api/chat/completions", "http://h/api", "chat"),
            ("http://api", "http://api/v1", "chat"),
            ("http://h/v1/completions", "http://h/v1", "completions"),
        ] {
            assert_eq!(resolved(typed, None), (base.to_owned(), api), "{typed}");
        }
        for typed in ["h:11434", "h:11434/v1", "h:11434/api", "h:11434/api/chat"] {
            assert_eq!(resolved(typed, Some(&OLLAMA)).0, "http://h:11434/api", "{typed}");
        }
        assert_eq!(resolved("http://h/api", Some(&CHAT)).0, "http://h/api");
        assert_eq!(resolved("https://h", Some(&MESSAGES)).0, "https://h/v1");
        for typed in ["h:1", "h:1/v1", "h:1/v1/completions", "h:1/v1/chat/completions"] {
            assert_eq!(resolved(typed, Some(&COMPLETIONS)).0, "http://h:1/v1", "{typed}");
        }
    }

    #[test]
    fn a_query_stays_at_the_end_of_every_path() {
        let azure = "https://h/openai/deployments/d/chat/completions?api-version=2024-10-21#x";
        let base = resolved(azure, None).0;
        assert_eq!(base, "https://h/openai/deployments/d?api-version=2024-10-21");
        assert_eq!(
            address_below(&base, "/chat/completions"),
            "https://h/openai/deployments/d/chat/completions?api-version=2024-10-21"
        );
        assert_eq!(resolved("h/?a=/b&c", None).0, "http://h/v1?a=/b&c");
        assert_eq!(resolved("h?", None).0, "http://h/v1");
        assert_eq!(address_below("http://h/v1", "/models"), "http://h/v1/models");
    }

    #[test]
    fn the_request_address_ends_with_the_path_of_the_api() {
        assert_eq!(request_url("http://h/v1", &CHAT), "http://h/v1/chat/completions");
        assert_eq!(request_url("http://h/v1", &COMPLETIONS), "http://h/v1/completions");
        assert_eq!(request_url("http://h/v1", &RESPONSES), "http://h/v1/responses");
        assert_eq!(request_url("http://h/v1", &MESSAGES), "http://h/v1/messages");
        assert_eq!(request_url("http://h/api", &OLLAMA), "http://h/api/chat");
    }

    #[test]
    fn model_lists_of_every_shape_are_read() {
        assert_eq!(model_names(&json!({"data":[{"id":"a"},{"id":"b"}]})), ["a", "b"]);
        assert_eq!(model_names(&json!({"data":null})), Vec::<String>::new());
        assert_eq!(model_names(&json!({"models":[{"name":"x"}]})), ["x"]);
        assert_eq!(model_names(&json!({"data":[{"id":""},{"id":" "},{"id":"a"}]})), ["a"], "blank names are ignored");
        for empty in [json!(null), json!([])] {
            assert_eq!(model_names(&json!({"data":empty,"models":[{"id":"","name":"x"}]})), ["x"]);
        }
        let twice = json!({"data":[{"id":"b"},{"id":"a"},{"id":"b"},{"id":"a"}]});
        assert_eq!(model_names(&twice), ["b", "a"], "each once, in the order of the list");
        let owned = json!({"data":[{"id":"a","owned_by":"vllm"}]});
        assert_eq!(server_from_models(&owned, &|_| None).kind.as_deref(), Some("vLLM"));
    }

    #[test]
    fn litellm_is_recognised_by_its_headers() {
        let with = |headers: &'static [(&str, &str)]| {
            move |name: &str| headers.iter().find(|(n, _)| *n == name).map(|(_, value)| (*value).to_owned())
        };
        let owned = json!({"data":[{"id":"a","owned_by":"vllm"}]});
        let versioned = with(&[("server", "uvicorn"), ("x-litellm-version", "1.83.14")]);
        let litellm = |version: Option<&str>| ServerInfo {
            kind: Some("LiteLLM".to_owned()),
            version: version.map(str::to_owned),
        };
        assert_eq!(server_from_models(&owned, &versioned), litellm(Some("1.83.14")));
        assert_eq!(server_from_headers(&with(&[("x-litellm-call-id", "2a8d")])), litellm(None));
        assert_eq!(server_from_headers(&with(&[("server", "uvicorn")])), ServerInfo::default());
    }

    #[test]
    fn the_simulator_is_recognised_by_model_owner_and_header() {
        let kind = |models: &Value, server: Option<&str>| {
            server_from_models(models, &|name| server.filter(|_| name == "server").map(str::to_owned)).kind
        };
        let plain = json!({"data":[{"id":"a","owned_by":"me"}]});
        assert_eq!(
            kind(&json!({"data":[{"id":"a","owned_by":SIMULATOR_KIND}]}), None).as_deref(),
            Some(SIMULATOR_KIND)
        );
        assert_eq!(kind(&plain, Some("tokscope-sim/0.1.0")).as_deref(), Some(SIMULATOR_KIND));
        assert_eq!(kind(&json!({"data":null}), Some("tokscope-sim/0.1.0")).as_deref(), Some(SIMULATOR_KIND));
        assert_eq!(kind(&plain, Some("tokscope-simple/1")), None);
        assert_eq!(kind(&plain, Some("nginx")), None);
    }
}
