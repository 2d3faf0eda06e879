//! Reads a Markdown report for a comparison. Besides tokscope's own reports, this accepts those of users' scripts:
//! fields at the head, and a table with a row per case.

use super::ImportError;
use crate::domain::metrics::{ITL, LATENCY, Metric, OUTPUT_TOKENS, SPEED, TTFT};
use crate::domain::text::sanitise_line;
use crate::report::compare::{COMPARED, Case, ComparedRun, Figure, Measured};

/// Columns to read: first word of the heading in lower case, metric, and factor from the cell to the metric's unit.
static COLUMNS: &[(&str, &Metric, f64)] = &[
    ("time", &LATENCY, 1000.0),
    ("completion", &OUTPUT_TOKENS, 1.0),
    ("tokens", &OUTPUT_TOKENS, 1.0),
    ("speed", &SPEED, 1.0),
    ("ttft", &TTFT, 1.0),
    ("inter-token", &ITL, 1.0),
    ("itl", &ITL, 1.0),
];
/// Heading of a column with estimated TTFTs, which is ignored.
const GUESSED: &str = "ttft (est.)";

/// Reads a report. Missing fields and cells are ignored.
///
/// # Errors
///
/// Returns an error if the report has no table of cases, or if a row cannot be read.
pub fn read(text: &str) -> Result<ComparedRun, ImportError> {
    let mut side = ComparedRun { kind: "Markdown report", ..ComparedRun::default() };
    let (mut guesses, mut in_head) = (false, true);
    let mut columns: Option<Vec<Option<Column>>> = None;
    let mut fence = None;
    for (i, line) in text.lines().enumerate() {
        let line = line.trim();
        if let Some(open) = fence {
            // Text inside a code block is neither a field nor a table.
            if closes(open, line) {
                fence = None;
            }
            continue;
        }
        if let Some(opened) = opened_fence(line) {
            fence = Some(opened);
            continue;
        }
        side.simulated |= line.starts_with("> **SIMULATED**");
        if let Some(title) = line.strip_prefix("## ") {
            in_head = title == "Test Information";
        }
        if let Some((name, value)) = field(line) {
            guesses |= name == GUESSED;
            if !in_head {
                continue;
            }
            let place = match name.as_str() {
                "model" => &mut side.model,
                "api url" => &mut side.url,
                "test time" => &mut side.started_at,
                "test mode" => &mut side.suite,
                _ => continue,
            };
            if place.is_none() {
                *place = Some(value);
            }
            continue;
        }
        let Some(cells) = cells(line) else {
            columns = None;
            continue;
        };
        match &columns {
            None => columns = heading(&cells),
            Some(_) if cells.iter().all(|c| !c.is_empty() && c.trim_matches(['-', ':', ' ']).is_empty()) => {}
            Some(columns) => {
                let case = row(&cells, columns).map_err(|why| ImportError(format!("line {}: {why}", i + 1)))?;
                side.whole.cases.push(case);
            }
        }
    }
    if side.whole.cases.is_empty() {
        return Err(ImportError(format!(
            "no table of cases in {} lines; its heading must be like | Test Case | Time | Completion | Speed |",
            text.lines().count()
        )));
    }
    if guesses {
        side.notes.push("its TTFT is estimated from the total time and was ignored".to_owned());
    }
    total(&mut side.whole);
    Ok(side)
}

/// Column of a figure: index of its metric in [`COMPARED`], and the factor for its cells.
type Column = (usize, f64);

/// Start of a code block: its fence character, and how often it is repeated.
type Fence = (char, usize);

fn opened_fence(line: &str) -> Option<Fence> {
    let (mark, length) = ['`', '~'].map(|mark| (mark, run_of(mark, line))).into_iter().find(|fence| fence.1 >= 3)?;
    // Backticks followed by another backtick in the same line are inline code, not a fence.
    let is_code = mark == '`' && line.trim_start_matches('`').contains('`');
    (!is_code).then_some((mark, length))
}

