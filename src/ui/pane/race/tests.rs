use std::sync::Arc;

use insta::assert_snapshot;

use crate::app::state::Target;
use crate::app::state::load::Load;
use crate::domain::attempt::AttemptId;
use crate::domain::race::{Race, RaceSide, Side};
use crate::domain::session::{Plan, Session, SessionInput};
use crate::domain::time::Nanos;
use crate::report::fixture;
use crate::ui::testing::{Script, Stage, text};

const NAMES: [&str; 4] = ["A: Debug Task", "B: Debug Task", "A: Poem", "B: Poem"];

/// A race after this many blocks. Side B answers in four fifths of the time, and its answers vary more.
fn race(blocks: u32) -> Stage {
    let side = |port: u16| RaceSide { url: format!("http://localhost:{port}/v1"), ..RaceSide::default() };
    let mut suite = fixture::suite(&NAMES);
    suite.race = Some(Race {
        sides: [side(8001), side(8002)],
        seed: 1,
        margin_percent: 2.0,
        takes_turns: false,
        runs_all: true,
        until: Vec::new(),
    });
    let mut session = Session::new(Arc::new(suite), Plan { repeat: 100, ..Plan::default() });
    let mut now = Nanos::from_millis(400);
    session.handle_at(now, SessionInput::Begin(now));
    while session.race().unwrap().tally.blocks() < blocks as usize {
        let id = session.open_ids()[0];
        let wobble = u64::from(id.number * 37 % 11) * if id.case.is_multiple_of(2) { 4 } else { 11 };
        let millis = if Side::from_case(id.case) == Side::A { 1000 } else { 800 } + wobble;
        let record = fixture::answer(id, now, millis, 10, 40);
        now = record.ended;
        session.handle_at(now, SessionInput::Ended(id, Arc::new(record)));
    }
    let mut stage = Stage::new(&NAMES, Plan::default());
    stage.connect();
    stage.now_ms = now.0 / 1_000_000;
    let open = session.open_ids();
    stage.app.scene.rival =
        Some(Target { url: "http://localhost:8002/v1".to_owned(), ..stage.app.scene.target.clone() });
    stage.app.scene.load = Load::from_session(&session, now);
    stage.app.scene.session = session;
    for AttemptId { case, number } in open {
        stage.start(case, number, Script::plain(200 + 40 * case as u64, 15, 60));
    }
    stage.pass(900);
    stage
}

#[test]
fn both_sides_are_live_side_by_side_with_their_differences() {
    for (width, height) in [(80, 24), (120, 40), (200, 60)] {
        assert_snapshot!(format!("race_{width}x{height}"), text(&race(14).screen(width, height)));
    }
}

#[test]
fn before_the_first_block_there_is_no_difference() {
    let shown = text(&race(0).screen(100, 32));
    assert!(shown.contains("The first block is not complete yet."), "{shown}");
    assert!(shown.contains("A localhost:8001") && shown.contains("B localhost:8002"), "{shown}");
}
