//! The question before quitting a run that is not over.

use ratatui::Frame;
use ratatui::layout::Rect;
use ratatui::text::{Line, Span};

use super::{keys_of, popup};
use crate::domain::session::CasePhase;
use crate::ui::keymap::Context;
use crate::ui::view::View;
use crate::ui::widget::wrap::wrap;

pub(super) fn draw(frame: &mut Frame<'_>, area: Rect, view: &View<'_>) {
    let session = &view.app.scene.session;
    let waiting = session.count(CasePhase::Queued);
    let columns = usize::from(area.width).saturating_sub(6).min(52);
    let mut lines = Vec::new();
    let mut say = |text: String, style| {
        lines.extend(wrap(&[Span::styled(text, style)], columns).into_iter().map(Line::from));
    };
    say(state(session.in_flight(), waiting), view.theme.value());
    say(
        "Quitting gives up what is not measured yet. Files named with --export are still written with what is."
            .to_owned(),
        view.theme.text(),
    );
    popup(frame, area, "Quit?", keys_of(Context::ConfirmQuit, view), lines, view.theme);
}

fn state(running: usize, waiting: usize) -> String {
    let requests = match running {
        0 => String::new(),
        1 => "1 request is running".to_owned(),
        n => format!("{n} requests are running"),
    };
    let cases = match waiting {
        0 => String::new(),
        1 => "1 case is waiting".to_owned(),
        n => format!("{n} cases are waiting"),
    };
    match (requests.is_empty(), cases.is_empty()) {
        (false, false) => format!("{requests}, {cases}."),
        // The last request ended while the question was open.
        (true, true) => "Nothing is running any more.".to_owned(),
        _ => format!("{requests}{cases}."),
    }
}

#[cfg(test)]
mod tests {
    use super::state;

    #[test]
    fn what_runs_and_waits_is_counted() {
        assert_eq!(state(1, 0), "1 request is running.");
        assert_eq!(state(2, 1), "2 requests are running, 1 case is waiting.");
        assert_eq!(state(0, 3), "3 cases are waiting.");
        assert_eq!(state(0, 0), "Nothing is running any more.");
    }
}
