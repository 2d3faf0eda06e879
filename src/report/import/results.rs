//! Reads an exported `results.json` for a comparison.

use std::borrow::Cow;
use std::collections::{BTreeSet, HashMap};
use std::fmt;
use std::sync::Arc;

use serde::de::{IgnoredAny, MapAccess, Visitor};
use serde::{Deserialize, Deserializer};
use serde_json::Value;

use super::ImportError;
use crate::domain::bootstrap::Observation;
use crate::domain::interval::mean_half_width;
use crate::domain::live::ServerInfo;
use crate::domain::load_search::SearchVariable;
use crate::domain::model_mix::MAX_MODELS;
use crate::domain::repeated_runs::MAX_RUNS;
use crate::domain::statistics::Stats;
use crate::domain::task::Task;
use crate::domain::text::sanitise_line;
use crate::report::compare::{
    COMPARED, Case, Compared, ComparedRun, ComparedWorkload, Figure, Measured, ModelSide, Plan, Stage, Turn, ascending,
    cluster, fingerprint_text,
};
use crate::report::cost::Cost;
use crate::report::fingerprint::{Fingerprint, RunProperties};
use crate::report::model::Environment;
use crate::report::run_figures::FoundLoad;

/// Version of the schema that this reader accepts.
const SCHEMA_VERSION: u64 = 1;
/// Maximum number of stages. If a file has more, all of them are ignored.
const MOST_STAGES: usize = 1000;
/// Maximum number of turns. If a file has more, all of them are ignored.
const MOST_TURNS: usize = 1000;

#[derive(Deserialize)]
#[serde(default)]
#[derive(Default)]
struct Document {
    schema_version: Option<u64>,
    run: Run,
    target: Target,
    summary: SummaryJson,
    cases: Vec<CaseJson>,
    workload: Option<WorkloadJson>,
    models: Vec<IgnoredAny>,
    sweep: Vec<SweepJson>,
    stages: Vec<LoadStageJson>,
    environment: Environment,
    gpu: Option<GpuJson>,
    find: Option<FindJson>,
    cost: Option<Cost>,
}

#[derive(Deserialize, Default)]
#[serde(default)]
struct SweepJson {
    concurrency: Option<u64>,
    output_token_throughput: Option<f64>,
    item_throughput: Option<f64>,
}

#[derive(Deserialize, Default)]
#[serde(default)]
struct LoadStageJson {
    load: String,
    duration_s: f64,
}

#[derive(Deserialize, Default)]
#[serde(default)]
struct GpuJson {
    devices: Vec<DeviceJson>,
}

#[derive(Deserialize, Default)]
#[serde(default)]
struct DeviceJson {
    model: String,
}

/// Result of a search for the largest load.
#[derive(Deserialize)]
struct FindJson {
    variable: SearchVariable,
    last_pass: Option<f64>,
}

#[derive(Deserialize, Default)]
#[serde(default)]
struct Run {
    id: Option<String>,
    started_at: Option<String>,
    suite: Option<String>,
    concurrency: Option<u64>,
    repeat: Option<u64>,
    rate: Option<f64>,
    duration_limit_s: Option<f64>,
    warm: bool,
    simulated: bool,
    partial: bool,
    requests_digest: Option<String>,
}

#[derive(Deserialize, Default)]
#[serde(default)]
struct Target {
    url: Option<String>,
    api: String,
    model: Option<String>,
    server: ServerInfo,
}

#[derive(Deserialize, Default)]
#[serde(default)]
struct WorkloadJson {
    kind: String,
    source: Option<String>,
    fingerprint: Option<FingerprintJson>,
    columns: Vec<String>,
    isl: Option<String>,
    osl: Option<String>,
    prefix: Option<String>,
    depths: Vec<u32>,
    speed: Option<f64>,
}

#[derive(Deserialize, Default)]
#[serde(default)]
struct FingerprintJson {
    bytes: u64,
    crc32: String,
}

impl From<WorkloadJson> for ComparedWorkload {
    fn from(workload: WorkloadJson) -> Self {
        let WorkloadJson { kind, source, fingerprint, columns, isl, osl, prefix, depths, speed } = workload;
        let mut settings = Vec::new();
        match kind.as_str() {
            "dataset" => settings.push(("--column", columns.join(" "))),
            "synthetic" => {
                settings.extend([("--isl", isl.unwrap_or_default()), ("--prefix", prefix.unwrap_or_default())]);
            }
            "depth" => {
                let depths: Vec<String> = depths.iter().map(u32::to_string).collect();
                settings.extend([("--depth", depths.join(",")), ("--isl", isl.unwrap_or_default())]);
            }
            _ => settings.push(("--speed", speed.map_or_else(String::new, |speed| speed.to_string()))),
        }
        settings.push(("--osl", osl.unwrap_or_default()));
        let fingerprint = fingerprint.map(|f| fingerprint_text(f.bytes, &f.crc32));
        Self { kind, source, fingerprint, settings }
    }
}

