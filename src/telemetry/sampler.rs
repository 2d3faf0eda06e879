//! What the thread does: asks the source at each tick and on request, and tells the sink.

use std::panic::{AssertUnwindSafe, catch_unwind};
use std::rc::Rc;
use std::sync::mpsc::Receiver;
use std::time::Duration;

use super::SamplerConfig;
use super::sampling_loop::{Command, attend};
use super::scope::ScopeWatch;
use super::source::{GpuSource, SampleError, Use};
use super::ticker::Ticker;
use crate::domain::gpu::{GpuEvent, GpuInfo};
use crate::domain::time::Nanos;

/// How often a lost GPU is asked whether it is back.
const ASK_LOST_EVERY: Duration = Duration::from_secs(5);

/// A GPU that stopped answering.
#[derive(Debug)]
struct LostGpu {
    asked: Nanos,
    reason: String,
}

/// The thread's state.
pub(super) struct SamplerThread<Now, Sink> {
    config: SamplerConfig,
    now: Rc<Now>,
    sink: Sink,
    told: Vec<GpuInfo>,
    /// Why there are none, as it was told last.
    absent: Option<String>,
    interval: Duration,
    lost: Vec<Option<LostGpu>>,
    scope: ScopeWatch,
}

impl<Now: Fn() -> Nanos, Sink: Fn(GpuEvent)> SamplerThread<Now, Sink> {
    pub(super) fn new(config: SamplerConfig, now: Now, sink: Sink) -> Self {
        let scope = ScopeWatch::new(&config);
        let interval = config.interval;
        let (told, lost) = (Vec::new(), Vec::new());
        Self { config, now: Rc::new(now), sink, told, absent: None, interval, lost, scope }
    }

    /// Samples until the sampler is dropped. A panic, of ours or of the wrapper, costs the figures and nothing else.
    pub(super) fn run(
        mut self,
        inbox: &Receiver<Command>,
        open: impl FnOnce(&SamplerConfig, Use<'_>) -> Result<(), String>,
    ) {
        let config = self.config.clone();
        match catch_unwind(AssertUnwindSafe(|| open(&config, &mut |source| self.serve(source, inbox)))) {
            Ok(Ok(())) => {}
            Ok(Err(reason)) => (self.sink)(GpuEvent::Absent(reason)),
            Err(_panic) => self.fail("an internal error ended the reading of the GPUs"),
        }
    }

    /// Says that nothing comes any more, without taking back what is known.
    fn fail(&self, reason: &str) {
        if self.told.is_empty() {
            (self.sink)(GpuEvent::Absent(reason.to_owned()));
        }
        for gpu in &self.told {
            (self.sink)(GpuEvent::Gap { at: (self.now)(), index: gpu.index, lost: false, reason: reason.to_owned() });
        }
    }

    fn serve(&mut self, source: &mut dyn GpuSource, inbox: &Receiver<Command>) {
        self.interval = self.config.interval.max(source.shortest_interval());
        self.tell(source);
        self.look(source, false);
        let (mut pace, now) = (Ticker::new(self.interval), Rc::clone(&self.now));
        attend(inbox, &mut pace, || now(), |asked| self.look(source, asked));
    }

    /// Tells which GPUs there are, where that is news.
    fn tell(&mut self, source: &dyn GpuSource) {
        let gpus = source.gpus();
        if gpus.is_empty() {
            let why = source.absent();
            if why != self.absent {
                self.absent.clone_from(&why);
                if let Some(why) = why {
                    (self.sink)(GpuEvent::Absent(why));
                }
            }
        } else if gpus != self.told {
            self.lost.resize_with(gpus.len(), || None);
            self.told.clone_from(&gpus);
            let interval_ms = u64::try_from(self.interval.as_millis()).unwrap_or(u64::MAX);
            let (name, driver) = (source.name().to_owned(), source.driver().map(str::to_owned));
            (self.sink)(GpuEvent::Found { source: name, driver, gpus, interval_ms });
        }
    }

    /// Takes one sample of each GPU. One that was asked for stands at the start or the end of something: then it is also of
    /// interest who uses the GPUs.
    fn look(&mut self, source: &mut dyn GpuSource, asked: bool) {
        source.begin_look((self.now)());
        self.tell(source);
        for position in 0..self.told.len() {
            let event = self.look_at(source, position);
            // A GPU that came back may just have told its name.
            self.tell(source);
            (self.sink)(event);
        }
        if let Some(scope) = self.scope.look((self.now)(), asked, source) {
            (self.sink)(GpuEvent::Scope(scope));
        }
    }

    fn look_at(&mut self, source: &mut dyn GpuSource, position: usize) -> GpuEvent {
        let at = (self.now)();
        let index = self.told[position].index;
        if let Some(lost) = self.lost[position].as_ref().filter(|l| at.since(l.asked) < ASK_LOST_EVERY) {
            return GpuEvent::Gap { at, index, lost: true, reason: lost.reason.clone() };
        }
        let (lost, event) = match source.sample(position, at) {
            Ok(sample) => (None, GpuEvent::Sample(sample)),
            Err(SampleError::Unchanged) => (None, GpuEvent::Unchanged { at, index }),
            Err(SampleError::Silent(reason)) => (None, GpuEvent::Gap { at, index, lost: false, reason }),
            Err(SampleError::Lost(reason)) => {
                (Some(LostGpu { asked: at, reason: reason.clone() }), GpuEvent::Gap { at, index, lost: true, reason })
            }
        };
        self.lost[position] = lost;
        event
    }
}

#[cfg(test)]
mod tests;
