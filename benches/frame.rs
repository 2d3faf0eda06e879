//! Cost of a dashboard frame: median and worst time from the state to the bytes for the terminal.
//!
//!     cargo bench --bench frame
//!
//! Scenarios: 16 running streams with new text in each frame; a finished suite of 200 cases, of which each frame
//! selects another; an answer of about a hundred thousand tokens; a sweep of five stages; runs of 30,000 attempts, 100,000
//! attempts of one case, and 100,000 cases, of which all but the last are packed; and the list of 10,000 saved runs.
#![allow(clippy::unwrap_used, clippy::print_stdout, clippy::disallowed_methods, reason = "a benchmark on the terminal")]

use std::sync::Arc;
use std::time::{Duration, Instant};

use ratatui::Terminal;
use ratatui::backend::CrosstermBackend;
use ratatui::layout::Rect;
use ratatui::{TerminalOptions, Viewport};

use tokscope::app::action::Action;
use tokscope::app::browser::action::BrowserAction;
use tokscope::app::browser::entry::{RunEntry, RunState};
use tokscope::app::browser::message::BrowserMsg;
use tokscope::app::browser::state::Browser;
use tokscope::app::browser::update::refresh;
use tokscope::app::message::Msg;
use tokscope::app::pane::PaneId;
use tokscope::app::state::cases::order::SortBy;
use tokscope::app::state::text_field::Edit;
use tokscope::app::state::theme::ThemeName;
use tokscope::app::state::{App, Connection, Target};
use tokscope::app::update::update;
use tokscope::domain::attempt::{Arrival, AttemptId, AttemptRecord, AttemptStatus, TextKind};
use tokscope::domain::gpu::{GpuEvent, GpuInfo, GpuSample};
use tokscope::domain::live::{EngineFact, InFlight, LiveSnapshot, ServerInfo, StreamPhase};
use tokscope::domain::session::{Plan, Session};
use tokscope::domain::suite::{CaseSpec, RatingScale, Suite};
use tokscope::domain::sweep::Stage;
use tokscope::domain::time::Nanos;
use tokscope::domain::trace::Trace;
use tokscope::ui::browser::BrowserView;
use tokscope::ui::browser::keymap::BrowserKeymap;
use tokscope::ui::cache::RenderCache;
use tokscope::ui::keymap::Keymap;
use tokscope::ui::screen;
use tokscope::ui::theme::Theme;
use tokscope::ui::view::View;

const STREAMS: usize = 16;
const FRAMES: u64 = 300;
const ANSWER: &str = include_str!("../assets/sim/backend.md");
/// Time between two tokens, milliseconds.
const GAP_MS: u64 = 9;

fn main() {
    println!("{:<40}{:>10}{:>12}{:>12}", "", "size", "median µs", "worst µs");
    for (width, height) in [(80, 24), (120, 40), (200, 60)] {
        let mut running = app(200, STREAMS);
        let mut arrivals = Arrivals::default();
        let mut step = |app: &mut App, frame: u64| {
            // Twenty frames per second.
            let now = 5_000 + frame * 50;
            app_sample(app, now);
            update(app, Msg::Frame { now: Nanos::from_millis(now), live: Arc::new(live(now, &mut arrivals)) });
        };
        measure("16 streams running", width, height, &mut running, &mut step);
        running.ui.focus = PaneId::Scope;
        running.ui.zoomed = true;
        measure("16 streams in the scope alone", width, height, &mut running, &mut step);
        let mut finished = app(200, STREAMS);
        for case in 0..200 {
            end(&mut finished, case);
        }
        measure("200 cases finished, moving through them", width, height, &mut finished, |app, frame| {
            let step = if frame % 200 < 100 { Action::SelectNext } else { Action::SelectPrevious };
            update(app, Msg::Action(Nanos::default(), step));
        });
        measure("200 cases finished, redrawn", width, height, &mut finished, |_, _| {});
        let mut long = app(1, 1);
        end_with(&mut long, 0, &ANSWER.repeat(500_000 / ANSWER.len()));
        (long.ui.focus, long.ui.zoomed) = (PaneId::Preview, true);
        measure("an answer of 500 kB, scrolled", width, height, &mut long, |app, _| {
            update(app, Msg::Action(Nanos::default(), Action::ScrollUp));
        });
        update(&mut long, Msg::Action(Nanos::default(), Action::Search));
        update(&mut long, Msg::Edit(Edit::Paste("database".to_owned())));
        measure_uncached("an answer of 500 kB, first layout, search", width, height, &long);
        measure("an answer of 500 kB, next match", width, height, &mut long, |app, _| {
            update(app, Msg::Action(Nanos::default(), Action::NextMatch));
        });
        sweep(width, height);
        many(width, height);
        load_of_one_case(width, height);
        crowd(width, height);
        saved_runs(width, height);
    }
}