fn unit_of(summary: &SummaryJson) -> &'static str {
    let task = if summary.item_throughput.is_some() { Task::Embeddings } else { Task::Generation };
    task.throughput_unit()
}

#[derive(Deserialize, Default)]
#[serde(default)]
struct SummaryJson {
    output_token_throughput: Option<f64>,
    item_throughput: Option<f64>,
    stage_concurrency: Option<u64>,
}

#[derive(Deserialize, Default)]
#[serde(default)]
struct CaseJson {
    name: String,
    attempts: Vec<Attempt>,
}

/// Figures to compare, and the fields that decide whether the attempt counts, by key.
#[derive(Default)]
struct Attempt(HashMap<&'static str, Value>);

impl Attempt {
    const KEYS: [&str; 12] = [
        "status",
        "warmup",
        "concurrency",
        "reported",
        "token_count_source",
        "prefix_cache",
        "unresolved",
        "turn",
        "conversation",
        "row",
        "run",
        "model",
    ];
}

impl std::ops::Index<&str> for Attempt {
    type Output = Value;

    fn index(&self, key: &str) -> &Value {
        static NONE: Value = Value::Null;
        self.0.get(key).unwrap_or(&NONE)
    }
}

impl<'de> Deserialize<'de> for Attempt {
    /// Ignores all other keys, because the texts of a long run would fill the memory.
    fn deserialize<D: Deserializer<'de>>(from: D) -> Result<Self, D::Error> {
        struct Fields;
        impl<'de> Visitor<'de> for Fields {
            type Value = Attempt;

            fn expecting(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
                f.write_str("an attempt")
            }

            fn visit_map<A: MapAccess<'de>>(self, mut map: A) -> Result<Attempt, A::Error> {
                let mut attempt = Attempt::default();
                while let Some(key) = map.next_key::<Cow<'_, str>>()? {
                    let known = Attempt::KEYS.into_iter().chain(COMPARED.iter().map(|c| c.metric.key));
                    match known.into_iter().find(|known| *known == key) {
                        Some(known) => drop(attempt.0.insert(known, map.next_value()?)),
                        None => drop(map.next_value::<IgnoredAny>()?),
                    }
                }
                Ok(attempt)
            }
        }
        from.deserialize_map(Fields)
    }
}

/// Reads a document for a comparison, without failed attempts and warm-ups.
pub fn read(text: &str) -> Result<ComparedRun, ImportError> {
    let document: Document = serde_json::from_str(text).map_err(|e| {
        ImportError(format!("line {}: not a results.json: {}", e.line(), sanitise_line(&e.to_string())))
    })?;
    match document.schema_version {
        Some(SCHEMA_VERSION) => {}
        Some(newer) => return Err(ImportError(format!("unknown schema_version {newer}; update tokscope"))),
        None => return Err(ImportError("not a results.json: schema_version is missing".to_owned())),
    }
    let Document { run, target, summary, cases, workload, models: mixed, sweep, .. } = document;
    let Document { stages: load_stages, environment, gpu, find, cost, .. } = document;
    let fingerprint = Fingerprint::new(RunProperties {
        environment,
        gpus: gpu.map_or_else(Vec::new, |gpu| gpu.devices.into_iter().map(|device| device.model).collect()),
        api: target.api,
        model: target.model.clone().unwrap_or_default(),
        server: target.server,
        simulated: run.simulated,
        digest: run.requests_digest.clone(),
    });
    let mut stages = if sweep.is_empty() { Vec::new() } else { stages(&cases) };
    for stage in &mut stages {
        let same = sweep.iter().find(|entry| entry.concurrency == Some(stage.concurrency));
        stage.throughput = same.and_then(|entry| entry.item_throughput.or(entry.output_token_throughput));
    }
    // Older files lack `stage_concurrency`; their figures describe the last stage.
    let stage = summary.stage_concurrency.or(run.concurrency).filter(|_| !stages.is_empty());
    let is_whole = |a: &Attempt| stages.is_empty() || stage_concurrency(a) == stage;
    let load_stages: Vec<String> = load_stages.iter().map(|s| format!("{}:{}s", s.load, s.duration_s)).collect();
    let plan = Plan {
        concurrency: run.concurrency,
        repeat: run.repeat,
        rate: run.rate,
        duration_s: run.duration_limit_s,
        warm: run.warm,
    };
    Ok(ComparedRun {
        name: run.id.unwrap_or_default(),
        kind: "results.json",
        started_at: run.started_at,
        model: target.model,
        url: target.url,
        suite: run.suite,
        simulated: run.simulated,
        partial: run.partial,
        plan: Some(plan),
        throughput_unit: unit_of(&summary),
        throughput: summary.item_throughput.or(summary.output_token_throughput),
        whole: measured(&cases, is_whole),
        workload: workload.map(ComparedWorkload::from),
        turns: turns(&cases, is_whole),
        models: if mixed.is_empty() { Vec::new() } else { models(&cases, is_whole) },
        is_sweep: !sweep.is_empty(),
        stage,
        load_stages: Some(load_stages.join(",")),
        stages,
        checks: None,
        cost,
        found: find.map(|FindJson { variable, last_pass }| FoundLoad { variable, last_pass }),
        fingerprint,
        notes: Vec::new(),
    })
}

