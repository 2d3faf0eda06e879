//! The workload that the command line or a saved run names.

mod depth;
mod items;
mod recorded;

use std::fs::File;
use std::path::{Path, PathBuf};
use std::sync::Arc;

pub(super) use self::depth::plan_depths;
use self::items::{items_form, items_in_words};
use self::recorded::RecordedRun;
use super::ConfigError;
use crate::cli::WorkloadArgs;
use crate::domain::data_fingerprint::DataFingerprint;
use crate::domain::length_spec::LengthSpec;
use crate::domain::media::{GeneratedImages, Media};
use crate::domain::quantity::count;
use crate::domain::random::mix;
use crate::domain::row_order::{RowOrderError, Sample};
use crate::domain::session::{Plan, RowPlan};
use crate::domain::shard::Shard;
use crate::domain::suite::{CaseSpec, Suite};
use crate::domain::task::Task;
use crate::domain::text::sanitise_line;
use crate::domain::workload::{Conversations, ItemsForm, Workload, WorkloadSource};
use crate::runtime::spec::RequestSpec;
use crate::tokenizer::Tokenizer;
use crate::workload::dataset::error::DatasetFault;
use crate::workload::dataset::{Column, ColumnMapping, Dataset, OnBadRow};
use crate::workload::ruler::CountTokens;
use crate::workload::source::Source;
use crate::workload::trace::{BadRows, Trace, TraceOptions};

/// Default number of requests of a workload of synthetic prompts.
const SYNTHETIC_REQUESTS: u32 = 20;
/// Advice about an invalid row.
const SKIP_HINT: &str = "; correct the row, or skip and count such rows with --skip-bad-rows";
/// Name of the case of rows without a tag, if other rows have tags.
const NO_TAG: &str = "no tag";

/// A workload that is ready to run.
pub(super) struct Prepared {
    /// Name of the suite, if the workload replaces it.
    pub(super) name: String,
    /// Cases of the workload by name.
    pub(super) cases: Vec<String>,
    /// Suite of a saved run that is sent again.
    pub(super) recorded: Option<Suite>,
    pub(super) workload: Workload,
    pub(super) requests: RequestSpec,
    /// Requests of all shards.
    pub(super) requests_of_all_shards: u32,
    /// One example of each kind of media (images, audio) in the rows.
    pub(super) media: Vec<Media>,
}

/// Completes the options by those of the suite's file. A source among the options replaces the source of the file.
pub(super) fn merge(args: &WorkloadArgs, file: WorkloadArgs) -> WorkloadArgs {
    if args.has_source() {
        return args.clone();
    }
    let args = args.clone();
    WorkloadArgs {
        limit: args.limit.or(file.limit),
        batch: args.batch.or(file.batch),
        skip_bad_rows: args.skip_bad_rows || file.skip_bad_rows,
        depth: args.depth.or(file.depth),
        osl: args.osl.or(file.osl),
        turns: args.turns.or(file.turns),
        think: args.think.or(file.think),
        image: args.image.or(file.image),
        session_header: args.session_header.or(file.session_header),
        ..file
    }
}

/// Returns the workload that the options ask for; `None` if the run sends its cases.
pub(super) fn prepare(
    args: &WorkloadArgs,
    plan: &Plan,
    seed: u64,
    tokenizer: Option<&Arc<Tokenizer>>,
    (folder, task): (&Path, Task),
    shard: Shard,
) -> Result<Option<Prepared>, ConfigError> {
    let items = items_form(args, task)?;
    let source = if let Some(path) = &args.dataset {
        let dataset = open_dataset(&in_folder(path, folder), &args.columns, args.skip_bad_rows)?;
        let source = WorkloadSource::Dataset {
            path: absolute(path, folder),
            columns: args.columns.clone(),
            skips_bad_rows: args.skip_bad_rows,
            fingerprint: dataset.fingerprint(),
        };
        (source, Opened::Dataset(Box::new(dataset)))
    } else if let Some(path) = &args.trace {
        let times_faster = args.trace_speed.unwrap_or(1.0);
        let skips_bad_rows = args.skip_bad_rows;
        if let Some(recorded) = RecordedRun::open(path, folder, times_faster).transpose()? {
            let path = absolute(Path::new(&recorded.path), folder);
            let fingerprint = Some(recorded.fingerprint);
            let source = WorkloadSource::Trace { path, skips_bad_rows, speed: times_faster, fingerprint };
            (source, Opened::Recorded(Box::new(recorded)))
        } else {
            let trace = open_trace(&in_folder(path, folder), skips_bad_rows, times_faster)?;
            let path = absolute(path, folder);
            let fingerprint = Some(trace.fingerprint());
            let source = WorkloadSource::Trace { path, skips_bad_rows, speed: times_faster, fingerprint };
            (source, Opened::Trace(Box::new(trace)))
        }
    } else if let Some(depths) = &args.depth {
        (depth::source(depths, args.isl.as_ref(), args.osl.as_ref())?, Opened::Depth)
    } else if let Some(input) = &args.isl {
        (WorkloadSource::Synthetic { input: input.clone(), prefix: args.prefix }, Opened::Synthetic)
    } else {
        return Ok(None);
    };
    let sample = args.sample.unwrap_or_default();
    let options = Options { output: args.osl.as_ref(), items, sample, seed, plan, limit: args.limit, tokenizer, shard };
    assemble(source, options).map(Some)
}

