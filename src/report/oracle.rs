//! Checks that reports keep hostile text harmless in every format. The fuzzer and the property tests use these checks.

use std::collections::BTreeMap;
use std::sync::Arc;
use std::time::Duration;

use pulldown_cmark::{Event, Options, Parser, Tag};

use super::compare::{self, ComparedRun, Comparison};
use super::csv::{begins_formula, harmless};
use super::exporters::EXPORTERS;
use super::gpu::GpuReport;
use super::journal::{BriefSuite, JournalSummaryHeader};
use super::model::{Environment, Report, USUAL_API};
use super::run_figures::RunFigures;
use super::runs_table::{self, Outcome, RunRow};
use super::style::Layout;
use super::{csv, import, json, junit, markdown};
use crate::domain::attempt::{Arrival, AttemptError, AttemptId, AttemptRecord, AttemptStatus, TextKind};
use crate::domain::check::{CheckKind, CheckResult, ToolCall};
use crate::domain::finding::Finding;
use crate::domain::gpu::{GpuEvent, GpuInfo};
use crate::domain::gpu_history::GpuHistory;
use crate::domain::live::{EngineLag, ServerInfo};
use crate::domain::route::Route;
use crate::domain::session::{Plan, Session, SessionInput};
use crate::domain::suite::{CaseSpec, RatingScale, Suite};
use crate::domain::text::{oracle, sanitise};
use crate::domain::time::Nanos;

/// Number of texts in a report that come from outside, in the order of `report`: suite, two cases, two models, kind and
/// version of the server, answer, reasoning, finish reason, warning, finding, error, host, CPU, GPU, driver, reason of
/// a lost GPU, proxy, URL.
pub const TEXTS: usize = 20;

/// Checks a report with these texts. Repeats them if there are fewer than [`TEXTS`].
///
/// # Errors
///
/// Returns a description of the violated property.
pub fn check(texts: &[&str]) -> Result<(), String> {
    if texts.is_empty() {
        return Ok(());
    }
    let texts: Vec<&str> = texts.iter().copied().cycle().take(TEXTS).collect();
    let hostile = report(&texts).ok_or("invalid time")?;
    check_report(&hostile)?;
    check_markdown(&texts, &hostile)?;
    check_json(&texts, &hostile)?;
    check_csv(&texts, &hostile)?;
    check_junit(&hostile)
}

/// Checks all outputs of a report: every format, the row in the list of runs, and a comparison.
///
/// # Errors
///
/// Returns a description of the forbidden character.
pub fn check_report(report: &Report) -> Result<(), String> {
    for exporter in EXPORTERS {
        nothing_forbidden(exporter.id, &exporter.render(report))?;
    }
    let header = JournalSummaryHeader {
        id: report.run_id.clone(),
        url: report.url.clone(),
        model: report.model.clone(),
        simulated: report.simulated,
        suite: BriefSuite::from(&*report.session.suite),
        plan: report.session.plan,
        sweep: report.session.sweep.clone(),
    };
    let listed = [
        RunRow::new(header, RunFigures::new(report), Outcome::Whole, 1),
        RunRow::unreadable("x".to_owned(), 1, &report.model),
    ];
    let table = runs_table::text(&listed, "folder", Layout::default());
    nothing_forbidden("runs", &table)?;
    nothing_forbidden("runs.json", &runs_table::json(&listed))?;
    compared(&ComparedRun::from_report(report))
}

/// Checks the readers of exported Markdown and JSON: any text is compared, or refused with a harmless message.
///
/// # Errors
///
/// Returns a description of the violated property.
pub fn check_import(text: &str) -> Result<(), String> {
    for read in [import::markdown::read, import::results::read] {
        match read(text) {
            Ok(side) => compared(&side)?,
            Err(why) => nothing_forbidden("error", &why.to_string())?,
        }
    }
    Ok(())
}

fn compared(side: &ComparedRun) -> Result<(), String> {
    let comparison = Comparison::new(side.clone(), side.clone());
    nothing_forbidden("comparison", &compare::text(&comparison, Layout::default()))?;
    nothing_forbidden("comparison.json", &compare::json(&comparison))?;
    let page = compare::markdown(&comparison);
    nothing_forbidden("comparison.md", &page)?;
    parts(&page).map(drop)
}

