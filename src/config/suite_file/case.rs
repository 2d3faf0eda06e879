//! Reads one case, with the suite's defaults.

use std::time::Duration;

use serde_json::{Map, Value};
use toml::de::DeValue;

use super::check::{SchemaFolder, read_checks};
use super::extra::read_extra;
use super::items::{is_for_items, items};
use super::media::CaseMedia;
use super::tools::{check_extra, check_tool_choice, read_response_format, read_tool_choice, read_tools};
use crate::config::toml_file::{Bounds, Section, kind, nearest};
use crate::config::toml_file::{Mistakes, shown};
use crate::domain::check::CheckSpec;
use crate::domain::suite::{CaseSpec, Message, Timeouts};
use crate::domain::tools::{ResponseFormat, Tool, ToolChoice};

/// Keys of a case besides its texts.
const OTHER_KEYS: &[&str] = &["think_time_s", "images", "audio", "check"];

const ROLES: &[&str] = &["system", "user", "assistant"];

/// Keys that `[defaults]` and a case share.
#[derive(Default)]
pub(super) struct Params {
    max_tokens: Option<u32>,
    temperature: Option<f64>,
    timeout: Option<Duration>,
    connect_timeout: Option<Duration>,
    first_token_timeout: Option<Duration>,
    stall_timeout: Option<Duration>,
    model: Option<String>,
    tools: Option<Vec<Tool>>,
    tool_choice: Option<(ToolChoice, usize)>,
    response_format: Option<ResponseFormat>,
    extra: Map<String, Value>,
}

impl Params {
    /// Names of these keys.
    pub(super) const KEYS: &[&str] = &[
        "max_tokens",
        "temperature",
        "timeout_s",
        "connect_timeout_s",
        "first_token_timeout_s",
        "stall_timeout_s",
        "model",
        "tools",
        "tool_choice",
        "response_format",
        "extra",
    ];
    /// End of an error about an unknown key: the place for other parameters.
    pub(super) const HINT: &str = "; other parameters of the request go into extra = { … }";

    pub(super) fn read(section: &Section<'_, '_>, folder: SchemaFolder<'_>, mistakes: &mut Mistakes<'_>) -> Self {
        const TEMPERATURE: Bounds = Bounds { from: 0.0, to: 2.0, what: "a number from 0 to 2" };
        Self {
            max_tokens: section.count("max_tokens", mistakes),
            temperature: section.number("temperature", &TEMPERATURE, mistakes).map(|(number, _at)| number),
            timeout: section.seconds("timeout_s", mistakes),
            connect_timeout: section.seconds("connect_timeout_s", mistakes),
            first_token_timeout: section.seconds("first_token_timeout_s", mistakes),
            stall_timeout: section.seconds("stall_timeout_s", mistakes),
            model: section.text("model", mistakes).map(|(text, _at)| text.to_owned()),
            tools: read_tools(section, folder, mistakes),
            tool_choice: read_tool_choice(section, mistakes),
            response_format: read_response_format(section, folder, mistakes),
            extra: read_extra(section, mistakes),
        }
    }

    /// Reports keys of `[defaults]` that contradict each other.
    pub(super) fn check(&self, section: &Section<'_, '_>, mistakes: &mut Mistakes<'_>) {
        check_extra(section, &self.extra, mistakes);
        // If the defaults have no tools, `tool_choice` is for the tools of the cases.
        if let Some(tools) = &self.tools {
            check_tool_choice(tools, self.tool_choice.as_ref(), mistakes);
        }
    }
}

impl Params {
    /// Returns a case with these parameters, without name and prompt.
    pub(super) fn template(self) -> CaseSpec {
        let case = CaseSpec::new("", Vec::new());
        CaseSpec {
            checks: checks_of_format(self.response_format.as_ref()),
            tools: self.tools.unwrap_or_default(),
            tool_choice: self.tool_choice.map(|(choice, _at)| choice),
            response_format: self.response_format,
            model: self.model,
            max_tokens: self.max_tokens.unwrap_or(case.max_tokens),
            temperature: self.temperature.unwrap_or(case.temperature),
            timeout: self.timeout.unwrap_or(case.timeout),
            patience: Timeouts {
                connect: self.connect_timeout.unwrap_or(case.patience.connect),
                first_token: self.first_token_timeout,
                stall: self.stall_timeout,
            },
            extra: self.extra,
            ..case
        }
    }
}

