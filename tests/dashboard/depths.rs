//! A run that measures context depths: table and charts.

use tokscope::sim::{EngineConfig, SimConfig, Simulator};

use super::support::dashboard::Dashboard;

const DEPTHS: &str = "[workload]\ndepth = [0, 600, 4000]\nisl = 400\nosl = 16\n";

/// A server with a context of 1,600 tokens, whose prompts take time in proportion to their length.
fn simulator() -> Simulator {
    let engine =
        EngineConfig { kv_blocks: 100, step_ms: 10.0, prefill_ms: 0.2, stall_every_s: 0.0, ..EngineConfig::default() };
    Simulator::start(SimConfig { engine: Some(engine), ..SimConfig::default() }).unwrap()
}

fn start(simulator: &Simulator, more: &[&str], size: (u16, u16)) -> Dashboard {
    Dashboard::start_with(DEPTHS, &[&[simulator.url().as_str()], more].concat(), &[], size)
}

#[test]
fn the_latency_pane_charts_prefill_and_decode_against_depth() {
    let simulator = simulator();
    for size in [(80, 24), (200, 60)] {
        let mut screen = start(&simulator, &["--repeat", "1"], size);
        screen.wait_for_text("finished");
        // The pane of the latency, enlarged.
        screen.send("4\r");
        screen.wait_for_text("2 of 3 depths measured");
        screen.wait_for_line("● prefill", "■ decode");
        screen.wait_for_text("maximum context length");
        screen.send("q");
        let (ended, report) = screen.end();
        assert_eq!((ended.status, report.unwrap()["depth"][1]["n"].as_u64()), (1, Some(1)));
    }
}