/// Returns whether a line ends a code block. Shorter fences, and fences with text after them, are content.
fn closes((mark, length): Fence, line: &str) -> bool {
    run_of(mark, line) >= length && line.trim_start_matches(mark).is_empty()
}

fn run_of(mark: char, line: &str) -> usize {
    line.chars().take_while(|c| *c == mark).count()
}

/// Parses a field of the form `- **Name**: value`.
fn field(line: &str) -> Option<(String, String)> {
    let (name, value) = line.strip_prefix("- **")?.split_once("**:")?;
    let value = sanitise_line(&value.trim().replace('`', ""));
    (!value.is_empty() && value != "N/A").then(|| (name.trim().to_lowercase(), value))
}

/// Splits a table row into cells. An escaped bar (`\|`) does not separate cells.
fn cells(line: &str) -> Option<Vec<String>> {
    let inner = line.strip_prefix('|')?;
    let mut cells = vec![String::new()];
    let mut chars = inner.chars();
    while let Some(c) = chars.next() {
        match c {
            '|' => cells.push(String::new()),
            c => {
                if let Some(cell) = cells.last_mut() {
                    cell.push(c);
                    if c == '\\' {
                        cell.extend(chars.next());
                    }
                }
            }
        }
    }
    // Nothing follows the last bar, so the rest is not a cell.
    if cells.last().is_some_and(|c| c.trim().is_empty()) {
        cells.pop();
    }
    Some(cells.into_iter().map(|c| c.trim().to_owned()).collect())
}

/// Returns the columns of a table of cases by its heading row; `None` for any other table.
fn heading(cells: &[String]) -> Option<Vec<Option<Column>>> {
    let names: Vec<String> = cells.iter().map(|c| c.replace("**", "").to_lowercase()).collect();
    if names.first().is_none_or(|n| n != "test case" && n != "case") {
        return None;
    }
    let place = |name: &String| {
        // Compare the first word only, because tokscope adds the unit.
        let name = name.split_whitespace().next()?;
        let (_, metric, factor) = COLUMNS.iter().find(|(n, ..)| *n == name)?;
        Some((COMPARED.iter().position(|c| c.metric == *metric)?, *factor))
    };
    let columns: Vec<_> = names.iter().map(place).collect();
    columns.iter().any(Option::is_some).then_some(columns)
}

fn row(cells: &[String], columns: &[Option<Column>]) -> Result<Case, String> {
    let Some(name) = cells.first().filter(|n| !n.is_empty()) else {
        return Err("a row has no case name".to_owned());
    };
    if cells.len() > columns.len() {
        return Err(format!("{} cells under {} headings", cells.len(), columns.len()));
    }
    let mut figures = vec![None; COMPARED.len()];
    for (cell, column) in cells.iter().zip(columns).skip(1) {
        if let Some((place, factor)) = column
            && let Some(figure) = figures.get_mut(*place)
        {
            *figure = number(cell, *factor)?;
        }
    }
    Ok(Case { name: plain(name), figures })
}

/// Removes Markdown syntax from a cell.
fn plain(cell: &str) -> String {
    let mut out = String::new();
    let mut chars = cell.chars();
    while let Some(c) = chars.next() {
        match c {
            '\\' => out.extend(chars.next()),
            '`' => {}
            c => out.push(c),
        }
    }
    sanitise_line(&out)
}

