use super::draw;
use crate::app::message::Msg;
use crate::domain::gpu::{GpuEvent, MemoryKind, Throttle};
use crate::domain::gpu_scope::GpuScope;
use crate::domain::server_gauges::{GaugeEvent, GaugeHistory, Meter, ServerGauges};
use crate::domain::session::Plan;
use crate::domain::time::Nanos;
use crate::ui::sample::survives_small_areas;
use crate::ui::testing::{Stage, TEN, script_of, text};
use crate::ui::theme::Theme;

fn shown(stage: &Stage, width: u16, height: u16) -> String {
    text(&stage.draw_with(width, height, Theme::ansi(), draw))
}

fn one_gpu() -> Stage {
    let mut stage = Stage::new(&TEN, Plan::default());
    stage.find_gpus(1);
    stage.connect();
    stage.start(0, 1, script_of(0));
    stage.pass(1000);
    stage
}

#[test]
fn a_silent_driver_is_shown_while_the_run_is_active() {
    let mut stage = one_gpu();
    assert!(!shown(&stage, 60, 8).contains("silent"));
    stage.now_ms += 3200;
    stage.frame();
    assert!(shown(&stage, 60, 8).contains("driver silent 3.2 s"));
    assert!(shown(&stage, 25, 5).contains("driver silent 3.2 s"));
}

#[test]
fn in_a_low_pane_trouble_comes_before_old_figures() {
    let mut stage = one_gpu();
    stage.app.scene.gpu.gpus[0].throttle = Some(Throttle::POWER_CAP);
    assert!(shown(&stage, 60, 3).contains("[power cap]"));
    stage.lose_gpu(0);
    stage.pass(500);
    for (width, height) in [(60, 2), (60, 3), (60, 4), (60, 8), (40, 2), (40, 3), (40, 4)] {
        assert!(shown(&stage, width, height).contains("GPU is lost"), "{}", shown(&stage, width, height));
    }
}

#[test]
fn without_a_gpu_the_pane_gives_the_reason_and_no_figure() {
    let mut stage = Stage::new(&TEN, Plan::default());
    assert!(shown(&stage, 40, 4).contains("Looking for a GPU"));
    stage.send(Msg::Gpu(GpuEvent::Absent("no driver here".to_owned())));
    assert!(shown(&stage, 10, 2).ends_with("none\n"), "{}", shown(&stage, 10, 2));
    let shown = shown(&stage, 40, 4);
    assert!(shown.contains("no driver here") && !shown.contains('0'), "{shown}");
}

#[test]
fn a_local_gpu_is_not_shown_for_a_remote_or_simulated_server() {
    let mut stage = one_gpu();
    let reason = "The endpoint is on another machine";
    assert!(!shown(&stage, 60, 8).contains(reason));
    stage.app.scene.target.url = "https://api.example.com/v1".to_owned();
    let remote = shown(&stage, 60, 8);
    assert!(remote.contains(reason) && remote.contains("--server-metrics"), "{remote}");
    assert!(!remote.contains("GiB") && !remote.contains("driver"), "{remote}");
    // The endpoint's own host reports its GPUs.
    stage.app.scene.gpu.gpus[0].info.host = Some("gpu-box\u{1b}[2J".to_owned());
    let hosted = shown(&stage, 60, 8);
    assert!(hosted.contains("GPU · gpu-box ") && hosted.contains("GiB") && !hosted.contains(reason), "{hosted}");
    stage.app.scene.target.url = "http://localhost:1/v1".to_owned();
    stage.app.scene.target.simulated = true;
    let simulated = shown(&stage, 60, 8);
    assert!(simulated.contains("No GPU: simulated server.") && !simulated.contains("GiB"), "{simulated}");
}

#[test]
fn a_pane_of_one_line_shows_a_complete_sentence_if_it_fits() {
    let mut stage = Stage::new(&TEN, Plan::default());
    stage.send(Msg::Gpu(GpuEvent::Absent("no driver here; no card of another maker either".to_owned())));
    let rule = |width| shown(&stage, width, 1).trim_end().trim_end_matches('─').trim_end().to_owned();
    assert_eq!(rule(70), "─ GPU · no driver here; no card of another maker either");
    assert_eq!(rule(50), "─ GPU · no driver here");
    assert_eq!(rule(20), "─ GPU · none");
}