/// A sweep over five concurrencies, with its charts on the whole screen.
fn sweep(width: u16, height: u16) {
    let mut sweep = app(20, 1);
    sweep.scene.session = sweep.scene.session.clone().with_sweep(vec![1, 2, 4, 8, 16]);
    for case in 0..20 {
        end(&mut sweep, case);
    }
    let stage = sweep.scene.stages_so_far().stages.pop().unwrap();
    sweep.scene.load.stages = [1, 2, 4, 8].map(|concurrency| Stage { concurrency, ..stage.clone() }).to_vec();
    (sweep.ui.focus, sweep.ui.zoomed) = (PaneId::Latency, true);
    measure("a sweep, its charts alone", width, height, &mut sweep, |_, _| {});
}

/// 40 cases with 750 attempts each.
fn many(width: u16, height: u16) {
    const CASES: usize = 40;
    const REPEAT: u32 = 750;
    let mut many = app_with_plan(CASES, Plan { repeat: REPEAT, ..Plan::default() });
    for case in 0..CASES {
        for number in 1..=REPEAT {
            end_attempt(&mut many, AttemptId { case, number }, "An answer.", 60);
        }
    }
    measure("30 000 attempts, redrawn", width, height, &mut many, |_, _| {});
    let walk = |app: &mut App, frame: u64| {
        let step = if frame % 40 < 20 { Action::SelectNext } else { Action::SelectPrevious };
        update(app, Msg::Action(Nanos::default(), step));
    };
    measure("30 000 attempts, moving through them", width, height, &mut many, walk);
    update(&mut many, Msg::Action(Nanos::default(), Action::ToggleBaseline));
    measure("30 000 attempts, with a baseline", width, height, &mut many, walk);
    update(&mut many, Msg::Action(Nanos::default(), Action::ToggleBaseline));
    (many.ui.focus, many.ui.zoomed) = (PaneId::Scope, true);
    measure("30 000 attempts, all of them in the scope", width, height, &mut many, |_, _| {});
    (many.ui.focus, many.ui.zoomed) = (PaneId::Cases, false);
    update(&mut many, Msg::Action(Nanos::default(), Action::Unfold));
    measure("30 000 attempts, a case unfolded", width, height, &mut many, |app, _| {
        update(app, Msg::Action(Nanos::default(), Action::SelectNext));
    });
}

/// A load of 100,000 requests of one case.
fn load_of_one_case(width: u16, height: u16) {
    const REQUESTS: u32 = 100_000;
    let slo = "ttft_p95<500ms".parse().unwrap();
    let plan = Plan { concurrency: STREAMS, requests: Some(REQUESTS), ..Plan::default() };
    let mut load = app_with_plan(1, plan);
    Arc::make_mut(&mut load.scene.session.suite).slos.push(slo);
    for number in 1..=REQUESTS {
        end_attempt(&mut load, AttemptId { case: 0, number }, "An answer.", 3);
    }
    measure("100 000 attempts of a case, redrawn", width, height, &mut load, |_, _| {});
    update(&mut load, Msg::Action(Nanos::default(), Action::Unfold));
    measure("100 000 attempts of a case, unfolded", width, height, &mut load, |app, _| {
        update(app, Msg::Action(Nanos::default(), Action::SelectNext));
    });
}

