//! Runs with the dashboard. The main loop handles messages, carries out effects and draws.

use std::panic::{AssertUnwindSafe, catch_unwind, resume_unwind};
use std::path::PathBuf;
use std::sync::mpsc::{RecvTimeoutError, Sender};
use std::time::Duration;

use anyhow::Context;

use super::console::{self, EndWait, Stderr, say_to};
use super::frame_pacer::FramePacer;
use super::live_run::LiveRun;
use super::playback::PlaybackRun;
use super::run::Run;
use super::signals::Suspension;
use super::spec::{RunSpec, ScreenSpec};
use super::wake::Wake;
use super::{route, saved};
use crate::app::message::{Msg, ScreenEffect, Signal};
use crate::app::state::answer::Drawn;
use crate::app::state::theme::ThemeName;
use crate::domain::time::Nanos;
use crate::ui::cache::RenderCache;
use crate::ui::input::{self, Input};
use crate::ui::pointer;
use crate::ui::screen;
use crate::ui::terminal::{self, Terminal};
use crate::ui::theme::Themes;
use crate::ui::title;
use crate::ui::view::View;

/// Maximum time to wait, before the first frame, for the terminal to report its background.
const BACKGROUND_PATIENCE: Duration = Duration::from_millis(150);

/// Runs the suite in the dashboard until the user quits. Returns the exit status.
pub fn run(spec: RunSpec, look: &ScreenSpec) -> anyhow::Result<u8> {
    show(&mut LiveRun::start(spec, Suspension::BySystem)?, look)
}

/// Shows a saved run at its end, or plays it at `speed` times its original speed. Returns the exit status.
pub fn show_saved(wanted: &str, exports: Vec<PathBuf>, speed: Option<f64>, look: &ScreenSpec) -> anyhow::Result<u8> {
    let saved = saved::load(wanted)?;
    for warning in &saved.warnings {
        say_to(&mut Stderr::default(), &format!("{}: {warning}", saved.run.id));
    }
    show(&mut PlaybackRun::new(saved, exports, speed), look)
}

/// Shows a run on a terminal of the caller until the user quits. Returns the exit status.
pub fn show_on(
    run: &mut dyn Run,
    terminal: &mut Terminal,
    themes: &mut Themes,
    theme: &ThemeName,
    look: &ScreenSpec,
) -> anyhow::Result<u8> {
    let app = &mut run.base_mut().app;
    app.ui.theme = theme.clone();
    app.ui.begin_with(look.layout);
    app.themes.clone_from(&look.offered);
    let mut screen = Screen::new(run, terminal, look, themes.clone());
    let status = screen.show();
    // Keep the themes: the terminal may have reported its background meanwhile.
    *themes = screen.themes;
    status
}

/// Takes over the terminal, and starts to read its input into `sender`. Returns the terminal, and the themes for the
/// background that it reported.
pub(super) fn enter(sender: &Sender<Wake>, look: &ScreenSpec) -> anyhow::Result<(Terminal, Themes)> {
    let written = sender.clone();
    // Sending fails only if the main thread has ended, when no frames are drawn any more.
    let (terminal, first) = Terminal::enter(move |outcome| drop(written.send(Wake::Written(outcome))), query(look))?;
    let mut themes = look.themes.clone();
    if let Some(colour) = first.background {
        themes.set_background(colour);
    }
    let keys = sender.clone();
    for key in first.keys {
        // Sending fails only if the main thread has ended.
        drop(keys.send(Wake::Input(Input::Key(key))));
    }
    input::listen(first.replies, move |input| keys.send(Wake::Input(input)).is_ok())
        .context("the keyboard cannot be read")?;
    Ok((terminal, themes))
}

