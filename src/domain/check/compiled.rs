//! Checks that are ready to evaluate answers.

use jsonschema::Validator;
use regex::{Regex, RegexBuilder};
use regex_syntax::hir::Look;

use super::message::quoted;
use super::normalise::normalise;
use super::spec::{CheckSpec, ExpectedCall, InvalidCheck};
use super::{Answer, CheckKind, CheckResult, schema, tool_call};

/// Maximum size of a compiled regular expression, bytes.
const MAX_REGEX_BYTES: usize = 1024 * 1024;

/// Compiled checks of a case or of a row.
#[derive(Debug)]
pub struct Checks(Vec<Compiled>);

#[derive(Debug)]
enum Compiled {
    Contains(String),
    /// The expression, and whether a match depends on the end of the answer, as with `$`.
    Regex(Regex, bool),
    JsonSchema(Box<Validator>),
    /// The expected text, first as written, then normalised.
    Equals(String, String),
    ToolCall(ExpectedCall),
    MinTokens(u64),
}

impl Checks {
    /// Compiles checks.
    ///
    /// # Errors
    ///
    /// Describes the first invalid check: one that cannot be evaluated, that every answer passes, or that no answer can
    /// pass.
    pub fn new(specs: &[CheckSpec]) -> Result<Self, InvalidCheck> {
        specs.iter().map(Compiled::new).collect::<Result<_, _>>().map(Self)
    }

    /// Kinds of the checks, in order.
    pub fn kinds(&self) -> impl Iterator<Item = CheckKind> {
        self.0.iter().map(Compiled::kind)
    }

    /// Whether there is no check.
    pub const fn is_empty(&self) -> bool {
        self.0.is_empty()
    }

    /// Evaluates an answer: one result for each check, in order.
    pub fn evaluate(&self, answer: &Answer<'_>) -> Vec<CheckResult> {
        self.0.iter().map(|check| CheckResult::new(check.kind(), check.evaluate(answer))).collect()
    }
}

impl Compiled {
    fn new(spec: &CheckSpec) -> Result<Self, InvalidCheck> {
        let refuse = |why: &str| Err(InvalidCheck(why.to_owned()));
        Ok(match spec {
            CheckSpec::Contains(text) if text.is_empty() => {
                return refuse("every answer contains the empty text; write the text that must be there");
            }
            CheckSpec::Contains(text) => Self::Contains(text.clone()),
            CheckSpec::Regex(pattern) => regex(pattern)?,
            CheckSpec::JsonSchema(schema) => Self::JsonSchema(Box::new(schema::compile(schema)?)),
            CheckSpec::Equals(text) => {
                let normal = normalise(text);
                if normal.is_empty() {
                    return refuse(
                        "the text has only white space and punctuation, so nothing is left to compare; write the expected answer",
                    );
                }
                Self::Equals(text.clone(), normal)
            }
            CheckSpec::ToolCall(call) if call.name.trim().is_empty() => {
                return refuse("the tool has no name; write tool_call = { name = \"…\" }");
            }
            CheckSpec::ToolCall(call) => Self::ToolCall(call.clone()),
            CheckSpec::MinTokens(0) => return refuse("every answer has 0 tokens or more; write 1 or more"),
            CheckSpec::MinTokens(tokens) => Self::MinTokens((*tokens).into()),
        })
    }

    const fn kind(&self) -> CheckKind {
        match self {
            Self::Contains(_) => CheckKind::Contains,
            Self::Regex(..) => CheckKind::Regex,
            Self::JsonSchema(_) => CheckKind::JsonSchema,
            Self::Equals(..) => CheckKind::Equals,
            Self::ToolCall(_) => CheckKind::ToolCall,
            Self::MinTokens(_) => CheckKind::MinTokens,
        }
    }

    /// Returns the reason for a failure as the error.
    fn evaluate(&self, answer: &Answer<'_>) -> Result<(), String> {
        let reads_text = matches!(self, Self::Contains(_) | Self::Regex(..) | Self::JsonSchema(_) | Self::Equals(..));
        if reads_text && answer.text.trim().is_empty() {
            return Err(no_text(answer).to_owned());
        }
        let end = if answer.is_cut { " in the part that was kept" } else { "" };
        match self {
            Self::Contains(text) if answer.text.contains(text.as_str()) => Ok(()),
            Self::Contains(text) => Err(format!("the answer does not contain {}{end}", quoted(text))),
            Self::Regex(_, reads_end) if *reads_end && answer.is_cut => {
                Err("the answer is too long, and its end was not kept".to_owned())
            }
            Self::Regex(regex, _) if regex.is_match(answer.text) => Ok(()),
            Self::Regex(regex, _) => Err(format!("the answer has no match of {}{end}", quoted(regex.as_str()))),
            Self::JsonSchema(validator) => schema::evaluate(validator, answer.text, answer.is_cut),
            Self::Equals(text, normal) => {
                let is_equal = !answer.is_cut && normalise(answer.text) == *normal;
                if is_equal {
                    Ok(())
                } else {
                    Err(format!("the answer is {}, not {}", quoted(answer.text), quoted(text)))
                }
            }
            Self::ToolCall(expected) => tool_call::evaluate(expected, answer.tool_calls),
            Self::MinTokens(least) if answer.tokens >= *least => Ok(()),
            Self::MinTokens(least) => {
                let about = if answer.tokens_estimated { "about " } else { "" };
                Err(format!("the answer has {about}{} tokens, fewer than {least}", answer.tokens))
            }
        }
    }
}

/// Explains an answer without text.
const fn no_text(answer: &Answer<'_>) -> &'static str {
    if !answer.tool_calls.is_empty() {
        "the answer calls a tool and has no text"
    } else if answer.is_capped {
        "the model reached max_tokens before it wrote an answer; raise max_tokens"
    } else {
        "the answer is empty"
    }
}

/// Compiles a regular expression that some answers match and others do not. Matching takes linear time.
fn regex(pattern: &str) -> Result<Compiled, InvalidCheck> {
    let parsed = regex_syntax::parse(pattern).map_err(|e| {
        let why = match &e {
            regex_syntax::Error::Parse(e) => format!("{} at character {}", e.kind(), e.span().start.offset + 1),
            regex_syntax::Error::Translate(e) => format!("{} at character {}", e.kind(), e.span().start.offset + 1),
            other => other.to_string(),
        };
        InvalidCheck(format!("not a regular expression: {why}; in TOML, put it in single quotes: '…'"))
    })?;
    let properties = parsed.properties();
    if properties.minimum_len().is_none() {
        return Err(InvalidCheck("no answer can match the regular expression".to_owned()));
    }
    if properties.minimum_len() == Some(0) && properties.look_set().is_empty() {
        let why = "every answer matches the regular expression, because it may match nothing; use + instead of *";
        return Err(InvalidCheck(why.to_owned()));
    }
    let reads_end = [Look::End, Look::EndLF, Look::EndCRLF].iter().any(|look| properties.look_set().contains(*look));
    let built = RegexBuilder::new(pattern).size_limit(MAX_REGEX_BYTES).dfa_size_limit(MAX_REGEX_BYTES).build();
    built.map(|regex| Compiled::Regex(regex, reads_end)).map_err(|_too_big| {
        InvalidCheck("the regular expression is too large when compiled; use smaller repetitions".to_owned())
    })
}
