//! Provides the content of each request of a workload.

use std::fs::File;

use super::dataset::Dataset;
use super::fit::{Fit, PROBE_CHARS, fit_texts};
use super::prompts::Prompts;
use super::ruler::{CountTokens, Ruler};
use super::trace::Trace;
use crate::domain::check::CheckSpec;
use crate::domain::context_depth::Depths;
use crate::domain::length_spec::LengthSpec;
use crate::domain::prefix_spec::PrefixSpec;
use crate::domain::random::{hash, mix};
use crate::domain::request_lengths::{RequestLengths, Uniqueness};
use crate::domain::suite::{DOCUMENT, INPUT, Message, QUERY};
use crate::domain::task::Task;
use crate::domain::workload::ItemsForm;

/// User messages for later turns, if the user gave none.
const FOLLOW_UPS: [&str; 5] = [
    "Please say more.",
    "Give an example.",
    "Explain that in more detail.",
    "What are its main drawbacks?",
    "Summarise your answer in three sentences.",
];
/// Seed that makes the random lengths of answers independent of those of prompts.
const OUTPUT_SEED: u64 = 0x6f75_7470_7574_2121;
/// Number of tokens in a traced block, which has one id.
const BLOCK_TOKENS: u32 = 512;

/// Tokens of the query of a synthetic rerank request.
const QUERY_TOKENS: u32 = 16;

/// Source of the requests of a workload.
pub struct Source {
    kind: Kind,
    /// Lengths of the answers; `None` to use that of the row or the case.
    output: Option<LengthSpec>,
    seed: u64,
    /// Form of the requests; `None` if they ask for text.
    items: Option<ItemsForm>,
}

enum Kind {
    Dataset(Box<Dataset>),
    Synthetic {
        prompts: Writer,
        input: LengthSpec,
    },
    Depth {
        prompts: Writer,
        depths: Depths,
        /// Tokens of the prompt after the context.
        prompt_tokens: u32,
    },
    Trace {
        trace: Box<Trace<File>>,
        prompts: Writer,
    },
    /// Rows of another source, in the order of an earlier run.
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
    /// Maximum tokens to generate; `None` to use that of the case.
    pub max_tokens: Option<u32>,
    /// Model; `None` to use that of the case or the run.
    pub model: Option<String>,
    /// User messages of the later turns that the row has.
    pub follow_ups: Vec<Message>,
    /// Checks of the answer, in addition to those of the case.
    pub checks: Vec<CheckSpec>,
    /// Lengths for which the request was built.
    pub lengths: RequestLengths,
}

impl Source {
    /// Creates a source of the rows of a data set.
    pub fn from_dataset(dataset: Dataset, output: Option<LengthSpec>, seed: u64) -> Self {
        Self { kind: Kind::Dataset(Box::new(dataset)), output, seed, items: None }
    }

    /// Creates a source of prose with these lengths. Without a tokenizer, the lengths are estimated from
    /// [`Fit::ASSUMED`] until [`Self::learn`] is called.
    pub fn synthetic(
        input: LengthSpec,
        output: Option<LengthSpec>,
        prefix: Option<PrefixSpec>,
        count: Option<CountTokens>,
        seed: u64,
    ) -> Self {
        Self { kind: Kind::Synthetic { prompts: Writer::new(seed, prefix, count), input }, output, seed, items: None }
    }

    /// Creates a source of prose of `prompt_tokens` tokens after contexts of these depths. Row `r` of `n` depths has
    /// depth `r % n`, as [`RowPlan::endless`](crate::domain::session::RowPlan::endless) numbers them. Lengths are as in
    /// [`Self::synthetic`].
    pub fn at_depths(
        depths: Depths,
        prompt_tokens: u32,
        output_tokens: u32,
        count: Option<CountTokens>,
        seed: u64,
    ) -> Self {
        let output = Some(LengthSpec::fixed(output_tokens));
        Self {
            kind: Kind::Depth { prompts: Writer::new(seed, None, count), depths, prompt_tokens },
            output,
            seed,
            items: None,
        }
    }

    /// Creates a source of the requests of a trace. If the trace has no prompts, they are prose.
    pub fn from_trace(trace: Trace<File>, output: Option<LengthSpec>, count: Option<CountTokens>, seed: u64) -> Self {
        Self {
            kind: Kind::Trace { trace: Box::new(trace), prompts: Writer::new(seed, None, count) },
            output,
            seed,
            items: None,
        }
    }

    /// Creates a source of another source's rows, numbered by their position in `rows`.
    pub fn replayed(source: Self, rows: Vec<u32>) -> Self {
        let (output, seed) = (source.output.clone(), source.seed);
        Self { kind: Kind::Replayed { rows, source: Box::new(source) }, output, seed, items: None }
    }

    /// Makes the requests ask for vectors or scores of the texts.
    #[must_use]
    pub const fn with_items(mut self, items: Option<ItemsForm>) -> Self {
        self.items = items;
        self
    }

    /// Makes the prose different from that of all other runs, so that the server's cache holds no prompt from an
    /// earlier run. The lengths stay the same.
    pub fn make_unique(&mut self, run_id: &str) {
        let seed = self.seed ^ hash(run_id.bytes());
        if let Some(writer) = self.writer_mut() {
            writer.reseed(seed);
        }
    }

    /// Returns the number of unmeasured probes that the run sends first, to learn how many tokens a unit of text has.
    pub fn probes(&self) -> u32 {
        // A server counts the query of a rerank request again with each document, so a text alone cannot be measured.
        let is_rerank = self.items.is_some_and(|items| items.task == Task::Rerank);
        let needs = !is_rerank && self.writer().is_some_and(|w| !w.is_exact);
        if needs { PROBE_CHARS.len() as u32 } else { 0 }
    }

