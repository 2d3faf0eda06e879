//! With a screen: the loop that takes messages, carries effects out and draws.

use std::panic::{AssertUnwindSafe, catch_unwind, resume_unwind};
use std::path::PathBuf;
use std::sync::mpsc::RecvTimeoutError;

use anyhow::Context;

use super::closing::say;
use super::console::{self, EndWait, Stderr};
use super::pace::FramePacer;
use super::signals::Suspension;
use super::{Run, RunSpec, ScreenSpec, Wake, closing, route, saved};
use crate::app::message::{Msg, ScreenEffect, Signal};
use crate::app::state::Connection;
use crate::app::state::answer::Drawn;
use crate::ui::cache::RenderCache;
use crate::ui::input::{self, Input};
use crate::ui::pointer;
use crate::ui::screen;
use crate::ui::terminal::{self, Terminal};
use crate::ui::view::View;

/// Shows the suite run until the user quits; returns the exit status.
pub fn run(spec: RunSpec, look: &ScreenSpec) -> anyhow::Result<u8> {
    show(Run::start(spec, Suspension::BySystem)?, look)
}

/// Shows a saved run as it was at its end, or plays it again at so many times its speed.
pub fn look_at(wanted: &str, exports: Vec<PathBuf>, speed: Option<f64>, look: &ScreenSpec) -> anyhow::Result<u8> {
    let saved = saved::load(wanted)?;
    for warning in &saved.warnings {
        say(&mut Stderr::default(), &format!("{}: {warning}", saved.run.id));
    }
    show(Run::of_saved(saved, exports, speed), look)
}

fn show(mut run: Run, look: &ScreenSpec) -> anyhow::Result<u8> {
    run.app.ui.theme = look.theme;
    run.app.asks_for_model = true;
    // Seen before the screen comes, and again once it is gone.
    let mut stderr = Stderr::default();
    route::tell(&run.app.scene.target.route, &mut stderr);
    console::settle();
    terminal::install_panic_hook();
    let screen = run.sender.clone();
    // A send fails only when the main thread is gone, and then nobody draws.
    let mut terminal = Terminal::enter(move |outcome| drop(screen.send(Wake::Written(outcome))))
        .context("the terminal cannot be used; --headless needs none")?;
    let keys = run.sender.clone();
    input::listen(move |input| keys.send(Wake::Input(input)).is_ok()).context("the keyboard cannot be read")?;
    let outcome = catch_unwind(AssertUnwindSafe(|| Screen::new(&mut run, &mut terminal, look).show()));
    drop(terminal);
    terminal::tell_what_was_held_back(&mut stderr);
    // A frame may find out before the signal comes: the same end.
    let outcome = outcome.map(|shown| match shown {
        Err(error) if error.downcast_ref().is_some_and(terminal::is_gone) => {
            run.app.interrupted = true;
            Ok(run.app.exit_status())
        }
        shown => shown,
    });
    let status = match &outcome {
        Ok(Ok(status)) => *status,
        Ok(Err(_)) | Err(_) => run.app.exit_status(),
    };
    // Whatever happened to the screen, what was measured is still worth its files.
    let status = closing::close(&mut run, status, &mut stderr);
    // What the screen said is gone with it.
    if run.app.scene.session.began.is_none()
        && let Connection::Refused(why) = &run.app.scene.target.connection
    {
        closing::say(&mut stderr, &format!("tokscope: '{}': {why}", run.app.scene.target.url));
    }
    if let Some(stop) = &run.app.scene.stop {
        closing::say(&mut stderr, &format!("tokscope: '{}': stopped: {}", run.app.scene.target.url, stop.reason));
    }
    let status = closing::wait_for_readers(EndWait::Shortly, &run, status);
    match outcome {
        Ok(shown) => shown.map(|_| status),
        Err(panic) => resume_unwind(panic),
    }
}

struct Screen<'a> {
    run: &'a mut Run,
    terminal: &'a mut Terminal,
    look: &'a ScreenSpec,
    cache: RenderCache,
    pacer: FramePacer,
    /// What the last frame showed of the answer.
    shown: Drawn,
}

impl<'a> Screen<'a> {
    fn new(run: &'a mut Run, terminal: &'a mut Terminal, look: &'a ScreenSpec) -> Self {
        run.app.commands = look.keymap.commands();
        let pacer = FramePacer::new(look.reduced_motion);
        Self { run, terminal, look, cache: RenderCache::default(), pacer, shown: Drawn::default() }
    }

