use std::fmt::Write as _;
use std::sync::Arc;

use ratatui::Terminal;
use ratatui::backend::TestBackend;

use super::*;
use crate::app::action::Action;
use crate::app::message::Msg;
use crate::app::pane::PaneId;
use crate::app::state::playback::Playback;
use crate::app::state::replay::Recording;
use crate::app::state::text_field::Edit;
use crate::app::state::{App, ScrollExtent};
use crate::app::update::update;
use crate::domain::attempt::{AttemptError, AttemptId, AttemptStatus, StringPool, TextKind};
use crate::domain::check::ToolCall;
use crate::domain::live::StreamPhase;
use crate::domain::media::Media;
use crate::domain::model_mix::{ModelMix, WeightedModel};
use crate::domain::sent_request::SentRequest;
use crate::domain::time::Nanos;
use crate::ui::cache::RenderCache;
use crate::ui::keymap::Keymap;
use crate::ui::sample::{act, end, live, running, styled, survives_small_areas, text};
use crate::ui::theme::Theme;

const ANSWER: &str = "## The race\n\nTwo threads share `seen` **without a lock**:\n\n```python\nif url not in seen:\n    seen.add(url)\n```\n\n- check and add are two steps\n- so one page is fetched twice\n";

fn stream(phase: StreamPhase, reasoning: &str, answer: &str) -> InFlight {
    InFlight {
        id: AttemptId { case: 0, number: 1 },
        phase,
        started: Nanos::from_millis(1000),
        content_events: 42,
        reasoning: reasoning.into(),
        text: answer.into(),
        ..InFlight::default()
    }
}

fn numbered(lines: usize) -> String {
    (1..=lines).fold(String::new(), |mut all, i| {
        let _ = write!(all, "line {i}\n\n");
        all
    })
}

#[test]
fn a_waiting_request_shows_its_prompt() {
    let mut app = running();
    live(&mut app, 2234, stream(StreamPhase::Waiting, "", ""));
    insta::assert_snapshot!("waiting_80x24", text(&app, 80, 24, draw));
    insta::assert_snapshot!("waiting_styles", styled(&app, Theme::ansi(), 60, 18, draw));
    act(&mut app, &[Action::SelectNext]);
    assert!(text(&app, 80, 24, draw).contains("Not sent yet."));
    act(&mut app, &[Action::TogglePauseCase]);
    assert!(text(&app, 80, 24, draw).contains("Paused. 'p' resumes with a new attempt."));
}

#[test]
fn the_title_names_the_model_of_an_attempt_in_a_mix() {
    let mut app = running();
    let models = ["one", "two"].map(|name| WeightedModel { name: name.to_owned(), weight: 1 }).to_vec();
    let mix = ModelMix { models, seed: 3 };
    let drawn = mix.choose(0, 1).to_owned();
    Arc::make_mut(&mut app.scene.session.suite).model_mix = Some(mix);
    end(&mut app, 0, 1, |record| record.model.clone_from(&drawn));
    let screen = text(&app, 80, 6, draw);
    assert!(screen.contains(&format!("Debug Task · {drawn}")), "{screen}");
}

#[test]
fn a_prompt_names_its_images_and_audio() {
    let mut app = running();
    let case = &mut Arc::make_mut(&mut app.scene.session.suite).cases[1];
    case.messages[1].media.push(Media::Url("http://h/\u{1b}[2Jx.png".to_owned()));
    case.generated_images.push("64x32*2".parse().unwrap());
    act(&mut app, &[Action::SelectNext]);
    let screen = text(&app, 60, 24, draw);
    assert!(screen.contains("[image http://h/x.png]"), "{screen}");
    assert!(screen.contains("[2 images of 64x32, new in each request]"), "{screen}");
}

