//! Messages that tests begin with.

use std::sync::Arc;

use super::update;
use crate::app::message::{Effect, Msg};
use crate::app::state::App;
pub use crate::app::state::testing::app;
use crate::domain::attempt::{AttemptId, AttemptRecord, AttemptStatus};
use crate::domain::live::{EngineFact, ServerInfo};
use crate::domain::time::Nanos;

/// Lets the endpoint answer with these models.
pub fn discovered(app: &mut App, models: &[&str]) -> Vec<Effect> {
    let models = models.iter().map(|m| (*m).to_owned()).collect();
    update(
        app,
        Msg::Engine(Nanos(5), EngineFact::Discovered { models, server: ServerInfo::default(), list_error: None }),
    )
}

/// Ends an attempt with this status.
pub fn ended(app: &mut App, case: usize, number: u32, status: AttemptStatus) -> Vec<Effect> {
    let id = AttemptId { case, number };
    let mut record = AttemptRecord::started(id, false, String::new(), String::new(), Nanos(1));
    record.status = status;
    update(app, Msg::Engine(Nanos(9), EngineFact::Ended { id, record: Arc::new(record) }))
}
