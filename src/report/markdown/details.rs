//! A section for each case.

use std::borrow::Cow;
use std::collections::HashMap;

use crate::domain::attempt::AttemptRecord;
use crate::domain::diagnosis::WARM_PREFIX;
use crate::domain::metrics::{INPUT_TOKENS, LATENCY, METRICS, Metric, OUTPUT_TOKENS, SPEED, TTFT};
use crate::domain::session::AttemptState;
use crate::report::case::CaseView;

use super::View;
use super::escape::{UNKNOWN, code, fenced, inline, preview};
use super::numbers::attempts;
use super::page::{Page, digits, figure, unit};

/// Metrics that the fixed fields and the line about the output already say.
static SAID: [&Metric; 5] = [&LATENCY, &SPEED, &TTFT, &INPUT_TOKENS, &OUTPUT_TOKENS];

pub fn write(view: &View<'_>, page: &mut Page) {
    page.block("## Test Details");
    for case in &view.cases {
        page.block(&format!("### {}", inline(&case.spec.name)));
        figures(case, page);
        about(case, page);
        page.line("");
        page.line("**Response Preview:**");
        if let Some(text) = case.shown().and_then(|r| preview(&r)) {
            page.block(&fenced(&text));
        } else {
            page.line("");
            page.block("*No text came.*");
        }
        page.block("---");
    }
    page.line("");
}

fn figures(case: &CaseView<'_>, page: &mut Page) {
    for (metric, per_unit, digits, unit) in
        [(&LATENCY, 1000.0, 2, "s"), (&SPEED, 1.0, 1, " tok/s"), (&TTFT, 1000.0, 3, "s")]
    {
        page.field(metric.label, &figure_of(case, metric, per_unit, digits, unit));
    }
    for metric in METRICS.iter().filter(|m| !SAID.contains(m)) {
        if let Some(mean) = case.figure(metric) {
            let unit = format!(" {}", unit(metric));
            page.field(metric.label, &figure_of(case, metric, 1.0, digits(metric, Some(mean)), unit.trim_end()));
        }
    }
}

/// A case's figure; of several attempts their mean, what it may be off by, and how many it stands on.
fn figure_of(case: &CaseView<'_>, metric: &Metric, per_unit: f64, digits: usize, unit: &str) -> String {
    let Some(spread) = case.spread(metric) else { return UNKNOWN.to_owned() };
    let estimated = case.is_estimated() && metric.counts_output_tokens;
    let mean = figure(Some(spread.stats.avg / per_unit), digits, estimated);
    let ended = case.reported.len() + case.failures().count();
    if ended < 2 {
        return mean + unit;
    }
    let mean = match spread.mean_half_width {
        Some(half) => format!("{mean} ± {:.digits$} {}", half / per_unit, unit.trim_start()),
        None => mean + unit,
    };
    let of = match spread.n {
        1 => format!("1 of {ended} attempts"),
        n if n == ended => format!("mean of {n}"),
        n => format!("mean of {n} of {ended}"),
    };
    format!("{} ({of})", mean.trim_end())
}

/// What stands around the figures: how it ended, the output, the cache, warnings, failures.
fn about(case: &CaseView<'_>, page: &mut Page) {
    if case.reported.is_empty() {
        page.field("Status", case.status());
    }
    if let Some(model) = &case.spec.model {
        page.field("Model", &inline(model));
    }
    if let [only] = case.reported[..]
        && let Some(record) = only.record()
    {
        output(&record, page);
    }
    let several = case.ended() > 1;
    let mut notes = Notes::default();
    for record in case.records() {
        let which = which(several, &[record.id.number]);
        page.field(&format!("Prefix Cache{which}"), &cache(&record));
        notes.add(&record);
    }
    notes.write(several, page);
    if let Some(record) = case.reported.last().and_then(|a| a.record()) {
        for told in record.server_timings.iter().flat_map(|t| t.sentences(&record)) {
            page.field(&format!("Server's Clock{}", which(several, &[record.id.number])), &inline(&told));
        }
    }
    for record in case.failures().filter_map(AttemptState::record) {
        let which = which(several, &[record.id.number]);
        let reason = record.error.as_ref().map_or_else(
            || record.status.as_str().to_owned(),
            |e| {
                let kind =
                    if e.kind == record.status.as_str() { String::new() } else { format!(" ({})", inline(&e.kind)) };
                format!("{}{kind}: {}", record.status.as_str(), code(&e.message))
            },
        );
        page.field(&format!("Error{which}"), &reason);
        let before = figure(record.time_to_first_token_ms(), 0, false);
        if before != UNKNOWN {
            let events = record.content_events();
            page.field(&format!("Before the Error{which}"), &format!("first token after {before} ms, {events} events"));
        }
        let mut notes = Notes::default();
        notes.add(&record);
        notes.write(several, page);
    }
}

