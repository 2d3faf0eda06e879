//! Load that a run puts on the server.

use super::Session;

impl Session {
    /// Returns whether requests start at scheduled times, however fast the server answers.
    pub fn is_open_loop(&self) -> bool {
        self.plan.open_loop.is_some() || self.replay_speed().is_some()
    }

    /// Factor by which the run sends the requests of a trace faster than they were recorded; `None` for other runs.
    pub fn replay_speed(&self) -> Option<f64> {
        self.suite.workload.as_ref()?.source.replay_speed()
    }

    /// Returns whether the run is a load test, for which totals matter more than single cases.
    pub fn is_load(&self) -> bool {
        self.plan.is_load() || self.is_open_loop()
    }

    /// Name of the open loop, like `5 req/s, poisson` or `trace, 2x`; `None` in a closed loop.
    pub fn open_loop_name(&self) -> Option<String> {
        let rate = || self.plan.open_loop.map(|open| format!("{} req/s, {}", open.rate_per_s, open.process.as_str()));
        self.replay_speed().map(|speed| format!("trace, {speed}x")).or_else(rate)
    }
}
