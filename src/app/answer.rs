//! The answer as it is looked at: which form of it, scrolled to where, searched for what; and copying it.

use super::message::Effect;
use super::model::{App, PaneId};
use super::notice::notice;
use super::text_field::{Edit, TextField};
use crate::domain::asked::REQUEST_NOT_STORED;
use crate::domain::attempt::AttemptId;
use crate::domain::text::sanitise;

/// Lines of a page of text.
pub const PAGE: isize = 10;
/// Terminals take a clipboard sequence of about 100 000 bytes, which base64 makes of these; a longer one they cut or drop
/// without a word.
pub const MAX_COPY_BYTES: usize = 74_000;

/// In which form the answer is shown.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub enum Form {
    /// Its Markdown rendered.
    #[default]
    Rendered,
    /// The text as it came.
    Raw,
    /// The request that was sent, and what came back beside the text.
    Exchange,
}

/// A search through what is shown.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct Search {
    /// What for; empty for no search.
    pub field: TextField,
    /// The match that is gone to, counted from 0.
    pub at: usize,
    /// The search has changed: the first match from here on is to be gone to.
    is_new: bool,
    /// Matches to go on by, back if negative.
    steps: isize,
    /// How many there were in the last frame.
    count: usize,
}

/// How the answer is looked at.
#[derive(Clone, Debug, Default)]
pub struct Answer {
    /// Its form.
    pub form: Form,
    /// The thinking is shown or folded as the user chose; `None`: shown until the answer begins.
    pub unfolded: Option<bool>,
    /// The search.
    pub search: Search,
    /// The first line that is shown; `None` is home: the end, which is followed, or the start of what was not generated.
    top: Option<usize>,
    /// The thinking was folded or shown: what this frame showed stays in its place.
    refolded: Option<Drawn>,
    /// What the last frame showed.
    drawn: Drawn,
}

/// What there is to place.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub struct Page {
    /// Lines of all.
    pub total: usize,
    /// Rows of the screen.
    pub rows: usize,
    /// Home is the start, not the end.
    pub home_is_start: bool,
    /// More is still written.
    pub grows: bool,
    /// Where there is a thinking to fold: its first line, and whether it is shown.
    pub thinking: Option<(usize, bool)>,
}

/// What a frame showed of the answer.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub struct Drawn {
    /// What there was to place.
    pub page: Page,
    /// The first line that was shown.
    pub from: usize,
    /// The first line that would be shown at the end.
    pub limit: usize,
    /// The match that was gone to.
    pub at: usize,
    /// Matches of the search.
    pub matches: usize,
    /// It was gone to a match.
    pub sought: bool,
    /// What stood there before the thinking was folded or shown has its place.
    pub refolded: bool,
}

impl Drawn {
    /// Where the next frame begins, in which the thinking is folded or shown: what is below the thinking stays where it
    /// is; where only the thinking was there, or it was not to be seen, its first line is shown.
    fn carried_over(&self, total: usize, (head, is_shown): (usize, bool)) -> usize {
        if self.from <= head {
            self.from
        } else if is_shown {
            head
        } else {
            (self.from + total).saturating_sub(self.page.total).max(head)
        }
    }
}

impl Answer {
    /// Where a frame of a page begins, and to which of the matches it goes; `matches` has the line of each.
    pub fn place(&self, matches: &[usize], page: Page) -> Drawn {
        let Page { total, rows, home_is_start, thinking, .. } = page;
        let limit = total.saturating_sub(rows);
        let home = if home_is_start { 0 } else { limit };
        let refolded = self.refolded.zip(thinking);
        let from = match refolded {
            Some((before, thinking)) => before.carried_over(total, thinking),
            None => self.top.unwrap_or(home),
        };
        let from = from.min(limit);
        let (at, sought) = self.search.target(matches, from);
        let seen = |line: usize| (from..from + rows).contains(&line);
        let from = match matches.get(at) {
            // A third of the screen above it, so that it is read in its place.
            Some(&line) if sought && !seen(line) => line.saturating_sub(rows / 3).min(limit),
            _ => from,
        };
        Drawn { page, from, limit, at, matches: matches.len(), sought, refolded: refolded.is_some() }
    }

    /// A frame showed this.
    pub fn drawn(&mut self, drawn: Drawn) {
        self.drawn = drawn;
        self.search.count = drawn.matches;
        self.search.at = drawn.at;
        if drawn.sought {
            (self.search.is_new, self.search.steps) = (false, 0);
        }
        if drawn.refolded {
            self.refolded = None;
        }
        if drawn.sought || drawn.refolded {
            self.go(drawn.from);
        }
        // A text that has become shorter is followed.
        if self.top.is_some_and(|top| top >= drawn.limit) {
            self.go(drawn.limit);
        }
    }

    /// Another text: from its home.
    pub const fn go_home(&mut self) {
        (self.top, self.refolded) = (None, None);
    }

    /// The search is to be typed.
    pub const fn begin_search(&mut self) {
        self.search.is_new = true;
    }

    /// No search any more.
    pub fn drop_search(&mut self) {
        self.search = Search::default();
    }

    /// Changes what is searched for.
    pub fn edit_search(&mut self, edit: &Edit) {
        self.search.field.edit(edit);
        self.search.is_new = true;
    }

    /// On to another match.
    pub const fn step(&mut self, by: isize) {
        if self.has_matches() {
            self.search.steps = self.search.steps.saturating_add(by);
        }
    }

    /// Scrolls down by so many lines, up if negative. What is written meanwhile does not move what is read; at the end
    /// the end is followed.
    pub fn scroll(&mut self, lines: isize) {
        let from = self.top.unwrap_or(if self.drawn.page.home_is_start { 0 } else { self.drawn.limit });
        self.go(from.saturating_add_signed(lines));
    }

