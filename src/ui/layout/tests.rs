use super::*;

fn inputs(cases: usize) -> LayoutInputs {
    LayoutInputs {
        cases,
        zoomed: false,
        focus: PaneId::Cases,
        preset: LayoutPreset::Overview,
        begun: true,
        finished: false,
        scope_rows: 60,
        machine: GpuPaneContent::Figures(9),
    }
}

fn layout_with(width: u16, height: u16, inputs: LayoutInputs) -> Option<Layout> {
    compute(Rect::new(0, 0, width, height), inputs)
}

fn layout(width: u16, height: u16, cases: usize) -> Option<Layout> {
    layout_with(width, height, inputs(cases))
}

fn visible(width: u16, height: u16, inputs: LayoutInputs) -> Vec<PaneId> {
    layout_with(width, height, inputs).unwrap().panes.iter().map(|(pane, _)| pane.id).collect()
}

/// The pane with the largest area, except the cases.
fn largest(width: u16, height: u16, inputs: LayoutInputs) -> PaneId {
    let layout = layout_with(width, height, inputs).unwrap();
    let others = layout.panes.iter().filter(|(pane, _)| pane.id != PaneId::Cases);
    others.max_by_key(|(_, rect)| rect.area()).unwrap().0.id
}

const SIZES: [(u16, u16); 6] = [(80, 24), (80, 50), (120, 24), (120, 40), (160, 48), (200, 60)];

#[test]
fn a_screen_that_is_too_small_has_no_layout() {
    assert!(layout(59, 40, 10).is_none());
    assert!(layout(200, 15, 10).is_none());
    assert!(layout(60, 16, 10).is_some());
}

#[test]
fn a_zoomed_pane_fills_the_body() {
    let inputs = LayoutInputs { zoomed: true, focus: PaneId::Gpu, ..inputs(10) };
    let layout = layout_with(80, 24, inputs).unwrap();
    assert_eq!(layout.panes.len(), 1);
    assert_eq!((layout.panes[0].0.id, layout.panes[0].1), (PaneId::Gpu, Rect::new(1, 2, 78, 21)));
}

#[test]
fn a_small_screen_has_one_pane_below_the_cases() {
    assert_eq!(visible(80, 24, inputs(10)), [PaneId::Cases, PaneId::Scope]);
    for focus in PaneId::ALL.into_iter().skip(1) {
        assert_eq!(visible(80, 24, LayoutInputs { focus, ..inputs(10) }), [PaneId::Cases, focus]);
    }
}

#[test]
fn a_large_screen_has_all_panes() {
    for (width, height) in [(120, 40), (160, 48), (200, 60)] {
        assert_eq!(visible(width, height, inputs(10)), PaneId::ALL);
    }
}

#[test]
fn each_layout_gives_its_main_pane_the_most_room() {
    for (width, height) in SIZES {
        for preset in [LayoutPreset::Load, LayoutPreset::Answer, LayoutPreset::Scope] {
            let inputs = LayoutInputs { preset, ..inputs(10) };
            assert_eq!(largest(width, height, inputs), preset.main_pane(), "{width}x{height}");
        }
    }
}

#[test]
fn a_pane_with_the_focus_is_always_visible() {
    for (width, height) in SIZES {
        for preset in LayoutPreset::ALL {
            for focus in PaneId::ALL {
                let panes = visible(width, height, LayoutInputs { focus, preset, ..inputs(10) });
                assert!(panes.contains(&focus), "{width}x{height} {preset:?} {focus:?}: {panes:?}");
            }
        }
    }
}

#[test]
fn the_answer_grows_while_it_has_the_focus() {
    for (width, height) in [(120, 40), (200, 60)] {
        let rows = |focus| {
            let layout = layout_with(width, height, LayoutInputs { focus, ..inputs(10) }).unwrap();
            layout.panes.iter().find(|(pane, _)| pane.id == PaneId::Preview).unwrap().1.height
        };
        assert!(rows(PaneId::Preview) > rows(PaneId::Cases), "{width}x{height}");
    }
}

