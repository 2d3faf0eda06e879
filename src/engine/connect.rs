//! How long the client library took to connect, and for which attempt.

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

/// Where nothing else is said, a connection that does not stand after this time is given up.
const LIMIT: Duration = Duration::from_secs(10);

/// A connection to be timed: when it was begun and when it stood.
pub type ConnectTimes = Arc<Mutex<Option<(Nanos, Nanos)>>>;

/// What an attempt wants of its connection.
#[derive(Clone, Debug)]
pub struct ConnectRequest {
    /// Where its times go.
    pub times: ConnectTimes,
    /// It must stand within this time.
    pub limit: Duration,
}

tokio::task_local! {
    /// What the attempt that is being polled wants.
    pub static WANTED: ConnectRequest;
}

/// Times every connection, gives it up when it takes too long, and hands the times to the attempt that asked for it.
#[derive(Clone, Copy)]
pub struct TimeConnect(pub EngineClock);

impl<S> Layer<S> for TimeConnect {
    type Service = TimedConnect<S>;

    fn layer(&self, inner: S) -> TimedConnect<S> {
        TimedConnect { inner, clock: self.0 }
    }
}

/// A connector that is timed.
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
        // The client begins to connect on the task of the request that wants it.
        let wanted = WANTED.try_with(ConnectRequest::clone).ok();
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
