//! The table of cases: its order, what is unfolded and selected in it, and the baseline.

pub mod order;
#[cfg(test)]
mod tests;

use std::cell::RefCell;
use std::collections::BTreeSet;
use std::sync::Arc;
use std::time::Duration;

use self::order::SortBy;
use super::model::{App, Scene};
use crate::domain::attempt::AttemptRecord;
use crate::domain::difference::Figures;
use crate::domain::session::{AttemptState, CasePhase, CaseState};
use crate::domain::time::Nanos;

/// What the table keeps.
#[derive(Clone, Debug, Default)]
pub struct CaseTable {
    /// What it is sorted by.
    pub sort: SortBy,
    /// The other way round.
    pub reversed: bool,
    /// Cases whose attempts have rows of their own.
    pub unfolded: BTreeSet<usize>,
    /// The figures of all cases as they were when the user set them as the baseline.
    pub baseline: Option<Vec<Figures>>,
    /// The rows as they were last made.
    listing: RefCell<Option<Listing>>,
}

/// The rows of the table, and what they were made from.
#[derive(Clone, Debug)]
struct Listing {
    filter: String,
    sort: SortBy,
    reversed: bool,
    unfolded: BTreeSet<usize>,
    /// The session's version, if the order or the attempts shown depend on it.
    version: Option<u64>,
    made_at: Nanos,
    cases: Arc<[usize]>,
    rows: Arc<[RowId]>,
}

/// While a run goes on, an order that moves with its figures is made anew after this time for each case beyond
/// [`SMALL_SUITE`]: that takes a small share of the time, however many cases there are.
const ORDER_INTERVAL_PER_CASE: Duration = Duration::from_micros(10);
/// Cases that are ordered anew for each frame.
const SMALL_SUITE: usize = 1000;

/// A row of the table.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct RowId {
    /// Index of the case in the suite.
    pub case: usize,
    /// One of its attempts; `None` is the case itself.
    pub attempt: Option<u32>,
}

impl App {
    /// Indices of the cases that pass the filter, in the order of the table. This is the one place that orders them.
    pub fn listed_cases(&self) -> Vec<usize> {
        self.listing().cases.to_vec()
    }

    /// Whether a case passes the filter.
    pub fn is_listed(&self, case: usize) -> bool {
        self.ui.filter.is_empty()
            || self.shown().session.suite.cases.get(case).is_some_and(|c| passes(&self.wanted(), &c.name))
    }

    /// The rows of the table: the cases, and beneath each that is unfolded its attempts, the newest last.
    pub fn table_rows(&self) -> Arc<[RowId]> {
        self.listing().rows
    }

    fn wanted(&self) -> String {
        self.ui.filter.as_str().to_lowercase()
    }

    /// The rows, made anew only when they change.
    fn listing(&self) -> Listing {
        let table = &self.ui.cases;
        let Scene { session, now, .. } = self.shown();
        let moves = matches!(table.sort, SortBy::State | SortBy::Metric(_)) || !table.unfolded.is_empty();
        let version = moves.then(|| session.version());
        let beyond = session.cases.len().saturating_sub(SMALL_SUITE);
        let pause = ORDER_INTERVAL_PER_CASE * u32::try_from(beyond).unwrap_or(u32::MAX);
        let is_still_good = |l: &&Listing| {
            let is_recent = session.is_active() && l.made_at <= *now && now.since(l.made_at) < pause;
            l.filter == self.ui.filter.as_str()
                && (l.sort, l.reversed) == (table.sort, table.reversed)
                && l.unfolded == table.unfolded
                && (l.version == version || (l.version.is_some() && version.is_some() && is_recent))
        };
        let mut kept = table.listing.borrow_mut();
        if let Some(listing) = kept.as_ref().filter(is_still_good) {
            return listing.clone();
        }
        let wanted = self.wanted();
        let specs = &session.suite.cases;
        let mut cases: Vec<usize> = (0..specs.len()).filter(|&i| passes(&wanted, &specs[i].name)).collect();
        order::sort(&mut cases, table.sort, table.reversed, specs, &session.cases);
        let mut rows = Vec::with_capacity(cases.len());
        for &case in &cases {
            rows.push(RowId { case, attempt: None });
            if table.unfolded.contains(&case) {
                let attempts = session.cases.get(case).map_or(&[][..], |c| &c.attempts);
                rows.extend(attempts.iter().map(|a| RowId { case, attempt: Some(a.number) }));
            }
        }
        let listing = Listing {
            filter: self.ui.filter.as_str().to_owned(),
            sort: table.sort,
            reversed: table.reversed,
            unfolded: table.unfolded.clone(),
            version,
            made_at: *now,
            cases: cases.into(),
            rows: rows.into(),
        };
        kept.insert(listing).clone()
    }

