mod sample;

use std::sync::Arc;

use pulldown_cmark::{CodeBlockKind, Event, Options, Parser, Tag, TagEnd};

use super::super::fixture::{SAMPLE, answer, refusal, report, run, sample_session, suite};
use super::*;
use crate::domain::attempt::{AttemptId, AttemptStatus, Usage};
use crate::domain::finding::Finding;
use crate::domain::session::{Plan, Session, SessionEvent};
use crate::domain::time::Nanos;

/// Every table of a document: its rows, each with the text of its cells.
fn tables(markdown: &str) -> Vec<Vec<Vec<String>>> {
    let mut tables: Vec<Vec<Vec<String>>> = Vec::new();
    let mut cell: Option<String> = None;
    for event in Parser::new_ext(markdown, Options::ENABLE_TABLES) {
        match event {
            Event::Start(Tag::Table(_)) => tables.push(Vec::new()),
            Event::Start(Tag::TableHead | Tag::TableRow) => tables.last_mut().unwrap().push(Vec::new()),
            Event::Start(Tag::TableCell) => cell = Some(String::new()),
            Event::Text(t) if cell.is_some() => cell.as_mut().unwrap().push_str(&t),
            Event::End(TagEnd::TableCell) => {
                tables.last_mut().unwrap().last_mut().unwrap().push(cell.take().unwrap());
            }
            _ => {}
        }
    }
    tables
}

fn line_of<'a>(text: &'a str, start: &str) -> &'a str {
    text.lines().find(|l| l.starts_with(start)).unwrap_or_else(|| panic!("no line '{start}…' in:\n{text}"))
}

/// The section of a case, from its heading to the rule after it.
fn section<'a>(text: &'a str, name: &str) -> &'a str {
    let after = text.split_once(&format!("\n### {name}\n")).unwrap_or_else(|| panic!("no section '{name}'")).1;
    after.split_once("\n---\n").map_or(after, |(section, _)| section)
}

#[test]
fn the_added_columns_are_the_metrics_and_every_row_has_them() {
    let tables = tables(&render(&report(sample_session())));
    let [totals, latency, detailed] = &tables[..] else { panic!("{tables:#?}") };
    assert!(totals.iter().all(|r| r.len() == 2));
    assert_eq!(latency[0], ["Metric", "Mean", "p50", "p90", "p95", "p99", "Max", "n"]);
    assert_eq!(detailed[0][5..], ["TTFT ms", "TTFO ms", "Inter-token ms", "Decode tok/s", "Status"]);
    assert_eq!(detailed.len(), 1 + SAMPLE.len());
    // 500 tokens; the first after 436.7 ms, the other 499 evenly over 3930.3 ms.
    assert_eq!(detailed[4][5], "436.7");
    assert_eq!(detailed[4][7..], ["7.88", "127.0", "ok"]);
    let ttft = latency.iter().find(|r| r[0] == "TTFT ms").unwrap();
    // Mean of ten tenths of 58.672 s; p95 and p99 would be little but the maximum of ten.
    let cells = [1, 4, 5, 7].map(|i| ttft[i].as_str());
    assert_eq!(cells, ["586.7", "n < 20", "n < 100", "10/10"]);
    assert_eq!((ttft[6].as_str(), ttft[3] == "–"), ("755.3", false));
}

#[test]
fn a_rerun_that_goes_on_makes_no_whole_run_partial_and_says_whose_figures_these_are() {
    let mut session = sample_session();
    session.handle(SessionEvent::Rerun(3));
    session.handle(SessionEvent::Rerun(4));
    let text = render(&report(session.clone()));
    assert!(!text.contains("Partial run"), "{text}");
    let mark = line_of(&text, "> **Rerun going on**");
    assert_eq!(
        mark,
        "> **Rerun going on**: that of 'Debug Task' (attempt 2) is running, and its figures are those of attempt 1; that of \
         'Data Analysis Report' waits for its turn, and its figures are those of attempt 1."
    );
    // Once it is over nothing is to be said of it.
    for case in [3, 4] {
        let id = AttemptId { case, number: 2 };
        session.handle(SessionEvent::Ended(id, Arc::new(answer(id, Nanos::from_millis(90_000), 1000, 10, 100))));
    }
    let text = render(&report(session));
    assert!(!text.contains("Rerun going on") && !text.contains("Partial run"), "{text}");
}

