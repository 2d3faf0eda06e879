//! Runs as the dashboard shows them: a live run, or the playback of a saved one.

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

/// State, mailbox, clock and export files, which every run has.
pub struct RunBase {
    /// The state.
    pub app: App,
    /// Events from all threads.
    pub inbox: Receiver<Wake>,
    /// The other end of `inbox`.
    pub sender: Sender<Wake>,
    /// The run's clock.
    pub clock: Clock,
    /// Files that reports are written to.
    pub exports: Exports,
}

impl RunBase {
    /// Time on the run's clock.
    pub fn now(&self) -> Nanos {
        self.clock.now()
    }
}

/// A live run or a playback. The default methods suit a playback, which measures nothing.
pub trait Run {
    /// The part that every kind of run shares.
    fn base(&self) -> &RunBase;

    /// The same, to change.
    fn base_mut(&mut self) -> &mut RunBase;

    /// Takes a message and carries out its effects. Returns those that are left to the caller.
    fn take(&mut self, msg: Msg) -> Remaining;

    /// The report of everything measured so far.
    fn report(&self) -> Report;

    /// The message of the next frame. A live run publishes the text of the selected case for it.
    fn next_frame(&self) -> Msg;

    /// Contacts the endpoint and starts the telemetry.
    fn begin(&mut self) {}

    /// Marks the requests in flight before the process stops: their times become worthless.
    fn mark_suspended(&self) {}

    /// Ends the run, writes its files and prints the summary. Returns the exit status, raised if a file failed.
    fn close(&mut self, status: u8, _stderr: &mut dyn Write) -> u8 {
        status
    }
}

/// Effects that are left to the caller.
#[derive(Debug, Default)]
pub struct Remaining {
    /// Effects for the terminal.
    pub screen: Vec<ScreenEffect>,
    /// Exit status to end the program with.
    pub quit: Option<u8>,
}

/// Takes a message and carries out its effects; `carry_out` does so with those of a live run.
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