    /// The row that is selected.
    pub const fn selected_row(&self) -> RowId {
        RowId { case: self.ui.selected, attempt: self.ui.selected_attempt }
    }
}

/// Whether a name has the wanted text in it, which is in lower case.
fn passes(wanted: &str, name: &str) -> bool {
    wanted.is_empty() || name.to_lowercase().contains(wanted)
}

// ─── Selecting ───

/// Selects a row. What is read anew is read from its end, as it comes.
pub(super) fn choose(app: &mut App, row: RowId) {
    if row != app.selected_row() {
        app.ui.answer.go_home();
    }
    (app.ui.selected, app.ui.selected_attempt) = (row.case, row.attempt);
}

/// Selects a case.
pub(super) fn choose_case(app: &mut App, case: usize) {
    choose(app, RowId { case, attempt: None });
}

/// Selects the row so many rows further down.
pub(super) fn select(app: &mut App, by: isize) {
    app.ui.follows = false;
    let rows = app.table_rows();
    let at = rows.iter().position(|row| *row == app.selected_row()).unwrap_or(0);
    let to = at.saturating_add_signed(by).min(rows.len().saturating_sub(1));
    if let Some(&row) = rows.get(to) {
        choose(app, row);
    }
}

/// What the filter hides is not selected.
pub(super) fn select_listed(app: &mut App) {
    let listed = app.listed_cases();
    match listed.first() {
        Some(&first) if !listed.contains(&app.ui.selected) => choose_case(app, first),
        _ => {}
    }
}

/// The selection goes to the case that runs, and with each one that starts.
pub(super) fn follow(app: &mut App) {
    app.ui.follows = true;
    app.ui.answer.go_home();
    let running = app.scene.session.cases.iter().rposition(|c| c.phase == CasePhase::Running);
    choose_case(app, running.unwrap_or(app.ui.selected));
}

// ─── Sorting and unfolding ───

/// Sorts by the next column.
pub(super) fn sort_by_next(app: &mut App) {
    let table = &mut app.ui.cases;
    (table.sort, table.reversed) = (table.sort.next(), false);
}

/// Gives the selected case's attempts rows of their own. The selection stays with it.
pub(super) fn unfold(app: &mut App) {
    app.ui.follows = false;
    app.ui.cases.unfolded.insert(app.ui.selected);
}

/// Takes them away again.
pub(super) fn fold(app: &mut App) {
    app.ui.cases.unfolded.remove(&app.ui.selected);
    choose_case(app, app.ui.selected);
}

// ─── The baseline ───

/// So many answers are enough to compare with: a long run has thousands, and each frame compares.
const ENOUGH: usize = 200;

/// The figures of a case's whole answers that count, of many the last.
pub fn reported(state: &CaseState) -> Figures {
    let mut last: Vec<_> = state.reported().rev().take(ENOUGH).filter_map(AttemptState::record).collect();
    last.reverse();
    Figures::of(&last)
}

/// The last whole, measured answers up to the attempt of a number, that included, oldest first: what it is compared with.
pub fn whole_until(attempts: &[AttemptState], number: u32) -> Vec<Arc<AttemptRecord>> {
    const ENOUGH: usize = 30;
    let until = attempts.partition_point(|a| a.number <= number);
    let newest_first = attempts.iter().take(until).rev().filter(|a| a.is_good()).take(ENOUGH);
    let mut whole: Vec<_> = newest_first.filter_map(AttemptState::record).collect();
    whole.reverse();
    whole
}

/// Remembers the figures of all cases, or forgets them; returns what to tell.
pub(super) fn toggle_baseline(app: &mut App) -> String {
    if app.ui.cases.baseline.take().is_some() {
        return "Baseline dropped: differences are to the attempt before".to_owned();
    }
    let figures: Vec<Figures> = app.scene.session.cases.iter().map(reported).collect();
    let known = figures.iter().filter(|f| !f.is_empty()).count();
    let all = figures.len();
    app.ui.cases.baseline = Some(figures);
    format!("Baseline set: the figures of {known} of {all} cases; differences are to it from now on")
}

/// Whether there is anything to remember, or to forget.
pub(super) fn has_baseline_or_figures(app: &App) -> bool {
    app.ui.cases.baseline.is_some() || app.scene.session.cases.iter().any(|c| c.reported().next().is_some())
}
