//! A race: who is faster at what, by how much, how sure, and where the answers differ.

use super::View;
use super::escape::inline;
use super::figures::figure;
use super::page::{Page, Table};
use crate::domain::metrics::Unit;
use crate::domain::pass_rate::PassRate;
use crate::domain::race::{ERROR_RATE, Side};
use crate::domain::race_results::{CaseTally, RaceDifference, RaceVerdict, sentence};

pub fn write(view: &View<'_>, page: &mut Page) {
    let Some(race) = view.report.session.race() else { return };
    let (settings, tally) = (&race.settings, &race.tally);
    page.block("## Race");
    page.block(&format!("**{}**", inline(&sentence(settings, tally))));
    let rival = view.report.rival.clone().unwrap_or_default();
    for side in Side::BOTH {
        let about = &settings.sides[side.index()];
        let model = if side == Side::A { &view.report.model } else { &rival.model };
        let server = if side == Side::A { &view.report.server } else { &rival.server };
        let kind = server.kind.as_ref().map(|kind| format!(", {}", inline(kind)));
        let extra = (!about.extra.is_empty()).then(|| format!(", extra fields {}", inline(&about.extra)));
        let text = format!(
            "{}, {}{}{}",
            inline(model),
            inline(&about.url),
            kind.unwrap_or_default(),
            extra.unwrap_or_default()
        );
        page.field(side.letter(), &text);
    }
    page.line("");
    let mut table =
        Table::default().text("Metric").number("A").number("B").number("B − A").number("Interval").text("Verdict");
    for difference in tally.differences(settings) {
        table.row(row(&difference));
    }
    page.table(&table);
    let order = if settings.takes_turns { "one request at a time" } else { "both sides at once" };
    page.block(&format!(
        "{} of at most {} blocks, {order}; seed {}. A and B are geometric means. If the sides are equal, a race claims a better \
         one in at most {:.0}% of all races, however often it looks; the intervals of all metrics hold together at {:.0}%. \
         \"No difference\" means that the interval lies within ±{}%.",
        tally.blocks(),
        view.report.session.plan.repeat,
        settings.seed,
        100.0 * ERROR_RATE,
        100.0 * (1.0 - ERROR_RATE),
        settings.margin_percent,
    ));
    answers(view, page);
}

fn row(difference: &RaceDifference) -> Vec<String> {
    let metric = difference.metric;
    let digits = if metric.unit == Unit::Milliseconds && difference.means[0] >= 100.0 { 0 } else { 2 };
    let unit = if metric.unit == Unit::Milliseconds { "ms" } else { "tok/s" };
    let interval = difference.interval_percent();
    let sign = match difference.verdict {
        RaceVerdict::A | RaceVerdict::B => "✓ ",
        RaceVerdict::NoDifference => "= ",
        RaceVerdict::Undecided => "? ",
    };
    vec![
        format!("{} ({unit})", difference.label()),
        figure(Some(difference.means[0]), digits, false),
        figure(Some(difference.means[1]), digits, false),
        format!("{:+.1}%", difference.percent()),
        interval.map_or_else(|| "—".to_owned(), |[low, high]| format!("{low:+.1} to {high:+.1}%")),
        format!("{sign}{}", difference.verdict.in_words()),
    ]
}

/// Length, checks and failures of the answers to each case.
fn answers(view: &View<'_>, page: &mut Page) {
    let Some(race) = view.report.session.race() else { return };
    let tally = &race.tally;
    let different = tally.differing_lengths(&race.settings);
    let has_checks = tally.cases().iter().any(|case| case.checks.iter().any(|rate| rate.checked > 0));
    page.block("### Answers of the Two Sides");
    let mut table =
        Table::default().text("Case").number("Pairs").number("Tokens A").number("Tokens B").number("Equal texts");
    if has_checks {
        table = table.number("Checks A").number("Checks B");
    }
    table = table.text("Differs in");
    let specs = view.report.session.suite.cases.iter().step_by(2);
    for ((at, case), spec) in (0..).zip(tally.cases()).zip(specs) {
        let tokens = |side: usize| figure(case.output_tokens().map(|tokens| tokens[side]), 1, false);
        let name = spec.name.strip_prefix("A: ").unwrap_or(&spec.name);
        let mut row = vec![inline(name), case.pairs.to_string(), tokens(0), tokens(1), case.equal_texts.to_string()];
        if has_checks {
            row.extend(case.checks.map(passed));
        }
        row.push(differs(case, different.contains(&at)));
        table.row(row);
    }
    page.table(&table);
}

fn passed(rate: PassRate) -> String {
    if rate.checked == 0 { "—".to_owned() } else { format!("{}/{}", rate.passed, rate.checked) }
}

/// Names what the answers to a case differ in, beyond chance.
fn differs(case: &CaseTally, in_length: bool) -> String {
    let failed = |side: usize| case.requests[side] - case.answers[side].min(case.requests[side]);
    let failures = (failed(0) + failed(1) > 0).then(|| format!("failures ({} of A, {} of B)", failed(0), failed(1)));
    let parts =
        [in_length.then(|| "length".to_owned()), case.differs_in_checks().then(|| "checks".to_owned()), failures];
    let parts: Vec<String> = parts.into_iter().flatten().collect();
    if parts.is_empty() { "nothing beyond chance".to_owned() } else { parts.join(", ") }
}
