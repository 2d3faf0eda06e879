//! How the answer is shown: its form, scroll position, folded reasoning and search.

use super::text_field::{Edit, TextField};

/// Lines by which a page key scrolls a text or moves in a menu.
pub const PAGE_LINES: isize = 10;

/// Form of the answer on the screen.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub enum Form {
    /// Rendered Markdown.
    #[default]
    Rendered,
    /// The text as received.
    Raw,
    /// The request as sent, and the response without its text.
    Exchange,
}

/// A search through the text on the screen.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct Search {
    /// The text to find; empty for no search.
    pub field: TextField,
    /// Index of the selected match, from 0.
    pub selected_match: usize,
    /// Whether the search text changed, so that the next frame selects the first match at or below its top line.
    is_new: bool,
    /// Number of matches by which the next frame moves the selection; negative moves back.
    steps: isize,
    /// Number of matches in the last frame.
    count: usize,
}

/// Form, scroll position, folded reasoning and search of the answer on the screen.
#[derive(Clone, Debug, Default)]
pub struct Answer {
    /// Form of the answer.
    pub form: Form,
    /// Whether the user unfolded the reasoning; `None` shows it until the answer begins.
    pub unfolded: Option<bool>,
    /// Search through the answer.
    pub search: Search,
    /// First line on the screen. `None` is the home position: the growing end of a generated text, or the start of any
    /// other text.
    top: Option<usize>,
    /// The last frame before the user folded or unfolded the reasoning, so that the next frame can keep the text in
    /// place.
    refolded: Option<Drawn>,
    /// The part of the answer that the last frame showed.
    drawn: Drawn,
}

/// Size and kind of a text that is to be scrolled on the screen.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub struct Page {
    /// Number of lines of the text.
    pub total: usize,
    /// Number of rows on the screen.
    pub rows: usize,
    /// Whether the home position is the start of the text; otherwise it is the end.
    pub home_is_start: bool,
    /// Whether the text still grows.
    pub grows: bool,
    /// First line of the reasoning, and whether it is unfolded; `None` without reasoning.
    pub thinking: Option<(usize, bool)>,
}

/// The part of the answer that a frame showed.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub struct Drawn {
    /// Size and kind of the text.
    pub page: Page,
    /// First line on the screen.
    pub from: usize,
    /// First line on the screen when scrolled to the end.
    pub limit: usize,
    /// Index of the selected match.
    pub selected_match: usize,
    /// Number of matches.
    pub matches: usize,
    /// Whether the frame moved the selection to another match.
    pub moved_to_match: bool,
    /// Whether the frame kept the text in place after the reasoning was folded or unfolded.
    pub refolded: bool,
}

impl Drawn {
    /// First line of the next frame after the reasoning was folded or unfolded. If the top line lies below the
    /// reasoning, the text stays in place; otherwise the reasoning is shown from its first line.
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
    /// Decides which line is first on the screen and which match is selected. `matches` has the line of each match.
    pub fn place(&self, matches: &[usize], page: Page) -> Drawn {
        let Page { total, rows, home_is_start, thinking, .. } = page;
        let limit = total.saturating_sub(rows);
        let home = if home_is_start { 0 } else { limit };
        let refolded = self.refolded.zip(thinking);
        let from = match refolded {
            Some((last, thinking)) => last.carried_over(total, thinking),
            None => self.top.unwrap_or(home),
        };
        let from = from.min(limit);
        let (selected_match, moved_to_match) = self.search.target(matches, from);
        let is_visible = |line: usize| (from..from + rows).contains(&line);
        let from = match matches.get(selected_match) {
            // Show a third of a screen of context above the match.
            Some(&line) if moved_to_match && !is_visible(line) => line.saturating_sub(rows / 3).min(limit),
            _ => from,
        };
        Drawn {
            page,
            from,
            limit,
            selected_match,
            matches: matches.len(),
            moved_to_match,
            refolded: refolded.is_some(),
        }
    }

