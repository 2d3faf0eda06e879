//! A sweep against a server that saturates at concurrency 8.

use super::{Script, Stage};
use crate::domain::session::Plan;

/// Concurrencies of the sweep.
const STAGES: [usize; 5] = [1, 2, 4, 8, 16];
/// Requests of each stage: enough for a p95, and a multiple of each concurrency.
const CASES: usize = 32;

/// Timing of an answer among `concurrency` requests: more than 8 mostly wait.
fn script(concurrency: usize) -> Script {
    let load = concurrency as u64;
    let queued = load.saturating_sub(8);
    Script::plain(120 + 6 * load + 48 * queued, 8 + load / 4 + queued / 4, 80)
}

/// The sweep with thresholds for TTFT and ITL, after this many complete stages.
pub fn sweep(complete: usize) -> Stage {
    let names: Vec<String> = (1..=CASES).map(|i| format!("Case {i}")).collect();
    let names: Vec<&str> = names.iter().map(String::as_str).collect();
    let mut stage = Stage::new(&names, Plan::default());
    let mut session = stage.app.scene.session.clone().with_sweep(STAGES.to_vec());
    let slos = ["ttft_p95<400ms", "itl_p50<9.5ms"].map(|slo| slo.parse().unwrap());
    std::sync::Arc::make_mut(&mut session.suite).slos = slos.to_vec();
    stage.app.scene.load = crate::app::state::load::Load::new(&session);
    stage.app.scene.session = session;
    stage.find_gpus(1);
    stage.connect();
    for (number, concurrency) in (1..).zip(STAGES).take(complete) {
        let cases: Vec<usize> = (0..CASES).collect();
        for wave in cases.chunks(concurrency) {
            for case in wave {
                stage.start(*case, number, script(concurrency));
            }
            for case in wave {
                stage.finish(*case);
            }
        }
    }
    stage
}

/// The sweep in the middle of its fourth stage, before an answer is complete.
pub fn running_sweep() -> Stage {
    let mut stage = sweep(3);
    (0..8).for_each(|case| stage.start(case, 4, script(8)));
    stage.pass(500);
    stage
}
