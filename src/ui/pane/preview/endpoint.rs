//! Before the run: whether the endpoint is there, what is tried meanwhile, and what would help.

use ratatui::style::Style;

use super::super::header::is_loading;
use crate::app::action::Action;
use crate::app::state::Connection;
use crate::domain::live::DISCOVERY_RETRY_DELAY;
use crate::domain::text::sanitise_line;
use crate::ui::number::clock;
use crate::ui::view::View;

/// Sentences and how they look; none once the run has begun, unless it is stopped.
pub(super) fn sentences(view: &View<'_>) -> Vec<(String, Style)> {
    let (scene, theme) = (view.scene(), view.theme);
    let url = sanitise_line(&scene.target.url);
    let quits = view.key_of(Action::Quit);
    if let Some(stop) = &scene.stop {
        let again = view.key_of(Action::Rerun);
        return vec![
            (format!("✗ {url} refused a request; all others would fail too."), theme.bad()),
            (sanitise_line(&stop.reason), theme.text()),
            (format!("{again} tries again, {quits} quits."), theme.muted()),
        ];
    }
    if scene.session.began.is_some() {
        return Vec::new();
    }
    match &scene.target.connection {
        Connection::Connecting => {
            vec![
                (format!("Asking {url} for its models."), theme.accent()),
                ("The run begins by itself once it answers.".to_owned(), theme.muted()),
            ]
        }
        Connection::Unreachable(why) => {
            let (tried, every) = (tried(view), DISCOVERY_RETRY_DELAY.as_secs());
            let (what, helps) = if is_loading(why) {
                (format!("{url} is there, and its model is loading."), String::new())
            } else {
                let helps = format!("Start it; or {quits} and name another URL: tokscope URL");
                (format!("Nothing to measure at {url} yet."), helps)
            };
            let mut told = vec![(what, theme.warning())];
            if !is_loading(why) {
                told.push((sanitise_line(why), theme.text()));
            }
            told.push((format!("{tried}; again every {every} s. The run begins by itself."), theme.muted()));
            told.push((helps, theme.muted()));
            told.retain(|(text, _)| !text.is_empty());
            told
        }
        Connection::Unnamed => {
            vec![(format!("{url} has several models: which one is measured?"), theme.warning())]
        }
        Connection::Refused(why) => vec![
            (format!("✗ {url} cannot be measured as it is."), theme.bad()),
            (sanitise_line(why), theme.text()),
            (format!("Nothing more is tried. {quits} quits, with status 3."), theme.muted()),
        ],
        Connection::Ready => Vec::new(),
    }
}

/// How often it was asked, and for how long.
fn tried(view: &View<'_>) -> String {
    let refusals = view.scene().failed_discoveries;
    let span = refusals.last.since(refusals.first);
    match refusals.count {
        0 | 1 => "Asked once".to_owned(),
        n => format!("Asked {n} times in {}", clock(span)),
    }
}