/// Returns the figures by turn over the attempts that `wanted` selects; empty with too many turns.
fn turns(cases: &[CaseJson], wanted: impl Fn(&Attempt) -> bool) -> Vec<Turn> {
    let number = |a: &Attempt| a["turn"].as_u64();
    let selected = cases.iter().flat_map(|case| &case.attempts).filter(|a| is_good(a) && wanted(a));
    let numbers: BTreeSet<u64> = selected.filter_map(number).collect();
    if numbers.len() > MOST_TURNS {
        return Vec::new();
    }
    let figures = |turn| measured(cases, |a| wanted(a) && number(a) == Some(turn)).total;
    numbers.into_iter().map(|turn| Turn { number: turn, figures: figures(turn) }).collect()
}

/// Returns the figures by model over the attempts that `wanted` selects; empty with too many models.
fn models(cases: &[CaseJson], wanted: impl Fn(&Attempt) -> bool) -> Vec<ModelSide> {
    let selected = cases.iter().flat_map(|case| &case.attempts).filter(|a| is_good(a) && wanted(a));
    let names: BTreeSet<&str> = selected.filter_map(|a| a["model"].as_str()).collect();
    if names.len() > MAX_MODELS {
        return Vec::new();
    }
    let figures = |name: &str| measured(cases, |a| wanted(a) && a["model"].as_str() == Some(name)).total;
    names.into_iter().map(|name| ModelSide { name: name.to_owned(), figures: figures(name) }).collect()
}

/// Returns the concurrency of the stage in which an attempt ran.
fn stage_concurrency(attempt: &Attempt) -> Option<u64> {
    attempt["concurrency"].as_u64()
}

/// Returns whether an attempt is measured, complete and not replaced by a rerun. Older files do not mark replaced
/// attempts.
fn is_good(attempt: &Attempt) -> bool {
    attempt["status"] == "ok" && attempt["warmup"] != true && attempt["reported"] != false
}

/// Returns the stages that have an answer; empty if any answer lacks its concurrency.
fn stages(cases: &[CaseJson]) -> Vec<Stage> {
    let good = || cases.iter().flat_map(|case| &case.attempts).filter(|a| is_good(a));
    if good().any(|a| stage_concurrency(a).is_none()) {
        return Vec::new();
    }
    let levels: BTreeSet<u64> = good().filter_map(stage_concurrency).collect();
    if levels.len() > MOST_STAGES {
        return Vec::new();
    }
    let stage = |concurrency| Stage {
        concurrency,
        throughput: None,
        measured: measured(cases, |a| stage_concurrency(a) == Some(concurrency)),
    };
    levels.into_iter().map(stage).collect()
}

