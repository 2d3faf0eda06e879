//! Thread of the GPU sampler. Reads the source at each tick and on request, and sends events to the sink.

use std::panic::{AssertUnwindSafe, catch_unwind};
use std::rc::Rc;
use std::sync::mpsc::Receiver;
use std::time::Duration;

use super::SamplerConfig;
use super::sampling_loop::{Command, run_loop};
use super::scope::ScopeWatch;
use super::source::{GpuSource, SampleError, WithSource};
use super::ticker::Ticker;
use crate::domain::gpu::{GpuEvent, GpuInfo};
use crate::domain::time::Nanos;

/// Interval between checks of whether a lost GPU is back.
const LOST_CHECK_INTERVAL: Duration = Duration::from_secs(5);

/// A lost GPU: time of the last check, and the reason.
#[derive(Debug)]
struct LostGpu {
    checked: Nanos,
    reason: String,
}

/// State of the thread.
pub(super) struct SamplerThread<Now, Sink> {
    config: SamplerConfig,
    now: Rc<Now>,
    sink: Sink,
    announced: Vec<GpuInfo>,
    /// Last reported reason why there are no GPUs.
    absent: Option<String>,
    interval: Duration,
    lost: Vec<Option<LostGpu>>,
    scope: ScopeWatch,
}

impl<Now: Fn() -> Nanos, Sink: Fn(GpuEvent)> SamplerThread<Now, Sink> {
    pub(super) fn new(config: SamplerConfig, now: Now, sink: Sink) -> Self {
        let scope = ScopeWatch::new(&config);
        let interval = config.interval;
        let (announced, lost) = (Vec::new(), Vec::new());
        Self { config, now: Rc::new(now), sink, announced, absent: None, interval, lost, scope }
    }

    /// Samples until the sampler is dropped. A panic, here or in the library's wrapper, ends only the sampling.
    pub(super) fn run(
        mut self,
        inbox: &Receiver<Command>,
        open: impl FnOnce(&SamplerConfig, WithSource<'_>) -> Result<(), String>,
    ) {
        let config = self.config.clone();
        match catch_unwind(AssertUnwindSafe(|| open(&config, &mut |source| self.serve(source, inbox)))) {
            Ok(Ok(())) => {}
            Ok(Err(reason)) => (self.sink)(GpuEvent::Absent(reason)),
            Err(_panic) => self.fail("GPU sampling stopped after an internal error"),
        }
    }

    /// Reports that no more samples will follow. Earlier samples stay valid.
    fn fail(&self, reason: &str) {
        if self.announced.is_empty() {
            (self.sink)(GpuEvent::Absent(reason.to_owned()));
        }
        for gpu in &self.announced {
            (self.sink)(GpuEvent::Gap { at: (self.now)(), index: gpu.index, lost: false, reason: reason.to_owned() });
        }
    }

    fn serve(&mut self, source: &mut dyn GpuSource, inbox: &Receiver<Command>) {
        self.interval = self.config.interval.max(source.min_interval());
        self.announce(source);
        self.sample_all(source, false);
        let (mut ticker, now) = (Ticker::new(self.interval), Rc::clone(&self.now));
        run_loop(inbox, &mut ticker, || now(), |requested| self.sample_all(source, requested));
    }

    /// Reports the list of GPUs if it has changed.
    fn announce(&mut self, source: &dyn GpuSource) {
        let gpus = source.gpus();
        if gpus.is_empty() {
            let why = source.absent();
            if why != self.absent {
                self.absent.clone_from(&why);
                if let Some(why) = why {
                    (self.sink)(GpuEvent::Absent(why));
                }
            }
        } else if gpus != self.announced {
            self.lost.resize_with(gpus.len(), || None);
            self.announced.clone_from(&gpus);
            let interval_ms = u64::try_from(self.interval.as_millis()).unwrap_or(u64::MAX);
            let (name, driver) = (source.name().to_owned(), source.driver().map(str::to_owned));
            (self.sink)(GpuEvent::Found { source: name, driver, gpus, interval_ms });
        }
    }

    /// Samples each GPU once. A requested sample marks the start or end of a measurement, so it also checks the
    /// GPUs' users.
    fn sample_all(&mut self, source: &mut dyn GpuSource, requested: bool) {
        source.prepare((self.now)());
        self.announce(source);
        for position in 0..self.announced.len() {
            let event = self.sample_one(source, position);
            // A GPU that came back may report its name only now.
            self.announce(source);
            (self.sink)(event);
        }
        if let Some(scope) = self.scope.check((self.now)(), requested, source) {
            (self.sink)(GpuEvent::Scope(scope));
        }
    }

    fn sample_one(&mut self, source: &mut dyn GpuSource, position: usize) -> GpuEvent {
        let at = (self.now)();
        let index = self.announced[position].index;
        if let Some(lost) = self.lost[position].as_ref().filter(|l| at.since(l.checked) < LOST_CHECK_INTERVAL) {
            return GpuEvent::Gap { at, index, lost: true, reason: lost.reason.clone() };
        }
        let (lost, event) = match source.sample(position, at) {
            Ok(sample) => (None, GpuEvent::Sample(sample)),
            Err(SampleError::Unchanged) => (None, GpuEvent::Unchanged { at, index }),
            Err(SampleError::Silent(reason)) => (None, GpuEvent::Gap { at, index, lost: false, reason }),
            Err(SampleError::Lost(reason)) => {
                (Some(LostGpu { checked: at, reason: reason.clone() }), GpuEvent::Gap { at, index, lost: true, reason })
            }
        };
        self.lost[position] = lost;
        event
    }
}

#[cfg(test)]
mod tests;
