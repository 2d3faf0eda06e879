//! What a finished run came to: a line of figures, a line that says what held it back.

use ratatui::Frame;
use ratatui::layout::Rect;
use ratatui::style::Style;
use ratatui::text::{Line, Span};

use crate::app::model::Scene;
use crate::domain::session::Mode;
use crate::domain::text::sanitise_line;
use crate::report::bottleneck::Around;
use crate::report::conclusion::Conclusion;
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
    let ended = scene.session.cases.iter().flat_map(|c| &c.attempts).filter(|a| a.record.is_some()).count();
    let key = (scene.session.began, scene.session.last_ended, ended);
    let told = view.cache.conclusion(key, || Conclusion::of(&scene.session, around(scene)));
    pane::line(frame, area, FIGURES, figures(&told, usize::from(area.width), view));
    let sentence = told.bottleneck.as_deref().unwrap_or("Nothing was measured.");
    let sentence = fit::cut(sentence, usize::from(area.width));
    pane::line(frame, area, SENTENCE, Line::styled(sentence, view.theme.text()));
}

fn around(scene: &Scene) -> Around {
    let (busiest_gpu_percent, lag_p99_ms) = (scene.busiest_gpu_percent(), scene.live.lag.p99_ms);
    let around = Around { busiest_gpu_percent, lag_p99_ms, ..Around::default() };
    around.with_host(HostReport::of(&scene.host).ok().as_ref(), scene.target.is_local())
}

/// As many figures as there is room for, the first ones first.
fn figures(told: &Conclusion, columns: usize, view: &View<'_>) -> Line<'static> {
    let theme = view.theme;
    let about = if told.estimated { "~" } else { "" };
    let mut all: Vec<(&str, String, &str, Style)> = Vec::new();
    if told.partial {
        all.push(("partial ", format!("{}/{}", told.ok, told.cases), " cases", theme.warning()));
    }
    all.extend(told.failures.as_ref().map(|kinds| ("failed ", sanitise_line(kinds), "", theme.bad())));
    all.extend(told.rating.map(|rating| ("", rating.to_owned(), "", theme.good())));
    all.extend(told.ttft_p50_ms.map(|ms| ("TTFT p50 ", number::millis(Some(ms)), "", theme.value())));
    all.extend(told.decode_p50.map(|v| ("decode p50 ", format!("{about}{v:.1}"), " tok/s", theme.value())));
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
    for (before, figure, after, style) in all {
        let gap = if spans.is_empty() { "" } else { BETWEEN };
        let width = gap.len() + before.len() + fit::width(&figure) + after.len();
        if used + width > columns {
            continue;
        }
        used += width;
        spans.extend([
            Span::styled(format!("{gap}{before}"), theme.muted()),
            Span::styled(figure, style),
            Span::styled(after, theme.muted()),
        ]);
    }
    Line::from(spans)
}
