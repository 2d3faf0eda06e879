//! Identity of a run, and the facts about it that never change. Journal and report begin with them.

use std::sync::Arc;

use jiff::ZonedDateTime;

use super::super::assemble::{self, Measurements};
use super::super::spec::{EngineSpec, JournalSpec};
use super::super::{calibration_store, environment, wall_clock};
use crate::app::state::Scene;
use crate::domain::live::EngineLag;
use crate::domain::shard::Shard;
use crate::domain::time::Nanos;
use crate::protocol::api::Api;
use crate::protocol::endpoint::request_url;
use crate::protocol::url::without_secrets;
use crate::report::journal::{RunHeader, Saved};
use crate::report::model::{Report, Resumption};
use crate::report::shards::WholeRun;

/// Facts of the saved run that a resumed one needs. Its attempts are in the session, and only there.
pub struct ResumedRun {
    run: RunHeader,
    /// All resumptions, including the latest.
    resumptions: Vec<Resumption>,
    lag: EngineLag,
}

impl ResumedRun {
    /// Keeps what is needed of a saved run that is resumed.
    pub fn new(saved: Saved, resumption: Resumption) -> Self {
        let Saved { run, mut resumed, lag, .. } = saved;
        resumed.push(resumption);
        Self { run, resumptions: resumed, lag }
    }
}

/// Identity of a run, and the facts about it that never change.
pub struct Origin {
    /// Run id: name of the journal, and prefix of every request id.
    pub id: String,
    /// Wall time at which the run's clock was zero.
    pub wall: ZonedDateTime,
    /// Saved run that is being resumed, if any.
    pub resumed: Option<Box<ResumedRun>>,
    api: &'static Api,
    /// Whether the saved URL leaves out secret parts.
    url_cut: bool,
    retries: u32,
    /// Load of all shards, if this process is one of them.
    whole: Option<Box<WholeRun>>,
    /// Command line that started the run, without secrets.
    command_line: Option<String>,
}

impl Origin {
    /// Gives a new run its identity. A resumed run keeps the identity of its first part.
    pub fn new(
        endpoint: &EngineSpec,
        journal: &JournalSpec,
        (shard, whole): (Option<Shard>, Option<Box<WholeRun>>),
        command_line: Option<String>,
    ) -> Self {
        let (id, wall) = match journal {
            JournalSpec::Resume(resuming) => (resuming.saved.run.id.clone(), resuming.saved.run.epoch.clone()),
            JournalSpec::Off | JournalSpec::New => {
                // Shards may start in the same microsecond.
                let shard = shard.map_or_else(String::new, |shard| format!("-{}", shard.index));
                (format!("ts-{:x}{shard}", wall_clock::microseconds_since_1970()), wall_clock::now())
            }
        };
        let url_cut = without_secrets(&endpoint.base_url) != endpoint.base_url;
        let retries = endpoint.network.retries;
        Self { id, wall, resumed: None, api: endpoint.api, url_cut, retries, whole, command_line }
    }

    /// Returns the header of the run's journal. A resumed run keeps version, machine, calibration and command line of
    /// its first part.
    pub fn header(&self, scene: &Scene) -> RunHeader {
        let (tool, environment, calibration, command_line) =
            if let Some(ResumedRun { run, .. }) = self.resumed.as_deref() {
                (run.tool.clone(), run.environment.clone(), run.calibration.clone(), run.command_line.clone())
            } else {
                let environment = environment::read();
                let calibration = calibration_store::load(&environment);
                (env!("CARGO_PKG_VERSION").to_owned(), environment, calibration, self.command_line.clone())
            };
        RunHeader {
            id: self.id.clone(),
            tool,
            command_line,
            epoch: self.wall.clone(),
            base_url: scene.target.url.clone(),
            url_cut: self.url_cut,
            url: request_url(&scene.target.url, self.api),
            api: self.api.name.to_owned(),
            model: scene.target.model.clone().unwrap_or_default(),
            server: scene.target.server.clone(),
            simulated: scene.target.simulated,
            local: scene.target.is_local(),
            gauges: scene.gauges.is_some(),
            route: scene.target.route.clone(),
            suite: Arc::clone(&scene.session.suite),
            plan: scene.session.plan,
            sweep: scene.session.sweep.clone(),
            whole: self.whole.clone(),
            shards: Vec::new(),
            retries: self.retries,
            calibration,
            environment,
        }
    }

    /// Builds the report of the run at `now`. `lag` is the engine's lag since the program started.
    pub fn report(&self, scene: &Scene, now: Nanos, lag: EngineLag) -> Report {
        let (resumed, lag) = match &self.resumed {
            Some(saved) => (saved.resumptions.clone(), saved.lag.worse(lag)),
            None => (Vec::new(), lag),
        };
        let measured = Measurements {
            session: scene.session.clone(),
            workload_notes: scene.workload_notes.clone(),
            resumed,
            gpu: &scene.gpu,
            gauges: scene.gauges.clone(),
            host: &scene.host,
            lag,
            finished_at: now,
        };
        assemble::report(self.header(scene), measured)
    }
}