fn nothing_forbidden(what: &str, text: &str) -> Result<(), String> {
    let text = text.replace("\r\n", "\n");
    // JSON keeps stacked combining marks, but escapes hidden and control characters.
    let fault = oracle::fault(&text).filter(|_| !what.ends_with("json") || text.contains(oracle::is_forbidden));
    fault.map_or(Ok(()), |fault| Err(format!("{what}: {fault}")))
}

/// Checks that the page has the same structure as one with harmless texts, without links and HTML.
fn check_markdown(texts: &[&str], hostile: &Report) -> Result<(), String> {
    let first_like = |text: &str| texts.iter().position(|t| *t == text).unwrap_or_default();
    let words: Vec<String> = texts
        .iter()
        .map(|text| {
            // Words that would become links are written as code spans.
            let links = spans_of_code(&markdown::inline(text));
            let word = || format!("x{}{}", first_like(text), " @x".repeat(links));
            if sanitise(text).trim().is_empty() { String::new() } else { word() }
        })
        .collect();
    let words: Vec<&str> = words.iter().map(String::as_str).collect();
    let harmless = markdown::render(&report(&words).ok_or("invalid time")?);
    let hostile = markdown::render(hostile);
    let (expected, found) = (parts(&harmless)?, parts(&hostile)?);
    if expected == found { Ok(()) } else { Err(format!("{expected:?} became {found:?} in\n{hostile}")) }
}

fn spans_of_code(line: &str) -> usize {
    Parser::new(line).filter(|event| matches!(event, Event::Code(_))).count()
}

/// Returns whether a line of HTML belongs to a collapsed part of the report. Its summary is tokscope's own text.
fn is_own_html(line: &str) -> bool {
    let summary = || line.trim_end().strip_prefix("<summary>")?.strip_suffix("</summary>");
    ["<details>", "</details>"].contains(&line.trim_end()) || summary().is_some_and(|text| !text.contains(['<', '&']))
}

/// Counts the elements of a page by kind.
fn parts(page: &str) -> Result<BTreeMap<&'static str, usize>, String> {
    let mut parts = BTreeMap::new();
    for event in Parser::new_ext(page, Options::all() - Options::ENABLE_SMART_PUNCTUATION) {
        let part = match event {
            Event::Start(Tag::Heading { .. }) => "heading",
            Event::Start(Tag::Table(_)) => "table",
            Event::Start(Tag::TableRow) => "row",
            Event::Start(Tag::TableCell) => "cell",
            Event::Start(Tag::CodeBlock(_)) => "code block",
            Event::Start(Tag::BlockQuote(_)) => "quote",
            Event::Start(Tag::List(_)) => "list",
            Event::Start(Tag::Item) => "item",
            Event::Start(Tag::Paragraph) => "paragraph",
            Event::Start(Tag::Emphasis) => "emphasis",
            Event::Start(Tag::Strong) => "strong",
            Event::Code(_) => "code span",
            Event::Rule => "rule",
            Event::Start(Tag::HtmlBlock) => "folded part",
            Event::Html(html) if is_own_html(&html) => continue,
            Event::Start(Tag::TableHead) | Event::Text(_) | Event::SoftBreak | Event::End(_) => continue,
            other => return Err(format!("{other:?} in\n{page}")),
        };
        *parts.entry(part).or_default() += 1;
    }
    Ok(parts)
}

/// Checks that the document is valid JSON and contains the texts unchanged.
fn check_json(texts: &[&str], hostile: &Report) -> Result<(), String> {
    let document = json::render(hostile);
    let value: serde_json::Value = serde_json::from_str(&document).map_err(|e| format!("{e} in\n{document}"))?;
    let attempt = |case: usize| &value["cases"][case]["attempts"][0];
    for (place, found) in [
        (0, &value["run"]["suite"]),
        (1, &value["cases"][0]["name"]),
        (2, &value["cases"][1]["name"]),
        (3, &value["target"]["model"]),
        (7, &attempt(0)["text"]),
        (8, &attempt(0)["reasoning"]),
        (9, &attempt(0)["finish_reason"]),
        (10, &attempt(0)["warnings"][0]),
        (12, &attempt(1)["error"]["message"]),
        (13, &value["environment"]["hostname"]),
    ] {
        // An empty model is `null`.
        if found.as_str().unwrap_or_default() != texts.get(place).copied().unwrap_or_default() {
            return Err(format!("text {place} became {found} in JSON"));
        }
    }
    Ok(())
}

