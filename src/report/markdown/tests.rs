mod sample;

use std::sync::Arc;

use pulldown_cmark::{CodeBlockKind, Event, Options, Parser, Tag, TagEnd};

use super::super::fixture::{SAMPLE, answer, refusal, report, run, sample_session, suite, workload};
use super::*;
use crate::domain::attempt::{AttemptId, AttemptStatus, Usage};
use crate::domain::check::{CheckKind, CheckResult};
use crate::domain::finding::Finding;
use crate::domain::session::{Plan, Session, SessionInput};
use crate::domain::time::Nanos;

/// Returns all tables of a document as rows of cell texts.
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

/// Returns the section under a heading, up to the next heading or collapsed part.
fn section<'a>(text: &'a str, name: &str) -> &'a str {
    let heading = |level: &str| text.split_once(&format!("\n{level} {name}\n"));
    let after = heading("###").or_else(|| heading("##")).unwrap_or_else(|| panic!("no section '{name}' in:\n{text}")).1;
    let ends = ["\n## ", "\n### ", "\n<details>\n", "\n</details>\n"];
    after.split_at(ends.iter().filter_map(|end| after.find(end)).min().unwrap_or(after.len())).0
}

/// Returns the table of a section as rows of cell texts.
fn table(text: &str, name: &str) -> Vec<Vec<String>> {
    tables(section(text, name)).into_iter().next().unwrap_or_else(|| panic!("no table in '{name}' of:\n{text}"))
}

#[test]
fn every_case_has_a_row_with_a_column_for_each_metric() {
    let text = render(&report(sample_session()));
    let detailed = table(&text, "Detailed Results");
    assert_eq!(
        detailed[0],
        [
            "Test Case",
            "Time (s)",
            "Prompt (tokens)",
            "Completion (tokens)",
            "Speed (tok/s)",
            "TTFT (ms)",
            "TTFO (ms)",
            "ITL (ms)",
            "Decode (tok/s)"
        ]
    );
    assert_eq!(detailed.len(), 1 + SAMPLE.len());
    // 500 tokens: the first after 436.7 ms, the other 499 evenly over 3930.3 ms.
    assert_eq!(detailed[4][..6], ["Debug Task", "4.37", "142", "500", "114.5", "436.7"]);
    assert_eq!(detailed[4][7..], ["7.88", "127.0"]);
}

#[test]
fn percentiles_with_too_few_requests_are_dashes_with_one_footnote() {
    let text = render(&report(sample_session()));
    let latency = table(&text, "Latency Statistics");
    // Ten requests are too few for p95 and p99, so these columns are missing.
    assert_eq!(latency[0], ["Metric", "Mean", "p50", "p90", "Max", "n"]);
    let ttft = latency.iter().find(|row| row[0] == "TTFT (ms)").unwrap();
    // The mean TTFT is a tenth of the mean latency: 58.672 s / 10 / 10.
    assert_eq!([&ttft[1], &ttft[4], &ttft[5]], ["586.7", "755.3", "10/10"]);
    assert_eq!(
        text.matches("Percentiles without enough requests are omitted: p95 needs 20, p99 needs 100.").count(),
        1
    );
    let few = run(suite(&["a"]), Plan::default(), |id, now| Some(answer(id, now, 1000, 10, 100)));
    for text in [text, render(&report(few)), render(&report(crate::report::fixture::sweep_session(&[1, 2])))] {
        let cells = tables(&text).into_iter().flatten().flatten();
        let cryptic: Vec<String> = cells.filter(|cell| cell.replace(' ', "").contains("n<")).collect();
        assert_eq!(cryptic, [""; 0], "{text}");
    }
}

#[test]
fn numbers_are_aligned_to_the_right_and_headings_name_their_units() {
    for session in [sample_session(), crate::report::fixture::sweep_session(&[1, 2, 4])] {
        let text = render(&report(session));
        for event in Parser::new_ext(&text, Options::ENABLE_TABLES) {
            let Event::Start(Tag::Table(alignments)) = event else { continue };
            assert!(
                alignments.iter().skip(1).all(|a| *a == pulldown_cmark::Alignment::Right),
                "{alignments:?}\n{text}"
            );
        }
        let body =
            tables(&text).into_iter().filter(|t| t[0] != ["Metric", "Value"]).flat_map(|t| t.into_iter().skip(1));
        let with_unit: Vec<String> = body.flat_map(|row| row.into_iter().skip(1)).filter(|c| c.contains(' ')).collect();
        assert_eq!(with_unit, [""; 0], "{text}");
    }
}

