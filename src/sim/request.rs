//! Parses requests for chat and legacy completions, and checks them as strictly as a real server.

use serde::Deserialize;
use serde_json::Value;

use super::fault::{self, DEFAULT_AFTER_TOKENS, PlannedFault};
use super::format::Format;
use super::media;
use super::structured::{AnswerForm, FormRequest, ToolEntry};
use super::tokens::pieces;
use super::wire::Refusal;

/// Content of a request.
#[derive(Clone, Debug)]
pub struct ChatRequest {
    /// Messages with their roles, one per line; or the prompt.
    pub conversation: String,
    /// Number of prompt tokens: pieces of the text plus the overhead of a chat template.
    pub prompt_tokens: u64,
    /// Maximum number of tokens to generate; `None` to stop at the end of the answer.
    pub max_tokens: Option<u64>,
    /// Whether to stream the answer.
    pub stream: bool,
    /// `stream_options.include_usage`; `None` without `stream_options`.
    pub include_usage: Option<bool>,
    /// Whether to generate reasoning before the answer.
    pub thinking: bool,
    /// Whether to generate `max_tokens` tokens even if the text ends earlier.
    pub ignore_eos: bool,
    /// Seed for reproducible deadlines.
    pub seed: Option<u64>,
    /// Failure to simulate.
    pub planned: Option<PlannedFault>,
    /// Form of the answer.
    pub form: AnswerForm,
}

#[derive(Deserialize)]
struct Body {
    model: Option<String>,
    messages: Option<Vec<Message>>,
    prompt: Option<Prompt>,
    max_tokens: Option<i64>,
    max_completion_tokens: Option<i64>,
    n: Option<u64>,
    stream: Option<bool>,
    stream_options: Option<StreamOptions>,
    seed: Option<i64>,
    ignore_eos: Option<bool>,
    reasoning_effort: Option<String>,
    chat_template_kwargs: Option<TemplateArguments>,
    tools: Option<Vec<Value>>,
    tool_choice: Option<Value>,
    response_format: Option<Value>,
    tokscope_sim: Option<SimField>,
}

#[derive(Deserialize)]
struct Message {
    role: String,
    content: Option<Content>,
}

#[derive(Deserialize)]
#[serde(untagged)]
enum Content {
    Text(String),
    Parts(Vec<Part>),
}

#[derive(Deserialize)]
#[serde(untagged)]
enum Prompt {
    One(String),
    Several(Vec<String>),
}

#[derive(Deserialize)]
struct Part {
    text: Option<String>,
    image_url: Option<ImageUrl>,
    input_audio: Option<InputAudio>,
}

#[derive(Deserialize)]
struct ImageUrl {
    url: String,
}

#[derive(Deserialize)]
struct InputAudio {
    data: String,
}

#[derive(Deserialize)]
struct StreamOptions {
    include_usage: Option<bool>,
}

#[derive(Deserialize)]
struct TemplateArguments {
    enable_thinking: Option<bool>,
}

/// Value of `tokscope_sim`.
#[derive(Deserialize)]
#[serde(deny_unknown_fields)]
pub(super) struct SimField {
    fault: Option<String>,
    after_tokens: Option<u64>,
}

/// Parses and checks the body of a request. `model` is the only model of the server.
pub fn read(body: &[u8], model: &str, format: Format) -> Result<ChatRequest, Refusal> {
    let body: Body = serde_json::from_slice(body).map_err(|e| Refusal::bad(&format!("Invalid request body: {e}")))?;
    let requested_model = body.model.ok_or_else(|| Refusal::bad_parameter("model", "Field required"))?;
    if requested_model != model {
        return Err(Refusal::unknown_model(&requested_model));
    }
    if body.n.is_some_and(|n| n != 1) {
        return Err(Refusal::bad_parameter("n", "Only one choice is generated"));
    }
    let stream = body.stream.unwrap_or(false);
    if body.stream_options.is_some() && !stream {
        return Err(Refusal::bad_parameter("stream_options", "stream_options are only allowed with stream: true"));
    }
    let tools = body.tools.unwrap_or_default();
    let tool_tokens: u64 = tools.iter().map(|tool| pieces(&tool.to_string()).count() as u64).sum();
    let tools: Result<Vec<ToolEntry>, _> = tools.into_iter().map(serde_json::from_value).collect();
    let tools = tools.map_err(|e| Refusal::bad_parameter("tools", &e.to_string()))?;
    let forms = FormRequest { tools, tool_choice: body.tool_choice, response_format: body.response_format };
    let Conversation { text: conversation, tokens, last_question } = match format {
        Format::Chat => read_messages(body.messages)?,
        Format::Completion => read_prompt(body.prompt)?,
    };
    let thinking_off = body.reasoning_effort.as_deref() == Some("none")
        || body.chat_template_kwargs.and_then(|a| a.enable_thinking) == Some(false);
    Ok(ChatRequest {
        conversation,
        prompt_tokens: tokens + tool_tokens,
        max_tokens: limit(body.max_completion_tokens.or(body.max_tokens))?,
        stream,
        include_usage: body.stream_options.map(|options| options.include_usage.unwrap_or(false)),
        thinking: format == Format::Chat && !thinking_off,
        ignore_eos: body.ignore_eos.unwrap_or(false),
        seed: body.seed.map(i64::cast_unsigned),
        planned: body.tokscope_sim.map(plan).transpose()?.flatten(),
        form: forms.decide(last_question.as_deref())?,
    })
}

