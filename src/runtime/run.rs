//! Runs that the dashboard can show: a live run, or the playback of a saved one.

use std::collections::VecDeque;
use std::io::Write;
use std::sync::mpsc::{Receiver, Sender};

use super::clock::Clock;
use super::export::Exports;
use super::wake::Wake;
use crate::app::message::{Effect, Msg, RunEffect, ScreenEffect};
use crate::app::state::App;
use crate::app::update::update;
use crate::domain::time::Nanos;
use crate::report::model::Report;

/// State, mailbox, clock and export files: the parts that all kinds of runs have.
pub struct RunBase {
    /// State of the program.
    pub app: App,
    /// Events from all threads.
    pub inbox: Receiver<Wake>,
    /// The other end of `inbox`.
    pub sender: Sender<Wake>,
    /// The run's clock.
    pub clock: Clock,
    /// Files for reports.
    pub exports: Exports,
}

impl RunBase {
    /// Returns the time on the run's clock.
    pub fn now(&self) -> Nanos {
        self.clock.now()
    }
}

/// A live run or a playback. The default methods suit a playback, which measures nothing.
pub trait Run {
    /// Returns the parts that all kinds of runs have.
    fn base(&self) -> &RunBase;

    /// Returns the same parts as [`Self::base`], mutably.
    fn base_mut(&mut self) -> &mut RunBase;

    /// Handles a message and carries out its effects. Returns the effects that remain for the caller.
    fn take(&mut self, msg: Msg) -> Remaining;

    /// Builds the report of everything measured so far.
    fn report(&self) -> Report;

    /// Returns the message for the next frame. A live run also publishes the text of the selected case.
    fn next_frame(&self) -> Msg;

    /// Contacts the endpoint and starts the telemetry.
    fn begin(&mut self) {}

    /// Marks the requests in flight before the process is stopped: their times are no longer meaningful.
    fn mark_suspended(&self) {}

    /// Ends the run, writes its files and prints the summary. Returns the exit status, raised if a file could not be
    /// written.
    fn close(&mut self, status: u8, _stderr: &mut dyn Write) -> u8 {
        status
    }
}

/// Effects that remain for the caller.
#[derive(Debug, Default)]
pub struct Remaining {
    /// Effects for the terminal.
    pub screen: Vec<ScreenEffect>,
    /// Exit status, if the program must end.
    pub quit: Option<u8>,
}

/// Handles a message and carries out its effects. `carry_out` carries out the effects of a live run.
pub fn dispatch<R: Run>(run: &mut R, msg: Msg, carry_out: impl Fn(&mut R, RunEffect)) -> Remaining {
    let mut remaining = Remaining::default();
    let mut effects = VecDeque::from(update(&mut run.base_mut().app, msg));
    while let Some(effect) = effects.pop_front() {
        match effect {
            Effect::Run(effect) => carry_out(run, effect),
            Effect::Report(effect) => {
                let base = run.base();
                let answer = base.exports.carry_out(effect, &base.app.scene, base.now(), &|| run.report());
                effects.extend(update(&mut run.base_mut().app, answer));
            }
            Effect::Screen(effect) => remaining.screen.push(effect),
            Effect::Quit(status) => {
                remaining.quit.get_or_insert(status);
            }
        }
    }
    remaining
}
