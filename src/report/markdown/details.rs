//! Collapsed section for each case.

use std::borrow::Cow;
use std::collections::{HashMap, HashSet};
use std::hash::{DefaultHasher, Hash, Hasher};

use crate::domain::attempt::AttemptRecord;
use crate::domain::check::CheckResult;
use crate::domain::diagnosis::WARM_PREFIX;
use crate::domain::metrics::{INPUT_RATE, ITEM_RATE, LATENCY, Metric, SPEED, TTFT};
use crate::domain::quantity::count;
use crate::domain::session::AttemptState;
use crate::domain::task::Task;
use crate::report::case::CaseView;
use crate::report::summary::CacheCounts;

use super::View;
use super::escape::{UNKNOWN, code, fenced, inline, preview};
use super::figures::{figure, grouped, label, mean, tokens, unit};
use super::numbers::attempts;
use super::page::Page;
use super::results::beyond;

/// Metrics in a case's first line, as in the table of results, with their intervals.
static FIGURES: [&Metric; 3] = [&LATENCY, &SPEED, &TTFT];

/// The same for answers that are not text.
static ITEM_FIGURES: [&Metric; 3] = [&LATENCY, &ITEM_RATE, &INPUT_RATE];

fn figures_of(task: Task) -> &'static [&'static Metric; 3] {
    if task.generates() { &FIGURES } else { &ITEM_FIGURES }
}

/// Maximum number of cases with a section. Each section may quote an answer.
const MAX_CASES: usize = 200;
/// Maximum number of failed attempts to list individually for a case.
const MAX_FAILURES: usize = 12;

pub fn write(view: &View<'_>, page: &mut Page) {
    page.block("## Test Details");
    let shown = view.cases.len().min(MAX_CASES);
    page.begin_details(&format!("Previews and notes of {}", count(shown, "case")));
    view.name_stage(page);
    for case in view.cases.iter().take(shown) {
        page.block(&format!("### {}", inline(&case.spec.name)));
        notes(case, page, view.report.session.suite.task);
        if !view.report.session.suite.task.generates() {
            continue;
        }
        page.line("**Response Preview:**");
        if let Some(text) = case.shown().and_then(|r| preview(&r)) {
            page.block(&fenced(&text));
        } else {
            page.line("");
            page.block("*No text was received.*");
        }
    }
    if let Some(rest) = beyond(view.cases.len(), shown) {
        page.block(&rest);
    }
    page.end_details();
}

/// Writes figures and notes of a case.
pub fn notes(case: &CaseView<'_>, page: &mut Page, task: Task) {
    let figures: Vec<String> =
        figures_of(task).iter().map(|m| format!("**{}**: {}", label(m), figure_of(case, m))).collect();
    page.line(&format!("- {}", figures.join(" · ")));
    about(case, page);
    page.line("");
}

/// Formats a figure of a case. For several attempts: the mean, its 95% interval, and the number of attempts with the
/// figure.
fn figure_of(case: &CaseView<'_>, metric: &Metric) -> String {
    let Some(spread) = case.spread(metric) else { return UNKNOWN.to_owned() };
    let mean = format!("{} {}", mean(metric, Some(&spread), case.is_estimated()), unit(metric));
    let ended = case.reported.len() + case.failures().count();
    match spread.n {
        _ if ended < 2 => mean,
        1 => format!("{mean} (1 of {ended} attempts)"),
        n if n == ended => format!("{mean} (mean of {n})"),
        n => format!("{mean} (mean of {n} of {ended})"),
    }
}

/// Maximum number of attempts whose prefix cache is described individually.
const MAX_CACHE_LINES: usize = 12;

/// Writes everything but the figures: how the case ended, output, prefix cache, warnings, findings and failures.
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
    if !case.spec.checks.is_empty() {
        let kinds: Vec<&str> = case.spec.checks.iter().map(|check| check.kind().as_str()).collect();
        page.field("Checks", &kinds.join(", ").replace('_', "\\_"));
    }
    let several = case.measured() > 1;
    let mut notes = Notes::default();
    let is_listed = case.reported.len() <= MAX_CACHE_LINES;
    let mut counts = CacheCounts::default();
    for record in case.records() {
        if is_listed {
            let which = which(several, &[record.id.number]);
            page.field(&format!("Prefix Cache{which}"), &cache(&record));
        }
        counts.add(record.prefix_cache());
        notes.add(&record);
    }
    if !is_listed {
        page.field("Prefix Cache", &counts.words());
    }
    notes.write(several, page);
    if let Some(record) = case.reported.last().and_then(|a| a.record()) {
        for sentence in record.server_timings.iter().flat_map(|t| t.sentences(&record)) {
            page.field(&format!("Server's Clock{}", which(several, &[record.id.number])), &inline(&sentence));
        }
    }
    for record in case.failures().take(MAX_FAILURES).filter_map(AttemptState::record) {
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
        let before = figure(record.time_to_first_token_ms(), 1, false);
        if before != UNKNOWN {
            let events = record.content_events();
            page.field(&format!("Before the Error{which}"), &format!("first token after {before} ms, {events} events"));
        }
        let mut notes = Notes::default();
        notes.add(&record);
        notes.write(several, page);
    }
    let rest = case.failures().count().saturating_sub(MAX_FAILURES);
    if rest > 0 {
        let where_all = "the CSV and JSON exports have all of them";
        page.field("More Errors", &format!("{}; {where_all}", count(rest, "failed attempt")));
    }
}

