use std::sync::Arc;
use std::time::Duration;

use super::*;
use crate::domain::bootstrap::Design;
use crate::domain::check::{CheckKind, CheckResult, CheckSpec};
use crate::domain::metrics::Better;
use crate::domain::repeated_runs::RepeatedRuns;
use crate::domain::workload::{Workload, WorkloadSource};
use crate::report::exporters::EXPORTERS;
use crate::report::fixture::workload::conversations;
use crate::report::fixture::{answer, report, run, suite};
use crate::report::import::results::read;
use crate::report::style::Layout;

fn figure(mean: f64, half_width: Option<f64>) -> Figure {
    Figure { mean, n: 3, half_width, freedom: 2, estimated: false }
}

fn pair(a: (f64, Option<f64>), b: (f64, Option<f64>)) -> Row {
    Row::new(Some(figure(a.0, a.1)), Some(figure(b.0, b.1)))
}

#[test]
fn a_judgement_needs_a_significant_difference() {
    // With 2 degrees of freedom, a half width of 2 means a standard error of 2 / 4.3027. Welch's test then has 4
    // degrees of freedom, so a difference of 2.7764 · √2 · 2 / 4.3027 = 1.825 is significant.
    let wide = |mean| (mean, Some(2.0));
    assert_eq!(pair(wide(10.0), wide(11.82)).judge(Some(Better::Low)), Some(Judgement::NoDifferenceShown));
    assert_eq!(pair(wide(10.0), wide(11.83)).judge(Some(Better::Low)), Some(Judgement::Worse));
    assert_eq!(pair(wide(10.0), wide(11.83)).judge(Some(Better::High)), Some(Judgement::Better));
    assert_eq!(pair(wide(11.83), wide(10.0)).judge(Some(Better::Low)), Some(Judgement::Better));
    assert_eq!(pair(wide(11.83), wide(10.0)).judge(None), Some(Judgement::Differs));
    assert_eq!(pair(wide(10.0), (99.0, None)).judge(Some(Better::Low)), Some(Judgement::TooFew));
    assert_eq!(Row { a: None, ..pair(wide(1.0), wide(2.0)) }.judge(Some(Better::Low)), None);
    assert_eq!(Row { is_of_same: false, ..pair(wide(10.0), wide(99.0)) }.judge(Some(Better::Low)), None);
}

#[test]
fn the_difference_is_relative_to_the_first_run() {
    assert_eq!(pair((10.0, None), (12.5, None)).difference_percent(), Some(25.0));
    assert_eq!(pair((10.0, None), (5.0, None)).difference_percent(), Some(-50.0));
    assert_eq!(pair((0.0, None), (5.0, None)).difference_percent(), None);
}

#[test]
fn compared_figures_are_metrics_with_a_direction() {
    let directions: Vec<_> = COMPARED.iter().map(|c| (c.metric.better, c.metric.counts_output_tokens)).collect();
    let (low, high) = (Some(Better::Low), Some(Better::High));
    let expected = [
        (low, false),
        (low, true),
        (high, true),
        (None, true),
        (low, false),
        (high, false),
        (high, false),
        (high, false),
        (high, false),
    ];
    assert_eq!(directions, expected);
}

/// Returns a run with three answers per case whose latencies differ slightly.
fn side(id: &str, cases: &[&str], millis: u64) -> ComparedRun {
    let plan = crate::domain::session::Plan { repeat: 3, ..Default::default() };
    let session = run(suite(cases), plan, |id, now| Some(answer(id, now, millis + 10 * u64::from(id.number), 10, 100)));
    ComparedRun { name: id.to_owned(), ..ComparedRun::from_report(&report(session)) }
}

#[test]
fn totals_without_a_case_that_failed_in_one_run_are_not_judged() {
    let (a, mut b) = (side("ts-1", &["First", "Second"], 1000), side("ts-2", &["First", "Second"], 2000));
    b.whole.cases[1].figures = Vec::new();
    let comparison = Comparison::new(a, b);
    let warning = "'Second' was measured in only one run, so the row of all cases is not judged";
    assert!(comparison.warnings.iter().any(|w| w == warning), "{:?}", comparison.warnings);
    let rows = &comparison.blocks[0].rows;
    assert!(rows[0].is_of_same && !rows[2].is_of_same && rows[2].case.is_none());
}