#[test]
fn sections_come_in_the_order_that_readers_need() {
    let mut session = crate::report::fixture::sweep_session(&[1, 2, 4]);
    std::sync::Arc::make_mut(&mut session.suite).slos = vec!["ttft_p50<150ms".parse().unwrap()];
    let text = render(&report(session));
    let headings: Vec<&str> = text.lines().filter(|l| l.starts_with('#') && !l.starts_with("### GPU")).collect();
    assert_eq!(
        headings,
        [
            "# glm-4.7-flash Performance Benchmark Report",
            "## Conclusion",
            "## Detailed Results",
            "## Load",
            "### Sweep",
            "### SLOs",
            "## Test Results Summary",
            "### Speed Statistics",
            "### Latency Statistics",
            "## Test Information",
            "## GPU Information",
            "## Test Details",
            "### a",
            "### b",
            "### c",
            "### d",
            "## How the Numbers Were Taken",
        ]
    );
    // The chart precedes the first table.
    assert!(text.find("Throughput, tok/s").unwrap() < text.find("\n| ").unwrap(), "{text}");
}

#[test]
fn previews_and_method_are_collapsed() {
    let text = render(&report(sample_session()));
    let folded: Vec<&str> =
        text.split("<details>\n").skip(1).map(|part| part.split_once("\n</details>\n").unwrap().0).collect();
    assert_eq!(folded.len(), 2);
    assert!(folded[0].starts_with("<summary>Previews and notes of 10 cases</summary>\n\n### Full Backend System\n"));
    assert!(folded[1].contains("- **Clock**: ") && folded[1].contains("- **Observer**: "));
    assert_eq!(text.matches("**Response Preview:**").count(), folded[0].matches("**Response Preview:**").count());
}

#[test]
fn the_verdict_has_a_line_each_for_rating_times_and_bottleneck() {
    let mut r = report(sample_session());
    r.gpu = Err("no driver".into());
    let text = render(&r);
    let lines: Vec<&str> = section(&text, "Conclusion").lines().filter(|l| l.starts_with("- ")).collect();
    assert_eq!(
        lines[..2],
        [
            "- **Performance Rating**: Excellent · Average Speed: 112.9 tok/s (Excellent from 100, Good from 50, Fair from 20 \
             tok/s)",
            // The two middle TTFTs are 524.3 and 610.3 ms, and 6,600 tokens took 58.672 s.
            "- **TTFT**: p50 567.3 ms, max 755.3 ms · **Throughput**: 112.5 tok/s, 0.17 req/s, one request at a time"
        ]
    );
    assert!(lines[2].starts_with("- **Decode-bound**: 90% of the median request"), "{}", lines[2]);
    assert_eq!(lines.len(), 3);
}

#[test]
fn totals_of_a_sweep_cover_all_stages_and_figures_of_one_stage_name_it() {
    let text = render(&report(crate::report::fixture::sweep_session(&[1, 2, 4])));
    // Four cases of 100 tokens in each of three stages take four times 1 s, 1 s and 2 s.
    let totals = table(&text, "Test Results Summary");
    let value = |name: &str| totals.iter().find(|r| r[0] == name).map(|r| r[1].as_str());
    assert_eq!(value("Total Tokens"), Some("1,200"));
    assert_eq!(value("Total Time"), Some("16.00 s"));
    assert_eq!(value("Successful Requests"), Some("12/12"));
    assert_eq!(value("Avg Generation Speed"), Some("100.0 tok/s at concurrency 2"));
    assert!(
        line_of(&text, "- **Performance Rating**").contains("Excellent at concurrency 2 · Average Speed: 100.0 tok/s")
    );
    // In the best stage each case has one attempt, so nothing is averaged.
    assert!(!section(&text, "Detailed Results").contains("Attempts"), "{text}");
    for name in ["Detailed Results", "Speed Statistics", "Latency Statistics"] {
        assert!(section(&text, name).contains("Concurrency 2, the best stage of the sweep."), "{name} in:\n{text}");
    }
}

#[test]
fn the_report_shows_the_command_line() {
    let mut r = report(sample_session());
    r.command_line = Some("tokscope 'http://REDACTED@h/v1' --headless".into());
    assert!(
        section(&render(&r), "Test Information").contains("```\ntokscope 'http://REDACTED@h/v1' --headless\n```\n")
    );
    r.command_line = None;
    assert!(!render(&r).contains("Command Line"));
}