fn show(run: &mut dyn Run, look: &ScreenSpec) -> anyhow::Result<u8> {
    let app = &mut run.base_mut().app;
    app.ui.theme = look.theme.clone();
    app.ui.begin_with(look.layout);
    app.themes.clone_from(&look.offered);
    app.asks_for_model = true;
    // Print the notes to stderr now: they stay visible before the dashboard and after it.
    let mut stderr = Stderr::default();
    route::print_notes(&run.base().app.scene.target.route, &mut stderr);
    console::settle();
    terminal::install_panic_hook();
    let (mut terminal, themes) =
        enter(&run.base().sender, look).context("the terminal cannot be used; --headless needs none")?;
    let outcome = catch_unwind(AssertUnwindSafe(|| Screen::new(run, &mut terminal, look, themes).show()));
    drop(terminal);
    terminal::print_held_back_panics(&mut stderr);
    // Drawing a frame may notice that the terminal is gone before the signal arrives.
    let outcome = outcome.map(|shown| match shown {
        Err(error) if error.downcast_ref().is_some_and(terminal::is_gone) => {
            let app = &mut run.base_mut().app;
            app.interrupted = true;
            Ok(app.exit_status())
        }
        shown => shown,
    });
    let status = match &outcome {
        Ok(Ok(status)) => *status,
        Ok(Err(_)) | Err(_) => run.base().app.exit_status(),
    };
    // Save the measurements, no matter how the dashboard ended.
    let status = run.close(status, &mut stderr);
    // Print the reasons again: the text on the dashboard is gone.
    let base = run.base();
    let scene = &base.app.scene;
    if scene.session.began.is_none()
        && !base.app.interrupted
        && let Some(why) = scene.target.why_not_started()
    {
        say_to(&mut stderr, &format!("tokscope: {why}"));
    }
    if let Some(stop) = &scene.stop {
        say_to(&mut stderr, &format!("tokscope: '{}': stopped: {}", scene.target.url, stop.reason));
    }
    let status = console::wait_for_readers(EndWait::Shortly, &base.inbox, &base.sender, status);
    match outcome {
        Ok(shown) => shown.map(|_| status),
        Err(panic) => resume_unwind(panic),
    }
}

/// Minimum time between two titles while the run is active.
const TITLE_INTERVAL: Duration = Duration::from_millis(500);

/// Returns how long to wait for the terminal's background; `None` means not to ask. Only the first frame waits. A later
/// answer changes the colours when it arrives.
fn query(look: &ScreenSpec) -> Option<Duration> {
    let depends = matches!(look.theme, ThemeName::Auto | ThemeName::Custom(_));
    look.themes.asks_for_background().then_some(if depends { BACKGROUND_PATIENCE } else { Duration::ZERO })
}

struct Screen<'a> {
    run: &'a mut dyn Run,
    terminal: &'a mut Terminal,
    look: &'a ScreenSpec,
    themes: Themes,
    cache: RenderCache,
    pacer: FramePacer,
    /// Part of the answer that the last frame shows.
    shown: Drawn,
    /// Earliest time of the next change of the title.
    title_due: Nanos,
}

impl<'a> Screen<'a> {
    fn new(run: &'a mut dyn Run, terminal: &'a mut Terminal, look: &'a ScreenSpec, themes: Themes) -> Self {
        run.base_mut().app.commands = look.keymap.commands();
        let pacer = FramePacer::new(look.reduced_motion);
        Self {
            run,
            terminal,
            look,
            themes,
            cache: RenderCache::default(),
            pacer,
            shown: Drawn::default(),
            title_due: Nanos::default(),
        }
    }

    fn show(&mut self) -> anyhow::Result<u8> {
        // Draw the first frame before any network access: an endpoint that does not respond must not delay it.
        self.draw()?;
        self.run.begin();
        loop {
            if let Some(status) = self.wait()? {
                return Ok(status);
            }
            // Handle all waiting events before the next frame.
            while let Ok(wake) = self.run.base().inbox.try_recv() {
                if let Some(status) = self.wake(wake)? {
                    return Ok(status);
                }
            }
            if self.pacer.is_due(self.run.base().now()) {
                if self.terminal.is_idle() {
                    self.draw()?;
                } else {
                    self.pacer.skipped(self.run.base().now());
                }
            }
        }
    }