/// 100,000 cases with an answer each.
fn crowd(width: u16, height: u16) {
    const CASES: usize = 100_000;
    let mut crowd = app(CASES, STREAMS);
    for case in 0..CASES {
        end_attempt(&mut crowd, AttemptId { case, number: 1 }, "An answer.", 3);
    }
    measure("100 000 cases, redrawn", width, height, &mut crowd, |_, _| {});
    let walk = |app: &mut App, frame: u64| {
        let step = if frame % 40 < 20 { Action::SelectNext } else { Action::SelectPrevious };
        update(app, Msg::Action(Nanos::default(), step));
    };
    measure("100 000 cases, moving through them", width, height, &mut crowd, walk);
    for _ in 0..3 {
        update(&mut crowd, Msg::Action(Nanos::default(), Action::SortByNext));
    }
    measure("100 000 cases sorted by a figure, moving", width, height, &mut crowd, walk);
    measure("100 000 cases, each frame sorted anew", width, height, &mut crowd, |app, _| {
        update(app, Msg::Action(Nanos::default(), Action::ReverseSort));
    });
    crowd.ui.cases.sort = SortBy::default();
    update(&mut crowd, Msg::Action(Nanos::default(), Action::Filter));
    measure("100 000 cases, typing a filter", width, height, &mut crowd, |app, frame| {
        let edit = if frame % 2 == 0 { Edit::Paste("7".to_owned()) } else { Edit::Backspace };
        update(app, Msg::Edit(edit));
    });
}

/// The list of 10,000 saved runs.
fn saved_runs(width: u16, height: u16) {
    const RUNS: usize = 10_000;
    let run = |at: usize| {
        let entry = RunEntry {
            started: format!("2026-{:02}-{:02} 12:{:02}", 1 + at / 28 % 12, 1 + at % 28, at % 60),
            model: ["glm-4.7-flash", "qwen3-32b-instruct", "llama-3.3-70b"][at % 3].to_owned(),
            load: "8".to_owned(),
            speed_tok_s: Some(100.0 + (at * 7919 % 23) as f64),
            ttft_ms: Some(180.0 - (at % 97) as f64),
            ..RunEntry::new(format!("ts-{:08x}", RUNS - at), RunState::Complete)
        };
        entry.indexed()
    };
    let mut browser = Browser::new(ThemeName::Auto);
    drop(refresh(&mut browser));
    let folder = "/runs".to_owned();
    browse(&mut browser, BrowserMsg::Listed { listing: 1, folder, total: RUNS });
    browse(&mut browser, BrowserMsg::Read(1, (0..RUNS).map(run).collect()));
    let walk = |browser: &mut Browser, frame: u64| {
        let step = if frame % 40 < 20 { BrowserAction::Down } else { BrowserAction::Up };
        browse(browser, BrowserMsg::Action(step));
    };
    measure_browser("10 000 saved runs, moving", width, height, &mut browser, walk);
    browse(&mut browser, BrowserMsg::Action(BrowserAction::MarkAll));
    measure_browser("10 000 saved runs, all marked", width, height, &mut browser, |_, _| {});
    measure_browser("10 000 saved runs, sorting", width, height, &mut browser, |browser, _| {
        browse(browser, BrowserMsg::Action(BrowserAction::SortNext));
    });
    measure_browser("10 000 saved runs, typing a filter", width, height, &mut browser, |browser, frame| {
        let edit = if frame % 2 == 0 { Edit::Paste("7".to_owned()) } else { Edit::Backspace };
        browse(browser, BrowserMsg::Edit(edit));
    });
}

fn browse(browser: &mut Browser, msg: BrowserMsg) {
    drop(tokscope::app::browser::update::update(browser, msg));
}

/// [`measure`] for the browser of saved runs.
fn measure_browser(
    what: &str,
    width: u16,
    height: u16,
    browser: &mut Browser,
    mut step: impl FnMut(&mut Browser, u64),
) {
    let (cache, keymap) = (RenderCache::default(), BrowserKeymap::default());
    let options = TerminalOptions { viewport: Viewport::Fixed(Rect::new(0, 0, width, height)) };
    let mut terminal = Terminal::with_options(CrosstermBackend::new(std::io::sink()), options).unwrap();
    let times: Vec<Duration> = (0..FRAMES)
        .map(|frame| {
            let started = Instant::now();
            step(browser, frame);
            let view = BrowserView { browser, theme: Theme::ansi(), keymap: &keymap, cache: &cache };
            terminal.draw(|frame| _ = tokscope::ui::browser::draw(frame, &view)).unwrap();
            started.elapsed()
        })
        .skip(20)
        .collect();
    print_row(what, (width, height), times);
}

