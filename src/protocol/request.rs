//! The request body.

use serde_json::{Map, Value, json};

use crate::domain::prefix_cache::made_unique;
use crate::domain::suite::CaseSpec;

/// What is asked about token counts; of two, the greater asks for more.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord)]
pub enum AskUsage {
    /// Nothing.
    No,
    /// The counts at the end.
    AtEnd,
    /// The counts so far with every event.
    Along,
}

impl AskUsage {
    /// What to ask a server of this kind; those that do not know a field may refuse it.
    pub fn of(server_kind: Option<&str>) -> Self {
        match server_kind {
            Some("vLLM" | "SGLang" | "TensorRT-LLM") => Self::Along,
            _ => Self::AtEnd,
        }
    }

    /// What to ask once this was refused.
    pub const fn less(self) -> Option<Self> {
        match self {
            Self::Along => Some(Self::AtEnd),
            Self::AtEnd => Some(Self::No),
            Self::No => None,
        }
    }

    /// The name of what [`Self::less`] leaves out.
    pub const fn field(self) -> &'static str {
        if matches!(self, Self::Along) { "continuous_usage_stats" } else { "stream_options" }
    }
}

/// The body of a streaming chat completion; `extra` of the case has the last word. A nonce goes before everything else
/// of the prompt.
pub fn body(case: &CaseSpec, model: &str, usage: AskUsage, nonce: Option<&str>) -> Value {
    let mut messages = json!(case.messages);
    if let (Some(nonce), Some(first)) = (nonce, case.messages.first()) {
        messages[0]["content"] = made_unique(nonce, &first.content).into();
    }
    let mut body = Map::new();
    body.insert("model".into(), model.into());
    body.insert("messages".into(), messages);
    body.insert("max_tokens".into(), case.max_tokens.into());
    body.insert("temperature".into(), case.temperature.into());
    body.insert("stream".into(), true.into());
    match usage {
        AskUsage::No => {}
        AskUsage::AtEnd => drop(body.insert("stream_options".into(), json!({ "include_usage": true }))),
        AskUsage::Along => {
            let options = json!({ "include_usage": true, "continuous_usage_stats": true });
            body.insert("stream_options".into(), options);
        }
    }
    body.extend(case.extra.clone());
    Value::Object(body)
}

/// Whether an error is about `stream_options`, so that asking once more with less of it may help.
pub fn refuses_stream_options(http_status: u16, message: &str) -> bool {
    let names = ["stream_options", "include_usage", "continuous_usage_stats"];
    matches!(http_status, 400 | 422) && names.iter().any(|name| message.contains(name))
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::domain::suite::Message;

    fn case(extra: &Value) -> CaseSpec {
        let message = |role: &str, content: &str| Message { role: role.into(), content: content.into() };
        CaseSpec {
            name: "c".into(),
            model: None,
            messages: vec![message("system", "Be brief."), message("user", "hi")],
            max_tokens: 5,
            temperature: 0.5,
            timeout: std::time::Duration::from_secs(1),
            extra: extra.as_object().unwrap().clone(),
        }
    }

    #[test]
    fn extra_goes_in_as_it_is_and_wins() {
        let case = case(&json!({ "top_p": 0.9, "temperature": 0 }));
        let messages = json!([{ "role": "system", "content": "Be brief." }, { "role": "user", "content": "hi" }]);
        let expected = json!({ "model": "m", "messages": messages, "max_tokens": 5, "temperature": 0, "stream": true,
            "stream_options": { "include_usage": true }, "top_p": 0.9 });
        assert_eq!(body(&case, "m", AskUsage::AtEnd, None), expected);
        assert!(body(&case, "m", AskUsage::No, None).get("stream_options").is_none());
    }

    #[test]
    fn a_nonce_comes_before_the_system_text_and_changes_nothing_else() {
        let case = case(&json!({}));
        let (plain, unique) = (body(&case, "m", AskUsage::No, None), body(&case, "m", AskUsage::No, Some("0a1b2c3d")));
        let mut expected = plain;
        expected["messages"][0]["content"] = "[0a1b2c3d]\nBe brief.".into();
        assert_eq!(unique, expected);
    }

    #[test]
    fn messages_of_extra_go_out_as_they_are() {
        let own = json!([{ "role": "user", "content": "own" }]);
        let case = case(&json!({ "messages": own }));
        assert_eq!(body(&case, "m", AskUsage::No, Some("0a1b2c3d"))["messages"], own);
        assert!(!case.takes_nonce());
        assert!(!CaseSpec { messages: Vec::new(), extra: Map::new(), ..case }.takes_nonce());
    }

    #[test]
    fn counts_along_are_asked_only_of_those_that_know_it_and_less_after_a_refusal() {
        for (kind, expected) in
            [(Some("vLLM"), AskUsage::Along), (Some("llama.cpp"), AskUsage::AtEnd), (None, AskUsage::AtEnd)]
        {
            assert_eq!(AskUsage::of(kind), expected, "{kind:?}");
        }
        let options = body(&case(&json!({})), "m", AskUsage::Along, None)["stream_options"].clone();
        assert_eq!(options, json!({ "include_usage": true, "continuous_usage_stats": true }));
        assert_eq!(AskUsage::Along.less().and_then(AskUsage::less), Some(AskUsage::No));
        assert_eq!(AskUsage::No.less(), None);
        assert!(AskUsage::Along > AskUsage::AtEnd && AskUsage::AtEnd > AskUsage::No);
    }

    #[test]
    fn only_a_refusal_that_names_the_option_counts() {
        assert!(refuses_stream_options(400, "Validation error at #/stream_options: Extra inputs are not permitted"));
        assert!(refuses_stream_options(422, "continuous_usage_stats: extra fields not permitted"));
        assert!(!refuses_stream_options(500, "stream_options"));
        assert!(!refuses_stream_options(400, "max_tokens is too large"));
    }
}