/// Returns the measurements of the attempts that `wanted` selects.
fn measured(cases: &[CaseJson], wanted: impl Fn(&Attempt) -> bool) -> Measured {
    let mut all: Vec<Vec<Vec<f64>>> = vec![Vec::new(); COMPARED.len()];
    let (unresolved, observations) = (vec![0; COMPARED.len()], vec![Vec::new(); COMPARED.len()]);
    let mut out = Measured { unresolved, observations, ..Measured::default() };
    let mut estimated = false;
    for case in cases {
        let good: Vec<&Attempt> = case.attempts.iter().filter(|a| is_good(a) && wanted(a)).collect();
        let is_estimated = good.iter().any(|a| a["token_count_source"] == "estimate");
        estimated |= is_estimated;
        let is_later_turn = |a: &Attempt| a["turn"].as_u64().is_some_and(|turn| turn > 1);
        out.warm += good.iter().filter(|a| a["prefix_cache"] == "warm" && !is_later_turn(a)).count();
        out.answers += good.len();
        for (compared, unresolved) in COMPARED.iter().zip(&mut out.unresolved) {
            *unresolved += good.iter().filter(|a| a["unresolved"].get(compared.metric.key).is_some()).count();
        }
        let name: Arc<str> = case.name.as_str().into();
        for attempt in &good {
            let number = |key| attempt[key].as_u64().and_then(|n| u32::try_from(n).ok());
            let cluster = cluster(&name, number("conversation"), number("row"));
            let run = number("run").and_then(|run| u16::try_from(run).ok()).filter(|run| *run <= MAX_RUNS).unwrap_or(0);
            for (compared, observations) in COMPARED.iter().zip(&mut out.observations) {
                let value = attempt[compared.metric.key].as_f64();
                observations.extend(value.map(|value| Observation { cluster: cluster.clone(), run, value }));
            }
        }
        let mut figures = vec![None; COMPARED.len()];
        for ((compared, figure), all) in COMPARED.iter().zip(&mut figures).zip(&mut all) {
            let mut values: Vec<f64> = good.iter().filter_map(|a| a[compared.metric.key].as_f64()).collect();
            values.sort_by(f64::total_cmp);
            *figure = figure_of(compared, &[&values], is_estimated);
            all.push(values);
        }
        out.cases.push(Case { name: case.name.clone(), figures });
    }
    let total = |(compared, all): (&Compared, &Vec<Vec<f64>>)| {
        let groups: Vec<&[f64]> = all.iter().map(Vec::as_slice).collect();
        figure_of(compared, &groups, estimated)
    };
    out.values = all.iter().map(|cases| ascending(cases.iter().flatten().copied())).collect();
    out.total = COMPARED.iter().zip(&all).map(total).collect();
    out.with_runs_as_units()
}

/// Returns the mean of a metric over groups of values, each ascending. `estimated`: whether any count of output tokens
/// is an estimate.
fn figure_of(compared: &Compared, groups: &[&[f64]], estimated: bool) -> Option<Figure> {
    let stats = Stats::from_values(groups.iter().flat_map(|g| g.iter().copied()))?;
    let n: usize = groups.iter().map(|g| g.len()).sum();
    let freedom = n - groups.iter().filter(|g| !g.is_empty()).count();
    // The interval of a share follows from the number of answers instead of the repeats.
    let half_width = mean_half_width(groups.iter().copied().filter(|g| !g.is_empty()));
    let half_width = half_width.filter(|_| !compared.metric.is_share());
    let estimated = estimated && compared.metric.counts_output_tokens;
    Some(Figure { mean: stats.avg, n, half_width, freedom, estimated })
}

#[cfg(test)]
mod tests {
    use proptest::prelude::*;

    use super::*;
    use crate::report::exporters::EXPORTERS;
    use crate::report::fixture::{answer, report, run, suite};

    fn results() -> (crate::report::model::Report, String) {
        let plan = crate::domain::session::Plan { repeat: 3, ..Default::default() };
        let session = run(suite(&["a", "b"]), plan, |id, now| {
            Some(answer(id, now, 1000 + 100 * u64::from(id.number) + 700 * id.case as u64, 10, 100))
        });
        let report = report(session);
        let text = json(&report);
        (report, text)
    }

    fn json(report: &crate::report::model::Report) -> String {
        EXPORTERS.iter().find(|e| e.id == "json").unwrap().render(report)
    }

    #[track_caller]
    fn same_figures(read: &Measured, own: &Measured) {
        assert_eq!((read.answers, read.warm, read.cases.len()), (own.answers, own.warm, own.cases.len()));
        for (a, b) in
            read.cases.iter().zip(&own.cases).map(|(a, b)| (&a.figures, &b.figures)).chain([(&read.total, &own.total)])
        {
            for (a, b) in a.iter().zip(b) {
                let Some((a, b)) = a.zip(*b) else {
                    assert_eq!(a.is_some(), b.is_some());
                    continue;
                };
                assert!((a.mean - b.mean).abs() < 1e-9 && a.n == b.n, "{a:?} {b:?}");
                assert_eq!(a.half_width.is_some(), b.half_width.is_some());
                let widths = a.half_width.zip(b.half_width);
                assert!(widths.is_none_or(|(a, b)| (a - b).abs() < 1e-9), "{widths:?}");
            }
        }
    }

