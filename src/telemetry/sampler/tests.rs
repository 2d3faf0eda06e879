//! Tests of the sampler with a scripted source. The tests synchronise through channels and set the clock by hand.

use std::collections::VecDeque;
use std::sync::Arc;
use std::sync::atomic::{AtomicU64, Ordering::SeqCst};
use std::sync::mpsc::{Receiver, RecvTimeoutError, Sender, TryRecvError, channel};
use std::time::{Duration, Instant};

use super::super::{Sampler, SamplerConfig, start_with};
use super::*;
use crate::domain::gpu::GpuSample;

/// Timeout that no passing test reaches.
const LIMIT: Duration = Duration::from_secs(60);

type Answer = Box<dyn FnMut() -> Result<(), SampleError> + Send>;

/// GPUs with scripted answers. After its script, a GPU answers every read with a sample. Each read sends the position
/// of its GPU to `reads`.
struct Script {
    gpus: Vec<GpuInfo>,
    answers: Vec<VecDeque<Answer>>,
    reads: Sender<usize>,
}

impl GpuSource for Script {
    fn name(&self) -> &'static str {
        "script"
    }

    fn driver(&self) -> Option<&str> {
        Some("1.2")
    }

    fn gpus(&self) -> Vec<GpuInfo> {
        self.gpus.clone()
    }

    fn sample(&mut self, position: usize, at: Nanos) -> Result<GpuSample, SampleError> {
        self.reads.send(position).unwrap();
        if let Some(mut answer) = self.answers[position].pop_front() {
            answer()?;
        }
        let gpu = &mut self.gpus[position];
        gpu.model = "known after a sample".to_owned();
        Ok(GpuSample { at, index: gpu.index, ..GpuSample::default() })
    }
}

struct Bench {
    sampler: Sampler,
    events: Receiver<GpuEvent>,
    reads: Receiver<usize>,
    clock: Arc<AtomicU64>,
}

impl Bench {
    fn start(answers: Vec<Vec<Answer>>) -> Self {
        let (read_sender, reads) = channel();
        let gpus = (0_u32..).zip(&answers).map(|(i, _)| GpuInfo { index: 10 + i, ..GpuInfo::default() }).collect();
        let answers = answers.into_iter().map(VecDeque::from).collect();
        let mut script = Script { gpus, answers, reads: read_sender };
        let clock = Arc::new(AtomicU64::new(0));
        let time = Arc::clone(&clock);
        let (sink, events) = channel();
        let sampler = start_with(
            move |_config, then| {
                then(&mut script);
                Ok(())
            },
            SamplerConfig { interval: LIMIT, ..SamplerConfig::default() },
            move || Nanos::from_millis(time.load(SeqCst)),
            move |event| drop(sink.send(event)),
        );
        Self { sampler, events, reads, clock }
    }

    /// Requests a sample at this time and returns the events.
    fn at(&self, ms: u64) -> Vec<GpuEvent> {
        self.clock.store(ms, SeqCst);
        assert!(self.sampler.sample_and_wait(LIMIT));
        self.events.try_iter().collect()
    }

    /// Returns all events until the thread ends, which dropping the sampler causes.
    fn rest(self) -> Vec<GpuEvent> {
        drop(self.sampler);
        self.events.iter().collect()
    }
}

fn lost() -> Answer {
    Box::new(|| Err(SampleError::Lost("gone".to_owned())))
}

fn silent() -> Answer {
    Box::new(|| Err(SampleError::Silent("busy".to_owned())))
}

fn sample(ms: u64, index: u32) -> GpuEvent {
    GpuEvent::Sample(GpuSample { at: Nanos::from_millis(ms), index, ..GpuSample::default() })
}

fn gap(ms: u64, index: u32, reason: &str) -> GpuEvent {
    GpuEvent::Gap { at: Nanos::from_millis(ms), index, lost: reason == "gone", reason: reason.to_owned() }
}

fn samples(events: &[GpuEvent]) -> usize {
    events.iter().filter(|e| matches!(e, GpuEvent::Sample(_))).count()
}

#[test]
fn gpus_are_announced_again_when_more_is_known() {
    let bench = Bench::start(vec![vec![]]);
    let info = GpuInfo { index: 10, ..GpuInfo::default() };
    let named = GpuInfo { model: "known after a sample".to_owned(), ..info.clone() };
    let found = |gpu| GpuEvent::Found {
        source: "script".to_owned(),
        driver: Some("1.2".to_owned()),
        gpus: vec![gpu],
        interval_ms: 60_000,
    };
    assert_eq!(bench.rest(), [found(info), found(named), sample(0, 10)]);
}

