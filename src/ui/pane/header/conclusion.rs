//! What a finished run came to: a line of figures, and a line with its bottleneck.

use ratatui::Frame;
use ratatui::layout::Rect;
use ratatui::style::Style;
use ratatui::text::{Line, Span};

use crate::app::state::Scene;
use crate::domain::quantity::ESTIMATED;
use crate::domain::server_gauges::Meter;
use crate::domain::session::Mode;
use crate::domain::text::sanitise_line;
use crate::report::bottleneck::{Bottleneck, SystemFigures};
use crate::report::conclusion::Conclusion;
use crate::report::gpu::GpuReport;
use crate::report::host::HostReport;
use crate::ui::view::View;
use crate::ui::{fit, number, pane};

/// The rows of the header that it has.
const FIGURES: u16 = 2;
const SENTENCE: u16 = 3;
const BETWEEN: &str = "  ";

pub(super) fn draw(frame: &mut Frame<'_>, area: Rect, view: &View<'_>) {
    let scene = view.scene();
    if area.height <= FIGURES || scene.session.mode != Mode::Finished {
        return;
    }
    let told = view.cache.conclusion(&scene.session, scene.gpu.samples, || {
        Conclusion::from_session(&scene.session, system_figures(scene))
    });
    pane::line(frame, area, FIGURES, figures(&told, usize::from(area.width), view));
    pane::line(frame, area, SENTENCE, sentence(&told, usize::from(area.width), view));
}