    /// Records what a frame showed.
    pub fn drawn(&mut self, drawn: Drawn) {
        self.drawn = drawn;
        self.search.count = drawn.matches;
        self.search.selected_match = drawn.selected_match;
        if drawn.moved_to_match {
            (self.search.is_new, self.search.steps) = (false, 0);
        }
        if drawn.refolded {
            self.refolded = None;
        }
        if drawn.moved_to_match || drawn.refolded {
            self.scroll_to(drawn.from);
        }
        // The text became shorter than the scroll position, so return to the home position.
        if self.top.is_some_and(|top| top >= drawn.limit) {
            self.scroll_to(drawn.limit);
        }
    }

    /// Scrolls to the home position, because another text is shown.
    pub const fn go_home(&mut self) {
        (self.top, self.refolded) = (None, None);
    }

    /// Starts a search: the next frame selects its first match.
    pub const fn begin_search(&mut self) {
        self.search.is_new = true;
    }

    /// Ends the search.
    pub fn drop_search(&mut self) {
        self.search = Search::default();
    }

    /// Edits the text to find.
    pub fn edit_search(&mut self, edit: &Edit) {
        self.search.field.edit(edit);
        self.search.is_new = true;
    }

    /// Moves the selection by `by` matches; negative moves back.
    pub const fn step(&mut self, by: isize) {
        if self.has_matches() {
            self.search.steps = self.search.steps.saturating_add(by);
        }
    }

    /// Scrolls down by `lines`, or up if negative. New text does not move a scrolled view. A view scrolled to the end
    /// follows the end.
    pub fn scroll(&mut self, lines: isize) {
        let from = self.top.unwrap_or(if self.drawn.page.home_is_start { 0 } else { self.drawn.limit });
        self.scroll_to(from.saturating_add_signed(lines));
    }

    fn scroll_to(&mut self, to: usize) {
        let Drawn { limit, page: Page { home_is_start, .. }, .. } = self.drawn;
        let home = if home_is_start { to == 0 } else { to >= limit };
        self.top = if home { None } else { Some(to.min(limit)) };
    }

    /// Scrolls to the first line.
    pub fn to_top(&mut self) {
        self.scroll_to(0);
    }

    /// Scrolls to the last line and follows it.
    pub fn to_end(&mut self) {
        self.scroll_to(self.drawn.limit);
    }

    /// Folds or unfolds the reasoning. A view that follows a growing text keeps following it.
    pub fn toggle_thinking(&mut self) {
        if let Some((_, is_shown)) = self.drawn.page.thinking {
            self.unfolded = Some(!is_shown);
            let is_followed = self.top.is_none() && self.drawn.page.grows;
            self.refolded = (!is_followed).then_some(self.drawn);
        }
    }

    /// Switches the answer to `form`, or back to rendered Markdown if `form` is already shown.
    pub fn toggle_form(&mut self, form: Form) {
        self.form = if self.form == form { Form::Rendered } else { form };
        self.search.is_new = !self.search.field.is_empty();
        self.go_home();
    }

    /// Whether the reasoning is unfolded.
    pub fn shows_thinking(&self, has_answer: bool) -> bool {
        self.unfolded.unwrap_or(!has_answer)
    }

    /// Whether the user scrolled away from the home position.
    pub const fn is_scrolled(&self) -> bool {
        self.top.is_some()
    }

    /// Whether the text is longer than the screen.
    pub const fn can_scroll(&self) -> bool {
        self.drawn.limit > 0
    }

    /// Whether there is reasoning to fold.
    pub const fn can_fold(&self) -> bool {
        self.drawn.page.thinking.is_some()
    }

    /// Whether the reasoning is folded now.
    pub fn is_folded(&self) -> bool {
        self.drawn.page.thinking.is_some_and(|(_, is_shown)| !is_shown)
    }

    /// Whether the search has a match.
    pub const fn has_matches(&self) -> bool {
        self.search.count > 0
    }
}

impl Search {
    /// Index of the match to select, and whether the frame must move to it.
    fn target(&self, matches: &[usize], from: usize) -> (usize, bool) {
        let count = matches.len();
        if count == 0 {
            return (0, false);
        }
        let first = matches.iter().position(|&line| line >= from).unwrap_or(0);
        let at = if self.is_new { first } else { self.selected_match.min(count - 1) };
        let count = count.cast_signed();
        let at = at.cast_signed().saturating_add(self.steps).rem_euclid(count).cast_unsigned();
        (at, self.is_new || self.steps != 0)
    }
}

#[cfg(test)]
mod tests;
