//! Areas of the panes between header and footer.

use ratatui::layout::Rect;

use super::LayoutInputs;
use super::split::{Share, column, columns, rows};
use crate::app::pane::PaneId;
use crate::app::state::preset::LayoutPreset;

type Placed = Vec<(PaneId, Rect)>;

/// Size of the screen (columns, rows) from which there are two columns of panes below the cases.
const MEDIUM: (u16, u16) = (100, 30);
/// Size of the screen (columns, rows) from which a column of panes takes the whole height beside the cases.
const LARGE: (u16, u16) = (160, 36);
/// Height of the body from which a narrow screen has room for two panes below the cases.
const TALL: u16 = 27;
/// Width of a low screen from which two panes are side by side below the cases.
const WIDE: u16 = 120;
/// Minimum rows of the cases.
const LEAST_CASES: u16 = 4;
/// Weight of a pane that is shown only because it has the focus.
const FOCUSED_WEIGHT: u16 = 4;
/// Minimum rows of the Latency pane below the scope.
const LEAST_LATENCY: u16 = 10;
/// Maximum rows of the Latency pane beside other panes.
const MOST_LATENCY: u16 = 18;

/// Assigns an area of `body` to each pane that is shown.
pub fn arrange(body: Rect, inputs: LayoutInputs, screen: Rect) -> Placed {
    let is_at_least = |size: (u16, u16)| screen.width >= size.0 && screen.height >= size.1;
    if is_at_least(LARGE) {
        large(body, inputs)
    } else if is_at_least(MEDIUM) {
        medium(body, inputs)
    } else {
        small(body, inputs)
    }
}

/// Height of the Cases pane: rule, heading, and a row for each case or for the message that there is none. Limited to a
/// share of the body, which is `in_overview` or, in the other layouts, smaller.
fn cases_rows(body: Rect, inputs: LayoutInputs, in_overview: (u16, u16)) -> u16 {
    let wanted = u16::try_from(inputs.cases.max(1).saturating_add(2)).unwrap_or(u16::MAX);
    let (share, of) = if inputs.preset == LayoutPreset::Overview { in_overview } else { (1, 3) };
    wanted.min((body.height * share / of).max(LEAST_CASES))
}

/// The pane with the most room, and the one with the second most.
const fn important(inputs: LayoutInputs) -> (PaneId, PaneId) {
    match inputs.preset {
        LayoutPreset::Overview if !inputs.begun => (PaneId::Preview, PaneId::Scope),
        LayoutPreset::Overview => (PaneId::Scope, PaneId::Preview),
        LayoutPreset::Load => (PaneId::Latency, PaneId::Scope),
        LayoutPreset::Answer => (PaneId::Preview, PaneId::Scope),
        LayoutPreset::Scope => (PaneId::Scope, PaneId::Latency),
    }
}

/// Whether the user reads the answer, or before the run the message in its place, so that it gets more room.
fn is_read(inputs: LayoutInputs) -> bool {
    inputs.focus == PaneId::Preview || !inputs.begun
}

/// Cases, and below them one pane, or two where they fit.
fn small(body: Rect, inputs: LayoutInputs) -> Placed {
    let (cases, below) = rows(body, cases_rows(body, inputs, (2, 3)));
    let (main, second) = important(inputs);
    let (is_tall, is_wide) = (body.height >= TALL, body.width + 2 >= WIDE);
    let mut placed = vec![(PaneId::Cases, cases)];
    if !is_tall && !is_wide {
        placed.push((if inputs.focus == PaneId::Cases { main } else { inputs.focus }, below));
        return placed;
    }
    let second = if [PaneId::Cases, main].contains(&inputs.focus) { second } else { inputs.focus };
    let (first, next) =
        if is_tall { rows(below, below.height * 11 / 20) } else { columns(below, below.width * 11 / 20) };
    placed.extend([(main, first), (second, next)]);
    placed
}

