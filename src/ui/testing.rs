//! Builds states of the program from messages, and shows the drawn screen as text.

pub mod search;
pub mod sweep;

use std::fmt::Write as _;
use std::sync::Arc;
use std::time::Duration;

use ratatui::Terminal;
use ratatui::backend::TestBackend;
use ratatui::buffer::Buffer;
use ratatui::layout::Rect;
use ratatui::style::Style;
use unicode_width::UnicodeWidthStr;

use super::keymap::Keymap;
use super::theme::Theme;
use super::view::View;
use crate::app::action::Action;
use crate::app::message::Msg;
use crate::app::state::{App, Connection, Target};
use crate::app::update::update;
use crate::domain::attempt::{Arrival, AttemptError, AttemptId, AttemptRecord, AttemptStatus, TextKind, Usage};
use crate::domain::gpu::{GpuEvent, GpuInfo, GpuSample};
use crate::domain::live::{EngineFact, EngineLag, InFlight, LiveSnapshot, ServerInfo, StreamPhase, arrival_times};
use crate::domain::random::mix;
use crate::domain::session::{Plan, Session};
use crate::domain::suite::{CaseSpec, RatingScale, Suite};
use crate::domain::time::Nanos;
use crate::domain::trace::Trace;

/// The names of the built-in suite.
pub const TEN: [&str; 10] = [
    "Full Backend System",
    "Microservices Architecture",
    "Complex Algorithms",
    "Debug Task",
    "Data Analysis Report",
    "System Design Interview",
    "Multi-turn Conversation",
    "Technical Documentation",
    "Database Optimization",
    "ML Project",
];
const FRAME_MS: u64 = 250;
const MIB: u64 = 1_048_576;

/// Timing of a simulated answer.
#[derive(Clone, Copy, Debug)]
pub struct Script {
    /// Time before the first event, milliseconds.
    pub ttft_ms: u64,
    /// Gap between two events, milliseconds.
    pub gap_ms: u64,
    /// Number of events.
    pub events: u64,
    /// Number of events that are reasoning; they come first.
    pub reasoning: u64,
    /// Index of the event before which the stream stalls, and the length of the stall in milliseconds.
    pub stall: Option<(u64, u64)>,
}

impl Script {
    /// An answer without reasoning or stall.
    pub const fn plain(ttft_ms: u64, gap_ms: u64, events: u64) -> Self {
        Self { ttft_ms, gap_ms, events, reasoning: 0, stall: None }
    }

    fn arrivals(&self, started_ms: u64) -> Vec<Arrival> {
        let arrival = |i: u64| {
            let stall = self.stall.filter(|(at, _)| i >= *at).map_or(0, |(_, ms)| ms);
            // Bell-shaped jitter of about a tenth of the gap, equal in every run.
            let noise: u64 = (0..4).map(|k| scatter(i * 4 + k) >> 48).sum();
            let noise_ns = noise * self.gap_ms * 1_000_000 / (4 * 65_536);
            Arrival {
                at: Nanos((started_ms + self.ttft_ms + i * self.gap_ms + stall) * 1_000_000 + noise_ns),
                kind: if i < self.reasoning { TextKind::Reasoning } else { TextKind::Answer },
                coalesced: false,
            }
        };
        (0..self.events).map(arrival).collect()
    }
}

/// A pseudo-random number for `n`.
fn scatter(n: u64) -> u64 {
    mix(n.wrapping_add(1).wrapping_mul(0x9E37_79B9_7F4A_7C15))
}

/// A program under test and its clock.
pub struct Stage {
    /// State of the program.
    pub app: App,
    /// Time on the clock, milliseconds.
    pub now_ms: u64,
    gpus: Vec<GpuInfo>,
    silent_gpu: Option<u32>,
    events_before: u64,
    in_flight: Vec<(AttemptId, u64, Script)>,
    /// Lag that the engine reports in the next frame.
    pub lag: EngineLag,
}

