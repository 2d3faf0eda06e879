//! When the tokens of an answer are due: at fixed deadlines, or as the engine model generates them.

use std::future::poll_fn;
use std::pin::Pin;
use std::task::{Context, Poll};
use std::time::Duration;

use tokio::time::{Instant, Sleep, sleep_until};

use super::batch_engine::TokenFeed;
use super::pace::Pace;

/// Replacement for deadlines that the clock cannot represent.
const NEVER: Duration = Duration::from_secs(86_400 * 365);

/// Source of the times of an answer.
pub enum Schedule {
    /// Deadlines that were fixed when the request arrived.
    Fixed(Deadlines),
    /// Steps of the shared engine.
    Engine(TokenFeed),
}

impl Schedule {
    /// Creates fixed deadlines that count from `started`.
    pub fn fixed(pace: Pace, started: Instant) -> Self {
        Self::Fixed(Deadlines::new(pace, started))
    }

    /// Polls for the tokens of the next event, at least one. Without `waits`, only what is due already is returned, and
    /// nothing wakes the caller later.
    pub fn poll_tokens(&mut self, context: &mut Context<'_>, waits: bool) -> Poll<u64> {
        match self {
            Self::Fixed(deadlines) => deadlines.poll_due(context, waits).map(|()| 1),
            Self::Engine(feed) => feed.poll_tokens(context),
        }
    }

    /// Passes the next event of an answer that is not streamed, and returns its number of tokens. Waits for the engine, but
    /// not for a deadline: only the last one matters, to [`Self::reach`].
    pub async fn pass(&mut self) -> u64 {
        match self {
            Self::Fixed(deadlines) => {
                deadlines.passed = deadlines.due;
                deadlines.advance();
                1
            }
            Self::Engine(feed) => poll_fn(|context| feed.poll_tokens(context)).await,
        }
    }

    /// Waits for the deadline of the last event that was passed.
    pub async fn reach(&self) {
        if let Self::Fixed(deadlines) = self {
            sleep_until(deadlines.passed).await;
        }
    }
}

/// Deadlines of one answer, and the timer for the next one.
pub struct Deadlines {
    pace: Pace,
    started: Instant,
    due: Instant,
    passed: Instant,
    /// Latest known time. It avoids reading the clock for events that are overdue.
    now: Instant,
    timer: Pin<Box<Sleep>>,
}

impl Deadlines {
    fn new(pace: Pace, started: Instant) -> Self {
        let timer = Box::pin(sleep_until(started));
        let mut deadlines = Self { pace, started, due: started, passed: started, now: Instant::now(), timer };
        deadlines.advance();
        deadlines
    }

    /// Moves on to the next token.
    fn advance(&mut self) {
        let after = self.pace.next().unwrap_or(NEVER).min(NEVER);
        self.due = self.started + after;
    }

    fn poll_due(&mut self, context: &mut Context<'_>, waits: bool) -> Poll<()> {
        if self.due > self.now {
            self.now = Instant::now();
        }
        if self.due > self.now {
            if !waits {
                return Poll::Pending;
            }
            if self.timer.deadline() != self.due {
                self.timer.as_mut().reset(self.due);
            }
            if self.timer.as_mut().poll(context).is_pending() {
                return Poll::Pending;
            }
            self.now = self.due;
        }
        self.advance();
        Poll::Ready(())
    }
}
