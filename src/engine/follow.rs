//! Reads the body of a response to its end, within the limits.

use std::cell::RefCell;
use std::time::Duration;

use super::clock::EngineClock;
use super::failure::Failure;
use super::intake::Intake;
use super::recorder::Recorder;
use super::transport::AnswerBody;
use crate::domain::attempt::AttemptStatus;

/// Maximum time to wait for the usage after the finish reason.
const USAGE_WITHIN: Duration = Duration::from_secs(10);
/// Maximum time that a body may stay open after the answer's last event.
const REST_WITHIN: Duration = Duration::from_secs(1);
/// Maximum bytes after the answer's last event.
const MAX_REST_BYTES: u64 = 1024 * 1024;

/// Warning about a server that keeps the connection open.
pub const KEPT_OPEN: &str = "the server kept the connection open after its answer was complete";
const WENT_ON: &str = "the server went on sending after its answer was complete";

/// Reads the response to its end. After the answer's last event, reading on only frees the connection, so limits apply.
/// Returns a document of vectors or scores, which is still to be read.
pub async fn follow(
    body: AnswerBody,
    clock: EngineClock,
    recorder: &RefCell<Recorder>,
    intake: Intake,
) -> Result<Option<Vec<u8>>, Failure> {
    let mut reading = Reading { body, clock, recorder, intake };
    reading.follow().await?;
    Ok(reading.intake.take_items(&recorder.borrow()))
}

/// Reason to stop reading.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
enum Stop {
    /// The body ended.
    End,
    /// The condition is met.
    Met,
    /// More bytes than the limit arrived.
    Full,
}

struct Reading<'a> {
    body: AnswerBody,
    clock: EngineClock,
    recorder: &'a RefCell<Recorder>,
    intake: Intake,
}

impl Reading<'_> {
    /// Reads the response to its end.
    async fn follow(&mut self) -> Result<(), Failure> {
        if self.read_until(Recorder::has_ended, u64::MAX).await? == Stop::End {
            return Ok(());
        }
        match tokio::time::timeout(USAGE_WITHIN, self.read_until(Recorder::has_last_event, u64::MAX)).await {
            Ok(Ok(Stop::End)) => return Ok(()),
            Ok(Ok(Stop::Met | Stop::Full)) => {}
            Ok(Err(failure)) => return Err(failure),
            Err(_elapsed) => return self.abandon(KEPT_OPEN),
        }
        match tokio::time::timeout(REST_WITHIN, self.read_until(|_| false, MAX_REST_BYTES)).await {
            Ok(Ok(Stop::Full)) => self.abandon(WENT_ON),
            // Ignore errors here: the answer is complete.
            Ok(Ok(Stop::End | Stop::Met) | Err(_)) => Ok(()),
            Err(_elapsed) => self.abandon(KEPT_OPEN),
        }
    }

    /// Reads until the condition is met, the body ends, or more than `most` bytes have arrived.
    async fn read_until(&mut self, is_met: impl Fn(&Recorder) -> bool, most: u64) -> Result<Stop, Failure> {
        // Read on after a failure: the connection can be reused only if the body was read to its end.
        let mut outcome = Ok(());
        let mut came: u64 = 0;
        while !is_met(&self.recorder.borrow()) {
            if came > most {
                return Ok(Stop::Full);
            }
            self.intake.next_read();
            let (intake, recorder) = (&mut self.intake, self.recorder);
            let mut take = |at, piece: &[u8]| {
                came += piece.len() as u64;
                if outcome.is_ok() {
                    let mut recorder = recorder.borrow_mut();
                    recorder.note_bytes(at);
                    outcome = intake.take(at, piece, &mut recorder);
                }
            };
            let read = self.body.read(&mut take).await;
            std::mem::replace(&mut outcome, Ok(()))?;
            let failure = match read {
                Ok(true) => continue,
                Ok(false) => None,
                Err(why) => Some(broken(&why)),
            };
            self.intake.end(self.clock.now(), failure, &mut self.recorder.borrow_mut())?;
            return Ok(Stop::End);
        }
        Ok(Stop::Met)
    }

    /// Stops reading the body, because the answer is already complete.
    fn abandon(&mut self, warning: &str) -> Result<(), Failure> {
        let mut recorder = self.recorder.borrow_mut();
        recorder.record.warnings.push(warning.to_owned());
        self.intake.end(self.clock.now(), None, &mut recorder)
    }
}

fn broken(why: &str) -> Failure {
    Failure::new(AttemptStatus::Truncated, "cut", format!("the connection broke: {why}"))
}
