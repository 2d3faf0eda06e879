//! Table that compares the steady part of a load with the whole run.

use crate::domain::metrics::{ITL, LATENCY, Metric, TTFT};
use crate::domain::steady_window::SteadyWindow;

use super::View;
use super::figures::{quantity, with_unit};
use super::page::Page;

pub fn write(view: &View<'_>, page: &mut Page) {
    let Some(window) = SteadyWindow::from_session(&view.report.session) else { return };
    let estimated = window.requests.estimated;
    let percentile = |name: &str, metric: &'static Metric, p: u32| {
        let value = window.requests.percentile(metric, p)?;
        Some(format!("{name} p{p} {}", quantity(metric, Some(value), false)))
    };
    let figures = [
        Some(with_unit(
            Some(window.throughput_per_s),
            1,
            estimated,
            &format!(" {}", view.report.session.suite.task.throughput_unit()),
        )),
        Some(with_unit(Some(window.requests_per_s), 2, false, " req/s")),
        percentile("TTFT", &TTFT, 50),
        percentile("TTFT", &TTFT, 95),
        percentile("ITL", &ITL, 50),
        percentile("Latency", &LATENCY, 50),
    ];
    let figures: Vec<String> = figures.into_iter().flatten().collect();
    let seconds = |value: f64| with_unit(Some(value), 1, false, " s");
    page.field(
        "Steady State",
        &format!(
            "{} over {}, after a ramp of {} and before a drain of {}; {}/{} requests",
            figures.join(", "),
            seconds(window.seconds()),
            seconds(window.ramp_s),
            seconds(window.drain_s),
            window.requests.ok,
            window.requests.ended
        ),
    );
}
