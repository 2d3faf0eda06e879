//! The pictures: for each the runs of tokscope that lead to it, as steps.

/// A picture or an animation; the file is `assets/NAME-dark.svg` or `assets/NAME-light.svg`.
pub struct Picture {
    pub name: &'static str,
    pub cols: u16,
    pub rows: u16,
    /// Arguments of runs without a screen that come first.
    pub before: &'static [&'static [&'static str]],
    pub scenes: &'static [Scene],
}

/// One run of the program in the terminal.
pub struct Scene {
    pub args: &'static [&'static str],
    pub steps: &'static [Step],
}

/// Condition on the text of the screen.
pub type When = fn(&str) -> bool;

pub enum Step {
    Wait(When),
    Keys(&'static str),
    /// Lets the program work for a time, milliseconds.
    Pause(u64),
    /// Adds the screen as one frame, shown for a time, milliseconds.
    Shoot(u32),
    /// Adds frames in real time, one every `ms` milliseconds.
    Film {
        frames: u32,
        ms: u32,
    },
    /// Adds frames in time lapse: looks every `every_ms` milliseconds and keeps `frames`, each shown for `ms`.
    Lapse {
        until: When,
        every_ms: u64,
        frames: usize,
        ms: u32,
    },
    /// Makes the last frame the one that is shown where motion is unwanted.
    Still,
}
use Step::{Film, Keys, Lapse, Pause, Shoot, Still, Wait};

/// A suite whose sweep takes two minutes.
pub const SHORT: &str = r#"
[suite]
name = "Short"
[defaults]
max_tokens = 120
[[case]]
name = "Debug Task"
prompt = "Find the bug in a function that reverses a list."
[[case]]
name = "Database Optimization"
prompt = "Explain what an index does for a slow query."
"#;

/// A run that is long enough for the simulator's rare stalls.
const LONG: &[&str] = &["--demo", "--concurrency", "3", "--repeat", "4"];
const SWEEP: &[&str] =
    &["--demo", "--sweep", "1,2,4,8,16,32", "--repeat", "16", "--cases", "short.toml", "--slo", "itl_p50<12ms"];

/// Whether the header says so; panes have the word, too.
fn is_finished(text: &str) -> bool {
    text.lines().nth(1).is_some_and(|header| header.contains("finished"))
}

fn has_results(text: &str) -> bool {
    is_busy(text) && (text.matches(" done ").count() + text.matches("capped").count()) >= 1
}

fn is_busy(text: &str) -> bool {
    text.contains("answering")
}

/// Whether a stall is in the scope: its mark with its length. The legend has the mark alone.
fn has_stall(text: &str) -> bool {
    text.split('▲').skip(1).any(|rest| rest.trim_start().starts_with(|c: char| c.is_ascii_digit()))
}

fn has_report(text: &str) -> bool {
    text.contains("Report")
}

fn is_browser(text: &str) -> bool {
    text.contains("compare") && text.contains("tokscope-sim")
}

fn is_comparison(text: &str) -> bool {
    text.contains("tokscope compare")
}

pub const PICTURES: &[Picture] = &[
    Picture {
        name: "tour",
        cols: 120,
        rows: 34,
        before: &[],
        scenes: &[
            Scene {
                args: LONG,
                steps: &[
                    Wait(has_results),
                    Film { frames: 10, ms: 300 },
                    Keys("3\r"),
                    Pause(300),
                    Lapse { until: has_stall, every_ms: 500, frames: 4, ms: 300 },
                    Film { frames: 4, ms: 400 },
                    Shoot(500),
                    Still,
                ],
            },
            Scene {
                args: SWEEP,
                steps: &[
                    Wait(|text| text.contains("running")),
                    Keys("4\r"),
                    Lapse { until: is_finished, every_ms: 300, frames: 12, ms: 300 },
                    Pause(500),
                    Shoot(2500),
                    Keys("v"),
                    Pause(500),
                    Shoot(2500),
                ],
            },
        ],
    },
    Picture {
        name: "dashboard",
        cols: 120,
        rows: 38,
        before: &[],
        scenes: &[Scene { args: LONG, steps: &[Wait(has_results), Wait(has_stall), Pause(3000), Shoot(0)] }],
    },
    Picture {
        name: "scope",
        cols: 120,
        rows: 32,
        before: &[],
        scenes: &[Scene {
            args: LONG,
            steps: &[
                Wait(has_results),
                Keys("3\r"),
                Wait(has_stall),
                Pause(3000),
                Keys("c"),
                Wait(|text| text.contains("streams)")),
                Shoot(0),
            ],
        }],
    },
    Picture {
        name: "sweep",
        cols: 120,
        rows: 38,
        before: &[],
        scenes: &[Scene { args: SWEEP, steps: &[Wait(is_finished), Keys("4\r"), Pause(500), Shoot(0)] }],
    },
    Picture {
        name: "report",
        cols: 120,
        rows: 42,
        before: &[],
        scenes: &[Scene {
            args: &["--demo", "--case", "debug", "--case", "data", "--case", "interview"],
            steps: &[Wait(is_finished), Keys("v"), Wait(has_report), Pause(500), Shoot(0)],
        }],
    },
    Picture {
        name: "runs",
        cols: 120,
        rows: 38,
        before: RUNS,
        scenes: &[Scene { args: &["runs"], steps: &[Wait(is_browser), Pause(1000), Shoot(0)] }],
    },
    Picture {
        name: "compare",
        cols: 120,
        rows: 38,
        before: RUNS,
        scenes: &[Scene {
            args: &["runs"],
            steps: &[Wait(is_browser), Keys(" j c"), Wait(is_comparison), Pause(1000), Shoot(0)],
        }],
    },
];

/// Runs for the browser and the comparison: the last two differ in their load, those before make a trend.
const RUNS: &[&[&str]] = &[
    &["--demo", "--headless", "--case", "debug", "--case", "data"],
    &["--demo", "--headless", "--cases", "short.toml", "--concurrency", "6", "--repeat", "6"],
    &["--demo", "--headless", "--cases", "short.toml", "--sweep", "1,2,4", "--repeat", "4"],
    &["--demo", "--headless", "--cases", "short.toml", "--concurrency", "6", "--repeat", "8"],
    &["--demo", "--headless", "--cases", "short.toml", "--concurrency", "6", "--repeat", "10"],
    &["--demo", "--headless", "--cases", "short.toml", "--concurrency", "2", "--repeat", "8"],
    &["--demo", "--headless", "--cases", "short.toml", "--concurrency", "6", "--repeat", "16"],
];