/// Reads a case. Returns its name with the byte offset, if there is a name, and the case, if it is complete.
pub(super) fn read_case(
    section: &Section<'_, '_>,
    defaults: &Params,
    folder: SchemaFolder<'_>,
    mistakes: &mut Mistakes<'_>,
) -> (Option<(String, usize)>, Option<CaseSpec>) {
    let known =
        [&["name", "prompt", "messages", "turns", "inputs", "query", "documents"][..], OTHER_KEYS, Params::KEYS]
            .concat();
    section.check_keys(&known, Params::HINT, mistakes);
    let own = Params::read(section, folder, mistakes);
    if section.value("name").is_none() {
        mistakes.add(section.at, "this case has no name; give it one: name = \"…\"".to_owned());
    }
    let name = section.name("name", mistakes);
    let checks = section.value("check").map(|_| read_checks(section, folder, mistakes));
    let tools = own.tools.or_else(|| defaults.tools.clone()).unwrap_or_default();
    let inherited = defaults.tool_choice.clone().filter(|_| !tools.is_empty());
    let tool_choice = own.tool_choice.or_else(|| inherited.map(|(choice, _at)| (choice, section.at)));
    check_tool_choice(&tools, tool_choice.as_ref(), mistakes);
    let response_format = own.response_format.or_else(|| defaults.response_format.clone());
    let extra = defaults.extra.clone().into_iter().chain(own.extra).collect();
    check_extra(section, &extra, mistakes);
    let mut media = CaseMedia::read(section, folder, mistakes);
    let shown_name = name.as_ref().map(|(name, _at)| name.as_str());
    let mut conversation = if is_for_items(section) {
        items(section, shown_name, mistakes).map(|messages| (messages, Vec::new()))
    } else {
        conversation(section, shown_name, mistakes)
    };
    if let Some((messages, _)) = &mut conversation {
        media.attach(messages, mistakes);
    }
    let think_time = section.seconds("think_time_s", mistakes);
    if let (Some((_, at)), Some((_, follow_ups))) = (section.value("think_time_s"), &conversation)
        && follow_ups.is_empty()
    {
        mistakes.add(
            at,
            "'think_time_s' is the time between turns, but this case has one; add turns = [\"…\", \"…\"]".to_owned(),
        );
    }
    if let (Some((_, at)), Some((_, follow_ups))) = (section.value("turns"), &conversation)
        && !(tools.is_empty() || follow_ups.is_empty())
    {
        let message =
            "a case with tools cannot have several turns, because nothing answers the calls; remove one of them";
        mistakes.add(at, message.to_owned());
    }
    let case = name.as_ref().zip(conversation).map(|((name, _at), (messages, follow_ups))| CaseSpec {
        name: name.clone(),
        model: own.model.or_else(|| defaults.model.clone()),
        messages,
        follow_ups,
        think_time: think_time.unwrap_or_default(),
        max_tokens: own.max_tokens.or(defaults.max_tokens).unwrap_or(600),
        temperature: own.temperature.or(defaults.temperature).unwrap_or(0.7),
        timeout: own.timeout.or(defaults.timeout).unwrap_or(Duration::from_secs(120)),
        patience: Timeouts {
            connect: own.connect_timeout.or(defaults.connect_timeout).unwrap_or(Timeouts::default().connect),
            first_token: own.first_token_timeout.or(defaults.first_token_timeout),
            stall: own.stall_timeout.or(defaults.stall_timeout),
        },
        checks: checks.unwrap_or_else(|| checks_of_format(response_format.as_ref())),
        generated_images: media.generated,
        tools,
        tool_choice: tool_choice.map(|(choice, _at)| choice),
        response_format,
        extra,
    });
    (name, case)
}

/// Returns the checks of a case that defines none: if the answer must follow a schema, it is checked against the
/// schema.
fn checks_of_format(format: Option<&ResponseFormat>) -> Vec<CheckSpec> {
    match format {
        Some(ResponseFormat::JsonSchema(answer)) => vec![CheckSpec::JsonSchema(answer.schema.clone())],
        Some(ResponseFormat::JsonObject) | None => Vec::new(),
    }
}