#[test]
fn a_rerun_in_progress_leaves_the_run_complete_and_names_the_attempts_behind_its_figures() {
    let mut session = sample_session();
    session.handle(SessionInput::Rerun(3));
    session.handle(SessionInput::Rerun(4));
    let text = render(&report(session.clone()));
    assert!(!text.contains("Partial run"), "{text}");
    let mark = line_of(&text, "> **Rerun in progress**");
    assert_eq!(
        mark,
        "> **Rerun in progress**: 'Debug Task' (attempt 2 running, figures from attempt 1); 'Data Analysis Report' (queued, \
         figures from attempt 1)."
    );
    // A finished rerun has no notice.
    for case in [3, 4] {
        let id = AttemptId { case, number: 2 };
        session.handle(SessionInput::Ended(id, Arc::new(answer(id, Nanos::from_millis(90_000), 1000, 10, 100))));
    }
    let text = render(&report(session));
    assert!(!text.contains("Rerun in progress") && !text.contains("Partial run"), "{text}");
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
    assert!(mark.contains("still in progress"), "{mark}");
    let rows = table(&text, "Detailed Results");
    assert_eq!(rows[1].last().unwrap(), "ok");
    for (row, status) in [(2, "http_error"), (3, "truncated"), (4, "running")] {
        assert!(rows[row][1..9].iter().all(|c| c == "–"), "{:?}", rows[row]);
        assert_eq!(rows[row].last().unwrap(), status);
    }
    let b = section(&text, "b");
    assert!(b.contains("- **Time**: – · **Speed**: – · **TTFT**: –\n"), "{b}");
    assert!(b.contains("- **Error**: http_error (unavailable): ``all slots | are `busy` </details>``\n"), "{b}");
    assert!(b.contains("*No text was received.*"), "{b}");
    let c = section(&text, "c");
    assert!(c.contains("first token after 100.0 ms, 100 events") && c.contains("Here it is."), "{c}");
    assert!(
        text.contains("**Performance Rating**: Excellent · Average Speed: 100.0 tok/s, from 1 of 4 cases (Excellent")
    );
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
    ] {
        assert!(text.lines().any(|l| l == line), "no '{line}' in:\n{text}");
    }
    assert!(text.contains("**Performance Rating**: N/A · Average Speed: – (Excellent"), "{text}");
    for name in ["Speed Statistics", "Latency Statistics"] {
        assert_eq!(section(&text, name).trim(), "None: no request succeeded.");
    }
    assert!(text.contains("- **No request succeeded**: 1 unavailable; the first error is `no`\n"), "{text}");
}

#[test]
fn a_simulated_run_is_marked_once_right_below_the_title() {
    let mut r = report(sample_session());
    r.simulated = true;
    let text = render(&r);
    let mut lines = text.lines();
    assert_eq!(lines.next(), Some("# glm-4.7-flash Performance Benchmark Report"));
    assert!(lines.nth(1).unwrap().starts_with("> **SIMULATED**: "));
    assert!(!lines.any(|line| line.contains("SIMULATED")));
    assert_eq!(line_of(&text, "- **Server**"), "- **Server**: tokscope's built-in simulator");
    assert!(!render(&report(sample_session())).to_lowercase().contains("simulat"));
}

#[test]
fn estimated_tokens_are_marked_everywhere() {
    let session = run(suite(&["a", "b"]), Plan::default(), |id, now| {
        let mut r = answer(id, now, 1000, 10, 100);
        if id.case == 0 {
            r.usage = Usage::default();
        }
        Some(r)
    });
    let text = render(&report(session));
    let rows = table(&text, "Detailed Results");
    assert_eq!(rows[1][..5], ["a", "1.00", "–", "~100", "~100.0"]);
    assert!(
        rows[1][7].starts_with('~') && rows[1][8].starts_with('~') && !rows[1][5].starts_with('~'),
        "{:?}",
        rows[1]
    );
    assert_eq!(rows[2][..5], ["b", "1.00", "10", "100", "100.0"]);
    assert!(section(&text, "a").contains(" · **Speed**: ~100.0 tok/s · "));
    for line in ["| Total Tokens | ~200 |", "| **Avg Generation Speed** | **~100.0 tok/s** |"] {
        assert!(text.lines().any(|l| l == line), "{line}");
    }
    assert!(table(&text, "Speed Statistics")[1..].iter().flat_map(|row| &row[1..5]).all(|cell| cell.starts_with('~')));
    assert!(line_of(&text, "- **Token Counts**").contains("`~` estimated from stream events in 1 of 2 attempts"));
    assert!(text.contains("`~`: based on a token count that is estimated"));
}