/// Parses a figure such as `7.03s`, `**113.7** tok/s`, `~800` or `12 ms`; `None` for a dash or `N/A`.
fn number(cell: &str, factor: f64) -> Result<Option<Figure>, String> {
    let bare = cell.replace(['*', '\u{a0}'], "");
    let bare = without_grouping(bare.trim());
    if bare.is_empty() || bare.starts_with(['–', '-', '—']) || bare.eq_ignore_ascii_case("n/a") {
        return Ok(None);
    }
    let estimated = bare.starts_with('~');
    let bare = bare.trim_start_matches('~');
    let end = bare.find(|c: char| !(c.is_ascii_digit() || ".,".contains(c))).unwrap_or(bare.len());
    let (digits, unit) = bare.split_at(end);
    let shown = || sanitise_line(cell);
    let value: f64 = digits.parse().map_err(|_bad| format!("'{}' is not a number", shown()))?;
    let unit = unit.split_whitespace().next().unwrap_or_default();
    let factor = match unit {
        "ms" => 1.0,
        "s" => 1000.0,
        _ => factor,
    };
    let mean = value * factor;
    Ok(mean.is_finite().then_some(Figure { mean, n: 1, half_width: None, freedom: 0, estimated }))
}

/// Removes commas between groups of three digits. Other commas stay, so that parsing fails.
fn without_grouping(figure: &str) -> String {
    let mut parts = figure.split(',');
    let mut out = parts.next().unwrap_or_default().to_owned();
    for part in parts {
        let digits = part.chars().take_while(char::is_ascii_digit).count();
        let is_group = digits == 3 && out.ends_with(|c: char| c.is_ascii_digit());
        out.push_str(if is_group { "" } else { "," });
        out.push_str(part);
    }
    out
}

/// Computes the figures over all cases from one value per case.
fn total(measured: &mut Measured) {
    let mean = |place: usize| {
        let figures: Vec<Figure> =
            measured.cases.iter().filter_map(|c| c.figures.get(place).copied().flatten()).collect();
        let n = figures.len();
        let mean = figures.iter().map(|f| f.mean).sum::<f64>() / n as f64;
        let estimated = figures.iter().any(|f| f.estimated);
        (n > 0).then_some(Figure { mean, n, half_width: None, freedom: 0, estimated })
    };
    measured.total = (0..COMPARED.len()).map(mean).collect();
}

#[cfg(test)]
mod tests {
    use proptest::prelude::*;

    use super::*;
    use crate::domain::session::Plan;
    use crate::report::exporters::EXPORTERS;
    use crate::report::fixture::{SAMPLE, answer, report, run, sample_session, suite};

    const SCRIPTED: &str = include_str!("../../../tests/data/scripted-report.md");

    fn figure(case: &Case, metric: &Metric) -> Option<f64> {
        case.figures[COMPARED.iter().position(|c| c.metric == metric).unwrap()].map(|f| f.mean)
    }

    #[test]
    fn a_scripted_report_is_read_without_its_estimated_ttft() {
        let side = read(SCRIPTED).unwrap();
        assert_eq!(side.model.as_deref(), Some("glm-4.7-flash"));
        assert_eq!(side.url.as_deref(), Some("http://localhost:8000/v1/chat/completions"));
        assert_eq!(side.suite.as_deref(), Some("Complex Comprehensive"));
        let names: Vec<_> = side.whole.cases.iter().map(|c| c.name.as_str()).collect();
        assert_eq!(names, ["Full Backend System", "Debug Task", "ML Project"]);
        assert_eq!(figure(&side.whole.cases[1], &LATENCY), Some(4370.0));
        assert_eq!(figure(&side.whole.cases[1], &OUTPUT_TOKENS), Some(500.0));
        assert_eq!(figure(&side.whole.cases[1], &SPEED), Some(114.5));
        assert_eq!(figure(&side.whole.cases[1], &TTFT), None);
        assert_eq!((side.notes.len(), side.simulated), (1, false));
    }

