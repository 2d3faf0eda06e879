//! The export's thread: measurements at once, spans in batches, metrics at intervals.

use std::io;
use std::sync::Arc;
use std::time::Duration;

use opentelemetry::InstrumentationScope;
use opentelemetry::KeyValue;
use opentelemetry::metrics::MeterProvider;
use opentelemetry_otlp::{MetricExporter, Protocol, RetryPolicy, SpanExporter, WithExportConfig, WithHttpConfig};
use opentelemetry_sdk::Resource;
use opentelemetry_sdk::metrics::{PeriodicReader, SdkMeterProvider};
use opentelemetry_sdk::trace::{SpanData, SpanExporter as _};
use tokio::runtime::Handle;
use tokio::sync::mpsc::Receiver;

use super::counts::Counts;
use super::http::{OtlpClient, REQUEST_TIMEOUT};
use super::metrics::Instruments;
use super::names::RunAttributes;
use super::span::SpanBuilder;
use super::target::OtlpTarget;
use super::{RunIdentity, WallEpoch};
use crate::domain::attempt::AttemptRecord;

/// Time between two exports of metrics, and of spans that do not fill a batch.
const INTERVAL: Duration = Duration::from_secs(5);
/// Maximum spans of a request.
const BATCH_SPANS: usize = 200;
/// Maximum spans that wait to be sent; further ones are dropped.
const MAX_WAITING_SPANS: usize = 2_000;

/// Turns records into measurements and spans, and sends them.
pub struct Worker {
    attributes: RunAttributes,
    instruments: Instruments,
    provider: SdkMeterProvider,
    builder: SpanBuilder,
    exporter: Arc<SpanExporter>,
    counts: Arc<Counts>,
}

impl Worker {
    /// Creates the exporters. Their requests run on `runtime`.
    ///
    /// # Errors
    ///
    /// An exporter or the HTTP client cannot be created.
    pub fn new(
        target: &OtlpTarget,
        run: &RunIdentity,
        cases: Vec<String>,
        epoch: WallEpoch,
        counts: Arc<Counts>,
        runtime: &Handle,
    ) -> io::Result<Self> {
        let client = OtlpClient::new(runtime, Arc::clone(&counts)).map_err(io::Error::other)?;
        let once = || RetryPolicy::default().with_max_retries(0);
        let metrics = MetricExporter::builder().with_http().with_http_client(client.clone()).with_retry_policy(once());
        let metrics = metrics.with_protocol(Protocol::HttpBinary).with_timeout(REQUEST_TIMEOUT);
        let metrics = metrics.with_endpoint(target.url_of("metrics")).build().map_err(io::Error::other)?;
        let spans = SpanExporter::builder().with_http().with_http_client(client).with_retry_policy(once());
        let spans = spans.with_protocol(Protocol::HttpBinary).with_timeout(REQUEST_TIMEOUT);
        let mut spans = spans.with_endpoint(target.url_of("traces")).build().map_err(io::Error::other)?;
        let resource = Resource::builder()
            .with_service_name("tokscope")
            .with_attributes([
                KeyValue::new("service.version", env!("CARGO_PKG_VERSION")),
                KeyValue::new("service.instance.id", run.run_id.clone()),
            ])
            .build();
        spans.set_resource(&resource);
        let reader = PeriodicReader::builder(metrics).with_interval(INTERVAL).build();
        let provider = SdkMeterProvider::builder().with_resource(resource).with_reader(reader).build();
        let scope = InstrumentationScope::builder("tokscope").with_version(env!("CARGO_PKG_VERSION")).build();
        let attributes = RunAttributes::new(run);
        Ok(Self {
            instruments: Instruments::new(&provider.meter_with_scope(scope.clone())),
            provider,
            builder: SpanBuilder::new(attributes.clone(), run.run_id.clone(), cases, epoch, scope),
            attributes,
            exporter: Arc::new(spans),
            counts,
        })
    }

    /// Works until the queue is closed and everything was sent or has failed.
    pub async fn run(self, mut queue: Receiver<Arc<AttemptRecord>>) {
        let mut waiting: Vec<SpanData> = Vec::new();
        let mut ticks = tokio::time::interval(INTERVAL);
        ticks.set_missed_tick_behavior(tokio::time::MissedTickBehavior::Delay);
        let mut sending: Option<tokio::task::JoinHandle<()>> = None;
        loop {
            let is_due = tokio::select! {
                record = queue.recv() => match record {
                    Some(record) => {
                        self.take(&record, &mut waiting);
                        waiting.len() >= BATCH_SPANS
                    }
                    None => break,
                },
                _ = ticks.tick() => true,
            };
            let is_free = sending.as_ref().is_none_or(tokio::task::JoinHandle::is_finished);
            if is_due && is_free && !waiting.is_empty() {
                sending = Some(self.send(&mut waiting));
            }
        }
        if let Some(sending) = sending {
            let _done = sending.await;
        }
        while !waiting.is_empty() {
            let _done = self.send(&mut waiting).await;
        }
        let provider = self.provider.clone();
        // Waits for the thread of the metrics, whose requests run here.
        let _done = tokio::task::spawn_blocking(move || provider.shutdown()).await;
    }

    fn take(&self, record: &AttemptRecord, waiting: &mut Vec<SpanData>) {
        self.instruments.record(record, &self.attributes);
        if waiting.len() < MAX_WAITING_SPANS {
            waiting.push(self.builder.span(record));
        } else {
            self.counts.drop_spans(1);
        }
    }

    /// Sends a batch of the waiting spans, in a task.
    fn send(&self, waiting: &mut Vec<SpanData>) -> tokio::task::JoinHandle<()> {
        let batch: Vec<SpanData> = waiting.drain(..waiting.len().min(BATCH_SPANS)).collect();
        let (exporter, counts) = (Arc::clone(&self.exporter), Arc::clone(&self.counts));
        tokio::spawn(async move {
            let spans = batch.len() as u64;
            if exporter.export(batch).await.is_err() {
                counts.drop_spans(spans);
            }
        })
    }
}