#[test]
fn a_missing_sensor_is_a_dash() {
    let mut stage = Stage::new(&TEN, Plan::default());
    stage.find_gpus(1);
    let shown = shown(&stage, 60, 8);
    for line in ["memory", "util", "power", "temp"] {
        let line = shown.lines().find(|l| l.starts_with(line)).unwrap();
        assert!(line.contains('–') && !line.contains(" 0 "), "{line}");
    }
}

#[test]
fn notes_on_the_memory_are_shown() {
    let mut stage = one_gpu();
    assert!(!shown(&stage, 60, 8).contains("incl. reserved"));
    stage.app.scene.gpu.gpus[0].info.memory_used_includes_reserved = true;
    for width in [60, 40] {
        assert!(shown(&stage, width, 8).contains("GiB incl. reserved"), "{}", shown(&stage, width, 8));
    }
    let mut stage = one_gpu();
    let info = &mut stage.app.scene.gpu.gpus[0].info;
    (info.memory_kind, info.memory_used_is_machines) = (MemoryKind::Unified, true);
    let (wide, narrow) = (shown(&stage, 60, 8), shown(&stage, 40, 8));
    assert!(wide.contains("\nunified ") && !wide.contains("memory"), "{wide}");
    assert!(wide.contains("GiB (whole machine)") && narrow.contains("GiB (whole machine)"), "{wide}{narrow}");
    let mut stage = Stage::new(&TEN, Plan::default());
    stage.find_gpus(1);
    stage.app.scene.gpu.gpus[0].info.memory_unknown_because = Some("shared with the machine".to_owned());
    for (width, height) in [(60, 8), (60, 3), (40, 8), (25, 3)] {
        let shown = shown(&stage, width, height);
        assert!(shown.contains("shared with the machine"), "{shown}");
    }
}

#[test]
fn throttle_reasons_follow_the_clock() {
    let mut stage = one_gpu();
    let gpu = &mut stage.app.scene.gpu.gpus[0];
    gpu.sm_clock_mhz.push(Nanos::from_millis(stage.now_ms), Some(2610.4));
    assert!(shown(&stage, 60, 8).contains("2610 MHz") && !shown(&stage, 60, 8).contains('['));
    stage.app.scene.gpu.gpus[0].throttle = Some(Throttle::POWER_CAP.union(Throttle::SOFTWARE_THERMAL));
    let wide = shown(&stage, 60, 8);
    // The name drops the vendor to make room.
    assert!(wide.contains("RTX PRO 6000 B") && !wide.contains("NVIDIA"), "{wide}");
    assert!(wide.lines().nth(1).unwrap().ends_with("2610 MHz  [power cap, thermal]"), "{wide}");
}

/// Eight GPUs: two serve the endpoint, one is throttled, one is lost.
fn eight() -> Stage {
    let mut stage = Stage::new(&TEN, Plan::default());
    stage.find_gpus(8);
    stage.lose_gpu(6);
    stage.connect();
    stage.start(0, 1, script_of(0));
    stage.pass(1000);
    for gpu in &mut stage.app.scene.gpu.gpus {
        gpu.info.uuid = Some(format!("GPU-{}", gpu.info.index));
    }
    stage.app.scene.gpu.gpus[1].throttle = Some(Throttle::POWER_CAP);
    let evidence = "'vllm' listens on port 8000 and uses 2 of them".to_owned();
    let gpus = vec!["GPU-0".to_owned(), "GPU-1".to_owned()];
    stage.send(Msg::Gpu(GpuEvent::Scope(GpuScope::EndpointHost { evidence, gpus })));
    stage
}

