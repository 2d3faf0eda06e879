//! State of the endpoint before the run: whether it is ready, what tokscope tries, and what the user can do.

use ratatui::style::Style;

use super::super::header::is_loading;
use crate::app::action::Action;
use crate::app::state::Connection;
use crate::domain::live::DISCOVERY_RETRY_DELAY;
use crate::domain::text::sanitise_line;
use crate::ui::number::clock;
use crate::ui::view::View;

/// Returns styled sentences; none once the run has begun, unless it was stopped.
pub(super) fn sentences(view: &View<'_>) -> Vec<(String, Style)> {
    let (scene, theme) = (view.scene(), view.theme);
    let url = sanitise_line(&scene.target.url);
    let quits = view.key_of(Action::Quit);
    if let Some(stop) = &scene.stop {
        let retries = view.key_of(Action::Rerun);
        return vec![
            (format!("✗ {url} refused a request; the others would fail too."), theme.bad()),
            (sanitise_line(&stop.reason), theme.text()),
            (format!("{retries} retries, {quits} quits."), theme.muted()),
        ];
    }
    if scene.session.began.is_some() {
        return Vec::new();
    }
    match &scene.target.connection {
        Connection::Connecting => {
            vec![
                (format!("Connecting to {url}."), theme.accent()),
                ("The run starts when the server answers.".to_owned(), theme.muted()),
            ]
        }
        Connection::Unreachable(why) => {
            let every = DISCOVERY_RETRY_DELAY.as_secs();
            let (state, advice) = if is_loading(why) {
                (format!("{url} is up; its model is loading."), String::new())
            } else {
                let advice = format!("Start the server, or quit with {quits} and run: tokscope URL");
                (format!("{url} is not ready."), advice)
            };
            let mut sentences = vec![(state, theme.warning())];
            if !is_loading(why) {
                sentences.push((sanitise_line(why), theme.text()));
            }
            let retrying = format!("Retrying every {every} s{}. The run starts when the server is ready.", tries(view));
            sentences.push((retrying, theme.muted()));
            sentences.push((advice, theme.muted()));
            sentences.retain(|(text, _)| !text.is_empty());
            sentences
        }
        Connection::Unnamed => {
            vec![(format!("{url} serves several models. Choose one to benchmark."), theme.warning())]
        }
        Connection::Refused(why) => vec![
            (format!("✗ tokscope cannot benchmark {url}."), theme.bad()),
            (sanitise_line(why), theme.text()),
            (format!("There is no retry. {quits} quits with status 3."), theme.muted()),
        ],
        Connection::Ready => Vec::new(),
    }
}

/// Number and time span of the failed tries: ` (5 tries in 0:08)`.
fn tries(view: &View<'_>) -> String {
    let refusals = view.scene().failed_discoveries;
    let span = refusals.last.since(refusals.first);
    match refusals.count {
        0 | 1 => String::new(),
        n => format!(" ({n} tries in {})", clock(span)),
    }
}
