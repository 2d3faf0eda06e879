//! Content of each request of a workload.

use std::fs::File;

use super::dataset::Dataset;
use super::fit::{Fit, PROBE_CHARS, fit_texts};
use super::prompts::Prompts;
use super::ruler::{CountTokens, Ruler};
use super::trace::Trace;
use crate::domain::check::CheckSpec;
use crate::domain::length_spec::LengthSpec;
use crate::domain::prefix_spec::PrefixSpec;
use crate::domain::random::{hash, mix};
use crate::domain::request_lengths::{RequestLengths, Uniqueness};
use crate::domain::suite::Message;

/// Messages of later turns where the user gave none.
const FOLLOW_UPS: [&str; 5] = [
    "Please go on.",
    "Give an example.",
    "Explain that in more detail.",
    "What speaks against it?",
    "Summarise your answer in three sentences.",
];
/// Separates the random lengths of answers from those of prompts.
const OUTPUT_SEED: u64 = 0x6f75_7470_7574_2121;
/// Tokens of traced blocks that share an id.
const BLOCK_TOKENS: u32 = 512;

/// Source of the requests of a workload.
pub struct Source {
    kind: Kind,
    /// Lengths of the answers; `None` for those of the row, or of the case.
    output: Option<LengthSpec>,
    seed: u64,
}

enum Kind {
    Dataset(Box<Dataset>),
    Synthetic {
        prompts: Writer,
        input: LengthSpec,
    },
    Trace {
        trace: Box<Trace<File>>,
        prompts: Writer,
    },
    /// Rows of another source in the order of an earlier run.
    Replayed {
        rows: Vec<u32>,
        source: Box<Source>,
    },
}

/// Writes prose of given lengths.
struct Writer {
    prompts: Prompts,
    ruler: Ruler,
    seed: u64,
    prefix: Option<PrefixSpec>,
    is_exact: bool,
}

/// Content of a request.
#[derive(Clone, Debug, Default, PartialEq)]
pub struct RequestContent {
    /// Messages of a single request, or of the first turn.
    pub messages: Vec<Message>,
    /// Maximum tokens to generate; `None` for that of the case.
    pub max_tokens: Option<u32>,
    /// Model; `None` for that of the case or the run.
    pub model: Option<String>,
    /// User messages of the later turns that the row has.
    pub follow_ups: Vec<String>,
    /// Checks of the answer, beside those of the case.
    pub checks: Vec<CheckSpec>,
    /// Lengths that the request was built for.
    pub lengths: RequestLengths,
}

impl Source {
    /// Rows of a data set.
    pub fn from_dataset(dataset: Dataset, output: Option<LengthSpec>, seed: u64) -> Self {
        Self { kind: Kind::Dataset(Box::new(dataset)), output, seed }
    }

    /// Prose of these lengths. Without a tokenizer, characters are counted until [`Self::learn`] is called.
    pub fn synthetic(
        input: LengthSpec,
        output: Option<LengthSpec>,
        prefix: Option<PrefixSpec>,
        count: Option<CountTokens>,
        seed: u64,
    ) -> Self {
        Self { kind: Kind::Synthetic { prompts: Writer::new(seed, prefix, count), input }, output, seed }
    }

    /// Requests of a trace. Its prompts are prose unless the trace has them.
    pub fn from_trace(trace: Trace<File>, output: Option<LengthSpec>, count: Option<CountTokens>, seed: u64) -> Self {
        Self { kind: Kind::Trace { trace: Box::new(trace), prompts: Writer::new(seed, None, count) }, output, seed }
    }

    /// Rows of another source, numbered by their place in this list.
    pub fn replayed(source: Self, rows: Vec<u32>) -> Self {
        let (output, seed) = (source.output.clone(), source.seed);
        Self { kind: Kind::Replayed { rows, source: Box::new(source) }, output, seed }
    }

    /// Makes the prose different from that of any other run, so that no prompt is in the server's cache from before.
    /// Lengths stay the same.
    pub fn make_unique(&mut self, run_id: &str) {
        let seed = self.seed ^ hash(run_id.bytes());
        if let Some(writer) = self.writer_mut() {
            writer.reseed(seed);
        }
    }

    /// Number of unmeasured probes that the run sends first, to learn how many tokens a character has.
    pub fn probes(&self) -> u32 {
        let needs = self.writer().is_some_and(|w| !w.is_exact);
        if needs { PROBE_CHARS.len() as u32 } else { 0 }
    }

    /// Prompt of probe `number`, from 1; `None` if there is no such probe.
    pub fn probe(&self, number: u32) -> Option<String> {
        let writer = self.writer().filter(|w| !w.is_exact)?;
        let index = usize::try_from(number).ok()?.checked_sub(1)?;
        Some(writer.prompts.probe(index as u64, *PROBE_CHARS.get(index)?))
    }

    /// Learns from probes, given as texts and the tokens that the server counted. Returns a sentence about the result.
    pub fn learn(&mut self, probes: &[(String, u64)]) -> String {
        let Some(writer) = self.writer_mut() else { return String::new() };
        let texts: Vec<(&str, u64)> = probes.iter().map(|(text, tokens)| (text.as_str(), *tokens)).collect();
        let Some(line) = fit_texts(&texts) else {
            return "the server counts no prompt tokens, so the lengths of prompts are estimates".to_owned();
        };
        writer.measure_by(Ruler::from_fit(line));
        let residual = line.residual_tokens.unwrap_or_default().ceil();
        format!("prompt lengths were fitted to {} probes, within {residual:.0} tokens", probes.len())
    }