#[test]
fn many_gpus_have_a_line_each_and_a_line_of_totals() {
    let mut stage = eight();
    insta::assert_snapshot!("eight_gpus", shown(&stage, 72, 10));
    insta::assert_snapshot!("eight_gpus_narrow", shown(&stage, 40, 6));
    // A sum over seven would be mistaken for the sum over eight.
    let total = |stage: &Stage| shown(stage, 72, 10).lines().last().unwrap().to_owned();
    assert!(total(&stage).contains('–') && !total(&stage).contains(" W"), "{}", total(&stage));
    stage.lose_gpu(99);
    stage.pass(500);
    assert!(total(&stage).starts_with("all 8") && total(&stage).contains("mean "), "{}", total(&stage));
}

#[test]
fn hidden_gpus_are_counted() {
    let mut stage = Stage::new(&TEN, Plan::default());
    stage.find_gpus(8);
    assert!(shown(&stage, 60, 5).contains("all 8, 5 not shown"));
    let all = shown(&stage, 60, 9);
    assert!(!all.contains("not shown") && !all.contains("all 8"), "{all}");
    assert!(shown(&stage, 60, 10).contains("all 8"));
}

fn gauges(stage: &mut Stage, values: &[(Meter, f64)]) {
    let mut gauges = ServerGauges::default();
    for (meter, value) in values {
        gauges.set(*meter, *value);
    }
    stage.send(Msg::Gauges(GaugeEvent::Sample(Nanos::from_millis(stage.now_ms), Box::new(gauges))));
}

#[test]
fn the_servers_gauges_or_the_reason_for_none_are_below_the_gpus() {
    let mut stage = one_gpu();
    let last = |stage: &Stage| shown(stage, 60, 9).lines().rfind(|l| !l.is_empty()).unwrap().to_owned();
    assert!(!shown(&stage, 60, 9).contains("server") && shown(&stage, 60, 9).contains("─ GPU "));
    stage.app.scene.gauges = Some(GaugeHistory::default());
    assert!(last(&stage).contains("Looking for server metrics"), "{}", last(&stage));
    assert!(shown(&stage, 60, 9).contains("─ GPU "));
    stage.send(Msg::Gauges(GaugeEvent::Absent("http://h/metrics: HTTP 404".to_owned())));
    assert_eq!(last(&stage), "server  no metrics: http://h/metrics: HTTP 404");
    let url = "http://h/metrics".to_owned();
    stage.send(Msg::Gauges(GaugeEvent::Found { kind: "vLLM".into(), url, interval_ms: 1000, warning: None }));
    gauges(
        &mut stage,
        &[(Meter::Running, 4.0), (Meter::Waiting, 2.0), (Meter::KvCache, 63.4), (Meter::Preemptions, 7.0)],
    );
    // A counter needs two samples before its growth is known.
    assert_eq!(last(&stage), "server  4 running  2 waiting  63% KV cache");
    stage.now_ms += 1000;
    gauges(
        &mut stage,
        &[(Meter::Running, 4.0), (Meter::Waiting, 0.0), (Meter::KvCache, 99.0), (Meter::Preemptions, 10.0)],
    );
    assert_eq!(last(&stage), "server  4 running  0 waiting  99% KV cache  3 preempted");
    let narrow = shown(&stage, 24, 5);
    assert!(narrow.contains("4 running  0 waiting") && !narrow.contains("server"), "{narrow}");
    stage.send(Msg::Gauges(GaugeEvent::Gap(Nanos::from_millis(stage.now_ms), "timed out".to_owned())));
    assert_eq!(last(&stage), "server  no reply: timed out");
}

#[test]
fn drafts_and_retractions_are_shown_if_the_server_reports_them() {
    let mut stage = one_gpu();
    let last = |stage: &Stage| shown(stage, 60, 9).lines().rfind(|l| !l.is_empty()).unwrap().to_owned();
    let url = "http://h/metrics".to_owned();
    stage.send(Msg::Gauges(GaugeEvent::Found { kind: "SGLang".into(), url, interval_ms: 1000, warning: None }));
    let sample = [(Meter::Running, 4.0), (Meter::Retracted, 0.0)];
    gauges(&mut stage, &[&sample[..], &[(Meter::DraftTokens, 500.0), (Meter::AcceptedTokens, 499.0)]].concat());
    assert_eq!(last(&stage), "server  4 running  0 retracted", "no draft of this run yet");
    stage.now_ms += 1000;
    let sample = [(Meter::Running, 4.0), (Meter::Retracted, 3.0)];
    gauges(&mut stage, &[&sample[..], &[(Meter::DraftTokens, 600.0), (Meter::AcceptedTokens, 571.0)]].concat());
    assert_eq!(last(&stage), "server  4 running  3 retracted  72% drafts accepted");
}

