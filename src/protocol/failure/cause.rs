//! Recognises errors that affect every request: a wrong key, model or scheme. Also recognises a flagged prompt and one
//! that is too long, which affect only one request.

use serde_json::Value;

use super::message_in_body;
use crate::domain::refusal::{CONTENT_REFUSED, CONTEXT_EXCEEDED, KEY_REFUSED, MODEL_NOT_FOUND, TLS_EXPECTED};

/// Returns the kind of an HTTP error with this body; `None` if the body names none of these causes.
pub(super) fn kind_of_refusal(http_status: u16, body: &str) -> Option<&'static str> {
    let error = ErrorText::new(body);
    match http_status {
        400 if error.text.contains("plain http request was sent to https port") => Some(TLS_EXPECTED),
        400 if error.text.contains("http request to an https server") => Some(TLS_EXPECTED),
        400 if error.is_about_key() => Some(KEY_REFUSED),
        413 => Some(CONTEXT_EXCEEDED),
        400 | 422 | 500 if error.is_about_context() => Some(CONTEXT_EXCEEDED),
        400 | 404 | 422 if error.is_about_model() => Some(MODEL_NOT_FOUND),
        400 | 403 if error.is_about_content() => Some(CONTENT_REFUSED),
        _ => None,
    }
}

/// Returns whether an error's code or type, in lower case, means that the key is wrong or missing.
pub(super) fn is_key_code(word: &str) -> bool {
    ["invalid_api_key", "api_key_invalid", "authentication_error", "unauthorized"].contains(&word)
}

/// Content of an error body, in lower case.
struct ErrorText {
    /// `code`, `type` and `param` of the error.
    codes: [String; 3],
    /// The server's message. Other fields are left out: some servers echo the whole request there, and its prompt may
    /// contain anything.
    text: String,
}

impl ErrorText {
    fn new(body: &str) -> Self {
        let value: Value = serde_json::from_str(body).unwrap_or_default();
        let error = value.get("error").filter(|e| e.is_object()).unwrap_or(&value);
        let names = ["code", "type", "param"];
        let codes = names.map(|name| error.get(name).and_then(Value::as_str).unwrap_or_default().to_lowercase());
        Self { codes, text: message_in_body(body).to_lowercase() }
    }

    fn is_about_model(&self) -> bool {
        /// Codes and types of OpenAI, Groq, Together, Hugging Face, Mistral, OpenRouter and Azure.
        const WORDS: [&str; 6] =
            ["model_not", "modelnot", "invalid_model", "unknown_model", "deploymentnotfound", "model_access"];
        /// Sentences of vLLM, SGLang, Ollama, llama.cpp, LiteLLM, OpenRouter, DeepSeek, Gemini and Fireworks.
        const SENTENCES: [&str; 11] = [
            "not found",
            "not exist",
            "n't exist",
            "no such model",
            "unknown model",
            "invalid model",
            "not a valid model",
            "unable to access model",
            "is not available",
            "not deployed",
            "not loaded",
        ];
        let [code, kind, param] = &self.codes;
        if [code, kind].iter().any(|word| WORDS.iter().any(|known| word.contains(known))) || param == "model" {
            return true;
        }
        // Anthropic writes no sentence, only the model's name after a colon.
        let is_anthropic = kind == "not_found_error" && self.text.contains("model:");
        let names_model = self.text.contains("model") || self.text.contains("deployment");
        is_anthropic || names_model && SENTENCES.iter().any(|sentence| self.text.contains(sentence))
    }

    fn is_about_key(&self) -> bool {
        /// Sentences of xAI and Gemini, which answer a wrong key with HTTP 400.
        const SENTENCES: [&str; 3] = ["incorrect api key", "invalid api key", "api key not valid"];
        let [code, kind, _param] = &self.codes;
        [code, kind].into_iter().any(|word| is_key_code(word))
            || SENTENCES.iter().any(|sentence| self.text.contains(sentence))
    }

    fn is_about_context(&self) -> bool {
        /// Codes and types of OpenAI, which Groq, Azure and others adopt, and of llama.cpp.
        const WORDS: [&str; 3] = ["context_length_exceeded", "exceed_context_size", "string_above_max_length"];
        /// Sentences of vLLM, llama.cpp, SGLang, TGI, TensorRT-LLM, Anthropic, Gemini, Mistral and the simulator.
        const SENTENCES: [&str; 9] = [
            "maximum context length",
            "available context size",
            "model's context length",
            "maximum model length",
            "prompt is too long",
            "exceeds the maximum number of tokens",
            "max input length",
            "must have less than",
            "exceeds context window",
        ];
        let [code, kind, _param] = &self.codes;
        let is_known = |code: &String| WORDS.iter().any(|word| code.contains(word));
        [code, kind].into_iter().any(is_known) || SENTENCES.iter().any(|sentence| self.text.contains(sentence))
    }

