//! One of the two runs in a comparison.

use std::collections::{BTreeMap, HashMap};
use std::sync::Arc;

use super::{COMPARED, Compared};
use crate::domain::attempt::AttemptRecord;
use crate::domain::bootstrap::{ClusterKey, Observation};
use crate::domain::check::CheckSpec;
use crate::domain::hypothesis_test::Estimate;
use crate::domain::interval::t_975;
use crate::domain::quantity::grouped;
use crate::domain::session::{AttemptState, CaseState, Session};
use crate::domain::suite::Suite;
use crate::domain::tally::Tally;
use crate::domain::workload::WorkloadSource;
use crate::report::case::{is_estimated, is_warm};
use crate::report::cost::Cost;
use crate::report::fingerprint::Fingerprint;
use crate::report::model::Report;
use crate::report::run_figures::FoundLoad;
use crate::report::spread::Spread;

/// Mean of a metric over the attempts of a case or a run.
#[derive(Clone, Copy, Debug, PartialEq)]
pub struct Figure {
    /// Mean, in the unit of the metric.
    pub mean: f64,
    /// Number of attempts with a value.
    pub n: usize,
    /// Half the width of the mean's 95% interval; `None` without repeats.
    pub half_width: Option<f64>,
    /// Degrees of freedom of the interval: number of values beyond the first of each case.
    pub freedom: usize,
    /// Whether the figure depends on an estimated token count.
    pub estimated: bool,
}

impl Figure {
    /// Returns the mean with its standard error; `None` if the mean has no interval.
    pub(super) fn estimate(self) -> Option<Estimate> {
        let half = self.half_width.filter(|_| self.freedom > 0)?;
        Some(Estimate { mean: self.mean, standard_error: half / t_975(self.freedom), freedom: self.freedom })
    }
}

/// Figures in the order of [`COMPARED`]; empty if there are none.
pub type Figures = Vec<Option<Figure>>;

/// A case of one run.
#[derive(Clone, Debug, PartialEq)]
#[expect(missing_docs, reason = "the names say it")]
pub struct Case {
    pub name: String,
    pub figures: Figures,
}

/// Measurements of a whole run or of one stage of a sweep.
#[derive(Clone, Debug, Default, PartialEq)]
pub struct Measured {
    /// Figures over all attempts of all cases.
    pub total: Figures,
    /// Cases in the order of the suite.
    pub cases: Vec<Case>,
    /// Number of complete answers.
    pub answers: usize,
    /// Number of complete answers with a warm prefix cache.
    pub warm: usize,
    /// Number of complete answers without a resolved figure, in the order of [`COMPARED`]; empty if unknown.
    pub unresolved: Vec<usize>,
    /// Values of the single attempts by metric in the order of [`COMPARED`], each ascending; empty if the source has
    /// only means.
    pub values: Vec<Vec<f64>>,
    /// The same values with their clusters, unsorted; empty if the source has only means.
    pub observations: Vec<Vec<Observation>>,
    /// Percentiles that a summary states, in the order of [`COMPARED`]; empty if there are single attempts.
    pub stated_percentiles: Vec<Vec<(u32, f64)>>,
}

impl Measured {
    /// Returns the cases by name.
    pub(super) fn by_name(&self) -> HashMap<&str, &Case> {
        self.cases.iter().map(|case| (case.name.as_str(), case)).collect()
    }