/// Describes the prefix cache: `cold`, `warm, 64 of 80 prompt tokens` or `unknown, unique prompt`.
fn cache(record: &AttemptRecord) -> String {
    let state = record.prefix_cache().as_str();
    match record.usage.cached_tokens {
        Some(cached) if cached > 0 => {
            let of = record.usage.prompt_tokens.map_or_else(String::new, |n| format!(" of {n}"));
            format!("{state}, {cached}{of} prompt tokens")
        }
        None if record.has_unique_prompt() => format!("{state}, unique prompt"),
        _ => state.to_owned(),
    }
}

fn output(record: &AttemptRecord, page: &mut Page) {
    if let Some(items) = record.items {
        return page.field("Answer", &items.in_words());
    }
    let mut words = Vec::new();
    if let Some((n, _)) = record.output_tokens() {
        let n = tokens(Some(n as f64), crate::report::case::is_estimated(record));
        let reasoning = record.usage.reasoning_tokens.filter(|&n| n > 0);
        let reasoning = reasoning.map_or_else(String::new, |n| format!(" ({} reasoning)", grouped(n as f64)));
        words.push(format!("{n} tokens{reasoning}"));
    }
    words.push(format!("{} events with text", grouped(record.content_events() as f64)));
    if !record.choice_finish_reasons.is_empty() {
        let reason = |reason: &Option<String>| reason.as_deref().map_or_else(|| UNKNOWN.to_owned(), code);
        let each: Vec<String> = record.choice_finish_reasons.iter().map(reason).collect();
        words.push(format!("finish reasons {}", each.join(" ")));
    } else if let Some(reason) = &record.finish_reason {
        words.push(format!("finish reason {}", code(reason)));
    }
    page.field("Output", &words.join(", "));
}

/// Maximum number of findings of one kind to quote, because each may have different figures. Further ones are only
/// counted.
const MOST_OF_A_KIND: usize = 12;

/// Collects warnings and findings, and writes those that several attempts share only once.
#[derive(Default)]
struct Notes {
    /// Quoted notes, at most [`MOST_OF_A_KIND`] of each kind.
    texts: Vec<Note>,
    /// Index in `texts` of each quoted note, by name and text.
    places: HashMap<(&'static str, String), usize>,
    /// Number of quoted notes by name and key.
    quoted: HashMap<(&'static str, Cow<'static, str>), usize>,
    /// Notes that are only counted, one entry per kind.
    others: Vec<OtherNotes>,
}

struct Note {
    name: &'static str,
    text: String,
    numbers: Vec<u32>,
}

/// Notes of one kind that are only counted.
struct OtherNotes {
    name: &'static str,
    /// Key of the finding; empty for a warning.
    key: Cow<'static, str>,
    first: String,
    /// Hashes of the distinct texts. The texts themselves could take too much memory.
    different: HashSet<u64>,
    numbers: Vec<u32>,
}

impl Notes {
    fn add(&mut self, record: &AttemptRecord) {
        let number = record.id.number;
        for failure in record.checks.iter().filter_map(CheckResult::failure) {
            self.note("Failed Check", Cow::Borrowed("check"), &failure, number);
        }
        for warning in &record.warnings {
            self.note("Warning", Cow::Borrowed(""), warning, number);
        }
        // The line about the prefix cache already covers this finding.
        for finding in record.findings.iter().filter(|f| f.key != WARM_PREFIX) {
            self.note("Finding", finding.key.clone(), &finding.message, number);
        }
    }

    fn note(&mut self, name: &'static str, key: Cow<'static, str>, text: &str, number: u32) {
        if let Some(note) = self.places.get(&(name, text.to_owned())).and_then(|place| self.texts.get_mut(*place)) {
            note.numbers.push(number);
            return;
        }
        let quoted = self.quoted.entry((name, key.clone())).or_default();
        if *quoted < MOST_OF_A_KIND {
            *quoted += 1;
            self.places.insert((name, text.to_owned()), self.texts.len());
            self.texts.push(Note { name, text: text.to_owned(), numbers: vec![number] });
            return;
        }
        let hash = hash(text);
        let is_of_kind = |other: &&mut OtherNotes| (other.name, &other.key) == (name, &key);
        if let Some(other) = self.others.iter_mut().find(is_of_kind) {
            other.different.insert(hash);
            other.numbers.push(number);
        } else {
            let (different, numbers) = (HashSet::from([hash]), vec![number]);
            self.others.push(OtherNotes { name, key, first: text.to_owned(), different, numbers });
        }
    }

    fn write(self, several: bool, page: &mut Page) {
        for note in &self.texts {
            page.field(&format!("{}{}", note.name, which(several, &note.numbers)), &inline(&note.text));
        }
        for OtherNotes { name, first, different, mut numbers, .. } in self.others {
            numbers.sort_unstable();
            numbers.dedup();
            let text = format!("{} more, such as: {}", different.len(), inline(&first));
            page.field(&format!("{name}{}", which(several, &numbers)), &text);
        }
    }
}

fn hash(text: &str) -> u64 {
    let mut hasher = DefaultHasher::new();
    text.hash(&mut hasher);
    hasher.finish()
}

/// Names the attempts that a line describes, if the case has several.
fn which(several: bool, numbers: &[u32]) -> String {
    if several { format!(" ({})", attempts(numbers.iter().copied())) } else { String::new() }
}
