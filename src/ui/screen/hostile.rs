//! Hostile text on the whole screen, in every state: no cell contains control or bidi characters, or piled-up marks.

use std::sync::Arc;

use proptest::prelude::*;

use super::draw;
use crate::app::action::Action;
use crate::app::message::Msg;
use crate::app::pane::PaneId;
use crate::domain::attempt::{AttemptError, AttemptRecord, AttemptStatus};
use crate::domain::finding::Finding;
use crate::domain::gpu::{GpuEvent, GpuInfo};
use crate::domain::gpu_scope::GpuScope;
use crate::domain::live::{EngineFact, InFlight, LiveSnapshot, ServerInfo};
use crate::domain::sent_request::SentRequest;
use crate::domain::server_gauges::{GaugeEvent, Meter, ServerGauges};
use crate::domain::session::Plan;
use crate::domain::suite::Message;
use crate::domain::text::oracle::{hostile, is_forbidden};
use crate::domain::time::Nanos;
use crate::ui::testing::{Script, Stage};
use crate::ui::theme::Theme;

/// Number of texts that [`stage`] needs.
const TEXTS: usize = 12;
/// Maximum length of a cell's symbol, bytes. A longer one is a pile of combining marks.
const MAX_SYMBOL_BYTES: usize = 64;

/// A program in which every text from outside is one of these.
fn stage(texts: &[String]) -> Stage {
    let names: Vec<&str> = texts[..3].iter().map(String::as_str).collect();
    let mut stage = Stage::new(&names, Plan::default());
    let suite = Arc::make_mut(&mut stage.app.scene.session.suite);
    suite.name.clone_from(&texts[3]);
    for case in &mut suite.cases {
        case.model = Some(texts[4].clone());
        case.messages = vec![Message::new(&texts[5], &texts[6])];
    }
    stage.app.scene.target.url.clone_from(&texts[7]);
    stage.app.scene.target.route.proxy = Some(texts[7].clone());
    stage
}

fn connect(stage: &mut Stage, texts: &[String]) {
    let server = ServerInfo { kind: Some(texts[8].clone()), version: Some(texts[9].clone()) };
    stage.now_ms += 100;
    let now = Nanos::from_millis(stage.now_ms);
    stage.send(Msg::Engine(now, EngineFact::Discovered { models: vec![texts[4].clone()], server, list_error: None }));
    stage.app.scene.gpu.begin_run(now);
    let gpu = |index, lost: Option<&String>| GpuInfo {
        index,
        model: texts[10].clone(),
        memory_unknown_because: lost.cloned(),
        ..GpuInfo::default()
    };
    let gpus = vec![gpu(0, None), gpu(1, Some(&texts[11]))];
    // Figures of GPUs are shown only if they may serve the endpoint.
    let scope = GpuScope::EndpointHost { evidence: texts[11].clone(), gpus: Vec::new() };
    stage.send(Msg::Gpu(GpuEvent::Scope(scope)));
    stage.send(Msg::Gpu(GpuEvent::Found {
        source: texts[9].clone(),
        driver: Some(texts[9].clone()),
        gpus,
        interval_ms: 250,
    }));
    stage.send(Msg::Gpu(GpuEvent::Gap { at: now, index: 0, reason: texts[11].clone(), lost: true }));
    stage.send(Msg::Gauges(GaugeEvent::Found {
        kind: "vLLM".into(),
        url: texts[7].clone(),
        interval_ms: 1000,
        warning: None,
    }));
    let mut gauges = ServerGauges::default();
    gauges.set(Meter::Running, 1.0);
    stage.send(Msg::Gauges(GaugeEvent::Sample(now, Box::new(gauges))));
    stage.send(Msg::Gauges(GaugeEvent::Gap(now, texts[11].clone())));
}

