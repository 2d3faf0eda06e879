use super::*;
use crate::app::action::Action;
use crate::app::state::cases::RowId;
use crate::domain::attempt::AttemptStatus;
use crate::domain::metrics::{INPUT_RATE, INPUT_TOKENS, ITL, LATENCY, METRICS, OUTPUT_TOKENS, PREFILL, SPEED, TTFT};
use crate::domain::session::Plan;
use crate::ui::pane::cases::columns::choose;
use crate::ui::testing::{Script, Stage, script_of, ten_cases};

fn row(stage: &Stage, case: usize) -> Row<'_> {
    Row::find(&stage.app, RowId { case, attempt: None }).unwrap()
}

/// Returns what the column with this heading shows for a row, in a table with room for all columns.
fn cell(stage: &Stage, heading: &str, id: RowId) -> String {
    let table = choose(260, 20, &stage.app);
    let column = table.columns.iter().find(|c| c.heading == heading).unwrap();
    let row = Row::find(&stage.app, id).unwrap();
    let text: String = column.cell(&row, Theme::ansi()).iter().map(|s| s.content.to_string()).collect();
    assert_eq!(crate::ui::fit::width(&text), column.width, "{heading}: '{text}'");
    text.trim().to_owned()
}

fn case(stage: &Stage, heading: &str) -> String {
    cell(stage, heading, RowId { case: 0, attempt: None })
}

fn attempt(stage: &Stage, heading: &str, number: u32) -> String {
    cell(stage, heading, RowId { case: 0, attempt: Some(number) })
}

/// Attempts of one case with exactly these TTFTs: all their tokens arrive together.
fn measured_with(ttfts_ms: &[u64]) -> Stage {
    let mut stage = Stage::new(&["one"], Plan { repeat: ttfts_ms.len() as u32, ..Plan::default() });
    stage.connect();
    measure(&mut stage, ttfts_ms);
    stage
}

fn measure(stage: &mut Stage, ttfts_ms: &[u64]) {
    for ttft_ms in ttfts_ms {
        let number = stage.app.scene.session.cases[0].attempts.len() as u32;
        stage.start(0, number, Script::plain(*ttft_ms, 0, 1));
        stage.finish(0);
    }
}

#[test]
fn attempts_are_counted_and_an_unfolded_case_is_marked() {
    let mut stage = measured_with(&[100, 100]);
    assert_eq!(case(&stage, "Att."), "2× mean");
    stage.act(Action::Unfold);
    assert_eq!((case(&stage, "Att."), attempt(&stage, "Att.", 1)), ("▾2× mean".to_owned(), String::new()));
    assert_eq!(attempts(&row(&ten_cases(1), 0)), "");
}

#[test]
fn live_figures_are_marked_as_estimates() {
    let mut stage = ten_cases(0);
    stage.start(0, 1, script_of(0));
    stage.app.scene.tokens_per_event = 2.0;
    stage.pass(40);
    let figure =
        |stage: &Stage, metric| live_figure(metric, stage.app.scene.in_flight_of(0).unwrap(), &stage.app.scene);
    assert_eq!(figure(&stage, &TTFT), None);
    assert_eq!(figure(&stage, &OUTPUT_TOKENS), None);
    stage.pass(1960);
    // The first event comes after 80 ms, then one every 8 ms: about 240 events after two seconds.
    let events = stage.app.scene.in_flight_of(0).unwrap().content_events;
    assert!((238..=241).contains(&events), "{events}");
    assert_eq!(figure(&stage, &OUTPUT_TOKENS), Some(format!("~{}", events * 2)));
    assert_eq!(figure(&stage, &SPEED), Some(format!("~{events}.0")));
    assert_eq!(figure(&stage, &LATENCY), Some("2.0 s".to_owned()));
    assert_eq!(figure(&stage, &INPUT_TOKENS), None);
}

#[test]
fn warm_and_possibly_warm_ttfts_are_marked_and_cold_ones_are_not() {
    let mut stage = ten_cases(0);
    let states =
        [(Some(0), None), (Some(70), None), (None, None), (None, Some("0a1b2c3d")), (Some(70), Some("0a1b2c3d"))];
    for (case, (cached, nonce)) in states.into_iter().enumerate() {
        stage.start(case, 1, script_of(case));
        stage.pass(3000);
        stage.end(case, |record| {
            record.status = AttemptStatus::Ok;
            (record.usage.prompt_tokens, record.usage.cached_tokens) = (Some(85), cached);
            record.nonce = nonce.map(str::to_owned);
        });
    }
    let ttft = |case| cell(&stage, "TTFT", RowId { case, attempt: None });
    let marks: Vec<String> = (0..5).map(|i| ttft(i).chars().take(2).collect()).collect();
    assert_eq!((marks[1].as_str(), marks[2].as_str(), marks[4].as_str()), ("w ", "? ", "w "));
    for cold in [0, 3] {
        assert!(ttft(cold).starts_with(|c: char| c.is_ascii_digit()), "{}", ttft(cold));
    }
    let words = [0, 1, 2, 3].map(|case| cache(&row(&stage, case).record.unwrap()));
    assert_eq!(words, [Some("cold"), Some("warm"), Some("cache unknown"), None]);
}