    /// Returns the prompt of probe `number`, from 1; `None` if there is no such probe.
    pub fn probe(&self, number: u32) -> Option<String> {
        let writer = self.writer().filter(|w| !w.is_exact)?;
        let index = usize::try_from(number).ok()?.checked_sub(1)?;
        Some(writer.prompts.probe(index as u64, *PROBE_CHARS.get(index)?))
    }

    /// Fits the lengths to probes, given as texts and the server's token counts. Returns a sentence about the result.
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

    /// Returns the content of a request, or of the first turn of a conversation.
    ///
    /// # Errors
    ///
    /// The file has changed or cannot be read. The error is one sentence.
    pub fn first(&mut self, row: u32, is_conversation: bool) -> Result<RequestContent, String> {
        match self.items {
            Some(items) if !matches!(self.kind, Kind::Replayed { .. }) => self.items_of(row, items),
            _ => self.text(row, is_conversation),
        }
    }

    /// Returns the content of a request for vectors or scores.
    fn items_of(&mut self, row: u32, ItemsForm { task, per_request }: ItemsForm) -> Result<RequestContent, String> {
        if let (Task::Rerank, Kind::Dataset(_)) = (task, &self.kind) {
            // The row has a query and documents of its own.
            return self.text(row, false);
        }
        let rows = if let Kind::Dataset(dataset) = &self.kind { dataset.rows() } else { u64::MAX };
        let first = u64::from(row).saturating_mul(per_request.into());
        let (mut messages, mut input_tokens, mut lengths) = (Vec::new(), Some(0_u32), RequestLengths::default());
        let role = if per_request == 1 { "user" } else { INPUT };
        for at in first..first.saturating_add(per_request.into()).min(rows) {
            let content = self.text(u32::try_from(at).unwrap_or(u32::MAX), false)?;
            input_tokens =
                input_tokens.zip(content.lengths.input_tokens).map(|(sum, tokens)| sum.saturating_add(tokens));
            lengths = content.lengths;
            let texts: Vec<String> = content.messages.into_iter().map(|message| message.content).collect();
            messages.push(Message::new(if task == Task::Rerank { DOCUMENT } else { role }, &texts.join("\n\n")));
        }
        if let (Task::Rerank, Some(writer)) = (task, self.writer()) {
            let query = writer.prompts.first(!u64::from(row), QUERY_TOKENS);
            input_tokens = input_tokens.map(|sum| sum.saturating_add(QUERY_TOKENS.saturating_mul(per_request)));
            messages.insert(0, Message::new(QUERY, &query.text));
        }
        let lengths = RequestLengths { input_tokens, output_tokens: None, ..lengths };
        Ok(RequestContent { messages, lengths, ..RequestContent::default() })
    }

    /// Returns the content of a request for text, of which one input or document is made.
    fn text(&mut self, row: u32, is_conversation: bool) -> Result<RequestContent, String> {
        let index = u64::from(row);
        let drawn = self.output.as_ref().map(|spec| spec.sample(self.seed ^ OUTPUT_SEED, index));
        let content = match &mut self.kind {
            Kind::Replayed { rows, source } => {
                return source.first(rows.get(row as usize).copied().unwrap_or(row), is_conversation);
            }
            Kind::Dataset(dataset) => {
                let row = dataset.row(index).map_err(|e| e.to_string())?;
                let follow_ups = row.later_user_turns().filter(|_| is_conversation).cloned().collect();
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
            Kind::Depth { prompts, depths, prompt_tokens } => {
                let depths = depths.as_slice();
                let depth = depths.get(row as usize % depths.len().max(1)).copied().unwrap_or_default();
                let tokens = depth.saturating_add(*prompt_tokens);
                let prompt = prompts.prompts.first(index, tokens);
                let lengths =
                    RequestLengths { input_tokens: Some(tokens), output_tokens: None, uniqueness: Uniqueness::OwnText };
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

    /// Returns the user message of turn `turn` of a conversation, from 2 on, if its row has none of its own.
    pub fn follow_up(&self, row: u32, turn: u16) -> Message {
        match &self.kind {
            Kind::Replayed { rows, source } => source.follow_up(rows.get(row as usize).copied().unwrap_or(row), turn),
            Kind::Synthetic { prompts, input } => {
                let tokens = input.sample(mix(self.seed ^ u64::from(turn)), row.into());
                Message::user(&prompts.prompts.follow_up(row.into(), u32::from(turn) - 1, tokens).text)
            }
            Kind::Dataset(_) | Kind::Trace { .. } | Kind::Depth { .. } => Message::user(follow_up(turn)),
        }
    }

    fn writer(&self) -> Option<&Writer> {
        match &self.kind {
            Kind::Synthetic { prompts, .. } | Kind::Depth { prompts, .. } | Kind::Trace { prompts, .. } => {
                Some(prompts)
            }
            Kind::Replayed { source, .. } => source.writer(),
            Kind::Dataset(_) => None,
        }
    }

    fn writer_mut(&mut self) -> Option<&mut Writer> {
        match &mut self.kind {
            Kind::Synthetic { prompts, .. } | Kind::Depth { prompts, .. } | Kind::Trace { prompts, .. } => {
                Some(prompts)
            }
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

/// Returns a user message that fits after any answer.
pub fn follow_up(turn: u16) -> &'static str {
    FOLLOW_UPS[(usize::from(turn).max(2) - 2) % FOLLOW_UPS.len()]
}

#[cfg(test)]
mod tests;