impl Stage {
    /// A program that has just started.
    pub fn new(names: &[&str], plan: Plan) -> Self {
        let case = |(i, name): (usize, &&str)| CaseSpec {
            name: (*name).to_owned(),
            max_tokens: if i % 3 == 0 { 400 } else { 300 },
            temperature: 0.7,
            timeout: Duration::from_secs(120),
            ..CaseSpec::new("", Vec::new())
        };
        let suite = Suite {
            workload: None,
            conversations: None,
            load_stages: None,
            name: "Complex Comprehensive".to_owned(),
            rating: RatingScale::default(),
            slos: Vec::new(),
            cases: names.iter().enumerate().map(case).collect(),
            ..Suite::default()
        };
        let target = Target {
            url: "http://localhost:8000/v1".to_owned(),
            model: None,
            server: ServerInfo::default(),
            simulated: false,
            route: crate::domain::route::Route::default(),
            connection: Connection::Connecting,
        };
        let mut app = App::new(target, Session::new(Arc::new(suite), plan), None, vec!["Markdown", "JSON"]);
        app.commands = Keymap::standard().commands();
        Self {
            app,
            now_ms: 0,
            gpus: Vec::new(),
            silent_gpu: None,
            events_before: 0,
            in_flight: Vec::new(),
            lag: EngineLag::default(),
        }
    }

    /// Sends a message.
    pub fn send(&mut self, msg: Msg) {
        update(&mut self.app, msg);
    }

    /// Carries out an action of the user.
    pub fn act(&mut self, action: Action) {
        self.send(Msg::Action(Nanos::from_millis(self.now_ms), action));
    }

    /// Reports that the endpoint does not answer; with `retrying`, tokscope tries again.
    pub fn unreachable(&mut self, reason: &str, retrying: bool) {
        let fact = EngineFact::Unreachable { reason: reason.to_owned(), http_status: None, retrying };
        self.send(Msg::Engine(Nanos::from_millis(self.now_ms), fact));
    }

    /// Lets the endpoint answer: the run begins.
    pub fn connect(&mut self) {
        self.now_ms += 120;
        let server = ServerInfo { kind: Some("vLLM".to_owned()), version: Some("0.11.2".to_owned()) };
        let fact = EngineFact::Discovered { models: vec!["glm-4.7-flash".to_owned()], server, list_error: None };
        self.send(Msg::Engine(Nanos::from_millis(self.now_ms), fact));
        self.app.scene.gpu.begin_run(Nanos::from_millis(self.now_ms));
    }

    /// Reports `count` GPUs of 96 GiB.
    pub fn find_gpus(&mut self, count: u32) {
        let gpu = |index| GpuInfo {
            index,
            uuid: None,
            model: "NVIDIA RTX PRO 6000 Blackwell Workstation Edition".to_owned(),
            vendor: Some("NVIDIA".to_owned()),
            memory_total_bytes: Some(97_887 * MIB),
            power_limit_w: Some(600.0),
            ..GpuInfo::default()
        };
        self.gpus = (0..count).map(gpu).collect();
        let driver = Some("580.126.09".to_owned());
        let source = "nvml".to_owned();
        self.send(Msg::Gpu(GpuEvent::Found { source, driver, gpus: self.gpus.clone(), interval_ms: FRAME_MS }));
    }

    /// Reports that this GPU was lost.
    pub fn lose_gpu(&mut self, index: u32) {
        self.silent_gpu = Some(index);
    }

    /// Starts a request.
    pub fn start(&mut self, case: usize, number: u32, script: Script) {
        self.in_flight.push((AttemptId { case, number }, self.now_ms, script));
    }

    /// Lets time pass, frame by frame.
    pub fn pass(&mut self, ms: u64) {
        let end = self.now_ms + ms;
        while self.now_ms < end {
            self.now_ms = (self.now_ms + FRAME_MS).min(end);
            self.sample_gpus();
            self.frame();
        }
    }