    /// Measures the attempts that `reported` selects from each case.
    fn from_attempts<'a, A: Iterator<Item = &'a AttemptState>>(
        session: &'a Session,
        reported: impl Fn(&'a CaseState) -> A,
    ) -> Self {
        let (mut all, mut answers, mut warm) = (Samples::default(), 0, 0);
        let mut unresolved = vec![0; COMPARED.len()];
        let (mut cases, mut observations) = (Vec::new(), vec![Vec::new(); COMPARED.len()]);
        for (spec, state) in session.suite.cases.iter().zip(&session.cases) {
            let (mut own, name) = (Samples::default(), Arc::<str>::from(spec.name.as_str()));
            // Unpack one record at a time: all records of a long run would fill the memory.
            for (attempt, record) in reported(state).filter_map(|attempt| Some((attempt, attempt.record()?))) {
                own.add(&record);
                let cluster = cluster(&name, attempt.turn.map(|turn| turn.conversation), attempt.row);
                for (compared, observations) in COMPARED.iter().zip(&mut observations) {
                    let value = (compared.metric.get)(&record).filter(|value| value.is_finite());
                    let run = attempt.run;
                    observations.extend(value.map(|value| Observation { cluster: cluster.clone(), run, value }));
                }
                answers += 1;
                warm += usize::from(is_warm(&record));
                for (unresolved, compared) in unresolved.iter_mut().zip(COMPARED.iter()) {
                    *unresolved += usize::from((compared.metric.unresolved)(&record).is_some());
                }
            }
            all.extend(&own);
            cases.push(Case { name: spec.name.clone(), figures: own.into_figures() });
        }
        let values = all.figures.iter().map(|figures| ascending(figures.iter().map(|f| f.1))).collect();
        let total = all.into_figures();
        let measured = Self { total, cases, answers, warm, unresolved, values, observations, ..Self::default() };
        measured.with_runs_as_units()
    }

    /// Returns a note if some answers are warm, because the mean TTFT then includes times of cached prompts.
    pub(super) fn cache_note(&self) -> Option<String> {
        let Self { answers, warm, .. } = self;
        let note = || {
            format!("the server had part of the prompt of {warm} of {answers} answers cached, so their TTFT is warm")
        };
        (*warm > 0).then(note)
    }

    /// Returns a note on the answers that the means exclude because a figure is unresolved.
    pub(super) fn unresolved_note(&self) -> Option<String> {
        let some = COMPARED.iter().zip(&self.unresolved).filter(|(_, n)| **n > 0);
        let label = |c: &Compared| c.label.split(',').next().unwrap_or(c.label);
        let parts: Vec<String> = some.map(|(c, n)| format!("{} in {n}", label(c))).collect();
        let note = || format!("excluded as unresolved, in {} answers: {}", self.answers, parts.join(", "));
        (!parts.is_empty()).then(note)
    }
}

/// Returns the cluster of an attempt: its conversation or data set row if there is one, otherwise its case.
pub fn cluster(case: &Arc<str>, conversation: Option<u32>, row: Option<u32>) -> ClusterKey {
    // The row identifies a conversation in every run; its first attempt's number does not.
    ClusterKey { case: Arc::clone(case), member: row.or(conversation) }
}

/// Sorts values and drops NaN and infinities.
pub fn ascending(values: impl Iterator<Item = f64>) -> Vec<f64> {
    let mut values: Vec<f64> = values.filter(|value| value.is_finite()).collect();
    values.sort_by(f64::total_cmp);
    values
}

/// Values of single attempts.
struct Samples {
    /// Values by metric in the order of [`COMPARED`], each with the index of its case.
    figures: Vec<Vec<(usize, f64)>>,
    /// Whether any token count is an estimate.
    is_estimated: bool,
}

impl Default for Samples {
    fn default() -> Self {
        Self { figures: vec![Vec::new(); COMPARED.len()], is_estimated: false }
    }
}

impl Samples {
    fn add(&mut self, record: &AttemptRecord) {
        self.is_estimated |= is_estimated(record);
        for (figures, compared) in self.figures.iter_mut().zip(COMPARED.iter()) {
            figures.extend((compared.metric.get)(record).map(|figure| (record.id.case, figure)));
        }
    }

    fn extend(&mut self, other: &Self) {
        self.is_estimated |= other.is_estimated;
        for (figures, others) in self.figures.iter_mut().zip(&other.figures) {
            figures.extend(others);
        }
    }

    fn into_figures(self) -> Figures {
        let Self { figures, is_estimated } = self;
        let figure = |(c, figures): (&Compared, Vec<(usize, f64)>)| {
            let s = Spread::of_metric(c.metric, figures)?;
            let estimated = is_estimated && c.metric.counts_output_tokens;
            Some(Figure { mean: s.stats.avg, n: s.n, half_width: s.mean_half_width, freedom: s.repeats, estimated })
        };
        COMPARED.iter().zip(figures).map(figure).collect()
    }
}

/// A stage of a sweep.
#[derive(Clone, Debug, PartialEq)]
pub struct Stage {
    /// Concurrency of the stage.
    pub concurrency: u64,
    /// Throughput of the stage, in the unit of the run.
    pub throughput: Option<f64>,
    /// Measurements of the stage, with at least one complete answer.
    pub measured: Measured,
}

/// Load settings of a run; `None` for unknown settings.
#[derive(Clone, Copy, Debug, Default, PartialEq)]
#[expect(missing_docs, reason = "the names say it")]
pub struct Plan {
    pub concurrency: Option<u64>,
    pub repeat: Option<u64>,
    pub rate: Option<f64>,
    pub duration_s: Option<f64>,
    pub warm: bool,
}

/// Workload of a run.
#[derive(Clone, Debug, Default, PartialEq)]
pub struct ComparedWorkload {
    /// Kind of the source.
    pub kind: String,
    /// Path of the file or folder; `None` for synthetic prompts.
    pub source: Option<String>,
    /// Size and checksum of the data set or trace.
    pub fingerprint: Option<String>,
    /// Names and values of settings that decide which requests are sent.
    pub settings: Vec<(&'static str, String)>,
}

impl ComparedWorkload {
    fn from_suite(suite: &Suite) -> Option<Self> {
        let workload = suite.workload.as_ref()?;
        let fingerprint = workload.source.fingerprint();
        let fingerprint = fingerprint.map(|found| fingerprint_text(found.bytes, &format!("{:08x}", found.crc32)));
        let mut settings = Vec::new();
        match &workload.source {
            WorkloadSource::Dataset { columns, .. } => settings.push(("--column", columns.join(" "))),
            WorkloadSource::Synthetic { input, prefix } => {
                settings.push(("--isl", input.to_string()));
                settings.push(("--prefix", prefix.map_or_else(String::new, |prefix| prefix.to_string())));
            }
            WorkloadSource::Depth { depths, prompt_tokens, .. } => {
                settings.push(("--depth", depths.to_string()));
                settings.push(("--isl", prompt_tokens.to_string()));
            }
            WorkloadSource::Trace { speed, .. } => settings.push(("--speed", speed.to_string())),
        }
        settings.push(("--osl", workload.output.as_ref().map_or_else(String::new, ToString::to_string)));
        let source = workload.source.path().map(str::to_owned);
        Some(Self { kind: workload.source.kind().to_owned(), source, fingerprint, settings })
    }

