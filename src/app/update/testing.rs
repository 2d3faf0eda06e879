//! What tests of the state begin with.

use std::sync::Arc;

use super::update;
use crate::app::message::{Effect, Msg};
use crate::app::model::{App, Connection, Target};
use crate::domain::attempt::{AttemptId, AttemptRecord, AttemptStatus};
use crate::domain::live::{EngineFact, ServerInfo};
use crate::domain::session::{Plan, Session};
use crate::domain::testing::suite;
use crate::domain::time::Nanos;

/// A program with so many cases.
pub fn app(cases: usize) -> App {
    let target = Target {
        url: "http://h/v1".into(),
        model: None,
        server: ServerInfo::default(),
        simulated: false,
        route: crate::domain::route::Route::default(),
        connection: Connection::Connecting,
    };
    App::new(target, Session::new(Arc::new(suite(cases)), Plan::default()), None, vec!["Markdown", "JSON"])
}

/// The endpoint answers with these models.
pub fn discovered(app: &mut App, models: &[&str]) -> Vec<Effect> {
    let models = models.iter().map(|m| (*m).to_owned()).collect();
    update(
        app,
        Msg::Engine(Nanos(5), EngineFact::Discovered { models, server: ServerInfo::default(), list_error: None }),
    )
}

/// An attempt ends in this way.
pub fn ended(app: &mut App, case: usize, number: u32, status: AttemptStatus) -> Vec<Effect> {
    let id = AttemptId { case, number };
    let mut record = AttemptRecord::started(id, false, String::new(), String::new(), Nanos(1));
    record.status = status;
    update(app, Msg::Engine(Nanos(9), EngineFact::Ended { id, record: Arc::new(record) }))
}