#[test]
fn warm_attempts_are_marked_and_have_a_ttft_row_of_their_own() {
    let session = run(suite(&["a", "b", "c"]), Plan::default(), |id, now| {
        let mut r = answer(id, now, if id.case == 2 { 1000 } else { 2000 }, 80, 100);
        r.usage.cached_tokens = Some(if id.case == 2 { 64 } else { 0 });
        Some(r)
    });
    let text = render(&report(session));
    let (detailed, latency) = (table(&text, "Detailed Results"), table(&text, "Latency Statistics"));
    let mean = |name: &str| latency.iter().find(|r| r[0] == name).map(|r| (r[1].as_str(), r.last().unwrap().as_str()));
    assert_eq!(mean("TTFT (ms)"), Some(("166.7", "3/3")));
    assert_eq!(mean("TTFT (ms), cold"), Some(("200.0", "2/3")));
    assert_eq!(mean("TTFT (ms), warm"), Some(("100.0", "1/3")));
    assert!(section(&text, "Conclusion").contains("p50 200.0 ms, max 200.0 ms (2 cold, 1 warm)"), "{text}");
    assert_eq!(
        detailed.iter().skip(1).map(|r| r.last().unwrap().as_str()).collect::<Vec<_>>(),
        ["ok", "ok", "ok, warm"]
    );
    assert!(section(&text, "c").contains("- **Prefix Cache**: warm, 64 of 80 prompt tokens\n"));
    assert!(text.contains("in 1 of 3 attempts"));
    assert!(text.contains("- **Prefix Cache**: 2 cold, 1 warm; unique prompts\n"));
}

#[test]
fn an_unreported_cache_state_is_unknown_and_doubted_only_if_prompts_repeat() {
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
    assert!(section(&unique, "a").contains("- **Prefix Cache**: unknown, unique prompt\n"));
    assert!(section(&warm, "a").contains("- **Prefix Cache**: unknown\n"));
    assert!(unique.contains("- **Prefix Cache**: 1 unknown; unique prompts\n"));
    assert!(warm.contains("- **Prefix Cache**: 1 unknown; prompts sent unchanged (`--warm`)\n"));
    let doubt = "their TTFT may be warm";
    assert!(!unique.contains(doubt) && warm.contains(doubt));
    assert!(unique.contains("about seven tokens") && !warm.contains("seven tokens"));
}

#[test]
fn tokens_counted_by_a_tokenizer_name_it_and_are_no_estimate() {
    let session = run(suite(&["a", "b", "c", "d"]), Plan::default(), |id, now| {
        let mut r = answer(id, now, 1000, 10, 100);
        if id.case > 0 {
            r.usage = Usage::default();
        }
        r.counted_tokens = (id.case == 2 || id.case == 3).then_some(90);
        Some(r)
    });
    let text = render(&report(session));
    let sources = "from the server's `usage`; counted by the given tokenizer in 2 of 4 attempts; `~` estimated from stream \
                   events in 1 of 4 attempts";
    assert_eq!(line_of(&text, "- **Token Counts**"), format!("- **Token Counts**: {sources}"));
    let rows = table(&text, "Detailed Results");
    assert_eq!([&rows[1][3], &rows[2][3], &rows[3][3]], ["100", "~100", "90"]);
    let session = run(suite(&["a"]), Plan::default(), |id, now| {
        let mut r = answer(id, now, 1000, 10, 100);
        (r.usage, r.counted_tokens) = (Usage::default(), Some(90));
        Some(r)
    });
    assert!(render(&report(session)).contains("**: counted by the given tokenizer: the server reported no `usage`\n"));
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
        "> **Partial run**: 2 of 2 cases measured, 3 of 4 requests; 1 attempt failed."
    );
    let rows = table(&text, "Detailed Results");
    // Case a: attempt 1 is the warm-up; attempts 2 and 3 took 1 s and 2 s.
    assert_eq!(rows[1][..5], ["a", "1.50", "10", "100", "75.0"]);
    assert_eq!(rows[1][9..], ["2/2", "ok"]);
    assert_eq!(rows[2][9..], ["1/2", "ok, 1 failed"]);
    // Two repeats of one case are too few for an interval.
    assert!(section(&text, "a").contains("- **Time**: 1.50 ± – s (mean of 2) · "), "{text}");
    assert!(section(&text, "b").contains("- **Time**: 2.00 s (1 of 2 attempts) · "));
    let latency = table(&text, "Latency Statistics");
    let time = latency.iter().find(|r| r[0] == "Time (s)").unwrap();
    assert_eq!((time[1].as_str(), time.last().unwrap().as_str()), ("1.67 ± –", "3/4"));
    assert!(text.contains("\n`± –`: an interval of the mean needs 3 repeats of a case"), "{text}");
    assert!(section(&text, "b").contains("- **Error (attempt 2)**: "));
    assert!(text.contains("| Failed Attempts | 1 (1 unavailable) |"));
    assert!(text.contains("| Successful Requests | 3/4 |\n| Measured Requests | 4 |"), "{text}");
}

