//! How long the client library took to connect, and for which attempt.

use std::future::Future;
use std::pin::Pin;
use std::sync::{Arc, Mutex, PoisonError};
use std::task::{Context, Poll};

use tower_layer::Layer;
use tower_service::Service;

use super::clock::EngineClock;
use crate::domain::time::Nanos;

/// A connection to be timed: when it was begun and when it stood.
pub type ConnectTimes = Arc<Mutex<Option<(Nanos, Nanos)>>>;

tokio::task_local! {
    /// Where the attempt that is being polled wants its time to connect.
    pub static CONNECT_TIMES: ConnectTimes;
}

/// Times every connection and hands the times to the attempt that asked for it.
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
    S: Service<R>,
    S::Future: Send + 'static,
{
    type Response = S::Response;
    type Error = S::Error;
    type Future = Pin<Box<dyn Future<Output = Result<S::Response, S::Error>> + Send>>;

    fn poll_ready(&mut self, cx: &mut Context<'_>) -> Poll<Result<(), S::Error>> {
        self.inner.poll_ready(cx)
    }

    fn call(&mut self, target: R) -> Self::Future {
        // The client begins to connect on the task of the request that wants it.
        let asked_by = CONNECT_TIMES.try_with(Arc::clone).ok();
        let (clock, begun) = (self.clock, self.clock.now());
        let connecting = self.inner.call(target);
        Box::pin(async move {
            let connection = connecting.await?;
            if let Some(times) = asked_by {
                *times.lock().unwrap_or_else(PoisonError::into_inner) = Some((begun, clock.now()));
            }
            Ok(connection)
        })
    }
}