#[test]
fn failed_and_missing_cases_are_marked_and_have_no_figures() {
    let session = run(suite(&["a", "b", "c", "d"]), Plan::default(), |id, now| match id.case {
        0 => Some(answer(id, now, 1000, 10, 100)),
        1 => Some(refusal(id, now, "all slots | are `busy`\n</details>")),
        2 => {
            let mut r = answer(id, now, 1000, 10, 100);
            r.status = AttemptStatus::Truncated;
            r.finish_reason = None;
            Some(r)
        }
        _ => None,
    });
    let text = render(&report(session));
    let mark = line_of(&text, "> **Partial run**");
    assert!(mark.contains("1 of 4 cases measured (1 http_error, 1 running, 1 truncated)"), "{mark}");
    assert!(mark.contains("still going on"), "{mark}");
    let rows = tables(&text).pop().unwrap();
    assert_eq!(rows[1].last().unwrap(), "ok");
    for (row, status) in [(2, "http_error"), (3, "truncated"), (4, "running")] {
        assert!(rows[row][1..9].iter().all(|c| c == "–"), "{:?}", rows[row]);
        assert_eq!(rows[row].last().unwrap(), status);
    }
    let b = section(&text, "b");
    assert!(b.contains("- **Time**: –\n- **Speed**: –\n- **TTFT**: –\n"), "{b}");
    assert!(b.contains("- **Error**: http_error (unavailable): ``all slots | are `busy` </details>``\n"), "{b}");
    assert!(b.contains("*No text came.*"), "{b}");
    let c = section(&text, "c");
    assert!(c.contains("first token after 100 ms, 100 events") && c.contains("Analyze"), "{c}");
    assert!(text.contains("**Performance Rating**: Excellent (from 1 of 4 cases)"));
}

#[test]
fn a_run_without_any_figure_has_dashes_and_no_zeros() {
    let session = run(suite(&["a"]), Plan::default(), |id, now| Some(refusal(id, now, "no")));
    let text = render(&report(session));
    for line in [
        "| Successful Tests | 0/1 |",
        "| **Avg Generation Speed** | **–** |",
        "| Total Time | – |",
        "| Total Tokens | – |",
        "- **Median**: –",
        "**Performance Rating**: N/A",
        "- Average Speed: –",
    ] {
        assert!(text.lines().any(|l| l == line), "no '{line}' in:\n{text}");
    }
    let latency = tables(&text).remove(1);
    assert!(latency[1..].iter().all(|row| row[1..].iter().all(|c| c == "–")), "{latency:?}");
}

#[test]
fn a_simulated_run_says_so_at_every_place_one_could_start_to_read() {
    let mut r = report(sample_session());
    r.simulated = true;
    let text = render(&r);
    let mut lines = text.lines();
    assert_eq!(lines.next(), Some("# glm-4.7-flash Performance Benchmark Report (SIMULATED)"));
    assert!(lines.nth(1).unwrap().starts_with("> **SIMULATED**: "));
    assert!(line_of(&text, "- **Model**: glm").contains("(simulated: no model)"));
    assert!(line_of(&text, "- **Server**").contains("SIMULATED"));
    assert!(line_of(&text, "**Performance Rating**").contains("(SIMULATED)"));
    assert!(!render(&report(sample_session())).to_lowercase().contains("simulated"));
}