#[test]
fn calls_of_tools_are_shown_while_they_stream_and_afterwards() {
    let call = |arguments: &str| ToolCall { name: "weather\u{1b}[2J".to_owned(), arguments: arguments.to_owned() };
    let mut app = running();
    let calling = InFlight { tool_calls: vec![call("{\"city\":\"Ro")], ..stream(StreamPhase::Answering, "Hm.", "") };
    live(&mut app, 2234, calling);
    let screen = text(&app, 60, 14, draw);
    assert!(screen.contains("▸ reasoning") && screen.contains("─ tool call: weather ─"), "{screen}");
    assert!(screen.contains("{\"city\":\"Ro"), "{screen}");
    end(&mut app, 0, 1, |record| record.tool_calls = vec![call("{\"city\":\"Rome\"}"), call("")]);
    insta::assert_snapshot!("tool_calls_60x14", text(&app, 60, 14, draw));
}

#[test]
fn reasoning_is_dimmer_than_the_answer() {
    let mut app = running();
    let thinking = "The user wants the race. Look at **seen** first:\n\n1. it is shared\n2. there is no `Lock`";
    live(&mut app, 3000, stream(StreamPhase::Answering, thinking, ANSWER));
    act(&mut app, &[Action::NextPane]);
    assert_eq!(app.ui.focus, PaneId::Preview);
    app.ui.answer.unfolded = Some(true);
    insta::assert_snapshot!("reasoning_80x24", text(&app, 80, 24, draw));
    insta::assert_snapshot!("reasoning_styles", styled(&app, Theme::ansi(), 60, 22, draw));
    insta::assert_snapshot!("reasoning_styles_mono", styled(&app, Theme::mono(), 60, 22, draw));
}

#[test]
fn a_complete_answer_is_shown_with_its_warnings() {
    let mut app = running();
    end(&mut app, 0, 1, |r| {
        r.text = ANSWER.into();
        r.usage.reasoning_tokens = Some(1200);
        r.usage.completion_tokens = Some(1512);
        r.warnings.push("reasoning was billed but not streamed: the decode speed is not computable".into());
    });
    insta::assert_snapshot!("whole_60x18", text(&app, 60, 18, draw));
    insta::assert_snapshot!("whole_120x40", text(&app, 120, 40, draw));
}

#[test]
fn findings_and_server_timings_are_below_the_answer() {
    use crate::domain::diagnosis::Finding;
    use crate::domain::server_timings::{ServerTimings, TimingSource};
    let mut app = running();
    end(&mut app, 0, 1, |r| {
        r.text = "Good.".into();
        r.findings.push(Finding::new("pauses", "the stream paused for 2.00 s"));
        let ttft_ms = r.time_to_first_token_ms().unwrap();
        let timings = ServerTimings { ttft_ms: Some(ttft_ms - 1.5), ..ServerTimings::from_source(TimingSource::Vllm) };
        r.server_timings = Some(timings);
    });
    let shown = text(&app, 100, 20, draw);
    assert!(shown.contains("! the stream paused for 2.00 s"), "{shown}");
    assert!(shown.contains("to its first token; the other 1.5 ms of the TTFT are network and client"), "{shown}");
}

#[test]
fn failed_checks_are_below_the_answer() {
    use crate::domain::check::{CheckKind, CheckResult};
    let mut app = running();
    end(&mut app, 0, 1, |r| {
        r.text = "Good.".into();
        let result = |kind, message: Option<&str>| CheckResult {
            kind,
            passed: message.is_none(),
            message: message.map(str::to_owned),
        };
        r.checks = vec![
            result(CheckKind::Equals, Some("the answer is 'Good.', not 'Bad'")),
            result(CheckKind::MinTokens, None),
        ];
    });
    let shown = text(&app, 100, 20, draw);
    assert!(shown.contains("✗ Check failed: equals: the answer is 'Good.', not 'Bad'"), "{shown}");
    assert!(shown.contains("✓ 1 check passed"), "{shown}");
}