/// The messages or the prompt of a request.
struct Conversation {
    text: String,
    tokens: u64,
    /// Text of the last message, if it is the user's.
    last_question: Option<String>,
}

fn read_prompt(prompt: Option<Prompt>) -> Result<Conversation, Refusal> {
    let text = match prompt {
        Some(Prompt::One(prompt)) => prompt,
        Some(Prompt::Several(prompts)) if prompts.len() == 1 => prompts.concat(),
        Some(Prompt::Several(_)) => return Err(Refusal::bad_parameter("prompt", "Only one prompt is continued")),
        None => return Err(Refusal::bad_parameter("prompt", "Field required")),
    };
    // The start token.
    let tokens = 1 + pieces(&text).count() as u64;
    Ok(Conversation { text, tokens, last_question: None })
}

fn read_messages(messages: Option<Vec<Message>>) -> Result<Conversation, Refusal> {
    let messages = messages.ok_or_else(|| Refusal::bad_parameter("messages", "Field required"))?;
    if messages.is_empty() {
        return Err(Refusal::bad_parameter("messages", "There must be at least one message"));
    }
    let mut conversation = String::new();
    let mut last_question = None;
    let mut tokens = 3;
    for message in messages {
        if !matches!(message.role.as_str(), "system" | "developer" | "user" | "assistant" | "tool") {
            return Err(Refusal::bad_parameter("messages", &format!("unknown role '{}'", message.role)));
        }
        let text = match message.content {
            None => String::new(),
            Some(Content::Text(text)) => text,
            Some(Content::Parts(parts)) => {
                let mut text = String::new();
                for part in parts {
                    text += &part.text.unwrap_or_default();
                    let image = part.image_url.map(|image| media::image(&image.url)).transpose()?;
                    let audio = part.input_audio.map(|audio| media::audio(&audio.data)).transpose()?;
                    for (media_tokens, checksum) in image.into_iter().chain(audio) {
                        tokens += media_tokens;
                        // Prompts with different images have no common cache.
                        conversation.extend(["<", &checksum.to_string(), ">"]);
                    }
                }
                text
            }
        };
        tokens += 4 + pieces(&text).count() as u64;
        conversation.extend([message.role.as_str(), ": ", &text, "\n"]);
        last_question = (message.role == "user").then_some(text);
    }
    Ok(Conversation { text: conversation, tokens, last_question })
}

fn limit(max_tokens: Option<i64>) -> Result<Option<u64>, Refusal> {
    let Some(max_tokens) = max_tokens else { return Ok(None) };
    let positive = u64::try_from(max_tokens).ok().filter(|&n| n > 0);
    let refusal = || Refusal::bad_parameter("max_tokens", &format!("max_tokens must be at least 1, got {max_tokens}"));
    positive.map(Some).ok_or_else(refusal)
}

/// Returns the failure that a request asks for.
pub(super) fn plan(field: SimField) -> Result<Option<PlannedFault>, Refusal> {
    let Some(name) = field.fault else { return Ok(None) };
    let fault = fault::find(&name).map_err(|message| Refusal::bad_parameter("tokscope_sim", &message))?;
    Ok(Some(PlannedFault { fault, after_tokens: field.after_tokens.unwrap_or(DEFAULT_AFTER_TOKENS) }))
}

#[cfg(test)]
mod tests {
    use serde_json::json;

    use super::*;
    use crate::sim::fault::Fault;

    fn parse_with(more: &Value) -> Result<ChatRequest, Refusal> {
        let mut body = json!({ "model": "m", "messages": [{ "role": "user", "content": "Write SQL." }] });
        body.as_object_mut().unwrap().extend(more.as_object().unwrap().clone());
        read(body.to_string().as_bytes(), "m", Format::Chat)
    }

    #[test]
    fn omitted_fields_have_their_defaults() {
        let request = parse_with(&json!({})).unwrap();
        assert_eq!((request.max_tokens, request.stream, request.include_usage), (None, false, None));
        assert!(request.thinking && !request.ignore_eos && request.planned.is_none());
    }

    #[test]
    fn prompt_tokens_are_pieces_plus_template_overhead() {
        // "Write", " SQL", "."
        assert_eq!(parse_with(&json!({})).unwrap().prompt_tokens, 3 + 4 + 3);
        let parts = json!([{ "type": "text", "text": "Write" }, { "type": "text", "text": " SQL." }]);
        let two = json!({ "messages": [{ "role": "system", "content": null }, { "role": "user", "content": parts }] });
        let request = parse_with(&two).unwrap();
        assert_eq!(request.prompt_tokens, 3 + 4 + 4 + 3);
        assert_eq!(request.conversation, "system: \nuser: Write SQL.\n");
    }

