use std::fmt::Write as _;

use ratatui::Terminal;
use ratatui::backend::TestBackend;

use super::*;
use crate::app::message::{Action, Msg};
use crate::app::model::{App, PaneId};
use crate::app::report_view::Extent;
use crate::app::update::update;
use crate::domain::attempt::{AttemptError, AttemptId, AttemptStatus};
use crate::domain::live::StreamPhase;
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
fn a_waiting_request_shows_what_was_asked() {
    let mut app = running();
    live(&mut app, 2234, stream(StreamPhase::Waiting, "", ""));
    insta::assert_snapshot!("waiting_80x24", text(&app, 80, 24, draw));
    insta::assert_snapshot!("waiting_styles", styled(&app, Theme::ansi(), 60, 18, draw));
    act(&mut app, &[Action::SelectNext]);
    assert!(text(&app, 80, 24, draw).contains("Not asked yet."));
    act(&mut app, &[Action::TogglePauseCase]);
    assert!(text(&app, 80, 24, draw).contains("Paused. 'p' resumes it with a fresh attempt."));
}

#[test]
fn reasoning_stands_back_before_the_answer() {
    let mut app = running();
    let thinking = "The user wants the race. Look at **seen** first:\n\n1. it is shared\n2. there is no `Lock`";
    live(&mut app, 3000, stream(StreamPhase::Answering, thinking, ANSWER));
    act(&mut app, &[Action::NextPane]);
    assert_eq!(app.ui.focus, PaneId::Preview);
    insta::assert_snapshot!("reasoning_80x24", text(&app, 80, 24, draw));
    insta::assert_snapshot!("reasoning_styles", styled(&app, Theme::ansi(), 60, 22, draw));
    insta::assert_snapshot!("reasoning_styles_mono", styled(&app, Theme::mono(), 60, 22, draw));
}

#[test]
fn a_whole_answer_with_its_warnings() {
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
fn findings_and_the_server_s_own_times_stand_below_the_answer() {
    use crate::domain::diagnosis::Finding;
    use crate::domain::server_timings::{ServerTimings, TimingSource};
    let mut app = running();
    end(&mut app, 0, 1, |r| {
        r.text = "Good.".into();
        r.findings.push(Finding { key: "pauses", message: "the stream paused for 2.00 s".into() });
        let ttft_ms = r.time_to_first_token_ms().unwrap();
        let told = ServerTimings { ttft_ms: Some(ttft_ms - 1.5), ..ServerTimings::of(TimingSource::Vllm) };
        r.server_timings = Some(told);
    });
    let shown = text(&app, 100, 20, draw);
    assert!(shown.contains("! the stream paused for 2.00 s"), "{shown}");
    assert!(shown.contains("to its first token; the other 1.5 of the TTFT are network and client"), "{shown}");
}

#[test]
fn the_rule_says_cold_warm_or_unknown() {
    let said = |cached: Option<u64>, nonce: Option<&str>| {
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
    assert_eq!(said(Some(0), None).as_deref(), Some("cold"));
    assert_eq!(said(Some(80), Some("0a1b2c3d")).as_deref(), Some("warm"));
    assert_eq!(said(None, None).as_deref(), Some("cache unknown"));
    assert_eq!(said(None, Some("0a1b2c3d")).as_deref(), Some("cache unknown"));
}

#[test]
fn a_failed_attempt_says_why_and_what_to_do() {
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
fn an_old_live_view_does_not_hide_the_record() {
    let mut app = running();
    live(&mut app, 2000, stream(StreamPhase::Answering, "", "half"));
    assert!(text(&app, 60, 4, draw).contains("half"));
    end(&mut app, 0, 1, |r| r.text = "whole".into());
    assert!(text(&app, 60, 4, draw).contains("whole"));
}

#[test]
fn the_end_is_followed_unless_scrolled_up_to_the_start_at_most() {
    let mut app = running();
    live(&mut app, 2000, stream(StreamPhase::Answering, "", &numbered(100)));
    let screen = |app: &App| text(app, 40, 6, draw);
    assert!(screen(&app).contains("line 100"));
    // A paragraph is two lines, of which the last has one; five lines are shown.
    update(&mut app, Msg::Drawn { preview_limit: 199 - 5, help_limit: 0, report: Extent::default() });
    act(&mut app, &[Action::ScrollUp]);
    let up = screen(&app);
    assert!(up.contains("10 lines below") && up.contains("line 95") && !up.contains("line 96"), "{up}");
    // What comes meanwhile does not move it.
    live(&mut app, 2050, stream(StreamPhase::Answering, "", &numbered(110)));
    let grown = screen(&app);
    assert!(grown.contains("30 lines below") && grown.contains("line 95") && !grown.contains("line 96"), "{grown}");
    act(&mut app, &[Action::ScrollUp; 90]);
    let top = screen(&app);
    assert!(top.contains("line 1 ") && top.contains("214 lines below"), "{top}");
    act(&mut app, &[Action::ScrollDown]);
    assert!(screen(&app).contains("204 lines below"));
    act(&mut app, &[Action::ScrollDown; 90]);
    assert!(screen(&app).contains("line 110"));
}

#[test]
fn a_live_text_without_its_start_says_so() {
    let mut app = running();
    let end_of_text = "word ".repeat(4 * 1024).split_off(4 * 1024);
    let hint = "… the whole of it is shown once it has ended";
    for is_cut in [false, true] {
        let shown =
            crate::domain::live::InFlight { text_cut: is_cut, ..stream(StreamPhase::Answering, "", &end_of_text) };
        live(&mut app, 2000, shown);
        app.ui.preview_top = Some(0);
        assert_eq!(text(&app, 60, 6, draw).contains(hint), is_cut);
    }
}

#[test]
fn a_long_answer_is_laid_out_once() {
    let mut app = running();
    end(&mut app, 0, 1, |r| r.text = numbered(20_000));
    let cache = RenderCache::default();
    let view = View { app: &app, theme: Theme::ansi(), keymap: Keymap::standard(), cache: &cache };
    let mut terminal = Terminal::new(TestBackend::new(60, 10)).unwrap();
    let subject = Subject::of(view.scene(), 0).unwrap();
    terminal.draw(|f| draw(f, f.area(), &view)).unwrap();
    let first = Body::of(&subject, 57, &view);
    terminal.draw(|f| draw(f, f.area(), &view)).unwrap();
    assert!(std::rc::Rc::ptr_eq(&first.text, &Body::of(&subject, 57, &view).text));
    assert_eq!(cache.preview_limit(), 39_999 - 9);
}

#[test]
fn small_areas() {
    let mut app = running();
    survives_small_areas(&app, draw);
    live(&mut app, 2000, stream(StreamPhase::Answering, "think", ANSWER));
    survives_small_areas(&app, draw);
    end(&mut app, 0, 1, |r| r.status = AttemptStatus::Empty);
    survives_small_areas(&app, draw);
    app.ui.selected = 99;
    survives_small_areas(&app, draw);
}

#[test]
fn nothing_hostile_reaches_a_cell() {
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
    let screen = text(&app, 60, 24, draw);
    assert_eq!(screen.matches("abcde").count(), 8, "{screen}");
    assert_eq!(crate::domain::text::sanitise(&screen), screen);
}
