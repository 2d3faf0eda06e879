//! Answers with a form: tool calls, and JSON that follows a schema.

use serde::Deserialize;
use serde_json::{Value, json};

use super::schema_instance::{PromptFacts, instance};
use super::wire::Refusal;

/// Minimum letters of a word of a tool's description that matters.
const MIN_WORD_LETTERS: usize = 4;

/// Form of an answer.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub enum AnswerForm {
    /// Text on the topic of the prompt.
    #[default]
    Topic,
    /// A JSON text.
    Json(String),
    /// A call of a tool.
    ToolCall {
        /// Name of the tool.
        name: String,
        /// Arguments, a JSON text.
        arguments: String,
    },
}

/// A tool as a request describes it.
#[derive(Debug, Deserialize)]
pub struct ToolEntry {
    function: Function,
}

#[derive(Debug, Deserialize)]
struct Function {
    name: String,
    description: Option<String>,
    parameters: Option<Value>,
}

/// Fields of a request that decide about the form of the answer.
#[derive(Debug)]
pub struct FormRequest {
    /// `tools`.
    pub tools: Vec<ToolEntry>,
    /// `tool_choice`.
    pub tool_choice: Option<Value>,
    /// `response_format`.
    pub response_format: Option<Value>,
}

impl FormRequest {
    /// Decides about the form. `last` is the text of the last message, if it is the user's.
    pub fn decide(&self, last: Option<&str>) -> Result<AnswerForm, Refusal> {
        // The unique line before a prompt is no part of the question.
        let prompt = last.unwrap_or_default();
        let prompt = prompt.split_once('\n').filter(|(first, _)| is_mark(first)).map_or(prompt, |(_, rest)| rest);
        let tool = self.tool(last.map(|_| prompt))?;
        if let Some(tool) = tool {
            let anything = json!({ "type": "object" });
            let schema = tool.parameters.as_ref().unwrap_or(&anything);
            let arguments = instance(schema, &mut PromptFacts::new(prompt)).to_string();
            return Ok(AnswerForm::ToolCall { name: tool.name.clone(), arguments });
        }
        let Some(format) = &self.response_format else { return Ok(AnswerForm::Topic) };
        let schema = match format["type"].as_str() {
            Some("text") => return Ok(AnswerForm::Topic),
            Some("json_object") => json!({ "type": "object", "properties": { "answer": { "type": "string" } } }),
            Some("json_schema") if format["json_schema"]["schema"].is_object() => {
                format["json_schema"]["schema"].clone()
            }
            Some("json_schema") => {
                return Err(Refusal::bad_parameter("response_format", "json_schema.schema: Field required"));
            }
            _ => return Err(Refusal::bad_parameter("response_format", &format!("unknown type {}", format["type"]))),
        };
        Ok(AnswerForm::Json(instance(&schema, &mut PromptFacts::new(prompt)).to_string()))
    }

    /// Chooses the tool to call, as a model would: one whose name or description shares a word with the question.
    fn tool(&self, prompt: Option<&str>) -> Result<Option<&Function>, Refusal> {
        let refuse = |why: &str| Err(Refusal::bad_parameter("tool_choice", why));
        let nearest = || {
            let prompt = prompt.unwrap_or_default().to_lowercase();
            let shared =
                |tool: &&ToolEntry| tool.function.words().filter(|word| prompt.contains(word.as_str())).count();
            // The first of several with the same number of words.
            self.tools.iter().rev().max_by_key(shared).filter(|tool| shared(tool) > 0).map(|tool| &tool.function)
        };
        match &self.tool_choice {
            None | Some(Value::Null) => Ok(nearest()),
            Some(_) if self.tools.is_empty() => refuse("tool_choice is only allowed with tools"),
            Some(Value::String(word)) => match word.as_str() {
                "none" => Ok(None),
                "auto" => Ok(nearest()),
                "required" => Ok(nearest().or(self.tools.first().map(|tool| &tool.function))),
                _ => refuse(&format!("unknown choice '{word}'")),
            },
            Some(choice) => {
                let name = &choice["function"]["name"];
                let named = self.tools.iter().find(|tool| *name == *tool.function.name);
                named.map_or_else(|| refuse(&format!("no tool has the name {name}")), |tool| Ok(Some(&tool.function)))
            }
        }
    }
}