#[test]
fn before_the_run_the_answer_has_the_place_of_the_scope() {
    let waiting = LayoutInputs { begun: false, ..inputs(10) };
    assert_eq!(visible(80, 24, waiting), [PaneId::Cases, PaneId::Preview]);
    assert_eq!(largest(120, 40, waiting), PaneId::Preview);
    assert_eq!(largest(200, 60, waiting), PaneId::Preview);
}

#[test]
fn rows_that_the_scope_cannot_use_go_to_the_latency() {
    let size = |scope_rows, id| {
        let layout = layout_with(200, 60, LayoutInputs { scope_rows, ..inputs(10) }).unwrap();
        layout.panes.iter().find(|(pane, _)| pane.id == id).unwrap().1
    };
    // Header, cases and footer leave 45 rows.
    assert_eq!((size(60, PaneId::Scope).height, size(26, PaneId::Scope).height), (45, 26));
    assert_eq!((size(26, PaneId::Latency).height, size(26, PaneId::Latency).x), (19, size(26, PaneId::Scope).x));
    assert!(size(26, PaneId::Preview).height > size(60, PaneId::Preview).height);
}

#[test]
fn a_gpu_pane_without_figures_leaves_its_rows_to_the_others() {
    let height = |machine, id| {
        let layout = layout_with(120, 40, LayoutInputs { machine, ..inputs(10) }).unwrap();
        layout.panes.iter().find(|(pane, _)| pane.id == id).unwrap().1.height
    };
    // A short reason fits into the rule; a longer one takes two rows below it.
    for (machine, rows) in [(GpuPaneContent::Reason(31), 1), (GpuPaneContent::Reason(92), 3)] {
        assert_eq!((height(machine, PaneId::Latency), height(machine, PaneId::Gpu)), (25 - rows, rows));
    }
}

#[test]
fn the_table_shows_ten_cases() {
    for (width, height) in [(80, 24), (120, 40), (160, 48), (200, 60)] {
        assert_eq!(layout(width, height, 10).unwrap().panes[0].1.height - 2, 10, "{width}x{height}");
    }
}

#[test]
fn an_empty_suite_has_a_row_for_a_message() {
    assert_eq!(layout(80, 24, 0).unwrap().panes[0].1.height, 3);
}

proptest::proptest! {
    #[test]
    fn panes_fill_the_body_and_do_not_overlap(width in 60_u16..300, height in 16_u16..120, cases in 0_usize..300, finished in proptest::bool::ANY, machine in 3_u16..40, is_quiet in proptest::bool::ANY, focus in 0_usize..5, preset in 0_usize..4, begun in proptest::bool::ANY, scope_rows in 20_u16..90) {
        let machine = if is_quiet { GpuPaneContent::Reason(machine) } else { GpuPaneContent::Figures(machine) };
        let (focus, preset) = (PaneId::ALL[focus], LayoutPreset::ALL[preset]);
        let inputs = LayoutInputs { cases, zoomed: false, focus, preset, begun, finished, scope_rows, machine };
        let layout = compute(Rect::new(0, 0, width, height), inputs).unwrap();
        let mut all: Vec<Rect> = layout.panes.iter().map(|p| p.1).collect();
        proptest::prop_assert!(layout.panes.iter().any(|p| p.0.id == focus));
        let least = |id| if is_quiet && id == PaneId::Gpu { 1 } else { 3 };
        let is_usable = |id, rect: Rect| rect.height >= least(id) && rect.width >= 16;
        proptest::prop_assert!(layout.panes.iter().all(|p| is_usable(p.0.id, p.1)), "{:?}", all);
        all.extend([layout.header, layout.footer]);
        for (i, a) in all.iter().enumerate() {
            proptest::prop_assert_eq!(a.union(Rect::new(0, 0, width, height)), Rect::new(0, 0, width, height));
            for b in &all[i + 1..] {
                proptest::prop_assert!(!a.intersects(*b), "{:?} {:?}", a, b);
            }
        }
        // Only the gutters between columns are blank.
        let covered: u32 = all.iter().map(|rect| rect.area()).sum();
        let gutters = 2 * u32::from(height);
        proptest::prop_assert!(covered + gutters >= u32::from(width - 2) * u32::from(height), "{:?}", all);
    }
}