#[test]
fn estimated_tokens_are_marked_wherever_they_show() {
    let session = run(suite(&["a", "b"]), Plan::default(), |id, now| {
        let mut r = answer(id, now, 1000, 10, 100);
        if id.case == 0 {
            r.usage = Usage::default();
        }
        Some(r)
    });
    let text = render(&report(session));
    let rows = tables(&text).pop().unwrap();
    assert_eq!(rows[1][..5], ["a", "1.00s", "–", "~100", "~100.0 tok/s"]);
    assert!(
        rows[1][7].starts_with('~') && rows[1][8].starts_with('~') && !rows[1][5].starts_with('~'),
        "{:?}",
        rows[1]
    );
    assert_eq!(rows[2][..5], ["b", "1.00s", "10", "100", "100.0 tok/s"]);
    assert!(section(&text, "a").contains("- **Speed**: ~100.0 tok/s\n"));
    for line in
        ["| Total Tokens | ~200 |", "| **Avg Generation Speed** | **~100.0 tok/s** |", "- **Max**: ~100.0 tok/s"]
    {
        assert!(text.lines().any(|l| l == line), "{line}");
    }
    assert!(line_of(&text, "- **Token Counts**").contains("for 1 of 2 attempts without it `~` estimated"));
    assert!(text.contains("`~`: rests on an estimated number of tokens"));
}

#[test]
fn warm_attempts_are_marked_and_their_ttft_stands_apart() {
    let session = run(suite(&["a", "b", "c"]), Plan::default(), |id, now| {
        let mut r = answer(id, now, if id.case == 2 { 1000 } else { 2000 }, 80, 100);
        r.usage.cached_tokens = Some(if id.case == 2 { 64 } else { 0 });
        Some(r)
    });
    let text = render(&report(session));
    let mut tables = tables(&text);
    let (detailed, latency) = (tables.pop().unwrap(), tables.pop().unwrap());
    let mean = |name: &str| latency.iter().find(|r| r[0] == name).map(|r| (r[1].as_str(), r[7].as_str()));
    assert_eq!(mean("TTFT ms"), Some(("166.7", "3/3")));
    assert_eq!(mean("TTFT ms, cold"), Some(("200.0", "2/3")));
    assert_eq!(mean("TTFT ms, warm"), Some(("100.0", "1/3")));
    assert_eq!(
        detailed.iter().skip(1).map(|r| r.last().unwrap().as_str()).collect::<Vec<_>>(),
        ["ok", "ok", "ok, warm"]
    );
    assert!(section(&text, "c").contains("- **Prefix Cache**: warm, 64 of 80 prompt tokens\n"));
    assert!(text.contains("in 1 of 3 attempts"));
    assert!(text.contains("- **Prefix Cache**: 2 cold, 1 warm; each prompt made unique\n"));
}

#[test]
fn what_the_server_does_not_tell_of_its_cache_is_unknown_and_doubted_only_where_prompts_repeat() {
    let with = |warm: bool| {
        let plan = Plan { warm, ..Plan::default() };
        let session = run(suite(&["a"]), plan, |id, now| {
            let mut r = answer(id, now, 1000, 80, 100);
            r.nonce = r.nonce.filter(|_| !warm);
            Some(r)
        });
        render(&report(session))
    };
    let (unique, warm) = (with(false), with(true));
    assert!(section(&unique, "a").contains("- **Prefix Cache**: unknown, prompt made unique\n"));
    assert!(section(&warm, "a").contains("- **Prefix Cache**: unknown\n"));
    assert!(unique.contains("- **Prefix Cache**: 1 unknown; each prompt made unique\n"));
    assert!(warm.contains("- **Prefix Cache**: 1 unknown; prompts sent as they are (`--warm`)\n"));
    let doubt = "their TTFT may be a warm one";
    assert!(!unique.contains(doubt) && warm.contains(doubt));
    assert!(unique.contains("It makes each prompt some seven tokens longer") && !warm.contains("seven tokens"));
}

