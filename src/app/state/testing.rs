//! Initial states for tests.

use std::sync::Arc;

use super::{App, Connection, Target};
use crate::domain::live::ServerInfo;
use crate::domain::route::Route;
use crate::domain::session::{Plan, Session};
use crate::domain::testing::suite;

/// A program with this number of cases whose endpoint has not answered yet.
pub fn app(cases: usize) -> App {
    let target = Target {
        url: "http://h/v1".into(),
        model: None,
        server: ServerInfo::default(),
        simulated: false,
        route: Route::default(),
        connection: Connection::Connecting,
    };
    App::new(target, Session::new(Arc::new(suite(cases)), Plan::default()), None, vec!["Markdown", "JSON"])
}