/// Opens the source of a saved run's workload again.
pub(super) fn reopen(
    workload: &Workload,
    plan: &Plan,
    tokenizer: Option<&Arc<Tokenizer>>,
) -> Result<RequestSpec, ConfigError> {
    let opened = match &workload.source {
        WorkloadSource::Dataset { path, columns, skips_bad_rows, fingerprint } => {
            let dataset = open_dataset(Path::new(path), columns, *skips_bad_rows)?;
            check_unchanged("data set", path, Some(*fingerprint), dataset.fingerprint())?;
            Opened::Dataset(Box::new(dataset))
        }
        WorkloadSource::Trace { path, skips_bad_rows, speed, fingerprint } => {
            if let Some(recorded) = RecordedRun::open(Path::new(path), Path::new(""), *speed).transpose()? {
                check_unchanged("saved run", path, *fingerprint, recorded.fingerprint)?;
                Opened::Recorded(Box::new(recorded))
            } else {
                let trace = open_trace(Path::new(path), *skips_bad_rows, *speed)?;
                check_unchanged("trace", path, *fingerprint, trace.fingerprint())?;
                Opened::Trace(Box::new(trace))
            }
        }
        WorkloadSource::Synthetic { .. } => Opened::Synthetic,
        WorkloadSource::Depth { .. } => Opened::Depth,
    };
    let Workload { sample, seed, output, items, .. } = workload;
    let (sample, seed, items) = (*sample, *seed, *items);
    let shard = plan.shard.unwrap_or(Shard::WHOLE);
    let options = Options { output: output.as_ref(), items, sample, seed, plan, limit: None, tokenizer, shard };
    assemble((workload.source.clone(), opened), options).map(|prepared| prepared.requests)
}

/// Checks that the file has not changed since the run. `known` is `None` for runs of older versions, which stored no
/// fingerprint.
fn check_unchanged(
    what: &str,
    path: &str,
    known: Option<DataFingerprint>,
    found: DataFingerprint,
) -> Result<(), ConfigError> {
    match known.filter(|known| *known != found) {
        Some(known) => Err(ConfigError(format!(
            "the {what} '{}' has changed since the run: it had {known}, and now has {found}; restore the file, or start \
             a new run",
            sanitise_line(path)
        ))),
        None => Ok(()),
    }
}

enum Opened {
    Dataset(Box<Dataset>),
    Trace(Box<Trace<File>>),
    Recorded(Box<RecordedRun>),
    Synthetic,
    Depth,
}

#[derive(Clone, Copy)]
struct Options<'a> {
    output: Option<&'a LengthSpec>,
    items: Option<ItemsForm>,
    sample: Sample,
    seed: u64,
    plan: &'a Plan,
    /// Maximum rows to send, unless the plan has a number of requests.
    limit: Option<u32>,
    tokenizer: Option<&'a Arc<Tokenizer>>,
    shard: Shard,
}

