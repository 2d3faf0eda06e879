//! Passes what the main thread learns to monitoring systems. Does nothing in a run without them.

use std::sync::mpsc::Sender;
use std::time::{Duration, SystemTime};

use crate::app::message::Msg;
use crate::domain::live::EngineFact;
use crate::domain::session::Session;
use crate::engine::{Engine, InvalidConfig};
use crate::monitoring::RunIdentity;
use crate::monitoring::otlp::{OtlpExport, OtlpTarget, WallEpoch};
use crate::monitoring::prometheus::{CurrentLoad, PrometheusEndpoint};
use crate::runtime::clock::Clock;
use crate::runtime::samplers::endpoint_of;
use crate::runtime::spec::{EngineSpec, MonitoringSpec};
use crate::runtime::wake::Wake;
use crate::runtime::wall_clock;

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
    otlp: Option<OtlpExport>,
}

impl Monitoring {
    /// Starts what the run asks for. `sender` gets a message if a receiver fails.
    ///
    /// # Errors
    ///
    /// A thread or a client cannot be created.
    pub fn start(
        spec: MonitoringSpec,
        run: &RunIdentity,
        cases: impl FnOnce() -> Vec<String>,
        engine: &Engine,
        (clock, sender): (Clock, Sender<Wake>),
    ) -> Result<Self, InvalidConfig> {
        let listen = |listener| {
            let live = engine.live_view();
            PrometheusEndpoint::start(listener, run, Box::new(move || (clock.now(), live())))
        };
        let prometheus = spec.metrics_listener.map(listen).transpose();
        let prometheus = prometheus.map_err(|why| InvalidConfig(format!("--metrics-listen: not started ({why})")))?;
        let export = |target: OtlpTarget| {
            let failed = move |why| drop(sender.send(Wake::Msg(Msg::MonitoringFailed(clock.now(), why))));
            OtlpExport::start(&target, run, cases(), epoch(clock), Box::new(failed))
        };
        let otlp = spec.otlp.map(export).transpose();
        let otlp = otlp.map_err(|why| InvalidConfig(format!("--otlp: not started ({why})")))?;
        Ok(Self { prometheus, otlp })
    }

    /// Delivers what is left, for a limited time. Returns a sentence for the user about what was not delivered.
    pub fn finish(&mut self) -> Option<String> {
        self.otlp.take()?.finish()
    }

    /// Passes on a message, before the session handles it.
    pub fn note(&self, msg: &Msg) {
        if let (Some(otlp), Msg::Engine(_, EngineFact::Ended { record, .. })) = (&self.otlp, msg) {
            otlp.note_ended(record);
        }
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

/// Returns the wall time of the run's clock at zero. A resumed run has another one than before.
fn epoch(clock: Clock) -> WallEpoch {
    let micros = u64::try_from(wall_clock::microseconds_since_1970()).unwrap_or_default();
    let now = SystemTime::UNIX_EPOCH + Duration::from_micros(micros);
    WallEpoch(now.checked_sub(Duration::from_nanos(clock.now().0)).unwrap_or(now))
}
