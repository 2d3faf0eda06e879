//! An Apple GPU on the screen, through a stand-in for macmon.

use super::Gated;
use super::macmon::{LINE, Macmon, assert_ended, send_lines};
use super::support::dashboard::{Dashboard, ROOMY, suite};

#[test]
fn an_apple_gpu_is_shown_and_macmon_ends_with_the_dashboard() {
    let (macmon, gated) = (Macmon::install(), Gated::start(1));
    let path = macmon.path();
    let env = [("PATH", path.to_str().unwrap())];
    let args = [&gated.url(), "--gpu", "macmon"];
    let mut screen = Dashboard::start_with(&suite(&["Alone"], ""), &args, &env, ROOMY);
    // Only a constantly busy GPU has a clock.
    let line = LINE.replace("\"gpu_active_ratio\":0.09000000357627869", "\"gpu_active_ratio\":0.97");
    let (alive, mut lines) = (macmon.alive(), macmon.lines());
    std::thread::spawn(move || send_lines(&mut lines, &line, usize::MAX));
    screen.wait_for_line("Apple M3 Max, 40 GPU cores", "461 MHz");
    screen.wait_for_line("unified", "19.5 / 24.0 GiB (whole machine)");
    for (label, figure) in [("util", "97%"), ("power", "0 W"), ("temp", "37 °C")] {
        screen.wait_for_line(label, figure);
    }
    gated.open(0);
    screen.wait_for_text("finished  1/1");
    screen.send("q");
    let (end, report) = screen.end();
    assert_eq!(end.status, 0);
    assert_eq!(report.unwrap()["gpu"]["source"], "macmon");
    assert_ended(alive);
}