/// Returns the cells of a table that count figures out of all requests, like `8/10`.
fn counts_out_of(text: &str, heading: &str) -> Vec<String> {
    let cells = table(text, heading).into_iter().skip(1).filter_map(|row| row.last().cloned());
    cells.filter_map(|cell| Some(cell.split_once('/')?.1.split(',').next()?.to_owned())).collect()
}

#[test]
fn every_table_counts_the_same_requests_after_reruns() {
    let mut suite = suite(&["a", "b"]);
    suite.slos = vec!["ttft_p50<1s".parse().unwrap()];
    let plan = Plan { requests: Some(6), ..Plan::default() };
    let mut session = run(suite, plan, |id, now| Some(answer(id, now, 1000, 10, 100)));
    session.handle(SessionInput::Rerun(0));
    for number in 4..=6 {
        let id = AttemptId { case: 0, number };
        let record = answer(id, Nanos::from_millis(60_000 + u64::from(number)), 500, 10, 100);
        session.handle(SessionInput::Ended(id, std::sync::Arc::new(record)));
    }
    assert!(!session.is_partial(), "a rerun repeats all requests of its case");
    let text = render(&report(session));
    for (heading, rows) in [("Latency Statistics", 1), ("Speed Statistics", 1)] {
        let counts = counts_out_of(&text, heading);
        assert!(counts.len() >= rows && counts.iter().all(|all| all == "9"), "{heading}: {counts:?}");
    }
    assert!(line_of(&text, "| `ttft_p50<1s`").contains("| 9/9 |"), "{text}");
    assert!(text.contains("| Successful Requests | 6/6 |\n| Measured Requests | 9 |"), "{text}");
    assert!(text.contains("| Findings | none in 6 attempts (3 replaced by reruns) |"), "{text}");
}

#[test]
fn a_failed_rerun_is_shown_although_the_earlier_attempt_counts() {
    let mut session = sample_session();
    session.handle(SessionInput::Rerun(3));
    let id = AttemptId { case: 3, number: 2 };
    session.handle(SessionInput::Ended(id, std::sync::Arc::new(refusal(id, Nanos::default(), "gone"))));
    let text = render(&report(session));
    assert!(line_of(&text, "> **Failed attempts**").contains("1 attempt failed"));
    assert!(line_of(&text, "| Debug Task ").starts_with("| Debug Task | 4.37 | 142 | 500 | 114.5 |"));
    assert!(line_of(&text, "| Debug Task ").ends_with("| 1/2 | ok, 1 failed |"));
}

#[test]
fn failures_are_counted_by_their_kind() {
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
fn an_unusual_api_is_named() {
    let mut report = report(sample_session());
    assert!(!render(&report).contains("- **API**:"));
    (report.api, report.url) = ("messages", "http://h/v1/messages".into());
    assert!(render(&report).contains("- **API URL**: http://h/v1/messages\n- **API**: messages\n"));
}

#[test]
fn hostile_text_does_not_change_the_structure_of_the_page() {
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
    (r.server.kind, r.gpu, r.command_line) = (Some(bad.into()), Err(bad.into()), Some(bad.into()));
    let text = render(&r);
    let short_preview = crate::domain::text::sanitise(fence);
    assert_eq!(crate::domain::text::sanitise(&text), text);
    let (mut blocks, mut in_block, mut headings, mut folded) = (Vec::new(), false, 0, 0);
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
            Event::Html(html) if ["<details>", "</details>"].contains(&html.trim_end()) => folded += 1,
            Event::Html(html) if html.starts_with("<summary>") => {
                let own = ["Previews and notes of 2 cases", "Definitions, methods, and the error of tokscope itself"];
                assert!(own.iter().any(|own| *html == format!("<summary>{own}</summary>\n")), "{html}");
            }
            Event::Html(_)
            | Event::InlineHtml(_)
            | Event::Start(Tag::Link { .. } | Tag::Image { .. } | Tag::Emphasis) => {
                // This is the only emphasis that the report itself uses.
                let own = matches!(event, Event::Start(Tag::Emphasis)) && text.contains("*No text was received.*");
                assert!(own, "{event:?} came through in:\n{text}");
            }
            _ => {}
        }
    }
    let command = r.command_line.as_deref().unwrap();
    assert_eq!(blocks, [format!("{}\n", crate::domain::text::sanitise_line(command)), short_preview]);
    // Headings: title, seven sections, two below the summary, two cases.
    assert_eq!((headings, folded), (12, 4));
    let tables = tables(&text);
    assert_eq!(tables.len(), 4);
    assert!(tables.iter().all(|t| t.iter().all(|row| row.len() == t[0].len())));
    assert_eq!(tables[0][2][0], "x|y # z `` [a](javascript:alert(1)) <b></details>*e*");
}