    #[test]
    fn our_own_report_is_read_with_its_measured_ttft() {
        let report = report(sample_session());
        let side = read(&EXPORTERS[0].render(&report)).unwrap();
        assert_eq!(side.whole.cases.len(), SAMPLE.len());
        assert_eq!(side.model.as_deref(), Some("glm-4.7-flash"));
        for (case, (name, millis, _, tokens)) in side.whole.cases.iter().zip(SAMPLE) {
            assert_eq!((case.name.as_str(), figure(case, &OUTPUT_TOKENS)), (name, Some(tokens as f64)));
            let off = figure(case, &LATENCY).unwrap() - millis as f64;
            assert!(off.abs() <= 5.001, "{name} {off}");
            let off = figure(case, &TTFT).unwrap() - millis as f64 / 10.0;
            assert!(off.abs() <= 0.51, "{name} {off}");
        }
        assert_eq!(side.notes, [""; 0]);
    }

    #[test]
    fn tables_inside_answers_are_ignored() {
        let table = "| Test Case | Speed |\n|---|---|\n| a | 1 tok/s |\n";
        let text = format!("```\n{table}- **Model**: no\n```\n{table}");
        let side = read(&text).unwrap();
        assert_eq!((side.whole.cases.len(), side.model), (1, None));
    }

    #[test]
    fn a_fence_within_an_answer_does_not_end_it() {
        let table = "| Test Case | Speed |\n|---|---|\n| a | 1 tok/s |\n";
        for (open, inner, close) in [
            ("````", "```", "````"),
            ("````", "```", "`````"),
            ("```", "~~~", "```"),
            ("~~~~ text", "~~~", "~~~~"),
            ("```", "```sh", "```"),
        ] {
            let text = format!("{open}\n{inner}\n{table}{close}\n\n{table}");
            assert_eq!(read(&text).unwrap().whole.cases.len(), 1, "{text}");
        }
        assert_eq!(read(&format!("```code``` in a line\n{table}")).unwrap().whole.cases.len(), 1);
    }

    #[test]
    fn a_table_quoted_in_our_own_report_adds_no_case() {
        let names: Vec<&str> = SAMPLE.iter().map(|s| s.0).collect();
        let session = run(suite(&names), Plan::default(), |id, now| {
            let (_, millis, prompt, tokens) = SAMPLE[id.case];
            let mut record = answer(id, now, millis, prompt, tokens);
            record.text = "```\n| Test Case | Speed |\n|---|---|\n| no | 1 tok/s |\n```\n".into();
            Some(record)
        });
        let side = read(&EXPORTERS[0].render(&report(session))).unwrap();
        assert_eq!(side.whole.cases.len(), SAMPLE.len());
    }

    #[test]
    fn errors_name_the_line() {
        let why =
            |rows: &str| read(&format!("# R\n\n| Test Case | Time |\n|---|---|\n{rows}")).unwrap_err().to_string();
        assert_eq!(why("| a | 1s |\n| b | fast |"), "line 6: 'fast' is not a number");
        assert_eq!(why("| a | 7,03s |"), "line 5: '7,03s' is not a number");
        assert_eq!(why("|  | 1s |"), "line 5: a row has no case name");
        assert_eq!(why("| a | 1s | 2 |"), "line 5: 3 cells under 2 headings");
        assert!(why("").contains("no table of cases in 4 lines"));
        let side = read("| Case | Time |\n| a \\| b | N/A |\n").unwrap();
        assert_eq!(
            (side.whole.cases[0].name.as_str(), side.whole.cases[0].figures.clone()),
            ("a | b", vec![None; COMPARED.len()])
        );
    }

    proptest! {
        #[test]
        fn no_text_causes_a_panic(
            parts in prop::collection::vec(prop_oneof![
                Just("|".to_owned()), Just("\n".to_owned()), Just("| Test Case | Time | Speed |\n".to_owned()),
                Just("```".to_owned()), Just("- **Model**: ".to_owned()), Just("\\".to_owned()), Just("1e999s".to_owned()),
                any::<String>(),
            ], 0..40),
        ) {
            if let Ok(side) = read(&parts.concat()) {
                prop_assert!(!side.whole.cases.is_empty());
                prop_assert!(side.whole.cases.iter().flat_map(|c| &c.figures).flatten().all(|f| f.mean.is_finite()));
            }
        }
    }
}
