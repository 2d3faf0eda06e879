//! Result of a finished run: a line of figures, and a line with its bottleneck.

use ratatui::Frame;
use ratatui::layout::Rect;
use ratatui::style::Style;
use ratatui::text::{Line, Span};

use crate::app::state::Scene;
use crate::domain::pass_rate::whole_percent;
use crate::domain::quantity::ESTIMATED;
use crate::domain::server_gauges::Meter;
use crate::domain::session::Mode;
use crate::domain::sweep::{Saturation, SweepSummary};
use crate::domain::text::sanitise_line;
use crate::report::bottleneck::{Bottleneck, SystemFigures};
use crate::report::conclusion::Conclusion;
use crate::report::gpu::GpuReport;
use crate::report::host::HostReport;
use crate::ui::view::View;
use crate::ui::{fit, number, pane};

/// Row of the header with the figures.
const FIGURES: u16 = 2;
/// Row of the header with the bottleneck.
const SENTENCE: u16 = 3;
const BETWEEN: &str = "  ";

pub(super) fn draw(frame: &mut Frame<'_>, area: Rect, view: &View<'_>) {
    let scene = view.scene();
    if area.height <= FIGURES || scene.session.mode != Mode::Finished {
        return;
    }
    let conclusion = view.cache.conclusion(&scene.session, scene.gpu.samples, || {
        Conclusion::from_session(
            &scene.session,
            system_figures(scene),
            gpu_report(scene).as_ref().map_err(String::as_str),
        )
    });
    pane::line(frame, area, FIGURES, figures(&conclusion, usize::from(area.width), view));
    pane::line(frame, area, SENTENCE, sentence(&conclusion, usize::from(area.width), view));
}