/// Checks that no text adds an element to the `JUnit` export.
fn check_junit(hostile: &Report) -> Result<(), String> {
    const ELEMENTS: [&str; 8] =
        ["?xml ", "testsuites", "testsuite", "properties", "property", "testcase", "failure", "skipped"];
    let file = junit::render(hostile);
    let elements: Vec<&str> = file.split('<').skip(1).collect();
    let is_known = |element: &&str| {
        let name = element.strip_prefix('/').unwrap_or(element);
        ELEMENTS.iter().chain(&["system-out"]).any(|known| name.starts_with(known))
    };
    let cases = elements.iter().filter(|element| element.starts_with("testcase ")).count();
    // Each element is closed once, and each attribute has two quotes.
    let ends =
        elements.iter().all(|element| element.matches('>').count() == 1 && element.matches('"').count() % 2 == 0);
    if cases != 2 || !ends || !elements.iter().all(is_known) {
        return Err(format!("elements are lost or new:\n{file}"));
    }
    Ok(())
}

/// Checks that each cell is read back as intended, and none as a formula.
fn check_csv(texts: &[&str], hostile: &Report) -> Result<(), String> {
    let file = csv::render(hostile);
    let table = read_csv(&file, ',');
    let [header, rows @ ..] = table.as_slice() else { return Err("no header".to_owned()) };
    if rows.len() != 2 || rows.iter().any(|row| row.len() != header.len()) {
        return Err(format!("rows or cells are lost or new:\n{file}"));
    }
    for (row, case, model) in [(0, 1, 3), (1, 2, 4)] {
        let expected = [case, model].map(|place| harmless(texts.get(place).copied().unwrap_or_default()));
        let read = rows.get(row).and_then(|cells| cells.get(..2));
        if read != Some(&expected) {
            return Err(format!("{expected:?} became {read:?}"));
        }
    }
    let read_elsewhere = read_csv(&file, ';');
    let formula = |cell: &&String| begins_formula(cell) && cell.parse::<f64>().is_err();
    match table.iter().chain(&read_elsewhere).flatten().find(formula) {
        Some(cell) => Err(format!("a formula: {cell:?}")),
        None => Ok(()),
    }
}

/// Parses CSV as leniently as spreadsheets do. Quotes count only at the start of a cell, and an unclosed quote extends
/// to the end. Carriage returns are ignored, because no cell contains one.
pub fn read_csv(file: &str, separator: char) -> Vec<Vec<String>> {
    let (mut table, mut row, mut cell) = (Vec::new(), Vec::new(), String::new());
    let (mut quoted, mut begins) = (false, true);
    let mut chars = file.chars().filter(|c| *c != '\r').peekable();
    while let Some(c) = chars.next() {
        match c {
            '"' if quoted => {
                if chars.next_if_eq(&'"').is_some() {
                    cell.push('"');
                } else {
                    quoted = false;
                }
            }
            _ if quoted => cell.push(c),
            '"' if begins => quoted = true,
            '\n' => {
                row.push(std::mem::take(&mut cell));
                table.push(std::mem::take(&mut row));
            }
            c if c == separator => row.push(std::mem::take(&mut cell)),
            c => cell.push(c),
        }
        begins = !quoted && (c == '\n' || c == separator);
    }
    if !row.is_empty() || !cell.is_empty() || quoted {
        row.push(cell);
        table.push(row);
    }
    table
}