#[test]
fn the_title_shows_a_cold_warm_or_unknown_cache() {
    let cache_of = |cached: Option<u64>, nonce: Option<&str>| {
        let mut app = running();
        end(&mut app, 0, 1, |r| {
            (r.usage.prompt_tokens, r.usage.cached_tokens) = (Some(100), cached);
            r.nonce = nonce.map(str::to_owned);
        });
        let rule = text(&app, 100, 1, draw);
        ["warm", "cold", "cache unknown"]
            .into_iter()
            .find(|word| rule.contains(&format!("· {word} ─")))
            .map(str::to_owned)
    };
    assert_eq!(cache_of(Some(0), None).as_deref(), Some("cold"));
    assert_eq!(cache_of(Some(80), Some("0a1b2c3d")).as_deref(), Some("warm"));
    assert_eq!(cache_of(None, None).as_deref(), Some("cache unknown"));
    assert_eq!(cache_of(None, Some("0a1b2c3d")).as_deref(), Some("cache unknown"));
}

#[test]
fn a_failed_attempt_shows_its_cause_and_a_remedy() {
    let mut app = running();
    end(&mut app, 0, 1, |r| {
        r.status = AttemptStatus::StreamError;
        r.finish_reason = None;
        r.usage.completion_tokens = None;
        r.text = "The first half of".into();
        let message =
            "EngineDeadError:\u{1b}[2J EngineCore encountered an issue. See stack trace (above) for the root cause.";
        r.error = Some(AttemptError { kind: "server_error".into(), message: message.into() });
    });
    insta::assert_snapshot!("failed_60x14", text(&app, 60, 14, draw));
    insta::assert_snapshot!("failed_styles", styled(&app, Theme::ansi(), 60, 8, draw));
}

