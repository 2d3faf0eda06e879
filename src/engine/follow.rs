//! Follows the body of an answer to its end, and a little beyond.

use std::cell::RefCell;
use std::time::Duration;

use super::clock::EngineClock;
use super::failure::Failure;
use super::intake::Intake;
use super::recorder::Recorder;
use super::transport::AnswerBody;
use crate::domain::attempt::AttemptStatus;

/// After the finish reason the usage may take so long.
const USAGE_WITHIN: Duration = Duration::from_secs(10);
/// After the last word of an answer its body may stay open so long,
const REST_WITHIN: Duration = Duration::from_secs(1);
/// and hold so much more.
const MAX_REST_BYTES: u64 = 1024 * 1024;

/// What is told of a server that does not end.
pub const KEPT_OPEN: &str = "the server kept the connection open after its answer was complete";
const WENT_ON: &str = "the server went on sending after its answer was complete";

/// Reads the answer to its end, also after its last word, so that the connection is free again; but not for long.
pub async fn follow(
    body: AnswerBody,
    clock: EngineClock,
    recorder: &RefCell<Recorder>,
    intake: Intake,
) -> Result<(), Failure> {
    let mut reading = Reading { body, clock, recorder, intake };
    if reading.until(Recorder::has_ended, u64::MAX).await? == Stop::End {
        return Ok(());
    }
    match tokio::time::timeout(USAGE_WITHIN, reading.until(Recorder::has_said_all, u64::MAX)).await {
        Ok(Ok(Stop::End)) => return Ok(()),
        Ok(Ok(Stop::Asked | Stop::Full)) => {}
        Ok(Err(failure)) => return Err(failure),
        Err(_elapsed) => return reading.leave(KEPT_OPEN),
    }
    match tokio::time::timeout(REST_WITHIN, reading.until(|_| false, MAX_REST_BYTES)).await {
        Ok(Ok(Stop::Full)) => reading.leave(WENT_ON),
        // What goes wrong now takes nothing away.
        Ok(Ok(Stop::End | Stop::Asked) | Err(_)) => Ok(()),
        Err(_elapsed) => reading.leave(KEPT_OPEN),
    }
}

/// Why no more is read.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
enum Stop {
    /// The body is over.
    End,
    /// What was read for is there.
    Asked,
    /// More came than is to be read.
    Full,
}

struct Reading<'a> {
    body: AnswerBody,
    clock: EngineClock,
    recorder: &'a RefCell<Recorder>,
    intake: Intake,
}

impl Reading<'_> {
    /// Reads until this is so, or the body is over, or more than `most` bytes came.
    async fn until(&mut self, is_so: impl Fn(&Recorder) -> bool, most: u64) -> Result<Stop, Failure> {
        // The connection can be reused only if the whole read was unframed, so a failure does not end the read.
        let mut outcome = Ok(());
        let mut came: u64 = 0;
        while !is_so(&self.recorder.borrow()) {
            if came > most {
                return Ok(Stop::Full);
            }
            self.intake.next_read();
            let (intake, recorder) = (&mut self.intake, self.recorder);
            let mut take = |at, piece: &[u8]| {
                came += piece.len() as u64;
                if outcome.is_ok() {
                    let mut recorder = recorder.borrow_mut();
                    recorder.bytes_came(at);
                    outcome = intake.take(at, piece, &mut recorder);
                }
            };
            let read = self.body.read(&mut take).await;
            std::mem::replace(&mut outcome, Ok(()))?;
            let gone = match read {
                Ok(true) => continue,
                Ok(false) => None,
                Err(why) => Some(broken(&why)),
            };
            self.intake.end(self.clock.now(), gone, &mut self.recorder.borrow_mut())?;
            return Ok(Stop::End);
        }
        Ok(Stop::Asked)
    }

    /// Gives the rest of the body up: the answer is whole without it.
    fn leave(&mut self, warning: &str) -> Result<(), Failure> {
        let mut recorder = self.recorder.borrow_mut();
        recorder.record.warnings.push(warning.to_owned());
        self.intake.end(self.clock.now(), None, &mut recorder)
    }
}

fn broken(why: &str) -> Failure {
    Failure::new(AttemptStatus::Truncated, "cut", format!("the connection broke: {why}"))
}