    /// Lets time pass until the answer is complete, and ends it successfully.
    pub fn finish(&mut self, case: usize) {
        let Some(at) = self.in_flight.iter().position(|(id, ..)| id.case == case) else { return };
        let (_, started, script) = self.in_flight[at];
        let last = script.arrivals(started).last().map_or(started, |a| a.at.0 / 1_000_000);
        self.pass((last + 1).saturating_sub(self.now_ms));
        self.end(case, |record| {
            record.status = AttemptStatus::Ok;
            record.finish_reason = Some("stop".to_owned());
            record.usage = Usage {
                prompt_tokens: Some(85),
                completion_tokens: Some(record.arrivals.len() as u64),
                ..Usage::default()
            };
        });
    }

    /// Ends the answer now. `change` alters its record.
    pub fn end(&mut self, case: usize, change: impl FnOnce(&mut AttemptRecord)) {
        let Some(at) = self.in_flight.iter().position(|(id, ..)| id.case == case) else { return };
        let (id, started, script) = self.in_flight.remove(at);
        let now = Nanos::from_millis(self.now_ms);
        let mut record =
            AttemptRecord::started(id, false, "0f".to_owned(), "glm-4.7-flash".to_owned(), Nanos::from_millis(started));
        record.nonce = Some("3f9a1c07".to_owned());
        record.arrivals = script.arrivals(started).into_iter().filter(|a| a.at <= now).collect();
        record.ended = now;
        record.text = "# A heading\n\nSome text of the answer.\n".to_owned();
        change(&mut record);
        self.events_before += record.arrivals.len() as u64;
        self.send(Msg::Engine(now, EngineFact::Ended { id, record: Arc::new(record) }));
        self.frame();
    }

    /// Ends the answer with an error.
    pub fn fail(&mut self, case: usize, status: AttemptStatus, http_status: Option<u16>, message: &str) {
        self.end(case, |record| {
            record.status = status;
            record.http_status = http_status;
            record.error = Some(AttemptError { kind: status.as_str().to_owned(), message: message.to_owned() });
        });
    }

    fn sample_gpus(&mut self) {
        let at = Nanos::from_millis(self.now_ms);
        for index in 0..self.gpus.len() as u32 {
            let busy = !self.in_flight.is_empty();
            let step = self.now_ms / FRAME_MS + u64::from(index);
            let event = if self.silent_gpu == Some(index) {
                GpuEvent::Gap { at, index, lost: true, reason: "GPU is lost (fell off the bus)".to_owned() }
            } else {
                GpuEvent::Sample(GpuSample {
                    at,
                    index,
                    memory_used_bytes: Some((60_112 + (step * 37) % 1_900) * MIB),
                    utilization_percent: Some(if busy { 92.0 + (step % 7) as f64 } else { 0.0 }),
                    power_w: Some(if busy { 400.0 + (step * 13 % 90) as f64 } else { 71.0 }),
                    temperature_c: Some(48.0 + (step / 8).min(20) as f64),
                    ..GpuSample::default()
                })
            };
            self.send(Msg::Gpu(event));
        }
    }

    /// Ticks the frame clock.
    pub fn frame(&mut self) {
        let now = Nanos::from_millis(self.now_ms);
        let flying: Vec<InFlight> =
            self.in_flight.iter().map(|(id, at, script)| flying(*id, *at, script, now)).collect();
        let live = LiveSnapshot {
            at: now,
            content_events_total: self.events_before + flying.iter().map(|f| u64::from(f.content_events)).sum::<u64>(),
            in_flight: flying,
            lag: self.lag,
        };
        self.send(Msg::Frame { now, live: Arc::new(live) });
    }

    /// The whole screen, drawn.
    pub fn screen(&self, width: u16, height: u16) -> Buffer {
        self.draw_with(width, height, Theme::ansi(), |frame, _area, view| super::screen::draw(frame, view))
    }

    /// A screen of this size after `draw`.
    pub fn draw_with(
        &self,
        width: u16,
        height: u16,
        theme: Theme,
        draw: impl Fn(&mut ratatui::Frame<'_>, Rect, &View<'_>),
    ) -> Buffer {
        let mut terminal = Terminal::new(TestBackend::new(width, height)).unwrap();
        let cache = crate::ui::cache::RenderCache::default();
        let view = View { app: &self.app, theme, ascii: false, keymap: Keymap::standard(), cache: &cache };
        terminal.draw(|frame| draw(frame, frame.area(), &view)).unwrap();
        terminal.backend().buffer().clone()
    }
}

