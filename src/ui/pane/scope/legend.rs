//! The legend of the plot of gaps: words in the colours of the lines, with the number of streams in each phase.

use ratatui::text::Span;

use super::ink::{Emphasis, Part, selected_sign};
use crate::app::state::streams::StreamSelection;
use crate::domain::live::StreamPhase;
use crate::ui::number;
use crate::ui::view::View;

type Entry = Vec<Span<'static>>;

/// The entries, most important first.
pub fn entries(view: &View<'_>, shown: &StreamSelection<'_>, has_band: bool) -> Vec<Entry> {
    let scene = view.scene();
    let part = |part: Part, name: String| {
        let ink = part.ink(view, Emphasis::Usual);
        vec![Span::styled(format!("{} {name}", part.sample(view)), ink.style)]
    };
    let counted = |name: &str, phase: StreamPhase| {
        let count = scene.in_flight().filter(|f| f.phase == phase).count();
        let is_counted = scene.session.is_active();
        if is_counted { format!("{name} {}", number::grouped(count as u64)) } else { name.to_owned() }
    };
    let mut entries = Vec::new();
    if has_band {
        let median_name = if scene.session.is_active() { "median of ended" } else { "median of all" };
        entries.push(part(Part::Median, median_name.to_owned()));
        entries.push(part(Part::Band, "shortest to longest".to_owned()));
    }
    let is_single = !has_band || scene.session.is_active();
    if is_single {
        entries.push(part(Part::Answer, counted("answer", StreamPhase::Answering)));
        entries.push(part(Part::Thinking, counted("reasoning", StreamPhase::Reasoning)));
        entries.push(part(Part::Prefill, counted("prefill", StreamPhase::Waiting)));
    }
    // Count queued requests, because the other phases count requests too.
    let queued = scene.session.requests_queued().filter(|queued| *queued > 0 && scene.session.is_active());
    let name = queued.map_or_else(|| "queued".to_owned(), |n| format!("queued {}", number::grouped(n as u64)));
    if shown.streams.iter().any(|s| s.sent > s.started) {
        entries.push(part(Part::Queued, name));
    } else if queued.is_some() {
        entries.push(vec![Span::styled(name, view.theme.muted())]);
    }
    if shown.count > 1 && shown.selected.is_some() {
        entries.push(vec![Span::styled(format!("{} selected", selected_sign(view)), view.theme.value())]);
    }
    entries.push(vec![Span::styled("▲ stall", view.theme.warning())]);
    if is_single {
        entries.push(part(Part::Peak, "longest".to_owned()));
    }
    if !has_band {
        entries.push(vec![Span::styled("┴ start", view.theme.muted())]);
    }
    entries
}