    /// Content of a request, or of the first turn of a conversation.
    ///
    /// # Errors
    ///
    /// If the file has changed or cannot be read, in one sentence.
    pub fn first(&mut self, row: u32, is_conversation: bool) -> Result<RequestContent, String> {
        let index = u64::from(row);
        let drawn = self.output.as_ref().map(|spec| spec.sample(self.seed ^ OUTPUT_SEED, index));
        let content = match &mut self.kind {
            Kind::Replayed { rows, source } => {
                return source.first(rows.get(row as usize).copied().unwrap_or(row), is_conversation);
            }
            Kind::Dataset(dataset) => {
                let row = dataset.row(index).map_err(|e| e.to_string())?;
                let own = row.later_user_turns().filter(|_| is_conversation).map(str::to_owned);
                let follow_ups: Vec<String> = own.collect();
                let messages = if is_conversation { row.opening().to_vec() } else { row.messages };
                let (max_tokens, checks) = (row.max_tokens, row.checks);
                RequestContent { messages, max_tokens, follow_ups, checks, ..RequestContent::default() }
            }
            Kind::Synthetic { prompts, input } => {
                let tokens = input.sample(self.seed, index);
                let prompt = prompts.prompts.first(index, tokens);
                let (prefix, prefixed) = (prompts.prefix.map_or(0, PrefixSpec::tokens), prompts.prefix.is_some());
                let input_tokens = Some(tokens.saturating_add(prefix));
                let uniqueness = if prefixed { Uniqueness::Shared } else { Uniqueness::OwnText };
                let lengths = RequestLengths { input_tokens, output_tokens: None, uniqueness };
                RequestContent { messages: vec![Message::user(&prompt.text)], lengths, ..RequestContent::default() }
            }
            Kind::Trace { trace, prompts } => {
                let traced = trace.request(row as usize).map_err(|e| e.to_string())?;
                let (input, output) = (traced.input_tokens, traced.output_tokens);
                let messages = traced.messages.unwrap_or_else(|| {
                    let ids = traced.hash_ids.unwrap_or_default();
                    let prompt = prompts.prompts.from_blocks(&ids, BLOCK_TOKENS, input.unwrap_or(1), index);
                    vec![Message::user(&prompt.text)]
                });
                let uniqueness = Uniqueness::Shared;
                let lengths = RequestLengths { input_tokens: input, output_tokens: output, uniqueness };
                let (max_tokens, model) = (output, traced.model);
                RequestContent { messages, max_tokens, model, lengths, ..RequestContent::default() }
            }
        };
        let output_tokens = drawn.or(content.lengths.output_tokens);
        let lengths = RequestLengths { output_tokens, ..content.lengths };
        Ok(RequestContent { max_tokens: drawn.or(content.max_tokens), lengths, ..content })
    }

    /// User message of turn `turn` of a conversation, from 2, if its row has none of its own.
    pub fn follow_up(&self, row: u32, turn: u16) -> String {
        match &self.kind {
            Kind::Replayed { rows, source } => source.follow_up(rows.get(row as usize).copied().unwrap_or(row), turn),
            Kind::Synthetic { prompts, input } => {
                let tokens = input.sample(mix(self.seed ^ u64::from(turn)), row.into());
                prompts.prompts.follow_up(row.into(), u32::from(turn) - 1, tokens).text
            }
            Kind::Dataset(_) | Kind::Trace { .. } => follow_up(turn).to_owned(),
        }
    }

    fn writer(&self) -> Option<&Writer> {
        match &self.kind {
            Kind::Synthetic { prompts, .. } | Kind::Trace { prompts, .. } => Some(prompts),
            Kind::Replayed { source, .. } => source.writer(),
            Kind::Dataset(_) => None,
        }
    }

    fn writer_mut(&mut self) -> Option<&mut Writer> {
        match &mut self.kind {
            Kind::Synthetic { prompts, .. } | Kind::Trace { prompts, .. } => Some(prompts),
            Kind::Replayed { source, .. } => source.writer_mut(),
            Kind::Dataset(_) => None,
        }
    }
}

impl Writer {
    fn new(seed: u64, prefix: Option<PrefixSpec>, count: Option<CountTokens>) -> Self {
        let exact = count.and_then(|count| Ruler::from_tokenizer(count, 0));
        let is_exact = exact.is_some();
        let ruler = exact.unwrap_or_else(|| Ruler::from_fit(Fit::ASSUMED));
        Self { prompts: Prompts::new(seed, ruler.clone(), prefix), ruler, seed, prefix, is_exact }
    }

    fn reseed(&mut self, seed: u64) {
        self.seed = seed;
        self.prompts = Prompts::new(seed, self.ruler.clone(), self.prefix);
    }

    fn measure_by(&mut self, ruler: Ruler) {
        self.ruler = ruler.clone();
        self.prompts = Prompts::new(self.seed, ruler, self.prefix);
    }
}

/// A message that fits after any answer.
pub fn follow_up(turn: u16) -> &'static str {
    FOLLOW_UPS[(usize::from(turn).max(2) - 2) % FOLLOW_UPS.len()]
}