fn assemble((source, opened): (WorkloadSource, Opened), options: Options<'_>) -> Result<Prepared, ConfigError> {
    let Options { output, items, sample, seed, plan, limit, tokenizer, shard } = options;
    let no_rows = |e: RowOrderError| ConfigError(e.to_string());
    let counter = tokenizer.map(|tokenizer| -> CountTokens {
        let tokenizer = Arc::clone(tokenizer);
        Arc::new(move |text| tokenizer.count(text))
    });
    let (mut has_checks, mut saved, mut media) = (false, None, Vec::new());
    let (name, summary, rows, cases, row_plan, source_of_requests) = match opened {
        Opened::Dataset(dataset) => {
            // In a request with several rows, their tags may differ.
            let together = items.filter(|items| items.task == Task::Embeddings).map_or(1, |items| items.per_request);
            let rows = row_count(dataset.rows().div_ceil(together.into()))?;
            // Shards divide the rows that a single process would send.
            let order = Order { first: plan.requests.or(limit).unwrap_or(rows), sample, seed, shard };
            let (cases, row_plan) = match together {
                1 => groups(&dataset, rows, order).map_err(no_rows)?,
                _ => (None, order.single(rows).map_err(no_rows)?),
            };
            has_checks = dataset.summary().checked_rows > 0;
            media.clone_from(&dataset.summary().media);
            let summary = dataset.summary().to_string();
            let name = stem(source.path().unwrap_or_default());
            let cases = cases.unwrap_or_else(|| vec![name.clone()]);
            (name, summary, Some(rows), cases, row_plan, Some(Source::from_dataset(*dataset, output.cloned(), seed)))
        }
        Opened::Trace(trace) => {
            let rows = row_count(trace.len() as u64)?;
            let of_shard = |row: &usize| u32::try_from(*row).is_ok_and(|row| shard.has_row(row));
            let times = (0..trace.len()).filter(of_shard).filter_map(|row| trace.at(row)).collect();
            let row_plan = if shard.is_whole() {
                RowPlan::single(rows, Sample::Ordered, seed, shard).map_err(no_rows)?
            } else {
                RowPlan::every_nth(&vec![0; trace.len()], shard).map_err(no_rows)?
            };
            let row_plan = row_plan.with_times(times);
            let name = stem(source.path().unwrap_or_default());
            let summary = format!("{name}: {}", trace.summary());
            let trace = Source::from_trace(*trace, output.cloned(), counter, seed);
            (name.clone(), summary, Some(rows), vec![name], row_plan, Some(trace))
        }
        Opened::Recorded(recorded) => {
            let rows = row_count(recorded.len() as u64)?;
            let row_plan = recorded.row_plan(shard)?;
            let RecordedRun { suite, summary, rows: sent, .. } = *recorded;
            let sent_again = suite.workload.as_ref().map(|workload| reopen(workload, plan, tokenizer));
            let inner = sent_again.transpose()?.and_then(|requests| requests.source);
            let source = inner.map(|inner| Source::replayed(inner, sent));
            let names = suite.cases.iter().map(|case| case.name.clone()).collect();
            let name = suite.name.clone();
            saved = Some(suite);
            (name, summary, Some(rows), names, row_plan, source)
        }
        Opened::Depth => {
            let WorkloadSource::Depth { depths, prompt_tokens, output_tokens } = &source else {
                return Err(ConfigError("the workload has no depths".to_owned()));
            };
            let (prompt_tokens, output_tokens) = (*prompt_tokens, *output_tokens);
            let (name, cases) = depth::names(depths, prompt_tokens, output_tokens);
            let row_plan = RowPlan::endless(u32::try_from(cases.len()).unwrap_or(u32::MAX), shard).map_err(no_rows)?;
            let summary =
                format!("prose, {prompt_tokens} tokens after a context of {depths} tokens, {output_tokens} tokens out");
            let prompts = Source::at_depths(depths.clone(), prompt_tokens, output_tokens, counter, seed);
            (name, summary, None, cases, row_plan, Some(prompts))
        }
        Opened::Synthetic => {
            let WorkloadSource::Synthetic { input, prefix } = &source else {
                return Err(ConfigError("the workload has no lengths".to_owned()));
            };
            let row_plan = RowPlan::endless(1, shard).map_err(no_rows)?;
            let answer = output.map_or_else(String::new, |output| format!(", {output} out"));
            let name = format!("{input} in{answer}");
            let beginning = prefix.map_or_else(String::new, |prefix| format!(" after a shared beginning of {prefix}"));
            let texts = items.map_or_else(String::new, items_in_words);
            let summary = format!("prose, {input} tokens{beginning}{texts}");
            let prompts = Source::synthetic(input.clone(), output.cloned(), *prefix, counter, seed);
            (name.clone(), summary, None, vec![name], row_plan, Some(prompts))
        }
    };
    let at_most = |n: u32| rows.map_or(n, |rows| n.min(rows));
    // A trace is not repeated, so its length limits the number of requests.
    let asked = plan.requests.map(|n| if source.replay_speed().is_some() { at_most(n) } else { n });
    let part_of = |requests: u32| shard.part_of(requests.into()) as u32;
    let (planned, requests_of_all_shards) = match (asked.or(limit.map(at_most)), rows) {
        (Some(requests), _) => (row_plan.divide(part_of(requests)), requests),
        (None, Some(all)) => {
            let planned = row_plan.rows_per_pass().iter().map(|rows| rows.saturating_mul(plan.repeat)).collect();
            (planned, all.saturating_mul(plan.repeat))
        }
        (None, None) if source.depths().is_some() => {
            let planned = (0..cases.len()).map(|case| shard.attempts_of_case(case, plan.repeat)).collect();
            (planned, plan.repeat.saturating_mul(u32::try_from(cases.len()).unwrap_or(u32::MAX)))
        }
        (None, None) => {
            let requests = SYNTHETIC_REQUESTS.saturating_mul(plan.repeat);
            (vec![part_of(requests)], requests)
        }
    };
    let source_of_requests = source_of_requests.map(|requests| requests.with_items(items));
    let probes = source_of_requests.as_ref().map_or(0, Source::probes);
    let output = output.cloned().or_else(|| source.output_tokens().map(LengthSpec::fixed));
    let workload = Workload { source, summary, rows, sample, seed, items, output, probes, has_checks, planned };
    let requests = RequestSpec { rows: Some(Arc::new(row_plan)), source: source_of_requests };
    Ok(Prepared { name, cases, recorded: saved, workload, requests, requests_of_all_shards, media })
}