    /// Sleeps until something happens or the next frame is due.
    fn wait(&mut self) -> anyhow::Result<Option<u8>> {
        let now = self.run.base().now();
        let base = self.run.base();
        let live = base.app.is_live();
        let can_draw = self.terminal.is_idle();
        let woken = match self.pacer.patience(now, live, can_draw, base.app.wake_at()) {
            None => base.inbox.recv().map_err(|_gone| RecvTimeoutError::Disconnected),
            Some(patience) => base.inbox.recv_timeout(patience),
        };
        match woken {
            Ok(wake) => self.wake(wake),
            Err(RecvTimeoutError::Timeout) => self.frame(),
            Err(RecvTimeoutError::Disconnected) => anyhow::bail!("all threads are gone"),
        }
    }

    fn frame(&mut self) -> anyhow::Result<Option<u8>> {
        let frame = self.run.next_frame();
        self.take(frame)
    }

    fn wake(&mut self, wake: Wake) -> anyhow::Result<Option<u8>> {
        match wake {
            Wake::Msg(msg) => self.take(msg),
            Wake::Input(Input::Key(key)) => {
                match self.look.keymap.resolve(&self.run.base().app.ui, &key, self.run.base().now()) {
                    Some(msg) => self.answer(msg),
                    None => Ok(None),
                }
            }
            Wake::Input(Input::Resized) => {
                // Repaint even if the size did not change: a terminal that was briefly smaller may have lost content.
                self.terminal.repaint()?;
                self.answer(Msg::Resized)
            }
            Wake::Written(outcome) => {
                outcome.context("the screen could not be written")?;
                self.terminal.catch_up()?;
                Ok(None)
            }
            Wake::Suspend => {
                self.suspend()?;
                Ok(None)
            }
            // Ignore this wake-up: the browser reads its message after this run is closed.
            Wake::BrowserNews => Ok(None),
            Wake::Input(Input::Mouse(event)) => {
                let screen = self.terminal.size().context("the size of the screen is unknown")?;
                match pointer::resolve(&self.run.base().app, &self.cache, screen, &event, self.run.base().now()) {
                    Some(msg) => self.answer(msg),
                    None => Ok(None),
                }
            }
            Wake::Input(Input::Paste(text)) => self.answer(Msg::Pasted(self.run.base().now(), text)),
            Wake::Input(Input::Background(colour)) => {
                self.themes.set_background(colour);
                self.pacer.ask();
                self.pacer.touch();
                Ok(None)
            }
            Wake::Input(Input::Gone) => self.take(Msg::Signal(Signal::HangUp)),
        }
    }

    /// Handles input of the user.
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
                ScreenEffect::Notify(text) => self.terminal.notify(self.look.notify, &text),
            }
        }
        Ok(remaining.quit)
    }

    fn suspend(&mut self) -> anyhow::Result<()> {
        if cfg!(not(unix)) {
            // No shell of this system could continue a stopped process.
            return Ok(());
        }
        self.run.mark_suspended();
        self.terminal.suspend().context("the terminal could not be set up again")?;
        Ok(())
    }

    /// Updates the terminal's title. While the run is active, at most twice a second.
    fn set_title(&mut self, now: Nanos) {
        let scene = &self.run.base().app.scene;
        if self.look.title && (now >= self.title_due || !scene.session.is_active()) {
            self.terminal.set_title(&title::text(scene));
            self.title_due = now.plus(TITLE_INTERVAL);
        }
    }

    fn draw(&mut self) -> anyhow::Result<()> {
        let now = self.run.base().now();
        self.set_title(now);
        let frame = self.run.next_frame();
        // A frame only sends requests that are due, and has no effects for the screen.
        drop(self.run.take(frame));
        let app = &self.run.base().app;
        let theme = self.themes.theme(&app.ui.theme);
        let view = View { app, theme, ascii: self.look.ascii, keymap: &self.look.keymap, cache: &self.cache };
        let drawn = self.terminal.draw(|frame| {
            screen::draw(frame, &view);
            screen::finish(frame, theme, self.look.ascii);
        });
        if !drawn.context("the screen could not be drawn")? {
            return Ok(());
        }
        let (answer, overlay) = (self.cache.answer(), self.cache.overlay_extent());
        drop(self.run.take(Msg::Drawn { answer, overlay }));
        self.pacer.drawn(now);
        if answer != self.shown {
            // Draw again: the footer offers commands for the visible part of the answer, which is known only after
            // drawing.
            self.shown = answer;
            self.pacer.touch();
        }
        Ok(())
    }
}
