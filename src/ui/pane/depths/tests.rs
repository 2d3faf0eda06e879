use insta::assert_snapshot;

use crate::domain::session::Plan;
use crate::report::fixture::depth::{depth_session, too_long};
use crate::ui::pane::latency;
use crate::ui::testing::{Stage, text};
use crate::ui::theme::Theme;

/// A finished run whose deepest context was refused, unless `all` depths have figures.
fn stage(all: bool) -> Stage {
    let mut stage = Stage::new(&["a"], Plan::default());
    let is_refused = |depth| !all && depth == 8192;
    let session = depth_session(|test, record| if is_refused(test.depth) { too_long(&record) } else { record });
    stage.app.scene.session = session;
    stage
}

fn shown(stage: &Stage, width: u16, height: u16) -> String {
    text(&stage.draw_with(width, height, Theme::ansi(), latency::draw))
}

#[test]
fn a_small_pane_has_a_table_with_a_chart_beside_it() {
    assert_snapshot!(shown(&stage(true), 52, 10));
}

#[test]
fn a_low_strip_has_the_table_only() {
    assert_snapshot!(shown(&stage(true), 40, 5));
}

#[test]
fn a_zoomed_pane_has_charts_of_prefill_and_decode_and_the_reason_of_a_missing_depth() {
    assert_snapshot!(shown(&stage(false), 78, 19));
}

#[test]
fn a_large_pane_has_a_chart_of_the_ttft_too() {
    assert_snapshot!(shown(&stage(true), 198, 54));
}

#[test]
fn any_size_can_be_drawn() {
    let stage = stage(false);
    for (width, height) in (0..90).step_by(3).flat_map(|width| (0..30).map(move |height| (width, height))) {
        drop(stage.draw_with(width, height, Theme::mono(), latency::draw));
    }
}