    #[test]
    fn an_exported_run_compares_like_the_run_itself() {
        let (report, text) = results();
        let (read, own) = (read(&text).unwrap(), ComparedRun::from_report(&report));
        assert_eq!((&read.model, &read.suite, read.plan), (&own.model, &own.suite, own.plan));
        same_figures(&read.whole, &own.whole);
        assert_eq!((read.whole.cases.len(), read.whole.answers), (2, 6));
    }

    #[test]
    fn a_rerun_replaces_earlier_attempts_like_in_the_run_itself() {
        use crate::domain::attempt::AttemptId;
        use crate::domain::session::SessionInput;
        use crate::domain::time::Nanos;

        let plan = crate::domain::session::Plan { repeat: 2, ..Default::default() };
        let mut session = run(suite(&["a", "b"]), plan, |id, now| Some(answer(id, now, 1000, 10, 100)));
        session.handle(SessionInput::Rerun(0));
        let id = AttemptId { case: 0, number: 3 };
        session.handle(SessionInput::Ended(id, answer(id, Nanos::from_millis(20_000), 3000, 10, 100).into()));
        let report = report(session);
        let (text, own) = (json(&report), ComparedRun::from_report(&report));
        let figures = |side: &ComparedRun| side.whole.cases[0].figures[0].map(|f| f.n);
        assert_eq!(figures(&own), Some(1));
        same_figures(&read(&text).unwrap().whole, &own.whole);
        // Older files lack the key.
        let older = text.replace("\"reported\"", "\"other\"");
        assert_eq!(figures(&read(&older).unwrap()), Some(3));
    }

    #[test]
    fn a_sweep_has_the_stages_of_the_run_itself() {
        let report = report(crate::report::fixture::sweep_session(&[1, 4]));
        let (read, own) = (read(&json(&report)).unwrap(), ComparedRun::from_report(&report));
        assert!(read.is_sweep && own.is_sweep);
        let concurrencies = |side: &ComparedRun| side.stages.iter().map(|s| s.concurrency).collect::<Vec<_>>();
        assert_eq!((concurrencies(&read), concurrencies(&own)), (vec![1, 4], vec![1, 4]));
        for (read, own) in read.stages.iter().zip(&own.stages) {
            same_figures(&read.measured, &own.measured);
        }
        same_figures(&read.whole, &own.stages[1].measured);
    }

    #[test]
    fn an_older_sweep_without_stages_has_figures_over_all_stages() {
        let text = json(&report(crate::report::fixture::sweep_session(&[1, 4])));
        let value: Value = serde_json::from_str(&text).unwrap();
        let without = |left: usize| {
            let mut older = value.clone();
            for case in older["cases"].as_array_mut().unwrap().iter_mut().skip(left) {
                for attempt in case["attempts"].as_array_mut().unwrap() {
                    attempt.as_object_mut().unwrap().remove("concurrency").unwrap();
                }
            }
            read(&older.to_string()).unwrap()
        };
        // A single attempt without its stage is enough to ignore all stages.
        for side in [without(0), without(3)] {
            assert_eq!((side.is_sweep, side.stages.len(), side.whole.answers), (true, 0, 8));
        }
    }

    #[test]
    fn errors_name_the_line_and_the_reason() {
        let why = |text: &str| read(text).unwrap_err().to_string();
        assert!(why("{\n\"run\": 3}").starts_with("line 2: not a results.json"), "{}", why("{\n\"run\": 3}"));
        assert!(why("{}").contains("schema_version is missing"));
        assert!(why("{\"schema_version\": 9}").contains("schema_version 9"));
    }

    proptest! {
        #[test]
        fn no_value_causes_a_panic(value in prop::sample::select(VALUES), at in 0_usize..6) {
            let at = ["case", "attempts", "name", "status", "time_to_first_token_ms", "token_count_source"][at];
            let attempt = r#"{"status":"ok","token_count_source":"usage","time_to_first_token_ms":1e308}"#;
            let text = format!(r#"{{"schema_version":1,"case":1,"cases":[{{"name":"a","attempts":[{attempt},{attempt}]}}]}}"#);
            let value = format!("\"{at}\":{value},\"x\":");
            if let Ok(side) = read(&text.replace(&format!("\"{at}\":"), &value)) {
                prop_assert!(side.whole.total.iter().flatten().all(|f| f.n > 0));
            }
        }
    }

    const VALUES: &[&str] = &["null", "[]", "{}", "-1", "1e400", "\"ok\"", "true", "[[]]", "[{\"status\":[]}]"];

    #[test]
    fn a_torn_document_is_an_error() {
        let (_, text) = results();
        for at in (0..text.len() - 2).step_by(97) {
            assert!(text.get(..at).is_none_or(|part| read(part).is_err()), "{at}");
        }
    }
}
