//! Copies the text on the screen to the clipboard.

use super::notices::show_notice;
use crate::app::message::{Effect, ScreenEffect};
use crate::app::state::App;
use crate::app::state::answer::Form;
use crate::domain::attempt::AttemptId;
use crate::domain::check::ToolCall;
use crate::domain::quantity::{count, grouped};
use crate::domain::sent_request::REQUEST_NOT_STORED;
use crate::domain::text::sanitise;

/// Maximum text to copy, bytes. Terminals accept a clipboard sequence of about 100,000 bytes, and base64 adds a third.
/// They cut or drop a longer one without an error.
pub(super) const MAX_COPY_BYTES: usize = 74_000;
/// Name of an answer in flight whose beginning the live view has already dropped.
const LAST_PART: &str = "The last part of the answer";

/// Copies the answer as received, or the request and response if they are shown instead.
pub(super) fn copy(app: &mut App) -> Vec<Effect> {
    let now = app.scene.now;
    let Some((name, text)) = shown_text(app) else {
        let message = match app.ui.answer.form {
            Form::Exchange if app.playback.is_some() => REQUEST_NOT_STORED,
            Form::Exchange => "No request to copy yet",
            Form::Raw | Form::Rendered => "No answer to copy yet",
        };
        show_notice(app, now, message, true);
        return Vec::new();
    };
    let bytes = text.len();
    if bytes > MAX_COPY_BYTES {
        // Refuse instead of copying a part, which could be mistaken for the whole answer.
        let (size, most) = (bytes.div_ceil(1000), MAX_COPY_BYTES / 1000);
        let has_export = app.ui.answer.form != Form::Exchange && name != LAST_PART;
        let hint = if has_export { "; the JSON export has the whole text once the attempt ends" } else { "" };
        let message = format!("Not copied: {size} kB exceeds the {most} kB that terminals accept{hint}");
        show_notice(app, now, &message, true);
        return Vec::new();
    }
    let (characters, lines) = (grouped(text.chars().count() as u64), count(text.lines().count(), "line"));
    let message = format!("{name} sent to the terminal's clipboard: {characters} characters, {lines}");
    show_notice(app, now, &message, false);
    vec![Effect::Screen(ScreenEffect::Copy(text))]
}

/// Returns the name and the text of what to copy; `None` if nothing is shown yet. Line feeds and tabs are the only
/// control characters in the text: others, pasted into a shell, could run commands.
fn shown_text(app: &App) -> Option<(&'static str, String)> {
    let (scene, row) = (app.shown(), app.selected_row());
    let answer = &app.ui.answer;
    let live = match row.attempt {
        Some(number) => scene.in_flight().find(|f| f.id == AttemptId { case: row.case, number }),
        None => scene.in_flight_of(row.case),
    };
    let state = scene.session.cases.get(row.case)?;
    let record = match row.attempt {
        Some(number) => state.attempts.iter().find(|a| a.number == number)?.record(),
        None => state.shown_in(scene.shown_stage()).or_else(|| state.shown()),
    };
    let (request, reasoning, text, calls, is_cut) = match (live, &record) {
        (Some(live), _) => (&live.sent_request, &*live.reasoning, &*live.text, &live.tool_calls, live.text_cut),
        (None, Some(record)) => (&record.sent_request, &*record.reasoning, &*record.text, &record.tool_calls, false),
        (None, None) => return None,
    };
    let text = &with_calls(text, calls);
    let is_shown = !reasoning.is_empty() && answer.shows_thinking(!text.is_empty());
    let (name, text) = match answer.form {
        Form::Exchange => ("Request", request.as_ref()?.pretty_body()),
        Form::Raw if is_shown => ("Reasoning and answer", format!("{}\n\n{}", sanitise(reasoning), sanitise(text))),
        Form::Raw | Form::Rendered => ("Answer", text.to_owned()),
    };
    let text = sanitise(&text);
    let name = if is_cut && answer.form != Form::Exchange { LAST_PART } else { name };
    (!text.is_empty()).then_some((name, text))
}

/// Appends the tool calls of an answer to its text: the name on a line, and the arguments below it.
fn with_calls(text: &str, calls: &[ToolCall]) -> String {
    let calls = calls.iter().map(|call| format!("{}\n{}", call.name, call.pretty_arguments()));
    let parts: Vec<String> = (!text.is_empty()).then(|| text.to_owned()).into_iter().chain(calls).collect();
    parts.join("\n\n")
}