    fn show(&mut self) -> anyhow::Result<u8> {
        // Painted before anything is asked of the network: a dead endpoint must not delay the first frame.
        self.draw()?;
        self.run.discover(true);
        loop {
            if let Some(status) = self.wait()? {
                return Ok(status);
            }
            // All that waits is taken before one frame shows it.
            while let Ok(wake) = self.run.inbox.try_recv() {
                if let Some(status) = self.wake(wake)? {
                    return Ok(status);
                }
            }
            if self.pacer.is_due(self.run.now()) {
                if self.terminal.is_idle() {
                    self.draw()?;
                } else {
                    self.pacer.skipped(self.run.now());
                }
            }
        }
    }

    /// Sleeps until something happens or the next frame is due.
    fn wait(&mut self) -> anyhow::Result<Option<u8>> {
        let now = self.run.now();
        let live = self.run.app.is_live();
        let can_draw = self.terminal.is_idle();
        let woken = match self.pacer.patience(now, live, can_draw, self.run.app.wake_at()) {
            None => self.run.inbox.recv().map_err(|_gone| RecvTimeoutError::Disconnected),
            Some(patience) => self.run.inbox.recv_timeout(patience),
        };
        match woken {
            Ok(wake) => self.wake(wake),
            Err(RecvTimeoutError::Timeout) => self.frame(),
            Err(RecvTimeoutError::Disconnected) => anyhow::bail!("all threads are gone"),
        }
    }

    fn frame(&mut self) -> anyhow::Result<Option<u8>> {
        let msg = Msg::Frame { now: self.run.now(), live: self.run.live() };
        self.take(msg)
    }

    fn wake(&mut self, wake: Wake) -> anyhow::Result<Option<u8>> {
        match wake {
            Wake::Msg(msg) => self.take(msg),
            Wake::Input(Input::Key(key)) => match self.look.keymap.resolve(&self.run.app.ui, &key, self.run.now()) {
                Some(msg) => self.answer(msg),
                None => Ok(None),
            },
            Wake::Input(Input::Resized) => self.answer(Msg::Resized),
            Wake::Written(outcome) => {
                outcome.context("the screen could not be written")?;
                self.terminal.catch_up()?;
                Ok(None)
            }
            Wake::Suspend => {
                self.suspend()?;
                Ok(None)
            }
            Wake::Input(Input::Mouse(event)) => {
                let screen = self.terminal.size().context("the screen's size is not known")?;
                match pointer::resolve(&self.run.app, &self.cache, screen, &event, self.run.now()) {
                    Some(msg) => self.answer(msg),
                    None => Ok(None),
                }
            }
            Wake::Input(Input::Paste(text)) => self.answer(Msg::Pasted(self.run.now(), text)),
            Wake::Input(Input::Gone) => self.take(Msg::Signal(Signal::HangUp)),
        }
    }

    /// Takes what the user did.
    fn answer(&mut self, msg: Msg) -> anyhow::Result<Option<u8>> {
        self.pacer.ask();
        self.take(msg)
    }

    fn take(&mut self, msg: Msg) -> anyhow::Result<Option<u8>> {
        self.pacer.touch();
        let remaining = self.run.take(msg);
        for effect in remaining.screen {
            match effect {
                ScreenEffect::Redraw => self.terminal.repaint()?,
                ScreenEffect::Copy(text) => self.terminal.copy(&text)?,
                ScreenEffect::Suspend => self.suspend()?,
                ScreenEffect::Mouse(on) => self.terminal.set_mouse(on)?,
            }
        }
        Ok(remaining.quit)
    }

    fn suspend(&mut self) -> anyhow::Result<()> {
        if cfg!(not(unix)) {
            // No shell there would have it go on.
            return Ok(());
        }
        self.run.mark_suspended();
        self.terminal.suspend().context("the terminal could not be taken over again")?;
        Ok(())
    }

    fn draw(&mut self) -> anyhow::Result<()> {
        let now = self.run.now();
        self.run.watch(self.run.app.ui.selected);
        // What is shown is as new as the frame itself.
        let frame = Msg::Frame { now, live: self.run.live() };
        // Requests that became due are sent; nothing else can come of a frame.
        drop(self.run.take(frame));
        let theme = self.look.themes.theme(self.run.app.ui.theme);
        let view = View { app: &self.run.app, theme, keymap: &self.look.keymap, cache: &self.cache };
        let drawn = self.terminal.draw(|frame| {
            screen::draw(frame, &view);
            screen::finish(frame, theme, self.look.ascii);
        });
        if !drawn.context("the screen could not be drawn")? {
            return Ok(());
        }
        let (answer, help_limit) = (self.cache.answer(), self.cache.help_limit());
        let report = self.cache.report_extent();
        drop(self.run.take(Msg::Drawn { answer, help_limit, report }));
        self.pacer.drawn(now);
        if answer != self.shown {
            // What can be done with the answer depends on what is shown of it: the footer follows a frame later.
            self.shown = answer;
            self.pacer.touch();
        }
        Ok(())
    }
}