#[test]
fn answers_without_a_resolved_figure_are_counted_beside_the_comparison() {
    let plan = crate::domain::session::Plan { repeat: 3, ..Default::default() };
    let session = run(suite(&["a"]), plan, |id, now| {
        let mut record = answer(id, now, 1000, 10, 100);
        let last = record.last_arrival().unwrap();
        record.arrivals.iter_mut().filter(|_| id.number == 2).for_each(|a| a.at = last);
        Some(record)
    });
    let report = report(session);
    let saved = ComparedRun::from_report(&report);
    let text = crate::report::exporters::EXPORTERS.iter().find(|e| e.id == "json").unwrap().render(&report);
    let read = crate::report::import::results::read(&text).unwrap();
    assert_eq!(saved.whole.unresolved, read.whole.unresolved);
    assert_eq!(saved.whole.total[0].map(|figure| figure.n), Some(2));
    let comparison = Comparison::new(saved, side("ts-2", &["a"], 1000));
    let warning = "A: excluded as unresolved, in 3 answers: TTFT in 1, ITL in 1";
    assert!(comparison.warnings.iter().any(|w| w == warning), "{:?}", comparison.warnings);
}

#[test]
fn two_runs_are_shown_side_by_side() {
    let mut b = side("ts-2", &["Second", "Third\u{1b}[2J"], 2000);
    b.model = Some("other | model".into());
    b.simulated = true;
    b.plan = b.plan.map(|p| Plan { concurrency: Some(4), ..p });
    let comparison = Comparison::new(side("ts-1", &["First", "Second"], 1000), b);
    let text = text(&comparison, Layout::default());
    assert!(!text.contains('\u{1b}'));
    insta::assert_snapshot!(text, @r"
    The runs measured different cases, so decode speed and TTFT cannot be judged.

    A  ts-1 (saved run) · glm-4.7-flash · 2026-02-06 21:49:41 · Complex Comprehensive
    B  ts-2 (saved run) · other | model · 2026-02-06 21:49:41 · Complex Comprehensive · SIMULATED
    !  B is SIMULATED: its figures come from the built-in simulator, not from a model
    !  the model differs: 'glm-4.7-flash' and 'other | model'
    !  the cases differ: 1 only in A, 1 only in B; the rows of all cases cover different cases
    !  the concurrency differs: 1 and 4

    Throughput, tok/s     A     B    DIFF
    whole run          98.0  49.5  -49.5%

    TTFT, ms         A        B    DIFF
    First      102 ± 2        –       –
    Second     102 ± 2  202 ± 2  +98.0%  worse
    Third            –  202 ± 2       –
    all cases  102 ± 1  202 ± 1  +98.0%

    ITL, ms              A             B    DIFF
    First      9.27 ± 0.23             –       –
    Second     9.27 ± 0.23  18.36 ± 0.23  +98.0%  worse
    Third                –  18.36 ± 0.23       –
    all cases  9.27 ± 0.10  18.36 ± 0.10  +98.0%

    Speed, tok/s           A           B    DIFF
    First         98.0 ± 2.4           –       –
    Second        98.0 ± 2.4  49.5 ± 0.6  -49.5%  worse
    Third                  –  49.5 ± 0.6       –
    all cases     98.0 ± 1.1  49.5 ± 0.3  -49.5%

    Latency, ms          A          B    DIFF
    First        1020 ± 25          –       –
    Second       1020 ± 25  2020 ± 25  +98.0%  worse
    Third                –  2020 ± 25       –
    all cases    1020 ± 11  2020 ± 11  +98.0%

    Percentiles         A      B    DIFF  95% INTERVAL
    TTFT p50, ms      102    202  +98.0%             –
    ITL p50, ms      9.27  18.36  +98.0%             –
    Latency p50, ms  1020   2020  +98.0%             –

    Figures are means; ± is half of the mean's 95% interval (Student's t within cases).
    A difference is better or worse only if its p-value is below 5%: Welch's test, or Student's in pairs of 10 or more cases.
    The p-values of several cases are corrected by Holm's method.
    Too few repeats: the interval needs 3 repeats of a case, or 2 repeats of 2 cases.
    ");
    let markdown = markdown(&comparison);
    let rows: Vec<_> = markdown.lines().filter(|l| l.starts_with("| ")).skip(2).collect();
    assert!(rows.iter().all(|row| row.replace("\\|", "").matches('|').count() == 6), "{rows:#?}");
    assert!(markdown.contains("other \\| model"), "{markdown}");
    let json: serde_json::Value = serde_json::from_str(&json(&comparison)).unwrap();
    let ttft = &json["metrics"][0];
    assert_eq!((&ttft["key"], ttft["rows"].as_array().unwrap().len()), (&"time_to_first_token_ms".into(), 4));
    assert_eq!((&ttft["rows"][0]["b"], &ttft["rows"][1]["judgement"]), (&serde_json::Value::Null, &"worse".into()));
    assert_eq!(json["b"]["simulated"], true);
}

