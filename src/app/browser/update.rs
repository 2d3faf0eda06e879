//! Applies messages to the browser.

use std::collections::HashSet;

use super::action::BrowserAction as A;
use super::entry::RunState;
use super::message::{BrowserEffect, BrowserMsg};
use super::state::{Browser, BrowserScreen, Dialog, LowerPane, Preview, Reading};
use crate::app::state::theme::ThemeName;
use crate::domain::quantity::count;

/// Exit status after an interruption: 128 plus SIGINT (2), as in a shell.
const INTERRUPTED: u8 = 130;
/// Lines by which one key press scrolls the preview.
const PREVIEW_STEP: usize = 5;

/// Applies a message. Returns the work for the runtime.
pub fn update(browser: &mut Browser, msg: BrowserMsg) -> Vec<BrowserEffect> {
    let mut effects = Vec::new();
    match msg {
        BrowserMsg::Action(action) => {
            browser.notice = None;
            effects = act(browser, action);
        }
        BrowserMsg::Edit(edit) => {
            browser.filter.edit(&edit);
            browser.rebuild();
            browser.cursor = 0;
            browser.update_trend();
        }
        BrowserMsg::Drawn(extents) => {
            browser.extents = extents;
            browser.preview_top = browser.preview_top.min(extents.preview_limit);
            browser.comparison_top = browser.comparison_top.min(extents.comparison_limit);
        }
        BrowserMsg::Listed { listing, folder, total } if listing == browser.reading.number => {
            browser.reading.total = Some(total);
            browser.folder = folder;
        }
        BrowserMsg::Read(listing, runs) if listing == browser.reading.number => {
            browser.runs.extend(runs);
            browser.rebuild();
        }
        BrowserMsg::ListFailed(listing, why) if listing == browser.reading.number => {
            browser.reading.failure = Some(why);
        }
        // A new size needs only a new frame. Messages of an earlier reading are ignored.
        BrowserMsg::Resized | BrowserMsg::Listed { .. } | BrowserMsg::Read(..) | BrowserMsg::ListFailed(..) => {}
        BrowserMsg::Previewed(id, text) => {
            browser.previews += 1;
            browser.preview = Some(Preview { id, text, revision: browser.previews });
        }
        BrowserMsg::Compared(outcome) => {
            // The user may have left the comparison before it was ready.
            if browser.screen == BrowserScreen::Comparison {
                browser.comparison = Some(outcome);
            }
        }
        BrowserMsg::Deleted(outcomes) => drop_deleted(browser, outcomes),
        BrowserMsg::Exported(Ok(path)) => browser.note(format!("Report written to '{path}'"), false),
        BrowserMsg::Returned(Ok(())) => browser.notice = None,
        BrowserMsg::Exported(Err(why)) | BrowserMsg::Returned(Err(why)) => browser.note(why, true),
        BrowserMsg::Interrupted => effects.push(BrowserEffect::Quit(INTERRUPTED)),
    }
    effects.extend(preview(browser));
    effects
}

/// Requests the report of the selected run, once for each selection.
fn preview(browser: &mut Browser) -> Option<BrowserEffect> {
    let id = browser.selected()?.id.clone();
    if browser.wanted_preview.as_ref() == Some(&id) {
        return None;
    }
    browser.preview_top = 0;
    browser.wanted_preview = Some(id.clone());
    Some(BrowserEffect::Preview(id))
}