/// Reads the messages of the first request, and the user messages of the later turns.
fn conversation(
    section: &Section<'_, '_>,
    name: Option<&str>,
    mistakes: &mut Mistakes<'_>,
) -> Option<(Vec<Message>, Vec<String>)> {
    let case = name.map_or_else(|| "this case".to_owned(), |name| format!("case '{}'", shown(name)));
    let both = |one: &str, other: &str| format!("{case} has both '{one}' and '{other}'; keep one of them");
    match (section.value("prompt"), section.value("messages"), section.value("turns")) {
        (Some(_), Some((_, at)), _) => {
            mistakes.add(at, both("prompt", "messages"));
            None
        }
        (Some(_), None, Some((_, at))) => {
            mistakes.add(at, both("prompt", "turns"));
            None
        }
        (Some(_), None, None) => {
            let (prompt, _at) = section.text("prompt", mistakes)?;
            Some((vec![Message::user(prompt)], Vec::new()))
        }
        (None, None, Some((list, at))) => {
            turns(list, at, mistakes).map(|(first, rest)| (vec![Message::user(first)], rest))
        }
        (None, Some((list, at)), None) => Some((messages(list, at, mistakes)?, Vec::new())),
        (None, Some((list, at)), Some((turn_list, turns_at))) => {
            let opening = messages(list, at, mistakes);
            let (first, rest) = turns(turn_list, turns_at, mistakes)?;
            let mut messages = opening?;
            messages.push(Message::user(first));
            Some((messages, rest))
        }
        (None, None, None) => {
            let advice =
                "give it prompt = \"…\", messages = [{ role = \"user\", content = \"…\" }] or turns = [\"…\", \"…\"]";
            mistakes.add(section.at, format!("{case} has no prompt; {advice}"));
            None
        }
    }
}

/// Reads the user messages of a conversation: the first one and the others.
fn turns<'a>(list: &'a DeValue<'_>, at: usize, mistakes: &mut Mistakes<'_>) -> Option<(&'a str, Vec<String>)> {
    const EXAMPLE: &str = "write turns = [\"first message\", \"second message\"]";
    let DeValue::Array(list) = list else {
        mistakes.add(at, format!("'turns' is {}; it must be a list of messages: {EXAMPLE}", kind(list)));
        return None;
    };
    let mut read = Vec::new();
    for item in list {
        match item.get_ref() {
            DeValue::String(text) => read.push(&**text),
            other => mistakes.add(item.span().start, format!("a turn is {}; it must be text: {EXAMPLE}", kind(other))),
        }
    }
    let mut read = read.into_iter();
    let Some(first) = read.next() else {
        if list.is_empty() {
            mistakes.add(at, format!("'turns' is empty; it must hold at least one message: {EXAMPLE}"));
        }
        return None;
    };
    Some((first, read.map(str::to_owned).collect()))
}

fn messages(list: &DeValue<'_>, at: usize, mistakes: &mut Mistakes<'_>) -> Option<Vec<Message>> {
    const EXAMPLE: &str = "{ role = \"user\", content = \"…\" }";
    let DeValue::Array(list) = list else {
        mistakes.add(at, format!("'messages' is {}; it must be a list: messages = [{EXAMPLE}]", kind(list)));
        return None;
    };
    if list.is_empty() {
        mistakes.add(at, format!("'messages' is empty; it must hold at least one message: [{EXAMPLE}]"));
        return None;
    }
    let read = |item: &toml::Spanned<DeValue<'_>>| {
        let at = item.span().start;
        let DeValue::Table(table) = item.get_ref() else {
            mistakes.add(at, format!("a message is {}; it must be a table: {EXAMPLE}", kind(item.get_ref())));
            return None;
        };
        message(&Section { table, at }, mistakes)
    };
    // All messages are read before the first faulty one ends the function, so that every mistake is reported.
    let read: Vec<Option<Message>> = list.iter().map(read).collect();
    read.into_iter().collect()
}

fn message(section: &Section<'_, '_>, mistakes: &mut Mistakes<'_>) -> Option<Message> {
    section.check_keys(&["role", "content"], "", mistakes);
    for key in ["role", "content"] {
        if section.value(key).is_none() {
            mistakes.add(section.at, format!("this message has no '{key}'; write {key} = \"…\""));
        }
    }
    let role = section.text("role", mistakes);
    let content = section.text("content", mistakes);
    let (role, role_at) = role?;
    if !ROLES.contains(&role) {
        let advice = nearest(role, ROLES).map_or_else(
            || format!("it must be one of {}", ROLES.join(", ")),
            |near| format!("did you mean '{near}'?"),
        );
        mistakes.add(role_at, format!("unknown role '{}'; {advice}", shown(role)));
        return None;
    }
    Some(Message::new(role, content?.0))
}