/// `cold`, `warm, 64 of 80 prompt tokens`, `unknown, prompt made unique`.
fn cache(record: &AttemptRecord) -> String {
    let state = record.prefix_cache().as_str();
    match record.usage.cached_tokens {
        Some(cached) if cached > 0 => {
            let of = record.usage.prompt_tokens.map_or_else(String::new, |n| format!(" of {n}"));
            format!("{state}, {cached}{of} prompt tokens")
        }
        None if record.nonce.is_some() => format!("{state}, prompt made unique"),
        _ => state.to_owned(),
    }
}

fn output(record: &AttemptRecord, page: &mut Page) {
    let mut words = Vec::new();
    if let Some((tokens, _)) = record.output_tokens() {
        let estimated = crate::report::case::is_estimated(record);
        let reasoning = record.usage.reasoning_tokens.filter(|&n| n > 0);
        let reasoning = reasoning.map_or_else(String::new, |n| format!(", of them {n} reasoning"));
        words.push(format!("{} tokens{reasoning}", figure(Some(tokens as f64), 0, estimated)));
    }
    words.push(format!("{} events with text", record.content_events()));
    if !record.choice_finish_reasons.is_empty() {
        let reason = |reason: &Option<String>| reason.as_deref().map_or_else(|| UNKNOWN.to_owned(), code);
        let each: Vec<String> = record.choice_finish_reasons.iter().map(reason).collect();
        words.push(format!("finish reasons {}", each.join(", ")));
    } else if let Some(reason) = &record.finish_reason {
        words.push(format!("finish reason {}", code(reason)));
    }
    page.field("Output", &words.join("; "));
}

/// More that were found of one kind are counted: each may have figures of its own.
const MOST_OF_A_KIND: usize = 12;

/// Warnings and findings; what several attempts share is said once.
#[derive(Default)]
struct Notes {
    notes: Vec<Note>,
    /// Where what was said stands.
    places: HashMap<(&'static str, String), usize>,
}

struct Note {
    name: &'static str,
    /// Key of a finding; empty for a warning.
    key: Cow<'static, str>,
    text: String,
    numbers: Vec<u32>,
}

impl Notes {
    fn add(&mut self, record: &AttemptRecord) {
        let warnings = record.warnings.iter().map(|w| ("Warning", Cow::Borrowed(""), w.as_str()));
        // The line about the prefix cache says that one.
        let found = record.findings.iter().filter(|f| f.key != WARM_PREFIX);
        for (name, key, text) in warnings.chain(found.map(|f| ("Finding", f.key.clone(), f.message.as_str()))) {
            let place = *self.places.entry((name, text.to_owned())).or_insert(self.notes.len());
            if place == self.notes.len() {
                self.notes.push(Note { name, key, text: text.to_owned(), numbers: Vec::new() });
            }
            self.notes.get_mut(place).into_iter().for_each(|note| note.numbers.push(record.id.number));
        }
    }

    fn write(self, several: bool, page: &mut Page) {
        let mut kinds: HashMap<(&str, &str), usize> = HashMap::new();
        let mut others: Vec<(&Note, usize, Vec<u32>)> = Vec::new();
        for note in &self.notes {
            let said = kinds.entry((note.name, &*note.key)).or_default();
            *said += 1;
            if *said <= MOST_OF_A_KIND {
                page.field(&format!("{}{}", note.name, which(several, &note.numbers)), &inline(&note.text));
                continue;
            }
            let of_kind = others.iter_mut().find(|(first, ..)| (first.name, &first.key) == (note.name, &note.key));
            match of_kind {
                Some((_, count, numbers)) => {
                    *count += 1;
                    numbers.extend(&note.numbers);
                }
                None => others.push((note, 1, note.numbers.clone())),
            }
        }
        for (first, count, mut numbers) in others {
            numbers.sort_unstable();
            numbers.dedup();
            let told = format!("{count} more, like: {}", inline(&first.text));
            page.field(&format!("{}{}", first.name, which(several, &numbers)), &told);
        }
    }
}

/// Says which attempts a line is about where there are several.
fn which(several: bool, numbers: &[u32]) -> String {
    if several { format!(" ({})", attempts(numbers.iter().copied())) } else { String::new() }
}