/// Order of the rows of a data set.
#[derive(Clone, Copy)]
struct Order {
    sample: Sample,
    seed: u64,
    shard: Shard,
    /// Maximum number of rows that all shards send in a pass.
    first: u32,
}

impl Order {
    fn single(self, rows: u32) -> Result<RowPlan, RowOrderError> {
        let Self { sample, seed, shard, first } = self;
        if shard.is_whole() || sample == Sample::Replace {
            return RowPlan::single(rows, sample, seed, shard);
        }
        RowPlan::block_of_first(first.into(), &vec![0; rows as usize], sample, seed, shard)
    }

    fn tagged(self, tags: Vec<u16>) -> Result<RowPlan, RowOrderError> {
        let Self { sample, seed, shard, first } = self;
        if shard.is_whole() || sample == Sample::Replace {
            return RowPlan::tagged(tags.into(), sample, seed, shard);
        }
        RowPlan::block_of_first(first.into(), &tags, sample, seed, shard)
    }
}

/// Groups the rows by tag. Returns the names of the cases, if there are tags, and the case of each row.
fn groups(dataset: &Dataset, rows: u32, order: Order) -> Result<(Option<Vec<String>>, RowPlan), RowOrderError> {
    let turns = dataset.turns();
    if dataset.tags().is_empty() {
        return Ok((None, order.single(rows)?.with_turns(turns)));
    }
    let mut names: Vec<String> = dataset.tags().iter().map(|tag| sanitise_line(tag)).collect();
    let untagged = u16::try_from(names.len()).unwrap_or(u16::MAX);
    let tags: Vec<u16> = (0..rows).map(|row| dataset.tag_number(row.into()).unwrap_or(untagged)).collect();
    if tags.contains(&untagged) {
        names.push(NO_TAG.to_owned());
    }
    Ok((Some(names), order.tagged(tags)?.with_turns(turns)))
}