#[test]
fn a_plain_run_has_no_section_about_load() {
    let text = render(&report(sample_session()));
    assert!(!text.contains("## Load") && !text.contains("SLO") && !text.contains("Sweep"));
}

#[test]
fn slos_are_shown_with_the_measured_values() {
    let mut loaded = suite(&["a", "b"]);
    loaded.slos = ["ttft_p95<150ms", "latency_max<=1s", "error_rate<1%"].map(|slo| slo.parse().unwrap()).to_vec();
    let plan = Plan { concurrency: 2, ..Plan::default() };
    let session = run(loaded, plan, |id, now| match id.case {
        0 => Some(answer(id, now, 1000, 10, 20)),
        _ => Some(refusal(id, now, "busy")),
    });
    let text = render(&report(session));
    insta::assert_snapshot!(load_section(&text));
}

#[test]
fn verdicts_that_mix_warm_and_cold_answers_have_a_note() {
    let mut loaded = suite(&["a"]);
    loaded.slos = ["ttft_p50<150ms", "latency_p50<9s"].map(|slo| slo.parse().unwrap()).to_vec();
    let plan = Plan { concurrency: 2, repeat: 3, ..Plan::default() };
    let session = run(loaded, plan, |id, now| {
        let mut r = answer(id, now, 1000, 80, 20);
        r.usage.cached_tokens = Some(if id.number == 3 { 70 } else { 0 });
        Some(r)
    });
    let text = render(&report(session));
    assert!(text.contains("| `ttft_p50<150ms` | 100.0 ms | 3/3 (1 of 3 warm) | ✓ |"), "{text}");
    assert!(text.contains("| `latency_p50<9s` | 1.00 s | 3/3 | ✓ |"), "{text}");
}

#[test]
fn a_stage_with_warm_answers_has_a_note() {
    let mut session = crate::report::fixture::sweep_session(&[1, 2, 4]);
    let first = &mut session.cases[0].attempts[0];
    let mut warm = std::sync::Arc::unwrap_or_clone(first.record().unwrap());
    warm.usage.cached_tokens = Some(10);
    first.record = Some(warm.into());
    let text = render(&report(session));
    assert!(text.contains("| Prefix cache |\n") && text.contains("| 1 of 4 warm |\n"), "{text}");
    assert_eq!(text.matches("| cold |\n").count(), 2);
}

#[test]
fn a_rate_without_a_limit_is_described_and_calibrated_for_its_peak_in_flight() {
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
    assert!(text.contains("- **Concurrency**: unlimited; at most 1 in flight\n"), "{text}");
    assert!(text.contains("seed 0, no limit in flight; times count"), "{text}");
    assert!(line_of(&text, "- **Calibration**").contains("this machine and version, 1 stream:"), "{text}");
}

#[test]
fn a_sweep_has_a_table_and_a_chart() {
    let text = render(&report(crate::report::fixture::sweep_session(&[1, 2, 4])));
    insta::assert_snapshot!(load_section(&text));
}

#[test]
fn a_sweep_names_its_saturation_and_the_stages_that_meet_the_slos() {
    // A request takes one second at concurrency 1 and 2, and two seconds at 3.
    let mut session = crate::report::fixture::sweep_session(&[1, 2, 3]);
    std::sync::Arc::make_mut(&mut session.suite).slos = vec!["latency_p50<1500ms".parse().unwrap()];
    let text = render(&report(session));
    assert!(text.contains("\n- **SLO Limit**: met up to concurrency 2\n"), "{text}");
    assert!(section(&text, "SLOs").contains("Concurrency 2, the best stage of the sweep."));
    let without_knee = render(&report(crate::report::fixture::sweep_session(&[1, 2, 2])));
    assert!(without_knee.contains("- **Saturation**: none up to concurrency 2"), "{without_knee}");
}

