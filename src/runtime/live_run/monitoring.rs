//! Passes what the main thread learns to monitoring systems. Does nothing in a run without them.

use crate::app::message::Msg;
use crate::domain::live::EngineFact;
use crate::domain::session::Session;
use crate::engine::{Engine, InvalidConfig};
use crate::monitoring::RunIdentity;
use crate::monitoring::prometheus::{CurrentLoad, PrometheusEndpoint};
use crate::runtime::clock::Clock;
use crate::runtime::samplers::endpoint_of;
use crate::runtime::spec::{EngineSpec, MonitoringSpec};

/// Returns the identity of a run.
pub fn identity(endpoint: &EngineSpec, run_id: &str) -> RunIdentity {
    let address = endpoint_of(&endpoint.base_url);
    RunIdentity {
        run_id: run_id.to_owned(),
        api: endpoint.api.name,
        port: address.as_ref().map(|address| address.port),
        host: address.map(|address| address.host),
    }
}

/// Monitoring systems of a run.
pub struct Monitoring {
    prometheus: Option<PrometheusEndpoint>,
}

impl Monitoring {
    /// Starts what the run asks for.
    ///
    /// # Errors
    ///
    /// A thread cannot be created.
    pub fn start(spec: MonitoringSpec, run: RunIdentity, engine: &Engine, clock: Clock) -> Result<Self, InvalidConfig> {
        let start = |listener| {
            let live = engine.live_view();
            PrometheusEndpoint::start(listener, &run, Box::new(move || (clock.now(), live())))
        };
        let prometheus = spec.metrics_listener.map(start).transpose();
        let prometheus = prometheus.map_err(|why| InvalidConfig(format!("--metrics-listen: no thread ({why})")))?;
        Ok(Self { prometheus })
    }

    /// Passes on a message, before the session handles it.
    pub fn note(&self, msg: &Msg) {
        let Some(prometheus) = &self.prometheus else { return };
        match msg {
            Msg::Engine(_, EngineFact::Started { id, .. }) => prometheus.note_started(*id),
            Msg::Engine(_, EngineFact::Ended { record, .. }) => prometheus.note_ended(record),
            Msg::Gpu(event) => prometheus.note_gpu(event),
            _ => {}
        }
    }

    /// Passes on the load of this moment.
    pub fn note_load(&self, session: &Session) {
        let Some(prometheus) = &self.prometheus else { return };
        prometheus.set_load(CurrentLoad {
            stage: session.stage.max(session.load_stage()) + 1,
            concurrency: session.concurrency_in(session.stage),
            planned_requests: session.requests_planned(),
        });
    }
}
