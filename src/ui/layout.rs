//! Positions of header, panes and footer for each size of the screen.
//!
//! ```text
//! narrow or low            from 100×30              from 160×30
//! ┌ header ────────────┐   ┌ header ────────────┐   ┌ header ──────────────────┐
//! │ table              │   │ table              │   │ table       │ instrument │
//! │ text               │   │ text  │ instrument │   │ text        │ instrument │
//! │ instr.│instr.│instr│   │       │ instrument │   │             │ instrument │
//! └ footer ────────────┘   └ footer ────────────┘   └ footer ──────────────────┘
//! ```
//!
//! A GPU pane without figures gets only the lines that its reason needs.

use ratatui::layout::Rect;

use super::pane::gpu::GpuPaneContent;
use super::pane::{PANES, Pane, Place};
use crate::app::pane::PaneId;
use crate::app::state::App;
use crate::domain::session::Mode;

/// Minimum size of the screen: columns, rows.
pub const SMALLEST: (u16, u16) = (60, 16);
/// Rows of the header.
const HEADER: u16 = 2;
/// Additional rows of the header for the conclusion of a finished run.
const CONCLUSION: u16 = 2;
/// Minimum rows of a screen that shows both rows of the conclusion. A lower one shows the figures only.
const ROOM_FOR_CONCLUSION: u16 = 20;
/// Share of the instruments' column that the load of a sweep gets for its chart, relative to the weights of the others.
const SWEEP_WEIGHT: u16 = 6;
/// Height of the instruments' column from which that chart leaves the GPU pane its rows.
const ROOM_FOR_ALL: u16 = 40;
/// Maximum rows of the GPU pane beside the chart of a sweep in a lower column.
const GPU_BESIDE_SWEEP: u16 = 4;
/// Columns between two panes side by side.
const GUTTER: u16 = 2;

/// Positions on the screen.
#[derive(Debug)]
pub struct Layout {
    /// Two rows at the top; three or four with the conclusion of a finished run.
    pub header: Rect,
    /// The last row.
    pub footer: Rect,
    /// The visible panes and their positions.
    pub panes: Vec<(&'static Pane, Rect)>,
}

/// The part of the state that the layout depends on.
#[derive(Clone, Copy, Debug)]
pub struct LayoutInputs {
    /// Number of rows in the table of cases.
    pub cases: usize,
    /// The pane that is zoomed.
    pub zoomed: Option<PaneId>,
    /// Whether the run is finished.
    pub finished: bool,
    /// Content of the GPU pane.
    pub machine: GpuPaneContent,
    /// Whether the run is a sweep, whose chart needs room.
    pub sweep: bool,
}

impl LayoutInputs {
    /// Inputs for the run on the screen.
    pub fn from_app(app: &App) -> Self {
        let finished = app.shown().session.mode == Mode::Finished;
        Self {
            cases: app.table_rows().len(),
            zoomed: app.ui.zoomed.then_some(app.ui.focus),
            finished,
            machine: GpuPaneContent::from_app(app),
            sweep: !app.shown().session.sweep.is_empty(),
        }
    }
}

/// The layout of a screen; `None` if it is smaller than [`SMALLEST`].
pub fn compute(screen: Rect, inputs: LayoutInputs) -> Option<Layout> {
    if screen.width < SMALLEST.0 || screen.height < SMALLEST.1 {
        return None;
    }
    let inside = Rect { x: screen.x + 1, width: screen.width - 2, ..screen };
    let conclusion = match inputs.finished {
        true if screen.height >= ROOM_FOR_CONCLUSION => CONCLUSION,
        finished => u16::from(finished),
    };
    let header = Rect { height: HEADER + conclusion, ..inside };
    let footer = Rect { y: screen.bottom() - 1, height: 1, ..inside };
    let body = Rect { y: header.bottom(), height: screen.height - header.height - 1, ..inside };
    let panes = match inputs.zoomed {
        Some(id) => PANES.iter().filter(|p| p.id == id).map(|p| (p, body)).collect(),
        None => arrange(body, inputs, screen),
    };
    Some(Layout { header, footer, panes })
}

/// Rows that the table needs: rule, heading, and one for each case; an empty table has a row with a message.
fn table_height(cases: usize) -> u16 {
    u16::try_from(cases.max(1).saturating_add(2)).unwrap_or(u16::MAX)
}

fn arrange(body: Rect, inputs: LayoutInputs, screen: Rect) -> Vec<(&'static Pane, Rect)> {
    let table_wants = table_height(inputs.cases);
    let tall = screen.height >= 30;
    if tall && screen.width >= 160 {
        let (left, right) = split_columns(body, body.width * 5 / 8);
        let (table, text) = split_rows(left, table_wants.min(left.height / 2));
        place(table, text, &stack(right, inputs))
    } else if tall && screen.width >= 100 {
        let (table, below) = split_rows(body, table_wants.min(body.height * 2 / 5));
        let (text, right) = split_columns(below, below.width * 11 / 20);
        place(table, text, &stack(right, inputs))
    } else {
        let strip_height = (body.height / 4).clamp(3, 9);
        let is_figures = matches!(inputs.machine, GpuPaneContent::Figures(_));
        let (body, reason) = split_rows(body, if is_figures { body.height } else { body.height - 1 });
        let (above, strip) = split_rows(body, body.height - strip_height);
        let (table, text) = split_rows(above, table_wants.min(above.height * 5 / 8));
        place(table, text, &side_by_side(strip, (!is_figures).then_some(reason)))
    }
}

fn place(table: Rect, text: Rect, instruments: &[Rect]) -> Vec<(&'static Pane, Rect)> {
    let mut instruments = instruments.iter();
    let rect = |pane: &'static Pane| {
        let rect = match pane.place {
            Place::Table => Some(table),
            Place::Text => Some(text),
            Place::Instrument => instruments.next().copied(),
        };
        rect.map(|r| (pane, r))
    };
    PANES.iter().filter_map(rect).collect()
}