fn flying(id: AttemptId, started_ms: u64, script: &Script, now: Nanos) -> InFlight {
    let started = Nanos::from_millis(started_ms);
    let arrivals: Vec<Arrival> = script.arrivals(started_ms).into_iter().filter(|a| a.at <= now).collect();
    let mut record = AttemptRecord::started(id, false, String::new(), String::new(), started);
    record.arrivals.clone_from(&arrivals);
    InFlight {
        id,
        phase: match arrivals.last().map(|a| a.kind) {
            None => StreamPhase::Waiting,
            Some(TextKind::Reasoning) => StreamPhase::Reasoning,
            Some(TextKind::Answer) => StreamPhase::Answering,
        },
        started,
        sent: started,
        ttft_ms: record.first_text_ms(),
        content_events: arrivals.len() as u32,
        arrival_times: arrival_times(&arrivals),
        trace: record.trace(),
        recent_gaps_ms: record.gaps_ms().map(|g| g as f32).collect(),
        arrivals: Trace::from_arrivals(&arrivals),
        observer_stalls: Vec::new(),
        reasoning: "The user wants a backend.".into(),
        text: "# A heading\n\nSome text".into(),
        thinking_ms: record.thinking_ms(),
        ..InFlight::default()
    }
}

/// A run of ten cases and one GPU, in which the first `done` cases are measured.
pub fn ten_cases(done: usize) -> Stage {
    let mut stage = Stage::new(&TEN, Plan::default());
    stage.find_gpus(1);
    stage.connect();
    for case in 0..done {
        stage.start(case, 1, script_of(case));
        stage.finish(case);
    }
    stage
}

/// A script that differs a little from case to case.
pub fn script_of(case: usize) -> Script {
    let n = case as u64;
    let stall = (case == 2).then_some((120, 900));
    Script { stall, ..Script::plain(80 + n * n * 9 % 140, 8 + n % 3, 300 + 100 * u64::from(n.is_multiple_of(3))) }
}

// ─── The drawn screen ───

/// The text of a screen, line by line, without trailing blanks.
pub fn text(buffer: &Buffer) -> String {
    let mut out = String::new();
    for y in buffer.area.y..buffer.area.bottom() {
        let mut line = String::new();
        let mut x = buffer.area.x;
        while x < buffer.area.right() {
            let symbol = buffer[(x, y)].symbol();
            line.push_str(symbol);
            x += (symbol.width() as u16).max(1);
        }
        out.push_str(line.trim_end());
        out.push('\n');
    }
    out
}

/// Runs of equal style, for each line that has any: `3: 0..9 fg=Cyan bold  12..14 dim`.
pub fn styles(buffer: &Buffer) -> String {
    let mut out = String::new();
    for y in buffer.area.y..buffer.area.bottom() {
        let mut runs: Vec<(u16, u16, Style)> = Vec::new();
        for x in buffer.area.x..buffer.area.right() {
            let style = buffer[(x, y)].style();
            match runs.last_mut() {
                Some(last) if last.2 == style && last.1 == x => last.1 = x + 1,
                _ => runs.push((x, x + 1, style)),
            }
        }
        let described: Vec<String> =
            runs.iter().filter_map(|(a, b, style)| Some(format!("{a}..{b} {}", describe(*style)?))).collect();
        if !described.is_empty() {
            let _ = writeln!(out, "{y}: {}", described.join("  "));
        }
    }
    out
}

fn describe(style: Style) -> Option<String> {
    use ratatui::style::Color;
    let mut parts = Vec::new();
    if let Some(fg) = style.fg.filter(|c| *c != Color::Reset) {
        parts.push(format!("fg={fg}"));
    }
    if let Some(bg) = style.bg.filter(|c| *c != Color::Reset) {
        parts.push(format!("bg={bg}"));
    }
    parts.extend(style.add_modifier.iter_names().map(|(name, _)| name.to_lowercase()));
    (!parts.is_empty()).then(|| parts.join(" "))
}