#[test]
fn a_failed_rerun_leaves_the_good_answer_and_a_note() {
    let mut app = running();
    end(&mut app, 0, 1, |r| r.text = "Good.".into());
    act(&mut app, &[Action::Rerun]);
    end(&mut app, 1, 1, |_| {});
    end(&mut app, 0, 2, |r| {
        r.status = AttemptStatus::Timeout;
        r.error = Some(AttemptError { kind: "timeout".into(), message: "no end within 60 s".into() });
    });
    insta::assert_snapshot!(text(&app, 60, 5, draw), @r#"
    ─ Answer · Debug Task · attempt 1 of 2 ─── stop · 3 tokens ─
      Good.

      ✗ Attempt 2 failed: no end within 60 s
    "#);
}

#[test]
fn an_outdated_live_view_does_not_hide_the_record() {
    let mut app = running();
    live(&mut app, 2000, stream(StreamPhase::Answering, "", "half"));
    assert!(text(&app, 60, 4, draw).contains("half"));
    end(&mut app, 0, 1, |r| r.text = "whole".into());
    assert!(text(&app, 60, 4, draw).contains("whole"));
}

/// Draws the pane and reports the layout back to the state, as the program does.
fn shown(app: &mut App, width: u16, height: u16) -> String {
    let cache = RenderCache::default();
    let mut terminal = Terminal::new(TestBackend::new(width, height)).unwrap();
    let view = View { app, theme: Theme::mono(), ascii: false, keymap: Keymap::standard(), cache: &cache };
    terminal.draw(|f| draw(f, f.area(), &view)).unwrap();
    let drawn = cache.answer();
    update(app, Msg::Drawn { answer: drawn, overlay: ScrollExtent::default() });
    text(app, width, height, draw)
}

#[test]
fn the_pane_follows_the_end_unless_scrolled_up() {
    let mut app = running();
    live(&mut app, 2000, stream(StreamPhase::Answering, "", &numbered(100)));
    app.ui.focus = PaneId::Preview;
    let end = shown(&mut app, 60, 6);
    assert!(end.contains("line 100") && end.contains("▼ following"), "{end}");
    // A hundred paragraphs with blank lines between them are 199 lines, of which five are visible: 194 above them.
    act(&mut app, &[Action::ScrollUp]);
    let up = shown(&mut app, 60, 6);
    assert!(up.contains("scroll 94%") && up.contains("line 95") && !up.contains("line 96"), "{up}");
    // New text does not move the scrolled view.
    live(&mut app, 2050, stream(StreamPhase::Answering, "", &numbered(110)));
    let grown = shown(&mut app, 60, 6);
    assert!(grown.contains("scroll 85%") && grown.contains("line 95") && !grown.contains("line 96"), "{grown}");
    act(&mut app, &[Action::ToTop]);
    let top = shown(&mut app, 60, 6);
    assert!(top.contains("line 1 ") && top.contains(" top "), "{top}");
    act(&mut app, &[Action::LineUp, Action::LineDown, Action::LineDown, Action::LineUp, Action::ScrollDown]);
    assert!(shown(&mut app, 60, 6).contains("line 7"));
    act(&mut app, &[Action::ToEnd]);
    assert!(shown(&mut app, 60, 6).contains("▼ following"));
}

#[test]
fn a_live_text_without_its_start_has_a_hint() {
    let mut app = running();
    let end_of_text = "word ".repeat(4 * 1024).split_off(4 * 1024);
    let hint = "… the full text is shown when the attempt ends";
    for is_cut in [false, true] {
        let cut = InFlight { text_cut: is_cut, ..stream(StreamPhase::Answering, "", &end_of_text) };
        live(&mut app, 2000, cut);
        shown(&mut app, 60, 6);
        act(&mut app, &[Action::ToTop]);
        assert_eq!(shown(&mut app, 60, 6).contains(hint), is_cut);
    }
}

#[test]
fn a_long_answer_is_laid_out_once() {
    let mut app = running();
    end(&mut app, 0, 1, |r| r.text = numbered(20_000));
    let cache = RenderCache::default();
    let view = View { app: &app, theme: Theme::ansi(), ascii: false, keymap: Keymap::standard(), cache: &cache };
    let mut terminal = Terminal::new(TestBackend::new(60, 10)).unwrap();
    let subject = Subject::find(view.scene(), 0, None).unwrap();
    terminal.draw(|f| draw(f, f.area(), &view)).unwrap();
    let first = Body::new(&subject, 57, &view);
    terminal.draw(|f| draw(f, f.area(), &view)).unwrap();
    assert!(std::rc::Rc::ptr_eq(&first.text, &Body::new(&subject, 57, &view).text));
    assert_eq!(cache.answer().limit, 39_999 - 9);
}

const THINKING: &str = "The user wants the race. Look at **seen** first:\n\n1. it is shared\n2. there is no `Lock`";
const SIZES: [(u16, u16); 3] = [(80, 24), (120, 40), (200, 60)];

fn sent_request() -> SentRequest {
    let header = |name: &str, value: Option<&str>| (name.to_owned(), value.map(str::to_owned));
    let body = serde_json::json!({
        "model": "m",
        "messages": [{ "role": "user", "content": "[3f9a1c07]\nFind the **race** in this scraper:\u{1b}[31m\n\nfor u in urls:" }],
        "max_tokens": 500,
        "stream": true,
    });
    SentRequest {
        url: "http://localhost:8000/v1/chat/completions".into(),
        headers: Arc::new([header("accept", Some("text/event-stream")), header("authorization", None)]),
        request_id: "run-1-1".into(),
        body: body.to_string().into(),
        nonce: Some("3f9a1c07".into()),
    }
}

/// An answer with reasoning and all figures; its pane is focused.
fn answered() -> App {
    let mut app = running();
    end(&mut app, 0, 1, |r| {
        r.text = ANSWER.into();
        r.reasoning = THINKING.into();
        r.arrivals[0].kind = TextKind::Reasoning;
        r.http_status = Some(200);
        r.headers_at = Some(Nanos::from_millis(1100));
        r.event_count = 5;
        r.first_token_event_index = Some(1);
        (r.usage.prompt_tokens, r.usage.reasoning_tokens) = (Some(85), Some(1));
        r.warnings.push("the server sends its tokens in bursts".into());
        r.sent_request = Some(Arc::new(sent_request()));
    });
    app.ui.focus = PaneId::Preview;
    shown(&mut app, 80, 24);
    app
}

#[test]
fn reasoning_folds_when_the_answer_begins_unless_the_user_unfolded_it() {
    let mut app = running();
    app.ui.focus = PaneId::Preview;
    let thinking = |answer| InFlight { thinking_ms: Some(3140.0), ..stream(StreamPhase::Reasoning, THINKING, answer) };
    live(&mut app, 3000, thinking(""));
    assert!(shown(&mut app, 80, 24).contains("1. it is shared"));
    live(&mut app, 3050, thinking(ANSWER));
    let folded = shown(&mut app, 80, 24);
    assert!(folded.contains("▸ reasoning, 18 words, 3.14 s · z unfolds") && !folded.contains("shared"), "{folded}");
    act(&mut app, &[Action::ToggleThinking]);
    assert!(shown(&mut app, 80, 24).contains("1. it is shared"));
    // The text stays unfolded after the attempt has ended.
    end(&mut app, 0, 1, |r| (r.text, r.reasoning) = (ANSWER.into(), THINKING.into()));
    assert!(shown(&mut app, 80, 24).contains("1. it is shared"));
    act(&mut app, &[Action::ToggleThinking]);
    assert!(shown(&mut app, 80, 24).contains("▸ reasoning, 18 words · z unfolds"));
    // The number of words is unknown for reasoning whose start is cut.
    live(&mut app, 3100, InFlight { id: AttemptId { case: 1, number: 1 }, reasoning_cut: true, ..thinking(ANSWER) });
    app.ui.selected = 1;
    assert!(shown(&mut app, 80, 24).contains("▸ reasoning, 3.14 s · z unfolds"));
}

#[test]
fn folding_reasoning_keeps_the_top_line_in_place() {
    let mut app = running();
    app.ui.focus = PaneId::Preview;
    end(&mut app, 0, 1, |r| (r.text, r.reasoning) = (numbered(50), numbered(20)));
    let body = |app: &mut App| {
        shown(app, 60, 8).lines().skip(1).map(|l| l.replace('▐', "").trim_end().to_owned()).collect::<Vec<_>>()
    };
    assert!(body(&mut app).last().unwrap().contains("line 50"));
    act(&mut app, &[Action::ToggleThinking]);
    // Unfolding scrolls to the reasoning.
    assert!(body(&mut app)[0].contains("─ reasoning ─"));
    act(&mut app, &[Action::ToEnd, Action::ScrollUp, Action::ScrollUp]);
    let unfolded = body(&mut app);
    act(&mut app, &[Action::ToggleThinking]);
    assert_eq!(body(&mut app), unfolded);
}

#[test]
fn an_answer_cut_by_a_limit_names_the_limit() {
    let ended = |reason: &str, tokens| {
        let mut app = running();
        end(&mut app, 0, 1, |r| {
            (r.text, r.finish_reason) = ("An answer".into(), Some(reason.into()));
            r.usage.completion_tokens = Some(tokens);
        });
        text(&app, 110, 10, draw)
    };
    let text = ended("length", 500);
    assert!(
        text.contains("Stopped at max_tokens (500); the answer may be incomplete. Finish reason: length."),
        "{text}"
    );
    // The finish reason of another API, and an answer shorter than the limit of the case.
    let text = ended("max_tokens", 420);
    let expected = "Stopped after 420 tokens by a server limit below max_tokens (500); finish reason: max_tokens.";
    assert!(text.contains(expected), "{text}");
    assert!(!ended("stop", 420).contains("Stopped"));
}

#[test]
fn every_form_at_every_size() {
    for (width, height) in SIZES {
        let mut app = answered();
        let mut snap = |name: &str, actions: &[Action]| {
            act(&mut app, actions);
            shown(&mut app, width, height);
            insta::assert_snapshot!(format!("{name}_{width}x{height}"), text(&app, width, height, draw));
        };
        snap("folded", &[]);
        snap("unfolded", &[Action::ToggleThinking]);
        snap("raw", &[Action::ToggleRaw]);
        snap("exchange", &[Action::ToggleExchange]);
    }
    let mut app = answered();
    insta::assert_snapshot!("folded_styles", styled(&app, Theme::ansi(), 60, 18, draw));
    insta::assert_snapshot!("folded_styles_mono", styled(&app, Theme::mono(), 60, 18, draw));
    act(&mut app, &[Action::ToggleExchange]);
    insta::assert_snapshot!("exchange_styles", styled(&app, Theme::ansi(), 120, 20, draw));
}

#[test]
fn a_request_that_was_not_sent_says_so_and_a_failed_one_why() {
    let mut app = running();
    act(&mut app, &[Action::ToggleExchange]);
    let screen = text(&app, 80, 24, draw);
    assert!(screen.contains("Not sent yet.") && screen.contains("No response yet."), "{screen}");
    live(&mut app, 1900, stream(StreamPhase::Waiting, "", ""));
    assert!(shown(&mut app, 80, 24).contains("Not sent yet."));
    live(
        &mut app,
        2000,
        InFlight { sent_request: Some(Arc::new(sent_request())), ..stream(StreamPhase::Waiting, "", "") },
    );
    let screen = text(&app, 120, 30, draw);
    assert!(screen.contains("POST http://localhost:8000/v1/chat/completions"), "{screen}");
    assert!(screen.contains("waiting for the first token"), "{screen}");
    end(&mut app, 0, 1, |r| {
        r.status = AttemptStatus::HttpError;
        r.http_status = Some(503);
        r.error = Some(AttemptError { kind: "http".into(), message: "server busy".into() });
    });
    let screen = text(&app, 120, 30, draw);
    assert!(screen.contains("server busy") && screen.contains("HTTP 503 · http_error"), "{screen}");
}

#[test]
fn a_saved_run_says_that_its_requests_are_not_stored() {
    let mut app = running();
    end(&mut app, 0, 1, |_| ());
    act(&mut app, &[Action::ToggleExchange]);
    let whole = app.scene.clone();
    // The hint appears for resumed runs and for opened ones.
    assert!(text(&app, 80, 24, draw).contains("Saved runs do not store their"));
    app.playback = Some(Box::new(Playback::open(
        "2026-02-06 21:49".into(),
        Recording { whole, events: Arc::default(), telemetry: Vec::new() },
    )));
    let screen = text(&app, 80, 24, draw);
    assert!(screen.contains("Saved runs do not store their") && !screen.contains("sent"), "{screen}");
}

fn search(app: &mut App, wanted: &str) {
    act(app, &[Action::Search]);
    update(app, Msg::Edit(Edit::Clear));
    update(app, Msg::Edit(Edit::Paste(wanted.to_owned())));
    act(app, &[Action::Confirm]);
}

#[test]
fn a_search_marks_its_matches_and_steps_through_them() {
    let mut app = answered();
    search(&mut app, "SEEN");
    assert!(shown(&mut app, 80, 24).contains("1/3"));
    insta::assert_snapshot!("search_styles_mono", styled(&app, Theme::mono(), 80, 14, draw));
    act(&mut app, &[Action::PreviousMatch]);
    assert!(shown(&mut app, 80, 24).contains("3/3"));
    act(&mut app, &[Action::ToggleRaw]);
    assert!(shown(&mut app, 80, 24).contains("1/3"));
    search(&mut app, "nowhere");
    assert!(shown(&mut app, 80, 24).contains("no match"));
    act(&mut app, &[Action::Back]);
    assert!(!shown(&mut app, 80, 24).contains("no match"));
}

#[test]
fn a_long_answer_can_be_searched_and_scrolled() {
    let mut app = answered();
    end(&mut app, 1, 1, |r| r.text = numbered(30_000));
    app.ui.selected = 1;
    search(&mut app, "line 12345");
    let found = shown(&mut app, 80, 12);
    assert!(found.contains("line 12345") && found.contains("1/1") && found.contains("scroll 41%"), "{found}");
    act(&mut app, &[Action::ScrollDown]);
    assert!(shown(&mut app, 80, 12).contains("line 12350"));
}

#[test]
fn raw_text_keeps_marks_and_indents_but_no_control_characters() {
    let mut app = answered();
    end(&mut app, 1, 1, |r| {
        r.text = "# A **b**\n\n    indented code that is long enough to be wrapped\u{1b}[2J\n\tx\u{202e}y".into();
    });
    app.ui.selected = 1;
    act(&mut app, &[Action::ToggleRaw]);
    let raw = text(&app, 40, 8, draw);
    let lines: Vec<_> = raw.lines().skip(1).take(6).collect();
    let expected =
        ["  # A **b**", "", "      indented code that is long enough", "      to be wrapped", "      xy", ""];
    assert_eq!(lines, expected, "{raw}");
}

#[test]
fn a_prompt_is_shown_from_its_start() {
    let mut app = running();
    act(&mut app, &[Action::SelectNext, Action::SelectNext]);
    let first = shown(&mut app, 80, 7);
    assert!(first.contains("Not sent yet.") && first.contains("─ system ─"), "{first}");
    act(&mut app, &[Action::ScrollDown]);
    assert!(shown(&mut app, 80, 7).contains("Thread(target=get"));
}

#[test]
fn small_areas() {
    let mut app = running();
    survives_small_areas(&app, draw);
    live(&mut app, 2000, stream(StreamPhase::Answering, "think", ANSWER));
    survives_small_areas(&app, draw);
    end(&mut app, 0, 1, |r| r.status = AttemptStatus::Empty);
    survives_small_areas(&app, draw);
    act(&mut app, &[Action::ToggleExchange]);
    survives_small_areas(&app, draw);
    act(&mut app, &[Action::ToggleRaw]);
    survives_small_areas(&app, draw);
    app.ui.selected = 99;
    survives_small_areas(&app, draw);
}

#[test]
fn no_control_character_reaches_the_screen() {
    const BAD: &str = "a\u{1b}]0;t\u{7}b\u{202e}c\u{9b}2Jd\u{0}e";
    let mut app = running();
    end(&mut app, 0, 1, |r| {
        r.status = AttemptStatus::StreamError;
        r.finish_reason = Some(BAD.into());
        r.error = Some(AttemptError { kind: BAD.into(), message: BAD.into() });
        r.warnings.push(BAD.into());
        r.text = format!("{BAD}\n\n```{BAD}\n{BAD}\n```\n\n[{BAD}](<{BAD}>) &#x202e;&#27;");
        r.reasoning = BAD.into();
    });
    app.ui.answer.unfolded = Some(true);
    let screen = text(&app, 60, 24, draw);
    assert_eq!(screen.matches("abcde").count(), 8, "{screen}");
    assert_eq!(crate::domain::text::sanitise(&screen), screen);
}

#[test]
fn the_selected_attempt_is_shown_even_without_its_text() {
    let mut app = running();
    end(&mut app, 0, 1, |record| record.text = "the first".into());
    for case in 1..3 {
        end(&mut app, case, 1, |_| {});
    }
    act(&mut app, &[Action::SelectFirst, Action::Rerun]);
    end(&mut app, 0, 2, |record| record.text = "the second".into());
    assert!(text(&app, 60, 8, draw).contains("the second"));
    app.ui.selected_attempt = Some(1);
    let shown = text(&app, 60, 8, draw);
    assert!(shown.contains("attempt 1 of 2") && shown.contains("the first"), "{shown}");
    let attempt = &mut app.scene.session.cases[0].attempts[0];
    attempt.record = attempt.record.take().map(|record| record.pack(&mut StringPool::default()));
    let shown = text(&app, 90, 8, draw);
    assert!(!shown.contains("the first") && shown.contains("The text was dropped"), "{shown}");
}