    fn go(&mut self, to: usize) {
        let Drawn { limit, page: Page { home_is_start, .. }, .. } = self.drawn;
        let home = if home_is_start { to == 0 } else { to >= limit };
        self.top = if home { None } else { Some(to.min(limit)) };
    }

    /// To the first line.
    pub fn to_top(&mut self) {
        self.go(0);
    }

    /// To the last, which is followed.
    pub fn to_end(&mut self) {
        self.go(self.drawn.limit);
    }

    /// Folds the thinking, or shows it. What is followed is followed on.
    pub fn toggle_thinking(&mut self) {
        if let Some((_, is_shown)) = self.drawn.page.thinking {
            self.unfolded = Some(!is_shown);
            let is_followed = self.top.is_none() && self.drawn.page.grows;
            self.refolded = (!is_followed).then_some(self.drawn);
        }
    }

    /// Shows it in that form, or rendered again.
    pub fn toggle_form(&mut self, form: Form) {
        self.form = if self.form == form { Form::Rendered } else { form };
        self.search.is_new = !self.search.field.is_empty();
        self.go_home();
    }

    /// Whether the thinking is shown, where the answer has begun or not.
    pub fn shows_thinking(&self, has_answer: bool) -> bool {
        self.unfolded.unwrap_or(!has_answer)
    }

    /// It stands where it was scrolled to.
    pub const fn is_scrolled(&self) -> bool {
        self.top.is_some()
    }

    /// There is more than is shown.
    pub const fn can_scroll(&self) -> bool {
        self.drawn.limit > 0
    }

    /// There is a thinking that could be folded or shown.
    pub const fn can_fold(&self) -> bool {
        self.drawn.page.thinking.is_some()
    }

    /// The thinking is folded now.
    pub fn is_folded(&self) -> bool {
        self.drawn.page.thinking.is_some_and(|(_, is_shown)| !is_shown)
    }

    /// A search has found something.
    pub const fn has_matches(&self) -> bool {
        self.search.count > 0
    }
}

impl Search {
    /// The match to show, and whether it must be gone to.
    fn target(&self, matches: &[usize], from: usize) -> (usize, bool) {
        let count = matches.len();
        if count == 0 {
            return (0, false);
        }
        let first = matches.iter().position(|&line| line >= from).unwrap_or(0);
        let at = if self.is_new { first } else { self.at.min(count - 1) };
        let count = count.cast_signed();
        let at = at.cast_signed().saturating_add(self.steps).rem_euclid(count).cast_unsigned();
        (at, self.is_new || self.steps != 0)
    }
}

// ─── Copying ───

/// Returns a name for what `y` copies, and its text, in which line feeds and tabs are the only control characters: pasted
/// into a shell, others run commands.
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
        None => state.shown(),
    };
    let (asked, reasoning, text, is_cut) = match (live, &record) {
        (Some(live), _) => (&live.asked, &*live.reasoning, &*live.text, live.text_cut),
        (None, Some(record)) => (&record.asked, record.reasoning.as_str(), record.text.as_str(), false),
        (None, None) => return None,
    };
    let is_shown = !reasoning.is_empty() && answer.shows_thinking(!text.is_empty());
    let (what, text) = match answer.form {
        Form::Exchange => ("Request", asked.as_ref()?.pretty_body()),
        Form::Raw if is_shown => ("Thinking and answer", format!("{}\n\n{}", sanitise(reasoning), sanitise(text))),
        Form::Raw | Form::Rendered => ("Answer", text.to_owned()),
    };
    let text = sanitise(&text);
    let what = if is_cut && answer.form != Form::Exchange { LAST_PART } else { what };
    (!text.is_empty()).then_some((what, text))
}

/// Whether keys go to an answer that is searched: the way back drops the search first.
pub fn is_searched(app: &App) -> bool {
    app.ui.focus == PaneId::Preview && !app.ui.answer.search.field.is_empty()
}

/// What an answer is called of which the screen has the end only.
const LAST_PART: &str = "The last part of the answer";

/// Puts what is shown on the clipboard: the answer as it came, in the other forms what they show.
pub fn copy(app: &mut App) -> Vec<Effect> {
    let now = app.scene.now;
    let Some((what, text)) = shown_text(app) else {
        let told = match app.ui.answer.form {
            Form::Exchange if app.playback.is_some() => REQUEST_NOT_STORED,
            Form::Exchange => "There is no request to copy yet",
            Form::Raw | Form::Rendered => "There is no answer to copy yet",
        };
        notice(app, now, told, true);
        return Vec::new();
    };
    let bytes = text.len();
    if bytes > MAX_COPY_BYTES {
        // Half an answer on the clipboard would pass for a whole one.
        let (size, most) = (bytes.div_ceil(1000), MAX_COPY_BYTES / 1000);
        let is_kept = app.ui.answer.form != Form::Exchange && what != LAST_PART;
        let kept = if is_kept { "; a JSON export has all of it, once it has ended" } else { "" };
        let told = format!("Nothing copied: {size} kB, and terminals take {most} kB{kept}");
        notice(app, now, &told, true);
        return Vec::new();
    }
    let (characters, lines) = (text.chars().count(), text.lines().count());
    let ending = if lines == 1 { "" } else { "s" };
    let told = format!("{what} sent to the terminal's clipboard: {characters} characters, {lines} line{ending}");
    notice(app, now, &told, false);
    vec![Effect::Copy(text)]
}

#[cfg(test)]
mod tests;