/// Cases in full width, and two columns below them.
fn medium(body: Rect, inputs: LayoutInputs) -> Placed {
    let (cases, below) = rows(body, cases_rows(body, inputs, (2, 5)));
    let machine = |columns| inputs.machine.lines(columns);
    let (left, right) = match inputs.preset {
        LayoutPreset::Overview => {
            let (left, right) = columns(below, below.width * 11 / 20);
            let (scope, answer) = if is_read(inputs) { (2, 3) } else { (3, 2) };
            let left = column(left, &[Share::new(PaneId::Scope, scope), Share::new(PaneId::Preview, answer)]);
            let machine = Share::at_most(PaneId::Gpu, 1, machine(right.width));
            (left, column(right, &[Share::new(PaneId::Latency, 1), machine]))
        }
        LayoutPreset::Load => {
            let (left, right) = columns(below, below.width * 3 / 5);
            let beside = vec![Share::new(PaneId::Scope, 3), Share::at_most(PaneId::Gpu, 2, machine(right.width))];
            (vec![(PaneId::Latency, left)], column(right, &with_focus(beside, PaneId::Latency, inputs)))
        }
        LayoutPreset::Answer => {
            let (left, right) = columns(below, below.width * 3 / 5);
            let beside = vec![Share::new(PaneId::Scope, 3), Share::new(PaneId::Latency, 2)];
            (vec![(PaneId::Preview, left)], column(right, &with_focus(beside, PaneId::Preview, inputs)))
        }
        LayoutPreset::Scope if [PaneId::Cases, PaneId::Scope].contains(&inputs.focus) => {
            (vec![(PaneId::Scope, below)], Vec::new())
        }
        LayoutPreset::Scope => {
            let (left, right) = columns(below, below.width * 11 / 20);
            (vec![(PaneId::Scope, left)], vec![(inputs.focus, right)])
        }
    };
    [vec![(PaneId::Cases, cases)], left, right].concat()
}

/// Cases above the main pane, and a column beside them.
fn large(body: Rect, inputs: LayoutInputs) -> Placed {
    let (main, _) = important(inputs);
    let (cases_in, machine) = (cases_rows(body, inputs, (1, 2)), |columns| inputs.machine.lines(columns));
    if inputs.preset == LayoutPreset::Scope {
        let (top, scope) = rows(body, cases_in.max(body.height / 4));
        let (cases, beside) = columns(top, top.width * 5 / 8);
        let beside_pane =
            if [PaneId::Cases, PaneId::Scope].contains(&inputs.focus) { PaneId::Latency } else { inputs.focus };
        return vec![(PaneId::Cases, cases), (beside_pane, beside), (PaneId::Scope, scope)];
    }
    let (left, right) = columns(body, body.width * 5 / 8);
    let (cases, below) = rows(left, cases_in);
    let machine = Share::at_most(PaneId::Gpu, 3, machine(right.width));
    let mut placed = vec![(PaneId::Cases, cases)];
    let beside = match inputs.preset {
        LayoutPreset::Load => vec![Share::new(PaneId::Scope, 6), Share::new(PaneId::Preview, 3), machine],
        LayoutPreset::Answer => {
            vec![Share::new(PaneId::Scope, 5), Share::at_most(PaneId::Latency, 3, MOST_LATENCY), machine]
        }
        _ if below.height >= inputs.scope_rows + LEAST_LATENCY => {
            let (first, latency) = rows(below, inputs.scope_rows);
            placed.extend([(main, first), (PaneId::Latency, latency)]);
            let other = if main == PaneId::Scope { PaneId::Preview } else { PaneId::Scope };
            placed.extend(column(right, &[Share::new(other, 4), machine]));
            return placed;
        }
        _ => {
            let other = if main == PaneId::Scope { PaneId::Preview } else { PaneId::Scope };
            let weight = if is_read(inputs) { 8 } else { 4 };
            vec![Share::at_most(PaneId::Latency, 3, MOST_LATENCY), Share::new(other, weight), machine]
        }
    };
    placed.push((main, below));
    placed.extend(column(right, &with_focus(beside, main, inputs)));
    placed
}

/// Gives the focused pane the area of the last pane beside the main one, if it has none.
fn with_focus(mut beside: Vec<Share>, main: PaneId, inputs: LayoutInputs) -> Vec<Share> {
    let is_placed = [PaneId::Cases, main].contains(&inputs.focus) || beside.iter().any(|s| s.pane == inputs.focus);
    if !is_placed {
        beside.pop();
        beside.push(Share::new(inputs.focus, FOCUSED_WEIGHT));
    }
    beside
}