/// The line that names the bottleneck.
fn sentence(conclusion: &Conclusion, columns: usize, view: &View<'_>) -> Line<'static> {
    let theme = view.theme;
    let Some(bottleneck) = &conclusion.bottleneck else {
        return Line::styled("No request was measured.", theme.text());
    };
    let (headline, evidence) = fitted(bottleneck, columns);
    Line::from(vec![Span::styled(headline, theme.value()), Span::styled(evidence, theme.text())])
}

/// Fits headline and evidence into `columns`. If there is no room for the evidence of a second cause, the headline
/// names that cause.
fn fitted(bottleneck: &Bottleneck, columns: usize) -> (String, String) {
    let evidence = |headline: &str| {
        let room = columns.saturating_sub(fit::width(headline));
        clauses(&format!(": {}", bottleneck.evidence), room)
    };
    let headline = bottleneck.headline();
    let shown = evidence(&headline);
    let is_lost = |cause: &&&str| **cause != bottleneck.cause && !shown.contains(&format!("also {cause}"));
    let lost: Vec<String> = bottleneck.also.iter().filter(is_lost).map(|cause| format!(", also {cause}")).collect();
    if lost.is_empty() {
        return (headline, shown);
    }
    let headline = headline + &lost.concat();
    let shown = evidence(&headline);
    (headline, shown)
}

/// Returns as many complete clauses of a sentence as fit, with a full stop; empty if not even the first clause fits.
/// The report has the whole sentence.
fn clauses(sentence: &str, room: usize) -> String {
    if fit::width(sentence) <= room {
        return sentence.to_owned();
    }
    let mut ends: Vec<usize> =
        [", ", "; "].iter().flat_map(|end| sentence.match_indices(end)).map(|(at, _)| at).collect();
    ends.sort_unstable();
    let mut starts = ends.into_iter().rev().map(|at| sentence.split_at(at).0);
    let fitting = starts.find(|clauses| fit::width(clauses) < room);
    fitting.map_or_else(String::new, |clauses| format!("{clauses}."))
}

fn gpu_report(scene: &Scene) -> Result<GpuReport, String> {
    let (is_local, simulated) = (scene.target.is_local(), scene.target.simulated);
    GpuReport::of_run(simulated, is_local, &scene.gpu, &scene.session, scene.now)
}

fn system_figures(scene: &Scene) -> SystemFigures {
    let is_local = scene.target.is_local();
    let gpu = gpu_report(scene).ok();
    let figures = SystemFigures {
        busiest_gpu_percent: gpu.as_ref().and_then(GpuReport::busiest_percent),
        gpu_throttled: gpu.as_ref().and_then(GpuReport::longest_throttle),
        lag_p99_ms: scene.live.lag.p99_ms,
        server_waiting: scene.gauges.as_ref().and_then(|gauges| gauges.mean(Meter::Waiting)),
        ..SystemFigures::default()
    };
    figures.with_host(HostReport::from_history(&scene.host).ok().as_ref(), is_local)
}

/// A figure with the words before and after it, and its style.
type Figure<'a> = (&'a str, String, &'a str, Style);

/// The line of figures: as many as fit, in order of importance.
fn figures(conclusion: &Conclusion, columns: usize, view: &View<'_>) -> Line<'static> {
    let theme = view.theme;
    let checks = conclusion.pass_rate;
    let (is_wrong, share) = (checks.failed() > 0, checks.percent().map(whole_percent));
    let number = format!(" pass, {} wrong", number::grouped(checks.failed() as u64));
    let wrong: Option<Figure<'_>> =
        share.clone().filter(|_| is_wrong).map(|share| ("checks: ", share, number.as_str(), theme.bad()));
    let price: Option<Figure<'_>> =
        conclusion.cost.as_ref().map(|cost| ("price ", cost.to_string(), "", theme.value()));
    if let Some(sentence) = &conclusion.search {
        let all = wrong.into_iter().chain([("", clauses(sentence, columns), "", theme.value())]).chain(price).collect();
        return fitting(all, columns, view);
    }
    if let Some(sweep) = &conclusion.sweep {
        let all = wrong.into_iter().chain(sweep_figures(sweep, conclusion.partial, view)).chain(price).collect();
        return fitting(all, columns, view);
    }
    let mark = if conclusion.estimated { ESTIMATED } else { "" };
    let mut all: Vec<Figure<'_>> = Vec::new();
    if conclusion.partial {
        let (done, planned, noun) = match conclusion.requests {
            Some((answered, planned)) => (answered, planned, " requests"),
            None => (conclusion.ok, conclusion.cases, " cases"),
        };
        all.push(("partial ", format!("{done}/{planned}"), noun, theme.warning()));
    }
    all.extend(conclusion.failures.as_ref().map(|kinds| ("failed ", sanitise_line(kinds), "", theme.bad())));
    // Wrong answers come before the speed, because the speed of a wrong answer is no result.
    all.extend(wrong);
    let per_s = |v: Option<f64>, unit| v.map(|v| ("", number::rate(Some(v)), unit, theme.value()));
    all.extend(per_s(conclusion.items_per_s, " items/s"));
    if let Some((p50, p95)) = conclusion.latency_ms {
        all.push(("latency p50 ", number::millis(Some(p50)), "", theme.value()));
        all.extend(p95.map(|ms| ("p95 ", number::millis(Some(ms)), "", theme.value())));
    }
    all.extend(per_s(conclusion.input_tokens_per_s, " input tok/s"));
    // The rating follows the measured speed, which it explains.
    let rating = all.len();
    let word = conclusion.rating.as_ref().map_or("", |(word, _)| *word);
    let rated = if word.is_empty() { " tok/s".to_owned() } else { format!(" tok/s · {word}") };
    all.extend(conclusion.speed.map(|speed| {
        let style = if matches!(word, "Excellent" | "Good") { theme.good() } else { theme.value() };
        ("mean speed ", format!("{mark}{}", number::whole(speed)), rated.as_str(), style)
    }));
    if conclusion.rating.is_none() && conclusion.rating_note.is_some() {
        all.push(("", "not rated".to_owned(), ": decode unresolved", theme.warning()));
    }
    all.extend(conclusion.ttft_p50_ms.map(|ms| ("TTFT p50 ", number::millis(Some(ms)), "", theme.value())));
    all.extend(share.filter(|_| !is_wrong).map(|share| ("checks: ", share, " pass", theme.good())));
    let decode = |v| ("decode p50 ", format!("{mark}{}", number::rate(Some(v))), " tok/s", theme.value());
    all.extend(conclusion.decode_p50.map(decode));
    // Add the scale of the rating if none of the main figures has to go for it.
    let scale = conclusion.rating.as_ref().map_or_else(String::new, |(_, scale)| format!("{rated} ({scale})"));
    if conclusion.speed.is_some() && width(&all) + fit::width(&scale) <= columns + fit::width(&rated) {
        all.iter_mut().skip(rating).take(1).for_each(|figure| figure.2 = &scale);
    }
    all.extend(conclusion.tokens.map(|n| ("", format!("{mark}{}", number::grouped(n)), " tokens", theme.value())));
    all.extend(price);
    all.extend(conclusion.wall.map(|wall| ("in ", number::clock(wall), "", theme.value())));
    if let Some((name, ms)) = &conclusion.slowest {
        all.push((
            "slowest ",
            format!("{} {}", fit::cut(&sanitise_line(name), 32), number::millis(Some(*ms))),
            "",
            theme.text(),
        ));
    }
    fitting(all, columns, view)
}

/// Figures of a whole sweep, the most important first.
fn sweep_figures(sweep: &SweepSummary, partial: bool, view: &View<'_>) -> Vec<Figure<'static>> {
    let theme = view.theme;
    let mark = if sweep.estimated { ESTIMATED } else { "" };
    let mut all: Vec<Figure<'static>> = Vec::new();
    if partial {
        all.push(("", "partial".to_owned(), "", theme.warning()));
    }
    all.extend(sweep.failures.as_ref().map(|kinds| ("failed ", sanitise_line(kinds), "", theme.bad())));
    if let Some((best, throughput)) = sweep.best.as_ref().and_then(|best| Some((best, best.throughput_per_s()?))) {
        let mark = if best.estimated { ESTIMATED } else { "" };
        let (throughput, unit) = (number::whole(throughput), best.throughput_unit());
        let result = format!("{mark}{throughput} {unit} at concurrency {}", best.concurrency);
        all.push(("best throughput ", result, "", theme.value()));
    }
    let (before, concurrency) = match sweep.saturation {
        Saturation::FromStart(found) => ("saturated from concurrency ", Some(found.concurrency)),
        Saturation::Knee(concurrency) => ("knee at concurrency ", Some(concurrency)),
        Saturation::NoneUpTo(last) => ("no saturation up to concurrency ", Some(last)),
        Saturation::Unknown => ("saturation unknown", None),
    };
    let concurrency = concurrency.map_or_else(String::new, |concurrency| concurrency.to_string());
    all.push((before, concurrency, "", theme.value()));
    all.extend(sweep.slo.as_ref().map(|slo| ("SLO ", slo.clone(), "", theme.value())));
    if view.scene().session.suite.task.generates() {
        all.push(("", format!("{mark}{}", number::grouped(sweep.output_tokens)), " tokens", theme.value()));
    }
    all.extend(sweep.duration.map(|duration| ("in ", number::clock(duration), "", theme.value())));
    all
}

/// Cells that figures take in one line.
fn width(figures: &[Figure<'_>]) -> usize {
    let each = figures.iter().map(|(before, figure, after, _)| [*before, figure, *after].map(fit::width));
    each.flatten().sum::<usize>() + BETWEEN.len() * figures.len().saturating_sub(1)
}

/// The figures that fit into `columns`.
fn fitting(all: Vec<Figure<'_>>, columns: usize, view: &View<'_>) -> Line<'static> {
    let theme = view.theme;
    let mut spans: Vec<Span<'static>> = Vec::new();
    let mut used = 0;
    for figure in all {
        let gap = if spans.is_empty() { "" } else { BETWEEN };
        let width = gap.len() + width(std::slice::from_ref(&figure));
        if used + width > columns {
            continue;
        }
        used += width;
        let (before, figure, after, style) = figure;
        spans.extend([
            Span::styled(format!("{gap}{before}"), theme.muted()),
            Span::styled(figure, style),
            Span::styled(after.to_owned(), theme.muted()),
        ]);
    }
    Line::from(spans)
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::app::action::Action;
    use crate::domain::gpu::{GpuEvent, GpuInfo, GpuSample};
    use crate::domain::gpu_scope::GpuScope;
    use crate::domain::session::Plan;
    use crate::domain::time::Nanos;
    use crate::ui::sample::running;
    use crate::ui::testing::sweep::sweep;
    use crate::ui::testing::{Script, Stage, text};
    use crate::ui::theme::Theme;

    #[test]
    fn a_sentence_is_cut_between_clauses() {
        let sentence = "97% of it, 9 ms a token, steady; GPU up to 98%.";
        let cut = |room| clauses(sentence, room);
        assert_eq!((cut(47), cut(46)), (sentence.to_owned(), "97% of it, 9 ms a token, steady.".to_owned()));
        assert_eq!((cut(32), cut(31)), (cut(46), "97% of it, 9 ms a token.".to_owned()));
        assert_eq!(cut(4), "");
    }

    #[test]
    fn a_second_cause_that_does_not_fit_is_named_in_the_headline() {
        let evidence = "tokscope itself was 11 ms late (p99), beside an ITL of 8.7 ms; also decode-bound: 90% of it.";
        let found = Bottleneck { cause: "client-bound", evidence: evidence.to_owned(), also: vec!["decode-bound"] };
        let line = |columns| {
            let (headline, shown) = fitted(&found, columns);
            headline + &shown
        };
        assert_eq!(line(120), format!("Client-bound: {evidence}"));
        assert_eq!(line(78), "Client-bound, also decode-bound: tokscope itself was 11 ms late (p99).");
        // The same cause again is not a second cause.
        let own = Bottleneck { also: vec!["client-bound"], ..found };
        assert!(fitted(&own, 78).0 == "Client-bound", "{:?}", fitted(&own, 78));
    }

    #[test]
    fn the_result_of_a_sweep_covers_all_its_stages() {
        let mut stage = sweep(5);
        let line = |stage: &Stage, width| text(&stage.draw_with(width, 4, Theme::mono(), draw));
        let shown = line(&stage, 140);
        // Five stages of 32 answers with 80 tokens each.
        assert!(shown.contains("  12,800 tokens  in "), "{shown}");
        let result = "tok/s at concurrency 16  knee at concurrency 8  SLO met up to concurrency 4";
        assert!(shown.contains("\nbest throughput ") && shown.contains(result), "{shown}");
        assert!(!shown.contains("Excellent") && !shown.contains("partial"), "{shown}");
        assert!(line(&stage, 78).contains("best "), "{}", line(&stage, 78));
        stage.act(Action::Rerun);
        assert!(!line(&stage, 140).contains("best "), "a rerun is running: {}", line(&stage, 140));
    }

    #[test]
    fn a_run_without_a_rating_says_why_in_80_columns() {
        let mut stage = Stage::new(&["a"], Plan::default());
        stage.connect();
        stage.start(0, 1, Script::plain(100, 0, 100));
        stage.finish(0);
        let shown = text(&stage.draw_with(78, 4, Theme::mono(), draw));
        assert!(shown.contains("not rated: decode unresolved"), "{shown}");
    }

    #[test]
    fn a_fast_run_with_wrong_answers_shows_its_pass_rate_first() {
        use crate::domain::check::{CheckKind, CheckResult};
        let shown = |wrong: bool| {
            let mut stage = Stage::new(&["a", "b"], Plan::default());
            stage.connect();
            for case in 0..2 {
                stage.start(case, 1, Script::plain(100, 10, 100));
                stage.pass(3000);
                stage.end(case, |r| {
                    r.status = crate::domain::attempt::AttemptStatus::Ok;
                    r.usage.completion_tokens = Some(100);
                    let failure = (wrong && case == 1).then(|| "no".to_owned());
                    r.checks =
                        vec![CheckResult { kind: CheckKind::Regex, passed: failure.is_none(), message: failure }];
                });
            }
            text(&stage.draw_with(78, 4, Theme::mono(), draw))
        };
        let wrong = shown(true);
        assert!(wrong.contains("checks: 50% pass, 1 wrong  ") && wrong.contains("tok/s"), "{wrong}");
        assert!(shown(false).contains("checks: 100% pass"), "{}", shown(false));
    }

    #[test]
    fn only_a_serving_gpu_counts_and_only_during_the_run() {
        let mut scene = running().scene;
        scene.session.began = Some(Nanos(10));
        let gpu = |index: u32| GpuInfo { index, uuid: Some(format!("G{index}")), ..GpuInfo::default() };
        let gpus = vec![gpu(0), gpu(1)];
        scene.gpu.apply(GpuEvent::Found { source: "nvml".to_owned(), driver: None, gpus, interval_ms: 250 });
        scene.gpu.begin_run(Nanos(10));
        let mut sample = |at, index, percent| {
            let utilization_percent = Some(percent);
            if at == 30 {
                scene.gpu.set_active(false, Nanos(at));
            }
            scene.gpu.apply(GpuEvent::Sample(GpuSample {
                at: Nanos(at),
                index,
                utilization_percent,
                ..Default::default()
            }));
        };
        // Only the samples up to the end of the run count. Later load belongs to other programs.
        for (at, serving, other) in [(20, 40.0, 99.0), (30, 60.0, 99.0), (40, 100.0, 100.0)] {
            sample(at, 0, serving);
            sample(at, 1, other);
        }
        assert_eq!(system_figures(&scene).busiest_gpu_percent, Some(99.0), "which of them serves is unknown");
        scene.gpu.scope = Some(GpuScope::EndpointHost { evidence: "seen".to_owned(), gpus: vec!["G0".to_owned()] });
        assert_eq!(system_figures(&scene).busiest_gpu_percent, Some(60.0));
        scene.target.simulated = true;
        assert_eq!(system_figures(&scene).busiest_gpu_percent, None);
    }
}