#[test]
fn figures_from_counted_events_are_marked_as_estimates() {
    let mut stage = ten_cases(0);
    stage.start(0, 1, script_of(0));
    stage.pass(3000);
    stage.end(0, |record| record.status = AttemptStatus::Ok);
    let row = row(&stage, 0);
    for metric in METRICS {
        let text = measured(metric, row.record.as_ref().unwrap());
        let estimated = matches!(metric.unit, Unit::Tokens | Unit::TokensPerSecond) || **metric == ITL;
        let is_about_prompt = [&INPUT_TOKENS, &PREFILL, &INPUT_RATE].contains(metric);
        assert_eq!(text.starts_with('~'), estimated && !is_about_prompt, "{} {text}", metric.key);
    }
}

#[test]
fn progress_is_the_share_of_max_tokens() {
    let mut stage = ten_cases(0);
    stage.start(0, 1, Script::plain(1000, 10, 400));
    stage.pass(900);
    assert_eq!(case(&stage, "Progress"), "");
    // After a hundred events of an answer with at most 400 tokens.
    stage.pass(1095);
    assert_eq!(case(&stage, "Progress"), "━━─────  ~25%");
    stage.finish(0);
    assert_eq!(case(&stage, "Progress"), "━━━━━━━  100%");
    stage.start(1, 1, Script::plain(100, 10, 30));
    stage.pass(2000);
    stage.end(1, |record| record.status = AttemptStatus::Ok);
    assert_eq!(cell(&stage, "Progress", RowId { case: 1, attempt: None }), "╸──────  ~10%");
    assert_eq!(cell(&stage, "Progress", RowId { case: 2, attempt: None }), "");
}

#[test]
fn a_case_with_several_answers_shows_their_mean_and_spread_as_the_report_does() {
    // Standard deviation 20 ms, t = 4.3027, three values: half the interval is 4.3027 × 20 / √3 = 49.7 ms.
    let stage = measured_with(&[180, 200, 220]);
    assert_eq!((case(&stage, "Att."), case(&stage, "TTFT")), ("3× mean".to_owned(), "200 ± 50 ms".to_owned()));
    assert_eq!(attempt(&stage, "TTFT", 3), "220 ms");
    let report = crate::report::case::cases(&stage.app.scene.session);
    let spread = report[0].spread(&TTFT).unwrap();
    assert_eq!((report[0].figure(&TTFT), spread.mean_half_width.unwrap().round()), (Some(200.0), 50.0));
    // A narrow table drops the spread but keeps the mean.
    let table = choose(75, 20, &stage.app);
    let column = table.columns.iter().find(|c| c.heading == "TTFT").unwrap();
    assert_eq!(column.cell(&row(&stage, 0), Theme::ansi())[0].content.trim(), "200 ms");
}

#[test]
fn the_mean_stays_while_another_attempt_runs() {
    let mut stage = measured_with(&[180, 220]);
    stage.act(Action::Rerun);
    stage.start(0, 3, Script::plain(500, 10, 50));
    stage.pass(600);
    assert!(case(&stage, "TTFT").starts_with("200 "), "{}", case(&stage, "TTFT"));
    assert!(attempt(&stage, "TTFT", 3).starts_with("50"), "{}", attempt(&stage, "TTFT", 3));
}

#[test]
fn a_baseline_stays_while_new_attempts_end() {
    let mut stage = measured_with(&[100]);
    stage.act(Action::ToggleBaseline);
    assert_eq!(case(&stage, "TTFT Δbase"), "≈");
    for ttft_ms in [150, 200] {
        stage.act(Action::Rerun);
        measure(&mut stage, &[ttft_ms]);
    }
    assert_eq!(case(&stage, "TTFT Δbase"), "+100%");
    assert_eq!(attempt(&stage, "TTFT Δbase", 2), "+50.0%");
}

#[test]
fn a_share_has_its_sign_and_at_most_one_decimal() {
    assert_eq!(
        [0.123, -0.04, 0.99949, 0.9996, 12.0].map(|s| signed(s, false)),
        ["+12.3%", "−4.0%", "+99.9%", "+100%", "+1200%"]
    );
    assert_eq!(signed(-0.031, true), "~−3.1%");
}