    fn is_about_content(&self) -> bool {
        const SENTENCES: [&str; 6] =
            ["moderation", "flagged", "content policy", "content_policy", "content_filter", "guardrail"];
        SENTENCES.iter().any(|sentence| self.text.contains(sentence))
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_wrong_model_is_recognised_for_every_server() {
        for (status, body) in [
            (404, r#"{"object":"error","message":"The model `x` does not exist.","type":"NotFoundError","code":404}"#),
            (
                404,
                r#"{"error":{"message":"The model `x` does not exist or you do not have access to it.","code":"model_not_found"}}"#,
            ),
            (404, r#"{"error":{"message":"model \"x\" not found, try pulling it first","type":"api_error"}}"#),
            (404, r#"{"error":"model 'x' not found"}"#),
            (
                400,
                r#"{"error":{"message":"/chat/completions: Invalid model name passed in model=x. Call `/v1/models` to view available models for your key.","type":"None","param":"None","code":"400"}}"#,
            ),
            (400, r#"{"error":{"message":"x is not a valid model ID","code":400}}"#),
            (
                400,
                r#"{"object":"error","message":"Invalid model: x","type":"invalid_model","param":null,"code":"1500"}"#,
            ),
            (
                400,
                r#"{"error":{"message":"Model Not Exist","type":"invalid_request_error","code":"invalid_request_error"}}"#,
            ),
            (404, r#"{"type":"error","error":{"type":"not_found_error","message":"model: x"}}"#),
            (
                404,
                r#"{"error":{"code":"DeploymentNotFound","message":"The API deployment for this resource does not exist."}}"#,
            ),
            (404, r#"{"error":{"message":"Unable to access model x","param":"model","code":"model_not_available"}}"#),
            (
                400,
                r#"{"error":{"message":"The requested model 'x' is not supported by any provider","code":"model_not_supported"}}"#,
            ),
        ] {
            assert_eq!(kind_of_refusal(status, body), Some(MODEL_NOT_FOUND), "{body}");
        }
    }

    #[test]
    fn a_prompt_beyond_the_context_is_recognised_for_every_server() {
        for (status, body) in [
            (
                400,
                r#"{"object":"error","message":"This model's maximum context length is 4096 tokens. However, you requested 10272 tokens (10240 in the messages, 32 in the completion).","type":"BadRequestError","code":400}"#,
            ),
            (
                400,
                r#"{"error":{"code":400,"message":"the request exceeds the available context size, try increasing it","type":"exceed_context_size_error","n_prompt_tokens":10240,"n_ctx":4096}}"#,
            ),
            (400, r#"{"error":{"message":"x","type":"invalid_request_error","code":"context_length_exceeded"}}"#),
            (
                400,
                r#"{"object":"error","message":"The input (10240 tokens) is longer than the model's context length (4096 tokens).","type":"BadRequestError"}"#,
            ),
            (
                422,
                r#"{"error":"Input validation error: `inputs` must have less than 4096 tokens. Given: 10240","error_type":"validation"}"#,
            ),
            (
                400,
                r#"{"type":"error","error":{"type":"invalid_request_error","message":"prompt is too long: 210000 tokens > 200000 maximum"}}"#,
            ),
            (
                400,
                r#"{"error":{"code":400,"message":"The input token count (2000000) exceeds the maximum number of tokens allowed (1048576)."}}"#,
            ),
            (413, "<html><h1>413 Request Entity Too Large</h1></html>"),
        ] {
            assert_eq!(kind_of_refusal(status, body), Some(CONTEXT_EXCEEDED), "{body}");
        }
    }

    #[test]
    fn a_wrong_key_is_recognised_without_status_401() {
        for body in [
            r#"{"code":"Client specified an invalid argument","error":"Incorrect API key provided: sk."}"#,
            r#"[{"error":{"code":400,"message":"API key not valid. Please pass a valid API key.","status":"INVALID_ARGUMENT"}}]"#,
            r#"{"error":{"message":"no","code":"invalid_api_key"}}"#,
            r#"{"error":{"message":"no","type":"authentication_error"}}"#,
        ] {
            assert_eq!(kind_of_refusal(400, body), Some(KEY_REFUSED), "{body}");
        }
        assert_eq!(kind_of_refusal(400, r#"{"error":{"message":"the API key header is deprecated"}}"#), None);
    }

    #[test]
    fn errors_of_a_single_request_are_not_a_wrong_model() {
        for (status, body) in [
            (
                400,
                r#"{"error":{"message":"Unsupported value: 'temperature' does not support 0.7 with this model.","param":"temperature"}}"#,
            ),
            (429, r#"{"error":{"message":"Rate limit reached for model `x`","code":"rate_limit_exceeded"}}"#),
            (500, r#"{"error":{"message":"model not found in the cache"}}"#),
            (422, r#"{"detail":[{"msg":"Field required","input":{"model":"x","prompt":"why is my page not found"}}]}"#),
            (404, "404 page not found"),
            (404, r#"{"detail":"Not Found"}"#),
            (400, "not json"),
        ] {
            assert_eq!(kind_of_refusal(status, body), None, "{body}");
        }
    }

    #[test]
    fn a_flagged_prompt_and_a_port_for_tls_have_their_own_kinds() {
        let flagged = r#"{"error":{"code":403,"message":"Input was flagged","metadata":{"reasons":["violence"]}}}"#;
        assert_eq!(kind_of_refusal(403, flagged), Some(CONTENT_REFUSED));
        assert_eq!(kind_of_refusal(403, r#"{"error":{"message":"invalid key"}}"#), None);
        for body in [
            "<center>The plain HTTP request was sent to HTTPS port</center>",
            "Client sent an HTTP request to an HTTPS server.\n",
        ] {
            assert_eq!(kind_of_refusal(400, body), Some(TLS_EXPECTED));
        }
    }
}
