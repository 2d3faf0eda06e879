//! The dialog that asks before an active run is quit.

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
    let mut add = |text: String, style| {
        lines.extend(wrap(&[Span::styled(text, style)], columns).into_iter().map(Line::from));
    };
    add(state(session.in_flight(), waiting), view.theme.value());
    add(
        "Quitting cancels all requests that have not finished. Files named with --export are still written.".to_owned(),
        view.theme.text(),
    );
    popup(frame, area, "Quit?", keys_of(Context::ConfirmQuit, view), lines, view.theme);
}

fn state(running: usize, waiting: usize) -> String {
    let requests = match running {
        0 => String::new(),
        1 => "1 request in flight".to_owned(),
        n => format!("{n} requests in flight"),
    };
    let cases = match waiting {
        0 => String::new(),
        1 => "1 case queued".to_owned(),
        n => format!("{n} cases queued"),
    };
    match (requests.is_empty(), cases.is_empty()) {
        (false, false) => format!("{requests}, {cases}."),
        // The last request ended while the dialog was open.
        (true, true) => "No requests are in flight.".to_owned(),
        _ => format!("{requests}{cases}."),
    }
}

#[cfg(test)]
mod tests {
    use super::state;

    #[test]
    fn the_dialog_counts_requests_in_flight_and_queued_cases() {
        assert_eq!(state(1, 0), "1 request in flight.");
        assert_eq!(state(2, 1), "2 requests in flight, 1 case queued.");
        assert_eq!(state(0, 3), "3 cases queued.");
        assert_eq!(state(0, 0), "No requests are in flight.");
    }
}
