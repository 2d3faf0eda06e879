//! A small run for drawing tests, changed by messages, and the drawn screen as text.

use std::sync::Arc;
use std::time::Duration;

use ratatui::Terminal;
use ratatui::backend::TestBackend;
use ratatui::buffer::Buffer;
use ratatui::layout::Rect;
use ratatui::{Frame, style::Style};

use super::cache::RenderCache;
use super::keymap::Keymap;
use super::theme::Theme;
use super::view::View;
use crate::app::action::Action;
use crate::app::message::Msg;
use crate::app::state::{App, Connection, Target};
use crate::app::update::update;
use crate::domain::attempt::{Arrival, AttemptId, AttemptRecord, AttemptStatus, TextKind};
use crate::domain::live::{EngineFact, InFlight, LiveSnapshot, ServerInfo};
use crate::domain::session::{Plan, Session};
use crate::domain::suite::{CaseSpec, Message, RatingScale, Suite};
use crate::domain::time::Nanos;

/// A function that draws a part of the screen.
pub type Draw = fn(&mut Frame<'_>, Rect, &View<'_>);

/// A run of three cases; the first is in flight.
pub fn running() -> App {
    let message = Message::new;
    let case = |name: &str| CaseSpec {
        name: name.into(),
        messages: vec![
            message("system", "You are a careful reviewer."),
            message(
                "user",
                "Find the **race** in this scraper:\n\n```python\nfor u in urls:\n    Thread(target=get, args=(u,)).start()\n```",
            ),
        ],
        max_tokens: 500,
        temperature: 0.0,
        timeout: Duration::from_secs(60),
        ..CaseSpec::new("", Vec::new())
    };
    let cases = ["Debug Task", "Database Optimization", "ML Project"].map(case).to_vec();
    let suite = Suite { name: "s".into(), rating: RatingScale::default(), slos: Vec::new(), cases, ..Suite::default() };
    let target = Target {
        url: "http://localhost:8000/v1".into(),
        model: None,
        server: ServerInfo::default(),
        simulated: false,
        route: crate::domain::route::Route::default(),
        connection: Connection::Connecting,
    };
    let session = Session::new(Arc::new(suite), Plan::default());
    let mut app = App::new(target, session, Some("m".into()), vec!["Markdown", "JSON", "CSV"]);
    app.commands = Keymap::standard().commands();
    let fact = EngineFact::Discovered { models: Vec::new(), server: ServerInfo::default(), list_error: None };
    update(&mut app, Msg::Engine(Nanos::from_millis(1000), fact));
    app
}

/// Carries out actions of the user.
pub fn act(app: &mut App, actions: &[Action]) {
    for &action in actions {
        let now = app.scene.now;
        update(app, Msg::Action(now, action));
    }
}

/// Ticks the frame clock with this request in flight.
pub fn live(app: &mut App, at_ms: u64, in_flight: InFlight) {
    let live = LiveSnapshot { at: Nanos::from_millis(at_ms), in_flight: vec![in_flight], ..Default::default() };
    update(app, Msg::Frame { now: Nanos::from_millis(at_ms), live: Arc::new(live) });
}

/// Ends an attempt. `change` alters its record, which is a complete answer of three tokens.
pub fn end(app: &mut App, case: usize, number: u32, change: impl FnOnce(&mut AttemptRecord)) {
    let id = AttemptId { case, number };
    let mut record = AttemptRecord::started(id, false, "r".into(), "m".into(), Nanos::from_millis(1000));
    let arrival = |ms| Arrival { at: Nanos::from_millis(ms), kind: TextKind::Answer, coalesced: false };
    record.arrivals = [1200, 1210, 1220].map(arrival).to_vec();
    record.status = AttemptStatus::Ok;
    record.finish_reason = Some("stop".into());
    record.usage.completion_tokens = Some(3);
    record.nonce = Some("3f9a1c07".into());
    change(&mut record);
    update(app, Msg::Engine(Nanos::from_millis(1300), EngineFact::Ended { id, record: Arc::new(record) }));
}

/// A screen of this size after `draw`.
pub fn drawn(app: &App, theme: Theme, width: u16, height: u16, draw: Draw) -> Buffer {
    let cache = RenderCache::default();
    let mut terminal = Terminal::new(TestBackend::new(width, height)).unwrap();
    let view = View { app, theme, ascii: false, keymap: Keymap::standard(), cache: &cache };
    let frame = terminal.draw(|f| draw(f, f.area(), &view)).unwrap();
    frame.buffer.clone()
}

/// The drawn screen as text, without trailing blanks.
pub fn text(app: &App, width: u16, height: u16, draw: Draw) -> String {
    let buffer = drawn(app, Theme::mono(), width, height, draw);
    rows(&buffer, |_, out, cell| out.push_str(cell))
}

/// The drawn screen as text with each change of style marked.
pub fn styled(app: &App, theme: Theme, width: u16, height: u16, draw: Draw) -> String {
    let buffer = drawn(app, theme, width, height, draw);
    let mut before = String::new();
    rows(&buffer, |style, out, cell| {
        let colour = style.fg.filter(|c| *c != ratatui::style::Color::Reset).map(|c| format!("{c:?}"));
        let modifiers = (!style.add_modifier.is_empty()).then(|| format!("{:?}", style.add_modifier));
        let now = colour.into_iter().chain(modifiers).collect::<Vec<_>>().join(" ");
        if now != before {
            out.extend(["{", &now, "}"]);
            before = now;
        }
        out.push_str(cell);
    })
}

fn rows(buffer: &Buffer, mut append: impl FnMut(Style, &mut String, &str)) -> String {
    let mut lines = Vec::new();
    for y in 0..buffer.area.height {
        let mut line = String::new();
        let mut skip = 0_usize;
        for x in 0..buffer.area.width {
            if skip > 0 {
                skip -= 1;
                continue;
            }
            let cell = &buffer[(x, y)];
            skip = super::fit::width(cell.symbol()).saturating_sub(1);
            append(cell.style(), &mut line, cell.symbol());
        }
        lines.push(line.trim_end().to_owned());
    }
    lines.join("\n")
}

/// Draws at every size up to 20 × 5, at an offset, and beyond the screen: no call may panic.
pub fn survives_small_areas(app: &App, draw: Draw) {
    let cache = RenderCache::default();
    let view = View { app, theme: Theme::ansi(), ascii: false, keymap: Keymap::standard(), cache: &cache };
    let mut terminal = Terminal::new(TestBackend::new(24, 8)).unwrap();
    for width in 0..=20 {
        for height in 0..=5 {
            for (x, y) in [(0, 0), (3, 2), (20, 7)] {
                terminal.draw(|f| draw(f, Rect { x, y, width, height }, &view)).unwrap();
            }
        }
    }
}