#[test]
fn a_server_without_gauges_is_named_as_such() {
    let mut stage = Stage::new(&TEN, Plan::default());
    stage.send(Msg::Gpu(GpuEvent::Absent("no driver here".to_owned())));
    let url = String::new();
    stage.send(Msg::Gauges(GaugeEvent::Found { kind: "vLLM".into(), url, interval_ms: 1000, warning: None }));
    let shown = shown(&stage, 60, 4);
    assert_eq!(shown.lines().skip(1).collect::<Vec<_>>(), ["no driver here", "server  reports no metrics", ""]);
}

#[test]
fn small_areas() {
    let mut with_gauges = eight();
    with_gauges.app.scene.gauges = Some(GaugeHistory::default());
    for stage in std::iter::once(eight()).chain([with_gauges]).chain([one_gpu()]) {
        survives_small_areas(&stage.app, draw);
    }
}

#[test]
fn gpus_of_other_machines_are_named_by_machine() {
    let mut stage = Stage::new(&TEN, Plan::default());
    stage.find_gpus(2);
    for (at, host) in ["node-7", "node-7"].into_iter().enumerate() {
        stage.app.scene.gpu.gpus[at].info.host = Some(host.to_owned());
    }
    assert!(shown(&stage, 60, 8).contains("GPU · node-7"), "{}", shown(&stage, 60, 8));
    stage.app.scene.gpu.gpus[1].info.host = Some("node-8".to_owned());
    assert!(shown(&stage, 60, 8).contains("GPU · 2 machines"));
}

#[test]
fn a_finished_run_shows_means_and_no_later_load() {
    let mut stage = crate::ui::testing::ten_cases(10);
    // The GPU is idle after the run, which must not change the means.
    stage.pass(3000);
    let of_run = |stage: &Stage| stage.app.scene.gpu.gpus[0].load.mean().map(|mean| format!("mean {mean:.0}%"));
    let wanted = of_run(&stage).unwrap();
    assert_ne!(wanted, "mean 0%");
    for (width, height) in [(60, 8), (60, 4), (40, 8), (40, 4)] {
        let shown = shown(&stage, width, height);
        assert!(shown.contains(&wanted) && !shown.contains(" 0%"), "{width}x{height}: {shown}");
    }
    let mut short = stage;
    "A100".clone_into(&mut short.app.scene.gpu.gpus[0].info.model);
    assert!(shown(&short, 60, 8).contains("means of the run"), "{}", shown(&short, 60, 8));
}

#[test]
fn server_metrics_of_a_finished_run_are_means() {
    let mut stage = crate::ui::testing::ten_cases(9);
    let url = "http://localhost:8000/metrics".to_owned();
    stage.send(Msg::Gauges(GaugeEvent::Found { kind: "vLLM".into(), url, interval_ms: 1000, warning: None }));
    for (second, running) in (0..4).zip([4.0, 8.0, 8.0, 0.0]) {
        let mut gauges = ServerGauges::default();
        gauges.set(Meter::Running, running);
        let at = Nanos::from_millis(stage.now_ms + second * 1000);
        stage.send(Msg::Gauges(GaugeEvent::Sample(at, Box::new(gauges))));
    }
    assert!(shown(&stage, 60, 10).contains("server  0 running"), "{}", shown(&stage, 60, 10));
    stage.start(9, 1, script_of(9));
    stage.finish(9);
    assert!(shown(&stage, 60, 10).contains("server  means of the run:  5.0 running"), "{}", shown(&stage, 60, 10));
}