/// Shares of the instruments in `cells`, by weight. The GPU pane gets `machine` cells at most; the others share its rest.
fn shares(cells: u16, machine: u16, sweep: bool) -> Vec<u16> {
    let instruments = || PANES.iter().filter(|p| p.place == Place::Instrument);
    let weight = |pane: &Pane| if sweep && pane.id == PaneId::Latency { SWEEP_WEIGHT } else { pane.weight };
    let all = divided(cells, &instruments().map(weight).collect::<Vec<_>>());
    let is_gpu = |pane: &&Pane| pane.id == PaneId::Gpu;
    let own = instruments().zip(&all).find(|(pane, _)| is_gpu(pane)).map_or(0, |(_, share)| *share);
    if own <= machine {
        return all;
    }
    let weights: Vec<u16> = instruments().map(|p| if is_gpu(&p) { 0 } else { weight(p) }).collect();
    let others = divided(cells - machine, &weights);
    instruments().zip(others).map(|(pane, share)| if is_gpu(&pane) { machine } else { share }).collect()
}

/// Divides all `cells` by weight.
fn divided(cells: u16, weights: &[u16]) -> Vec<u16> {
    let mut left = weights.iter().sum::<u16>().max(1);
    let mut rest = cells;
    let share = |weight: &u16| {
        let share = (u32::from(rest) * u32::from(*weight) / u32::from(left.max(1))) as u16;
        (rest, left) = (rest - share, left - weight);
        share
    };
    weights.iter().map(share).collect()
}

fn split_rows(area: Rect, height: u16) -> (Rect, Rect) {
    let height = height.min(area.height);
    (Rect { height, ..area }, Rect { y: area.y + height, height: area.height - height, ..area })
}

fn split_columns(area: Rect, width: u16) -> (Rect, Rect) {
    let width = width.min(area.width);
    let next = (width + GUTTER).min(area.width);
    (Rect { width, ..area }, Rect { x: area.x + next, width: area.width - next, ..area })
}

/// Positions of the instruments, one below the other.
fn stack(area: Rect, inputs: LayoutInputs) -> Vec<Rect> {
    let lines = inputs.machine.lines(area.width);
    let is_low = inputs.sweep && area.height < ROOM_FOR_ALL;
    let machine = if is_low { lines.min(GPU_BESIDE_SWEEP) } else { lines };
    let mut y = area.y;
    let place = |height| {
        let rect = Rect { y, height, ..area };
        y += height;
        rect
    };
    shares(area.height, machine, inputs.sweep).into_iter().map(place).collect()
}

/// Positions of the instruments side by side, in equal widths; the first ones get the remainder. A GPU pane without figures
/// gets the row `reason` below the others.
fn side_by_side(area: Rect, reason: Option<Rect>) -> Vec<Rect> {
    let is_apart = |pane: &Pane| pane.id == PaneId::Gpu && reason.is_some();
    let instruments = || PANES.iter().filter(|p| p.place == Place::Instrument);
    let count = instruments().filter(|p| !is_apart(p)).count().max(1) as u16;
    let room = area.width.saturating_sub(GUTTER * (count - 1));
    let mut spare = room % count;
    let mut x = area.x;
    let place = |pane: &Pane| {
        if let Some(below) = reason.filter(|_| is_apart(pane)) {
            return below;
        }
        let width = room / count + u16::from(spare > 0);
        spare = spare.saturating_sub(1);
        let rect = Rect { x, width, ..area };
        x += width + GUTTER;
        rect
    };
    instruments().map(place).collect()
}

#[cfg(test)]
mod tests {
    use super::*;

    fn layout(width: u16, height: u16, cases: usize) -> Option<Layout> {
        compute(
            Rect::new(0, 0, width, height),
            LayoutInputs {
                cases,
                zoomed: None,
                finished: false,
                machine: GpuPaneContent::Figures(u16::MAX),
                sweep: false,
            },
        )
    }