/// The bottleneck.
fn sentence(told: &Conclusion, columns: usize, view: &View<'_>) -> Line<'static> {
    let theme = view.theme;
    let Some(bottleneck) = &told.bottleneck else {
        return Line::styled("Nothing was measured.", theme.text());
    };
    let (headline, evidence) = fitted(bottleneck, columns);
    Line::from(vec![Span::styled(headline, theme.value()), Span::styled(evidence, theme.text())])
}

/// Headline and evidence in so many columns. A further cause whose figures do not fit is named in the headline.
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

/// As many whole clauses as there is room for; of a first one that is too long its start.
fn clauses(sentence: &str, room: usize) -> String {
    if fit::width(sentence) <= room {
        return sentence.to_owned();
    }
    let ends = sentence.match_indices([',', ';']).map(|(at, _)| sentence.split_at(at).0);
    let whole = ends.rev().find(|clauses| fit::width(clauses) < room);
    whole.map_or_else(|| fit::cut(sentence, room), |clauses| format!("{clauses}{}", fit::ELLIPSIS))
}

fn system_figures(scene: &Scene) -> SystemFigures {
    let (is_local, simulated) = (scene.target.is_local(), scene.target.simulated);
    let gpu = GpuReport::of_run(simulated, is_local, &scene.gpu, &scene.session, scene.now);
    let gpu = gpu.ok();
    let from = scene.session.began.unwrap_or_default();
    let figures = SystemFigures {
        busiest_gpu_percent: gpu.as_ref().and_then(GpuReport::busiest_percent),
        gpu_throttled: gpu.as_ref().and_then(GpuReport::longest_throttle),
        lag_p99_ms: scene.live.lag.p99_ms,
        server_waiting: scene.gauges.as_ref().and_then(|gauges| gauges.mean(Meter::Waiting, from)),
        ..SystemFigures::default()
    };
    figures.with_host(HostReport::from_history(&scene.host).ok().as_ref(), is_local)
}

/// As many figures as there is room for, the first ones first.
fn figures(told: &Conclusion, columns: usize, view: &View<'_>) -> Line<'static> {
    let theme = view.theme;
    let about = if told.estimated { ESTIMATED } else { "" };
    let mut all: Vec<(&str, String, &str, Style)> = Vec::new();
    if told.partial {
        all.push(("partial ", format!("{}/{}", told.ok, told.cases), " cases", theme.warning()));
    }
    all.extend(told.failures.as_ref().map(|kinds| ("failed ", sanitise_line(kinds), "", theme.bad())));
    let rating = all.len();
    all.extend(told.rating.as_ref().map(|(word, _)| {
        let style = if matches!(*word, "Excellent" | "Good") { theme.good() } else { theme.value() };
        ("", (*word).to_owned(), "", style)
    }));
    if told.rating.is_none() && told.rating_note.is_some() {
        all.push(("", "not rated".to_owned(), ": decode unresolved", theme.warning()));
    }
    all.extend(told.ttft_p50_ms.map(|ms| ("TTFT p50 ", number::millis(Some(ms)), "", theme.value())));
    all.extend(told.decode_p50.map(|v| ("decode p50 ", format!("{about}{v:.1}"), " tok/s", theme.value())));
    let width = |figures: &[(&str, String, &str, Style)]| {
        let each = figures.iter().map(|(before, figure, after, _)| [*before, figure, *after].map(fit::width));
        each.flatten().sum::<usize>() + BETWEEN.len() * figures.len().saturating_sub(1)
    };
    // What it is measured against stands beside the word, where that costs none of the main figures.
    let against = told.rating.as_ref().map_or_else(String::new, |(_, against)| format!(" {against}"));
    if told.rating.is_some() && width(&all) + fit::width(&against) <= columns {
        all.iter_mut().skip(rating).take(1).for_each(|figure| figure.2 = &against);
    }
    all.extend(told.tokens.map(|n| ("", format!("{about}{}", number::grouped(n)), " tokens", theme.value())));
    all.extend(told.wall.map(|wall| ("in ", number::clock(wall), "", theme.value())));
    if let Some((name, ms)) = &told.slowest {
        all.push((
            "slowest ",
            format!("{} {}", fit::cut(&sanitise_line(name), 32), number::millis(Some(*ms))),
            "",
            theme.text(),
        ));
    }
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
    use crate::domain::gpu::{GpuEvent, GpuInfo, GpuSample};
    use crate::domain::gpu_scope::GpuScope;
    use crate::domain::session::Plan;
    use crate::domain::time::Nanos;
    use crate::ui::sample::running;
    use crate::ui::testing::{Script, Stage, text};
    use crate::ui::theme::Theme;

    #[test]
    fn a_sentence_is_cut_between_clauses() {
        let said = "97 % of it, 9 ms a token, steady; GPU up to 98 %.";
        let cut = |room| clauses(said, room);
        assert_eq!((cut(49), cut(48)), (said.to_owned(), "97 % of it, 9 ms a token, steady…".to_owned()));
        assert_eq!((cut(33), cut(32)), (cut(48), "97 % of it, 9 ms a token…".to_owned()));
        assert_eq!(cut(5), "97 %…");
    }

    #[test]
    fn a_second_cause_that_does_not_fit_is_named_in_the_headline() {
        let evidence = "tokscope itself was 11 ms late (p99), beside an ITL of 8.7 ms; also decode-bound: 90% of it.";
        let told = Bottleneck { cause: "client-bound", evidence: evidence.to_owned(), also: vec!["decode-bound"] };
        let line = |columns| {
            let (headline, shown) = fitted(&told, columns);
            headline + &shown
        };
        assert_eq!(line(120), format!("Client-bound: {evidence}"));
        assert_eq!(line(78), "Client-bound, also decode-bound: tokscope itself was 11 ms late (p99)…");
        // What names itself a second time has no second cause.
        let own = Bottleneck { also: vec!["client-bound"], ..told };
        assert!(fitted(&own, 78).0 == "Client-bound", "{:?}", fitted(&own, 78));
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
    fn the_gpu_it_tells_of_serves_and_is_busy_in_the_run() {
        let mut scene = running().scene;
        scene.session.began = Some(Nanos(10));
        let gpu = |index: u32| GpuInfo { index, uuid: Some(format!("G{index}")), ..GpuInfo::default() };
        let gpus = vec![gpu(0), gpu(1)];
        scene.gpu.apply(GpuEvent::Found { source: "nvml".to_owned(), driver: None, gpus, interval_ms: 250 });
        scene.gpu.begin_run(Nanos(10));
        let mut look = |at, index, percent| {
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
        // The run's last sample comes at its end; the job after it is none of it.
        for (at, serving, other) in [(20, 40.0, 99.0), (30, 60.0, 99.0), (40, 100.0, 100.0)] {
            look(at, 0, serving);
            look(at, 1, other);
        }
        assert_eq!(system_figures(&scene).busiest_gpu_percent, Some(99.0), "it is not known which of them serves");
        scene.gpu.scope = Some(GpuScope::EndpointHost { evidence: "seen".to_owned(), gpus: vec!["G0".to_owned()] });
        assert_eq!(system_figures(&scene).busiest_gpu_percent, Some(60.0));
        scene.target.simulated = true;
        assert_eq!(system_figures(&scene).busiest_gpu_percent, None);
    }
}