/// Draws frames, each after a `step`. The first frames are warm-up and not counted.
fn measure(what: &str, width: u16, height: u16, app: &mut App, mut step: impl FnMut(&mut App, u64)) {
    let cache = RenderCache::default();
    let options = TerminalOptions { viewport: Viewport::Fixed(Rect::new(0, 0, width, height)) };
    let mut terminal = Terminal::with_options(CrosstermBackend::new(std::io::sink()), options).unwrap();
    let times: Vec<Duration> = (0..FRAMES)
        .map(|frame| {
            let started = Instant::now();
            step(app, frame);
            let view = View { app, theme: Theme::ansi(), ascii: false, keymap: Keymap::standard(), cache: &cache };
            terminal.draw(|frame| screen::draw(frame, &view)).unwrap();
            update(app, Msg::Drawn { answer: cache.answer(), overlay: cache.overlay_extent() });
            started.elapsed()
        })
        .skip(20)
        .collect();
    print_row(what, (width, height), times);
}

/// Draws frames without the caches of earlier frames.
fn measure_uncached(what: &str, width: u16, height: u16, app: &App) {
    let options = TerminalOptions { viewport: Viewport::Fixed(Rect::new(0, 0, width, height)) };
    let mut terminal = Terminal::with_options(CrosstermBackend::new(std::io::sink()), options).unwrap();
    let frame = |_| {
        let cache = RenderCache::default();
        let view = View { app, theme: Theme::ansi(), ascii: false, keymap: Keymap::standard(), cache: &cache };
        let started = Instant::now();
        terminal.draw(|frame| screen::draw(frame, &view)).unwrap();
        started.elapsed()
    };
    print_row(what, (width, height), (0..9).map(frame).collect());
}

fn print_row(what: &str, (width, height): (u16, u16), mut times: Vec<Duration>) {
    times.sort();
    let micros = |time: Duration| time.as_secs_f64() * 1e6;
    let (median, worst) = (micros(times[times.len() / 2]), micros(times[times.len() - 1]));
    println!("{what:<40}{:>10}{median:>12.0}{worst:>12.0}", format!("{width}x{height}"));
}

fn app(cases: usize, concurrency: usize) -> App {
    app_with_plan(cases, Plan { concurrency, ..Plan::default() })
}

fn app_with_plan(cases: usize, plan: Plan) -> App {
    let case = |i| CaseSpec {
        name: format!("Case number {i:03}"),
        max_tokens: 600,
        temperature: 0.7,
        timeout: Duration::from_secs(120),
        ..CaseSpec::new("", Vec::new())
    };
    let suite = Suite {
        workload: None,
        conversations: None,
        name: "Bench".to_owned(),
        rating: RatingScale::default(),
        slos: Vec::new(),
        cases: (0..cases).map(case).collect(),
        ..Suite::default()
    };
    let target = Target {
        url: "http://localhost:8000/v1".to_owned(),
        model: None,
        server: ServerInfo::default(),
        simulated: false,
        route: tokscope::domain::route::Route::default(),
        connection: Connection::Connecting,
    };
    let mut app = App::new(target, Session::new(Arc::new(suite), plan), None, vec!["Markdown", "JSON"]);
    let gpu = GpuInfo {
        index: 0,
        model: "NVIDIA RTX PRO 6000 Blackwell Workstation Edition".to_owned(),
        memory_total_bytes: Some(97_887 << 20),
        power_limit_w: Some(600.0),
        ..GpuInfo::default()
    };
    let found = GpuEvent::Found {
        source: "nvml".to_owned(),
        driver: Some("580.126.09".to_owned()),
        gpus: vec![gpu],
        interval_ms: 250,
    };
    update(&mut app, Msg::Gpu(found));
    let server = ServerInfo { kind: Some("vLLM".to_owned()), version: Some("0.11.2".to_owned()) };
    let fact = EngineFact::Discovered { models: vec!["glm-4.7-flash".to_owned()], server, list_error: None };
    update(&mut app, Msg::Engine(Nanos::default(), fact));
    app
}