    /// Lists the differences between two workloads, one sentence each.
    pub(super) fn differences(a: Option<&Self>, b: Option<&Self>) -> Vec<String> {
        let kind = |side: Option<&Self>| side.map_or_else(|| "named cases".to_owned(), |side| side.kind.clone());
        let (Some(a), Some(b)) = (a, b) else {
            let differ = a.is_some() != b.is_some();
            return differ.then(|| format!("the workload differs: {} and {}", kind(a), kind(b))).into_iter().collect();
        };
        if a.kind != b.kind {
            return vec![format!("the workload differs: {} and {}", a.kind, b.kind)];
        }
        let (mut out, kind_of_both) = (Vec::new(), a.kind.as_str());
        if let (Some(a), Some(b)) = (&a.fingerprint, &b.fingerprint)
            && a != b
        {
            let what = if kind_of_both == "trace" { "traces" } else { "data sets" };
            out.push(format!("the {what} differ: {a} and {b}"));
        }
        for (name, own) in &a.settings {
            let other = b.settings.iter().find(|(other, _)| other == name).map_or("", |(_, value)| value);
            if own != other {
                let [own, other] = [own, other].map(|value| if value.is_empty() { "not set" } else { value });
                out.push(format!("{name} differs: {own} and {other}"));
            }
        }
        out
    }
}

/// Formats size and checksum of a data set or trace.
pub fn fingerprint_text(bytes: u64, crc32: &str) -> String {
    format!("{} bytes, CRC-32 {crc32}", grouped(bytes))
}

/// Figures of one turn over all conversations of a run.
#[derive(Clone, Debug, PartialEq)]
pub struct Turn {
    /// Number of the turn, from 1.
    pub number: u64,
    /// Figures in the order of [`COMPARED`].
    pub figures: Figures,
}

/// Figures of one model over all cases of a run.
#[derive(Clone, Debug, PartialEq)]
pub struct ModelSide {
    /// Name of the model.
    pub name: String,
    /// Figures in the order of [`COMPARED`].
    pub figures: Figures,
}

/// A run in a comparison. Unknown values are `None`.
#[derive(Clone, Debug, Default, PartialEq)]
pub struct ComparedRun {
    /// ID of the run, or the name of its file.
    pub name: String,
    /// Kind of source, such as "saved run".
    pub kind: &'static str,
    /// Start time as text, in the format of the source.
    pub started_at: Option<String>,
    /// Name of the model.
    pub model: Option<String>,
    /// Address of the endpoint.
    pub url: Option<String>,
    /// Name of the suite.
    pub suite: Option<String>,
    /// Whether the simulator answered instead of a model.
    pub simulated: bool,
    /// Whether a planned measurement is missing.
    pub partial: bool,
    /// Settings of the load.
    pub plan: Option<Plan>,
    /// Unit of the throughput: `tok/s` or `items/s`.
    pub throughput_unit: &'static str,
    /// Throughput of the whole run, or of `stage` in a sweep, tok/s.
    pub throughput: Option<f64>,
    /// Measurements of the whole run. In a sweep, those of `stage`, or of all stages if the source does not separate
    /// them.
    pub whole: Measured,
    /// Concurrency of the stage that represents a sweep; `None` without a sweep or separate stages.
    pub stage: Option<u64>,
    /// Value of `--stages`; empty without stages, `None` if unknown.
    pub load_stages: Option<String>,
    /// Whether the run is a sweep over several concurrencies.
    pub is_sweep: bool,
    /// Workload of the run; `None` if the run sent the cases of its suite, or if unknown.
    pub workload: Option<ComparedWorkload>,
    /// Turns of conversations in order; empty without conversations.
    pub turns: Vec<Turn>,
    /// Models of a mix; empty if the run used one model.
    pub models: Vec<ModelSide>,
    /// Stages of a sweep; empty if the source does not separate them.
    pub stages: Vec<Stage>,
    /// Checks by case name; `None` if the source does not contain them.
    pub checks: Option<HashMap<String, Vec<CheckSpec>>>,
    /// Price of the work at its load; `None` without a price.
    pub cost: Option<Cost>,
    /// Largest load that a search found; `None` without a search.
    pub found: Option<FoundLoad>,
    /// Properties of machine, server and suite, which a gate compares.
    pub fingerprint: Fingerprint,
    /// Notes on how to read the figures.
    pub notes: Vec<String>,
}

impl ComparedRun {
    /// Creates the side from a report.
    pub fn from_report(report: &Report) -> Self {
        let session = &report.session;
        let stage = |(at, concurrency): (usize, &usize)| {
            let measured = Measured::from_attempts(session, |case| case.reported_in(at));
            let throughput = || Tally::from_session(session, Some(at)).throughput();
            (measured.answers > 0).then(|| Stage {
                concurrency: *concurrency as u64,
                throughput: throughput(),
                measured,
            })
        };
        let summary = report.summary();
        let headline = summary.headline;
        Self {
            name: report.run_id.clone(),
            kind: "saved run",
            started_at: Some(report.started_at().strftime("%Y-%m-%d %H:%M:%S").to_string()),
            model: Some(report.model.clone()),
            url: Some(report.url.clone()),
            suite: Some(session.suite.name.clone()),
            simulated: report.simulated,
            partial: session.is_partial(),
            plan: Some(plan(session)),
            throughput_unit: session.suite.task.throughput_unit(),
            throughput: summary.item_throughput.or(summary.output_token_throughput),
            whole: Measured::from_attempts(session, |case| case.reported_in(headline)),
            stage: summary.stage.map(|concurrency| concurrency as u64),
            load_stages: Some(session.suite.load_stages.as_ref().map_or_else(String::new, ToString::to_string)),
            is_sweep: !session.sweep.is_empty(),
            workload: ComparedWorkload::from_suite(&session.suite),
            turns: turns(session, headline),
            models: models(session, headline),
            stages: session.sweep.iter().enumerate().filter_map(stage).collect(),
            checks: Some(checks(session)),
            cost: report.cost(),
            found: FoundLoad::from_session(session),
            fingerprint: Fingerprint::from_report(report),
            notes: Vec::new(),
        }
    }
}

/// Returns the figures by turn over the reported attempts of a stage.
fn turns(session: &Session, stage: usize) -> Vec<Turn> {
    let mut by_turn: BTreeMap<u64, Samples> = BTreeMap::new();
    let reported = session.cases.iter().flat_map(|case| case.reported_in(stage)).filter(|a| a.turn.is_some());
    for record in reported.filter_map(AttemptState::record) {
        by_turn.entry(record.turn.map_or(0, |turn| turn.number.into())).or_default().add(&record);
    }
    by_turn.into_iter().map(|(number, samples)| Turn { number, figures: samples.into_figures() }).collect()
}

/// Returns the figures by model over the reported attempts of a stage; empty without a mix.
fn models(session: &Session, stage: usize) -> Vec<ModelSide> {
    if session.suite.model_mix.is_none() {
        return Vec::new();
    }
    let mut by_model: BTreeMap<String, Samples> = BTreeMap::new();
    let reported = session.cases.iter().flat_map(|case| case.reported_in(stage));
    for record in reported.filter_map(AttemptState::record) {
        by_model.entry(record.model.clone()).or_default().add(&record);
    }
    by_model.into_iter().map(|(name, samples)| ModelSide { name, figures: samples.into_figures() }).collect()
}

fn checks(session: &Session) -> HashMap<String, Vec<CheckSpec>> {
    let checked = session.suite.cases.iter().filter(|case| !case.checks.is_empty());
    checked.map(|case| (case.name.clone(), case.checks.clone())).collect()
}

fn plan(session: &Session) -> Plan {
    let plan = &session.plan;
    Plan {
        concurrency: plan.limit().map(|n| n as u64),
        repeat: Some(plan.repeat.into()),
        rate: plan.open_loop.map(|open| open.rate_per_s),
        duration_s: plan.duration.map(|d| d.as_secs_f64()),
        warm: plan.warm,
    }
}