#[test]
fn tokens_of_a_tokenizer_are_said_to_be_its_own_and_are_no_estimate() {
    let session = run(suite(&["a", "b", "c", "d"]), Plan::default(), |id, now| {
        let mut r = answer(id, now, 1000, 10, 100);
        if id.case > 0 {
            r.usage = Usage::default();
        }
        r.counted_tokens = (id.case == 2 || id.case == 3).then_some(90);
        Some(r)
    });
    let text = render(&report(session));
    let told = "the server's `usage`; for 2 of 4 attempts without it counted with the tokenizer given; for 1 of 4 attempts \
                without it `~` estimated from the events";
    assert_eq!(line_of(&text, "- **Token Counts**"), format!("- **Token Counts**: {told}"));
    let rows = tables(&text).pop().unwrap();
    assert_eq!([&rows[1][3], &rows[2][3], &rows[3][3]], ["100", "~100", "90"]);
    let session = run(suite(&["a"]), Plan::default(), |id, now| {
        let mut r = answer(id, now, 1000, 10, 100);
        (r.usage, r.counted_tokens) = (Usage::default(), Some(90));
        Some(r)
    });
    assert!(render(&report(session)).contains("**: counted with the tokenizer given: the server told no `usage`\n"));
}

#[test]
fn a_case_with_repeats_shows_the_mean_and_counts_its_attempts() {
    let plan = Plan { repeat: 2, concurrency: 3, warmup: 1, ..Plan::default() };
    let session = run(suite(&["a", "b"]), plan, |id, now| match (id.case, id.number) {
        (1, 2) => Some(refusal(id, now, "busy")),
        (_, number) => Some(answer(id, now, if number == 2 { 1000 } else { 2000 }, 10, 100)),
    });
    let text = render(&report(session));
    assert!(text.contains("- **Concurrency**: 3\n- **Repeat**: 2\n- **Warm-up**: 1 attempt\n"), "{text}");
    assert_eq!(
        line_of(&text, "> **Partial"),
        "> **Partial run**: 2 of 2 cases measured, 3 of 4 attempts; 1 attempt failed."
    );
    let rows = tables(&text).pop().unwrap();
    // Case a: attempt 1 is the warm-up, 2 and 3 took 1 s and 2 s.
    assert_eq!(rows[1][..5], ["a", "1.50s", "10", "100", "75.0 tok/s"]);
    assert_eq!(rows[1][9..], ["2/2", "ok"]);
    assert_eq!(rows[2][9..], ["1/2", "ok, 1 failed"]);
    // 1 and 2 s: s = √½, t = 12.7062.
    assert!(section(&text, "a").contains("- **Time**: 1.50 ± 6.35 s (mean of 2)\n"), "{text}");
    assert!(section(&text, "b").contains("- **Time**: 2.00s (1 of 2 attempts)\n"));
    let tables = tables(&text);
    let time = tables[1].iter().find(|r| r[0] == "Time ms").unwrap();
    // Of the three, only case a has a repeat: s as above, over √3.
    assert_eq!((time[1].as_str(), time[7].as_str()), ("1666.7 ± 5187.3", "3/4"));
    assert!(section(&text, "b").contains("- **Error (attempt 2)**: "));
    assert!(text.contains("| Measured Attempts | 3 |\n| Failed Attempts | 1 (1 unavailable) |"));
}

#[test]
fn a_failed_rerun_is_told_though_the_good_attempt_counts() {
    let mut session = sample_session();
    session.handle(SessionEvent::Rerun(3));
    let id = AttemptId { case: 3, number: 2 };
    session.handle(SessionEvent::Ended(id, std::sync::Arc::new(refusal(id, Nanos::default(), "gone"))));
    let text = render(&report(session));
    assert!(line_of(&text, "> **Failed attempts**").contains("1 attempt failed"));
    assert!(line_of(&text, "| Debug Task ").starts_with("| Debug Task | 4.37s | 142 | 500 | **114.5** tok/s |"));
    assert!(line_of(&text, "| Debug Task ").ends_with("| 1/2 | ok, 1 failed |"));
}