fn app_sample(app: &mut App, now_ms: u64) {
    if now_ms.is_multiple_of(250) {
        let sample = GpuSample {
            at: Nanos::from_millis(now_ms),
            index: 0,
            memory_used_bytes: Some((60_000 + now_ms % 997) << 20),
            utilization_percent: Some(97.0),
            power_w: Some(421.0),
            temperature_c: Some(61.0),
            ..GpuSample::default()
        };
        update(app, Msg::Gpu(GpuEvent::Sample(sample)));
    }
}

/// Arrivals of a stream's events so far.
#[derive(Default)]
struct Arrivals {
    all: Vec<Arrival>,
    trace: Trace,
}

impl Arrivals {
    fn until(&mut self, events: u64) -> &Trace {
        let from = self.all.len() as u64;
        self.all.extend((from..events).map(|i| Arrival {
            at: Nanos::from_millis(200 + i * GAP_MS + i % 3),
            kind: if i < 200 { TextKind::Reasoning } else { TextKind::Answer },
            coalesced: false,
        }));
        self.trace.extend_from(&self.all[..events.min(self.all.len() as u64) as usize], usize::MAX);
        &self.trace
    }
}

/// Live view with all streams started at the same time, each at another position of the answer.
fn live(now_ms: u64, arrivals: &mut Arrivals) -> LiveSnapshot {
    let events = (now_ms - 200) / GAP_MS;
    let trace = arrivals.until(events);
    let in_flight = |case: usize| {
        let shown = (events as usize * 4 + case * 100).min(ANSWER.len());
        InFlight {
            id: AttemptId { case, number: 1 },
            phase: StreamPhase::Answering,
            started: Nanos::default(),
            sent: Nanos::default(),
            ttft_ms: Some(200.0 + case as f64),
            content_events: events as u32,
            arrival_times: events as u32,
            trace: (0..now_ms / 250).map(|i| 27 + (i % 3) as u16).collect(),
            recent_gaps_ms: (0..events.min(512)).map(|i| GAP_MS as f32 + (i % 7) as f32 / 5.0).collect(),
            arrivals: trace.clone(),
            observer_stalls: Vec::new(),
            reasoning: "The user wants a backend with a database and an API.\n".repeat(8).into(),
            text: (0..=shown).rev().find_map(|end| ANSWER.get(..end)).unwrap_or_default().into(),
            tool_calls: Vec::new(),
            reasoning_cut: false,
            text_cut: false,
            thinking_ms: None,
            sent_request: None,
        }
    };
    LiveSnapshot {
        at: Nanos::from_millis(now_ms),
        content_events_total: events * STREAMS as u64,
        in_flight: (0..STREAMS).map(in_flight).collect(),
        ..LiveSnapshot::default()
    }
}

/// Ends a case with a complete answer of 600 tokens.
fn end(app: &mut App, case: usize) {
    end_with(app, case, ANSWER);
}

fn end_with(app: &mut App, case: usize, answer: &str) {
    end_attempt(app, AttemptId { case, number: 1 }, answer, 600);
}

fn end_attempt(app: &mut App, id: AttemptId, answer: &str, tokens: u64) {
    let start_ms = id.case as u64 / STREAMS as u64 * 6_000;
    let mut record =
        AttemptRecord::started(id, false, "id".to_owned(), "glm-4.7-flash".to_owned(), Nanos::from_millis(start_ms));
    let arrival = |i| Arrival {
        at: Nanos::from_millis(start_ms + 200 + i * GAP_MS + i % 3),
        kind: TextKind::Answer,
        coalesced: false,
    };
    record.arrivals = (0..tokens).map(arrival).collect();
    record.ended = Nanos::from_millis(start_ms + 5_700);
    record.status = AttemptStatus::Ok;
    record.finish_reason = Some("stop".to_owned());
    record.usage.prompt_tokens = Some(85);
    record.usage.completion_tokens = Some(tokens);
    record.text.push_str(answer);
    let now = record.ended;
    update(app, Msg::Engine(now, EngineFact::Ended { id, record: Arc::new(record) }));
}