/// Returns a report of two cases, one measured and one refused, with these texts in all places.
fn report(texts: &[&str]) -> Option<Report> {
    let text = |place: usize| texts.get(place).copied().unwrap_or_default().to_owned();
    let case = |name, model: Option<String>| CaseSpec {
        name,
        model,
        max_tokens: 1,
        temperature: 0.0,
        timeout: Duration::from_secs(1),
        ..CaseSpec::new("", Vec::new())
    };
    let cases = vec![case(text(1), None), case(text(2), Some(text(4)))];
    let suite = Suite { name: text(0), rating: RatingScale::default(), slos: Vec::new(), cases, ..Suite::default() };
    let mut session = Session::new(Arc::new(suite), Plan::default());
    session.handle(SessionInput::Begin(Nanos::default()));
    for (case, model) in [(0, text(3)), (1, text(4))] {
        let id = AttemptId { case, number: 1 };
        let mut r = AttemptRecord::started(id, false, "r".to_owned(), model, Nanos::default());
        r.ended = Nanos::from_millis(9);
        if case == 0 {
            let arrival = |ms| Arrival { at: Nanos::from_millis(ms), kind: TextKind::Answer, coalesced: false };
            r.status = AttemptStatus::Ok;
            r.arrivals = [3, 5, 8].map(arrival).to_vec();
            (r.text, r.reasoning, r.finish_reason) = (text(7), text(8), Some(text(9)));
            r.tool_calls = vec![ToolCall { name: text(4), arguments: text(8) }];
            r.warnings = vec![text(10)];
            r.findings = vec![Finding::new("stall", text(11))];
            r.checks = vec![CheckResult { kind: CheckKind::Contains, passed: false, message: Some(text(11)) }];
        } else {
            r.status = AttemptStatus::HttpError;
            r.error = Some(AttemptError { kind: "http".to_owned(), message: text(12) });
        }
        session.handle(SessionInput::Ended(id, Arc::new(r)));
    }
    let mut gpu = GpuHistory::default();
    let info = GpuInfo { model: text(15), memory_unknown_because: Some(text(17)), ..GpuInfo::default() };
    gpu.apply(GpuEvent::Found { source: text(16), driver: Some(text(16)), gpus: vec![info], interval_ms: 250 });
    gpu.begin_run(Nanos::default());
    gpu.apply(GpuEvent::Gap { at: Nanos::from_millis(1), index: 0, reason: text(17), lost: true });
    let gpu = GpuReport::from_history(&gpu, &session, true, Nanos::from_millis(20));
    Some(Report {
        session,
        workload_notes: vec![text(14)],
        epoch: jiff::Timestamp::from_second(1_770_000_000).ok()?.to_zoned_datetime(jiff::tz::TimeZone::UTC),
        url: text(19),
        api: USUAL_API,
        model: text(3),
        server: ServerInfo { kind: Some(text(5)), version: Some(text(6)) },
        simulated: false,
        route: Route { tls_verified: None, proxy: Some(text(18)) },
        resumed: Vec::new(),
        tool: text(14),
        command_line: Some(text(14)),
        run_id: "ts-1".to_owned(),
        shards: Vec::new(),
        environment: Environment { hostname: text(13), os: text(13), cpu: Some(text(14)), ..Environment::default() },
        gpu,
        gauges: None,
        host: Err(text(17)),
        local: true,
        lag: EngineLag::default(),
        calibration: None,
        gate: None,
        finished_at: Nanos::from_millis(20),
        summary: crate::report::summary::SummaryCell::default(),
    })
}

#[cfg(test)]
mod tests {
    use proptest::prelude::*;

    use super::*;

    fn checked(texts: &[String]) -> Result<(), String> {
        check(&texts.iter().map(String::as_str).collect::<Vec<_>>())
    }

    #[test]
    fn an_unfinished_escape_sequence_does_not_swallow_the_next_text() {
        let mut texts = vec!["a".to_owned(); TEXTS];
        // An unterminated escape sequence would swallow the blank and the bracket after it.
        (texts[5], texts[6]) = ("[x](http://x)\u{1b}".to_owned(), "[x](http://x)".to_owned());
        assert_eq!(checked(&texts), Ok(()));
    }

    #[test]
    fn parts_are_counted_and_html_is_reported() {
        let page = parts("# a\n\n| b |\n|---|\n| c |\n\n- d `e`\n").unwrap();
        assert_eq!(page["heading"], 1);
        assert_eq!((page["table"], page["cell"], page["code span"]), (1, 2, 1));
        assert!(parts("a <b>c</b>").is_err() && parts("[a](http://b)").is_err() && parts("<http://b>").is_err());
        assert_eq!(read_csv("a,\"b\"\"\n,c\"\r\n", ','), [["a", "b\"\n,c"]]);
        assert_eq!(read_csv("a;\"b\r\n", ';'), [["a", "b\n"]]);
    }

    proptest! {
        #![proptest_config(ProptestConfig::with_cases(128))]
        #[test]
        fn hostile_text_is_harmless_in_every_export(texts in prop::collection::vec(oracle::hostile(), TEXTS)) {
            prop_assert_eq!(checked(&texts), Ok(()));
        }

        #[test]
        fn exports_with_hostile_text_can_be_read(texts in prop::collection::vec(oracle::hostile(), TEXTS)) {
            let texts: Vec<&str> = texts.iter().map(String::as_str).collect();
            let report = report(&texts).unwrap();
            for text in [markdown::render(&report), json::render(&report), texts.concat()] {
                prop_assert_eq!(check_import(&text), Ok(()));
            }
        }
    }
}