#[test]
fn failures_are_told_by_their_kind() {
    let kinds = ["rate_limited", "unavailable", "http", "rate_limited"];
    let plan = Plan { repeat: 5, ..Plan::default() };
    let session = run(suite(&["a"]), plan, |id, now| {
        let Some(kind) = kinds.get(id.number as usize - 1) else { return Some(answer(id, now, 1000, 10, 20)) };
        let mut r = refusal(id, now, "no");
        r.error.as_mut().unwrap().kind = (*kind).into();
        Some(r)
    });
    let text = render(&report(session));
    assert!(text.contains("| Failed Attempts | 4 (1 http, 2 rate_limited, 1 unavailable) |"), "{text}");
}

#[test]
fn another_api_than_the_usual_is_named() {
    let mut report = report(sample_session());
    assert!(!render(&report).contains("- **API**:"));
    (report.api, report.url) = ("messages", "http://h/v1/messages".into());
    assert!(render(&report).contains("- **API URL**: http://h/v1/messages\n- **API**: messages\n"));
}

#[test]
fn hostile_text_stays_where_it_is_put() {
    let bad = "x|y\n# z `` [a](javascript:alert(1)) <b></details>\u{1b}]0;t\u{7}\u{202e}*e*";
    let fence = "```\n````\n</details>\n\n# Heading\n| a | b |\n|---|---|\n[x](javascript:alert(1))\u{1b}[2J\n~~~\n";
    let mut suite = suite(&["plain", bad]);
    suite.name = bad.into();
    suite.cases[1].model = Some(bad.into());
    let session = run(suite, Plan::default(), |id, now| {
        let mut r = answer(id, now, 1000, 10, 100);
        (r.reasoning, r.text) = (String::new(), fence.into());
        r.finish_reason = Some(bad.into());
        r.warnings = vec![bad.into()];
        Some(if id.case == 0 { r } else { refusal(id, now, bad) })
    });
    let mut r = report(session);
    (r.model, r.run_id, r.environment.hostname) = (bad.into(), bad.into(), bad.into());
    (r.server.kind, r.gpu) = (Some(bad.into()), Err(bad.into()));
    let text = render(&r);
    assert_eq!(crate::domain::text::sanitise(&text), text);
    let (mut blocks, mut in_block, mut headings) = (Vec::new(), false, 0);
    for event in Parser::new_ext(&text, Options::all()) {
        match event {
            Event::Start(Tag::CodeBlock(kind)) => {
                assert_eq!(kind, CodeBlockKind::Fenced("".into()));
                in_block = true;
                blocks.push(String::new());
            }
            Event::End(TagEnd::CodeBlock) => in_block = false,
            Event::Text(t) if in_block => blocks.last_mut().unwrap().push_str(&t),
            Event::Start(Tag::Heading { .. }) => headings += 1,
            Event::Html(_)
            | Event::InlineHtml(_)
            | Event::Start(Tag::Link { .. } | Tag::Image { .. } | Tag::Emphasis) => {
                // The only emphasis of our own.
                let own = matches!(event, Event::Start(Tag::Emphasis)) && text.contains("*No text came.*");
                assert!(own, "{event:?} came through in:\n{text}");
            }
            _ => {}
        }
    }
    assert_eq!(blocks, [crate::domain::text::sanitise(fence)]);
    // Title, seven sections, two below the summary, two cases.
    assert_eq!(headings, 12);
    let tables = tables(&text);
    assert_eq!(tables.len(), 3);
    assert!(tables.iter().all(|t| t.iter().all(|row| row.len() == t[0].len())));
    assert_eq!(tables[2][2][0], "x|y # z `` [a](javascript:alert(1)) <b></details>*e*");
}

#[test]
fn a_plain_run_says_nothing_of_load() {
    let text = render(&report(sample_session()));
    assert!(!text.contains("## Load") && !text.contains("Thresholds") && !text.contains("Sweep"));
}