fn act(browser: &mut Browser, action: A) -> Vec<BrowserEffect> {
    let is_list = browser.screen == BrowserScreen::List;
    let page = isize::try_from(browser.extents.page.max(1)).unwrap_or(isize::MAX);
    match action {
        A::Down => scroll(browser, 1),
        A::Up => scroll(browser, -1),
        A::PageDown => scroll(browser, page),
        A::PageUp => scroll(browser, -page),
        A::First => scroll(browser, isize::MIN),
        A::Last => scroll(browser, isize::MAX),
        A::PreviewDown => {
            browser.preview_top = (browser.preview_top + PREVIEW_STEP).min(browser.extents.preview_limit);
        }
        A::PreviewUp => browser.preview_top = browser.preview_top.saturating_sub(PREVIEW_STEP),
        A::SwitchPane => {
            browser.lower = match browser.lower {
                LowerPane::Report => LowerPane::Trend,
                LowerPane::Trend => LowerPane::Report,
            };
        }
        A::Mark if is_list => {
            if let Some(id) = browser.selected().map(|run| run.id.clone()) {
                browser.toggle_mark(&id);
            }
        }
        A::MarkAll if is_list => browser.toggle_all_marks(),
        A::Filter if is_list => browser.dialog = Dialog::Filter,
        A::KeepFilter | A::Close => browser.dialog = Dialog::None,
        A::ClearFilter => {
            browser.dialog = Dialog::None;
            clear_filter(browser);
        }
        A::SortNext => resort(browser, |browser| {
            browser.sort = browser.sort.next();
            browser.is_reversed = false;
        }),
        A::SortReverse => resort(browser, |browser| browser.is_reversed = !browser.is_reversed),
        A::NextMetric => turn_metric(browser, 1),
        A::PreviousMetric => turn_metric(browser, -1),
        A::NextTheme => browser.theme = next_theme(&browser.theme),
        A::Help => browser.dialog = Dialog::Help(0),
        A::Refresh => return vec![refresh(browser)],
        A::Redraw => return vec![BrowserEffect::Redraw],
        A::Suspend => return vec![BrowserEffect::Suspend],
        A::Open => return open(browser).into_iter().collect(),
        A::Compare => return compare(browser).into_iter().collect(),
        A::Delete => ask_to_delete(browser),
        A::ConfirmDelete => {
            if let Dialog::Delete(ids) = std::mem::take(&mut browser.dialog) {
                return vec![BrowserEffect::Delete(ids)];
            }
        }
        A::ExportMarkdown => return export(browser, "markdown").into_iter().collect(),
        A::ExportJson => return export(browser, "json").into_iter().collect(),
        A::Back | A::Quit => return back(browser, action == A::Quit).into_iter().collect(),
        A::Interrupt => match std::mem::take(&mut browser.dialog) {
            Dialog::None => return vec![BrowserEffect::Quit(0)],
            Dialog::Filter => clear_filter(browser),
            Dialog::Help(_) | Dialog::Delete(_) => {}
        },
        A::Mark | A::MarkAll | A::Filter => {}
    }
    Vec::new()
}

/// Moves the selection, or scrolls the help or the comparison.
fn scroll(browser: &mut Browser, by: isize) {
    let moved = |from: usize, last: usize| from.saturating_add_signed(by).min(last);
    if let Dialog::Help(top) = &mut browser.dialog {
        *top = moved(*top, browser.extents.help_limit);
        return;
    }
    match browser.screen {
        BrowserScreen::List => {
            browser.cursor = moved(browser.cursor, browser.visible.len().saturating_sub(1));
            browser.update_trend();
        }
        BrowserScreen::Comparison => {
            browser.comparison_top = moved(browser.comparison_top, browser.extents.comparison_limit);
        }
    }
}

fn resort(browser: &mut Browser, change: impl FnOnce(&mut Browser)) {
    change(browser);
    browser.rebuild();
}

fn clear_filter(browser: &mut Browser) {
    browser.filter.clear();
    browser.rebuild();
}

fn turn_metric(browser: &mut Browser, by: isize) {
    if let Some(Ok(comparison)) = &browser.comparison {
        let count = comparison.distributions.len().max(1);
        browser.distribution = (browser.distribution + count).saturating_add_signed(by) % count;
    }
}

/// Starts to read the folder anew.
pub fn refresh(browser: &mut Browser) -> BrowserEffect {
    let number = browser.reading.number + 1;
    browser.reading = Reading { number, ..Reading::default() };
    browser.runs.clear();
    browser.visible.clear();
    browser.wanted_preview = None;
    BrowserEffect::List(number)
}

/// Id of the selected run; `None` and a notice with the reason if the run cannot be read.
fn readable(browser: &mut Browser) -> Option<String> {
    let run = browser.selected()?;
    let (id, error) = (run.id.clone(), run.error.clone());
    match error {
        None => Some(id),
        Some(why) => {
            browser.note(format!("{id} cannot be read: {why}"), true);
            None
        }
    }
}

fn open(browser: &mut Browser) -> Option<BrowserEffect> {
    let id = readable(browser)?;
    browser.note(format!("Opening {id} …"), false);
    Some(BrowserEffect::Open(id))
}

fn export(browser: &mut Browser, format: &'static str) -> Option<BrowserEffect> {
    let id = readable(browser)?;
    browser.note(format!("Writing the report of {id} …"), false);
    Some(BrowserEffect::Export(id, format))
}