#[test]
fn a_run_compared_with_itself_has_no_difference() {
    let side = side("ts-1", &["First"], 1000);
    let comparison = Comparison::new(side.clone(), side);
    assert_eq!(comparison.warnings, [""; 0]);
    for block in &comparison.blocks {
        for row in &block.rows {
            assert_eq!(row.difference_percent(), Some(0.0));
            assert_eq!(row.judge(block.compared.metric.better), Some(Judgement::NoDifferenceShown));
        }
    }
}

fn sweep(id: &str, concurrencies: &[usize]) -> ComparedRun {
    ComparedRun {
        name: id.to_owned(),
        ..ComparedRun::from_report(&report(crate::report::fixture::sweep_session(concurrencies)))
    }
}

#[test]
fn sweeps_are_compared_by_stage_and_unpaired_stages_have_a_warning() {
    let comparison = Comparison::new(sweep("ts-1", &[1, 4, 8]), sweep("ts-2", &[1, 2, 4]));
    let text = text(&comparison, Layout::default());
    let (head, _) = text.split_once("ITL, ms").unwrap();
    // An answer takes 2 s at concurrency 4, and 1 s at concurrency 1.
    insta::assert_snapshot!(head.trim_end(), @r"
    At concurrency 4, too few repeats to judge decode speed (+0.0%) and TTFT (+0.0%).

    A  ts-1 (saved run) · glm-4.7-flash · 2026-02-06 21:49:41 · Complex Comprehensive
    B  ts-2 (saved run) · glm-4.7-flash · 2026-02-06 21:49:41 · Complex Comprehensive
    !  not compared, because only A has answers there: concurrency 8
    !  not compared, because only B has answers there: concurrency 2

    Throughput, tok/s      A      B   DIFF
    concurrency 1      100.0  100.0  +0.0%
    concurrency 4      200.0  200.0  +0.0%

    TTFT, ms   CONC    A    B   DIFF
    a             1  100  100  +0.0%  too few repeats
    b             1  100  100  +0.0%  too few repeats
    c             1  100  100  +0.0%  too few repeats
    d             1  100  100  +0.0%  too few repeats
    all cases     1  100  100  +0.0%  too few repeats
    a             4  200  200  +0.0%  too few repeats
    b             4  200  200  +0.0%  too few repeats
    c             4  200  200  +0.0%  too few repeats
    d             4  200  200  +0.0%  too few repeats
    all cases     4  200  200  +0.0%  too few repeats
    ");
    let page = markdown(&comparison);
    assert!(
        page.contains("| Case | Concurrency | A | B |") && page.contains("| a | 4 | 200 | 200 | +0.0% |"),
        "{page}"
    );
    let json: serde_json::Value = serde_json::from_str(&json(&comparison)).unwrap();
    let rows = json["metrics"][0]["rows"].as_array().unwrap();
    let of: Vec<_> = rows.iter().map(|row| row["concurrency"].as_u64()).collect();
    assert_eq!(of, [Some(1), Some(1), Some(1), Some(1), Some(1), Some(4), Some(4), Some(4), Some(4), Some(4)]);
}

#[test]
fn chart_and_json_of_sweeps_describe_the_stage_of_the_verdict() {
    let comparison = Comparison::new(sweep("ts-1", &[1, 4, 8]), sweep("ts-2", &[1, 2, 4]));
    assert_eq!(comparison.focus, Some(4));
    let at = COMPARED.iter().position(|compared| compared.metric.key == "request_latency_ms").unwrap();
    // An answer takes 2 s at concurrency 4.
    for measured in comparison.focused() {
        assert!(measured.values[at].len() == 4 && measured.values[at].iter().all(|ms| (ms - 2000.0).abs() < 1.0));
    }
    let document: serde_json::Value = serde_json::from_str(&json(&comparison)).unwrap();
    let rows = document["throughput"].as_array().unwrap();
    let concurrencies: Vec<_> = rows.iter().map(|row| row["concurrency"].as_u64()).collect();
    assert_eq!(concurrencies, [Some(1), Some(4)]);
    for side in ["a", "b"] {
        assert_eq!(document[side]["concurrency"], 4);
        assert_eq!(document[side]["output_token_throughput"], rows[1][side]);
        let throughput = document[side]["output_token_throughput"].as_f64().unwrap();
        assert!((throughput - 200.0).abs() < 1.0, "{throughput}");
    }
    let table = throughput(&comparison).unwrap();
    assert_eq!((table.len(), table[2][0].as_str()), (3, "concurrency 4"));
    // Without a common concurrency, each run is represented by its best stage and names it.
    let apart: serde_json::Value =
        serde_json::from_str(&json(&Comparison::new(sweep("ts-1", &[1, 2]), sweep("ts-2", &[4, 8])))).unwrap();
    assert_eq!((&apart["a"]["concurrency"], &apart["b"]["concurrency"]), (&2.into(), &4.into()));
}

#[test]
fn different_load_stages_cause_a_warning() {
    let staged = |stages: &str| ComparedRun { load_stages: Some(stages.to_owned()), ..side("ts-1", &["a"], 1000) };
    let warned = |a: &str, b: &str| {
        let comparison = Comparison::new(staged(a), staged(b));
        comparison.warnings.iter().find(|warning| warning.contains("stages")).cloned()
    };
    assert_eq!(warned("1:9s,4:9s", ""), Some("the stages of the load differ: 1:9s,4:9s and none".to_owned()));
    assert_eq!(warned("1:9s", "1:9s"), None);
}

#[test]
fn a_plain_run_is_compared_with_the_stage_of_its_concurrency() {
    let plain = side("ts-1", &["a", "b", "c", "d"], 1000);
    let comparison = Comparison::new(plain.clone(), sweep("ts-2", &[1, 4]));
    assert!(comparison.is_by_stage);
    assert!(comparison.blocks[0].rows.iter().all(|row| row.concurrency == Some(1)), "{comparison:?}");
    assert_eq!(comparison.warnings, ["not compared, because only B has answers there: concurrency 4"]);
    // A run with a rate has no fixed concurrency.
    let rate = plain.plan.map(|p| Plan { rate: Some(2.0), ..p });
    let comparison = Comparison::new(ComparedRun { plan: rate, ..plain }, sweep("ts-2", &[1, 4]));
    assert!(!comparison.is_by_stage && comparison.blocks[0].rows.iter().all(|row| row.concurrency.is_none()));
    assert!(comparison.warnings.contains(
        &"B is a sweep: its figures are those of its best stage, concurrency 4; no other stage is compared".to_owned()
    ));
}

#[test]
fn sweeps_without_a_common_stage_describe_their_figures() {
    let mut pooled = sweep("ts-2", &[1, 4]);
    pooled.stages.clear();
    let warnings = |a: ComparedRun, b: ComparedRun| Comparison::new(a, b).warnings;
    assert_eq!(
        warnings(sweep("ts-1", &[1, 2]), sweep("ts-2", &[4, 8])),
        [
            "A is a sweep: its figures are those of its best stage, concurrency 2; no other stage is compared",
            "B is a sweep: its figures are those of its best stage, concurrency 4; no other stage is compared",
            "the concurrency differs: 2 and 4",
        ]
    );
    assert_eq!(
        warnings(sweep("ts-1", &[1, 4]), pooled),
        [
            "A is a sweep: its figures are those of its best stage, concurrency 4; no other stage is compared",
            "B is a sweep whose attempts do not name their stages: its figures cover all stages",
        ]
    );
}

#[test]
fn each_stage_with_warm_answers_has_a_note() {
    let mut warm = sweep("ts-1", &[1, 4]);
    warm.stages[1].measured.warm = 3;
    let note = "A: concurrency 4: the server had part of the prompt of 3 of 4 answers cached, so their TTFT is warm";
    assert_eq!(Comparison::new(warm, sweep("ts-2", &[1, 4])).warnings, [note]);
}

#[test]
fn different_data_and_settings_cause_warnings() {
    let changed = |change: fn(&mut Workload)| {
        let mut report = conversations();
        let suite = Arc::make_mut(&mut report.session.suite);
        suite.workload.iter_mut().for_each(change);
        ComparedRun::from_report(&report)
    };
    let warnings = |b: ComparedRun| Comparison::new(changed(|_| {}), b).warnings;
    let is_warned = |b: ComparedRun, what: &str| warnings(b).iter().any(|w| w == what);
    let unchanged = warnings(changed(|_| {}));
    assert!(!unchanged.iter().any(|w| w.contains("differ")), "{unchanged:?}");
    let other_length = changed(|w| w.output = None);
    assert!(is_warned(other_length, "--osl differs: 50 and not set"));
    let other_data = changed(|w| {
        if let WorkloadSource::Dataset { fingerprint, .. } = &mut w.source {
            fingerprint.crc32 = 1;
        }
    });
    let what = "the data sets differ: 12,345 bytes, CRC-32 00c0ffee and 12,345 bytes, CRC-32 00000001";
    assert!(is_warned(other_data, what));
    let of_cases = side("ts-2", &["First"], 1000);
    assert!(is_warned(of_cases, "the workload differs: dataset and named cases"));
}

#[test]
fn conversations_are_compared_by_turn() {
    let own = ComparedRun::from_report(&conversations());
    let json = EXPORTERS.iter().find(|e| e.id == "json").unwrap();
    let read = read(&json.render(&conversations())).unwrap();
    assert_eq!((&read.workload, read.whole.warm), (&own.workload, own.whole.warm));
    let comparison = Comparison::new(own, read);
    assert!(!comparison.warnings.iter().any(|w| w.contains("differ")), "{:?}", comparison.warnings);
    let ttft = &comparison.turns[0];
    let rows: Vec<_> =
        ttft.rows.iter().map(|r| (r.case.as_deref().unwrap(), r.a.unwrap().mean, r.b.unwrap().mean)).collect();
    assert_eq!(rows, [("turn 1", 100.0, 100.0), ("turn 2", 200.0, 200.0), ("turn 3", 300.0, 300.0)]);
    let shown = text(&comparison, Layout::default());
    assert!(shown.contains("By turn: ") && shown.contains("turn 3 "), "{shown}");
    assert!(markdown(&comparison).contains(", by turn\n"));
    let single = Comparison::new(side("ts-1", &["First"], 1000), side("ts-2", &["First"], 1000));
    assert!(single.turns.is_empty());
}

/// Returns a run of ten answers to one case. The first `right` answers pass the check.
fn checked_side(id: &str, millis: u64, right: u32) -> ComparedRun {
    let plan = crate::domain::session::Plan { repeat: 10, ..Default::default() };
    let session = run(suite(&["a"]), plan, |id, now| {
        let mut record = answer(id, now, millis + 10 * u64::from(id.number), 10, 100);
        let failure = (id.number > right).then(|| "no match".to_owned());
        record.checks = vec![CheckResult { kind: CheckKind::Regex, passed: failure.is_none(), message: failure }];
        Some(record)
    });
    ComparedRun { name: id.to_owned(), ..ComparedRun::from_report(&report(session)) }
}

#[test]
fn a_faster_run_with_wrong_answers_is_not_better() {
    let comparison = Comparison::new(checked_side("ts-1", 1000, 10), checked_side("ts-2", 500, 3));
    let sentence = verdict(&comparison).unwrap();
    let start = "Fewer answers of B pass their checks, 30% instead of 100% (95% interval of the difference -89 to -29 points); B decodes";
    assert!(sentence.starts_with(start) && sentence.contains("faster"), "{sentence}");
    let block = comparison.blocks.iter().find(|block| block.compared.metric.key == "pass_rate").unwrap();
    let row = &block.rows[0];
    assert_eq!(
        (row.judge(block.compared.metric.better), row.difference_points()),
        (Some(Judgement::Worse), Some(-70.0))
    );
    assert_eq!(cells(row, &block.compared), ["a", "100.0", "30.0", "-70.0 pp", "worse"]);
    let shown = text(&comparison, Layout::default());
    assert!(shown.contains("Newcombe"), "{shown}");
    let json: serde_json::Value = serde_json::from_str(&json(&comparison)).unwrap();
    let metrics = json["metrics"].as_array().unwrap();
    let row = &metrics.iter().find(|m| m["key"] == "pass_rate").unwrap()["rows"][0];
    assert_eq!((&row["difference_points"], &row["judgement"]), (&(-70.0).into(), &"worse".into()));
    assert!(row["difference_points_ci95"]["high"].as_f64().unwrap() < -28.0);
    assert!(metrics[0]["rows"][0]["difference_points"].is_null());
}

#[test]
fn pass_rates_within_chance_show_no_difference() {
    let verdict_of = |a, b| verdict(&Comparison::new(checked_side("ts-1", 1000, a), checked_side("ts-2", 1000, b)));
    assert!(verdict_of(10, 9).unwrap().starts_with("No clear difference in pass rate (100% and 90%)"));
    assert!(!verdict_of(10, 10).unwrap().contains("pass"), "nothing to say");
    let unchecked = verdict(&Comparison::new(side("ts-1", &["a"], 1000), side("ts-2", &["a"], 1000))).unwrap();
    assert!(!unchecked.contains("pass"), "{unchecked}");
    assert!(
        !text(&Comparison::new(side("1", &["a"], 9), side("2", &["a"], 9)), Layout::default()).contains("Newcombe")
    );
}

#[test]
fn different_checks_of_a_case_cause_a_warning() {
    let with = |id: &str, checks: &[(&str, u32)]| {
        let spec = |(name, tokens): &(&str, u32)| ((*name).to_owned(), vec![CheckSpec::MinTokens(*tokens)]);
        ComparedRun { checks: Some(checks.iter().map(spec).collect()), ..side(id, &["a", "b"], 1000) }
    };
    let warned = |a: &[(&str, u32)], b: &[(&str, u32)]| {
        let comparison = Comparison::new(with("ts-1", a), with("ts-2", b));
        comparison.warnings.iter().find(|warning| warning.contains("checks")).cloned()
    };
    let expected = "the checks of 1 case differ, so the pass rates measure different things";
    assert_eq!(warned(&[("a", 1), ("b", 2)], &[("a", 1), ("b", 3)]).as_deref(), Some(expected));
    assert_eq!(warned(&[("a", 1)], &[("a", 1), ("b", 3)]), None);
}

#[test]
fn more_compared_cases_require_stronger_differences() {
    // The p-value is about 2%: significant for one case, but not after correction for 20 cases.
    let row = || pair((10.0, Some(2.0)), (12.4, Some(2.0)));
    let judged = |rows: &mut Vec<Row>| {
        significance::correct(rows);
        rows[0].judge(Some(Better::Low))
    };
    assert_eq!(judged(&mut vec![row()]), Some(Judgement::Worse));
    let same = || pair((10.0, Some(2.0)), (10.0, Some(2.0)));
    let mut many: Vec<Row> = std::iter::once(row()).chain((0..19).map(|_| same())).collect();
    assert_eq!(judged(&mut many), Some(Judgement::NoDifferenceShown));
}

#[test]
fn ten_cases_without_repeats_are_compared_in_pairs() {
    let names: Vec<String> = (0..10).map(|i| format!("case {i}")).collect();
    let names: Vec<&str> = names.iter().map(String::as_str).collect();
    let side = |slower: u64| {
        let session = run(suite(&names), crate::domain::session::Plan::default(), |id, now| {
            let millis = 1000 * (1 + id.case as u64) + slower * (9 + id.case as u64 % 3);
            Some(answer(id, now, millis, 10, 100))
        });
        ComparedRun::from_report(&report(session))
    };
    let comparison = Comparison::new(side(0), side(10));
    let latency = comparison.blocks.iter().find(|block| block.compared.metric.key == "request_latency_ms").unwrap();
    let total = latency.rows.last().unwrap();
    assert!(total.test.is_some_and(|test| test.is_paired), "{total:?}");
    assert_eq!(total.judge(Some(Better::Low)), Some(Judgement::Worse));
    // A single case without repeats has no interval.
    assert_eq!(latency.rows[0].judge(Some(Better::Low)), Some(Judgement::TooFew));
    let percentile = comparison.percentiles.iter().find(|row| row.percent == 50).unwrap();
    assert!(percentile.change.is_some_and(|change| change.ci95.low > 0.0), "{percentile:?}");
    let json: serde_json::Value = serde_json::from_str(&json(&comparison)).unwrap();
    assert_eq!(json["percentiles"][0]["design"], "paired_clusters");
    let rows = json["metrics"][0]["rows"].as_array().unwrap();
    assert_eq!((&rows[10]["paired"], &rows[0]["p_value"]), (&true.into(), &serde_json::Value::Null));
    assert!(text(&comparison, Layout::default()).contains("95% INTERVAL"));
}

/// A group of runs of 20 answers each, whose TTFTs have an offset of their run.
fn group(name: &str, added_ms: &[u64]) -> ComparedRun {
    let mut asked = suite(&["a", "b"]);
    let count = u16::try_from(added_ms.len()).unwrap();
    asked.repeated_runs = Some(RepeatedRuns { count, cool_down: Duration::ZERO });
    let plan = crate::domain::session::Plan { repeat: 10, ..Default::default() };
    let session = run(asked, plan, |id, now| {
        let run_ms = added_ms[(id.number as usize - 1) / 10];
        Some(answer(id, now, 10 * (200 + run_ms + u64::from(id.number % 3)), 10, 100))
    });
    let mut side = ComparedRun::from_report(&report(session));
    name.clone_into(&mut side.name);
    side
}

#[test]
fn groups_are_compared_by_their_runs_and_not_by_their_requests() {
    // The same server, whose runs differ by up to 10%; by requests alone, B would be slower for certain.
    let (a, b) = (group("a", &[0, 20, 10]), group("b", &[20, 0, 18]));
    assert_eq!((a.whole.run_count(), a.whole.answers), (3, 60));
    let comparison = Comparison::new(a, b);
    let block = comparison.blocks.iter().find(|b| b.compared.metric.key == "time_to_first_token_ms").unwrap();
    for row in &block.rows {
        assert_eq!(row.judge(Some(Better::Low)), Some(Judgement::NoDifferenceShown), "{row:?}");
        assert_eq!(row.a.unwrap().freedom, 2);
    }
    let p50 = comparison.percentiles.iter().find(|row| row.compared.metric.key == "time_to_first_token_ms").unwrap();
    let change = p50.change.unwrap();
    assert_eq!((change.design, change.units), (Design::Runs, 3));
    assert!(change.ci95.low < 0.0 && change.ci95.high > 0.0, "{change:?}");
    assert!(super::text(&comparison, Layout::default()).contains("Repeated runs (--runs)"));
    // A difference far beyond that of the runs is found.
    let slower = Comparison::new(group("a", &[0, 20, 10]), group("b", &[120, 100, 118]));
    let block = slower.blocks.iter().find(|b| b.compared.metric.key == "time_to_first_token_ms").unwrap();
    assert!(block.rows.iter().all(|row| row.judge(Some(Better::Low)) == Some(Judgement::Worse)));
}

#[test]
fn a_group_beside_a_single_run_says_that_its_spread_between_runs_is_unknown() {
    let single = ComparedRun::from_report(&report(run(
        suite(&["a", "b"]),
        crate::domain::session::Plan::default(),
        |id, now| Some(answer(id, now, 2000, 10, 100)),
    )));
    let comparison = Comparison::new(group("a", &[0, 20, 10]), single);
    assert!(
        comparison.warnings.iter().any(|w| w.contains("A is a group of 3 runs and B a single run")),
        "{comparison:?}"
    );
}