impl Function {
    fn words(&self) -> impl Iterator<Item = String> {
        let texts = [Some(self.name.as_str()), self.description.as_deref()];
        let words = texts.into_iter().flatten().flat_map(|text| text.split(|c: char| !c.is_alphabetic()));
        words.filter(|word| word.chars().count() >= MIN_WORD_LETTERS).map(str::to_lowercase)
    }
}

/// Whether a line is a mark that makes a prompt unique.
fn is_mark(line: &str) -> bool {
    line.starts_with('[') && line.ends_with(']')
}

#[cfg(test)]
mod tests {
    use super::*;

    fn request(choice: Value, format: Value) -> FormRequest {
        let parameters = json!({ "type": "object", "properties": { "city": { "type": "string" } } });
        let tools = json!([
            { "type": "function", "function": { "name": "send_mail", "description": "Sends a letter" } },
            { "type": "function", "function": { "name": "get_weather", "parameters": parameters } },
        ]);
        FormRequest {
            tools: serde_json::from_value(tools).unwrap(),
            tool_choice: Some(choice),
            response_format: Some(format),
        }
    }

    fn name(request: &FormRequest, prompt: Option<&str>) -> Option<String> {
        match request.decide(prompt).unwrap() {
            AnswerForm::ToolCall { name, .. } => Some(name),
            AnswerForm::Topic | AnswerForm::Json(_) => None,
        }
    }

    #[test]
    fn a_tool_that_suits_the_question_is_called() {
        let auto = request("auto".into(), Value::Null);
        assert_eq!(name(&auto, Some("How is the weather?")).as_deref(), Some("get_weather"));
        assert_eq!(name(&auto, Some("Write a LETTER.")).as_deref(), Some("send_mail"));
        assert_eq!(name(&request("required".into(), Value::Null), Some("Hi")).as_deref(), Some("send_mail"));
        let named = json!({ "type": "function", "function": { "name": "get_weather" } });
        assert_eq!(name(&request(named, Value::Null), Some("Hi")).as_deref(), Some("get_weather"));
        let text = json!({ "type": "text" });
        assert_eq!(name(&request("auto".into(), text.clone()), Some("Hi")), None);
        assert_eq!(name(&request("none".into(), text), Some("How is the weather?")), None);
    }

    #[test]
    fn arguments_come_from_the_question_below_its_unique_line() {
        let form = request("auto".into(), Value::Null).decide(Some("[0a1b]\nHow is the weather in Rome?")).unwrap();
        let arguments = r#"{"city":"Rome"}"#.to_owned();
        assert_eq!(form, AnswerForm::ToolCall { name: "get_weather".to_owned(), arguments });
    }

    #[test]
    fn json_follows_the_schema_of_the_request() {
        let schema = json!({ "type": "object", "properties": { "year": { "type": "integer" } } });
        let format = json!({ "type": "json_schema", "json_schema": { "name": "a", "schema": schema } });
        let form = request("none".into(), format).decide(Some("It was in 1969.")).unwrap();
        assert_eq!(form, AnswerForm::Json(r#"{"year":1969}"#.to_owned()));
    }

    #[test]
    fn wrong_forms_are_refused() {
        for (choice, format) in [
            (json!("never"), Value::Null),
            (json!({ "function": { "name": "other" } }), Value::Null),
            (json!("none"), json!({ "type": "xml" })),
            (json!("none"), json!({ "type": "json_schema", "json_schema": {} })),
        ] {
            assert_eq!(request(choice, format).decide(Some("Hi")).unwrap_err().status, 400);
        }
    }
}
