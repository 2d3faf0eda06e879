//! Schedule of an answer's tokens: fixed deadlines, or the times at which the engine model generates them.

use std::future::poll_fn;
use std::pin::Pin;
use std::task::{Context, Poll};
use std::time::Duration;

use tokio::time::{Instant, Sleep, sleep_until};

use super::batch_engine::TokenFeed;
use super::pace::Pace;

/// Delay of a deadline that the clock cannot represent: a year.
const NEVER: Duration = Duration::from_secs(86_400 * 365);

/// Source of the times of an answer's tokens.
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

    /// Polls for the number of tokens in the next event, at least one. If not `waits`, returns only what is already
    /// due, and nothing wakes the caller later.
    pub fn poll_tokens(&mut self, context: &mut Context<'_>, waits: bool) -> Poll<u64> {
        match self {
            Self::Fixed(deadlines) => deadlines.poll_due(context, waits).map(|()| 1),
            Self::Engine(feed) => feed.poll_tokens(context),
        }
    }

    /// Moves on to the next event of an answer that is not streamed. Returns the event's number of tokens. Waits for
    /// the engine but not for a deadline, because [`Self::reach`] waits for the last one.
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

    /// Waits for the deadline of the event to which [`Self::pass`] moved last.
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
    /// Latest known time. Saves reading the clock for events that are overdue.
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