fn open_dataset(path: &Path, columns: &[String], skips_bad_rows: bool) -> Result<Dataset, ConfigError> {
    let invalid = |e: String| ConfigError(format!("--column: {e}"));
    let columns: Vec<Column> =
        columns.iter().map(|c| c.parse()).collect::<Result<_, _>>().map_err(|e| invalid(format!("{e}")))?;
    let mapping = ColumnMapping::new(columns).map_err(|e| invalid(e.to_string()))?;
    let on_bad_row = if skips_bad_rows { OnBadRow::Skip } else { OnBadRow::Fail };
    Dataset::open(path, &mapping, on_bad_row).map_err(|e| {
        let hint = if matches!(e.reason, DatasetFault::BadRow { .. }) { SKIP_HINT } else { "" };
        ConfigError(format!("{e}{hint}"))
    })
}

fn open_trace(path: &Path, skips_bad_rows: bool, speed: f64) -> Result<Trace<File>, ConfigError> {
    let failed = |why: String| ConfigError(format!("the trace '{}' {why}", sanitise_line(&path.to_string_lossy())));
    let file = File::open(path).map_err(|e| failed(format!("cannot be read: {e}")))?;
    let bad_rows = if skips_bad_rows { BadRows::Skip } else { BadRows::Refuse };
    Trace::open(file, &TraceOptions { bad_rows, speed, ..TraceOptions::default() }).map_err(|e| failed(e.to_string()))
}

/// Returns the path of a file that the user named relative to `folder`. In the working folder, the path stays as the
/// user typed it.
fn in_folder(path: &Path, folder: &Path) -> PathBuf {
    if folder == Path::new(".") { path.to_owned() } else { folder.join(path) }
}

fn row_count(rows: u64) -> Result<u32, ConfigError> {
    let too_many = |_| ConfigError(format!("the data set has {rows} rows; at most {} can be sent", u32::MAX));
    u32::try_from(rows).map_err(too_many)
}

fn absolute(path: &Path, folder: &Path) -> String {
    let joined: PathBuf = folder.join(path);
    std::path::absolute(&joined).unwrap_or(joined).to_string_lossy().into_owned()
}

fn stem(path: &str) -> String {
    let stem = Path::new(path).file_stem().unwrap_or_default().to_string_lossy();
    let stem = sanitise_line(&stem);
    if stem.trim().is_empty() { "data".to_owned() } else { stem }
}

/// Puts a workload into a suite in place of its cases.
pub(super) fn apply(prepared: &Prepared, template: &CaseSpec, suite: &mut Suite, plan: &mut Plan) {
    let case = |name: &String| CaseSpec { name: name.clone(), ..template.clone() };
    suite.cases = match &prepared.recorded {
        Some(recorded) => recorded.cases.clone(),
        None => prepared.cases.iter().map(case).collect(),
    };
    if suite.name.is_empty() || prepared.recorded.is_some() {
        suite.name.clone_from(&prepared.name);
    }
    suite.workload = Some(prepared.workload.clone());
    // Depths are measured one after another. A number of requests in the plan would make them take turns.
    if plan.duration.is_none() && prepared.workload.source.depths().is_none() {
        plan.requests = Some(prepared.requests_of_all_shards);
    }
    plan.warmup = plan.warmup.saturating_add(prepared.requests.source.as_ref().map_or(0, Source::probes));
}

/// Adds the images of `--image`, and sets the seeds of all generated images.
pub(super) fn generate_images(suite: &mut Suite, images: Option<GeneratedImages>, seed: u64) {
    for case in &mut suite.cases {
        case.generated_images.extend(images);
        for (number, images) in case.generated_images.iter_mut().enumerate() {
            images.seed = mix(seed ^ number as u64);
        }
    }
}

/// Returns the conversations of the options; `None` without such options.
pub(super) fn conversations(args: &WorkloadArgs, seed: u64) -> Option<Conversations> {
    let WorkloadArgs { turns, think, session_header, .. } = args.clone();
    let is_asked = turns.is_some() || think.is_some() || session_header.is_some();
    is_asked.then_some(Conversations { turns, think, session_header, seed })
}

/// Returns a line about the rows, shown before the run.
pub(super) fn notice(prepared: &Prepared) -> String {
    let planned: u64 = prepared.workload.planned.iter().copied().map(u64::from).sum();
    let to_send = count(usize::try_from(planned).unwrap_or(usize::MAX), "request");
    format!("{}; {to_send} to send", prepared.workload.summary)
}