    #[test]
    fn a_completion_has_one_prompt_without_a_template() {
        let parse = |prompt: Value| {
            let body = json!({ "model": "m", "prompt": prompt });
            read(body.to_string().as_bytes(), "m", Format::Completion)
        };
        for prompt in [json!("Write SQL."), json!(["Write SQL."])] {
            let request = parse(prompt).unwrap();
            assert_eq!(
                (request.conversation.as_str(), request.prompt_tokens, request.thinking),
                ("Write SQL.", 4, false)
            );
        }
        for prompt in [json!(null), json!(["a", "b"]), json!([])] {
            let refusal = parse(prompt).unwrap_err();
            assert!(refusal.status == 400 && refusal.body().to_string().contains("prompt"), "{}", refusal.body());
        }
    }

    #[test]
    fn images_take_prompt_tokens_and_tell_prompts_apart() {
        let prompt = |rest: &[u8]| {
            let png = [b"\x89PNG\r\n\x1a\n\0\0\0\rIHDR\0\0\0\x38\0\0\0\x38", rest].concat();
            let url =
                format!("data:image/png;base64,{}", base64::Engine::encode(&base64::prelude::BASE64_STANDARD, png));
            let parts =
                json!([{ "type": "text", "text": "Look." }, { "type": "image_url", "image_url": { "url": url } }]);
            parse_with(&json!({ "messages": [{ "role": "user", "content": parts }] })).unwrap()
        };
        let (one, other) = (prompt(b"1"), prompt(b"2"));
        // "Look", "." and 2 x 2 squares.
        assert_eq!(one.prompt_tokens, 3 + 4 + 2 + 4);
        assert_ne!(one.conversation, other.conversation);
        let unknown =
            json!({ "messages": [{ "role": "user", "content": [{ "image_url": { "url": "data:;base64,AAAA" } }] }] });
        assert_eq!(parse_with(&unknown).unwrap_err().status, 400);
    }

    #[test]
    fn the_newer_name_of_the_limit_wins() {
        let request = parse_with(&json!({ "max_tokens": 5, "max_completion_tokens": 7 })).unwrap();
        assert_eq!(request.max_tokens, Some(7));
    }

    #[test]
    fn reasoning_can_be_switched_off() {
        for off in
            [json!({ "reasoning_effort": "none" }), json!({ "chat_template_kwargs": { "enable_thinking": false } })]
        {
            assert!(!parse_with(&off).unwrap().thinking, "{off}");
        }
        assert!(parse_with(&json!({ "reasoning_effort": "low", "chat_template_kwargs": {} })).unwrap().thinking);
    }

    #[test]
    fn faults_are_found_by_name() {
        let planned = |field: Value| parse_with(&json!({ "tokscope_sim": field })).unwrap().planned;
        let cut = |after_tokens| Some(PlannedFault { fault: Fault::Cut, after_tokens });
        assert_eq!(planned(json!({ "fault": "cut", "after_tokens": 3 })), cut(3));
        assert_eq!(planned(json!({ "fault": "cut" })), cut(DEFAULT_AFTER_TOKENS));
        assert_eq!(planned(json!({})), None);
    }

    #[test]
    fn bad_requests_are_rejected_with_the_parameter() {
        for (more, status, named) in [
            (json!({ "model": "other" }), 404, "other"),
            (json!({ "model": null }), 400, "model"),
            (json!({ "messages": null }), 400, "messages"),
            (json!({ "messages": [] }), 400, "messages"),
            (json!({ "messages": [{ "role": "robot", "content": "" }] }), 400, "robot"),
            (json!({ "max_tokens": 0 }), 400, "max_tokens"),
            (json!({ "max_tokens": -1 }), 400, "max_tokens"),
            (json!({ "max_tokens": "many" }), 400, "many"),
            (json!({ "n": 2 }), 400, "n"),
            (json!({ "stream_options": { "include_usage": true } }), 400, "stream_options"),
            (json!({ "tools": [{ "name": "f" }] }), 400, "tools"),
            (json!({ "tool_choice": "required" }), 400, "tool_choice"),
            (json!({ "response_format": { "type": "xml" } }), 400, "xml"),
            (json!({ "tokscope_sim": { "fault": "fire" } }), 400, "fire"),
            (json!({ "tokscope_sim": { "faults": "cut" } }), 400, "faults"),
        ] {
            let refusal = parse_with(&more).unwrap_err();
            assert_eq!(refusal.status, status, "{more}");
            assert!(refusal.body().to_string().contains(named), "{more}: {}", refusal.body());
        }
        assert_eq!(read(b"{\"model\":", "m", Format::Chat).unwrap_err().status, 400);
    }
}
