//! Addresses of an endpoint, and who answers there.

use serde_json::Value;

use crate::domain::live::{SIMULATOR_KIND, ServerInfo};

/// The base address with `/v1` and without a slash at the end, from what a user may type.
pub fn base_url(typed: &str) -> Result<String, String> {
    let typed = typed.trim();
    let with_scheme = if typed.contains("://") { typed.to_owned() } else { format!("http://{typed}") };
    if !with_scheme.starts_with("http://") && !with_scheme.starts_with("https://") {
        return Err(format!("'{typed}' is no HTTP address; give one like http://localhost:8000/v1"));
    }
    let plain = with_scheme.split(['?', '#']).next().unwrap_or_default().trim_end_matches('/');
    let plain = plain.strip_suffix("/chat/completions").unwrap_or(plain).trim_end_matches('/');
    let (_scheme, rest) = plain.split_once("://").unwrap_or_default();
    if rest.is_empty() {
        return Err(format!("'{typed}' names no host; give an address like http://localhost:8000/v1"));
    }
    // A path of its own is kept; only a bare host gets the usual one.
    Ok(if rest.contains('/') { plain.to_owned() } else { format!("{plain}/v1") })
}

/// An address without the user name and password it may hold.
pub fn without_secrets(url: &str) -> String {
    match url.split_once("://") {
        Some((scheme, rest)) => {
            let (host, path) = rest.split_once('/').map_or((rest, None), |(h, p)| (h, Some(p)));
            let host = host.rsplit('@').next().unwrap_or(host);
            path.map_or_else(|| format!("{scheme}://{host}"), |p| format!("{scheme}://{host}/{p}"))
        }
        None => url.to_owned(),
    }
}

/// Model names of a `/v1/models` answer.
pub fn model_names(models: &Value) -> Vec<String> {
    let list = models.get("data").or_else(|| models.get("models")).unwrap_or(models);
    let name = |m: &Value| m.get("id").or_else(|| m.get("name"))?.as_str().map(str::to_owned);
    list.as_array().map(|l| l.iter().filter_map(name).collect()).unwrap_or_default()
}

/// What tells a server's kind: the models' owner and the `server` header.
pub fn kind_from_models(models: &Value, server_header: Option<&str>) -> ServerInfo {
    let owner = models["data"][0]["owned_by"].as_str().unwrap_or_default();
    let header = server_header.unwrap_or_default();
    let kind = match owner {
        "vllm" => Some("vLLM"),
        "sglang" => Some("SGLang"),
        "llamacpp" => Some("llama.cpp"),
        "tensorrt_llm" => Some("TensorRT-LLM"),
        SIMULATOR_KIND => Some(SIMULATOR_KIND),
        _ if header.starts_with("llama.cpp") => Some("llama.cpp"),
        // Behind a proxy that makes its own list of models, too.
        _ if header.strip_prefix(SIMULATOR_KIND).is_some_and(|rest| rest.starts_with('/')) => Some(SIMULATOR_KIND),
        _ => None,
    };
    ServerInfo { kind: kind.map(str::to_owned), version: None }
}

/// Where servers tell who they are, below the root of the host, in the order to ask; the second is the kind that an
/// answer with the third, a JSON pointer to the version, proves (`None`: whoever was recognised by other means).
pub const IDENTITY: &[(&str, Option<&str>, &str)] = &[
    ("/version", None, "/version"),
    ("/api/version", Some("Ollama"), "/version"),
    ("/props", Some("llama.cpp"), "/build_info"),
    ("/server_info", Some("SGLang"), "/version"),
    ("/get_server_info", Some("SGLang"), "/version"),
    ("/info", Some("TGI"), "/version"),
];

#[cfg(test)]
mod tests {
    use serde_json::json;

    use super::*;

    #[test]
    fn every_way_to_type_an_address() {
        for typed in
            ["http://h:8000", "http://h:8000/", "h:8000", "http://h:8000/v1/", "http://h:8000/v1/chat/completions"]
        {
            assert_eq!(base_url(typed).unwrap(), "http://h:8000/v1", "{typed}");
        }
        assert_eq!(base_url("https://h/api/openai").unwrap(), "https://h/api/openai");
        assert!(base_url("ftp://h").is_err() && base_url("http://").is_err());
    }

    #[test]
    fn secrets_leave_the_address() {
        assert_eq!(without_secrets("http://u:p@h:1/v1"), "http://h:1/v1");
        assert_eq!(without_secrets("http://h:1/a@b"), "http://h:1/a@b");
    }

    #[test]
    fn models_of_every_shape() {
        assert_eq!(model_names(&json!({"data":[{"id":"a"},{"id":"b"}]})), ["a", "b"]);
        assert_eq!(model_names(&json!({"data":null})), Vec::<String>::new());
        assert_eq!(model_names(&json!({"models":[{"name":"x"}]})), ["x"]);
        assert_eq!(
            kind_from_models(&json!({"data":[{"id":"a","owned_by":"vllm"}]}), None).kind.as_deref(),
            Some("vLLM")
        );
    }

    #[test]
    fn the_simulator_is_known_by_its_owner_and_by_its_header() {
        let kind = |models: &Value, header| kind_from_models(models, header).kind;
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