#[test]
fn thresholds_are_told_with_what_was_measured() {
    let mut loaded = suite(&["a", "b"]);
    loaded.slos = ["ttft_p95<150ms", "latency_max<=1s", "error_rate<1%"].map(|slo| slo.parse().unwrap()).to_vec();
    let plan = Plan { concurrency: 2, ..Plan::default() };
    let session = run(loaded, plan, |id, now| match id.case {
        0 => Some(answer(id, now, 1000, 10, 20)),
        _ => Some(refusal(id, now, "busy")),
    });
    let text = render(&report(session));
    insta::assert_snapshot!(load_section(&text), @r"
    ## Load

    - **Loop**: closed, 2 requests in flight
    - **Measured Requests**: 2, of them 1 ok
    - **Failed**: 1 unavailable

    ### Thresholds

    | Threshold | Measured | n | Kept |
    |-----------|----------|---|------|
    | `ttft_p95<150ms` | 100 ms (max; too few for p95) | 1/2 | ✓ |
    | `latency_max<=1s` | 1000 ms | 1/2 | ✓ |
    | `error_rate<1%` | 50.00 % | 2/2 | ✗ missed |

    Goodput: 1 of 2 requests (50.0 %) kept every threshold, 0.962 req/s. Each request's own figure is compared, whatever the statistic; a failed request keeps none (as AIPerf counts goodput, after DistServe).
    ");
}

#[test]
fn verdicts_over_warm_and_cold_answers_say_so() {
    let mut loaded = suite(&["a"]);
    loaded.slos = ["ttft_p50<150ms", "latency_p50<9s"].map(|slo| slo.parse().unwrap()).to_vec();
    let plan = Plan { concurrency: 2, repeat: 3, ..Plan::default() };
    let session = run(loaded, plan, |id, now| {
        let mut r = answer(id, now, 1000, 80, 20);
        r.usage.cached_tokens = Some(if id.number == 3 { 70 } else { 0 });
        Some(r)
    });
    let text = render(&report(session));
    assert!(text.contains("| `ttft_p50<150ms` | 100 ms | 3/3 (1 of 3 warm) | ✓ |"), "{text}");
    assert!(text.contains("| `latency_p50<9s` | 1000 ms | 3/3 | ✓ |"), "{text}");
}

#[test]
fn a_stage_with_warm_answers_says_so() {
    let mut session = crate::report::fixture::sweep_session(&[1, 2, 4]);
    let first = &mut session.cases[0].attempts[0];
    let mut warm = std::sync::Arc::unwrap_or_clone(first.record().unwrap());
    warm.usage.cached_tokens = Some(10);
    first.record = Some(warm.into());
    let text = render(&report(session));
    assert!(text.contains("| TTFT of |\n") && text.contains("| 1 of 4 warm |\n"), "{text}");
    assert_eq!(text.matches("| cold prompts |").count(), 2);
}

#[test]
fn a_rate_without_a_limit_says_so_and_is_calibrated_for_what_was_in_flight() {
    use crate::domain::calibration::{Calibration, ErrorSpread, Level};
    use crate::domain::open_loop::{OpenLoop, Process};
    let open_loop = Some(OpenLoop { rate_per_s: 2.0, process: Process::Constant, seed: 0 });
    let plan = Plan { concurrency: crate::domain::session::NO_LIMIT, open_loop, ..Plan::default() };
    let mut report = report(run(suite(&["a", "b"]), plan, |id, now| Some(answer(id, now, 1000, 10, 20))));
    let errors = ErrorSpread { n: 1, mean: 0.1, median: 0.1, p99: None, worst: 0.1 };
    let level = |streams| Level {
        streams,
        dashboard: false,
        answers: 1,
        unmatched: 0,
        events: 20,
        ttft_error_ms: errors,
        inter_token_error_ms: errors,
        total_error_ms: errors,
        truth_width_ms: 0.01,
        engine_cpu_share: None,
        main_cpu_share: None,
        resident_mib: None,
    };
    report.calibration = Some(Calibration {
        version: "0.1.0".into(),
        build: "release".into(),
        date: "2026-02-06T20:00:00Z".into(),
        machine: crate::domain::calibration::Machine::default(),
        levels: [1, 16, 1024].map(level).to_vec(),
        peak: None,
    });
    let text = render(&report);
    assert!(text.contains("- **Concurrency**: no limit; 1 in flight at most\n"), "{text}");
    assert!(text.contains("seed 0; any number in flight. Times count"), "{text}");
    assert!(line_of(&text, "- **Calibration**").contains("with this version, 1 stream:"), "{text}");
}

#[test]
fn a_sweep_is_a_table_and_a_curve() {
    let text = render(&report(crate::report::fixture::sweep_session(&[1, 2, 4])));
    insta::assert_snapshot!(load_section(&text), @r"
    ## Load

    - **Loop**: closed, 1, 2, 4 requests in flight in turn
    - **Stage**: all sections but the sweep show its last stage, 4 at once: each case's last attempts
    - **Measured Requests**: 4, of them 4 ok

    ### Sweep

    | Concurrency | n | tok/s | TTFT p50 ms | tok/s per user | req/s | TTFT p95 ms | ITL p50 ms | Latency p50 ms |
    |-------------|---|-------|-------------|----------------|-------|-------------|------------|----------------|
    | 1 | 4/4 | 100.0 | 100.0 | 110.0 | 1.00 | n<20 | 9.09 | 1000 |
    | 2 ◆ | 4/4 | 200.0 | 100.0 | 110.0 | 2.00 | n<20 | 9.09 | 1000 |
    | 4 | 4/4 | 200.0 | 200.0 | 55.0 | 2.00 | n<20 | 18.18 | 2000 |

    *n*: whole answers of all measured requests; percentiles stand on the whole ones. p95 is shown from 20 on.

    ```
    200 │                                ◆ 2                             ● 4
        │
        │
        │
        │                                ● 1
        │
        │
        │
        │
        │
      0 └──────────────────────────────────────────────────────────────────────
        tok/s over median latency, from 0                               2000 ms
    ```

    ◆ The knee is at 2 at once: the point of this curve that lies farthest above the straight line from its first stage to the one with the highest throughput, both axes scaled to 0 to 1 (Kneedle, without smoothing). Beyond a knee more load buys mostly waiting.
    ");
}

#[test]
fn a_sweep_that_the_server_bears_has_no_knee_and_tells_what_kept_the_thresholds() {
    // With up to two at once a request takes a second, with three two.
    let mut session = crate::report::fixture::sweep_session(&[1, 2, 3]);
    std::sync::Arc::make_mut(&mut session.suite).slos = vec!["latency_p50<1500ms".parse().unwrap()];
    let text = render(&report(session));
    assert!(text.contains("\nThresholds: met up to concurrency 2.\n"), "{text}");
    assert!(text.contains("### Thresholds of the Last Stage\n"));
    let borne = render(&report(crate::report::fixture::sweep_session(&[1, 2, 2])));
    assert!(borne.contains("No knee up to 2 at once") && !borne.contains('◆'), "{borne}");
}

#[test]
fn a_sweep_names_the_requests_that_failed_in_any_stage() {
    let mut session = Session::new(std::sync::Arc::new(suite(&["a"])), Plan::default()).with_sweep(vec![1, 2, 4]);
    session.handle(SessionEvent::Begin(Nanos(0)));
    for number in 1..=2 {
        let (id, now) = (AttemptId { case: 0, number }, Nanos::from_millis(u64::from(number) * 1000));
        let record = if number == 1 { refusal(id, now, "busy") } else { answer(id, now, 500, 10, 100) };
        session.handle(SessionEvent::Ended(id, std::sync::Arc::new(record)));
    }
    session.handle(SessionEvent::Abort);
    let id = AttemptId { case: 0, number: 3 };
    let mut gone = refusal(id, Nanos::from_millis(3000), "");
    gone.status = AttemptStatus::Cancelled;
    session.handle(SessionEvent::Ended(id, std::sync::Arc::new(gone)));
    let text = render(&report(session));
    assert_eq!(
        line_of(&text, "> **Partial"),
        "> **Partial run**: 0 of 1 case measured (1 cancelled); of the sweep's requests failed 1 of 1 at 1 at once."
    );
}

fn load_section(text: &str) -> &str {
    let at = text.find("## Load\n").expect("a section about the load");
    let section = text.split_at(at).1;
    section.split_once("\n## Test Details").map_or(section, |(section, _)| section)
}

#[test]
fn findings_of_a_kind_are_told_a_dozen_times_and_then_counted() {
    let plan = Plan { repeat: 30, ..Plan::default() };
    let session = run(suite(&["a"]), plan, |id, now| {
        let mut record = answer(id, now, 1000, 10, 100);
        record.findings.push(Finding::new("pauses", format!("stalled {} ms", 1000 + id.number)));
        record.findings.push(Finding::new("usage_missing", "no usage"));
        Some(record)
    });
    let text = render(&report(session));
    let a = section(&text, "a");
    assert!(a.contains("- **Finding (attempt 12)**: stalled 1012 ms\n") && !a.contains("Finding (attempt 13)"), "{a}");
    assert!(a.contains("- **Finding (attempts 13 to 30)**: 18 more, like: stalled 1013 ms\n"), "{a}");
    assert!(a.contains("- **Finding (attempts 1 to 30)**: no usage\n"), "{a}");
}

#[test]
fn what_was_found_is_counted_once_and_said_with_its_case() {
    use crate::domain::diagnosis::{Finding, WARM_PREFIX};
    use crate::domain::server_timings::{ServerTimings, TimingSource};
    let finding = |key, message: &str| Finding::new(key, message);
    let plan = Plan { repeat: 2, ..Plan::default() };
    let session = run(suite(&["a", "b"]), plan, |id, now| {
        let mut r = answer(id, now, 1000, 10, 100);
        if id.case == 0 {
            r.findings.push(finding("usage_missing", "no usage"));
            r.findings.push(finding("pauses", &format!("paused <b> {}", id.number)));
            r.findings.push(finding(WARM_PREFIX, "said elsewhere"));
            r.server_timings =
                Some(ServerTimings { prompt_ms: Some(60.0), ..ServerTimings::from_source(TimingSource::LlamaCpp) });
        }
        Some(r)
    });
    let text = render(&report(session));
    assert!(text.contains("| Findings | 3 kinds, see below |"), "{text}");
    assert!(
        text.contains(
            "### Findings\n\n- stalls in the stream: 2 of 4 attempts\n- no usage reported: 2 of 4 attempts\n"
        ),
        "{text}"
    );
    let a = section(&text, "a");
    assert!(a.contains("- **Finding (attempts 1, 2)**: no usage\n"), "{a}");
    assert!(a.contains("- **Finding (attempt 1)**: paused") && a.contains("- **Finding (attempt 2)**: paused"), "{a}");
    assert!(!a.contains("said elsewhere") && !a.contains("<b>"), "{a}");
    // The first token came after 100 ms.
    assert!(
        a.contains("- **Server's Clock (attempt 2)**: llama.cpp spent 60.0 ms on the prompt; the other 40.0 ms of"),
        "{a}"
    );
    assert!(!section(&text, "b").contains("Finding"));
    assert!(render(&report(sample_session())).contains("| Findings | none in 10 attempts |"));
}

#[test]
fn what_the_client_had_to_do_is_told_or_why_not() {
    let mut r = report(sample_session());
    let line = "- **Client Load**: its cores were busy to 12 % on average, 31 % at most; of its memory at most 41000 MiB of \
                128000 MiB were in use. tokscope itself took 3.2 % on average, 9.0 % at most of one core, and 21 MiB";
    assert!(render(&r).lines().any(|l| l == line), "{}", render(&r));
    r.host = Err("it is not kept with a run".into());
    assert!(render(&r).contains("- **Client Load**: not known (it is not kept with a run)"));
}