    #[test]
    fn a_screen_that_is_too_small_has_no_layout() {
        assert!(layout(59, 40, 10).is_none());
        assert!(layout(200, 15, 10).is_none());
        assert!(layout(60, 16, 10).is_some());
    }

    #[test]
    fn a_zoomed_pane_fills_the_body() {
        let inputs = LayoutInputs {
            cases: 10,
            zoomed: Some(PaneId::Gpu),
            finished: false,
            machine: GpuPaneContent::Reason(31),
            sweep: false,
        };
        let layout = compute(Rect::new(0, 0, 80, 24), inputs).unwrap();
        assert_eq!(layout.panes.len(), 1);
        assert_eq!((layout.panes[0].0.id, layout.panes[0].1), (PaneId::Gpu, Rect::new(1, 2, 78, 21)));
    }

    #[test]
    fn instruments_share_the_whole_column_by_weight() {
        let layout = layout(120, 40, 10).unwrap();
        let heights: Vec<u16> =
            layout.panes.iter().filter(|p| p.0.place == Place::Instrument).map(|p| p.1.height).collect();
        assert_eq!(heights, [10, 7, 8]);
        assert_eq!(layout.panes.last().unwrap().1.bottom(), layout.footer.y);
    }

    #[test]
    fn a_sweep_has_room_for_its_chart_at_120x40() {
        for machine in [GpuPaneContent::Figures(7), GpuPaneContent::Reason(31)] {
            let inputs = LayoutInputs { cases: 10, zoomed: None, finished: true, machine, sweep: true };
            let layout = compute(Rect::new(0, 0, 120, 40), inputs).unwrap();
            let load = layout.panes.iter().find(|p| p.0.id == PaneId::Latency).unwrap().1;
            assert!(load.height >= 9, "a rule and eight rows: {load:?}");
        }
    }

    #[test]
    fn other_instruments_get_the_rows_that_a_gpu_pane_without_figures_leaves() {
        let instruments = |width, height, machine| {
            let inputs = LayoutInputs { cases: 10, zoomed: None, finished: false, machine, sweep: false };
            let layout = compute(Rect::new(0, 0, width, height), inputs).unwrap();
            let size = |id| layout.panes.iter().find(|p| p.0.id == id).map(|p| (p.1.width, p.1.height)).unwrap();
            [PaneId::Scope, PaneId::Latency, PaneId::Gpu].map(size)
        };
        // A short reason fits into the rule; a longer one takes two rows below it.
        assert_eq!(instruments(120, 40, GpuPaneContent::Reason(31)), [(52, 13), (52, 11), (52, 1)]);
        assert_eq!(instruments(120, 40, GpuPaneContent::Reason(92)), [(52, 12), (52, 10), (52, 3)]);
        assert_eq!(instruments(120, 40, GpuPaneContent::Figures(7)), [(52, 10), (52, 8), (52, 7)]);
        assert_eq!(instruments(80, 24, GpuPaneContent::Reason(92)), [(38, 5), (38, 5), (78, 1)]);
        assert_eq!(instruments(80, 24, GpuPaneContent::Figures(9)), [(25, 5), (25, 5), (24, 5)]);
    }

    #[test]
    fn the_table_shows_ten_cases_at_120x40_and_eight_at_80x24() {
        let table_rows = |width, height| layout(width, height, 10).unwrap().panes[0].1.height - 2;
        assert_eq!(table_rows(120, 40), 10);
        assert_eq!(table_rows(80, 24), 8);
    }

    #[test]
    fn an_empty_suite_has_a_row_for_a_message() {
        assert_eq!(layout(80, 24, 0).unwrap().panes[0].1.height, 3);
    }

    proptest::proptest! {
        #[test]
        fn panes_are_inside_the_screen_and_do_not_overlap(width in 60_u16..300, height in 16_u16..120, cases in 0_usize..300, finished in proptest::bool::ANY, machine in 3_u16..40, quiet in proptest::bool::ANY, sweep in proptest::bool::ANY) {
            let machine = if quiet { GpuPaneContent::Reason(machine) } else { GpuPaneContent::Figures(machine) };
            let inputs = LayoutInputs { cases, zoomed: None, finished, machine, sweep };
            let layout = compute(Rect::new(0, 0, width, height), inputs).unwrap();
            let mut all: Vec<Rect> = layout.panes.iter().map(|p| p.1).collect();
            proptest::prop_assert_eq!(all.len(), PANES.len());
            let least = |id| if quiet && id == PaneId::Gpu { 1 } else { 3 };
            proptest::prop_assert!(layout.panes.iter().all(|p| p.1.height >= least(p.0.id) && p.1.width >= 16), "{:?}", all);
            all.extend([layout.header, layout.footer]);
            for (i, a) in all.iter().enumerate() {
                proptest::prop_assert_eq!(a.union(Rect::new(0, 0, width, height)), Rect::new(0, 0, width, height));
                for b in &all[i + 1..] {
                    proptest::prop_assert!(!a.intersects(*b), "{:?} {:?}", a, b);
                }
            }
        }
    }
}
