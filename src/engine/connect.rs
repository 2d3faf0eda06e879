//! Measures for each attempt how long the client library takes to connect.

use std::future::Future;
use std::pin::Pin;
use std::sync::{Arc, Mutex, PoisonError};
use std::task::{Context, Poll};
use std::time::Duration;

use tower_layer::Layer;
use tower_service::Service;

use super::clock::EngineClock;
use super::failure::ConnectTimedOut;
use crate::domain::time::Nanos;

type BoxError = Box<dyn std::error::Error + Send + Sync>;

/// Default connect timeout.
const LIMIT: Duration = Duration::from_secs(10);

/// Start and end of connecting, once both are known.
pub type ConnectTimes = Arc<Mutex<Option<(Nanos, Nanos)>>>;

/// Connect timeout of one attempt, and the place for its connect times.
#[derive(Clone, Debug)]
pub struct ConnectTiming {
    /// Place for the connect times.
    pub times: ConnectTimes,
    /// Connect timeout.
    pub limit: Duration,
}

tokio::task_local! {
    /// Connect timing of the attempt that is being polled.
    pub static WANTED: ConnectTiming;
}

/// Limits and times every connection, and passes the times to the attempt that is waiting for it.
#[derive(Clone, Copy)]
pub struct TimeConnect(pub EngineClock);

impl<S> Layer<S> for TimeConnect {
    type Service = TimedConnect<S>;

    fn layer(&self, inner: S) -> TimedConnect<S> {
        TimedConnect { inner, clock: self.0 }
    }
}

/// A connector that times its connections.
#[derive(Clone)]
pub struct TimedConnect<S> {
    inner: S,
    clock: EngineClock,
}

impl<S, R> Service<R> for TimedConnect<S>
where
    S: Service<R, Error = BoxError>,
    S::Future: Send + 'static,
{
    type Response = S::Response;
    type Error = BoxError;
    type Future = Pin<Box<dyn Future<Output = Result<S::Response, BoxError>> + Send>>;

    fn poll_ready(&mut self, cx: &mut Context<'_>) -> Poll<Result<(), BoxError>> {
        self.inner.poll_ready(cx)
    }

    fn call(&mut self, target: R) -> Self::Future {
        // The client calls the connector on the task of the request, so the task-local value is that of the request.
        let wanted = WANTED.try_with(ConnectTiming::clone).ok();
        let limit = wanted.as_ref().map_or(LIMIT, |wanted| wanted.limit);
        let (clock, begun) = (self.clock, self.clock.now());
        let connecting = self.inner.call(target);
        Box::pin(async move {
            let in_time = tokio::time::timeout(limit, connecting).await;
            let connection = in_time.map_err(|_elapsed| ConnectTimedOut(limit))??;
            if let Some(wanted) = wanted {
                *wanted.times.lock().unwrap_or_else(PoisonError::into_inner) = Some((begun, clock.now()));
            }
            Ok(connection)
        })
    }
}