/// Compares the two marked runs. If only one run is marked, compares it with the selected run.
fn compare(browser: &mut Browser) -> Option<BrowserEffect> {
    if browser.marks.len() == 1
        && let Some(selected) = browser.selected().map(|run| run.id.clone())
        && !browser.marks.contains(&selected)
    {
        browser.toggle_mark(&selected);
    }
    let marks: Vec<String> = browser.marked_in_order().into_iter().map(str::to_owned).collect();
    let [a, b] = marks.as_slice() else {
        let many = format!("{} runs are marked; mark two to compare them", marks.len());
        browser.note(if marks.len() > 2 { many } else { "Mark two runs to compare them".to_owned() }, true);
        return None;
    };
    let (a, b) = (a.clone(), b.clone());
    let unreadable = [&a, &b].into_iter().find(|id| browser.by_id(id).is_none_or(|run| run.error.is_some()));
    if let Some(id) = unreadable.cloned() {
        browser.note(format!("{id} cannot be read; mark another run"), true);
        return None;
    }
    browser.screen = BrowserScreen::Comparison;
    browser.comparison = None;
    browser.comparison_top = 0;
    Some(BrowserEffect::Compare(a, b))
}

/// Asks whether to delete the marked runs; without marks, the selected one. A run that is still running is kept.
fn ask_to_delete(browser: &mut Browser) {
    let marked = browser.marked_in_order().into_iter().map(str::to_owned).rev();
    let selected = browser.selected().map(|run| run.id.clone()).filter(|_| browser.marks.is_empty());
    let wanted: Vec<String> = marked.chain(selected).collect();
    let running: HashSet<&str> =
        browser.runs.iter().filter(|run| run.state == RunState::Running).map(|run| run.id.as_str()).collect();
    let is_running = |id: &String| running.contains(id.as_str());
    let (running, to_delete): (Vec<String>, Vec<String>) = wanted.into_iter().partition(is_running);
    if let Some(kept) = running.first() {
        browser.note(format!("{kept} is still running and cannot be deleted"), true);
    }
    if !to_delete.is_empty() {
        browser.dialog = Dialog::Delete(to_delete);
    }
}

/// Drops the deleted runs from the list. A notice names the runs that still exist.
fn drop_deleted(browser: &mut Browser, outcomes: Vec<(String, Result<(), String>)>) {
    let (deleted, failed): (Vec<_>, Vec<_>) = outcomes.into_iter().partition(|(_, outcome)| outcome.is_ok());
    let gone: HashSet<&str> = deleted.iter().map(|(id, _)| id.as_str()).collect();
    let is_deleted = |id: &String| gone.contains(id.as_str());
    browser.runs.retain(|run| !is_deleted(&run.id));
    browser.marks.retain(|mark| !is_deleted(mark));
    browser.reading.total = browser.reading.total.map(|total| total.saturating_sub(deleted.len()));
    let gone = match deleted.as_slice() {
        [] => String::new(),
        [(only, _)] => format!("Deleted {only}"),
        many => format!("Deleted {}", count(many.len(), "run")),
    };
    let failed: Vec<String> = failed
        .into_iter()
        .filter_map(|(id, outcome)| Some(format!("{id} was not deleted: {}", outcome.err()?)))
        .collect();
    let text = [gone].into_iter().filter(|text| !text.is_empty()).chain(failed.iter().cloned());
    let text = text.collect::<Vec<_>>().join("; ");
    browser.note(text, !failed.is_empty());
    browser.rebuild();
}

/// Goes one step back: out of the comparison, then out of the filter unless the user wants to quit, then out of the
/// program.
fn back(browser: &mut Browser, wants_to_quit: bool) -> Option<BrowserEffect> {
    if browser.screen == BrowserScreen::Comparison && !browser.is_comparison_only {
        browser.screen = BrowserScreen::List;
        browser.comparison = None;
        return None;
    }
    if !wants_to_quit && !browser.filter.is_empty() {
        clear_filter(browser);
        return None;
    }
    Some(BrowserEffect::Quit(0))
}

/// The built-in theme after this one. After the last one, or a theme of the user, the first follows.
fn next_theme(theme: &ThemeName) -> ThemeName {
    let mut following = ThemeName::BUILT_IN.into_iter().skip_while(|built_in| built_in != theme).skip(1);
    following.next().unwrap_or_default()
}

#[cfg(test)]
mod tests;