#[test]
fn a_sweep_names_the_requests_that_failed_in_any_stage() {
    let mut session = Session::new(std::sync::Arc::new(suite(&["a"])), Plan::default()).with_sweep(vec![1, 2, 4]);
    session.handle(SessionInput::Begin(Nanos(0)));
    for number in 1..=2 {
        let (id, now) = (AttemptId { case: 0, number }, Nanos::from_millis(u64::from(number) * 1000));
        let record = if number == 1 { refusal(id, now, "busy") } else { answer(id, now, 500, 10, 100) };
        session.handle(SessionInput::Ended(id, std::sync::Arc::new(record)));
    }
    session.handle(SessionInput::Abort);
    let id = AttemptId { case: 0, number: 3 };
    let mut gone = refusal(id, Nanos::from_millis(3000), "");
    gone.status = AttemptStatus::Cancelled;
    session.handle(SessionInput::Ended(id, std::sync::Arc::new(gone)));
    let text = render(&report(session));
    assert_eq!(
        line_of(&text, "> **Partial"),
        "> **Partial run**: 0 of 1 case measured (1 interrupted), 1 of 3 requests; failed requests of the sweep: 1 of 1 at concurrency 1; \
         1 request interrupted by the end of tokscope (`tokscope resume` repeats them)."
    );
}

/// Returns the section about the load with its subsections.
fn load_section(text: &str) -> &str {
    let section = text.split_once("\n## Load\n").expect("a section about the load").1;
    section.split_once("\n## ").map_or(section, |(section, _)| section)
}

#[test]
fn at_most_twelve_findings_of_a_kind_are_quoted_and_the_rest_counted() {
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
    assert!(a.contains("- **Finding (attempts 13 to 30)**: 18 more, such as: stalled 1013 ms\n"), "{a}");
    assert!(a.contains("- **Finding (attempts 1 to 30)**: no usage\n"), "{a}");
}

#[test]
fn findings_are_counted_once_and_quoted_with_their_case() {
    use crate::domain::diagnosis::{Finding, WARM_PREFIX};
    use crate::domain::server_timings::{ServerTimings, TimingSource};
    let finding = |key, message: &str| Finding::new(key, message);
    let plan = Plan { repeat: 2, ..Plan::default() };
    let session = run(suite(&["a", "b"]), plan, |id, now| {
        let mut r = answer(id, now, 1000, 10, 100);
        if id.case == 0 {
            r.findings.push(finding("usage_missing", "no usage"));
            r.findings.push(finding("pauses", &format!("paused <b> {}", id.number)));
            r.findings.push(finding(WARM_PREFIX, "quoted elsewhere"));
            r.server_timings =
                Some(ServerTimings { prompt_ms: Some(60.0), ..ServerTimings::from_source(TimingSource::LlamaCpp) });
        }
        Some(r)
    });
    let text = render(&report(session));
    assert!(
        text.contains(
            "### Findings\n\n- stalls in the stream: 2 of 4 attempts\n- no usage reported: 2 of 4 attempts\n"
        ),
        "{text}"
    );
    let a = section(&text, "a");
    assert!(a.contains("- **Finding (attempts 1, 2)**: no usage\n"), "{a}");
    assert!(a.contains("- **Finding (attempt 1)**: paused") && a.contains("- **Finding (attempt 2)**: paused"), "{a}");
    assert!(!a.contains("quoted elsewhere") && !a.contains("<b>"), "{a}");
    // The first token arrived after 100 ms.
    assert!(
        a.contains("- **Server's Clock (attempt 2)**: llama.cpp spent 60.0 ms on the prompt; the other 40.0 ms of"),
        "{a}"
    );
    assert!(!section(&text, "b").contains("Finding"));
    assert!(render(&report(sample_session())).contains("| Findings | none in 10 attempts |"));
}

#[test]
fn the_load_of_the_client_is_shown_or_the_reason_why_it_is_unknown() {
    let mut r = report(sample_session());
    let line = "- **Client Load**: CPU 12% on average, 31% at most; memory 41,000 MiB of 128,000 MiB at most; tokscope 3.2% on \
                average, 9.0% at most of one core; tokscope 21 MiB of memory";
    assert!(render(&r).lines().any(|l| l == line), "{}", render(&r));
    r.host = Err("it is not saved with a run".into());
    assert!(render(&r).contains("- **Client Load**: not available (it is not saved with a run)"));
}

#[test]
fn a_workload_and_its_turns_follow_the_results() {
    let text = render(&workload::conversations());
    let from = text.find("\n## Workload\n").unwrap();
    let until = text.find("\n## Test Results Summary\n").unwrap();
    insta::assert_snapshot!("a_workload_of_conversations", text.get(from..until).unwrap());
    assert!(text.find("\n## Detailed Results\n").unwrap() < from);
    // A warm cache is expected in later turns, so the status does not mention it.
    assert_eq!(table(&text, "Detailed Results")[1].last().map(String::as_str), Some("ok, 1 failed"));
    assert!(text.contains("6 of 6 later turns of conversations were warm, as expected"), "{text}");
    assert!(!text.contains("(*warm*)"), "{text}");
}

