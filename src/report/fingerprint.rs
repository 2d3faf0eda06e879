//! Properties that two runs must share for a fair comparison: machine, server and suite.

use std::sync::Arc;

use crate::domain::live::ServerInfo;
use crate::domain::session::{Plan, Session};
use crate::domain::suite::Suite;
use crate::domain::text::sanitise_line;
use crate::domain::workload::{Workload, WorkloadSource};
use crate::report::model::{Environment, Report};

/// Properties of a run that decide whether its figures can be compared with those of another.
#[derive(Clone, Debug, Default, PartialEq)]
pub struct Fingerprint {
    /// Names and values of properties of tokscope's machine and its GPUs.
    pub machine: Vec<(&'static str, String)>,
    /// Properties of the server.
    pub server: Vec<(&'static str, String)>,
    /// Properties of the requests.
    pub suite: Vec<(&'static str, String)>,
    /// Version of the server. A difference is no obstacle, because a gate may judge a new version.
    pub server_version: Option<String>,
}

/// Properties from which a fingerprint is computed.
#[derive(Clone, Debug, Default, PartialEq)]
pub struct RunProperties {
    /// The machine of tokscope.
    pub environment: Environment,
    /// Names of the GPUs.
    pub gpus: Vec<String>,
    /// API of the endpoint, as a value of `--api`.
    pub api: String,
    /// Name of the model.
    pub model: String,
    /// Software that serves the model.
    pub server: ServerInfo,
    /// Whether the built-in simulator answered.
    pub simulated: bool,
    /// [`digest`] of the requests; `None` if the source does not contain it.
    pub digest: Option<String>,
}

impl Fingerprint {
    /// Returns the fingerprint of a report.
    pub fn from_report(report: &Report) -> Self {
        let devices = report.gpu.as_ref().map(|gpu| gpu.devices.as_slice()).unwrap_or_default();
        Self::new(RunProperties {
            environment: report.environment.clone(),
            gpus: devices.iter().map(|device| device.model.clone()).collect(),
            api: report.api.to_owned(),
            model: report.model.clone(),
            server: report.server.clone(),
            simulated: report.simulated,
            digest: Some(digest(&report.session)),
        })
    }

    /// Creates a fingerprint from properties.
    pub fn new(run: RunProperties) -> Self {
        let RunProperties { environment, gpus, api, model, server, simulated, digest } = run;
        let unknown = || "unknown".to_owned();
        // Round to GiB, because a kernel update slightly changes the reported memory.
        let memory = environment.memory_mib.map(|mib| format!("{} GiB", (mib as f64 / 1024.0).round()));
        let gpus = if gpus.is_empty() { "none".to_owned() } else { gpus.join(", ") };
        let software = if simulated { Some("simulator".to_owned()) } else { server.kind };
        Self {
            machine: vec![
                ("system", environment.os),
                ("CPU", environment.cpu.unwrap_or_else(unknown)),
                ("cores", environment.cores.to_string()),
                ("memory", memory.unwrap_or_else(unknown)),
                ("GPUs", gpus),
            ],
            server: vec![("software", software.unwrap_or_else(unknown)), ("model", model), ("API", api)],
            suite: vec![("requests", digest.unwrap_or_else(unknown))],
            server_version: server.version,
        }
    }

    /// Lists the differences between two fingerprints, one sentence each. A property that only one fingerprint has
    /// counts as a difference.
    pub fn differences(a: &Self, b: &Self) -> Vec<String> {
        let parts =
            [("machine", &a.machine, &b.machine), ("server", &a.server, &b.server), ("suite", &a.suite, &b.suite)];
        parts.into_iter().flat_map(|(part, a, b)| part_differences(part, a, b)).collect()
    }
}

fn part_differences(part: &str, a: &[(&'static str, String)], b: &[(&'static str, String)]) -> Vec<String> {
    let difference = |((name, a), (_, b)): (&(&str, String), &(&str, String))| {
        (a != b).then(|| format!("the {part} differs in its {name}: '{}' and '{}'", sanitise_line(a), sanitise_line(b)))
    };
    if a.len() != b.len() {
        // Only a Markdown report lacks all properties.
        return vec![format!("the {part} of one run is unknown")];
    }
    a.iter().zip(b).filter_map(difference).collect()
}

/// Returns a checksum of the requests and the load of a run.
pub fn digest(session: &Session) -> String {
    let plan = &session.plan;
    let search = session.suite.find.is_some();
    // A search ends at a different load in each run.
    let load = (plan.limit().filter(|_| !search), plan.open_loop.filter(|_| !search), plan.duration, plan.requests);
    let parts = (
        &session.suite.cases,
        session.suite.workload.as_ref().map(|workload| (source_text(workload), &workload.output, workload.seed)),
        &session.suite.conversations,
        &session.suite.model_mix,
        &session.suite.load_stages,
        &session.suite.find,
        (load, plan.repeat, plan.warm, &session.sweep),
    );
    let bytes = serde_json::to_vec(&parts).unwrap_or_default();
    format!("{:08x}", crc32fast::hash(&bytes))
}

/// Checksum of what all shards of a run send and under which load, before the load is divided. Shards differ in their
/// seeds and in their part of the requests.
pub fn digest_of_shard(suite: &Suite, plan: &Plan, sweep: &[usize]) -> String {
    let mut suite = suite.clone();
    suite.conversations.iter_mut().for_each(|conversations| conversations.seed = 0);
    suite.model_mix.iter_mut().for_each(|mix| mix.seed = 0);
    suite.cases.iter_mut().flat_map(|case| &mut case.generated_images).for_each(|images| images.seed = 0);
    digest(&Session::new(Arc::new(suite), *plan).with_sweep(sweep.to_vec()))
}

/// Describes the source of a workload's requests, without the path of its file.
fn source_text(workload: &Workload) -> String {
    match &workload.source {
        WorkloadSource::Dataset { columns, fingerprint, .. } => format!("{fingerprint} {}", columns.join(" ")),
        WorkloadSource::Trace { speed, .. } => format!("trace {speed}"),
        WorkloadSource::Depth { depths, prompt_tokens, output_tokens } => {
            format!("depth {depths} {prompt_tokens} {output_tokens}")
        }
        WorkloadSource::Synthetic { input, prefix } => {
            format!("{input} {}", prefix.map_or_else(String::new, |prefix| prefix.to_string()))
        }
    }
}