#[test]
fn a_lost_gpu_is_checked_every_five_seconds_while_others_are_sampled() {
    let bench = Bench::start(vec![vec![], vec![lost(), lost()]]);
    let reads = || bench.reads.try_iter().collect::<Vec<_>>();
    let first = bench.at(0);
    assert_eq!(first.last(), Some(&gap(0, 11, "gone")), "{first:?}");
    reads();
    assert_eq!(bench.at(4999), [sample(4999, 10), gap(4999, 11, "gone")]);
    assert_eq!(reads(), [0]);
    assert_eq!(bench.at(5000), [sample(5000, 10), gap(5000, 11, "gone")]);
    assert_eq!(reads(), [0, 1]);
    assert_eq!(bench.at(9999), [sample(9999, 10), gap(9999, 11, "gone")]);
    assert_eq!(reads(), [0]);
    assert_eq!(bench.at(10_000).last(), Some(&sample(10_000, 11)));
    assert_eq!(bench.at(10_001), [sample(10_001, 10), sample(10_001, 11)]);
}

#[test]
fn a_silent_gpu_is_read_with_the_next_sample() {
    let bench = Bench::start(vec![vec![silent(), silent()]]);
    assert!(bench.at(1).contains(&gap(1, 10, "busy")));
    assert!(bench.at(2).contains(&sample(2, 10)));
}

#[test]
fn an_active_sampler_ticks_and_an_inactive_one_only_serves_requests() {
    let (sink, events) = channel();
    let (read_sender, _reads) = channel();
    let mut script = Script { gpus: vec![GpuInfo::default()], answers: vec![VecDeque::new()], reads: read_sender };
    #[expect(clippy::disallowed_methods, reason = "ticks need a clock that runs")]
    let now = {
        let epoch = Instant::now();
        move || Nanos::default().plus(epoch.elapsed())
    };
    let open = move |_: &SamplerConfig, then: WithSource<'_>| {
        then(&mut script);
        Ok(())
    };
    let config = SamplerConfig { interval: Duration::from_millis(1), ..SamplerConfig::default() };
    let sampler = start_with(open, config, now, move |event| drop(sink.send(event)));
    sampler.set_active(true);
    let ticks = events.iter().filter(|e| matches!(e, GpuEvent::Sample(_))).take(4).count();
    assert_eq!(ticks, 4);
    sampler.set_active(false);
    assert!(sampler.sample_and_wait(LIMIT));
    events.try_iter().for_each(drop);
    for _ in 0..20 {
        assert!(sampler.sample_and_wait(LIMIT));
    }
    drop(sampler);
    assert_eq!(events.iter().count(), 20);
}

#[test]
fn requests_behind_a_slow_driver_are_merged() {
    let (open, gate) = channel::<()>();
    let slow: Answer = Box::new(move || {
        gate.recv().unwrap();
        Ok(())
    });
    let bench = Bench::start(vec![vec![slow]]);
    assert_eq!(bench.reads.recv(), Ok(0), "the driver is being read");
    for _ in 0..5 {
        bench.sampler.sample_now();
    }
    assert!(!bench.sampler.sample_and_wait(Duration::ZERO));
    bench.events.try_iter().for_each(drop);
    drop(bench.sampler);
    assert_eq!(bench.events.try_recv(), Err(TryRecvError::Empty), "dropped while the thread still hangs");
    open.send(()).unwrap();
    assert_eq!(samples(&bench.events.iter().collect::<Vec<_>>()), 2);
}

#[test]
fn a_panic_leaves_gaps_and_a_responsive_handle() {
    let bench = Bench::start(vec![vec![Box::new(|| panic!("scripted"))], vec![]]);
    let events: Vec<_> = bench.events.iter().skip(1).collect();
    let reason = "GPU sampling stopped after an internal error";
    assert_eq!(events, [gap(0, 10, reason), gap(0, 11, reason)]);
    bench.sampler.sample_now();
    bench.sampler.set_active(true);
    assert!(!bench.sampler.sample_and_wait(LIMIT));
}

#[test]
fn a_failed_or_panicking_open_gives_a_reason() {
    let absent = |open: fn(&SamplerConfig, WithSource<'_>) -> Result<(), String>| {
        let (sink, events) = channel();
        let config = SamplerConfig { interval: LIMIT, ..SamplerConfig::default() };
        let sampler = start_with(open, config, Nanos::default, move |event| drop(sink.send(event)));
        let event = events.recv_timeout(LIMIT);
        assert_eq!(events.recv_timeout(LIMIT), Err(RecvTimeoutError::Disconnected), "no further events");
        assert!(!sampler.sample_and_wait(LIMIT));
        event
    };
    assert_eq!(absent(|_, _| Err("none here".to_owned())), Ok(GpuEvent::Absent("none here".to_owned())));
    let reason = "GPU sampling stopped after an internal error";
    assert_eq!(absent(|_, _| panic!("scripted")), Ok(GpuEvent::Absent(reason.to_owned())));
}