#[test]
fn many_attempts_of_a_case_share_the_line_about_the_prefix_cache() {
    let lines = |repeat: u32| {
        let plan = Plan { repeat, ..Plan::default() };
        let text = render(&report(run(suite(&["a"]), plan, |id, now| Some(answer(id, now, 1000, 10, 10)))));
        text.lines().filter(|line| line.starts_with("- **Prefix Cache")).map(str::to_owned).collect::<Vec<_>>()
    };
    assert_eq!(lines(12).iter().filter(|line| line.contains("(attempt ")).count(), 12);
    let many = lines(13);
    assert!(many.iter().any(|line| line == "- **Prefix Cache**: 13 unknown"), "{many:?}");
    assert!(!many.iter().any(|line| line.contains("(attempt ")), "{many:?}");
}

#[test]
fn the_verdict_names_wrong_answers_with_the_first_failures() {
    let checked = |fails: fn(AttemptId) -> bool| {
        let plan = Plan { repeat: 2, ..Plan::default() };
        let session = run(suite(&["First", "Second | [x]", "Third", "Fourth", "Fifth"]), plan, |id, now| {
            let mut record = answer(id, now, 1000, 10, 100);
            let failure = fails(id).then(|| "the answer has no match of '<b>'".to_owned());
            record.checks = vec![CheckResult { kind: CheckKind::Regex, passed: failure.is_none(), message: failure }];
            Some(record)
        });
        render(&report(session))
    };
    let wrong = checked(|id| id.case > 0 && id.number == 2);
    let line = line_of(&wrong, "- **Wrong answers**");
    assert!(line.contains("6 of 10 answers pass their checks (60%, 95% interval 31 to 83%)"), "{line}");
    let first =
        r"first failures: 'Second \| \[x\]', attempt 2 `regex: the answer has no match of '<b>'`; 'Third', attempt 2";
    assert!(line.contains(first) && !line.contains("Fifth"), "{line}");
    assert!(wrong.contains("| Pass Rate | 60% (6/10) |"), "{wrong}");
    assert!(wrong.contains("| ok, 1 wrong |") && wrong.contains("| Pass rate (%) |"), "{wrong}");
    assert!(
        section(&wrong, "Second \\| \\[x\\]").contains("**Failed Check (attempt 2)**: regex: the answer"),
        "{wrong}"
    );
    let right = checked(|_| false);
    assert!(line_of(&right, "- **Checks**").contains("10 of 10 answers pass"), "{right}");
    assert!(!right.contains("wrong") && right.contains("Wilson"), "{right}");
    assert!(!render(&report(sample_session())).contains("Pass"), "nothing about checks without any");
}

#[test]
fn a_sweep_without_a_measured_request_has_no_empty_table() {
    let mut session = Session::new(std::sync::Arc::new(suite(&["a"])), Plan::default()).with_sweep(vec![1, 2]);
    session.handle(SessionInput::Begin(Nanos(0)));
    session.show_ended(Nanos::from_millis(500));
    let text = render(&report(session));
    assert!(load_section(&text).contains("No stage has a measured request."), "{text}");
    let lines: Vec<&str> = text.lines().collect();
    let is_empty_table = |pair: &[&str]| pair[0].starts_with("|--") && !pair[1].starts_with('|');
    assert!(!lines.windows(2).any(is_empty_table), "{text}");
}

#[test]
fn a_report_of_many_cases_counts_those_that_it_omits() {
    let names: Vec<String> = (0..1200).map(|i| format!("case-{i}-x")).collect();
    let names: Vec<&str> = names.iter().map(String::as_str).collect();
    let text = render(&report(run(suite(&names), Plan::default(), |id, now| Some(answer(id, now, 900, 7, 20)))));
    let rest = |n| format!("… and {n} more cases: the CSV and JSON exports have all of them.");
    assert!(section(&text, "Detailed Results").contains(&rest(200)), "{}", section(&text, "Detailed Results"));
    assert!(text.contains(&rest(1000)) && text.contains("Previews and notes of 200 cases"));
    assert_eq!(text.matches("### case-").count(), 200);
    assert!(text.contains("| case-999-x |") && !text.contains("case-1000-x"));
}

#[test]
fn failures_of_a_case_are_listed_up_to_a_limit() {
    let plan = Plan { repeat: 500, ..Plan::default() };
    let text = render(&report(run(suite(&["a"]), plan, |id, now| {
        let number = id.number;
        Some(refusal(id, now, &format!("busy {number}")))
    })));
    assert!(text.contains("busy 12`") && !text.contains("busy 13`"), "{text}");
    assert!(
        text.contains("- **More Errors**: 488 failed attempts; the CSV and JSON exports have all of them"),
        "{text}"
    );
}