fn ended(record: &mut AttemptRecord, texts: &[String]) {
    record.status = AttemptStatus::Ok;
    record.model.clone_from(&texts[4]);
    record.finish_reason = Some(texts[0].clone());
    record.warnings = vec![texts[1].clone()];
    record.findings = vec![Finding::new("stall", texts[2].clone())];
    record.reasoning.clone_from(&texts[3]);
    record.sent_request = Some(Arc::new(SentRequest {
        url: texts[7].as_str().into(),
        headers: Arc::new([(texts[9].clone(), Some(texts[10].clone())), (texts[11].clone(), None)]),
        request_id: texts[0].clone(),
        body: texts[6].as_str().into(),
        nonce: Some(texts[4].clone()),
    }));
    record.text = format!(
        "{}\n\n```{}\n{}\n```\n\n| a | b |\n|---|---|\n| {} | {} |\n",
        texts[5], texts[0], texts[6], texts[7], texts[8]
    );
}

/// States that together show every text.
fn states(texts: &[String]) -> Vec<Stage> {
    let mut refused = stage(texts);
    refused.send(Msg::Gpu(GpuEvent::Absent(texts[11].clone())));
    refused.send(Msg::Gauges(GaugeEvent::Absent(texts[10].clone())));
    refused.unreachable(&texts[8], false);
    let mut unreachable = stage(texts);
    unreachable.unreachable(&texts[8], true);

    let mut over = stage(texts);
    connect(&mut over, texts);
    over.start(0, 1, Script::plain(50, 10, 20));
    over.pass(300);
    over.end(0, |record| ended(record, texts));
    over.start(1, 1, Script::plain(50, 10, 20));
    over.pass(300);
    over.end(1, |record| {
        ended(record, texts);
        record.status = AttemptStatus::HttpError;
        record.error = Some(AttemptError { kind: "http".to_owned(), message: texts[9].clone() });
    });
    over.send(Msg::Exported(Nanos::from_millis(over.now_ms), Err(texts[10].clone())));
    let mut failed = stage(texts);
    connect(&mut failed, texts);
    failed.start(0, 1, Script::plain(50, 10, 20));
    failed.pass(100);
    failed.fail(0, AttemptStatus::Truncated, Some(200), &texts[9]);
    failed.send(Msg::Exported(Nanos::from_millis(failed.now_ms), Ok(texts[10].clone().into())));

    let mut live = stage(texts);
    connect(&mut live, texts);
    let now = Nanos::from_millis(live.now_ms + 500);
    let in_flight =
        InFlight { reasoning: texts[3].as_str().into(), text: texts[5].as_str().into(), ..InFlight::default() };
    let snapshot = LiveSnapshot { at: now, in_flight: vec![in_flight], ..LiveSnapshot::default() };
    live.send(Msg::Frame { now, live: Arc::new(snapshot) });
    vec![refused, unreachable, over, failed, live]
}

/// The first cell with a forbidden symbol, as an error message.
fn fault(stage: &Stage, width: u16, height: u16) -> Option<String> {
    let buffer = stage.draw_with(width, height, Theme::ansi(), |frame, _, view| draw(frame, view));
    let bad =
        |symbol: &str| symbol.len() > MAX_SYMBOL_BYTES || symbol.chars().any(|c| is_forbidden(c) || c.is_control());
    buffer.content.iter().map(ratatui::buffer::Cell::symbol).find(|s| bad(s)).map(|s| format!("{s:?} in a cell"))
}

proptest! {
    #![proptest_config(ProptestConfig::with_cases(24))]
    #[test]
    fn no_cell_contains_a_control_sequence(texts in prop::collection::vec(hostile(), TEXTS)) {
        for mut stage in states(&texts) {
            prop_assert_eq!(fault(&stage, 120, 40), None);
            prop_assert_eq!(fault(&stage, 80, 24), None);
            stage.act(Action::ToggleRaw);
            prop_assert_eq!(fault(&stage, 120, 40), None);
            stage.act(Action::ToggleExchange);
            prop_assert_eq!(fault(&stage, 120, 40), None);
            stage.act(Action::ToggleExchange);
            stage.act(Action::SelectNext);
            stage.app.ui.focus = PaneId::Preview;
            stage.act(Action::Zoom);
            prop_assert_eq!(fault(&stage, 80, 24), None);
            stage.act(Action::Back);
            for action in [Action::Help, Action::ChooseExport, Action::Palette, Action::ViewReport] {
                stage.act(action);
                stage.send(Msg::ReportRendered { text: texts.join("\n\n").into(), file: texts[10].clone() });
                prop_assert_eq!(fault(&stage, 80, 24), None);
                stage.act(Action::Back);
            }
        }
    }
}
